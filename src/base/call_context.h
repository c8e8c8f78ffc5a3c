// What a caller hands down through every synchronous stage.
#pragma once

#include <stop_token>
#include <string>

#include "base/deadline.h"
#include "base/result.h"

namespace ae {

struct CallContext {
  Deadline deadline = Deadline::never();
  std::stop_token stop;
  std::string trace_id;

  // Long loops call this now and then. Errors: kCancelled, kDeadlineExceeded.
  Result<void> check() const {
    if (stop.stop_requested()) return fail(ErrorCode::kCancelled, "the caller withdrew");
    if (deadline.reached()) {
      return fail(ErrorCode::kDeadlineExceeded, "the time given for this call is used up");
    }
    return {};
  }
};

}  // namespace ae
