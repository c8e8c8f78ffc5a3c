// A child process, everything it started, and the pipe with what they print; in a sandbox or not.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "faas/internal/sandbox_cgroup.h"
#include "faas/internal/unique_fd.h"

namespace ae::faas {

// How a process is shut in (internal/sandbox.h makes it). The child is then the first process of
// namespaces of its own, and with it everything in them ends.
struct Confinement {
  int init = -1;       // its program, sandbox_init.cc; borrowed
  int filter = -1;     // its system call filter; borrowed
  std::string plan;    // the words before "run" (internal/sandbox_plan.h)
  std::string folder;  // where the program starts, as the sandbox sees it
  std::unique_ptr<Cgroup> group{};
  // How many of the plan's listening sockets, the first ones, take_listeners() gives; what becomes
  // of the others is told to `others` from within take_listeners().
  std::size_t own_listeners = 0;
  std::function<void(std::vector<UniqueFd>)> others{};
  std::shared_ptr<void> lasts_as_long{};  // whatever has to be given up after the process
};

struct ProcessSpec {
  // [0]: absolute path of the program. None, in a sandbox: it only finds out what holds there.
  std::vector<std::string> arguments;
  std::vector<std::string> environment;  // "NAME=value"; nothing else is inherited
  std::string folder;                    // where it starts
  std::int64_t memory_mb = 128;          // the function's; the interpreter's own share is added
  // How entries of the environment of all that descends from it begin (internal/sweep.h).
  std::string marker{};
  std::shared_ptr<Confinement> confinement{};  // nullptr: no sandbox, only limits; used once
};

struct ExitStatus {
  int code = 0;  // when signal is 0
  int signal = 0;
};

// The child leads a session of its own. Threads: one at a time, except that spawn() must be called
// by a thread that lives as long as the children should: the kernel kills a child when the thread
// that made it ends, which is how a kill -9 of the server takes its workers along.
class Process final {
 public:
  // Errors: kNotFound (program or folder), kPermissionDenied, kUnavailable (no process, memory or
  // descriptor to be had now), kInternal.
  // In a sandbox what the program itself lacks is told later, by exit_status() and the output.
  static Result<std::unique_ptr<Process>> spawn(const ProcessSpec& spec);
  // Kills the group and reaps the child.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  // The process that runs the program: in a sandbox a child of the first one, 0 before it is there.
  pid_t program();
  int pidfd() const { return pidfd_.get(); }    // readable once the child has ended
  int output() const { return output_.get(); }  // non-blocking; stdout and stderr in their order

  // Readable once take_listeners() has something to give, or never will; -1 without a sandbox. Is
  // to be asked once.
  int control() const { return control_.get(); }
  std::vector<UniqueFd> take_listeners();

  bool ended() const;
  void terminate();   // SIGTERM to the child alone
  void kill_group();  // SIGKILL to its process group; in a sandbox to all that is in it
  // After the child has ended: kills what it has left behind. Milliseconds, without a sandbox.
  void kill_leftovers();
  // nullopt while the child runs. Does not reap: only the destructor does, so that until then
  // nobody else can get the child's number, its group's or its session's.
  std::optional<ExitStatus> exit_status();
  // What kept the sandbox from being built or the program from starting; "" when nothing did. After
  // the child has ended.
  const std::string& failure() const { return failure_; }
  // What a sandbox without arguments has found out, after it has ended.
  struct Probe {
    int processes = 0;                 // that a limit of sandbox::kProbeProcesses let exist
    std::int64_t highest_process = 0;  // number that a process there can get
  };
  const std::optional<Probe>& probe() const { return probe_; }

 private:
  Process(pid_t pid, UniqueFd pidfd, UniqueFd output, UniqueFd control, const ProcessSpec& spec);
  void read_control();

  const pid_t pid_;
  UniqueFd pidfd_;
  UniqueFd output_;
  UniqueFd control_;
  const std::string marker_;
  std::shared_ptr<Confinement> confinement_;
  std::vector<UniqueFd> listeners_;
  pid_t program_ = 0;
  std::optional<int> status_;  // of the program in the sandbox, as wait() gives it
  std::optional<Probe> probe_;
  std::string failure_;  // what kept the sandbox from standing or the program from starting
};

}  // namespace ae::faas
