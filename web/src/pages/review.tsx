// What the engine made of the sentence: to be looked at, completed, and made an endpoint.
import {
  Alert,
  Badge,
  Button,
  Checkbox,
  Code,
  Grid,
  Group,
  List,
  Paper,
  SegmentedControl,
  Stack,
  Text,
  Title,
} from "@mantine/core";
import { IconBolt, IconPuzzle } from "@tabler/icons-react";
import { lazy, Suspense, useMemo, useState } from "react";
import { useNavigate } from "react-router";

import type { Plan } from "../api/client";
import { useRegister, useStartRun } from "../api/queries";
import type { Provenance, Workflow } from "../api/workflow";
import { type JsonSchema, missing, startValues } from "../form/json_schema";
import { SchemaForm } from "../form/schema_form";
import { inputId } from "../graph/graph";
import { Sentence } from "../query/sentence";
import { Failure } from "../shell/failure";
import { texts } from "../texts";

const Canvas = lazy(async () => ({ default: (await import("../graph/canvas")).Canvas }));

const noProvenance: Provenance = { steps: [], bindings: [], inputs: [] };

function StepDetail({
  id,
  workflow,
  provenance,
}: {
  id: string;
  workflow: Workflow;
  provenance: Provenance;
}) {
  const node = workflow.nodes.find((one) => one.id === id);
  const step = provenance.steps.find((one) => one.node === id);
  if (!node) return null;
  return (
    <Paper withBorder p="md">
      <Group justify="space-between">
        <Title order={3} size="h5">
          {node.function}
        </Title>
        {step && step.score > 0 && <Badge variant="light">{step.score.toFixed(2)}</Badge>}
      </Group>
      <Text size="sm">{node.goal}</Text>
      {step && (
        <Text size="sm" c="dimmed" mt={4}>
          {texts.review.reasons}: {step.reason}
        </Text>
      )}
      <List size="sm" mt="xs">
        {provenance.bindings
          .filter((binding) => binding.node === id)
          .map((binding) => (
            <List.Item key={binding.parameter}>
              <Code>{binding.parameter}</Code>{" "}
              {texts.review.from[binding.from as keyof typeof texts.review.from] ?? binding.from}:{" "}
              {binding.reason}
            </List.Item>
          ))}
      </List>
      {step && step.rejected.length > 0 && (
        <Text size="sm" c="dimmed" mt="xs">
          {texts.review.rejected}: {step.rejected.map((one) => one.function).join(", ")}
        </Text>
      )}
    </Paper>
  );
}

function Missing({ plan }: { plan: Plan }) {
  if (plan.missing_functions.length === 0) return null;
  return (
    <Alert icon={<IconPuzzle aria-hidden />} color="yellow" title={texts.review.missing}>
      <Stack gap="xs">
        {plan.missing_functions.map((gap) => (
          <div key={gap.clause}>
            <Text size="sm" fw={600}>
              “{gap.clause}”
            </Text>
            <Text size="sm">
              {texts.review.nearest}: {(gap.nearest as string[] | undefined)?.join(", ") || "–"}. {texts.review.suggested}:{" "}
              <Code>{gap.suggested_name}</Code>
            </Text>
          </div>
        ))}
        <Text size="sm">{texts.review.missingHint}</Text>
      </Stack>
    </Alert>
  );
}

export function Review({ plan }: { plan: Plan }) {
  const variants = useMemo(
    () => [plan.workflow, ...(plan.alternatives ?? [])].filter(Boolean) as unknown as Workflow[],
    [plan],
  );
  const [variant, setVariant] = useState(0);
  const [lit, setLit] = useState<ReadonlySet<string>>(new Set());
  const [selected, setSelected] = useState<string | null>(null);
  const [approved, setApproved] = useState(false);
  const workflow = variants[variant];
  const provenance =
    variant === 0 ? ((plan.provenance as unknown as Provenance) ?? noProvenance) : noProvenance;
  const schema = (workflow?.inputs ?? {}) as JsonSchema;
  const [values, setValues] = useState(() =>
    startValues(schema, (plan.first_inputs ?? {}) as Record<string, unknown>),
  );
  const register = useRegister();
  const run = useStartRun();
  const navigate = useNavigate();

  if (!workflow) return <Missing plan={plan} />;
  const effects = plan.diagnostics.filter((one) => one.code === "side_effects");
  const open = missing(schema, values);

  const publish = async (andRun: boolean) => {
    const registered = await register.mutateAsync({
      workflow,
      query: plan.query,
      approveEffects: approved,
    });
    if (!andRun) return navigate(`/workflows/${registered.id}`);
    const started = await run.mutateAsync({ workflow: registered.id, input: values });
    return navigate(`/runs/${started.id}`);
  };

  return (
    <Stack gap="md">
      <Paper withBorder p="md">
        <Group justify="space-between" align="baseline">
          <Title order={2} size="h4">
            {texts.review.words}
          </Title>
          {variant === 0 && plan.confidence !== undefined && (
            <Badge variant="light" size="lg" tt="none">
              {texts.review.confidence(plan.confidence)}
            </Badge>
          )}
        </Group>
        <Sentence
          query={plan.query}
          provenance={provenance}
          lit={lit}
          onPoint={(ids) => setLit(new Set(ids))}
        />
        <Text size="sm" c="dimmed">
          {texts.review.wordsHint}
        </Text>
      </Paper>
      <Missing plan={plan} />
      {variants.length > 1 && (
        <Group gap="sm">
          <Text size="sm" c="dimmed">
            {texts.review.alternatives}
          </Text>
          <SegmentedControl
            size="xs"
            value={String(variant)}
            onChange={(value) => {
              setVariant(Number(value));
              setSelected(null);
              setValues(
                startValues(
                  (variants[Number(value)]?.inputs ?? {}) as JsonSchema,
                  (plan.first_inputs ?? {}) as Record<string, unknown>,
                ),
              );
            }}
            data={variants.map((_, index) => ({
              value: String(index),
              label: index === 0 ? texts.review.chosen : texts.review.alternative(index + 1),
            }))}
          />
        </Group>
      )}
      <Suspense fallback={<div style={{ height: 220 }} />}>
        <Canvas
          workflow={workflow}
          lit={lit}
          selected={selected}
          onPoint={(id) => setLit(new Set(id ? [id] : []))}
          onSelect={setSelected}
        />
      </Suspense>
      <Grid>
        <Grid.Col span={{ base: 12, md: 6 }}>
          {selected && !selected.startsWith(inputId("")) ? (
            <StepDetail id={selected} workflow={workflow} provenance={provenance} />
          ) : (
            <Paper withBorder p="md">
              <Title order={3} size="h5" mb="xs">
                {texts.review.steps}
              </Title>
              <List type="ordered" size="sm">
                {workflow.nodes.map((node) => (
                  <List.Item key={node.id}>
                    <b>{node.function}</b> – {node.goal}
                  </List.Item>
                ))}
              </List>
            </Paper>
          )}
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 6 }}>
          <Paper withBorder p="md">
            <Stack gap="sm">
              {open.length > 0 && (
                <Alert color="blue" title={texts.review.needs}>
                  {texts.review.needsHint}
                </Alert>
              )}
              <SchemaForm schema={schema} values={values} onChange={setValues} />
              {effects.length > 0 && (
                <Alert icon={<IconBolt aria-hidden />} color="orange" title={texts.review.effects}>
                  <Stack gap="xs">
                    {effects.map((one) => (
                      <Text key={one.pointer} size="sm">
                        {one.message}
                      </Text>
                    ))}
                    <Checkbox
                      label={texts.review.approve}
                      checked={approved}
                      onChange={(event) => setApproved(event.currentTarget.checked)}
                    />
                  </Stack>
                </Alert>
              )}
              {(register.isError || run.isError) && <Failure error={register.error ?? run.error} />}
              <Group>
                <Button
                  loading={register.isPending || run.isPending}
                  disabled={open.length > 0 || (effects.length > 0 && !approved)}
                  onClick={() => void publish(true).catch(() => undefined)}
                >
                  {texts.review.registerAndRun}
                </Button>
                <Button
                  variant="default"
                  disabled={register.isPending || run.isPending || (effects.length > 0 && !approved)}
                  onClick={() => void publish(false).catch(() => undefined)}
                >
                  {texts.review.register}
                </Button>
              </Group>
            </Stack>
          </Paper>
        </Grid.Col>
      </Grid>
    </Stack>
  );
}
