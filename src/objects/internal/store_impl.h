// The parts of ObjectStore that its source files share.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

#include "objects/object_store.h"
#include "store/database.h"
#include "store/group_commit.h"

namespace ae::objects {

class ObjectStore::Impl final {
 public:
  Impl(std::unique_ptr<store::Database> database, std::unique_ptr<Blobs> blobs, const Clock& clock)
      : db(std::move(database)),
        files(std::move(blobs)),
        wall(clock),
        commit_queue(std::make_unique<store::GroupCommit>(*db)) {}

  Result<void> load();

  // Runs `write` in a transaction that is shared with other threads' and durable on return. Then
  // the files of `dropped`, which `write` fills, are removed, and `kept` moves to its place.
  using Write = std::function<Result<void>(store::Database&, std::vector<std::string>& dropped)>;
  Result<void> commit(const Write& write, const std::string& kept = {});

  // In a transaction: makes `blob` the content of the key.
  Result<void> put_row(store::Database& database, const std::string& bucket, const ObjectInfo& info,
                       const std::string& blob, const PutCondition& condition,
                       std::vector<std::string>& dropped);

  struct Found {
    ObjectInfo info;
    std::string blob;
  };
  Result<Found> find(const std::string& bucket, const std::string& key);
  Result<void> require_bucket(const std::string& name) const;

  std::unique_ptr<store::Database> db;
  std::unique_ptr<Blobs> files;
  const Clock& wall;
  mutable std::shared_mutex bucket_map_mutex;
  std::map<std::string, Bucket, std::less<>> bucket_map;
  std::mutex removed_mutex;
  std::vector<std::string> removed_files;  // files gone, their rows in `garbage` not yet
  std::unique_ptr<store::GroupCommit> commit_queue;
};

std::string attributes_text(const Attributes& attributes);
Attributes read_attributes(const std::string& text);
std::string checksums_text(const std::map<std::string, std::string>& checksums);
std::map<std::string, std::string> read_checksums(const std::string& text);

std::int64_t to_column(WallTime time);
WallTime from_column(std::int64_t milliseconds);

// Columns: key, size, etag, modified, attributes.
ObjectInfo read_object(const store::Row& row);

}  // namespace ae::objects
