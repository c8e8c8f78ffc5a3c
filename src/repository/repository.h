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
#include <set>
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

  // Takes the function out of plans, lists and search at once. Its versions stay for whatever pins
  // them, and adding it again brings it back. Errors: kNotFound, with the nearest names.
  Result<void> remove(std::string_view name);
  // Deletes rows and code of the function's versions that are neither current nor `pinned`
  // ("name@version"). Returns how many. What is running from such code must be over.
  Result<std::size_t> forget(std::string_view name, const std::set<std::string>& pinned);

  // Replaces schemas that were inferred by better guesses: the same version of the same code, known
  // better. Workflows that pin it keep the schemas that they were verified with.
  // Errors: kNotFound, kFailedPrecondition when the function declares its schemas.
  Result<dag::FunctionSpec> revise(std::string_view name, const Json& input, const Json& output);

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
