#include "solve/internal/state.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace ae::solve::internal {

std::uint32_t owner_of(const State& state, std::uint32_t p) {
  for (std::uint32_t n = 0; n < state.nodes.size(); ++n) {
    if (p >= state.nodes[n].first && p < state.nodes[n].first + state.nodes[n].count) return n;
  }
  return kNoNode;
}
// The parameter for whose sake a step was added, or kNoNode.
std::uint32_t fed_by(const State& state, std::uint32_t node) {
  const std::uint32_t consumer = state.nodes[node].consumer;
  if (consumer == kNoNode) return kNoNode;
  const NodeState& at = state.nodes[consumer];
  for (std::uint32_t p = at.first; p < at.first + at.count; ++p) {
    if (state.parameters[p].filling == Filling::kEdge && state.parameters[p].node == node) return p;
  }
  return kNoNode;
}

// Two steps that would do the very same.
bool repeats_itself(const State& state) {
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

// States that differ only in the order in which they were built are one.
std::uint64_t signature(const State& state) {
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

double open_cost(const retrieve::Field& field) {
  if (field.bytes) return kWeights.open_bytes;
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

}  // namespace ae::solve::internal
