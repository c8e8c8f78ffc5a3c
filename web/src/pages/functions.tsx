import { Anchor, Badge, Group, Paper, SimpleGrid, Skeleton, Stack, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "react-router";

import type { FunctionSummary } from "../api/client";
import { useFunctions } from "../api/queries";
import type { JsonSchema } from "../form/json_schema";
import { Failure } from "../shell/failure";
import { PageTitle } from "../shell/shell";
import { texts } from "../texts";

const names = (schema: unknown) =>
  Object.keys((schema as JsonSchema | undefined)?.properties ?? {}).join(", ");

function Card({ one }: { one: FunctionSummary }) {
  return (
    <Paper withBorder p="md">
      <Group justify="space-between" wrap="nowrap">
        <Anchor component={Link} to={`/functions/${one.name}`} fw={600} truncate="end">
          {one.name}
        </Anchor>
        {one.effects.length > 0 && (
          <Badge color="orange" variant="light" tt="none">
            {one.effects.join(", ")}
          </Badge>
        )}
      </Group>
      <Text size="sm">{one.description}</Text>
      <Text size="xs" c="dimmed" mt="xs">
        {texts.functions.takes} {names(one.input) || texts.functions.nothingTaken} ·{" "}
        {texts.functions.gives} {names(one.output) || texts.functions.nothingTaken}
      </Text>
    </Paper>
  );
}

export function Functions() {
  const [typed, setTyped] = useState("");
  const [search] = useDebouncedValue(typed.trim(), 150);
  const functions = useFunctions(search);
  return (
    <Stack>
      <PageTitle>{texts.functions.title}</PageTitle>
      <TextInput
        aria-label={texts.functions.search}
        placeholder={texts.functions.search}
        leftSection={<IconSearch size={16} aria-hidden />}
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
      />
      {functions.isPending && <Skeleton height={400} />}
      {functions.isError && <Failure error={functions.error} retry={() => void functions.refetch()} />}
      {functions.data && (
        <>
          <Text size="sm" c="dimmed" aria-live="polite">
            {functions.data.length > 0
              ? texts.functions.count(functions.data.length)
              : search === ""
                ? texts.functions.empty
                : texts.functions.nothing}
          </Text>
          <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
            {functions.data.map((one) => (
              <Card key={one.name} one={one} />
            ))}
          </SimpleGrid>
        </>
      )}
    </Stack>
  );
}
