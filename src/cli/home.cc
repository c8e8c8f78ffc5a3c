#include "cli/home.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/deadline.h"
#include "base/file.h"
#include "json/json.h"

namespace ae::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kPollInterval = 20ms;
// A server that starts publishes itself within this time even on a busy machine.
constexpr auto kStartupWait = 5s;

std::optional<ServerInfo> read_server(const std::filesystem::path& path) {
  const auto text = read_file(path, 64UL << 10U);
  if (!text) return std::nullopt;
  const auto document = json::parse(*text);
  if (!document) return std::nullopt;
  const Json* pid = json::find(*document, "pid");
  ServerInfo info{pid != nullptr && pid->is_number_integer() ? pid->get<int>() : 0,
                  json::string_or(*document, "url")};
  if (info.pid <= 0 || info.url.empty()) return std::nullopt;
  return info;
}

std::string owner_of(int fd) {
  char text[32] = {};
  const ssize_t count = ::pread(fd, text, sizeof text - 1, 0);
  return count > 0 ? fmt::format("process {}", std::string_view(text)) : "another process";
}

}  // namespace

HomeLock::~HomeLock() {
  if (fd_ >= 0) ::close(fd_);  // closing releases the flock
}

HomeLock::HomeLock(HomeLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Result<Home> Home::open(std::filesystem::path folder) {
  std::error_code error;
  if (std::filesystem::create_directories(folder, error)) {
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  }
  if (!std::filesystem::is_directory(folder, error)) {
    return fail(error == std::errc::permission_denied ? ErrorCode::kPermissionDenied
                                                      : ErrorCode::kInvalidArgument,
                fmt::format("cannot use {} as the home folder: {}; choose another with --home or "
                            "AE_HOME",
                            folder.string(), error ? error.message() : "it is not a folder"));
  }
  if (::access(folder.c_str(), R_OK | W_OK | X_OK) != 0) {
    return fail(ErrorCode::kPermissionDenied,
                fmt::format("cannot write in the home folder {}: {}; choose another with --home or "
                            "AE_HOME",
                            folder.string(), std::strerror(errno)));
  }
  return Home(std::move(folder));
}

Result<HomeLock> Home::lock(std::chrono::milliseconds wait) const {
  const auto path = folder_ / "lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return fail(ErrorCode::kPermissionDenied,
                fmt::format("cannot open {}: {}", path.string(), std::strerror(errno)));
  }
  HomeLock held(fd);
  const Deadline deadline = Deadline::after(wait);
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) {
      return fail(ErrorCode::kInternal,
                  fmt::format("cannot lock {}: {}", path.string(), std::strerror(errno)));
    }
    if (deadline.reached()) {
      return fail(ErrorCode::kUnavailable,
                  fmt::format("the home folder {} is in use by {}; wait for it, stop it "
                              "(ae serve --stop), or use another folder with --home",
                              folder_.string(), owner_of(fd)));
    }
    std::this_thread::sleep_for(kPollInterval);
  }
  withdraw_server();  // whoever wrote it is gone: its lock was free
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, pid.data(), pid.size(), 0) < 0) {
    return fail(ErrorCode::kInternal,
                fmt::format("cannot write {}: {}", path.string(), std::strerror(errno)));
  }
  return held;
}

Result<std::optional<ServerInfo>> Home::running_server() const {
  const auto path = folder_ / "lock";
  const Deadline deadline = Deadline::after(kStartupWait);
  while (true) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (fd < 0) return std::optional<ServerInfo>();  // never used
    const HomeLock probe(fd);
    if (::flock(fd, LOCK_SH | LOCK_NB) == 0) return std::optional<ServerInfo>();  // nobody owns it
    // Somebody owns it: a server, unless it is a command that will be gone in a moment.
    if (auto info = read_server(folder_ / "server.json")) return info;
    if (deadline.reached()) return std::optional<ServerInfo>();
    std::this_thread::sleep_for(kPollInterval);
  }
}

Result<void> Home::publish_server(const ServerInfo& info) const {
  return write_file_atomically(folder_ / "server.json",
                               json::dump_pretty(Json{{"pid", info.pid}, {"url", info.url}}));
}

void Home::withdraw_server() const {
  std::error_code ignored;
  std::filesystem::remove(folder_ / "server.json", ignored);
}

}  // namespace ae::cli
