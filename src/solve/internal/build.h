// From the search's state to a workflow with its provenance.
#pragma once

#include "solve/internal/beam.h"
#include "solve/solve.h"

namespace ae::solve::internal {

Solution build(const Problem& problem, const State& state);

// How much of a function's clause its words cover, 0..1.
double relevance(const Problem& problem, std::uint32_t function, std::size_t clause);

}  // namespace ae::solve::internal
