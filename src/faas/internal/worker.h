// One worker: its process, its Runtime API socket, and where it stands between two invocations.
//
//   starting --GET next--> idle --an invocation--> busy --response or error--> returning --GET
//   next--> idle
//
// Everything a worker sends is checked against this; what does not fit is refused and changes
// nothing. Only processes of the worker's own session may connect, so that workers of one user
// cannot speak for each other.
//
// Our own runtime clients use the Unix socket; add_listener() serves those that know only TCP.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "faas/internal/log_buffer.h"
#include "faas/internal/outcome.h"
#include "faas/internal/poller.h"
#include "faas/internal/process.h"
#include "faas/internal/request_reader.h"
#include "faas/internal/scheduler.h"

namespace ae::faas {

// Who may connect to a listening socket.
enum class Peers {
  kOfSession,  // processes of the worker's session: for sockets that others can reach as well
  kAll,        // for a socket in a network namespace that holds the worker's processes alone
};

struct WorkerSettings {
  WorkerId id = 0;
  std::string socket_path;
  ProcessSpec process;
  std::size_t max_response_bytes = 0;
  std::size_t max_log_bytes = 0;
};

// What the Runtime API made of the bytes that came in.
struct WorkerIsReady {};  // it asks for an invocation
struct WorkerAnswered {
  Outcome outcome;
};  // the current invocation is over
struct WorkerCannotStart {
  execute::FunctionError error;
};
using WorkerEvent = std::variant<WorkerIsReady, WorkerAnswered, WorkerCannotStart>;

// Threads: one at a time; start() as Process::spawn().
class Worker final {
 public:
  enum class Phase { kStarting, kIdle, kBusy, kReturning, kEnding };
  enum class Reason {  // why the engine ended it
    kNone,
    kTimedOut,  // the function's own limit
    kDeadline,  // the caller's
    kCancelled,
    kStopped,  // with the engine
    kNotNeeded,
    kCannotStart,
    kMisbehaved,
  };

  static constexpr std::uint64_t kSlots = 16;  // descriptors of one worker, in its epoll tokens
  static std::uint64_t token(WorkerId id, std::uint64_t slot) { return id * kSlots + slot; }
  static WorkerId id_of(std::uint64_t token) { return token / kSlots; }
  static bool is_process(std::uint64_t token) { return token % kSlots == 0; }

  // Errors: those of Process::spawn(); kUnavailable, kInvalidArgument for the socket.
  static Result<std::unique_ptr<Worker>> start(WorkerSettings settings);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Serves the Runtime API on one more listening socket (TCP), which is made non-blocking. At most
  // once, before or after watch(). Errors: kFailedPrecondition when there is a second one already.
  Result<void> add_listener(UniqueFd listener, Peers peers);

  void watch(Poller& poller);

  // Reads and writes what the descriptor behind the token is ready for.
  std::vector<WorkerEvent> on_ready(std::uint64_t token);
  // Everything that already lies in the sockets, before a dead worker is written off.
  std::vector<WorkerEvent> drain_connections();

  // Answers the waiting GET next. Only when idle. False when nobody is there to take it; then the
  // invocation was certainly not begun and `pending` is untouched.
  bool dispatch(PendingPtr& pending, SteadyTime deadline_of_invocation, WallTime wall_deadline);
  PendingPtr take_invocation() { return std::move(invocation_); }
  const Pending* invocation() const { return invocation_.get(); }

  // Kills the process group; the end is reported by the process's descriptor.
  void end(Reason reason);
  // Asks an idle worker to end by itself; end() is to follow if it does not.
  void ask_to_end();
  Process& process() { return *process_; }

  // Reads what the pipe holds now: all that was printed before this call.
  void collect_output();
  std::string take_log() { return log_.take(); }

  Phase phase() const { return phase_; }
  Reason reason() const { return reason_; }
  bool was_killed() const { return killed_; }
  const WorkerSettings& settings() const { return settings_; }
  std::size_t served() const { return served_; }

  SteadyTime deadline =
      SteadyTime::max();  // of the phase; what then happens is the owner's business

 private:
  struct Listener {
    UniqueFd socket;
    Peers peers = Peers::kOfSession;
  };
  struct Connection {
    UniqueFd socket;
    std::unique_ptr<RequestReader> reader;
    std::string out;
    bool closing = false;  // once `out` is written
    bool wants_write = false;
  };

  Worker(WorkerSettings settings, UniqueFd listener, std::unique_ptr<Process> process);

  void accept_connection(const Listener& listener);
  void read_connection(std::size_t index, std::vector<WorkerEvent>& events);
  void read_requests(std::size_t index, std::vector<WorkerEvent>& events);
  void handle(std::size_t index, ApiRequest request, std::vector<WorkerEvent>& events);
  void handle_next(std::size_t index, std::vector<WorkerEvent>& events);
  void handle_answer(std::size_t index, std::string_view path, ApiRequest request,
                     std::vector<WorkerEvent>& events);
  void handle_init_error(std::size_t index, ApiRequest request, std::vector<WorkerEvent>& events);
  void refuse(std::size_t index, int status, std::string_view type, std::string_view message);
  void flush(std::size_t index);
  void close(std::size_t index);
  void read_output(std::size_t limit);

  const WorkerSettings settings_;
  std::vector<Listener> listeners_;
  std::unique_ptr<Process> process_;
  std::vector<Connection> connections_;
  std::optional<std::size_t> parked_;  // the connection whose GET next waits
  Poller* poller_ = nullptr;
  LogBuffer log_;
  PendingPtr invocation_;
  Phase phase_ = Phase::kStarting;
  Reason reason_ = Reason::kNone;
  std::size_t served_ = 0;
  std::size_t refused_ = 0;
  bool killed_ = false;
};

}  // namespace ae::faas
