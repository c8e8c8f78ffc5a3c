// Linked workflows that many runs share: hashed once, stored once, read back once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "dag/link.h"

namespace ae::execute {

// Threads: any.
class LinkedWorkflows final {
 public:
  struct Text {
    std::string hash;
    std::string content;
  };

  // By identity: an object that is const and alive cannot have changed.
  std::shared_ptr<const Text> text_of(const std::shared_ptr<const dag::LinkedWorkflow>& linked);

  // By number in the journal, while somebody holds it; else nullptr.
  std::shared_ptr<const dag::LinkedWorkflow> cached(std::int64_t number) const;
  void remember(std::int64_t number, const std::shared_ptr<const dag::LinkedWorkflow>& linked);

  // Is it known to be on disk?
  bool is_stored(const std::string& hash) const;
  void note_stored(const std::string& hash);

 private:
  static constexpr std::size_t kMaxStored = 10'000;  // hashes of 64 bytes: a megabyte at most

  struct Known {
    std::weak_ptr<const dag::LinkedWorkflow> object;
    std::shared_ptr<const Text> text;
  };
  mutable std::mutex mutex_;
  std::unordered_map<const dag::LinkedWorkflow*, Known> texts_;
  std::unordered_map<std::int64_t, std::weak_ptr<const dag::LinkedWorkflow>> loaded_;
  std::unordered_set<std::string> stored_;
};

}  // namespace ae::execute
