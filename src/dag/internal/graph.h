#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "dag/workflow.h"

namespace ae::dag::internal {

// Indices of one cycle in the direction of the data, the first repeated at the end; empty when
// there is none. `dependencies` as dag::dependencies() gives them.
std::vector<std::size_t> find_cycle(const std::vector<std::vector<std::size_t>>& dependencies);

// "a -> b -> a", long ones shortened in the middle.
std::string cycle_text(const Workflow& workflow, const std::vector<std::size_t>& cycle);

}  // namespace ae::dag::internal
