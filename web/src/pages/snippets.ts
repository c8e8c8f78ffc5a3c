// How to call an endpoint, in three languages.
export interface Snippet {
  language: string;
  code: string;
}

const singleQuoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

// JSON is Python too, but for three words, and only outside strings.
function python(value: unknown): string {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
  if (typeof value === "object") {
    const members = Object.entries(value as Record<string, unknown>);
    return `{${members.map(([name, one]) => `${JSON.stringify(name)}: ${python(one)}`).join(", ")}}`;
  }
  return JSON.stringify(value);
}

export function snippets(url: string, input: Record<string, unknown>): Snippet[] {
  const json = JSON.stringify(input);
  return [
    {
      language: "curl",
      code: `curl -sS -X POST ${singleQuoted(url)} \\\n  -H 'Content-Type: application/json' \\\n  -d ${singleQuoted(json)}`,
    },
    {
      language: "Python",
      code: `import json, urllib.request\n\nrequest = urllib.request.Request(\n    ${JSON.stringify(url)},\n    data=json.dumps(${python(input)}).encode(),\n    headers={"Content-Type": "application/json"},\n)\nprint(json.load(urllib.request.urlopen(request)))`,
    },
    {
      language: "JavaScript",
      code: `const response = await fetch(${JSON.stringify(url)}, {\n  method: "POST",\n  headers: { "Content-Type": "application/json" },\n  body: JSON.stringify(${JSON.stringify(input, null, 2).replaceAll("\n", "\n  ")}),\n});\nconsole.log(await response.json());`,
    },
  ];
}
