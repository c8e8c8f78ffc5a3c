// A workflow together with the specs of exactly the function versions that it pins: all that
// compile and execute need.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "dag/diagnostic.h"
#include "dag/function_spec.h"
#include "dag/workflow.h"

namespace ae::dag {

struct LinkedWorkflow {
  Workflow workflow;                              // every node's version filled in
  std::map<std::string, FunctionSpec> functions;  // by function_key()
  bool operator==(const LinkedWorkflow&) const = default;

  // The node must belong to this workflow.
  const FunctionSpec& spec_of(const Node& node) const;
};

// "name@version"
std::string function_key(std::string_view name, std::string_view version);

Json to_json(const FunctionSpec& spec);
// Errors: kInvalidArgument naming the member. Reads what to_json() writes.
Result<FunctionSpec> function_spec_from_json(const Json& json);

Json to_json(const LinkedWorkflow& linked);
Result<LinkedWorkflow> linked_workflow_from_json(const Json& json);

}  // namespace ae::dag
