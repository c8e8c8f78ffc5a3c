// SQLite, wrapped: the only module that includes it. One Database is one connection.
//
// Files are opened in WAL mode with synchronous=FULL: a transaction that was committed survives a
// crash of the machine. One process owns a file (locking_mode=EXCLUSIVE), so no -shm file exists
// and a second opener gets kUnavailable at once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace ae::store {

using Value = std::variant<std::nullptr_t, std::int64_t, double, std::string>;

// One row of a result. Column numbers count from 0; wrong ones are a programmer's error.
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
  // that was released: append.
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
  // ":memory:" for tests. Errors: kUnavailable when another process owns the file, kDataLoss when
  // it is damaged or no database, kFailedPrecondition when it is newer than this program.
  static Result<std::unique_ptr<Database>> open(const std::filesystem::path& path,
                                                const Migration& migration,
                                                const OpenOptions& options = {});
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Statements are prepared once and cached. Threads: any; calls exclude each other.
  // Errors: kAlreadyExists (a UNIQUE or PRIMARY KEY constraint), kFailedPrecondition (other
  // constraints), kResourceExhausted (disk full), kDataLoss (damage), kInternal.
  Result<void> execute(std::string_view sql, std::initializer_list<Value> parameters = {});
  Result<void> execute(std::string_view sql, std::span<const Value> parameters);
  // Calls `visit` for each row until it returns false.
  Result<void> query(std::string_view sql, std::initializer_list<Value> parameters,
                     const std::function<bool(const Row&)>& visit);
  // Runs `body` in one immediate transaction: commits when it succeeds, rolls back otherwise.
  // Durable when it returns. Must not be nested; other threads wait meanwhile.
  Result<void> transaction(const std::function<Result<void>()>& body);

  // How many times this connection's file was synced (for benchmarks), when the VFS counts.
  std::int64_t changes() const;

 private:
  class Impl;
  explicit Database(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ae::store
