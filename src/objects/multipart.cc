#include <fmt/format.h>

#include <utility>

#include "base/id.h"
#include "base/text.h"
#include "objects/internal/store_impl.h"

namespace ae::objects {
namespace {

using store::Database;
using store::Row;

std::unexpected<Error> no_upload(const std::string& id) {
  return fail(ErrorCode::kNotFound, fmt::format("there is no upload {}", shorten(id, 80)));
}

Result<void> require_upload(Database& database, const std::string& id) {
  bool there = false;
  AE_CHECK(database.query("SELECT 1 FROM uploads WHERE id = ?", {id},
                          [&](const Row&) { return !(there = true); }));
  if (!there) return no_upload(id);
  return {};
}

Result<void> drop_parts(Database& database, const std::string& id,
                        std::vector<std::string>& dropped) {
  AE_CHECK(database.query("SELECT blob FROM parts WHERE upload = ?", {id}, [&](const Row& row) {
    dropped.push_back(row.text(0));
    return true;
  }));
  AE_CHECK(database.execute("DELETE FROM parts WHERE upload = ?", {id}));
  return database.execute("DELETE FROM uploads WHERE id = ?", {id});
}

struct StoredPart {
  Part part;
  std::string blob;
};

Result<std::map<int, StoredPart>> read_parts(Database& database, const std::string& id) {
  std::map<int, StoredPart> parts;
  AE_CHECK(database.query(
      "SELECT number, size, etag, modified, checksums, blob FROM parts WHERE upload = ? "
      "ORDER BY number",
      {id}, [&](const Row& row) {
        const int number = static_cast<int>(row.integer(0));
        parts[number] = {{.number = number,
                          .size = static_cast<std::uint64_t>(row.integer(1)),
                          .etag = row.text(2),
                          .modified = from_column(row.integer(3)),
                          .checksums = read_checksums(row.text(4))},
                         row.text(5)};
        return true;
      }));
  return parts;
}

// The wanted parts in their order, or which of them is not there.
Result<std::vector<StoredPart>> choose(const std::map<int, StoredPart>& stored,
                                       std::span<const CompletedPart> wanted) {
  std::vector<StoredPart> chosen;
  for (const CompletedPart& each : wanted) {
    const auto found = stored.find(each.number);
    if (found == stored.end() || found->second.part.etag != each.etag) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("part {} was not uploaded, or has another ETag", each.number));
    }
    chosen.push_back(found->second);
  }
  if (chosen.empty()) return fail(ErrorCode::kInvalidArgument, "no part was named");
  return chosen;
}

Result<Incoming> join_parts(const Blobs& blobs, const std::vector<StoredPart>& parts) {
  if (parts.size() == 1) return blobs.link(parts.front().blob);
  AE_TRY(Incoming whole, blobs.receive({}));
  for (const StoredPart& each : parts) {
    AE_TRY(const FileHandle file, blobs.read(each.blob));
    AE_CHECK(append_file(whole, file, 0, each.part.size));
  }
  AE_CHECK(whole.seal());
  return whole;
}

// S3's: the MD5 of the parts' MD5s.
Result<std::string> joined_etag(const std::vector<StoredPart>& parts) {
  std::string digests;
  for (const StoredPart& each : parts) {
    for (std::size_t i = 0; i + 1 < each.part.etag.size(); i += 2) {
      digests.push_back(static_cast<char>(std::stoi(each.part.etag.substr(i, 2), nullptr, 16)));
    }
  }
  return fmt::format("{}-{}", to_hex(digest(DigestKind::kMd5, digests)), parts.size());
}

}  // namespace

Result<Upload> ObjectStore::begin_upload(const std::string& bucket, const std::string& key,
                                         Attributes attributes) {
  if (std::string fault = key_fault(key); !fault.empty()) {
    return fail(ErrorCode::kInvalidArgument, std::move(fault));
  }
  AE_CHECK(impl_->require_bucket(bucket));
  Upload upload{new_id("upload"), key, impl_->wall.now(), std::move(attributes)};
  AE_CHECK(impl_->commit([&](Database& database, std::vector<std::string>&) {
    return database.execute(
        "INSERT INTO uploads (id, bucket, key, created, attributes) VALUES (?, ?, ?, ?, ?)",
        {upload.id, bucket, key, to_column(upload.created), attributes_text(upload.attributes)});
  }));
  return upload;
}

Result<Upload> ObjectStore::upload(const std::string& bucket, const std::string& key,
                                   const std::string& id) {
  AE_CHECK(impl_->require_bucket(bucket));
  std::optional<Upload> found;
  AE_CHECK(impl_->db->query(
      "SELECT key, created, attributes FROM uploads WHERE id = ? AND bucket = ? AND key = ?",
      {id, bucket, key}, [&](const Row& row) {
        found = Upload{id, row.text(0), from_column(row.integer(1)), read_attributes(row.text(2))};
        return false;
      }));
  if (!found) return no_upload(id);
  return *std::move(found);
}

Result<Part> ObjectStore::put_part(const Upload& upload, int number, Incoming content,
                                   std::map<std::string, std::string> checksums) {
  Part part{.number = number,
            .size = content.size(),
            .etag = to_hex(content.digest(DigestKind::kMd5)),
            .modified = impl_->wall.now(),
            .checksums = std::move(checksums)};
  AE_TRY(const std::string blob, impl_->files->keep(std::move(content)));
  AE_CHECK(impl_->commit(
      [&](Database& database, std::vector<std::string>& dropped) -> Result<void> {
        AE_CHECK(require_upload(database, upload.id));
        AE_CHECK(database.query("SELECT blob FROM parts WHERE upload = ? AND number = ?",
                                {upload.id, std::int64_t{number}}, [&](const Row& row) {
                                  dropped.push_back(row.text(0));
                                  return false;
                                }));
        return database.execute(
            "INSERT OR REPLACE INTO parts (upload, number, size, etag, modified, blob, checksums) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            {upload.id, std::int64_t{number}, static_cast<std::int64_t>(part.size), part.etag,
             to_column(part.modified), blob, checksums_text(part.checksums)});
      },
      blob));
  return part;
}

Result<std::vector<Part>> ObjectStore::parts(const Upload& upload) {
  AE_TRY(const auto stored, read_parts(*impl_->db, upload.id));
  std::vector<Part> parts;
  for (const auto& [number, each] : stored) parts.push_back(each.part);
  return parts;
}

Result<ObjectInfo> ObjectStore::complete_upload(const std::string& bucket, const Upload& upload,
                                                std::span<const CompletedPart> wanted,
                                                Attributes attributes,
                                                const PutCondition& condition) {
  AE_CHECK(require_upload(*impl_->db, upload.id));
  AE_TRY(const auto stored, read_parts(*impl_->db, upload.id));
  AE_TRY(const std::vector<StoredPart> chosen, choose(stored, wanted));
  AE_TRY(std::string etag, joined_etag(chosen));
  AE_TRY(Incoming whole, join_parts(*impl_->files, chosen));
  const ObjectInfo info{.key = upload.key,
                        .size = whole.size(),
                        .etag = std::move(etag),
                        .modified = impl_->wall.now(),
                        .attributes = std::move(attributes)};
  AE_TRY(const std::string blob, impl_->files->keep(std::move(whole)));
  AE_CHECK(impl_->commit(
      [&](Database& database, std::vector<std::string>& dropped) -> Result<void> {
        AE_CHECK(require_upload(database, upload.id));  // completed or aborted meanwhile
        AE_CHECK(impl_->put_row(database, bucket, info, blob, condition, dropped));
        return drop_parts(database, upload.id, dropped);
      },
      blob));
  return info;
}

Result<void> ObjectStore::abort_upload(const Upload& upload) {
  return impl_->commit([&](Database& database, std::vector<std::string>& dropped) -> Result<void> {
    AE_CHECK(require_upload(database, upload.id));
    return drop_parts(database, upload.id, dropped);
  });
}

Result<std::vector<Upload>> ObjectStore::uploads(const std::string& bucket) {
  AE_CHECK(impl_->require_bucket(bucket));
  std::vector<Upload> all;
  AE_CHECK(impl_->db->query(
      "SELECT id, key, created, attributes FROM uploads WHERE bucket = ? ORDER BY key, created, id",
      {bucket}, [&](const Row& row) {
        all.push_back(
            {row.text(0), row.text(1), from_column(row.integer(2)), read_attributes(row.text(3))});
        return true;
      }));
  return all;
}

}  // namespace ae::objects
