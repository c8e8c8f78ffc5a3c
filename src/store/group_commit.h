// Many threads' writes, one sync: a writer thread takes whatever is queued, runs it as one
// transaction, and only when that is durable tells each submitter.
//
// The transaction holds the database's connection, so a query of any other thread sees either
// nothing of a group or all of it on disk.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "base/result.h"
#include "store/database.h"

namespace ae::store {

class GroupCommit final {
 public:
  // `database` must outlive it. max_batch bounds one transaction's operations.
  explicit GroupCommit(Database& database, std::size_t max_batch = 1024);
  // Refuses new work, commits what was accepted, joins.
  ~GroupCommit();
  GroupCommit(const GroupCommit&) = delete;
  GroupCommit& operator=(const GroupCommit&) = delete;

  // `write` runs on the writer thread inside the shared transaction (a savepoint of its own: if it
  // fails, only it is undone); it sees what earlier ones of the group wrote and must not call
  // Database::transaction(). `done` is called once, on the writer thread, after the transaction
  // is on disk (or with the error that prevented it: then every one of the group gets that error,
  // also those whose own write had failed, since what made it fail may be gone with the rest), in
  // order of submission; it must be quick, must not throw, and may submit again.
  // While the destructor runs `done` is called at once, on the caller's thread, with kUnavailable.
  // Threads: any.
  using Write = std::move_only_function<Result<void>(Database&)>;
  using Done = std::move_only_function<void(Result<void>)>;
  void submit(Write write, Done done);

  // Submits and waits. From a `write` or a `done` it would wait for itself: kFailedPrecondition.
  Result<void> submit_and_wait(Write write);

  struct Stats {
    std::size_t transactions = 0;  // each is one sync, apart from checkpoints (Database::syncs)
    std::size_t writes = 0;
  };
  Stats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ae::store
