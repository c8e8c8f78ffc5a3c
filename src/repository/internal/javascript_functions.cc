#include "repository/internal/javascript_functions.h"

#include <algorithm>
#include <charconv>

namespace ae::repository::internal {
namespace {

using Kind = JavascriptToken::Kind;
using Tokens = std::vector<JavascriptToken>;

constexpr int kMaxDepth = 8;
constexpr std::size_t kMaxMembers = 200;
constexpr std::size_t kWrapper = 400;  // tokens of "wrap(…)" that are looked at for the function

bool is_keyword(const JavascriptToken& token) {
  static const std::set<std::string_view> kKeywords{
      "const", "let",    "var",    "return",   "throw", "if", "for",   "while",   "switch",
      "try",   "export", "import", "function", "class", "do", "break", "continue"};
  return token.kind == Kind::kName && kKeywords.contains(token.text);
}

}  // namespace

JavascriptSlot* JavascriptSlot::member(const std::string& name) {
  for (auto& [known, slot] : members) {
    if (known == name) return slot.get();
  }
  static thread_local JavascriptSlot overflow;  // one more is nobody's
  if (members.size() >= kMaxMembers) return &overflow;
  members.emplace_back(name, std::make_unique<JavascriptSlot>());
  return members.back().second.get();
}

const JavascriptSlot* JavascriptSlot::find(std::string_view name) const {
  for (const auto& [known, slot] : members) {
    if (known == name) return slot.get();
  }
  return nullptr;
}

Json JavascriptSlot::schema(int depth) const {
  Json schema = Json::object();
  std::set<std::string> all = types;
  if (!members.empty()) all = {"object"};
  if (items != nullptr && members.empty()) all.insert("array");
  if (text != nullptr || !encoding.empty()) all.insert("string");
  if (all.contains("string") && (all.contains("number") || all.contains("integer"))) {
    all.erase("string");
  }
  if (all.contains("integer")) all.erase("number");
  if (all.size() == 1) schema["type"] = *all.begin();
  if (depth < kMaxDepth && !members.empty()) {
    Json needed = Json::array();
    Json& properties = schema["properties"] = Json::object();
    for (const auto& [name, slot] : members) {
      properties[name] = slot->schema(depth + 1);
      if (slot->required && !slot->optional && !slot->default_value) needed.push_back(name);
    }
    if (!needed.empty()) schema["required"] = std::move(needed);
  } else if (depth < kMaxDepth && items != nullptr && all.contains("array")) {
    if (Json inner = items->schema(depth + 1); !inner.empty()) schema["items"] = std::move(inner);
  }
  if (!encoding.empty()) schema["contentEncoding"] = encoding;
  if (!description.empty()) schema["description"] = description;
  if (default_value && !default_value->is_null()) schema["default"] = *default_value;
  if (!examples.empty() && schema.contains("type") && schema["type"] == "string") {
    schema["examples"] = examples;
  }
  return schema;
}

std::optional<JavascriptFunction> function_at(const Tokens& tokens, std::size_t at) {
  JavascriptFunction found{.begin = at};
  if (tokens[at].is_name("async")) ++at;
  if (tokens[at].is_name("function")) {
    ++at;
    if (tokens[at].is("*")) ++at;
    if (tokens[at].kind == Kind::kName) ++at;
    if (!tokens[at].is("(") || tokens[at].mate == 0) return std::nullopt;
    const std::size_t close = tokens[at].mate;
    if (!tokens[close + 1].is("{") || tokens[close + 1].mate == 0) return std::nullopt;
    found.parameters = at + 1;
    found.parameters_end = close;
    found.body = close + 2;
    found.body_end = tokens[close + 1].mate;
    return found;
  }
  std::size_t arrow = 0;
  if (tokens[at].is("(") && tokens[at].mate != 0) {
    found.parameters = at + 1;
    found.parameters_end = tokens[at].mate;
    arrow = tokens[at].mate + 1;
  } else if (tokens[at].kind == Kind::kName) {
    found.parameters = at;
    found.parameters_end = at + 1;
    arrow = at + 1;
  }
  if (arrow == 0) return std::nullopt;
  // async handler(event) {…} in an object or class
  if (tokens[arrow].is("{") && tokens[arrow].mate != 0 && tokens[at].is("(")) {
    found.body = arrow + 1;
    found.body_end = tokens[arrow].mate;
    return found;
  }
  if (!tokens[arrow].is("=>")) return std::nullopt;
  if (tokens[arrow + 1].is("{") && tokens[arrow + 1].mate != 0) {
    found.body = arrow + 2;
    found.body_end = tokens[arrow + 1].mate;
  } else {
    found.expression = true;
    found.body = arrow + 1;
    found.body_end = expression_end(tokens, found.body, tokens.size() - 3);
  }
  return found;
}

namespace {

// `searches` bounds the aliases that are followed, all together.
std::optional<JavascriptFunction> search_function(const Tokens& tokens, std::string_view name,
                                                  int& searches) {
  if (searches-- <= 0) return std::nullopt;
  const std::size_t end = tokens.size() - 3;
  for (std::size_t i = 0; i < end; ++i) {
    if (!tokens[i].is_name(name)) continue;
    if (i > 0 && (tokens[i - 1].is_name("function") ||
                  (tokens[i - 1].is("*") && i > 1 && tokens[i - 2].is_name("function")))) {
      std::size_t begin = i - 1;
      if (tokens[begin].is("*")) --begin;
      if (begin > 0 && tokens[begin - 1].is_name("async")) --begin;
      if (auto found = function_at(tokens, begin)) return found;
    }
    // main as handler
    if (i > 1 && tokens[i - 1].is_name("as") && tokens[i - 2].kind == Kind::kName) {
      if (auto found = search_function(tokens, tokens[i - 2].text, searches)) return found;
    }
    const bool method =
        tokens[i + 1].is("(") && tokens[i + 1].mate != 0 &&
        tokens[tokens[i + 1].mate + 1].is("{") && i > 0 &&
        (tokens[i - 1].is("{") || tokens[i - 1].is(",") || tokens[i - 1].is_name("async"));
    if (method) {
      if (auto found = function_at(tokens, i + 1)) return found;
    }
    if (!tokens[i + 1].is("=") && !tokens[i + 1].is(":")) continue;
    const std::size_t value = i + 2;
    if (auto found = function_at(tokens, value)) return found;
    if (tokens[value].kind != Kind::kName) continue;
    if (!tokens[value + 1].is("(") && !tokens[value + 1].is(".") && tokens[value].text != name) {
      if (auto found = search_function(tokens, tokens[value].text, searches)) return found;
    }
    // wrap(async (event) => …), wrap(main)
    const std::size_t stop = expression_end(tokens, value, std::min(end, value + kWrapper));
    for (std::size_t j = value; j < stop; ++j) {
      if (!tokens[j].is("(") && !tokens[j].is(",")) continue;
      if (auto found = function_at(tokens, j + 1)) return found;
      if (tokens[j + 1].kind == Kind::kName && tokens[j + 1].text != name &&
          (tokens[j + 2].is(")") || tokens[j + 2].is(","))) {
        if (auto found = search_function(tokens, tokens[j + 1].text, searches)) return found;
      }
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<JavascriptFunction> find_function(const Tokens& tokens, std::string_view name) {
  int searches = 20;
  return search_function(tokens, name, searches);
}

std::size_t expression_end(const Tokens& tokens, std::size_t at, std::size_t limit) {
  const std::size_t begin = at;
  while (at < limit) {
    const JavascriptToken& token = tokens[at];
    if (token.is(";") || token.is(",") || token.is(")") || token.is("]") || token.is("}")) break;
    if (at > begin && token.line > tokens[at - 1].line && is_keyword(token)) break;
    at = token.mate > at ? token.mate + 1 : at + 1;
  }
  return std::min(at, limit);
}

std::optional<Json> literal_at(const Tokens& tokens, std::size_t at, std::size_t end) {
  if (at >= end) return std::nullopt;
  const bool negative = tokens[at].is("-");
  if (negative) ++at;
  if (at + 1 != end) {
    if (negative || tokens[at].mate + 1 != end || tokens[at].mate != at + 1) return std::nullopt;
    if (tokens[at].is("[")) return Json::array();
    return tokens[at].is("{") ? std::optional(Json::object()) : std::nullopt;
  }
  const JavascriptToken& token = tokens[at];
  if (token.kind == Kind::kNumber) {
    double number = 0;
    const char* last = token.text.data() + token.text.size();
    const auto [stop, error] = std::from_chars(token.text.data(), last, number);
    if (error != std::errc() || stop != last) return std::nullopt;
    if (negative) number = -number;
    const auto whole = static_cast<std::int64_t>(std::clamp(number, -1e15, 1e15));
    return static_cast<double>(whole) == number ? Json(whole) : Json(number);
  }
  if (negative) return std::nullopt;
  if (token.kind == Kind::kString) return Json(token.text);
  if (token.is_name("true")) return Json(true);
  if (token.is_name("false")) return Json(false);
  if (token.is_name("null") || token.is_name("undefined")) return Json(nullptr);
  return std::nullopt;
}

}  // namespace ae::repository::internal
