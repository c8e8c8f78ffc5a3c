#include "llm/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.h"

namespace ae::llm {
namespace {

struct Provider {
  std::string_view name;
  Wire wire;
  std::string_view default_url;  // "": the settings must say
  std::vector<std::string_view> key_variables;
  std::string_view url_variable;
  std::string_view model_variable;
  std::string_view default_model;  // "": the settings must say
  KeyHeader key_header;
  bool needs_key;
};

// In the order in which the environment is looked through.
const std::vector<Provider>& providers() {
  static const std::vector<Provider> kProviders{{"openai",
                                                 Wire::kOpenAi,
                                                 "https://api.openai.com/v1",
                                                 {"OPENAI_API_KEY"},
                                                 "OPENAI_BASE_URL",
                                                 "OPENAI_MODEL",
                                                 "gpt-4o",
                                                 KeyHeader::kBearer,
                                                 true},
                                                {"anthropic",
                                                 Wire::kAnthropic,
                                                 "https://api.anthropic.com",
                                                 {"ANTHROPIC_API_KEY"},
                                                 "ANTHROPIC_BASE_URL",
                                                 "ANTHROPIC_MODEL",
                                                 "claude-sonnet-4-5",
                                                 KeyHeader::kXApiKey,
                                                 true},
                                                {"azure",
                                                 Wire::kOpenAi,
                                                 "",
                                                 {"AZURE_OPENAI_API_KEY"},
                                                 "AZURE_OPENAI_ENDPOINT",
                                                 "AZURE_OPENAI_DEPLOYMENT",
                                                 "",
                                                 KeyHeader::kApiKey,
                                                 true},
                                                {"huggingface",
                                                 Wire::kOpenAi,
                                                 "https://router.huggingface.co/v1",
                                                 {"HF_TOKEN", "HUGGINGFACE_TOKEN"},
                                                 "HF_BASE_URL",
                                                 "HF_MODEL",
                                                 "Qwen/Qwen2.5-Coder-32B-Instruct",
                                                 KeyHeader::kBearer,
                                                 true},
                                                {"ollama",
                                                 Wire::kOpenAi,
                                                 "http://127.0.0.1:11434/v1",
                                                 {},
                                                 "OLLAMA_HOST",
                                                 "OLLAMA_MODEL",
                                                 "llama3.1",
                                                 KeyHeader::kBearer,
                                                 false}};
  return kProviders;
}

const Provider* find_provider(std::string_view name) {
  const auto found = std::ranges::find(providers(), name, &Provider::name);
  return found == providers().end() ? nullptr : &*found;
}

std::string known_providers() {
  std::vector<std::string> names;
  for (const Provider& provider : providers()) names.emplace_back(provider.name);
  return join(names, ", ");
}

// "host:11434", "http://host:11434/" -> "http://host:11434/v1"
std::string ollama_url(std::string host) {
  if (host.find("://") == std::string::npos) host = "http://" + host;
  while (host.ends_with('/')) host.pop_back();
  return host.ends_with("/v1") ? host : host + "/v1";
}

// "https://name.openai.azure.com/" -> "https://name.openai.azure.com/openai/v1"
std::string azure_url(std::string endpoint) {
  while (endpoint.ends_with('/')) endpoint.pop_back();
  return endpoint.find("/openai") == std::string::npos ? endpoint + "/openai/v1" : endpoint;
}

std::string given_url(const Provider& provider, const Environment& environment) {
  if (provider.url_variable.empty()) return {};
  const auto value = environment(provider.url_variable);
  if (!value || value->empty()) return {};
  if (provider.name == "ollama") return ollama_url(*value);
  return provider.name == "azure" ? azure_url(*value) : *value;
}

std::string key_of(const Provider& provider, const Environment& environment) {
  for (const std::string_view variable : provider.key_variables) {
    if (const auto value = environment(variable); value && !value->empty()) return *value;
  }
  return {};
}

bool is_in_environment(const Provider& provider, const Environment& environment) {
  return !key_of(provider, environment).empty() || !given_url(provider, environment).empty();
}

std::unexpected<Error> wrong(std::string_view purpose, std::string_view member,
                             std::string_view expected) {
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("models.{}.{}: expected {}", purpose, member, expected));
}

class Reader final {
 public:
  Reader(std::string_view purpose, const Json& entry, const Environment& environment)
      : purpose_(purpose), entry_(entry), environment_(environment) {}

  Result<ModelSettings> read() {
    if (!entry_.is_object()) return wrong_entry();
    AE_CHECK(check_members());
    AE_TRY(const Provider* provider, find());
    AE_TRY(ModelSettings settings, reach(*provider));
    AE_CHECK(read_numbers(settings));
    AE_CHECK(read_price(settings.price));
    return settings;
  }

 private:
  std::unexpected<Error> wrong_entry() const {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("models.{}: expected members such as {{provider: openai, model: …}}",
                            purpose_));
  }

  Result<void> check_members() const {
    static const std::vector<std::string> kKnown{
        "provider", "base_url", "model",           "api_key_env",   "temperature",
        "seed",     "price",    "timeout_seconds", "stall_seconds", "max_attempts"};
    for (const auto& item : entry_.items()) {
      if (std::ranges::find(kKnown, item.key()) != kKnown.end()) continue;
      const std::string near = nearest(item.key(), kKnown);
      const bool is_key = item.key() == "api_key";
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("models.{}: unknown member \"{}\"{}", purpose_, item.key(),
                              is_key ? "; keys belong into the environment (api_key_env names the "
                                       "variable)"
                              : near.empty() ? "; known: " + join(kKnown, ", ")
                                             : "; did you mean " + near + "?"));
    }
    return {};
  }

  Result<std::string> text(std::string_view member) const {
    const Json* value = json::find(entry_, member);
    if (value == nullptr) return std::string();
    if (!value->is_string() || value->get<std::string>().empty()) {
      return wrong(purpose_, member, "a text");
    }
    return value->get<std::string>();
  }

  Result<const Provider*> find() const {
    AE_TRY(const std::string name, text("provider"));
    if (name.empty()) return find_provider("openai");  // whatever speaks its protocol
    const Provider* provider = find_provider(name);
    if (provider == nullptr) return wrong(purpose_, "provider", "one of " + known_providers());
    return provider;
  }

  Result<ModelSettings> reach(const Provider& provider) const {
    ModelSettings settings;
    settings.wire = provider.wire;
    settings.key_header = provider.key_header;
    AE_TRY(settings.base_url, text("base_url"));
    const bool elsewhere = !settings.base_url.empty();
    if (!elsewhere) settings.base_url = given_url(provider, environment_);
    if (settings.base_url.empty()) settings.base_url = provider.default_url;
    if (settings.base_url.empty()) {
      return wrong(purpose_, "base_url",
                   fmt::format("the address of the {} resource, here or in {}", provider.name,
                               provider.url_variable));
    }
    if (!settings.base_url.starts_with("http://") && !settings.base_url.starts_with("https://")) {
      return wrong(purpose_, "base_url", "an address that begins with http:// or https://");
    }
    AE_TRY(settings.model, text("model"));
    if (settings.model.empty()) settings.model = environment_(provider.model_variable).value_or("");
    if (settings.model.empty()) settings.model = provider.default_model;
    if (settings.model.empty()) {
      return wrong(purpose_, "model",
                   fmt::format("a model's name, here or in {}", provider.model_variable));
    }
    AE_TRY(settings.api_key, key(provider, elsewhere));
    return settings;
  }

  // A key is for its provider: it is not sent to another address unless api_key_env says so.
  Result<std::string> key(const Provider& provider, bool elsewhere) const {
    AE_TRY(const std::string variable, text("api_key_env"));
    if (!variable.empty()) {
      const auto value = environment_(variable);
      if (!value || value->empty()) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("models.{}: the variable {} that api_key_env names is not set",
                                purpose_, variable));
      }
      return *value;
    }
    if (elsewhere && provider.name != "azure") return std::string();
    std::string key = key_of(provider, environment_);
    if (key.empty() && provider.needs_key && given_url(provider, environment_).empty()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("models.{}: {} needs a key; set {}", purpose_, provider.name,
                              provider.key_variables.front()));
    }
    return key;
  }

  Result<void> read_numbers(ModelSettings& settings) const {
    AE_TRY(const auto temperature, number("temperature", 0, 2));
    if (temperature) settings.temperature = temperature;
    AE_TRY(const auto seed, number("seed", 0, 1e15));
    if (seed) settings.seed = static_cast<std::uint64_t>(*seed);
    AE_TRY(const auto timeout, number("timeout_seconds", 1, 3600));
    if (timeout) settings.timeout = milliseconds_of(*timeout);
    AE_TRY(const auto stall, number("stall_seconds", 1, 3600));
    if (stall) settings.stall = milliseconds_of(*stall);
    AE_TRY(const auto attempts, number("max_attempts", 1, 20));
    if (attempts) settings.max_attempts = static_cast<int>(*attempts);
    return {};
  }

  Result<void> read_price(Price& price) const {
    const Json* value = json::find(entry_, "price");
    if (value == nullptr) return {};
    static constexpr std::string_view kExpected =
        "{input: …, output: …, cached_input: …}, for a million tokens";
    if (!value->is_object()) return wrong(purpose_, "price", kExpected);
    for (const auto& item : value->items()) {
      const bool known =
          item.key() == "input" || item.key() == "output" || item.key() == "cached_input";
      if (!known || !item.value().is_number() || item.value().get<double>() < 0) {
        return wrong(purpose_, "price", kExpected);
      }
    }
    price.input = value->value("input", 0.0);
    price.output = value->value("output", 0.0);
    price.cached_input = value->value("cached_input", price.input);
    return {};
  }

  Result<std::optional<double>> number(std::string_view member, double low, double high) const {
    const Json* value = json::find(entry_, member);
    if (value == nullptr) return std::optional<double>();
    if (!value->is_number() || value->get<double>() < low || value->get<double>() > high) {
      return wrong(purpose_, member, fmt::format("a number from {} to {}", low, high));
    }
    return std::optional(value->get<double>());
  }

  static std::chrono::milliseconds milliseconds_of(double seconds) {
    return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
  }

  std::string_view purpose_;
  const Json& entry_;
  const Environment& environment_;
};

}  // namespace

Result<std::map<std::string, ModelSettings>> read_settings(const Json& models,
                                                           const Environment& environment) {
  std::map<std::string, ModelSettings> settings;
  if (!models.is_null() && !models.is_object()) {
    return fail(ErrorCode::kInvalidArgument,
                "models: expected an entry a purpose, such as default: {provider: openai}");
  }
  if (models.is_object()) {
    for (const auto& item : models.items()) {
      AE_TRY(settings[item.key()], Reader(item.key(), item.value(), environment).read());
    }
  }
  if (settings.contains("default")) return settings;
  for (const Provider& provider : providers()) {
    if (!is_in_environment(provider, environment)) continue;
    const Json entry{{"provider", provider.name}};
    AE_TRY(settings["default"], Reader("default", entry, environment).read());
    break;
  }
  return settings;
}

const ModelSettings* settings_for(const std::map<std::string, ModelSettings>& settings,
                                  std::string_view purpose) {
  auto found = settings.find(std::string(purpose));
  if (found == settings.end()) found = settings.find("default");
  return found == settings.end() ? nullptr : &found->second;
}

}  // namespace ae::llm
