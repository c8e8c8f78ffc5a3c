// The function repository (the paper's Func Repo): functions, their versions, and search.
//
// Kept in SQLite plus one folder of code per version, <code_root>/<name>/<version>/. Old versions
// stay, so that registered workflows go on with what they were verified with. A function added is
// searchable at once; a restart rebuilds nothing (FTS5 index in the same file).
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dag/function_spec.h"
#include "repository/package.h"
#include "store/database.h"

namespace ae::repository {

struct Added {
  dag::FunctionSpec spec;
  enum class Kind { kNew, kNewVersion, kUnchanged } kind = Kind::kNew;
};

struct SearchHit {
  std::string name;
  double score = 0;  // BM25 over name, outputs, description, inputs; higher is better
};

// Threads: any.
class Repository final {
 public:
  // `database` must outlive it and must have been opened with migration().
  static const store::Migration& migration();
  Repository(store::Database& database, std::filesystem::path code_root);
  ~Repository();
  Repository(const Repository&) = delete;
  Repository& operator=(const Repository&) = delete;

  // Copies the code (crash-safe: a half-copied folder is never visible) and makes it the current
  // version. Errors as read_package()'s.
  Result<Added> add(const Package& package);

  // Current versions, by name.
  Result<std::vector<dag::FunctionSpec>> list() const;
  // Version "" is the current one. Errors: kNotFound, with the nearest names.
  Result<dag::FunctionSpec> get(std::string_view name, std::string_view version = {}) const;
  // A snapshot of the current versions for planning; shared until something changes. `revision`
  // grows with every change.
  struct Snapshot {
    std::uint64_t revision = 0;
    std::vector<dag::FunctionSpec> functions;  // by name
  };
  std::shared_ptr<const Snapshot> snapshot() const;

  // BM25 over the stemmed words of free text (never FTS5 query syntax); best first, ties by name.
  Result<std::vector<SearchHit>> search(std::string_view text, std::size_t limit) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ae::repository
