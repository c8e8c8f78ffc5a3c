#include "faas/internal/request_parser.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/text.h"

namespace ae::faas {
namespace {

bool is_token(std::string_view text) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

bool is_visible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) || c == '\t';
  });
}

std::unexpected<Error> malformed(std::string_view what) {
  return fail(ErrorCode::kInvalidArgument,
              "the worker sent no valid HTTP/1.1 request: " + std::string(what));
}

}  // namespace

void RequestParser::append(std::string_view bytes) {
  if (to_skip_ > 0) {
    const std::size_t skipped = std::min(to_skip_, bytes.size());
    to_skip_ -= skipped;
    bytes.remove_prefix(skipped);
  }
  if (consumed_ > 0 && consumed_ == buffer_.size()) {
    buffer_.clear();
    consumed_ = 0;
  }
  buffer_.append(bytes);
}

Result<std::optional<WorkerRequest>> RequestParser::next() {
  if (!current_) {
    const std::string_view rest = std::string_view(buffer_).substr(consumed_);
    const std::size_t end = rest.substr(0, kMaxHeaderBytes).find("\r\n\r\n");
    if (end == std::string_view::npos) {
      if (rest.size() >= kMaxHeaderBytes) {
        return fail(ErrorCode::kResourceExhausted, "the worker's request header is too long");
      }
      return std::nullopt;
    }
    current_.emplace();
    body_bytes_.reset();
    AE_CHECK(parse_head(rest.substr(0, end)));
    consumed_ += end + 4;
    if (body_bytes_.value_or(0) > max_body_bytes_) {
      current_->oversize_bytes = *body_bytes_;
      const std::size_t here = std::min(*body_bytes_, buffer_.size() - consumed_);
      consumed_ += here;
      to_skip_ = *body_bytes_ - here;
    }
  }
  if (current_->oversize_bytes == 0) {
    const std::size_t length = body_bytes_.value_or(0);
    if (buffer_.size() - consumed_ < length) return std::nullopt;
    current_->request.body = buffer_.substr(consumed_, length);
    consumed_ += length;
  }
  if (consumed_ == buffer_.size()) {
    buffer_.clear();
    if (buffer_.capacity() > (64UL << 10U)) buffer_.shrink_to_fit();
  } else {
    buffer_.erase(0, consumed_);
  }
  consumed_ = 0;
  return std::exchange(current_, std::nullopt);
}

Result<void> RequestParser::parse_head(std::string_view head) {
  std::size_t line_end = head.find("\r\n");
  AE_CHECK(parse_request_line(head.substr(0, line_end)));
  while (line_end != std::string_view::npos) {
    head.remove_prefix(line_end + 2);
    line_end = head.find("\r\n");
    AE_CHECK(parse_header(head.substr(0, line_end)));
  }
  return {};
}

Result<void> RequestParser::parse_request_line(std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return malformed("the request line");
  const std::string_view target = line.substr(first + 1, last - first - 1);
  if (!is_token(line.substr(0, first))) return malformed("the method");
  if (!target.starts_with('/') || !is_visible(target) ||
      target.find_first_of(" \t") != std::string_view::npos) {
    return malformed("the target");
  }
  if (line.substr(last + 1) != "HTTP/1.1") return malformed("the version");
  current_->request.method = line.substr(0, first);
  current_->request.target = target;
  return {};
}

Result<void> RequestParser::parse_header(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
    return malformed("a header line");
  }
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trim(line.substr(colon + 1));
  if (!is_visible(value)) return malformed("a header's value");
  const std::string lower = to_lower(name);
  if (lower == "transfer-encoding") {
    return fail(ErrorCode::kUnimplemented,
                "the worker's request has a Transfer-Encoding; send a Content-Length instead");
  }
  if (lower == "content-length") {
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
    if (error != std::errc{} || end != value.data() + value.size() ||
        (body_bytes_ && *body_bytes_ != length)) {
      return malformed("the Content-Length");
    }
    body_bytes_ = length;
  }
  current_->request.headers.emplace_back(name, value);
  return {};
}

}  // namespace ae::faas
