#include "faas/internal/scheduler.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>
#include <variant>

namespace ae::faas {
namespace {

constexpr std::chrono::seconds kLongestStart{2};  // beyond, something else is wrong
constexpr int kSmoothing = 4;                     // a measured start counts a quarter

// What a warm worker depends on. A stored function's version says all of it.
std::string key_of(const dag::FunctionSpec& spec) {
  std::string key = fmt::format("{}\n{}\n{}", spec.name, spec.version, spec.runtime.memory_mb);
  if (const auto* package = std::get_if<dag::LocalPackage>(&spec.binding)) {
    key += fmt::format("\n{}\n{}\n{}", package->folder, package->handler, package->runtime);
    for (const std::string& layer : package->layers) key += "\n" + layer;
  }
  for (const auto& [name, value] : spec.runtime.environment) {
    key += fmt::format("\n{}={}", name, value);
  }
  return key;
}

}  // namespace

Scheduler::Function& Scheduler::function_of(const dag::FunctionSpec& spec) {
  std::string key = key_of(spec);
  std::unique_ptr<Function>& function = functions_[key];
  if (!function) {
    function = std::make_unique<Function>();
    function->number = ++last_function_;
    function->key = std::move(key);
    function->start_cost = typical_start_;
  }
  return *function;
}

void Scheduler::erase_if_unused(Function& function) {
  if (function.queue.empty()) waiting_.erase(&function);
  if (function.queue.empty() && function.workers == 0) functions_.erase(std::string(function.key));
}

void Scheduler::insert(Function& function, std::list<PendingPtr>::iterator before,
                       PendingPtr pending) {
  const execute::Invocation& invocation = pending->invocation;
  const std::string id = invocation.request_id;
  if (!invocation.deadline.is_never()) expiries_.emplace(invocation.deadline.at(), id);
  const auto at = function.queue.insert(before, std::move(pending));
  index_.insert_or_assign(id, Place{&function, at});
  waiting_.insert(&function);
}

void Scheduler::add(PendingPtr pending) {
  Function& function = function_of(*pending->invocation.function);
  insert(function, function.queue.end(), std::move(pending));
}

void Scheduler::put_back(PendingPtr pending) {
  Function& function = function_of(*pending->invocation.function);
  insert(function, function.queue.begin(), std::move(pending));
}

PendingPtr Scheduler::take(Function& function, std::list<PendingPtr>::iterator at) {
  PendingPtr pending = std::move(*at);
  function.queue.erase(at);
  const execute::Invocation& invocation = pending->invocation;
  index_.erase(invocation.request_id);
  if (!invocation.deadline.is_never()) {
    expiries_.erase({invocation.deadline.at(), invocation.request_id});
  }
  if (function.queue.empty()) waiting_.erase(&function);
  return pending;
}

PendingPtr Scheduler::remove(const std::string& request_id) {
  const auto found = index_.find(request_id);
  if (found == index_.end()) return nullptr;
  Function& function = *found->second.function;
  PendingPtr pending = take(function, found->second.at);
  erase_if_unused(function);
  return pending;
}

std::vector<PendingPtr> Scheduler::take_all() {
  std::vector<PendingPtr> all;
  while (!index_.empty()) all.push_back(remove(std::string(index_.begin()->first)));
  return all;
}

SteadyTime Scheduler::next_expiry() const {
  return expiries_.empty() ? SteadyTime::max() : expiries_.begin()->first;
}

std::vector<PendingPtr> Scheduler::take_expired(SteadyTime now) {
  std::vector<PendingPtr> expired;
  while (next_expiry() <= now) expired.push_back(remove(std::string(expiries_.begin()->second)));
  return expired;
}

std::optional<WorkerId> Scheduler::take_idle(const dag::FunctionSpec& spec) {
  const auto found = functions_.find(key_of(spec));
  if (found == functions_.end() || found->second->idle.empty()) return std::nullopt;
  const WorkerId id = found->second->idle.back();
  set_state(workers_.at(id), id, State::kBusy);
  return id;
}

void Scheduler::set_state(Worker& worker, WorkerId id, State state) {
  Function& function = *worker.function;
  if (worker.state == State::kStarting) --function.starting;
  if (worker.state == State::kReturning) --function.returning;
  if (worker.state == State::kIdle) std::erase(function.idle, id);
  if (state == State::kReturning) ++function.returning;
  if (state == State::kIdle) function.idle.push_back(id);
  worker.state = state;
}

void Scheduler::worker_returning(WorkerId id) {
  const auto found = workers_.find(id);
  if (found != workers_.end()) set_state(found->second, id, State::kReturning);
}

Scheduler::Next Scheduler::worker_ready(WorkerId id, SteadyTime now) {
  const auto found = workers_.find(id);
  if (found == workers_.end()) return {.pending = nullptr, .yield = true};
  Worker& worker = found->second;
  Function& function = *worker.function;
  measure_start(worker, now);
  if (!function.queue.empty()) {
    if (Function* other = must_yield_to(worker, now)) {
      function.yielded_at = now;
      last_exchange_ = now;
      worker_gone(id);
      exchanged_.push_back(start_worker(*other, now));
      return {.pending = nullptr, .yield = true};
    }
  }
  if (!worker.serving_since) worker.serving_since = now;
  if (function.queue.empty()) {
    set_state(worker, id, State::kIdle);
    worker.idle_since = now;
    return {};
  }
  set_state(worker, id, State::kBusy);
  return {.pending = take(function, function.queue.begin()), .yield = false};
}

void Scheduler::worker_gone(WorkerId id) {
  const auto found = workers_.find(id);
  if (found == workers_.end()) return;
  Function& function = *found->second.function;
  set_state(found->second, id, State::kBusy);
  workers_.erase(found);
  --function.workers;
  erase_if_unused(function);
}

std::vector<PendingPtr> Scheduler::worker_failed(WorkerId id) {
  std::vector<PendingPtr> stranded;
  const auto found = workers_.find(id);
  if (found == workers_.end()) return stranded;
  Function& function = *found->second.function;
  if (function.workers == function.starting) {
    while (!function.queue.empty()) stranded.push_back(take(function, function.queue.begin()));
  }
  worker_gone(id);
  return stranded;
}

std::size_t Scheduler::limit_for(const Function& function) const {
  const std::size_t reserved = limits_.max_workers / 8;
  return function.workers == 0 ? limits_.max_workers : limits_.max_workers - reserved;
}

Scheduler::Function* Scheduler::neediest(const Function* except) const {
  Function* best = nullptr;
  const auto rank = [](const Function& function) {
    return std::tuple(function.workers, function.waits_since());
  };
  for (Function* function : waiting_) {
    if (function == except || !function->wants_worker() ||
        function->workers >= limits_.max_workers_per_function) {
      continue;
    }
    if (best == nullptr || rank(*function) < rank(*best)) best = function;
  }
  return best;
}

void Scheduler::measure_start(Worker& worker, SteadyTime now) {
  if (worker.state != State::kStarting) return;
  const SteadyTime::duration took =
      std::min<SteadyTime::duration>(now - worker.spawned_at, kLongestStart);
  SteadyTime::duration& cost = worker.function->start_cost;
  cost += (took - cost) / kSmoothing;
  typical_start_ += (took - typical_start_) / kSmoothing;
}

SteadyTime Scheduler::in_use_until(const Worker& worker, const Function& other) const {
  if (!worker.serving_since)
    return SteadyTime::max();  // else it could be replaced for ever, unused
  const Function& function = *worker.function;
  const bool starving = other.workers == 0;
  if (!starving && function.workers <= other.workers + 1) return SteadyTime::max();
  const auto patience = other.start_cost * limits_.worth / (starving ? 2 : 1);
  return std::max({*worker.serving_since + function.start_cost * limits_.worth / (starving ? 2 : 1),
                   other.waits_since() + patience, last_exchange_ + patience});
}

SteadyTime Scheduler::kept_until(const Worker& worker, const Function& other) const {
  SteadyTime not_needed = worker.idle_since + worker.function->start_cost;
  // Callers come in waves: what waits now may be served by the workers that the other has before
  // one more could start.
  if (other.workers > 0) {
    not_needed = std::max(not_needed, other.waits_since() + other.start_cost * 2);
  }
  return std::min(not_needed, in_use_until(worker, other));
}

Scheduler::Function* Scheduler::must_yield_to(const Worker& worker, SteadyTime now) const {
  Function* other = neediest(worker.function);
  if (other == nullptr || workers_.size() < limit_for(*other)) return nullptr;
  const std::optional<WorkerId> idle = least_recently_used();
  if (idle && kept_until(workers_.at(*idle), *other) <= now) return nullptr;  // plan() takes that
  return in_use_until(worker, *other) <= now ? other : nullptr;
}

std::optional<WorkerId> Scheduler::least_recently_used() const {
  std::optional<WorkerId> oldest;
  for (const auto& [id, worker] : workers_) {
    if (worker.state != State::kIdle) continue;
    if (!oldest || worker.idle_since < workers_.at(*oldest).idle_since) oldest = id;
  }
  return oldest;
}

Scheduler::Spawn Scheduler::start_worker(Function& function, SteadyTime now) {
  const WorkerId id = ++last_worker_;
  Worker& worker = workers_[id];
  worker.function = &function;
  worker.spawned_at = now;
  ++function.workers;
  ++function.starting;
  return {.worker = id, .function = function.queue.front()->invocation.function};
}

Scheduler::Plan Scheduler::plan(SteadyTime now) {
  Plan plan{.retire = {}, .spawn = std::exchange(exchanged_, {})};
  next_exchange_ = SteadyTime::max();
  while (Function* function = neediest(nullptr)) {
    if (workers_.size() >= limit_for(*function)) {
      const std::optional<WorkerId> victim = least_recently_used();
      if (!victim) break;
      const Worker& worker = workers_.at(*victim);
      if (const SteadyTime until = kept_until(worker, *function); until > now) {
        next_exchange_ = until;
        break;
      }
      if (worker.idle_since + worker.function->start_cost > now) last_exchange_ = now;
      plan.retire.push_back(*victim);
      worker_gone(*victim);
    }
    plan.spawn.push_back(start_worker(*function, now));
  }
  return plan;
}

}  // namespace ae::faas
