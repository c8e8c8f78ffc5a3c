// What one worker prints, kept up to a limit.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace ae::faas {

class LogBuffer final {
 public:
  explicit LogBuffer(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  // `share`: the part of the limit that this output may fill. What a worker prints between two
  // invocations heads the next log, and must leave room for what that invocation has to say.
  void append(std::string_view bytes, double share = 1.0) {
    const auto limit = static_cast<std::size_t>(static_cast<double>(max_bytes_) * share);
    const std::size_t room = limit - std::min(limit, text_.size());
    const std::size_t kept = std::min(room, bytes.size());
    text_.append(bytes.substr(0, kept));
    dropped_ += bytes.size() - kept;
  }

  std::string take() {
    if (dropped_ > 0) {
      text_ += fmt::format("\n[{} more bytes were printed and dropped: a log holds {}]\n", dropped_,
                           max_bytes_);
    }
    dropped_ = 0;
    return std::exchange(text_, {});
  }

 private:
  const std::size_t max_bytes_;
  std::string text_;
  std::size_t dropped_ = 0;
};

}  // namespace ae::faas
