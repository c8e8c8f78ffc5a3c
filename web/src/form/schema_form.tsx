// A form from a JSON Schema: one field a property, what the schema says checked as it is typed.
import { Checkbox, JsonInput, NumberInput, Select, Stack, Textarea, TextInput } from "@mantine/core";

import { texts } from "../texts";
import { fieldKind, type JsonSchema } from "./json_schema";

interface FieldProps {
  name: string;
  schema: JsonSchema;
  required: boolean;
  value: unknown;
  onChange: (value: unknown) => void;
}

const readable = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));

function hint(schema: JsonSchema): string {
  const example = schema.examples?.[0];
  const words = schema.description ?? "";
  return example === undefined ? words : `${words} ${texts.form.example(readable(example))}`.trim();
}

function Field({ name, schema, required, value, onChange }: FieldProps) {
  const common = {
    label: schema.title ?? name,
    description: hint(schema),
    withAsterisk: required,
    required,
  };
  switch (fieldKind(name, schema)) {
    case "choice":
      return (
        <Select
          {...common}
          data={(schema.enum ?? []).map(readable)}
          value={value === undefined ? null : readable(value)}
          clearable={!required}
          onChange={(chosen) => onChange(schema.enum?.find((one) => readable(one) === chosen))}
        />
      );
    case "number":
      return (
        <NumberInput
          {...common}
          value={typeof value === "number" ? value : ""}
          allowDecimal={schema.type !== "integer"}
          {...(schema.minimum !== undefined && { min: schema.minimum })}
          {...(schema.maximum !== undefined && { max: schema.maximum })}
          onChange={(typed) => onChange(typeof typed === "number" ? typed : undefined)}
        />
      );
    case "boolean":
      return (
        <Checkbox
          label={common.label}
          description={common.description}
          checked={value === true}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
      );
    case "json":
      return <JsonField common={common} value={value} onChange={onChange} />;
    case "long_text":
      return (
        <Textarea
          {...common}
          autosize
          minRows={2}
          maxRows={12}
          value={typeof value === "string" ? value : ""}
          onChange={(event) => onChange(event.currentTarget.value || undefined)}
        />
      );
    case "text":
      return (
        <TextInput
          {...common}
          type={schema.format === "date" ? "date" : schema.format === "email" ? "email" : "text"}
          value={typeof value === "string" ? value : ""}
          onChange={(event) => onChange(event.currentTarget.value || undefined)}
        />
      );
  }
}

// Holds the text as typed: half of a document is no value yet.
function JsonField({
  common,
  value,
  onChange,
}: {
  common: { label: string; description: string; withAsterisk: boolean; required: boolean };
  value: unknown;
  onChange: (value: unknown) => void;
}) {
  return (
    <JsonInput
      {...common}
      autosize
      minRows={3}
      maxRows={14}
      formatOnBlur
      validationError={texts.form.badJson}
      defaultValue={value === undefined ? "" : JSON.stringify(value, null, 2)}
      onChange={(typed) => {
        try {
          onChange(typed.trim() === "" ? undefined : JSON.parse(typed));
        } catch {
          onChange(undefined);
        }
      }}
    />
  );
}

export function SchemaForm({
  schema,
  values,
  onChange,
}: {
  schema: JsonSchema;
  values: Record<string, unknown>;
  onChange: (values: Record<string, unknown>) => void;
}) {
  const required = new Set(schema.required);
  return (
    <Stack gap="sm">
      {Object.entries(schema.properties ?? {}).map(([name, property]) => (
        <Field
          key={name}
          name={name}
          schema={property}
          required={required.has(name)}
          value={values[name]}
          onChange={(value) => {
            const { [name]: _, ...others } = values;
            onChange(value === undefined ? others : { ...values, [name]: value });
          }}
        />
      ))}
    </Stack>
  );
}
