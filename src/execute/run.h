// A run and its steps, as values. A run's state is a fold over its journalled events: what is
// shown, what is resumed after a crash, and what is streamed are the same facts.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "dag/link.h"
#include "execute/function_invoker.h"
#include "json/json.h"

namespace ae::execute {

using RunId = Id<struct RunTag>;

// kWaiting: a step's outcome is unknown, a person has to say how to go on.
enum class RunStatus { kRunning, kSucceeded, kFailed, kCancelled, kWaiting };
enum class StepStatus { kPending, kRunning, kSucceeded, kFailed, kCancelled, kOutcomeUnknown };
std::string_view to_string(RunStatus status);   // "running", "succeeded", "failed", ...
std::string_view to_string(StepStatus status);  // ..., "outcome_unknown"
Result<RunStatus> run_status_from_string(std::string_view text);

// What `data` holds. `error` of a step is {type, message, stack_trace}.
enum class EventKind {
  kRunAccepted,     // {input}
  kStepDispatched,  // {attempt}; only for at-most-once functions, and then before the call
  kStepSucceeded,  // {attempt, output, duration_ms, cold_start}; {…, reused: true}: see kRunResumed
  kAttemptFailed,  // {attempt, error, duration_ms, retry_in_ms}: will be tried again
  kStepFailed,     // {attempt, error, duration_ms?}; attempt 0: it was never called
  kOutcomeUnknown,  // {attempt}: dispatched before a crash, must not be repeated by itself
  // A person asked to go on: {input?, reset: [ids], renewed: [ids], recheck: [ids]}. `reset` steps
  // run again; of them `renewed` ones get a new idempotency key, and `recheck` ones keep their
  // result if it turns out that their arguments are the same as before.
  kRunResumed,
  kRunSucceeded,  // {outputs}
  kRunFailed,     // {error: {code, message, node?}}
  kRunCancelled,
};
std::string_view to_string(EventKind kind);  // "run_accepted", ...
Result<EventKind> event_kind_from_string(std::string_view text);

struct Event {
  std::int64_t sequence = 0;  // 1, 2, … within its run
  EventKind kind = EventKind::kRunAccepted;
  dag::NodeId node;  // empty for events of the run
  WallTime at{};
  Json data = Json::object();
};

struct StepState {
  StepStatus status = StepStatus::kPending;
  int attempts = 0;  // since it was last reset
  int renewals = 0;  // how often a resumption gave it a new idempotency key
  Json input;        // the arguments of the last dispatch; null before it
  Json output;       // null until it succeeded
  std::optional<FunctionError> error;
  std::string log;  // of the last attempt; only Orchestrator::get() fills it in
  std::optional<WallTime> started_at;
  std::optional<WallTime> finished_at;
  std::optional<std::chrono::milliseconds> duration;
};

struct RunState {
  RunId id;
  std::string workflow;  // catalog id
  int workflow_version = 1;
  RunStatus status = RunStatus::kRunning;
  Json input;
  Json outputs;                            // null until it succeeded
  std::optional<Error> error;              // why it failed
  dag::NodeId failed_node;                 // which step, if a step
  std::map<dag::NodeId, StepState> steps;  // every node of the workflow
  std::vector<dag::NodeId> order;          // the same, each after what it uses
  WallTime accepted_at{};
  std::optional<WallTime> finished_at;
  std::int64_t last_sequence = 0;
};

// A run before its first event. `order`: the workflow's nodes, each after what it uses.
RunState new_run_state(RunId id, std::string workflow, int workflow_version,
                       std::vector<dag::NodeId> order);

// Folds one more event in. Errors: kDataLoss when it cannot follow what came before.
// Leaves `state` as it was then. Does not know StepState::input (see RunMachine) and `log`.
Result<void> apply(RunState& state, const Event& event);

// {type, message, stack_trace}, and back (missing members are empty).
Json to_json(const FunctionError& error);
FunctionError function_error_from_json(const Json& json);

// For people and programs; a failed run answers as fully as a successful one:
// {id, workflow, workflow_version, status, input, outputs, error: {code, message, node, type}?,
//  steps: [{id, status, attempts, input, output, error?, started_at, finished_at, duration_ms}],
//  accepted_at, finished_at, resume: {how, cli, from: [ids]}?}. Times are RFC 3339 or null;
//  `resume`
// is there when a person can make the run go on, and `from` is what would run again by default.
Json to_json(const RunState& state);
// {sequence, kind, node?, at, data}
Json to_json(const Event& event);

}  // namespace ae::execute
