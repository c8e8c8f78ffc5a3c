// Identifiers that do not convert into each other, and fresh random ones.
#pragma once

#include <fmt/format.h>

#include <compare>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace ae {

template <class Tag>
class Id {
 public:
  Id() = default;
  explicit Id(std::string value) : value_(std::move(value)) {}
  explicit Id(std::string_view value) : value_(value) {}
  explicit Id(const char* value) : value_(value) {}

  const std::string& str() const { return value_; }
  bool empty() const { return value_.empty(); }
  auto operator<=>(const Id&) const = default;

 private:
  std::string value_;
};

// "<prefix>_<26 characters>": 48 bits of milliseconds, then 80 random bits, in Crockford base32
// (the ULID layout), so that ids sort by creation time. Threads: any.
std::string new_id(std::string_view prefix);

}  // namespace ae

template <class Tag>
struct std::hash<ae::Id<Tag>> {
  std::size_t operator()(const ae::Id<Tag>& id) const noexcept {
    return std::hash<std::string>{}(id.str());
  }
};

template <class Tag>
struct fmt::formatter<ae::Id<Tag>> : fmt::formatter<std::string> {
  auto format(const ae::Id<Tag>& id, fmt::format_context& context) const {
    return fmt::formatter<std::string>::format(id.str(), context);
  }
};
