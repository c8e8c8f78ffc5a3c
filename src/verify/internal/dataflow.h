// Checks every edge of a workflow: what flows along it against what its end accepts.
#pragma once

#include <map>
#include <vector>

#include "dag/diagnostic.h"
#include "dag/function_spec.h"
#include "dag/workflow.h"

namespace ae::verify::internal {

// The specs of the nodes whose function is known.
using SpecByNode = std::map<dag::NodeId, const dag::FunctionSpec*>;

// Appends to `out`: unknown_parameter, missing_argument, unknown_output, type_clash,
// input_type_clash, literal_invalid, narrowed_type. References to unknown nodes and inputs are
// skipped: dag::validate() reports them.
void check_dataflow(const dag::Workflow& workflow, const SpecByNode& specs,
                    std::vector<dag::Diagnostic>& out);

}  // namespace ae::verify::internal
