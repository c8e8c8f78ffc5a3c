// The durable orchestrator: runs linked workflows through a FunctionInvoker.
//
// A step starts as soon as what it uses is there; its result is on disk before its dependants
// start and before anybody sees it. After a crash every accepted run goes on from its last recorded
// step; no recorded step runs again. A function with side effects that is not declared idempotent
// is never called again by itself: its dispatch is recorded before the call, and when a crash
// leaves the outcome open, the step waits as outcome_unknown for a person (resume).
// Every function input is checked against its declared schema before the call and every output
// after it (the run-time guard of narrowed types).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "dag/link.h"
#include "execute/function_invoker.h"
#include "execute/journal.h"
#include "execute/run.h"

namespace ae::execute {

struct OrchestratorOptions {
  dag::RetryPolicy default_retry{};      // for faults and function errors alike
  std::size_t max_running_steps = 1024;  // of all runs; more wait
  // Of a run's input. Lambda's payload limit; a function's own input is its invoker's to judge.
  std::size_t max_input_bytes = 6UL << 20U;
  std::uint64_t jitter_seed = 0;  // 0: from the system
  // The invoker ends an attempt at its deadline. One that has not even answered this long after it
  // is given up as Sandbox.Timedout; its answer, should it ever come, is ignored.
  std::chrono::milliseconds answer_grace{5'000};
};

struct StartRequest {
  std::string workflow;
  int workflow_version = 1;
  std::shared_ptr<const dag::LinkedWorkflow> linked;
  Json input;
  std::string idempotency_key;
};

struct ResumeRequest {
  // Steps to forget and run again, with everything that depends on them. Empty: the failed and
  // outcome-unknown ones. Not empty: every failed and outcome-unknown step must be among them or
  // depend on one, so that nobody repeats a payment without having named it.
  std::vector<dag::NodeId> from;
  std::optional<Json> input;  // replaces the run's input; steps whose arguments change run again
};

// Threads: any. Callbacks come one at a time, on a thread of the orchestrator's own and never under
// a lock, so they may call it back; a slow one delays other callbacks but no run.
class Orchestrator final {
 public:
  // All of them must outlive it.
  Orchestrator(Journal& journal, FunctionInvoker& invoker, const Clock& clock,
               const OrchestratorOptions& options = {});
  // Stops dispatching; running steps are abandoned (a later process takes them up again), joins.
  ~Orchestrator();
  Orchestrator(const Orchestrator&) = delete;
  Orchestrator& operator=(const Orchestrator&) = delete;

  // Takes up every unfinished run of the journal; call once, before anything else. Returns how
  // many.
  Result<std::size_t> recover();

  // `accepted` once, when the run is on disk (or why not). The same key with the same input gives
  // the earlier run's id; with another input kFailedPrecondition.
  // Errors: kInvalidArgument (input violates the schema, each violation named), kResourceExhausted.
  using Accepted = std::move_only_function<void(Result<RunId>)>;
  void start(StartRequest request, Accepted accepted);

  // `finished` once: at once if it is over already (or waits for a person), else when it is.
  // Errors: kNotFound. A token of 0 is never given out.
  using Finished = std::move_only_function<void(const RunState&)>;
  Result<std::uint64_t> when_finished(const RunId& id, Finished finished);
  // Of when_finished or subscribe: afterwards it is not called. Waits for a call under way on
  // another thread, so do not hold a lock that the callback takes.
  void forget(std::uint64_t token);

  // Every durable event after `after_sequence`, in order, each once, first those on disk, then
  // live; also those that follow when the run is resumed one day. Ends only with forget(). Errors:
  // kNotFound.
  using OnEvent = std::function<void(const Event&)>;
  Result<std::uint64_t> subscribe(const RunId& id, std::int64_t after_sequence, OnEvent on_event);

  Result<RunState> get(const RunId& id) const;  // kNotFound
  // Durable when it returns; running steps are told to stop and their results dropped.
  // Errors: kNotFound, kFailedPrecondition when it is over.
  Result<void> cancel(const RunId& id);
  // A failed, cancelled or waiting run goes on from what is recorded. Durable when it returns.
  // Errors: kNotFound; kFailedPrecondition when it is running or has succeeded, or `from` leaves
  // out a failed step; kInvalidArgument for unknown steps or an input that violates the schema.
  Result<void> resume(const RunId& id, const ResumeRequest& request);

  struct Stats {
    std::size_t runs = 0;             // in memory: those that are not over
    std::size_t running_steps = 0;    // with the invoker
    std::size_t waiting_steps = 0;    // for one of max_running_steps
    std::uint64_t failed_writes = 0;  // of the journal, since the start; each is tried again
  };
  Stats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ae::execute
