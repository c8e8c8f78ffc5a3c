#include <utility>

#include "objects/internal/store_impl.h"

namespace ae::objects {
namespace {

using store::Row;

// The least text behind everything that begins with `prefix`; "" when there is none.
std::string behind(std::string prefix) {
  while (!prefix.empty()) {
    if (static_cast<unsigned char>(prefix.back()) != 0xffU) {
      prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
      return prefix;
    }
    prefix.pop_back();
  }
  return prefix;
}

// Walks the keys in order and jumps over what a common prefix stands for, so that a listing costs
// what it shows and not what it hides.
class Walk final {
 public:
  Walk(const ListQuery& query) : query_(query), from_(query.prefix) {
    if (query.after >= from_) {
      from_ = query.after;
      including_ = false;
    }
  }

  Result<Listing> run(store::Database& database, const std::string& bucket) {
    while (!ended_) {
      ended_ = true;  // unless a row says where to go on
      const auto wanted =
          static_cast<std::int64_t>(query_.max_keys - shown() + (query_.delimiter.empty() ? 1 : 2));
      const std::string_view sql =
          including_ ? "SELECT key, size, etag, modified, attributes FROM objects "
                       "WHERE bucket = ? AND key >= ? ORDER BY key LIMIT ?"
                     : "SELECT key, size, etag, modified, attributes FROM objects "
                       "WHERE bucket = ? AND key > ? ORDER BY key LIMIT ?";
      std::int64_t rows = 0;
      AE_CHECK(database.query(sql, {bucket, std::string(from_), wanted}, [&](const Row& row) {
        ++rows;
        return visit(row);
      }));
      if (rows == wanted && !jumped_ && !listing_.truncated && !past_) ended_ = false;
      jumped_ = false;
    }
    return std::move(listing_);
  }

 private:
  std::size_t shown() const { return listing_.objects.size() + listing_.common_prefixes.size(); }

  bool truncate() {
    listing_.truncated = true;
    ended_ = true;
    return false;
  }

  // False when this query has said enough.
  bool visit(const Row& row) {
    const std::string key = row.text(0);
    if (!key.starts_with(query_.prefix)) {
      past_ = true;
      return false;
    }
    const std::size_t cut = query_.delimiter.empty()
                                ? std::string::npos
                                : key.find(query_.delimiter, query_.prefix.size());
    if (cut == std::string::npos) {
      if (shown() >= query_.max_keys) return truncate();
      listing_.objects.push_back(read_object(row));
      listing_.next = key;
      from_ = key;
      including_ = false;
      return true;
    }
    std::string common = key.substr(0, cut + query_.delimiter.size());
    // A listing that goes on behind a common prefix does not show it again.
    if (!query_.after.starts_with(common)) {
      if (shown() >= query_.max_keys) return truncate();
      listing_.common_prefixes.push_back(common);
      listing_.next = common;
    }
    from_ = behind(std::move(common));
    including_ = true;
    jumped_ = true;
    ended_ = from_.empty();
    return false;
  }

  const ListQuery& query_;
  Listing listing_;
  std::string from_;
  bool including_ = true;
  bool jumped_ = false;
  bool past_ = false;
  bool ended_ = false;
};

}  // namespace

Result<Listing> ObjectStore::list(const std::string& bucket, const ListQuery& query) {
  AE_CHECK(impl_->require_bucket(bucket));
  if (query.max_keys == 0) return Listing{};
  return Walk(query).run(*impl_->db, bucket);
}

}  // namespace ae::objects
