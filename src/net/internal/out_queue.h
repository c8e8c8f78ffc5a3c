// Bytes waiting to be written to a socket: small pieces are joined, large ones are not copied.
#pragma once

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ae::net::internal {

class OutQueue final {
 public:
  // One system call writes at most that many pieces.
  static constexpr std::size_t kMaxPieces = 16;
  using Pieces = std::array<boost::asio::const_buffer, kMaxPieces>;

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }

  void append(std::string_view bytes) {
    if (bytes.empty()) return;
    if (pieces_.empty() || pieces_.back().size() >= kJoinBytes) pieces_.emplace_back();
    pieces_.back() += bytes;
    size_ += bytes.size();
  }

  void append(std::string&& bytes) {
    if (bytes.size() < kJoinBytes) return append(std::string_view(bytes));
    size_ += bytes.size();
    pieces_.push_back(std::move(bytes));
  }

  // Views of the first bytes in order; unused elements are empty.
  Pieces front() const {
    Pieces views;
    const std::size_t count = std::min(pieces_.size() - first_, kMaxPieces);
    for (std::size_t i = 0; i < count; ++i) {
      const std::string& piece = pieces_[first_ + i];
      const std::size_t skip = i == 0 ? offset_ : 0;
      views[i] = boost::asio::buffer(piece.data() + skip, piece.size() - skip);
    }
    return views;
  }

  void consume(std::size_t bytes) {
    size_ -= bytes;
    while (bytes > 0) {
      const std::size_t left = pieces_[first_].size() - offset_;
      if (bytes < left) {
        offset_ += bytes;
        return;
      }
      bytes -= left;
      offset_ = 0;
      ++first_;
    }
    if (size_ == 0) recycle();
  }

 private:
  static constexpr std::size_t kJoinBytes = 16UL << 10U;
  static constexpr std::size_t kKeepBytes = 64UL << 10U;

  // Keeps one buffer's memory for the next response.
  void recycle() {
    first_ = 0;
    pieces_.resize(std::min<std::size_t>(pieces_.size(), 1));
    if (pieces_.empty()) return;
    if (pieces_.front().capacity() > kKeepBytes) {
      pieces_.clear();
    } else {
      pieces_.front().clear();
    }
  }

  std::vector<std::string> pieces_;
  std::size_t first_ = 0;   // pieces before it are written
  std::size_t offset_ = 0;  // bytes of pieces_[first_] already written
  std::size_t size_ = 0;
};

}  // namespace ae::net::internal
