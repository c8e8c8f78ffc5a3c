#include "execute/internal/step_slots.h"

#include <utility>

namespace ae::execute {

void StepSlots::Slot::release() {
  std::shared_ptr<StepSlots> owner;
  {
    const std::lock_guard lock(mutex_);
    owner = std::move(owner_);
  }
  if (owner != nullptr) owner->free_one();
}

void StepSlots::Slot::disown() {
  const std::lock_guard lock(mutex_);
  owner_ = nullptr;
}

StepSlots::SlotPtr StepSlots::acquire(Later later) {
  {
    const std::lock_guard lock(mutex_);
    if (free_ == 0) {
      waiting_.push_back(std::move(later));
      return nullptr;
    }
    --free_;
    ++used_;
  }
  return std::make_shared<Slot>(shared_from_this());
}

// A loop, since the next one may be gone, and the one after it too.
void StepSlots::free_one() {
  SlotPtr slot;
  while (true) {
    Later next;
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.empty()) {
        ++free_;
        --used_;
        if (slot != nullptr) slot->disown();
        return;
      }
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    if (slot == nullptr) slot = std::make_shared<Slot>(shared_from_this());
    next(slot);
    if (slot == nullptr) return;
  }
}

std::size_t StepSlots::in_use() const {
  const std::lock_guard lock(mutex_);
  return used_;
}

std::size_t StepSlots::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

void StepSlots::close() {
  std::deque<Later> dropped;
  const std::lock_guard lock(mutex_);
  dropped.swap(waiting_);
}

}  // namespace ae::execute
