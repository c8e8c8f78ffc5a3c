// The first process of a sandbox: builds what the plan says inside its namespaces, gives up every
// right that it had there, starts the function's program, and reaps until that has ended. A static
// program of its own: it starts in a fraction of a millisecond and needs nothing of the new root.
//
// It runs before any code of a function and parses only what the server wrote. Whatever fails ends
// it: a sandbox that stands in part is none.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "faas/internal/sandbox_plan.h"

namespace {

using ae::faas::sandbox::Kind;
using ae::faas::sandbox::Message;
namespace sandbox = ae::faas::sandbox;

void tell(Kind kind, int value, const char* text) {
  Message message{kind, value, {}};
  ::strncpy(message.text, text, sizeof message.text - 1);
  ::send(sandbox::kControlFd, &message, sizeof message, MSG_NOSIGNAL);
}

[[noreturn]] void give_up(const char* step, const char* what) {
  const int error = errno;
  char text[sizeof(Message::text)] = {};
  ::strncpy(text, step, sizeof text - 1);
  ::strncat(text, " ", sizeof text - 1 - ::strlen(text));
  ::strncat(text, what, sizeof text - 1 - ::strlen(text));
  tell(Kind::kFailed, error, text);
  ::_exit(sandbox::kCannotRun);
}

void need(bool good, const char* step, const char* what = "") {
  if (!good) give_up(step, what);
}

class Plan {
 public:
  Plan() {
    struct stat info{};
    need(::fstat(sandbox::kPlanFd, &info) == 0 && info.st_size > 0, "read", "the plan");
    const auto size = static_cast<std::size_t>(info.st_size);
    void* memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, sandbox::kPlanFd, 0);
    need(memory != MAP_FAILED, "map", "the plan");
    at_ = static_cast<char*>(memory);
    end_ = at_ + size;
    need(end_[-1] == '\0', "read", "the plan's end");
  }
  bool more() const { return at_ < end_; }
  char* next() {
    need(more(), "read", "a word of the plan");
    char* word = at_;
    at_ += ::strlen(at_) + 1;
    return word;
  }
  long number() { return ::strtol(next(), nullptr, 10); }

 private:
  char* at_ = nullptr;
  char* end_ = nullptr;
};

// The folders that lead to the path.
void make_parents(const char* path) {
  char part[PATH_MAX];
  need(::strlen(path) < sizeof part, "make the folders of", path);
  ::strcpy(part, path);
  for (char* slash = ::strchr(part, '/'); slash != nullptr; slash = ::strchr(slash + 1, '/')) {
    *slash = '\0';
    need(::mkdir(part, 0755) == 0 || errno == EEXIST, "make the folder", part);
    *slash = '/';
  }
}

void make_folder(const char* path) {
  make_parents(path);
  need(::mkdir(path, 0755) == 0 || errno == EEXIST, "make the folder", path);
}

void make_file(const char* path, const char* content) {
  make_parents(path);
  const int file = ::open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  need(file >= 0, "make the file", path);
  const auto size = static_cast<ssize_t>(::strlen(content));
  need(::write(file, content, static_cast<std::size_t>(size)) == size, "write", path);
  ::close(file);
}

void mount_tmpfs(const char* path, const char* options) {
  make_folder(path);
  need(::mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, options) == 0, "mount", path);
}

// A copy of the source's mounts, made stricter before anybody can see it, then put into its place.
void bind(const char* how, const char* source, const char* path) {
  const bool writable = how[1] == 'w';
  const char kind = how[2];
  const int tree = ::open_tree(
      AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | static_cast<unsigned>(AT_RECURSIVE));
  if (tree < 0 && errno == ENOENT && how[3] == '?') return;
  need(tree >= 0, "bind", source);
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_NOSUID;
  if (!writable) attributes.attr_set |= MOUNT_ATTR_RDONLY;
  attributes.attr_set |= kind == 'n' ? MOUNT_ATTR_NOEXEC : MOUNT_ATTR_NODEV;
  need(::mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes) == 0,
       "restrict", source);
  kind == 'd' ? make_folder(path) : make_file(path, "");
  need(::move_mount(tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) == 0, "place", path);
  ::close(tree);
}

void mount_proc(const char* path) {
  make_folder(path);
  constexpr unsigned long kFlags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  // Where parts of the machine's own /proc are hidden, only a /proc without those parts may be.
  need(::mount("proc", path, "proc", kFlags, nullptr) == 0 ||
           ::mount("proc", path, "proc", kFlags, "subset=pid") == 0,
       "mount", path);
}

// The highest number that a process of this namespace can get; before Linux 6.14 that is the
// machine's, which is not ours to change.
constexpr const char* kHighestProcess = "proc/sys/kernel/pid_max";

void limit_processes(const char* count) {
  const int file = ::open(kHighestProcess, O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  [[maybe_unused]] const ssize_t ignored = ::write(file, count, ::strlen(count));
  ::close(file);
}

void set_limit(int resource, long value) {
  struct rlimit limit{};
  need(::getrlimit(static_cast<__rlimit_resource>(resource), &limit) == 0, "read", "a limit");
  auto wanted = static_cast<rlim_t>(value);
  if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < wanted) wanted = limit.rlim_max;
  limit.rlim_cur = limit.rlim_max = wanted;
  need(::setrlimit(static_cast<__rlimit_resource>(resource), &limit) == 0, "set", "a limit");
}

class Network {
 public:
  Network() {
    socket_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    need(socket_ >= 0, "open", "a socket");
    ifreq request{};
    ::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    need(::ioctl(socket_, SIOCSIFFLAGS, &request) == 0, "start", "the loopback interface");
  }

  void add_address(const char* address) {
    ifreq request{};
    // "lo:3": an alias, as one interface has one such address.
    ::strcpy(request.ifr_name, "lo:");
    request.ifr_name[3] = static_cast<char>('0' + aliases_ / 10);
    request.ifr_name[4] = static_cast<char>('0' + aliases_ % 10);
    ++aliases_;
    reinterpret_cast<sockaddr_in&>(request.ifr_addr) = address_of(address, 0);
    need(::ioctl(socket_, SIOCSIFADDR, &request) == 0, "take the address", address);
    reinterpret_cast<sockaddr_in&>(request.ifr_netmask) = address_of("255.255.255.255", 0);
    need(::ioctl(socket_, SIOCSIFNETMASK, &request) == 0, "take the address", address);
  }

  void listen(const char* address, int port) {
    need(count_ < sandbox::kMaxListeners, "listen on", "so many addresses");
    const sockaddr_in at = address_of(address, port);
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    need(listener >= 0, "open", "a socket");
    need(::bind(listener, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0, "listen on",
         address);
    need(::listen(listener, 64) == 0, "listen on", address);
    listeners_[count_++] = listener;
  }

  // The sockets go to the server; nobody here keeps them.
  void hand_over() {
    Message message{Kind::kReady, count_, {}};
    iovec part{&message, sizeof message};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof listeners_)] = {};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (count_ > 0) {
      const auto bytes = sizeof(int) * static_cast<std::size_t>(count_);
      header.msg_control = control;
      header.msg_controllen = CMSG_SPACE(bytes);
      cmsghdr* rights = CMSG_FIRSTHDR(&header);
      rights->cmsg_level = SOL_SOCKET;
      rights->cmsg_type = SCM_RIGHTS;
      rights->cmsg_len = CMSG_LEN(bytes);
      ::memcpy(CMSG_DATA(rights), listeners_, bytes);
    }
    need(::sendmsg(sandbox::kControlFd, &header, MSG_NOSIGNAL) >= 0, "hand over", "the sockets");
    for (int i = 0; i < count_; ++i) ::close(listeners_[i]);
    ::close(socket_);
  }

 private:
  static sockaddr_in address_of(const char* text, int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    need(::inet_pton(AF_INET, text, &address.sin_addr) == 1, "read the address", text);
    return address;
  }

  int socket_ = -1;
  int listeners_[sandbox::kMaxListeners] = {};
  int count_ = 0;
  int aliases_ = 0;
};

// The new root becomes /, and the old one disappears with everything that was reachable from it.
void enter_root() {
  need(::syscall(SYS_pivot_root, ".", ".") == 0, "enter", "the new root");
  need(::umount2(".", MNT_DETACH) == 0, "leave", "the old root");
  need(::chdir("/") == 0, "enter", "the new root");
  mount_attr read_only{};
  read_only.attr_set = MOUNT_ATTR_RDONLY;
  for (const char* path : {"/", "/proc"}) {
    need(::mount_setattr(AT_FDCWD, path, 0, &read_only, sizeof read_only) == 0, "seal", path);
  }
}

void give_up_rights() {
  for (int capability = 0; capability < 64; ++capability) {
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) break;  // the kernel's last one
  }
  need(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0, "drop", "capabilities");
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[2]{};
  need(::syscall(SYS_capset, &header, none) == 0, "drop", "capabilities");
  need(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "set", "no_new_privs");
  // Nobody inside looks into this process: /proc/1/mem, /proc/1/environ, /proc/1/fd.
  need(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0, "set", "dumpable");

  struct stat info{};
  need(::fstat(sandbox::kFilterFd, &info) == 0, "read", "the system call filter");
  const auto size = static_cast<std::size_t>(info.st_size);
  void* memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, sandbox::kFilterFd, 0);
  need(memory != MAP_FAILED, "map", "the system call filter");
  sock_fprog filter{static_cast<unsigned short>(size / sizeof(sock_filter)),
                    static_cast<sock_filter*>(memory)};
  need(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0, "set",
       "the system call filter");
  ::munmap(memory, size);
}

// Does a limit of processes hold here? It counts by user and namespace, and spares root.
[[noreturn]] void probe() {
  set_limit(RLIMIT_NPROC, sandbox::kProbeProcesses);
  int alive = 1;  // this one
  for (int i = 0; i < sandbox::kProbeProcesses; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::pause();
      ::_exit(0);
    }
    if (child > 0) ++alive;
  }
  char highest[32] = {};
  const int file = ::open(kHighestProcess, O_RDONLY | O_CLOEXEC);
  if (file >= 0 && ::read(file, highest, sizeof highest - 1) < 0) highest[0] = '\0';
  tell(Kind::kProbed, alive, highest);
  ::_exit(0);
}

char** strings(Plan& plan) {
  const auto count = static_cast<std::size_t>(plan.number());
  void* memory = ::mmap(nullptr, (count + 1) * sizeof(char*), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  need(memory != MAP_FAILED, "find memory for", "the arguments");
  auto** all = static_cast<char**>(memory);
  for (std::size_t i = 0; i < count; ++i) all[i] = plan.next();
  all[count] = nullptr;
  return all;
}

[[noreturn]] void run(Plan& plan) {
  const char* folder = plan.next();
  char** arguments = strings(plan);
  char** environment = strings(plan);
  sigset_t watched;
  sigemptyset(&watched);
  sigaddset(&watched, SIGCHLD);
  sigaddset(&watched, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &watched, nullptr);
  const pid_t program = ::fork();
  need(program >= 0, "start", arguments[0]);
  if (program == 0) {
    ::sigprocmask(SIG_UNBLOCK, &watched, nullptr);
    need(::chdir(folder) == 0, "enter", folder);
    ::execve(arguments[0], arguments, environment);
    give_up("execute", arguments[0]);
  }
  for (int fd : {0, 1, 2}) ::close(fd);  // the log ends when the function's own processes end
  while (true) {
    siginfo_t info{};
    const int signal = ::sigwaitinfo(&watched, &info);
    // The server's wish to end, passed on; not what the function sends: senders inside have a
    // number.
    if (signal == SIGTERM && info.si_pid == 0) ::kill(program, SIGTERM);
    int status = 0;
    pid_t ended = 0;
    while ((ended = ::waitpid(-1, &status, WNOHANG)) > 0) {
      if (ended != program) continue;
      tell(Kind::kEnded, status, "");
      ::_exit(0);  // and with this process everything else in its namespace ends
    }
  }
}

void enter_namespaces(Plan& plan) {
  ::fcntl(sandbox::kPlanFd, F_SETFD, FD_CLOEXEC);
  ::fcntl(sandbox::kControlFd, F_SETFD, FD_CLOEXEC);
  ::fcntl(sandbox::kFilterFd, F_SETFD, FD_CLOEXEC);
  need(::unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP) == 0,
       "unshare", "namespaces");
  need(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "separate", "mounts");
  need(::sethostname("function", 8) == 0, "set", "the host name");
  const char* root = plan.next();
  need(::mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m") == 0, "mount",
       root);
  need(::chdir(root) == 0, "enter", root);
}

}  // namespace

int main() {
  ::umask(0);
  Plan plan;
  enter_namespaces(plan);
  Network network;
  while (plan.more()) {
    const char* word = plan.next();
    if (::strcmp(word, "tmpfs") == 0) {
      const char* path = plan.next();
      mount_tmpfs(path, plan.next());
    } else if (::strcmp(word, "dir") == 0) {
      make_folder(plan.next());
    } else if (::strcmp(word, "bind") == 0) {
      const char* how = plan.next();
      const char* source = plan.next();
      bind(how, source, plan.next());
    } else if (::strcmp(word, "link") == 0) {
      const char* target = plan.next();
      const char* path = plan.next();
      make_parents(path);
      need(::symlink(target, path) == 0, "link", path);
    } else if (::strcmp(word, "file") == 0) {
      const char* path = plan.next();
      make_file(path, plan.next());
    } else if (::strcmp(word, "overlay") == 0) {
      const char* path = plan.next();
      make_folder(path);
      need(::mount("overlay", path, "overlay", MS_NOSUID | MS_NODEV | MS_RDONLY, plan.next()) == 0,
           "lay layers over", path);
    } else if (::strcmp(word, "proc") == 0) {
      mount_proc(plan.next());
    } else if (::strcmp(word, "address") == 0) {
      network.add_address(plan.next());
    } else if (::strcmp(word, "listen") == 0) {
      const char* address = plan.next();
      network.listen(address, static_cast<int>(plan.number()));
    } else if (::strcmp(word, "limit") == 0) {
      const auto resource = static_cast<int>(plan.number());
      set_limit(resource, plan.number());
    } else if (::strcmp(word, "processes") == 0) {
      limit_processes(plan.next());
    } else {
      enter_root();
      network.hand_over();
      ::umask(022);
      give_up_rights();
      // The server may have gone before its end would have been ours as well.
      char nothing = 0;
      if (::recv(sandbox::kControlFd, &nothing, 1, MSG_DONTWAIT) == 0) ::_exit(0);
      ::strcmp(word, "run") == 0 ? run(plan) : probe();
    }
  }
  errno = EINVAL;
  give_up("read", "a plan that runs nothing");
}
