#include "net/internal/test_peer.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/text.h"

namespace ae::net::internal {

bool RawResponse::has(std::string_view header_line) const {
  return head.find(fmt::format("\r\n{}\r\n", header_line)) != std::string::npos;
}

namespace {

void set_read_timeout(int fd) {
  const timeval patience{kPatience.count(), 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

}  // namespace

RawClient::RawClient(std::uint16_t port, int receive_buffer_bytes)
    : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (receive_buffer_bytes > 0) {
    setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
  }
  set_read_timeout(fd_);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

RawClient::RawClient(const std::string& unix_path)
    : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  set_read_timeout(fd_);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, unix_path.data(),
              std::min(unix_path.size(), sizeof address.sun_path - 1));
  connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

RawClient::RawClient(RawClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      connected_(other.connected_),
      pending_(std::move(other.pending_)) {}

RawClient::~RawClient() { close(); }

void RawClient::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void RawClient::finish_sending() { shutdown(fd_, SHUT_WR); }

void RawClient::reset() {
  const linger at_once{1, 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::size_t RawClient::send_until_stuck(std::string_view bytes, std::size_t max_bytes) {
  std::size_t total = 0;
  std::size_t at = 0;
  while (total < max_bytes) {
    const ssize_t sent =
        ::send(fd_, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent <= 0) {
      pollfd wait{fd_, POLLOUT, 0};
      if (poll(&wait, 1, 300) <= 0 || (wait.revents & (POLLERR | POLLHUP)) != 0) break;
      continue;
    }
    total += static_cast<std::size_t>(sent);
    at = (at + static_cast<std::size_t>(sent)) % bytes.size();
  }
  return total;
}

bool RawClient::fill() {
  std::array<char, 65536> buffer;
  const ssize_t got = recv(fd_, buffer.data(), buffer.size(), 0);
  if (got <= 0) return false;
  pending_.append(buffer.data(), static_cast<std::size_t>(got));
  return true;
}

std::string RawClient::read_some() {
  if (pending_.empty()) (void)fill();
  return std::exchange(pending_, {});
}

std::string RawClient::read_to_end() {
  while (fill()) {
  }
  return std::exchange(pending_, {});
}

bool RawClient::read_exactly(std::size_t bytes, std::string& into) {
  while (pending_.size() < bytes) {
    if (!fill()) return false;
  }
  into.append(pending_, 0, bytes);
  pending_.erase(0, bytes);
  return true;
}

bool RawClient::read_line(std::string& into) {
  std::size_t end = 0;
  while ((end = pending_.find("\r\n")) == std::string::npos) {
    if (!fill()) return false;
  }
  into = pending_.substr(0, end);
  pending_.erase(0, end + 2);
  return true;
}

RawResponse RawClient::read_response(bool head_only) {
  RawResponse response;
  std::size_t end = 0;
  while ((end = pending_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill()) return response;
  }
  response.head = pending_.substr(0, end + 2);
  pending_.erase(0, end + 4);
  response.status = std::atoi(response.head.c_str() + sizeof("HTTP/1.1"));
  const std::string head = to_lower(response.head);
  if (head_only || response.status < 200 || response.status == 204 || response.status == 304) {
    response.whole = true;
  } else if (const auto at = head.find("\r\ncontent-length: "); at != std::string::npos) {
    response.whole = read_exactly(std::stoul(head.substr(at + 18)), response.body);
  } else if (head.find("\r\ntransfer-encoding: chunked\r\n") != std::string::npos) {
    std::string line;
    while (read_line(line)) {
      const std::size_t size = std::stoul(line, nullptr, 16);
      std::string chunk;
      if (!read_exactly(size + 2, chunk)) break;
      if (size == 0) {
        response.whole = true;
        break;
      }
      response.body.append(chunk, 0, size);
    }
  } else {
    response.body = read_to_end();
    response.whole = true;
  }
  return response;
}

std::string request_text(std::string_view method, std::string_view target, std::string_view body,
                         std::string_view header_lines) {
  std::string text =
      fmt::format("{} {} HTTP/1.1\r\nHost: test\r\n{}", method, target, header_lines);
  if (!body.empty()) text += fmt::format("Content-Length: {}\r\n", body.size());
  text += "\r\n";
  text += body;
  return text;
}

Response text_response(std::string body, int status) {
  Response response;
  response.status = status;
  response.headers.emplace_back("Content-Type", "text/plain");
  response.body = std::move(body);
  return response;
}

void Shelf::put(std::shared_ptr<Exchange> exchange) {
  const std::lock_guard lock(mutex_);
  kept_.push_back(std::move(exchange));
  changed_.notify_all();
}

std::shared_ptr<Exchange> Shelf::take() {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, kPatience, [this] { return !kept_.empty(); })) return nullptr;
  auto first = std::move(kept_.front());
  kept_.erase(kept_.begin());
  return first;
}

Handler Shelf::handler() {
  return [this](std::shared_ptr<Exchange> exchange) { put(std::move(exchange)); };
}

std::unique_ptr<HttpServer> start_or_die(Handler handler, const ServerLimits& limits,
                                         std::size_t threads) {
  auto server = HttpServer::start(TcpEndpoint{}, std::move(handler), threads, limits);
  if (!server) {
    std::fprintf(stderr, "%s\n", server.error().describe().c_str());
    std::abort();
  }
  return *std::move(server);
}

}  // namespace ae::net::internal
