// The gateway, typed by its own description. Every failure is an ApiError that a page can show.
import createClient from "openapi-fetch";

import type { components, paths } from "./schema";

export type Schemas = components["schemas"];
export type Plan = Schemas["Plan"];
export type Run = Schemas["Run"];
export type Step = Schemas["Step"];
export type Problem = Schemas["Problem"];
export type Diagnostic = Schemas["Diagnostic"];
export type FunctionSummary = Schemas["FunctionSummary"];
export type RegisteredWorkflow = Schemas["RegisteredWorkflow"];

export class ApiError extends Error {
  readonly status: number;
  readonly problem: Problem | undefined;

  constructor(status: number, message: string, problem?: Problem) {
    super(message);
    this.status = status;
    this.problem = problem;
  }
}

export const client = createClient<paths>({ baseUrl: window.location.origin });

interface Answered<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

// The answer's body, or an ApiError: also when nobody answers at all.
export async function answer<T>(call: Promise<Answered<T>>): Promise<NonNullable<T>> {
  let answered: Answered<T>;
  try {
    answered = await call;
  } catch {
    throw new ApiError(0, "");
  }
  const { data, error, response } = answered;
  if (response.ok && data !== undefined && data !== null) return data;
  const problem = isProblem(error) ? error : undefined;
  throw new ApiError(response.status, problem?.detail ?? response.statusText, problem);
}

function isProblem(value: unknown): value is Problem {
  return typeof value === "object" && value !== null && "title" in value;
}
