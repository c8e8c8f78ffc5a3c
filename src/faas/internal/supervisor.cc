#include "faas/internal/supervisor.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/log.h"
#include "faas/internal/environment.h"
#include "faas/internal/shims.h"
#include "faas/internal/sweep.h"

namespace ae::faas {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr milliseconds kEndGrace{500};    // between SIGTERM and SIGKILL
constexpr milliseconds kKillGrace{5'000};  // a killed process may hang in the kernel; callers do not
constexpr milliseconds kReturnGrace{1'000};  // from an answer to the next GET next, at least
constexpr std::size_t kParseInline = 64UL << 10U;  // larger responses would hold up the other workers

constexpr std::size_t kMaxLarge = 8;               // waiting to be parsed; each may hold megabytes

constexpr const char* kShimName = "python_runtime.py";

std::filesystem::path runtime_folder(const FaasOptions& options) {
  return options.run_folder / "runtime";
}

std::string socket_path(const FaasOptions& options, WorkerId id) {
  return (options.run_folder / fmt::format("w{}.sock", id)).string();
}

Error withdrawn(std::string_view why) {
  return Error{ErrorCode::kCancelled, std::string(why), {}};
}

}  // namespace

Result<std::unique_ptr<Supervisor>> Supervisor::start(FaasOptions options) {
  std::error_code error;
  std::filesystem::create_directories(runtime_folder(options), error);
  if (error) {
    return fail(ErrorCode::kPermissionDenied,
                fmt::format("cannot make the folder {}: {}", options.run_folder.string(),
                            error.message()));
  }
  std::filesystem::permissions(options.run_folder, std::filesystem::perms::owner_all, error);
  kill_leftovers(0, runtime_api_entry("unix:" + (options.run_folder / "w").string()));
  for (const auto& entry : std::filesystem::directory_iterator(options.run_folder, error)) {
    if (entry.path().extension() == ".sock") std::filesystem::remove(entry.path(), error);
  }
  AE_CHECK(write_file_atomically(runtime_folder(options) / kShimName, kPythonRuntime));
  AE_TRY(std::unique_ptr<Poller> poller, Poller::create());
  return std::unique_ptr<Supervisor>(new Supervisor(std::move(options), std::move(poller)));
}

Supervisor::Supervisor(FaasOptions options, std::unique_ptr<Poller> poller)
    : options_(std::move(options)),
      poller_(std::move(poller)),
      finisher_(std::make_unique<ThreadPool>(1, kMaxLarge)),
      scheduler_({.max_workers = std::max<std::size_t>(options_.max_workers, 1),
                  .max_workers_per_function =
                      std::max<std::size_t>(options_.max_workers_per_function, 1)}) {
  thread_ = std::thread([this] { run(); });
}

Supervisor::~Supervisor() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  poller_->wake();
  thread_.join();
  finisher_.reset();  // its callbacks may still call us
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
      refused = Error{ErrorCode::kResourceExhausted,
                      fmt::format("{} invocations wait already; try again later",
                                  scheduler_.queued()),
                      {}};
    } else {
      ++counters_.invocations;
      const Deadline deadline = pending->invocation.deadline;
      if (!deadline.is_never()) {
        queued_until_.emplace(deadline.at(), pending->invocation.request_id);
        arm_timer(deadline.at());
      }
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
  check_deadlines(SystemClock::instance().steady_now(), batch);
  if (!stopping_) {
    Scheduler::Plan plan = scheduler_.plan();
    for (const WorkerId id : plan.retire) retire(slots_.at(id));
    batch.spawns = std::move(plan.spawn);
    counters_.cold_starts += batch.spawns.size();
  }
  rearm_timer();
  return !stopping_ || !slots_.empty();
}

void Supervisor::stop_everything(Batch& batch) {
  for (PendingPtr& pending : scheduler_.take_all()) {
    batch.completions.push_back({.pending = std::move(pending),
                                 .outcome = withdrawn("the engine is stopping"),
                                 .log = {}});
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
  Completion completion{.pending = slot.worker->take_invocation(),
                        .outcome = std::move(outcome),
                        .log = slot.worker->take_log(),
                        .duration = duration_cast<milliseconds>(
                            SystemClock::instance().steady_now() - slot.begun),
                        .cold_start = slot.cold_start};
  running_.erase(completion.pending->invocation.request_id);
  return completion;
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
                   "the time given for this call was used up while the function ran", {}};
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
      slot.init_error = exited(worker.process().exit_status().value_or(ExitStatus{}));
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
  while (!queued_until_.empty() && queued_until_.top().first <= now) {
    if (PendingPtr pending = scheduler_.remove(queued_until_.top().second)) {
      batch.completions.push_back(
          {.pending = std::move(pending),
           .outcome = Error{ErrorCode::kDeadlineExceeded,
                            "the time given for this call was used up while it waited for a worker",
                            {}},
           .log = {}});
    }
    queued_until_.pop();
  }
}

void Supervisor::on_worker_deadline(Slot& slot, SteadyTime now, Batch& batch) {
  Worker& worker = *slot.worker;
  switch (worker.phase()) {
    case Worker::Phase::kStarting:
      slot.init_error = init_timed_out(options_.init_timeout);
      return end(slot, Worker::Reason::kCannotStart);
    case Worker::Phase::kIdle:
      scheduler_.worker_gone(worker.settings().id);
      return retire(slot);
    case Worker::Phase::kBusy:
      return end(slot, slot.callers_deadline ? Worker::Reason::kDeadline
                                             : Worker::Reason::kTimedOut);
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
  SteadyTime first = SteadyTime::max();
  for (const auto& [id, slot] : slots_) first = std::min(first, slot.worker->deadline);
  if (!queued_until_.empty()) first = std::min(first, queued_until_.top().first);
  arm_timer(first);
}

void Supervisor::carry_out(Batch batch) {
  for (Completion& completion : batch.completions) deliver(std::move(completion));
  for (const Scheduler::Spawn& order : batch.spawns) spawn(order);
  for (Ended& ended : batch.ended) clean_up(std::move(ended));
}

void Supervisor::clean_up(Ended ended) {
  Worker& worker = *ended.worker;
  worker.process().kill_group();
  kill_leftovers(worker.process().pid(), runtime_api_entry("unix:" + worker.settings().socket_path));
  ended.worker.reset();
  for (Completion& completion : ended.completions) deliver(std::move(completion));
}

void Supervisor::spawn(const Scheduler::Spawn& order) {
  Result<std::unique_ptr<Worker>> worker = start_worker(order);
  std::vector<PendingPtr> stranded;
  {
    const std::lock_guard lock(mutex_);
    if (worker) {
      Slot slot;
      slot.worker = *std::move(worker);
      slot.begun = SystemClock::instance().steady_now();
      slot.worker->deadline = slot.begun + options_.init_timeout;
      arm_timer(slot.worker->deadline);
      slot.worker->watch(*poller_);
      slots_.emplace(order.worker, std::move(slot));
    } else {
      stranded = scheduler_.worker_failed(order.worker);
    }
  }
  for (PendingPtr& pending : stranded) {
    deliver({.pending = std::move(pending), .outcome = worker.error(), .log = {}});
  }
}

Result<std::unique_ptr<Worker>> Supervisor::start_worker(const Scheduler::Spawn& order) const {
  const dag::FunctionSpec& function = *order.function;
  WorkerPlace place{.runtime_folder = runtime_folder(options_),
                    .state_folder = options_.state_folder / folder_name(function.name),
                    .api_address = "unix:" + socket_path(options_, order.worker)};
  std::error_code error;
  std::filesystem::create_directories(place.state_folder, error);
  if (error) {
    return fail(ErrorCode::kPermissionDenied,
                fmt::format("cannot make the state folder {} of {}: {}",
                            place.state_folder.string(), function.name, error.message()));
  }
  // -s: no packages of the server's user. -B: the package's folder stays as it is.
  return Worker::start(
      {.id = order.worker,
       .socket_path = socket_path(options_, order.worker),
       .process = {.arguments = {options_.python.string(), "-s", "-B",
                                 (place.runtime_folder / kShimName).string()},
                   .environment =
                       worker_environment(function, place, SystemClock::instance().now()),
                   .folder = std::get<dag::LocalPackage>(function.binding).folder,
                   .memory_mb = function.runtime.memory_mb},
       .max_response_bytes = options_.max_response_bytes,
       .max_log_bytes = options_.max_log_bytes});
}

void Supervisor::deliver(Completion completion) {
  const auto* response = std::get_if<HandlerResponse>(&completion.outcome);
  const bool large = response != nullptr && response->body.size() > kParseInline;
  // Shared, because a pool that is full drops the task that it refuses.
  auto shared = std::make_shared<Completion>(std::move(completion));
  auto answer = [shared, max_bytes = options_.max_response_bytes] {
    execute::InvocationResult result =
        shape(std::move(shared->outcome), *shared->pending->invocation.function, max_bytes);
    result.log = std::move(shared->log);
    result.duration = shared->duration;
    result.cold_start = shared->cold_start;
    shared->pending->done(std::move(result));
  };
  if (!large || !finisher_->post(answer)) answer();
}

}  // namespace ae::faas
