#include "objects/object_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "json/json.h"
#include "objects/internal/store_impl.h"

namespace ae::objects {
namespace {

using store::Database;
using store::Row;

constexpr std::size_t kMaxKeyBytes = 1024;  // S3's
// A blob that a put replaces between our look at its name and at its file: look again. Each
// further time takes another put in that very moment.
constexpr int kMaxLooks = 16;

// SQLite compares TEXT byte by byte and keeps every byte, NUL included: keys may be anything.
const store::Migration& migration() {
  static const store::Migration kMigration{{
      R"(CREATE TABLE buckets (name TEXT PRIMARY KEY, created INTEGER NOT NULL,
         access INTEGER NOT NULL) STRICT, WITHOUT ROWID)",
      R"(CREATE TABLE objects (bucket TEXT NOT NULL, key TEXT NOT NULL, size INTEGER NOT NULL,
         etag TEXT NOT NULL, modified INTEGER NOT NULL, blob TEXT NOT NULL,
         attributes TEXT NOT NULL, PRIMARY KEY (bucket, key)) STRICT, WITHOUT ROWID)",
      R"(CREATE TABLE uploads (id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL,
         created INTEGER NOT NULL, attributes TEXT NOT NULL) STRICT, WITHOUT ROWID)",
      R"(CREATE INDEX uploads_by_key ON uploads (bucket, key, created))",
      R"(CREATE TABLE parts (upload TEXT NOT NULL, number INTEGER NOT NULL, size INTEGER NOT NULL,
         etag TEXT NOT NULL, modified INTEGER NOT NULL, blob TEXT NOT NULL,
         checksums TEXT NOT NULL, PRIMARY KEY (upload, number)) STRICT, WITHOUT ROWID)",
      // Files that nothing names any more and that may still be there.
      R"(CREATE TABLE garbage (blob TEXT PRIMARY KEY) STRICT, WITHOUT ROWID)",
  }};
  return kMigration;
}

Json to_json(const std::map<std::string, std::string>& values) {
  Json object = Json::object();
  for (const auto& [name, value] : values) object[name] = value;
  return object;
}

std::map<std::string, std::string> to_map(const Json* object) {
  std::map<std::string, std::string> values;
  if (object == nullptr || !object->is_object()) return values;
  for (const auto& [name, value] : object->items()) {
    if (value.is_string()) values[name] = value.get<std::string>();
  }
  return values;
}

// Ours, and so certain: nothing was written. Of a fault of the disk nobody knows; then the file
// stays until the next start, which sees whether a row names it.
bool is_refusal(ErrorCode code) {
  return code == ErrorCode::kNotFound || code == ErrorCode::kFailedPrecondition ||
         code == ErrorCode::kInvalidArgument;
}

}  // namespace

// ---- Rows ------------------------------------------------------------------------------------

std::int64_t to_column(WallTime time) { return time.time_since_epoch().count(); }
WallTime from_column(std::int64_t milliseconds) {
  return WallTime{std::chrono::milliseconds{milliseconds}};
}

std::string checksums_text(const std::map<std::string, std::string>& checksums) {
  return json::dump(to_json(checksums));
}

std::map<std::string, std::string> read_checksums(const std::string& text) {
  const auto parsed = json::parse(text);
  return parsed ? to_map(&*parsed) : std::map<std::string, std::string>{};
}

std::string attributes_text(const Attributes& attributes) {
  Json object = {{"type", attributes.content_type}};
  if (!attributes.headers.empty()) object["headers"] = to_json(attributes.headers);
  if (!attributes.metadata.empty()) object["metadata"] = to_json(attributes.metadata);
  if (!attributes.checksums.empty()) object["checksums"] = to_json(attributes.checksums);
  if (attributes.access == Access::kPublicRead) object["public"] = true;
  return json::dump(object);
}

Attributes read_attributes(const std::string& text) {
  Attributes attributes;
  const auto parsed = json::parse(text);
  if (!parsed) return attributes;
  attributes.content_type = json::string_or(*parsed, "type");
  attributes.headers = to_map(json::find(*parsed, "headers"));
  attributes.metadata = to_map(json::find(*parsed, "metadata"));
  attributes.checksums = to_map(json::find(*parsed, "checksums"));
  if (json::find(*parsed, "public") != nullptr) attributes.access = Access::kPublicRead;
  return attributes;
}

ObjectInfo read_object(const Row& row) {
  return {.key = row.text(0),
          .size = static_cast<std::uint64_t>(row.integer(1)),
          .etag = row.text(2),
          .modified = from_column(row.integer(3)),
          .attributes = read_attributes(row.text(4))};
}

// ---- Opening and committing ------------------------------------------------------------------

Result<std::unique_ptr<ObjectStore>> ObjectStore::open(const std::filesystem::path& folder,
                                                       const Clock& clock) {
  AE_TRY(auto blobs, Blobs::open(folder));
  AE_TRY(auto database, Database::open(folder / "objects.db", migration()));
  auto impl = std::make_unique<Impl>(std::move(database), std::move(blobs), clock);
  AE_CHECK(impl->load());
  return std::unique_ptr<ObjectStore>(new ObjectStore(std::move(impl)));
}

ObjectStore::ObjectStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ObjectStore::~ObjectStore() = default;

// After a crash: staged files that a row names were committed, the others never were; files in
// `garbage` were replaced or removed.
Result<void> ObjectStore::Impl::load() {
  AE_CHECK(db->query("SELECT name, created, access FROM buckets", {}, [&](const Row& row) {
    bucket_map[row.text(0)] = {row.text(0), from_column(row.integer(1)),
                               row.integer(2) != 0 ? Access::kPublicRead : Access::kPrivate};
    return true;
  }));
  std::set<std::string> staged;
  for (std::string& id : files->staged()) staged.insert(std::move(id));
  if (!staged.empty()) {
    AE_CHECK(db->query("SELECT blob FROM objects UNION ALL SELECT blob FROM parts", {},
                       [&](const Row& row) {
                         const std::string blob = row.text(0);
                         if (staged.erase(blob) > 0) files->settle(blob);
                         return true;
                       }));
    for (const std::string& id : staged) files->remove(id);
    if (!staged.empty()) log::info("objects: {} unfinished uploads were cleared", staged.size());
  }
  std::vector<std::string> garbage;
  AE_CHECK(db->query("SELECT blob FROM garbage", {}, [&](const Row& row) {
    garbage.push_back(row.text(0));
    return true;
  }));
  if (garbage.empty()) return {};
  for (const std::string& id : garbage) files->remove(id);
  return db->execute("DELETE FROM garbage");
}

Result<void> ObjectStore::Impl::commit(const Write& write, const std::string& kept) {
  std::vector<std::string> cleared;
  {
    const std::lock_guard lock(removed_mutex);
    cleared.swap(removed_files);
  }
  std::vector<std::string> dropped;
  auto done = commit_queue->submit_and_wait([&](Database& database) -> Result<void> {
    dropped.clear();
    AE_CHECK(write(database, dropped));
    for (const std::string& blob : dropped) {
      AE_CHECK(database.execute("INSERT OR IGNORE INTO garbage (blob) VALUES (?)", {blob}));
    }
    for (const std::string& blob : cleared) {
      AE_CHECK(database.execute("DELETE FROM garbage WHERE blob = ?", {blob}));
    }
    return {};
  });
  if (!done) dropped = std::move(cleared);  // to be cleared another time
  if (done) {
    if (!kept.empty()) files->settle(kept);
    for (const std::string& blob : dropped) files->remove(blob);
  } else if (!kept.empty() && is_refusal(done.error().code)) {
    files->remove(kept);
  }
  const std::lock_guard lock(removed_mutex);
  removed_files.insert(removed_files.end(), dropped.begin(), dropped.end());
  return done;
}

// ---- Buckets ---------------------------------------------------------------------------------

Result<void> ObjectStore::Impl::require_bucket(const std::string& name) const {
  const std::shared_lock lock(bucket_map_mutex);
  if (bucket_map.contains(name)) return {};
  return fail(ErrorCode::kNotFound, fmt::format("there is no bucket {}", shorten(name, 80)));
}

Result<void> ObjectStore::create_bucket(const std::string& name, Access access) {
  if (std::string fault = bucket_name_fault(name); !fault.empty()) {
    return fail(ErrorCode::kInvalidArgument, std::move(fault));
  }
  const Bucket bucket{name, impl_->wall.now(), access};
  AE_CHECK(impl_->commit([&](Database& database, std::vector<std::string>&) {
    return database.execute(
        "INSERT INTO buckets (name, created, access) VALUES (?, ?, ?)",
        {name, to_column(bucket.created), std::int64_t{access == Access::kPublicRead}});
  }));
  const std::unique_lock lock(impl_->bucket_map_mutex);
  impl_->bucket_map[name] = bucket;
  return {};
}

Result<void> ObjectStore::remove_bucket(const std::string& name) {
  AE_CHECK(impl_->require_bucket(name));
  AE_CHECK(
      impl_->commit([&](Database& database, std::vector<std::string>& dropped) -> Result<void> {
        bool empty = true;
        AE_CHECK(database.query("SELECT 1 FROM objects WHERE bucket = ? LIMIT 1", {name},
                                [&](const Row&) { return empty = false; }));
        if (!empty) {
          return fail(ErrorCode::kFailedPrecondition,
                      fmt::format("the bucket {} is not empty; remove its objects first", name));
        }
        AE_CHECK(database.query(
            "SELECT blob FROM parts WHERE upload IN (SELECT id FROM uploads WHERE bucket = ?)",
            {name}, [&](const Row& row) {
              dropped.push_back(row.text(0));
              return true;
            }));
        AE_CHECK(database.execute(
            "DELETE FROM parts WHERE upload IN (SELECT id FROM uploads WHERE bucket = ?)", {name}));
        AE_CHECK(database.execute("DELETE FROM uploads WHERE bucket = ?", {name}));
        return database.execute("DELETE FROM buckets WHERE name = ?", {name});
      }));
  const std::unique_lock lock(impl_->bucket_map_mutex);
  impl_->bucket_map.erase(name);
  return {};
}

Result<void> ObjectStore::set_bucket_access(const std::string& name, Access access) {
  AE_CHECK(impl_->require_bucket(name));
  AE_CHECK(impl_->commit([&](Database& database, std::vector<std::string>&) {
    return database.execute("UPDATE buckets SET access = ? WHERE name = ?",
                            {std::int64_t{access == Access::kPublicRead}, name});
  }));
  const std::unique_lock lock(impl_->bucket_map_mutex);
  if (const auto found = impl_->bucket_map.find(name); found != impl_->bucket_map.end()) {
    found->second.access = access;
  }
  return {};
}

std::optional<Bucket> ObjectStore::bucket(std::string_view name) const {
  const std::shared_lock lock(impl_->bucket_map_mutex);
  const auto found = impl_->bucket_map.find(name);
  if (found == impl_->bucket_map.end()) return std::nullopt;
  return found->second;
}

std::vector<Bucket> ObjectStore::buckets() const {
  const std::shared_lock lock(impl_->bucket_map_mutex);
  std::vector<Bucket> all;
  for (const auto& [name, bucket] : impl_->bucket_map) all.push_back(bucket);
  return all;
}

// ---- Objects ---------------------------------------------------------------------------------

Result<Incoming> ObjectStore::receive(std::span<const DigestKind> digests) {
  return impl_->files->receive(digests);
}

Result<ObjectStore::Impl::Found> ObjectStore::Impl::find(const std::string& bucket,
                                                         const std::string& key) {
  std::optional<Found> found;
  AE_CHECK(
      db->query("SELECT key, size, etag, modified, attributes, blob FROM objects "
                "WHERE bucket = ? AND key = ?",
                {bucket, key}, [&](const Row& row) {
                  found = Found{read_object(row), row.text(5)};
                  return false;
                }));
  if (found) return *std::move(found);
  AE_CHECK(require_bucket(bucket));
  return fail(ErrorCode::kNotFound,
              fmt::format("there is no object {} in {}", shorten(key, 200), bucket));
}

Result<void> ObjectStore::Impl::put_row(Database& database, const std::string& bucket,
                                        const ObjectInfo& info, const std::string& blob,
                                        const PutCondition& condition,
                                        std::vector<std::string>& dropped) {
  bool bucket_there = false;
  AE_CHECK(database.query("SELECT 1 FROM buckets WHERE name = ?", {bucket},
                          [&](const Row&) { return !(bucket_there = true); }));
  if (!bucket_there) {
    return fail(ErrorCode::kNotFound, fmt::format("there is no bucket {}", bucket));
  }
  std::string old_blob;
  std::string old_etag;
  AE_CHECK(database.query("SELECT blob, etag FROM objects WHERE bucket = ? AND key = ?",
                          {bucket, info.key}, [&](const Row& row) {
                            old_blob = row.text(0);
                            old_etag = row.text(1);
                            return false;
                          }));
  if (condition.if_absent && !old_blob.empty()) {
    return fail(ErrorCode::kFailedPrecondition, "the object exists already");
  }
  if (!condition.if_etag.empty() && condition.if_etag != old_etag) {
    return fail(ErrorCode::kFailedPrecondition, "the object is not the one that was named");
  }
  if (!old_blob.empty()) dropped.push_back(old_blob);
  return database.execute(
      "INSERT OR REPLACE INTO objects (bucket, key, size, etag, modified, blob, attributes) "
      "VALUES (?, ?, ?, ?, ?, ?, ?)",
      {bucket, info.key, static_cast<std::int64_t>(info.size), info.etag, to_column(info.modified),
       blob, attributes_text(info.attributes)});
}

Result<ObjectInfo> ObjectStore::put(const std::string& bucket, const std::string& key,
                                    Incoming content, Attributes attributes,
                                    const PutCondition& condition) {
  if (std::string fault = key_fault(key); !fault.empty()) {
    return fail(ErrorCode::kInvalidArgument, std::move(fault));
  }
  AE_CHECK(impl_->require_bucket(bucket));
  ObjectInfo info{.key = key,
                  .size = content.size(),
                  .etag = to_hex(content.digest(DigestKind::kMd5)),
                  .modified = impl_->wall.now(),
                  .attributes = std::move(attributes)};
  AE_TRY(const std::string blob, impl_->files->keep(std::move(content)));
  AE_CHECK(impl_->commit(
      [&](Database& database, std::vector<std::string>& dropped) {
        return impl_->put_row(database, bucket, info, blob, condition, dropped);
      },
      blob));
  return info;
}

Result<ObjectInfo> ObjectStore::head(const std::string& bucket, const std::string& key) {
  AE_TRY(Impl::Found found, impl_->find(bucket, key));
  return std::move(found.info);
}

Result<OpenObject> ObjectStore::get(const std::string& bucket, const std::string& key) {
  for (int look = 1;; ++look) {
    AE_TRY(Impl::Found found, impl_->find(bucket, key));
    auto file = impl_->files->read(found.blob);
    if (file) return OpenObject{std::move(found.info), *std::move(file)};
    if (file.error().code != ErrorCode::kNotFound) return fail(std::move(file.error()));
    if (look == kMaxLooks) {
      return fail(ErrorCode::kDataLoss,
                  fmt::format("the file of the object {} is missing", shorten(key, 200)));
    }
  }
}

Result<void> ObjectStore::remove(const std::string& bucket, std::span<const std::string> keys) {
  AE_CHECK(impl_->require_bucket(bucket));
  return impl_->commit([&](Database& database, std::vector<std::string>& dropped) -> Result<void> {
    for (const std::string& key : keys) {
      AE_CHECK(database.query("SELECT blob FROM objects WHERE bucket = ? AND key = ?",
                              {bucket, key}, [&](const Row& row) {
                                dropped.push_back(row.text(0));
                                return false;
                              }));
      AE_CHECK(database.execute("DELETE FROM objects WHERE bucket = ? AND key = ?", {bucket, key}));
    }
    return {};
  });
}

Result<ObjectInfo> ObjectStore::copy(const std::string& from_bucket, const std::string& from_key,
                                     const std::string& bucket, const std::string& key,
                                     std::optional<Attributes> attributes) {
  if (std::string fault = key_fault(key); !fault.empty()) {
    return fail(ErrorCode::kInvalidArgument, std::move(fault));
  }
  AE_CHECK(impl_->require_bucket(bucket));
  for (int look = 1;; ++look) {
    AE_TRY(Impl::Found found, impl_->find(from_bucket, from_key));
    auto linked = impl_->files->link(found.blob);
    if (!linked && linked.error().code == ErrorCode::kNotFound && look < kMaxLooks) continue;
    if (!linked) return fail(std::move(linked.error()));
    ObjectInfo info = std::move(found.info);
    info.key = key;
    info.modified = impl_->wall.now();
    if (attributes) {
      auto checksums = std::move(info.attributes.checksums);
      info.attributes = *std::move(attributes);
      if (info.attributes.checksums.empty()) info.attributes.checksums = std::move(checksums);
    }
    AE_TRY(const std::string blob, impl_->files->keep(*std::move(linked)));
    AE_CHECK(impl_->commit(
        [&](Database& database, std::vector<std::string>& dropped) {
          return impl_->put_row(database, bucket, info, blob, {}, dropped);
        },
        blob));
    return info;
  }
}

Result<void> ObjectStore::set_access(const std::string& bucket, const std::string& key,
                                     Access access) {
  AE_CHECK(impl_->find(bucket, key));
  return impl_->commit([&](Database& database, std::vector<std::string>&) -> Result<void> {
    Attributes attributes;
    AE_CHECK(database.query("SELECT attributes FROM objects WHERE bucket = ? AND key = ?",
                            {bucket, key}, [&](const Row& row) {
                              attributes = read_attributes(row.text(0));
                              return false;
                            }));
    attributes.access = access;
    return database.execute("UPDATE objects SET attributes = ? WHERE bucket = ? AND key = ?",
                            {attributes_text(attributes), bucket, key});
  });
}

// ---- Names -----------------------------------------------------------------------------------

// Source: AWS, "Bucket naming rules" (general purpose buckets).
std::string bucket_name_fault(std::string_view name) {
  const auto is_edge = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (name.size() < 3 || name.size() > 63) return "a bucket's name has 3 to 63 characters";
  if (!is_edge(name.front()) || !is_edge(name.back())) {
    return "a bucket's name begins and ends with a lower-case letter or a digit";
  }
  for (const char c : name) {
    if (!is_edge(c) && c != '-' && c != '.') {
      return "a bucket's name consists of lower-case letters, digits, '-' and '.'";
    }
  }
  if (name.find("..") != std::string_view::npos) return "a bucket's name has no two dots in a row";
  const auto parts = split(name, '.');
  const bool is_address =
      parts.size() == 4 && std::ranges::all_of(parts, [](std::string_view part) {
        return !part.empty() &&
               std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
      });
  if (is_address) return "a bucket's name does not look like an IP address";
  for (const std::string_view prefix : {"xn--", "sthree-", "amzn-s3-demo-"}) {
    if (name.starts_with(prefix)) return "that beginning of a bucket's name is reserved";
  }
  for (const std::string_view suffix : {"-s3alias", "--ol-s3", ".mrap", "--x-s3"}) {
    if (name.ends_with(suffix)) return "that end of a bucket's name is reserved";
  }
  return {};
}

std::string key_fault(std::string_view key) {
  if (key.empty()) return "an object's key is not empty";
  if (key.size() > kMaxKeyBytes) return "an object's key has at most 1024 bytes";
  if (!is_utf8(key)) return "an object's key is UTF-8";
  return {};
}

}  // namespace ae::objects
