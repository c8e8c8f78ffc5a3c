// The orchestrator's decisions, checked by invariants over random graphs: every step after its
// inputs, each exactly once, at every parallelism, and after a restart at any event.
#include "execute/internal/run_machine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "execute/internal/test_support.h"

namespace ae::execute {
namespace {

using testing::from_step;
using testing::WorkflowBuilder;

std::shared_ptr<const RunPlan> random_plan(std::mt19937& random, std::size_t steps,
                                           double density) {
  WorkflowBuilder builder;
  std::bernoulli_distribution edge(density);
  for (std::size_t step = 0; step < steps; ++step) {
    dag::Bindings arguments;
    for (std::size_t producer = 0; producer < step; ++producer) {
      const std::string name = "s" + std::to_string(producer);
      if (edge(random)) arguments.push_back({name, from_step(name.c_str(), "y")});
    }
    builder.step(("s" + std::to_string(step)).c_str(), std::move(arguments));
  }
  return RunPlan::make(builder.build()).value();
}

// Drives a machine as the orchestrator does, with a journal that is a vector.
class Simulation {
 public:
  Simulation(std::shared_ptr<const RunPlan> plan, std::size_t parallel, std::mt19937& random)
      : plan_(std::move(plan)),
        parallel_(parallel),
        random_(random),
        machine_(std::make_unique<RunMachine>(plan_, RunId("r"), "w", 1)) {
    Event accepted;
    accepted.kind = EventKind::kRunAccepted;
    accepted.data = {{"input", Json::object()}};
    record({accepted});
  }

  // Violations of what must always hold; empty is good.
  std::vector<std::string> run(std::size_t restart_after = 0) {
    while (machine_->state().status == RunStatus::kRunning) {
      if (journal_.size() >= restart_after && restart_after != 0) {
        restart_after = 0;
        restart();
      }
      begin();
      if (running_.empty()) {
        violations_.push_back("nothing runs, yet the run is not over");
        break;
      }
      finish_some();
    }
    for (std::size_t step = 0; step < plan_->size(); ++step) {
      if (recorded_.count(step) != 1) violations_.push_back("not recorded exactly once");
    }
    return violations_;
  }

  const RunMachine& machine() const { return *machine_; }
  std::size_t most_at_once() const { return most_at_once_; }

 private:
  void begin() {
    for (const std::size_t step : machine_->take_ready()) waiting_.push_back(step);
    while (!waiting_.empty() && running_.size() < parallel_) {
      const std::size_t step = waiting_.front();
      waiting_.erase(waiting_.begin());
      for (const std::size_t producer : plan_->dependencies[step]) {
        if (!recorded_.contains(producer)) violations_.push_back("began before its input");
      }
      if (!begun_.insert(step).second) violations_.push_back("began twice");
      running_.push_back(step);
    }
    most_at_once_ = std::max(most_at_once_, running_.size());
  }

  // A random part of what runs ends, and is written together.
  void finish_some() {
    std::ranges::shuffle(running_, random_);
    const std::size_t count =
        std::uniform_int_distribution<std::size_t>(1, running_.size())(random_);
    std::vector<Event> batch;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t step = running_.back();
      running_.pop_back();
      Event event;
      event.kind = EventKind::kStepSucceeded;
      event.node = plan_->node(step).id;
      event.data = {{"attempt", 1}, {"output", {{"y", step}}}};
      batch.push_back(std::move(event));
      machine_->settle(step, RunMachine::Settled::kSucceeded);
      recorded_.insert(step);
    }
    if (auto last = machine_->closing(batch)) batch.push_back(*std::move(last));
    record(std::move(batch));
  }

  void record(std::vector<Event> batch) {
    for (Event& event : batch) {
      event.sequence = static_cast<std::int64_t>(journal_.size()) + 1;
      const auto applied = machine_->apply(event);
      if (!applied) violations_.push_back(applied.error().describe());
      journal_.push_back(std::move(event));
    }
  }

  // What runs is lost, what is recorded stays.
  void restart() {
    for (const std::size_t step : running_) begun_.erase(step);
    running_.clear();
    waiting_.clear();
    machine_ = std::make_unique<RunMachine>(plan_, RunId("r"), "w", 1);
    const auto restored = machine_->restore(journal_);
    if (!restored) violations_.push_back(restored.error().describe());
  }

  std::shared_ptr<const RunPlan> plan_;
  std::size_t parallel_;
  std::mt19937& random_;
  std::unique_ptr<RunMachine> machine_;
  std::vector<Event> journal_;
  std::vector<std::size_t> waiting_;
  std::vector<std::size_t> running_;
  std::set<std::size_t> begun_;
  std::multiset<std::size_t> recorded_;
  std::size_t most_at_once_ = 0;
  std::vector<std::string> violations_;
};

TEST(RunMachineTest, EveryStepRunsOnceAndAfterItsInputsAtAnyParallelism) {
  std::mt19937 random(7);
  for (const std::size_t parallel : {1U, 2U, 8U, 1000U}) {
    for (int round = 0; round < 60; ++round) {
      const std::size_t steps = 1 + random() % 30;
      Simulation simulation(random_plan(random, steps, (round % 10) / 12.0), parallel, random);
      EXPECT_EQ(simulation.run(), std::vector<std::string>{});
      EXPECT_EQ(simulation.machine().state().status, RunStatus::kSucceeded);
      EXPECT_LE(simulation.most_at_once(), parallel);
    }
  }
}

TEST(RunMachineTest, ARestartAfterAnyEventLosesAndRepeatsNothingRecorded) {
  std::mt19937 random(11);
  for (int round = 0; round < 40; ++round) {
    const auto plan = random_plan(random, 12, 0.3);
    for (std::size_t event = 1; event <= 13; ++event) {
      Simulation simulation(plan, 3, random);
      EXPECT_EQ(simulation.run(event), std::vector<std::string>{});
    }
  }
}

TEST(RunMachineTest, StepsWithoutEdgesAllStartTogether) {
  std::mt19937 random(3);
  Simulation simulation(random_plan(random, 20, 0), 1000, random);
  EXPECT_EQ(simulation.run(), std::vector<std::string>{});
  EXPECT_EQ(simulation.most_at_once(), 20U);
}

Event event(std::int64_t sequence, EventKind kind, const char* node = "", Json data = {}) {
  Event event;
  event.sequence = sequence;
  event.kind = kind;
  event.node = dag::NodeId(node);
  event.data = data.is_null() ? Json::object() : std::move(data);
  return event;
}

// The fold refuses any history that the orchestrator could not have written.
TEST(RunFoldTest, EventsThatDoNotFollowAreRefusedAndChangeNothing) {
  const Json first = {{"attempt", 1}};
  const std::vector<std::pair<const char*, std::vector<Event>>> cases{
      {"a run begins with its acceptance", {event(1, EventKind::kStepSucceeded, "s0", first)}},
      {"no gap", {event(1, EventKind::kRunAccepted), event(3, EventKind::kRunCancelled)}},
      {"accepted once", {event(1, EventKind::kRunAccepted), event(2, EventKind::kRunAccepted)}},
      {"known steps only",
       {event(1, EventKind::kRunAccepted), event(2, EventKind::kStepSucceeded, "zz", first)}},
      {"attempts count up",
       {event(1, EventKind::kRunAccepted),
        event(2, EventKind::kStepSucceeded, "s0", {{"attempt", 3}})}},
      {"a result once",
       {event(1, EventKind::kRunAccepted), event(2, EventKind::kStepSucceeded, "s0", first),
        event(3, EventKind::kStepSucceeded, "s0", first)}},
      {"one dispatch an attempt",
       {event(1, EventKind::kRunAccepted), event(2, EventKind::kStepDispatched, "s0", first),
        event(3, EventKind::kStepDispatched, "s0", first)}},
      {"unknown outcomes were dispatched",
       {event(1, EventKind::kRunAccepted), event(2, EventKind::kOutcomeUnknown, "s0", first)}},
      {"success needs every step",
       {event(1, EventKind::kRunAccepted), event(2, EventKind::kRunSucceeded)}},
      {"nothing after the end",
       {event(1, EventKind::kRunAccepted), event(2, EventKind::kRunCancelled),
        event(3, EventKind::kStepSucceeded, "s0", first)}},
      {"only what stopped is resumed",
       {event(1, EventKind::kRunAccepted), event(2, EventKind::kRunResumed)}},
      {"only known steps are reset",
       {event(1, EventKind::kRunAccepted), event(2, EventKind::kRunCancelled),
        event(3, EventKind::kRunResumed, "", {{"reset", {"zz"}}})}},
      {"events of a step name it",
       {event(1, EventKind::kRunAccepted), event(2, EventKind::kStepFailed, "", first)}},
      {"events of a run name no step",
       {event(1, EventKind::kRunAccepted), event(2, EventKind::kRunCancelled, "s0", first)}},
  };
  for (const auto& [why, events] : cases) {
    RunState state = new_run_state(RunId("r"), "w", 1, {dag::NodeId("s0"), dag::NodeId("s1")});
    for (std::size_t i = 0; i + 1 < events.size(); ++i) ASSERT_TRUE(apply(state, events[i])) << why;
    const std::string before = json::dump(to_json(state)) + std::to_string(state.last_sequence);
    const auto applied = apply(state, events.back());
    ASSERT_FALSE(applied.has_value()) << why;
    EXPECT_EQ(applied.error().code, ErrorCode::kDataLoss) << why;
    EXPECT_EQ(json::dump(to_json(state)) + std::to_string(state.last_sequence), before) << why;
  }
}

TEST(RunFoldTest, KindsAndStatusesSurviveTheirSpelling) {
  for (int i = 0; i <= static_cast<int>(EventKind::kRunCancelled); ++i) {
    const auto kind = static_cast<EventKind>(i);
    EXPECT_EQ(event_kind_from_string(to_string(kind)).value(), kind);
  }
  for (int i = 0; i <= static_cast<int>(RunStatus::kWaiting); ++i) {
    const auto status = static_cast<RunStatus>(i);
    EXPECT_EQ(run_status_from_string(to_string(status)).value(), status);
  }
  EXPECT_EQ(event_kind_from_string("run_exploded").error().code, ErrorCode::kDataLoss);
}

}  // namespace
}  // namespace ae::execute
