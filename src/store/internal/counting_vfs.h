// Counts the syncs of one database: a thin SQLite VFS over another one.
//
// It offers version-1 file methods only, hence no shared memory: WAL works with
// locking_mode=EXCLUSIVE or not at all, and no -shm file can ever appear.
#pragma once

#include <sqlite3.h>

#include <atomic>
#include <cstdint>
#include <string>

namespace ae::store::internal {

class CountingVfs final {
 public:
  // `base` must outlive it. Registers under a unique name; destroyed after its databases.
  explicit CountingVfs(sqlite3_vfs* base);
  ~CountingVfs();
  CountingVfs(const CountingVfs&) = delete;
  CountingVfs& operator=(const CountingVfs&) = delete;

  const std::string& name() const { return name_; }
  std::int64_t syncs() const { return syncs_.load(std::memory_order_relaxed); }
  void count_sync() { syncs_.fetch_add(1, std::memory_order_relaxed); }
  sqlite3_vfs* base() const { return base_; }

 private:
  sqlite3_vfs* const base_;
  const std::string name_;
  std::atomic<std::int64_t> syncs_ = 0;
  sqlite3_vfs vfs_{};
};

}  // namespace ae::store::internal
