// Headers and parameters of S3 as values, and back.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include "base/text.h"
#include "objects/internal/s3_call.h"

namespace ae::objects {
namespace {

constexpr std::string_view kMetadataPrefix = "x-amz-meta-";
constexpr std::size_t kMaxMetadataBytes = 2048;  // S3's, of all names and values together

// Kept with the object and given back as sent.
constexpr std::array kKeptHeaders = std::to_array<std::string_view>(
    {"cache-control", "content-disposition", "content-encoding", "content-language", "expires"});

constexpr std::array kChecksumKinds = std::to_array<ChecksumKind>({
    {"crc32", "ChecksumCRC32", DigestKind::kCrc32},
    {"crc32c", "ChecksumCRC32C", DigestKind::kCrc32c},
    {"crc64nvme", "ChecksumCRC64NVME", DigestKind::kCrc64Nvme},
    {"sha1", "ChecksumSHA1", DigestKind::kSha1},
    {"sha256", "ChecksumSHA256", DigestKind::kSha256},
});

// "gzip, aws-chunked" -> "gzip": how the body was sent is not what it is.
std::string without_aws_chunked(std::string_view encodings) {
  std::string kept;
  for (const std::string_view each : split(encodings, ',')) {
    const std::string_view encoding = trim(each);
    if (encoding.empty() || to_lower(encoding) == "aws-chunked") continue;
    if (!kept.empty()) kept += ", ";
    kept += encoding;
  }
  return kept;
}

bool read_number(std::string_view text, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return !text.empty() && error == std::errc{} && end == text.data() + text.size();
}

// S3's order: an ETag decides before a date is looked at.
std::optional<S3Fault> check_copy_conditions(const S3Call& call, const ObjectInfo& info) {
  const std::string match = call.header("x-amz-copy-source-if-match");
  const std::string none_match = call.header("x-amz-copy-source-if-none-match");
  const auto since = parse_http_date(call.header("x-amz-copy-source-if-modified-since"));
  const auto until = parse_http_date(call.header("x-amz-copy-source-if-unmodified-since"));
  const auto modified = std::chrono::floor<std::chrono::seconds>(info.modified);
  const bool refused = (!match.empty() && without_quotes(match) != info.etag) ||
                       (match.empty() && until && modified > *until) ||
                       (!none_match.empty() && without_quotes(none_match) == info.etag) ||
                       (none_match.empty() && since && modified <= *since);
  if (refused) return s3_fault("PreconditionFailed");
  return std::nullopt;
}

}  // namespace

std::span<const ChecksumKind> checksum_kinds() { return kChecksumKinds; }

std::string in_quotes(std::string_view etag) { return "\"" + std::string(etag) + "\""; }

std::string without_quotes(std::string_view etag) {
  etag = trim(etag);
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') {
    etag = etag.substr(1, etag.size() - 2);
  }
  return std::string(etag);
}

std::string http_date(WallTime time) {
  return fmt::format("{:%a, %d %b %Y %H:%M:%S GMT}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(
                         std::chrono::floor<std::chrono::seconds>(time))));
}

std::optional<WallTime> parse_http_date(std::string_view text) {
  if (text.empty()) return std::nullopt;
  std::tm parts{};
  const std::string date(text);
  const char* const end = strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return WallTime{std::chrono::seconds{timegm(&parts)}};
}

std::optional<S3Fault> read_access(const S3Call& call, Access& access) {
  const std::string acl = call.header("x-amz-acl");
  if (acl.empty()) return std::nullopt;
  if (acl == "public-read") {
    access = Access::kPublicRead;
  } else if (acl == "private" || acl == "bucket-owner-read" || acl == "bucket-owner-full-control" ||
             acl == "aws-exec-read") {
    access = Access::kPrivate;  // there is but one owner
  } else if (acl == "public-read-write" || acl == "authenticated-read") {
    return s3_fault("NotImplemented", "The canned ACLs of this server are private and public-read");
  } else {
    S3Fault fault = s3_fault("InvalidArgument");
    fault.details = {{"ArgumentName", "x-amz-acl"}, {"ArgumentValue", shorten(acl, 100)}};
    return fault;
  }
  return std::nullopt;
}

std::optional<S3Fault> read_attributes(const S3Call& call, Attributes& attributes) {
  std::size_t metadata_bytes = 0;
  for (const auto& [name, value] : call.request().headers) {
    const std::string lower = to_lower(name);
    if (lower.starts_with(kMetadataPrefix)) {
      std::string key = lower.substr(kMetadataPrefix.size());
      metadata_bytes += key.size() + value.size();
      attributes.metadata[std::move(key)] = value;
    } else if (lower == "content-type") {
      if (!value.empty()) attributes.content_type = value;
    } else if (std::ranges::find(kKeptHeaders, lower) != kKeptHeaders.end()) {
      std::string kept = lower == "content-encoding" ? without_aws_chunked(value) : value;
      if (!kept.empty()) attributes.headers[lower] = std::move(kept);
    }
  }
  if (metadata_bytes > kMaxMetadataBytes) {
    return s3_fault("InvalidArgument",
                    "Your metadata headers exceed the maximum allowed metadata size");
  }
  return read_access(call, attributes.access);
}

std::optional<S3Fault> read_put_condition(const S3Call& call, PutCondition& condition) {
  const std::string none = call.header("If-None-Match");
  if (!none.empty() && none != "*") {
    return s3_fault("NotImplemented", "If-None-Match of a put takes nothing but *");
  }
  condition.if_absent = !none.empty();
  condition.if_etag = without_quotes(call.header("If-Match"));
  return std::nullopt;
}

void add_checksum_headers(net::Headers& headers, const std::map<std::string, std::string>& sums) {
  for (const auto& [name, value] : sums) headers.emplace_back("x-amz-checksum-" + name, value);
  if (sums.empty()) return;
  const bool composite = sums.begin()->second.find('-') != std::string::npos;
  headers.emplace_back("x-amz-checksum-type", composite ? "COMPOSITE" : "FULL_OBJECT");
}

void add_checksum_elements(XmlWriter& xml, const std::map<std::string, std::string>& sums) {
  for (const ChecksumKind& kind : checksum_kinds()) {
    const auto found = sums.find(std::string(kind.name));
    if (found != sums.end()) xml.element(kind.element, found->second);
  }
}

std::optional<ByteRange> read_range(std::string_view text, std::uint64_t size,
                                    bool& unsatisfiable) {
  unsatisfiable = false;
  constexpr std::string_view kUnit = "bytes=";
  if (!text.starts_with(kUnit)) return std::nullopt;
  text.remove_prefix(kUnit.size());
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::string_view first = trim(text.substr(0, dash));
  const std::string_view last = trim(text.substr(dash + 1));
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  if (first.empty()) {
    if (!read_number(last, end)) return std::nullopt;
    unsatisfiable = end == 0 || size == 0;
    end = std::min(end, size);
    return ByteRange{size - end, end};
  }
  if (!read_number(first, begin)) return std::nullopt;
  if (!last.empty() && (!read_number(last, end) || end < begin)) return std::nullopt;
  unsatisfiable = begin >= size;
  if (unsatisfiable) return std::nullopt;
  if (last.empty() || end >= size) end = size - 1;
  return ByteRange{begin, end - begin + 1};
}

std::optional<S3Fault> read_copy_source(S3Core& core, const S3Call& call, CopySource& source) {
  std::string text = call.header("x-amz-copy-source");
  const std::size_t query = text.find("?versionId=");
  if (query != std::string::npos) {
    if (text.substr(query) != "?versionId=null") return s3_fault("NoSuchVersion");
    text.resize(query);
  }
  auto decoded = net::percent_decode(text);
  if (!decoded) return s3_fault("InvalidArgument", "Copy Source must be URL-encoded");
  if (decoded->starts_with('/')) decoded->erase(0, 1);
  const std::size_t slash = decoded->find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == decoded->size()) {
    return s3_fault("InvalidArgument",
                    "Copy Source must mention the source bucket and key: sourcebucket/sourcekey");
  }
  source.bucket = decoded->substr(0, slash);
  source.key = decoded->substr(slash + 1);
  if (!core.store.bucket(source.bucket)) return s3_fault("NoSuchBucket");
  auto info = core.store.head(source.bucket, source.key);
  if (!info) return s3_fault(info.error(), "NoSuchKey");
  source.info = *std::move(info);
  return check_copy_conditions(call, source.info);
}

}  // namespace ae::objects
