// The producer's side of a subtyping question: what is known of every value it may hand over.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "json/internal/patterns.h"
#include "json/json.h"

namespace ae::json::internal {

// JSON's types as a set. "number" is two of them, so that number into integer is seen to be narrow.
using TypeSet = unsigned;
inline constexpr TypeSet kString = 1;
inline constexpr TypeSet kInteger = 2;
inline constexpr TypeSet kFraction = 4;
inline constexpr TypeSet kBoolean = 8;
inline constexpr TypeSet kNull = 16;
inline constexpr TypeSet kArray = 32;
inline constexpr TypeSet kObject = 64;
inline constexpr TypeSet kNumber = kInteger | kFraction;
inline constexpr TypeSet kAnyType = 127;

// What the keyword `type` allows; everything when it is absent.
TypeSet declared_types(const Json& schema);
// "string", "string or null".
std::string names_of(TypeSet types);

struct Bound {
  long double value;
  bool exclusive = false;
};

// A conjunction: the value satisfies every part. References and allOf are already flattened into
// it; constructs that nobody asks about are simply not used, which only makes it larger: sound.
class Producer final {
 public:
  Producer(const Json& root, Patterns& patterns) : root_(&root), patterns_(&patterns) {}

  // Adds one more schema that every value satisfies.
  void require(const Json& schema);
  void narrow(TypeSet types) { types_ &= types; }

  bool impossible() const { return impossible_ || types_ == 0; }
  TypeSet types() const { return types_; }
  const std::vector<const Json*>& parts() const { return parts_; }

  // The values of an enum or a const, not filtered by the rest; nullopt when there is none.
  std::optional<std::vector<const Json*>> finite() const;
  bool satisfies(const Json& value) const;

  std::size_t at_least(std::string_view keyword) const;         // 0 when not declared
  std::size_t at_most(std::string_view keyword) const;          // kUnbounded
  bool has(std::string_view keyword, const Json& value) const;  // some part says so
  Bound lower() const;
  Bound upper() const;
  static constexpr std::size_t kUnbounded = static_cast<std::size_t>(-1);

  std::size_t longest_prefix() const;
  std::size_t most_items() const;
  Producer item(std::size_t index) const;

  bool requires_member(std::string_view name) const;
  bool declares_member(std::string_view name) const;
  bool declares_any_member() const;
  bool is_map() const;  // says what undeclared members look like, or that they are welcome
  std::set<std::string> declared_members() const;  // properties and required
  Producer member(std::string_view name) const;
  bool closed() const;  // no member beyond the declared ones
  // For each part: what a member may be that the part does not declare.
  std::vector<std::vector<Producer>> undeclared_members() const;

  // One producer for each way through the part's alternatives; empty when there are none.
  std::vector<Producer> alternatives() const;

 private:
  Producer empty() const { return {*root_, *patterns_}; }
  void require(const Json& schema, std::size_t depth);
  TypeSet possible_types(const Json& schema, std::size_t depth) const;

  const Json* root_;
  Patterns* patterns_;
  std::vector<const Json*> parts_;
  std::set<const Json*> split_;  // anyOf and oneOf lists already taken apart
  TypeSet types_ = kAnyType;
  bool impossible_ = false;
};

}  // namespace ae::json::internal
