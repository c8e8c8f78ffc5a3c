// Durable writes a second: what the disk allows, one transaction a write, and group commit.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "bench/report.h"
#include "store/database.h"
#include "store/group_commit.h"

namespace {

using ae::Result;
using ae::store::Database;
using ae::store::GroupCommit;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kRecordBytes = 256;
const std::string kRecord(kRecordBytes, 'x');

void require(const Result<void>& result) {
  if (result) return;
  fmt::print(stderr, "store_bench: {}\n", result.error().describe());
  std::exit(1);
}

Result<void> insert(Database& database) {
  return database.execute("INSERT INTO event(data) VALUES(?)", {kRecord});
}

// With the log at its full length already: from then on it is overwritten, as in a server that
// has run for a while.
std::unique_ptr<Database> warm_database(const std::filesystem::path& path) {
  auto opened =
      Database::open(path, {{"CREATE TABLE event(id INTEGER PRIMARY KEY, data TEXT) STRICT"}});
  if (!opened) require(ae::fail(opened.error()));
  for (int i = 0; i < 300; ++i) {
    require((*opened)->transaction([&]() -> Result<void> {
      for (int k = 0; k < 20; ++k) AE_CHECK(insert(**opened));
      return {};
    }));
  }
  return *std::move(opened);
}

class Stopwatch {
 public:
  explicit Stopwatch(double seconds) : seconds_(seconds) {}
  double elapsed() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }
  bool running() const { return elapsed() < seconds_; }

 private:
  double seconds_;
  Clock::time_point begin_ = Clock::now();
};

// The least that durability costs: overwrite 4 KiB of a file, fdatasync.
double disk_syncs_per_second(const std::filesystem::path& path, double seconds) {
  constexpr std::size_t kBlock = 4096;
  constexpr off_t kBlocks = 1024;
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  const std::string block(kBlock, 'x');
  const auto write_at = [&](std::int64_t i) {
    const off_t offset = i % kBlocks * static_cast<off_t>(kBlock);
    return ::pwrite(file, block.data(), kBlock, offset) == static_cast<ssize_t>(kBlock);
  };
  bool good = file >= 0;
  for (off_t i = 0; good && i < kBlocks; ++i) good = write_at(i);
  good = good && ::fsync(file) == 0;
  const Stopwatch watch(seconds);
  std::int64_t count = 0;
  for (; good && watch.running(); ++count) good = write_at(count) && ::fdatasync(file) == 0;
  const double elapsed = watch.elapsed();
  ::close(file);
  if (!good) require(ae::fail(ae::ErrorCode::kInternal, "cannot write " + path.string()));
  return static_cast<double>(count) / elapsed;
}

double one_by_one(Database& database, double seconds) {
  const Stopwatch watch(seconds);
  std::int64_t count = 0;
  for (; watch.running(); ++count) require(insert(database));
  return static_cast<double>(count) / watch.elapsed();
}

// Each thread waits for its write before it makes the next.
double with_threads(GroupCommit& group, int threads, double seconds) {
  std::atomic<std::int64_t> count = 0;
  const Stopwatch watch(seconds);
  {
    std::vector<std::jthread> submitters;
    for (int i = 0; i < threads; ++i) {
      submitters.emplace_back([&] {
        for (; watch.running(); ++count) require(group.submit_and_wait(insert));
      });
    }
  }
  return static_cast<double>(count) / watch.elapsed();
}

// Each `done` submits the next write, as a server's event loop does: no thread is woken.
double with_callbacks(GroupCommit& group, int outstanding, double seconds) {
  std::int64_t count = 0;  // touched by the writer thread only, until it has released `ended`
  std::counting_semaphore<> ended(0);
  const Stopwatch watch(seconds);
  const std::function<void()> next = [&] {
    group.submit(insert, [&](const Result<void>& result) {
      require(result);
      ++count;
      if (watch.running()) {
        next();
      } else {
        ended.release();
      }
    });
  };
  for (int i = 0; i < outstanding; ++i) next();
  for (int i = 0; i < outstanding; ++i) ended.acquire();
  const double elapsed = watch.elapsed();
  // The last callbacks have returned, and touch nothing here any more, when a later write is done.
  require(group.submit_and_wait([](Database&) -> Result<void> { return {}; }));
  return static_cast<double>(count) / elapsed;
}

void measure(ae::bench::Report& report, Database& database, int submitters) {
  GroupCommit group(database);
  const std::int64_t syncs = database.syncs();
  report.add(fmt::format("group commit, {} waiting threads", submitters),
             with_threads(group, submitters, report.seconds()), "writes/s");
  report.add(fmt::format("group commit, {} outstanding callbacks", submitters),
             with_callbacks(group, submitters, report.seconds()), "writes/s");
  report.add(
      fmt::format("group commit, {} submitters", submitters),
      static_cast<double>(database.syncs() - syncs) / static_cast<double>(group.stats().writes),
      "syncs/write");
}

}  // namespace

int main(int argc, char** argv) {
  ae::bench::Report report(
      "store",
      "insert of a 256-byte row, durable before it counts, in the temporary folder (TMPDIR chooses "
      "the disk; a file system in memory measures nothing)",
      argc, argv);
  const ae::TemporaryFolder folder("ae-store-bench");
  report.add("disk: overwrite 4 KiB + fdatasync",
             disk_syncs_per_second(folder.path() / "floor", report.seconds()), "syncs/s");
  const auto database = warm_database(folder.path() / "events.db");
  report.add("one transaction a write", one_by_one(*database, report.seconds()), "writes/s");
  for (const int submitters : {1, 8, 64}) measure(report, *database, submitters);
  return report.finish();
}
