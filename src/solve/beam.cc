#include "solve/internal/beam.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <tuple>
#include <unordered_set>

#include "plan/lexicon.h"

namespace ae::solve::internal {
namespace {

using retrieve::Field;
using retrieve::FunctionIndex;
using retrieve::Producer;

constexpr double kTrust = 0.9;  // in what a state may still earn
constexpr double kSlack = 1.5;  // how far behind the best complete plan a state may be
constexpr std::size_t kSinksPerState = 14;
constexpr std::size_t kProducersPerParameter = 8;
constexpr std::size_t kMaxExpansions = 20'000;  // of states: about a quarter of a second
constexpr std::size_t kMaxParameters = 12;      // of one function that are looked at
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
      : problem_(problem), index_(*problem.index), context_(context), options_(options) {}

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

  // --- moves -------------------------------------------------------------------------------

  void expand(std::uint32_t number) {
    const State& state = states_[number];
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

  // Two steps that would do the very same.
  static bool repeats_itself(const State& state) {
    for (std::size_t a = 0; a < state.nodes.size(); ++a) {
      for (std::size_t b = a + 1; b < state.nodes.size(); ++b) {
        if (state.nodes[a].function != state.nodes[b].function) continue;
        bool same = true;
        for (std::uint32_t p = 0; p < state.nodes[a].count && same; ++p) {
          const ParameterState& one = state.parameters[state.nodes[a].first + p];
          const ParameterState& two = state.parameters[state.nodes[b].first + p];
          same = one.filling == two.filling && one.fit == two.fit && one.node == two.node &&
                 one.output == two.output;
        }
        if (same) return true;
      }
    }
    return false;
  }

  void push(Move move, double delta, double hope) {
    const State& state = states_[move.state];
    move.score = state.score + delta;
    move.priority = move.score + kTrust * (state.hope + hope);
    moves_.push_back(std::move(move));
  }

  void add_sinks(std::uint32_t number) {
    const State& state = states_[number];
    std::vector<Move> sinks;
    for (std::uint32_t c = 0;
         c < problem_.active.size() && c <= state.next_clause && c < kMaxClauses; ++c) {
      if (!problem_.active[c]) continue;
      for (const std::uint32_t function : problem_.pool) {
        const double own = clause_gain(state, function, c);
        const float acts = problem_.acts(function, c);
        // A request whose words are covered may still be meant for another value: only with slots.
        if (!problem_.justified[function]) continue;
        const std::size_t same = instances(state, function);
        const bool enough = own >= std::max(0.12, 0.2 * weight_of(c));
        if (!enough && !(acts > 0 && same > 0) && !takes_choice(state, function, c)) continue;
        if (same >= kMaxInstances || (same > 0 && !has_value_for(state, function, c))) continue;
        Move move;
        move.kind = Move::Kind::kSink;
        move.state = number;
        move.function = function;
        move.clause = c;
        double delta = gain(state, function, c) - kWeights.node;
        if (sinks_of(state) >= active_clauses()) delta -= kWeights.extra_sink;
        if (sinks_of_clause(state, c) > 0)
          delta -= kWeights.action * static_cast<double>(acts) + 0.1;
        double hope = 0;
        for_each_needed(function, [&](std::uint32_t input, bool required) {
          if (required) delta -= open_cost(field(input));
          hope += hope_of(input);
        });
        move.score = state.score + delta;
        move.priority = move.score + kTrust * (state.hope + hope);
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
    const double hope = -hope_of(parameter.field);
    fill_from_mentions(number, p, refund, hope);
    fill_from_nodes(number, p, refund, hope);
    if (state.nodes.size() < options_.max_nodes) fill_from_producers(number, p, refund, hope);
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
      if (mention.phrase && covers_itself(state, p, mention)) continue;
      const bool used = (state.used & mention.overlaps) != 0;
      double delta = refund;
      if (used && is_other_part(state, p, fit)) {
        delta += 0.5 * value_of(fit.score);
      } else if (used) {
        if (!same_meaning(state, p, fit)) continue;
        delta +=
            kWeights.reuse * (static_cast<double>(fit.score) - 1) - passing_over(state, p, mention);
      } else {
        delta += value_of(fit.score) * affinity(state, p, mention) -
                 passing_over(state, p, mention) +
                 regained(state, mention) * std::min(1.0, 1.4 * static_cast<double>(fit.score));
        if (mention.phrase) delta -= 0.2;
      }
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
        const double score = edge_score(output, state.parameters[p].field, wanted, state, n);
        if (score < kWeights.min_edge) continue;
        Move move;
        move.kind = Move::Kind::kEdge;
        move.state = number;
        move.parameter = p;
        move.node = n;
        move.output = output;
        move.edge = static_cast<float>(score);
        push(std::move(move),
             refund + edge_value(score) + (loose ? kWeights.joined : 0) +
                 relation(state, owner, n, output),
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
      if (!problem_.justified[function]) return;
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
      double delta = refund + edge_value(score) - kWeights.node + gain(state, function, clause);
      if (is_backward(state.nodes[owner].clause, clause)) delta -= kWeights.backward;
      delta += kWeights.spoken * spoken(owner, state, output);
      if (is_detour(state, p, function)) delta -= kWeights.detour;
      double more_hope = hope;
      for_each_needed(function, [&](std::uint32_t input, bool required) {
        if (required) delta -= open_cost(field(input));
        more_hope += hope_of(input);
      });
      move.score = state.score + delta;
      move.priority = move.score + kTrust * (state.hope + more_hope);
      found.push_back(std::move(move));
    };
    for (const Producer& producer : index_.producers(state.parameters[p].field)) {
      consider(producer.field, static_cast<double>(producer.score));
    }
    if (wanted.free_text) {
      for (const std::uint32_t function : problem_.pool) {
        if (gain(state, function, state.nodes[owner].clause) < 0.25) continue;
        for (const std::uint32_t output : index_.functions()[function].outputs) {
          consider(output, text_score(output, wanted));
        }
      }
    }
    std::ranges::sort(found, [](const Move& a, const Move& b) { return before(a, b); });
    if (found.size() > kProducersPerParameter) found.resize(kProducersPerParameter);
    for (Move& move : found) moves_.push_back(std::move(move));
  }

  // --- values ------------------------------------------------------------------------------

  static double edge_value(double score) { return kWeights.weak_edge * (score - 1); }

  double edge_score(std::uint32_t output, std::uint32_t input, const Field& wanted,
                    const State& state, std::uint32_t node) const {
    double score = 0;
    for (const Producer& producer : index_.producers(input)) {
      if (producer.field == output) score = static_cast<double>(producer.score);
    }
    // A message carries whatever the steps of the request found out.
    if (wanted.free_text && state.nodes[node].clause <= problem_.active.size()) {
      score = std::max(score, text_score(output, wanted));
    }
    return score;
  }

  // Requests are carried out in the order in which they are said, unless a word says otherwise;
  // what belongs together comes from one step.
  double relation(const State& state, std::uint32_t consumer, std::uint32_t producer,
                  std::uint32_t output) const {
    double sum = 0;
    const NodeState& at = state.nodes[consumer];
    const std::uint32_t from = state.nodes[producer].clause;
    if (is_backward(at.clause, from)) sum -= kWeights.backward;
    bool together = false;
    for (std::uint32_t p = at.first; p < at.first + at.count; ++p) {
      const ParameterState& parameter = state.parameters[p];
      if (parameter.filling != Filling::kEdge || parameter.node != producer) continue;
      // One value for two parameters of a step: from a currency into the same.
      if (parameter.output == output) sum -= kWeights.twice;
      together = true;
    }
    return sum + (together ? kWeights.cohesion : 0) +
           kWeights.spoken * spoken(consumer, state, output);
  }

  // "The manager's email": of the ids at hand the one that the request speaks of.
  double spoken(std::uint32_t consumer, const State& state, std::uint32_t output) const {
    const NodeState& at = state.nodes[consumer];
    double most = 0;
    for (std::size_t w = 0; w < problem_.words.size(); ++w) {
      const Word& word = problem_.words[w];
      if (word.clause != at.clause || problem_.covers(at.function, w) >= 0.3F) continue;
      const std::string& stem = problem_.query->tokens[word.token].stem;
      const std::vector<std::string>& stems = field(output).stems;
      if (std::ranges::find(stems, stem) != stems.end())
        most = std::max(most, static_cast<double>(word.weight));
    }
    return std::min(most, 1.0);
  }

  bool is_backward(std::uint32_t consumer, std::uint32_t producer) const {
    return producer > consumer &&
           problem_.query->clauses[consumer].order != plan::OrderHint::kBefore;
  }

  // The id of a user by way of the user's email by way of the user's id: what the function asks for
  // is what it is to help to find.
  bool is_detour(const State& state, std::uint32_t p, std::uint32_t function) const {
    for (const std::uint32_t input : index_.functions()[function].inputs) {
      const Field& asked = field(input);
      if (!asked.identifier && asked.format.empty() && asked.pattern.empty()) continue;
      std::uint32_t at = p;
      while (at != kNoNode) {
        const Field& wanted = field(state.parameters[at].field);
        if (wanted.types == asked.types && retrieve::similarity(wanted, asked) > 0.8) return true;
        at = fed_by(state, owner_of(state, at));
      }
    }
    return false;
  }
  // The parameter for whose sake a step was added, or kNoNode.
  static std::uint32_t fed_by(const State& state, std::uint32_t node) {
    const std::uint32_t consumer = state.nodes[node].consumer;
    if (consumer == kNoNode) return kNoNode;
    const NodeState& at = state.nodes[consumer];
    for (std::uint32_t p = at.first; p < at.first + at.count; ++p) {
      if (state.parameters[p].filling == Filling::kEdge && state.parameters[p].node == node)
        return p;
    }
    return kNoNode;
  }

  // How natural an output is as the text of a message: words for people before ids and numbers.
  double text_score(std::uint32_t output, const Field& wanted) const {
    const Field& produced = field(output);
    if ((produced.types & retrieve::kStringType) == 0 || produced.types == retrieve::kAnyType)
      return 0;
    if (index_.edge(output, wanted_number(wanted)).score <= 0 && !plain_string(produced, wanted))
      return 0;
    double score = 0.5;
    if (produced.identifier || !produced.format.empty()) score = 0.25;
    if (!produced.pattern.empty() || !produced.choices.empty()) score = std::min(score, 0.25);
    // The receipt of a message is not what the next one is about.
    if (!index_.functions()[produced.function].spec->effects.empty()) return 0;
    const Field& whole = produced;
    double words = 0;
    for (const retrieve::Term& term : whole.terms) {
      for (std::size_t w = 0; w < problem_.words.size(); ++w) {
        if (index_.stem_id(problem_.query->tokens[problem_.words[w].token].stem) == term.stem) {
          words = std::max(words, static_cast<double>(problem_.words[w].weight));
        }
      }
    }
    return std::min(0.85, score + 0.2 * words);
  }
  std::uint32_t wanted_number(const Field& wanted) const {
    return static_cast<std::uint32_t>(&wanted - index_.fields().data());
  }
  static bool plain_string(const Field& produced, const Field& wanted) {
    return produced.types == retrieve::kStringType && (wanted.types & retrieve::kStringType) != 0 &&
           wanted.pattern.empty() && wanted.format.empty() && wanted.choices.empty();
  }

  // What a step adds: words of the query that it covers better than the others, and verbs.
  double weight_of(std::uint32_t clause) const {
    double sum = 0;
    for (const Word& word : problem_.words) {
      if (word.clause == clause && word.known) sum += static_cast<double>(word.weight);
    }
    return sum;
  }
  double gain(const State& state, std::uint32_t function, std::uint32_t clause) const {
    double sum = 0;
    for (std::size_t w = 0; w < problem_.words.size(); ++w) {
      const float more = covering(function, w, clause) - state.covered[w];
      if (more > 0) sum += static_cast<double>(more * problem_.words[w].weight);
    }
    for (std::uint32_t c = 0; c < problem_.active.size() && c < kMaxClauses; ++c) {
      if ((state.acted >> c & 1U) != 0) continue;
      sum += kWeights.action * static_cast<double>(problem_.acts(function, c)) *
             (c == clause ? 1 : kWeights.elsewhere);
    }
    return sum;
  }
  float covering(std::uint32_t function, std::size_t word, std::uint32_t clause) const {
    const float share =
        problem_.words[word].clause == clause ? 1.0F : static_cast<float>(kWeights.elsewhere);
    return problem_.covers(function, word) * share;
  }
  double clause_gain(const State& state, std::uint32_t function, std::uint32_t clause) const {
    double sum = 0;
    for (std::size_t w = 0; w < problem_.words.size(); ++w) {
      if (problem_.words[w].clause != clause) continue;
      const float more = problem_.covers(function, w) - state.covered[w];
      if (more > 0) sum += static_cast<double>(more * problem_.words[w].weight);
    }
    if ((state.acted >> clause & 1U) == 0) {
      sum += kWeights.action * static_cast<double>(problem_.acts(function, clause));
    }
    return sum;
  }

  // What a pending parameter may yet earn over being left to the caller: a value of the query, or
  // half of its cost when some step could produce it, since that step costs something, too.
  double hope_of(std::uint32_t input) {
    if (hopes_.empty()) hopes_.assign(index_.fields().size(), -1);
    float& memo = hopes_[input];
    if (memo >= 0) return static_cast<double>(memo);
    const Field& wanted = field(input);
    double best =
        index_.producers(input).empty() && !wanted.free_text ? 0 : 0.5 * open_cost(wanted);
    for (const Fit& fit : problem_.fits(input)) {
      if (fit.score < kWeights.min_fit) break;
      best = std::max(best, open_cost(wanted) + kWeights.slot * static_cast<double>(fit.score) +
                                kWeights.unused);
    }
    memo = static_cast<float>(best);
    return best;
  }

  double affinity(const State& state, std::uint32_t p, const Mention& mention) const {
    const std::uint32_t clause = state.nodes[owner_of(state, p)].clause;
    const std::size_t own = mention.slot.clause;
    if (own == clause || own >= problem_.active.size()) return 1;
    return problem_.query->clauses[own].asks ? kWeights.foreign : 1;
  }
  double regained(const State& state, const Mention& mention) const {
    double sum = 0;
    for (const Mention& other : problem_.mentions) {
      const MentionMask bit = MentionMask{1} << other.index;
      if (other.expected && (mention.overlaps & bit) != 0 && (state.used & other.overlaps) == 0) {
        sum += kWeights.unused;
      }
    }
    return sum;
  }
  // Width and height of one size.
  static bool is_other_part(const State& state, std::uint32_t p, const Fit& fit) {
    if (fit.part != "width" && fit.part != "height") return false;
    return std::ranges::none_of(state.parameters,
                                [&](const ParameterState& other) {
                                  return other.filling == Filling::kMention &&
                                         other.fit->mention == fit.mention &&
                                         other.fit->part == fit.part;
                                }) &&
           owner_of(state, p) != kNoNode;
  }
  // "Resize a.png and convert it": what "it" is comes from the step before, not from the query.
  double passing_over(const State& state, std::uint32_t p, const Mention& mention) const {
    const plan::Clause& clause = problem_.query->clauses[state.nodes[owner_of(state, p)].clause];
    const bool foreign = mention.slot.clause < problem_.active.size() &&
                         &problem_.query->clauses[mention.slot.clause] != &clause;
    if (!foreign || !clause.refers_back) return 0;
    // Only where the earlier request has something to hand on.
    for (const Producer& producer : index_.producers(state.parameters[p].field)) {
      if (producer.score < 0.5F) break;
      for (std::size_t w = 0; w < problem_.words.size(); ++w) {
        if (problem_.words[w].clause == mention.slot.clause &&
            problem_.covers(field(producer.field).function, w) >= 0.5F) {
          return kWeights.passed_over;
        }
      }
    }
    return 0;
  }
  // A value may serve a second parameter only in the meaning of the first.
  bool same_meaning(const State& state, std::uint32_t p, const Fit& fit) const {
    const Field& wanted = field(state.parameters[p].field);
    for (std::uint32_t i = 0; i < state.parameters.size(); ++i) {
      const ParameterState& other = state.parameters[i];
      if (other.filling != Filling::kMention) continue;
      const Mention& mention = problem_.mentions[other.fit->mention];
      if ((mention.overlaps & (MentionMask{1} << fit.mention)) == 0) continue;
      if (owner_of(state, i) == owner_of(state, p)) return false;
      const Field& known = field(other.field);
      return fit.mention == other.fit->mention && fit.part == other.fit->part &&
             (known.key == wanted.key || (known.free_text && wanted.free_text) ||
              retrieve::similarity(known, wanted) > 0.6);
    }
    return false;
  }
  // Words that the owner itself speaks of are no value for it.
  bool covers_itself(const State& state, std::uint32_t p, const Mention& mention) const {
    const std::uint32_t function = state.nodes[owner_of(state, p)].function;
    for (std::size_t w = 0; w < problem_.words.size(); ++w) {
      const std::size_t token = problem_.words[w].token;
      if (token >= mention.slot.first_token && token < mention.slot.last_token &&
          problem_.covers(function, w) > 0.5F) {
        return true;
      }
    }
    return false;
  }
  // "… in USD": a function that lets one choose that.
  bool takes_choice(const State& state, std::uint32_t function, std::uint32_t clause) const {
    for (const std::uint32_t input : index_.functions()[function].inputs) {
      if (field(input).choices.empty()) continue;
      for (const Fit& fit : problem_.fits(input)) {
        const Mention& mention = problem_.mentions[fit.mention];
        if (fit.score >= 0.8F && mention.expected && mention.slot.clause == clause &&
            (state.used & mention.overlaps) == 0) {
          return true;
        }
      }
    }
    return false;
  }

  // A value of the clause that nothing uses and that the function could.
  bool has_value_for(const State& state, std::uint32_t function, std::uint32_t clause) const {
    for (const std::uint32_t input : index_.functions()[function].inputs) {
      if (!needed(input)) continue;
      for (const Fit& fit : problem_.fits(input)) {
        const Mention& mention = problem_.mentions[fit.mention];
        if (fit.score >= kWeights.min_fit && mention.slot.clause == clause && !mention.phrase &&
            (state.used & mention.overlaps) == 0) {
          return true;
        }
      }
    }
    return false;
  }

  // --- states ------------------------------------------------------------------------------

  static std::uint32_t owner_of(const State& state, std::uint32_t p) {
    for (std::uint32_t n = 0; n < state.nodes.size(); ++n) {
      if (p >= state.nodes[n].first && p < state.nodes[n].first + state.nodes[n].count) return n;
    }
    return kNoNode;
  }
  static std::size_t instances(const State& state, std::uint32_t function) {
    return static_cast<std::size_t>(
        std::ranges::count(state.nodes, function, &NodeState::function));
  }
  static std::size_t sinks_of(const State& state) {
    return static_cast<std::size_t>(std::ranges::count(state.nodes, kNoNode, &NodeState::consumer));
  }
  static std::size_t sinks_of_clause(const State& state, std::uint32_t clause) {
    return static_cast<std::size_t>(std::ranges::count_if(state.nodes, [&](const NodeState& node) {
      return node.consumer == kNoNode && node.clause == clause;
    }));
  }
  std::size_t active_clauses() const {
    return static_cast<std::size_t>(std::ranges::count(problem_.active, true));
  }

  // The parameters that have to be decided: the required ones; of a function that requires none,
  // the first few, which may then be left out.
  template <class Visit>
  void for_each_needed(std::uint32_t function, Visit&& visit) const {
    const std::vector<std::uint32_t>& inputs = index_.functions()[function].inputs;
    std::size_t count = 0;
    for (const std::uint32_t input : inputs) {
      if (needed(input) && count++ < kMaxParameters) visit(input, true);
    }
    if (count > 0) return;
    for (const std::uint32_t input : inputs) {
      if (count++ < 4) visit(input, false);
    }
  }
  bool needed(std::uint32_t input) const {
    return field(input).required && json::find(*field(input).schema, "default") == nullptr;
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
      return state;
    }
    const std::uint32_t owner = owner_of(state, move.parameter);
    const std::uint32_t produced = static_cast<std::uint32_t>(state.nodes.size());
    state.hope -= hope_of(state.parameters[move.parameter].field);
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
    return state;
  }

  // The request whose words the function covers best; its consumer's when none.
  std::uint32_t clause_of(const State& state, std::uint32_t function,
                          std::uint32_t consumers) const {
    std::uint32_t best = consumers;
    double most = clause_gain(state, function, consumers) + 0.05;
    for (std::uint32_t c = 0; c < problem_.active.size(); ++c) {
      const double own = problem_.active[c] ? clause_gain(state, function, c) : 0;
      if (own > most) {
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
      parameter.required = needed(input);
      state.parameters.push_back(parameter);
    }
    node.count = static_cast<std::uint32_t>(state.parameters.size()) - node.first;
    for_each_needed(function, [&](std::uint32_t input, bool) {
      for (std::uint32_t p = node.first; p < node.first + node.count; ++p) {
        if (state.parameters[p].field == input) state.parameters[p].filling = Filling::kPending;
      }
      state.hope += hope_of(input);
    });
    for (std::uint32_t p = node.first; p < node.first + node.count; ++p) {
      ParameterState& parameter = state.parameters[p];
      if (parameter.required && parameter.filling == Filling::kAbsent)
        parameter.filling = Filling::kCaller;
    }
    for (std::size_t w = 0; w < problem_.words.size(); ++w) {
      state.covered[w] = std::max(state.covered[w], covering(function, w, clause));
    }
    for (std::uint32_t c = 0; c < problem_.active.size() && c < kMaxClauses; ++c) {
      if (problem_.acts(function, c) > 0) state.acted |= 1U << c;
    }
    state.nodes.push_back(node);
  }

  // States that differ only in the order in which they were built are one.
  static std::uint64_t signature(const State& state) {
    std::array<std::uint64_t, 64> parts{};
    std::size_t count = 0;
    for (const NodeState& node : state.nodes) {
      std::uint64_t hash = node.function * 0x9e3779b97f4a7c15ULL + 1;
      for (std::uint32_t p = node.first; p < node.first + node.count; ++p) {
        const ParameterState& parameter = state.parameters[p];
        std::uint64_t value = static_cast<std::uint64_t>(parameter.filling);
        if (parameter.filling == Filling::kMention) value += 31ULL * (parameter.fit->mention + 1);
        if (parameter.filling == Filling::kEdge) {
          value += 1'009ULL * (parameter.output + 1) + 7ULL * state.nodes[parameter.node].function;
        }
        hash = (hash ^ value) * 0x100000001b3ULL;
        hash ^= hash >> 29U;
      }
      if (count < parts.size()) parts[count++] = hash;
    }
    std::sort(parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(count));
    std::uint64_t hash = state.used * 0x9e3779b97f4a7c15ULL;
    for (std::size_t i = 0; i < count; ++i)
      hash = (hash ^ parts[i]) * 0x100000001b3ULL + (hash >> 31U);
    return hash;
  }

  static constexpr std::size_t kMaxFinished = 200;

  const Problem& problem_;
  const FunctionIndex& index_;
  const CallContext& context_;
  const SolveOptions& options_;
  std::vector<State> states_;
  std::vector<Move> moves_;
  std::vector<State> finished_;
  std::vector<float> hopes_;  // by field; -1: not known
  static constexpr std::size_t kSizes = 64;
  double nothing_ = 0;  // score of the empty plan
  double best_ = -1e9;  // score of the best complete plan so far
  std::size_t expansions_ = 0;
};

}  // namespace

void sort_best_first(std::vector<State>& states) {
  std::vector<std::size_t> order(states.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    return states[a].score != states[b].score ? states[a].score > states[b].score : a < b;
  });
  std::vector<State> sorted;
  sorted.reserve(states.size());
  for (const std::size_t i : order) sorted.push_back(std::move(states[i]));
  states = std::move(sorted);
}

double value_of(float fit) { return kWeights.slot * std::pow(static_cast<double>(fit), 1.5); }

double open_cost(const Field& field) {
  if (field.identifier) return kWeights.open_identifier;
  return field.free_text ? kWeights.open_text : kWeights.open_other;
}

bool is_consumed(const State& state, std::uint32_t node) {
  return std::ranges::any_of(state.parameters, [&](const ParameterState& parameter) {
    return parameter.filling == Filling::kEdge && parameter.node == node;
  });
}

bool depends_on(const State& state, std::uint32_t node, std::uint32_t other) {
  if (node == other) return true;
  const NodeState& at = state.nodes[node];
  for (std::uint32_t p = at.first; p < at.first + at.count; ++p) {
    const ParameterState& parameter = state.parameters[p];
    if (parameter.filling == Filling::kEdge && depends_on(state, parameter.node, other))
      return true;
  }
  return false;
}

Result<std::vector<State>> search(const Problem& problem, const CallContext& context,
                                  const SolveOptions& options, std::size_t keep) {
  return Beam(problem, context, options).run(keep);
}

}  // namespace ae::solve::internal
