// Following runs: events, ends, idempotency keys, and callbacks that call back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "execute/internal/test_support.h"
#include "execute/orchestrator.h"

namespace ae::execute {
namespace {

using testing::diamond;
using testing::Engine;
using ::testing::HasSubstr;
using testing::WorkflowBuilder;

// Collects what one subscription gets, and waits for a number of it.
class Recorder {
 public:
  Orchestrator::OnEvent callback() {
    return [this](const Event& event) {
      const std::lock_guard lock(mutex_);
      sequences_.push_back(event.sequence);
      last_kind_ = event.kind;
      changed_.notify_all();
    };
  }
  bool wait_for_end() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, testing::kPatience,
                             [this] { return last_kind_ == EventKind::kRunSucceeded; });
  }
  std::vector<std::int64_t> sequences() const {
    const std::lock_guard lock(mutex_);
    return sequences_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::int64_t> sequences_;
  EventKind last_kind_ = EventKind::kRunAccepted;
};

std::vector<std::int64_t> one_to(std::int64_t last, std::int64_t first = 1) {
  std::vector<std::int64_t> sequences;
  for (std::int64_t i = first; i <= last; ++i) sequences.push_back(i);
  return sequences;
}

TEST(WatchTest, ASubscriberOfAFinishedRunGetsItsWholeHistory) {
  Engine engine;
  const RunId id = engine.run(diamond().build(), {{"x", "1"}}).id;
  Recorder all;
  Recorder tail;
  ASSERT_TRUE(engine->subscribe(id, 0, all.callback()));
  ASSERT_TRUE(engine->subscribe(id, 4, tail.callback()));
  ASSERT_TRUE(all.wait_for_end());
  ASSERT_TRUE(tail.wait_for_end());
  EXPECT_EQ(all.sequences(), one_to(6));
  EXPECT_EQ(tail.sequences(), one_to(6, 5));
  EXPECT_EQ(engine->subscribe(RunId("run_none"), 0, all.callback()).error().code,
            ErrorCode::kNotFound);
}

TEST(WatchTest, WhoeverSubscribesWheneverGetsEachEventOnceInOrder) {
  // A chain whose steps are answered while subscribers keep coming.
  WorkflowBuilder builder;
  builder.step("s0");
  constexpr int kSteps = 40;
  std::vector<std::string> names;
  names.reserve(kSteps);
  for (int i = 1; i < kSteps; ++i) {
    names.push_back("s" + std::to_string(i));
    builder.step(names.back().c_str()).after(("s" + std::to_string(i - 1)).c_str());
  }
  Engine engine;
  const RunId id = engine.start(builder.build());
  std::deque<Recorder> recorders;
  std::mutex mutex;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 3; ++thread) {
      threads.emplace_back([&] {
        for (int i = 0; i < 30; ++i) {
          Recorder* recorder = nullptr;
          {
            const std::lock_guard lock(mutex);
            recorder = &recorders.emplace_back();
          }
          ASSERT_TRUE(engine->subscribe(id, 0, recorder->callback()));
        }
      });
    }
  }
  ASSERT_EQ(engine.finish(id).status, RunStatus::kSucceeded);
  for (Recorder& recorder : recorders) {
    ASSERT_TRUE(recorder.wait_for_end());
    EXPECT_EQ(recorder.sequences(), one_to(kSteps + 2));
  }
  engine.close();
}

TEST(WatchTest, EventsAreOnDiskBeforeAnybodyHearsOfThem) {
  Engine engine;
  engine.invoker.hold("a");
  const RunId id = engine.start(diamond().build(), {{"x", "1"}});
  std::atomic<int> early = 0;
  Recorder recorder;
  ASSERT_TRUE(engine->subscribe(id, 0, [&, record = recorder.callback()](const Event& event) {
    const auto events = engine.journal().events_after(id, event.sequence - 1).value();
    if (events.empty() || events.front().kind != event.kind) ++early;
    record(event);
  }));
  engine.invoker.expect_held(1);
  EXPECT_TRUE(engine.invoker.release("a"));
  ASSERT_TRUE(recorder.wait_for_end());
  EXPECT_EQ(early, 0);
}

TEST(WatchTest, AForgottenSubscriberHearsNothingMore) {
  Engine engine;
  engine.invoker.hold("a");
  const RunId id = engine.start(diamond().build(), {{"x", "1"}});
  engine.invoker.expect_held(1);
  std::atomic<bool> forgotten = false;
  std::atomic<int> late = 0;
  const auto token = engine->subscribe(id, 0, [&](const Event&) { late += forgotten ? 1 : 0; });
  ASSERT_TRUE(token.has_value());
  EXPECT_NE(*token, 0U);
  const auto waiter = engine->when_finished(id, [&](const RunState&) { ++late; });
  engine->forget(*token);
  engine->forget(*waiter);
  engine->forget(*waiter);  // harmless
  engine->forget(0);
  forgotten = true;
  EXPECT_TRUE(engine.invoker.release("a"));
  EXPECT_EQ(engine.finish(id).status, RunStatus::kSucceeded);
  engine.close();
  EXPECT_EQ(late, 0);
}

TEST(WatchTest, ASubscriberMayForgetItselfAndResumeTheRun) {
  WorkflowBuilder builder;
  builder.step("a").retry(1);
  Engine engine;
  std::atomic<int> calls = 0;
  engine.invoker.answer_with([&](const Invocation& call) {
    return ++calls == 1 ? testing::error("E", "m") : testing::trace(call);
  });
  engine.invoker.hold("a");
  const RunId id = engine.start(builder.build());
  engine.invoker.expect_held(1);
  std::promise<Result<void>> resumed;
  std::atomic<std::uint64_t> token = 0;
  const auto subscribed = engine->subscribe(id, 1, [&](const Event& event) {
    if (event.kind != EventKind::kRunFailed) return;
    engine->forget(token);
    resumed.set_value(engine->resume(id, {}));
  });
  ASSERT_TRUE(subscribed.has_value());
  token = *subscribed;
  engine.invoker.hold_nothing();
  EXPECT_TRUE(engine.invoker.release("a"));
  auto result = resumed.get_future();
  ASSERT_EQ(result.wait_for(testing::kPatience), std::future_status::ready);
  EXPECT_TRUE(result.get().has_value());
  EXPECT_EQ(engine.finish(id).status, RunStatus::kSucceeded);
}

TEST(WatchTest, ASubscriptionOutlivesTheEndAndHearsOfAResumption) {
  Engine engine;
  std::atomic<bool> mended = false;
  engine.invoker.answer_with([&](const Invocation& call) {
    return call.node_id == "d" && !mended ? testing::error("E", "m") : testing::trace(call);
  });
  const RunId id = engine.run(diamond().retry(1).build(), {{"x", "1"}}).id;
  Recorder recorder;
  ASSERT_TRUE(engine->subscribe(id, 0, recorder.callback()));
  mended = true;
  ASSERT_TRUE(engine->resume(id, {}));
  ASSERT_TRUE(recorder.wait_for_end());
  EXPECT_EQ(recorder.sequences(), one_to(9));
}

TEST(WatchTest, EveryoneWhoWaitsIsToldOnceWheneverTheyAsk) {
  Engine engine;
  std::atomic<int> told = 0;
  int asked = 0;
  for (int round = 0; round < 50; ++round) {
    const RunId id = engine.start(diamond().build(), {{"x", "1"}});
    for (int i = 0; i < 10; ++i, ++asked) {
      ASSERT_TRUE(engine->when_finished(id, [&](const RunState& state) {
        told += state.status == RunStatus::kSucceeded ? 1 : 1000;
      }));
    }
    engine.finish(id);
  }
  engine.close();  // calls what is queued
  EXPECT_EQ(told, asked);
}

TEST(WatchTest, WaitingForAnUnknownRunIsAnError) {
  Engine engine;
  EXPECT_EQ(engine->when_finished(RunId("run_none"), [](const RunState&) { FAIL(); }).error().code,
            ErrorCode::kNotFound);
  EXPECT_EQ(engine->get(RunId("run_none")).error().code, ErrorCode::kNotFound);
}

TEST(IdempotencyTest, TheSameKeyWithTheSameInputIsTheSameRun) {
  Engine engine;
  const auto workflow = diamond().build();
  const auto first = engine.try_start(workflow, {{"x", "1"}}, "order-7");
  const auto again = engine.try_start(workflow, {{"x", "1"}}, "order-7");
  ASSERT_TRUE(first.has_value() && again.has_value());
  EXPECT_EQ(*first, *again);
  engine.finish(*first);
  engine.restart();
  EXPECT_EQ(engine.try_start(workflow, {{"x", "1"}}, "order-7").value(), *first);
  const RunId other = engine.try_start(workflow, {{"x", "1"}}, "order-8").value();
  EXPECT_NE(other, *first);
  engine.finish(other);
  EXPECT_EQ(engine.invoker.calls_of("a").size(), 2U);
}

TEST(IdempotencyTest, TheSameKeyWithAnotherInputIsRefused) {
  Engine engine;
  const auto first = engine.try_start(diamond().build(), {{"x", "1"}}, "order-7");
  const auto other = engine.try_start(diamond().build(), {{"x", "2"}}, "order-7");
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(other.error().message, HasSubstr(first->str()));
  engine.finish(*first);
  EXPECT_EQ(engine->stats().runs, 0U);
}

TEST(IdempotencyTest, OfManyAtOnceOneRunsAndAllGetItsResult) {
  Engine engine;
  const auto workflow = diamond().build();
  std::mutex mutex;
  std::set<std::string> ids;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        const auto id = engine.try_start(workflow, {{"x", "1"}}, "key");
        ASSERT_TRUE(id.has_value()) << id.error().describe();
        EXPECT_EQ(engine.finish(*id).outputs, Json({{"result", "d(b(a(1)),c(a(1)))"}}));
        const std::lock_guard lock(mutex);
        ids.insert(id->str());
      });
    }
  }
  EXPECT_EQ(ids.size(), 1U);
  EXPECT_EQ(engine.invoker.calls_of("a").size(), 1U);
}

}  // namespace
}  // namespace ae::execute
