#include "store/database.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <mutex>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "store/internal/counting_vfs.h"
#include "store/internal/turn_mutex.h"

namespace ae::store {
namespace {

// Beyond this many different statements new ones are prepared for each use: a program that builds
// SQL from data must not eat memory.
constexpr std::size_t kMaxCachedStatements = 256;
constexpr std::size_t kMaxSqlInMessage = 120;

ErrorCode code_of(int status) {
  switch (status) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      return ErrorCode::kAlreadyExists;
    default:
      break;
  }
  switch (status & 0xff) {
    case SQLITE_CONSTRAINT:
      return ErrorCode::kFailedPrecondition;
    case SQLITE_FULL:
    case SQLITE_TOOBIG:
    case SQLITE_NOMEM:
      return ErrorCode::kResourceExhausted;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::kDataLoss;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorCode::kUnavailable;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return ErrorCode::kPermissionDenied;
    default:
      return ErrorCode::kInternal;
  }
}

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using StatementPtr = std::unique_ptr<sqlite3_stmt, Finalize>;

struct CachedStatement {
  StatementPtr statement;
  bool busy = false;  // being stepped by a query whose visitor may come back with the same SQL
};

}  // namespace

class Database::Impl {
 public:
  explicit Impl(std::filesystem::path file) : path(std::move(file)) {}
  ~Impl() {
    cache_.clear();
    sqlite3_close_v2(handle);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<void> connect(const std::string& base_vfs);
  Result<void> configure();
  Result<void> adopt(const Migration& migration, std::int32_t application_id);
  Result<void> migrate(const Migration& migration, std::int64_t from, std::int32_t application_id);

  Result<void> run(std::string_view sql, std::span<const Value> parameters,
                   const std::function<bool(const Row&)>* visit);
  Result<void> script(const std::string& sql);
  Result<void> commit();
  Result<std::string> scalar(const char* sql);
  Error error(int status, std::string_view doing) const;

  // Recursive: a transaction's body and a query's visitor use the same connection.
  mutable internal::TurnMutex mutex;
  const std::filesystem::path path;
  std::unique_ptr<internal::CountingVfs> vfs;  // before the handle that uses it
  sqlite3* handle = nullptr;
  bool transaction_open = false;

 private:
  class Statement;
  Result<StatementPtr> prepare(std::string_view sql);
  std::unordered_map<std::string, CachedStatement, StringHash, std::equal_to<>> cache_;
};

// A statement borrowed from the cache, or one of its own while the cached one is busy.
class Database::Impl::Statement {
 public:
  static Result<Statement> get(Impl& impl, std::string_view sql) {
    if (auto found = impl.cache_.find(sql); found != impl.cache_.end()) {
      if (!found->second.busy) return Statement(&found->second);
    } else if (impl.cache_.size() < kMaxCachedStatements) {
      AE_TRY(StatementPtr prepared, impl.prepare(sql));
      auto& entry = impl.cache_[std::string(sql)];
      entry.statement = std::move(prepared);
      return Statement(&entry);
    }
    AE_TRY(StatementPtr own, impl.prepare(sql));
    return Statement(std::move(own));
  }
  Statement(Statement&& other) noexcept
      : cached_(std::exchange(other.cached_, nullptr)), own_(std::move(other.own_)) {}
  Statement& operator=(Statement&&) = delete;
  ~Statement() {
    if (cached_ == nullptr) return;
    sqlite3_reset(cached_->statement.get());
    sqlite3_clear_bindings(cached_->statement.get());
    cached_->busy = false;
  }
  sqlite3_stmt* raw() const { return cached_ != nullptr ? cached_->statement.get() : own_.get(); }

 private:
  explicit Statement(CachedStatement* cached) : cached_(cached) { cached->busy = true; }
  explicit Statement(StatementPtr own) : own_(std::move(own)) {}
  CachedStatement* cached_ = nullptr;  // stable: the map never moves its elements
  StatementPtr own_;
};

namespace {

int bind(sqlite3_stmt* statement, int index, const Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    return sqlite3_bind_int64(statement, index, *integer);
  }
  if (const auto* real = std::get_if<double>(&value)) {
    return sqlite3_bind_double(statement, index, *real);
  }
  if (const auto* text = std::get_if<std::string>(&value)) {
    // Not copied: the parameters outlive the run, and bindings are cleared after it.
    return sqlite3_bind_text64(statement, index, text->data(), text->size(), SQLITE_STATIC,
                               SQLITE_UTF8);
  }
  return sqlite3_bind_null(statement, index);
}

}  // namespace

Error Database::Impl::error(int status, std::string_view doing) const {
  std::string message = fmt::format(
      "{}: {} (database {})", shorten(doing, kMaxSqlInMessage),
      handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(status), path.string());
  switch (status & 0xff) {
    case SQLITE_BUSY:
      message = fmt::format("{} is in use by another process or connection; stop that one first",
                            path.string());
      break;
    case SQLITE_FULL:
      message += "; free some disk space";
      break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      message += "; restore the file from a backup, or move it away to start afresh";
      break;
    default:
      break;
  }
  return Error{code_of(status), std::move(message), {}};
}

Result<StatementPtr> Database::Impl::prepare(std::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  const char* tail = nullptr;
  const int status = sqlite3_prepare_v3(handle, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &raw, &tail);
  StatementPtr statement(raw);
  if (status != SQLITE_OK) return fail(error(status, sql));
  const std::string_view rest = trim(sql.substr(static_cast<std::size_t>(tail - sql.data())));
  if (raw == nullptr || !rest.empty()) {
    return fail(ErrorCode::kInternal,
                fmt::format("one SQL statement is wanted, not \"{}\"", shorten(sql, 80)));
  }
  return statement;
}

Result<void> Database::Impl::run(std::string_view sql, std::span<const Value> parameters,
                                 const std::function<bool(const Row&)>* visit) {
  if (transaction_open && sqlite3_get_autocommit(handle) != 0) {
    return fail(ErrorCode::kInternal,
                fmt::format("the transaction was given up after an earlier error (database {})",
                            path.string()));
  }
  AE_TRY(Statement statement, Statement::get(*this, sql));
  const int wanted = sqlite3_bind_parameter_count(statement.raw());
  if (wanted != static_cast<int>(parameters.size())) {
    return fail(ErrorCode::kInternal,
                fmt::format("{} parameters given, {} wanted by \"{}\"", parameters.size(), wanted,
                            shorten(sql, kMaxSqlInMessage)));
  }
  for (int i = 0; i < wanted; ++i) {
    const int status = bind(statement.raw(), i + 1, parameters[static_cast<std::size_t>(i)]);
    if (status != SQLITE_OK) return fail(error(status, sql));
  }
  while (true) {
    const int status = sqlite3_step(statement.raw());
    if (status == SQLITE_DONE) return {};
    if (status != SQLITE_ROW) return fail(error(status, sql));
    if (visit == nullptr || (*visit)(Row(statement.raw()))) continue;
    // A statement that writes and returns rows commits only now.
    const int ended = sqlite3_reset(statement.raw());
    if (ended != SQLITE_OK) return fail(error(ended, sql));
    return {};
  }
}

Result<void> Database::Impl::script(const std::string& sql) {
  const int status = sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr);
  if (status != SQLITE_OK) return fail(error(status, sql));
  return {};
}

Result<std::string> Database::Impl::scalar(const char* sql) {
  std::string value;
  const std::function<bool(const Row&)> visit = [&value](const Row& row) {
    value = row.text(0);
    return true;
  };
  AE_CHECK(run(sql, {}, &visit));
  return value;
}

Result<void> Database::Impl::commit() {
  // run() refuses when SQLite has already rolled back: nothing would be left to commit.
  return run("COMMIT", {}, nullptr);
}

Result<void> Database::Impl::connect(const std::string& base_vfs) {
  sqlite3_vfs* base = sqlite3_vfs_find(base_vfs.empty() ? nullptr : base_vfs.c_str());
  if (base == nullptr) {
    return fail(ErrorCode::kInternal, fmt::format("no SQLite VFS is named \"{}\"", base_vfs));
  }
  vfs = std::make_unique<internal::CountingVfs>(base);
  const int status = sqlite3_open_v2(
      path.c_str(), &handle,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
      vfs->name().c_str());
  if (status != SQLITE_OK) {
    std::error_code ignored;
    const auto folder = path.parent_path();
    if (base_vfs.empty() && !folder.empty() && !std::filesystem::is_directory(folder, ignored)) {
      return fail(ErrorCode::kNotFound, fmt::format("cannot open {}: the folder {} does not exist",
                                                    path.string(), folder.string()));
    }
    return fail(error(status, "cannot open"));
  }
  return {};
}

Result<void> Database::Impl::configure() {
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  // Exclusive before WAL: the WAL index then lives in this process's memory, not in a -shm file.
  AE_TRY(const std::string locking, scalar("PRAGMA locking_mode=EXCLUSIVE"));
  AE_TRY(const std::string mode, scalar("PRAGMA journal_mode=WAL"));
  const bool in_memory = path == ":memory:";
  if (!in_memory && (mode != "wal" || locking != "exclusive")) {
    return fail(ErrorCode::kInternal,
                fmt::format("{} cannot be opened in WAL mode (journal mode \"{}\", locking \"{}\")",
                            path.string(), mode, locking));
  }
  return script("PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY");
}

// Checks whose file it is and brings its tables up to date.
Result<void> Database::Impl::adopt(const Migration& migration, std::int32_t application_id) {
  AE_TRY(const std::string owner, scalar("PRAGMA application_id"));
  AE_TRY(const std::string version_text, scalar("PRAGMA user_version"));
  AE_TRY(const std::string objects, scalar("SELECT count(*) FROM sqlite_schema"));
  const std::int64_t version = std::stoll(version_text);
  const bool fresh = owner == "0" && version == 0 && objects == "0";
  if (!fresh && owner != std::to_string(application_id)) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("{} belongs to another program (application id {}); choose another "
                            "file",
                            path.string(), owner));
  }
  const auto known = static_cast<std::int64_t>(migration.steps.size());
  if (version < 0 || version > known) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("{} has version {}, but this program knows versions up to {}; use a "
                            "newer program",
                            path.string(), version, known));
  }
  if (fresh || version < known) return migrate(migration, version, application_id);
  return {};
}

Result<void> Database::Impl::migrate(const Migration& migration, std::int64_t from,
                                     std::int32_t application_id) {
  const auto all = [&]() -> Result<void> {
    AE_CHECK(script("BEGIN IMMEDIATE"));
    for (auto step = static_cast<std::size_t>(from); step < migration.steps.size(); ++step) {
      if (auto done = script(migration.steps[step]); !done) {
        return annotate(std::move(done).error(), fmt::format("migrating to version {}", step + 1));
      }
    }
    return script(fmt::format("PRAGMA application_id={}; PRAGMA user_version={}; COMMIT",
                              application_id, migration.steps.size()));
  };
  auto result = all();
  if (sqlite3_get_autocommit(handle) == 0) {
    sqlite3_exec(handle, "ROLLBACK", nullptr, nullptr, nullptr);
  }
  return result;
}

Database::Database(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Database::~Database() = default;

Result<std::unique_ptr<Database>> Database::open(const std::filesystem::path& path,
                                                 const Migration& migration,
                                                 const OpenOptions& options) {
  auto impl = std::make_unique<Impl>(path);
  AE_CHECK(impl->connect(options.vfs));
  AE_CHECK(impl->configure());
  AE_CHECK(impl->adopt(migration, options.application_id));
  return std::unique_ptr<Database>(new Database(std::move(impl)));
}

Result<void> Database::execute(std::string_view sql, std::initializer_list<Value> parameters) {
  return execute(sql, std::span<const Value>(parameters.begin(), parameters.size()));
}

Result<void> Database::execute(std::string_view sql, std::span<const Value> parameters) {
  const std::lock_guard lock(impl_->mutex);
  return impl_->run(sql, parameters, nullptr);
}

Result<void> Database::query(std::string_view sql, std::initializer_list<Value> parameters,
                             const std::function<bool(const Row&)>& visit) {
  return query(sql, std::span<const Value>(parameters.begin(), parameters.size()), visit);
}

Result<void> Database::query(std::string_view sql, std::span<const Value> parameters,
                             const std::function<bool(const Row&)>& visit) {
  const std::lock_guard lock(impl_->mutex);
  return impl_->run(sql, parameters, &visit);
}

Result<void> Database::transaction(const std::function<Result<void>()>& body) {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->transaction_open) {
    return fail(ErrorCode::kFailedPrecondition,
                "a transaction is open on this connection already; transactions do not nest");
  }
  AE_CHECK(impl_->run("BEGIN IMMEDIATE", {}, nullptr));
  // Whichever way this is left, nothing uncommitted stays open.
  struct End {
    Impl& impl;
    explicit End(Impl& owner) : impl(owner) { impl.transaction_open = true; }
    ~End() {
      impl.transaction_open = false;
      if (sqlite3_get_autocommit(impl.handle) != 0) return;
      sqlite3_exec(impl.handle, "ROLLBACK", nullptr, nullptr, nullptr);
    }
    End(const End&) = delete;
    End& operator=(const End&) = delete;
  } end(*impl_);
  AE_CHECK(body());
  return impl_->commit();
}

bool Database::in_transaction() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->transaction_open && sqlite3_get_autocommit(impl_->handle) == 0;
}

std::int64_t Database::changes() const {
  const std::lock_guard lock(impl_->mutex);
  return sqlite3_changes64(impl_->handle);
}

std::int64_t Database::syncs() const { return impl_->vfs->syncs(); }

std::int64_t Row::integer(int column) const {
  return sqlite3_column_int64(static_cast<sqlite3_stmt*>(statement_), column);
}

double Row::real(int column) const {
  return sqlite3_column_double(static_cast<sqlite3_stmt*>(statement_), column);
}

std::string Row::text(int column) const {
  auto* statement = static_cast<sqlite3_stmt*>(statement_);
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement, column))};
}

bool Row::is_null(int column) const {
  return sqlite3_column_type(static_cast<sqlite3_stmt*>(statement_), column) == SQLITE_NULL;
}

}  // namespace ae::store
