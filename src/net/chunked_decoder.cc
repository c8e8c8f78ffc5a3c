#include "net/chunked_decoder.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace ae::net {
namespace {

// Sixteen digits of size, and room for a signature or two as an extension.
constexpr std::size_t kMaxSizeLineBytes = 256;

bool is_text(std::string_view line) {
  return std::ranges::all_of(line, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return c == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}

}  // namespace

// The next line without its CR LF. kDone: there is one.
ChunkedDecoder::Outcome ChunkedDecoder::read_line(std::string_view& input, std::size_t max_bytes,
                                                  std::string_view& line) {
  const std::size_t end = input.substr(0, max_bytes).find('\n');
  if (end == std::string_view::npos) {
    return input.size() < max_bytes ? Outcome::kNeedMore : Outcome::kMalformed;
  }
  if (end == 0 || input[end - 1] != '\r') return Outcome::kMalformed;
  line = input.substr(0, end - 1);
  input.remove_prefix(end + 1);
  return is_text(line) ? Outcome::kDone : Outcome::kMalformed;
}

// kDone: the chunk may be read.
ChunkedDecoder::Outcome ChunkedDecoder::read_size(std::string_view line) {
  const char* const end = line.data() + line.size();
  const auto [rest, error] = std::from_chars(line.data(), end, left_, 16);
  if (error != std::errc{}) return Outcome::kMalformed;
  // "size[;extension]", with the blanks that RFC 9112 tells recipients to bear.
  const std::string_view extension(rest, static_cast<std::size_t>(end - rest));
  const std::size_t mark = extension.find_first_not_of(" \t");
  if (mark != std::string_view::npos && extension[mark] != ';') return Outcome::kMalformed;
  if (mark == std::string_view::npos && !extension.empty()) return Outcome::kMalformed;
  if (left_ > limits_.max_body_bytes - body_bytes_) return Outcome::kBodyTooLarge;
  body_bytes_ += left_;
  state_ = left_ == 0 ? State::kTrailer : State::kData;
  return Outcome::kDone;
}

ChunkedDecoder::Outcome ChunkedDecoder::step(std::string_view& input, std::string& body) {
  std::string_view line;
  switch (state_) {
    case State::kSize: {
      const Outcome outcome = read_line(input, kMaxSizeLineBytes, line);
      return outcome == Outcome::kDone ? read_size(line) : outcome;
    }
    case State::kData: {
      if (input.empty()) return Outcome::kNeedMore;
      const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
      body.append(input.substr(0, taken));
      input.remove_prefix(taken);
      left_ -= taken;
      if (left_ == 0) state_ = State::kDataEnd;
      return Outcome::kDone;
    }
    case State::kDataEnd: {
      const Outcome outcome = read_line(input, 2, line);
      if (outcome == Outcome::kDone) state_ = State::kSize;
      return outcome;
    }
    case State::kTrailer: {
      const std::size_t before = input.size();
      const std::size_t allowed = limits_.max_trailer_bytes - trailer_bytes_;
      const Outcome outcome = read_line(input, allowed, line);
      if (outcome == Outcome::kMalformed && before >= allowed) return Outcome::kTrailerTooLarge;
      if (outcome != Outcome::kDone) return outcome;
      trailer_bytes_ += before - input.size();
      if (line.empty()) {
        state_ = State::kDone;
      } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
        trailers_.emplace_back(line.substr(0, colon), trim(line.substr(colon + 1)));
      }
      return Outcome::kDone;
    }
    case State::kDone:
      break;
  }
  return Outcome::kDone;
}

ChunkedDecoder::Outcome ChunkedDecoder::feed(std::string_view& input, std::string& body) {
  while (state_ != State::kDone) {
    if (const Outcome outcome = step(input, body); outcome != Outcome::kDone) return outcome;
  }
  return Outcome::kDone;
}

}  // namespace ae::net
