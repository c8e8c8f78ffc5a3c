// Whether what was asked for is served: never force a choice.
#pragma once

#include <cstddef>

#include "solve/internal/beam.h"

namespace ae::solve::internal {

// True when the plan does what the clause asks. A specific verb must be done by some step; what is
// wanted must be spoken of by the steps, or be one of their values.
bool is_served(const Problem& problem, const State& state, std::size_t clause);

}  // namespace ae::solve::internal
