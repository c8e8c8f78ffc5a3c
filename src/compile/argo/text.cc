#include "compile/argo/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>

#include "base/text.h"

namespace ae::compile::argo {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_letter(c) || is_digit(c) || c == '_'; }

// One character of UTF-8: its bytes and its code point. Text comes from dump(), which has mended
// what was invalid.
struct Character {
  std::string_view bytes;
  char32_t code = 0;
};

Character character_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return {text.substr(at, 1), first};
  if (first < 0xE0) return {text.substr(at, 2), ((first & 0x1FU) << 6U) | (byte(1) & 0x3FU)};
  if (first < 0xF0) {
    return {text.substr(at, 3),
            ((first & 0x0FU) << 12U) | ((byte(1) & 0x3FU) << 6U) | (byte(2) & 0x3FU)};
  }
  return {text.substr(at, 4), ((first & 0x07U) << 18U) | ((byte(1) & 0x3FU) << 12U) |
                                  ((byte(2) & 0x3FU) << 6U) | (byte(3) & 0x3FU)};
}

// What YAML forbids, takes for a line break or drops.
bool needs_escape(char32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029 ||
         code == 0xFEFF || code == 0xFFFE || code == 0xFFFF;
}

// The inside of a JSON string. `safe`: also without "{{" and "}}".
void append_escaped(std::string& out, std::string_view dumped, bool safe) {
  char last = '\0';
  for (std::size_t at = 0; at < dumped.size();) {
    const Character character = character_at(dumped, at);
    at += character.bytes.size();
    const char c = character.bytes.front();
    if (needs_escape(character.code)) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(character.code));
    } else if (safe && (c == '{' || c == '}') && c == last) {
      out += c == '{' ? "\\u007b" : "\\u007d";
      last = '\0';
      continue;
    } else {
      out += character.bytes;
    }
    last = c;
  }
}

std::string json_string(std::string_view text, bool safe) {
  const std::string dumped = json::dump(Json(text));
  std::string out = "\"";
  append_escaped(out, std::string_view(dumped).substr(1, dumped.size() - 2), safe);
  return out + '"';
}

class JsonWriter final {
 public:
  explicit JsonWriter(Place place) : place_(place) {}

  void write(const Json& value, std::size_t indent) {
    if (value.is_object() && !value.empty()) {
      out_ += '{';
      bool first = true;
      for (auto member = value.begin(); member != value.end(); ++member, first = false) {
        separate(first, indent + 2);
        out_ += json_string(member.key(), true) + ": ";
        write(*member, indent + 2);
      }
      close('}', indent);
    } else if (value.is_array() && !value.empty()) {
      out_ += '[';
      for (bool first = true; const Json& item : value) {
        separate(first, indent + 2);
        first = false;
        write(item, indent + 2);
      }
      close(']', indent);
    } else {
      out_ += value.is_string() ? json_string(value.get_ref<const std::string&>(), true)
                                : json::dump(value);
    }
  }

  std::string take() { return std::move(out_); }

 private:
  void separate(bool first, std::size_t indent) {
    if (!first) out_ += ',';
    if (place_ == Place::kTemplate) {
      out_ += '\n';
      out_.append(indent, ' ');
    } else if (!first) {
      out_ += ' ';
    }
  }

  void close(char bracket, std::size_t indent) {
    if (place_ == Place::kTemplate) {
      out_ += '\n';
      out_.append(indent, ' ');
    } else if (!out_.empty() && out_.back() == '}') {
      out_ += ' ';
    }
    out_ += bracket;
  }

  Place place_;
  std::string out_;
};

bool is_plain(std::string_view text) {
  if (text.empty() || text.size() > 200) return false;
  if (!is_letter(text.front()) && text.front() != '/') return false;
  char last = '\0';
  for (const char c : text) {
    const bool fine = is_word(c) || c == '.' || c == '/' || c == '-' || c == '=' || c == ',' ||
                      c == '+' || (c == ':' && last != ' ') || (c == ' ' && last != ':');
    if (!fine) return false;
    last = c;
  }
  if (last == ' ' || last == ':') return false;
  static constexpr std::array<std::string_view, 9> kWords{"y",   "n",    "yes",   "no",  "on",
                                                          "off", "true", "false", "null"};
  return std::ranges::find(kWords, to_lower(text)) == kWords.end();
}

// Identifiers that the expression language reads as something else, and "retries", which makes
// Argo put an expression off until a template is retried.
bool is_reserved(std::string_view name) {
  static constexpr std::array<std::string_view, 15> kReserved{
      "and",     "contains", "else", "endsWith", "false",      "if",   "in",     "let",
      "matches", "nil",      "not",  "or",       "startsWith", "true", "retries"};
  return std::ranges::find(kReserved, name) != kReserved.end();
}

bool is_member_name(std::string_view name) {
  return !name.empty() && !is_digit(name.front()) && std::ranges::all_of(name, is_word) &&
         !is_reserved(name);
}

}  // namespace

std::string yaml_scalar(std::string_view text) {
  if (is_plain(text)) return std::string(text);
  const std::string dumped = json_string(text, false);
  // Without anything to escape, single quotes spare the reader the backslashes.
  const std::string_view inside = std::string_view(dumped).substr(1, dumped.size() - 2);
  const bool escapes =
      inside.size() != text.size() + static_cast<std::size_t>(std::ranges::count_if(
                                         text, [](char c) { return c == '"' || c == '\\'; }));
  if (escapes || inside == text) return dumped;
  std::string quoted = "'";
  for (const char c : text) {
    quoted += c;
    if (c == '\'') quoted += '\'';
  }
  return quoted + '\'';
}

std::string comment_text(std::string_view text) {
  const std::string dumped = json::dump(Json(text));
  std::string out;
  std::string_view inside = std::string_view(dumped).substr(1, dumped.size() - 2);
  for (std::size_t at = 0; at < inside.size();) {
    const Character character = character_at(inside, at);
    at += character.bytes.size();
    if (character.code == '\\' && at < inside.size()) {
      const char escaped = inside[at++];
      if (escaped == '"' || escaped == '\\' || escaped == '/') {
        out += escaped;
      } else {
        if (escaped == 'u') at = std::min(at + 4, inside.size());
        out += ' ';
      }
    } else if (needs_escape(character.code)) {
      out += ' ';
    } else {
      out += character.bytes;
    }
  }
  return shorten(trim(out), 300);
}

std::string json_text(const Json& value, Place place, std::size_t indent) {
  JsonWriter writer(place);
  writer.write(value, indent);
  return writer.take();
}

std::string expression_string(std::string_view text) {
  const std::string dumped = json_string(text, true);
  std::string out = "'";
  for (std::size_t at = 1; at + 1 < dumped.size(); ++at) {
    const char c = dumped[at];
    if (c == '\\' && dumped[at + 1] == '"') continue;  // needs no escape between these quotes
    if (c == '\\') out += dumped[at++];
    if (c == '\'') out += '\\';
    out += dumped[at];
  }
  return out + '\'';
}

std::string expression_member(std::string_view object, std::string_view name) {
  if (is_member_name(name)) return fmt::format("{}.{}", object, name);
  return fmt::format("{}[{}]", object, expression_string(name));
}

std::string dns_label(std::string_view name) {
  static constexpr std::size_t kMost = 50;
  std::string label;
  for (const char c : to_lower(name.substr(0, kMost))) {
    if (is_letter(c) || is_digit(c)) {
      label += c;
    } else if (!label.empty() && label.back() != '-') {
      label += '-';
    }
  }
  while (!label.empty() && label.back() == '-') label.pop_back();
  if (label.empty()) return "x";
  return is_digit(label.front()) ? "x" + label : label;
}

std::string task_name(std::string_view id) {
  std::string name = dns_label(id);
  return is_reserved(name) ? name + "-step" : name;
}

std::string parameter_name(std::string_view name) {
  std::string out;
  for (const char c : name) out += is_word(c) || c == '-' ? c : '-';
  return out.empty() ? "value" : out;
}

std::string seconds_text(std::chrono::milliseconds duration) {
  std::string text = fmt::format("{}.{:03}", duration.count() / 1000, duration.count() % 1000);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string duration_text(std::chrono::milliseconds duration) {
  if (duration.count() % 1000 == 0) return fmt::format("{}s", duration.count() / 1000);
  return fmt::format("{}ms", duration.count());
}

}  // namespace ae::compile::argo
