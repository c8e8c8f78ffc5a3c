#include "execute/internal/linked_workflows.h"

#include "base/hash.h"

namespace ae::execute {

std::shared_ptr<const LinkedWorkflows::Text> LinkedWorkflows::text_of(
    const std::shared_ptr<const dag::LinkedWorkflow>& linked) {
  {
    const std::lock_guard lock(mutex_);
    const auto known = texts_.find(linked.get());
    if (known != texts_.end() && !known->second.object.expired()) return known->second.text;
  }
  auto text = std::make_shared<Text>();
  text->content = json::dump(dag::to_json(*linked));
  text->hash = sha256_hex(text->content);
  const std::lock_guard lock(mutex_);
  std::erase_if(texts_, [](const auto& entry) { return entry.second.object.expired(); });
  texts_[linked.get()] = {linked, text};
  return text;
}

std::shared_ptr<const dag::LinkedWorkflow> LinkedWorkflows::cached(std::int64_t number) const {
  const std::lock_guard lock(mutex_);
  const auto found = loaded_.find(number);
  return found == loaded_.end() ? nullptr : found->second.lock();
}

void LinkedWorkflows::remember(std::int64_t number,
                               const std::shared_ptr<const dag::LinkedWorkflow>& linked) {
  const std::lock_guard lock(mutex_);
  std::erase_if(loaded_, [](const auto& entry) { return entry.second.expired(); });
  loaded_[number] = linked;
}

bool LinkedWorkflows::is_stored(const std::string& hash) const {
  const std::lock_guard lock(mutex_);
  return stored_.contains(hash);
}

void LinkedWorkflows::note_stored(const std::string& hash) {
  const std::lock_guard lock(mutex_);
  if (stored_.size() >= kMaxStored) stored_.clear();
  stored_.insert(hash);
}

}  // namespace ae::execute
