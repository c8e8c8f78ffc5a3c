#include "execute/orchestrator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "execute/internal/test_support.h"

namespace ae::execute {
namespace {

using testing::diamond;
using ::testing::ElementsAre;
using testing::Engine;
using testing::from_input;
using testing::from_step;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::literal;
using ::testing::Not;
using testing::step_of;
using ::testing::UnorderedElementsAre;
using testing::WorkflowBuilder;

using std::chrono::milliseconds;

TEST(OrchestratorTest, ADiamondRunsAndItsResultShowsEveryStepInOrder) {
  Engine engine;
  const RunState state = engine.run(diamond().build(), {{"x", "1"}});
  EXPECT_EQ(state.status, RunStatus::kSucceeded);
  EXPECT_EQ(state.outputs, Json({{"result", "d(b(a(1)),c(a(1)))"}}));

  const Json shown = to_json(state);
  EXPECT_EQ(shown["status"], "succeeded");
  ASSERT_EQ(shown["steps"].size(), 4U);
  EXPECT_EQ(shown["steps"][0]["id"], "a");
  EXPECT_EQ(shown["steps"][3]["id"], "d");
  EXPECT_EQ(shown["steps"][3]["input"], Json({{"left", "b(a(1))"}, {"right", "c(a(1))"}}));
  EXPECT_EQ(shown["steps"][3]["attempts"], 1);
  EXPECT_EQ(shown["steps"][3]["duration_ms"], 7);
  EXPECT_FALSE(shown.contains("resume"));
  EXPECT_FALSE(shown.contains("error"));
}

TEST(OrchestratorTest, WhatIsShownFromMemoryAndFromTheJournalIsTheSame) {
  Engine engine;
  engine.invoker.answer_with([](const Invocation& call) {
    if (call.node_id == "c" && call.attempt == 1) return testing::error("Flaky", "once");
    if (call.node_id == "d") return testing::error("ValueError", "never");
    return testing::trace(call);
  });
  const auto workflow = diamond().retry(2).build();
  const RunState live = engine.run(workflow, {{"x", "1"}});
  const RunState folded = engine->get(live.id).value();
  EXPECT_EQ(json::dump_pretty(to_json(live)), json::dump_pretty(to_json(folded)));
}

// Defect B4: edges are data edges, not level barriers.
TEST(OrchestratorTest, AStepWaitsOnlyForWhatItUses) {
  WorkflowBuilder builder;
  builder.step("slow").step("quick").step("next", {{"x", from_step("quick", "y")}});
  builder.step("last", {{"x", from_step("next", "y")}, {"z", from_step("slow", "y")}});
  Engine engine;
  engine.invoker.hold("slow");
  engine.invoker.hold("next");
  const RunId id = engine.start(builder.build());
  engine.invoker.expect_held(2);  // "next" began although "slow", one level above, is not over
  EXPECT_THAT(engine.invoker.calls_of("last"), IsEmpty());
  EXPECT_TRUE(engine.invoker.release("next"));
  EXPECT_TRUE(engine.invoker.release("slow"));
  EXPECT_EQ(engine.finish(id).status, RunStatus::kSucceeded);
}

// Defect B4: the source of an edge is a field, and results of early steps are not lost.
TEST(OrchestratorTest, EdgesCarryTheNamedFieldAndOutputsMayComeFromAnyStep) {
  WorkflowBuilder builder;
  builder.step("song").step(
      "play", {{"title", from_step("song", "song.title")}, {"where", testing::literal("kitchen")}});
  builder.output("artist", from_step("song", "song.artist"))
      .output("played", from_step("play", "y"));
  Engine engine;
  engine.invoker.answer_with([](const Invocation& call) {
    if (call.node_id == "play") return testing::trace(call);
    return testing::success(
        {{"song", {{"title", "Happy Tune"}, {"artist", "Anna"}}}, {"noise", 1}});
  });
  const RunState state = engine.run(builder.build());
  EXPECT_EQ(state.outputs, Json({{"artist", "Anna"}, {"played", "play(Happy Tune,kitchen)"}}));
  EXPECT_EQ(engine.invoker.calls_of("play").at(0).input,
            Json({{"title", "Happy Tune"}, {"where", "kitchen"}}));
}

// Defect B5: a parameter derived in one step stays an input elsewhere; same names do not collapse.
TEST(OrchestratorTest, SameNamedParametersOfTwoStepsKeepTheirOwnValues) {
  WorkflowBuilder builder;
  builder.input("user_id").input("friend_id");
  builder.step("lookup", {{"user_id", from_input("user_id")}});
  builder.step("derived", {{"user_id", from_step("lookup", "y")}});
  builder.step("given", {{"user_id", from_input("user_id")}});
  builder.step("other", {{"user_id", from_input("friend_id")}});
  Engine engine;
  engine.run(builder.build(), {{"user_id", "u1"}, {"friend_id", "u2"}});
  EXPECT_EQ(engine.invoker.calls_of("derived").at(0).input["user_id"], "lookup(u1)");
  EXPECT_EQ(engine.invoker.calls_of("given").at(0).input["user_id"], "u1");
  EXPECT_EQ(engine.invoker.calls_of("other").at(0).input["user_id"], "u2");
}

// Defect B11: one thing that takes its time must not stop the others.
TEST(OrchestratorTest, AFunctionThatNeverAnswersStopsNobodyElse) {
  WorkflowBuilder stuck;
  stuck.step("never").timeout(std::chrono::minutes(10));
  Engine engine;
  engine.invoker.hold("never");
  const RunId id = engine.start(stuck.build());
  engine.invoker.expect_held(1);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(engine.run(diamond().build(), {{"x", "1"}}).status, RunStatus::kSucceeded);
  }
  const RunState state = engine->get(id).value();
  EXPECT_EQ(state.status, RunStatus::kRunning);
  EXPECT_EQ(step_of(state, "never").status, StepStatus::kRunning);
  EXPECT_TRUE(step_of(state, "never").started_at.has_value());
}

TEST(OrchestratorTest, AnInputThatDoesNotFitIsRefusedNamingEachViolation) {
  WorkflowBuilder builder;
  builder.input("name", {{"type", "string"}}).require("name");
  builder.input("size", {{"type", "integer"}, {"default", 3}});
  builder.step("a", {{"name", from_input("name")}, {"size", from_input("size")}});
  Engine engine;
  const auto refused = engine.try_start(builder.build(), {{"size", "big"}});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().message, HasSubstr("name"));
  EXPECT_THAT(refused.error().message, HasSubstr("/size"));
  EXPECT_THAT(engine.journal().list("", 10).value(), IsEmpty());

  const RunState state = engine.run(builder.build(), {{"name", "Anna"}});
  EXPECT_EQ(state.input, Json({{"name", "Anna"}, {"size", 3}}));
}

TEST(OrchestratorTest, AnInputBeyondTheLimitIsRefused) {
  Engine engine({.max_input_bytes = 100});
  const auto refused = engine.try_start(diamond().build(), {{"x", std::string(200, 'x')}});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kResourceExhausted);
}

TEST(OrchestratorTest, AFailingAttemptIsRepeatedWithTheSameKeyUntilItSucceeds) {
  WorkflowBuilder builder;
  builder.step("a").retry(4);
  Engine engine;
  engine.invoker.answer_with([](const Invocation& call) {
    if (call.attempt == 1) return testing::error("ValueError", "no");
    if (call.attempt == 2) return testing::fault(ErrorCode::kUnavailable, "no worker");
    return testing::trace(call);
  });
  const RunState state = engine.run(builder.build());
  EXPECT_EQ(state.status, RunStatus::kSucceeded);
  EXPECT_EQ(step_of(state, "a").attempts, 3);
  EXPECT_FALSE(step_of(state, "a").error.has_value());
  EXPECT_THAT(engine.kinds(state.id),
              ElementsAre("run_accepted", "attempt_failed a", "attempt_failed a",
                          "step_succeeded a", "run_succeeded"));
  std::set<std::string> keys;
  std::set<std::string> requests;
  for (const Invocation& call : engine.invoker.calls()) {
    keys.insert(call.idempotency_key);
    requests.insert(call.request_id);
  }
  EXPECT_EQ(keys.size(), 1U);
  EXPECT_EQ(requests.size(), 3U);
}

TEST(OrchestratorTest, WhenEveryAttemptFailsTheRunTellsWhatFailedAndHowToGoOn) {
  Engine engine;
  engine.invoker.answer_with([](const Invocation& call) {
    if (call.node_id == "d") return testing::error("KeyError", "'mood'");
    return testing::trace(call);
  });
  const RunState state = engine.run(diamond().retry(2).build(), {{"x", "1"}});
  EXPECT_EQ(engine.invoker.calls_of("d").size(), 2U);
  const Json shown = to_json(state);
  EXPECT_EQ(shown["status"], "failed");
  EXPECT_EQ(shown["error"]["code"], "user_function");
  EXPECT_EQ(shown["error"]["node"], "d");
  EXPECT_EQ(shown["error"]["type"], "KeyError");
  EXPECT_THAT(shown["error"]["message"].get<std::string>(), HasSubstr("'mood'"));
  EXPECT_EQ(shown["steps"][1]["status"], "succeeded");
  EXPECT_EQ(shown["steps"][1]["output"], Json({{"y", "b(a(1))"}}));
  EXPECT_EQ(shown["steps"][3]["status"], "failed");
  EXPECT_EQ(shown["steps"][3]["attempts"], 2);
  EXPECT_EQ(shown["resume"]["from"], Json({"d"}));
  EXPECT_EQ(shown["resume"]["cli"], "ae resume " + state.id.str());
  EXPECT_THAT(shown["resume"]["how"].get<std::string>(), HasSubstr("/v1/runs/" + state.id.str()));
}

TEST(OrchestratorTest, AFaultThatWillNotPassIsNotRepeated) {
  WorkflowBuilder builder;
  builder.step("a").retry(5);
  Engine engine;
  engine.invoker.answer_with(
      [](const Invocation&) { return testing::fault(ErrorCode::kUnimplemented, "no Ruby here"); });
  const RunState state = engine.run(builder.build());
  EXPECT_EQ(state.status, RunStatus::kFailed);
  EXPECT_EQ(engine.invoker.calls().size(), 1U);
  EXPECT_EQ(step_of(state, "a").error->type, "Engine.unimplemented");
  EXPECT_THAT(step_of(state, "a").error->message, HasSubstr("no Ruby here"));
}

TEST(OrchestratorTest, APaymentIsRecordedBeforeItIsMadeAndNeverMadeTwice) {
  WorkflowBuilder builder;
  builder.step("pay").retry(5).at_most_once();
  Engine engine;
  std::atomic<bool> recorded = false;
  engine.invoker.answer_with([&](const Invocation& call) {
    const auto events = engine.journal().events_after(RunId(call.run_id), 0).value();
    recorded = events.back().kind == EventKind::kStepDispatched;
    return testing::error("Timeout", "the bank did not answer");
  });
  const RunState state = engine.run(builder.build());
  EXPECT_TRUE(recorded);
  EXPECT_EQ(state.status, RunStatus::kFailed);
  EXPECT_EQ(engine.invoker.calls().size(), 1U);
  EXPECT_THAT(step_of(state, "pay").error->message, HasSubstr("not tried again"));
  EXPECT_THAT(step_of(state, "pay").error->message, HasSubstr("the bank did not answer"));
}

TEST(OrchestratorTest, AnInputThatDoesNotFitTheFunctionIsNeverSent) {
  WorkflowBuilder builder;
  builder.input("n").step("a", {{"n", from_input("n")}}).retry(3);
  builder.function().input = {{"type", "object"},
                              {"properties", {{"n", {{"type", "integer"}, {"maximum", 9}}}}}};
  Engine engine;
  const RunState state = engine.run(builder.build(), {{"n", 10}});
  EXPECT_EQ(state.status, RunStatus::kFailed);
  EXPECT_THAT(engine.invoker.calls(), IsEmpty());
  EXPECT_EQ(step_of(state, "a").error->type, "Input.SchemaViolation");
  EXPECT_THAT(step_of(state, "a").error->message, HasSubstr("/n"));
  EXPECT_EQ(step_of(state, "a").attempts, 0);
  EXPECT_EQ(step_of(state, "a").input, Json({{"n", 10}}));
  EXPECT_EQ(engine.run(builder.build(), {{"n", 9}}).status, RunStatus::kSucceeded);
}

TEST(OrchestratorTest, AResultThatBreaksItsPromiseFailsTheStepAtOnce) {
  WorkflowBuilder builder;
  builder.step("a").retry(3);
  builder.function().output = {
      {"type", "object"}, {"properties", {{"y", {{"type", "integer"}}}}}, {"required", {"y"}}};
  builder.step("b", {{"x", from_step("a", "y")}});
  Engine engine;
  const RunState state = engine.run(builder.build());
  EXPECT_EQ(state.status, RunStatus::kFailed);
  EXPECT_EQ(engine.invoker.calls().size(), 1U);
  EXPECT_EQ(step_of(state, "a").error->type, "Output.SchemaViolation");
  EXPECT_THAT(step_of(state, "a").error->message, HasSubstr("/y"));
  EXPECT_EQ(step_of(state, "b").status, StepStatus::kPending);
}

TEST(OrchestratorTest, AGuessedSchemaTurnsNothingDown) {
  WorkflowBuilder builder;
  builder.input("n").step("a", {{"n", from_input("n")}});
  builder.function().schemas = dag::SchemaSource::kInferred;
  builder.function().input = {{"type", "object"}, {"required", {"m"}}};
  builder.function().output = {{"type", "object"}, {"required", {"y"}}};
  Engine engine;
  EXPECT_EQ(engine.run(builder.build(), {{"n", 10}}).status, RunStatus::kSucceeded);
  EXPECT_EQ(engine.invoker.calls().size(), 1U);
}

TEST(OrchestratorTest, AMissingFieldOfAnUnprovenResultNamesStepAndField) {
  WorkflowBuilder builder;
  builder.step("a").step("b", {{"x", from_step("a", "mood")}});
  Engine engine;
  const RunState state = engine.run(builder.build());
  EXPECT_EQ(state.status, RunStatus::kFailed);
  EXPECT_EQ(state.failed_node, dag::NodeId("b"));
  EXPECT_THAT(state.error->message, HasSubstr("\"mood\""));
  EXPECT_THAT(state.error->message, HasSubstr("step a"));
}

TEST(OrchestratorTest, OutputsThatCannotBePutTogetherFailTheRun) {
  WorkflowBuilder builder;
  builder.step("a").output("mood", from_step("a", "mood"));
  Engine engine;
  const RunState state = engine.run(builder.build());
  EXPECT_EQ(state.status, RunStatus::kFailed);
  EXPECT_THAT(state.error->message, HasSubstr("outputs"));
  EXPECT_TRUE(state.failed_node.empty());
}

TEST(OrchestratorTest, WhenAStepFailsItsRunningSiblingsFinishAndNothingNewBegins) {
  WorkflowBuilder builder;
  builder.step("bad").retry(1).step("sibling");
  builder.step("next", {{"x", from_step("sibling", "y")}});
  Engine engine;
  engine.invoker.hold("bad");
  engine.invoker.hold("sibling");
  const RunId id = engine.start(builder.build());
  engine.invoker.expect_held(2);
  EXPECT_TRUE(engine.invoker.release("bad", testing::error("ValueError", "no")));
  EXPECT_EQ(engine->get(id)->status, RunStatus::kRunning);
  EXPECT_TRUE(engine.invoker.release("sibling"));
  const RunState state = engine.finish(id);
  EXPECT_EQ(state.status, RunStatus::kFailed);
  EXPECT_EQ(step_of(state, "sibling").status, StepStatus::kSucceeded);
  EXPECT_EQ(step_of(state, "next").status, StepStatus::kPending);
  EXPECT_THAT(engine.invoker.calls_of("next"), IsEmpty());
}

TEST(OrchestratorTest, AnInvokerThatNeverAnswersIsGivenUpAndItsLateAnswerIgnored) {
  WorkflowBuilder builder;
  builder.step("a").timeout(milliseconds(5)).retry(2).output("y", from_step("a", "y"));
  Engine engine({.answer_grace = milliseconds(5)});
  engine.invoker.hold("a");
  const RunId id = engine.start(builder.build());
  engine.invoker.expect_held(2);  // the first attempt was given up
  EXPECT_EQ(engine.invoker.cancelled().at(0), engine.invoker.calls().at(0).request_id);
  const RunState state = engine.finish(id);
  EXPECT_EQ(state.status, RunStatus::kFailed);
  EXPECT_EQ(step_of(state, "a").error->type, "Sandbox.Timedout");
  EXPECT_TRUE(engine.invoker.release("a"));
  EXPECT_TRUE(engine.invoker.release("a"));
  EXPECT_THAT(engine.kinds(id),
              ElementsAre("run_accepted", "attempt_failed a", "step_failed a", "run_failed"));
  EXPECT_EQ(engine->stats().running_steps, 0U);
}

TEST(OrchestratorTest, TheDeadlineOfAnAttemptIsTheStepsOrElseTheFunctions) {
  WorkflowBuilder builder;
  builder.step("a").timeout(std::chrono::hours(2)).step("b");
  builder.function().runtime.timeout = std::chrono::hours(1);
  Engine engine;
  engine.run(builder.build());
  const auto remaining = [&](const char* node) {
    return engine.invoker.calls_of(node).at(0).deadline.remaining();
  };
  EXPECT_GT(remaining("a"), std::chrono::minutes(90));
  EXPECT_LE(remaining("b"), std::chrono::minutes(60));
  EXPECT_GT(remaining("b"), std::chrono::minutes(30));
}

TEST(OrchestratorTest, ACancelledRunTellsItsStepsToStopAndForgetsTheirAnswers) {
  Engine engine;
  engine.invoker.hold("b");
  engine.invoker.hold("c");
  const RunId id = engine.start(diamond().build(), {{"x", "1"}});
  engine.invoker.expect_held(2);
  ASSERT_TRUE(engine->cancel(id).has_value());
  EXPECT_EQ(engine.kinds(id).back(), "run_cancelled");
  EXPECT_EQ(engine.invoker.cancelled().size(), 2U);
  EXPECT_TRUE(engine.invoker.release("b"));
  EXPECT_TRUE(engine.invoker.release("c"));
  const RunState state = engine.finish(id);
  EXPECT_EQ(state.status, RunStatus::kCancelled);
  EXPECT_EQ(step_of(state, "a").status, StepStatus::kSucceeded);
  EXPECT_EQ(step_of(state, "b").status, StepStatus::kCancelled);
  EXPECT_EQ(engine->cancel(id).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(engine->cancel(RunId("run_none")).error().code, ErrorCode::kNotFound);

  engine.invoker.hold_nothing();
  ASSERT_TRUE(engine->resume(id, {}).has_value());
  EXPECT_EQ(engine.finish(id).outputs, Json({{"result", "d(b(a(1)),c(a(1)))"}}));
  EXPECT_EQ(engine.invoker.calls_of("a").size(), 1U);
}

TEST(OrchestratorTest, ACancelledPaymentIsOfUnknownOutcome) {
  WorkflowBuilder builder;
  builder.step("pay").at_most_once();
  Engine engine;
  engine.invoker.hold("pay");
  const RunId id = engine.start(builder.build());
  engine.invoker.expect_held(1);
  ASSERT_TRUE(engine->cancel(id).has_value());
  const RunState state = engine.finish(id);
  EXPECT_EQ(state.status, RunStatus::kCancelled);
  EXPECT_EQ(step_of(state, "pay").status, StepStatus::kOutcomeUnknown);
}

TEST(OrchestratorTest, NoMoreStepsRunAtOnceThanAllowed) {
  WorkflowBuilder builder;
  builder.step("a").step("b").step("c");
  Engine engine({.max_running_steps = 2});
  for (const char* node : {"a", "b", "c"}) engine.invoker.hold(node);
  std::vector<RunId> ids;
  for (int i = 0; i < 10; ++i) ids.push_back(engine.start(builder.build()));
  for (int released = 0; released < 30; ++released) {
    engine.invoker.expect_held(1);
    EXPECT_LE(engine.invoker.held(), 2U);
    EXPECT_TRUE(engine.invoker.release());
  }
  for (const RunId& id : ids) EXPECT_EQ(engine.finish(id).status, RunStatus::kSucceeded);
  EXPECT_EQ(engine->stats().running_steps, 0U);
  EXPECT_EQ(engine->stats().waiting_steps, 0U);
}

TEST(OrchestratorTest, ACancelledRunGivesUpItsPlaceInTheQueue) {
  WorkflowBuilder builder;
  builder.step("a");
  Engine engine({.max_running_steps = 1});
  engine.invoker.hold("a");
  const RunId first = engine.start(builder.build());
  engine.invoker.expect_held(1);
  const RunId second = engine.start(builder.build());
  const RunId third = engine.start(builder.build());
  ASSERT_TRUE(engine->cancel(second).has_value());
  engine.invoker.hold_nothing();
  EXPECT_TRUE(engine.invoker.release());
  EXPECT_EQ(engine.finish(first).status, RunStatus::kSucceeded);
  EXPECT_EQ(engine.finish(third).status, RunStatus::kSucceeded);
  EXPECT_EQ(engine.invoker.calls().size(), 2U);
}

TEST(OrchestratorTest, ThousandsOfRunsAreInFlightAtOnceAndLeaveMemoryWhenOver) {
  constexpr std::size_t kRuns = 2000;
  Engine engine({.max_running_steps = 2 * kRuns});
  engine.invoker.hold("b");
  const auto workflow = diamond().build();
  std::atomic<std::size_t> accepted = 0;
  for (std::size_t i = 0; i < kRuns; ++i) {
    StartRequest request{"wf", 1, workflow, {{"x", "1"}}, ""};
    engine->start(std::move(request), [&](Result<RunId> id) { accepted += id ? 1 : 0; });
  }
  engine.invoker.expect_held(kRuns);
  EXPECT_EQ(accepted, kRuns);
  EXPECT_EQ(engine->stats().runs, kRuns);
  EXPECT_GE(engine->stats().running_steps, kRuns);
  while (engine.invoker.release()) {
  }
  for (const RunSummary& summary : engine.journal().list("", kRuns).value()) {
    EXPECT_EQ(engine.finish(summary.id).status, RunStatus::kSucceeded);
  }
  EXPECT_EQ(engine->stats().runs, 0U);
  EXPECT_EQ(engine->stats().running_steps, 0U);
}

TEST(OrchestratorTest, AWorkflowOfFourStepsNeedsAtMostFiveSyncs) {
  Engine engine;
  const auto workflow = diamond().build();
  engine.run(workflow, {{"x", "1"}});
  const std::size_t before = engine.journal().stats().transactions;
  constexpr std::size_t kRuns = 10;
  for (std::size_t i = 0; i < kRuns; ++i) engine.run(workflow, {{"x", "1"}});
  EXPECT_LE(engine.journal().stats().transactions - before, 5 * kRuns);
}

TEST(OrchestratorTest, ManyRunsShareTheirSyncs) {
  Engine engine;
  const auto workflow = diamond().build();
  constexpr std::size_t kRuns = 640;
  std::atomic<std::size_t> finished = 0;
  std::promise<void> all;
  // 64 callers, each starting its next run when the last one is over.
  std::function<void(std::size_t)> next = [&](std::size_t left) {
    StartRequest request{"wf", 1, workflow, {{"x", "1"}}, ""};
    engine->start(std::move(request), [&, left](Result<RunId> id) {
      ASSERT_TRUE(id.has_value());
      ASSERT_TRUE(engine->when_finished(*id, [&, left](const RunState&) {
        if (left > 1) next(left - 1);
        if (++finished == kRuns) all.set_value();
      }));
    });
  };
  for (int caller = 0; caller < 64; ++caller) next(kRuns / 64);
  ASSERT_EQ(all.get_future().wait_for(testing::kPatience), std::future_status::ready);
  EXPECT_LT(engine.journal().stats().transactions, kRuns);
}

TEST(OrchestratorTest, LogsAreKeptByStep) {
  WorkflowBuilder builder;
  builder.step("a").retry(2).step("quiet");
  Engine engine;
  engine.invoker.answer_with([](const Invocation& call) {
    InvocationResult result =
        call.node_id == "a" && call.attempt == 1 ? testing::error("E", "m") : testing::trace(call);
    if (call.node_id == "a") result.log = "attempt " + std::to_string(call.attempt) + "\n";
    return result;
  });
  const RunState state = engine.run(builder.build());
  EXPECT_EQ(step_of(engine->get(state.id).value(), "a").log, "attempt 2\n");
  const auto logs = engine.journal().logs(state.id).value();
  ASSERT_EQ(logs.size(), 2U);
  EXPECT_EQ(logs[0].text, "attempt 1\n");
  EXPECT_EQ(logs[1].request_id, engine.invoker.calls_of("a").at(1).request_id);
}

TEST(OrchestratorTest, AWorkflowThatCannotRunIsRefused) {
  WorkflowBuilder cycle;
  cycle.step("a", {{"x", from_step("b")}}).step("b", {{"x", from_step("a")}});
  Engine engine;
  EXPECT_EQ(engine.try_start(cycle.build(), Json::object()).error().code,
            ErrorCode::kInvalidArgument);
  dag::LinkedWorkflow unlinked = *diamond().build();
  unlinked.functions.clear();
  const auto refused = engine.try_start(
      std::make_shared<const dag::LinkedWorkflow>(std::move(unlinked)), {{"x", "1"}});
  EXPECT_THAT(refused.error().message, HasSubstr("not linked"));
  EXPECT_EQ(engine.try_start(nullptr, Json::object()).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(engine->stats().runs, 0U);
}

}  // namespace
}  // namespace ae::execute
