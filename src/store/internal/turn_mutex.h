// A recursive mutex that its last owner cannot take again past a thread that waits for it.
//
// A writer that commits in a loop would otherwise keep readers out for hundreds of milliseconds: it
// is running when it unlocks, and they must first be woken.
#pragma once

#include <atomic>
#include <mutex>
#include <thread>

namespace ae::store::internal {

class TurnMutex final {
 public:
  void lock() {
    const auto self = std::this_thread::get_id();
    if (owner_.load(std::memory_order_relaxed) == self) {  // only this thread can have put it there
      ++depth_;
      return;
    }
    const std::lock_guard turn(turn_);  // held while waiting: whoever comes later waits here
    mutex_.lock();
    owner_.store(self, std::memory_order_relaxed);
    depth_ = 1;
  }
  void unlock() {
    if (--depth_ > 0) return;
    owner_.store(std::thread::id(), std::memory_order_relaxed);
    mutex_.unlock();
  }

 private:
  std::mutex turn_;
  std::mutex mutex_;
  std::atomic<std::thread::id> owner_;
  int depth_ = 0;  // guarded by mutex_
};

}  // namespace ae::store::internal
