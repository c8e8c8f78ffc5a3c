// A workflow's graph as nested sequences and parallels, for platforms that have no other
// parallelism.
//
// Series-parallel graphs keep their shape. Any other graph is cut between two of its levels, so
// that some steps wait longer than their data ask: no edge is lost, and as every cut is between
// levels, the longest chain of steps grows no longer.
#pragma once

#include <cstddef>
#include <vector>

#include "base/result.h"
#include "dag/workflow.h"

namespace ae::compile {

struct Stage {
  enum class Kind { kStep, kSequence, kParallel };
  Kind kind = Kind::kStep;
  std::size_t step = 0;         // of a kStep: index into workflow.nodes
  std::vector<Stage> children;  // of the others: two or more, none of the stage's own kind
  bool operator==(const Stage&) const = default;
};

// Where a sequence makes steps wait for more than they use.
struct Barrier {
  std::vector<std::size_t> before;  // the steps that all have to be over …
  std::vector<std::size_t> after;   // … before any of these starts
  bool operator==(const Barrier&) const = default;
};

struct Stages {
  Stage root;                     // steps in it: every node once
  std::vector<Barrier> barriers;  // empty: the graph is series-parallel
};

// Parallels nest at most `max_depth` deep (1 or more); a graph that wants more is cut into levels.
// Errors: kFailedPrecondition for a cycle, kInvalidArgument without nodes.
// O(max_depth * (nodes + edges)), times a logarithm where it has to cut. Order: the declared one.
// Threads: pure.
Result<Stages> stages_of(const dag::Workflow& workflow, std::size_t max_depth);

}  // namespace ae::compile
