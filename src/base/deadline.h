// A deadline is a value: taken once at the edge, passed down, never restarted.
#pragma once

#include <algorithm>
#include <chrono>

#include "base/clock.h"

namespace ae {

class Deadline {
 public:
  static Deadline never() { return Deadline(SteadyTime::max()); }
  static Deadline after(std::chrono::milliseconds duration,
                        const Clock& clock = SystemClock::instance()) {
    return Deadline(clock.steady_now() + duration);
  }

  bool is_never() const { return at_ == SteadyTime::max(); }
  SteadyTime at() const { return at_; }
  bool reached(const Clock& clock = SystemClock::instance()) const {
    return !is_never() && clock.steady_now() >= at_;
  }
  // Never negative; milliseconds::max() for never().
  std::chrono::milliseconds remaining(const Clock& clock = SystemClock::instance()) const {
    if (is_never()) return std::chrono::milliseconds::max();
    return std::max(std::chrono::milliseconds{0},
                    std::chrono::ceil<std::chrono::milliseconds>(at_ - clock.steady_now()));
  }
  auto operator<=>(const Deadline&) const = default;

 private:
  explicit Deadline(SteadyTime at) : at_(at) {}
  SteadyTime at_;
};

}  // namespace ae
