// A workflow as a picture: what is drawn, and where. Pure, so that it can be tested.
import dagre from "@dagrejs/dagre";

import { type Binding, references, type Workflow } from "../api/workflow";

export interface GraphNode {
  id: string;
  kind: "input" | "step" | "output";
  label: string; // the step's function, or the input's or output's name
  detail: string;
}

export interface GraphEdge {
  id: string;
  from: string;
  to: string;
  label: string; // the field that flows
}

export interface Graph {
  nodes: GraphNode[];
  edges: GraphEdge[];
}

export const inputId = (name: string) => `input:${name}`;
export const outputId = (name: string) => `output:${name}`;

// Inputs, steps and outputs with every edge between them; references to what does not exist are
// left out, so a half-edited workflow can be drawn too.
export function graphOf(workflow: Workflow): Graph {
  const nodes: GraphNode[] = [];
  const properties = workflow.inputs?.properties ?? {};
  for (const [name, schema] of Object.entries(properties)) {
    nodes.push({ id: inputId(name), kind: "input", label: name, detail: schema.description ?? "" });
  }
  for (const node of workflow.nodes) {
    nodes.push({ id: node.id, kind: "step", label: node.function, detail: node.goal ?? "" });
  }
  for (const name of Object.keys(workflow.outputs ?? {})) {
    nodes.push({ id: outputId(name), kind: "output", label: name, detail: "" });
  }
  const known = new Set(nodes.map((node) => node.id));

  const edges = new Map<string, GraphEdge>();
  const connect = (binding: Binding, to: string, parameter: string) => {
    for (const reference of references(binding)) {
      const from =
        "input" in reference ? inputId(reference.input) : "node" in reference ? reference.node : "";
      if (!known.has(from)) continue;
      const id = `${from}→${to}:${parameter}`;
      const field = "node" in reference ? (reference.output ?? "") : "";
      edges.set(id, { id, from, to, label: field });
    }
  };
  for (const node of workflow.nodes) {
    for (const [parameter, binding] of Object.entries(node.arguments ?? {})) {
      connect(binding, node.id, parameter);
    }
    for (const before of node.dependsOn ?? []) {
      if (known.has(before)) {
        const id = `${before}→${node.id}`;
        edges.set(id, { id, from: before, to: node.id, label: "" });
      }
    }
  }
  for (const [name, binding] of Object.entries(workflow.outputs ?? {})) {
    connect(binding, outputId(name), name);
  }
  return { nodes, edges: [...edges.values()] };
}

export interface Place {
  x: number;
  y: number;
}

// How high a canvas should be for a picture, within what fits a screen.
export function heightFor(places: ReadonlyMap<string, Place>): number {
  const tops = [...places.values()].map((place) => place.y);
  const height = Math.max(0, ...tops) - Math.min(0, ...tops) + sizes.step.height;
  return Math.min(560, Math.max(220, height + 120));
}

export const sizes = {
  step: { width: 230, height: 76 },
  input: { width: 150, height: 34 },
  output: { width: 150, height: 34 },
} as const;

// Top to bottom or left to right, in layers; each place is the node's upper left corner.
export function layout(graph: Graph, direction: "TB" | "LR"): Map<string, Place> {
  const layers = new dagre.graphlib.Graph();
  layers.setGraph({ rankdir: direction, nodesep: 28, ranksep: direction === "TB" ? 56 : 90 });
  layers.setDefaultEdgeLabel(() => ({}));
  for (const node of graph.nodes) layers.setNode(node.id, { ...sizes[node.kind] });
  for (const edge of graph.edges) layers.setEdge(edge.from, edge.to);
  dagre.layout(layers);
  const places = new Map<string, Place>();
  for (const node of graph.nodes) {
    const at = layers.node(node.id);
    const size = sizes[node.kind];
    places.set(node.id, { x: at.x - size.width / 2, y: at.y - size.height / 2 });
  }
  return places;
}
