#include "solve/internal/values.h"

#include <algorithm>
#include <cmath>

#include "plan/lexicon.h"

namespace ae::solve::internal {

using retrieve::Field;
using retrieve::Producer;

double Values::edge_score(std::uint32_t output, std::uint32_t input, const Field& wanted) const {
  double score = 0;
  for (const Producer& producer : index_.producers(input)) {
    if (producer.field == output) score = static_cast<double>(producer.score);
  }
  // A message carries whatever the steps of the request found out.
  if (wanted.free_text) score = std::max(score, text_score(output, wanted));
  return score;
}

double Values::relation(const State& state, std::uint32_t consumer, std::uint32_t producer,
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

double Values::spoken(std::uint32_t consumer, const State& state, std::uint32_t output) const {
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

bool Values::is_backward(std::uint32_t consumer, std::uint32_t producer) const {
  return producer > consumer && problem_.query->clauses[consumer].order != plan::OrderHint::kBefore;
}

bool Values::is_detour(const State& state, std::uint32_t p, std::uint32_t function) const {
  for (const std::uint32_t input : index_.functions()[function].inputs) {
    const Field& asked = field(input);
    if (!needed(input)) continue;
    if (!asked.identifier && asked.format.empty() && asked.pattern.empty()) continue;
    std::uint32_t at = p;
    while (at != kNoNode) {
      const Field& wanted = field(state.parameters[at].field);
      if (wanted.bytes) break;  // what is stored anew lies elsewhere
      if (wanted.types == asked.types && retrieve::similarity(wanted, asked) > 0.8) return true;
      at = fed_by(state, owner_of(state, at));
    }
  }
  return false;
}

double Values::text_score(std::uint32_t output, const Field& wanted) const {
  const Field& produced = field(output);
  if ((produced.types & retrieve::kStringType) == 0 || produced.types == retrieve::kAnyType)
    return 0;
  if (!plain_string(produced, wanted)) return 0;
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

bool Values::plain_string(const Field& produced, const Field& wanted) {
  return produced.types == retrieve::kStringType && (wanted.types & retrieve::kStringType) != 0 &&
         wanted.pattern.empty() && wanted.format.empty() && wanted.choices.empty();
}

double Values::weight_of(std::uint32_t clause) const {
  double sum = 0;
  for (const Word& word : problem_.words) {
    if (word.clause == clause && word.known) sum += static_cast<double>(word.weight);
  }
  return sum;
}

double Values::gain(const State& state, std::uint32_t function, std::uint32_t clause) const {
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

bool Values::does_something_else(std::uint32_t function, std::uint32_t clause) const {
  const std::string& asked = problem_.query->clauses[clause].action;
  const std::vector<std::string>& actions = index_.functions()[function].actions;
  if (asked.empty() || actions.empty() || plan::is_information_verb(actions.front()) ||
      plan::is_noun_or_verb(actions.front())) {
    return false;
  }
  return plan::is_generic_verb(asked) || problem_.acts(function, clause) <= 0;
}

float Values::covering(std::uint32_t function, std::size_t word, std::uint32_t clause) const {
  const float share =
      problem_.words[word].clause == clause ? 1.0F : static_cast<float>(kWeights.elsewhere);
  return problem_.covers(function, word) * share;
}

double Values::clause_gain(const State& state, std::uint32_t function, std::uint32_t clause) const {
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

double Values::hope_of(std::uint32_t input) {
  if (hopes_.empty()) hopes_.assign(index_.fields().size(), -1);
  float& memo = hopes_[input];
  if (memo >= 0) return static_cast<double>(memo);
  const Field& wanted = field(input);
  double best = index_.producers(input).empty() && !wanted.free_text ? 0 : 0.5 * open_cost(wanted);
  if (!index_.producers(input).empty()) {
    const auto score = static_cast<double>(index_.producers(input).front().score);
    best = std::max(best, open_cost(wanted) + edge_value(score) - kWeights.node);
  }
  for (const Fit& fit : problem_.fits(input)) {
    if (fit.score < kWeights.min_fit) break;
    best = std::max(best, open_cost(wanted) + kWeights.slot * static_cast<double>(fit.score));
  }
  memo = static_cast<float>(best);
  return best;
}

double Values::hope_beside(const State& state, std::uint32_t input) {
  double best = hope_of(input);
  for (const Producer& producer : index_.producers(input)) {
    if (producer.score < 0.5F) break;
    const std::uint32_t function = field(producer.field).function;
    if (std::ranges::find(state.nodes, function, &NodeState::function) == state.nodes.end())
      continue;
    return std::max(best,
                    open_cost(field(input)) + edge_value(static_cast<double>(producer.score)));
  }
  return best;
}

double Values::affinity(const State& state, std::uint32_t p, const Mention& mention) const {
  const std::uint32_t clause = state.nodes[owner_of(state, p)].clause;
  const std::size_t own = mention.slot.clause;
  if (own == clause || own >= problem_.active.size()) return 1;
  return problem_.query->clauses[own].asks ? kWeights.foreign : 1;
}

double Values::regained(const State& state, const Mention& mention) const {
  double sum = 0;
  for (const Mention& other : problem_.mentions) {
    const MentionMask bit = MentionMask{1} << other.index;
    if (other.expected && (mention.overlaps & bit) != 0 && (state.used & other.overlaps) == 0) {
      sum += kWeights.unused;
    }
  }
  return sum;
}

bool Values::is_other_part(const State& state, std::uint32_t p, const Fit& fit) const {
  if (problem_.mentions[fit.mention].slot.kind == plan::SlotKind::kFile) {
    return std::ranges::none_of(state.parameters, [&](const ParameterState& other) {
      return other.filling == Filling::kMention && other.fit->mention == fit.mention &&
             other.fit->part == fit.part;
    });
  }
  if (fit.part != "width" && fit.part != "height") return false;
  return std::ranges::none_of(state.parameters,
                              [&](const ParameterState& other) {
                                return other.filling == Filling::kMention &&
                                       other.fit->mention == fit.mention &&
                                       other.fit->part == fit.part;
                              }) &&
         owner_of(state, p) != kNoNode;
}

double Values::tearing(const State& state, std::uint32_t p, Filling filling) const {
  const auto about_file = [&](std::uint32_t number) {
    return std::ranges::any_of(problem_.fits(number), [&](const Fit& fit) {
      return problem_.mentions[fit.mention].slot.kind == plan::SlotKind::kFile &&
             (fit.part == "bucket" || fit.part == "key");
    });
  };
  if (problem_.query->files.empty() || !about_file(state.parameters[p].field)) return 0;
  const NodeState& node = state.nodes[owner_of(state, p)];
  for (std::uint32_t other = node.first; other < node.first + node.count; ++other) {
    const Filling given = state.parameters[other].filling;
    if (other == p || (given != Filling::kMention && given != Filling::kEdge)) continue;
    if (given != filling && about_file(state.parameters[other].field)) return kWeights.torn;
  }
  return 0;
}

bool Values::heeds(const State& state, std::uint32_t clause, std::size_t of) {
  for (std::uint32_t n = 0; n < state.nodes.size(); ++n) {
    if (state.nodes[n].clause != clause) continue;
    for (std::uint32_t other = 0; other < state.nodes.size(); ++other) {
      if (state.nodes[other].clause == of && depends_on(state, n, other)) return true;
    }
  }
  return false;
}

double Values::passing_over(const State& state, std::uint32_t p, const Mention& mention) const {
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

bool Values::same_meaning(const State& state, std::uint32_t p, const Fit& fit) const {
  const Field& wanted = field(state.parameters[p].field);
  // Where a file lies is where it lies, whoever asks; but no step needs that twice.
  if (problem_.mentions[fit.mention].slot.kind == plan::SlotKind::kFile) {
    return std::ranges::none_of(state.parameters, [&](const ParameterState& other) {
      return other.filling == Filling::kMention && other.fit->mention == fit.mention &&
             other.fit->part == fit.part &&
             field(other.field).function == field(state.parameters[p].field).function;
    });
  }
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

bool Values::covers_itself(const State& state, std::uint32_t p, const Mention& mention) const {
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

bool Values::takes_choice(const State& state, std::uint32_t function, std::uint32_t clause) const {
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

bool Values::has_value_for(const State& state, std::uint32_t function, std::uint32_t clause) const {
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

}  // namespace ae::solve::internal
