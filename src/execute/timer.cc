#include "execute/timer.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>

namespace ae::execute {

class Timer::Impl {
 public:
  Impl() : thread_([this] { work(); }) {}

  ~Impl() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  Token at(SteadyTime when, std::move_only_function<void()> callback) {
    const std::lock_guard lock(mutex_);
    const Token token = ++last_token_;
    const auto position = pending_.emplace(Key{when, token}, std::move(callback)).first;
    times_.emplace(token, when);
    if (position == pending_.begin()) wake_.notify_one();
    return token;
  }

  bool cancel(Token token) {
    std::move_only_function<void()> dropped;  // destroyed after the lock: it may own anything
    const std::lock_guard lock(mutex_);
    const auto time = times_.find(token);
    if (time == times_.end()) return false;
    const auto position = pending_.find(Key{time->second, token});
    dropped = std::move(position->second);
    pending_.erase(position);
    times_.erase(time);
    return true;
  }

 private:
  using Key = std::pair<SteadyTime, Token>;

  void work() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      if (pending_.empty()) {
        wake_.wait(lock);
        continue;
      }
      const auto first = pending_.begin();
      const SteadyTime due = first->first.first;
      if (std::chrono::steady_clock::now() < due) {
        wake_.wait_until(lock, due);
        continue;
      }
      auto callback = std::move(first->second);
      times_.erase(first->first.second);
      pending_.erase(first);
      lock.unlock();
      callback();
      callback = nullptr;
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::map<Key, std::move_only_function<void()>> pending_;
  std::unordered_map<Token, SteadyTime> times_;
  Token last_token_ = 0;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses everything above
};

Timer::Timer() : impl_(std::make_unique<Impl>()) {}
Timer::~Timer() = default;

Timer::Token Timer::at(SteadyTime when, std::move_only_function<void()> callback) {
  return impl_->at(when, std::move(callback));
}

bool Timer::cancel(Token token) { return impl_->cancel(token); }

}  // namespace ae::execute
