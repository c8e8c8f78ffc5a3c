#include "verify/verify.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <tuple>

#include "base/text.h"
#include "dag/validate.h"
#include "verify/internal/context.h"

namespace ae::verify {
namespace {

// Where a pointer leads to in the written form: part of the document, step, part of the step.
std::tuple<std::size_t, std::size_t, std::size_t> place(std::string_view pointer) {
  static constexpr std::array<std::string_view, 4> kParts{"metadata", "inputs", "nodes", "outputs"};
  static constexpr std::array<std::string_view, 8> kMembers{
      "id", "function", "version", "goal", "arguments", "retry", "timeoutSeconds", "dependsOn"};
  const auto tokens = split(pointer, '/');
  const auto rank = [&](const auto& names, std::size_t at) -> std::size_t {
    if (at >= tokens.size()) return 0;
    return 1 + static_cast<std::size_t>(std::ranges::find(names, tokens[at]) - names.begin());
  };
  std::size_t step = 0;
  if (tokens.size() > 2) {
    std::from_chars(tokens[2].data(), tokens[2].data() + tokens[2].size(), step);
  }
  return {rank(kParts, 1), step, rank(kMembers, 3)};
}

// Errors first, then the order of the document, then that of discovery.
std::vector<dag::Diagnostic> sorted(std::vector<dag::Diagnostic> found) {
  std::vector<std::size_t> order(found.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, {}, [&](std::size_t i) {
    return std::tuple(found[i].severity, place(found[i].pointer), i);
  });
  std::vector<dag::Diagnostic> result;
  for (const std::size_t i : order) result.push_back(std::move(found[i]));
  return result;
}

dag::LinkedWorkflow link(const internal::Context& context) {
  dag::LinkedWorkflow linked{context.workflow, {}};
  for (std::size_t i = 0; i < linked.workflow.nodes.size(); ++i) {
    if (context.specs[i] == nullptr) continue;
    const dag::FunctionSpec& spec = *context.specs[i];
    dag::Node& node = linked.workflow.nodes[i];
    node.version = spec.version;
    linked.functions.emplace(dag::function_key(node.function, node.version), spec);
  }
  return linked;
}

}  // namespace

Verdict verify(const dag::Workflow& workflow, const FunctionLookup& lookup,
               const std::vector<std::string>& known_functions, const Evidence* evidence) {
  std::vector<dag::Diagnostic> found = dag::validate(workflow);
  internal::Context context(workflow, lookup, known_functions, evidence);
  internal::check_functions(context);
  internal::check_dataflow(context);
  internal::check_steps(context);
  internal::check_evidence(context);
  std::ranges::move(context.take(), std::back_inserter(found));
  return Verdict{sorted(std::move(found)), link(context)};
}

}  // namespace ae::verify
