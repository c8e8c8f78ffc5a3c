import { Anchor, Badge, Group, Paper, Skeleton, Stack, Text } from "@mantine/core";
import { Link } from "react-router";

import type { Schemas } from "../api/client";
import { useRuns } from "../api/queries";
import { Failure } from "../shell/failure";
import { Moment } from "../shell/moment";
import { PageTitle } from "../shell/shell";
import { texts } from "../texts";

const colors: Record<string, string> = {
  running: "blue",
  succeeded: "green",
  failed: "red",
  cancelled: "gray",
  waiting: "yellow",
  outcome_unknown: "yellow",
};

export function Status({ status }: { status: string }) {
  return (
    <Badge color={colors[status] ?? "gray"} variant="light" tt="none">
      {texts.run.status[status] ?? status}
    </Badge>
  );
}

export function RunRows({ runs }: { runs: readonly Schemas["RunSummary"][] }) {
  if (runs.length === 0) return <Text c="dimmed">{texts.run.empty}</Text>;
  return (
    <Stack gap="xs">
      {runs.map((run) => (
        <Paper key={run.id} withBorder px="md" py="xs">
          <Group justify="space-between">
            <div>
              <Anchor component={Link} to={`/runs/${run.id}`}>
                {run.workflow}
              </Anchor>
              <Text size="xs" c="dimmed">
                <Moment at={run.accepted_at} />
              </Text>
            </div>
            <Status status={run.status} />
          </Group>
        </Paper>
      ))}
    </Stack>
  );
}

export function Runs() {
  const runs = useRuns();
  return (
    <Stack>
      <PageTitle>{texts.nav.runs}</PageTitle>
      {runs.isPending && <Skeleton height={200} />}
      {runs.isError && <Failure error={runs.error} retry={() => void runs.refetch()} />}
      {runs.data && <RunRows runs={runs.data} />}
    </Stack>
  );
}
