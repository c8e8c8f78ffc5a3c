// CloudFormation's intrinsic functions, as far as a template alone can answer them.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "json/json.h"

namespace ae::repository::internal {

// Parameters stand for their defaults, pseudo parameters for this installation (region us-east-1),
// conditions are evaluated with both. What only a deployment would know (GetAtt, ImportValue, the
// Ref of a resource without a name of its own) becomes "${Name.Attribute}" and is remembered.
// Understands Ref, Sub, Join, Select, Split, FindInMap, If, Equals, And, Or, Not, Condition and the
// YAML tags as json::LocalTags::kMember writes them.
class Intrinsics final {
 public:
  explicit Intrinsics(const Json& document);

  // The value without functions; nullopt for AWS::NoValue. Members and items without a value are
  // dropped. Bounded: beyond 8 MB of results everything counts as unknown.
  std::optional<Json> resolve(const Json& value);

  // False for an unknown or cyclic condition.
  bool holds(const std::string& condition);

  // What could not be answered since the last call: "Ref ImagesTable", "Fn::ImportValue".
  std::vector<std::string> take_unknown();

 private:
  std::optional<Json> call(std::string_view function, const Json& argument);
  std::optional<Json> ref(const std::string& name);
  Json sub(const Json& argument);
  std::optional<Json> join(const Json& argument);
  std::optional<Json> select(const Json& argument);
  std::optional<Json> split_text(const Json& argument);
  std::optional<Json> find_in_map(const Json& argument);
  std::optional<Json> choose(const Json& argument);
  bool truth(const Json& argument);
  std::string text_of(const Json& value);
  std::string pay(std::string text, std::string_view what);
  Json unknown(std::string what, std::string placeholder);

  const Json& document_;
  std::map<std::string, Json> parameters_;                 // those with a value
  std::map<std::string, std::optional<bool>> conditions_;  // nullopt while it is being evaluated
  std::vector<std::string> unknown_;
  std::size_t budget_ = 8UL << 20U;
};

}  // namespace ae::repository::internal
