#include "net/internal/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>

namespace ae::net::internal {
namespace {

// Connections the kernel completes before we accept them; it is cut to net.core.somaxconn.
constexpr int kBacklog = 4096;

std::string reason(int error) { return std::generic_category().message(error); }

std::unexpected<Error> system_fault(int error, std::string_view what, std::string_view where) {
  const auto message = [&](std::string_view mend) {
    return fmt::format("cannot {} {}: {}{}", what, where, reason(error), mend);
  };
  switch (error) {
    case EADDRINUSE:
      return fail(ErrorCode::kAlreadyExists,
                  message("; stop the program that listens there or choose another address"));
    case EACCES:
    case EPERM:
      return fail(ErrorCode::kPermissionDenied,
                  message("; choose a port from 1024 up, or a folder you may write to"));
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
      return fail(ErrorCode::kInvalidArgument,
                  message("; this machine has no such address, 127.0.0.1 always works"));
    case ENOENT:
    case ENOTDIR:
      return fail(ErrorCode::kNotFound, message("; create the folder first"));
    case EMFILE:
    case ENFILE:
      return fail(ErrorCode::kResourceExhausted, message("; raise the limit with ulimit -n"));
    default:
      return fail(ErrorCode::kInternal, message(""));
  }
}

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

Result<Address> parse_host(const TcpEndpoint& endpoint) {
  Address address;
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET, endpoint.host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    std::memcpy(&address.storage, &v4, sizeof v4);
    address.size = sizeof v4;
  } else if (inet_pton(AF_INET6, endpoint.host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(endpoint.port);
    std::memcpy(&address.storage, &v6, sizeof v6);
    address.size = sizeof v6;
  } else {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("cannot listen on '{}': that is no IP address; use 127.0.0.1 for this "
                            "machine only, 0.0.0.0 for every network",
                            endpoint.host));
  }
  return address;
}

sockaddr_un unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

// In a shared folder a stranger may hold the lock for ever, so after a second we go on without.
void lock_for_a_moment(int folder) {
  for (int i = 0; i < 100 && flock(folder, LOCK_EX | LOCK_NB) != 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
}

// Removes a socket file that a dead server left. Anything else in the way is an error.
Result<void> remove_stale_socket(const std::string& path) {
  struct stat info{};
  if (lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return {};
    return system_fault(errno, "listen on", path);
  }
  if (!S_ISSOCK(info.st_mode)) {
    return fail(
        ErrorCode::kAlreadyExists,
        fmt::format("cannot listen on {}: a file that is no socket is in the way; remove it "
                    "or choose another path",
                    path));
  }
  const UniqueFd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (probe.get() < 0) return system_fault(errno, "make a socket for", path);
  const sockaddr_un address = unix_address(path);
  if (connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
      errno != ECONNREFUSED) {
    return fail(ErrorCode::kAlreadyExists,
                fmt::format("cannot listen on {}: another server listens there; stop it or choose "
                            "another path",
                            path));
  }
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return system_fault(errno, "replace", path);
  return {};
}

// An in-address of either family.
std::uint16_t port_of(const Address& address) {
  const in_port_t port = address.storage.ss_family == AF_INET6
                             ? reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_port
                             : reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port;
  return ntohs(port);
}

}  // namespace

Result<std::pair<UniqueFd, std::uint16_t>> bind_free_port(const std::string& host) {
  AE_TRY(Address address, parse_host({host, 0}));
  UniqueFd fd(socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP));
  if (fd.get() < 0) return system_fault(errno, "make a socket for", host);
  // Two sockets that both say so may be bound to one port until one of them listens.
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd.get(), address.get(), address.size) != 0 ||
      getsockname(fd.get(), address.get(), &address.size) != 0) {
    return system_fault(errno, "find a free port of", host);
  }
  return std::pair{std::move(fd), port_of(address)};
}

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

int UniqueFd::release() { return std::exchange(fd_, -1); }

void UniqueFd::reset() {
  if (fd_ >= 0) ::close(release());
}

Listener::Listener(Listener&& other) noexcept
    : fd_(std::move(other.fd_)),
      port_(other.port_),
      path_(std::exchange(other.path_, {})),
      device_(other.device_),
      inode_(other.inode_) {}

Listener::~Listener() {
  struct stat info{};
  if (!path_.empty() && lstat(path_.c_str(), &info) == 0 && info.st_dev == device_ &&
      info.st_ino == inode_) {
    unlink(path_.c_str());
  }
}

Result<Listener> Listener::open(const Endpoint& endpoint) {
  if (const auto* tcp = std::get_if<TcpEndpoint>(&endpoint)) return open_tcp(*tcp);
  return open_unix(std::get<UnixEndpoint>(endpoint));
}

Result<Listener> Listener::open_tcp(const TcpEndpoint& endpoint) {
  AE_TRY(Address address, parse_host(endpoint));
  const std::string name = address.storage.ss_family == AF_INET6
                               ? fmt::format("[{}]:{}", endpoint.host, endpoint.port)
                               : fmt::format("{}:{}", endpoint.host, endpoint.port);
  Listener listener;
  listener.fd_ = UniqueFd(
      socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
  if (listener.fd() < 0) return system_fault(errno, "make a socket for", name);
  // So that a restart need not wait for the last run's connections. Not SO_REUSEPORT: with it a
  // second server would share the port unnoticed.
  const int on = 1;
  setsockopt(listener.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener.fd(), address.get(), address.size) != 0 ||
      ::listen(listener.fd(), kBacklog) != 0) {
    return system_fault(errno, "listen on", name);
  }
  if (getsockname(listener.fd(), address.get(), &address.size) != 0) {
    return system_fault(errno, "ask for the port of", name);
  }
  listener.port_ = port_of(address);
  return listener;
}

Result<Listener> Listener::open_unix(const UnixEndpoint& endpoint) {
  const std::string& path = endpoint.path;
  if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path) ||
      path.find('\0') != std::string::npos) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("cannot listen on '{}': a Unix socket's path has 1 to {} bytes; choose "
                            "a shorter folder",
                            path, sizeof(sockaddr_un::sun_path) - 1));
  }
  // Two servers starting at once must not take each other's fresh socket for a stale one.
  std::string folder = std::filesystem::path(path).parent_path();
  if (folder.empty()) folder = ".";
  const UniqueFd lock(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (lock.get() < 0) return system_fault(errno, "listen on", path);
  lock_for_a_moment(lock.get());
  AE_CHECK(remove_stale_socket(path));

  Listener listener;
  listener.fd_ = UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (listener.fd() < 0) return system_fault(errno, "make a socket for", path);
  // Linux gives the file the mode of the socket, so there is no moment in which others may connect.
  fchmod(listener.fd(), S_IRUSR | S_IWUSR);
  const sockaddr_un address = unix_address(path);
  if (bind(listener.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return system_fault(errno, "listen on", path);
  }
  struct stat info{};
  if (lstat(path.c_str(), &info) == 0) {
    listener.path_ = path;
    listener.device_ = info.st_dev;
    listener.inode_ = info.st_ino;
  }
  if (::listen(listener.fd(), kBacklog) != 0) return system_fault(errno, "listen on", path);
  return listener;
}

}  // namespace ae::net::internal
