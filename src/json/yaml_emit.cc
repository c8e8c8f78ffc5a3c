#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "json/yaml.h"

namespace ae::json {
namespace {

// Words that some reader types: YAML 1.1 (yes, on, y), 1.2 and common dialects.
bool is_typed_word(std::string_view text) {
  static constexpr std::array<std::string_view, 13> kWords{
      "y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", "nan", "inf", "nil"};
  return std::ranges::find(kWords, to_lower(text)) != kWords.end();
}

// Only what every reader takes for the same string: letters first, then a few harmless signs.
bool is_plain(std::string_view text) {
  static constexpr std::size_t kLongest = 200;
  if (text.empty() || text.size() > kLongest || is_typed_word(text)) return false;
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  if (!is_letter(text.front()) || text.back() == ' ') return false;
  return std::ranges::all_of(text, [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') ||
           std::string_view(" -./@+'()").find(c) != std::string_view::npos;
  });
}

// JSON's escapes are YAML's; what JSON leaves raw but YAML takes for a line break or a byte order
// mark, or terminals for a command, is escaped too.
std::string double_quoted(std::string_view text) {
  const std::string json = dump(Json(text));
  std::string out;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const auto c = static_cast<unsigned char>(json[i]);
    const auto next = static_cast<unsigned char>(i + 1 < json.size() ? json[i + 1] : 0);
    const auto third = static_cast<unsigned char>(i + 2 < json.size() ? json[i + 2] : 0);
    if (c == 0x7f) {
      out += "\\x7f";
    } else if (c == 0xc2 && next < 0xa0) {  // U+0080 to U+009F
      out += fmt::format("\\x{:02x}", next);
      i += 1;
    } else if (c == 0xe2 && next == 0x80 && (third == 0xa8 || third == 0xa9)) {
      out += third == 0xa8 ? "\\u2028" : "\\u2029";
      i += 2;
    } else if (c == 0xef && next == 0xbb && third == 0xbf) {
      out += "\\ufeff";
      i += 2;
    } else if (c == 0xef && next == 0xbf && (third == 0xbe || third == 0xbf)) {
      out += third == 0xbe ? "\\ufffe" : "\\uffff";
      i += 2;
    } else {
      out += json[i];
    }
  }
  return out;
}

std::string scalar(const Json& value) {
  if (value.is_string()) {
    const std::string& text = value.get_ref<const std::string&>();
    return is_plain(text) ? text : double_quoted(text);
  }
  std::string text = dump(value);
  if (value.is_number_float()) {
    // YAML 1.1 reads 1e+20 as a string; it wants the point.
    const std::size_t exponent = text.find('e');
    if (exponent != std::string::npos && text.find('.') == std::string::npos) {
      text.insert(exponent, ".0");
    }
  }
  return text;
}

bool is_block(const Json& value) { return value.is_structured() && !value.empty(); }

// Readers need accept an implicit key only up to 1024 characters.
constexpr std::size_t kLongestKey = 1000;

// Does the cursor already stand at the indentation of the first line, after "- "?
enum class Start { kNewLine, kHere };

// Writes a non-empty object or array.
void write_block(const Json& value, std::size_t indent, Start start, std::string& out) {
  const std::string spaces(indent, ' ');
  for (const auto& item : value.items()) {
    if (start == Start::kNewLine) out += spaces;
    start = Start::kNewLine;
    const Json& child = item.value();
    if (value.is_array()) {
      out += "- ";
    } else {
      const std::string key = scalar(Json(item.key()));
      if (key.size() > kLongestKey) {
        out += "? " + key + "\n" + spaces + ": ";
      } else {
        out += key + (is_block(child) ? ":" : ": ");
        if (is_block(child)) {
          out += '\n';
          write_block(child, indent + 2, Start::kNewLine, out);
          continue;
        }
      }
    }
    if (is_block(child)) {
      write_block(child, indent + 2, Start::kHere, out);
    } else {
      out += scalar(child) + '\n';
    }
  }
}

}  // namespace

std::string dump_yaml(const Json& value) {
  std::string out;
  if (is_block(value)) {
    write_block(value, 0, Start::kNewLine, out);
  } else {
    out = scalar(value) + '\n';
  }
  return out;
}

}  // namespace ae::json
