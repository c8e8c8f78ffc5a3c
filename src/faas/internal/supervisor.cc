#include "faas/internal/supervisor.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/log.h"
#include "faas/internal/launch.h"
#include "faas/internal/usage.h"

namespace ae::faas {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr milliseconds kEndGrace{500};  // between SIGTERM and SIGKILL
constexpr milliseconds kKillGrace{
    5'000};  // a killed process may hang in the kernel; callers do not
constexpr milliseconds kReturnGrace{1'000};  // from an answer to the next GET next, at least
constexpr std::size_t kParseInline = 64UL
                                     << 10U;  // larger responses would hold up the other workers

constexpr milliseconds kMeasureEvery{100};  // looking up a worker's memory costs a fifth of a call

constexpr std::size_t kMaxInBackground = 8;  // each may hold megabytes

Error withdrawn(std::string_view why) { return Error{ErrorCode::kCancelled, std::string(why), {}}; }

}  // namespace

Result<std::unique_ptr<Supervisor>> Supervisor::start(FaasOptions options) {
  AE_TRY(std::unique_ptr<Launcher> launcher, Launcher::create(options));
  AE_TRY(std::unique_ptr<Poller> poller, Poller::create());
  try {
    return std::unique_ptr<Supervisor>(
        new Supervisor(std::move(options), std::move(launcher), std::move(poller)));
  } catch (const std::system_error& error) {  // no thread to be had
    return fail(ErrorCode::kUnavailable,
                fmt::format("cannot start the FaaS engine: {}", error.what()));
  }
}

Supervisor::Supervisor(FaasOptions options, std::unique_ptr<Launcher> launcher,
                       std::unique_ptr<Poller> poller)
    : options_(std::move(options)),
      launcher_(std::move(launcher)),
      poller_(std::move(poller)),
      scheduler_({.max_workers = std::max<std::size_t>(options_.max_workers, 1),
                  .max_workers_per_function =
                      std::max<std::size_t>(options_.max_workers_per_function, 1)}),
      finisher_(1, kMaxInBackground) {
  thread_ = std::thread([this] { run(); });
}

Supervisor::~Supervisor() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  poller_->wake();
  thread_.join();
}

std::optional<std::string> Supervisor::objection(const Pending& pending) const {
  const std::string& id = pending.invocation.request_id;
  if (scheduler_.is_queued(id) || running_.contains(id)) {
    return fmt::format("an invocation with the request id {} is already under way", id);
  }
  return std::nullopt;
}

void Supervisor::submit(PendingPtr pending) {
  std::optional<Error> refused;
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      refused = withdrawn("the engine is stopping");
    } else if (auto why = objection(*pending)) {
      refused = Error{ErrorCode::kAlreadyExists, *std::move(why), {}};
    } else if (try_dispatch(pending)) {
      ++counters_.invocations;
    } else if (scheduler_.queued() >= options_.max_queued) {
      refused =
          Error{ErrorCode::kResourceExhausted,
                fmt::format("{} invocations wait already; try again later", scheduler_.queued()),
                {}};
    } else {
      ++counters_.invocations;
      arm_timer(pending->invocation.deadline.at());
      scheduler_.add(std::move(pending));
      wake = true;
    }
  }
  if (wake) poller_->wake();
  if (refused) deliver({.pending = std::move(pending), .outcome = *std::move(refused), .log = {}});
}

void Supervisor::cancel(const std::string& request_id) {
  PendingPtr queued;
  {
    const std::lock_guard lock(mutex_);
    queued = scheduler_.remove(request_id);
    if (const auto found = running_.find(request_id); found != running_.end()) {
      end(slots_.at(found->second), Worker::Reason::kCancelled);
    }
  }
  if (queued) {
    deliver({.pending = std::move(queued),
             .outcome = withdrawn("the invocation was cancelled before it began"),
             .log = {}});
  }
}

FaasEngine::Stats Supervisor::stats() const {
  const std::lock_guard lock(mutex_);
  FaasEngine::Stats stats = counters_;
  stats.workers = scheduler_.workers();
  stats.busy = running_.size();
  stats.queued = scheduler_.queued();
  return stats;
}

void Supervisor::run() {
  for (bool more = true; more;) {
    const std::span<const epoll_event> ready = poller_->wait();
    Batch batch;
    {
      const std::lock_guard lock(mutex_);
      more = round(ready, batch);
    }
    carry_out(std::move(batch));
  }
}

bool Supervisor::round(std::span<const epoll_event> ready, Batch& batch) {
  for (const epoll_event& event : ready) {
    const std::uint64_t token = event.data.u64;
    if (token == Poller::kTimerToken) armed_ = SteadyTime::max();
    const auto found = slots_.find(Worker::id_of(token));
    if (found == slots_.end()) continue;
    Slot& slot = found->second;
    if (Worker::is_process(token)) {
      on_process_end(slot, batch);
    } else {
      handle(slot, slot.worker->on_ready(token), batch);
    }
  }
  if (stopping_) stop_everything(batch);
  const SteadyTime now = SystemClock::instance().steady_now();
  check_deadlines(now, batch);
  if (!stopping_) {
    Scheduler::Plan plan = scheduler_.plan(now);
    for (const WorkerId id : plan.retire) retire(slots_.at(id));
    batch.spawns = std::move(plan.spawn);
    counters_.cold_starts += batch.spawns.size();
  }
  rearm_timer();
  return !stopping_ || !slots_.empty();
}

void Supervisor::stop_everything(Batch& batch) {
  for (PendingPtr& pending : scheduler_.take_all()) {
    batch.completions.push_back(
        {.pending = std::move(pending), .outcome = withdrawn("the engine is stopping"), .log = {}});
  }
  for (auto& [id, slot] : slots_) {
    if (slot.worker->reason() != Worker::Reason::kStopped) end(slot, Worker::Reason::kStopped);
  }
}

void Supervisor::handle(Slot& slot, std::vector<WorkerEvent> events, Batch& batch) {
  for (WorkerEvent& event : events) {
    if (std::holds_alternative<WorkerIsReady>(event)) {
      on_ready(slot);
    } else if (auto* answered = std::get_if<WorkerAnswered>(&event)) {
      on_answer(slot, std::move(answered->outcome), batch);
    } else {
      slot.init_error = std::move(std::get<WorkerCannotStart>(event).error);
      end(slot, Worker::Reason::kCannotStart);
    }
  }
}

void Supervisor::on_answer(Slot& slot, Outcome outcome, Batch& batch) {
  const SteadyTime now = SystemClock::instance().steady_now();
  slot.worker->deadline = std::max(slot.worker->deadline, now + kReturnGrace);
  scheduler_.worker_returning(slot.worker->settings().id);
  batch.completions.push_back(finish(slot, std::move(outcome)));
}

void Supervisor::on_ready(Slot& slot) {
  Worker& worker = *slot.worker;
  const SteadyTime now = SystemClock::instance().steady_now();
  if (!slot.was_ready) slot.init = duration_cast<microseconds>(now - slot.begun);
  slot.was_ready = true;
  worker.deadline = now + options_.idle_timeout;
  Scheduler::Next next = scheduler_.worker_ready(worker.settings().id, now);
  if (next.yield) {
    retire(slot);
  } else if (next.pending && !dispatch(slot, next.pending)) {
    scheduler_.worker_gone(worker.settings().id);
    if (!try_dispatch(next.pending)) scheduler_.put_back(std::move(next.pending));
  }
}

bool Supervisor::try_dispatch(PendingPtr& pending) {
  while (const auto id = scheduler_.take_idle(*pending->invocation.function)) {
    if (dispatch(slots_.at(*id), pending)) return true;
    scheduler_.worker_gone(*id);
  }
  return false;
}

bool Supervisor::dispatch(Slot& slot, PendingPtr& pending) {
  const SteadyTime now = SystemClock::instance().steady_now();
  const execute::Invocation& invocation = pending->invocation;
  const milliseconds limit = invocation.function->runtime.timeout;
  const milliseconds callers = duration_cast<milliseconds>(
      std::min<SteadyTime::duration>(invocation.deadline.at() - now, std::chrono::hours(24)));
  const milliseconds time = std::max(std::min(limit, callers), milliseconds{0});
  const WallTime wall = SystemClock::instance().now() + time;
  const std::string request_id = invocation.request_id;
  if (!slot.worker->dispatch(pending, now + time, wall)) {
    end(slot, Worker::Reason::kNotNeeded);
    return false;
  }
  slot.begun = now;
  slot.callers_deadline = callers < limit;
  slot.cold_start = slot.worker->served() == 0;
  running_.emplace(request_id, slot.worker->settings().id);
  arm_timer(now + time);
  return true;
}

Supervisor::Completion Supervisor::finish(Slot& slot, Outcome outcome) {
  const SteadyTime now = SystemClock::instance().steady_now();
  Completion completion{.pending = slot.worker->take_invocation(),
                        .outcome = std::move(outcome),
                        .log = slot.worker->take_log(),
                        .duration = duration_cast<milliseconds>(now - slot.begun),
                        .cold_start = slot.cold_start};
  completion.report = report(slot, *completion.pending->invocation.function, now);
  running_.erase(completion.pending->invocation.request_id);
  return completion;
}

execute::InvocationReport Supervisor::report(Slot& slot, const dag::FunctionSpec& function,
                                             SteadyTime now) {
  if (now - slot.measured >= kMeasureEvery) {
    slot.max_memory_mb =
        std::max(slot.max_memory_mb, peak_memory_mb(slot.worker->process().program()));
    slot.measured = now;
  }
  execute::InvocationReport report{.duration = duration_cast<microseconds>(now - slot.begun),
                                   .memory_mb = function.runtime.memory_mb,
                                   .max_memory_mb = slot.max_memory_mb};
  if (slot.cold_start) report.init = slot.init;
  return report;
}

void Supervisor::end(Slot& slot, Worker::Reason reason) {
  slot.worker->end(reason);
  slot.worker->deadline = SystemClock::instance().steady_now() + kKillGrace;
  arm_timer(slot.worker->deadline);
}

void Supervisor::retire(Slot& slot) {
  slot.worker->ask_to_end();
  slot.worker->deadline = SystemClock::instance().steady_now() + kEndGrace;
}

// What became of the invocation of a worker that ended before it answered.
Outcome Supervisor::end_outcome(const Slot& slot) const {
  switch (slot.worker->reason()) {
    case Worker::Reason::kTimedOut:
      return timed_out(slot.worker->invocation()->invocation.function->runtime.timeout);
    case Worker::Reason::kDeadline:
      return Error{ErrorCode::kDeadlineExceeded,
                   "the time given for this call was used up while the function ran",
                   {}};
    case Worker::Reason::kCancelled:
      return withdrawn("the invocation was cancelled; its worker was ended");
    case Worker::Reason::kStopped:
      return withdrawn("the engine is stopping");
    case Worker::Reason::kMisbehaved:
      return execute::FunctionError{
          .type = "Runtime.InvalidRequest",
          .message = "the runtime sent too many requests that the Runtime API does not allow"};
    case Worker::Reason::kNone:
    case Worker::Reason::kNotNeeded:
    case Worker::Reason::kCannotStart:
      break;
  }
  return exited(slot.worker->process().exit_status().value_or(ExitStatus{}));
}

void Supervisor::on_process_end(Slot& slot, Batch& batch) {
  Worker& worker = *slot.worker;
  const WorkerId id = worker.settings().id;
  handle(slot, worker.drain_connections(), batch);  // its last words
  worker.collect_output();
  Ended ended;
  if (worker.invocation() != nullptr) {
    ended.completions.push_back(finish(slot, end_outcome(slot)));
  }
  if (!slot.was_ready) {
    if (!slot.init_error && worker.reason() == Worker::Reason::kNone) {
      const ExitStatus status = worker.process().exit_status().value_or(ExitStatus{});
      const std::string& failure = worker.process().failure();
      slot.init_error =
          failure.empty()
              ? exited(status)
              : execute::FunctionError{.type = "Runtime.InvalidEntrypoint", .message = failure};
    }
    const milliseconds time =
        duration_cast<milliseconds>(SystemClock::instance().steady_now() - slot.begun);
    for (PendingPtr& pending : scheduler_.worker_failed(id)) {
      Outcome outcome = slot.init_error ? Outcome(*slot.init_error)
                                        : Outcome(withdrawn("the engine is stopping"));
      ended.completions.push_back({.pending = std::move(pending),
                                   .outcome = std::move(outcome),
                                   .log = worker.take_log(),
                                   .duration = time,
                                   .cold_start = true});
    }
  }
  scheduler_.worker_gone(id);
  ended.worker = std::move(slot.worker);
  slots_.erase(id);
  batch.ended.push_back(std::move(ended));
}

void Supervisor::check_deadlines(SteadyTime now, Batch& batch) {
  for (auto& [id, slot] : slots_) {
    if (slot.worker->deadline <= now) on_worker_deadline(slot, now, batch);
  }
  for (PendingPtr& pending : scheduler_.take_expired(now)) {
    batch.completions.push_back(
        {.pending = std::move(pending),
         .outcome = Error{ErrorCode::kDeadlineExceeded,
                          "the time given for this call was used up while it waited for a worker",
                          {}},
         .log = {}});
  }
}

void Supervisor::on_worker_deadline(Slot& slot, SteadyTime now, Batch& batch) {
  Worker& worker = *slot.worker;
  switch (worker.phase()) {
    case Worker::Phase::kStarting:
      slot.init_error = init_timed_out(slot.init_limit);
      return end(slot, Worker::Reason::kCannotStart);
    case Worker::Phase::kIdle:
      scheduler_.worker_gone(worker.settings().id);
      return retire(slot);
    case Worker::Phase::kBusy:
      return end(slot,
                 slot.callers_deadline ? Worker::Reason::kDeadline : Worker::Reason::kTimedOut);
    case Worker::Phase::kReturning:
      return end(slot, Worker::Reason::kMisbehaved);
    case Worker::Phase::kEnding:
      if (worker.was_killed() && worker.invocation() != nullptr) {
        log::error("worker process {} does not end although it was killed", worker.process().pid());
        batch.completions.push_back(finish(slot, end_outcome(slot)));
      }
      worker.end(worker.reason());
      worker.deadline = now + kKillGrace;
  }
}

void Supervisor::arm_timer(SteadyTime at) {
  if (at >= armed_) return;
  armed_ = at;
  poller_->set_timer(at);
}

// The timer may stay set earlier than needed: one idle round is cheaper than a system call for each
// invocation that ends in time.
void Supervisor::rearm_timer() {
  SteadyTime first = std::min(scheduler_.next_expiry(), scheduler_.next_exchange());
  for (const auto& [id, slot] : slots_) first = std::min(first, slot.worker->deadline);
  arm_timer(first);
}

void Supervisor::carry_out(Batch batch) {
  for (Completion& completion : batch.completions) deliver(std::move(completion));
  for (const Scheduler::Spawn& order : batch.spawns) spawn(order);
  for (Ended& ended : batch.ended) {
    in_background(
        [this, shared = std::make_shared<Ended>(std::move(ended))] { clean_up(*shared); });
  }
}

void Supervisor::in_background(std::function<void()> task) {
  if (!finisher_.post(task)) task();
}

void Supervisor::clean_up(Ended& ended) {
  Worker& worker = *ended.worker;
  worker.process().kill_leftovers();
  ended.worker.reset();
  for (Completion& completion : ended.completions) deliver(std::move(completion));
}

void Supervisor::spawn(const Scheduler::Spawn& order) {
  Result<std::unique_ptr<Worker>> worker = launcher_->launch(order);
  std::vector<PendingPtr> stranded;
  {
    const std::lock_guard lock(mutex_);
    if (worker) {
      Slot slot;
      slot.worker = *std::move(worker);
      slot.begun = SystemClock::instance().steady_now();
      // An initialisation beyond Lambda's 10 s is begun again there as a part of the first
      // invocation, whose own limit then holds; here it need not begin again.
      slot.init_limit = std::max(options_.init_timeout, order.function->runtime.timeout);
      slot.worker->deadline = slot.begun + slot.init_limit;
      arm_timer(slot.worker->deadline);
      slot.worker->watch(*poller_);
      slots_.emplace(order.worker, std::move(slot));
    } else {
      stranded = scheduler_.worker_failed(order.worker);
    }
  }
  for (PendingPtr& pending : stranded) {
    // NOLINTNEXTLINE(bugprone-use-after-move): moved from only where nobody is stranded
    deliver({.pending = std::move(pending), .outcome = worker.error(), .log = {}});
  }
}

void Supervisor::deliver(Completion completion) {
  const auto* response = std::get_if<HandlerResponse>(&completion.outcome);
  const bool large = response != nullptr && response->body.size() > kParseInline;
  auto answer = [shared = std::make_shared<Completion>(std::move(completion)),
                 max_bytes = options_.max_response_bytes] {
    execute::InvocationResult result =
        shape(std::move(shared->outcome), *shared->pending->invocation.function, max_bytes,
              shared->pending->invocation.answer);
    result.log = std::move(shared->log);
    result.duration = shared->duration;
    result.cold_start = shared->cold_start;
    result.report = shared->report;
    shared->pending->done(std::move(result));
  };
  large ? in_background(std::move(answer)) : answer();
}

}  // namespace ae::faas
