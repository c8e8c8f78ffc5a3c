// multipart/form-data (RFC 7578), as browsers and curl send files: read as it arrives, so that a
// file need not fit into memory.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http_message.h"

namespace ae::net {

struct FormPart {
  std::string name;
  std::optional<std::string> filename;  // absent for fields that are no files
  std::string content_type;             // "" when the part does not say
};

// What a reader tells as it goes. An error that one of them returns ends the reading.
struct FormEvents {
  std::function<Result<void>(const FormPart&)> begin;
  std::function<Result<void>(std::string_view)> data;
  std::function<Result<void>()> end;
};

// Threads: one at a time.
class MultipartReader final {
 public:
  // Errors: kInvalidArgument when the header names no boundary of 1 to 70 characters.
  static Result<MultipartReader> make(std::string_view content_type, FormEvents events);

  // Errors: kInvalidArgument (malformed), kResourceExhausted (more than 1,000 parts), the events'.
  Result<void> feed(std::string_view bytes);
  // The closing boundary has come; what follows is ignored.
  bool done() const { return state_ == State::kDone; }

 private:
  enum class State { kPreamble, kAfterBoundary, kHeaders, kData, kDone };

  MultipartReader(std::string boundary, FormEvents events)
      : delimiter_("\r\n--" + std::move(boundary)), events_(std::move(events)), buffer_("\r\n") {}
  Result<bool> step();
  Result<bool> read_preamble();
  Result<bool> read_after_boundary();
  Result<bool> read_headers();
  Result<bool> read_data();

  std::string delimiter_;
  FormEvents events_;
  State state_ = State::kPreamble;
  std::string buffer_;  // what is not yet understood; never more than a head and a boundary
  std::size_t parts_ = 0;
};

// The value of a parameter of a header such as `form-data; name="a"; filename="b.txt"`.
std::optional<std::string> header_parameter(std::string_view header, std::string_view name);

}  // namespace ae::net
