// Names for what a target has to name: each given out once.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace ae::compile {

// Threads: not thread-safe.
class UniqueNames final {
 public:
  // `separator` stands between a name that is taken and its number: "resize", "resize_2".
  explicit UniqueNames(std::string_view separator) : separator_(separator) {}

  // Never give out this one.
  void reserve(std::string_view name) { taken_.emplace(name); }

  // `wanted`, or with the first number that makes it new. Amortised O(1).
  std::string take(std::string_view wanted) {
    std::string name(wanted);
    if (taken_.insert(name).second) return name;
    std::size_t& number = last_.try_emplace(name, 1).first->second;
    do {
      name = std::string(wanted).append(separator_).append(std::to_string(++number));
    } while (!taken_.insert(name).second);
    return name;
  }

 private:
  std::string separator_;
  std::unordered_set<std::string> taken_;
  std::unordered_map<std::string, std::size_t> last_;
};

}  // namespace ae::compile
