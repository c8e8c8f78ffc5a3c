// Bytes received and not yet parsed. Memory grows while a sender keeps it full and moves only in
// prepare(), never while a read into it is under way.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace ae::net::internal {

class InBuffer final {
 public:
  explicit InBuffer(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  std::string_view data() const { return {memory_.get() + begin_, end_ - begin_}; }
  bool empty() const { return begin_ == end_; }
  bool full() const { return end_ - begin_ == max_bytes_; }
  void clear() { begin_ = end_ = 0; }
  void consume(std::size_t bytes) { begin_ += bytes; }
  void commit(std::size_t bytes) {
    end_ += bytes;
    filled_ = end_ == capacity_;
  }

  // Room for the next read; none when full().
  char* prepare() {
    const std::size_t used = end_ - begin_;
    std::size_t wanted = std::max(capacity_, std::min(kFirstBytes, max_bytes_));
    if (filled_) {  // whoever sends so much is about to send more
      wanted = std::min(capacity_ * 4, max_bytes_);
    } else if (used == 0 && capacity_ > kKeepBytes) {
      wanted = kFirstBytes;
    }
    if (wanted != capacity_) {
      auto memory = std::make_unique_for_overwrite<char[]>(wanted);
      if (used > 0) std::memcpy(memory.get(), memory_.get() + begin_, used);
      memory_ = std::move(memory);
      capacity_ = wanted;
    } else if (begin_ > 0 && used > 0) {
      std::memmove(memory_.get(), memory_.get() + begin_, used);
    }
    begin_ = 0;
    end_ = used;
    filled_ = false;
    return memory_.get() + end_;
  }
  std::size_t room() const { return capacity_ - end_; }

 private:
  static constexpr std::size_t kFirstBytes = 4UL << 10U;
  static constexpr std::size_t kKeepBytes = 16UL << 10U;

  std::size_t max_bytes_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool filled_ = false;  // the last read left no room
  std::unique_ptr<char[]> memory_;
};

}  // namespace ae::net::internal
