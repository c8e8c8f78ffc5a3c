// When to ask again.
#pragma once

#include <chrono>
#include <optional>
#include <random>
#include <string_view>

#include "base/call_context.h"
#include "base/clock.h"

namespace ae::llm {

// Full jitter below a ceiling that doubles: many callers that were refused together do not come
// back together.
class Backoff final {
 public:
  Backoff(std::chrono::milliseconds initial, std::chrono::milliseconds most);
  std::chrono::milliseconds next();

 private:
  std::chrono::milliseconds ceiling_;
  const std::chrono::milliseconds most_;
  std::minstd_rand random_;
};

// The header's value as a wait: seconds, or a date (RFC 9110, 10.2.3). nullopt for anything else.
std::optional<std::chrono::milliseconds> retry_after(std::string_view value, WallTime now);

// Errors: kCancelled as soon as the caller withdraws.
Result<void> pause(std::chrono::milliseconds time, const CallContext& context);

}  // namespace ae::llm
