#include "llm/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/yaml.h"

namespace ae::llm {
namespace {

using ::testing::HasSubstr;

Environment variables(std::map<std::string, std::string> values) {
  return [values = std::move(values)](std::string_view name) -> std::optional<std::string> {
    const auto found = values.find(std::string(name));
    if (found == values.end()) return std::nullopt;
    return found->second;
  };
}

ModelSettings from_environment(std::map<std::string, std::string> values) {
  auto settings = read_settings(Json(), variables(std::move(values)));
  EXPECT_TRUE(settings.has_value()) << settings.error().describe();
  return settings->at("default");
}

TEST(ModelSettingsTest, WithoutAnyVariableThereIsNoModelAndNoError) {
  EXPECT_TRUE(read_settings(Json(), variables({}))->empty());
  EXPECT_TRUE(read_settings(Json(), variables({{"OPENAI_API_KEY", ""}}))->empty());
}

TEST(ModelSettingsTest, TheUsualVariablesAreEnough) {
  const ModelSettings openai = from_environment(
      {{"OPENAI_API_KEY", "k"}, {"OPENAI_MODEL", "m"}, {"ANTHROPIC_API_KEY", "other"}});
  EXPECT_EQ(openai.base_url, "https://api.openai.com/v1");
  EXPECT_EQ(openai.model, "m");
  EXPECT_EQ(openai.api_key, "k");

  const ModelSettings local = from_environment({{"OPENAI_BASE_URL", "http://127.0.0.1:8080/v1"}});
  EXPECT_EQ(local.api_key, "");

  const ModelSettings anthropic = from_environment({{"ANTHROPIC_API_KEY", "k"}});
  EXPECT_EQ(anthropic.wire, Wire::kAnthropic);
  EXPECT_EQ(anthropic.key_header, KeyHeader::kXApiKey);

  const ModelSettings azure =
      from_environment({{"AZURE_OPENAI_API_KEY", "k"},
                        {"AZURE_OPENAI_ENDPOINT", "https://name.openai.azure.com/"},
                        {"AZURE_OPENAI_DEPLOYMENT", "d"}});
  EXPECT_EQ(azure.base_url, "https://name.openai.azure.com/openai/v1");
  EXPECT_EQ(azure.key_header, KeyHeader::kApiKey);

  EXPECT_EQ(from_environment({{"HUGGINGFACE_TOKEN", "k"}}).api_key, "k");
  EXPECT_EQ(from_environment({{"OLLAMA_HOST", "gpu-box:11434"}}).base_url,
            "http://gpu-box:11434/v1");
}

TEST(ModelSettingsTest, EachPurposeMayHaveAModelOfItsOwn) {
  const Json models = json::parse_yaml(R"(
default: {provider: openai, model: large, price: {input: 2.5, output: 10}}
answer: {base_url: "http://127.0.0.1:1/v1", model: small, temperature: 0.5, timeout_seconds: 9}
)")
                          .value();
  const auto settings = read_settings(models, variables({{"OPENAI_API_KEY", "k"}}));
  ASSERT_TRUE(settings.has_value()) << settings.error().describe();
  EXPECT_EQ(settings_for(*settings, "plan")->model, "large");
  EXPECT_EQ(settings_for(*settings, "plan")->price,
            (Price{.input = 2.5, .cached_input = 2.5, .output = 10}));
  const ModelSettings& answer = *settings_for(*settings, "answer");
  EXPECT_EQ(answer.model, "small");
  EXPECT_EQ(answer.timeout, std::chrono::seconds(9));
  EXPECT_EQ(answer.temperature, 0.5);
  EXPECT_EQ(answer.api_key, "") << "OpenAI's key is not for another address";
  EXPECT_EQ(settings_for({}, "plan"), nullptr);
}

TEST(ModelSettingsTest, AKeyMayComeFromANamedVariable) {
  const Json models =
      json::parse_yaml(
          "default: {base_url: 'https://llm.example.org/v1', model: m, api_key_env: MY_KEY}")
          .value();
  EXPECT_EQ(read_settings(models, variables({{"MY_KEY", "k"}}))->at("default").api_key, "k");
  EXPECT_THAT(read_settings(models, variables({})).error().message, HasSubstr("MY_KEY"));
}

TEST(ModelSettingsTest, WrongSettingsAreNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {"[]", "models"},
      {"default: gpt-4o", "models.default"},
      {"default: {provider: opnai}", "one of openai, anthropic"},
      {"default: {api_key: sk-1}", "environment"},
      {"default: {modle: x}", "did you mean model?"},
      {"default: {provider: openai}", "OPENAI_API_KEY"},
      {"default: {provider: azure}", "AZURE_OPENAI_ENDPOINT"},
      {"default: {base_url: 'example.org', model: m}", "http://"},
      {"default: {base_url: 'http://h', model: 5}", "models.default.model"},
      {"default: {base_url: 'http://h', model: m, temperature: 3}", "from 0 to 2"},
      {"default: {base_url: 'http://h', model: m, price: 5}", "million tokens"},
      {"default: {base_url: 'http://h', model: m, price: {in: 5}}", "million tokens"}};
  for (const auto& [text, words] : cases) {
    const auto settings = read_settings(json::parse_yaml(text).value(), variables({}));
    ASSERT_FALSE(settings.has_value()) << text;
    EXPECT_EQ(settings.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(settings.error().message, HasSubstr(words)) << text;
  }
}

}  // namespace
}  // namespace ae::llm
