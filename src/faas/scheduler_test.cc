// Who gets which worker, decided without any process.
#include "faas/internal/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ae::faas {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals only

class SchedulerTest : public ::testing::Test {
 protected:
  void queue(const std::string& function, const std::string& request) {
    auto pending = std::make_unique<Pending>();
    pending->invocation.request_id = request;
    pending->invocation.function = spec(function);
    pending->accepted = now;
    scheduler.add(std::move(pending));
  }
  static std::shared_ptr<const dag::FunctionSpec> spec(const std::string& function) {
    auto spec = std::make_shared<dag::FunctionSpec>();
    spec->name = function;
    return spec;
  }
  // Starts what the plan says; "a" for a worker of function a, "-3" for worker 3 retired.
  std::vector<std::string> planned() {
    std::vector<std::string> said;
    const Scheduler::Plan plan = scheduler.plan(now);
    for (const WorkerId id : plan.retire) said.push_back("-" + std::to_string(id));
    for (const auto& spawn : plan.spawn) {
      said.push_back(spawn.function->name);
      started[spawn.function->name].push_back(spawn.worker);
    }
    return said;
  }
  // What the worker gets when it asks: a request id, "idle" or "yield".
  std::string ready(WorkerId id) {
    const Scheduler::Next next = scheduler.worker_ready(id, now);
    if (next.yield) return "yield";
    return next.pending ? next.pending->invocation.request_id : "idle";
  }

  ManualClock clock;
  SteadyTime now = SteadyTime{} + 1h;
  Scheduler scheduler{
      {.max_workers = 4, .max_workers_per_function = 3, .assumed_start = 10ms, .worth = 10}};
  std::map<std::string, std::vector<WorkerId>> started;
};

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_F(SchedulerTest, InvocationsOfOneFunctionAreServedInTheirOrder) {
  for (const char* id : {"1", "2", "3", "4", "5"}) queue("a", id);
  EXPECT_THAT(planned(), ElementsAre("a", "a", "a")) << "its own limit";
  EXPECT_EQ(ready(started["a"][1]), "1");
  EXPECT_EQ(ready(started["a"][0]), "2");
  EXPECT_EQ(ready(started["a"][1]), "3");
  EXPECT_EQ(scheduler.remove("4")->invocation.request_id, "4");
  EXPECT_EQ(scheduler.remove("4"), nullptr);
  EXPECT_EQ(ready(started["a"][2]), "5");
  EXPECT_EQ(ready(started["a"][0]), "idle");
  EXPECT_EQ(scheduler.queued(), 0U);
}

TEST_F(SchedulerTest, NoMoreWorkersAreStartedThanInvocationsWait) {
  queue("a", "1");
  EXPECT_THAT(planned(), ElementsAre("a"));
  EXPECT_THAT(planned(), IsEmpty()) << "one is on its way already";
  queue("a", "2");
  EXPECT_THAT(planned(), ElementsAre("a"));
}

TEST_F(SchedulerTest, AWorkerAboutToReturnIsWaitedFor) {
  queue("a", "1");
  planned();
  ready(started["a"][0]);
  queue("a", "2");
  scheduler.worker_returning(started["a"][0]);
  EXPECT_THAT(planned(), IsEmpty());
  queue("a", "3");
  EXPECT_THAT(planned(), ElementsAre("a"));
  scheduler.worker_gone(started["a"][0]);
  EXPECT_THAT(planned(), ElementsAre("a")) << "it did not";
}

TEST_F(SchedulerTest, TheMostRecentlyUsedIdleWorkerServesAndTheLeastRecentlyUsedMakesRoom) {
  for (const char* id : {"1", "2", "3"}) queue("a", id);
  planned();
  const auto workers = started["a"];
  for (const WorkerId id : workers) ready(id);
  for (const WorkerId id : workers) {
    now += 1s;
    EXPECT_EQ(ready(id), "idle");
  }
  queue("b", "4");
  EXPECT_THAT(planned(), ElementsAre("b")) << "a free place is taken first";
  queue("c", "5");
  EXPECT_THAT(planned(), ElementsAre("-" + std::to_string(workers[0]), "c"));
  EXPECT_EQ(scheduler.take_idle(*spec("a")), workers[2]);
  EXPECT_EQ(scheduler.take_idle(*spec("a")), workers[1]);
  EXPECT_EQ(scheduler.take_idle(*spec("a")), std::nullopt);
}

TEST_F(SchedulerTest, AFunctionWithFewerWorkersComesFirst) {
  for (const char* id : {"1", "2", "3", "4", "5"}) queue("a", id);
  now += 1s;
  queue("b", "6");
  EXPECT_THAT(planned(), ElementsAre("a", "b", "a", "a"));
}

TEST_F(SchedulerTest, AGreedyFunctionGivesUpAWorkerOnceItsStartHasPaid) {
  for (int i = 0; i < 10; ++i) queue("a", std::to_string(i));
  planned();
  queue("b", "first of b");
  EXPECT_THAT(planned(), ElementsAre("b"));
  queue("b", "second of b");
  queue("b", "third of b");
  EXPECT_THAT(planned(), IsEmpty());
  now += 10ms;
  EXPECT_EQ(ready(started["b"][0]), "first of b");
  EXPECT_EQ(ready(started["a"][0]), "0");
  EXPECT_EQ(ready(started["a"][1]), "1");
  now += 99ms;
  EXPECT_EQ(ready(started["a"][0]), "2")
      << "three against one, but it has served for a moment only";
  now += 1ms;
  EXPECT_EQ(ready(started["a"][0]), "yield");
  EXPECT_THAT(planned(), ElementsAre("b"));
  now += 1s;
  EXPECT_EQ(ready(started["a"][1]), "3") << "two against two is fair";
}

TEST_F(SchedulerTest, WithMoreFunctionsThanPlacesNobodyWaitsForEver) {
  for (const char* function : {"a", "b", "c", "d"}) {
    for (int i = 0; i < 5; ++i) queue(function, function + std::to_string(i));
  }
  EXPECT_THAT(planned(), ElementsAre("a", "b", "c", "d"));
  now += 10ms;
  for (const char* function : {"a", "b", "c"}) ready(started[function][0]);
  queue("e", "e0");
  queue("f", "f0");
  EXPECT_THAT(planned(), IsEmpty());
  now += 49ms;
  EXPECT_EQ(ready(started["a"][0]), "a1") << "not at once: that would be a cold start each time";
  EXPECT_EQ(ready(started["d"][0]), "d0");
  now += 1ms;
  EXPECT_EQ(ready(started["d"][0]), "d1") << "it has served for a moment only";
  EXPECT_EQ(ready(started["b"][0]), "yield");
  EXPECT_THAT(planned(), ElementsAre("e"));
  EXPECT_EQ(ready(started["a"][0]), "a2") << "f's turn comes, but not at the same time";
  now += 50ms;
  EXPECT_EQ(ready(started["a"][0]), "yield");
  EXPECT_THAT(planned(), ElementsAre("f"));
}

TEST_F(SchedulerTest, AWorkerThatIsIdleForAMomentIsNotTakenAway) {
  for (const char* function : {"a", "b", "c", "d"}) queue(function, function);
  planned();
  now += 10ms;
  for (const char* function : {"a", "b", "c", "d"}) ready(started[function][0]);
  now += 1ms;
  ready(started["a"][0]);
  queue("e", "e0");
  EXPECT_THAT(planned(), IsEmpty());
  EXPECT_EQ(scheduler.next_exchange(), now + 10ms) << "as long as a start takes";
  now += 10ms;
  EXPECT_THAT(planned(), ElementsAre("-" + std::to_string(started["a"][0]), "e"));
  EXPECT_EQ(scheduler.next_exchange(), SteadyTime::max());
}

// Callers in a closed loop, each of whom calls all functions in turn: `workers` places, a
// millisecond for each call, 20 ms for each start.
struct Load {
  enum class Phase { kApart, kTogether };

  explicit Load(std::size_t workers, std::size_t workers_per_function = 8)
      : scheduler({.max_workers = workers, .max_workers_per_function = workers_per_function}) {}

  void call(std::size_t caller) {
    auto pending = std::make_unique<Pending>();
    pending->invocation.request_id = std::to_string(caller);
    pending->invocation.function = functions[steps[caller] % functions.size()];
    pending->accepted = now;
    ++steps[caller];
    if (const auto idle = scheduler.take_idle(*pending->invocation.function)) {
      serving[*idle] = {caller, now + 1ms};
    } else {
      scheduler.add(std::move(pending));
    }
  }
  void ready(WorkerId id) {
    Scheduler::Next next = scheduler.worker_ready(id, now);
    if (!next.pending) return;
    const SteadyTime::duration waited = now - next.pending->accepted;
    longest_wait = std::max(longest_wait, waited);
    serving[id] = {std::stoul(next.pending->invocation.request_id), now + 1ms};
  }
  void run(std::size_t callers, std::size_t kinds, std::chrono::milliseconds time,
           Phase phase = Phase::kApart) {
    for (std::size_t i = 0; i < kinds; ++i) {
      auto spec = std::make_shared<dag::FunctionSpec>();
      spec->name = "f" + std::to_string(i);
      functions.push_back(std::move(spec));
    }
    for (std::size_t caller = 0; caller < callers; ++caller) {
      steps[caller] = phase == Phase::kApart ? caller : 0;
      call(caller);
    }
    for (const SteadyTime end = now + time; now < end; now += 1ms) {
      std::vector<WorkerId> through;
      for (const auto& [id, call] : serving) {
        if (call.second <= now) through.push_back(id);
      }
      for (const WorkerId id : through) {
        const std::size_t caller = serving.at(id).first;
        serving.erase(id);
        ++served;
        ready(id);
        call(caller);
      }
      for (auto at = starting.begin(); at != starting.end();) {
        const WorkerId id = at->first;
        const bool up = at->second <= now;
        at = up ? starting.erase(at) : std::next(at);
        if (up) ready(id);
      }
      for (const auto& spawn : scheduler.plan(now).spawn) {
        starting[spawn.worker] = now + 20ms;
        ++starts;
      }
    }
  }

  SteadyTime now = SteadyTime{} + 1h;
  Scheduler scheduler;
  std::vector<std::shared_ptr<const dag::FunctionSpec>> functions;
  std::map<std::size_t, std::size_t> steps;  // by caller
  std::map<WorkerId, std::pair<std::size_t, SteadyTime>> serving;
  std::map<WorkerId, SteadyTime> starting;
  SteadyTime::duration longest_wait{};
  std::size_t served = 0;
  std::size_t starts = 0;
};

TEST(SchedulerLoadTest, ManyCallersOfAFewFunctionsAreNotServedByColdStarts) {
  Load load(16);
  load.run(64, 4, 4s);
  EXPECT_LE(load.starts, 40U);
  EXPECT_GE(load.served, 40'000U) << "of 64,000 that sixteen workers could serve";
}

TEST(SchedulerLoadTest, CallersThatMoveInAWaveDoNotMoveTheWorkersAlong) {
  Load load(16, 16);
  load.run(64, 4, 4s, Load::Phase::kTogether);
  EXPECT_LE(load.starts, 40U);
  EXPECT_GE(load.served, 5'000U);
}

TEST(SchedulerLoadTest, WithMoreBusyFunctionsThanPlacesTheyTakeTurns) {
  Load load(8);
  load.run(64, 20, 15s);
  EXPECT_GE(load.served, 4 * load.starts) << "a worker serves all that waits before it goes";
  EXPECT_GE(load.served, 7'500U);
  EXPECT_LE(load.longest_wait, 1s);
}

TEST_F(SchedulerTest, TheLastPlacesOfALargePoolAreForFirstWorkers) {
  Scheduler large({.max_workers = 16, .max_workers_per_function = 16});
  for (int i = 0; i < 40; ++i) {
    auto pending = std::make_unique<Pending>();
    pending->invocation.request_id = std::to_string(i);
    pending->invocation.function = spec("a");
    large.add(std::move(pending));
  }
  EXPECT_EQ(large.plan(now).spawn.size(), 14U);
  auto pending = std::make_unique<Pending>();
  pending->invocation.request_id = "of b";
  pending->invocation.function = spec("b");
  large.add(std::move(pending));
  EXPECT_EQ(large.plan(now).spawn.size(), 1U);
}

TEST_F(SchedulerTest, AFunctionWhoseWorkersCannotStartTakesItsQueueAlong) {
  for (const char* id : {"1", "2", "3"}) queue("a", id);
  planned();
  EXPECT_EQ(scheduler.worker_failed(started["a"][0]).size(), 3U);
  EXPECT_TRUE(scheduler.worker_failed(started["a"][1]).empty());
  EXPECT_TRUE(scheduler.worker_failed(started["a"][2]).empty());
  EXPECT_THAT(planned(), IsEmpty()) << "no new attempts without a new invocation";
}

TEST_F(SchedulerTest, AFailedStartHarmsNobodyWhileASoundWorkerServes) {
  queue("a", "1");
  queue("a", "2");
  planned();
  EXPECT_EQ(ready(started["a"][0]), "1");
  EXPECT_TRUE(scheduler.worker_failed(started["a"][1]).empty());
  EXPECT_EQ(ready(started["a"][0]), "2");
}

TEST_F(SchedulerTest, WhoeverWaitsLongerThanItsCallerDoesIsTakenOut) {
  for (const int seconds : {3, 1, 2}) {
    auto pending = std::make_unique<Pending>();
    pending->invocation.request_id = std::to_string(seconds);
    pending->invocation.function = spec("a");
    pending->invocation.deadline = Deadline::after(std::chrono::seconds(seconds), clock);
    scheduler.add(std::move(pending));
  }
  queue("a", "patient");
  const SteadyTime begin = clock.steady_now();
  EXPECT_EQ(scheduler.next_expiry(), begin + 1s);
  EXPECT_EQ(scheduler.take_expired(begin + 2s).size(), 2U);
  EXPECT_TRUE(scheduler.is_queued("3"));
  EXPECT_NE(scheduler.remove("3"), nullptr);
  EXPECT_EQ(scheduler.next_expiry(), SteadyTime::max());
  EXPECT_TRUE(scheduler.is_queued("patient"));
}

TEST_F(SchedulerTest, AnInvocationThatWasPutBackIsFirstAgain) {
  queue("a", "1");
  queue("a", "2");
  planned();
  Scheduler::Next next = scheduler.worker_ready(started["a"][0], now);
  scheduler.worker_gone(started["a"][0]);
  scheduler.put_back(std::move(next.pending));
  EXPECT_TRUE(scheduler.is_queued("1"));
  EXPECT_EQ(ready(started["a"][1]), "1");
}

TEST_F(SchedulerTest, WhateverHappensTheLimitsHoldAndEverythingIsServed) {
  std::uint64_t random = 12345;
  const auto draw = [&](std::uint64_t below) {
    random = random * 6364136223846793005U + 1442695040888963407U;
    return (random >> 33U) % below;
  };
  std::map<WorkerId, std::string> alive;  // and the function that it serves
  std::map<WorkerId, bool> idle;
  std::set<WorkerId> has_served;
  std::size_t accepted = 0;
  std::size_t served = 0;
  for (int step = 0; step < 20'000 || served < accepted; ++step) {
    now += 50ms;
    if (step < 20'000 && draw(3) == 0) {  // overload: starts take longer than the patience
      const std::string function(1, static_cast<char>('a' + draw(7)));
      queue(function, std::to_string(accepted++));
      if (const auto id = scheduler.take_idle(*spec(function))) {
        // As the supervisor does: an idle worker takes a new invocation without any queue.
        ASSERT_EQ(alive[*id], function);
        idle.erase(*id);
        has_served.insert(*id);
        ASSERT_NE(scheduler.remove(std::to_string(accepted - 1)), nullptr);
        ++served;
      }
    }
    const Scheduler::Plan plan = scheduler.plan(now);
    for (const WorkerId id : plan.retire) {
      ASSERT_TRUE(idle.contains(id)) << "only idle workers may be retired";
      idle.erase(id);
      alive.erase(id);
    }
    for (const auto& spawn : plan.spawn) alive[spawn.worker] = spawn.function->name;
    ASSERT_LE(alive.size(), 4U);
    ASSERT_EQ(scheduler.workers(), alive.size());
    if (alive.empty()) continue;
    auto worker = std::next(alive.begin(), static_cast<std::ptrdiff_t>(draw(alive.size())));
    if (idle.contains(worker->first)) continue;
    const Scheduler::Next next = scheduler.worker_ready(worker->first, now);
    if (next.pending) {
      ASSERT_EQ(next.pending->invocation.function->name, worker->second);
      has_served.insert(worker->first);
      ++served;
    } else if (next.yield) {
      ASSERT_TRUE(has_served.contains(worker->first)) << "replaced without having been of use";
      alive.erase(worker);
    } else {
      idle[worker->first] = true;
    }
    ASSERT_LT(step, 200'000) << "something is never served";
  }
  EXPECT_EQ(served, accepted);
}

}  // namespace
}  // namespace ae::faas
