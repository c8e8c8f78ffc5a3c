// What shuts a function's processes in: a root of its own with only what runtimes need, namespaces,
// no capabilities, a system call filter, limits. What the kernel refuses here is found out once,
// when the engine starts. The first process of each sandbox, sandbox_init.cc, does the work.
//
//   /usr /bin /lib…    the machine's, read-only         /var/task      the package, read-only
//   /etc               made by us, and certificates     /var/runtime   our runtime clients
//   /proc              of its own processes             /opt           the layers, laid over each
//   other /dev               null zero full random shm        /mnt/state     AE_STATE_DIR, writable
//   /tmp               512 MB of memory, its own        /run/ae        the Runtime API's socket
#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "faas/faas_engine.h"
#include "faas/internal/process.h"
#include "faas/internal/sandbox_cgroup.h"
#include "faas/internal/unique_fd.h"

namespace ae::faas {

// What an interpreter needs before the function's own data: its arenas, thread stacks, libraries'
// data. Measured: CPython 3.11 with boto3-sized imports stays below 40 MB.
inline constexpr std::int64_t kRuntimeHeadroomMb = 64;
inline constexpr std::int64_t kTmpMb = 512;  // Lambda's default
inline constexpr rlim_t kMaxFileBytes = rlim_t{kTmpMb} << 20U;
inline constexpr rlim_t kMaxOpenFiles = 1024;      // Lambda's quota
inline constexpr std::size_t kMaxProcesses = 512;  // threads count; Lambda's is 1024

// A socket inside on which the server listens.
struct SandboxListener {
  std::string address;  // "127.77.0.1"; one that is not of 127.0.0.0/8 is made the sandbox's own
  std::uint16_t port = 0;
};

struct SandboxRequest {
  std::string name;  // unique among those that live
  std::int64_t memory_mb = 128;
  std::filesystem::path code;
  std::vector<std::filesystem::path> layers;  // the one that wins first
  std::filesystem::path runtime_folder;
  std::filesystem::path state_folder;
  std::filesystem::path socket;
  std::vector<SandboxListener> listeners;
  std::string hosts;  // lines of /etc/hosts beside its own
};

// Threads: any.
class Sandbox final {
 public:
  static constexpr const char* kTask = "/var/task";
  static constexpr const char* kRuntime = "/var/runtime";
  static constexpr const char* kState = "/mnt/state";
  static constexpr const char* kLayers = "/opt";
  static constexpr const char* kSocket = "/run/ae/api.sock";

  // Tries everything once, in a sandbox that runs nothing. The run folder exists. To be called by
  // a thread that may start processes. Errors: kFailedPrecondition with what to change, when the
  // options require a sandbox and there can be none.
  static Result<std::unique_ptr<Sandbox>> create(const FaasOptions& options);
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  bool active() const { return active_; }
  std::vector<Protection> protections() const;

  // Only when active.
  std::shared_ptr<Confinement> confine(const SandboxRequest& request) const;

 private:
  explicit Sandbox(const FaasOptions& options);
  Result<void> prepare();
  Result<void> try_out();
  Result<std::unique_ptr<Process>> start_probe();
  std::string base_plan() const;

  const SandboxMode mode_;
  const std::filesystem::path root_;  // an empty folder on which each sandbox's root is mounted
  const std::vector<std::filesystem::path> programs_;
  std::unique_ptr<Cgroups> groups_;
  UniqueFd init_;
  UniqueFd filter_;
  std::string base_;
  bool active_ = false;
  bool counts_users_processes_ = false;  // RLIMIT_NPROC holds, for this sandbox alone
  bool caps_process_numbers_ = false;
  std::string why_not_;
};

}  // namespace ae::faas
