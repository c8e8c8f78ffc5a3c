// What is decided when a plan's required parameters are: optional ones, and repetition for lists.
#include <algorithm>
#include <map>

#include "solve/internal/beam.h"

namespace ae::solve::internal {
namespace {

constexpr double kMinOptionalFit = 0.5;

struct Choice {
  std::uint32_t parameter = 0;
  const Fit* fit = nullptr;
  double score = 0;
};

double regained(const Problem& problem, const State& state, const Mention& mention) {
  double sum = 0;
  for (const Mention& other : problem.mentions) {
    const MentionMask bit = MentionMask{1} << other.index;
    if (other.expected && (mention.overlaps & bit) != 0 && (state.used & other.overlaps) == 0) {
      sum += kWeights.unused;
    }
  }
  return sum;
}

// The parameter's value for another member of the same list, or nullptr.
const Fit* counterpart(const Problem& problem, const Fit& fit, std::uint32_t field,
                       std::uint32_t mention) {
  for (const Fit& other : problem.fits(field)) {
    if (other.mention == mention && other.part == fit.part) return &other;
  }
  return nullptr;
}

// The mention that is to `to` what `part_of` is to `from`: itself, or the unit beside it.
std::uint32_t moved(const Problem& problem, std::uint32_t mention, const Mention& from,
                    const Mention& to) {
  if (mention == from.index) return static_cast<std::uint32_t>(to.index);
  const Mention& other = problem.mentions[mention];
  if (!other.unit || other.slot.first_token < from.slot.first_token ||
      other.slot.last_token > from.slot.last_token)
    return mention;
  for (const Mention& unit : problem.mentions) {
    if (unit.unit && unit.slot.first_token >= to.slot.first_token &&
        unit.slot.last_token <= to.slot.last_token) {
      return static_cast<std::uint32_t>(unit.index);
    }
  }
  return mention;
}

// Copies `node` and everything that depends on it, with `to`'s value in the place of `from`'s.
bool repeat(const Problem& problem, State& state, std::uint32_t node, const Mention& from,
            const Mention& to, std::size_t max_nodes) {
  std::vector<std::uint32_t> affected;
  for (std::uint32_t n = 0; n < state.nodes.size(); ++n) {
    if (depends_on(state, n, node)) affected.push_back(n);
  }
  if (state.nodes.size() + affected.size() > max_nodes) return false;
  std::map<std::uint32_t, std::uint32_t> copies;
  State grown = state;
  for (const std::uint32_t n : affected) {
    copies[n] = static_cast<std::uint32_t>(grown.nodes.size());
    NodeState copy = state.nodes[n];
    copy.first = static_cast<std::uint32_t>(grown.parameters.size());
    for (std::uint32_t p = 0; p < copy.count; ++p) {
      const ParameterState parameter = state.parameters[state.nodes[n].first + p];
      grown.parameters.push_back(parameter);
    }
    grown.nodes.push_back(copy);
  }
  for (const auto& [original, copy] : copies) {
    if (const auto at = copies.find(grown.nodes[copy].consumer); at != copies.end())
      grown.nodes[copy].consumer = at->second;
    for (std::uint32_t p = 0; p < grown.nodes[copy].count; ++p) {
      ParameterState& parameter = grown.parameters[grown.nodes[copy].first + p];
      if (const auto at = copies.find(parameter.node);
          parameter.filling == Filling::kEdge && at != copies.end()) {
        parameter.node = at->second;
      }
      if (parameter.filling != Filling::kMention) continue;
      const std::uint32_t mention = moved(problem, parameter.fit->mention, from, to);
      if (mention == parameter.fit->mention) continue;
      const Fit* fit = counterpart(problem, *parameter.fit, parameter.field, mention);
      if (fit == nullptr) return false;
      grown.score += value_of(fit->score) + regained(problem, grown, problem.mentions[mention]);
      grown.used |= MentionMask{1} << mention;
      parameter.fit = fit;
    }
  }
  grown.score -= 0.5 * kWeights.node * static_cast<double>(affected.size());
  state = std::move(grown);
  return true;
}

// A key without its bucket says little: what else a step may be told of the file that it uses.
void complete_files(const Problem& problem, State& state) {
  for (const NodeState& node : state.nodes) {
    for (std::uint32_t p = node.first; p < node.first + node.count; ++p) {
      if (state.parameters[p].filling != Filling::kMention) continue;
      const std::uint32_t mention = state.parameters[p].fit->mention;
      if (problem.mentions[mention].slot.kind != plan::SlotKind::kFile) continue;
      for (std::uint32_t other = node.first; other < node.first + node.count; ++other) {
        if (state.parameters[other].filling != Filling::kAbsent) continue;
        for (const Fit& fit : problem.fits(state.parameters[other].field)) {
          if (fit.mention != mention || fit.part != "bucket" || fit.score < kMinOptionalFit)
            continue;
          state.parameters[other].filling = Filling::kMention;
          state.parameters[other].fit = &fit;
          break;
        }
      }
    }
  }
}

}  // namespace

void bind_optionals(const Problem& problem, State& state) {
  complete_files(problem, state);
  while (true) {
    Choice best;
    for (std::uint32_t n = 0; n < state.nodes.size(); ++n) {
      const NodeState& node = state.nodes[n];
      for (std::uint32_t p = node.first; p < node.first + node.count; ++p) {
        if (state.parameters[p].filling != Filling::kAbsent) continue;
        for (const Fit& fit : problem.fits(state.parameters[p].field)) {
          const Mention& mention = problem.mentions[fit.mention];
          if ((state.used & mention.overlaps) != 0) continue;
          double score = static_cast<double>(fit.score);
          const std::size_t own = mention.slot.clause;
          const bool foreign =
              own != node.clause && own < problem.active.size() && problem.query->clauses[own].asks;
          if (foreign) score *= kWeights.foreign;
          // Plain words are values of an optional parameter only when they cannot be anything else.
          if (mention.phrase) score *= 0.6;
          if (score < kMinOptionalFit || score <= best.score) continue;
          best = {p, &fit, score};
        }
      }
    }
    if (best.fit == nullptr) return;
    const Mention& mention = problem.mentions[best.fit->mention];
    state.score += 0.75 * kWeights.slot * best.score + regained(problem, state, mention);
    state.parameters[best.parameter].filling = Filling::kMention;
    state.parameters[best.parameter].fit = best.fit;
    state.used |= MentionMask{1} << best.fit->mention;
  }
}

void charge_lost_words(const Problem& problem, State& state) {
  const std::vector<retrieve::Field>& fields = problem.index->fields();
  const auto speaks = [&](std::uint32_t field, const std::string& stem) {
    return std::ranges::find(fields[field].heads, stem) != fields[field].heads.end();
  };
  for (std::size_t w = 0; w < problem.words.size(); ++w) {
    const std::string& stem = problem.query->tokens[problem.words[w].token].stem;
    if (problem.words[w].action) continue;
    bool lost = false;
    bool shown = false;
    for (std::uint32_t n = 0; n < state.nodes.size(); ++n) {
      const bool sink = !is_consumed(state, n);
      for (const std::uint32_t output :
           problem.index->functions()[state.nodes[n].function].outputs) {
        if (!speaks(output, stem)) continue;
        const bool used =
            sink || std::ranges::any_of(state.parameters, [&](const ParameterState& parameter) {
              return parameter.filling == Filling::kEdge && parameter.node == n &&
                     parameter.output == output;
            });
        (used ? shown : lost) = true;
      }
    }
    if (lost && !shown) state.score -= kWeights.lost * static_cast<double>(problem.words[w].weight);
  }
}

void repeat_for_lists(const Problem& problem, State& state, std::size_t max_nodes) {
  for (const Mention& to : problem.mentions) {
    if (to.slot.list == plan::kNone || (state.used & to.overlaps) != 0) continue;
    for (std::uint32_t p = 0; p < state.parameters.size(); ++p) {
      const ParameterState& parameter = state.parameters[p];
      if (parameter.filling != Filling::kMention || parameter.fit->part == "list") continue;
      const Mention& from = problem.mentions[parameter.fit->mention];
      if (from.slot.list != to.slot.list || from.slot.kind != to.slot.kind) continue;
      std::uint32_t owner = 0;
      while (p >= state.nodes[owner].first + state.nodes[owner].count) ++owner;
      if (repeat(problem, state, owner, from, to, max_nodes)) break;
    }
  }
  // A list given as a whole uses all its members.
  for (const ParameterState& parameter : state.parameters) {
    if (parameter.filling != Filling::kMention || parameter.fit->part != "list") continue;
    const std::size_t list = problem.mentions[parameter.fit->mention].slot.list;
    for (const Mention& mention : problem.mentions) {
      if (list == plan::kNone || mention.slot.list != list || (state.used & mention.overlaps) != 0)
        continue;
      state.score += regained(problem, state, mention) + 0.3;
      state.used |= MentionMask{1} << mention.index;
    }
  }
}

}  // namespace ae::solve::internal
