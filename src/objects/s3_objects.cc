#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/clock.h"
#include "base/text.h"
#include "objects/internal/s3_call.h"

namespace ae::objects {
namespace {

// Parameters of a GET that replace a header of its answer.
constexpr std::array kOverrides = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"response-cache-control", "Cache-Control"},
    {"response-content-disposition", "Content-Disposition"},
    {"response-content-encoding", "Content-Encoding"},
    {"response-content-language", "Content-Language"},
    {"response-content-type", "Content-Type"},
    {"response-expires", "Expires"},
});

// "*", or a list of tags, W/ or not.
bool names_etag(std::string_view list, std::string_view etag) {
  for (const std::string_view each : split(list, ',')) {
    std::string_view tag = trim(each);
    if (tag == "*") return true;
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    if (without_quotes(tag) == etag) return true;
  }
  return false;
}

// RFC 9110, section 13.2.2: the order in which conditions count. 0: send it.
int condition_status(const S3Call& call, const ObjectInfo& info) {
  const std::string match = call.header("If-Match");
  const std::string none_match = call.header("If-None-Match");
  const auto modified = std::chrono::floor<std::chrono::seconds>(info.modified);
  if (!match.empty()) {
    if (!names_etag(match, info.etag)) return 412;
  } else if (const auto until = parse_http_date(call.header("If-Unmodified-Since"))) {
    if (modified > *until) return 412;
  }
  if (!none_match.empty()) {
    if (names_etag(none_match, info.etag)) return 304;
  } else if (const auto since = parse_http_date(call.header("If-Modified-Since"))) {
    if (modified <= *since) return 304;
  }
  return 0;
}

// Objects come from strangers and share their origin with the server's API: as a page they must not
// be able to call it. All but what browsers only show.
bool may_run_in_a_browser(std::string_view content_type) {
  const std::string type = to_lower(content_type);
  const bool only_shown = (type.starts_with("image/") && !type.starts_with("image/svg")) ||
                          type.starts_with("audio/") || type.starts_with("video/") ||
                          type.starts_with("application/pdf");
  return !only_shown;
}

net::Headers object_headers(const S3Call& call, const ObjectInfo& info) {
  const Attributes& attributes = info.attributes;
  net::Headers headers{{"ETag", in_quotes(info.etag)},
                       {"Last-Modified", http_date(info.modified)},
                       {"Accept-Ranges", "bytes"}};
  const auto override_of = [&](std::string_view header) -> std::string {
    for (const auto& [parameter, name] : kOverrides) {
      if (to_lower(name) == header) return call.parameter(parameter);
    }
    return {};
  };
  const std::string type = override_of("content-type");
  headers.emplace_back("Content-Type", type.empty() ? attributes.content_type : type);
  if (may_run_in_a_browser(headers.back().second)) {
    headers.emplace_back("Content-Security-Policy", "sandbox");
  }
  for (const auto& [parameter, name] : kOverrides) {
    const std::string lower = to_lower(name);
    if (lower == "content-type") continue;
    std::string value = call.parameter(parameter);
    const auto kept = attributes.headers.find(lower);
    if (value.empty() && kept != attributes.headers.end()) value = kept->second;
    if (!value.empty()) headers.emplace_back(name, value);
  }
  for (const auto& [name, value] : attributes.metadata) {
    headers.emplace_back("x-amz-meta-" + name, value);
  }
  return headers;
}

// A part of an object made of one: all of it. Where others were put together is not kept.
std::optional<S3Fault> check_part_number(const S3Call& call, const ObjectInfo& info) {
  int number = 1;
  if (auto fault = call.number("partNumber", 1, 10'000, number)) return fault;
  if (!call.has("partNumber")) return std::nullopt;
  if (info.etag.find('-') != std::string::npos) {
    return s3_fault("NotImplemented", "Getting single parts of an object is not supported here");
  }
  if (number > 1) return s3_fault("InvalidPartNumber");
  return std::nullopt;
}

void send_object(const S3CallPtr& call, const OpenObject& object) {
  const ObjectInfo& info = object.info;
  if (const int status = condition_status(*call, info); status == 304) {
    return call->respond(
        304, {{"ETag", in_quotes(info.etag)}, {"Last-Modified", http_date(info.modified)}});
  } else if (status == 412) {
    return call->fail(s3_fault("PreconditionFailed"));
  }
  if (auto fault = check_part_number(*call, info)) return call->fail(*fault);
  net::Headers headers = object_headers(*call, info);
  bool unsatisfiable = false;
  const auto range = read_range(call->header("Range"), info.size, unsatisfiable);
  if (unsatisfiable) {
    S3Fault fault = s3_fault("InvalidRange");
    fault.details = {{"RangeRequested", call->header("Range")},
                     {"ActualObjectSize", std::to_string(info.size)}};
    return call->fail(fault);
  }
  if (!range) {
    if (to_lower(call->header("x-amz-checksum-mode")) == "enabled") {
      add_checksum_headers(headers, info.attributes.checksums);
    }
    return call->respond_file(200, std::move(headers), {object.file, 0, info.size});
  }
  headers.emplace_back("Content-Range", fmt::format("bytes {}-{}/{}", range->begin,
                                                    range->begin + range->size - 1, info.size));
  call->respond_file(206, std::move(headers), {object.file, range->begin, range->size});
}

std::optional<S3Fault> check_key(const std::string& key) {
  if (key.size() > 1024) return s3_fault("KeyTooLongError");
  if (!key_fault(key).empty()) return s3_fault("InvalidURI");
  return std::nullopt;
}

}  // namespace

void get_object(S3Core& core, const S3CallPtr& call) {
  const auto object = core.store.get(call->target.bucket, call->target.key);
  if (!object) return call->fail(s3_fault(object.error(), "NoSuchKey"));
  send_object(call, *object);
}

void put_object(S3Core& core, const S3CallPtr& call) {
  if (auto fault = check_key(call->target.key)) return call->fail(*fault);
  Attributes attributes;
  if (auto fault = read_attributes(*call, attributes)) return call->fail(*fault);
  PutCondition condition;
  if (auto fault = read_put_condition(*call, condition)) return call->fail(*fault);
  receive_body(core, call,
               [&core, call, attributes = std::move(attributes),
                condition = std::move(condition)](Received received) mutable {
                 attributes.checksums = received.checksums;
                 const auto stored =
                     core.store.put(call->target.bucket, call->target.key,
                                    std::move(received.content), std::move(attributes), condition);
                 if (!stored) return call->fail(s3_fault(stored.error(), "NoSuchBucket"));
                 net::Headers headers{{"ETag", in_quotes(stored->etag)}};
                 add_checksum_headers(headers, stored->attributes.checksums);
                 call->respond(200, std::move(headers));
               });
}

void copy_object(S3Core& core, const S3CallPtr& call) {
  if (auto fault = check_key(call->target.key)) return call->fail(*fault);
  CopySource source;
  if (auto fault = read_copy_source(core, *call, source)) return call->fail(*fault);
  const std::string directive = call->header("x-amz-metadata-directive");
  if (!directive.empty() && directive != "COPY" && directive != "REPLACE") {
    return call->fail(s3_fault("InvalidArgument", "Unknown metadata directive."));
  }
  const bool onto_itself = source.bucket == call->target.bucket && source.key == call->target.key;
  if (onto_itself && directive != "REPLACE" && call->header("x-amz-storage-class").empty()) {
    return call->fail(
        s3_fault("InvalidRequest",
                 "This copy request is illegal because it is trying to copy an object to itself "
                 "without changing the object's metadata, storage class, website redirect location "
                 "or encryption attributes."));
  }
  Attributes attributes = directive == "REPLACE" ? Attributes{} : source.info.attributes;
  attributes.access = Access::kPrivate;  // never copied
  const auto fault = directive == "REPLACE" ? read_attributes(*call, attributes)
                                            : read_access(*call, attributes.access);
  if (fault) return call->fail(*fault);
  const auto copied = core.store.copy(source.bucket, source.key, call->target.bucket,
                                      call->target.key, std::move(attributes));
  if (!copied) return call->fail(s3_fault(copied.error(), "NoSuchKey"));
  XmlWriter xml("CopyObjectResult");
  xml.element("ETag", in_quotes(copied->etag))
      .element("LastModified", to_rfc3339(copied->modified));
  add_checksum_elements(xml, copied->attributes.checksums);
  call->respond_xml(xml);
}

void delete_object(S3Core& core, const S3CallPtr& call) {
  const std::array keys{call->target.key};
  if (auto removed = core.store.remove(call->target.bucket, keys); !removed) {
    return call->fail(s3_fault(removed.error(), "NoSuchBucket"));
  }
  call->respond(204);
}

// Objects have no tags here; clients ask nevertheless when they copy.
void get_tagging(S3Core& core, const S3CallPtr& call) {
  const auto info = core.store.head(call->target.bucket, call->target.key);
  if (!info) return call->fail(s3_fault(info.error(), "NoSuchKey"));
  XmlWriter xml("Tagging");
  xml.open("TagSet");
  call->respond_xml(xml);
}

}  // namespace ae::objects
