// Candidates -> workflow: chooses functions, orders them, binds every parameter.
//
// Source: Action Engine paper, function selection, topological ordering, parameter classification
// and data dependency construction, as one search instead of separate calls: sinks first, then
// typed backward chaining (converters included) in a beam. Input: query and pool. Output: the best
// workflow with its provenance, runner-ups, and what is missing. Deterministic.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "base/call_context.h"
#include "dag/workflow.h"
#include "plan/query.h"
#include "retrieve/retrieve.h"

namespace ae::solve {

// Why a step is there.
struct StepProvenance {
  dag::NodeId node;
  std::vector<plan::Span> words;  // of the query
  double score = 0;               // relevance of the chosen function, 0..1
  std::string reason;             // "serves \"play music\"", "produces song_title for playmusic"
  struct Rejected {
    std::string function;
    double score = 0;
  };
  std::vector<Rejected> rejected;  // near misses, best first, at most 3
};

// Where a parameter's value comes from.
struct BindingProvenance {
  dag::NodeId node;
  std::string parameter;
  std::string from;               // "query", "step", "default", "caller"
  std::vector<plan::Span> words;  // for "query"
  double score = 0;               // 0..1
  std::string reason;             // "same name and type", "a name, as the description asks for"
};

struct InputProvenance {
  std::string input;              // name in the workflow's inputs
  std::vector<plan::Span> words;  // empty: the query does not give it
  Json value;                     // null when not given
  enum class Kind { kEntity, kSetting } kind = Kind::kEntity;
};

struct UnservedClause {
  std::size_t clause = 0;
  std::vector<StepProvenance::Rejected> nearest;  // the nearest functions, at most 3
};

struct Solution {
  dag::Workflow workflow;                   // unlinked, nodes in topological order, goals filled in
  Json first_inputs = Json::object();       // the query's values by input name
  std::vector<std::string> missing_inputs;  // required inputs for which the query has no value
  std::vector<StepProvenance> steps;
  std::vector<BindingProvenance> bindings;
  std::vector<InputProvenance> inputs;
  std::vector<std::size_t> served_clauses;
  std::vector<UnservedClause> unserved_clauses;
  double score = 0;
  double confidence = 0;  // 0..1, from the margin to the best different runner-up
};

struct SolveOptions {
  std::size_t beam_width = 64;
  std::size_t max_nodes = 12;
  std::size_t alternatives = 3;
};

// Best first, never empty. When no function serves anything in the query the only solution has no
// nodes and says which clauses are unserved.
// Errors: the context's.
Result<std::vector<Solution>> solve(const plan::Query& query, const retrieve::Pool& pool,
                                    const CallContext& context, const SolveOptions& options = {});

}  // namespace ae::solve
