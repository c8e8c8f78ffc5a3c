#include "faas/internal/sandbox_filter.h"

#include <fmt/format.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/file.h"
#include "base/text.h"
#include "faas/internal/unique_fd.h"

namespace ae::faas {
namespace {

// Grouped as man pages are. Names that this machine's architecture or library does not know are
// passed over.
constexpr std::string_view kAllowed = R"(
  read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek _llseek sendfile
  sendfile64 splice tee vmsplice copy_file_range close close_range open openat openat2 creat dup
  dup2 dup3 fcntl fcntl64 flock fsync fdatasync sync syncfs sync_file_range fallocate fadvise64
  fadvise64_64 readahead truncate truncate64 ftruncate ftruncate64 pipe pipe2 memfd_create

  stat stat64 fstat fstat64 lstat lstat64 newfstatat fstatat64 statx statfs statfs64 fstatfs
  fstatfs64 access faccessat faccessat2 getdents getdents64 getcwd chdir fchdir mkdir mkdirat rmdir
  rename renameat renameat2 link linkat unlink unlinkat symlink symlinkat readlink readlinkat chmod
  fchmod fchmodat fchmodat2 chown chown32 fchown fchown32 lchown lchown32 fchownat umask utime utimes
  utimensat utimensat_time64 futimesat mknod mknodat getxattr lgetxattr fgetxattr listxattr
  llistxattr flistxattr setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr
  inotify_init inotify_init1 inotify_add_watch inotify_rm_watch ioctl

  mmap mmap2 mprotect munmap mremap madvise msync mincore brk mlock mlock2 munlock mlockall
  munlockall pkey_alloc pkey_free pkey_mprotect membarrier remap_file_pages cachestat map_shadow_stack

  fork vfork execve execveat exit exit_group wait4 waitid waitpid getpid getppid gettid getpgid
  getpgrp setpgid getsid setsid set_tid_address set_robust_list get_robust_list rseq arch_prctl
  set_thread_area get_thread_area prctl seccomp getuid getuid32 geteuid geteuid32 getgid getgid32
  getegid getegid32 getresuid getresuid32 getresgid getresgid32 getgroups getgroups32 setuid
  setuid32 setgid setgid32 setreuid setreuid32 setregid setregid32 setresuid setresuid32 setresgid
  setresgid32 setgroups setgroups32 setfsuid setfsuid32 setfsgid setfsgid32 capget capset
  pidfd_open pidfd_send_signal uname sysinfo getrandom getcpu landlock_create_ruleset
  landlock_add_rule landlock_restrict_self restart_syscall

  futex futex_time64 futex_waitv futex_wake futex_wait futex_requeue sched_yield sched_getaffinity
  sched_setaffinity sched_getparam sched_setparam sched_getscheduler sched_setscheduler
  sched_getattr sched_setattr sched_get_priority_max sched_get_priority_min sched_rr_get_interval
  sched_rr_get_interval_time64 getpriority setpriority ioprio_get ioprio_set getrlimit ugetrlimit
  setrlimit prlimit64 getrusage times get_mempolicy

  kill tkill tgkill rt_sigaction rt_sigprocmask rt_sigpending rt_sigtimedwait
  rt_sigtimedwait_time64 rt_sigqueueinfo rt_tgsigqueueinfo rt_sigsuspend rt_sigreturn sigreturn
  sigaltstack signalfd signalfd4 pause alarm

  time gettimeofday clock_gettime clock_gettime64 clock_getres clock_getres_time64 clock_nanosleep
  clock_nanosleep_time64 nanosleep getitimer setitimer timer_create timer_settime
  timer_settime64 timer_gettime timer_gettime64 timer_getoverrun timer_delete timerfd_create
  timerfd_settime timerfd_settime64 timerfd_gettime timerfd_gettime64

  select _newselect pselect6 pselect6_time64 poll ppoll ppoll_time64 epoll_create epoll_create1
  epoll_ctl epoll_wait epoll_pwait epoll_pwait2 eventfd eventfd2

  socketpair bind connect listen accept accept4 getsockname getpeername getsockopt setsockopt send
  sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64 shutdown

  shmget shmat shmctl shmdt semget semop semctl semtimedop semtimedop_time64 msgget msgsnd msgrcv
  msgctl mq_open mq_unlink mq_timedsend mq_timedsend_time64 mq_timedreceive
  mq_timedreceive_time64 mq_notify mq_getsetattr)";

// Known, and refused by name: EPERM tells more than ENOSYS.
constexpr std::string_view kRefused = R"(
  ptrace process_vm_readv process_vm_writev process_madvise process_mrelease kcmp pidfd_getfd
  mount umount umount2 mount_setattr move_mount open_tree fsopen fsconfig fsmount fspick statmount
  listmount pivot_root chroot unshare setns bpf perf_event_open userfaultfd memfd_secret
  add_key keyctl request_key io_uring_setup io_uring_enter io_uring_register
  io_setup io_submit io_getevents io_pgetevents io_cancel io_destroy
  init_module finit_module delete_module create_module query_module get_kernel_syms kexec_load
  kexec_file_load reboot swapon swapoff acct quotactl quotactl_fd syslog lookup_dcookie nfsservctl
  sethostname setdomainname settimeofday stime clock_settime clock_settime64 adjtimex clock_adjtime
  clock_adjtime64 iopl ioperm modify_ldt vm86 vm86old vhangup uselib ustat sysfs _sysctl
  name_to_handle_at open_by_handle_at fanotify_init fanotify_mark mbind set_mempolicy
  set_mempolicy_home_node migrate_pages move_pages lsm_set_self_attr)";

constexpr std::array kSocketFamilies{AF_UNIX, AF_INET, AF_INET6};
// Linux, 32-bit on 64, without randomised addresses, and "only tell me".
constexpr std::array<unsigned, 4> kPersonalities{PER_LINUX, PER_LINUX32, ADDR_NO_RANDOMIZE,
                                                 0xffffffffU};
constexpr std::array<unsigned, 8> kNamespaces{CLONE_NEWNS,     CLONE_NEWUTS, CLONE_NEWIPC,
                                              CLONE_NEWUSER,   CLONE_NEWPID, CLONE_NEWNET,
                                              CLONE_NEWCGROUP, 0x80 /* CLONE_NEWTIME */};

scmp_arg_cmp argument(unsigned index, scmp_compare how, scmp_datum_t a, scmp_datum_t b = 0) {
  return {.arg = index, .op = how, .datum_a = a, .datum_b = b};
}

// Adds rules until one fails.
class Rules final {
 public:
  explicit Rules(scmp_filter_ctx context) : context_(context) {}

  void add(std::uint32_t action, std::string_view name,
           std::initializer_list<scmp_arg_cmp> when = {}) {
    if (error_ != 0) return;
    const int number = ::seccomp_syscall_resolve_name(std::string(name).c_str());
    if (number < 0) return;  // unknown here, or of another architecture
    error_ = ::seccomp_rule_add_array(context_, action, number, static_cast<unsigned>(when.size()),
                                      when.begin());
  }
  void add_all(std::uint32_t action, std::string_view names) {
    for (const std::string_view line : split(names, '\n')) {
      for (const std::string_view name : split(line, ' ')) {
        if (!name.empty()) add(action, name);
      }
    }
  }
  int error() const { return error_; }

 private:
  scmp_filter_ctx context_;
  int error_ = 0;
};

int add_rules(scmp_filter_ctx context) {
  Rules rules(context);
  constexpr std::uint32_t kNotPermitted = SCMP_ACT_ERRNO(EPERM);
  rules.add_all(SCMP_ACT_ALLOW, kAllowed);
  rules.add_all(kNotPermitted, kRefused);
  // New namespaces are where most of the kernel's privileged code begins. clone3() hides its flags
  // in memory, where a filter cannot look; libraries use clone() when it does not exist.
  unsigned all = 0;
  for (const unsigned one : kNamespaces) {
    all |= one;
    rules.add(kNotPermitted, "clone", {argument(0, SCMP_CMP_MASKED_EQ, one, one)});
  }
  rules.add(SCMP_ACT_ALLOW, "clone", {argument(0, SCMP_CMP_MASKED_EQ, all, 0)});
  for (const int family : kSocketFamilies) {
    rules.add(SCMP_ACT_ALLOW, "socket", {argument(0, SCMP_CMP_EQ, static_cast<unsigned>(family))});
  }
  // Protocol 0 is NETLINK_ROUTE, by which programs list their own interfaces.
  rules.add(SCMP_ACT_ALLOW, "socket",
            {argument(0, SCMP_CMP_EQ, AF_NETLINK), argument(2, SCMP_CMP_EQ, 0)});
  for (const unsigned personality : kPersonalities) {
    rules.add(SCMP_ACT_ALLOW, "personality", {argument(0, SCMP_CMP_EQ, personality)});
  }
  return rules.error();
}

std::unexpected<Error> failure(std::string_view what, int error) {
  return fail(ErrorCode::kUnavailable,
              fmt::format("cannot make the system call filter: {}: {}", what,
                          std::strerror(error < 0 ? -error : error)));
}

}  // namespace

Result<std::string> compile_sandbox_filter() {
  const std::unique_ptr<void, decltype(&::seccomp_release)> context(
      ::seccomp_init(SCMP_ACT_ERRNO(ENOSYS)), &::seccomp_release);
  if (!context) return failure("libseccomp", ENOMEM);
  // Another architecture's calls have other numbers: whoever makes one wants to get around us.
  ::seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  ::seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a binary tree
  if (const int error = add_rules(context.get()); error != 0) return failure("a rule", error);
  const UniqueFd file(::memfd_create("filter", MFD_CLOEXEC));
  if (!file) return failure("memory file", errno);
  if (const int error = ::seccomp_export_bpf(context.get(), file.get()); error != 0) {
    return failure("export", error);
  }
  return read_file(fmt::format("/proc/self/fd/{}", file.get()));
}

}  // namespace ae::faas
