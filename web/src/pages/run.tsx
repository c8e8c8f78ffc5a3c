import { Accordion, Anchor, Button, Code, Group, Paper, Skeleton, Stack, Text, Title } from "@mantine/core";
import { lazy, Suspense, useMemo, useState } from "react";
import { Link, useNavigate, useParams } from "react-router";

import type { Run, Step } from "../api/client";
import { useRunEvents } from "../api/events";
import { useLogs, useRun, useRunAction, useStartRun, useWorkflow } from "../api/queries";
import type { Workflow } from "../api/workflow";
import { Failure } from "../shell/failure";
import { Moment } from "../shell/moment";
import { PageTitle } from "../shell/shell";
import { texts } from "../texts";
import { MembersView } from "../value/value_view";
import { Status } from "./runs";

const Canvas = lazy(async () => ({ default: (await import("../graph/canvas")).Canvas }));

// When each step ran, as bars on one line of time.
function Timeline({ run }: { run: Run }) {
  const begin = Date.parse(run.accepted_at);
  const finished = run.steps.map((step) => Date.parse(step.finished_at ?? "")).filter(Number.isFinite);
  const length = Math.max(1, ...finished.map((at) => at - begin));
  return (
    <Stack gap={6} role="list" aria-label={texts.run.timeline}>
      {run.steps.map((step) => {
        const from = step.started_at ? Date.parse(step.started_at) - begin : 0;
        const took = step.duration_ms ?? 0;
        return (
          <div key={step.id} className="bar-row" role="listitem">
            <Text size="sm" truncate="end" title={step.id}>
              {step.id}
            </Text>
            <div className="bar-track">
              {step.started_at && (
                <div
                  className="bar"
                  data-status={step.status}
                  style={{
                    left: `${(100 * from) / length}%`,
                    width: `max(6px, ${(100 * took) / length}%)`,
                  }}
                />
              )}
            </div>
            <Text size="xs" c="dimmed">
              {step.started_at ? texts.run.took(took) : ""}
            </Text>
          </div>
        );
      })}
    </Stack>
  );
}

function StepPanel({ step, log }: { step: Step; log: string }) {
  return (
    <Accordion.Item value={step.id}>
      <Accordion.Control>
        <Group gap="sm">
          <Text fw={600}>{step.id}</Text>
          <Status status={step.status} />
          {step.attempts > 1 && (
            <Text size="sm" c="dimmed">
              {texts.run.attempts(step.attempts)}
            </Text>
          )}
        </Group>
      </Accordion.Control>
      <Accordion.Panel>
        <Stack gap="md">
          {step.error && (
            <Text c="red" size="sm">
              {step.error.type}: {step.error.message}
            </Text>
          )}
          <div>
            <Title order={4} size="h6">
              {texts.run.input}
            </Title>
            <MembersView value={step.input} />
          </div>
          <div>
            <Title order={4} size="h6">
              {texts.run.output}
            </Title>
            <MembersView value={step.output} />
          </div>
          <div>
            <Title order={4} size="h6">
              {texts.run.logs}
            </Title>
            {log === "" ? (
              <Text size="sm" c="dimmed">
                {texts.run.noLogs}
              </Text>
            ) : (
              <Code block mah={260} className="scroll" tabIndex={0}>
                {log}
              </Code>
            )}
          </div>
        </Stack>
      </Accordion.Panel>
    </Accordion.Item>
  );
}

export function RunPage() {
  const { id = "" } = useParams();
  const query = useRun(id);
  const run = query.data;
  const live = run?.status === "running";
  useRunEvents(id, live);
  const workflow = useWorkflow(run?.workflow ?? "");
  const logs = useLogs(live ? "" : id);
  const start = useStartRun();
  const cancel = useRunAction("cancel");
  const resume = useRunAction("resume");
  const navigate = useNavigate();
  const [opened, setOpened] = useState<string[]>([]);
  const status = useMemo(
    () => Object.fromEntries((run?.steps ?? []).map((step) => [step.id, step.status])),
    [run],
  );

  if (query.isError) return <Failure error={query.error} retry={() => void query.refetch()} />;
  if (!run) return <Skeleton height={480} />;
  const logOf = (step: string) =>
    (logs.data ?? [])
      .filter((one) => one.node === step)
      .map((one) => one.text)
      .join("");

  return (
    <Stack>
      <Group justify="space-between" align="flex-start">
        <div>
          <PageTitle>
            <Anchor component={Link} to={`/workflows/${run.workflow}`} inherit>
              {run.workflow}
            </Anchor>
          </PageTitle>
          <Group gap="sm" aria-live="polite">
            <Status status={run.status} />
            <Text size="sm" c="dimmed">
              <Moment at={run.accepted_at} />
            </Text>
          </Group>
        </div>
        <Group>
          {live && (
            <Button variant="default" loading={cancel.isPending} onClick={() => cancel.mutate(id)}>
              {texts.run.cancel}
            </Button>
          )}
          {run.status === "failed" && (
            <Button variant="default" loading={resume.isPending} onClick={() => resume.mutate(id)}>
              {texts.run.resume}
            </Button>
          )}
          {!live && (
            <Button
              loading={start.isPending}
              onClick={() =>
                start.mutate(
                  { workflow: run.workflow, input: run.input as Record<string, unknown> },
                  { onSuccess: (next) => void navigate(`/runs/${next.id}`) },
                )
              }
            >
              {texts.run.again}
            </Button>
          )}
        </Group>
      </Group>
      {(start.error ?? cancel.error ?? resume.error) && (
        <Failure error={start.error ?? cancel.error ?? resume.error} />
      )}
      {run.error && (
        <Paper withBorder p="md" className="failed">
          <Title order={2} size="h5">
            {texts.run.failed}
          </Title>
          <Text>
            {run.error.node ? <b>{run.error.node}: </b> : null}
            {run.error.message}
          </Text>
        </Paper>
      )}
      <Paper withBorder p="md">
        <Title order={2} size="h5" mb="xs">
          {texts.run.result}
        </Title>
        {run.outputs === null || run.outputs === undefined ? (
          <Text c="dimmed">{texts.run.noResult}</Text>
        ) : (
          <MembersView value={run.outputs} />
        )}
      </Paper>
      {workflow.data && (
        <Suspense fallback={<div style={{ height: 220 }} />}>
          <Canvas
            workflow={(workflow.data as unknown as { workflow: Workflow }).workflow}
            status={status}
            onSelect={(step) => step && status[step] !== undefined && setOpened([step])}
          />
        </Suspense>
      )}
      <Paper withBorder p="md">
        <Title order={2} size="h5" mb="xs">
          {texts.run.timeline}
        </Title>
        <Timeline run={run} />
      </Paper>
      <Accordion multiple variant="separated" value={opened} onChange={setOpened} order={3}>
        {run.steps.map((step) => (
          <StepPanel key={step.id} step={step} log={logOf(step.id)} />
        ))}
      </Accordion>
    </Stack>
  );
}
