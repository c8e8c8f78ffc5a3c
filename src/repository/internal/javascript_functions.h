// Functions in JavaScript code, and what its expressions may be.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json/json.h"
#include "repository/internal/javascript_tokens.h"

namespace ae::repository::internal {

// A part of the event, and how the code uses it.
struct JavascriptSlot {
  std::vector<std::pair<std::string, std::unique_ptr<JavascriptSlot>>> members;
  std::unique_ptr<JavascriptSlot> items;  // of a list
  std::unique_ptr<JavascriptSlot> text;   // what JSON.parse makes of it
  std::set<std::string> types;
  bool required = false;
  bool optional = false;  // somebody looks first, or gives a default
  std::optional<Json> default_value;
  std::vector<std::string> examples;
  std::string description;
  std::string encoding;

  JavascriptSlot* member(const std::string& name);
  const JavascriptSlot* find(std::string_view name) const;
  Json schema(int depth = 0) const;
};

// Positions are indices of tokens.
struct JavascriptFunction {
  std::size_t parameters = 0;  // just after "(", or the only name
  std::size_t parameters_end = 0;
  std::size_t body = 0;  // just after "{", or where the expression begins
  std::size_t body_end = 0;
  bool expression = false;
  std::size_t begin = 0;
};

// The function written at `at` ("async (a) => …", "function (a) {…}").
std::optional<JavascriptFunction> function_at(const std::vector<JavascriptToken>& tokens,
                                              std::size_t at);

// The function that is exported or declared under a name, through aliases and wrappers.
std::optional<JavascriptFunction> find_function(const std::vector<JavascriptToken>& tokens,
                                                std::string_view name);

// Where the expression that begins at `at` ends: at a comma, semicolon or closing bracket, or, on a
// new line, where a statement begins.
std::size_t expression_end(const std::vector<JavascriptToken>& tokens, std::size_t at,
                           std::size_t limit);

// A literal without names in it; nullopt for anything else.
std::optional<Json> literal_at(const std::vector<JavascriptToken>& tokens, std::size_t at,
                               std::size_t end);

using JavascriptSlots = std::map<std::string, JavascriptSlot*, std::less<>>;

// The output's schema from the function's return statements; errors gets "Http400" and the like.
Json javascript_output(const std::vector<JavascriptToken>& tokens,
                       const JavascriptFunction& function, const JavascriptSlots& slots,
                       std::vector<std::string>& errors);

}  // namespace ae::repository::internal
