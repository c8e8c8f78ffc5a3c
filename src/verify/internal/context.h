// What every check reads, and where it puts its findings.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "json/schema.h"
#include "verify/verify.h"

namespace ae::verify::internal {

// A parameter of a function.
struct Parameter {
  std::string name;
  json::SchemaPart schema;
  bool needed = false;  // required, and no default stands in
};

class Context final {
 public:
  Context(const dag::Workflow& workflow, const FunctionLookup& lookup,
          const std::vector<std::string>& known_functions, const Evidence* evidence);

  const dag::Workflow& workflow;
  const FunctionLookup& lookup;
  const std::vector<std::string>& known_functions;
  const Evidence* evidence;                      // nullptr for a workflow written by hand
  std::vector<const dag::FunctionSpec*> specs;   // by node; nullptr: unknown function
  std::vector<std::vector<std::size_t>> inputs;  // dag::dependencies()
  std::vector<std::size_t> rank;                 // topological; empty when there is a cycle

  void error(std::string code, std::string pointer, std::string message, std::string fix,
             std::vector<std::string> candidates = {});
  void warning(std::string code, std::string pointer, std::string message, std::string fix,
               std::vector<std::string> candidates = {});

  // nullptr for an unknown step.
  const dag::Node* node(const dag::NodeId& id) const;
  const dag::FunctionSpec* spec_of(const dag::NodeId& id) const;
  std::optional<std::size_t> index_of(const dag::NodeId& id) const;

  // Sources that certainly fit, best first: inputs, and outputs of steps that run before `node`.
  // Spelt "input name" and "step.field". Empty for large workflows and after many calls.
  std::vector<std::string> fitting_sources(std::size_t node, const Parameter& parameter);

  std::vector<dag::Diagnostic> take() { return std::move(found_); }

 private:
  std::unordered_map<dag::NodeId, std::size_t> index_;
  std::vector<dag::Diagnostic> found_;
  int searches_left_ = 20;
};

std::string node_pointer(std::size_t index);
// The declared type for messages: "string", "integer or null", "any".
std::string type_text(const Json& schema);
// No statement about the members of an object: {}, true, {type: object}.
bool declares_nothing(const Json& schema);
// Its schemas are guesses: nothing that rests on them is proven, and nothing disproven.
inline bool is_guess(const dag::FunctionSpec* spec) {
  return spec != nullptr && spec->schemas == dag::SchemaSource::kInferred;
}
// nullopt when the function does not declare it.
std::optional<Parameter> parameter_of(const dag::FunctionSpec& spec, const std::string& name);
// The schema of an input of the workflow; nullptr when it is not declared.
const Json* input_schema(const dag::Workflow& workflow, const std::string& name);
// Up to `most` names that may have been meant, nearest first.
std::vector<std::string> near_names(std::string_view wanted, std::vector<std::string> names,
                                    std::size_t most);

// The checks. Each reads the context and adds findings.
void check_functions(Context& context);  // unknown_function, unknown_version
void check_dataflow(Context& context);   // from parameters to types
void check_steps(Context& context);      // duplicates, writers, unused output, effects, goals
void check_evidence(Context& context);   // grounding, clauses, identifiers

}  // namespace ae::verify::internal
