// Who runs next, and on which worker. Bookkeeping only: no processes, no time of its own, no locks.
//
// Per function a FIFO queue and the warm workers, the most recently used first. A worker slot goes
// to the waiting function with the fewest workers, then to the one that waits longest. Four things
// keep a slow function from starving a quick one: its own limit of workers; slots that only a
// function's first worker may take; idle workers of others are replaced, least recently used first;
// and a function with more than its share gives up a worker between two invocations.
//
// With more busy functions than slots, exchanging workers could become all that is done. So a
// worker that is in use is exchanged only once its start has paid (Limits::worth): when it has
// served, and the other has waited, so many times what their starts cost, as measured, and so long
// after the exchange before. A function without any worker need wait but half as long. Of n such
// functions, each gets its turn within about n * worth / 2 starts.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "execute/function_invoker.h"

namespace ae::faas {

using WorkerId = std::uint64_t;

// An invocation that was accepted and is not answered.
struct Pending {
  execute::Invocation invocation;
  execute::FunctionInvoker::Done done;
  std::string payload;  // the input as JSON text
  SteadyTime accepted;
};
using PendingPtr = std::unique_ptr<Pending>;

// Threads: one at a time.
class Scheduler final {
 public:
  struct Limits {
    std::size_t max_workers = 16;
    std::size_t max_workers_per_function = 8;
    std::chrono::milliseconds assumed_start{50};  // until starts have been measured
    int worth = 10;  // so that starting workers takes a tenth of one processor's time at most
  };
  struct Spawn {
    WorkerId worker;
    std::shared_ptr<const dag::FunctionSpec> function;
  };
  struct Plan {
    std::vector<WorkerId> retire;  // end these first
    std::vector<Spawn> spawn;
  };

  explicit Scheduler(Limits limits) : limits_(limits), typical_start_(limits.assumed_start) {}

  // Puts it last in its function's queue.
  void add(PendingPtr pending);
  // Puts it first again: its worker turned out to be gone before it could take it.
  void put_back(PendingPtr pending);
  // Takes it out of its queue; nullptr when it does not wait.
  PendingPtr remove(const std::string& request_id);
  bool is_queued(const std::string& request_id) const { return index_.contains(request_id); }
  std::size_t queued() const { return index_.size(); }
  std::vector<PendingPtr> take_all();
  // When the first of those that wait runs out of its caller's time; SteadyTime::max() for never.
  SteadyTime next_expiry() const;
  std::vector<PendingPtr> take_expired(SteadyTime now);

  // An idle worker for the function's next invocation; that worker is then busy.
  std::optional<WorkerId> take_idle(const dag::FunctionSpec& function);

  // What a worker that asks for work gets: an invocation; or nothing, and then it is idle, or, with
  // `yield`, must end because another function needs its place more.
  struct Next {
    PendingPtr pending;
    bool yield = false;
  };
  Next worker_ready(WorkerId worker, SteadyTime now);
  // It has answered and will ask for work soon: no reason to start another in the meantime.
  void worker_returning(WorkerId worker);
  void worker_gone(WorkerId worker);
  // The function's workers cannot start. Everything that waits for it and could only wait for
  // another worker of that kind: its whole queue, or nothing while a sound worker serves it.
  std::vector<PendingPtr> worker_failed(WorkerId worker);

  // Which workers to start, and which idle ones to end in their favour. Both are accounted for: a
  // spawned worker counts as starting until worker_ready() or worker_gone(), a retired one is gone.
  Plan plan(SteadyTime now);
  // When plan() may find a place for somebody who waits now, if nothing happens before.
  SteadyTime next_exchange() const { return next_exchange_; }

  std::size_t workers() const { return workers_.size(); }

 private:
  struct Function {
    std::uint64_t number = 0;  // in order of appearance: decides ties, so that runs are repeatable
    std::string key;
    std::list<PendingPtr> queue;
    std::vector<WorkerId> idle;  // most recently used last
    std::size_t workers = 0;
    std::size_t starting = 0;
    std::size_t returning = 0;
    SteadyTime yielded_at{};  // its turn to wait began then
    SteadyTime::duration start_cost{};
    SteadyTime waits_since() const { return std::max(queue.front()->accepted, yielded_at); }
    bool wants_worker() const { return queue.size() > starting + returning; }
  };
  struct ByNumber {
    bool operator()(const Function* a, const Function* b) const { return a->number < b->number; }
  };
  enum class State { kStarting, kBusy, kReturning, kIdle };
  struct Worker {
    Function* function = nullptr;
    State state = State::kStarting;
    SteadyTime spawned_at{};
    std::optional<SteadyTime> serving_since;
    SteadyTime idle_since{};
  };
  struct Place {
    Function* function;
    std::list<PendingPtr>::iterator at;
  };

  void insert(Function& function, std::list<PendingPtr>::iterator before, PendingPtr pending);
  Function& function_of(const dag::FunctionSpec& spec);
  void erase_if_unused(Function& function);
  PendingPtr take(Function& function, std::list<PendingPtr>::iterator at);
  void set_state(Worker& worker, WorkerId id, State state);
  Function* neediest(const Function* except) const;
  Function* must_yield_to(const Worker& worker, SteadyTime now) const;
  Spawn start_worker(Function& function, SteadyTime now);
  void measure_start(Worker& worker, SteadyTime now);
  // From when on the worker may be taken from its function, which uses it, for the other's sake.
  SteadyTime in_use_until(const Worker& worker, const Function& other) const;
  // The same for an idle worker: it is in use, unless it has not been needed for as long as a start
  // takes, and the other has none or has waited for twice as long.
  SteadyTime kept_until(const Worker& worker, const Function& other) const;
  std::optional<WorkerId> least_recently_used() const;
  std::size_t limit_for(const Function& function) const;

  const Limits limits_;
  std::unordered_map<std::string, std::unique_ptr<Function>> functions_;
  std::set<Function*, ByNumber> waiting_;                  // those with a queue
  std::unordered_map<std::string, Place> index_;           // by request id
  std::set<std::pair<SteadyTime, std::string>> expiries_;  // of those with a deadline
  std::map<WorkerId, Worker> workers_;
  std::vector<Spawn> exchanged_;  // in the place of workers that had to yield
  SteadyTime last_exchange_{};    // of a worker that was in use
  SteadyTime next_exchange_ = SteadyTime::max();
  SteadyTime::duration typical_start_;
  WorkerId last_worker_ = 0;
  std::uint64_t last_function_ = 0;
};

}  // namespace ae::faas
