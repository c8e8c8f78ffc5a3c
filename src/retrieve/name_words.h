// The words of names, also of names that are written without any border: "getimagefroms3".
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_set>

#include "dag/function_spec.h"

namespace ae::retrieve {

// Knows the words that the functions of one repository use in their descriptions and in names that
// do have borders; with those, and everyday ones, it takes the others apart. Threads: any.
class NameWords final {
 public:
  explicit NameWords(std::span<const dag::FunctionSpec> functions);

  // "getimagefroms3" -> "get image from s3"; "userId" -> "user id". A word that cannot be taken
  // apart completely stays whole.
  std::string spell(std::string_view identifier) const;

 private:
  void add_prose(std::string_view text);
  void add_names(const Json& schema, int depth);
  bool knows(const std::string& word) const;
  std::string take_apart(const std::string& word) const;

  std::unordered_set<std::string> words_;
};

}  // namespace ae::retrieve
