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

enum class RunStatus {
  kRunning,
  kSucceeded,
  kFailed,
  kCancelled,
  kWaiting
};  // kWaiting: outcome unknown
enum class StepStatus { kPending, kRunning, kSucceeded, kFailed, kCancelled, kOutcomeUnknown };
std::string_view to_string(RunStatus status);   // "running", "succeeded", "failed", ...
std::string_view to_string(StepStatus status);  // ..., "outcome_unknown"

enum class EventKind {
  kRunAccepted,     // data: {input}
  kStepDispatched,  // data: {attempt}; on disk before the call only for at-most-once functions
  kStepSucceeded,   // data: {attempt, output, duration_ms, cold_start}
  kAttemptFailed,   // data: {attempt, error, retry_in_ms}: will be tried again
  kStepFailed,      // data: {attempt, error}
  kOutcomeUnknown,  // data: {attempt}: dispatched before a crash, must not be repeated by itself
  kRunResumed,      // data: {input?, reset: [node ids]}: a person asked to go on
  kRunSucceeded,    // data: {outputs}
  kRunFailed,       // data: {error: {code, message, node?}}
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
  int attempts = 0;
  Json input;   // the arguments of the last dispatch; null before it
  Json output;  // null until it succeeded
  std::optional<FunctionError> error;
  std::string log;  // of the last attempt
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
  WallTime accepted_at{};
  std::optional<WallTime> finished_at;
  std::int64_t last_sequence = 0;
};

// Folds one more event in. Errors: kDataLoss when it cannot follow what came before.
Result<void> apply(RunState& state, const Event& event);

// For people and programs; a failed run answers as fully as a successful one: status, failing step
// and error, what finished with which results, and how to resume.
Json to_json(const RunState& state);
Json to_json(const Event& event);

}  // namespace ae::execute
