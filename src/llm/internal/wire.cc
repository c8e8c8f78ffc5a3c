#include "llm/internal/wire.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "llm/internal/anthropic_wire.h"
#include "llm/internal/openai_wire.h"

namespace ae::llm {
namespace {

constexpr std::size_t kQuoted = 300;  // bytes of a server's complaint that a message shows

std::string without(std::string text, const std::string& secret) {
  if (secret.empty()) return text;
  for (std::size_t at = text.find(secret); at != std::string::npos; at = text.find(secret)) {
    text.replace(at, secret.size(), "…");
  }
  return text;
}

bool speaks_of(const std::string& complaint, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(
      words, [&](std::string_view word) { return complaint.find(word) != std::string::npos; });
}

}  // namespace

const WireFormat& wire_format(Wire wire) {
  return wire == Wire::kAnthropic ? anthropic_wire() : openai_wire();
}

Address address_of(std::string_view base_url, std::string_view path) {
  const std::size_t scheme = base_url.find("://");
  const std::size_t host = scheme == std::string_view::npos ? 0 : scheme + 3;
  const std::size_t query = std::min(base_url.find('?'), base_url.size());
  const std::size_t slash = std::min(base_url.find('/', host), query);
  std::string base(base_url.substr(slash, query - slash));
  while (base.ends_with('/')) base.pop_back();
  return {std::string(base_url.substr(0, slash)),
          fmt::format("{}{}{}", base, path, base_url.substr(query))};
}

void add_key(net::Request& request, const ModelSettings& settings) {
  if (settings.api_key.empty()) return;
  switch (settings.key_header) {
    case KeyHeader::kBearer:
      request.headers.emplace_back("Authorization", "Bearer " + settings.api_key);
      return;
    case KeyHeader::kApiKey:
      request.headers.emplace_back("api-key", settings.api_key);
      return;
    case KeyHeader::kXApiKey:
      request.headers.emplace_back("x-api-key", settings.api_key);
      return;
  }
}

std::string schema_in_words(const Json& schema) {
  return fmt::format(
      "Answer with one JSON value and nothing else: no explanation, no code fence. It must be "
      "valid "
      "against this JSON Schema:\n{}",
      json::dump(schema));
}

std::optional<Quirk> quirk_of(std::string_view complaint, const ChatRequest& request,
                              const Quirks& known) {
  const std::string text = to_lower(complaint);
  const auto unknown_yet = [&](Quirk quirk) { return !known.contains(quirk); };
  if (speaks_of(text, {"max_tokens", "max_completion_tokens"}) &&
      unknown_yet(Quirk::kOtherTokenLimit)) {
    return Quirk::kOtherTokenLimit;
  }
  if (speaks_of(text, {"temperature"}) && unknown_yet(Quirk::kNoTemperature)) {
    return Quirk::kNoTemperature;
  }
  if (speaks_of(text, {"stream_options"}) && unknown_yet(Quirk::kNoStreamOptions)) {
    return Quirk::kNoStreamOptions;
  }
  if (speaks_of(text, {"seed"}) && unknown_yet(Quirk::kNoSeed)) return Quirk::kNoSeed;
  if (!request.schema.is_null() && speaks_of(text, {"response_format", "json_schema", "json_object",
                                                    "schema", "grammar", "tool"})) {
    if (unknown_yet(Quirk::kNoStrictSchema)) return Quirk::kNoStrictSchema;
    if (unknown_yet(Quirk::kNoJsonMode)) return Quirk::kNoJsonMode;
  }
  return std::nullopt;
}

Complaint complaint_of(std::string_view body, const ModelSettings& settings) {
  Complaint complaint;
  if (const auto parsed = json::parse(body)) {
    const Json* error = json::find(*parsed, "error");
    if (error != nullptr && error->is_object()) {
      complaint.message = json::string_or(*error, "message");
      complaint.type = json::string_or(*error, "type") + " " + json::string_or(*error, "code");
      if (const Json* parameter = json::find(*error, "param");
          parameter && parameter->is_string()) {
        complaint.message += fmt::format(" ({})", parameter->get<std::string>());
      }
    } else if (error != nullptr && error->is_string()) {
      complaint.message = error->get<std::string>();
    } else {
      complaint.message = json::string_or(*parsed, "message");
    }
  }
  if (complaint.message.empty()) complaint.message = std::string(trim(body));
  std::ranges::replace_if(
      complaint.message, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  if (!is_utf8(complaint.message)) complaint.message = "(no readable text)";
  complaint.message = shorten(without(std::move(complaint.message), settings.api_key), kQuoted);
  return complaint;
}

Error error_of(const Complaint& complaint, int status, const ModelSettings& settings) {
  const std::string who =
      fmt::format("{} at {}", settings.model, address_of(settings.base_url, "").origin);
  const auto made = [&](ErrorCode code, std::string_view what) {
    return Error{
        code, fmt::format("{}: {} (HTTP {}): {}", who, what, status, complaint.message), {}};
  };
  if (status == 401 || status == 403) {
    return made(ErrorCode::kPermissionDenied,
                "the key is missing, wrong or not allowed this model");
  }
  if (status == 404) {
    return made(ErrorCode::kNotFound, "no such model or address; check model and base_url");
  }
  const bool quota = complaint.type.find("insufficient_quota") != std::string::npos ||
                     complaint.type.find("billing") != std::string::npos;
  if (status == 402 || (status == 429 && quota)) {
    return made(ErrorCode::kResourceExhausted, "the account's quota is used up");
  }
  const bool overloaded = complaint.type.find("overloaded") != std::string::npos ||
                          complaint.type.find("rate_limit") != std::string::npos ||
                          complaint.type.find("api_error") != std::string::npos;
  if (status == 408 || status == 409 || status == 429 || status >= 500 || overloaded) {
    return made(ErrorCode::kUnavailable, status == 429 ? "too many requests" : "not available now");
  }
  if (status == 413) return made(ErrorCode::kInvalidArgument, "the question is too long");
  return made(ErrorCode::kInvalidArgument, "the request was refused");
}

}  // namespace ae::llm
