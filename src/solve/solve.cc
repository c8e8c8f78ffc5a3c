#include "solve/solve.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "solve/internal/beam.h"
#include "solve/internal/build.h"
#include "solve/internal/served.h"

namespace ae::solve {
namespace {

using internal::Problem;
using internal::State;

constexpr std::size_t kFinalists = 60;
constexpr std::size_t kNearest = 3;

std::multiset<std::uint32_t> functions_of(const State& state) {
  std::multiset<std::uint32_t> functions;
  for (const internal::NodeState& node : state.nodes) functions.insert(node.function);
  return functions;
}

// From the margin to the best plan of other functions, and how much is still to be asked for.
double confidence_of(const std::vector<State>& finalists, std::size_t missing_inputs) {
  double margin = 1;
  const std::multiset<std::uint32_t> best = functions_of(finalists.front());
  for (const State& state : finalists) {
    if (functions_of(state) == best) continue;
    margin = finalists.front().score - state.score;
    break;
  }
  const double sure = 0.5 + 0.5 * std::tanh(1.5 * margin);
  return std::clamp(sure * std::pow(0.85, static_cast<double>(missing_inputs)), 0.0, 1.0);
}

class Solver {
 public:
  Solver(const plan::Query& query, const retrieve::Pool& pool, const CallContext& context,
         const SolveOptions& options)
      : query_(query), pool_(pool), context_(context), options_(options) {}

  Result<std::vector<Solution>> run() {
    for (const plan::Clause& clause : query_.clauses)
      active_.push_back(clause.asks && !clause.tokens.empty());
    for (std::size_t c = internal::kMaxClauses; c < active_.size(); ++c) active_[c] = false;
    const Problem first = internal::make_problem(query_, pool_, active_);
    while (std::ranges::find(active_, true) != active_.end()) {
      const Problem problem = internal::make_problem(query_, pool_, active_);
      AE_TRY(std::vector<State> finalists, search(problem));
      if (finalists.empty() || !drop_unserved(problem, finalists.front())) {
        return finalists.empty() ? std::vector{nothing(first)}
                                 : solutions(first, problem, finalists);
      }
    }
    return std::vector{nothing(first)};
  }

 private:
  Result<std::vector<State>> search(const Problem& problem) const {
    AE_TRY(std::vector<State> finalists, internal::search(problem, context_, options_, kFinalists));
    for (State& state : finalists) {
      internal::bind_optionals(problem, state);
      internal::repeat_for_lists(problem, state, options_.max_nodes);
      internal::charge_lost_words(problem, state);
    }
    internal::sort_best_first(finalists);
    return finalists;
  }

  // True when a clause turned out to be served by nothing: the rest is then planned without it.
  bool drop_unserved(const Problem& problem, const State& best) {
    bool dropped = false;
    for (std::size_t c = 0; c < active_.size(); ++c) {
      if (!active_[c] || internal::is_served(problem, best, c)) continue;
      active_[c] = false;
      dropped = true;
    }
    return dropped;
  }

  void list_clauses(const Problem& first, Solution& solution) const {
    for (std::size_t c = 0; c < query_.clauses.size() && c < internal::kMaxClauses; ++c) {
      if (active_[c]) {
        solution.served_clauses.push_back(c);
      } else if (query_.clauses[c].asks) {
        solution.unserved_clauses.push_back({c, nearest(first, c)});
      }
    }
  }

  static std::vector<StepProvenance::Rejected> nearest(const Problem& first, std::size_t clause) {
    std::vector<StepProvenance::Rejected> found;
    for (const std::uint32_t function : first.pool) {
      const double score = internal::relevance(first, function, clause);
      if (score > 0) found.push_back({first.index->functions()[function].spec->name, score});
    }
    std::ranges::sort(found, [](const auto& a, const auto& b) {
      return a.score != b.score ? a.score > b.score : a.function < b.function;
    });
    if (found.size() > kNearest) found.resize(kNearest);
    return found;
  }

  Solution nothing(const Problem& first) {
    active_.assign(active_.size(), false);
    Solution solution;
    list_clauses(first, solution);
    return solution;
  }

  std::vector<Solution> solutions(const Problem& first, const Problem& problem,
                                  const std::vector<State>& finalists) const {
    std::vector<Solution> result;
    std::set<std::multiset<std::uint32_t>> seen;
    for (const State& state : finalists) {
      if (result.size() > options_.alternatives) break;
      if (!seen.insert(functions_of(state)).second) continue;
      Solution solution = internal::build(problem, state);
      solution.score = state.score;
      list_clauses(first, solution);
      solution.confidence = confidence_of(finalists, solution.missing_inputs.size());
      result.push_back(std::move(solution));
    }
    return result;
  }

  const plan::Query& query_;
  const retrieve::Pool& pool_;
  const CallContext& context_;
  const SolveOptions& options_;
  std::vector<bool> active_;
};

}  // namespace

Result<std::vector<Solution>> solve(const plan::Query& query, const retrieve::Pool& pool,
                                    const CallContext& context, const SolveOptions& options) {
  return Solver(query, pool, context, options).run();
}

}  // namespace ae::solve
