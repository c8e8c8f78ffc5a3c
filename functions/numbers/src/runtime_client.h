// A client of the AWS Lambda Runtime API with nothing but a socket.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace numbers {

// The Runtime API cannot be spoken to; the process has nothing left to do.
class ConnectionError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Invocation {
  std::string request_id;
  std::string event;  // JSON text
};

// One connection, kept alive; opened anew when the other side has closed it between two requests.
class RuntimeClient final {
 public:
  // `address` is the variable AWS_LAMBDA_RUNTIME_API: "127.0.0.1:9001". Throws ConnectionError.
  explicit RuntimeClient(std::string_view address);
  ~RuntimeClient();
  RuntimeClient(const RuntimeClient&) = delete;
  RuntimeClient& operator=(const RuntimeClient&) = delete;

  // Waits for the next event, however long that takes.
  Invocation next();
  void respond(std::string_view request_id, std::string_view result);
  void fail(std::string_view request_id, std::string_view type, std::string_view message);
  // The function cannot start; Lambda ends the process afterwards.
  void fail_init(std::string_view type, std::string_view message);

 private:
  struct Response {
    int status = 0;
    std::string request_id;
    std::string body;
  };

  void connect();
  void close();
  bool send_all(std::string_view data) const;
  // Appends what has come to buffer_; false at the end of the connection.
  bool receive();
  Response exchange(std::string_view method, std::string_view path, std::string_view body,
                    std::string_view error_type);
  Response read_response();
  void read_exactly(std::size_t count, std::string& into);
  std::string read_line();
  void report(std::string_view path, std::string_view type, std::string_view message);

  std::string host_;
  std::uint16_t port_ = 0;
  int socket_ = -1;
  std::string buffer_;  // received and not yet used
};

}  // namespace numbers
