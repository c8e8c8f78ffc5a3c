// The FaaS engine: runs functions as processes that speak the AWS Lambda Runtime API.
//
// One worker process serves one function version, one invocation at a time, and stays warm for the
// next. Each worker has a Runtime API of its own on a Unix socket in a private folder
// (/2018-06-01/runtime/invocation/next, …/{id}/response, …/{id}/error, /init/error), so a worker
// can neither see nor answer another's invocations. Time-outs, crashes, floods of output and
// malformed answers end that one worker and become a FunctionError as Lambda words it.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "execute/function_invoker.h"

namespace ae::faas {

// A service of this installation that functions reach at an address of their own network, which
// has nothing else: connections to it are carried to a Unix socket.
struct LocalService {
  std::string address;      // "127.0.0.1:8000", as functions and the outside both know it
  std::string unix_socket;  // where the service listens
};

enum class SandboxMode {
  kAuto,     // as many protections as this machine has; what lacks is logged, and in protections()
  kRequire,  // refuse to start without namespaces and system call filter
  kOff,      // limits only: for machines of one's own and for comparison
};

// One thing that stands between a function and the rest of the machine.
struct Protection {
  std::string name;  // "files", "network", "memory limit", …
  bool active = false;
  std::string how;  // by what; when it is not active, why not
  std::string fix;  // what would make it active, or stronger; "" when nothing is to be done
};

struct FaasOptions {
  std::filesystem::path run_folder;    // sockets and shims; private to this process, made if absent
  std::filesystem::path state_folder;  // AE_STATE_DIR of function f is <state_folder>/f
  SandboxMode sandbox = SandboxMode::kAuto;
  // The buckets, for functions whose settings want them; and the variables with which an AWS SDK
  // finds them, made for one function (its name), so that each has credentials of its own.
  std::optional<LocalService> s3{};
  std::function<std::map<std::string, std::string>(const std::string& function)> s3_environment{};
  // The value of a declared secret; nullopt: there is none of that name. Threads: any.
  std::function<std::optional<std::string>(const std::string& secret)> secret{};
  std::filesystem::path python = "/usr/bin/python3";
  std::filesystem::path node = "/usr/bin/node";  // needed only by functions written for it
  // Refuse a function that is declared for another version of its language than the installed one,
  // instead of a warning.
  bool strict_runtimes = false;
  std::size_t max_workers = 16;  // processes, over all functions
  std::size_t max_workers_per_function = 8;
  std::size_t max_queued = 10'000;                  // waiting invocations; more: kResourceExhausted
  std::chrono::milliseconds init_timeout{10'000};   // Lambda's
  std::chrono::milliseconds idle_timeout{300'000};  // then a warm worker ends
  std::size_t max_response_bytes = (6UL << 20U) + 100;  // Lambda's payload limit
  std::size_t max_log_bytes = 256UL << 10U;  // per invocation; the rest is counted and dropped
};

// Threads: any.
class FaasEngine final : public execute::FunctionInvoker {
 public:
  // Errors: kFailedPrecondition when Python is missing (with how to install it), kInvalidArgument
  // for a run_folder too long for a Unix socket.
  static Result<std::unique_ptr<FaasEngine>> start(FaasOptions options);
  // Kills every worker and whatever it started; pending invocations end as kCancelled faults.
  ~FaasEngine() override;
  FaasEngine(const FaasEngine&) = delete;
  FaasEngine& operator=(const FaasEngine&) = delete;

  void invoke(execute::Invocation invocation, Done done) override;
  void cancel(const std::string& request_id) override;

  // Can this engine run it? kFailedPrecondition with how to mend it; for verify and doctor. A
  // declared runtime of the same language but another version is fine, with a warning in the log.
  Result<void> supports(const dag::FunctionSpec& function) const;

  // What holds on this machine, in the order of importance; found out when the engine started.
  std::vector<Protection> protections() const;

  struct Stats {
    std::size_t workers = 0;
    std::size_t busy = 0;
    std::size_t queued = 0;
    std::size_t cold_starts = 0;
    std::size_t invocations = 0;
  };
  Stats stats() const;

 private:
  class Impl;
  explicit FaasEngine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ae::faas
