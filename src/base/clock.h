// Time is injected, so that tests own it.
#pragma once

#include <chrono>
#include <mutex>
#include <string>

namespace ae {

using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;
using SteadyTime = std::chrono::steady_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime now() const = 0;           // for people and records
  virtual SteadyTime steady_now() const = 0;  // for durations and deadlines
};

class SystemClock final : public Clock {
 public:
  WallTime now() const override;
  SteadyTime steady_now() const override;
  static const SystemClock& instance();
};

// Stands still until told otherwise. Threads: any.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(WallTime start = WallTime{std::chrono::seconds{1'700'000'000}});
  WallTime now() const override;
  SteadyTime steady_now() const override;
  void advance(std::chrono::milliseconds by);

 private:
  mutable std::mutex mutex_;
  WallTime wall_;
  SteadyTime steady_;
};

// RFC 3339 in UTC with milliseconds: "2026-11-20T12:00:00.000Z".
std::string to_rfc3339(WallTime time);

}  // namespace ae
