#include "repository/repository.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/text.h"
#include "dag/link.h"
#include "repository/internal/code_files.h"
#include "repository/internal/name_words.h"
#include "repository/sidecar.h"

namespace ae::repository {
namespace fs = std::filesystem;
namespace {

using store::Row;

// A sentence has far fewer; a pasted document must not become a query of a million terms.
constexpr std::size_t kMaxSearchTerms = 128;
constexpr std::string_view kTemporary = ".tmp-";
constexpr std::string_view kLayers = "_layers";  // no function's name begins so

// Lower case words, identifiers split, so that "user_ID", "userId" and "user id" meet.
std::string index_words(std::string_view text) { return join(identifier_words(text), " "); }

// A name's words, also those that run together in it.
std::string index_name(std::string_view name) {
  std::vector<std::string> words = identifier_words(name);
  for (std::string& word : internal::name_words(name)) {
    if (std::ranges::find(words, word) == words.end()) words.push_back(std::move(word));
  }
  return join(words, " ");
}

// The names of a schema's properties and what is said of them.
std::string schema_words(const Json& schema) {
  std::string words = index_words(json::string_or(schema, "description"));
  const Json* properties = json::find(schema, "properties");
  if (properties == nullptr || !properties->is_object()) return words;
  for (const auto& [name, property] : properties->items()) {
    words += ' ' + index_words(name) + ' ' + index_words(json::string_or(property, "description"));
  }
  return words;
}

// Free text as an FTS5 query: its words, quoted, any of them. "" when it has none.
std::string match_expression(std::string_view text) {
  std::string clean(text);
  if (!is_utf8(clean)) {
    std::ranges::replace_if(
        clean, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, ' ');
  }
  std::set<std::string> seen;
  std::string expression;
  for (const std::string& word : identifier_words(clean)) {
    if (seen.size() == kMaxSearchTerms) break;
    if (!seen.insert(word).second) continue;
    // A word holds letters, digits and bytes beyond ASCII only, hence no quote to escape.
    expression += fmt::format("{}\"{}\"", expression.empty() ? "" : " OR ", word);
  }
  return expression;
}

bool is_version(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::unexpected<Error> file_error(const std::error_code& cause, std::string_view doing,
                                  const fs::path& path) {
  const bool full = cause == std::errc::no_space_on_device;
  return fail(full ? ErrorCode::kResourceExhausted : ErrorCode::kInternal,
              fmt::format("cannot {} {}: {}", doing, path.string(), cause.message()));
}

}  // namespace

class Repository::Impl {
 public:
  Impl(store::Database& database, const fs::path& code_root)
      : database_(database), code_root_(fs::absolute(code_root).lexically_normal()) {}

  Result<Added> add(const Package& package);
  Result<void> remove(std::string_view name);
  Result<std::size_t> forget(std::string_view name, const std::set<std::string>& pinned);
  Result<dag::FunctionSpec> revise(std::string_view name, const Json& input, const Json& output);
  Result<std::shared_ptr<const Snapshot>> snapshot();
  Result<dag::FunctionSpec> get(std::string_view name, std::string_view version);
  Result<std::vector<SearchHit>> search(std::string_view text, std::size_t limit);

 private:
  fs::path folder_of(std::string_view name, std::string_view version) const {
    return code_root_ / name / version;
  }
  // The folders of `spec`'s code and layers, from the names under which they are kept.
  void resolve(dag::FunctionSpec& spec) const;
  Result<void> keep_code(const Package& package, const std::vector<std::string>& layers);
  Result<std::vector<std::string>> keep_layers(const Package& package);
  Result<void> keep_folder(const fs::path& target,
                           const std::function<Result<void>(const fs::path& temporary)>& copy);
  Result<Added::Kind> keep_row(const dag::FunctionSpec& spec,
                               const std::vector<std::string>& layers);
  Result<void> index(const dag::FunctionSpec& spec);
  Result<dag::FunctionSpec> parse(std::string_view name, std::string_view version,
                                  const std::string& json) const;
  Result<std::shared_ptr<const Snapshot>> load();

  store::Database& database_;
  const fs::path code_root_;
  std::mutex add_mutex_;  // one copy at a time; held before the database's own
  std::mutex snapshot_mutex_;
  std::shared_ptr<const Snapshot> snapshot_;  // null when something changed since
};

const store::Migration& Repository::migration() {
  static const store::Migration kMigration{{
      R"(CREATE TABLE function(
           id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, current TEXT NOT NULL) STRICT;
         CREATE TABLE version(
           name TEXT NOT NULL, version TEXT NOT NULL, spec TEXT NOT NULL,
           PRIMARY KEY(name, version)) STRICT, WITHOUT ROWID;
         CREATE TABLE revision(
           one INTEGER PRIMARY KEY CHECK(one = 1), value INTEGER NOT NULL) STRICT;
         INSERT INTO revision VALUES(1, 0);
         CREATE VIRTUAL TABLE function_text USING fts5(
           name, outputs, description, inputs, tokenize = 'porter unicode61');)",
  }};
  return kMigration;
}

// The order makes every crash harmless: code that no row names is overwritten or taken over by the
// next add(), and a row is written only when its code is on disk.
Result<Added> Repository::Impl::add(const Package& package) {
  const dag::FunctionSpec& spec = package.spec;
  if (!is_function_name(spec.name) || !is_version(spec.version)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("\"{}\" version \"{}\" did not come from read_package()",
                            shorten(spec.name, 80), shorten(spec.version, 80)));
  }
  const std::lock_guard lock(add_mutex_);
  AE_TRY(const auto layers, keep_layers(package));
  if (!package.folder.empty()) AE_CHECK(keep_code(package, layers));
  AE_TRY(const Added::Kind kind, keep_row(spec, layers));
  if (kind != Added::Kind::kUnchanged) {
    const std::lock_guard snapshot_lock(snapshot_mutex_);
    snapshot_.reset();
  }
  AE_TRY(auto kept, get(spec.name, spec.version));
  return Added{.spec = std::move(kept), .kind = kind};
}

// `copy` fills the temporary folder, which becomes `target` only when it is complete and synced.
Result<void> Repository::Impl::keep_folder(
    const fs::path& target, const std::function<Result<void>(const fs::path&)>& copy) {
  const fs::path parent = target.parent_path();
  std::error_code error;
  if (fs::is_directory(target, error)) return {};
  const bool first = fs::create_directories(parent, error);
  if (error) return file_error(error, "create", parent);
  for (const auto& entry : fs::directory_iterator(parent, error)) {
    std::error_code ignored;
    if (entry.path().filename().string().find(kTemporary) != std::string::npos) {
      fs::remove_all(entry.path(), ignored);  // of an add() that was killed
    }
  }
  const fs::path temporary = target.string() + std::string(kTemporary) + new_id("copy");
  auto copied = copy(temporary);
  if (copied) {
    fs::rename(temporary, target, error);
    if (error) copied = file_error(error, "rename", temporary);
  }
  if (!copied) {
    fs::remove_all(temporary, error);
    return copied;
  }
  AE_CHECK(internal::sync_folder(parent));
  if (first) {
    AE_CHECK(internal::sync_folder(code_root_));
    AE_CHECK(internal::sync_folder(code_root_.parent_path()));
  }
  return {};
}

// The package may change while it is copied; what is kept must be what the version says.
Result<void> Repository::Impl::keep_code(const Package& package,
                                         const std::vector<std::string>& layers) {
  const dag::FunctionSpec& spec = package.spec;
  return keep_folder(folder_of(spec.name, spec.version), [&](const fs::path& to) -> Result<void> {
    AE_TRY(const auto files, internal::list_code(package.folder, {}));
    AE_CHECK(internal::copy_code(package.folder, files, to));
    AE_TRY(const auto copied, internal::list_code(to, {}));
    AE_TRY(
        const std::string version,
        internal::version_of(
            to, copied, {.declaration = package.declaration, .name = spec.name, .layers = layers}));
    if (version == spec.version) return {};
    return fail(
        ErrorCode::kFailedPrecondition,
        fmt::format("{} changed while it was being added; add it again", package.folder.string()));
  });
}

// By their content, so that functions share them. Returns the names.
Result<std::vector<std::string>> Repository::Impl::keep_layers(const Package& package) {
  std::vector<std::string> names;
  for (const fs::path& layer : package.layers) {
    AE_TRY(const auto files, internal::list_code(layer, {}));
    AE_TRY(std::string name, internal::content_of(layer, files));
    AE_CHECK(keep_folder(code_root_ / kLayers / name, [&](const fs::path& to) -> Result<void> {
      AE_CHECK(internal::copy_code(layer, files, to));
      AE_TRY(const auto copied, internal::list_code(to, {}));
      AE_TRY(const std::string content, internal::content_of(to, copied));
      if (content == name) return {};
      return fail(ErrorCode::kFailedPrecondition,
                  fmt::format("{} changed while it was being added; add it again", layer.string()));
    }));
    names.push_back(std::move(name));
  }
  return names;
}

Result<Added::Kind> Repository::Impl::keep_row(const dag::FunctionSpec& spec,
                                               const std::vector<std::string>& layers) {
  auto kind = Added::Kind::kNew;
  AE_CHECK(database_.transaction([&]() -> Result<void> {
    std::string current;
    AE_CHECK(database_.query("SELECT current FROM function WHERE name = ?", {spec.name},
                             [&](const Row& row) {
                               current = row.text(0);
                               return false;
                             }));
    if (current == spec.version) {
      kind = Added::Kind::kUnchanged;
      return {};
    }
    if (!current.empty()) kind = Added::Kind::kNewVersion;
    dag::FunctionSpec kept = spec;
    if (auto* code = std::get_if<dag::LocalPackage>(&kept.binding)) {
      code->folder.clear();  // so that code_root may move
      code->layers = layers;
    }
    AE_CHECK(database_.execute("INSERT INTO version VALUES(?, ?, ?) ON CONFLICT DO NOTHING",
                               {spec.name, spec.version, json::dump(dag::to_json(kept))}));
    AE_CHECK(
        database_.execute("INSERT INTO function(name, current) VALUES(?1, ?2) "
                          "ON CONFLICT(name) DO UPDATE SET current = ?2",
                          {spec.name, spec.version}));
    AE_CHECK(database_.execute("UPDATE revision SET value = value + 1"));
    return index(spec);
  }));
  return kind;
}

Result<void> Repository::Impl::remove(std::string_view name) {
  const std::lock_guard lock(add_mutex_);
  AE_CHECK(get(name, {}));
  const std::string text(name);
  AE_CHECK(database_.transaction([&]() -> Result<void> {
    AE_CHECK(database_.execute(
        "DELETE FROM function_text WHERE rowid = (SELECT id FROM function WHERE name = ?)",
        {text}));
    AE_CHECK(database_.execute("DELETE FROM function WHERE name = ?", {text}));
    return database_.execute("UPDATE revision SET value = value + 1");
  }));
  const std::lock_guard snapshot_lock(snapshot_mutex_);
  snapshot_.reset();
  return {};
}

// Rows first: code that no row names is harmless, a row without code is not.
Result<std::size_t> Repository::Impl::forget(std::string_view name,
                                             const std::set<std::string>& pinned) {
  const std::lock_guard lock(add_mutex_);
  std::vector<std::string> versions;
  AE_CHECK(
      database_.query("SELECT version FROM version WHERE name = ?1 AND version NOT IN "
                      "(SELECT current FROM function WHERE name = ?1)",
                      {std::string(name)}, [&](const Row& row) {
                        if (!pinned.contains(dag::function_key(name, row.text(0)))) {
                          versions.push_back(row.text(0));
                        }
                        return true;
                      }));
  for (const std::string& version : versions) {
    AE_CHECK(database_.execute("DELETE FROM version WHERE name = ? AND version = ?",
                               {std::string(name), version}));
    std::error_code error;
    fs::remove_all(folder_of(name, version), error);
    if (error) return file_error(error, "delete", folder_of(name, version));
  }
  return versions.size();
}

Result<dag::FunctionSpec> Repository::Impl::revise(std::string_view name, const Json& input,
                                                   const Json& output) {
  const std::lock_guard lock(add_mutex_);
  AE_TRY(dag::FunctionSpec spec, get(name, {}));
  if (spec.schemas != dag::SchemaSource::kInferred) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("{} declares its schemas; change its function.yaml instead", name));
  }
  AE_CHECK(database_.transaction([&]() -> Result<void> {
    std::string stored;
    AE_CHECK(database_.query("SELECT spec FROM version WHERE name = ? AND version = ?",
                             {spec.name, spec.version}, [&](const Row& row) {
                               stored = row.text(0);
                               return false;
                             }));
    AE_TRY(Json document, json::parse(stored));
    document["input"] = input;
    document["output"] = output;
    AE_CHECK(database_.execute("UPDATE version SET spec = ? WHERE name = ? AND version = ?",
                               {json::dump(document), spec.name, spec.version}));
    AE_CHECK(database_.execute("UPDATE revision SET value = value + 1"));
    spec.input = input;
    spec.output = output;
    return index(spec);
  }));
  const std::lock_guard snapshot_lock(snapshot_mutex_);
  snapshot_.reset();
  return spec;
}

Result<void> Repository::Impl::index(const dag::FunctionSpec& spec) {
  AE_CHECK(database_.execute(
      "DELETE FROM function_text WHERE rowid = (SELECT id FROM function WHERE name = ?)",
      {spec.name}));
  return database_.execute(
      "INSERT INTO function_text(rowid, name, outputs, description, inputs) "
      "SELECT id, ?2, ?3, ?4, ?5 FROM function WHERE name = ?1",
      {spec.name, index_name(spec.name), schema_words(spec.output), index_words(spec.description),
       schema_words(spec.input)});
}

void Repository::Impl::resolve(dag::FunctionSpec& spec) const {
  auto* code = std::get_if<dag::LocalPackage>(&spec.binding);
  if (code == nullptr) return;
  code->folder = folder_of(spec.name, spec.version).string();
  for (std::string& layer : code->layers) layer = (code_root_ / kLayers / layer).string();
}

Result<dag::FunctionSpec> Repository::Impl::parse(std::string_view name, std::string_view version,
                                                  const std::string& json) const {
  const auto frame = [&] {
    return fmt::format("reading the stored function {}@{}", name, version);
  };
  auto document = json::parse(json);
  if (!document) return annotate(std::move(document).error(), frame());
  auto spec = dag::function_spec_from_json(*document);
  if (!spec) return annotate(std::move(spec).error(), frame());
  resolve(*spec);
  return spec;
}

Result<std::shared_ptr<const Repository::Snapshot>> Repository::Impl::load() {
  auto loaded = std::make_shared<Snapshot>();
  Result<void> parsed;
  // One statement, so that revision and functions belong together.
  AE_CHECK(database_.query(
      "SELECT revision.value, version.name, version.version, version.spec FROM revision "
      "LEFT JOIN (function JOIN version ON version.name = function.name "
      "AND version.version = function.current) ORDER BY version.name",
      {}, [&](const Row& row) {
        loaded->revision = static_cast<std::uint64_t>(row.integer(0));
        if (row.is_null(1)) return true;  // no function yet
        auto spec = parse(row.text(1), row.text(2), row.text(3));
        if (!spec) {
          parsed = fail(std::move(spec).error());
          return false;
        }
        loaded->functions.push_back(*std::move(spec));
        return true;
      }));
  AE_CHECK(std::move(parsed));
  return std::shared_ptr<const Snapshot>(std::move(loaded));
}

Result<std::shared_ptr<const Repository::Snapshot>> Repository::Impl::snapshot() {
  // Held while loading: an add() that commits meanwhile resets the snapshot after it.
  const std::lock_guard lock(snapshot_mutex_);
  if (snapshot_ == nullptr) {
    AE_TRY(snapshot_, load());
  }
  return snapshot_;
}

Result<dag::FunctionSpec> Repository::Impl::get(std::string_view name, std::string_view version) {
  AE_TRY(const auto current, snapshot());
  const auto& functions = current->functions;
  const auto found = std::ranges::lower_bound(functions, name, {}, &dag::FunctionSpec::name);
  if (found == functions.end() || found->name != name) {
    std::vector<std::string> names;
    for (const auto& function : functions) names.push_back(function.name);
    const std::string meant = nearest(name, names);
    return fail(ErrorCode::kNotFound,
                meant.empty() ? fmt::format("no function is named \"{}\"", shorten(name, 80))
                              : fmt::format("no function is named \"{}\"; did you mean \"{}\"?",
                                            shorten(name, 80), meant));
  }
  if (version.empty() || version == found->version) return *found;
  std::string json;
  AE_CHECK(database_.query("SELECT spec FROM version WHERE name = ? AND version = ?",
                           {std::string(name), std::string(version)}, [&](const Row& row) {
                             json = row.text(0);
                             return false;
                           }));
  if (!json.empty()) return parse(name, version, json);
  return fail(ErrorCode::kNotFound,
              fmt::format("the function {} has no version \"{}\"; its current one is {}", name,
                          shorten(version, 80), found->version));
}

Result<std::vector<SearchHit>> Repository::Impl::search(std::string_view text, std::size_t limit) {
  std::vector<SearchHit> hits;
  const std::string expression = match_expression(text);
  if (expression.empty() || limit == 0) return hits;
  const auto bound = static_cast<std::int64_t>(std::min<std::size_t>(limit, 1'000'000));
  // A name says most, then what comes out: a step is looked for by what it yields.
  AE_CHECK(database_.query(
      "SELECT function.name, bm25(function_text, 4.0, 3.0, 2.0, 1.0) AS cost FROM function_text "
      "JOIN function ON function.id = function_text.rowid WHERE function_text MATCH ? "
      "ORDER BY cost, function.name LIMIT ?",
      {expression, bound}, [&](const Row& row) {
        hits.push_back({.name = row.text(0), .score = -row.real(1)});
        return true;
      }));
  return hits;
}

Repository::Repository(store::Database& database, fs::path code_root)
    : impl_(std::make_unique<Impl>(database, code_root)) {}
Repository::~Repository() = default;

Result<Added> Repository::add(const Package& package) { return impl_->add(package); }

Result<void> Repository::remove(std::string_view name) { return impl_->remove(name); }

Result<std::size_t> Repository::forget(std::string_view name, const std::set<std::string>& pinned) {
  return impl_->forget(name, pinned);
}

Result<dag::FunctionSpec> Repository::revise(std::string_view name, const Json& input,
                                             const Json& output) {
  return impl_->revise(name, input, output);
}

Result<std::vector<dag::FunctionSpec>> Repository::list() const {
  AE_TRY(const auto current, impl_->snapshot());
  return current->functions;
}

Result<dag::FunctionSpec> Repository::get(std::string_view name, std::string_view version) const {
  return impl_->get(name, version);
}

std::shared_ptr<const Repository::Snapshot> Repository::snapshot() const {
  auto current = impl_->snapshot();
  if (current) return *std::move(current);
  log::error("cannot read the function repository: {}", current.error().describe());
  return std::make_shared<const Snapshot>();
}

Result<std::vector<SearchHit>> Repository::search(std::string_view text, std::size_t limit) const {
  return impl_->search(text, limit);
}

}  // namespace ae::repository
