#include "execute/internal/run_plan.h"

#include <fmt/format.h>

#include <utility>

#include "dag/order.h"
#include "dag/validate.h"

namespace ae::execute {

std::vector<dag::NodeId> RunPlan::ordered_ids() const {
  std::vector<dag::NodeId> ids;
  ids.reserve(order.size());
  for (const std::size_t step : order) ids.push_back(node(step).id);
  return ids;
}

Result<std::shared_ptr<const RunPlan>> RunPlan::make(
    std::shared_ptr<const dag::LinkedWorkflow> linked) {
  if (linked == nullptr) return fail(ErrorCode::kInvalidArgument, "there is no workflow to run");
  const dag::Workflow& workflow = linked->workflow;
  for (const dag::Diagnostic& finding : dag::validate(workflow)) {
    if (finding.severity != dag::Severity::kError) continue;
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("workflow {} cannot be run: {}: {} ({})", workflow.name,
                            finding.pointer, finding.message, finding.fix));
  }
  auto plan = std::make_shared<RunPlan>();
  plan->linked = linked;
  plan->dependencies = dag::dependencies(workflow);
  AE_TRY(plan->order, dag::topological_order(workflow));
  plan->dependants.resize(workflow.nodes.size());
  for (std::size_t step = 0; step < workflow.nodes.size(); ++step) {
    const dag::Node& node = workflow.nodes[step];
    const auto function = linked->functions.find(dag::function_key(node.function, node.version));
    if (function == linked->functions.end()) {
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format("workflow {} cannot be run: step {} uses {}, which is not linked; "
                      "link the workflow again",
                      workflow.name, node.id, dag::function_key(node.function, node.version)));
    }
    plan->functions.emplace_back(linked, &function->second);
    plan->index_of.emplace(node.id, step);
    for (const std::size_t producer : plan->dependencies[step]) {
      plan->dependants[producer].push_back(step);
    }
  }
  return std::shared_ptr<const RunPlan>(std::move(plan));
}

}  // namespace ae::execute
