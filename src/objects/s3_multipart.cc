#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/clock.h"
#include "base/hash.h"
#include "objects/internal/s3_call.h"

namespace ae::objects {
namespace {

constexpr int kMaxParts = 10'000;
constexpr std::uint64_t kMinPartBytes = 5ULL << 20U;  // of all but the last

std::optional<S3Fault> find_upload(S3Core& core, const S3Call& call, Upload& upload) {
  auto found = core.store.upload(call.target.bucket, call.target.key, call.parameter("uploadId"));
  if (!found) return s3_fault(found.error(), "NoSuchUpload");
  upload = *std::move(found);
  return std::nullopt;
}

std::optional<S3Fault> read_part_number(const S3Call& call, int& number) {
  if (call.parameter("partNumber").empty()) {
    return s3_fault("InvalidArgument", "This operation takes partNumber beside uploadId");
  }
  return call.number("partNumber", 1, kMaxParts, number);
}

struct Completion {
  std::vector<CompletedPart> parts;
  std::vector<std::map<std::string, std::string>> checksums;  // as named for each part
};

std::optional<S3Fault> read_completion(const S3Call& call, Completion& completion) {
  const auto document = parse_xml(call.request().body);
  if (!document || document->name != "CompleteMultipartUpload") return s3_fault("MalformedXML");
  for (const XmlElement& each : document->children) {
    if (each.name != "Part") continue;
    CompletedPart part;
    const std::string number = each.text_of("PartNumber");
    const auto [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), part.number);
    if (error != std::errc{} || end != number.data() + number.size() || part.number < 1 ||
        part.number > kMaxParts) {
      return s3_fault("MalformedXML");
    }
    part.etag = without_quotes(each.text_of("ETag"));
    if (!completion.parts.empty() && part.number <= completion.parts.back().number) {
      return s3_fault("InvalidPartOrder");
    }
    std::map<std::string, std::string> checksums;
    for (const ChecksumKind& kind : checksum_kinds()) {
      std::string value = each.text_of(kind.element);
      if (!value.empty()) checksums[std::string(kind.name)] = std::move(value);
    }
    completion.parts.push_back(std::move(part));
    completion.checksums.push_back(std::move(checksums));
  }
  return completion.parts.empty() ? std::optional(s3_fault("MalformedXML")) : std::nullopt;
}

// Sizes and checksums of the named parts; the digest of their digests for each algorithm that all
// of them have.
std::optional<S3Fault> check_parts(const std::vector<Part>& stored, const Completion& completion,
                                   std::map<std::string, std::string>& composite) {
  std::map<std::string, std::string> joined;
  for (const ChecksumKind& kind : checksum_kinds()) joined[std::string(kind.name)] = "";
  for (std::size_t i = 0; i < completion.parts.size(); ++i) {
    const CompletedPart& wanted = completion.parts[i];
    const auto part = std::ranges::find(stored, wanted.number, &Part::number);
    if (part == stored.end() || part->etag != wanted.etag) return s3_fault("InvalidPart");
    if (i + 1 < completion.parts.size() && part->size < kMinPartBytes) {
      S3Fault fault = s3_fault("EntityTooSmall");
      fault.details = {{"PartNumber", std::to_string(part->number)},
                       {"ProposedSize", std::to_string(part->size)},
                       {"MinSizeAllowed", std::to_string(kMinPartBytes)}};
      return fault;
    }
    for (const auto& [name, value] : completion.checksums[i]) {
      const auto known = part->checksums.find(name);
      if (known != part->checksums.end() && known->second != value) return s3_fault("InvalidPart");
    }
    for (auto each = joined.begin(); each != joined.end();) {
      const auto known = part->checksums.find(each->first);
      if (known == part->checksums.end()) {
        each = joined.erase(each);
      } else {
        each->second += from_base64(known->second).value_or("");
        ++each;
      }
    }
  }
  for (const auto& [name, digests] : joined) {
    const auto kind = std::ranges::find(checksum_kinds(), name, &ChecksumKind::name);
    // Of CRC64NVME there are only digests of whole objects, which nobody has computed.
    if (kind->kind == DigestKind::kCrc64Nvme) continue;
    composite[name] =
        fmt::format("{}-{}", to_base64(digest(kind->kind, digests)), completion.parts.size());
  }
  return std::nullopt;
}

}  // namespace

void begin_upload(S3Core& core, const S3CallPtr& call) {
  if (call->target.key.size() > 1024) return call->fail(s3_fault("KeyTooLongError"));
  if (!key_fault(call->target.key).empty()) return call->fail(s3_fault("InvalidURI"));
  if (call->header("x-amz-checksum-type") == "FULL_OBJECT") {
    return call->fail(s3_fault("NotImplemented",
                               "Checksums of objects in parts are digests of the parts' digests "
                               "here: x-amz-checksum-type COMPOSITE"));
  }
  Attributes attributes;
  if (auto fault = read_attributes(*call, attributes)) return call->fail(*fault);
  const auto upload =
      core.store.begin_upload(call->target.bucket, call->target.key, std::move(attributes));
  if (!upload) return call->fail(s3_fault(upload.error(), "NoSuchBucket"));
  XmlWriter xml("InitiateMultipartUploadResult");
  xml.element("Bucket", call->target.bucket).element("Key", call->target.key);
  xml.element("UploadId", upload->id);
  net::Headers headers;
  if (const std::string algorithm = call->header("x-amz-checksum-algorithm"); !algorithm.empty()) {
    headers.emplace_back("x-amz-checksum-algorithm", algorithm);
  }
  call->respond_xml(xml, 200, std::move(headers));
}

void put_part(S3Core& core, const S3CallPtr& call) {
  int number = 0;
  if (auto fault = read_part_number(*call, number)) return call->fail(*fault);
  Upload upload;
  if (auto fault = find_upload(core, *call, upload)) return call->fail(*fault);
  receive_body(core, call,
               [&core, call, number, upload = std::move(upload)](Received received) mutable {
                 const auto part = core.store.put_part(upload, number, std::move(received.content),
                                                       std::move(received.checksums));
                 if (!part) return call->fail(s3_fault(part.error(), "NoSuchUpload"));
                 net::Headers headers{{"ETag", in_quotes(part->etag)}};
                 for (const auto& [name, value] : part->checksums) {
                   headers.emplace_back("x-amz-checksum-" + name, value);
                 }
                 call->respond(200, std::move(headers));
               });
}

void copy_part(S3Core& core, const S3CallPtr& call) {
  int number = 0;
  if (auto fault = read_part_number(*call, number)) return call->fail(*fault);
  Upload upload;
  if (auto fault = find_upload(core, *call, upload)) return call->fail(*fault);
  CopySource source;
  if (auto fault = read_copy_source(core, *call, source)) return call->fail(*fault);
  const auto object = core.store.get(source.bucket, source.key);
  if (!object) return call->fail(s3_fault(object.error(), "NoSuchKey"));
  ByteRange range{0, object->info.size};
  if (const std::string text = call->header("x-amz-copy-source-range"); !text.empty()) {
    bool unsatisfiable = false;
    const auto wanted = read_range(text, object->info.size, unsatisfiable);
    if (!wanted || unsatisfiable) {
      return call->fail(s3_fault("InvalidArgument",
                                 "The x-amz-copy-source-range value must be of the form "
                                 "bytes=first-last and lie within the object"));
    }
    range = *wanted;
  }
  auto content = core.store.receive();
  if (!content) return call->fail(s3_fault(content.error(), "NoSuchUpload"));
  auto copied = append_file(*content, object->file, range.begin, range.size);
  if (copied) copied = content->seal();
  if (!copied) return call->fail(s3_fault(copied.error(), "NoSuchUpload"));
  const auto part = core.store.put_part(upload, number, *std::move(content), {});
  if (!part) return call->fail(s3_fault(part.error(), "NoSuchUpload"));
  XmlWriter xml("CopyPartResult");
  xml.element("ETag", in_quotes(part->etag)).element("LastModified", to_rfc3339(part->modified));
  call->respond_xml(xml);
}

void complete_upload(S3Core& core, const S3CallPtr& call) {
  Completion completion;
  if (auto fault = read_completion(*call, completion)) return call->fail(*fault);
  PutCondition condition;
  if (auto fault = read_put_condition(*call, condition)) return call->fail(*fault);
  Upload upload;
  if (auto fault = find_upload(core, *call, upload)) return call->fail(*fault);
  const auto stored = core.store.parts(upload);
  if (!stored) return call->fail(s3_fault(stored.error(), "NoSuchUpload"));
  Attributes attributes = upload.attributes;
  if (auto fault = check_parts(*stored, completion, attributes.checksums)) {
    return call->fail(*fault);
  }
  const auto info = core.store.complete_upload(call->target.bucket, upload, completion.parts,
                                               std::move(attributes), condition);
  if (!info) return call->fail(s3_fault(info.error(), "NoSuchUpload"));
  XmlWriter xml("CompleteMultipartUploadResult");
  xml.element("Location", fmt::format("http://{}{}", call->header("Host"),
                                      object_path(call->target.bucket, call->target.key)));
  xml.element("Bucket", call->target.bucket).element("Key", call->target.key);
  xml.element("ETag", in_quotes(info->etag));
  add_checksum_elements(xml, info->attributes.checksums);
  if (!info->attributes.checksums.empty()) xml.element("ChecksumType", "COMPOSITE");
  call->respond_xml(xml);
}

void abort_upload(S3Core& core, const S3CallPtr& call) {
  Upload upload;
  if (auto fault = find_upload(core, *call, upload)) return call->fail(*fault);
  if (auto aborted = core.store.abort_upload(upload); !aborted) {
    return call->fail(s3_fault(aborted.error(), "NoSuchUpload"));
  }
  call->respond(204);
}

void list_parts(S3Core& core, const S3CallPtr& call) {
  int max_parts = 1000;
  int marker = 0;
  if (auto fault = call->number("max-parts", 0, 2'147'483'647, max_parts)) {
    return call->fail(*fault);
  }
  if (auto fault = call->number("part-number-marker", 0, 2'147'483'647, marker)) {
    return call->fail(*fault);
  }
  max_parts = std::min(max_parts, 1000);
  Upload upload;
  if (auto fault = find_upload(core, *call, upload)) return call->fail(*fault);
  const auto parts = core.store.parts(upload);
  if (!parts) return call->fail(s3_fault(parts.error(), "NoSuchUpload"));
  std::vector<Part> shown;
  bool truncated = false;
  for (const Part& part : *parts) {
    if (part.number <= marker) continue;
    truncated = shown.size() == static_cast<std::size_t>(max_parts);
    if (truncated) break;
    shown.push_back(part);
  }
  XmlWriter xml("ListPartsResult");
  xml.element("Bucket", call->target.bucket).element("Key", call->target.key);
  xml.element("UploadId", upload.id);
  xml.element("PartNumberMarker", static_cast<std::uint64_t>(marker));
  if (!shown.empty()) {
    xml.element("NextPartNumberMarker", static_cast<std::uint64_t>(shown.back().number));
  }
  xml.element("MaxParts", static_cast<std::uint64_t>(max_parts));
  xml.element("IsTruncated", truncated ? "true" : "false").element("StorageClass", "STANDARD");
  for (const Part& part : shown) {
    xml.open("Part").element("PartNumber", static_cast<std::uint64_t>(part.number));
    xml.element("LastModified", to_rfc3339(part.modified)).element("ETag", in_quotes(part.etag));
    xml.element("Size", part.size);
    add_checksum_elements(xml, part.checksums);
    xml.close();
  }
  call->respond_xml(xml);
}

}  // namespace ae::objects
