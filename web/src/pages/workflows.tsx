import { Anchor, Paper, Skeleton, Stack, Text, TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "react-router";

import { useWorkflows } from "../api/queries";
import { Failure } from "../shell/failure";
import { PageTitle } from "../shell/shell";
import { Moment } from "../shell/moment";
import { texts } from "../texts";

export function Workflows() {
  const workflows = useWorkflows();
  const [search, setSearch] = useState("");
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = (workflows.data ?? []).filter((one) =>
    words.every((word) => `${one.id} ${one.query ?? ""} ${one.description}`.toLowerCase().includes(word)),
  );
  return (
    <Stack>
      <PageTitle>{texts.nav.workflows}</PageTitle>
      <TextInput
        aria-label={texts.workflow.search}
        placeholder={texts.workflow.search}
        leftSection={<IconSearch size={16} aria-hidden />}
        value={search}
        onChange={(event) => setSearch(event.currentTarget.value)}
      />
      {workflows.isPending && <Skeleton height={200} />}
      {workflows.isError && <Failure error={workflows.error} retry={() => void workflows.refetch()} />}
      {workflows.data && shown.length === 0 && (
        <Text c="dimmed">{words.length > 0 ? texts.workflow.nothing : texts.workflow.empty}</Text>
      )}
      {shown.map((one) => (
        <Paper key={one.id} withBorder p="md">
          <Anchor component={Link} to={`/workflows/${one.id}`} fw={600}>
            {one.id}
          </Anchor>
          <Text size="sm">{one.query ?? one.description}</Text>
          <Text size="xs" c="dimmed">
            <Moment at={one.registered_at} />
          </Text>
        </Paper>
      ))}
    </Stack>
  );
}
