// Owns every worker: starts them, feeds them, watches them, ends them.
//
// One thread waits on all workers' sockets, pipes and processes. An invocation for an idle worker
// is written to its socket by the thread that calls submit(), so a warm call costs two wake-ups
// (the worker's and ours) and no hand-over in between. State is behind one mutex, held for
// bookkeeping and non-blocking I/O only: starting a process, looking through /proc and calling back
// happen without it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/thread_pool.h"
#include "faas/faas_engine.h"
#include "faas/internal/launch.h"
#include "faas/internal/outcome.h"
#include "faas/internal/poller.h"
#include "faas/internal/scheduler.h"
#include "faas/internal/worker.h"

namespace ae::faas {

// Threads: any.
class Supervisor final {
 public:
  // The run folder exists and holds the runtime client; what an earlier server left is gone.
  static Result<std::unique_ptr<Supervisor>> start(FaasOptions options);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  void submit(PendingPtr pending);
  void cancel(const std::string& request_id);
  FaasEngine::Stats stats() const;
  std::vector<Protection> protections() const { return launcher_->protections(); }

 private:
  struct Completion {
    PendingPtr pending;
    Outcome outcome;
    std::string log;
    std::chrono::milliseconds duration{0};
    bool cold_start = false;
    std::optional<execute::InvocationReport> report{};
  };
  struct Ended {  // its leftovers are killed before its invocation is answered
    std::unique_ptr<Worker> worker;
    std::vector<Completion> completions;
  };
  struct Batch {  // what one round leaves to be done without the lock
    std::vector<Completion> completions;
    std::vector<Ended> ended;
    std::vector<Scheduler::Spawn> spawns;
  };
  struct Slot {
    std::unique_ptr<Worker> worker;
    bool was_ready = false;
    bool cold_start = false;        // of the current invocation
    bool callers_deadline = false;  // comes before the function's own time limit
    SteadyTime begun{};             // of the current invocation, or of the worker
    std::optional<execute::FunctionError> init_error;
    std::chrono::milliseconds init_limit{0};
    std::chrono::microseconds init{0};  // how long the initialisation took
    std::int64_t max_memory_mb = 0;
    SteadyTime measured{};  // when that was looked up
  };

  Supervisor(FaasOptions options, std::unique_ptr<Launcher> launcher,
             std::unique_ptr<Poller> poller);
  void run();
  void carry_out(Batch batch);
  void deliver(Completion completion);

  // With the lock:
  bool round(std::span<const epoll_event> ready, Batch& batch);  // false: all is over
  std::optional<std::string> objection(const Pending& pending) const;
  bool try_dispatch(PendingPtr& pending);
  bool dispatch(Slot& slot, PendingPtr& pending);
  void handle(Slot& slot, std::vector<WorkerEvent> events, Batch& batch);
  void on_ready(Slot& slot);
  void on_answer(Slot& slot, Outcome outcome, Batch& batch);
  void on_process_end(Slot& slot, Batch& batch);
  void on_worker_deadline(Slot& slot, SteadyTime now, Batch& batch);
  void check_deadlines(SteadyTime now, Batch& batch);
  void end(Slot& slot, Worker::Reason reason);
  void retire(Slot& slot);
  void stop_everything(Batch& batch);
  void arm_timer(SteadyTime at);
  void rearm_timer();
  Completion finish(Slot& slot, Outcome outcome);
  execute::InvocationReport report(Slot& slot, const dag::FunctionSpec& function, SteadyTime now);
  Outcome end_outcome(const Slot& slot) const;

  // Without it:
  void spawn(const Scheduler::Spawn& order);
  void clean_up(Ended& ended);
  void in_background(std::function<void()> task);

  const FaasOptions options_;
  const std::unique_ptr<Launcher> launcher_;
  const std::unique_ptr<Poller> poller_;

  mutable std::mutex mutex_;
  Scheduler scheduler_;
  std::unordered_map<WorkerId, Slot> slots_;
  std::unordered_map<std::string, WorkerId> running_;  // by request id
  SteadyTime armed_ = SteadyTime::max();
  bool stopping_ = false;
  FaasEngine::Stats counters_;

  ThreadPool finisher_;  // for what would hold up the other workers; last, as it may call back
  std::thread thread_;
};

}  // namespace ae::faas
