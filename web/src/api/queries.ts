// What pages read, and what they ask for; one cache for all of them.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { answer, client, type Plan } from "./client";
import type { Workflow } from "./workflow";

export const keys = {
  workflows: ["workflows"] as const,
  workflow: (id: string) => ["workflows", id] as const,
  runs: ["runs"] as const,
  runsOf: (workflow: string) => ["runs", "of", workflow] as const,
  run: (id: string) => ["runs", id] as const,
  logs: (id: string) => ["runs", id, "logs"] as const,
  functions: (search: string) => ["functions", "search", search] as const,
  function: (name: string) => ["functions", name] as const,
};

export const usePlan = () =>
  useMutation({
    mutationFn: (query: string): Promise<Plan> =>
      answer(client.POST("/v1/plans", { body: { query } })),
  });

export interface Registration {
  workflow: Workflow;
  query: string;
  approveEffects: boolean;
}

export const useRegister = () => {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ workflow, approveEffects }: Registration) =>
      answer(
        client.POST("/v1/workflows", {
          body: { workflow: workflow as never, approve_effects: approveEffects },
        }),
      ),
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.workflows }),
  });
};

export const useWorkflows = () =>
  useQuery({ queryKey: keys.workflows, queryFn: () => answer(client.GET("/v1/workflows")) });

export const useWorkflow = (id: string) =>
  useQuery({
    queryKey: keys.workflow(id),
    enabled: id !== "",
    queryFn: () => answer(client.GET("/v1/workflows/{id}", { params: { path: { id } } })),
  });

export const useRemoveWorkflow = () => {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (id: string) => {
      const { error, response } = await client.DELETE("/v1/workflows/{id}", {
        params: { path: { id } },
      });
      if (!response.ok) await answer(Promise.resolve({ error, response }));
    },
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.workflows }),
  });
};

export const useStartRun = () => {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ workflow, input }: { workflow: string; input: Record<string, unknown> }) =>
      answer(
        client.POST("/v1/workflows/{workflow}/runs", {
          params: { path: { workflow } },
          body: { input: input as never },
        }),
      ),
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.runs }),
  });
};

export const useRuns = () =>
  useQuery({ queryKey: keys.runs, queryFn: () => answer(client.GET("/v1/runs")) });

export const useRunsOf = (workflow: string) =>
  useQuery({
    queryKey: keys.runsOf(workflow),
    queryFn: () =>
      answer(client.GET("/v1/workflows/{workflow}/runs", { params: { path: { workflow } } })),
  });

export const useRun = (id: string) =>
  useQuery({
    queryKey: keys.run(id),
    queryFn: () => answer(client.GET("/v1/runs/{id}", { params: { path: { id } } })),
  });

export const useLogs = (id: string) =>
  useQuery({
    queryKey: keys.logs(id),
    enabled: id !== "",
    queryFn: () => answer(client.GET("/v1/runs/{id}/logs", { params: { path: { id } } })),
  });

export const useRunAction = (action: "cancel" | "resume") => {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (id: string) =>
      action === "cancel"
        ? answer(client.POST("/v1/runs/{id}/cancel", { params: { path: { id } } }))
        : answer(client.POST("/v1/runs/{id}/resume", { params: { path: { id } }, body: {} })),
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.runs }),
  });
};

export const useFunctions = (search: string) =>
  useQuery({
    queryKey: keys.functions(search),
    queryFn: () =>
      answer(
        client.GET("/v1/functions", { params: { query: search === "" ? {} : { search } } }),
      ),
    placeholderData: (before) => before,
  });

export const useFunction = (name: string) =>
  useQuery({
    queryKey: keys.function(name),
    queryFn: () => answer(client.GET("/v1/functions/{name}", { params: { path: { name } } })),
  });

export const useInvoke = () =>
  useMutation({
    mutationFn: ({ name, input }: { name: string; input: Record<string, unknown> }) =>
      answer(
        client.POST("/v1/functions/{name}/invocations", {
          params: { path: { name } },
          body: { input },
        }),
      ),
  });
