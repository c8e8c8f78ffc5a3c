// The part of JSON Schema that forms look at.
export interface JsonSchema {
  type?: string | string[];
  title?: string;
  description?: string;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  examples?: unknown[];
  format?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  items?: JsonSchema;
  contentMediaType?: string;
}

export type FieldKind = "text" | "long_text" | "number" | "boolean" | "choice" | "json";

const longNames = /(^|_)(body|text|message|content|description|html|markdown|csv)$/i;

export function fieldKind(name: string, schema: JsonSchema): FieldKind {
  if (schema.enum) return "choice";
  switch (schema.type) {
    case "string":
      return longNames.test(name) ? "long_text" : "text";
    case "integer":
    case "number":
      return "number";
    case "boolean":
      return "boolean";
    default:
      return "json";
  }
}

// What a form holds at first: the value given before, else the default; examples are only hints.
export function startValues(
  schema: JsonSchema,
  given: Record<string, unknown>,
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (name in given) values[name] = given[name];
    else if (property.default !== undefined) values[name] = property.default;
  }
  return values;
}

// Names of required members without a value.
export function missing(schema: JsonSchema, values: Record<string, unknown>): string[] {
  return (schema.required ?? []).filter((name) => values[name] === undefined || values[name] === "");
}
