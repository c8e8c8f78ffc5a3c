// The search: partial workflows, grown from their sinks backwards, and how they are finished.
#pragma once

#include <cstddef>
#include <vector>

#include "base/call_context.h"
#include "solve/internal/state.h"
#include "solve/solve.h"

namespace ae::solve::internal {

// Complete plans (no pending parameter), best first, at most `keep`.
// Errors: the context's.
Result<std::vector<State>> search(const Problem& problem, const CallContext& context,
                                  const SolveOptions& options, std::size_t keep);

// Binds optional parameters to values that are left, and repeats what a list asks to be repeated
// ("in Berlin and Rome"). Changes the score.
void bind_optionals(const Problem& problem, State& state);
// Takes back what was paid for words that only an output speaks of which nobody gets to see.
void charge_lost_words(const Problem& problem, State& state);
void repeat_for_lists(const Problem& problem, State& state, std::size_t max_nodes);

}  // namespace ae::solve::internal
