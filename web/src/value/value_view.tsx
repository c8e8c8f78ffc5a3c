import { Anchor, Code, Image, ScrollArea, Stack, Table, Text } from "@mantine/core";

import { columns, isWebUrl, kindOf, pictureType } from "./kind";

function Cell({ value }: { value: unknown }) {
  if (typeof value === "string" && isWebUrl(value)) {
    return (
      <Anchor href={value} target="_blank" rel="noreferrer" size="sm">
        {value}
      </Anchor>
    );
  }
  return <>{typeof value === "string" ? value : JSON.stringify(value)}</>;
}

function Rows({ rows }: { rows: Record<string, unknown>[] }) {
  const heads = columns(rows);
  return (
    <ScrollArea>
      <Table striped withTableBorder>
        <Table.Thead>
          <Table.Tr>
            {heads.map((head) => (
              <Table.Th key={head}>{head}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.slice(0, 200).map((row, index) => (
            <Table.Tr key={index}>
              {heads.map((head) => (
                <Table.Td key={head}>
                  <Cell value={row[head]} />
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </ScrollArea>
  );
}

// One value as what it is: a picture, a link, a table, text, or JSON.
export function ValueView({ name, value }: { name?: string; value: unknown }) {
  switch (kindOf(value)) {
    case "nothing":
      return <Text c="dimmed">–</Text>;
    case "picture": {
      const text = value as string;
      const type = pictureType(text);
      const source = type === "" ? text : `data:${type};base64,${text}`;
      return (
        <Stack gap={4} align="flex-start">
          <Image src={source} alt={name ?? ""} maw={360} fit="contain" radius="sm" />
          {type === "" && <Cell value={text} />}
        </Stack>
      );
    }
    case "link":
      return <Cell value={value} />;
    case "table":
      return <Rows rows={value as Record<string, unknown>[]} />;
    case "text":
      return (
        <Text style={{ whiteSpace: "pre-wrap" }} mah={320} className="scroll">
          {value as string}
        </Text>
      );
    case "scalar":
      return <Text>{String(value)}</Text>;
    case "json":
      return (
        <Code block mah={320} className="scroll" tabIndex={0}>
          {JSON.stringify(value, null, 2)}
        </Code>
      );
  }
}

// An object member by member; anything else as one value.
export function MembersView({ value }: { value: unknown }) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return <ValueView value={value} />;
  }
  const members = Object.entries(value);
  if (members.length === 0) return <ValueView value={null} />;
  return (
    <Stack gap="xs" component="dl" m={0}>
      {members.map(([name, member]) => (
        <div key={name}>
          <Text component="dt" size="sm" c="dimmed">
            {name}
          </Text>
          <dd style={{ margin: 0 }}>
            <ValueView name={name} value={member} />
          </dd>
        </div>
      ))}
    </Stack>
  );
}
