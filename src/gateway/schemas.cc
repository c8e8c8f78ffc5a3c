// Longer than most: the bodies of the whole API stand together here, as text that can be compared
// with openapi.json.
#include "gateway/internal/schemas.h"

#include <fmt/format.h>

#include <utility>

#include "dag/serialize.h"

namespace ae::gateway {
namespace {

constexpr std::string_view kComponents = R"json({
  "Problem": {
    "description": "RFC 9457. `errors` lists the findings where there are several; other members depend on the type.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
      "type": {"type": "string", "description": "urn:action-engine:problem:<code>; stable."},
      "title": {"type": "string"},
      "status": {"type": "integer", "minimum": 400, "maximum": 599},
      "detail": {"type": "string", "description": "What is wrong, where, and how to mend it."},
      "instance": {"type": "string", "description": "urn:action-engine:request:<X-Request-Id>"},
      "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Diagnostic"}}
    }
  },
  "RunProblem": {
    "description": "A run that did not succeed, told as fully as one that did.",
    "allOf": [{"$ref": "#/components/schemas/Problem"}],
    "type": "object",
    "required": ["run", "run_url"],
    "properties": {
      "run": {"$ref": "#/components/schemas/Run"},
      "run_url": {"type": "string", "format": "uri"},
      "failing_step": {"type": ["string", "null"]},
      "finished_steps": {"type": "array", "items": {"type": "string"}},
      "resume": {"$ref": "#/components/schemas/Action"}
    }
  },
  "Diagnostic": {
    "type": "object",
    "required": ["code", "severity", "pointer", "message", "fix"],
    "properties": {
      "code": {"type": "string", "description": "Stable: unknown_function, type_clash, missing_input, …"},
      "severity": {"enum": ["error", "warning"]},
      "pointer": {"type": "string", "description": "RFC 6901, into the workflow or the request's body."},
      "message": {"type": "string"},
      "fix": {"type": "string"},
      "candidates": {"type": "array", "items": {"type": "string"}}
    }
  },
  "Action": {
    "description": "A request that goes on from here.",
    "type": "object",
    "required": ["method", "href"],
    "properties": {
      "method": {"type": "string"},
      "href": {"type": "string", "format": "uri"},
      "body": {"type": "object"}
    }
  },
  "Links": {
    "type": "object",
    "description": "URLs by relation.",
    "additionalProperties": {"type": "string", "format": "uri"}
  },
  "Effect": {
    "description": "A function of the workflow that changes the world outside.",
    "type": "object",
    "required": ["function", "version", "key", "effects", "steps", "idempotent", "approved"],
    "properties": {
      "function": {"type": "string"},
      "version": {"type": "string"},
      "key": {"type": "string", "description": "name@version: approves exactly this version."},
      "effects": {"type": "array", "items": {"type": "string"}},
      "steps": {"type": "array", "items": {"type": "string"}},
      "idempotent": {"type": "boolean"},
      "approved": {"type": "boolean"},
      "description": {"type": "string"}
    }
  },
  "PlanRequest": {
    "type": "object",
    "required": ["query"],
    "additionalProperties": false,
    "properties": {
      "query": {"type": "string", "minLength": 1, "maxLength": 8192, "description": "What is wanted, in words.",
                "examples": ["It will be perfect if you play music that matches my mood. This is Anna."]},
      "attachments": {
        "type": "array", "maxItems": 8, "items": {"$ref": "#/components/schemas/Attachment"},
        "description": "Files that the query is about, as POST /v1/files described them."
      }
    }
  },
  "Attachment": {
    "description": "A file in a bucket.",
    "type": "object",
    "required": ["bucket", "key"],
    "properties": {
      "bucket": {"type": "string", "minLength": 1, "maxLength": 255},
      "key": {"type": "string", "minLength": 1, "maxLength": 1024},
      "name": {"type": "string", "maxLength": 1024, "description": "As the user calls it; the key's last part by default."},
      "content_type": {"type": "string", "maxLength": 255},
      "size": {"type": "integer", "minimum": 0},
      "s3_url": {"type": "string", "maxLength": 2048},
      "url": {"type": "string", "maxLength": 8192, "description": "Presigned: whoever has it can fetch the file."}
    }
  },
  "Plan": {
    "type": "object",
    "required": ["status", "query", "engine", "workflow", "first_inputs", "needs_input", "missing_functions",
                 "diagnostics", "provenance", "effects", "links"],
    "properties": {
      "status": {"enum": ["ready", "needs_input", "missing_functions", "invalid"]},
      "query": {"type": "string"},
      "engine": {"type": "string"},
      "confidence": {"type": "number"},
      "workflow": {"description": "null when there is none.",
                   "anyOf": [{"$ref": "#/components/schemas/Workflow"}, {"type": "null"}]},
      "first_inputs": {"type": "object", "description": "Values that the query gives: input of the first run."},
      "needs_input": {"type": ["object", "null"], "description": "JSON Schema of what to ask for."},
      "missing_functions": {"type": "array", "items": {"type": "object"}},
      "diagnostics": {"type": "array", "items": {"$ref": "#/components/schemas/Diagnostic"}},
      "provenance": {"type": "object", "description": "Which words gave which step, binding and input; spans are [begin, end) in bytes."},
      "alternatives": {"type": "array"},
      "effects": {"type": "array", "items": {"$ref": "#/components/schemas/Effect"}},
      "links": {"$ref": "#/components/schemas/Links"}
    }
  },
  "LintRequest": {
    "type": "object",
    "required": ["workflow"],
    "additionalProperties": false,
    "properties": {"workflow": {"$ref": "#/components/schemas/Workflow"}}
  },
  "Lint": {
    "type": "object",
    "required": ["proven", "diagnostics", "effects", "workflow"],
    "properties": {
      "proven": {"type": "boolean", "description": "It could be registered."},
      "diagnostics": {"type": "array", "items": {"$ref": "#/components/schemas/Diagnostic"}},
      "effects": {"type": "array", "items": {"$ref": "#/components/schemas/Effect"}},
      "workflow": {"description": "With every function's version filled in; null unless proven.",
                   "anyOf": [{"$ref": "#/components/schemas/Workflow"}, {"type": "null"}]}
    }
  },
  "RegisterRequest": {
    "description": "Either a query, which is planned, or a workflow, which is verified. With both, the workflow is registered and the query is kept as the sentence it came from.",
    "type": "object",
    "additionalProperties": false,
    "anyOf": [{"required": ["query"]}, {"required": ["workflow"]}],
    "properties": {
      "query": {"type": "string", "minLength": 1, "maxLength": 8192},
      "attachments": {
        "type": "array", "maxItems": 8, "items": {"$ref": "#/components/schemas/Attachment"},
        "description": "Files that the query is about, as POST /v1/files described them."
      },
      "workflow": {"$ref": "#/components/schemas/Workflow"},
      "name": {"type": "string", "minLength": 1, "maxLength": 120, "description": "Instead of the workflow's own."},
      "first_inputs": {"type": "object", "description": "With a workflow: input of the first run."},
      "approve_effects": {
        "description": "true: all; or \"name\" or \"name@version\" of each function whose side effects are meant.",
        "anyOf": [{"type": "boolean"}, {"type": "array", "items": {"type": "string"}}]
      },
      "on_conflict": {
        "enum": ["new_version", "fresh_name"],
        "description": "When the name is taken by another workflow. Without it: new_version for a workflow, fresh_name for a query."
      }
    }
  },
  "RegisteredWorkflow": {
    "type": "object",
    "required": ["id", "version", "status", "endpoint", "method", "curl", "inputs", "first_inputs", "needs_input",
                 "outputs", "workflow", "effects", "query", "provenance", "diagnostics", "registered_at", "docs", "links"],
    "properties": {
      "id": {"type": "string"},
      "version": {"type": "integer", "minimum": 1},
      "status": {"enum": ["ready", "needs_input"], "description": "needs_input: first_inputs lacks a required input."},
      "endpoint": {"type": "string", "format": "uri"},
      "method": {"const": "POST"},
      "curl": {"type": "string", "description": "A command line that calls the endpoint."},
      "inputs": {"type": "object", "description": "JSON Schema of the endpoint's body."},
      "first_inputs": {"type": "object"},
      "needs_input": {"type": ["object", "null"], "description": "JSON Schema of the required inputs that first_inputs lacks."},
      "outputs": {"type": "object", "description": "JSON Schema of the endpoint's answer."},
      "workflow": {"$ref": "#/components/schemas/Workflow"},
      "effects": {"type": "array", "items": {"$ref": "#/components/schemas/Effect"}},
      "query": {"type": "string"},
      "provenance": {"type": ["object", "null"]},
      "diagnostics": {"type": "array", "items": {"$ref": "#/components/schemas/Diagnostic"}},
      "registered_at": {"type": "string", "format": "date-time"},
      "docs": {"type": "string", "format": "uri"},
      "links": {"$ref": "#/components/schemas/Links"}
    }
  },
  "WorkflowSummary": {
    "type": "object",
    "required": ["id", "version", "description", "query", "endpoint", "registered_at", "links"],
    "properties": {
      "id": {"type": "string"},
      "version": {"type": "integer"},
      "description": {"type": "string"},
      "query": {"type": "string"},
      "endpoint": {"type": "string", "format": "uri"},
      "registered_at": {"type": "string", "format": "date-time"},
      "links": {"$ref": "#/components/schemas/Links"}
    }
  },
  "RunRequest": {
    "type": "object",
    "additionalProperties": false,
    "properties": {
      "input": {"type": "object", "description": "The workflow's inputs."},
      "version": {"type": "integer", "minimum": 1, "maximum": 2147483647, "description": "Of the workflow; the newest without it."}
    }
  },
  "Step": {
    "type": "object",
    "required": ["id", "status", "attempts", "input", "output", "started_at", "finished_at", "duration_ms"],
    "properties": {
      "id": {"type": "string"},
      "status": {"enum": ["pending", "running", "succeeded", "failed", "cancelled", "outcome_unknown"]},
      "attempts": {"type": "integer"},
      "input": true,
      "output": true,
      "error": {"$ref": "#/components/schemas/FunctionError"},
      "started_at": {"type": ["string", "null"]},
      "finished_at": {"type": ["string", "null"]},
      "duration_ms": {"type": ["integer", "null"]}
    }
  },
  "FunctionError": {
    "type": "object",
    "required": ["type", "message"],
    "properties": {
      "type": {"type": "string", "examples": ["ValueError", "Sandbox.Timedout"]},
      "message": {"type": "string"},
      "stack_trace": {"type": "array"}
    }
  },
  "Run": {
    "type": "object",
    "required": ["id", "workflow", "workflow_version", "status", "input", "outputs", "steps", "accepted_at", "finished_at", "links"],
    "properties": {
      "id": {"type": "string"},
      "workflow": {"type": "string"},
      "workflow_version": {"type": "integer"},
      "status": {"enum": ["running", "succeeded", "failed", "cancelled", "waiting"],
                 "description": "waiting: a step's outcome is unknown after a crash; a person decides (resume)."},
      "input": true,
      "outputs": {"description": "null until it succeeded."},
      "error": {
        "type": "object",
        "required": ["code", "message"],
        "properties": {
          "code": {"type": "string"},
          "message": {"type": "string"},
          "node": {"type": "string"},
          "type": {"type": "string"}
        }
      },
      "steps": {"type": "array", "items": {"$ref": "#/components/schemas/Step"}},
      "accepted_at": {"type": "string", "format": "date-time"},
      "finished_at": {"type": ["string", "null"]},
      "resume": {"type": "object", "description": "How to go on, where a person can make it go on."},
      "links": {"$ref": "#/components/schemas/Links"}
    }
  },
  "AcceptedRun": {
    "description": "The run, or while the server is too busy to read it only its id and links.",
    "type": "object",
    "required": ["id", "status", "links"],
    "properties": {
      "id": {"type": "string"},
      "status": {"type": "string"},
      "links": {"$ref": "#/components/schemas/Links"}
    }
  },
  "RunSummary": {
    "type": "object",
    "required": ["id", "workflow", "status", "accepted_at", "finished_at", "links"],
    "properties": {
      "id": {"type": "string"},
      "workflow": {"type": "string"},
      "status": {"type": "string"},
      "accepted_at": {"type": "string", "format": "date-time"},
      "finished_at": {"type": ["string", "null"]},
      "links": {"$ref": "#/components/schemas/Links"}
    }
  },
  "StepLog": {
    "type": "object",
    "required": ["node", "attempt", "request_id", "text"],
    "properties": {
      "node": {"type": "string"},
      "attempt": {"type": "integer"},
      "request_id": {"type": "string"},
      "text": {"type": "string"}
    }
  },
  "ResumeRequest": {
    "type": "object",
    "additionalProperties": false,
    "properties": {
      "from": {"type": "array", "items": {"type": "string"},
               "description": "Steps to run again, with all that depend on them. Without it: the failed ones and those of unknown outcome."},
      "input": {"type": "object", "description": "Replaces the run's input."}
    }
  },
  "FunctionSummary": {
    "type": "object",
    "required": ["name", "version", "description", "input", "output", "effects", "idempotent", "links"],
    "properties": {
      "name": {"type": "string"},
      "version": {"type": "string"},
      "description": {"type": "string"},
      "input": {"description": "JSON Schema of the event."},
      "output": {"description": "JSON Schema of the result."},
      "schemas": {"enum": ["declared", "inferred"], "description": "inferred: guessed from code, examples or runs, and unproven."},
      "effects": {"type": "array", "items": {"type": "string"}},
      "idempotent": {"type": "boolean"},
      "score": {"type": "number", "description": "BM25; with ?search= only."},
      "links": {"$ref": "#/components/schemas/Links"}
    }
  },
  "Function": {
    "allOf": [{"$ref": "#/components/schemas/FunctionSummary"}],
    "type": "object",
    "required": ["timeout_seconds", "memory_mb", "examples"],
    "properties": {
      "handler": {"type": "string", "description": "Of code that is kept here."},
      "runtime": {"type": "string"},
      "layers": {"type": "integer", "description": "How many."},
      "binding": {"type": "object", "description": "Where the function is, when it is not kept here: http.url or lambda.arn."},
      "event": {"enum": ["plain", "api-gateway"], "description": "How the handler wants its input."},
      "egress": {"type": "array", "items": {"type": "string"}},
      "secrets": {"type": "array", "items": {"type": "string"}, "description": "Names."},
      "state": {"type": "string"},
      "s3": {"type": "boolean"},
      "errors": {"type": "array", "items": {"type": "string"}, "description": "Types that it is known to raise."},
      "timeout_seconds": {"type": "number"},
      "memory_mb": {"type": "integer"},
      "environment": {"type": "array", "items": {"type": "string"}, "description": "Names only; values may be secret."},
      "examples": {"type": "array", "items": {"type": "object"}}
    }
  },
  "AddFunctionsRequest": {
    "type": "object",
    "required": ["path"],
    "additionalProperties": false,
    "properties": {
      "path": {"type": "string", "minLength": 1, "description": "Absolute path on the server's machine: a folder of a function or of several, a zip, or a SAM template."}
    }
  },
  "AddedFunctions": {
    "type": "object",
    "required": ["functions"],
    "properties": {
      "functions": {
        "type": "array",
        "items": {
          "type": "object",
          "required": ["name", "version", "result", "links"],
          "properties": {
            "name": {"type": "string"},
            "version": {"type": "string"},
            "result": {"enum": ["new", "new_version", "unchanged"]},
            "schemas": {"enum": ["declared", "inferred"]},
            "notes": {"type": "array", "items": {"type": "string"}, "description": "What was ignored or guessed, and what may not work here."},
            "links": {"$ref": "#/components/schemas/Links"}
          }
        }
      }
    }
  },
  "RemovedFunction": {
    "type": "object",
    "required": ["name", "removed", "used_by", "versions_deleted"],
    "properties": {
      "name": {"type": "string"},
      "removed": {"type": "boolean"},
      "used_by": {"type": "array", "items": {"type": "string"}, "description": "Registered workflows that go on with the version that they pin."},
      "versions_deleted": {"type": "integer"}
    }
  },
  "Inference": {
    "type": "object",
    "required": ["name", "version", "schemas", "samples", "changed", "accepted", "current", "proposed", "sidecar", "links"],
    "properties": {
      "name": {"type": "string"},
      "version": {"type": "string"},
      "schemas": {"enum": ["declared", "inferred"], "description": "Of the current ones; declared ones are never replaced."},
      "samples": {"type": "integer", "description": "Calls of recorded runs that were looked at."},
      "changed": {"type": "boolean"},
      "accepted": {"type": "boolean"},
      "current": {"type": "object"},
      "proposed": {"type": "object"},
      "sidecar": {"type": "string", "description": "A function.yaml with the proposed schemas."},
      "links": {"$ref": "#/components/schemas/Links"}
    }
  },
  "InvokeRequest": {
    "type": "object",
    "additionalProperties": false,
    "properties": {
      "input": {"description": "The event; {} without it."},
      "version": {"type": "string", "description": "The current one without it."}
    }
  },
  "InvocationResult": {
    "type": "object",
    "required": ["request_id", "function", "version", "status", "output", "log", "duration_ms", "cold_start"],
    "properties": {
      "request_id": {"type": "string"},
      "function": {"type": "string"},
      "version": {"type": "string"},
      "status": {"enum": ["succeeded", "failed"]},
      "output": {"description": "null when it failed."},
      "error": {"$ref": "#/components/schemas/FunctionError"},
      "log": {"type": "string"},
      "duration_ms": {"type": "integer"},
      "cold_start": {"type": "boolean"}
    }
  },
  "Health": {
    "type": "object",
    "required": ["status"],
    "properties": {"status": {"type": "string"}}
  },
  "System": {
    "type": "object",
    "required": ["version", "protections"],
    "properties": {
      "version": {"type": "string"},
      "protections": {
        "type": "array",
        "items": {
          "type": "object",
          "required": ["name", "active", "how"],
          "properties": {
            "name": {"type": "string"},
            "active": {"type": "boolean"},
            "how": {"type": "string"},
            "fix": {"type": "string"}
          }
        }
      }
    }
  },
  "Index": {
    "type": "object",
    "required": ["name", "version", "links"],
    "properties": {
      "name": {"type": "string"},
      "version": {"type": "string"},
      "links": {"$ref": "#/components/schemas/Links"}
    }
  }
})json";

}  // namespace

Json schema_ref(std::string_view name) {
  return Json{{"$ref", fmt::format("#/components/schemas/{}", name)}};
}

Json list_of(std::string_view name) { return Json{{"type", "array"}, {"items", schema_ref(name)}}; }

Json literal(std::string_view text) {
  auto parsed = json::parse(text);
  return parsed ? *std::move(parsed) : Json();
}

const Json& component_document() {
  static const Json document = [] {
    Json schemas = literal(kComponents);
    schemas["Workflow"] = rebased(dag::workflow_schema(), "#/components/schemas/Workflow");
    return Json{{"components", Json{{"schemas", std::move(schemas)}}}};
  }();
  return document;
}

const Json& schema_document() {
  static const Json document = [] {
    Json relaxed = component_document();
    relaxed["components"]["schemas"]["Workflow"] = Json{{"type", "object"}};
    return relaxed;
  }();
  return document;
}

Parameter wait_parameter() {
  return {"wait", "query", "Seconds to wait for the end of the run before answering.",
          literal(R"({"type": "integer", "minimum": 0, "maximum": 86400})")};
}

Parameter prefer_parameter() {
  return {
      "Prefer", "header",
      "RFC 7240. wait=N: wait up to N seconds (the server may wait less) for the end of the run.",
      literal(R"({"type": "string", "examples": ["wait=10"]})")};
}

Parameter idempotency_parameter() {
  return {"Idempotency-Key", "header",
          "A run is started once for each key and workflow; the same key gives the same run. With "
          "another input it is refused (409).",
          literal(R"({"type": "string", "minLength": 1, "maxLength": 255})")};
}

Parameter limit_parameter(int otherwise) {
  Json schema = literal(R"({"type": "integer", "minimum": 1, "maximum": 10000})");
  schema["default"] = otherwise;
  return {"limit", "query", "At most so many.", std::move(schema)};
}

}  // namespace ae::gateway
