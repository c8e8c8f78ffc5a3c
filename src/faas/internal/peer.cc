#include "faas/internal/peer.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>

#include "base/file.h"
#include "base/text.h"

namespace ae::faas {
namespace {

constexpr int kBacklog = 8;

// "0100007F:2328", as /proc/net/tcp writes an address: the bytes as they lie in memory.
std::string as_in_proc(const sockaddr_in& address) {
  return fmt::format("{:08X}:{:04X}", address.sin_addr.s_addr, ntohs(address.sin_port));
}

// The inode of the loopback connection from `local` to `remote`, seen from its opener.
std::optional<std::string> inode_of(const sockaddr_in& local, const sockaddr_in& remote) {
  const Result<std::string> table = read_file("/proc/net/tcp");
  if (!table) return std::nullopt;
  const std::string wanted = as_in_proc(local) + " " + as_in_proc(remote) + " ";
  const std::size_t at = table->find(wanted);
  if (at == std::string::npos) return std::nullopt;
  // state, queues, timer, retransmissions, user, time-out, inode
  std::string_view rest = std::string_view(*table).substr(at + wanted.size());
  rest = rest.substr(0, rest.find('\n'));
  for (int field = 0;; ++field) {
    const std::size_t begin = rest.find_first_not_of(' ');
    if (begin == std::string_view::npos) return std::nullopt;
    const std::size_t end = std::min(rest.find(' ', begin), rest.size());
    if (field == 6) return std::string(rest.substr(begin, end - begin));
    rest.remove_prefix(end);
  }
}

bool holds(const std::filesystem::path& process, const std::string& link) {
  std::error_code error;
  std::filesystem::directory_iterator entry(process / "fd", error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    std::error_code unreadable;
    if (std::filesystem::read_symlink(entry->path(), unreadable).string() == link) return true;
  }
  return false;
}

bool session_holds(pid_t session, const std::string& link) {
  std::error_code error;
  std::filesystem::directory_iterator entry("/proc", error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    pid_t pid = 0;
    const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (bad != std::errc{} || end != name.data() + name.size()) continue;
    if (::getsid(pid) == session && holds(entry->path(), link)) return true;
  }
  return false;
}

}  // namespace

bool is_peer_of_session(int socket, pid_t session) {
  sockaddr_in ours{};
  socklen_t size = sizeof ours;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&ours), &size) != 0) return false;
  if (ours.sin_family == AF_UNIX) {
    ucred peer{};
    size = sizeof peer;
    return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid > 0 &&
           ::getsid(peer.pid) == session;
  }
  sockaddr_in theirs{};
  size = sizeof theirs;
  if (ours.sin_family != AF_INET ||
      ::getpeername(socket, reinterpret_cast<sockaddr*>(&theirs), &size) != 0) {
    return false;
  }
  const std::optional<std::string> inode = inode_of(theirs, ours);
  return inode && *inode != "0" && session_holds(session, "socket:[" + *inode + "]");
}

Result<LoopbackListener> listen_on_loopback() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket || ::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(socket.get(), kBacklog) != 0 ||
      ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("cannot listen on loopback for a worker: {}", std::strerror(errno)));
  }
  return LoopbackListener{.socket = std::move(socket),
                          .address = fmt::format("127.0.0.1:{}", ntohs(address.sin_port))};
}

}  // namespace ae::faas
