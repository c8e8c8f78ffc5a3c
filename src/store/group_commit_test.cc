#include "store/group_commit.h"

#include <gtest/gtest.h>

#include <future>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "store/power_fail_vfs.h"

namespace ae::store {
namespace {

const Migration kEvents{{"CREATE TABLE event(id INTEGER PRIMARY KEY, who INTEGER) STRICT"}};

std::unique_ptr<Database> open_or_die(const std::filesystem::path& path,
                                      const OpenOptions& options = {}) {
  auto opened = Database::open(path, kEvents, options);
  if (!opened) {
    ADD_FAILURE() << opened.error().describe();
    return nullptr;
  }
  return *std::move(opened);
}

std::int64_t count(Database& database, std::string_view sql = "SELECT count(*) FROM event") {
  std::int64_t found = -1;
  const auto done = database.query(sql, {}, [&](const Row& row) {
    found = row.integer(0);
    return true;
  });
  EXPECT_TRUE(done) << done.error().describe();
  return found;
}

GroupCommit::Write insert(std::int64_t id) {
  return
      [id](Database& database) { return database.execute("INSERT INTO event VALUES(?, 0)", {id}); };
}

// Holds the writer inside a write until release(), so that what is submitted meanwhile makes up
// the next group.
class HeldWriter {
 public:
  explicit HeldWriter(GroupCommit& group) {
    group.submit(
        [this](Database&) -> Result<void> {
          entered_.count_down();
          release_.wait();
          return {};
        },
        [](Result<void> result) { EXPECT_TRUE(result); });
    entered_.wait();
  }
  void release() { release_.count_down(); }

 private:
  std::latch entered_{1};
  std::latch release_{1};
};

TEST(GroupCommit, MakesAWriteVisibleBeforeItSaysDone) {
  auto database = open_or_die(":memory:");
  GroupCommit group(*database);
  ASSERT_TRUE(group.submit_and_wait(insert(1)));
  EXPECT_EQ(count(*database), 1);
}

TEST(GroupCommit, PutsWhatIsQueuedIntoOneTransactionAndCallsBackInOrder) {
  auto database = open_or_die(":memory:");
  std::vector<int> order;
  {
    GroupCommit group(*database);
    HeldWriter held(group);
    for (int i = 0; i < 100; ++i) {
      group.submit(insert(i), [&order, i](Result<void> result) {
        EXPECT_TRUE(result);
        order.push_back(i);
      });
    }
    held.release();
    ASSERT_TRUE(group.submit_and_wait(insert(1000)));
    EXPECT_EQ(group.stats().writes, 102U);
    EXPECT_LE(group.stats().transactions, 3U);
  }
  ASSERT_EQ(order.size(), 100U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
  EXPECT_EQ(count(*database), 101);
}

TEST(GroupCommit, BoundsOneTransactionByTheLargestBatch) {
  auto database = open_or_die(":memory:");
  GroupCommit group(*database, 10);
  HeldWriter held(group);
  for (int i = 0; i < 99; ++i) {
    group.submit(insert(i), [](Result<void> result) { EXPECT_TRUE(result); });
  }
  held.release();
  ASSERT_TRUE(group.submit_and_wait(insert(1000)));
  EXPECT_EQ(group.stats().transactions, 11U);
}

TEST(GroupCommit, UndoesOnlyTheWriteThatFailed) {
  auto database = open_or_die(":memory:");
  GroupCommit group(*database);
  HeldWriter held(group);
  std::vector<ErrorCode> failures;
  const auto note = [&failures](Result<void> result) {
    if (!result) failures.push_back(result.error().code);
  };
  group.submit(insert(1), note);
  group.submit(
      [](Database& inside) -> Result<void> {
        AE_CHECK(inside.execute("INSERT INTO event VALUES(2, 0)"));
        return inside.execute("INSERT INTO event VALUES(1, 0)");
      },
      note);
  group.submit(insert(3), note);
  held.release();
  ASSERT_TRUE(group.submit_and_wait(insert(4)));
  EXPECT_EQ(failures, std::vector{ErrorCode::kAlreadyExists});
  EXPECT_EQ(count(*database), 3);
  EXPECT_EQ(count(*database, "SELECT count(*) FROM event WHERE id = 2"), 0);
}

TEST(GroupCommit, TellsEveryoneOfTheGroupWhenSqliteGaveTheTransactionUp) {
  auto database = open_or_die(":memory:");
  ASSERT_TRUE(database->execute("INSERT INTO event VALUES(1, 0)"));
  GroupCommit group(*database);
  HeldWriter held(group);
  int failures = 0;
  const auto note = [&failures](Result<void> result) { failures += result ? 0 : 1; };
  group.submit(insert(2), note);
  group.submit(
      [](Database& inside) { return inside.execute("INSERT OR ROLLBACK INTO event VALUES(1, 0)"); },
      note);
  group.submit(insert(3), note);
  held.release();
  // Not in the group of the three only if the writer was quicker than this thread.
  const auto last = group.submit_and_wait(insert(4));
  EXPECT_EQ(failures, 3);
  EXPECT_EQ(count(*database), last ? 2 : 1);
}

TEST(GroupCommit, TellsEveryoneOfTheGroupWhenTheCommitItselfFails) {
  PowerFailVfs vfs(1);
  auto database = open_or_die("events.db", {.vfs = vfs.name()});
  GroupCommit group(*database);
  HeldWriter held(group);
  std::vector<int> failed;
  for (int i = 0; i < 5; ++i) {
    group.submit(insert(i), [&failed, i](Result<void> result) {
      if (!result) failed.push_back(i);
    });
  }
  group.submit(insert(0), [&failed](Result<void> result) {
    ASSERT_FALSE(result);
    EXPECT_NE(result.error().code, ErrorCode::kAlreadyExists);  // the row that it met never came
    failed.push_back(5);
  });
  vfs.power_loss_at(1, PowerFailVfs::Loss::kDropAll);
  held.release();
  EXPECT_FALSE(group.submit_and_wait(insert(99)));
  EXPECT_EQ(failed, (std::vector{0, 1, 2, 3, 4, 5}));
}

TEST(GroupCommit, LetsACallbackSubmitAgain) {
  auto database = open_or_die(":memory:");
  GroupCommit group(*database);
  std::promise<void> finished;
  std::function<void(std::int64_t)> chain = [&](std::int64_t id) {
    group.submit(insert(id), [&, id](Result<void> result) {
      EXPECT_TRUE(result);
      if (id < 50) {
        chain(id + 1);
      } else {
        finished.set_value();
      }
    });
  };
  chain(1);
  finished.get_future().wait();
  EXPECT_EQ(count(*database), 50);
}

TEST(GroupCommit, RefusesToWaitForItself) {
  auto database = open_or_die(":memory:");
  GroupCommit group(*database);
  ASSERT_TRUE(group.submit_and_wait([&group](Database&) -> Result<void> {
    const auto inner = group.submit_and_wait(insert(1));
    EXPECT_FALSE(inner);
    EXPECT_EQ(inner.error().code, ErrorCode::kFailedPrecondition);
    return {};
  }));
}

TEST(GroupCommit, CommitsWhatItAcceptedBeforeItGoes) {
  auto database = open_or_die(":memory:");
  int done = 0;
  int refused = 0;
  {
    GroupCommit group(*database, 7);
    for (int i = 0; i < 100; ++i) {
      group.submit(insert(i), [&](Result<void> result) {
        EXPECT_TRUE(result);
        ++done;
        // Accepted while the owner still waits elsewhere, refused once it is closing; never lost.
        group.submit(insert(1000 + done), [&](Result<void> again) { refused += again ? 0 : 1; });
      });
    }
  }
  EXPECT_EQ(done, 100);
  EXPECT_EQ(count(*database), 200 - refused);
}

TEST(GroupCommit, LosesNothingOfManyThreads) {
  const TemporaryFolder folder;
  auto database = open_or_die(folder.path() / "events.db");
  constexpr std::int64_t kThreads = 8;
  constexpr std::int64_t kEach = 50;
  GroupCommit group(*database);
  {
    std::vector<std::jthread> threads;
    for (std::int64_t who = 0; who < kThreads; ++who) {
      threads.emplace_back([&, who] {
        for (std::int64_t i = 0; i < kEach; ++i) {
          const std::int64_t id = who * kEach + i;
          EXPECT_TRUE(group.submit_and_wait(insert(id)));
          std::int64_t found = 0;
          EXPECT_TRUE(
              database->query("SELECT count(*) FROM event WHERE id = ?", {id}, [&](const Row& row) {
                found = row.integer(0);
                return true;
              }));
          EXPECT_EQ(found, 1);
        }
      });
    }
  }
  EXPECT_EQ(count(*database), kThreads * kEach);
  EXPECT_EQ(group.stats().writes, static_cast<std::size_t>(kThreads * kEach));
}

}  // namespace
}  // namespace ae::store
