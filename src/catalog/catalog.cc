#include "catalog/catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>
#include <utility>

#include "base/hash.h"
#include "base/text.h"

namespace ae::catalog {
namespace {

using store::Row;

constexpr std::size_t kMaxName = 63;  // a DNS label's length: names appear in host names too
constexpr std::size_t kMaxDerivedWords = 40;
constexpr std::size_t kDerivedHashDigits = 10;
// Beyond this many the cache of current versions starts afresh.
constexpr std::size_t kMaxCached = 1'000;
// What was stored passed stricter limits on its way in; linking nests it some levels deeper.
constexpr json::Limits kStored{.max_bytes = 256UL << 20U, .max_depth = 256, .max_keys = 100'000};

bool is_name_character(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// The hash under which two registrations count as the same workflow.
std::string content_hash(const dag::LinkedWorkflow& linked) {
  dag::LinkedWorkflow bare = linked;
  bare.workflow.name.clear();
  for (auto& [key, spec] : bare.functions) {
    if (auto* package = std::get_if<dag::LocalPackage>(&spec.binding)) {
      package->folder.clear();
      package->layers.clear();  // folders, too; the version says what is in them
    }
  }
  return sha256_hex(json::canonical(dag::to_json(bare)));
}

std::string derived_name(const dag::Workflow& workflow, std::string_view content) {
  std::string words = workflow.description;
  if (words.empty()) {
    for (const dag::Node& node : workflow.nodes) words += node.function + ' ';
  }
  return fmt::format("{}-{}", to_workflow_name(words.substr(0, kMaxDerivedWords)),
                     content.substr(0, kDerivedHashDigits));
}

std::string with_suffix(std::string_view base, std::int64_t number) {
  const std::string suffix = fmt::format("-{}", number);
  return std::string(base.substr(0, kMaxName - suffix.size())) + suffix;
}

Result<void> check_name(std::string_view name) {
  if (is_workflow_name(name)) return {};
  return fail(
      ErrorCode::kInvalidArgument,
      fmt::format("\"{}\" cannot be a workflow's name: use at most {} small letters, digits "
                  "and '-', for example \"{}\"",
                  shorten(name, 80), kMaxName, to_workflow_name(name)));
}

Result<void> check_linked(const dag::LinkedWorkflow& linked) {
  for (const dag::Node& node : linked.workflow.nodes) {
    if (!linked.functions.contains(dag::function_key(node.function, node.version))) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("node \"{}\": the function {} is not linked; link the workflow first",
                              node.id.str(), node.function));
    }
  }
  return {};
}

// Those of the approvals that the workflow needs. Errors: one that it needs is missing.
Result<std::vector<std::string>> needed_approvals(const NewWorkflow& workflow) {
  std::vector<std::string> needed;
  for (const auto& [key, spec] : workflow.linked.functions) {
    if (spec.effects.empty()) continue;
    if (std::ranges::find(workflow.approved_effects, key) == workflow.approved_effects.end()) {
      return fail(ErrorCode::kFailedPrecondition,
                  fmt::format("{} has side effects ({}) that nobody approved; approve \"{}\"",
                              spec.name, join(spec.effects, ", "), key));
    }
    needed.push_back(key);
  }
  return needed;
}

// "SELECT kColumns FROM workflow" is what read_row() understands.
constexpr std::string_view kColumns =
    "name, version, linked, query, first_inputs, provenance, approved, registered_at";

Result<RegisteredWorkflow> read_row(const Row& row) {
  RegisteredWorkflow workflow;
  workflow.id = row.text(0);
  workflow.version = static_cast<int>(row.integer(1));
  AE_TRY(const Json linked, json::parse(row.text(2), kStored));
  AE_TRY(workflow.linked, dag::linked_workflow_from_json(linked));
  workflow.query = row.text(3);
  AE_TRY(workflow.first_inputs, json::parse(row.text(4), kStored));
  AE_TRY(workflow.provenance, json::parse(row.text(5), kStored));
  AE_TRY(const Json approved, json::parse(row.text(6), kStored));
  for (const Json& key : approved) workflow.approved_effects.push_back(key.get<std::string>());
  workflow.registered_at = WallTime{std::chrono::milliseconds{row.integer(7)}};
  return workflow;
}

}  // namespace

bool is_workflow_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName && is_name_character(name[0]) &&
         std::ranges::all_of(name, [](char c) { return is_name_character(c) || c == '-'; });
}

std::string to_workflow_name(std::string_view text) {
  std::string name;
  for (const char c : to_lower(text)) {
    if (is_name_character(c)) {
      name += c;
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
  }
  name.resize(std::min(name.size(), kMaxName));
  while (name.ends_with('-')) name.pop_back();
  return name.empty() ? "workflow" : name;
}

class Catalog::Impl {
 public:
  Impl(store::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  Result<RegisteredWorkflow> add(NewWorkflow workflow, OnConflict on_conflict);
  Result<std::shared_ptr<const RegisteredWorkflow>> get(std::string_view id, int version);
  Result<std::vector<Summary>> list();
  Result<void> remove(std::string_view id);

 private:
  struct Place {
    std::string name;
    std::int64_t version = 0;  // of what is there already; 0: free
  };
  Result<Place> place_for(const std::string& name, const std::string& content,
                          OnConflict on_conflict);
  Result<Place> fresh_place(const std::string& base, const std::string& content);
  Result<bool> is_live(const std::string& name);
  Result<std::int64_t> insert(const NewWorkflow& workflow, const std::string& name,
                              const std::string& base, const std::string& content,
                              const std::vector<std::string>& approved);
  Result<RegisteredWorkflow> load(std::string_view id, std::int64_t version);
  Error not_found(std::string_view id, int version);
  void forget(const std::string& name);

  using Shared = std::shared_ptr<const RegisteredWorkflow>;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };

  store::Database& database_;
  const Clock& clock_;
  std::shared_mutex cache_mutex_;
  std::unordered_map<std::string, Shared, Hash, std::equal_to<>> current_;  // newest by name
  std::uint64_t changes_ = 0;  // so that a slow reader does not put back what was replaced
};

const store::Migration& Catalog::migration() {
  static const store::Migration kMigration{{
      R"(CREATE TABLE workflow(
           sequence INTEGER PRIMARY KEY AUTOINCREMENT,
           name TEXT NOT NULL, version INTEGER NOT NULL,
           base TEXT NOT NULL,          -- the name that was asked for
           content TEXT NOT NULL,       -- SHA-256 of what it is, its name apart
           linked TEXT NOT NULL, description TEXT NOT NULL, query TEXT NOT NULL,
           first_inputs TEXT NOT NULL, provenance TEXT NOT NULL, approved TEXT NOT NULL,
           registered_at INTEGER NOT NULL,              -- milliseconds since 1970
           removed INTEGER NOT NULL DEFAULT 0,
           UNIQUE(name, version)) STRICT;
         CREATE INDEX workflow_content ON workflow(content);
         CREATE VIEW live AS SELECT * FROM workflow AS w WHERE removed = 0 AND version =
           (SELECT max(version) FROM workflow WHERE name = w.name);
         CREATE TABLE suffix(base TEXT PRIMARY KEY, last INTEGER NOT NULL) STRICT;)",
  }};
  return kMigration;
}

Result<RegisteredWorkflow> Catalog::Impl::add(NewWorkflow workflow, OnConflict on_conflict) {
  AE_CHECK(check_linked(workflow.linked));
  AE_TRY(const auto approved, needed_approvals(workflow));
  const std::string content = content_hash(workflow.linked);
  std::string base = workflow.linked.workflow.name;
  if (base.empty()) base = derived_name(workflow.linked.workflow, content);
  AE_CHECK(check_name(base));

  RegisteredWorkflow registered;
  bool changed = false;
  // Choosing the name and taking it are one step, so nobody comes between.
  AE_CHECK(database_.transaction([&]() -> Result<void> {
    AE_TRY(Place place, place_for(base, content, on_conflict));
    if (place.version == 0) {
      changed = true;
      workflow.linked.workflow.name = place.name;
      AE_TRY(place.version, insert(workflow, place.name, base, content, approved));
    }
    // Read back before it is committed: nothing goes in that could not come out.
    AE_TRY(registered, load(place.name, place.version));
    return {};
  }));
  if (changed) forget(registered.id);
  return registered;
}

Result<Catalog::Impl::Place> Catalog::Impl::place_for(const std::string& name,
                                                      const std::string& content,
                                                      OnConflict on_conflict) {
  if (on_conflict == OnConflict::kFreshName) return fresh_place(name, content);
  Place place{.name = name};
  AE_CHECK(database_.query("SELECT version FROM live WHERE name = ? AND content = ?",
                           {name, content}, [&](const Row& row) {
                             place.version = row.integer(0);
                             return false;
                           }));
  return place;
}

Result<Catalog::Impl::Place> Catalog::Impl::fresh_place(const std::string& base,
                                                        const std::string& content) {
  Place same;
  AE_CHECK(database_.query(
      "SELECT name, version FROM live WHERE content = ? AND base = ? ORDER BY sequence",
      {content, base}, [&](const Row& row) {
        same = {.name = row.text(0), .version = row.integer(1)};
        return false;
      }));
  if (same.version != 0) return same;
  AE_TRY(const bool base_taken, is_live(base));
  if (!base_taken) return Place{.name = base};
  // The last suffix is kept, since counting up from 2 each time would be quadratic.
  std::int64_t number = 1;
  AE_CHECK(database_.query("SELECT last FROM suffix WHERE base = ?", {base}, [&](const Row& row) {
    number = row.integer(0);
    return false;
  }));
  Place place;
  for (bool taken = true; taken;) {
    place.name = with_suffix(base, ++number);
    AE_TRY(taken, is_live(place.name));
  }
  AE_CHECK(database_.execute(
      "INSERT INTO suffix VALUES(?1, ?2) ON CONFLICT(base) DO UPDATE SET last = ?2",
      {base, number}));
  return place;
}

Result<bool> Catalog::Impl::is_live(const std::string& name) {
  bool live = false;
  AE_CHECK(database_.query("SELECT 1 FROM workflow WHERE name = ? AND removed = 0 LIMIT 1", {name},
                           [&](const Row&) {
                             live = true;
                             return false;
                           }));
  return live;
}

// Returns the version.
Result<std::int64_t> Catalog::Impl::insert(const NewWorkflow& workflow, const std::string& name,
                                           const std::string& base, const std::string& content,
                                           const std::vector<std::string>& approved) {
  std::int64_t version = 0;
  AE_CHECK(database_.query("SELECT coalesce(max(version), 0) + 1 FROM workflow WHERE name = ?",
                           {name}, [&](const Row& row) {
                             version = row.integer(0);
                             return false;
                           }));
  AE_CHECK(database_.execute(
      "INSERT INTO workflow(name, version, base, content, linked, description, query, "
      "first_inputs, provenance, approved, registered_at) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {name, version, base, content, json::dump(dag::to_json(workflow.linked)),
       workflow.linked.workflow.description, workflow.query, json::dump(workflow.first_inputs),
       json::dump(workflow.provenance), json::dump(Json(approved)),
       std::int64_t{clock_.now().time_since_epoch().count()}}));
  return version;
}

// Version 0 is the newest.
Result<RegisteredWorkflow> Catalog::Impl::load(std::string_view id, std::int64_t version) {
  Result<RegisteredWorkflow> loaded = fail(ErrorCode::kNotFound, "");
  AE_CHECK(
      database_.query(fmt::format("SELECT {} FROM workflow WHERE name = ?1 AND removed = 0 AND "
                                  "(version = ?2 OR ?2 = 0) ORDER BY version DESC LIMIT 1",
                                  kColumns),
                      {std::string(id), version}, [&](const Row& row) {
                        loaded = read_row(row);
                        return false;
                      }));
  if (!loaded && loaded.error().code != ErrorCode::kNotFound) {
    return annotate(std::move(loaded).error(),
                    fmt::format("reading the stored workflow {} version {}", id, version));
  }
  return loaded;
}

Result<Catalog::Impl::Shared> Catalog::Impl::get(std::string_view id, int version) {
  std::uint64_t seen = 0;
  {
    const std::shared_lock lock(cache_mutex_);
    seen = changes_;
    const auto found = current_.find(id);
    if (found != current_.end() && (version == 0 || version == found->second->version)) {
      return found->second;
    }
  }
  auto loaded = load(id, version);
  if (!loaded) {
    if (loaded.error().code != ErrorCode::kNotFound) return fail(std::move(loaded).error());
    return fail(not_found(id, version));
  }
  Shared shared = std::make_shared<const RegisteredWorkflow>(*std::move(loaded));
  if (version == 0) {
    const std::lock_guard lock(cache_mutex_);
    if (current_.size() >= kMaxCached) current_.clear();
    if (changes_ == seen) current_.insert_or_assign(shared->id, shared);
  }
  return shared;
}

Error Catalog::Impl::not_found(std::string_view id, int version) {
  Error error{ErrorCode::kNotFound, "", {}};
  std::vector<std::string> names;
  const auto asked = database_.query("SELECT DISTINCT name FROM workflow WHERE removed = 0", {},
                                     [&](const Row& row) {
                                       names.push_back(row.text(0));
                                       return true;
                                     });
  if (!asked) return asked.error();
  if (std::ranges::find(names, id) != names.end()) {
    error.message = fmt::format("the workflow {} has no version {}", id, version);
    return error;
  }
  error.message = fmt::format("no workflow is named \"{}\"", shorten(id, 80));
  if (const std::string meant = nearest(id, names); !meant.empty()) {
    error.message += fmt::format("; did you mean \"{}\"?", meant);
  }
  return error;
}

Result<std::vector<Catalog::Summary>> Catalog::Impl::list() {
  std::vector<Summary> summaries;
  AE_CHECK(database_.query(
      "SELECT name, version, description, query, registered_at FROM live ORDER BY sequence DESC",
      {}, [&](const Row& row) {
        summaries.push_back({.id = row.text(0),
                             .version = static_cast<int>(row.integer(1)),
                             .description = row.text(2),
                             .query = row.text(3),
                             .registered_at = WallTime{std::chrono::milliseconds{row.integer(4)}}});
        return true;
      }));
  return summaries;
}

Result<void> Catalog::Impl::remove(std::string_view id) {
  const std::string name(id);
  bool found = false;
  AE_CHECK(database_.transaction([&]() -> Result<void> {
    AE_CHECK(database_.execute("UPDATE workflow SET removed = 1 WHERE name = ? AND removed = 0",
                               {name}));
    found = database_.changes() > 0;
    return {};
  }));
  if (!found) return fail(not_found(id, 0));
  forget(name);
  return {};
}

void Catalog::Impl::forget(const std::string& name) {
  const std::lock_guard lock(cache_mutex_);
  ++changes_;
  current_.erase(name);
}

Catalog::Catalog(store::Database& database, const Clock& clock)
    : impl_(std::make_unique<Impl>(database, clock)) {}
Catalog::~Catalog() = default;

Result<RegisteredWorkflow> Catalog::add(NewWorkflow workflow, OnConflict on_conflict) {
  return impl_->add(std::move(workflow), on_conflict);
}

Result<std::shared_ptr<const RegisteredWorkflow>> Catalog::get(std::string_view id,
                                                               int version) const {
  return impl_->get(id, version);
}

Result<std::vector<Catalog::Summary>> Catalog::list() const { return impl_->list(); }

Result<void> Catalog::remove(std::string_view id) { return impl_->remove(id); }

}  // namespace ae::catalog
