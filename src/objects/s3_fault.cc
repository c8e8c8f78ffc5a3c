#include "objects/internal/s3_fault.h"

#include <algorithm>
#include <array>

#include "base/log.h"

namespace ae::objects {
namespace {

struct Known {
  std::string_view code;
  int status;
  std::string_view message;
};

// Source: AWS, "Error responses" of the S3 API reference. Sorted by code.
constexpr std::array kKnown = std::to_array<Known>({
    {"AccessDenied", 403, "Access Denied"},
    {"AuthorizationHeaderMalformed", 400, "The authorization header is malformed."},
    {"AuthorizationQueryParametersError", 400, "Error parsing the query parameters."},
    {"BadDigest", 400, "The Content-MD5 you specified did not match what we received."},
    {"BucketAlreadyExists", 409, "The requested bucket name is not available."},
    {"BucketAlreadyOwnedByYou", 409,
     "Your previous request to create the named bucket succeeded and you already own it."},
    {"BucketNotEmpty", 409, "The bucket you tried to delete is not empty"},
    {"EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size"},
    {"EntityTooSmall", 400,
     "Your proposed upload is smaller than the minimum allowed object size."},
    {"IncompleteBody", 400,
     "You did not provide the number of bytes specified by the Content-Length HTTP header"},
    {"InternalError", 500, "We encountered an internal error. Please try again."},
    {"InvalidAccessKeyId", 403,
     "The AWS Access Key Id you provided does not exist in our records."},
    {"InvalidArgument", 400, "Invalid Argument"},
    {"InvalidBucketName", 400, "The specified bucket is not valid."},
    {"InvalidDigest", 400, "The Content-MD5 you specified is not valid."},
    {"InvalidPart", 400,
     "One or more of the specified parts could not be found. The part may not have been uploaded, "
     "or the specified entity tag may not match the part's entity tag."},
    {"InvalidPartNumber", 416, "The requested partnumber is not satisfiable"},
    {"InvalidPartOrder", 400, "The list of parts was not in ascending order."},
    {"InvalidRange", 416, "The requested range is not satisfiable"},
    {"InvalidRequest", 400, "Invalid Request"},
    {"InvalidURI", 400, "Couldn't parse the specified URI."},
    {"KeyTooLongError", 400, "Your key is too long"},
    {"MalformedXML", 400,
     "The XML you provided was not well-formed or did not validate against our published schema"},
    {"MethodNotAllowed", 405, "The specified method is not allowed against this resource."},
    {"NoSuchBucket", 404, "The specified bucket does not exist"},
    {"NoSuchKey", 404, "The specified key does not exist."},
    {"NoSuchUpload", 404,
     "The specified upload does not exist. The upload ID may be invalid, or the upload may have "
     "been aborted or completed."},
    {"NoSuchVersion", 404, "The specified version does not exist."},
    {"NotImplemented", 501,
     "A header or query you provided implies functionality that is not "
     "implemented"},
    {"NotModified", 304, "Not Modified"},
    {"PreconditionFailed", 412, "At least one of the pre-conditions you specified did not hold"},
    {"RequestTimeTooSkewed", 403,
     "The difference between the request time and the current time is too large."},
    {"RequestTimeout", 400,
     "Your socket connection to the server was not read from or written to within the timeout "
     "period."},
    {"SignatureDoesNotMatch", 403,
     "The request signature we calculated does not match the signature you provided. Check your "
     "key and signing method."},
    {"SlowDown", 503, "Please reduce your request rate."},
    {"XAmzContentSHA256Mismatch", 400,
     "The provided 'x-amz-content-sha256' header does not match what was computed."},
});
static_assert(std::ranges::is_sorted(kKnown, {}, &Known::code));

std::string_view code_of(net::AwsFault fault) {
  switch (fault) {
    case net::AwsFault::kMalformedHeader:
      return "AuthorizationHeaderMalformed";
    case net::AwsFault::kMalformedQuery:
      return "AuthorizationQueryParametersError";
    case net::AwsFault::kMismatch:
      return "SignatureDoesNotMatch";
    case net::AwsFault::kSkewed:
      return "RequestTimeTooSkewed";
    case net::AwsFault::kExpired:
    case net::AwsFault::kNotYetValid:
    case net::AwsFault::kUnsignedHeader:
      return "AccessDenied";
    case net::AwsFault::kPayload:
      return "XAmzContentSHA256Mismatch";
  }
  return "InternalError";
}

}  // namespace

S3Fault s3_fault(std::string_view code, std::string message) {
  const auto found = std::ranges::lower_bound(kKnown, code, {}, &Known::code);
  if (found == kKnown.end() || found->code != code) {
    log::error("S3: there is no error code {}", code);
    return s3_fault("InternalError");
  }
  return {found->status, std::string(code),
          message.empty() ? std::string(found->message) : std::move(message)};
}

S3Fault s3_fault(const Error& error, std::string_view missing) {
  switch (error.code) {
    case ErrorCode::kNotFound:
      return s3_fault(missing);
    case ErrorCode::kFailedPrecondition:
      return s3_fault("PreconditionFailed");
    case ErrorCode::kInvalidArgument:
      return s3_fault("InvalidArgument", error.message);
    case ErrorCode::kDeadlineExceeded:
      return s3_fault("RequestTimeout");
    case ErrorCode::kCancelled:
      return s3_fault("IncompleteBody");
    case ErrorCode::kPermissionDenied:
      return s3_fault("SignatureDoesNotMatch", error.message);
    case ErrorCode::kUnavailable:
      return s3_fault("SlowDown");
    default:
      // Files of this machine are no caller's business.
      log::error("S3: {}", error.describe());
      return s3_fault("InternalError");
  }
}

S3Fault s3_fault(const net::AwsRefusal& refusal, std::string_view access_key_id) {
  S3Fault fault = s3_fault(code_of(refusal.fault), refusal.message);
  if (refusal.fault == net::AwsFault::kMismatch) {
    fault.details = {{"AWSAccessKeyId", std::string(access_key_id)},
                     {"StringToSign", refusal.string_to_sign}};
    if (!refusal.canonical_request.empty()) {
      fault.details.emplace_back("CanonicalRequest", refusal.canonical_request);
    }
  }
  return fault;
}

}  // namespace ae::objects
