#include "llm/internal/retry.h"

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <ctime>
#include <mutex>
#include <string>

#include "base/text.h"

namespace ae::llm {

using std::chrono::milliseconds;

Backoff::Backoff(milliseconds initial, milliseconds most)
    : ceiling_(initial), most_(most), random_(std::random_device{}()) {}

milliseconds Backoff::next() {
  std::uniform_int_distribution<std::int64_t> below(0, ceiling_.count());
  const milliseconds wait(below(random_));
  ceiling_ = std::min(ceiling_ * 2, most_);
  return wait;
}

std::optional<milliseconds> retry_after(std::string_view value, WallTime now) {
  const std::string_view text = trim(value);
  std::int64_t seconds = 0;
  const char* end = text.data() + text.size();
  static constexpr std::int64_t kLongest =
      std::int64_t{7} * 86'400;  // beyond, the number is no wait
  if (const auto [stop, error] = std::from_chars(text.data(), end, seconds);
      error == std::errc{} && stop == end && !text.empty()) {
    if (seconds < 0) return std::nullopt;
    return std::chrono::seconds(std::min(seconds, kLongest));
  }
  std::tm parts{};
  const std::string date(text);
  const char* stop = strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (stop == nullptr || *stop != '\0') return std::nullopt;
  const WallTime at{std::chrono::seconds(timegm(&parts))};
  return std::clamp(std::chrono::duration_cast<milliseconds>(at - now), milliseconds{0},
                    milliseconds{std::chrono::seconds(kLongest)});
}

Result<void> pause(milliseconds time, const CallContext& context) {
  std::mutex mutex;
  std::condition_variable_any woken;
  std::unique_lock lock(mutex);
  woken.wait_for(lock, context.stop, time, [] { return false; });
  return context.check();
}

}  // namespace ae::llm
