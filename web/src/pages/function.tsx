import { Badge, Button, Code, Grid, Group, Paper, Skeleton, Stack, Table, Text, Title } from "@mantine/core";
import { useEffect, useState } from "react";
import { useParams } from "react-router";

import type { Schemas } from "../api/client";
import { useFunction, useInvoke } from "../api/queries";
import { type JsonSchema, missing, startValues } from "../form/json_schema";
import { SchemaForm } from "../form/schema_form";
import { Failure } from "../shell/failure";
import { PageTitle } from "../shell/shell";
import { texts } from "../texts";
import { MembersView } from "../value/value_view";

function Members({ schema }: { schema: JsonSchema }) {
  const members = Object.entries(schema.properties ?? {});
  if (members.length === 0) return <Text c="dimmed">{texts.functions.nothingTaken}</Text>;
  return (
    <Table>
      <Table.Tbody>
        {members.map(([name, member]) => (
          <Table.Tr key={name}>
            <Table.Th scope="row" style={{ verticalAlign: "top" }}>
              <Code>{name}</Code>
              {schema.required?.includes(name) ? " *" : ""}
            </Table.Th>
            <Table.Td>
              <Text size="sm">{member.description}</Text>
              <Text size="xs" c="dimmed">
                {[member.type, member.format].flat().filter(Boolean).join(", ")}
              </Text>
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function exampleOf(one: Schemas["Function"]): Record<string, unknown> {
  const first = one.examples?.find((example) => !("error" in example));
  return ((first as { input?: Record<string, unknown> } | undefined)?.input ?? {});
}

function TryIt({ one }: { one: Schemas["Function"] }) {
  const schema = one.input as JsonSchema;
  const [values, setValues] = useState<Record<string, unknown>>({});
  const invoke = useInvoke();
  useEffect(() => setValues(startValues(schema, exampleOf(one))), [one, schema]);
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h5" mb="sm">
        {texts.functions.tryIt}
      </Title>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          invoke.mutate({ name: one.name, input: values });
        }}
      >
        <Stack>
          <SchemaForm schema={schema} values={values} onChange={setValues} />
          <Group>
            <Button type="submit" loading={invoke.isPending} disabled={missing(schema, values).length > 0}>
              {texts.functions.invoke}
            </Button>
          </Group>
        </Stack>
      </form>
      <div aria-live="polite">
        {invoke.isError && <Failure error={invoke.error} />}
        {invoke.data && (
          <Stack gap="xs" mt="md">
            <Title order={3} size="h6">
              {invoke.data.error ? texts.functions.failed : texts.functions.answered}
            </Title>
            {invoke.data.error ? (
              <Text c="red">
                {invoke.data.error.type}: {invoke.data.error.message}
              </Text>
            ) : (
              <MembersView value={invoke.data.output} />
            )}
            {invoke.data.log && (
              <Code block mah={200} className="scroll" tabIndex={0}>
                {invoke.data.log}
              </Code>
            )}
          </Stack>
        )}
      </div>
    </Paper>
  );
}

export function FunctionPage() {
  const { name = "" } = useParams();
  const query = useFunction(name);
  const one = query.data;
  if (query.isError) return <Failure error={query.error} retry={() => void query.refetch()} />;
  if (!one) return <Skeleton height={480} />;
  return (
    <Stack>
      <div>
        <PageTitle>{one.name}</PageTitle>
        <Text>{one.description}</Text>
        {one.effects.length > 0 && (
          <Badge color="orange" variant="light" tt="none" mt="xs">
            {texts.functions.effects}: {one.effects.join(", ")}
          </Badge>
        )}
      </div>
      <Grid>
        <Grid.Col span={{ base: 12, md: 6 }}>
          <Stack>
            <Paper withBorder p="md">
              <Title order={2} size="h5">
                {texts.functions.takes}
              </Title>
              <Members schema={one.input as JsonSchema} />
            </Paper>
            <Paper withBorder p="md">
              <Title order={2} size="h5">
                {texts.functions.gives}
              </Title>
              <Members schema={one.output as JsonSchema} />
            </Paper>
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 6 }}>
          <TryIt one={one} />
        </Grid.Col>
      </Grid>
      <Text size="xs" c="dimmed">
        {texts.functions.version} <Code>{one.version.slice(0, 12)}</Code>
      </Text>
    </Stack>
  );
}
