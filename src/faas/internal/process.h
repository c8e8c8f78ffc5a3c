// A child process, everything it started, and the pipe with what they print.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "faas/internal/unique_fd.h"

namespace ae::faas {

struct ProcessSpec {
  std::vector<std::string> arguments;    // [0]: absolute path of the program
  std::vector<std::string> environment;  // "NAME=value"; nothing else is inherited
  std::string folder;                    // where it starts
  std::int64_t memory_mb = 128;          // the function's; the interpreter's own share is added
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
  static Result<std::unique_ptr<Process>> spawn(const ProcessSpec& spec);
  // Kills the group and reaps the child.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  int pidfd() const { return pidfd_.get(); }    // readable once the child has ended
  int output() const { return output_.get(); }  // non-blocking; stdout and stderr in their order

  bool ended() const;
  void terminate();   // SIGTERM to the child alone
  void kill_group();  // SIGKILL to its process group
  // nullopt while the child runs. Does not reap: only the destructor does, so that until then
  // nobody else can get the child's number, its group's or its session's.
  std::optional<ExitStatus> exit_status() const;

 private:
  Process(pid_t pid, UniqueFd pidfd, UniqueFd output);

  const pid_t pid_;
  UniqueFd pidfd_;
  UniqueFd output_;
};

}  // namespace ae::faas
