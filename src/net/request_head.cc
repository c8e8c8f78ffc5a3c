#include "net/request_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <charconv>
#include <utility>

#include "base/text.h"

namespace ae::net {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;

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

bool read_number(std::string_view text, std::uint64_t& number) {
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  return error == std::errc{} && rest == end;
}

// What the head of one message tells. Beast calls on_*_impl in the order of the bytes.
class HeadParser final : public http::basic_parser<true> {
 public:
  explicit HeadParser(RequestHead& into) : head_(into), request_(into.request) {
    eager(true);
    skip(true);  // the body is somebody else's business
    request_.headers.reserve(8);
  }

  RequestRejection rejection;  // of ours; Beast's are error codes
  bool rejected = false;

 private:
  void refuse(int status, std::string detail, error_code& ec) {
    rejection = {status, std::move(detail)};
    rejected = true;
    ec = http::error::bad_field;
  }

  void on_request_impl(http::verb /*verb*/, boost::beast::string_view method,
                       boost::beast::string_view target, int version, error_code& ec) override {
    head_.http10 = version == 10;
    if (!is_upper_token(view(method)) || view(method) == "CONNECT") {
      return refuse(501, "this server does not implement that method; methods are upper case", ec);
    }
    request_.method = view(method);
    request_.target = view(target);
    if (!normalise_target()) {
      return refuse(400, "the request target must begin with '/'", ec);
    }
  }

  // A client that takes us for a proxy sends "http://host/path" (RFC 9112, 3.2.2): keep the path.
  bool normalise_target() {
    std::string& target = request_.target;
    if (target.starts_with('/')) return true;
    if (target == "*") return request_.method == "OPTIONS";
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
    const std::string_view value = view(raw_value);
    if (field == http::field::content_length) {
      if (length_fields_++ > 0 || !read_number(value, head_.content_length)) {
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
      head_.expects_continue = true;
    }
    request_.headers.emplace_back(view(name), value);
  }

  void on_header_impl(error_code& ec) override {
    if (length_fields_ > 0 && encoding_fields_ > 0) {
      return refuse(400, "Content-Length and Transfer-Encoding exclude each other", ec);
    }
    if (head_.http10 && encoding_fields_ > 0) {
      return refuse(400, "HTTP/1.0 knows no Transfer-Encoding; send Content-Length", ec);
    }
    if (host_fields_ > 1 || (host_fields_ == 0 && !head_.http10)) {
      return refuse(400, "HTTP/1.1 requests carry exactly one Host header", ec);
    }
    head_.chunked = encoding_fields_ > 0;
    if (head_.http10) head_.expects_continue = false;
  }

  // Never called, because skip(true) ends the parser's work at the end of the head.
  void on_response_impl(int /*status*/, boost::beast::string_view /*reason*/, int /*version*/,
                        error_code& /*ec*/) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>& /*length*/,
                         error_code& /*ec*/) override {}
  std::size_t on_body_impl(boost::beast::string_view bytes, error_code& /*ec*/) override {
    return bytes.size();
  }
  void on_chunk_header_impl(std::uint64_t /*size*/, boost::beast::string_view /*extensions*/,
                            error_code& /*ec*/) override {}
  std::size_t on_chunk_body_impl(std::uint64_t /*remain*/, boost::beast::string_view bytes,
                                 error_code& /*ec*/) override {
    return bytes.size();
  }
  void on_finish_impl(error_code& /*ec*/) override {}

  RequestHead& head_;
  Request& request_;
  int length_fields_ = 0;
  int encoding_fields_ = 0;
  int host_fields_ = 0;
};

}  // namespace

RequestHeadReader::Step RequestHeadReader::reject(int status, std::string detail) {
  rejection_ = {status, std::move(detail)};
  return {Progress::kRejected, 0};
}

std::size_t RequestHeadReader::find_head_end(std::string_view input) {
  std::size_t at = scanned_;
  while (true) {
    const std::size_t end = input.find('\n', at);
    if (end == std::string_view::npos) return 0;
    if (end == 0 || input[end - 1] != '\r') {
      rejection_ = {400, "header lines end in CR LF, not in LF alone"};
      return 0;
    }
    if (end >= 3 && input[end - 2] == '\n') return end + 1;
    // The line is complete, but whether it is folded shows only in the byte after it.
    if (end + 1 == input.size()) {
      scanned_ = end;
      return 0;
    }
    if (input[end + 1] == ' ' || input[end + 1] == '\t') {
      rejection_ = {400, "folded header lines are not accepted (RFC 9112, section 5.2)"};
      return 0;
    }
    scanned_ = at = end + 1;
  }
}

RequestHeadReader::Step RequestHeadReader::feed(std::string_view input) {
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
  rejection_.detail.clear();
  const std::size_t head_end = find_head_end(input);
  if (!rejection_.detail.empty()) return {Progress::kRejected, 0};
  if (head_end > max_bytes_ || (head_end == 0 && input.size() > max_bytes_)) {
    return reject(431, fmt::format("the request's head is larger than {} bytes", max_bytes_));
  }
  if (head_end == 0) return {Progress::kNeedMore, skipped};
  scanned_ = 0;
  return parse(input.substr(0, head_end), skipped);
}

RequestHeadReader::Step RequestHeadReader::parse(std::string_view text, std::size_t skipped) {
  head_ = RequestHead{};
  HeadParser head(head_);
  head.header_limit(static_cast<std::uint32_t>(max_bytes_));
  error_code ec;
  head.put(boost::asio::buffer(text.data(), text.size()), ec);
  if (head.rejected) return reject(head.rejection.status, std::move(head.rejection.detail));
  if (ec == http::error::bad_version) return reject(505, "this server speaks HTTP/1.1 and 1.0");
  // All of the head is there, so a wish for more means a line shorter than any valid one.
  if (ec == http::error::need_more) return reject(400, "the request line is malformed");
  if (ec) return reject(400, "the request is malformed: " + ec.message());
  head_.keep_alive = head.keep_alive();
  return {Progress::kComplete, skipped + text.size()};
}

}  // namespace ae::net
