// Buckets of objects on a local disk. Every change is atomic and durable when its call returns: a
// reader, or whoever comes after a crash, sees the old object or the new one and never a mixture.
//
// Bytes live in files that are written once, under names of their own; SQLite says which file
// belongs to which key. Keys are bytes and never become file names, so none can leave its bucket.
// Memory does not depend on the size of objects. Why so: docs/decisions/0016-objects.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "base/result.h"
#include "objects/blobs.h"
#include "objects/object.h"

namespace ae::objects {

struct OpenObject {
  ObjectInfo info;
  FileHandle file;  // stays readable when the object is replaced or removed
};

// What must be true of the present object for a put to happen.
struct PutCondition {
  bool if_absent = false;
  std::string if_etag{};  // "": any
};

struct CompletedPart {
  int number = 0;
  std::string etag;
};

// Threads: any. Calls block on the disk: not for event loops.
// Errors of all: kNotFound (bucket, object or upload: the message says which), kInvalidArgument,
// kResourceExhausted (disk full), kInternal.
class ObjectStore final {
 public:
  // Makes the folder, and clears away what a crash left behind. One process at a time.
  static Result<std::unique_ptr<ObjectStore>> open(const std::filesystem::path& folder,
                                                   const Clock& clock);
  ~ObjectStore();
  ObjectStore(const ObjectStore&) = delete;
  ObjectStore& operator=(const ObjectStore&) = delete;

  // ---- Buckets: kept in memory too, so bucket() and buckets() are fine on event loops
  // kAlreadyExists; kInvalidArgument for a name that breaks S3's rules.
  Result<void> create_bucket(const std::string& name, Access access = Access::kPrivate);
  Result<void> remove_bucket(const std::string& name);  // kFailedPrecondition: it has objects
  Result<void> set_bucket_access(const std::string& name, Access access);
  std::optional<Bucket> bucket(std::string_view name) const;
  std::vector<Bucket> buckets() const;  // by name

  // ---- Objects
  // Where the bytes of an object or a part go; MD5 is always computed, `digests` in addition.
  Result<Incoming> receive(std::span<const DigestKind> digests = {});
  // Makes what was received (and sealed) the object. kFailedPrecondition: `condition` is not met.
  Result<ObjectInfo> put(const std::string& bucket, const std::string& key, Incoming content,
                         Attributes attributes, const PutCondition& condition = {});
  Result<ObjectInfo> head(const std::string& bucket, const std::string& key);
  Result<OpenObject> get(const std::string& bucket, const std::string& key);
  // An object that is not there counts as removed.
  Result<void> remove(const std::string& bucket, std::span<const std::string> keys);
  // The content under a second key, without copying a byte; `attributes`: else the source's.
  Result<ObjectInfo> copy(const std::string& from_bucket, const std::string& from_key,
                          const std::string& bucket, const std::string& key,
                          std::optional<Attributes> attributes);
  Result<void> set_access(const std::string& bucket, const std::string& key, Access access);
  Result<Listing> list(const std::string& bucket, const ListQuery& query);

  // ---- Objects in parts
  Result<Upload> begin_upload(const std::string& bucket, const std::string& key,
                              Attributes attributes);
  Result<Upload> upload(const std::string& bucket, const std::string& key, const std::string& id);
  Result<Part> put_part(const Upload& upload, int number, Incoming content,
                        std::map<std::string, std::string> checksums);
  Result<std::vector<Part>> parts(const Upload& upload);
  // kInvalidArgument: a part is missing, or has another ETag. Their order and least size are the
  // wire's business. `attributes` replaces the upload's. Takes as long as copying all parts.
  Result<ObjectInfo> complete_upload(const std::string& bucket, const Upload& upload,
                                     std::span<const CompletedPart> wanted, Attributes attributes,
                                     const PutCondition& condition = {});
  Result<void> abort_upload(const Upload& upload);
  Result<std::vector<Upload>> uploads(const std::string& bucket);  // by key, then age

 private:
  class Impl;
  explicit ObjectStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// "" when S3 would accept the name, else what is wrong with it.
std::string bucket_name_fault(std::string_view name);
// 1 to 1,024 bytes of UTF-8. "" when it is that.
std::string key_fault(std::string_view key);

}  // namespace ae::objects
