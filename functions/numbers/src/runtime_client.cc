#include "runtime_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>

namespace numbers {
namespace {

constexpr std::string_view kPrefix = "/2018-06-01/runtime/";
constexpr std::size_t kMaxLine = 64UL << 10U;
constexpr std::size_t kMaxBody = 64UL << 20U;  // far above Lambda's 6 MB
constexpr int kFirstFailure = 300;

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  return out;
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::size_t parse_size(std::string_view text, int base) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end == text.data() || value > kMaxBody) {
    throw ConnectionError("the Runtime API sent an impossible length: " + std::string(text));
  }
  return value;
}

}  // namespace

RuntimeClient::RuntimeClient(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  host_ = address.substr(0, colon);
  if (host_ == "localhost") host_ = "127.0.0.1";
  const std::string_view port = colon == std::string_view::npos ? "80" : address.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), port_);
  if (error != std::errc() || end != port.data() + port.size()) {
    throw ConnectionError("AWS_LAMBDA_RUNTIME_API is no address: " + std::string(address));
  }
  connect();
}

RuntimeClient::~RuntimeClient() { close(); }

void RuntimeClient::connect() {
  sockaddr_in place{};
  place.sin_family = AF_INET;
  place.sin_port = htons(port_);
  if (::inet_pton(AF_INET, host_.c_str(), &place.sin_addr) != 1) {
    throw ConnectionError("AWS_LAMBDA_RUNTIME_API names no IPv4 address: " + host_);
  }
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket_ < 0 ||
      ::connect(socket_, reinterpret_cast<const sockaddr*>(&place), sizeof(place)) != 0) {
    const std::string reason = std::strerror(errno);
    close();
    throw ConnectionError("cannot reach the Runtime API at " + host_ + ": " + reason);
  }
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void RuntimeClient::close() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
  buffer_.clear();
}

bool RuntimeClient::send_all(std::string_view data) const {
  while (!data.empty()) {
    const ssize_t sent = ::send(socket_, data.data(), data.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    data.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool RuntimeClient::receive() {
  std::array<char, 16'384> chunk{};
  while (true) {
    const ssize_t got = ::recv(socket_, chunk.data(), chunk.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    buffer_.append(chunk.data(), static_cast<std::size_t>(got));
    return true;
  }
}

std::string RuntimeClient::read_line() {
  while (true) {
    const std::size_t end = buffer_.find('\n');
    if (end != std::string::npos) {
      std::string line(trim(std::string_view(buffer_).substr(0, end)));
      buffer_.erase(0, end + 1);
      return line;
    }
    if (buffer_.size() > kMaxLine || !receive()) {
      throw ConnectionError("the Runtime API ended in the middle of an answer");
    }
  }
}

void RuntimeClient::read_exactly(std::size_t count, std::string& into) {
  while (buffer_.size() < count) {
    if (!receive()) throw ConnectionError("the Runtime API ended in the middle of a body");
  }
  if (into.size() + count > kMaxBody) throw ConnectionError("the event is too large");
  into.append(buffer_, 0, count);
  buffer_.erase(0, count);
}

RuntimeClient::Response RuntimeClient::read_response() {
  Response response;
  const std::string status = read_line();  // "HTTP/1.1 200 OK"
  response.status = static_cast<int>(parse_size(trim(status.substr(status.find(' ') + 1)), 10));
  std::size_t length = 0;
  bool chunked = false;
  bool last = false;
  for (std::string line = read_line(); !line.empty(); line = read_line()) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string name = lower(line.substr(0, colon));
    const std::string value(trim(std::string_view(line).substr(colon + 1)));
    if (name == "content-length") length = parse_size(value, 10);
    if (name == "transfer-encoding") chunked = lower(value) == "chunked";
    if (name == "connection") last = lower(value) == "close";
    if (name == "lambda-runtime-aws-request-id") response.request_id = value;
  }
  if (!chunked) read_exactly(length, response.body);
  while (chunked) {
    const std::size_t size = parse_size(read_line(), 16);
    read_exactly(size, response.body);
    read_line();
    chunked = size > 0;
  }
  if (last) close();
  return response;
}

RuntimeClient::Response RuntimeClient::exchange(std::string_view method, std::string_view path,
                                                std::string_view body,
                                                std::string_view error_type) {
  std::string request(method);
  request.append(" ").append(kPrefix).append(path).append(" HTTP/1.1\r\nHost: ").append(host_);
  request.append(":").append(std::to_string(port_)).append("\r\n");
  if (!error_type.empty()) {
    request.append("Lambda-Runtime-Function-Error-Type: ").append(error_type).append("\r\n");
  }
  if (method == "POST") {
    request.append("Content-Type: application/json\r\nContent-Length: ");
    request.append(std::to_string(body.size())).append("\r\n");
  }
  request.append("\r\n").append(body);

  // A connection kept alive may have been closed meanwhile: that shows before any answer comes.
  const bool fresh = socket_ < 0;
  if (fresh) connect();
  if (!send_all(request) || (buffer_.empty() && !receive())) {
    close();
    if (fresh) throw ConnectionError("the Runtime API closed the connection");
    connect();
    if (!send_all(request)) throw ConnectionError("the Runtime API closed the connection");
  }
  return read_response();
}

Invocation RuntimeClient::next() {
  Response response = exchange("GET", "invocation/next", {}, {});
  if (response.status >= kFirstFailure || response.request_id.empty()) {
    throw ConnectionError("the Runtime API gave no event: " + std::to_string(response.status));
  }
  return {.request_id = std::move(response.request_id), .event = std::move(response.body)};
}

void RuntimeClient::respond(std::string_view request_id, std::string_view result) {
  const std::string path = "invocation/" + std::string(request_id) + "/response";
  const Response response = exchange("POST", path, result, {});
  if (response.status >= kFirstFailure) {  // too large, for instance: Lambda has failed the call
    throw ConnectionError("the Runtime API refused the result: " + std::to_string(response.status));
  }
}

void RuntimeClient::fail(std::string_view request_id, std::string_view type,
                         std::string_view message) {
  report("invocation/" + std::string(request_id) + "/error", type, message);
}

void RuntimeClient::fail_init(std::string_view type, std::string_view message) {
  report("init/error", type, message);
}

void RuntimeClient::report(std::string_view path, std::string_view type, std::string_view message) {
  const nlohmann::ordered_json error = {
      {"errorMessage", message}, {"errorType", type}, {"stackTrace", nlohmann::json::array()}};
  exchange("POST", path, error.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
           type);
}

}  // namespace numbers
