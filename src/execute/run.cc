#include "execute/run.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace ae::execute {
namespace {

template <class Enum>
struct Name {
  Enum value;
  std::string_view text;
};

constexpr std::array<Name<RunStatus>, 5> kRunStatuses{{
    {RunStatus::kRunning, "running"},
    {RunStatus::kSucceeded, "succeeded"},
    {RunStatus::kFailed, "failed"},
    {RunStatus::kCancelled, "cancelled"},
    {RunStatus::kWaiting, "waiting"},
}};

constexpr std::array<Name<StepStatus>, 6> kStepStatuses{{
    {StepStatus::kPending, "pending"},
    {StepStatus::kRunning, "running"},
    {StepStatus::kSucceeded, "succeeded"},
    {StepStatus::kFailed, "failed"},
    {StepStatus::kCancelled, "cancelled"},
    {StepStatus::kOutcomeUnknown, "outcome_unknown"},
}};

constexpr std::array<Name<EventKind>, 10> kEventKinds{{
    {EventKind::kRunAccepted, "run_accepted"},
    {EventKind::kStepDispatched, "step_dispatched"},
    {EventKind::kStepSucceeded, "step_succeeded"},
    {EventKind::kAttemptFailed, "attempt_failed"},
    {EventKind::kStepFailed, "step_failed"},
    {EventKind::kOutcomeUnknown, "outcome_unknown"},
    {EventKind::kRunResumed, "run_resumed"},
    {EventKind::kRunSucceeded, "run_succeeded"},
    {EventKind::kRunFailed, "run_failed"},
    {EventKind::kRunCancelled, "run_cancelled"},
}};

template <class Enum, std::size_t n>
constexpr std::string_view text_of(const std::array<Name<Enum>, n>& names, Enum value) {
  for (const auto& name : names) {
    if (name.value == value) return name.text;
  }
  std::unreachable();
}

template <class Enum, std::size_t n>
Result<Enum> value_of(const std::array<Name<Enum>, n>& names, std::string_view text,
                      std::string_view what) {
  for (const auto& name : names) {
    if (name.text == text) return name.value;
  }
  return fail(ErrorCode::kDataLoss, fmt::format("\"{}\" is no {}", text, what));
}

ErrorCode error_code_from_string(std::string_view text) {
  for (int i = 0; i <= static_cast<int>(ErrorCode::kUserFunction); ++i) {
    if (to_string(static_cast<ErrorCode>(i)) == text) return static_cast<ErrorCode>(i);
  }
  return ErrorCode::kInternal;
}

std::int64_t integer_or(const Json& data, std::string_view key, std::int64_t otherwise) {
  const Json* member = json::find(data, key);
  return member != nullptr && member->is_number_integer() ? member->get<std::int64_t>() : otherwise;
}

Json member_or_null(const Json& data, std::string_view key) {
  const Json* member = json::find(data, key);
  return member == nullptr ? Json() : *member;
}

std::unexpected<Error> misfit(const RunState& state, const Event& event, std::string_view why) {
  return fail(ErrorCode::kDataLoss,
              fmt::format("run {}: event {} ({}{}{}) does not follow from the ones before: {}",
                          state.id, event.sequence, to_string(event.kind),
                          event.node.empty() ? "" : " of ", event.node, why));
}

// One event's transition. Each method checks before it changes anything.
class Fold {
 public:
  Fold(RunState& state, const Event& event) : state_(state), event_(event) {}

  Result<void> run() {
    if (event_.sequence != state_.last_sequence + 1) {
      return misfit(state_, event_, fmt::format("{} was expected", state_.last_sequence + 1));
    }
    if ((state_.last_sequence == 0) != (event_.kind == EventKind::kRunAccepted)) {
      return misfit(state_, event_, "a run begins with run_accepted, once");
    }
    AE_CHECK(event_.node.empty() ? of_run() : of_step());
    state_.last_sequence = event_.sequence;
    return {};
  }

 private:
  Result<void> of_run() {
    switch (event_.kind) {
      case EventKind::kRunAccepted:
        state_.input = member_or_null(event_.data, "input");
        state_.accepted_at = event_.at;
        return {};
      case EventKind::kRunResumed:
        return resumed();
      case EventKind::kRunSucceeded:
        for (const auto& [id, step] : state_.steps) {
          if (step.status != StepStatus::kSucceeded) {
            return misfit(state_, event_, fmt::format("step {} has not succeeded", id));
          }
        }
        AE_CHECK(over(RunStatus::kSucceeded));
        state_.outputs = member_or_null(event_.data, "outputs");
        return {};
      case EventKind::kRunFailed:
        return failed();
      case EventKind::kRunCancelled:
        return cancelled();
      default:
        return misfit(state_, event_, "it names no step");
    }
  }

  Result<void> over(RunStatus status) {
    const bool open = state_.status == RunStatus::kRunning ||
                      (state_.status == RunStatus::kWaiting && status != RunStatus::kSucceeded);
    if (!open) {
      return misfit(state_, event_, fmt::format("the run was {}", to_string(state_.status)));
    }
    state_.status = status;
    state_.finished_at = event_.at;
    return {};
  }

  Result<void> failed() {
    AE_CHECK(over(RunStatus::kFailed));
    const Json error = member_or_null(event_.data, "error");
    state_.error = Error{error_code_from_string(json::string_or(error, "code")),
                         json::string_or(error, "message"),
                         {}};
    state_.failed_node = dag::NodeId(json::string_or(error, "node"));
    return {};
  }

  Result<void> cancelled() {
    AE_CHECK(over(RunStatus::kCancelled));
    for (auto& [id, step] : state_.steps) {
      // Only a dispatch of an at-most-once function is recorded: nobody knows how it ended.
      if (step.status == StepStatus::kRunning) step.status = StepStatus::kOutcomeUnknown;
      if (step.status == StepStatus::kPending) step.status = StepStatus::kCancelled;
    }
    return {};
  }

  Result<void> resumed() {
    if (state_.status == RunStatus::kRunning || state_.status == RunStatus::kSucceeded) {
      return misfit(state_, event_, fmt::format("the run was {}", to_string(state_.status)));
    }
    const Json reset = member_or_null(event_.data, "reset");
    for (const Json& id : reset) {
      if (!id.is_string() || !state_.steps.contains(dag::NodeId(id.get<std::string>()))) {
        return misfit(state_, event_, fmt::format("there is no step {}", json::dump(id)));
      }
    }
    for (const Json& id : reset) {
      StepState& step = state_.steps.at(dag::NodeId(id.get<std::string>()));
      const int renewals = step.renewals;
      step = StepState{};
      step.renewals = renewals;
    }
    for (const Json& id : member_or_null(event_.data, "renewed")) {
      if (!id.is_string()) continue;
      const auto step = state_.steps.find(dag::NodeId(id.get<std::string>()));
      if (step != state_.steps.end()) ++step->second.renewals;
    }
    for (auto& [id, step] : state_.steps) {
      if (step.status == StepStatus::kCancelled) step.status = StepStatus::kPending;
    }
    if (const Json* input = json::find(event_.data, "input")) state_.input = *input;
    state_.status = RunStatus::kRunning;
    state_.error.reset();
    state_.failed_node = {};
    state_.finished_at.reset();
    return {};
  }

  Result<void> of_step() {
    const auto found = state_.steps.find(event_.node);
    if (found == state_.steps.end()) {
      return misfit(state_, event_, "the workflow has no such step");
    }
    StepState& step = found->second;
    // Several steps may turn out to be of unknown outcome, one after the other.
    const bool open =
        state_.status == RunStatus::kRunning ||
        (state_.status == RunStatus::kWaiting && event_.kind == EventKind::kOutcomeUnknown);
    if (!open) {
      return misfit(state_, event_, fmt::format("the run was {}", to_string(state_.status)));
    }
    if (step.status != StepStatus::kPending && step.status != StepStatus::kRunning) {
      return misfit(state_, event_, fmt::format("the step was {}", to_string(step.status)));
    }
    const std::int64_t attempt = integer_or(event_.data, "attempt", -1);
    const bool dispatched = step.status == StepStatus::kRunning;
    if (attempt != step.attempts && (dispatched || attempt != step.attempts + 1)) {
      return misfit(state_, event_,
                    fmt::format("attempt {} after attempt {}", attempt, step.attempts));
    }
    return transition(step, attempt, dispatched);
  }

  Result<void> transition(StepState& step, std::int64_t attempt, bool dispatched) {
    switch (event_.kind) {
      case EventKind::kStepDispatched:
        if (dispatched || attempt == step.attempts) {
          return misfit(state_, event_, "that attempt was dispatched before");
        }
        step.status = StepStatus::kRunning;
        step.started_at = event_.at;
        step.finished_at.reset();
        break;
      case EventKind::kStepSucceeded:
        step.status = StepStatus::kSucceeded;
        step.output = member_or_null(event_.data, "output");
        step.error.reset();
        ended(step);
        break;
      case EventKind::kAttemptFailed:
      case EventKind::kStepFailed:
        step.status =
            event_.kind == EventKind::kStepFailed ? StepStatus::kFailed : StepStatus::kPending;
        step.error = function_error_from_json(member_or_null(event_.data, "error"));
        ended(step);
        break;
      case EventKind::kOutcomeUnknown:
        if (!dispatched) return misfit(state_, event_, "the step was not dispatched");
        step.status = StepStatus::kOutcomeUnknown;
        state_.status = RunStatus::kWaiting;
        break;
      default:
        return misfit(state_, event_, "it is an event of the whole run");
    }
    step.attempts = static_cast<int>(attempt);
    return {};
  }

  void ended(StepState& step) const {
    step.finished_at = event_.at;
    const Json* duration = json::find(event_.data, "duration_ms");
    if (duration == nullptr) return;
    step.duration = std::chrono::milliseconds(integer_or(event_.data, "duration_ms", 0));
    step.started_at = event_.at - *step.duration;
  }

  RunState& state_;
  const Event& event_;
};

}  // namespace

std::string_view to_string(RunStatus status) { return text_of(kRunStatuses, status); }
std::string_view to_string(StepStatus status) { return text_of(kStepStatuses, status); }
std::string_view to_string(EventKind kind) { return text_of(kEventKinds, kind); }

Result<RunStatus> run_status_from_string(std::string_view text) {
  return value_of(kRunStatuses, text, "status of a run");
}

Result<EventKind> event_kind_from_string(std::string_view text) {
  return value_of(kEventKinds, text, "kind of event");
}

RunState new_run_state(RunId id, std::string workflow, int workflow_version,
                       std::vector<dag::NodeId> order) {
  RunState state;
  state.id = std::move(id);
  state.workflow = std::move(workflow);
  state.workflow_version = workflow_version;
  for (const dag::NodeId& node : order) state.steps.emplace(node, StepState{});
  state.order = std::move(order);
  return state;
}

Result<void> apply(RunState& state, const Event& event) { return Fold(state, event).run(); }

}  // namespace ae::execute
