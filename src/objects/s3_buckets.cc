#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "base/hash.h"
#include "objects/internal/s3_call.h"

namespace ae::objects {
namespace {

constexpr std::string_view kOwner = "action-engine";
constexpr int kMaxKeys = 1000;

void add_owner(XmlWriter& xml) {
  xml.open("Owner").element("ID", kOwner).element("DisplayName", kOwner).close();
}

// Keys as the listing's encoding-type wants them.
std::string shown(const S3Call& call, const std::string& text) {
  if (call.parameter("encoding-type") != "url") return text;
  std::string encoded;
  for (std::string_view rest = text;;) {
    const std::size_t slash = rest.find('/');
    encoded += net::percent_encode(rest.substr(0, slash));
    if (slash == std::string_view::npos) return encoded;
    encoded += '/';
    rest.remove_prefix(slash + 1);
  }
}

std::optional<S3Fault> check_encoding(const S3Call& call) {
  const std::string encoding = call.parameter("encoding-type");
  if (encoding.empty() || encoding == "url") return std::nullopt;
  return s3_fault("InvalidArgument", "Invalid Encoding Method specified in Request");
}

void add_object(const S3Call& call, XmlWriter& xml, const ObjectInfo& info, bool with_owner) {
  xml.open("Contents");
  xml.element("Key", shown(call, info.key)).element("LastModified", to_rfc3339(info.modified));
  xml.element("ETag", in_quotes(info.etag)).element("Size", info.size);
  for (const ChecksumKind& kind : checksum_kinds()) {
    if (!info.attributes.checksums.contains(std::string(kind.name))) continue;
    xml.element("ChecksumAlgorithm", kind.element.substr(std::string_view("Checksum").size()));
  }
  if (with_owner) add_owner(xml);
  xml.element("StorageClass", "STANDARD").close();
}

// `access` as S3's policy document.
void add_grants(XmlWriter& xml, Access access) {
  constexpr std::string_view kSchema =
      "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=";
  add_owner(xml);
  xml.open("AccessControlList").open("Grant");
  xml.raw(fmt::format("<Grantee {}\"CanonicalUser\">", kSchema));
  xml.element("ID", kOwner).element("DisplayName", kOwner).raw("</Grantee>");
  xml.element("Permission", "FULL_CONTROL").close();
  if (access == Access::kPublicRead) {
    xml.open("Grant").raw(fmt::format("<Grantee {}\"Group\">", kSchema));
    xml.element("URI", "http://acs.amazonaws.com/groups/global/AllUsers").raw("</Grantee>");
    xml.element("Permission", "READ").close();
  }
  xml.close();
}

}  // namespace

void list_buckets(S3Core& core, const S3CallPtr& call) {
  XmlWriter xml("ListAllMyBucketsResult");
  add_owner(xml);
  xml.open("Buckets");
  for (const Bucket& bucket : core.store.buckets()) {
    xml.open("Bucket").element("Name", bucket.name);
    xml.element("CreationDate", to_rfc3339(bucket.created)).close();
  }
  call->respond_xml(xml);
}

void create_bucket(S3Core& core, const S3CallPtr& call) {
  const std::string& name = call->target.bucket;
  if (std::ranges::find(core.options.reserved_buckets, name) !=
      core.options.reserved_buckets.end()) {
    return call->fail(s3_fault("InvalidBucketName",
                               "The specified bucket is not valid: that name means something else "
                               "on this server"));
  }
  if (std::string fault = bucket_name_fault(name); !fault.empty()) {
    return call->fail(s3_fault("InvalidBucketName", "The specified bucket is not valid: " + fault));
  }
  if (!call->request().body.empty() && !parse_xml(call->request().body)) {
    return call->fail(s3_fault("MalformedXML"));
  }
  Access access = Access::kPrivate;
  if (auto fault = read_access(*call, access)) return call->fail(*fault);
  if (core.store.bucket(name)) return call->fail(s3_fault("BucketAlreadyOwnedByYou"));
  if (auto made = core.store.create_bucket(name, access); !made) {
    return call->fail(made.error().code == ErrorCode::kAlreadyExists
                          ? s3_fault("BucketAlreadyOwnedByYou")
                          : s3_fault(made.error(), "NoSuchBucket"));
  }
  call->respond(200, {{"Location", "/" + name}});
}

void delete_bucket(S3Core& core, const S3CallPtr& call) {
  if (auto removed = core.store.remove_bucket(call->target.bucket); !removed) {
    return call->fail(removed.error().code == ErrorCode::kFailedPrecondition
                          ? s3_fault("BucketNotEmpty")
                          : s3_fault(removed.error(), "NoSuchBucket"));
  }
  call->respond(204);
}

void head_bucket(S3Core& /*core*/, const S3CallPtr& call) {
  call->respond(200, {{"x-amz-bucket-region", std::string(kRegion)}});
}

// us-east-1 has an empty one, for reasons of history.
void get_location(S3Core& /*core*/, const S3CallPtr& call) {
  XmlWriter xml("LocationConstraint");
  call->respond_xml(xml);
}

void get_versioning(S3Core& /*core*/, const S3CallPtr& call) {
  XmlWriter xml("VersioningConfiguration");
  call->respond_xml(xml);
}

void get_acl(S3Core& core, const S3CallPtr& call) {
  Access access = Access::kPrivate;
  if (call->target.key.empty()) {
    const auto bucket = core.store.bucket(call->target.bucket);
    if (bucket) access = bucket->access;
  } else {
    const auto info = core.store.head(call->target.bucket, call->target.key);
    if (!info) return call->fail(s3_fault(info.error(), "NoSuchKey"));
    access = info->attributes.access;
  }
  XmlWriter xml("AccessControlPolicy");
  add_grants(xml, access);
  call->respond_xml(xml);
}

void put_acl(S3Core& core, const S3CallPtr& call) {
  if (call->header("x-amz-acl").empty()) {
    return call->fail(s3_fault("NotImplemented", "This server takes canned ACLs: x-amz-acl"));
  }
  Access access = Access::kPrivate;
  if (auto fault = read_access(*call, access)) return call->fail(*fault);
  const auto done = call->target.key.empty()
                        ? core.store.set_bucket_access(call->target.bucket, access)
                        : core.store.set_access(call->target.bucket, call->target.key, access);
  if (!done) return call->fail(s3_fault(done.error(), "NoSuchKey"));
  call->respond(200);
}

void list_objects(S3Core& core, const S3CallPtr& call) {
  const bool v2 = call->parameter("list-type") == "2";
  int max_keys = kMaxKeys;
  if (auto fault = call->number("max-keys", 0, 2'147'483'647, max_keys)) return call->fail(*fault);
  if (auto fault = check_encoding(*call)) return call->fail(*fault);
  ListQuery query{.prefix = call->parameter("prefix"),
                  .delimiter = call->parameter("delimiter"),
                  .after = call->parameter(v2 ? "start-after" : "marker"),
                  .max_keys = static_cast<std::size_t>(std::min(max_keys, kMaxKeys))};
  const std::string token = call->parameter("continuation-token");
  if (v2 && call->has("continuation-token")) {
    auto after = from_base64(token);
    if (!after || after->empty()) {
      return call->fail(
          s3_fault("InvalidArgument", "The continuation token provided is incorrect"));
    }
    query.after = *std::move(after);
  }
  const auto listing = core.store.list(call->target.bucket, query);
  if (!listing) return call->fail(s3_fault(listing.error(), "NoSuchBucket"));
  XmlWriter xml("ListBucketResult");
  xml.element("Name", call->target.bucket).element("Prefix", shown(*call, query.prefix));
  if (!query.delimiter.empty()) xml.element("Delimiter", shown(*call, query.delimiter));
  xml.element("MaxKeys", query.max_keys);
  if (call->has("encoding-type")) xml.element("EncodingType", "url");
  if (v2) {
    xml.element("KeyCount", listing->objects.size() + listing->common_prefixes.size());
    if (!token.empty()) xml.element("ContinuationToken", token);
    if (call->has("start-after"))
      xml.element("StartAfter", shown(*call, call->parameter("start-after")));
    if (listing->truncated) xml.element("NextContinuationToken", to_base64(listing->next));
  } else {
    xml.element("Marker", shown(*call, query.after));
    if (listing->truncated) xml.element("NextMarker", shown(*call, listing->next));
  }
  xml.element("IsTruncated", listing->truncated ? "true" : "false");
  const bool with_owner = !v2 || call->parameter("fetch-owner") == "true";
  for (const ObjectInfo& info : listing->objects) add_object(*call, xml, info, with_owner);
  for (const std::string& prefix : listing->common_prefixes) {
    xml.open("CommonPrefixes").element("Prefix", shown(*call, prefix)).close();
  }
  call->respond_xml(xml);
}

void delete_objects(S3Core& core, const S3CallPtr& call) {
  const auto document = parse_xml(call->request().body);
  if (!document || document->name != "Delete") return call->fail(s3_fault("MalformedXML"));
  const bool quiet = document->text_of("Quiet") == "true";
  std::vector<std::string> keys;
  XmlWriter xml("DeleteResult");
  for (const XmlElement& each : document->children) {
    if (each.name != "Object") continue;
    std::string key = each.text_of("Key");
    if (std::string fault = key_fault(key); !fault.empty() || key.empty()) {
      return call->fail(s3_fault("MalformedXML"));
    }
    const std::string version = each.text_of("VersionId");
    if (!version.empty() && version != "null") {
      xml.open("Error").element("Key", key).element("VersionId", version);
      xml.element("Code", "NoSuchVersion");
      xml.element("Message", "The specified version does not exist.").close();
      continue;
    }
    if (!quiet) xml.open("Deleted").element("Key", key).close();
    keys.push_back(std::move(key));
  }
  if (keys.size() > kMaxKeys) return call->fail(s3_fault("MalformedXML"));
  if (auto removed = core.store.remove(call->target.bucket, keys); !removed) {
    return call->fail(s3_fault(removed.error(), "NoSuchBucket"));
  }
  call->respond_xml(xml);
}

void list_uploads(S3Core& core, const S3CallPtr& call) {
  int max_uploads = kMaxKeys;
  if (auto fault = call->number("max-uploads", 0, 2'147'483'647, max_uploads)) {
    return call->fail(*fault);
  }
  if (auto fault = check_encoding(*call)) return call->fail(*fault);
  max_uploads = std::min(max_uploads, kMaxKeys);
  const std::string prefix = call->parameter("prefix");
  const std::string key_marker = call->parameter("key-marker");
  const std::string id_marker = call->parameter("upload-id-marker");
  const auto uploads = core.store.uploads(call->target.bucket);
  if (!uploads) return call->fail(s3_fault(uploads.error(), "NoSuchBucket"));
  std::vector<const Upload*> chosen;
  bool truncated = false;
  for (const Upload& each : *uploads) {
    if (!each.key.starts_with(prefix) || each.key < key_marker) continue;
    if (each.key == key_marker && (id_marker.empty() || each.id <= id_marker)) continue;
    if (chosen.size() == static_cast<std::size_t>(max_uploads)) {
      truncated = true;
      break;
    }
    chosen.push_back(&each);
  }
  XmlWriter xml("ListMultipartUploadsResult");
  xml.element("Bucket", call->target.bucket).element("KeyMarker", shown(*call, key_marker));
  xml.element("UploadIdMarker", id_marker).element("Prefix", shown(*call, prefix));
  if (call->has("encoding-type")) xml.element("EncodingType", "url");
  if (truncated && !chosen.empty()) {
    xml.element("NextKeyMarker", shown(*call, chosen.back()->key));
    xml.element("NextUploadIdMarker", chosen.back()->id);
  }
  xml.element("MaxUploads", static_cast<std::uint64_t>(max_uploads));
  xml.element("IsTruncated", truncated ? "true" : "false");
  for (const Upload* each : chosen) {
    xml.open("Upload").element("Key", shown(*call, each->key)).element("UploadId", each->id);
    add_owner(xml);
    xml.element("StorageClass", "STANDARD");
    xml.element("Initiated", to_rfc3339(each->created)).close();
  }
  call->respond_xml(xml);
}

}  // namespace ae::objects
