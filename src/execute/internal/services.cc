#include "execute/internal/services.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "execute/internal/run_actor.h"

namespace ae::execute {

void RunTable::insert(const RunId& id, std::shared_ptr<RunActor> run) {
  const std::lock_guard lock(mutex_);
  runs_.insert_or_assign(id, std::move(run));
}

void RunTable::remove(const RunId& id) {
  std::shared_ptr<RunActor> removed;  // destroyed after the lock
  const std::lock_guard lock(mutex_);
  const auto found = runs_.find(id);
  if (found == runs_.end()) return;
  removed = std::move(found->second);
  runs_.erase(found);
}

std::shared_ptr<RunActor> RunTable::find(const RunId& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = runs_.find(id);
  return found == runs_.end() ? nullptr : found->second;
}

std::size_t RunTable::size() const {
  const std::lock_guard lock(mutex_);
  return runs_.size();
}

void RunTable::clear() {
  std::unordered_map<RunId, std::shared_ptr<RunActor>> removed;
  const std::lock_guard lock(mutex_);
  removed.swap(runs_);
}

Result<std::shared_ptr<const RunPlan>> PlanCache::plan_of(
    const std::shared_ptr<const dag::LinkedWorkflow>& linked) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = plans_.find(linked.get());
    // A plan holds its workflow, so the address cannot belong to another one.
    if (found != plans_.end()) return found->second;
  }
  AE_TRY(auto plan, RunPlan::make(linked));
  const std::lock_guard lock(mutex_);
  if (plans_.size() >= kMaxPlans) plans_.clear();
  plans_.insert_or_assign(linked.get(), plan);
  return plan;
}

Jitter::Jitter(std::uint64_t seed) : random_(seed != 0 ? seed : std::random_device{}()) {}

std::chrono::milliseconds Jitter::wait(const dag::RetryPolicy& policy, int attempt) {
  const double grown = static_cast<double>(policy.initial_interval.count()) *
                       std::pow(std::max(policy.multiplier, 1.0), attempt - 1);
  const double most = std::min(grown, static_cast<double>(policy.max_interval.count()));
  const auto bound = static_cast<std::int64_t>(std::max(most, 0.0));
  const std::lock_guard lock(mutex_);
  return std::chrono::milliseconds(std::uniform_int_distribution<std::int64_t>(0, bound)(random_));
}

Services::Services(Journal& the_journal, FunctionInvoker& the_invoker, const Clock& the_clock,
                   const OrchestratorOptions& the_options)
    : journal(the_journal),
      invoker(the_invoker),
      clock(the_clock),
      options(the_options),
      jitter(the_options.jitter_seed),
      slots(std::make_shared<StepSlots>(the_options.max_running_steps)),
      timer(std::make_unique<Timer>()),
      runner(std::make_unique<ThreadPool>(1, std::numeric_limits<std::size_t>::max())) {}

}  // namespace ae::execute
