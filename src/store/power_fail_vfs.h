// A SQLite VFS that forgets whatever was not synced: power loss, in a test.
//
// Files live in memory in two states: what was written and what is durable. A sync makes a file's
// written state durable. power_loss() throws away the rest, or, since a real disk may have written
// some of it, keeps a random subset of the unsynced writes, torn at 512-byte sectors. A file
// created but never synced, or whose folder entry was never synced, may vanish; a deleted one may
// come back. As on Linux, the folder is synced by the first sync of a journal or WAL file after it
// was opened and by a deletion that asks for it; syncing a database file keeps only its content.
//
// Locks are granted to everybody: one Database at a time. Version-1 file methods, so WAL needs
// locking_mode=EXCLUSIVE. Threads: any.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace ae::store {

class PowerFailVfs final {
 public:
  enum class Loss { kDropAll, kTearRandomly };

  // Registers under a unique name (name()); destroyed after the last database that uses it.
  explicit PowerFailVfs(std::uint64_t seed);
  ~PowerFailVfs();
  PowerFailVfs(const PowerFailVfs&) = delete;
  PowerFailVfs& operator=(const PowerFailVfs&) = delete;

  const std::string& name() const;

  // Every open handle fails from now on (kUnavailable/kInternal to its user) until power_on().
  void power_loss(Loss loss);
  // New handles see the durable state; old ones keep failing.
  void power_on();

  // Cuts the power by itself just before the n-th operation (write, truncation, deletion, sync)
  // from now (counting from 1); 0: never.
  void power_loss_at(std::uint64_t operation, Loss loss);
  std::uint64_t operations() const;  // such operations so far
  std::uint64_t syncs() const;       // the forgotten ones too

  // For the test that tests the tests: silently skips every n-th sync (a "forgotten" one); 0: none.
  void forget_every_sync(std::uint64_t n);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ae::store
