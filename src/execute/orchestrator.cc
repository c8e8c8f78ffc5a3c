#include "execute/orchestrator.h"

#include <fmt/format.h>

#include <future>
#include <mutex>
#include <utility>

#include "base/log.h"
#include "execute/arguments.h"
#include "execute/internal/run_actor.h"
#include "execute/internal/services.h"

namespace ae::execute {
namespace {

std::unexpected<Error> no_such_run(const RunId& id) {
  return fail(ErrorCode::kNotFound, fmt::format("there is no run \"{}\"", id));
}

}  // namespace

class Orchestrator::Impl {
 public:
  Impl(Journal& journal, FunctionInvoker& invoker, const Clock& clock,
       const OrchestratorOptions& options)
      : services_(std::make_shared<Services>(journal, invoker, clock, options)) {}

  ~Impl() {
    services_->gate.close();
    services_->creates.close();
    services_->slots->close();
    services_->watchers.stop();
    services_->timer.reset();
    services_->runner.reset();
    services_->table.clear();  // they hold the services, which hold the table
  }

  Result<std::size_t> recover() {
    AE_TRY(const std::vector<RunId> ids, services_->journal.unfinished());
    std::size_t recovered = 0;
    for (const RunId& id : ids) {
      auto run = activate(id);
      if (!run) {
        // The others shall not suffer from one damaged record.
        log::error("run {} cannot go on: {}", id, run.error().describe());
        continue;
      }
      (*run)->recover();
      ++recovered;
    }
    return recovered;
  }

  void start(StartRequest request, Accepted accepted) {
    if (!services_->creates.enter()) {
      accepted(fail(ErrorCode::kUnavailable, "the orchestrator is stopping"));
      return;
    }
    auto prepared = prepare(request);
    if (!prepared) {
      services_->watchers.call(
          [accepted = std::move(accepted), error = std::move(prepared).error()]() mutable {
            accepted(fail(std::move(error)));
          });
      services_->creates.leave();
      return;
    }
    NewRun run;
    run.id = RunId(new_id("run"));
    run.workflow = std::move(request.workflow);
    run.workflow_version = request.workflow_version;
    run.linked = std::move(request.linked);
    run.input = std::move(prepared->input);
    run.idempotency_key = std::move(request.idempotency_key);
    const auto actor = std::make_shared<RunActor>(
        services_,
        RunMachine(std::move(prepared->plan), run.id, run.workflow, run.workflow_version));
    actor->create(run, std::move(accepted));
  }

  // The watcher is there before anybody looks whether the run is over, so nothing is missed; who
  // then finds it over and the run itself may both try to tell it, and the first one does.
  Result<std::uint64_t> when_finished(const RunId& id, Finished finished) {
    const std::uint64_t token = services_->watchers.wait(id, std::move(finished));
    auto state = look_up(id);
    if (!state) {
      services_->watchers.forget(token);
      return fail(std::move(state).error());
    }
    if (state->status != RunStatus::kRunning) {
      services_->watchers.finish_one(token, std::make_shared<const RunState>(*std::move(state)));
    }
    return token;
  }

  Result<std::uint64_t> subscribe(const RunId& id, std::int64_t after_sequence, OnEvent on_event) {
    const std::uint64_t token =
        services_->watchers.subscribe(id, after_sequence, std::move(on_event));
    auto earlier = earlier_events(id, after_sequence);
    if (!earlier) {
      services_->watchers.forget(token);
      return fail(std::move(earlier).error());
    }
    services_->watchers.catch_up(token, *std::move(earlier));
    return token;
  }

  void forget(std::uint64_t token) { services_->watchers.forget(token); }

  Result<RunState> get(const RunId& id) {
    AE_TRY(RunState state, look_up(id));
    AE_TRY(std::vector<Journal::StepLog> logs, services_->journal.logs(id));
    for (Journal::StepLog& log : logs) {  // the last one of a step stays
      const auto step = state.steps.find(log.node);
      if (step != state.steps.end()) step->second.log = std::move(log.text);
    }
    return state;
  }

  Result<void> cancel(const RunId& id) {
    return control(id, [](RunActor& run, RunActor::Reply reply) { run.cancel(std::move(reply)); });
  }

  Result<void> resume(const RunId& id, const ResumeRequest& request) {
    return control(
        id, [&](RunActor& run, RunActor::Reply reply) { run.resume(request, std::move(reply)); });
  }

  Stats stats() const {
    return {services_->table.size(), services_->slots->in_use(), services_->slots->waiting(),
            services_->failed_writes.load()};
  }

 private:
  struct Prepared {
    std::shared_ptr<const RunPlan> plan;
    Json input;
  };

  Result<Prepared> prepare(const StartRequest& request) {
    AE_TRY(auto plan, services_->plans.plan_of(request.linked));
    AE_TRY(Json input, prepare_input(request.linked->workflow.inputs, request.input));
    const std::size_t bytes = json::dump(input).size();
    if (bytes > services_->options.max_input_bytes) {
      return fail(ErrorCode::kResourceExhausted,
                  fmt::format("the input has {} bytes, more than the {} that a run may have; pass "
                              "large data by reference",
                              bytes, services_->options.max_input_bytes));
    }
    return Prepared{std::move(plan), std::move(input)};
  }

  // What the journal knows of a run, folded. Errors: kNotFound.
  Result<RunMachine> load(const RunId& id) {
    AE_TRY(std::optional<StoredRun> stored, services_->journal.load(id));
    if (!stored) return no_such_run(id);
    AE_TRY(auto plan, services_->plans.plan_of(stored->run.linked));
    RunMachine machine(std::move(plan), id, stored->run.workflow, stored->run.workflow_version);
    AE_CHECK(machine.restore(stored->events));
    return machine;
  }

  Result<RunState> look_up(const RunId& id) {
    if (const auto run = services_->table.find(id)) {
      if (auto state = run->snapshot()) return *std::move(state);
    }
    AE_TRY(RunMachine machine, load(id));
    return machine.take_state();
  }

  Result<std::vector<Event>> earlier_events(const RunId& id, std::int64_t after_sequence) {
    AE_TRY(const auto summary, services_->journal.summary(id));
    if (!summary) return no_such_run(id);
    return services_->journal.events_after(id, after_sequence);
  }

  // The run in memory, taken there if need be. Nobody else takes it there meanwhile, so a run is
  // never there twice; and what is loaded cannot be stale, since only a run in memory writes.
  Result<std::shared_ptr<RunActor>> activate(const RunId& id) {
    const std::lock_guard lock(activation_);
    if (auto run = services_->table.find(id)) return run;
    AE_TRY(RunMachine machine, load(id));
    auto run = std::make_shared<RunActor>(services_, std::move(machine));
    services_->table.insert(id, run);
    return run;
  }

  template <class Command>
  Result<void> control(const RunId& id, const Command& command) {
    while (true) {
      AE_TRY(const std::shared_ptr<RunActor> run, activate(id));
      // Shared: the reply may still be inside set_value() when this goes on.
      auto promise = std::make_shared<std::promise<std::optional<Result<void>>>>();
      auto answer = promise->get_future();
      command(*run, [promise](std::optional<Result<void>> result) {
        promise->set_value(std::move(result));
      });
      if (auto result = answer.get()) return *std::move(result);
    }
  }

  const std::shared_ptr<Services> services_;
  std::mutex activation_;
};

Orchestrator::Orchestrator(Journal& journal, FunctionInvoker& invoker, const Clock& clock,
                           const OrchestratorOptions& options)
    : impl_(std::make_unique<Impl>(journal, invoker, clock, options)) {}
Orchestrator::~Orchestrator() = default;

Result<std::size_t> Orchestrator::recover() { return impl_->recover(); }

void Orchestrator::start(StartRequest request, Accepted accepted) {
  impl_->start(std::move(request), std::move(accepted));
}

Result<std::uint64_t> Orchestrator::when_finished(const RunId& id, Finished finished) {
  return impl_->when_finished(id, std::move(finished));
}

void Orchestrator::forget(std::uint64_t token) { impl_->forget(token); }

Result<std::uint64_t> Orchestrator::subscribe(const RunId& id, std::int64_t after_sequence,
                                              OnEvent on_event) {
  return impl_->subscribe(id, after_sequence, std::move(on_event));
}

Result<RunState> Orchestrator::get(const RunId& id) const { return impl_->get(id); }

Result<void> Orchestrator::cancel(const RunId& id) { return impl_->cancel(id); }

Result<void> Orchestrator::resume(const RunId& id, const ResumeRequest& request) {
  return impl_->resume(id, request);
}

Orchestrator::Stats Orchestrator::stats() const { return impl_->stats(); }

}  // namespace ae::execute
