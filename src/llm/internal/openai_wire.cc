// OpenAI's chat completions, as spoken by OpenAI, Azure, vLLM, Ollama, llama.cpp's server and the
// Hugging Face router. Source: OpenAI API reference, "Create chat completion".
#include "llm/internal/openai_wire.h"

#include <fmt/format.h>

namespace ae::llm {
namespace {

std::string_view role_name(ChatMessage::Role role) {
  switch (role) {
    case ChatMessage::Role::kSystem:
      return "system";
    case ChatMessage::Role::kAssistant:
      return "assistant";
    case ChatMessage::Role::kUser:
      break;
  }
  return "user";
}

bool enforces_schema(const ChatRequest& request, const Quirks& quirks) {
  return !request.schema.is_null() && !quirks.contains(Quirk::kNoStrictSchema);
}

Json messages_of(const ChatRequest& request, const Quirks& quirks) {
  Json messages = Json::array();
  for (const ChatMessage& message : request.messages) {
    messages.push_back(Json{{"role", role_name(message.role)}, {"content", message.text}});
  }
  if (!request.schema.is_null() && !enforces_schema(request, quirks)) {
    messages.push_back(Json{{"role", "system"}, {"content", schema_in_words(request.schema)}});
  }
  return messages;
}

// OpenAI's own servers want the newer name, the others know the older one.
std::string_view token_limit_name(const ModelSettings& settings, const Quirks& quirks) {
  const bool newer = settings.base_url.find("api.openai.com") != std::string::npos ||
                     settings.key_header == KeyHeader::kApiKey;
  return newer != quirks.contains(Quirk::kOtherTokenLimit) ? "max_completion_tokens" : "max_tokens";
}

Ending ending_of(std::string_view finish_reason) {
  if (finish_reason == "stop" || finish_reason == "tool_calls") return Ending::kComplete;
  if (finish_reason == "length") return Ending::kCutOff;
  return finish_reason == "content_filter" ? Ending::kRefused : Ending::kMissing;
}

std::uint64_t count(const Json* object, std::string_view member) {
  const Json* value = object == nullptr ? nullptr : json::find(*object, member);
  return value != nullptr && value->is_number_unsigned() ? value->get<std::uint64_t>() : 0;
}

class OpenAiReader final : public ReplyReader {
 public:
  Result<std::string> on_event(std::string_view data) override {
    if (data == "[DONE]") return std::string();
    AE_TRY(const Json event, parse(data));
    note_common(event);
    return add(event, "delta");
  }

  Result<void> on_document(std::string_view body) override {
    AE_TRY(const Json document, parse(body));
    note_common(document);
    AE_TRY(const std::string added, add(document, "message"));
    (void)added;
    return {};
  }

  RawReply take() override { return std::move(reply_); }

 private:
  static Result<Json> parse(std::string_view text) {
    auto parsed = json::parse(text);
    if (parsed && parsed->is_object()) return parsed;
    return fail(ErrorCode::kModelReply,
                fmt::format("the model's server sent what is no chat completion: {}",
                            parsed ? "not an object" : parsed.error().message));
  }

  void note_common(const Json& object) {
    if (reply_.model.empty()) reply_.model = json::string_or(object, "model");
    if (const Json* usage = json::find(object, "usage"); usage != nullptr && usage->is_object()) {
      reply_.usage.input_tokens = count(usage, "prompt_tokens");
      reply_.usage.output_tokens = count(usage, "completion_tokens");
      reply_.usage.cached_input_tokens =
          count(json::find(*usage, "prompt_tokens_details"), "cached_tokens");
    }
  }

  // The first choice alone: one is asked for.
  Result<std::string> add(const Json& object, std::string_view member) {
    const Json* choices = json::find(object, "choices");
    if (choices == nullptr || !choices->is_array() || choices->empty()) return std::string();
    const Json& choice = choices->front();
    if (const std::string finish = json::string_or(choice, "finish_reason"); !finish.empty()) {
      reply_.ending = ending_of(finish);
    }
    const Json* message = json::find(choice, member);
    if (message == nullptr) return std::string();
    reply_.refusal += json::string_or(*message, "refusal");
    std::string text = json::string_or(*message, "content");
    reply_.text += text;
    return text;
  }

  RawReply reply_;
};

class OpenAiWire final : public WireFormat {
 public:
  net::Request request(const ModelSettings& settings, const ChatRequest& request,
                       const Quirks& quirks) const override {
    Json body{
        {"model", settings.model}, {"messages", messages_of(request, quirks)}, {"stream", true}};
    if (!quirks.contains(Quirk::kNoStreamOptions)) {
      body["stream_options"] = Json{{"include_usage", true}};
    }
    body[std::string(token_limit_name(settings, quirks))] = request.max_output_tokens;
    if (settings.temperature && !quirks.contains(Quirk::kNoTemperature)) {
      body["temperature"] = *settings.temperature;
    }
    if (settings.seed && !quirks.contains(Quirk::kNoSeed)) body["seed"] = *settings.seed;
    if (enforces_schema(request, quirks)) {
      body["response_format"] =
          Json{{"type", "json_schema"},
               {"json_schema",
                Json{{"name", request.schema_name}, {"strict", true}, {"schema", request.schema}}}};
    } else if (!request.schema.is_null() && !quirks.contains(Quirk::kNoJsonMode)) {
      body["response_format"] = Json{{"type", "json_object"}};
    }
    net::Request made{.method = "POST",
                      .target = address_of(settings.base_url, "/chat/completions").target,
                      .headers = {{"Content-Type", "application/json"},
                                  {"Accept", "text/event-stream, application/json"}},
                      .body = json::dump(body)};
    add_key(made, settings);
    return made;
  }

  std::unique_ptr<ReplyReader> reader() const override { return std::make_unique<OpenAiReader>(); }
};

}  // namespace

const WireFormat& openai_wire() {
  static const OpenAiWire kWire;
  return kWire;
}

}  // namespace ae::llm
