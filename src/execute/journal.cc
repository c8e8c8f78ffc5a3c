// A run row points at its linked workflow and carries what lists and lookups need; everything else
// is in its events. Columns are read back in one place each, below.
#include "execute/journal.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "base/hash.h"
#include "execute/internal/linked_workflows.h"

namespace ae::execute {
namespace {

using store::Database;
using store::Row;
using store::Value;

// Times are milliseconds since 1970. `number` counts runs in order of acceptance and keeps the
// events' keys short.
constexpr const char* kTables[] = {
    "CREATE TABLE linked_workflows("
    "  number INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, content TEXT NOT NULL)",
    "CREATE TABLE runs("
    "  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, workflow TEXT NOT NULL,"
    "  workflow_version INTEGER NOT NULL,"
    "  linked INTEGER NOT NULL REFERENCES linked_workflows(number),"
    "  idempotency_key TEXT, input_hash TEXT, status TEXT NOT NULL,"
    "  accepted_at INTEGER NOT NULL, finished_at INTEGER)",
    "CREATE UNIQUE INDEX runs_by_key ON runs(workflow, idempotency_key)"
    "  WHERE idempotency_key IS NOT NULL",
    "CREATE INDEX runs_by_workflow ON runs(workflow, number)",
    "CREATE INDEX runs_unfinished ON runs(number) WHERE status = 'running'",
    "CREATE TABLE events("
    "  run INTEGER NOT NULL REFERENCES runs(number), sequence INTEGER NOT NULL,"
    "  kind TEXT NOT NULL, node TEXT NOT NULL, at INTEGER NOT NULL, data TEXT NOT NULL,"
    "  PRIMARY KEY(run, sequence)) WITHOUT ROWID",
    "CREATE TABLE logs("
    "  run INTEGER NOT NULL REFERENCES runs(number), request_id TEXT NOT NULL,"
    "  node TEXT NOT NULL, attempt INTEGER NOT NULL, text TEXT NOT NULL)",
    "CREATE INDEX logs_by_run ON logs(run)",
};

// What we wrote ourselves has no size that we would refuse; the depth keeps a damaged file from
// exhausting the stack.
constexpr json::Limits kOwnJson{.max_bytes = std::numeric_limits<std::size_t>::max(),
                                .max_depth = 1000,
                                .max_keys = std::numeric_limits<std::size_t>::max()};

Result<Json> parse_own(std::string_view text) {
  auto parsed = json::parse(text, kOwnJson);
  // Nobody sent this: it has been damaged since we wrote it.
  if (!parsed) parsed.error().code = ErrorCode::kDataLoss;
  return parsed;
}

std::int64_t to_integer(WallTime time) { return time.time_since_epoch().count(); }
WallTime to_time(std::int64_t value) { return WallTime(std::chrono::milliseconds(value)); }

// An event as its row holds it, dumped by the submitter so that the writer thread only writes.
struct EventRow {
  std::int64_t sequence;
  std::string kind;
  std::string node;
  std::int64_t at;
  std::string data;
};

EventRow to_row(const Event& event) {
  return {event.sequence, std::string(to_string(event.kind)), event.node.str(),
          to_integer(event.at), json::dump(event.data)};
}

Result<void> insert_event(Database& database, const std::string& run, EventRow& row) {
  return database.execute(
      "INSERT INTO events(run, sequence, kind, node, at, data)"
      " VALUES((SELECT number FROM runs WHERE id = ?), ?, ?, ?, ?, ?)",
      {run, row.sequence, std::move(row.kind), std::move(row.node), row.at, std::move(row.data)});
}

// The status that an event gives to its run, if it changes it.
std::optional<RunStatus> status_after(EventKind kind) {
  switch (kind) {
    case EventKind::kOutcomeUnknown:
      return RunStatus::kWaiting;
    case EventKind::kRunResumed:
      return RunStatus::kRunning;
    case EventKind::kRunSucceeded:
      return RunStatus::kSucceeded;
    case EventKind::kRunFailed:
      return RunStatus::kFailed;
    case EventKind::kRunCancelled:
      return RunStatus::kCancelled;
    default:
      return std::nullopt;
  }
}

struct StatusChange {
  RunStatus status = RunStatus::kRunning;
  std::optional<WallTime> at;
};

std::optional<StatusChange> status_after(std::span<const Event> events) {
  std::optional<StatusChange> change;
  for (const Event& event : events) {
    const auto status = status_after(event.kind);
    if (!status) continue;
    const bool over = *status != RunStatus::kRunning && *status != RunStatus::kWaiting;
    change = StatusChange{*status, over ? std::optional(event.at) : std::nullopt};
  }
  return change;
}

Value nullable(const std::optional<WallTime>& time) {
  return time ? Value(to_integer(*time)) : Value(nullptr);
}
Value nullable(const std::string& text) { return text.empty() ? Value(nullptr) : Value(text); }

// Keeps the first error that reading rows met; the visitor then stops.
template <class T>
bool keep(Result<T> result, Result<void>& failure, const std::function<void(T)>& use) {
  if (!result) {
    failure = fail(std::move(result).error());
    return false;
  }
  use(*std::move(result));
  return true;
}

Result<Event> read_event(const Row& row) {
  Event event;
  event.sequence = row.integer(0);
  AE_TRY(event.kind, event_kind_from_string(row.text(1)));
  event.node = dag::NodeId(row.text(2));
  event.at = to_time(row.integer(3));
  AE_TRY(event.data, parse_own(row.text(4)));
  return event;
}

constexpr std::string_view kSummaryColumns = "id, workflow, status, accepted_at, finished_at";

Result<RunSummary> read_summary(const Row& row) {
  RunSummary summary;
  summary.id = RunId(row.text(0));
  summary.workflow = row.text(1);
  AE_TRY(summary.status, run_status_from_string(row.text(2)));
  summary.accepted_at = to_time(row.integer(3));
  if (!row.is_null(4)) summary.finished_at = to_time(row.integer(4));
  return summary;
}

}  // namespace

class Journal::Impl {
 public:
  explicit Impl(Database& database) : database_(database), commits_(database) {}

  void create(const NewRun& run, const Event& accepted, Durable durable) {
    const auto text = linked_.text_of(run.linked);
    // Asked here, answered for good: what is on disk stays there.
    const bool is_stored = linked_.is_stored(text->hash);
    RunRow row{run.id.str(),           run.workflow,
               run.workflow_version,   text->hash,
               run.idempotency_key,    run.idempotency_key.empty() ? "" : hash_of_input(run.input),
               to_integer(accepted.at)};
    commits_.submit(
        [row = std::move(row), text, is_stored,
         event = to_row(accepted)](Database& db) mutable -> Result<void> {
          if (!is_stored) {
            AE_CHECK(insert_linked(db, *text));
          }
          AE_CHECK(insert_run(db, row));
          return insert_event(db, row.id, event);
        },
        [this, text, is_stored, durable = std::move(durable)](Result<void> result) mutable {
          if (result && !is_stored) linked_.note_stored(text->hash);
          durable(std::move(result));
        });
  }

  void append(const RunId& id, std::span<const Event> events, std::span<const Log> new_logs,
              Durable durable) {
    std::vector<EventRow> rows;
    rows.reserve(events.size());
    for (const Event& event : events) rows.push_back(to_row(event));
    commits_.submit(
        [run = id.str(), rows = std::move(rows),
         logs = std::vector(new_logs.begin(), new_logs.end()),
         change = status_after(events)](Database& database) mutable -> Result<void> {
          for (EventRow& row : rows) AE_CHECK(insert_event(database, run, row));
          for (Log& log : logs) AE_CHECK(insert_log(database, run, log));
          if (!change) return {};
          return database.execute(
              "UPDATE runs SET status = ?, finished_at = ? WHERE id = ?",
              {std::string(to_string(change->status)), nullable(change->at), run});
        },
        std::move(durable));
  }

  Result<std::optional<StoredRun>> load(const RunId& id) {
    std::optional<StoredRun> stored;
    std::int64_t linked = 0;
    AE_CHECK(database_.query(
        "SELECT workflow, workflow_version, linked, idempotency_key FROM runs WHERE id = ?",
        {id.str()}, [&](const Row& row) {
          stored.emplace();
          stored->run.id = id;
          stored->run.workflow = row.text(0);
          stored->run.workflow_version = static_cast<int>(row.integer(1));
          linked = row.integer(2);
          stored->run.idempotency_key = row.text(3);
          return false;
        }));
    if (!stored) return stored;
    AE_TRY(stored->run.linked, load_linked(linked));
    AE_TRY(stored->events, events_after(id, 0));
    if (stored->events.empty() || stored->events.front().kind != EventKind::kRunAccepted) {
      return fail(ErrorCode::kDataLoss, fmt::format("run {} has no record of its start", id));
    }
    if (const Json* input = json::find(stored->events.front().data, "input")) {
      stored->run.input = *input;
    }
    return stored;
  }

  Result<std::vector<Event>> events_after(const RunId& id, std::int64_t sequence) {
    std::vector<Event> events;
    Result<void> failure;
    AE_CHECK(database_.query(
        "SELECT sequence, kind, node, at, data FROM events"
        " WHERE run = (SELECT number FROM runs WHERE id = ?) AND sequence > ? ORDER BY sequence",
        {id.str(), sequence}, [&](const Row& row) {
          return keep<Event>(read_event(row), failure,
                             [&](Event event) { events.push_back(std::move(event)); });
        }));
    if (!failure) return annotate(std::move(failure).error(), "reading run " + id.str());
    return events;
  }

  Result<std::vector<RunId>> unfinished() {
    std::vector<RunId> ids;
    AE_CHECK(database_.query("SELECT id FROM runs WHERE status = 'running' ORDER BY number", {},
                             [&](const Row& row) {
                               ids.emplace_back(row.text(0));
                               return true;
                             }));
    return ids;
  }

  Result<std::vector<RunSummary>> summaries(std::string_view tail,
                                            std::initializer_list<Value> parameters) {
    std::vector<RunSummary> summaries;
    Result<void> failure;
    const std::string sql = fmt::format("SELECT {} FROM runs {}", kSummaryColumns, tail);
    AE_CHECK(database_.query(sql, parameters, [&](const Row& row) {
      return keep<RunSummary>(read_summary(row), failure,
                              [&](RunSummary summary) { summaries.push_back(std::move(summary)); });
    }));
    AE_CHECK(std::move(failure));
    return summaries;
  }

  Result<std::optional<KeyedRun>> find_by_key(std::string_view workflow, std::string_view key) {
    std::optional<KeyedRun> found;
    AE_CHECK(database_.query(
        "SELECT id, input_hash FROM runs WHERE workflow = ? AND idempotency_key = ?",
        {std::string(workflow), std::string(key)}, [&](const Row& row) {
          found = KeyedRun{RunId(row.text(0)), row.text(1)};
          return false;
        }));
    return found;
  }

  Result<std::vector<StepLog>> logs(const RunId& id) {
    std::vector<StepLog> logs;
    AE_CHECK(database_.query(
        "SELECT node, attempt, request_id, text FROM logs"
        " WHERE run = (SELECT number FROM runs WHERE id = ?) ORDER BY rowid",
        {id.str()}, [&](const Row& row) {
          logs.push_back({dag::NodeId(row.text(0)), static_cast<int>(row.integer(1)), row.text(2),
                          row.text(3)});
          return true;
        }));
    return logs;
  }

  store::GroupCommit::Stats stats() const { return commits_.stats(); }

 private:
  struct RunRow {
    std::string id;
    std::string workflow;
    std::int64_t workflow_version;
    std::string linked_hash;
    std::string idempotency_key;
    std::string input_hash;
    std::int64_t accepted_at;
  };

  static Result<void> insert_linked(Database& database, const LinkedWorkflows::Text& text) {
    return database.execute("INSERT OR IGNORE INTO linked_workflows(hash, content) VALUES(?, ?)",
                            {text.hash, text.content});
  }

  static Result<void> insert_run(Database& database, const RunRow& row) {
    return database.execute(
        "INSERT INTO runs(id, workflow, workflow_version, linked, idempotency_key, input_hash,"
        " status, accepted_at) VALUES(?, ?, ?,"
        " (SELECT number FROM linked_workflows WHERE hash = ?), ?, ?, 'running', ?)",
        {row.id, row.workflow, row.workflow_version, row.linked_hash, nullable(row.idempotency_key),
         nullable(row.input_hash), row.accepted_at});
  }

  static Result<void> insert_log(Database& database, const std::string& run, Log& log) {
    return database.execute(
        "INSERT INTO logs(run, request_id, node, attempt, text)"
        " VALUES((SELECT number FROM runs WHERE id = ?), ?, ?, ?, ?)",
        {run, std::move(log.request_id), log.node.str(), std::int64_t{log.attempt},
         std::move(log.text)});
  }

  Result<std::shared_ptr<const dag::LinkedWorkflow>> load_linked(std::int64_t number) {
    if (auto cached = linked_.cached(number)) return cached;
    std::string content;
    AE_CHECK(database_.query("SELECT content FROM linked_workflows WHERE number = ?", {number},
                             [&](const Row& row) {
                               content = row.text(0);
                               return false;
                             }));
    AE_TRY(const Json json, parse_own(content));
    AE_TRY(dag::LinkedWorkflow linked, dag::linked_workflow_from_json(json));
    auto shared = std::make_shared<const dag::LinkedWorkflow>(std::move(linked));
    linked_.remember(number, shared);
    return std::shared_ptr<const dag::LinkedWorkflow>(shared);
  }

  Database& database_;
  LinkedWorkflows linked_;
  store::GroupCommit commits_;  // last: its callbacks use the above
};

const store::Migration& Journal::migration() {
  static const store::Migration migration{{std::begin(kTables), std::end(kTables)}};
  return migration;
}

Journal::Journal(Database& database) : impl_(std::make_unique<Impl>(database)) {}
Journal::~Journal() = default;

void Journal::create(const NewRun& run, const Event& accepted, Durable durable) {
  impl_->create(run, accepted, std::move(durable));
}

void Journal::append(const RunId& run, std::span<const Event> events, std::span<const Log> logs,
                     Durable durable) {
  impl_->append(run, events, logs, std::move(durable));
}

Result<std::optional<StoredRun>> Journal::load(const RunId& id) const { return impl_->load(id); }

Result<std::optional<RunSummary>> Journal::summary(const RunId& id) const {
  AE_TRY(const std::vector<RunSummary> found, impl_->summaries("WHERE id = ?", {id.str()}));
  return found.empty() ? std::nullopt : std::optional(found.front());
}

Result<std::vector<Event>> Journal::events_after(const RunId& id, std::int64_t sequence) const {
  return impl_->events_after(id, sequence);
}

Result<std::vector<RunId>> Journal::unfinished() const { return impl_->unfinished(); }

Result<std::vector<RunSummary>> Journal::list(std::string_view workflow, std::size_t limit) const {
  const auto count = static_cast<std::int64_t>(
      std::min<std::size_t>(limit, std::numeric_limits<std::int64_t>::max()));
  if (workflow.empty()) return impl_->summaries("ORDER BY number DESC LIMIT ?", {count});
  return impl_->summaries("WHERE workflow = ? ORDER BY number DESC LIMIT ?",
                          {std::string(workflow), count});
}

Result<std::optional<Journal::KeyedRun>> Journal::find_by_key(std::string_view workflow,
                                                              std::string_view key) const {
  return impl_->find_by_key(workflow, key);
}

std::string Journal::hash_of_input(const Json& input) { return sha256_hex(json::canonical(input)); }

Result<std::vector<Journal::StepLog>> Journal::logs(const RunId& id) const {
  return impl_->logs(id);
}

store::GroupCommit::Stats Journal::stats() const { return impl_->stats(); }

}  // namespace ae::execute
