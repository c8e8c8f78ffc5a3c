// SQLite, wrapped: the only module that includes it. One Database is one connection.
//
// Files are opened in WAL mode with synchronous=FULL: a transaction that was committed survives a
// crash of the machine. One process owns a file (locking_mode=EXCLUSIVE), so no -shm file exists
// and a second opener gets kUnavailable at once.
//
// Threads: any. One mutex guards the connection, and a transaction holds it from its first
// statement until it is durable, so no other thread ever sees uncommitted rows: it waits instead,
// a sync's time at most. Keep bodies short.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace ae::store {

using Value = std::variant<std::nullptr_t, std::int64_t, double, std::string>;

// One row of a result, valid during the visit. Column numbers count from 0; wrong ones are a
// programmer's error.
class Row {
 public:
  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string text(int column) const;  // "" for NULL
  bool is_null(int column) const;

 private:
  friend class Database;
  explicit Row(void* statement) : statement_(statement) {}
  void* statement_;
};

struct Migration {
  // Run in order, each once, in one transaction; PRAGMA user_version counts them. Never edit one
  // that was released: append. A file has one migration, so modules that own tables own a file.
  std::vector<std::string> steps;
};

struct OpenOptions {
  std::string vfs;  // "" is SQLite's own; tests name a fault-injecting one
  // PRAGMA application_id, so that a foreign file is refused with a clear error instead of
  // migrated.
  std::int32_t application_id = 0x41453031;  // "AE01"
};

class Database final {
 public:
  // ":memory:" for tests. Errors: kUnavailable when another opener owns the file, kDataLoss when
  // it is damaged or no database, kFailedPrecondition when it belongs to another program or is
  // newer than this one, kNotFound without its folder, kPermissionDenied.
  static Result<std::unique_ptr<Database>> open(const std::filesystem::path& path,
                                                const Migration& migration,
                                                const OpenOptions& options = {});
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Runs one statement and passes over its rows; durable when it returns, unless a transaction is
  // open. Statements are prepared once and cached, so give values as parameters.
  // Errors: kAlreadyExists (a UNIQUE or PRIMARY KEY constraint), kFailedPrecondition (other
  // constraints), kResourceExhausted (disk full), kDataLoss (damage), kInternal.
  Result<void> execute(std::string_view sql, std::initializer_list<Value> parameters = {});
  Result<void> execute(std::string_view sql, std::span<const Value> parameters);
  // Calls `visit` for each row until it returns false. `visit` may use this database.
  Result<void> query(std::string_view sql, std::initializer_list<Value> parameters,
                     const std::function<bool(const Row&)>& visit);
  Result<void> query(std::string_view sql, std::span<const Value> parameters,
                     const std::function<bool(const Row&)>& visit);
  // Runs `body` in one immediate transaction: commits when it succeeds, rolls back otherwise.
  // Durable when it returns. Must not be nested (kFailedPrecondition); other threads wait
  // meanwhile. When SQLite itself gave up the transaction (disk full, I/O error), what remains of
  // `body` fails too instead of running outside of it, and so does the whole.
  Result<void> transaction(const std::function<Result<void>()>& body);

  // False inside a transaction() that SQLite gave up, and outside of one.
  bool in_transaction() const;
  // Rows inserted, updated or deleted by the last such statement. Ask inside transaction(), where
  // no other thread can come between.
  std::int64_t changes() const;
  // Syncs of this database's files since it was opened, checkpoints' included.
  std::int64_t syncs() const;

 private:
  class Impl;
  explicit Database(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ae::store
