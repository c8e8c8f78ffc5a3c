// What must hold of any workflow, whatever its functions are.
//
// Codes (stable): empty_workflow, invalid_name, duplicate_node, unknown_node, unknown_input,
// self_reference, cycle, invalid_inputs_schema, invalid_retry, invalid_timeout, unused_input
// (warning), missing_outputs (warning), plus parse_workflow()'s: invalid_document, missing_member,
// unknown_member, wrong_type, unsupported_version.
//
// Names of workflows and ids of steps match [A-Za-z0-9][A-Za-z0-9_-]{0,62}. Retry: 1 to 100
// attempts, waits of 0 to 86400 s, a multiplier of 1 to 100. Timeouts: above 0, at most 86400 s.
#pragma once

#include <vector>

#include "dag/diagnostic.h"
#include "dag/workflow.h"

namespace ae::dag {

// In document order. Threads: pure. O(nodes + edges).
std::vector<Diagnostic> validate(const Workflow& workflow);

}  // namespace ae::dag
