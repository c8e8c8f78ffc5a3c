// Work handed to one event loop by any thread. Outlives the loop: what arrives later is dropped,
// so that an answer given after the server stopped harms nobody.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

namespace ae::net::internal {

class Mailbox final {
 public:
  using Task = std::move_only_function<void()>;

  // wake is called by post(), from any thread, when the mailbox was empty; it must make the loop
  // call take() soon.
  explicit Mailbox(std::move_only_function<void()> wake) : wake_(std::move(wake)) {}
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // False once closed; the task is then destroyed by the calling thread. Threads: any.
  bool post(Task task);
  // True when the caller is the loop's own thread. Threads: any.
  bool on_loop_thread() const { return current_ == this; }

  // The following are for the loop's thread only.
  void enter() { current_ = this; }
  void leave() { current_ = nullptr; }
  void take(std::vector<Task>& into);
  void close();

 private:
  // NOLINTNEXTLINE(readability-identifier-naming): a member, though the check sees a variable
  static thread_local const Mailbox* current_;

  std::mutex mutex_;
  bool closed_ = false;
  std::vector<Task> tasks_;
  std::move_only_function<void()> wake_;
};

}  // namespace ae::net::internal
