#include "net/internal/mailbox.h"

#include <utility>

namespace ae::net::internal {

thread_local const Mailbox* Mailbox::current_ = nullptr;

bool Mailbox::post(Task task) {
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  tasks_.push_back(std::move(task));
  if (tasks_.size() == 1) wake_();
  return true;
}

void Mailbox::take(std::vector<Task>& into) {
  const std::lock_guard lock(mutex_);
  into.swap(tasks_);
}

void Mailbox::close() {
  std::vector<Task> dropped;  // destroyed without the lock: a task may own an Exchange
  const std::lock_guard lock(mutex_);
  closed_ = true;
  dropped.swap(tasks_);
}

}  // namespace ae::net::internal
