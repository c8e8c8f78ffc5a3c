// The decisions of the orchestrator, without its I/O: given what is on disk and what is under way,
// which steps may start, and is the run over?
//
// A step is *claimed* when take_ready() hands it out, *settled* when its result is known, and
// recorded when apply() folds the result's event in. Between the last two the result is on its way
// to the disk: nothing may depend on it yet, but nothing waits for the step either.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "execute/arguments.h"
#include "execute/internal/run_plan.h"
#include "execute/run.h"

namespace ae::execute {

// Threads: not thread-safe.
class RunMachine final {
 public:
  // A run before its first event.
  RunMachine(std::shared_ptr<const RunPlan> plan, RunId id, std::string workflow, int version);

  const RunPlan& plan() const { return *plan_; }
  const RunState& state() const { return state_; }
  RunState take_state() { return std::move(state_); }  // the machine's last act

  // What an earlier process left in the journal. Errors: apply()'s.
  Result<void> restore(std::span<const Event> events);
  // Folds a durable event in. Errors: apply()'s, and then nothing has changed.
  Result<void> apply(const Event& event);

  // What a step is called with, for people: the journal does not repeat it.
  void note_input(std::size_t step, const Json& input);
  bool failing() const { return failing_; }

  // Claims the steps that may start now. None when the run is over, waits, is going to fail, or has
  // steps of unknown outcome: a person decides first.
  std::vector<std::size_t> take_ready();
  // The result of a claimed step is known: recorded soon, or (kRetried) to be claimed again by
  // retry() later. After kFailed nothing new starts.
  enum class Settled { kSucceeded, kRetried, kFailed };
  void settle(std::size_t step, Settled how);
  // The back-off is over.
  void retry(std::size_t step);
  // A claimed step has not begun and is not going to, for now.
  void release(std::size_t step);
  // Nothing new starts from now on; the claimed steps go on.
  void hold() { held_ = true; }
  void unhold() { held_ = false; }

  // The event that ends the run once `unrecorded` is on disk, if it does: then it belongs into the
  // same write. Without sequence and time.
  std::optional<Event> closing(std::span<const Event> unrecorded) const;
  // After a crash, before anything is claimed: kOutcomeUnknown for every step that was dispatched
  // and must not be again.
  std::vector<Event> unknown_outcomes() const;

  // Errors: resolve_arguments()'s. The second form: as if the run's input were another.
  Result<Json> arguments(std::size_t step) const { return arguments(step, state_.input); }
  Result<Json> arguments(std::size_t step, const Json& input) const;
  // The result that a resumption told to keep if the step's arguments turn out to be unchanged.
  const Json* kept_output(std::size_t step, const Json& arguments) const;
  // The recorded result of a step, or nullptr.
  const Json* output_of(const dag::NodeId& id) const;

 private:
  enum class Phase { kIdle, kClaimed, kSettled, kBackingOff };
  struct Kept {
    Json arguments;
    Json output;
  };

  Result<void> fold(const Event& event);
  void rebuild();
  StepStatus status_of(std::size_t step) const {
    return state_.steps.at(plan_->node(step).id).status;
  }
  void recorded(const Event& event);
  std::map<dag::NodeId, Kept> to_keep(const Event& resumed) const;
  Event run_failed(const dag::NodeId& node, const FunctionError& error) const;
  Event run_succeeded(std::span<const Event> unrecorded) const;

  std::shared_ptr<const RunPlan> plan_;
  RunState state_;
  std::vector<Phase> phases_;
  std::vector<std::size_t> missing_;  // dependencies that are not recorded yet
  std::vector<std::size_t> ready_;    // nothing missing, not claimed
  std::size_t succeeded_ = 0;
  std::size_t claimed_ = 0;
  std::size_t orphans_ = 0;  // dispatched by an earlier process, which is gone
  bool failing_ = false;     // a step has failed for good
  bool held_ = false;
  std::map<dag::NodeId, Kept> kept_;
};

}  // namespace ae::execute
