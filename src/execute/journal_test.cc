#include "execute/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "execute/internal/test_support.h"

namespace ae::execute {
namespace {

using testing::diamond;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class JournalTest : public ::testing::Test {
 protected:
  JournalTest() { reopen(); }

  void reopen() {
    journal_.reset();
    database_.reset();
    database_ = store::Database::open(folder_.path() / "runs.db", Journal::migration()).value();
    journal_ = std::make_unique<Journal>(*database_);
  }

  Result<void> create(const char* id, const char* key = "", Json input = {{"x", 1}},
                      const char* workflow = "wf") {
    NewRun run{RunId(id), workflow, 3, linked_, std::move(input), key};
    Event accepted;
    accepted.sequence = 1;
    accepted.at = WallTime(std::chrono::milliseconds(1'700'000'000'123));
    accepted.data = {{"input", run.input}};
    std::promise<Result<void>> done;
    auto future = done.get_future();
    journal_->create(run, accepted,
                     [&](Result<void> result) { done.set_value(std::move(result)); });
    return future.get();
  }

  Result<void> append(const char* id, std::vector<Event> events,
                      std::vector<Journal::Log> logs = {}) {
    std::promise<Result<void>> done;
    auto future = done.get_future();
    journal_->append(RunId(id), events, logs,
                     [&](Result<void> result) { done.set_value(std::move(result)); });
    return future.get();
  }

  static Event event(std::int64_t sequence, EventKind kind, const char* node = "") {
    Event event;
    event.sequence = sequence;
    event.kind = kind;
    event.node = dag::NodeId(node);
    event.at = WallTime(std::chrono::milliseconds(1'700'000'001'000));
    event.data = {{"text", "ä\n\"🎵"}, {"number", 0.1}, {"big", 9'007'199'254'740'993}};
    return event;
  }

  std::int64_t count(const char* table) {
    std::int64_t rows = 0;
    EXPECT_TRUE(database_->query(std::string("SELECT count(*) FROM ") + table, {},
                                 [&](const store::Row& row) {
                                   rows = row.integer(0);
                                   return false;
                                 }));
    return rows;
  }

  TemporaryFolder folder_;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<Journal> journal_;
  std::shared_ptr<const dag::LinkedWorkflow> linked_ = diamond().build();
};

TEST_F(JournalTest, WhatIsWrittenIsReadBackAfterARestart) {
  ASSERT_TRUE(create("r1"));
  ASSERT_TRUE(append(
      "r1", {event(2, EventKind::kStepDispatched, "a"), event(3, EventKind::kStepSucceeded, "a")}));
  reopen();
  const auto stored = journal_->load(RunId("r1")).value();
  ASSERT_TRUE(stored.has_value());
  EXPECT_EQ(stored->run.workflow, "wf");
  EXPECT_EQ(stored->run.workflow_version, 3);
  EXPECT_EQ(*stored->run.linked, *linked_);
  EXPECT_EQ(stored->run.input, Json({{"x", 1}}));
  ASSERT_EQ(stored->events.size(), 3U);
  const Event expected = event(3, EventKind::kStepSucceeded, "a");
  EXPECT_EQ(stored->events[2].kind, expected.kind);
  EXPECT_EQ(stored->events[2].node, expected.node);
  EXPECT_EQ(stored->events[2].at, expected.at);
  EXPECT_EQ(stored->events[2].data, expected.data);
  EXPECT_EQ(journal_->events_after(RunId("r1"), 2)->size(), 1U);
  EXPECT_FALSE(journal_->load(RunId("none"))->has_value());
  EXPECT_THAT(journal_->events_after(RunId("none"), 0).value(), IsEmpty());
}

TEST_F(JournalTest, TheStatusChangesWithTheEventThatChangesIt) {
  ASSERT_TRUE(create("r1"));
  ASSERT_TRUE(create("r2"));
  EXPECT_THAT(journal_->unfinished().value(), ElementsAre(RunId("r1"), RunId("r2")));
  ASSERT_TRUE(
      append("r1", {event(2, EventKind::kStepFailed, "a"), event(3, EventKind::kRunFailed)}));
  EXPECT_THAT(journal_->unfinished().value(), ElementsAre(RunId("r2")));
  auto summary = journal_->summary(RunId("r1")).value();
  EXPECT_EQ(summary->status, RunStatus::kFailed);
  EXPECT_TRUE(summary->finished_at.has_value());
  ASSERT_TRUE(append("r1", {event(4, EventKind::kRunResumed)}));
  EXPECT_THAT(journal_->unfinished().value(), ElementsAre(RunId("r1"), RunId("r2")));
  EXPECT_FALSE(journal_->summary(RunId("r1")).value()->finished_at.has_value());
  ASSERT_TRUE(append("r2", {event(2, EventKind::kOutcomeUnknown, "a")}));
  EXPECT_EQ(journal_->summary(RunId("r2")).value()->status, RunStatus::kWaiting);
  EXPECT_THAT(journal_->unfinished().value(), ElementsAre(RunId("r1")));
}

TEST_F(JournalTest, TheSameSequenceNumberIsRefusedAndNothingOfThatWriteStays) {
  ASSERT_TRUE(create("r1"));
  ASSERT_TRUE(append("r1", {event(2, EventKind::kStepSucceeded, "a")}));
  const auto refused =
      append("r1", {event(3, EventKind::kStepSucceeded, "b"), event(2, EventKind::kRunCancelled)});
  EXPECT_EQ(refused.error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(journal_->events_after(RunId("r1"), 0)->size(), 2U);
  EXPECT_EQ(journal_->summary(RunId("r1")).value()->status, RunStatus::kRunning);
  EXPECT_FALSE(append("none", {event(1, EventKind::kRunCancelled)}).has_value());
}

TEST_F(JournalTest, AKeyIsUsedOnceInAWorkflow) {
  ASSERT_TRUE(create("r1", "k", {{"x", 1}}));
  EXPECT_EQ(create("r2", "k", {{"x", 2}}).error().code, ErrorCode::kAlreadyExists);
  EXPECT_TRUE(create("r3", "k", {{"x", 1}}, "another"));
  EXPECT_TRUE(create("r4"));
  EXPECT_TRUE(create("r5"));  // no key is no key
  const auto found = journal_->find_by_key("wf", "k").value();
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->id, RunId("r1"));
  EXPECT_EQ(found->input_hash, Journal::hash_of_input({{"x", 1}}));
  EXPECT_FALSE(journal_->find_by_key("wf", "other")->has_value());
  EXPECT_FALSE(journal_->load(RunId("r2"))->has_value());
}

TEST_F(JournalTest, AWorkflowIsStoredOncePerContent) {
  ASSERT_TRUE(create("r1"));
  ASSERT_TRUE(create("r2"));
  linked_ = diamond().build();  // another object of the same content
  ASSERT_TRUE(create("r3"));
  reopen();
  ASSERT_TRUE(create("r4"));
  EXPECT_EQ(count("linked_workflows"), 1);
  linked_ = diamond().retry(9).build();
  ASSERT_TRUE(create("r5"));
  EXPECT_EQ(count("linked_workflows"), 2);
  reopen();
  const auto first = journal_->load(RunId("r1")).value()->run.linked;
  const auto second = journal_->load(RunId("r2")).value()->run.linked;
  EXPECT_EQ(first, second);  // read once while somebody holds it
}

TEST_F(JournalTest, RunsAreListedNewestFirst) {
  ASSERT_TRUE(create("r1"));
  ASSERT_TRUE(create("r2", "", {}, "other"));
  ASSERT_TRUE(create("r3"));
  const auto ids = [](const std::vector<RunSummary>& summaries) {
    std::vector<std::string> ids;
    for (const RunSummary& summary : summaries) ids.push_back(summary.id.str());
    return ids;
  };
  EXPECT_THAT(ids(journal_->list("", 10).value()), ElementsAre("r3", "r2", "r1"));
  EXPECT_THAT(ids(journal_->list("wf", 10).value()), ElementsAre("r3", "r1"));
  EXPECT_THAT(ids(journal_->list("", 1).value()), ElementsAre("r3"));
}

TEST_F(JournalTest, LogsComeInTheOrderOfTheirWriting) {
  ASSERT_TRUE(create("r1"));
  ASSERT_TRUE(append("r1", {event(2, EventKind::kAttemptFailed, "a")},
                     {{"q1", dag::NodeId("a"), 1, "first\n"}}));
  ASSERT_TRUE(append("r1", {event(3, EventKind::kStepSucceeded, "a")},
                     {{"q2", dag::NodeId("a"), 2, std::string("nul\0inside", 10)}}));
  const auto logs = journal_->logs(RunId("r1")).value();
  ASSERT_EQ(logs.size(), 2U);
  EXPECT_EQ(logs[0].request_id, "q1");
  EXPECT_EQ(logs[0].text, "first\n");
  EXPECT_EQ(logs[1].attempt, 2);
  EXPECT_EQ(logs[1].text, std::string("nul\0inside", 10));
}

// A damaged record is told, with the run's name, and is no crash.
TEST_F(JournalTest, DamageIsTold) {
  ASSERT_TRUE(create("r1"));
  ASSERT_TRUE(database_->execute("UPDATE events SET data = '{\"input\":'"));
  EXPECT_EQ(journal_->load(RunId("r1")).error().code, ErrorCode::kDataLoss);
  ASSERT_TRUE(database_->execute("UPDATE events SET data = '{}', kind = 'nonsense'"));
  EXPECT_EQ(journal_->load(RunId("r1")).error().code, ErrorCode::kDataLoss);
  ASSERT_TRUE(database_->execute("DELETE FROM events"));
  EXPECT_EQ(journal_->load(RunId("r1")).error().code, ErrorCode::kDataLoss);
}

}  // namespace
}  // namespace ae::execute
