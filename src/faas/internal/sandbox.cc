#include "faas/internal/sandbox.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/log.h"
#include "faas/internal/sandbox_filter.h"
#include "faas/internal/sandbox_image.h"
#include "faas/internal/sandbox_plan.h"

namespace ae::faas {
namespace {

constexpr std::int64_t kMbPerCpu = 1769;  // as Lambda gives CPU by memory
constexpr int kProbePatienceMs = 10'000;  // a probe takes milliseconds
constexpr std::size_t kShmMb = 64;
constexpr std::size_t kMaxTmpFiles = 65'536;

constexpr std::string_view kPasswd =
    "root:x:0:0::/:/bin/false\nsbx_user1051:x:993:990::/tmp:/bin/sh\n";
constexpr std::string_view kGroups = "root:x:0:\nsbx_user1051:x:990:\n";
constexpr std::string_view kHosts = "127.0.0.1 localhost function\n::1 localhost\n";

constexpr const char* kHowToAllow =
    "let this user make user namespaces: `sysctl -w user.max_user_namespaces=15000`, on Debian "
    "also "
    "kernel.unprivileged_userns_clone=1, on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0; "
    "in a container, start it with --privileged or --security-opt seccomp=unconfined and "
    "systempaths=unconfined";

class PlanWriter final {
 public:
  template <class... Words>
  PlanWriter& add(const Words&... words) {
    (append(words), ...);
    return *this;
  }
  std::string take() { return std::move(text_); }

 private:
  void append(std::string_view word) { text_.append(word).push_back('\0'); }
  void append(const std::filesystem::path& word) { append(std::string_view(word.native())); }
  void append(const char* word) { append(std::string_view(word)); }
  void append(const std::string& word) { append(std::string_view(word)); }

  std::string text_;
};

// Where a path of the machine goes inside: plans have no leading slash.
std::string inside(const std::filesystem::path& path) { return path.relative_path().string(); }

bool is_below(const std::filesystem::path& path, std::string_view folder) {
  return path.native().starts_with(std::string(folder) + "/");
}

// An interpreter that is not the machine's own brings its installation along, which is what lies
// around its bin folder.
void add_program(PlanWriter& plan, const std::filesystem::path& program) {
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(program, error);
  if (error) return;  // starting it will say so
  const auto is_there = [](const std::filesystem::path& path) {
    return std::ranges::any_of(std::array{"/usr", "/bin", "/sbin", "/lib", "/lib64"},
                               [&](const char* folder) { return is_below(path, folder); });
  };
  const bool installed = real.parent_path().filename() == "bin" && real.parent_path() != "/bin";
  if (!is_there(real) && installed) {
    const std::filesystem::path around = real.parent_path().parent_path();
    plan.add("bind", "rod", around, inside(around));
  } else if (!is_there(real)) {
    plan.add("bind", "rof", real, inside(real));
  }
  if (program != real && !is_there(program)) plan.add("bind", "rof", real, inside(program));
}

Result<UniqueFd> memory_file(const char* name, std::string_view content) {
  UniqueFd file(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file ||
      ::write(file.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size())) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("cannot make a file in memory: {}", std::strerror(errno)));
  }
  ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  return file;
}

}  // namespace

Sandbox::Sandbox(const FaasOptions& options)
    : mode_(options.sandbox),
      root_(options.run_folder / "root"),
      programs_{options.python, options.node} {}

Result<std::unique_ptr<Sandbox>> Sandbox::create(const FaasOptions& options) {
  std::unique_ptr<Sandbox> sandbox(new Sandbox(options));
  if (options.sandbox == SandboxMode::kOff) {
    sandbox->why_not_ = "switched off by the setting sandbox";
    return sandbox;
  }
  Result<void> good = sandbox->prepare();
  if (good) good = sandbox->try_out();
  if (!good) {
    if (options.sandbox == SandboxMode::kRequire) {
      return fail(ErrorCode::kFailedPrecondition,
                  fmt::format("functions cannot be shut in here: {}; {}, or accept it with the "
                              "setting sandbox: auto",
                              good.error().message, kHowToAllow));
    }
    sandbox->why_not_ = good.error().message;
    log::warning("functions run without a sandbox, with the rights of this server: {}",
                 sandbox->why_not_);
  }
  return sandbox;
}

Result<void> Sandbox::prepare() {
  std::error_code error;
  std::filesystem::create_directories(root_, error);
  if (error) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("cannot make {}: {}", root_.string(), error.message()));
  }
  AE_TRY(init_, memory_file("sandbox", sandbox_image()));
  AE_TRY(const std::string filter, compile_sandbox_filter());
  AE_TRY(filter_, memory_file("filter", filter));
  groups_ = Cgroups::detect();
  base_ = base_plan();
  return {};
}

std::string Sandbox::base_plan() const {
  PlanWriter plan;
  plan.add(root_);
  plan.add("bind", "rod", "/usr", "usr");
  for (const char* name : {"bin", "sbin", "lib", "lib32", "lib64", "libx32"}) {
    const std::filesystem::path path = std::filesystem::path("/") / name;
    std::error_code error;
    if (std::filesystem::is_symlink(path, error)) {
      plan.add("link", std::filesystem::read_symlink(path, error), name);
    } else {
      plan.add("bind", "rod?", path, name);
    }
  }
  plan.add("file", "etc/passwd", kPasswd).add("file", "etc/group", kGroups);
  plan.add("file", "etc/resolv.conf", "").add("file", "etc/nsswitch.conf", "hosts: files\n");
  plan.add("link", "/usr/share/zoneinfo/UTC", "etc/localtime");
  // No folder as a whole that may hold keys or passwords: a server of root's may read them.
  for (const char* file : {"/etc/ld.so.cache", "/etc/ssl/openssl.cnf", "/etc/mime.types",
                           "/etc/services", "/etc/protocols"}) {
    plan.add("bind", "rof?", file, file + 1);
  }
  for (const char* folder : {"/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted",
                             "/etc/alternatives"}) {
    plan.add("bind", "rod?", folder, folder + 1);
  }
  for (const char* device :
       {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"}) {
    plan.add("bind", "rwn", device, device + 1);
  }
  plan.add("link", "/proc/self/fd", "dev/fd").add("link", "/proc/self/fd/0", "dev/stdin");
  plan.add("link", "/proc/self/fd/1", "dev/stdout").add("link", "/proc/self/fd/2", "dev/stderr");
  plan.add("tmpfs", "dev/shm", fmt::format("mode=1777,size={}m", kShmMb));
  plan.add("tmpfs", "tmp", fmt::format("mode=1777,size={}m,nr_inodes={}", kTmpMb, kMaxTmpFiles));
  plan.add("proc", "proc");
  for (const std::filesystem::path& program : programs_) add_program(plan, program);
  for (const auto& [resource, value] : {std::pair<int, rlim_t>{RLIMIT_FSIZE, kMaxFileBytes},
                                        {RLIMIT_NOFILE, kMaxOpenFiles},
                                        {RLIMIT_CORE, 0}}) {
    plan.add("limit", std::to_string(resource), std::to_string(value));
  }
  return plan.take();
}

Result<std::unique_ptr<Process>> Sandbox::start_probe() {
  ProcessSpec probe;
  probe.confinement = std::make_shared<Confinement>();
  probe.confinement->init = init_.get();
  probe.confinement->filter = filter_.get();
  probe.confinement->plan = base_;
  probe.confinement->plan += PlanWriter().add("processes", std::to_string(kMaxProcesses)).take();
  probe.confinement->group =
      groups_->make("probe", {.memory_mb = kRuntimeHeadroomMb, .processes = kMaxProcesses});
  return Process::spawn(probe);
}

Result<void> Sandbox::try_out() {
  Result<std::unique_ptr<Process>> started = start_probe();
  if (!started && groups_->version() != 0) {
    groups_->give_up(started.error().message);
    started = start_probe();
  }
  AE_TRY(const std::unique_ptr<Process> process, std::move(started));
  pollfd wait{.fd = process->pidfd(), .events = POLLIN, .revents = 0};
  while (::poll(&wait, 1, kProbePatienceMs) < 0 && errno == EINTR) {
  }
  const std::optional<ExitStatus> status = process->exit_status();
  if (!process->probe()) {
    return fail(ErrorCode::kUnavailable, !process->failure().empty() ? process->failure()
                                         : status ? "the first process of a sandbox was killed"
                                                  : "the first process of a sandbox does not end");
  }
  counts_users_processes_ = process->probe()->processes <= sandbox::kProbeProcesses;
  caps_process_numbers_ =
      process->probe()->highest_process == static_cast<std::int64_t>(kMaxProcesses);
  active_ = true;
  return {};
}

std::shared_ptr<Confinement> Sandbox::confine(const SandboxRequest& request) const {
  auto confinement = std::make_shared<Confinement>();
  confinement->init = init_.get();
  confinement->filter = filter_.get();
  confinement->folder = kTask;
  PlanWriter plan;
  plan.add("file", "etc/hosts", std::string(kHosts) + request.hosts);
  plan.add("bind", "rod", request.code, inside(kTask));
  plan.add("bind", "rod", request.runtime_folder, inside(kRuntime));
  plan.add("bind", "rwd", request.state_folder, inside(kState));
  plan.add("bind", "rof", request.socket, inside(kSocket));
  if (request.layers.empty()) {
    plan.add("dir", inside(kLayers));
  } else if (request.layers.size() == 1) {
    plan.add("bind", "rod", request.layers.front(), inside(kLayers));
  } else {
    std::string lower;
    for (std::size_t i = 0; i < request.layers.size(); ++i) {
      // Names of ours: one with a colon would be taken for two.
      const std::string place = fmt::format("run/layers/{}", i);
      plan.add("bind", "rod", request.layers[i], place);
      lower += (lower.empty() ? "lowerdir=" : ":") + place;
    }
    plan.add("overlay", inside(kLayers), lower);
  }
  for (const SandboxListener& listener : request.listeners) {
    if (!listener.address.starts_with("127.")) plan.add("address", listener.address);
    plan.add("listen", listener.address, std::to_string(listener.port));
  }
  const std::int64_t memory_mb = request.memory_mb + kRuntimeHeadroomMb;
  plan.add("limit", std::to_string(RLIMIT_DATA),
           std::to_string(static_cast<rlim_t>(memory_mb) << 20U));
  if (counts_users_processes_) {
    plan.add("limit", std::to_string(RLIMIT_NPROC), std::to_string(kMaxProcesses));
  } else if (caps_process_numbers_) {
    plan.add("processes", std::to_string(kMaxProcesses));
  }
  confinement->plan = base_ + plan.take();
  confinement->group = groups_->make(
      request.name,
      {.memory_mb = memory_mb,
       .processes = kMaxProcesses,
       .cpus = static_cast<std::size_t>((request.memory_mb + kMbPerCpu - 1) / kMbPerCpu)});
  return confinement;
}

std::vector<Protection> Sandbox::protections() const {
  const auto shut_in = [&](std::string name, const std::string& how) {
    return Protection{.name = std::move(name),
                      .active = active_,
                      .how = active_ ? how : why_not_,
                      .fix = active_                      ? ""
                             : mode_ == SandboxMode::kOff ? "set sandbox to auto or require"
                                                          : kHowToAllow};
  };
  const bool memory = active_ && groups_->memory();
  const bool cpu = active_ && groups_->cpu();
  const std::string group =
      active_ ? fmt::format("cgroup version {}, for each worker", groups_->version()) : "";
  const std::string no_groups = active_ ? groups_->why_not() : why_not_;
  const std::string how_to_divide =
      "start the server as root, or in a cgroup of its own: systemd-run --user --scope -p "
      "Delegate=yes ae serve";
  std::string processes = active_ && groups_->processes() ? group
                          : counts_users_processes_ ? "a limit for each worker's user namespace"
                          : caps_process_numbers_   ? "a limit for each worker's process namespace"
                                                    : "";
  return {
      shut_in("processes", "a process namespace for each worker; it ends as a whole"),
      shut_in("files", "a root of its own: system read-only, its package, its state, its /tmp"),
      shut_in("network", "a network namespace with nothing but what the function declares"),
      shut_in("privileges", "no capabilities, a user namespace, no_new_privs"),
      shut_in("system calls", "seccomp: what programs need, nothing that changes the machine"),
      {.name = "memory limit",
       .active = memory,
       .how =
           memory ? group : "for each process alone (RLIMIT_DATA), /tmp not counted; " + no_groups,
       .fix = memory ? "" : how_to_divide},
      {.name = "process limit",
       .active = !processes.empty(),
       .how = processes.empty() ? "none: only memory and time end a fork bomb" : processes,
       .fix = processes.empty() ? how_to_divide : ""},
      {.name = "CPU limit",
       .active = cpu,
       .how = cpu ? group + ": one CPU for each 1769 MB begun" : "only the time limit of a call",
       .fix = cpu ? "" : how_to_divide},
      {.name = "time and output",
       .active = true,
       .how = "each call ends at its time limit; what it prints and answers is cut at a size",
       .fix = ""},
  };
}

}  // namespace ae::faas
