// What can be said of a workflow's runs before there is one: shared by all runs of a workflow.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <vector>

#include "base/result.h"
#include "dag/link.h"

namespace ae::execute {

// Steps are counted as in workflow.nodes.
struct RunPlan {
  std::shared_ptr<const dag::LinkedWorkflow> linked;
  std::vector<std::size_t> order;  // each after what it uses
  std::vector<std::vector<std::size_t>> dependencies;
  std::vector<std::vector<std::size_t>> dependants;
  std::vector<std::shared_ptr<const dag::FunctionSpec>> functions;  // of each step
  std::map<dag::NodeId, std::size_t> index_of;

  const dag::Node& node(std::size_t step) const { return linked->workflow.nodes[step]; }
  std::size_t size() const { return linked->workflow.nodes.size(); }
  std::vector<dag::NodeId> ordered_ids() const;

  // Errors: kInvalidArgument when the workflow cannot be run: a cycle, two steps of one name, a
  // reference to no step, a function that was not linked.
  static Result<std::shared_ptr<const RunPlan>> make(
      std::shared_ptr<const dag::LinkedWorkflow> linked);
};

}  // namespace ae::execute
