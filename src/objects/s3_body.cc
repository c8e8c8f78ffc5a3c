// Bodies of objects and parts: read as they come, unchunked, hashed, checked, written.
#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "base/text.h"
#include "objects/internal/s3_call.h"

namespace ae::objects {
namespace {

constexpr std::string_view kChecksumPrefix = "x-amz-checksum-";

const ChecksumKind* checksum_kind(std::string_view name) {
  for (const ChecksumKind& each : checksum_kinds()) {
    if (each.name == name) return &each;
  }
  return nullptr;
}

// One piece is asked for when the one before is on its way to the disk: memory holds two at most.
class Intake final : public std::enable_shared_from_this<Intake> {
 public:
  Intake(S3Core& core, S3CallPtr call, ReceivedThen then)
      : core_(core), call_(std::move(call)), then_(std::move(then)) {}

  void start() {
    if (auto fault = prepare()) return call_->fail(*fault);
    auto incoming = core_.store.receive(digests_);
    if (!incoming) return call_->fail(s3_fault(incoming.error(), "NoSuchBucket"));
    incoming_.emplace(*std::move(incoming));
    next();
  }

 private:
  std::optional<S3Fault> prepare();
  std::optional<S3Fault> read_expected(std::string_view header_name, std::string_view value);
  std::optional<S3Fault> read_length(std::string_view name, std::optional<std::uint64_t>& length);

  void next() {
    call_->exchange->read_body([self = shared_from_this()](Result<std::string> piece) {
      auto shared = std::make_shared<Result<std::string>>(std::move(piece));
      if (!self->core_.post([self, shared] { self->take(std::move(*shared)); })) {
        self->call_->fail(s3_fault("SlowDown"));
      }
    });
  }

  void take(Result<std::string> piece) {
    if (!piece) return call_->fail(s3_fault(piece.error(), "InternalError"));
    if (piece->empty()) return finish();
    if (auto fault = write(*piece)) return call_->fail(*fault);
    next();
  }

  std::optional<S3Fault> write(const std::string& piece) {
    if (raw_hash_) raw_hash_->update(piece);
    if (!decoder_) {
      if (auto written = incoming_->write(piece); !written) {
        return s3_fault(written.error(), "InternalError");
      }
      return std::nullopt;
    }
    std::string data;
    if (auto decoded = decoder_->feed(piece, data); !decoded) {
      return decoded.error().code == ErrorCode::kPermissionDenied
                 ? s3_fault("SignatureDoesNotMatch")
                 : s3_fault("InvalidRequest", decoded.error().message);
    }
    if (auto written = incoming_->write(data); !written) {
      return s3_fault(written.error(), "InternalError");
    }
    return std::nullopt;
  }

  void finish() {
    if (auto fault = check()) return call_->fail(*fault);
    then_({*std::move(incoming_), std::move(verified_)});
  }

  std::optional<S3Fault> check();

  S3Core& core_;
  const S3CallPtr call_;
  ReceivedThen then_;
  std::optional<Incoming> incoming_;
  std::optional<net::AwsChunkedDecoder> decoder_;
  std::optional<Digest> raw_hash_;  // of the body as signed
  std::vector<DigestKind> digests_;
  std::string md5_;                              // announced, raw
  std::map<std::string, std::string> expected_;  // checksum name -> base64; "": in the trailer
  std::optional<std::uint64_t> decoded_length_;
  std::map<std::string, std::string> verified_;
};

std::optional<S3Fault> Intake::read_length(std::string_view name,
                                           std::optional<std::uint64_t>& length) {
  const std::string text = call_->header(name);
  if (text.empty()) return std::nullopt;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return s3_fault("InvalidArgument", fmt::format("{} is no number", name));
  }
  length = number;
  return std::nullopt;
}

std::optional<S3Fault> Intake::read_expected(std::string_view header_name, std::string_view value) {
  const std::string name = to_lower(header_name.substr(kChecksumPrefix.size()));
  if (name == "algorithm" || name == "type" || name == "mode") return std::nullopt;
  const ChecksumKind* const kind = checksum_kind(name);
  if (kind == nullptr) {
    return s3_fault("InvalidRequest", fmt::format("The algorithm of {} is unknown.", header_name));
  }
  expected_[name] = value;
  digests_.push_back(kind->kind);
  return std::nullopt;
}

std::optional<S3Fault> Intake::prepare() {
  const std::string payload = call_->claim ? call_->claim->payload_hash : "";
  const bool is_signed_stream =
      payload == net::kStreamingSigned || payload == net::kStreamingSignedTrailer;
  if (is_signed_stream) {
    decoder_.emplace(net::AwsChunkSigning{call_->signing_key, call_->claim->timestamp,
                                          call_->claim->scope.text(), call_->claim->signature});
  } else if (payload == net::kStreamingUnsignedTrailer) {
    decoder_.emplace(std::nullopt);
  } else if (payload.size() == 64) {
    raw_hash_.emplace(DigestKind::kSha256);
  } else if (!payload.empty() && payload != net::kUnsignedPayload) {
    return s3_fault("InvalidArgument",
                    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a STREAMING- value that this "
                    "server knows, or a valid sha256 value.");
  }
  if (auto fault = read_length("x-amz-decoded-content-length", decoded_length_)) return fault;
  for (const auto& [name, value] : call_->request().headers) {
    if (!to_lower(name).starts_with(kChecksumPrefix)) continue;
    if (auto fault = read_expected(name, value)) return fault;
  }
  for (const std::string_view name : split(call_->header("x-amz-trailer"), ',')) {
    if (!to_lower(trim(name)).starts_with(kChecksumPrefix)) continue;
    if (auto fault = read_expected(trim(name), "")) return fault;
  }
  const std::string md5 = call_->header("Content-MD5");
  if (md5.empty()) return std::nullopt;
  const auto raw = from_base64(md5);
  if (!raw || raw->size() != 16) return s3_fault("InvalidDigest");
  md5_ = *raw;
  return std::nullopt;
}

std::optional<S3Fault> Intake::check() {
  if (decoder_ && !decoder_->done()) return s3_fault("IncompleteBody");
  if (decoded_length_ && *decoded_length_ != incoming_->size()) return s3_fault("IncompleteBody");
  if (auto sealed = incoming_->seal(); !sealed) return s3_fault(sealed.error(), "InternalError");
  if (raw_hash_ && to_hex(raw_hash_->finish()) != call_->claim->payload_hash) {
    return s3_fault("XAmzContentSHA256Mismatch");
  }
  if (!md5_.empty() && incoming_->digest(DigestKind::kMd5) != md5_) return s3_fault("BadDigest");
  for (auto& [name, value] : expected_) {
    if (value.empty() && decoder_) {
      const std::string header = std::string(kChecksumPrefix) + name;
      value = net::find_header(decoder_->trailers(), header).value_or("");
    }
    const ChecksumKind& kind = *checksum_kind(name);
    if (to_base64(incoming_->digest(kind.kind)) != value) {
      std::string shown(kind.element.substr(std::string_view("Checksum").size()));
      return s3_fault(
          "BadDigest",
          fmt::format("The {} you specified did not match the calculated checksum.", shown));
    }
    verified_[name] = value;
  }
  return std::nullopt;
}

}  // namespace

void receive_body(S3Core& core, const S3CallPtr& call, ReceivedThen then) {
  std::make_shared<Intake>(core, call, std::move(then))->start();
}

}  // namespace ae::objects
