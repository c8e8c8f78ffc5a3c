// Sub-tasks -> candidate functions.
//
// Source: Action Engine paper, "top-k from the Func Repo"; here BM25 and the index's own words
// (with synonyms) per clause and for the whole query, fused by reciprocal rank, then one hop to the
// producers of what the candidates need. A repository no larger than the pool is the pool.
// Input: a plan::Query, the repository. Output: a pool, best first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/call_context.h"
#include "dag/function_spec.h"
#include "plan/query.h"
#include "repository/repository.h"
#include "retrieve/function_index.h"

namespace ae::retrieve {

struct Candidate {
  std::string function;
  std::uint32_t number = 0;           // in the index
  double score = 0;                   // fused, 0..1
  std::vector<double> clause_scores;  // by clause of the query; 0: not retrieved for it
  bool by_hop = false;                // came in only as a producer of another candidate's input
};

struct Pool {
  std::shared_ptr<const repository::Repository::Snapshot> snapshot;  // what the names refer to
  std::shared_ptr<const FunctionIndex> index;                        // of the snapshot
  std::vector<Candidate> candidates;                                 // best first
};

struct RetrieveOptions {
  std::size_t per_clause = 20;
  std::size_t pool_size = 80;
};

// Errors: the context's, the repository's. Deterministic.
Result<Pool> retrieve(const plan::Query& query, const repository::Repository& repository,
                      const CallContext& context, const RetrieveOptions& options = {});

}  // namespace ae::retrieve
