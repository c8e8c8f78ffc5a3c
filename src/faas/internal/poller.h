// epoll with a wake-up call and one timer.
#pragma once

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

#include "base/clock.h"
#include "base/result.h"
#include "faas/internal/unique_fd.h"

namespace ae::faas {

// Threads: watch(), change(), forget(), wake() and set_timer() from any; wait() from one.
class Poller final {
 public:
  static constexpr std::uint64_t kWakeToken = 0;
  static constexpr std::uint64_t kTimerToken = 1;  // tokens of others start above

  static Result<std::unique_ptr<Poller>> create() {
    UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
    UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    UniqueFd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!epoll || !event || !timer) {
      return fail(ErrorCode::kUnavailable,
                  std::string("cannot watch worker processes: ") + std::strerror(errno));
    }
    std::unique_ptr<Poller> poller(
        new Poller(std::move(epoll), std::move(event), std::move(timer)));
    poller->watch(poller->event_.get(), EPOLLIN, kWakeToken);
    poller->watch(poller->timer_.get(), EPOLLIN, kTimerToken);
    return poller;
  }

  void watch(int fd, std::uint32_t events, std::uint64_t token) {
    control(EPOLL_CTL_ADD, fd, events, token);
  }
  void change(int fd, std::uint32_t events, std::uint64_t token) {
    control(EPOLL_CTL_MOD, fd, events, token);
  }
  void forget(int fd) { ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

  void wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof one);
  }

  void set_timer(SteadyTime at) {
    const auto nanoseconds =
        std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count();
    itimerspec spec{};
    spec.it_value.tv_sec = nanoseconds / 1'000'000'000;
    spec.it_value.tv_nsec = nanoseconds % 1'000'000'000;
    ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
  }

  // Blocks; the events are valid until the next call.
  std::span<const epoll_event> wait() {
    const int count =
        ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), -1);
    const std::span<const epoll_event> events(events_.data(),
                                              static_cast<std::size_t>(count > 0 ? count : 0));
    for (const epoll_event& event : events) {
      std::uint64_t ignored = 0;
      if (event.data.u64 == kWakeToken) consume(event_.get(), ignored);
      if (event.data.u64 == kTimerToken) consume(timer_.get(), ignored);
    }
    return events;
  }

 private:
  Poller(UniqueFd epoll, UniqueFd event, UniqueFd timer)
      : epoll_(std::move(epoll)), event_(std::move(event)), timer_(std::move(timer)) {}

  void control(int operation, int fd, std::uint32_t events, std::uint64_t token) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = token;
    ::epoll_ctl(epoll_.get(), operation, fd, &event);
  }
  static void consume(int fd, std::uint64_t& value) {
    [[maybe_unused]] const ssize_t got = ::read(fd, &value, sizeof value);
  }

  UniqueFd epoll_;
  UniqueFd event_;
  UniqueFd timer_;
  std::array<epoll_event, 64> events_{};
};

}  // namespace ae::faas
