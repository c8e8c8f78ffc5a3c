// Durability, proven by cutting the power before every single write, truncation, deletion and sync
// of a workload, and by forgetting syncs to see that the proof would notice.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "store/database.h"
#include "store/group_commit.h"
#include "store/power_fail_vfs.h"

namespace ae::store {
namespace {

using Loss = PowerFailVfs::Loss;

const Migration kLedger{{
    "CREATE TABLE entry(id INTEGER PRIMARY KEY, tx INTEGER, body TEXT) STRICT",
    "CREATE INDEX entry_tx ON entry(tx); CREATE TABLE total(one INTEGER PRIMARY KEY, n INTEGER)",
    "INSERT INTO total VALUES(1, 0)",
}};
constexpr std::int64_t kRowsPerTransaction = 3;
constexpr int kTransactions = 12;

std::int64_t number(Database& database, std::string_view sql) {
  std::int64_t found = -1;
  const auto done = database.query(sql, {}, [&](const Row& row) {
    found = row.integer(0);
    return true;
  });
  return done ? found : -1;
}

// One transaction of the ledger: rows of several sizes (some spill over pages), an updated row.
Result<void> append(Database& database, std::int64_t tx) {
  for (std::int64_t i = 0; i < kRowsPerTransaction; ++i) {
    const auto size = static_cast<std::size_t>((tx * 7919 + i * 104729) % 5000);
    AE_CHECK(database.execute("INSERT INTO entry VALUES(?, ?, ?)",
                              {tx * kRowsPerTransaction + i, tx, std::string(size, 'x')}));
  }
  return database.execute("UPDATE total SET n = n + 1");
}

struct Progress {
  bool opened = false;            // the tables were promised to be there
  std::int64_t acknowledged = 0;  // transactions that returned success
  std::int64_t attempted = 0;
};

// All at once, in groups of three; the acknowledged ones must be the first ones.
void work_grouped(Database& database, std::int64_t from, Progress& progress) {
  GroupCommit group(database, 3);
  for (std::int64_t tx = from; tx < kTransactions; ++tx) {
    progress.attempted = tx + 1;
    group.submit([tx](Database& inside) { return append(inside, tx); },
                 [&progress, tx](Result<void> result) {
                   if (result) progress.acknowledged = tx + 1;
                 });
  }
}

// Goes on from what the file holds until the work is done or the power fails.
Progress work(const std::string& vfs, bool grouped, Progress progress) {
  auto database = Database::open("ledger.db", kLedger, {.vfs = vfs});
  if (!database) return progress;
  progress.opened = true;
  // Checkpoints every few pages, so that the power also fails in the middle of those.
  if (!(*database)->execute("PRAGMA wal_autocheckpoint=10")) return progress;
  const std::int64_t from = number(**database, "SELECT n FROM total");
  if (from < 0) return progress;
  if (grouped) {
    work_grouped(**database, from, progress);
    return progress;
  }
  for (std::int64_t tx = from; tx < kTransactions; ++tx) {
    progress.attempted = tx + 1;
    if (!(*database)->transaction([&] { return append(**database, tx); })) return progress;
    progress.acknowledged = tx + 1;
  }
  return progress;
}

// What must hold of the file whatever happened, against what was promised; empty when it does.
std::vector<std::string> check(const std::string& vfs, const Progress& promised) {
  std::vector<std::string> violations;
  auto opened = Database::open("ledger.db", kLedger, {.vfs = vfs});
  if (!opened) return {"cannot be opened: " + opened.error().describe()};
  Database& database = **opened;
  const std::int64_t total = number(database, "SELECT n FROM total");
  if (total < promised.acknowledged) {
    violations.push_back(fmt::format("{} transactions were acknowledged, {} are there",
                                     promised.acknowledged, total));
  }
  if (total > promised.attempted) violations.push_back("more transactions than were attempted");
  const std::int64_t rows = number(database, "SELECT count(*) FROM entry");
  if (rows != total * kRowsPerTransaction) {
    violations.push_back(fmt::format("{} rows after {} transactions: one is torn", rows, total));
  }
  std::string verdict;
  const auto asked = database.query("PRAGMA integrity_check", {}, [&](const Row& row) {
    verdict += row.text(0);
    return true;
  });
  if (!asked || verdict != "ok") violations.push_back("integrity_check: " + verdict);
  return violations;
}

struct Scenario {
  std::uint64_t seed = 1;
  Loss loss = Loss::kDropAll;
  bool grouped = false;
  std::uint64_t cut_at = 1;
  std::uint64_t second_cut_at = 0;  // during recovery and what follows; 0: none
  std::uint64_t forget_every = 0;
};

struct Outcome {
  std::uint64_t operations = 0;
  bool power_failed = false;
  std::vector<std::string> violations;
};

Outcome run(const Scenario& scenario) {
  PowerFailVfs vfs(scenario.seed);
  vfs.forget_every_sync(scenario.forget_every);
  vfs.power_loss_at(scenario.cut_at, scenario.loss);
  Outcome outcome;
  Progress progress = work(vfs.name(), scenario.grouped, {});
  outcome.operations = vfs.operations();
  outcome.power_failed = outcome.operations >= scenario.cut_at;
  if (!outcome.power_failed) vfs.power_loss(scenario.loss);  // at the very end
  vfs.power_on();
  if (scenario.second_cut_at != 0) {
    vfs.power_loss_at(scenario.second_cut_at, scenario.loss);
    progress = work(vfs.name(), scenario.grouped, progress);
    vfs.power_loss(scenario.loss);
    vfs.power_on();
  }
  vfs.power_loss_at(0, scenario.loss);
  outcome.violations = check(vfs.name(), progress);
  return outcome;
}

std::string describe(const Scenario& scenario, const Outcome& outcome) {
  return fmt::format("seed {}, {}, {}, cut before operation {}, then {}: {}", scenario.seed,
                     scenario.loss == Loss::kDropAll ? "drop" : "tear",
                     scenario.grouped ? "grouped" : "alone", scenario.cut_at,
                     scenario.second_cut_at, fmt::join(outcome.violations, "; "));
}

// Cuts before operation 1, 1 + stride, … until a run survives to its end. Returns the violations.
std::vector<std::string> sweep(Scenario scenario, std::uint64_t stride, std::uint64_t& runs) {
  std::vector<std::string> violations;
  for (scenario.cut_at = 1;; scenario.cut_at += stride) {
    const Outcome outcome = run(scenario);
    ++runs;
    if (!outcome.violations.empty()) violations.push_back(describe(scenario, outcome));
    if (!outcome.power_failed) return violations;
    if (scenario.second_cut_at != 0) ++scenario.second_cut_at;
  }
}

TEST(PowerFail, WalModeIsReallyInUse) {
  PowerFailVfs vfs(1);
  auto database = Database::open("ledger.db", kLedger, {.vfs = vfs.name()});
  ASSERT_TRUE(database) << database.error().describe();
  std::string mode;
  ASSERT_TRUE((*database)->query("PRAGMA journal_mode", {}, [&](const Row& row) {
    mode = row.text(0);
    return true;
  }));
  EXPECT_EQ(mode, "wal");
  // A WAL commit is one sync; a rollback journal's would be three or more.
  const auto before = vfs.syncs();
  ASSERT_TRUE((*database)->execute("UPDATE total SET n = n + 1"));
  EXPECT_EQ(vfs.syncs(), before + 1);
  EXPECT_EQ(static_cast<std::uint64_t>((*database)->syncs()), vfs.syncs());
}

TEST(PowerFail, AnUnsyncedFileVanishesAndOldHandlesStayDead) {
  PowerFailVfs vfs(1);
  auto database = Database::open("ledger.db", kLedger, {.vfs = vfs.name()});
  ASSERT_TRUE(database);
  vfs.power_loss(Loss::kDropAll);
  EXPECT_FALSE((*database)->execute("UPDATE total SET n = 1"));
  vfs.power_on();
  EXPECT_FALSE((*database)->execute("UPDATE total SET n = 1"));
  database->reset();
  auto again = Database::open("ledger.db", kLedger, {.vfs = vfs.name()});
  ASSERT_TRUE(again) << again.error().describe();
  EXPECT_EQ(number(**again, "SELECT n FROM total"), 0);
}

TEST(PowerFail, NoAcknowledgedTransactionIsLostWhereverThePowerFails) {
  std::uint64_t runs = 0;
  for (const Loss loss : {Loss::kDropAll, Loss::kTearRandomly}) {
    const std::uint64_t seeds = loss == Loss::kDropAll ? 1 : 4;  // dropping involves no chance
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
      for (const auto& violation : sweep({.seed = seed, .loss = loss}, 1, runs)) {
        ADD_FAILURE() << violation;
      }
    }
  }
  EXPECT_GT(runs, 500U);  // the sweep really went through a workload's operations
}

TEST(PowerFail, GroupCommitKeepsItsPromisesToo) {
  std::uint64_t runs = 0;
  for (const Loss loss : {Loss::kDropAll, Loss::kTearRandomly}) {
    for (const auto& violation : sweep({.seed = 7, .loss = loss, .grouped = true}, 1, runs)) {
      ADD_FAILURE() << violation;
    }
  }
  EXPECT_GT(runs, 100U);
}

TEST(PowerFail, ASecondFailureDuringRecoveryLosesNothingEither) {
  std::uint64_t runs = 0;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const Scenario scenario{.seed = seed, .loss = Loss::kTearRandomly, .second_cut_at = seed};
    for (const auto& violation : sweep(scenario, 3, runs)) ADD_FAILURE() << violation;
  }
  EXPECT_GT(runs, 200U);
}

TEST(PowerFail, TheCheckNoticesForgottenSyncs) {
  std::uint64_t runs = 0;
  for (const std::uint64_t forget : {1U, 2U, 3U}) {
    EXPECT_FALSE(sweep({.seed = 1, .forget_every = forget}, 1, runs).empty())
        << "every sync number " << forget << " was forgotten and nobody noticed";
  }
}

}  // namespace
}  // namespace ae::store
