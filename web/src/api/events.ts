// A run's events as they happen: each says only that something changed, and the run is read anew,
// so that a page that comes late, or loses its connection, shows the same as one that saw it all.
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";

import { keys } from "./queries";

const kinds = [
  "run_accepted",
  "run_resumed",
  "step_dispatched",
  "step_succeeded",
  "step_failed",
  "run_succeeded",
  "run_failed",
  "run_cancelled",
];

export function useRunEvents(id: string, live: boolean) {
  const queries = useQueryClient();
  useEffect(() => {
    if (!live) return undefined;
    const events = new EventSource(`/v1/runs/${encodeURIComponent(id)}/events`);
    const changed = () => void queries.invalidateQueries({ queryKey: keys.run(id) });
    for (const kind of kinds) events.addEventListener(kind, changed);
    events.addEventListener("open", changed);
    return () => events.close();
  }, [id, live, queries]);
}
