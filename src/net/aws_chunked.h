// Content-Encoding: aws-chunked: how AWS SDKs send bodies whose hash or checksum they know only at
// the end. Each piece carries its length, and a signature where the request says so; fields such as
// a checksum may follow the last one.
//
// Source: AWS, "Signature Calculations for the Authorization Header: Transferring Payload in
// Multiple Chunks" (and "… Including Trailing Headers") of the S3 API reference.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "base/result.h"
#include "net/http_message.h"

namespace ae::net {

// What the signatures of chunks go on from: the request's own.
struct AwsChunkSigning {
  std::string key;  // see verify_aws_claim()
  std::string timestamp;
  std::string scope;
  std::string seed_signature;
};

// Threads: one at a time.
class AwsChunkedDecoder final {
 public:
  // Without `signing` chunks carry no signatures.
  explicit AwsChunkedDecoder(std::optional<AwsChunkSigning> signing);

  // Appends the data in `input` to `out`. What was given out of a signed chunk is verified only at
  // that chunk's end, so nobody may rely on it before done().
  // Errors: kInvalidArgument (malformed), kPermissionDenied (a signature does not match).
  Result<void> feed(std::string_view input, std::string& out);
  bool done() const { return state_ == State::kDone; }
  // Fields after the last chunk, lower-case names, without the signature.
  const Headers& trailers() const { return trailers_; }

 private:
  enum class State { kSize, kData, kDataEnd, kTrailer, kDone };

  Result<void> read_size(std::string_view line);
  Result<void> end_chunk();
  Result<void> read_trailer(std::string_view line);
  Result<void> check(std::string_view announced, std::string_view string_to_sign);
  // The line up to CR LF, once all of it is there; it is then taken off `input`.
  Result<std::optional<std::string>> take_line(std::string_view& input);

  std::optional<AwsChunkSigning> signing_;
  State state_ = State::kSize;
  std::string line_;        // what came of a line so far
  std::uint64_t left_ = 0;  // of the chunk
  bool last_ = false;       // the chunk is the empty one at the end
  std::string announced_;   // the chunk's signature
  std::string previous_;    // the signature before it
  Digest hash_{DigestKind::kSha256};
  Headers trailers_;
  std::string signed_trailers_;
  bool trailer_signed_ = false;
};

}  // namespace ae::net
