#include "json/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <unordered_set>

#include "base/text.h"

namespace ae::json {
namespace {

// The library's "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error
// ..." without its prefix and its place, which is one off at the end of a line.
std::string tidy(std::string_view message) {
  static constexpr std::size_t kLongest = 300;
  if (const std::size_t end = message.find("] "); end != std::string_view::npos) {
    message.remove_prefix(end + 2);
  }
  if (message.starts_with("parse error at")) {
    if (const std::size_t end = message.find(": "); end != std::string_view::npos) {
      message.remove_prefix(end + 2);
    }
  }
  return "not valid JSON: " + shorten(message, kLongest);
}

// Builds the value while it watches the limits: the library's own parser has none.
class BoundedBuilder final : public nlohmann::json_sax<Json> {
 public:
  explicit BoundedBuilder(const Limits& limits) : limits_(limits) {}

  bool null() override { return put(Json(nullptr)); }
  bool boolean(bool value) override { return put(Json(value)); }
  bool number_integer(number_integer_t value) override { return put(Json(value)); }
  bool number_unsigned(number_unsigned_t value) override { return put(Json(value)); }
  bool number_float(number_float_t value, const string_t& /*text*/) override {
    return put(Json(value));
  }
  bool string(string_t& value) override { return put(Json(std::move(value))); }
  bool binary(binary_t& /*value*/) override { return false; }

  bool start_object(std::size_t /*elements*/) override { return open(Json::object()); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t /*elements*/) override { return open(Json::array()); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    Level& level = levels_.back();
    if (level.keys.size() >= limits_.max_keys) {
      return refuse(ErrorCode::kResourceExhausted,
                    fmt::format("an object has more than {} keys", limits_.max_keys));
    }
    if (!level.keys.insert(name).second) {
      return refuse(ErrorCode::kInvalidArgument,
                    fmt::format("the key \"{}\" occurs twice in one object", name));
    }
    level.key = std::move(name);
    return true;
  }

  bool parse_error(std::size_t /*position*/, const std::string& /*last_token*/,
                   const nlohmann::detail::exception& exception) override {
    error_ = Error{ErrorCode::kInvalidArgument, tidy(exception.what()), {}};
    return false;
  }

  Json take() { return std::move(root_); }
  const Error& error() const { return error_; }

 private:
  struct Level {
    Json value;
    std::string key;  // of this value's next member
    std::unordered_set<std::string> keys;
  };

  bool put(Json value) {
    if (levels_.empty()) {
      root_ = std::move(value);
      return true;
    }
    Level& level = levels_.back();
    if (level.value.is_array()) {
      level.value.push_back(std::move(value));
    } else {
      // push_back, not operator[]: the key is known to be new, so no linear search.
      level.value.get_ref<Json::object_t&>().Json::object_t::Container::emplace_back(
          std::move(level.key), std::move(value));
    }
    return true;
  }

  bool open(Json value) {
    if (levels_.size() >= limits_.max_depth) {
      return refuse(ErrorCode::kResourceExhausted,
                    fmt::format("values are nested deeper than {} levels", limits_.max_depth));
    }
    levels_.push_back(Level{std::move(value), {}, {}});
    return true;
  }

  bool close() {
    Json value = std::move(levels_.back().value);
    levels_.pop_back();
    return put(std::move(value));
  }

  bool refuse(ErrorCode code, std::string message) {
    error_ = Error{code, std::move(message), {}};
    return false;
  }

  const Limits& limits_;
  std::vector<Level> levels_;
  Json root_;
  Error error_{ErrorCode::kInvalidArgument, "not JSON", {}};
};

// A character pointer that tells how far the parser has read: the library's events do not.
class Cursor {
 public:
  using iterator_category = std::forward_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  Cursor(const char* at, const char** furthest) : at_(at), furthest_(furthest) {}
  reference operator*() const { return *at_; }
  Cursor& operator++() {
    *furthest_ = ++at_;
    return *this;
  }
  Cursor operator++(int) {
    Cursor before = *this;
    ++*this;
    return before;
  }
  bool operator==(const Cursor& other) const { return at_ == other.at_; }

 private:
  const char* at_;
  const char** furthest_;
};

// Of the last character read, counted from 1.
std::string place(std::string_view text, const char* furthest) {
  const auto read = static_cast<std::size_t>(furthest - text.data());
  const std::string_view before = text.substr(0, read == 0 ? 0 : read - 1);
  const auto line = 1 + std::ranges::count(before, '\n');
  const std::size_t start = before.rfind('\n');
  const std::size_t column =
      start == std::string_view::npos ? before.size() + 1 : before.size() - start;
  return fmt::format("line {}, column {}", line, column);
}

void write_canonical(const Json& value, std::string& out) {
  if (value.is_object()) {
    std::vector<const Json::object_t::value_type*> members;
    for (const auto& member : value.get_ref<const Json::object_t&>()) members.push_back(&member);
    std::ranges::sort(members, {},
                      [](const auto* member) { return std::string_view(member->first); });
    out += '{';
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (i > 0) out += ',';
      out += dump(Json(members[i]->first)) + ':';
      write_canonical(members[i]->second, out);
    }
    out += '}';
  } else if (value.is_array()) {
    out += '[';
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (i > 0) out += ',';
      write_canonical(value[i], out);
    }
    out += ']';
  } else if (value.is_number_float()) {
    const double number = value.get<double>();
    static constexpr double kExact = 9007199254740992.0;  // 2^53
    if (std::trunc(number) == number && std::abs(number) < kExact) {
      out += std::to_string(static_cast<std::int64_t>(number));
    } else {
      out += dump(value);
    }
  } else {
    out += dump(value);
  }
}

}  // namespace

Result<Json> parse(std::string_view text, const Limits& limits) {
  if (text.size() > limits.max_bytes) {
    return fail(ErrorCode::kResourceExhausted, fmt::format("{} bytes of JSON; at most {} are read",
                                                           text.size(), limits.max_bytes));
  }
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return fail(ErrorCode::kInvalidArgument, "empty; expected JSON");
  }
  BoundedBuilder builder(limits);
  const char* furthest = text.data();
  const auto refuse = [&](Error error) {
    error.message = fmt::format("{}: {}", place(text, furthest), error.message);
    return fail(std::move(error));
  };
  try {
    const Cursor begin(text.data(), &furthest);
    const Cursor end(text.data() + text.size(), &furthest);
    if (Json::sax_parse(begin, end, &builder)) return builder.take();
  } catch (const std::exception& exception) {
    return refuse(Error{ErrorCode::kInvalidArgument, tidy(exception.what()), {}});
  }
  return refuse(builder.error());
}

std::string dump(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string dump_pretty(const Json& value) {
  return value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string canonical(const Json& value) {
  std::string out;
  write_canonical(value, out);
  return out;
}

bool equal(const Json& a, const Json& b) {
  if (a.is_object() && b.is_object()) {
    if (a.size() != b.size()) return false;
    return std::ranges::all_of(a.items(), [&](const auto& item) {
      const Json* other = find(b, item.key());
      return other != nullptr && equal(item.value(), *other);
    });
  }
  if (a.is_array() && b.is_array()) {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(),
                      [](const Json& x, const Json& y) { return equal(x, y); });
  }
  return a == b;
}

std::string_view type_name(const Json& value) {
  if (value.is_string()) return "string";
  if (value.is_number_integer()) return "integer";
  if (value.is_number()) return "number";
  if (value.is_boolean()) return "boolean";
  if (value.is_array()) return "array";
  if (value.is_object()) return "object";
  return "null";
}

std::string pointer_append(std::string_view pointer, std::string_view token) {
  std::string result(pointer);
  result += '/';
  for (const char c : token) {
    if (c == '~') {
      result += "~0";
    } else if (c == '/') {
      result += "~1";
    } else {
      result += c;
    }
  }
  return result;
}

std::string pointer_append(std::string_view pointer, std::size_t index) {
  return fmt::format("{}/{}", pointer, index);
}

const Json* find(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  for (const auto& [name, value] : object.get_ref<const Json::object_t&>()) {
    if (name == key) return &value;
  }
  return nullptr;
}

std::string string_or(const Json& object, std::string_view key, std::string_view otherwise) {
  const Json* member = find(object, key);
  if (member == nullptr || !member->is_string()) return std::string(otherwise);
  return member->get<std::string>();
}

const Json* at_pointer(const Json& value, std::string_view pointer) {
  const Json* here = &value;
  while (!pointer.empty()) {
    if (pointer.front() != '/') return nullptr;
    const std::size_t end = std::min(pointer.find('/', 1), pointer.size());
    std::string token;
    for (std::size_t i = 1; i < end; ++i) {
      if (pointer[i] != '~') {
        token += pointer[i];
      } else if (i + 1 < end && (pointer[i + 1] == '0' || pointer[i + 1] == '1')) {
        token += pointer[++i] == '0' ? '~' : '/';
      } else {
        return nullptr;
      }
    }
    pointer.remove_prefix(end);
    if (here->is_object()) {
      here = find(*here, token);
      if (here == nullptr) return nullptr;
    } else if (here->is_array()) {
      std::size_t index = 0;
      const auto [stop, error] = std::from_chars(token.data(), token.data() + token.size(), index);
      const bool leading_zero = token.size() > 1 && token.front() == '0';
      if (error != std::errc{} || stop != token.data() + token.size() || leading_zero ||
          index >= here->size()) {
        return nullptr;
      }
      here = &(*here)[index];
    } else {
      return nullptr;
    }
  }
  return here;
}

}  // namespace ae::json
