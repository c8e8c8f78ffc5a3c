#include "solve/internal/beam.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numeric>
#include <tuple>
#include <unordered_set>

#include "solve/internal/values.h"

namespace ae::solve::internal {
namespace {

using retrieve::Field;
using retrieve::FunctionIndex;
using retrieve::Producer;

constexpr double kTrust = 0.9;    // in what a state may still earn
constexpr double kSlack = 1.5;    // how far behind the best complete plan a state may be
constexpr double kWaiting = 0.5;  // what a value of the query that nothing uses yet may earn
constexpr double kLater = 0.7;    // of the words of requests that are still to be served
constexpr std::size_t kSinksPerState = 14;
constexpr std::size_t kProducersPerParameter = 8;
constexpr std::size_t kMaxExpansions = 20'000;  // of states: about a quarter of a second
constexpr std::size_t kMaxInstances = 4;        // of one function in a plan

struct Move {
  enum class Kind : std::uint8_t { kSink, kMention, kEdge, kProducer, kCaller, kAbsent };
  Kind kind = Kind::kCaller;
  std::uint32_t state = 0;
  std::uint32_t parameter = 0;
  std::uint32_t function = 0;  // kSink, kProducer
  std::uint32_t clause = 0;    // kSink
  std::uint32_t node = 0;      // kEdge
  std::uint32_t output = 0;    // kEdge, kProducer
  float edge = 0;
  const Fit* fit = nullptr;
  double score = 0;     // of the state after it
  double priority = 0;  // with what it may still earn
};

class Beam {
 public:
  Beam(const Problem& problem, const CallContext& context, const SolveOptions& options)
      : problem_(problem),
        index_(*problem.index),
        context_(context),
        options_(options),
        values_(problem) {}

  Result<std::vector<State>> run(std::size_t keep) {
    State root;
    root.covered.assign(problem_.words.size(), 0);
    root.next_clause = static_cast<std::uint32_t>(problem_.active.size());
    for (const Mention& mention : problem_.mentions) {
      if (mention.expected) root.score -= kWeights.unused;
    }
    nothing_ = root.score;
    states_ = {std::move(root)};
    while (!states_.empty()) {
      AE_CHECK(context_.check());
      moves_.clear();
      for (std::uint32_t i = 0; i < states_.size(); ++i) expand(i);
      expansions_ += states_.size();
      if (expansions_ > kMaxExpansions) break;
      step();
    }
    sort_best_first(finished_);
    if (finished_.size() > keep) finished_.resize(keep);
    return std::move(finished_);
  }

 private:
  const Field& field(std::uint32_t number) const { return index_.fields()[number]; }

  void expand(std::uint32_t number) {
    const State& state = states_[number];
    look_ahead(state);
    for (std::uint32_t p = 0; p < state.parameters.size(); ++p) {
      if (state.parameters[p].filling == Filling::kPending) {
        fill(number, p);
        return;
      }
    }
    if (!state.nodes.empty()) finish(state);
    if (state.nodes.size() < options_.max_nodes) add_sinks(number);
  }

  void finish(const State& state) {
    if (repeats_itself(state)) return;
    best_ = std::max(best_, state.score);
    finished_.push_back(state);
    if (finished_.size() < 2 * kMaxFinished) return;
    sort_best_first(finished_);
    finished_.resize(kMaxFinished);
  }

  void push(Move move, double delta, double hope) {
    const State& state = states_[move.state];
    rank(move, state.score + delta, state.hope + hope);
    moves_.push_back(std::move(move));
  }

  // What is not used yet may still be: else a value given to the first best parameter would look
  // better than one that waits for the right step.
  void rank(Move& move, double score, double hope) const {
    const bool sink = move.kind == Move::Kind::kSink;
    const MentionMask used =
        states_[move.state].used | (move.fit == nullptr ? 0 : MentionMask{1} << move.fit->mention);
    hope += move.fit == nullptr ? waiting_ : kWaiting * unused(used);
    hope += later_[sink ? move.clause : states_[move.state].next_clause];
    move.score = score;
    move.priority = score + kTrust * hope;
  }
  double unused(MentionMask used) const {
    return static_cast<double>(
        std::ranges::count_if(problem_.mentions, [&](const Mention& mention) {
          return mention.expected && (used & mention.overlaps) == 0;
        }));
  }
  // For all moves of one state: its unused values; and, by the clause that a state is at, the words
  // of requests before it, which are still to be served. Those passed over never will be.
  void look_ahead(const State& state) {
    waiting_ = kWaiting * unused(state.used);
    later_.assign(problem_.active.size() + 1, 0);
    for (std::size_t w = 0; w < problem_.words.size(); ++w) {
      const Word& word = problem_.words[w];
      if (word.known && word.clause < problem_.active.size())
        later_[word.clause + 1] +=
            kLater * static_cast<double>(word.weight * (1 - state.covered[w]));
    }
    for (std::size_t c = 1; c < later_.size(); ++c) later_[c] += later_[c - 1];
  }

  void add_sinks(std::uint32_t number) {
    const State& state = states_[number];
    std::vector<Move> sinks;
    for (std::uint32_t c = 0;
         c < problem_.active.size() && c <= state.next_clause && c < kMaxClauses; ++c) {
      if (!problem_.active[c]) continue;
      for (const std::uint32_t function : problem_.pool) {
        const double own = values_.clause_gain(state, function, c);
        const float acts = problem_.acts(function, c);
        // A request whose words are covered may still be meant for another value: only with slots.
        if (!problem_.justified[function]) continue;
        const std::size_t same = instances(state, function);
        const bool enough = own >= std::max(0.12, 0.2 * values_.weight_of(c));
        if (!enough && !(acts > 0 && same > 0) && !values_.takes_choice(state, function, c))
          continue;
        if (same >= kMaxInstances || (same > 0 && !values_.has_value_for(state, function, c)))
          continue;
        Move move;
        move.kind = Move::Kind::kSink;
        move.state = number;
        move.function = function;
        move.clause = c;
        double delta = values_.gain(state, function, c) - kWeights.node;
        if (sinks_of_clause(state, c) >= problem_.sinks[c]) delta -= kWeights.extra_sink;
        double hope = 0;
        values_.for_each_needed(function, [&](std::uint32_t input, bool required) {
          if (required) delta -= open_cost(field(input));
          hope += values_.hope_beside(state, input);
        });
        if (awaits_result(c)) {
          delta -= kWeights.unheeded;
          hope += kWeights.unheeded;
        }
        rank(move, state.score + delta, state.hope + hope);
        sinks.push_back(std::move(move));
      }
    }
    std::ranges::sort(sinks, [](const Move& a, const Move& b) { return before(a, b); });
    if (sinks.size() > kSinksPerState * (state.nodes.empty() ? 3 : 1)) {
      sinks.resize(kSinksPerState * (state.nodes.empty() ? 3 : 1));
    }
    for (Move& sink : sinks) moves_.push_back(std::move(sink));
  }

  void fill(std::uint32_t number, std::uint32_t p) {
    const State& state = states_[number];
    const ParameterState& parameter = state.parameters[p];
    const Field& wanted = field(parameter.field);
    const double refund = parameter.required ? open_cost(wanted) : 0;
    double hope = -values_.hope_of(parameter.field);
    fill_from_nodes(number, p, refund, hope);
    if (state.nodes.size() < options_.max_nodes) fill_from_producers(number, p, refund, hope);
    // Without an edge at the last open place nothing can hand the result on any more.
    if (pending(state) == 1) hope -= kWeights.unheeded * std::popcount(state.owed);
    fill_from_mentions(number, p, refund, hope);
    Move caller;
    caller.kind = parameter.required ? Move::Kind::kCaller : Move::Kind::kAbsent;
    caller.state = number;
    caller.parameter = p;
    push(std::move(caller), 0, hope);
  }

  void fill_from_mentions(std::uint32_t number, std::uint32_t p, double refund, double hope) {
    const State& state = states_[number];
    const ParameterState& parameter = state.parameters[p];
    for (const Fit& fit : problem_.fits(parameter.field)) {
      if (fit.score < kWeights.min_fit) break;
      const Mention& mention = problem_.mentions[fit.mention];
      if (mention.phrase && values_.covers_itself(state, p, mention)) continue;
      const bool used = (state.used & mention.overlaps) != 0;
      double delta = refund;
      if (used && values_.is_other_part(state, p, fit)) {
        delta += 0.5 * value_of(fit.score);
      } else if (used) {
        if (!values_.same_meaning(state, p, fit)) continue;
        delta += kWeights.reuse * (static_cast<double>(fit.score) - 1) -
                 values_.passing_over(state, p, mention);
      } else {
        delta +=
            value_of(fit.score) * values_.affinity(state, p, mention) -
            values_.passing_over(state, p, mention) +
            values_.regained(state, mention) * std::min(1.0, 1.4 * static_cast<double>(fit.score));
        if (mention.phrase) delta -= 0.2;
      }
      delta -= values_.tearing(state, p, Filling::kMention);
      Move move;
      move.kind = Move::Kind::kMention;
      move.state = number;
      move.parameter = p;
      move.fit = &fit;
      push(std::move(move), delta, hope);
    }
  }

  void fill_from_nodes(std::uint32_t number, std::uint32_t p, double refund, double hope) {
    const State& state = states_[number];
    const std::uint32_t owner = owner_of(state, p);
    const Field& wanted = field(state.parameters[p].field);
    for (std::uint32_t n = 0; n < state.nodes.size(); ++n) {
      if (n == owner || depends_on(state, n, owner)) continue;
      const bool loose = !is_consumed(state, n);
      for (const std::uint32_t output : index_.functions()[state.nodes[n].function].outputs) {
        const double score = values_.edge_score(output, state.parameters[p].field, wanted);
        if (score < kWeights.min_edge) continue;
        Move move;
        move.kind = Move::Kind::kEdge;
        move.state = number;
        move.parameter = p;
        move.node = n;
        move.output = output;
        move.edge = static_cast<float>(score);
        push(std::move(move),
             refund + values_.edge_value(score) + (loose ? kWeights.joined : 0) +
                 values_.relation(state, owner, n, output) -
                 values_.tearing(state, p, Filling::kEdge),
             hope);
      }
    }
  }

  void fill_from_producers(std::uint32_t number, std::uint32_t p, double refund, double hope) {
    const State& state = states_[number];
    const Field& wanted = field(state.parameters[p].field);
    const std::uint32_t owner = owner_of(state, p);
    std::vector<Move> found;
    const auto consider = [&](std::uint32_t output, double score) {
      const std::uint32_t function = field(output).function;
      if (instances(state, function) > 0 || score < kWeights.min_edge) return;
      if (!problem_.justified[function] && !problem_.stores[function]) return;
      if (std::ranges::any_of(found, [&](const Move& m) {
            return m.function == function && m.edge >= static_cast<float>(score);
          }))
        return;
      Move move;
      move.kind = Move::Kind::kProducer;
      move.state = number;
      move.parameter = p;
      move.function = function;
      move.output = output;
      move.edge = static_cast<float>(score);
      const std::uint32_t clause = clause_of(state, function, state.nodes[owner].clause);
      double delta = refund + values_.edge_value(score) - kWeights.node +
                     values_.gain(state, function, clause);
      if (values_.is_backward(state.nodes[owner].clause, clause)) delta -= kWeights.backward;
      delta += kWeights.spoken * values_.spoken(owner, state, output);
      if (values_.is_detour(state, p, function)) delta -= kWeights.detour;
      delta -= values_.tearing(state, p, Filling::kEdge);
      double more_hope = hope;
      values_.for_each_needed(function, [&](std::uint32_t input, bool required) {
        if (required) delta -= open_cost(field(input));
        more_hope += values_.hope_of(input);
      });
      rank(move, state.score + delta, state.hope + more_hope);
      found.push_back(std::move(move));
    };
    for (const Producer& producer : index_.producers(state.parameters[p].field)) {
      consider(producer.field, static_cast<double>(producer.score));
    }
    if (wanted.free_text) {
      for (const std::uint32_t function : problem_.pool) {
        if (values_.gain(state, function, state.nodes[owner].clause) < 0.25) continue;
        for (const std::uint32_t output : index_.functions()[function].outputs) {
          consider(output, values_.text_score(output, wanted));
        }
      }
    }
    std::ranges::sort(found, [](const Move& a, const Move& b) { return before(a, b); });
    if (found.size() > kProducersPerParameter) found.resize(kProducersPerParameter);
    for (Move& move : found) moves_.push_back(std::move(move));
  }

  static std::size_t pending(const State& state) {
    return static_cast<std::size_t>(
        std::ranges::count(state.parameters, Filling::kPending, &ParameterState::filling));
  }
  // "The resized image", where something is to be resized.
  bool awaits_result(std::uint32_t clause) const {
    const std::size_t of = problem_.query->clauses[clause].result_of;
    return of != plan::kNone && problem_.active[of];
  }

  static std::size_t instances(const State& state, std::uint32_t function) {
    return static_cast<std::size_t>(
        std::ranges::count(state.nodes, function, &NodeState::function));
  }
  static std::size_t sinks_of_clause(const State& state, std::uint32_t clause) {
    return static_cast<std::size_t>(std::ranges::count_if(state.nodes, [&](const NodeState& node) {
      return node.consumer == kNoNode && node.clause == clause;
    }));
  }
  // The best states go on; of each size some, because a large plan that is only begun looks better
  // than a small one that is done.
  void step() {
    std::ranges::sort(moves_, [](const Move& a, const Move& b) { return before(a, b); });
    const double least = std::max(best_ - kSlack, nothing_ - kSlack);
    std::array<std::size_t, kSizes> waiting{};
    for (const Move& move : moves_) ++waiting[size_after(move)];
    const auto sizes = static_cast<std::size_t>(
        std::ranges::count_if(waiting, [](std::size_t count) { return count > 0; }));
    const std::size_t quota = options_.beam_width / std::max<std::size_t>(sizes, 1) + 1;
    std::vector<State> next;
    std::unordered_set<std::uint64_t> seen;
    std::array<std::size_t, kSizes> taken{};
    for (const Move& move : moves_) {
      if (move.priority < least) break;
      const std::size_t size = size_after(move);
      if (taken[size] >= quota) continue;
      State state = apply(move);
      if (!seen.insert(signature(state)).second) continue;
      ++taken[size];
      next.push_back(std::move(state));
    }
    states_ = std::move(next);
  }
  std::size_t size_after(const Move& move) const {
    const bool grows = move.kind == Move::Kind::kSink || move.kind == Move::Kind::kProducer;
    return std::min(states_[move.state].nodes.size() + (grows ? 1U : 0U), kSizes - 1);
  }

  // Deterministic: no two different moves compare equal in a way that depends on memory or names.
  static bool before(const Move& a, const Move& b) {
    if (a.priority != b.priority) return a.priority > b.priority;
    return std::tuple(a.state, a.parameter, a.kind, a.function, a.node, a.output, a.clause,
                      a.fit == nullptr ? 0U : a.fit->mention) <
           std::tuple(b.state, b.parameter, b.kind, b.function, b.node, b.output, b.clause,
                      b.fit == nullptr ? 0U : b.fit->mention);
  }

  State apply(const Move& move) {
    State state = states_[move.state];
    state.score = move.score;
    if (move.kind == Move::Kind::kSink) {
      add_node(state, move.function, move.clause, kNoNode);
      state.next_clause = move.clause;
      if (awaits_result(move.clause)) {
        state.owed |= 1U << move.clause;
        state.hope += kWeights.unheeded;
      }
      settle(state);
      return state;
    }
    const std::uint32_t owner = owner_of(state, move.parameter);
    const std::uint32_t produced = static_cast<std::uint32_t>(state.nodes.size());
    state.hope -= values_.hope_of(state.parameters[move.parameter].field);
    ParameterState& parameter = state.parameters[move.parameter];
    switch (move.kind) {
      case Move::Kind::kMention:
        parameter.filling = Filling::kMention;
        parameter.fit = move.fit;
        state.used |= MentionMask{1} << move.fit->mention;
        break;
      case Move::Kind::kEdge:
      case Move::Kind::kProducer:
        parameter.filling = Filling::kEdge;
        parameter.node = move.kind == Move::Kind::kEdge ? move.node : produced;
        parameter.output = move.output;
        parameter.score = move.edge;
        break;
      case Move::Kind::kCaller:
        parameter.filling = Filling::kCaller;
        break;
      default:
        parameter.filling = Filling::kAbsent;
        break;
    }
    if (move.kind == Move::Kind::kProducer) {
      add_node(state, move.function, clause_of(state, move.function, state.nodes[owner].clause),
               owner);
    }
    settle(state);
    return state;
  }

  // Results that are handed on now, and those that never can be.
  void settle(State& state) const {
    for (std::uint32_t c = 0; state.owed >> c != 0; ++c) {
      if ((state.owed >> c & 1U) == 0) continue;
      const bool heeded = Values::heeds(state, c, problem_.query->clauses[c].result_of);
      if (!heeded && pending(state) > 0) continue;
      if (heeded) state.score += kWeights.unheeded;
      state.hope -= kWeights.unheeded;
      state.owed &= ~(1U << c);
    }
  }

  // The request whose words the function covers best; its consumer's when none.
  std::uint32_t clause_of(const State& state, std::uint32_t function,
                          std::uint32_t consumers) const {
    std::uint32_t best = consumers;
    double most = values_.clause_gain(state, function, consumers) + 0.05;
    for (std::uint32_t c = 0; c < problem_.active.size(); ++c) {
      const double own = problem_.active[c] ? values_.clause_gain(state, function, c) : 0;
      if (own > most && !values_.does_something_else(function, c)) {
        most = own;
        best = c;
      }
    }
    return best;
  }

  void add_node(State& state, std::uint32_t function, std::uint32_t clause,
                std::uint32_t consumer) {
    NodeState node;
    node.function = function;
    node.clause = clause;
    node.consumer = consumer;
    node.first = static_cast<std::uint32_t>(state.parameters.size());
    for (const std::uint32_t input : index_.functions()[function].inputs) {
      ParameterState parameter;
      parameter.field = input;
      parameter.filling = Filling::kAbsent;
      parameter.required = values_.needed(input);
      state.parameters.push_back(parameter);
    }
    node.count = static_cast<std::uint32_t>(state.parameters.size()) - node.first;
    values_.for_each_needed(function, [&](std::uint32_t input, bool) {
      for (std::uint32_t p = node.first; p < node.first + node.count; ++p) {
        if (state.parameters[p].field == input) state.parameters[p].filling = Filling::kPending;
      }
      state.hope += values_.hope_of(input);
    });
    for (std::uint32_t p = node.first; p < node.first + node.count; ++p) {
      ParameterState& parameter = state.parameters[p];
      if (parameter.required && parameter.filling == Filling::kAbsent)
        parameter.filling = Filling::kCaller;
    }
    for (std::size_t w = 0; w < problem_.words.size(); ++w) {
      state.covered[w] = std::max(state.covered[w], values_.covering(function, w, clause));
    }
    for (std::uint32_t c = 0; c < problem_.active.size() && c < kMaxClauses; ++c) {
      if (problem_.acts(function, c) > 0) state.acted |= 1U << c;
    }
    state.nodes.push_back(node);
  }

  static constexpr std::size_t kMaxFinished = 200;

  const Problem& problem_;
  const FunctionIndex& index_;
  const CallContext& context_;
  const SolveOptions& options_;
  std::vector<State> states_;
  std::vector<Move> moves_;
  std::vector<State> finished_;
  Values values_;
  static constexpr std::size_t kSizes = 64;
  double waiting_ = 0;         // look_ahead()
  std::vector<double> later_;  // look_ahead()
  double nothing_ = 0;         // score of the empty plan
  double best_ = -1e9;         // score of the best complete plan so far
  std::size_t expansions_ = 0;
};

}  // namespace

Result<std::vector<State>> search(const Problem& problem, const CallContext& context,
                                  const SolveOptions& options, std::size_t keep) {
  return Beam(problem, context, options).run(keep);
}

}  // namespace ae::solve::internal
