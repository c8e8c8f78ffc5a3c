// The workflow's JSON form, as far as pages look into it.
import type { JsonSchema } from "../form/json_schema";

export type Binding =
  | { input: string }
  | { node: string; output?: string }
  | { value: unknown }
  | { list: Binding[] }
  | { object: Record<string, Binding> };

export interface WorkflowNode {
  id: string;
  function: string;
  version?: string;
  goal?: string;
  arguments?: Record<string, Binding>;
  dependsOn?: string[];
}

export interface Workflow {
  apiVersion: string;
  kind: "Workflow";
  metadata: { name: string; description?: string };
  inputs?: JsonSchema;
  nodes: WorkflowNode[];
  outputs?: Record<string, Binding>;
}

export interface Words {
  words: [number, number][]; // bytes of the query, half-open
}

export interface Provenance {
  steps: (Words & {
    node: string;
    score: number;
    reason: string;
    rejected: { function: string; score: number }[];
  })[];
  bindings: (Words & {
    node: string;
    parameter: string;
    from: string;
    score: number;
    reason: string;
  })[];
  inputs: (Words & { input: string; value: unknown; kind: string })[];
}

// Every reference in a binding, depth first.
export function references(binding: Binding): Binding[] {
  if ("list" in binding) return binding.list.flatMap(references);
  if ("object" in binding) return Object.values(binding.object).flatMap(references);
  return [binding];
}
