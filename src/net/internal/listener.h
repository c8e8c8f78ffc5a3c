// Binding and listening, with errors that say which address and what to do.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>

#include "base/result.h"
#include "net/http_server.h"

namespace ae::net::internal {

// Closes what it holds.
class UniqueFd final {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  ~UniqueFd() { reset(); }
  int get() const { return fd_; }
  int release();
  void reset();

 private:
  int fd_ = -1;
};

// A socket bound to a free port of `host` that does not listen, and the port. As long as it is open
// the kernel gives the port to nobody who asks for any, while a Listener may still take it.
Result<std::pair<UniqueFd, std::uint16_t>> bind_free_port(const std::string& host);

// A listening socket, non-blocking and closed on exec. The file of a Unix socket is removed by the
// destructor, unless somebody else has replaced it meanwhile.
class Listener final {
 public:
  // Errors: as HttpServer::start().
  static Result<Listener> open(const Endpoint& endpoint);
  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&&) = delete;
  ~Listener();

  int fd() const { return fd_.get(); }
  std::uint16_t port() const { return port_; }
  bool is_tcp() const { return port_ != 0; }

 private:
  Listener() = default;
  static Result<Listener> open_tcp(const TcpEndpoint& endpoint);
  static Result<Listener> open_unix(const UnixEndpoint& endpoint);

  UniqueFd fd_;
  std::uint16_t port_ = 0;
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace ae::net::internal
