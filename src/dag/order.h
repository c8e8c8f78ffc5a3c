#pragma once

#include <vector>

#include "base/result.h"
#include "dag/workflow.h"

namespace ae::dag {

// Data dependencies and dependsOn, by index into workflow.nodes, each once, ascending.
// References to unknown nodes are left out (validate() reports them).
std::vector<std::vector<std::size_t>> dependencies(const Workflow& workflow);

// Orders nodes so that each follows its inputs. O((nodes + edges) log nodes).
// Ties keep declaration order, so that whatever is printed from a workflow stays stable.
// Errors: kFailedPrecondition, naming the ids of one cycle ("a -> b -> a").
// Source: Action Engine paper, topological ordering. Threads: pure.
Result<std::vector<std::size_t>> topological_order(const Workflow& workflow);

}  // namespace ae::dag
