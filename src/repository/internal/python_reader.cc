#include "repository/internal/python_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <string>
#include <system_error>

#include "base/deadline.h"

namespace ae::repository::internal {
namespace {

constexpr std::chrono::seconds kPatience{10};
constexpr std::size_t kMaxAnswer = 1UL << 20U;

class Descriptor final {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

// Ends with the object, whatever became of the conversation.
class Child final {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  ~Child() {
    ::kill(pid_, SIGKILL);  // still ours: nobody has waited for it
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

 private:
  const pid_t pid_;
};

Result<pid_t> spawn(const std::filesystem::path& python, int end) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, end, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, end, STDOUT_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  std::string program = python.string();
  std::string code(kReadPython);
  // Isolated (no environment, no folder of the user's on the path), no site packages.
  std::array<std::string, 4> options{"-I", "-S", "-B", "-c"};
  std::array<char*, 7> arguments{program.data(),
                                 options[0].data(),
                                 options[1].data(),
                                 options[2].data(),
                                 options[3].data(),
                                 code.data(),
                                 nullptr};
  std::array<char*, 1> environment{nullptr};
  pid_t pid = -1;
  const int error =
      ::posix_spawn(&pid, program.c_str(), &actions, nullptr, arguments.data(), environment.data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (error == 0) return pid;
  return fail(ErrorCode::kFailedPrecondition,
              fmt::format("cannot start {}, which reads Python code: {}", program,
                          std::generic_category().message(error)));
}

// Writes `request`, then reads until the child closes its end.
Result<std::string> converse(const Descriptor& ours, std::string_view request) {
  const Deadline deadline = Deadline::after(kPatience);
  std::string answer;
  std::array<char, 16UL << 10U> block{};
  while (true) {
    const auto left = deadline.remaining();
    pollfd poll{.fd = ours.get(),
                .events = static_cast<short>(request.empty() ? POLLIN : POLLIN | POLLOUT),
                .revents = 0};
    if (left.count() <= 0 || ::poll(&poll, 1, static_cast<int>(left.count())) == 0) {
      return fail(ErrorCode::kResourceExhausted, "reading the code took too long");
    }
    if ((poll.revents & POLLOUT) != 0) {
      const ssize_t sent =
          ::send(ours.get(), request.data(), request.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent > 0) request.remove_prefix(static_cast<std::size_t>(sent));
      if (sent < 0 && errno != EAGAIN && errno != EINTR) request = {};  // it ended early
      if (request.empty()) ::shutdown(ours.get(), SHUT_WR);
    }
    if ((poll.revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
      const ssize_t got = ::recv(ours.get(), block.data(), block.size(), MSG_DONTWAIT);
      if (got == 0 || (got < 0 && errno == ECONNRESET)) return answer;
      if (got > 0) answer.append(block.data(), static_cast<std::size_t>(got));
      if (answer.size() > kMaxAnswer) {
        return fail(ErrorCode::kResourceExhausted, "what was read off the code is too much");
      }
    }
  }
}

}  // namespace

Result<Json> ask_python(const std::filesystem::path& python, const Json& request) {
  std::array<int, 2> ends{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail(ErrorCode::kResourceExhausted, "no socket left to read Python code");
  }
  const Descriptor ours(ends[0]);
  Descriptor theirs(ends[1]);
  AE_TRY(const pid_t pid, spawn(python, theirs.get()));
  const Child child(pid);
  theirs.close();
  AE_TRY(const std::string answer, converse(ours, json::dump(request)));
  auto parsed = json::parse(answer);
  if (parsed && parsed->is_object()) return parsed;
  return fail(ErrorCode::kInvalidArgument, "the code could not be read (too deeply nested?)");
}

}  // namespace ae::repository::internal
