#include "faas/internal/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <utility>

#if defined(__clang__)
#define AE_CHILD_SIDE __attribute__((no_sanitize("address", "thread", "undefined")))
#else
#define AE_CHILD_SIDE
#endif

// clone(2) by libc's other name for it: ThreadSanitizer takes every clone() for a fork() and loses
// track when the child shares memory.
extern "C" int __clone(int (*child)(void*), void* stack, int flags, void* argument, ...);  // NOLINT

namespace ae::faas {
namespace {

// What an interpreter needs before the function's own data: its arenas, thread stacks, libraries'
// data. Measured: CPython 3.11 with boto3-sized imports stays below 40 MB.
constexpr std::int64_t kRuntimeHeadroomMb = 64;
constexpr rlim_t kMaxFileBytes = 512UL << 20U;  // Lambda's default size of /tmp
constexpr rlim_t kMaxOpenFiles = 1024;          // Lambda's quota

struct Launch {
  const char* const* arguments;
  const char* const* environment;
  const char* program;
  const char* folder;
  int input;
  int output;
  pid_t parent;
  rlim_t memory_bytes;
  const char* failed_step;  // set by the child
  int error;                // set by the child
};

struct KernelSigaction {  // the kernel's layout, which is not libc's
  void* handler;
  unsigned long flags;
  void* restorer;
  unsigned long mask;
};

// Until execve() the child shares our memory and we sleep, so it makes system calls and nothing
// else: no allocation, no locks, no libc wrappers that a sanitizer follows.
AE_CHILD_SIDE int give_up(Launch* launch, const char* step) {
  launch->failed_step = step;
  launch->error = errno;
  syscall(SYS_exit_group, 127);
  return 127;
}

AE_CHILD_SIDE void lower_limit(int resource, rlim_t value) {
  struct rlimit limit{};
  if (syscall(SYS_prlimit64, 0, resource, nullptr, &limit) != 0) return;
  if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < value) value = limit.rlim_max;
  limit.rlim_cur = limit.rlim_max = value;
  syscall(SYS_prlimit64, 0, resource, &limit, nullptr);
}

AE_CHILD_SIDE int child_side(void* argument) {
  auto* launch = static_cast<Launch*>(argument);
  KernelSigaction ignored{};
  for (int signal = 1; signal < 65; ++signal) {
    syscall(SYS_rt_sigaction, signal, &ignored, nullptr, sizeof ignored.mask);  // SIG_DFL
  }
  if (syscall(SYS_setsid) < 0) return give_up(launch, "setsid");
  if (syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) return give_up(launch, "prctl");
  if (syscall(SYS_getppid) != launch->parent) return give_up(launch, "parent");
  syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (syscall(SYS_chdir, launch->folder) < 0) return give_up(launch, "chdir");
  if (syscall(SYS_dup3, launch->input, 0, 0) < 0 || syscall(SYS_dup3, launch->output, 1, 0) < 0 ||
      syscall(SYS_dup3, launch->output, 2, 0) < 0) {
    return give_up(launch, "dup3");
  }
  // Whatever some library opened without O_CLOEXEC stays here too.
  if (syscall(SYS_close_range, 3U, UINT_MAX, 0U) < 0) return give_up(launch, "close_range");
  syscall(SYS_umask, 022);
  // RLIMIT_DATA, not RLIMIT_AS: address space that is only reserved (as V8 does) costs nothing.
  // RLIMIT_NPROC counts all processes of the user, the server's and strangers' included, so a value
  // that stops a fork bomb would stop everybody else first.
  lower_limit(RLIMIT_DATA, launch->memory_bytes);
  lower_limit(RLIMIT_FSIZE, kMaxFileBytes);
  lower_limit(RLIMIT_NOFILE, kMaxOpenFiles);
  lower_limit(RLIMIT_CORE, 0);
  unsigned long no_signals = 0;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &no_signals, nullptr, sizeof no_signals);
  syscall(SYS_execve, launch->program, launch->arguments, launch->environment);
  return give_up(launch, "execve");
}

std::vector<const char*> c_strings(const std::vector<std::string>& strings) {
  std::vector<const char*> result;
  result.reserve(strings.size() + 1);
  for (const std::string& string : strings) result.push_back(string.c_str());
  result.push_back(nullptr);
  return result;
}

std::unexpected<Error> spawn_failure(const ProcessSpec& spec, std::string_view step, int error) {
  ErrorCode code = ErrorCode::kInternal;
  if (error == ENOENT || error == ENOTDIR) code = ErrorCode::kNotFound;
  if (error == EACCES || error == EPERM) code = ErrorCode::kPermissionDenied;
  if (error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE) {
    code = ErrorCode::kUnavailable;
  }
  const std::string& what = step == "chdir" ? spec.folder : spec.arguments.front();
  return fail(code, fmt::format("cannot start a worker process: {} {}: {}", step, what,
                                std::strerror(error)));
}

}  // namespace

Result<std::unique_ptr<Process>> Process::spawn(const ProcessSpec& spec) {
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!null) return spawn_failure(spec, "open /dev/null for", errno);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return spawn_failure(spec, "pipe for", errno);
  UniqueFd reading(ends[0]);
  const UniqueFd writing(ends[1]);
  // Only our end: the flag belongs to the open file, and a program expects its stdout to block.
  if (::fcntl(reading.get(), F_SETFL, O_NONBLOCK) != 0) {
    return spawn_failure(spec, "fcntl for", errno);
  }

  const std::vector<const char*> arguments = c_strings(spec.arguments);
  const std::vector<const char*> environment = c_strings(spec.environment);
  Launch launch{.arguments = arguments.data(),
                .environment = environment.data(),
                .program = arguments.front(),
                .folder = spec.folder.c_str(),
                .input = null.get(),
                .output = writing.get(),
                .parent = ::getpid(),
                .memory_bytes = static_cast<rlim_t>(spec.memory_mb + kRuntimeHeadroomMb) << 20U,
                .failed_step = nullptr,
                .error = 0};
  // A child that shares memory until it executes starts in the same time however big the server is.
  // Signals wait meanwhile: a handler of ours must not run in the child.
  sigset_t all;
  sigset_t old;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &old);
  std::vector<std::byte> stack(64UL << 10U);
  const auto top =
      reinterpret_cast<std::uintptr_t>(stack.data() + stack.size()) & ~std::uintptr_t{15};
  int pidfd = -1;
  // NOLINTNEXTLINE(performance-no-int-to-ptr): the stack's top has to be aligned by hand
  const pid_t pid = ::__clone(child_side, reinterpret_cast<void*>(top),
                              CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &launch, &pidfd);
  const int clone_error = errno;
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  if (pid < 0) return spawn_failure(spec, "clone for", clone_error);
  std::unique_ptr<Process> process(new Process(pid, UniqueFd(pidfd), std::move(reading)));
  if (launch.failed_step != nullptr) return spawn_failure(spec, launch.failed_step, launch.error);
  return process;
}

Process::Process(pid_t pid, UniqueFd pidfd, UniqueFd output)
    : pid_(pid), pidfd_(std::move(pidfd)), output_(std::move(output)) {}

Process::~Process() {
  kill_group();
  siginfo_t info{};
  while (::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED) < 0 && errno == EINTR) {
  }
}

bool Process::ended() const {
  pollfd poll{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
  return ::poll(&poll, 1, 0) > 0;
}

void Process::terminate() { ::kill(pid_, SIGTERM); }

void Process::kill_group() {
  ::kill(-pid_, SIGKILL);
  ::kill(pid_, SIGKILL);  // in case it moved itself to another group
}

std::optional<ExitStatus> Process::exit_status() const {
  siginfo_t info{};
  const int flags = WEXITED | WNOHANG | WNOWAIT;
  while (::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, flags) < 0 && errno == EINTR) {
  }
  if (info.si_pid == 0) return std::nullopt;
  if (info.si_code == CLD_EXITED) return ExitStatus{.code = info.si_status, .signal = 0};
  return ExitStatus{.code = 0, .signal = info.si_status};
}

}  // namespace ae::faas
