// AWS request signatures, made and verified: version 4 in the Authorization header and in presigned
// URLs, version 2 in presigned URLs only (what boto3 still makes for the older regions of S3).
//
// Source: AWS, "Create a signed AWS API request" and "Authenticating Requests (AWS Signature
// Version 4)" of the S3 API reference. Threads: all functions are pure.
#pragma once

#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "net/http_message.h"

namespace ae::net {

struct AwsCredentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token{};  // "": none
};

// Where a signature is valid: "20261120/eu-west-1/s3/aws4_request".
struct AwsScope {
  std::string date;
  std::string region;
  std::string service;

  std::string text() const { return date + "/" + region + "/" + service + "/aws4_request"; }
  bool operator==(const AwsScope&) const = default;
};

// Values of x-amz-content-sha256 that are no hash.
inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";
inline constexpr std::string_view kStreamingSigned = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
inline constexpr std::string_view kStreamingSignedTrailer =
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
inline constexpr std::string_view kStreamingUnsignedTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

// How far the clocks of client and server may be apart.
inline constexpr std::chrono::minutes kAwsClockSkew{15};

// ---- Signing ---------------------------------------------------------------------------------

struct AwsSigning {
  std::string region;
  std::string service;  // "s3" is canonicalised differently from all others
  WallTime now;
  std::string payload_hash{};  // of the body when empty; or kUnsignedPayload
};

// Adds X-Amz-Date, X-Amz-Security-Token, for S3 X-Amz-Content-Sha256, and Authorization. The
// request must have its Host header and every header that is to be signed: all are.
void sign_aws_request(Request& request, const AwsCredentials& credentials,
                      const AwsSigning& signing);

// The target ("/bucket/key?X-Amz-…") that lets anybody send such a request to `host` until
// `valid_for` is over. target: percent-encoded, a query allowed.
std::string presign_aws_target(std::string_view method, std::string_view host,
                               std::string_view target, const AwsCredentials& credentials,
                               const AwsSigning& signing, std::chrono::seconds valid_for);

// ---- Verifying -------------------------------------------------------------------------------

enum class AwsFault {
  kMalformedHeader,  // the Authorization header cannot be understood
  kMalformedQuery,   // the parameters of a presigned URL cannot
  kMismatch,         // another key, or the request was changed
  kExpired,          // a presigned URL whose time is over
  kNotYetValid,      // a presigned URL from the future
  kSkewed,           // signed more than kAwsClockSkew before or after now
  kUnsignedHeader,   // Host or an x-amz-… header is not among the signed ones
  kPayload,          // the body is not the one that was signed
};
struct AwsRefusal {
  AwsFault fault;
  std::string message;
  std::string canonical_request{};  // of kMismatch: what we understood, as AWS shows it
  std::string string_to_sign{};
};
template <class T>
using AwsResult = std::expected<T, AwsRefusal>;

// What a request says of its signature; nothing of it is verified yet.
struct AwsClaim {
  enum class Form { kHeader, kPresigned, kPresignedV2 };
  Form form = Form::kHeader;
  std::string access_key_id;
  AwsScope scope;         // empty for version 2
  std::string timestamp;  // "20261120T160000Z"
  std::string signature;
  std::vector<std::string> signed_headers;  // lower case, sorted
  std::string payload_hash;                 // a hash, or one of the values above
  std::chrono::seconds expires{0};          // presigned: since timestamp; version 2: since 1970
};

// nullopt: the request is not signed. Errors: kMalformedHeader, kMalformedQuery.
AwsResult<std::optional<AwsClaim>> read_aws_claim(const Request& request);

// Checks the claim with the secret that belongs to its access key, and its time. Returns the
// signing key, which signatures of chunks go on with ("" for version 2). The body is not looked
// at, unless the claim's payload_hash is empty: then it has to be that of request.body.
// v2_bucket: the bucket that a virtual-hosted request names in its Host, else "".
// Errors: all but kMalformed….
AwsResult<std::string> verify_aws_claim(const Request& request, const AwsClaim& claim,
                                        std::string_view secret_access_key, WallTime now,
                                        std::string_view v2_bucket = {});

// The key that signs everything of one day, region and service.
std::string aws_signing_key(std::string_view secret_access_key, const AwsScope& scope);

// "20261120T160000Z". nullopt for anything else.
std::optional<WallTime> parse_aws_timestamp(std::string_view text);
std::string to_aws_timestamp(WallTime time);

}  // namespace ae::net
