// A fixed set of threads for work that blocks or computes, so that event loops never do.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace ae {

class ThreadPool final {
 public:
  // max_queued bounds what waits, so that overload is refused instead of eating memory.
  ThreadPool(std::size_t threads, std::size_t max_queued);
  // Refuses new work, finishes what was accepted, joins.
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // False when the queue is full or the pool is stopping; the task is then dropped uncalled.
  // Tasks must not throw. Threads: any.
  [[nodiscard]] bool post(std::move_only_function<void()> task);

 private:
  void work();

  const std::size_t max_queued_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::move_only_function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace ae
