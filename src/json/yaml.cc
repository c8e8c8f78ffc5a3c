#include "json/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <istream>
#include <map>
#include <optional>
#include <streambuf>
#include <unordered_set>

#include "base/text.h"

namespace ae::json {
namespace {

// Leaves the library's parser, which knows no other way to stop; caught in parse_yaml().
struct Refused {
  Error error;
};

[[noreturn]] void refuse(ErrorCode code, const YAML::Mark& mark, std::string_view message) {
  throw Refused{Error{
      code, fmt::format("line {}, column {}: {}", mark.line + 1, mark.column + 1, message), {}}};
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, text) != words.end();
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
bool looks_like_float(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  const std::size_t exponent = text.find_first_of("eE");
  if (exponent != std::string_view::npos) {
    std::string_view digits = text.substr(exponent + 1);
    if (digits.starts_with('-') || digits.starts_with('+')) digits.remove_prefix(1);
    if (!all_digits(digits)) return false;
    text = text.substr(0, exponent);
  }
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return all_digits(text);
  const std::string_view whole = text.substr(0, dot);
  const std::string_view fraction = text.substr(dot + 1);
  if (whole.empty()) return all_digits(fraction);
  return all_digits(whole) && (fraction.empty() || all_digits(fraction));
}

template <class Integer>
std::optional<Integer> to_integer(std::string_view digits, int base) {
  Integer value{};
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

Json to_number(std::string_view text, const YAML::Mark& mark) {
  std::string_view digits = text;
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  if (all_digits(digits)) {
    const std::string_view with_sign = negative ? text : digits;
    if (const auto value = to_integer<std::int64_t>(with_sign, 10)) return *value;
    if (!negative) {
      if (const auto value = to_integer<std::uint64_t>(digits, 10)) return *value;
    }
  }
  // strtod(), unlike from_chars(), tells a number too large from one too small.
  const double value = std::strtod(std::string(text).c_str(), nullptr);
  if (!std::isfinite(value)) {
    refuse(ErrorCode::kInvalidArgument, mark,
           fmt::format("the number {} does not fit", shorten(text, 60)));
  }
  return value;
}

// The core schema's reading of an unquoted scalar; nullopt: it is a string.
std::optional<Json> typed(std::string_view text, const YAML::Mark& mark) {
  if (is_one_of(text, {"", "~", "null", "Null", "NULL"})) return Json(nullptr);
  if (is_one_of(text, {"true", "True", "TRUE"})) return Json(true);
  if (is_one_of(text, {"false", "False", "FALSE"})) return Json(false);
  if (text.starts_with("0x") || text.starts_with("0o")) {
    const int base = text[1] == 'x' ? 16 : 8;
    const auto value = to_integer<std::uint64_t>(text.substr(2), base);
    if (!value) return std::nullopt;
    return *value <= INT64_MAX ? Json(static_cast<std::int64_t>(*value)) : Json(*value);
  }
  std::string_view unsigned_text = text;
  if (text.starts_with('-') || text.starts_with('+')) unsigned_text.remove_prefix(1);
  if (is_one_of(unsigned_text, {".inf", ".Inf", ".INF"}) ||
      is_one_of(text, {".nan", ".NaN", ".NAN"})) {
    refuse(ErrorCode::kInvalidArgument, mark,
           fmt::format("{} is not a JSON value; quote it to make it a string", text));
  }
  if (looks_like_float(text)) return to_number(text, mark);
  return std::nullopt;
}

constexpr std::string_view kCoreTags = "tag:yaml.org,2002:";

bool is_tag(std::string_view tag, std::string_view name) {
  return tag.starts_with(kCoreTags) && tag.substr(kCoreTags.size()) == name;
}

// The library writes the escapes \N (next line) and \_ (no-break space) as the single bytes of
// Latin-1. Between whole characters those bytes are never UTF-8, so they can be told and mended.
std::string mended(const std::string& text) {
  if (is_utf8(text)) return text;
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (lead >= 0x80 && lead < 0xc0) out += '\xc2';
    out += text.substr(i, length);
    i += length;
  }
  return out;
}

// "?" marks an untagged plain scalar, "!" an untagged quoted one.
Json to_scalar(const YAML::Mark& mark, std::string_view tag, const std::string& text) {
  if (tag == "!" || is_tag(tag, "str")) return mended(text);
  const bool plain = tag == "?" || tag.empty();
  if (!plain && !is_tag(tag, "int") && !is_tag(tag, "float") && !is_tag(tag, "bool") &&
      !is_tag(tag, "null")) {
    refuse(
        ErrorCode::kInvalidArgument, mark,
        fmt::format("the tag {} is not supported; write the value without it", shorten(tag, 60)));
  }
  const std::optional<Json> value = typed(text, mark);
  if (plain) return value ? *value : Json(text);
  const bool fits = value && ((is_tag(tag, "int") && value->is_number_integer()) ||
                              (is_tag(tag, "float") && value->is_number()) ||
                              (is_tag(tag, "bool") && value->is_boolean()) ||
                              (is_tag(tag, "null") && value->is_null()));
  if (!fits) {
    refuse(ErrorCode::kInvalidArgument, mark,
           fmt::format("\"{}\" is not of the type its tag says", shorten(text, 60)));
  }
  return *value;
}

// Builds the value from events and watches the limits. Aliases make exponential values of small
// texts, so everything that is copied for an anchor or an alias is counted, each value as
// kValueBytes and its text.
class Builder final : public YAML::EventHandler {
 public:
  Builder(const Limits& limits, LocalTags tags) : limits_(limits), tags_(tags) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) {
      refuse(ErrorCode::kInvalidArgument, mark, "a second document begins; only one is read");
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (expects_key()) refuse_key(mark);
    put(Json(nullptr), kValueBytes, 0, anchor, mark);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    if (is_local(tag) && !expects_key()) {
      return put(Json{{tag, mended(text)}}, tag.size() + text.size() + 3 * kValueBytes, 1, anchor,
                 mark);
    }
    Json value = to_scalar(mark, tag, text);
    if (expects_key()) return take_key(mark, tag, std::move(value));
    put(std::move(value), text.size() + kValueBytes, 0, anchor, mark);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      refuse(ErrorCode::kInvalidArgument, mark, "an alias inside the value that it stands for");
    }
    const Anchored& anchored = found->second;
    if (expects_key()) return take_key(mark, "?", anchored.value);
    count_copy(anchored.size, mark);
    put(anchored.value, anchored.size, anchored.depth, YAML::NullAnchor, mark);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(Json::array(), "seq", mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(Json::object(), "map", mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

  Json take() { return std::move(root_); }

 private:
  static constexpr std::size_t kValueBytes = 16;  // a value in memory, without its text

  struct Level {
    Json value;
    YAML::anchor_t anchor;
    YAML::Mark mark;
    std::string tag{};  // a local one, which becomes a member of its own
    std::string key{};  // of the next member
    bool has_key = false;
    std::unordered_set<std::string> keys{};
    std::size_t size = kValueBytes;
    std::size_t depth = 1;  // levels inside, this one included
  };

  struct Anchored {
    Json value;
    std::size_t size;
    std::size_t depth;
  };

  bool is_local(const std::string& tag) const {
    return tags_ == LocalTags::kMember && tag.size() > 1 && tag[0] == '!';
  }

  bool expects_key() const {
    return !levels_.empty() && levels_.back().value.is_object() && !levels_.back().has_key;
  }

  [[noreturn]] static void refuse_key(const YAML::Mark& mark) {
    refuse(ErrorCode::kInvalidArgument, mark, "a key must be a string; quote it");
  }

  void take_key(const YAML::Mark& mark, const std::string& tag, Json value) {
    if (!value.is_string()) refuse_key(mark);
    std::string key = value.get<std::string>();
    if (key == "<<" && tag == "?") {
      refuse(ErrorCode::kInvalidArgument, mark,
             "merge keys (<<) are not supported; write the "
             "members out");
    }
    Level& level = levels_.back();
    if (level.keys.size() >= limits_.max_keys) {
      refuse(ErrorCode::kResourceExhausted, mark,
             fmt::format("an object has more than {} keys", limits_.max_keys));
    }
    if (!level.keys.insert(key).second) {
      refuse(ErrorCode::kInvalidArgument, mark,
             fmt::format("the key \"{}\" occurs twice in one object", shorten(key, 60)));
    }
    level.size += key.size() + kValueBytes;
    level.key = std::move(key);
    level.has_key = true;
  }

  void open(Json value, std::string_view tag_name, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    if (expects_key()) refuse_key(mark);
    const bool local = is_local(tag);
    if (!local && !tag.empty() && tag != "?" && tag != "!" && !is_tag(tag, tag_name)) {
      refuse(
          ErrorCode::kInvalidArgument, mark,
          fmt::format("the tag {} is not supported; write the value without it", shorten(tag, 60)));
    }
    check_depth(local ? 2 : 1, mark);
    levels_.push_back(
        Level{.value = std::move(value), .anchor = anchor, .mark = mark, .tag = local ? tag : ""});
  }

  void close() {
    Level level = std::move(levels_.back());
    levels_.pop_back();
    if (!level.tag.empty()) {
      level.size += level.tag.size() + kValueBytes;
      ++level.depth;
      level.value = Json{{std::move(level.tag), std::move(level.value)}};
    }
    put(std::move(level.value), level.size, level.depth, level.anchor, level.mark);
  }

  void check_depth(std::size_t more, const YAML::Mark& mark) const {
    if (levels_.size() + more > limits_.max_depth) {
      refuse(ErrorCode::kResourceExhausted, mark,
             fmt::format("values are nested deeper than {} levels", limits_.max_depth));
    }
  }

  void count_copy(std::size_t size, const YAML::Mark& mark) {
    copied_ += size;
    if (copied_ <= limits_.max_bytes) return;
    refuse(
        ErrorCode::kResourceExhausted, mark,
        fmt::format("anchors and aliases make a value of more than {} bytes", limits_.max_bytes));
  }

  void put(Json value, std::size_t size, std::size_t depth, YAML::anchor_t anchor,
           const YAML::Mark& mark) {
    check_depth(depth, mark);
    if (anchor != YAML::NullAnchor) {
      count_copy(size, mark);
      anchors_.insert_or_assign(anchor, Anchored{value, size, depth});
    }
    if (levels_.empty()) {
      root_ = std::move(value);
      return;
    }
    Level& level = levels_.back();
    level.size += size;
    level.depth = std::max(level.depth, depth + 1);
    if (level.value.is_array()) {
      level.value.push_back(std::move(value));
    } else {
      // Not operator[]: the key is known to be new, so no linear search.
      level.value.get_ref<Json::object_t&>().Json::object_t::Container::emplace_back(
          std::move(level.key), std::move(value));
      level.has_key = false;
    }
  }

  const Limits& limits_;
  const LocalTags tags_;
  std::vector<Level> levels_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  std::size_t copied_ = 0;
  int documents_ = 0;
  Json root_;
};

// The library would take U+0004 for the end of the text, and others for something else again.
Result<void> check_characters(std::string_view text) {
  if (!is_utf8(text)) return fail(ErrorCode::kInvalidArgument, "not UTF-8 text");
  std::size_t line = 1;
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '\n') {
      ++line;
      start = i + 1;
    } else if ((c < ' ' && c != '\t' && c != '\r') || c == 0x7f) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("line {}, column {}: the control character {:#04x} is not allowed",
                              line, i - start + 1, c));
    }
  }
  return {};
}

// Reads the caller's bytes without a copy.
class ViewBuffer final : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());  // NOLINT: the get area is never written
    setg(begin, begin, begin + text.size());
  }
};

// Nothing when the text is not JSON: then it is read as YAML, of which JSON is nearly a subset.
std::optional<Result<Json>> try_json(std::string_view text, const Limits& limits) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || (text[first] != '{' && text[first] != '[')) {
    return std::nullopt;
  }
  Result<Json> parsed = parse(text, limits);
  if (!parsed && parsed.error().code == ErrorCode::kInvalidArgument) return std::nullopt;
  return parsed;
}

}  // namespace

Result<Json> parse_yaml(std::string_view text, const Limits& limits) {
  return parse_yaml(text, LocalTags::kRefuse, limits);
}

Result<Json> parse_yaml(std::string_view text, LocalTags tags, const Limits& limits) {
  if (text.size() > limits.max_bytes) {
    return fail(ErrorCode::kResourceExhausted, fmt::format("{} bytes of YAML; at most {} are read",
                                                           text.size(), limits.max_bytes));
  }
  if (auto json = try_json(text, limits)) return *std::move(json);
  AE_CHECK(check_characters(text));
  try {
    ViewBuffer buffer(text);
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    Builder builder(limits, tags);
    if (!parser.HandleNextDocument(builder)) {
      return fail(ErrorCode::kInvalidArgument, "empty; expected YAML or JSON");
    }
    parser.HandleNextDocument(builder);
    return builder.take();
  } catch (Refused& refused) {
    return fail(std::move(refused.error));
  } catch (const YAML::DeepRecursion& exception) {
    return fail(ErrorCode::kResourceExhausted,
                fmt::format("line {}, column {}: nested too deeply", exception.mark.line + 1,
                            exception.mark.column + 1));
  } catch (const YAML::Exception& exception) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("line {}, column {}: {}", exception.mark.line + 1,
                            exception.mark.column + 1, exception.msg));
  } catch (const std::exception& exception) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("not valid YAML: {}", exception.what()));
  }
}

}  // namespace ae::json
