// One thread that calls back at given times of the system's steady clock: retries and time-outs.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/clock.h"

namespace ae::execute {

class Timer final {
 public:
  Timer();
  ~Timer();  // drops what is pending, joins
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  using Token = std::uint64_t;
  // `callback` runs on the timer's thread; it must be quick and must not throw. A token is never 0.
  // Threads: any.
  Token at(SteadyTime when, std::move_only_function<void()> callback);
  // False when it already ran, is running, or was cancelled.
  bool cancel(Token token);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ae::execute
