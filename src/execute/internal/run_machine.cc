#include "execute/internal/run_machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ae::execute {
namespace {

bool is_attempt_result(EventKind kind) {
  return kind == EventKind::kStepSucceeded || kind == EventKind::kStepFailed ||
         kind == EventKind::kAttemptFailed || kind == EventKind::kOutcomeUnknown;
}

const Json* find_output(std::span<const Event> events, const dag::NodeId& id) {
  for (const Event& event : events) {
    if (event.kind == EventKind::kStepSucceeded && event.node == id) {
      return json::find(event.data, "output");
    }
  }
  return nullptr;
}

}  // namespace

RunMachine::RunMachine(std::shared_ptr<const RunPlan> plan, RunId id, std::string workflow,
                       int version)
    : plan_(std::move(plan)),
      state_(new_run_state(std::move(id), std::move(workflow), version, plan_->ordered_ids())) {
  rebuild();
}

Result<void> RunMachine::restore(std::span<const Event> events) {
  for (const Event& event : events) AE_CHECK(fold(event));
  rebuild();
  for (const std::size_t step : plan_->order) {
    const StepStatus status = status_of(step);
    if (status == StepStatus::kPending || status == StepStatus::kCancelled) continue;
    if (auto used = arguments(step)) note_input(step, *used);
  }
  return {};
}

void RunMachine::note_input(std::size_t step, const Json& input) {
  state_.steps.at(plan_->node(step).id).input = input;
}

Result<void> RunMachine::apply(const Event& event) {
  AE_CHECK(fold(event));
  if (event.kind == EventKind::kRunResumed) {
    rebuild();
  } else if (is_attempt_result(event.kind)) {
    recorded(event);
  }
  return {};
}

Result<void> RunMachine::fold(const Event& event) {
  std::map<dag::NodeId, Kept> kept;
  if (event.kind == EventKind::kRunResumed) kept = to_keep(event);
  AE_CHECK(execute::apply(state_, event));
  for (auto& [id, result] : kept) kept_.insert_or_assign(id, std::move(result));
  if (event.kind == EventKind::kStepSucceeded) kept_.erase(event.node);
  return {};
}

// Everything from what the journal says: nothing is under way.
void RunMachine::rebuild() {
  phases_.assign(plan_->size(), Phase::kIdle);
  missing_.assign(plan_->size(), 0);
  ready_.clear();
  succeeded_ = 0;
  claimed_ = 0;
  orphans_ = 0;
  failing_ = false;
  for (const std::size_t step : plan_->order) {
    const StepStatus status = status_of(step);
    if (status == StepStatus::kSucceeded) ++succeeded_;
    if (status == StepStatus::kFailed) failing_ = true;
    if (status == StepStatus::kRunning) ++orphans_;
    for (const std::size_t producer : plan_->dependencies[step]) {
      if (status_of(producer) != StepStatus::kSucceeded) ++missing_[step];
    }
    if (status == StepStatus::kPending && missing_[step] == 0) ready_.push_back(step);
  }
}

void RunMachine::recorded(const Event& event) {
  const std::size_t step = plan_->index_of.at(event.node);
  if (phases_[step] == Phase::kClaimed) --claimed_;
  if (event.kind != EventKind::kAttemptFailed) phases_[step] = Phase::kIdle;
  if (event.kind == EventKind::kStepFailed) failing_ = true;
  if (event.kind == EventKind::kOutcomeUnknown) --orphans_;
  if (event.kind != EventKind::kStepSucceeded) return;
  ++succeeded_;
  for (const std::size_t dependant : plan_->dependants[step]) {
    // A resumption may have left a dependant's result standing.
    const bool open = status_of(dependant) == StepStatus::kPending;
    if (--missing_[dependant] == 0 && open) ready_.push_back(dependant);
  }
}

std::vector<std::size_t> RunMachine::take_ready() {
  if (failing_ || held_ || orphans_ > 0 || state_.status != RunStatus::kRunning) return {};
  for (const std::size_t step : ready_) phases_[step] = Phase::kClaimed;
  claimed_ += ready_.size();
  return std::exchange(ready_, {});
}

void RunMachine::settle(std::size_t step, Settled how) {
  if (phases_[step] == Phase::kClaimed) --claimed_;
  phases_[step] = how == Settled::kRetried ? Phase::kBackingOff : Phase::kSettled;
  if (how == Settled::kFailed) failing_ = true;
}

void RunMachine::retry(std::size_t step) {
  if (phases_[step] != Phase::kBackingOff) return;
  phases_[step] = Phase::kIdle;
  ready_.push_back(step);
}

void RunMachine::release(std::size_t step) {
  if (phases_[step] != Phase::kClaimed) return;
  --claimed_;
  phases_[step] = Phase::kIdle;
  ready_.push_back(step);
}

std::optional<Event> RunMachine::closing(std::span<const Event> unrecorded) const {
  if (state_.status != RunStatus::kRunning) return std::nullopt;
  std::size_t succeeded = succeeded_;
  const Event* failed = nullptr;
  for (const Event& event : unrecorded) {
    if (event.kind == EventKind::kStepSucceeded) ++succeeded;
    if (event.kind == EventKind::kStepFailed && failed == nullptr) failed = &event;
  }
  if (succeeded == plan_->size()) return run_succeeded(unrecorded);
  if (!failing_ || claimed_ > 0) return std::nullopt;
  // The step to name is the one whose failure was recorded first.
  std::optional<dag::NodeId> earliest;
  for (const auto& [id, step] : state_.steps) {
    if (step.status != StepStatus::kFailed) continue;
    if (!earliest || step.finished_at < state_.steps.at(*earliest).finished_at) earliest = id;
  }
  if (earliest) return run_failed(*earliest, state_.steps.at(*earliest).error.value());
  if (failed == nullptr) return std::nullopt;  // settled, and its event is still to come
  const Json* error = json::find(failed->data, "error");
  return run_failed(failed->node,
                    error == nullptr ? FunctionError{} : function_error_from_json(*error));
}

Event RunMachine::run_failed(const dag::NodeId& node, const FunctionError& error) const {
  Event event;
  event.kind = EventKind::kRunFailed;
  event.data = {
      {"error",
       {{"code", std::string(to_string(ErrorCode::kUserFunction))},
        {"message", fmt::format("step {} failed: {}: {}", node, error.type, error.message)},
        {"node", node.str()}}}};
  return event;
}

Event RunMachine::run_succeeded(std::span<const Event> unrecorded) const {
  const auto outputs =
      resolve_arguments(plan_->linked->workflow.outputs, state_.input, [&](const dag::NodeId& id) {
        const Json* output = output_of(id);
        return output != nullptr ? output : find_output(unrecorded, id);
      });
  Event event;
  if (outputs) {
    event.kind = EventKind::kRunSucceeded;
    event.data = {{"outputs", *outputs}};
    return event;
  }
  event.kind = EventKind::kRunFailed;
  event.data = {{"error",
                 {{"code", std::string(to_string(outputs.error().code))},
                  {"message",
                   "every step succeeded, but the workflow's outputs could not be put "
                   "together: " +
                       outputs.error().describe()}}}};
  return event;
}

std::vector<Event> RunMachine::unknown_outcomes() const {
  std::vector<Event> events;
  for (const dag::NodeId& id : state_.order) {
    const StepState& step = state_.steps.at(id);
    if (step.status != StepStatus::kRunning) continue;
    Event event;
    event.kind = EventKind::kOutcomeUnknown;
    event.node = id;
    event.data = {{"attempt", step.attempts}};
    events.push_back(std::move(event));
  }
  return events;
}

Result<Json> RunMachine::arguments(std::size_t step, const Json& input) const {
  auto resolved = resolve_arguments(plan_->node(step).arguments, input,
                                    [this](const dag::NodeId& id) { return output_of(id); });
  if (!resolved) return annotate(std::move(resolved).error(), "step " + plan_->node(step).id.str());
  return resolved;
}

const Json* RunMachine::output_of(const dag::NodeId& id) const {
  const auto step = state_.steps.find(id);
  const bool there = step != state_.steps.end() && step->second.status == StepStatus::kSucceeded;
  return there ? &step->second.output : nullptr;
}

const Json* RunMachine::kept_output(std::size_t step, const Json& arguments) const {
  const auto kept = kept_.find(plan_->node(step).id);
  const bool same = kept != kept_.end() && json::equal(kept->second.arguments, arguments);
  return same ? &kept->second.output : nullptr;
}

std::map<dag::NodeId, RunMachine::Kept> RunMachine::to_keep(const Event& resumed) const {
  std::map<dag::NodeId, Kept> kept;
  const Json* recheck = json::find(resumed.data, "recheck");
  if (recheck == nullptr) return kept;
  for (const Json& id : *recheck) {
    const auto step =
        plan_->index_of.find(dag::NodeId(id.is_string() ? id.get<std::string>() : ""));
    if (step == plan_->index_of.end()) continue;
    const Json* output = output_of(step->first);
    auto used = arguments(step->second);
    if (output != nullptr && used) kept.emplace(step->first, Kept{*std::move(used), *output});
  }
  return kept;
}

}  // namespace ae::execute
