// The seam between the orchestrator and whatever runs functions (faas: local processes).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/deadline.h"
#include "base/result.h"
#include "dag/function_spec.h"
#include "json/json.h"

namespace ae::execute {

struct Invocation {
  std::string request_id;  // unique per attempt
  std::string run_id;      // "" for a direct invocation
  std::string node_id;
  int attempt = 1;
  // The same for every attempt of one step of one run, so that a receiver can drop repetitions. A
  // step that a person runs again with other arguments, or although it had succeeded, gets a new
  // one.
  std::string idempotency_key;
  std::shared_ptr<const dag::FunctionSpec> function;
  Json input;
  Deadline deadline = Deadline::never();
};

// A function's own failure, as Lambda shapes it.
struct FunctionError {
  std::string type;  // "ValueError", "Sandbox.Timedout", "Runtime.ExitError", ...
  std::string message;
  Json stack_trace = Json::array();
  bool operator==(const FunctionError&) const = default;
};

struct InvocationResult {
  Json output;                         // meaningful when neither error is set
  std::optional<FunctionError> error;  // the function ran and failed
  std::optional<Error> fault;  // we could not run it (kUnavailable, kResourceExhausted, ...)
  std::string log;             // what it printed, at most a few hundred KB
  std::chrono::milliseconds duration{0};
  bool cold_start = false;
};

// Threads: invoke() from any thread, the journal's writer among them, so it hands the work over and
// does not wait for it; `done` exactly once, from any thread, possibly before invoke() returns, and
// under no lock of the implementation's: it may invoke() and cancel() in turn.
// The implementation outlives every pending `done`.
class FunctionInvoker {
 public:
  virtual ~FunctionInvoker() = default;
  using Done = std::move_only_function<void(InvocationResult)>;
  virtual void invoke(Invocation invocation, Done done) = 0;
  // Best effort: the attempt's result is no longer wanted; its `done` still comes.
  virtual void cancel(const std::string& request_id) = 0;
};

}  // namespace ae::execute
