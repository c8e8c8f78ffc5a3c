// At most so many steps run at once, over all runs; the others wait their turn.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

namespace ae::execute {

// Threads: any.
class StepSlots final : public std::enable_shared_from_this<StepSlots> {
 public:
  explicit StepSlots(std::size_t slots) : free_(std::max<std::size_t>(1, slots)) {}

  // One running step; free again when released or destroyed, whichever is first.
  class Slot final {
   public:
    explicit Slot(std::shared_ptr<StepSlots> owner) : owner_(std::move(owner)) {}
    ~Slot() { release(); }
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;
    void release();

   private:
    friend class StepSlots;
    void disown();

    std::mutex mutex_;
    std::shared_ptr<StepSlots> owner_;
  };
  using SlotPtr = std::shared_ptr<Slot>;

  // A slot, or nullptr, and then `later` is called with one, under no lock, by whoever frees one.
  // Who does not want it any more leaves it where it is.
  using Later = std::move_only_function<void(SlotPtr&)>;
  SlotPtr acquire(Later later);

  std::size_t in_use() const;
  std::size_t waiting() const;
  // Drops those that wait, so that nothing here keeps a run alive.
  void close();

 private:
  void free_one();

  mutable std::mutex mutex_;
  std::size_t free_;
  std::size_t used_ = 0;
  std::deque<Later> waiting_;
};

}  // namespace ae::execute
