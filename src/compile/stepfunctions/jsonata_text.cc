#include "compile/stepfunctions/jsonata_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"

namespace ae::compile::stepfunctions::jsonata {
namespace {

// What a variable of that name would hide: JSONata's functions, those that Step Functions adds, its
// own variable, and ours.
constexpr std::array<std::string_view, 79> kTaken{"abs",
                                                  "append",
                                                  "assert",
                                                  "average",
                                                  "base64decode",
                                                  "base64encode",
                                                  "boolean",
                                                  "ceil",
                                                  "clone",
                                                  "contains",
                                                  "count",
                                                  "decodeUrl",
                                                  "decodeUrlComponent",
                                                  "distinct",
                                                  "each",
                                                  "encodeUrl",
                                                  "encodeUrlComponent",
                                                  "error",
                                                  "eval",
                                                  "exists",
                                                  "filter",
                                                  "floor",
                                                  "formatBase",
                                                  "formatInteger",
                                                  "formatNumber",
                                                  "fromMillis",
                                                  "hash",
                                                  "input",
                                                  "join",
                                                  "keys",
                                                  "length",
                                                  "lookup",
                                                  "lowercase",
                                                  "map",
                                                  "match",
                                                  "max",
                                                  "merge",
                                                  "millis",
                                                  "min",
                                                  "not",
                                                  "now",
                                                  "number",
                                                  "pad",
                                                  "parse",
                                                  "parseInteger",
                                                  "partition",
                                                  "power",
                                                  "random",
                                                  "range",
                                                  "reduce",
                                                  "replace",
                                                  "reverse",
                                                  "round",
                                                  "shuffle",
                                                  "sift",
                                                  "single",
                                                  "sort",
                                                  "split",
                                                  "spread",
                                                  "sqrt",
                                                  "states",
                                                  "string",
                                                  "substring",
                                                  "substringAfter",
                                                  "substringBefore",
                                                  "sum",
                                                  "toMillis",
                                                  "trim",
                                                  "type",
                                                  "typeOf",
                                                  "uppercase",
                                                  "uuid",
                                                  "zip",
                                                  "and",
                                                  "or",
                                                  "in",
                                                  "true",
                                                  "false",
                                                  "null"};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_identifier(std::string_view text) {
  if (text.empty() || !is_letter(text.front())) return false;
  if (!std::ranges::all_of(text, [](char c) { return is_letter(c) || is_digit(c); })) return false;
  static constexpr std::array<std::string_view, 7> kWords{"and",   "or",   "in",      "true",
                                                          "false", "null", "function"};
  return std::ranges::find(kWords, text) == kWords.end();
}

bool fits_backticks(std::string_view name) {
  return !name.empty() && name.find("%}") == std::string_view::npos &&
         std::ranges::none_of(name, [](char c) {
           return c == '`' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
         });
}

// What JavaScript, and with it some readers' patterns, takes for the end of a line.
bool has_line_separator(std::string_view text) {
  return text.find("\xe2\x80\xa8") != std::string_view::npos ||
         text.find("\xe2\x80\xa9") != std::string_view::npos;
}

}  // namespace

std::string string_literal(std::string_view text) {
  const bool plain = std::ranges::none_of(text, [](char c) {
    return c == '\'' || c == '\\' || c == '%' || static_cast<unsigned char>(c) < 0x20;
  });
  if (plain && is_utf8(text) && !has_line_separator(text)) return fmt::format("'{}'", text);
  const std::string json = json::dump(Json(text));
  std::string out;
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (json[i] == '%') {
      out += "\\u0025";
    } else if (has_line_separator(std::string_view(json).substr(i, 3))) {
      out += json[i + 2] == '\xa8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      out += json[i];
    }
  }
  return out;
}

std::string literal(const Json& value) {
  if (value.is_string()) return string_literal(value.get_ref<const std::string&>());
  if (!value.is_structured()) return json::dump(value);
  const bool object = value.is_object();
  std::string out(1, object ? '{' : '[');
  for (const auto& item : value.items()) {
    if (out.size() > 1) out += ", ";
    if (object) out += string_literal(item.key()) + ": ";
    out += literal(item.value());
  }
  return out + (object ? '}' : ']');
}

std::string member(std::string base, std::string_view name) {
  if (is_identifier(name)) return base.append(".").append(name);
  if (fits_backticks(name)) return base.append(".`").append(name).append("`");
  return fmt::format("$lookup({}, {})", base, string_literal(name));
}

std::string members(std::string base, const std::vector<std::string>& names) {
  for (const std::string& name : names) base = member(std::move(base), name);
  return base;
}

std::string list(const std::vector<std::string>& items) {
  std::string out = "[]";
  for (const std::string& item : items) {
    out = fmt::format(
        "$append({}, ($v := {}; $type($v) = 'array' ? [[$v]] : $exists($v) ? [$v] : []))", out,
        item);
  }
  return out;
}

std::string wrapped(std::string_view expression) { return fmt::format("{{% {} %}}", expression); }

bool needs_expression(std::string_view text) {
  const std::string_view inner = trim(text);
  return inner.empty() || inner.starts_with("{%") || inner.ends_with("%}") ||
         text.find_first_of("\r\n") != std::string_view::npos || has_line_separator(text);
}

std::string variable_name(std::string_view id) {
  std::string name;
  for (const char c : id) name += is_letter(c) || is_digit(c) ? c : '_';
  if (name.empty() || is_digit(name.front())) name.insert(0, "step_");
  if (std::ranges::find(kTaken, name) != kTaken.end()) name += "_result";
  return name;
}

}  // namespace ae::compile::stepfunctions::jsonata
