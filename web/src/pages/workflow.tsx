import { Button, Code, Grid, Group, Paper, Skeleton, Stack, Tabs, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { lazy, Suspense, useEffect, useState } from "react";
import { useNavigate, useParams } from "react-router";

import type { RegisteredWorkflow } from "../api/client";
import { useRemoveWorkflow, useRunsOf, useStartRun, useWorkflow } from "../api/queries";
import type { Workflow } from "../api/workflow";
import { type JsonSchema, missing, startValues } from "../form/json_schema";
import { SchemaForm } from "../form/schema_form";
import { Copy } from "../shell/copy";
import { Failure } from "../shell/failure";
import { PageTitle } from "../shell/shell";
import { texts } from "../texts";
import { RunRows } from "./runs";
import { snippets } from "./snippets";

const Canvas = lazy(async () => ({ default: (await import("../graph/canvas")).Canvas }));

function Endpoint({ workflow, input }: { workflow: RegisteredWorkflow; input: Record<string, unknown> }) {
  const ways = snippets(workflow.endpoint, input);
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h5">
        {texts.workflow.endpoint}
      </Title>
      <Group gap="xs" wrap="nowrap">
        <Code style={{ overflowX: "auto" }}>POST {workflow.endpoint}</Code>
        <Copy value={workflow.endpoint} />
      </Group>
      <Tabs defaultValue="curl" mt="md" aria-label={texts.workflow.snippets}>
        <Tabs.List>
          {ways.map((way) => (
            <Tabs.Tab key={way.language} value={way.language}>
              {way.language}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {ways.map((way) => (
          <Tabs.Panel key={way.language} value={way.language} pt="xs">
            <Group align="flex-start" wrap="nowrap" gap="xs">
              <Code block flex={1} tabIndex={0} className="scroll">
                {way.code}
              </Code>
              <Copy value={way.code} />
            </Group>
          </Tabs.Panel>
        ))}
      </Tabs>
    </Paper>
  );
}

export function WorkflowPage() {
  const { id = "" } = useParams();
  const query = useWorkflow(id);
  const runs = useRunsOf(id);
  const start = useStartRun();
  const remove = useRemoveWorkflow();
  const navigate = useNavigate();
  const [values, setValues] = useState<Record<string, unknown>>({});
  const workflow = query.data as unknown as RegisteredWorkflow | undefined;
  const schema = (workflow?.inputs ?? {}) as JsonSchema;

  useEffect(() => {
    if (!workflow) return;
    setValues(
      startValues(workflow.inputs as JsonSchema, (workflow.first_inputs ?? {}) as Record<string, unknown>),
    );
  }, [workflow]);

  if (query.isPending) return <Skeleton height={480} />;
  if (query.isError || !workflow) {
    return <Failure error={query.error} retry={() => void query.refetch()} />;
  }
  return (
    <Stack>
      <Group justify="space-between" align="flex-start">
        <div>
          <PageTitle>{workflow.id}</PageTitle>
          <Text>{workflow.query}</Text>
        </div>
        <Button
          variant="subtle"
          color="red"
          loading={remove.isPending}
          onClick={() =>
            remove.mutate(id, {
              onSuccess: () => {
                notifications.show({ message: texts.workflow.removed });
                void navigate("/workflows");
              },
            })
          }
        >
          {texts.workflow.remove}
        </Button>
      </Group>
      {remove.isError && <Failure error={remove.error} />}
      <Suspense fallback={<div style={{ height: 220 }} />}>
        <Canvas workflow={workflow.workflow as unknown as Workflow} />
      </Suspense>
      <Grid>
        <Grid.Col span={{ base: 12, md: 6 }}>
          <Endpoint workflow={workflow} input={values} />
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 6 }}>
          <Paper withBorder p="md">
            <Title order={2} size="h5" mb="sm">
              {texts.workflow.run}
            </Title>
            <form
              onSubmit={(event) => {
                event.preventDefault();
                start.mutate(
                  { workflow: id, input: values },
                  { onSuccess: (run) => void navigate(`/runs/${run.id}`) },
                );
              }}
            >
              <Stack>
                <SchemaForm schema={schema} values={values} onChange={setValues} />
                {start.isError && <Failure error={start.error} />}
                <Group>
                  <Button
                    type="submit"
                    loading={start.isPending}
                    disabled={missing(schema, values).length > 0}
                  >
                    {texts.workflow.run}
                  </Button>
                </Group>
              </Stack>
            </form>
          </Paper>
        </Grid.Col>
      </Grid>
      <Title order={2} size="h5">
        {texts.workflow.runs}
      </Title>
      {runs.data && <RunRows runs={runs.data} />}
    </Stack>
  );
}
