#include "llm/chat_model.h"

#include <fmt/format.h>

#include "base/text.h"
#include "json/schema.h"

namespace ae::llm {
namespace {

constexpr std::size_t kQuoted = 160;  // bytes of a reply that an error message shows

// The JSON value from `begin` on, by its brackets; strings may hold brackets. Empty when it is not
// closed.
std::string_view balanced(std::string_view text, std::size_t begin) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = begin; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if ((c == '}' || c == ']') && --depth == 0) {
      return text.substr(begin, i + 1 - begin);
    }
  }
  return {};
}

Result<Json> parse_answer(std::string_view text) {
  auto whole = json::parse(text);
  if (whole) return whole;
  // Words or a code fence around it. The first bracket decides: guessing further would make
  // something of replies that hold several answers.
  const std::size_t begin = text.find_first_of("{[");
  if (begin != std::string_view::npos) {
    const std::string_view part = balanced(text, begin);
    if (!part.empty() && text.find_first_of("{[", begin + part.size()) == std::string_view::npos) {
      auto inner = json::parse(part);
      if (inner) return inner;
      return fail(std::move(inner.error()));
    }
  }
  return fail(std::move(whole.error()));
}

}  // namespace

Usage& Usage::operator+=(const Usage& other) {
  requests += other.requests;
  input_tokens += other.input_tokens;
  cached_input_tokens += other.cached_input_tokens;
  output_tokens += other.output_tokens;
  cost += other.cost;
  time += other.time;
  return *this;
}

Json to_json(const Usage& usage) {
  return Json{{"requests", usage.requests},
              {"inputTokens", usage.input_tokens},
              {"cachedInputTokens", usage.cached_input_tokens},
              {"outputTokens", usage.output_tokens},
              {"cost", usage.cost},
              {"timeMs", usage.time.count()}};
}

Result<Json> read_answer(std::string_view text, const Json& schema) {
  const std::string_view trimmed = trim(text);
  if (trimmed.empty()) return fail(ErrorCode::kModelReply, "the model's answer is empty");
  auto value = parse_answer(trimmed);
  if (!value) {
    return fail(ErrorCode::kModelReply,
                fmt::format("the model's answer is no JSON: {}; it begins with: {}",
                            value.error().message, shorten(trimmed, kQuoted)));
  }
  const auto violations = json::validate(schema, *value);
  if (violations.empty()) return value;
  const json::SchemaViolation& first = violations.front();
  return fail(
      ErrorCode::kModelReply,
      fmt::format("the model's answer is not as the schema demands: at \"{}\" {}{}", first.pointer,
                  first.message,
                  violations.size() == 1 ? std::string()
                                         : fmt::format(" (and {} more)", violations.size() - 1)));
}

}  // namespace ae::llm
