#include "net/multipart_form.h"

#include <utility>

#include "base/text.h"

namespace ae::net {
namespace {

constexpr std::size_t kMaxHeadBytes = 8UL << 10U;
constexpr std::size_t kMaxParts = 1000;
constexpr std::size_t kMaxBoundary = 70;  // RFC 2046

std::unexpected<Error> malformed(std::string_view what) {
  return fail(ErrorCode::kInvalidArgument, "the form is malformed: " + std::string(what));
}

Result<FormPart> read_part_head(std::string_view head) {
  FormPart part;
  bool disposed = false;
  while (!head.empty()) {
    const std::size_t end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    head = end == std::string_view::npos ? std::string_view{} : head.substr(end + 2);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return malformed("a line of a part's head is no header");
    const std::string name = to_lower(trim(line.substr(0, colon)));
    const std::string_view value = trim(line.substr(colon + 1));
    if (name == "content-type") part.content_type = value;
    if (name != "content-disposition") continue;
    disposed = to_lower(value).starts_with("form-data");
    part.name = header_parameter(value, "name").value_or("");
    part.filename = header_parameter(value, "filename");
  }
  if (!disposed) return malformed("a part lacks Content-Disposition: form-data");
  return part;
}

}  // namespace

std::optional<std::string> header_parameter(std::string_view header, std::string_view name) {
  std::size_t at = header.find(';');
  while (at != std::string_view::npos && at < header.size()) {
    const std::size_t equals = header.find('=', ++at);
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string key = to_lower(trim(header.substr(at, equals - at)));
    std::string value;
    at = equals + 1;
    if (at < header.size() && header[at] == '"') {
      for (++at; at < header.size() && header[at] != '"'; ++at) {
        // Browsers escape a quote; a backslash before anything else is a part of the name.
        if (header[at] == '\\' && at + 1 < header.size() && header[at + 1] == '"') ++at;
        value += header[at];
      }
      if (at == header.size()) return std::nullopt;
      at = header.find(';', at);
    } else {
      const std::size_t end = header.find(';', at);
      value = trim(header.substr(at, end == std::string_view::npos ? end : end - at));
      at = end;
    }
    if (key == name) return value;
  }
  return std::nullopt;
}

Result<MultipartReader> MultipartReader::make(std::string_view content_type, FormEvents events) {
  const auto boundary = header_parameter(content_type, "boundary");
  if (!boundary || boundary->empty() || boundary->size() > kMaxBoundary) {
    return fail(ErrorCode::kInvalidArgument,
                "Content-Type must be multipart/form-data; boundary=… (1 to 70 characters)");
  }
  return MultipartReader(*boundary, std::move(events));
}

Result<void> MultipartReader::feed(std::string_view bytes) {
  if (done()) return {};
  buffer_ += bytes;
  while (!done()) {
    AE_TRY(const bool progress, step());
    if (!progress) return {};
  }
  buffer_.clear();
  return {};
}

// False: more bytes are needed.
Result<bool> MultipartReader::step() {
  switch (state_) {
    case State::kPreamble:
      return read_preamble();
    case State::kAfterBoundary:
      return read_after_boundary();
    case State::kHeaders:
      return read_headers();
    case State::kData:
      return read_data();
    case State::kDone:
      break;
  }
  return false;
}

Result<bool> MultipartReader::read_preamble() {
  const std::size_t at = buffer_.find(delimiter_);
  if (at == std::string::npos) {
    if (buffer_.size() > delimiter_.size()) buffer_.erase(0, buffer_.size() - delimiter_.size());
    return false;
  }
  buffer_.erase(0, at + delimiter_.size());
  state_ = State::kAfterBoundary;
  return true;
}

Result<bool> MultipartReader::read_after_boundary() {
  if (buffer_.size() < 2) return false;
  if (buffer_.starts_with("--")) {
    state_ = State::kDone;
    return true;
  }
  // Blanks may pad the boundary's line (RFC 2046).
  const std::size_t end = buffer_.find("\r\n");
  if (end == std::string::npos) {
    if (buffer_.size() > kMaxHeadBytes) return malformed("a boundary's line does not end");
    return false;
  }
  if (!trim(std::string_view(buffer_).substr(0, end)).empty()) {
    return malformed("something follows a boundary");
  }
  buffer_.erase(0, end);  // the line's end also begins an empty head
  state_ = State::kHeaders;
  return true;
}

Result<bool> MultipartReader::read_headers() {
  const std::size_t end = buffer_.find("\r\n\r\n");
  if (end == std::string::npos) {
    if (buffer_.size() > kMaxHeadBytes) return malformed("a part's head is too large");
    return false;
  }
  if (end > kMaxHeadBytes) return malformed("a part's head is too large");
  if (++parts_ > kMaxParts) {
    return fail(ErrorCode::kResourceExhausted, "a form has at most 1000 parts");
  }
  const std::string head = end == 0 ? std::string{} : buffer_.substr(2, end - 2);
  AE_TRY(const FormPart part, read_part_head(head));
  buffer_.erase(0, end + 4);
  AE_CHECK(events_.begin(part));
  state_ = State::kData;
  return true;
}

Result<bool> MultipartReader::read_data() {
  const std::size_t at = buffer_.find(delimiter_);
  // What may be the beginning of a delimiter stays.
  std::size_t safe = at;
  if (at == std::string::npos) {
    safe = buffer_.size() < delimiter_.size() ? 0 : buffer_.size() - delimiter_.size() + 1;
  }
  if (safe > 0) AE_CHECK(events_.data(std::string_view(buffer_).substr(0, safe)));
  buffer_.erase(0, safe);
  if (at == std::string::npos) return false;
  buffer_.erase(0, delimiter_.size());
  AE_CHECK(events_.end());
  state_ = State::kAfterBoundary;
  return true;
}

}  // namespace ae::net
