// One step of a run: from "its inputs are there" to "its result may be written".
#include <fmt/format.h>

#include <utility>

#include "base/text.h"
#include "execute/internal/run_actor.h"

namespace ae::execute {
namespace {

constexpr const char* kNotCalled = "Run.NotCalled";

std::string why_not_again(const dag::FunctionSpec& function) {
  return fmt::format(
      " (not tried again: {} has side effects ({}) and is not declared idempotent; look whether it "
      "took effect, then resume the run)",
      function.name, join(function.effects, ", "));
}

}  // namespace

const StepState& RunActor::step_state(std::size_t step) const {
  return machine_.state().steps.at(machine_.plan().node(step).id);
}

void RunActor::set_attempt(std::size_t step, std::optional<Attempt> attempt) {
  const std::lock_guard lock(state_mutex_);
  attempts_[step].swap(attempt);
}

Event RunActor::event_of(EventKind kind, std::size_t step) const {
  Event event;
  event.kind = kind;
  event.node = machine_.plan().node(step).id;
  event.at = services_->clock.now();
  return event;
}

RunActor::Millis RunActor::timeout_of(std::size_t step) const {
  return machine_.plan().node(step).timeout.value_or(
      machine_.plan().functions[step]->runtime.timeout);
}

void RunActor::advance() {
  for (const std::size_t step : machine_.take_ready()) {
    // The one before may just have failed.
    machine_.failing() ? machine_.release(step) : start_step(step);
  }
}

void RunActor::start_step(std::size_t step) {
  auto arguments = machine_.arguments(step);
  if (!arguments) {
    return fail_uncalled(step, {"Input.Unresolved", arguments.error().describe(), Json::array()});
  }
  {
    const std::lock_guard lock(state_mutex_);
    machine_.note_input(step, *arguments);
  }
  if (const Json* kept = machine_.kept_output(step, *arguments)) {
    Event event = event_of(EventKind::kStepSucceeded, step);
    event.data = {{"attempt", step_state(step).attempts}, {"output", *kept}, {"reused", true}};
    outbox_.push_back(std::move(event));
    return machine_.settle(step, RunMachine::Settled::kSucceeded);
  }
  const dag::FunctionSpec& function = *machine_.plan().functions[step];
  // A guess must not turn down what the function itself may be content with.
  const bool guessed = function.schemas == dag::SchemaSource::kInferred;
  const std::string wrong = guessed ? "" : violations(function.input, *arguments);
  if (!wrong.empty()) {
    return fail_uncalled(step, {"Input.SchemaViolation",
                                fmt::format("{} was not called: its input does not fit its "
                                            "declared schema: {}",
                                            function.name, wrong),
                                Json::array()});
  }
  Attempt attempt;
  attempt.number = step_state(step).attempts + 1;
  attempt.input = *std::move(arguments);
  set_attempt(step, std::move(attempt));
  wait_for_slot(step);
}

void RunActor::wait_for_slot(std::size_t step) {
  StepSlots::SlotPtr slot =
      services_->slots->acquire([weak = weak_from_this(), step](StepSlots::SlotPtr& freed) {
        const auto self = weak.lock();
        if (self == nullptr) return;
        // On another thread: the one that freed the slot is in another run's turn.
        (void)self->post([step, slot = std::move(freed)](
                             RunActor& run) mutable { run.on_slot(step, std::move(slot)); },
                         Where::kRunner);
      });
  if (slot != nullptr) on_slot(step, std::move(slot));
}

// The step may have been released meanwhile; the slot then goes to the next one.
void RunActor::on_slot(std::size_t step, StepSlots::SlotPtr slot) {
  std::optional<Attempt>& attempt = attempts_[step];
  if (!attempt || attempt->phase != Attempt::Phase::kQueued) return;
  if (cancelling_) {
    machine_.release(step);
    return set_attempt(step, std::nullopt);
  }
  attempt->slot = std::move(slot);
  if (!machine_.plan().functions[step]->at_most_once()) return call(step);
  attempt->phase = Attempt::Phase::kRecording;
  Event event = event_of(EventKind::kStepDispatched, step);
  event.data = {{"attempt", attempt->number}};
  outbox_.push_back(std::move(event));
}

Invocation RunActor::invocation_of(std::size_t step) const {
  const Attempt& attempt = *attempts_[step];
  const RunState& state = machine_.state();
  const dag::NodeId& node = machine_.plan().node(step).id;
  Invocation invocation;
  invocation.request_id = attempt.request_id;
  invocation.run_id = state.id.str();
  invocation.node_id = node.str();
  invocation.attempt = attempt.number;
  invocation.idempotency_key = fmt::format("{}/{}", state.id, node);
  const int renewals = step_state(step).renewals;
  if (renewals > 0) invocation.idempotency_key += fmt::format("/{}", renewals);
  invocation.function = machine_.plan().functions[step];
  invocation.deadline = Deadline::after(timeout_of(step), services_->clock);
  return invocation;
}

void RunActor::call(std::size_t step) {
  std::string request_id = new_id("req");
  {
    const std::lock_guard lock(state_mutex_);
    Attempt& attempt = *attempts_[step];
    attempt.phase = Attempt::Phase::kCalled;
    attempt.request_id = request_id;
    attempt.started_at = services_->clock.now();
  }
  Attempt& attempt = *attempts_[step];
  attempt.backstop = services_->timer->at(
      std::chrono::steady_clock::now() + timeout_of(step) + services_->options.answer_grace,
      [weak = weak_from_this(), step, request_id] {
        const auto self = weak.lock();
        if (self == nullptr) return;
        (void)self->post([step, request_id](RunActor& run) { run.give_up(step, request_id); },
                         Where::kRunner);
      });
  Invocation invocation = invocation_of(step);
  invocation.input = std::move(attempt.input);
  services_->invoker.invoke(
      std::move(invocation), [weak = weak_from_this(), step, request_id = std::move(request_id),
                              slot = attempt.slot](InvocationResult result) mutable {
        slot->release();
        const auto self = weak.lock();
        if (self == nullptr) return;
        (void)self->post(
            [step, request_id = std::move(request_id), result = std::move(result)](
                RunActor& run) mutable { run.on_result(step, request_id, std::move(result)); },
            Where::kHere);
      });
}

// The invoker should have answered long ago.
void RunActor::give_up(std::size_t step, const std::string& request_id) {
  const std::optional<Attempt>& attempt = attempts_[step];
  if (retired_ || !attempt || attempt->request_id != request_id ||
      attempt->phase != Attempt::Phase::kCalled) {
    return;
  }
  services_->invoker.cancel(request_id);
  InvocationResult result;
  result.duration = timeout_of(step) + services_->options.answer_grace;
  result.error = FunctionError{
      "Sandbox.Timedout",
      fmt::format("Task timed out after {:.2f} seconds, and no answer came within {:.2f} more",
                  static_cast<double>(timeout_of(step).count()) / 1000,
                  static_cast<double>(services_->options.answer_grace.count()) / 1000),
      Json::array()};
  on_result(step, request_id, std::move(result));
}

void RunActor::on_result(std::size_t step, const std::string& request_id, InvocationResult result) {
  if (retired_ || !attempts_[step] || attempts_[step]->request_id != request_id ||
      attempts_[step]->phase != Attempt::Phase::kCalled) {
    return;  // too late: it was given up
  }
  Attempt& attempt = *attempts_[step];
  {
    const std::lock_guard lock(state_mutex_);
    attempt.phase = Attempt::Phase::kSettled;
  }
  services_->timer->cancel(attempt.backstop);
  attempt.slot->release();
  if (!result.log.empty()) {
    outbox_logs_.push_back(
        {request_id, machine_.plan().node(step).id, attempt.number, std::move(result.log)});
  }
  if (result.fault) {
    FunctionError error{fmt::format("Engine.{}", to_string(result.fault->code)),
                        result.fault->describe(), Json::array()};
    return fail_attempt(step, std::move(error), is_retryable(result.fault->code), result.duration);
  }
  if (result.error) {
    return fail_attempt(step, *std::move(result.error), true, result.duration);
  }
  const dag::FunctionSpec& function = *machine_.plan().functions[step];
  // A guess must not turn down what the function itself is content with.
  const bool guessed = function.schemas == dag::SchemaSource::kInferred;
  const std::string wrong = guessed ? "" : violations(function.output, result.output);
  if (wrong.empty()) return succeed(step, std::move(result));
  FunctionError error{
      "Output.SchemaViolation",
      fmt::format("the result of {} does not fit its declared schema: {}", function.name, wrong),
      Json::array()};
  fail_attempt(step, std::move(error), false, result.duration);
}

void RunActor::succeed(std::size_t step, InvocationResult result) {
  Event event = event_of(EventKind::kStepSucceeded, step);
  event.data = {{"attempt", attempts_[step]->number},
                {"output", nullptr},
                {"duration_ms", result.duration.count()},
                {"cold_start", result.cold_start}};
  event.data["output"] = std::move(result.output);
  outbox_.push_back(std::move(event));
  machine_.settle(step, RunMachine::Settled::kSucceeded);
}

void RunActor::fail_attempt(std::size_t step, FunctionError error, bool retryable,
                            Millis duration) {
  const dag::RetryPolicy& policy = machine_.plan().node(step).retry
                                       ? *machine_.plan().node(step).retry
                                       : services_->options.default_retry;
  const dag::FunctionSpec& function = *machine_.plan().functions[step];
  const int number = attempts_[step]->number;
  const bool again = retryable && !function.at_most_once() && number < policy.max_attempts &&
                     !machine_.failing() && !cancelling_;
  if (function.at_most_once() && retryable) error.message += why_not_again(function);
  Event event = event_of(again ? EventKind::kAttemptFailed : EventKind::kStepFailed, step);
  event.data = {{"attempt", number}, {"error", to_json(error)}, {"duration_ms", duration.count()}};
  if (again) event.data["retry_in_ms"] = services_->jitter.wait(policy, number).count();
  outbox_.push_back(std::move(event));
  machine_.settle(step, again ? RunMachine::Settled::kRetried : RunMachine::Settled::kFailed);
  if (!again) dequeue_waiting();
}

void RunActor::fail_uncalled(std::size_t step, FunctionError error) {
  Event event = event_of(EventKind::kStepFailed, step);
  event.data = {{"attempt", step_state(step).attempts}, {"error", to_json(error)}};
  outbox_.push_back(std::move(event));
  machine_.settle(step, RunMachine::Settled::kFailed);
  dequeue_waiting();
}

// The run is going to fail: what waits for a slot is not begun any more.
void RunActor::dequeue_waiting() {
  for (std::size_t step = 0; step < attempts_.size(); ++step) {
    if (!attempts_[step] || attempts_[step]->phase != Attempt::Phase::kQueued) continue;
    machine_.release(step);
    set_attempt(step, std::nullopt);
  }
}

// An event is on disk: what it allows.
void RunActor::after_event(const Event& event) {
  if (event.node.empty()) return;
  const std::size_t step = machine_.plan().index_of.at(event.node);
  if (event.kind != EventKind::kStepDispatched) {
    set_attempt(step, std::nullopt);
  } else if (!cancelling_ && machine_.state().status == RunStatus::kRunning) {
    return call(step);
  } else if (attempts_[step]) {
    // On record, but not called: say so, or it would count as of unknown outcome.
    Event not_called = event_of(EventKind::kAttemptFailed, step);
    const FunctionError error{kNotCalled, "the run was cancelled just before the call",
                              Json::array()};
    not_called.data = {
        {"attempt", attempts_[step]->number}, {"error", to_json(error)}, {"retry_in_ms", 0}};
    outbox_.push_back(std::move(not_called));
    machine_.settle(step, RunMachine::Settled::kRetried);
    return;
  }
  if (event.kind != EventKind::kAttemptFailed) return;
  const Json* wait = json::find(event.data, "retry_in_ms");
  const Millis delay(wait == nullptr ? 0 : wait->get<std::int64_t>());
  services_->timer->at(std::chrono::steady_clock::now() + delay, [weak = weak_from_this(), step] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    (void)self->post(
        [step](RunActor& run) {
          if (run.retired_) return;
          run.machine_.retry(step);
          run.advance();
        },
        Where::kRunner);
  });
}

// Nobody wants the answers any more.
void RunActor::stop_calls() {
  for (std::size_t step = 0; step < attempts_.size(); ++step) {
    if (attempts_[step] && attempts_[step]->phase == Attempt::Phase::kCalled) {
      services_->timer->cancel(attempts_[step]->backstop);
      services_->invoker.cancel(attempts_[step]->request_id);
    }
    set_attempt(step, std::nullopt);
  }
}

}  // namespace ae::execute
