// The query, its words joined to the steps and inputs that came from them.
import { Text } from "@mantine/core";
import { useMemo } from "react";

import type { Provenance } from "../api/workflow";
import { inputId } from "../graph/graph";
import { overlaps, pieces } from "./spans";

type Spans = [number, number][];

// What came from which words: by the id of a step or input on the canvas.
export function origins(provenance: Provenance): Map<string, Spans> {
  const found = new Map<string, Spans>();
  const add = (id: string, words: Spans) => found.set(id, [...(found.get(id) ?? []), ...words]);
  for (const step of provenance.steps) add(step.node, step.words);
  for (const input of provenance.inputs) add(inputId(input.input), input.words);
  return found;
}

export function Sentence({
  query,
  provenance,
  lit,
  onPoint,
}: {
  query: string;
  provenance: Provenance;
  lit: ReadonlySet<string>;
  onPoint: (ids: string[]) => void;
}) {
  const sources = useMemo(() => origins(provenance), [provenance]);
  const parts = useMemo(() => pieces(query, [...sources.values()].flat()), [query, sources]);
  return (
    <Text className="sentence" component="p">
      {parts.map((piece) => {
        const ids = [...sources].filter(([, spans]) => overlaps(piece, spans)).map(([id]) => id);
        if (ids.length === 0) return <span key={piece.begin}>{piece.text}</span>;
        return (
          <span
            key={piece.begin}
            data-linked
            data-lit={ids.some((id) => lit.has(id)) || undefined}
            onMouseEnter={() => onPoint(ids)}
            onMouseLeave={() => onPoint([])}
          >
            {piece.text}
          </span>
        );
      })}
    </Text>
  );
}
