// Transfer-Encoding: chunked (RFC 9112, section 7.1), strictly. Beast's own decoder lets a quoted
// extension run past the end of its line, so that what it reads depends on how the bytes arrive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ae::net::internal {

class ChunkedDecoder final {
 public:
  struct Limits {
    std::size_t max_body_bytes;
    std::size_t max_trailer_bytes;
  };
  enum class Outcome { kNeedMore, kDone, kMalformed, kBodyTooLarge, kTrailerTooLarge };

  explicit ChunkedDecoder(Limits limits) : limits_(limits) {}

  // Takes what it can use from the front of input and appends the data to body. Extensions and
  // trailers are checked and thrown away.
  Outcome feed(std::string_view& input, std::string& body);

 private:
  enum class State { kSize, kData, kDataEnd, kTrailer, kDone };

  Outcome read_size(std::string_view line, std::size_t body_bytes);
  Outcome step(std::string_view& input, std::string& body);
  Outcome read_line(std::string_view& input, std::size_t max_bytes, std::string_view& line);

  Limits limits_;
  State state_ = State::kSize;
  std::uint64_t left_ = 0;  // of the chunk being read
  std::size_t trailer_bytes_ = 0;
};

}  // namespace ae::net::internal
