#include "net/internal/request_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <optional>
#include <utility>

#include "base/text.h"

namespace ae::net::internal {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;

// Room for a signature or two; extensions mean nothing to us and cost the reader memory.
constexpr std::size_t kMaxChunkExtensionBytes = 256;

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

bool is_upper_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
  });
}

// '\r' too: the empty line before a request may arrive in two parts.
bool begins_method(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '\r';
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// What one message has told so far. Beast calls on_*_impl in the order of the bytes.
class BeastParser final : public http::basic_parser<true> {
 public:
  explicit BeastParser(const RequestParser::Limits& limits) {
    eager(true);
    header_limit(static_cast<std::uint32_t>(limits.max_header_bytes));
    body_limit(limits.max_body_bytes);
    request.headers.reserve(8);
  }

  Request request;
  RequestParser::Rejection rejection;
  bool rejected = false;
  bool head_done = false;
  bool expects_continue = false;
  bool http10 = false;

 private:
  void refuse(int status, std::string detail, error_code& ec) {
    rejection = {status, std::move(detail)};
    rejected = true;
    ec = http::error::bad_field;
  }

  void on_request_impl(http::verb /*verb*/, boost::beast::string_view method,
                       boost::beast::string_view target, int version, error_code& ec) override {
    http10 = version == 10;
    if (!is_upper_token(view(method)) || view(method) == "CONNECT") {
      return refuse(501, "this server does not implement that method; methods are upper case", ec);
    }
    request.method = view(method);
    request.target = view(target);
    if (!normalise_target()) {
      return refuse(400, "the request target must begin with '/'", ec);
    }
  }

  void on_response_impl(int /*status*/, boost::beast::string_view /*reason*/, int /*version*/,
                        error_code& /*ec*/) override {}  // for parsers of responses

  // A client that takes us for a proxy sends "http://host/path" (RFC 9112, 3.2.2): keep the path.
  bool normalise_target() {
    std::string& target = request.target;
    if (target.starts_with('/')) return true;
    if (target == "*") return request.method == "OPTIONS";
    const std::size_t scheme = target.find("://");
    if (scheme == std::string::npos || to_lower(target.substr(0, scheme)) != "http") return false;
    const std::size_t path = target.find_first_of("/?", scheme + 3);
    std::string rest = path == std::string::npos ? "/" : target.substr(path);
    if (rest.front() == '?') rest.insert(rest.begin(), '/');
    target = std::move(rest);
    return true;
  }

  void on_field_impl(http::field field, boost::beast::string_view name,
                     boost::beast::string_view raw_value, error_code& ec) override {
    if (head_done) return;  // trailers: never to be mixed with the headers that were checked
    const std::string_view value = view(raw_value);
    if (field == http::field::content_length) {
      if (length_fields_++ > 0 || !is_digits(value)) {
        return refuse(400, "Content-Length must be given once, as one decimal number", ec);
      }
    } else if (field == http::field::transfer_encoding) {
      if (encoding_fields_++ > 0 || to_lower(value) != "chunked") {
        return refuse(501, "the only Transfer-Encoding understood is 'chunked', given once", ec);
      }
    } else if (field == http::field::host) {
      ++host_fields_;
    } else if (field == http::field::expect) {
      if (to_lower(value) != "100-continue") {
        return refuse(417, "the only expectation understood is '100-continue'", ec);
      }
      expects_continue = true;
    }
    request.headers.emplace_back(view(name), value);
  }

  void on_header_impl(error_code& ec) override {
    head_done = true;
    if (length_fields_ > 0 && encoding_fields_ > 0) {
      return refuse(400, "Content-Length and Transfer-Encoding exclude each other", ec);
    }
    if (http10 && encoding_fields_ > 0) {
      return refuse(400, "HTTP/1.0 knows no Transfer-Encoding; send Content-Length", ec);
    }
    if (host_fields_ > 1 || (host_fields_ == 0 && !http10)) {
      return refuse(400, "HTTP/1.1 requests carry exactly one Host header", ec);
    }
    if (http10) expects_continue = false;
  }

  void on_body_init_impl(const boost::optional<std::uint64_t>& /*length*/,
                         error_code& /*ec*/) override {}

  std::size_t on_body_impl(boost::beast::string_view bytes, error_code& /*ec*/) override {
    request.body.append(bytes.data(), bytes.size());
    return bytes.size();
  }

  void on_chunk_header_impl(std::uint64_t /*size*/, boost::beast::string_view extensions,
                            error_code& ec) override {
    if (extensions.size() > kMaxChunkExtensionBytes) {
      refuse(400, "a chunk extension is longer than any this server reads", ec);
    }
  }

  std::size_t on_chunk_body_impl(std::uint64_t /*remain*/, boost::beast::string_view bytes,
                                 error_code& /*ec*/) override {
    request.body.append(bytes.data(), bytes.size());
    return bytes.size();
  }

  void on_finish_impl(error_code& /*ec*/) override {}

  int length_fields_ = 0;
  int encoding_fields_ = 0;
  int host_fields_ = 0;
};

}  // namespace

class RequestParser::Machine final {
 public:
  std::optional<BeastParser> current;
  Rejection rejection;
  bool keep_alive = false;
  bool http10 = false;
};

RequestParser::RequestParser(Limits limits)
    : limits_(limits), machine_(std::make_unique<Machine>()) {}
RequestParser::~RequestParser() = default;

const RequestParser::Rejection& RequestParser::rejection() const { return machine_->rejection; }
bool RequestParser::in_body() const { return machine_->current && machine_->current->head_done; }
bool RequestParser::keep_alive() const { return machine_->keep_alive; }
bool RequestParser::http10() const { return machine_->http10; }

RequestParser::Step RequestParser::reject(int status, std::string detail) {
  machine_->rejection = {status, std::move(detail)};
  return {Progress::kRejected, 0};
}

std::size_t RequestParser::find_head_end(std::string_view input) {
  std::size_t at = scanned_;
  while (true) {
    const std::size_t end = input.find('\n', at);
    if (end == std::string_view::npos) return 0;
    if (end == 0 || input[end - 1] != '\r') {
      machine_->rejection = {400, "header lines end in CR LF, not in LF alone"};
      return 0;
    }
    if (end >= 3 && input[end - 2] == '\n') return end + 1;
    // The line is complete, but whether it is folded shows only in the byte after it.
    if (end + 1 == input.size()) {
      scanned_ = end;
      return 0;
    }
    if (input[end + 1] == ' ' || input[end + 1] == '\t') {
      machine_->rejection = {400, "folded header lines are not accepted (RFC 9112, section 5.2)"};
      return 0;
    }
    scanned_ = at = end + 1;
  }
}

RequestParser::Step RequestParser::feed(std::string_view input) {
  if (in_body()) return feed_machine(input, 0);

  std::size_t skipped = 0;
  if (scanned_ == 0) {
    // RFC 9112, 2.2: an empty line left behind by an old client is no error.
    while (input.size() - skipped >= 2 && input.substr(skipped, 2) == "\r\n") skipped += 2;
    input.remove_prefix(skipped);
  }
  // TLS, or any other protocol, is told at once and not when its patience ends.
  if (!input.empty() && !begins_method(input.front())) {
    return reject(400, "this is not HTTP; encrypted connections (https) are not offered here");
  }
  machine_->rejection.detail.clear();
  const std::size_t head_end = find_head_end(input);
  if (!machine_->rejection.detail.empty()) return {Progress::kRejected, skipped};
  if (head_end > limits_.max_header_bytes ||
      (head_end == 0 && input.size() > limits_.max_header_bytes)) {
    return reject(
        431, fmt::format("the request's head is larger than {} bytes", limits_.max_header_bytes));
  }
  if (head_end == 0) return {Progress::kNeedMore, skipped};

  scanned_ = 0;
  machine_->current.emplace(limits_);
  const std::size_t consumed = skipped + head_end;
  const Step head = feed_machine(input.substr(0, head_end), skipped);
  if (head.progress != Progress::kNeedMore) return head;
  input.remove_prefix(head_end);
  if (machine_->current->expects_continue && input.empty()) return {Progress::kContinue, consumed};
  return feed_machine(input, consumed);
}

RequestParser::Step RequestParser::feed_machine(std::string_view input, std::size_t before) {
  BeastParser& parser = *machine_->current;
  if (input.empty()) return {Progress::kNeedMore, before};
  error_code ec;
  const std::size_t consumed =
      before + parser.put(boost::asio::buffer(input.data(), input.size()), ec);
  if (parser.rejected) return reject(parser.rejection.status, std::move(parser.rejection.detail));
  if (ec == http::error::body_limit) {
    return reject(
        413, fmt::format("the request's body is larger than {} bytes", limits_.max_body_bytes));
  }
  if (ec == http::error::header_limit) {
    return reject(
        431, fmt::format("the request's head is larger than {} bytes", limits_.max_header_bytes));
  }
  if (ec == http::error::bad_version) return reject(505, "this server speaks HTTP/1.1 and 1.0");
  if (ec && ec != http::error::need_more) {
    return reject(400, "the request is malformed: " + ec.message());
  }
  if (!parser.is_done()) return {Progress::kNeedMore, consumed};
  machine_->keep_alive = parser.keep_alive();
  machine_->http10 = parser.http10;
  return {Progress::kComplete, consumed};
}

Request RequestParser::take() {
  Request request = std::move(machine_->current->request);
  machine_->current.reset();
  return request;
}

}  // namespace ae::net::internal
