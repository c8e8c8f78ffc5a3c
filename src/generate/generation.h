// What every engine answers: a workflow, where it came from, and what is missing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dag/diagnostic.h"
#include "dag/link.h"
#include "dag/workflow.h"
#include "json/json.h"

namespace ae::generate {

enum class Status {
  kReady,             // verified, and the query gave every value: can run as it is
  kNeedsInput,        // verified; some required inputs have no value yet
  kMissingFunctions,  // part of what was asked for is served by no function
  kInvalid,           // no request could be made out, or the workflow could not be proven
};
std::string_view to_string(
    Status status);  // "ready", "needs_input", "missing_functions", "invalid"

// A part of the query that no function serves.
struct MissingFunction {
  std::string clause;                // its words
  std::vector<std::string> nearest;  // functions that come nearest, best first
  std::string suggested_name;        // for a function that would serve it
};

struct Generation {
  Status status = Status::kInvalid;
  std::string query;
  std::string engine;                  // "embedded"
  dag::Workflow workflow;              // empty nodes when there is none
  dag::LinkedWorkflow linked;          // meaningful when status is kReady or kNeedsInput
  Json first_inputs = Json::object();  // the query's values: input of the first run
  Json needs_input;                    // JSON Schema of what to ask for, or null
  std::vector<MissingFunction> missing_functions;
  std::vector<dag::Diagnostic> diagnostics;
  Json provenance = Json::object();  // {steps, bindings, inputs}: spans are [begin, end) in bytes
  std::vector<dag::Workflow> alternatives;  // runner-ups, verified
  double confidence = 0;

  bool can_be_registered() const {
    return status == Status::kReady || status == Status::kNeedsInput;
  }
};

// The REST and CLI form.
Json to_json(const Generation& generation);

}  // namespace ae::generate
