// Which model answers, where, and at what price: from the settings file and the environment.
//
//   # ae.yaml
//   models:
//     default: {provider: openai, model: gpt-4o, price: {input: 2.5, output: 10}}
//     plan:    {provider: anthropic, model: claude-sonnet-4-5}
//     answer:  {base_url: "http://127.0.0.1:11434/v1", model: "llama3.1"}
//
// A purpose without an entry takes `default`; without `default` the environment decides:
// OPENAI_API_KEY or OPENAI_BASE_URL (with OPENAI_MODEL), ANTHROPIC_API_KEY (ANTHROPIC_BASE_URL,
// ANTHROPIC_MODEL), AZURE_OPENAI_API_KEY (AZURE_OPENAI_ENDPOINT, AZURE_OPENAI_DEPLOYMENT), HF_TOKEN
// or HUGGINGFACE_TOKEN (with HF_MODEL), OLLAMA_HOST (with OLLAMA_MODEL), in that order; none of
// them: no model. Keys come from the environment only (`api_key_env` names another variable), never
// from the file.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "json/json.h"

namespace ae::llm {

// The two wire formats that nearly every model is reached by.
enum class Wire { kOpenAi, kAnthropic };

// How the key travels: OpenAI's way, Azure's, Anthropic's.
enum class KeyHeader { kBearer, kApiKey, kXApiKey };

struct Price {  // in the account's currency, for a million tokens
  double input = 0;
  double cached_input = 0;
  double output = 0;
  bool operator==(const Price&) const = default;
};

struct ModelSettings {
  Wire wire = Wire::kOpenAi;
  std::string base_url;  // without a slash at its end; a query ("?api-version=…") is kept
  std::string model;
  std::string api_key;  // "" for servers that want none
  KeyHeader key_header = KeyHeader::kBearer;
  std::optional<double> temperature = 0.0;  // nullopt: the provider's own
  std::optional<std::uint64_t> seed = 7;
  Price price;
  std::chrono::milliseconds timeout{120'000};  // of one call, its retries included
  std::chrono::milliseconds stall{45'000};     // without a byte
  int max_attempts = 4;
  std::chrono::milliseconds initial_backoff{500};  // doubles, at most max_backoff, full jitter
  std::chrono::milliseconds max_backoff{8'000};
  std::size_t max_reply_bytes = 4UL << 20U;
  bool operator==(const ModelSettings&) const = default;
};

using Environment = std::function<std::optional<std::string>(std::string_view)>;

// By purpose; "default" for all others. Empty: no model is configured, and that is no error.
// `models` is the settings file's member, null when absent.
// Errors: kInvalidArgument naming the member, its allowed values, or the variable that is missing.
Result<std::map<std::string, ModelSettings>> read_settings(const Json& models,
                                                           const Environment& environment);

// nullptr when there is none for it.
const ModelSettings* settings_for(const std::map<std::string, ModelSettings>& settings,
                                  std::string_view purpose);

}  // namespace ae::llm
