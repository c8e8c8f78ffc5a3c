// Going on with a run that stopped: what is kept, what runs again, under which key.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "execute/internal/test_support.h"
#include "execute/orchestrator.h"

namespace ae::execute {
namespace {

using ::testing::Contains;
using testing::diamond;
using ::testing::ElementsAre;
using testing::Engine;
using testing::from_input;
using testing::from_step;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::step_of;
using testing::WorkflowBuilder;

ResumeRequest from(std::initializer_list<const char*> steps) {
  ResumeRequest request;
  for (const char* step : steps) request.from.emplace_back(step);
  return request;
}

ResumeRequest with_input(Json input) {
  ResumeRequest request;
  request.input = std::move(input);
  return request;
}

// Fails step d until told otherwise.
class ResumeTest : public ::testing::Test {
 protected:
  ResumeTest() {
    engine_.invoker.answer_with([this](const Invocation& call) {
      const bool fails = call.node_id == "d" && !mended_;
      return fails ? testing::error("ValueError", "no") : testing::trace(call);
    });
  }

  RunState failed_run(const WorkflowBuilder& builder, Json input = {{"x", "1"}}) {
    RunState state = engine_.run(builder.build(), std::move(input));
    EXPECT_EQ(state.status, RunStatus::kFailed);
    mended_ = true;
    return state;
  }

  std::size_t calls_of(const char* step) { return engine_.invoker.calls_of(step).size(); }

  Engine engine_;
  std::atomic<bool> mended_ = false;
};

WorkflowBuilder failing_diamond() { return diamond().retry(1); }

TEST_F(ResumeTest, OnlyTheFailedStepRunsAgain) {
  const RunId id = failed_run(failing_diamond()).id;
  ASSERT_TRUE(engine_->resume(id, {}).has_value());
  const RunState state = engine_.finish(id);
  EXPECT_EQ(state.outputs, Json({{"result", "d(b(a(1)),c(a(1)))"}}));
  EXPECT_EQ(calls_of("a") + calls_of("b") + calls_of("c"), 3U);
  EXPECT_EQ(calls_of("d"), 2U);
  // The same effect as before, so the receiver may recognise it.
  const auto calls = engine_.invoker.calls_of("d");
  EXPECT_EQ(calls[0].idempotency_key, calls[1].idempotency_key);
  EXPECT_FALSE(state.error.has_value());
}

TEST_F(ResumeTest, ARestartInBetweenMakesNoDifference) {
  const RunId id = failed_run(failing_diamond()).id;
  engine_.restart();
  ASSERT_TRUE(engine_->resume(id, {}).has_value());
  EXPECT_EQ(engine_.finish(id).outputs, Json({{"result", "d(b(a(1)),c(a(1)))"}}));
  EXPECT_EQ(calls_of("a"), 1U);
  EXPECT_EQ(calls_of("d"), 2U);
}

TEST_F(ResumeTest, AChosenStepRunsAgainWithAllThatDependsOnItUnderNewKeys) {
  const RunId id = failed_run(failing_diamond()).id;
  ASSERT_TRUE(engine_->resume(id, from({"b"})).has_value());
  EXPECT_EQ(engine_.finish(id).status, RunStatus::kSucceeded);
  EXPECT_EQ(calls_of("a"), 1U);
  EXPECT_EQ(calls_of("c"), 1U);
  ASSERT_EQ(calls_of("b"), 2U);
  EXPECT_EQ(calls_of("d"), 2U);
  const auto calls = engine_.invoker.calls_of("b");
  EXPECT_NE(calls[0].idempotency_key, calls[1].idempotency_key);
}

TEST_F(ResumeTest, AnotherInputRunsOnlyStepsAgainWhoseArgumentsChange) {
  WorkflowBuilder builder;
  builder.input("x").input("z");
  builder.step("a", {{"x", from_input("x")}});
  builder.step("b", {{"x", from_step("a", "y")}});
  builder.step("e", {{"z", from_input("z")}});
  builder.step("d", {{"b", from_step("b", "y")}, {"e", from_step("e", "y")}}).retry(1);
  builder.output("result", from_step("d", "y"));
  const RunId id = failed_run(builder, {{"x", "1"}, {"z", "2"}}).id;
  ASSERT_TRUE(engine_->resume(id, with_input({{"x", "1"}, {"z", "3"}})).has_value());
  const RunState state = engine_.finish(id);
  EXPECT_EQ(state.outputs, Json({{"result", "d(b(a(1)),e(3))"}}));
  EXPECT_EQ(state.input, Json({{"x", "1"}, {"z", "3"}}));
  EXPECT_EQ(calls_of("a"), 1U);
  EXPECT_EQ(calls_of("b"), 1U);
  EXPECT_EQ(calls_of("e"), 2U);
  EXPECT_EQ(calls_of("d"), 2U);
}

TEST_F(ResumeTest, ARepeatedStepThatGivesTheSameResultSparesThoseBehindIt) {
  WorkflowBuilder builder;
  builder.input("x").step("round", {{"x", from_input("x")}});
  builder.step("b", {{"x", from_step("round", "y")}});
  builder.step("d", {{"x", from_step("b", "y")}}).retry(1);
  builder.output("result", from_step("d", "y"));
  engine_.invoker.answer_with([this](const Invocation& call) {
    if (call.node_id == "round") return testing::success({{"y", "about 10"}});
    const bool fails = call.node_id == "d" && !mended_;
    return fails ? testing::error("ValueError", "no") : testing::trace(call);
  });
  const RunId id = failed_run(builder, {{"x", 9}}).id;
  ASSERT_TRUE(engine_->resume(id, with_input({{"x", 11}})).has_value());
  const RunState state = engine_.finish(id);
  EXPECT_EQ(state.outputs, Json({{"result", "d(b(about 10))"}}));
  EXPECT_EQ(calls_of("round"), 2U);
  EXPECT_EQ(calls_of("b"), 1U);
  // The fold of the journal agrees, also about what was kept.
  EXPECT_EQ(to_json(engine_->get(id).value()), to_json(state));
}

TEST_F(ResumeTest, AFailedStepMustBeNamedWhenOthersAre) {
  WorkflowBuilder builder;
  builder.step("a").step("d").retry(1);
  const RunId id = failed_run(builder).id;
  const auto refused = engine_->resume(id, from({"a"}));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(refused.error().message, HasSubstr("step d"));
  EXPECT_TRUE(engine_->resume(id, from({"a", "d"})).has_value());
  EXPECT_EQ(engine_.finish(id).status, RunStatus::kSucceeded);
}

TEST_F(ResumeTest, NonsenseIsRefusedWithAReason) {
  WorkflowBuilder builder;
  builder.input("x", {{"type", "string"}}).step("d", {{"x", from_input("x")}}).retry(1);
  const RunId id = failed_run(builder).id;
  const auto unknown = engine_->resume(id, from({"typo"}));
  EXPECT_EQ(unknown.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(unknown.error().message, HasSubstr("typo"));
  EXPECT_EQ(engine_->resume(id, with_input({{"x", 5}})).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(engine_->resume(RunId("run_none"), {}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(engine_->stats().runs, 0U);  // a refusal leaves nothing behind

  ASSERT_TRUE(engine_->resume(id, {}).has_value());
  engine_.finish(id);
  EXPECT_EQ(engine_->resume(id, {}).error().code, ErrorCode::kFailedPrecondition);

  engine_.invoker.hold("d");
  const RunId running = engine_.start(builder.build(), {{"x", "1"}});
  EXPECT_EQ(engine_->resume(running, {}).error().code, ErrorCode::kFailedPrecondition);
}

TEST_F(ResumeTest, AFailedRunMayFailAgainAndGoOnAgain) {
  const RunId id = failed_run(failing_diamond()).id;
  mended_ = false;
  ASSERT_TRUE(engine_->resume(id, {}).has_value());
  EXPECT_EQ(engine_.finish(id).status, RunStatus::kFailed);
  mended_ = true;
  ASSERT_TRUE(engine_->resume(id, {}).has_value());
  EXPECT_EQ(engine_.finish(id).status, RunStatus::kSucceeded);
  EXPECT_THAT(engine_.kinds(id), Contains("run_resumed").Times(2));
}

TEST_F(ResumeTest, ManyWhoResumeAtOnceResumeItOnce) {
  const RunId id = failed_run(failing_diamond()).id;
  std::atomic<int> resumed = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] { resumed += engine_->resume(id, {}) ? 1 : 0; });
    }
  }
  EXPECT_EQ(resumed, 1);
  EXPECT_EQ(engine_.finish(id).status, RunStatus::kSucceeded);
  EXPECT_EQ(calls_of("d"), 2U);
}

TEST(RecoveryTest, ARunGoesOnFromItsLastRecordedStep) {
  Engine engine;
  engine.invoker.hold("c");
  const RunId id = engine.start(diamond().build(), {{"x", "1"}});
  engine.invoker.expect_held(1);
  while (engine.kinds(id).size() < 3) std::this_thread::yield();  // accepted, a, b
  engine.invoker.hold_nothing();
  engine.restart();
  EXPECT_EQ(engine.recovered(), 1U);
  EXPECT_EQ(engine.finish(id).outputs, Json({{"result", "d(b(a(1)),c(a(1)))"}}));
  EXPECT_EQ(engine.invoker.calls_of("a").size(), 1U);
  EXPECT_EQ(engine.invoker.calls_of("b").size(), 1U);
  EXPECT_EQ(engine.invoker.calls_of("c").size(), 2U);
  engine.restart();
  EXPECT_EQ(engine.recovered(), 0U);
}

TEST(RecoveryTest, AnswersThatComeAfterTheEndAreIgnored) {
  Engine engine;
  engine.invoker.hold("a");
  const RunId id = engine.start(diamond().build(), {{"x", "1"}});
  engine.invoker.expect_held(1);
  engine.close();
  EXPECT_TRUE(engine.invoker.release("a"));
  engine.open();
  engine.invoker.expect_held(1);
  EXPECT_TRUE(engine.invoker.release("a"));
  EXPECT_EQ(engine.finish(id).status, RunStatus::kSucceeded);
}

TEST(RecoveryTest, APaymentWithoutAnswerWaitsForAPerson) {
  WorkflowBuilder builder;
  builder.input("x").step("pay", {{"x", from_input("x")}}).at_most_once();
  builder.step("thanks", {{"receipt", from_step("pay", "y")}});
  Engine engine;
  engine.invoker.hold("pay");
  const RunId id = engine.start(builder.build(), {{"x", "1"}});
  engine.invoker.expect_held(1);
  engine.invoker.hold_nothing();
  engine.restart();
  const RunState waiting = engine.finish(id);
  EXPECT_EQ(waiting.status, RunStatus::kWaiting);
  EXPECT_EQ(step_of(waiting, "pay").status, StepStatus::kOutcomeUnknown);
  EXPECT_EQ(to_json(waiting)["resume"]["from"], Json({"pay"}));
  EXPECT_EQ(engine.invoker.calls().size(), 1U);
  engine.restart();  // still does not go on by itself
  EXPECT_EQ(engine.recovered(), 0U);
  EXPECT_EQ(engine->get(id)->status, RunStatus::kWaiting);

  ASSERT_TRUE(engine->resume(id, {}).has_value());
  EXPECT_EQ(engine.finish(id).status, RunStatus::kSucceeded);
  const auto calls = engine.invoker.calls_of("pay");
  ASSERT_EQ(calls.size(), 2U);
  EXPECT_EQ(calls[0].idempotency_key, calls[1].idempotency_key);
}

TEST(RecoveryTest, AWaitingRunCanBeCancelled) {
  WorkflowBuilder builder;
  builder.step("pay").at_most_once();
  Engine engine;
  engine.invoker.hold("pay");
  const RunId id = engine.start(builder.build());
  engine.invoker.expect_held(1);
  engine.restart();
  EXPECT_EQ(engine.finish(id).status, RunStatus::kWaiting);
  ASSERT_TRUE(engine->cancel(id).has_value());
  EXPECT_EQ(engine->get(id)->status, RunStatus::kCancelled);
}

TEST(RecoveryTest, AFailureThatACrashInterruptedIsConcluded) {
  WorkflowBuilder builder;
  builder.step("bad").retry(1).step("pay").at_most_once();
  Engine engine;
  engine.invoker.hold("pay");
  engine.invoker.answer_with([](const Invocation&) { return testing::error("E", "m"); });
  const RunId id = engine.start(builder.build());
  engine.invoker.expect_held(1);
  while (engine.kinds(id).size() < 3) std::this_thread::yield();  // accepted, dispatched, failed
  engine.restart();
  const RunState state = engine.finish(id);
  EXPECT_EQ(state.status, RunStatus::kFailed);
  EXPECT_EQ(state.failed_node, dag::NodeId("bad"));
  EXPECT_EQ(step_of(state, "pay").status, StepStatus::kOutcomeUnknown);
}

// A disk that is full for a while: nothing is lost, nothing acknowledged too early.
TEST(RecoveryTest, AFullDiskDelaysARunAndLosesNothing) {
  Engine engine;
  engine.invoker.hold("a");
  const std::string large(200'000, 'x');
  engine.invoker.answer_with([&](const Invocation&) { return testing::success({{"y", large}}); });
  const RunId id = engine.start(diamond().build(), {{"x", "1"}});
  engine.invoker.expect_held(1);
  std::int64_t pages = 0;
  ASSERT_TRUE(engine.database().query("PRAGMA page_count", {}, [&](const store::Row& row) {
    pages = row.integer(0);
    return false;
  }));
  const auto limit = [&](std::int64_t most) {
    return engine.database().execute("PRAGMA max_page_count = " + std::to_string(most));
  };
  ASSERT_TRUE(limit(pages));
  EXPECT_TRUE(engine.invoker.release("a"));
  while (engine->stats().failed_writes == 0) std::this_thread::yield();
  EXPECT_THAT(engine.invoker.calls_of("b"), IsEmpty());
  EXPECT_THAT(engine.kinds(id), ElementsAre("run_accepted"));
  EXPECT_EQ(engine.try_start(diamond().build(), {{"x", large}}).error().code,
            ErrorCode::kResourceExhausted);
  ASSERT_TRUE(limit(1'000'000));
  EXPECT_EQ(engine.finish(id).status, RunStatus::kSucceeded);
  EXPECT_EQ(engine.invoker.calls_of("a").size(), 1U);
}

TEST(RecoveryTest, ADamagedRunIsLeftOutAndTheOthersGoOn) {
  Engine engine;
  engine.invoker.hold("a");
  const RunId damaged = engine.start(diamond().build(), {{"x", "1"}});
  const RunId healthy = engine.start(diamond().build(), {{"x", "2"}});
  engine.invoker.expect_held(2);
  ASSERT_TRUE(engine.database().execute("UPDATE events SET kind = 'step_succeeded' WHERE run = 1"));
  engine.invoker.hold_nothing();
  engine.restart();
  EXPECT_EQ(engine.recovered(), 1U);
  EXPECT_EQ(engine.finish(healthy).status, RunStatus::kSucceeded);
  EXPECT_EQ(engine->get(damaged).error().code, ErrorCode::kDataLoss);
}

}  // namespace
}  // namespace ae::execute
