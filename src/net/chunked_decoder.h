// Transfer-Encoding: chunked (RFC 9112, section 7.1), strictly. Beast's own decoder lets a quoted
// extension run past the end of its line, so that what it reads depends on how the bytes arrive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "net/http_message.h"

namespace ae::net {

class ChunkedDecoder final {
 public:
  struct Limits {
    std::uint64_t max_body_bytes;  // of all calls together
    std::size_t max_trailer_bytes;
  };
  enum class Outcome { kNeedMore, kDone, kMalformed, kBodyTooLarge, kTrailerTooLarge };

  explicit ChunkedDecoder(Limits limits) : limits_(limits) {}

  // Takes what it can use from the front of input and appends the data to body. Extensions are
  // checked and thrown away.
  Outcome feed(std::string_view& input, std::string& body);
  // The fields after the last chunk; lines that are no fields are left out.
  Headers take_trailers() { return std::move(trailers_); }

 private:
  enum class State { kSize, kData, kDataEnd, kTrailer, kDone };

  Outcome read_size(std::string_view line);
  Outcome step(std::string_view& input, std::string& body);
  Outcome read_line(std::string_view& input, std::size_t max_bytes, std::string_view& line);

  Limits limits_;
  State state_ = State::kSize;
  std::uint64_t left_ = 0;        // of the chunk being read
  std::uint64_t body_bytes_ = 0;  // of all chunks announced so far
  std::size_t trailer_bytes_ = 0;
  Headers trailers_;
};

}  // namespace ae::net
