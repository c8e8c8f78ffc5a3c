// The seam between the orchestrator and whatever runs functions (faas: local processes).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/deadline.h"
#include "base/result.h"
#include "dag/function_spec.h"
#include "json/json.h"

namespace ae::execute {

// An answer in the habit of API Gateway ({"statusCode": 200, "body": "..."}):
enum class Answer {
  kBody,   // its body is the output, a status of 400 and more the function's failure
  kWhole,  // is the output as it stands: what Lambda's Invoke gives
};

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
  // What Lambda's Invoke passes on to the handler's context, each as its header has it: JSON of the
  // caller, JSON of who the caller is, the X-Ray header. "": none; a trace id is then made up.
  std::string client_context{};
  std::string cognito_identity{};
  std::string trace_id{};
  Answer answer = Answer::kBody;
};

// A function's own failure, as Lambda shapes it.
struct FunctionError {
  std::string type;  // "ValueError", "Sandbox.Timedout", "Runtime.ExitError", ...
  std::string message;
  Json stack_trace = Json::array();
  bool operator==(const FunctionError&) const = default;
};

// What Lambda's REPORT line says of an invocation.
struct InvocationReport {
  std::chrono::microseconds duration{0};            // of the handler
  std::optional<std::chrono::microseconds> init{};  // of the initialisation before it, if cold
  std::int64_t memory_mb = 0;                       // the function's setting
  std::int64_t max_memory_mb = 0;  // the most that its process ever held; 0: unknown
};

struct InvocationResult {
  Json output;                         // meaningful when neither error is set
  std::optional<FunctionError> error;  // the function ran and failed
  std::optional<Error> fault;  // we could not run it (kUnavailable, kResourceExhausted, ...)
  std::string log;             // what it printed, at most a few hundred KB
  std::chrono::milliseconds duration{0};
  bool cold_start = false;
  std::optional<InvocationReport> report{};  // when a process of ours ran it
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
