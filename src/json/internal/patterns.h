// Compiled patterns, each once a call.
#pragma once

#include <re2/re2.h>

#include <memory>
#include <string>
#include <unordered_map>

#include "json/internal/schema_parts.h"

namespace ae::json::internal {

class Patterns final {
 public:
  // Searches, as JSON Schema does. A pattern that RE2 refuses constrains nothing: nullptr.
  const RE2* compiled(const std::string& text) {
    auto& slot = cache_[text];
    if (slot == nullptr) slot = std::make_unique<RE2>(text, pattern_options());
    return slot->ok() ? slot.get() : nullptr;
  }
  bool matches(const std::string& pattern, std::string_view text) {
    const RE2* regex = compiled(pattern);
    return regex != nullptr &&
           RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *regex);
  }

 private:
  std::unordered_map<std::string, std::unique_ptr<RE2>> cache_;
};

}  // namespace ae::json::internal
