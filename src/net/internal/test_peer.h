// For tests: a client that sends exactly the bytes it is told to, and a server to send them to.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_server.h"

namespace ae::net::internal {

// Only a broken server lets a test wait that long.
constexpr std::chrono::seconds kPatience{20};

struct RawResponse {
  int status = 0;
  std::string head;                              // status line and headers
  std::string body;                              // decoded
  bool whole = false;                            // false: the connection ended first
  bool has(std::string_view header_line) const;  // case-sensitive, without line end
};

// Blocking; every read gives up after kPatience, so that a broken server fails a test instead of
// hanging it.
class RawClient final {
 public:
  explicit RawClient(std::uint16_t port, int receive_buffer_bytes = 0);
  explicit RawClient(const std::string& unix_path);
  RawClient(RawClient&& other) noexcept;
  RawClient& operator=(RawClient&&) = delete;
  ~RawClient();

  bool connected() const { return connected_; }
  bool send(std::string_view bytes);  // false once the peer has closed
  // Bytes sent before the socket takes no more for 300 ms.
  std::size_t send_until_stuck(std::string_view bytes, std::size_t max_bytes);
  RawResponse read_response(bool head_only = false);
  std::string read_some();  // "" at the end
  std::string read_to_end();
  void finish_sending();
  void reset();  // leaves rudely: the peer sees ECONNRESET
  void close();

 private:
  bool fill();
  bool read_exactly(std::size_t bytes, std::string& into);
  bool read_line(std::string& into);

  int fd_ = -1;
  bool connected_ = false;
  std::string pending_;
};

// "METHOD target HTTP/1.1" with Host, extra header lines (each with CR LF) and Content-Length.
std::string request_text(std::string_view method, std::string_view target,
                         std::string_view body = {}, std::string_view header_lines = {});

// Exchanges that a handler puts aside until a test answers them. Threads: any.
class Shelf final {
 public:
  void put(std::shared_ptr<Exchange> exchange);
  std::shared_ptr<Exchange> take();  // waits for one; null after kPatience
  Handler handler();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<Exchange>> kept_;
};

Response text_response(std::string body, int status = 200);

// Starts a TCP server on a free port; aborts the test program when that fails.
std::unique_ptr<HttpServer> start_or_die(Handler handler, const ServerLimits& limits = {},
                                         std::size_t threads = 1);

}  // namespace ae::net::internal
