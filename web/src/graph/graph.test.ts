import { expect, test } from "vitest";

import type { Workflow } from "../api/workflow";
import { graphOf, layout } from "./graph";

const diamond: Workflow = {
  apiVersion: "actionengine/v1",
  kind: "Workflow",
  metadata: { name: "diamond" },
  inputs: { type: "object", properties: { city: { type: "string" } } },
  nodes: [
    { id: "a", function: "geocode", arguments: { city: { input: "city" } } },
    { id: "b", function: "weather", arguments: { lat: { node: "a", output: "lat" } } },
    { id: "c", function: "news", arguments: { places: { list: [{ node: "a", output: "name" }] } } },
    { id: "d", function: "send", arguments: { text: { value: "hi" } }, dependsOn: ["b", "c"] },
  ],
  outputs: { id: { node: "d", output: "id" } },
};

test("every edge of the data and of the order is drawn", () => {
  const { nodes, edges } = graphOf(diamond);
  expect(nodes.map((node) => node.id)).toEqual(["input:city", "a", "b", "c", "d", "output:id"]);
  expect(edges.map((edge) => `${edge.from} ${edge.to} ${edge.label}`)).toEqual([
    "input:city a ",
    "a b lat",
    "a c name",
    "b d ",
    "c d ",
    "d output:id id",
  ]);
});

test("what does not exist is not drawn", () => {
  const broken = { ...diamond, outputs: { x: { node: "gone", output: "y" } } };
  expect(graphOf(broken).edges.some((edge) => edge.from === "gone")).toBe(false);
});

test("each step lies below its sources, and no two overlap", () => {
  const graph = graphOf(diamond);
  const places = layout(graph, "TB");
  for (const edge of graph.edges) {
    expect(places.get(edge.to)!.y).toBeGreaterThan(places.get(edge.from)!.y);
  }
  const corners = [...places.values()].map((place) => `${place.x} ${place.y}`);
  expect(new Set(corners).size).toBe(corners.length);
});
