#include "json/internal/schema_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/text.h"

namespace ae::json::internal {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
        hex_value(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::span<const Json> elements(const Json* array) {
  if (array == nullptr || !array->is_array()) return {};
  return array->get_ref<const Json::array_t&>();
}

}  // namespace

const Json* resolve(const Json& root, std::string_view reference) {
  if (!reference.starts_with('#')) return nullptr;
  return at_pointer(root, percent_decoded(reference.substr(1)));
}

long double number(const Json& value) {
  if (value.is_number_unsigned()) return static_cast<long double>(value.get<std::uint64_t>());
  if (value.is_number_integer()) return static_cast<long double>(value.get<std::int64_t>());
  return static_cast<long double>(value.get<double>());
}

bool is_integer(const Json& value) {
  if (value.is_number_integer()) return true;
  if (!value.is_number_float()) return false;
  const double real = value.get<double>();
  return std::isfinite(real) && std::trunc(real) == real;
}

std::size_t text_length(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

bool is_multiple(const Json& value, const Json& divisor) {
  const long double top = number(value);
  const long double bottom = number(divisor);
  if (bottom == 0) return true;  // check_schema() refuses it
  const long double quotient = top / bottom;
  // Decimal fractions like 0.01 are not exact in binary: a quotient that is nearly whole counts.
  static constexpr long double kLargest = 1ULL << 40U;
  if (std::fabs(quotient) > kLargest) return std::fmod(top, bottom) == 0;
  const long double slack = 1e-12L * std::fabs(quotient);
  return std::fabs(quotient - std::round(quotient)) <= slack;
}

std::size_t count_or(const Json& schema, std::string_view keyword, std::size_t otherwise) {
  const Json* value = find(schema, keyword);
  if (value == nullptr || !value->is_number() || !is_integer(*value)) return otherwise;
  const long double count = number(*value);
  if (count < 0) return otherwise;
  static constexpr long double kLargest = 1ULL << 62U;
  return static_cast<std::size_t>(std::min(count, kLargest));
}

std::span<const Json> prefix_items(const Json& schema) {
  if (const Json* prefix = find(schema, "prefixItems")) return elements(prefix);
  return elements(find(schema, "items"));
}

const Json* rest_items(const Json& schema) {
  const Json* items = find(schema, "items");
  if (items != nullptr && items->is_array()) return find(schema, "additionalItems");
  return items;
}

const RE2::Options& pattern_options() {
  static const RE2::Options options = [] {
    RE2::Options made;
    made.set_log_errors(false);
    made.set_max_mem(1 << 20);
    return made;
  }();
  return options;
}

bool has_type(const Json& value, std::string_view type) {
  if (type == "integer") return is_integer(value);
  if (type == "number") return value.is_number();
  return type_name(value) == type;
}

std::string brief(const Json& value) {
  static constexpr std::size_t kLongest = 60;  // bytes of a value shown in a message
  if (value.is_string()) {
    return "the string " + dump(Json(shorten(value.get_ref<const std::string&>(), kLongest)));
  }
  if (value.is_array()) {
    return fmt::format("an array of {} item{}", value.size(), value.size() == 1 ? "" : "s");
  }
  if (value.is_object()) return "an object";
  if (value.is_null()) return "null";
  return fmt::format("the {} {}", type_name(value), dump(value));
}

std::string did_you_mean(std::string_view wanted, const std::vector<std::string>& names) {
  static constexpr std::size_t kMost = 500;  // each comparison costs the product of two lengths
  if (names.size() > kMost) return "";
  const std::string near = nearest(wanted, names);
  return near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near);
}

std::vector<std::string> strings_in(const Json& values) {
  std::vector<std::string> strings;
  for (const Json& value : values) {
    if (value.is_string()) strings.push_back(value.get<std::string>());
  }
  return strings;
}

}  // namespace ae::json::internal
