#include "net/aws_signature.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/hash.h"
#include "base/text.h"
#include "net/internal/aws_canonical.h"

namespace ae::net {
namespace {

using internal::canonical_request;
using internal::find_item;
using internal::query_items;
using internal::QueryItems;

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
// AWS's own limit for presigned URLs: a week.
constexpr std::int64_t kMaxExpires = 604'800;

std::unexpected<AwsRefusal> refuse(AwsFault fault, std::string message) {
  return std::unexpected(AwsRefusal{fault, std::move(message), {}, {}});
}

template <class Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

bool is_hash(std::string_view text) {
  return text.size() == 64 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::string hmac_hex(std::string_view key, std::string_view text) {
  return to_hex(hmac_sha256(key, text));
}

// "AKID/20261120/eu-west-1/s3/aws4_request" into the claim. False when it is not that.
bool read_credential(std::string_view text, AwsClaim& claim) {
  const auto parts = split(text, '/');
  if (parts.size() != 5 || parts[4] != "aws4_request") return false;
  if (std::ranges::any_of(parts, [](std::string_view part) { return part.empty(); })) return false;
  claim.access_key_id = parts[0];
  claim.scope = {std::string(parts[1]), std::string(parts[2]), std::string(parts[3])};
  return claim.scope.date.size() == 8;
}

bool read_signed_headers(std::string_view text, AwsClaim& claim) {
  for (const std::string_view name : split(text, ';')) {
    if (name.empty()) return false;
    claim.signed_headers.push_back(to_lower(name));
  }
  return std::ranges::is_sorted(claim.signed_headers);
}

AwsResult<std::optional<AwsClaim>> read_header(const Request& request, std::string_view text) {
  const auto malformed = [](std::string message) {
    return refuse(AwsFault::kMalformedHeader, std::move(message));
  };
  AwsClaim claim;
  text.remove_prefix(kAlgorithm.size());
  std::string_view credential;
  std::string_view headers;
  for (const std::string_view part : split(text, ',')) {
    const std::string_view field = trim(part);
    const std::size_t equals = field.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = field.substr(0, equals);
    const std::string_view value = trim(field.substr(equals + 1));
    if (name == "Credential") credential = value;
    if (name == "SignedHeaders") headers = value;
    if (name == "Signature") claim.signature = value;
  }
  if (!read_credential(credential, claim)) {
    return malformed(
        "the authorization header is malformed; the Credential is mal-formed; expecting "
        "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".");
  }
  if (!read_signed_headers(headers, claim)) {
    return malformed("the authorization header requires SignedHeaders, lower case and sorted.");
  }
  if (!is_hash(claim.signature)) {
    return malformed("the authorization header requires a Signature of 64 hexadecimal digits.");
  }
  claim.timestamp = request.header("X-Amz-Date").value_or("");
  if (claim.timestamp.empty()) {
    return malformed("AWS authentication requires a valid Date or x-amz-date header");
  }
  claim.payload_hash = request.header("X-Amz-Content-Sha256").value_or("");
  return claim;
}

AwsResult<std::optional<AwsClaim>> read_presigned(const Request& request, const QueryItems& query) {
  const auto malformed = [](std::string message) {
    return refuse(AwsFault::kMalformedQuery, std::move(message));
  };
  AwsClaim claim;
  claim.form = AwsClaim::Form::kPresigned;
  if (find_item(query, "X-Amz-Algorithm") != kAlgorithm) {
    return malformed("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"");
  }
  if (!read_credential(find_item(query, "X-Amz-Credential"), claim)) {
    return malformed(
        "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "
        "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".");
  }
  if (!read_signed_headers(find_item(query, "X-Amz-SignedHeaders"), claim)) {
    return malformed("X-Amz-SignedHeaders must name the signed headers, lower case and sorted");
  }
  claim.signature = find_item(query, "X-Amz-Signature");
  if (!is_hash(claim.signature)) {
    return malformed(
        "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
        "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.");
  }
  claim.timestamp = find_item(query, "X-Amz-Date");
  std::int64_t seconds = 0;
  if (!read_number(find_item(query, "X-Amz-Expires"), seconds)) {
    return malformed("X-Amz-Expires should be a number");
  }
  if (seconds < 0) return malformed("X-Amz-Expires must be non-negative");
  if (seconds > kMaxExpires) {
    return malformed("X-Amz-Expires must be less than a week (in seconds) that is 604800");
  }
  claim.expires = std::chrono::seconds{seconds};
  claim.payload_hash = find_item(query, "X-Amz-Content-Sha256");
  if (claim.payload_hash.empty()) {
    claim.payload_hash = request.header("X-Amz-Content-Sha256").value_or(kUnsignedPayload);
  }
  return claim;
}

AwsResult<std::optional<AwsClaim>> read_presigned_v2(const QueryItems& query) {
  AwsClaim claim;
  claim.form = AwsClaim::Form::kPresignedV2;
  claim.access_key_id = find_item(query, "AWSAccessKeyId");
  claim.signature = find_item(query, "Signature");
  std::int64_t seconds = 0;
  if (claim.signature.empty() || !read_number(find_item(query, "Expires"), seconds)) {
    return refuse(AwsFault::kMalformedQuery,
                  "Query-string authentication requires the Signature, Expires and AWSAccessKeyId "
                  "parameters");
  }
  claim.expires = std::chrono::seconds{seconds};
  claim.payload_hash = kUnsignedPayload;
  return claim;
}

// What must not be changed on the way must be signed.
bool all_signed(const Request& request, const std::vector<std::string>& names) {
  const auto is_signed = [&](std::string_view name) {
    return std::ranges::binary_search(names, name);
  };
  if (!is_signed("host")) return false;
  return std::ranges::all_of(request.headers, [&](const auto& header) {
    const std::string name = to_lower(header.first);
    return !name.starts_with("x-amz-") || name == "x-amz-content-sha256" || is_signed(name);
  });
}

std::optional<AwsRefusal> check_time(const AwsClaim& claim, WallTime now) {
  const auto signed_at = parse_aws_timestamp(claim.timestamp);
  const auto malformed = claim.form == AwsClaim::Form::kHeader ? AwsFault::kMalformedHeader
                                                               : AwsFault::kMalformedQuery;
  if (!signed_at) {
    return AwsRefusal{malformed,
                      "X-Amz-Date must be in the ISO8601 Long Format "
                      "\"yyyyMMdd'T'HHmmss'Z'\"",
                      {},
                      {}};
  }
  if (!claim.timestamp.starts_with(claim.scope.date)) {
    return AwsRefusal{malformed,
                      fmt::format("Invalid credential date \"{}\". This date is not the same as "
                                  "X-Amz-Date: \"{}\".",
                                  shorten(claim.scope.date, 20), claim.timestamp.substr(0, 8)),
                      {},
                      {}};
  }
  if (claim.form == AwsClaim::Form::kHeader) {
    if (now - *signed_at <= kAwsClockSkew && *signed_at - now <= kAwsClockSkew) return {};
    return AwsRefusal{AwsFault::kSkewed,
                      "The difference between the request time and the current time is too large.",
                      {},
                      {}};
  }
  if (*signed_at - now > kAwsClockSkew) {
    return AwsRefusal{AwsFault::kNotYetValid, "Request is not valid yet", {}, {}};
  }
  if (now > *signed_at + claim.expires) {
    return AwsRefusal{AwsFault::kExpired, "Request has expired", {}, {}};
  }
  return {};
}

constexpr std::string_view kMismatchMessage =
    "The request signature we calculated does not match the signature you provided. Check your "
    "key and signing method.";

// ---- Version 2 -------------------------------------------------------------------------------

// Parameters that choose what a request is about; the others were never signed.
bool is_subresource(std::string_view name) {
  static constexpr std::array kNames =
      std::to_array<std::string_view>({"accelerate",
                                       "acl",
                                       "cors",
                                       "defaultObjectAcl",
                                       "delete",
                                       "lifecycle",
                                       "location",
                                       "logging",
                                       "notification",
                                       "partNumber",
                                       "policy",
                                       "replication",
                                       "requestPayment",
                                       "response-cache-control",
                                       "response-content-disposition",
                                       "response-content-encoding",
                                       "response-content-language",
                                       "response-content-type",
                                       "response-expires",
                                       "restore",
                                       "storageClass",
                                       "tagging",
                                       "torrent",
                                       "uploadId",
                                       "uploads",
                                       "versionId",
                                       "versioning",
                                       "versions",
                                       "website"});
  return std::ranges::binary_search(kNames, name);
}

std::string string_to_sign_v2(const Request& request, const AwsClaim& claim,
                              std::string_view bucket) {
  std::string text = request.method + "\n";
  text.append(request.header("Content-MD5").value_or("")).append("\n");
  text.append(request.header("Content-Type").value_or("")).append("\n");
  text.append(fmt::format("{}\n", claim.expires.count()));
  std::vector<std::string> names;
  for (const auto& [name, value] : request.headers) {
    if (std::string lower = to_lower(name); lower.starts_with("x-amz-")) names.push_back(lower);
  }
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  QueryItems query = query_items(request.query());
  std::ranges::sort(query);
  for (const std::string& name : names) {
    text.append(name).append(":").append(internal::canonical_header(request.headers, name));
    text.append("\n");
  }
  if (!bucket.empty()) text.append("/").append(bucket);
  text.append(request.path());
  char mark = '?';
  for (const auto& [name, value] : query) {
    if (!is_subresource(name)) continue;
    text.append(1, std::exchange(mark, '&')).append(name);
    if (!value.empty()) text.append("=").append(value);
  }
  return text;
}

AwsResult<std::string> verify_v2(const Request& request, const AwsClaim& claim,
                                 std::string_view secret, WallTime now, std::string_view bucket) {
  if (now.time_since_epoch() > claim.expires) {
    return refuse(AwsFault::kExpired, "Request has expired");
  }
  const std::string text = string_to_sign_v2(request, claim, bucket);
  if (equal_in_constant_time(to_base64(hmac_sha1(secret, text)), claim.signature)) return "";
  return std::unexpected(AwsRefusal{AwsFault::kMismatch, std::string(kMismatchMessage), {}, text});
}

// Names of all headers, lower case, each once.
std::vector<std::string> all_names(const Headers& headers) {
  std::vector<std::string> names;
  for (const auto& [name, value] : headers) names.push_back(to_lower(name));
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  return names;
}

}  // namespace

AwsResult<std::optional<AwsClaim>> read_aws_claim(const Request& request) {
  const auto header = request.header("Authorization");
  if (header && header->starts_with(kAlgorithm)) return read_header(request, *header);
  const QueryItems query = query_items(request.query());
  const auto has = [&](std::string_view name) {
    return std::ranges::find(query, name, &QueryItems::value_type::first) != query.end();
  };
  if (has("X-Amz-Algorithm") || has("X-Amz-Signature")) return read_presigned(request, query);
  if (has("AWSAccessKeyId")) return read_presigned_v2(query);
  if (header && header->starts_with("AWS ")) {
    return refuse(AwsFault::kMalformedHeader,
                  "The authorization mechanism you have provided is not supported. Please use "
                  "AWS4-HMAC-SHA256.");
  }
  return std::nullopt;
}

AwsResult<std::string> verify_aws_claim(const Request& request, const AwsClaim& claim,
                                        std::string_view secret, WallTime now,
                                        std::string_view v2_bucket) {
  if (claim.form == AwsClaim::Form::kPresignedV2) {
    return verify_v2(request, claim, secret, now, v2_bucket);
  }
  if (auto refusal = check_time(claim, now)) return std::unexpected(*std::move(refusal));
  if (!all_signed(request, claim.signed_headers)) {
    return refuse(AwsFault::kUnsignedHeader,
                  "There were headers present in the request which were not signed");
  }
  QueryItems query = query_items(request.query());
  std::erase_if(query, [](const auto& item) { return item.first == "X-Amz-Signature"; });
  const std::string payload =
      claim.payload_hash.empty() ? sha256_hex(request.body) : claim.payload_hash;
  const std::string key = aws_signing_key(secret, claim.scope);
  AwsRefusal mismatch{AwsFault::kMismatch, std::string(kMismatchMessage), {}, {}};
  const std::string canonical_path = internal::canonical_path(request.path(), claim.scope.service);
  // Some SDKs sign the path of S3 exactly as they send it, '=' and '+' unescaped.
  for (const std::string_view path : {std::string_view(canonical_path), request.path()}) {
    std::string canonical = canonical_request(request, path, query, claim.signed_headers, payload);
    std::string to_sign = internal::string_to_sign(claim.timestamp, claim.scope, canonical);
    if (equal_in_constant_time(hmac_hex(key, to_sign), claim.signature)) return key;
    mismatch.canonical_request = std::move(canonical);
    mismatch.string_to_sign = std::move(to_sign);
    if (claim.scope.service != "s3") break;
  }
  return std::unexpected(std::move(mismatch));
}

std::string aws_signing_key(std::string_view secret, const AwsScope& scope) {
  std::string key = hmac_sha256("AWS4" + std::string(secret), scope.date);
  key = hmac_sha256(key, scope.region);
  key = hmac_sha256(key, scope.service);
  return hmac_sha256(key, "aws4_request");
}

void sign_aws_request(Request& request, const AwsCredentials& credentials,
                      const AwsSigning& signing) {
  const std::string timestamp = to_aws_timestamp(signing.now);
  const AwsScope scope{timestamp.substr(0, 8), signing.region, signing.service};
  const std::string hash =
      signing.payload_hash.empty() ? sha256_hex(request.body) : signing.payload_hash;
  request.headers.emplace_back("X-Amz-Date", timestamp);
  if (!credentials.session_token.empty()) {
    request.headers.emplace_back("X-Amz-Security-Token", credentials.session_token);
  }
  if (signing.service == "s3") request.headers.emplace_back("X-Amz-Content-Sha256", hash);
  const std::vector<std::string> names = all_names(request.headers);
  const std::string canonical =
      canonical_request(request, internal::canonical_path(request.path(), signing.service),
                        query_items(request.query()), names, hash);
  const std::string key = aws_signing_key(credentials.secret_access_key, scope);
  request.headers.emplace_back(
      "Authorization",
      fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", kAlgorithm,
                  credentials.access_key_id, scope.text(), join(names, ";"),
                  hmac_hex(key, internal::string_to_sign(timestamp, scope, canonical))));
}

std::string presign_aws_target(std::string_view method, std::string_view host,
                               std::string_view target, const AwsCredentials& credentials,
                               const AwsSigning& signing, std::chrono::seconds valid_for) {
  Request request;
  request.method = method;
  request.target = target;
  request.headers = {{"Host", std::string(host)}};
  const std::string timestamp = to_aws_timestamp(signing.now);
  const AwsScope scope{timestamp.substr(0, 8), signing.region, signing.service};
  QueryItems query = query_items(request.query());
  query.emplace_back("X-Amz-Algorithm", kAlgorithm);
  query.emplace_back("X-Amz-Credential", credentials.access_key_id + "/" + scope.text());
  query.emplace_back("X-Amz-Date", timestamp);
  query.emplace_back("X-Amz-Expires", std::to_string(valid_for.count()));
  query.emplace_back("X-Amz-SignedHeaders", "host");
  if (!credentials.session_token.empty()) {
    query.emplace_back("X-Amz-Security-Token", credentials.session_token);
  }
  const std::string hash =
      signing.payload_hash.empty() ? std::string(kUnsignedPayload) : signing.payload_hash;
  const std::string canonical = canonical_request(
      request, internal::canonical_path(request.path(), signing.service), query, {"host"}, hash);
  const std::string key = aws_signing_key(credentials.secret_access_key, scope);
  return fmt::format("{}?{}&X-Amz-Signature={}", request.path(), internal::canonical_query(query),
                     hmac_hex(key, internal::string_to_sign(timestamp, scope, canonical)));
}

std::optional<WallTime> parse_aws_timestamp(std::string_view text) {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z' || text[0] == '-' ||
      !read_number(text.substr(0, 4), year) || !read_number(text.substr(4, 2), month) ||
      !read_number(text.substr(6, 2), day) || !read_number(text.substr(9, 2), hour) ||
      !read_number(text.substr(11, 2), minute) || !read_number(text.substr(13, 2), second)) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{month},
                                         std::chrono::day{day}};
  if (!date.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
      second > 59) {
    return std::nullopt;
  }
  return WallTime{std::chrono::sys_days{date} + std::chrono::hours{hour} +
                  std::chrono::minutes{minute} + std::chrono::seconds{second}};
}

std::string to_aws_timestamp(WallTime time) {
  return fmt::format("{:%Y%m%dT%H%M%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(
                                              std::chrono::floor<std::chrono::seconds>(time))));
}

}  // namespace ae::net
