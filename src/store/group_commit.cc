#include "store/group_commit.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <future>
#include <iterator>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace ae::store {

class GroupCommit::Impl {
 public:
  Impl(Database& database, std::size_t max_batch)
      : database_(database),
        max_batch_(std::max<std::size_t>(1, max_batch)),
        writer_([this] { work(); }) {}

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    writer_.join();
  }

  void submit(Write write, Done done) {
    {
      const std::lock_guard lock(mutex_);
      if (!stopping_) {
        queue_.push_back({std::move(write), std::move(done)});
        // The writer sleeps only on an empty queue.
        if (queue_.size() == 1) wake_.notify_one();
        return;
      }
    }
    done(fail(ErrorCode::kUnavailable, "the store is being closed"));
  }

  bool on_writer_thread() const { return std::this_thread::get_id() == writer_.get_id(); }

  Stats stats() const {
    const std::lock_guard lock(mutex_);
    return stats_;
  }

 private:
  struct Item {
    Write write;
    Done done;
  };

  void work() {
    while (true) {
      std::vector<Item> batch = take();
      if (batch.empty()) return;
      commit(batch);
    }
  }

  // Empty only when everything accepted is done and the owner wants to stop.
  std::vector<Item> take() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    const auto end =
        queue_.begin() + static_cast<std::ptrdiff_t>(std::min(max_batch_, queue_.size()));
    std::vector<Item> batch(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
    queue_.erase(queue_.begin(), end);
    return batch;
  }

  void commit(std::vector<Item>& batch) {
    std::vector<Result<void>> results;
    results.reserve(batch.size());
    const Result<void> committed = database_.transaction([&]() -> Result<void> {
      for (Item& item : batch) {
        AE_TRY(results.emplace_back(), run(item.write));
      }
      return {};
    });
    {
      const std::lock_guard lock(mutex_);
      stats_.writes += batch.size();
      ++stats_.transactions;
    }
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (committed) {
        batch[i].done(std::move(results[i]));
      } else {
        batch[i].done(committed);
      }
    }
  }

  // The outer result is the group's: an error there leaves a transaction that must not be
  // committed, because SQLite gave it up or because one write's half could not be undone.
  Result<Result<void>> run(Write& write) {
    AE_CHECK(database_.execute("SAVEPOINT write"));
    Result<void> result = write(database_);
    if (result) {
      AE_CHECK(database_.execute("RELEASE write"));
      return Result<Result<void>>(std::in_place);
    }
    if (!database_.in_transaction()) return fail(std::move(result).error());
    AE_CHECK(database_.execute("ROLLBACK TO write"));
    AE_CHECK(database_.execute("RELEASE write"));
    return Result<Result<void>>(std::in_place, fail(std::move(result).error()));
  }

  Database& database_;
  const std::size_t max_batch_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Item> queue_;
  bool stopping_ = false;
  Stats stats_;
  std::thread writer_;  // last: it uses everything above
};

GroupCommit::GroupCommit(Database& database, std::size_t max_batch)
    : impl_(std::make_unique<Impl>(database, max_batch)) {}
GroupCommit::~GroupCommit() { impl_->stop(); }

void GroupCommit::submit(Write write, Done done) {
  impl_->submit(std::move(write), std::move(done));
}

Result<void> GroupCommit::submit_and_wait(Write write) {
  if (impl_->on_writer_thread()) {
    return fail(ErrorCode::kFailedPrecondition,
                "submit_and_wait() on the writer thread would wait for itself; use submit()");
  }
  std::promise<Result<void>> promise;
  std::future<Result<void>> future = promise.get_future();
  // The callback owns the promise: it may still be inside set_value() when this returns.
  submit(std::move(write), [promise = std::move(promise)](Result<void> result) mutable {
    promise.set_value(std::move(result));
  });
  return future.get();
}

GroupCommit::Stats GroupCommit::stats() const { return impl_->stats(); }

}  // namespace ae::store
