#include "net/aws_chunked.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/text.h"

namespace ae::net {
namespace {

// A size, its extension with a signature of 64 digits, a trailer with a checksum: all are shorter.
constexpr std::size_t kMaxLineBytes = 1024;
constexpr std::size_t kMaxTrailers = 16;
constexpr std::string_view kSignatureExtension = "chunk-signature=";

std::unexpected<Error> malformed(std::string_view what) {
  return fail(ErrorCode::kInvalidArgument,
              "the aws-chunked body is malformed: " + std::string(what));
}

}  // namespace

AwsChunkedDecoder::AwsChunkedDecoder(std::optional<AwsChunkSigning> signing)
    : signing_(std::move(signing)) {
  if (signing_) previous_ = signing_->seed_signature;
}

Result<std::optional<std::string>> AwsChunkedDecoder::take_line(std::string_view& input) {
  const std::size_t end = input.find('\n');
  line_ += input.substr(0, end);
  if (line_.size() > kMaxLineBytes) return malformed("a line is too long");
  if (end == std::string_view::npos) {
    input = {};
    return std::nullopt;
  }
  input.remove_prefix(end + 1);
  std::string line = std::exchange(line_, {});
  if (!line.ends_with('\r')) return malformed("a line does not end in CR LF");
  line.pop_back();
  return line;
}

Result<void> AwsChunkedDecoder::read_size(std::string_view line) {
  const auto [rest, error] = std::from_chars(line.data(), line.data() + line.size(), left_, 16);
  if (error != std::errc{}) return malformed("a chunk begins with no size");
  line.remove_prefix(static_cast<std::size_t>(rest - line.data()));
  announced_.clear();
  if (!line.empty()) {
    if (line.front() != ';') return malformed("a chunk's size is no hexadecimal number");
    line.remove_prefix(1);
    if (!line.starts_with(kSignatureExtension)) return malformed("an unknown chunk extension");
    announced_ = line.substr(kSignatureExtension.size());
  }
  if (signing_ && announced_.empty()) {
    return fail(ErrorCode::kPermissionDenied, "a chunk carries no signature");
  }
  last_ = left_ == 0;
  if (!last_) {
    state_ = State::kData;
    return {};
  }
  AE_CHECK(end_chunk());
  state_ = State::kTrailer;
  return {};
}

Result<void> AwsChunkedDecoder::check(std::string_view announced, std::string_view string_to_sign) {
  std::string expected = to_hex(hmac_sha256(signing_->key, string_to_sign));
  if (!equal_in_constant_time(expected, announced)) {
    return fail(ErrorCode::kPermissionDenied, "the signature of a chunk does not match");
  }
  previous_ = std::move(expected);
  return {};
}

Result<void> AwsChunkedDecoder::end_chunk() {
  if (!signing_) return {};
  const std::string hash = to_hex(std::exchange(hash_, Digest(DigestKind::kSha256)).finish());
  return check(announced_, "AWS4-HMAC-SHA256-PAYLOAD\n" + signing_->timestamp + "\n" +
                               signing_->scope + "\n" + previous_ + "\n" + sha256_hex("") + "\n" +
                               hash);
}

Result<void> AwsChunkedDecoder::read_trailer(std::string_view line) {
  if (line.empty()) {
    if (signing_ && !trailers_.empty() && !trailer_signed_) {
      return fail(ErrorCode::kPermissionDenied, "the trailer carries no signature");
    }
    state_ = State::kDone;
    return {};
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return malformed("a trailer is no field");
  const std::string name = to_lower(trim(line.substr(0, colon)));
  const std::string value(trim(line.substr(colon + 1)));
  if (name == "x-amz-trailer-signature") {
    if (!signing_) return {};
    trailer_signed_ = true;
    return check(value, "AWS4-HMAC-SHA256-TRAILER\n" + signing_->timestamp + "\n" +
                            signing_->scope + "\n" + previous_ + "\n" +
                            sha256_hex(signed_trailers_));
  }
  if (trailers_.size() == kMaxTrailers) return malformed("too many trailers");
  signed_trailers_ += name + ":" + value + "\n";
  trailers_.emplace_back(name, value);
  return {};
}

Result<void> AwsChunkedDecoder::feed(std::string_view input, std::string& out) {
  while (!input.empty() && state_ != State::kDone) {
    if (state_ == State::kData) {
      const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
      const std::string_view data = input.substr(0, taken);
      if (signing_) hash_.update(data);
      out += data;
      input.remove_prefix(taken);
      left_ -= taken;
      if (left_ == 0) state_ = State::kDataEnd;
      continue;
    }
    AE_TRY(const auto line, take_line(input));
    if (!line) return {};
    if (state_ == State::kSize) {
      AE_CHECK(read_size(*line));
    } else if (state_ == State::kTrailer) {
      AE_CHECK(read_trailer(*line));
    } else {
      if (!line->empty()) return malformed("a chunk is longer than it says");
      AE_CHECK(end_chunk());
      state_ = State::kSize;
    }
  }
  if (!input.empty()) return malformed("something follows the last chunk");
  return {};
}

}  // namespace ae::net
