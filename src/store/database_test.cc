#include "store/database.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"

namespace ae::store {
namespace {

const Migration kPeople{
    {"CREATE TABLE person(name TEXT PRIMARY KEY, age INTEGER CHECK(age >= 0)) "
     "STRICT"}};

std::unique_ptr<Database> open_or_die(const std::filesystem::path& path,
                                      const Migration& migration = kPeople) {
  auto opened = Database::open(path, migration);
  if (!opened) {
    ADD_FAILURE() << opened.error().describe();
    return nullptr;
  }
  return *std::move(opened);
}

std::int64_t count(Database& database, std::string_view sql) {
  std::int64_t found = -1;
  const auto done = database.query(sql, {}, [&](const Row& row) {
    found = row.integer(0);
    return true;
  });
  EXPECT_TRUE(done) << done.error().describe();
  return found;
}

TEST(Database, GivesBackEveryKindOfValueThatWasPutIn) {
  auto database = open_or_die(":memory:", {{"CREATE TABLE t(i, r, s, n)"}});
  const std::string text("caf\xc3\xa9\0end", 9);
  ASSERT_TRUE(database->execute("INSERT INTO t VALUES(?, ?, ?, ?)",
                                {std::int64_t{-1} << 62, 0.1, text, nullptr}));
  int rows = 0;
  ASSERT_TRUE(database->query("SELECT i, r, s, n FROM t", {}, [&](const Row& row) {
    ++rows;
    EXPECT_EQ(row.integer(0), std::int64_t{-1} << 62);
    EXPECT_EQ(row.real(1), 0.1);
    EXPECT_EQ(row.text(2), text);
    EXPECT_FALSE(row.is_null(2));
    EXPECT_TRUE(row.is_null(3));
    EXPECT_EQ(row.text(3), "");
    return true;
  }));
  EXPECT_EQ(rows, 1);
}

TEST(Database, SaysWhichKindOfConstraintWasBroken) {
  auto database = open_or_die(":memory:");
  ASSERT_TRUE(database->execute("INSERT INTO person VALUES(?, ?)", {"Anna", std::int64_t{3}}));
  const auto twice =
      database->execute("INSERT INTO person VALUES(?, ?)", {"Anna", std::int64_t{3}});
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, ErrorCode::kAlreadyExists);
  const auto negative =
      database->execute("INSERT INTO person VALUES(?, ?)", {"Bo", std::int64_t{-1}});
  ASSERT_FALSE(negative);
  EXPECT_EQ(negative.error().code, ErrorCode::kFailedPrecondition);
}

TEST(Database, RefusesAWrongNumberOfParametersAndMoreThanOneStatement) {
  auto database = open_or_die(":memory:");
  EXPECT_FALSE(database->execute("INSERT INTO person VALUES(?, ?)", {"Anna"}));
  EXPECT_FALSE(database->execute("DELETE FROM person; DELETE FROM person"));
  EXPECT_FALSE(database->execute(""));
  EXPECT_FALSE(database->execute("SELEKT 1"));
  EXPECT_TRUE(database->execute("DELETE FROM person ; "));
}

TEST(Database, StopsAskingWhenTheVisitorHasSeenEnough) {
  auto database = open_or_die(":memory:");
  for (const char* name : {"a", "b", "c"}) {
    ASSERT_TRUE(database->execute("INSERT INTO person VALUES(?, 1)", {name}));
  }
  int visits = 0;
  ASSERT_TRUE(
      database->query("SELECT name FROM person", {}, [&](const Row&) { return ++visits < 2; }));
  EXPECT_EQ(visits, 2);
}

TEST(Database, LetsAVisitorAskTheSameQuestionAgain) {
  auto database = open_or_die(":memory:");
  for (const char* name : {"a", "b", "c"}) {
    ASSERT_TRUE(database->execute("INSERT INTO person VALUES(?, 1)", {name}));
  }
  const char* sql = "SELECT name FROM person ORDER BY name";
  std::string pairs;
  ASSERT_TRUE(database->query(sql, {}, [&](const Row& outer) {
    const std::string first = outer.text(0);
    EXPECT_TRUE(database->query(sql, {}, [&](const Row& inner) {
      pairs += first + inner.text(0) + " ";
      return true;
    }));
    return true;
  }));
  EXPECT_EQ(pairs, "aa ab ac ba bb bc ca cb cc ");
}

TEST(Database, KeepsWhatAStatementWroteThatWasLeftAtItsFirstRow) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "people.db";
  auto database = open_or_die(path);
  ASSERT_TRUE(database->query("INSERT INTO person VALUES('a', 1), ('b', 2) RETURNING name", {},
                              [](const Row&) { return false; }));
  EXPECT_FALSE(database->in_transaction());
  database = nullptr;
  EXPECT_EQ(count(*open_or_die(path), "SELECT count(*) FROM person"), 2);
}

TEST(Database, KeepsACommittedTransactionAndNothingOfAFailedOne) {
  auto database = open_or_die(":memory:");
  ASSERT_TRUE(database->transaction([&]() -> Result<void> {
    EXPECT_TRUE(database->in_transaction());
    AE_CHECK(database->execute("INSERT INTO person VALUES('Anna', 1)"));
    return database->execute("INSERT INTO person VALUES('Bo', 1)");
  }));
  EXPECT_FALSE(database->in_transaction());
  const auto failed = database->transaction([&]() -> Result<void> {
    AE_CHECK(database->execute("DELETE FROM person"));
    EXPECT_EQ(database->changes(), 2);
    return fail(ErrorCode::kCancelled, "changed my mind");
  });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(count(*database, "SELECT count(*) FROM person"), 2);
}

TEST(Database, RefusesNestedTransactionsWithoutHarmingTheOuterOne) {
  auto database = open_or_die(":memory:");
  ASSERT_TRUE(database->transaction([&]() -> Result<void> {
    const auto inner = database->transaction([]() -> Result<void> { return {}; });
    EXPECT_FALSE(inner);
    EXPECT_EQ(inner.error().code, ErrorCode::kFailedPrecondition);
    return database->execute("INSERT INTO person VALUES('Anna', 1)");
  }));
  EXPECT_EQ(count(*database, "SELECT count(*) FROM person"), 1);
}

TEST(Database, FailsTheRestOfATransactionThatSqliteGaveUp) {
  auto database = open_or_die(":memory:");
  ASSERT_TRUE(database->execute("INSERT INTO person VALUES('Anna', 1)"));
  const auto result = database->transaction([&]() -> Result<void> {
    AE_CHECK(database->execute("INSERT INTO person VALUES('Bo', 1)"));
    // OR ROLLBACK ends the transaction as a full disk would.
    EXPECT_FALSE(database->execute("INSERT OR ROLLBACK INTO person VALUES('Anna', 1)"));
    EXPECT_FALSE(database->in_transaction());
    EXPECT_FALSE(database->execute("INSERT INTO person VALUES('Cy', 1)"));
    return {};
  });
  EXPECT_FALSE(result);
  EXPECT_EQ(count(*database, "SELECT count(*) FROM person"), 1);
}

TEST(Database, ReportsAFullDiskAsAnExhaustedResource) {
  auto database = open_or_die(":memory:", {{"CREATE TABLE t(x)"}});
  ASSERT_TRUE(database->execute("PRAGMA max_page_count=4"));
  const auto full = database->execute("INSERT INTO t VALUES(?)", {std::string(100'000, 'x')});
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ErrorCode::kResourceExhausted);
}

TEST(Database, EnforcesForeignKeys) {
  auto database = open_or_die(
      ":memory:", {{"CREATE TABLE a(x INTEGER PRIMARY KEY)", "CREATE TABLE b(x REFERENCES a)"}});
  EXPECT_FALSE(database->execute("INSERT INTO b VALUES(1)"));
}

TEST(Database, OpensFilesInWalModeWithoutASharedMemoryFileAndCountsItsSyncs) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "people.db";
  auto database = open_or_die(path);
  EXPECT_EQ(count(*database, "PRAGMA synchronous"), 2);  // FULL
  const auto before = database->syncs();
  ASSERT_TRUE(database->execute("INSERT INTO person VALUES('Anna', 1)"));
  EXPECT_GT(database->syncs(), before);
  EXPECT_TRUE(std::filesystem::exists(path.string() + "-wal"));
  EXPECT_FALSE(std::filesystem::exists(path.string() + "-shm"));
}

TEST(Database, FindsItsRowsAgainAfterAReopening) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "people.db";
  ASSERT_TRUE(open_or_die(path)->execute("INSERT INTO person VALUES('Anna', 1)"));
  EXPECT_EQ(count(*open_or_die(path), "SELECT count(*) FROM person"), 1);
}

TEST(Database, RefusesASecondOwnerAtOnce) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "people.db";
  auto owner = open_or_die(path);
  const auto second = Database::open(path, kPeople);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable) << second.error().message;
  owner.reset();
  EXPECT_TRUE(Database::open(path, kPeople));
}

TEST(Database, RunsEachMigrationStepOnce) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "people.db";
  Migration migration = kPeople;
  ASSERT_TRUE(open_or_die(path, migration)->execute("INSERT INTO person VALUES('Anna', 1)"));
  migration.steps.emplace_back(
      "ALTER TABLE person ADD COLUMN city TEXT; UPDATE person SET age = age + 1");
  EXPECT_EQ(count(*open_or_die(path, migration), "SELECT age FROM person"), 2);
  EXPECT_EQ(count(*open_or_die(path, migration), "SELECT age FROM person"), 2);
}

TEST(Database, LeavesNothingOfAFailedMigration) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "people.db";
  ASSERT_NE(open_or_die(path), nullptr);
  Migration migration = kPeople;
  migration.steps.emplace_back("CREATE TABLE city(name)");
  migration.steps.emplace_back("CREATE TABL typo(name)");
  const auto failed = Database::open(path, migration);
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().describe().find("migrating to version 3"), std::string::npos)
      << failed.error().describe();
  auto database = open_or_die(path);
  EXPECT_EQ(count(*database, "SELECT count(*) FROM sqlite_schema WHERE name = 'city'"), 0);
}

TEST(Database, RefusesAFileOfANewerProgram) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "people.db";
  Migration newer = kPeople;
  newer.steps.emplace_back("CREATE TABLE city(name)");
  ASSERT_NE(open_or_die(path, newer), nullptr);
  const auto refused = Database::open(path, kPeople);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
}

TEST(Database, RefusesAnotherProgramsFileAndLeavesItAlone) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "theirs.db";
  ASSERT_TRUE(Database::open(path, kPeople, {.vfs = "", .application_id = 7}));
  const auto refused = Database::open(path, kPeople);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_TRUE(Database::open(path, kPeople, {.vfs = "", .application_id = 7}));
}

TEST(Database, RefusesWhatIsNoDatabase) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "letter.txt";
  ASSERT_TRUE(write_file_atomically(path, std::string(4096, 'x')));
  const auto refused = Database::open(path, kPeople);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kDataLoss);
}

TEST(Database, NamesTheFolderThatIsMissing) {
  const TemporaryFolder folder;
  const auto missing = Database::open(folder.path() / "nowhere" / "people.db", kPeople);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_NE(missing.error().message.find("nowhere"), std::string::npos);
}

TEST(Database, NeverShowsAnotherThreadAnUncommittedRow) {
  auto database = open_or_die(":memory:");
  constexpr int kTransactions = 200;
  std::jthread writer([&] {
    for (int i = 0; i < kTransactions; ++i) {
      EXPECT_TRUE(database->transaction([&]() -> Result<void> {
        AE_CHECK(database->execute("INSERT INTO person VALUES(?, 0)", {"a" + std::to_string(i)}));
        return database->execute("INSERT INTO person VALUES(?, 0)", {"b" + std::to_string(i)});
      }));
    }
  });
  std::int64_t seen = 0;
  while (seen < std::int64_t{2} * kTransactions) {
    seen = count(*database, "SELECT count(*) FROM person");
    ASSERT_EQ(seen % 2, 0);
  }
}

}  // namespace
}  // namespace ae::store
