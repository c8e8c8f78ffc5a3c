// What every run of an orchestrator shares.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <unordered_map>

#include "base/thread_pool.h"
#include "execute/internal/gate.h"
#include "execute/internal/run_plan.h"
#include "execute/internal/step_slots.h"
#include "execute/internal/watchers.h"
#include "execute/orchestrator.h"
#include "execute/timer.h"

namespace ae::execute {

class RunActor;

// The runs in memory. Threads: any.
class RunTable final {
 public:
  void insert(const RunId& id, std::shared_ptr<RunActor> run);
  void remove(const RunId& id);
  std::shared_ptr<RunActor> find(const RunId& id) const;
  std::size_t size() const;
  void clear();

 private:
  mutable std::mutex mutex_;
  std::unordered_map<RunId, std::shared_ptr<RunActor>> runs_;
};

// Plans of the workflows used lately. Threads: any.
class PlanCache final {
 public:
  // Errors: RunPlan::make()'s.
  Result<std::shared_ptr<const RunPlan>> plan_of(
      const std::shared_ptr<const dag::LinkedWorkflow>& linked);

 private:
  static constexpr std::size_t kMaxPlans = 256;
  std::mutex mutex_;
  std::unordered_map<const dag::LinkedWorkflow*, std::shared_ptr<const RunPlan>> plans_;
};

// Waits between attempts, with full jitter (uniform from nothing to the back-off), so that what
// failed together does not come back together. Threads: any.
class Jitter final {
 public:
  explicit Jitter(std::uint64_t seed);  // 0: from the system
  // After attempt `attempt` (1, 2, …).
  std::chrono::milliseconds wait(const dag::RetryPolicy& policy, int attempt);

 private:
  std::mutex mutex_;
  std::mt19937_64 random_;
};

// Calls that are running on the store's writer thread or an invoker's may come after the
// orchestrator is gone: they hold this alive and find the gate closed.
struct Services {
  Services(Journal& the_journal, FunctionInvoker& the_invoker, const Clock& the_clock,
           const OrchestratorOptions& the_options);

  Journal& journal;
  FunctionInvoker& invoker;
  const Clock& clock;
  const OrchestratorOptions options;

  Gate gate;     // around every turn of every run, and every use of the threads below
  Gate creates;  // around every run that is being written for the first time
  std::atomic<std::size_t> pending_writes = 0;
  std::atomic<std::uint64_t> failed_writes = 0;
  RunTable table;
  PlanCache plans;
  Jitter jitter;
  const std::shared_ptr<StepSlots> slots;

  Watchers watchers;

  // Reset by the orchestrator's destructor, after the gate is closed.
  std::unique_ptr<Timer> timer;
  std::unique_ptr<ThreadPool> runner;
};

}  // namespace ae::execute
