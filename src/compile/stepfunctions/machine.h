// What both query languages have in common: the workflow laid out as states, before any of them is
// written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compile/compiler.h"
#include "compile/fields.h"
#include "compile/stages.h"
#include "compile/unique_names.h"

namespace ae::compile::stepfunctions {

// A Lambda function that the template deploys from a package.
struct DeployedFunction {
  std::string logical_id;    // "ResizeFunction"
  std::string substitution;  // "ResizeFunctionArn", of the definition
  std::string folder;        // "functions/resize", relative to the template
  const dag::FunctionSpec* spec = nullptr;
  std::int64_t timeout_seconds = 0;  // the longest that a step gives it
};

// A stage with its name and the positions of its steps in the order of the states, [first, last).
struct Block {
  Stage::Kind kind = Stage::Kind::kStep;
  std::size_t step = 0;
  std::string name;  // of its state; empty for a sequence
  std::size_t first = 0;
  std::size_t last = 0;
  std::vector<Block> children;
};

// Retrying as ASL counts it.
struct Retrier {
  std::int64_t interval_seconds = 1;
  double backoff_rate = 2;
  std::int64_t max_attempts = 0;  // after the first
  std::optional<std::int64_t> max_delay_seconds;
};

struct Machine {
  const dag::LinkedWorkflow* linked = nullptr;
  Block root;
  // Of each step: its position, and that of the last step that uses its result; outputs count as
  // the position after the last. Nothing when no one does.
  std::vector<std::size_t> position;
  std::vector<std::optional<std::size_t>> last_use;
  std::vector<InputProperty> inputs;
  std::vector<DeployedFunction> functions;          // in the order of their first use
  std::vector<std::size_t> function_of;             // of each step, index, or npos
  std::map<std::string_view, std::size_t> step_of;  // by id
  UniqueNames state_names{" "};
  std::vector<std::string> explanations;
  std::vector<dag::Diagnostic> diagnostics;

  const dag::Node& node(std::size_t step) const { return linked->workflow.nodes[step]; }
  const dag::FunctionSpec& spec(std::size_t step) const { return linked->spec_of(node(step)); }
  std::size_t size() const { return linked->workflow.nodes.size(); }
  // Is the step's result used at or after `position`?
  bool is_used_from(std::size_t step, std::size_t from) const {
    return last_use[step] && *last_use[step] >= from;
  }
  // Steps of the block whose results are used after it, in the order of the states.
  std::vector<std::size_t> exports_of(const Block& block) const;

  std::vector<std::size_t> order;  // steps by position
};

struct Options {
  bool jsonpath = false;
  bool express = false;
  bool endpoint = true;
  bool unwrap = true;      // responses in the habit of API Gateway
  std::string connection;  // ARN for functions that are HTTP services; "" for none
};

// Lays the workflow out; what cannot be expressed in either language is among the diagnostics.
// Errors: stages_of()'s.
Result<Machine> machine_of(const dag::LinkedWorkflow& linked, const Options& options);

// Nothing when the step must not be retried.
std::optional<Retrier> retrier_of(const Machine& machine, std::size_t step);
std::int64_t timeout_seconds(const Machine& machine, std::size_t step);

// "step b", "steps b and c", "steps b, c and 4 more"
std::string steps_text(const Machine& machine, const std::vector<std::size_t>& steps);

void report(Machine& machine, dag::Severity severity, std::string code, std::string pointer,
            std::string message, std::string fix);

// The definition, a JSON text that ends with a newline. What the language cannot express is added
// to the machine's diagnostics, and the text is then meaningless.
std::string write_jsonata(Machine& machine, const Options& options);
std::string write_jsonpath(Machine& machine, const Options& options);

// Where the template expects a layer of a function, counted from 0.
std::string layer_folder(const DeployedFunction& function, std::size_t index);
// May a Lambda function's environment not set this variable?
bool is_reserved_variable(std::string_view name);

// The SAM template, YAML.
std::string write_template(const Machine& machine, const Options& options);

}  // namespace ae::compile::stepfunctions
