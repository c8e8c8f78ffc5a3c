// The workflow on a canvas: laid out by itself, zoomed and walked through by keyboard.
import { Text } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import {
  Background,
  Controls,
  type Edge,
  Handle,
  MarkerType,
  type Node,
  type NodeProps,
  Position,
  ReactFlow,
} from "@xyflow/react";
import { memo, useMemo } from "react";

import type { Workflow } from "../api/workflow";
import { texts } from "../texts";
import { type GraphNode, graphOf, heightFor, layout, sizes } from "./graph";

interface StepData extends Record<string, unknown> {
  node: GraphNode;
  status: string | undefined;
  lit: boolean;
  vertical: boolean;
}
type StepNode = Node<StepData>;

const Step = memo(function Step({ data }: NodeProps<StepNode>) {
  const { node, status, lit, vertical } = data;
  return (
    <div
      className={node.kind === "step" ? "step" : "port"}
      data-status={status}
      data-lit={lit || undefined}
    >
      <Handle type="target" position={vertical ? Position.Top : Position.Left} />
      <Text fw={600} size="sm" truncate="end" title={node.label}>
        {node.label}
      </Text>
      {node.kind === "step" && (
        <Text size="xs" c="dimmed" lineClamp={2} title={node.detail}>
          {status && status !== "pending" ? texts.run.status[status] : node.detail}
        </Text>
      )}
      <Handle type="source" position={vertical ? Position.Bottom : Position.Right} />
    </div>
  );
});

const nodeTypes = { step: Step };

export interface CanvasProps {
  workflow: Workflow;
  status?: Record<string, string>; // of steps, by id
  lit?: ReadonlySet<string>; // ids of GraphNode
  selected?: string | null;
  onPoint?: (id: string | null) => void;
  onSelect?: (id: string | null) => void;
}

export function Canvas({
  workflow,
  status,
  lit,
  selected,
  onPoint,
  onSelect,
}: CanvasProps) {
  const narrow = useMediaQuery("(max-width: 48em)", false, { getInitialValueInEffect: false });
  const graph = useMemo(() => graphOf(workflow), [workflow]);
  const places = useMemo(() => layout(graph, narrow ? "TB" : "LR"), [graph, narrow]);

  const nodes = useMemo<StepNode[]>(
    () =>
      graph.nodes.map((node) => ({
        id: node.id,
        type: "step",
        position: places.get(node.id) ?? { x: 0, y: 0 },
        ...sizes[node.kind],
        selected: node.id === selected,
        ariaLabel: `${node.kind}: ${node.label}. ${node.detail}`,
        data: {
          node,
          status: status?.[node.id],
          lit: lit?.has(node.id) ?? false,
          vertical: narrow,
        },
      })),
    [graph, places, status, lit, selected, narrow],
  );
  const edges = useMemo<Edge[]>(
    () =>
      graph.edges.map((edge) => ({
        id: edge.id,
        source: edge.from,
        target: edge.to,
        label: edge.label,
        focusable: false,
        animated: status?.[edge.to] === "running",
        markerEnd: { type: MarkerType.ArrowClosed, width: 16, height: 16 },
      })),
    [graph, status],
  );

  return (
    <div className="canvas" style={{ height: heightFor(places) }}>
      <ReactFlow
        // A new picture is looked at as a whole again.
        key={`${graph.nodes.map((node) => node.id).join()}${narrow}`}
        nodes={nodes}
        edges={edges}
        nodeTypes={nodeTypes}
        fitView
        fitViewOptions={{ padding: 0.12, maxZoom: 1.1 }}
        minZoom={0.05}
        nodesDraggable={false}
        nodesConnectable={false}
        onlyRenderVisibleElements={graph.nodes.length > 100}
        onNodeMouseEnter={(_, node) => onPoint?.(node.id)}
        onNodeMouseLeave={() => onPoint?.(null)}
        onSelectionChange={({ nodes: chosen }) => onSelect?.(chosen[0]?.id ?? null)}
        preventScrolling={false}
        proOptions={{ hideAttribution: false }}
      >
        <Background gap={18} />
        <Controls showInteractive={false} />
      </ReactFlow>
    </div>
  );
}
