// Errors are values. A code says who can act; the message says what, where and how to mend it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ae {

// Told apart by who can do something about it, after abseil's status codes.
enum class ErrorCode {
  kInvalidArgument,     // the caller sent something malformed; sending it again fails again
  kNotFound,            // the named thing does not exist
  kAlreadyExists,       // the caller tried to create what exists
  kFailedPrecondition,  // well-formed, but not in this state; something else must change first
  kPermissionDenied,    // not allowed, whoever asks again
  kResourceExhausted,   // a limit (size, count, quota) was hit
  kDeadlineExceeded,    // the time given was used up
  kCancelled,           // the caller withdrew
  kUnavailable,         // a passing fault: try again with back-off
  kUnimplemented,       // this build or target cannot do it
  kDataLoss,            // stored data is damaged
  kInternal,            // our bug
  kModelReply,          // a model answered, but malformed or refusing
  kUserFunction,        // the user's function failed, not us
};

std::string_view to_string(ErrorCode code);

// True when the same call may succeed later without anybody changing anything.
bool is_retryable(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  // Innermost first: each layer that knows more appends a frame ("binding t2.email").
  std::vector<std::string> context;

  bool operator==(const Error&) const = default;

  // "message (while <frame>, while <frame>)"
  std::string describe() const;
};

}  // namespace ae
