#include "faas/internal/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/file.h"
#include "faas/internal/sandbox.h"
#include "faas/internal/sandbox_plan.h"
#include "faas/internal/sweep.h"

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

  // In a sandbox:
  int init = -1;
  int descriptors[3] = {-1, -1, -1};  // what become kPlanFd, kControlFd, kFilterFd
  const int* doors = nullptr;         // of cgroups
  std::size_t door_count = 0;
  std::size_t doors_required = 0;  // the first ones
  char user_map[32] = {};
  char group_map[32] = {};
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

AE_CHILD_SIDE bool leave_signals_and_session(Launch* launch) {
  KernelSigaction ignored{};
  for (int signal = 1; signal < 65; ++signal) {
    syscall(SYS_rt_sigaction, signal, &ignored, nullptr, sizeof ignored.mask);  // SIG_DFL
  }
  launch->failed_step = "setsid";
  if (syscall(SYS_setsid) < 0) return false;
  launch->failed_step = "prctl";
  if (syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) return false;
  launch->failed_step = "dup3";
  return syscall(SYS_dup3, launch->input, 0, 0) >= 0 &&
         syscall(SYS_dup3, launch->output, 1, 0) >= 0 &&
         syscall(SYS_dup3, launch->output, 2, 0) >= 0;
}

AE_CHILD_SIDE void let_signals_in() {
  unsigned long no_signals = 0;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &no_signals, nullptr, sizeof no_signals);
}

AE_CHILD_SIDE int child_side(void* argument) {
  auto* launch = static_cast<Launch*>(argument);
  if (!leave_signals_and_session(launch)) return give_up(launch, launch->failed_step);
  if (syscall(SYS_getppid) != launch->parent) return give_up(launch, "parent");
  syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (syscall(SYS_chdir, launch->folder) < 0) return give_up(launch, "chdir");
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
  let_signals_in();
  launch->failed_step = nullptr;
  syscall(SYS_execve, launch->program, launch->arguments, launch->environment);
  return give_up(launch, "execve");
}

AE_CHILD_SIDE bool write_to(const char* path, const char* text) {
  const long file = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
  if (file < 0) return false;
  std::size_t size = 0;
  while (text[size] != '\0') ++size;
  const bool good = syscall(SYS_write, file, text, size) == static_cast<long>(size);
  syscall(SYS_close, file);
  return good;
}

// In the new user namespace this process has every right; those that the first program needs
// survive its execve() only as "ambient" ones, as its user there is not root.
AE_CHILD_SIDE bool keep_rights() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2] = {};
  if (syscall(SYS_capget, &header, sets) != 0) return false;
  for (__user_cap_data_struct& set : sets) set.inheritable = set.permitted;
  if (syscall(SYS_capset, &header, sets) != 0) return false;
  for (const long right : {CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_NET_BIND_SERVICE, CAP_SETPCAP}) {
    if (syscall(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, right, 0, 0) != 0) return false;
  }
  return true;
}

AE_CHILD_SIDE int confined_child_side(void* argument) {
  auto* launch = static_cast<Launch*>(argument);
  // The descriptors were opened with the server's rights, and those count.
  for (std::size_t i = 0; i < launch->door_count; ++i) {
    if (syscall(SYS_write, launch->doors[i], "0", 1) != 1 && i < launch->doors_required) {
      return give_up(launch, "cgroup for");
    }
  }
  if (!leave_signals_and_session(launch)) return give_up(launch, launch->failed_step);
  write_to("/proc/self/setgroups", "deny");
  if (!write_to("/proc/self/uid_map", launch->user_map) ||
      !write_to("/proc/self/gid_map", launch->group_map)) {
    return give_up(launch, "user namespace for");
  }
  if (!keep_rights()) return give_up(launch, "capabilities for");
  for (int i = 0; i < 3; ++i) {
    if (syscall(SYS_dup3, launch->descriptors[i], sandbox::kPlanFd + i, 0) < 0) {
      return give_up(launch, "dup3");
    }
  }
  if (syscall(SYS_close_range, 6U, UINT_MAX, static_cast<unsigned>(CLOSE_RANGE_CLOEXEC)) < 0) {
    return give_up(launch, "close_range");
  }
  let_signals_in();
  launch->failed_step = nullptr;
  const char* const name[] = {"sandbox", nullptr};
  const char* const empty[] = {nullptr};
  syscall(SYS_execveat, launch->init, "", name, empty, AT_EMPTY_PATH);
  return give_up(launch, "execveat");
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
  const std::string what = step == "chdir"          ? spec.folder
                           : spec.arguments.empty() ? "a probe"
                                                    : spec.arguments.front();
  return fail(code, fmt::format("cannot start a worker process: {} {}: {}", step, what,
                                std::strerror(error)));
}

UniqueFd memory_file(std::string_view content) {
  UniqueFd file(::memfd_create("plan", MFD_CLOEXEC));
  if (!file ||
      ::write(file.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size())) {
    return {};
  }
  return file;
}

// A copy of the descriptor that is none of those the sandbox's first process expects.
UniqueFd out_of_the_way(int descriptor) {
  return UniqueFd(::fcntl(descriptor, F_DUPFD_CLOEXEC, 16));
}

// What a launch into a sandbox needs beside the Launch itself, and for as long.
struct ConfinedLaunch {
  UniqueFd control;  // ours
  UniqueFd init;
  UniqueFd descriptors[3];
  std::vector<int> doors;

  // False with errno.
  bool prepare(const ProcessSpec& spec, Launch& launch) {
    const Confinement& confinement = *spec.confinement;
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return false;
    control = UniqueFd(pair[0]);
    const UniqueFd theirs(pair[1]);
    const UniqueFd plan = memory_file(run_plan(spec));
    descriptors[0] = out_of_the_way(plan.get());
    descriptors[1] = out_of_the_way(theirs.get());
    descriptors[2] = out_of_the_way(confinement.filter);
    init = out_of_the_way(confinement.init);
    for (int i = 0; i < 3; ++i) {
      if (!descriptors[i]) return false;
      launch.descriptors[i] = descriptors[i].get();
    }
    launch.init = init.get();
    if (confinement.group) {
      for (const UniqueFd& door : confinement.group->doors()) doors.push_back(door.get());
    }
    launch.doors = doors.data();
    launch.door_count = doors.size();
    launch.doors_required = confinement.group ? confinement.group->required() : 0;
    // One user, one group: all that a user without rights may map.
    fmt::format_to_n(launch.user_map, sizeof launch.user_map - 1, "{} {} 1", sandbox::kUser,
                     ::geteuid());
    fmt::format_to_n(launch.group_map, sizeof launch.group_map - 1, "{} {} 1", sandbox::kGroup,
                     ::getegid());
    return static_cast<bool>(init);
  }

  static std::string run_plan(const ProcessSpec& spec) {
    std::string plan = spec.confinement->plan;
    const auto add = [&](std::string_view word) { plan.append(word).push_back('\0'); };
    if (spec.arguments.empty()) {
      add("probe");
      return plan;
    }
    add("run");
    add(spec.confinement->folder);
    for (const auto* list : {&spec.arguments, &spec.environment}) {
      add(std::to_string(list->size()));
      for (const std::string& one : *list) add(one);
    }
    return plan;
  }
};

// A child that shares memory until it executes starts in the same time however big the server is.
// -1 with errno.
pid_t clone_child(Launch& launch, int& pidfd) {
  // Signals wait meanwhile: a handler of ours must not run in the child.
  sigset_t all;
  sigset_t old;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &old);
  std::vector<std::byte> stack(64UL << 10U);
  constexpr std::size_t kStackAlignment = 16;  // of every ABI that this runs on
  std::byte* top = stack.data() + stack.size();
  top -= reinterpret_cast<std::uintptr_t>(top) % kStackAlignment;
  const bool confined = launch.init >= 0;
  // Its first program makes the other namespaces, so that this thread need not wait for them.
  const int namespaces = confined ? CLONE_NEWUSER | CLONE_NEWPID : 0;
  const pid_t pid =
      ::__clone(confined ? confined_child_side : child_side, top,
                CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD | namespaces, &launch, &pidfd);
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  errno = error;
  return pid;
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
                .program = arguments.front(),  // nullptr when there is none
                .folder = spec.folder.c_str(),
                .input = null.get(),
                .output = writing.get(),
                .parent = ::getpid(),
                .memory_bytes = static_cast<rlim_t>(spec.memory_mb + kRuntimeHeadroomMb) << 20U,
                .failed_step = nullptr,
                .error = 0};
  ConfinedLaunch confined;
  if (spec.confinement && !confined.prepare(spec, launch)) {
    return spawn_failure(spec, "sandbox for", errno);
  }
  int pidfd = -1;
  const pid_t pid = clone_child(launch, pidfd);
  if (pid < 0) return spawn_failure(spec, "clone for", errno);
  std::unique_ptr<Process> process(
      new Process(pid, UniqueFd(pidfd), std::move(reading), std::move(confined.control), spec));
  if (launch.failed_step != nullptr) return spawn_failure(spec, launch.failed_step, launch.error);
  return process;
}

Process::Process(pid_t pid, UniqueFd pidfd, UniqueFd output, UniqueFd control,
                 const ProcessSpec& spec)
    : pid_(pid),
      pidfd_(std::move(pidfd)),
      output_(std::move(output)),
      control_(std::move(control)),
      marker_(spec.marker),
      confinement_(spec.confinement) {}

Process::~Process() {
  kill_group();
  siginfo_t info{};
  while (::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED) < 0 && errno == EINTR) {
  }
}

pid_t Process::program() {
  if (!confinement_) return pid_;
  if (program_ == 0) {
    const Result<std::string> children =
        read_file(fmt::format("/proc/{0}/task/{0}/children", pid_));
    // The first it made; what else it may have was left to it later.
    if (children) program_ = static_cast<pid_t>(std::strtol(children->c_str(), nullptr, 10));
  }
  return program_;
}

bool Process::ended() const {
  pollfd poll{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
  return ::poll(&poll, 1, 0) > 0;
}

void Process::terminate() { ::kill(pid_, SIGTERM); }  // in a sandbox it is passed on

void Process::kill_group() {
  ::kill(-pid_, SIGKILL);
  ::kill(pid_, SIGKILL);  // in case it moved itself to another group
}

void Process::kill_leftovers() {
  kill_group();
  // A sandbox's first process has ended only when all others in its namespace have.
  if (!confinement_) faas::kill_leftovers(pid_, marker_);
}

void Process::read_control() {
  while (control_) {
    sandbox::Message message{};
    iovec part{.iov_base = &message, .iov_len = sizeof message};
    alignas(cmsghdr) char rights[CMSG_SPACE(sizeof(int) * sandbox::kMaxListeners)];
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = rights;
    header.msg_controllen = sizeof rights;
    const ssize_t got = ::recvmsg(control_.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0 && errno == EINTR) continue;
    if (got != sizeof message) return;
    for (cmsghdr* one = CMSG_FIRSTHDR(&header); one != nullptr; one = CMSG_NXTHDR(&header, one)) {
      if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_RIGHTS) continue;
      const std::size_t count = (one->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (std::size_t i = 0; i < count; ++i) {
        int descriptor = -1;
        std::memcpy(&descriptor, CMSG_DATA(one) + i * sizeof(int), sizeof descriptor);
        listeners_.emplace_back(descriptor);
      }
    }
    message.text[sizeof message.text - 1] = '\0';
    if (message.kind == sandbox::Kind::kEnded) {
      status_ = message.value;
    } else if (message.kind == sandbox::Kind::kProbed) {
      probe_ = Probe{.processes = message.value,
                     .highest_process = std::strtoll(message.text, nullptr, 10)};
    } else if (message.kind == sandbox::Kind::kFailed) {
      failure_ = fmt::format("cannot {}: {}", message.text, std::strerror(message.value));
    }
  }
}

std::vector<UniqueFd> Process::take_listeners() {
  read_control();
  std::vector<UniqueFd> all = std::exchange(listeners_, {});
  const std::size_t own = std::min(confinement_ ? confinement_->own_listeners : 0, all.size());
  const auto border = all.begin() + static_cast<std::ptrdiff_t>(own);
  std::vector<UniqueFd> others(std::make_move_iterator(border), std::make_move_iterator(all.end()));
  all.resize(own);
  if (!others.empty() && confinement_->others) confinement_->others(std::move(others));
  return all;
}

std::optional<ExitStatus> Process::exit_status() {
  siginfo_t info{};
  const int flags = WEXITED | WNOHANG | WNOWAIT;
  while (::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, flags) < 0 && errno == EINTR) {
  }
  if (info.si_pid == 0) return std::nullopt;
  read_control();
  if (status_ && WIFSIGNALED(*status_)) return ExitStatus{.code = 0, .signal = WTERMSIG(*status_)};
  if (status_) return ExitStatus{.code = WEXITSTATUS(*status_), .signal = 0};
  if (info.si_code == CLD_EXITED) return ExitStatus{.code = info.si_status, .signal = 0};
  return ExitStatus{.code = 0, .signal = info.si_status};
}

}  // namespace ae::faas
