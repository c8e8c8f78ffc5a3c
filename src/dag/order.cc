#include "dag/order.h"

#include <fmt/format.h>

#include <algorithm>
#include <queue>
#include <unordered_map>

#include "base/text.h"
#include "dag/internal/graph.h"

namespace ae::dag {
namespace {

struct Ordering {
  std::vector<std::size_t> order;
  std::vector<std::size_t> waiting;  // of each node: inputs that never came
};

Ordering order_by(const std::vector<std::vector<std::size_t>>& inputs) {
  const std::size_t size = inputs.size();
  std::vector<std::vector<std::size_t>> consumers(size);
  Ordering result;
  result.waiting.resize(size);
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
  for (std::size_t node = 0; node < size; ++node) {
    result.waiting[node] = inputs[node].size();
    for (const std::size_t input : inputs[node]) consumers[input].push_back(node);
    if (inputs[node].empty()) ready.push(node);
  }
  result.order.reserve(size);
  while (!ready.empty()) {
    const std::size_t node = ready.top();
    ready.pop();
    result.order.push_back(node);
    for (const std::size_t consumer : consumers[node]) {
      if (--result.waiting[consumer] == 0) ready.push(consumer);
    }
  }
  return result;
}

}  // namespace

std::vector<std::vector<std::size_t>> dependencies(const Workflow& workflow) {
  std::unordered_map<NodeId, std::size_t> index;
  for (std::size_t i = 0; i < workflow.nodes.size(); ++i) index.emplace(workflow.nodes[i].id, i);
  std::vector<std::vector<std::size_t>> result(workflow.nodes.size());
  for (std::size_t i = 0; i < workflow.nodes.size(); ++i) {
    std::vector<std::size_t>& inputs = result[i];
    const auto add = [&](const NodeId& id) {
      if (const auto found = index.find(id); found != index.end()) inputs.push_back(found->second);
    };
    for (const NamedBinding& argument : workflow.nodes[i].arguments) {
      for_each_reference(argument.binding, [&](const auto& reference) {
        if constexpr (requires { reference.node; }) add(reference.node);
      });
    }
    for (const NodeId& id : workflow.nodes[i].depends_on) add(id);
    std::ranges::sort(inputs);
    const auto repeated = std::ranges::unique(inputs);
    inputs.erase(repeated.begin(), repeated.end());
  }
  return result;
}

namespace internal {

std::vector<std::size_t> find_cycle(const std::vector<std::vector<std::size_t>>& inputs) {
  const Ordering ordering = order_by(inputs);
  if (ordering.order.size() == inputs.size()) return {};
  std::size_t here = 0;
  while (ordering.waiting[here] == 0) ++here;
  // Every node left over has an input left over, so walking back must come round.
  std::vector<std::size_t> seen_at(inputs.size(), inputs.size());
  std::vector<std::size_t> path;
  while (seen_at[here] == inputs.size()) {
    seen_at[here] = path.size();
    path.push_back(here);
    here = *std::ranges::find_if(inputs[here],
                                 [&](std::size_t input) { return ordering.waiting[input] > 0; });
  }
  std::vector<std::size_t> cycle(path.rbegin(),
                                 path.rend() - static_cast<std::ptrdiff_t>(seen_at[here]));
  std::ranges::rotate(cycle, std::ranges::min_element(cycle));
  cycle.push_back(cycle.front());
  return cycle;
}

std::string cycle_text(const Workflow& workflow, const std::vector<std::size_t>& cycle) {
  static constexpr std::size_t kShown = 8;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < cycle.size(); ++i) {
    if (cycle.size() > kShown && i == kShown / 2) names.emplace_back("…");
    if (cycle.size() > kShown && i >= kShown / 2 && i + kShown / 2 < cycle.size()) continue;
    names.push_back(shorten(workflow.nodes[cycle[i]].id.str(), 63));
  }
  return join(names, " -> ");
}

}  // namespace internal

Result<std::vector<std::size_t>> topological_order(const Workflow& workflow) {
  const auto inputs = dependencies(workflow);
  Ordering ordering = order_by(inputs);
  if (ordering.order.size() == inputs.size()) return std::move(ordering.order);
  return fail(ErrorCode::kFailedPrecondition,
              fmt::format("the steps wait for each other in a cycle: {}; remove one of these "
                          "dependencies",
                          internal::cycle_text(workflow, internal::find_cycle(inputs))));
}

}  // namespace ae::dag
