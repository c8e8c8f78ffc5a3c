// What is kept: buckets, objects, uploads in parts. Values only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace ae::objects {

enum class Access {
  kPrivate,
  kPublicRead,  // of an object: anybody may get it; of a bucket: anybody may list it
};

struct Bucket {
  std::string name;
  WallTime created;
  Access access = Access::kPrivate;
  bool operator==(const Bucket&) const = default;
};

// What is said of an object and given back with it.
struct Attributes {
  std::string content_type = "binary/octet-stream";
  // "cache-control", "content-disposition", "content-encoding", "content-language", "expires".
  std::map<std::string, std::string> headers;
  std::map<std::string, std::string> metadata;  // x-amz-meta-…: lower-case names without the prefix
  // "crc32", "crc32c", "crc64nvme", "sha1", "sha256": base64 of the digest. Of an object made of
  // parts: with "-<number of parts>" behind it when it is a digest of the parts' digests.
  std::map<std::string, std::string> checksums;
  Access access = Access::kPrivate;
  bool operator==(const Attributes&) const = default;
};

struct ObjectInfo {
  std::string key;
  std::uint64_t size = 0;
  std::string etag;  // without quotes: MD5, or the MD5 of the parts' MD5s and "-<number of parts>"
  WallTime modified;
  Attributes attributes;
  bool operator==(const ObjectInfo&) const = default;
};

struct ListQuery {
  std::string prefix{};
  std::string delimiter{};
  std::string
      after{};  // only what sorts behind it, and behind what it begins with up to a delimiter
  std::size_t max_keys = 1000;
};

struct Listing {
  std::vector<ObjectInfo> objects;  // in the order of their keys' bytes
  std::vector<std::string> common_prefixes;
  bool truncated = false;
  std::string next;  // when truncated: `after` of the query that goes on
};

struct Upload {
  std::string id;
  std::string key;
  WallTime created;
  Attributes attributes;
};

struct Part {
  int number = 0;  // 1 to 10,000
  std::uint64_t size = 0;
  std::string etag;
  WallTime modified;
  std::map<std::string, std::string> checksums;
};

}  // namespace ae::objects
