#include "execute/internal/resume.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "base/text.h"

namespace ae::execute {
namespace {

class ResumePlanner {
 public:
  ResumePlanner(const RunMachine& run, const ResumeRequest& request)
      : run_(run), plan_(run.plan()), request_(request), cause_(plan_.size(), Cause::kNone) {}

  Result<Event> plan() {
    const RunStatus status = run_.state().status;
    if (status == RunStatus::kRunning || status == RunStatus::kSucceeded) {
      return fail(
          ErrorCode::kFailedPrecondition,
          fmt::format("run {} is {}; only a failed, cancelled or waiting run can be resumed",
                      run_.state().id, to_string(status)));
    }
    input_ = run_.state().input;
    if (request_.input) {
      AE_TRY(input_, prepare_input(plan_.linked->workflow.inputs, *request_.input));
    }
    AE_CHECK(choose());
    spread();
    AE_CHECK(refuse_leftovers());
    return event();
  }

 private:
  // Why a step runs again, the strongest reason last.
  enum class Cause { kNone, kUpstream, kArguments, kChosen };

  StepStatus status_of(std::size_t step) const {
    return run_.state().steps.at(plan_.node(step).id).status;
  }

  bool stopped_the_run(std::size_t step) const {
    const StepStatus status = status_of(step);
    return status == StepStatus::kFailed || status == StepStatus::kOutcomeUnknown;
  }

  Result<void> choose() {
    for (const dag::NodeId& id : request_.from) {
      const auto step = plan_.index_of.find(id);
      if (step == plan_.index_of.end()) {
        std::vector<std::string> names;
        for (const dag::NodeId& known : run_.state().order) names.push_back(known.str());
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("run {} has no step \"{}\"; its steps are {}", run_.state().id, id,
                                join(names, ", ")));
      }
      cause_[step->second] = Cause::kChosen;
    }
    if (!request_.from.empty()) return {};
    for (std::size_t step = 0; step < plan_.size(); ++step) {
      if (stopped_the_run(step)) cause_[step] = Cause::kChosen;
    }
    return {};
  }

  // Producers come first in the order, so one pass is enough.
  void spread() {
    for (const std::size_t step : plan_.order) {
      for (const std::size_t producer : plan_.dependencies[step]) {
        if (cause_[producer] == Cause::kChosen) cause_[step] = Cause::kChosen;
        if (cause_[producer] != Cause::kNone && cause_[step] == Cause::kNone) {
          cause_[step] = Cause::kUpstream;
        }
      }
      if (cause_[step] == Cause::kNone && status_of(step) == StepStatus::kSucceeded &&
          arguments_change(step)) {
        cause_[step] = Cause::kArguments;
      }
    }
  }

  bool arguments_change(std::size_t step) const {
    if (!request_.input) return false;
    const auto before = run_.arguments(step);
    const auto after = run_.arguments(step, input_);
    if (before && after) return !json::equal(*before, *after);
    return before.has_value() != after.has_value();
  }

  Result<void> refuse_leftovers() const {
    for (const std::size_t step : plan_.order) {
      if (!stopped_the_run(step) || cause_[step] != Cause::kNone) continue;
      return fail(ErrorCode::kFailedPrecondition,
                  fmt::format("the run cannot go on past step {}, which is {}: add it to \"from\"",
                              plan_.node(step).id, to_string(status_of(step))));
    }
    return {};
  }

  // The same effect as before keeps its idempotency key.
  bool needs_new_key(std::size_t step) const {
    if (status_of(step) == StepStatus::kSucceeded) return true;
    for (const std::size_t producer : plan_.dependencies[step]) {
      if (cause_[producer] != Cause::kNone) return true;
    }
    return arguments_change(step);
  }

  Event event() const {
    Json reset = Json::array();
    Json renewed = Json::array();
    Json recheck = Json::array();
    for (const std::size_t step : plan_.order) {
      const bool recorded = status_of(step) == StepStatus::kSucceeded || stopped_the_run(step);
      if (cause_[step] == Cause::kNone || !recorded) continue;
      const std::string& id = plan_.node(step).id.str();
      reset.push_back(id);
      if (needs_new_key(step)) renewed.push_back(id);
      if (cause_[step] == Cause::kUpstream && status_of(step) == StepStatus::kSucceeded) {
        recheck.push_back(id);
      }
    }
    Event event;
    event.kind = EventKind::kRunResumed;
    event.data = Json::object();
    if (request_.input) event.data["input"] = input_;
    event.data["reset"] = std::move(reset);
    event.data["renewed"] = std::move(renewed);
    event.data["recheck"] = std::move(recheck);
    return event;
  }

  const RunMachine& run_;
  const RunPlan& plan_;
  const ResumeRequest& request_;
  std::vector<Cause> cause_;
  Json input_;
};

}  // namespace

Result<Event> plan_resume(const RunMachine& run, const ResumeRequest& request) {
  return ResumePlanner(run, request).plan();
}

}  // namespace ae::execute
