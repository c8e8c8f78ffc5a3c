// The runs' journal: every fact of every run, on disk before anything depends on it.
//
// Tables (journal.cc has the columns): linked workflows, once per content; runs, with a status that
// changes in the same write as the event that changes it; events; logs. Writes go through one
// GroupCommit, so many runs share a sync.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dag/link.h"
#include "execute/run.h"
#include "store/database.h"
#include "store/group_commit.h"

namespace ae::execute {

struct NewRun {
  RunId id;
  std::string workflow;
  int workflow_version = 1;
  std::shared_ptr<const dag::LinkedWorkflow> linked;
  Json input;
  std::string idempotency_key;  // "" for none; unique per workflow
};

struct StoredRun {
  NewRun run;
  std::vector<Event> events;
};

struct RunSummary {
  RunId id;
  std::string workflow;
  RunStatus status = RunStatus::kRunning;
  WallTime accepted_at{};
  std::optional<WallTime> finished_at;
};

// Threads: any.
class Journal final {
 public:
  static const store::Migration& migration();
  explicit Journal(store::Database& database);  // must outlive it
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  using Durable = std::move_only_function<void(Result<void>)>;
  // Queues the run and its kRunAccepted event. `durable` on the writer thread; kAlreadyExists when
  // the idempotency key was used before (then see find_by_key). A linked workflow is hashed once
  // per object, so share it between runs. What is passed is copied before this returns.
  void create(const NewRun& run, const Event& accepted, Durable durable);
  // Queues events and logs as one write. A sequence number that the run has already is refused
  // (kAlreadyExists): two writers of one run cannot both succeed.
  struct Log {
    std::string request_id;
    dag::NodeId node;
    int attempt = 1;
    std::string text;
  };
  void append(const RunId& run, std::span<const Event> events, std::span<const Log> logs,
              Durable durable);

  Result<std::optional<StoredRun>> load(const RunId& id) const;
  Result<std::optional<RunSummary>> summary(const RunId& id) const;
  Result<std::vector<Event>> events_after(const RunId& id, std::int64_t sequence) const;
  Result<std::vector<RunId>> unfinished() const;  // in order of acceptance
  Result<std::vector<RunSummary>> list(std::string_view workflow,
                                       std::size_t limit) const;  // newest first; "" all
  struct KeyedRun {
    RunId id;
    std::string input_hash;
  };
  Result<std::optional<KeyedRun>> find_by_key(std::string_view workflow,
                                              std::string_view key) const;
  static std::string hash_of_input(const Json& input);  // SHA-256 of its canonical form
  struct StepLog {
    dag::NodeId node;
    int attempt = 1;
    std::string request_id;
    std::string text;
  };
  // In the order in which they were written.
  Result<std::vector<StepLog>> logs(const RunId& id) const;

  store::GroupCommit::Stats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ae::execute
