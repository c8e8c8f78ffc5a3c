// Stopping as a type: refuse new work, await old.
#pragma once

#include <atomic>
#include <cstdint>

namespace ae::execute {

// Threads: any.
class Gate final {
 public:
  // False once closed; else leave() must follow.
  [[nodiscard]] bool enter() {
    if ((state_.fetch_add(1) & kClosed) == 0) return true;
    leave();
    return false;
  }
  void leave() {
    if (state_.fetch_sub(1) == (kClosed | 1)) state_.notify_all();
  }
  // Returns when everybody has left. Not from inside.
  void close() {
    std::uint64_t seen = state_.fetch_or(kClosed) | kClosed;
    while (seen != kClosed) {
      state_.wait(seen);
      seen = state_.load();
    }
  }

 private:
  static constexpr std::uint64_t kClosed = std::uint64_t{1} << 63U;
  std::atomic<std::uint64_t> state_ = 0;
};

}  // namespace ae::execute
