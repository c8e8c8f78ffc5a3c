// Anthropic's Messages. A schema is enforced by making the model call one tool, whose input is the
// answer. Source: Anthropic API reference, "Messages" and "Streaming Messages".
#include "llm/internal/anthropic_wire.h"

#include <fmt/format.h>

namespace ae::llm {
namespace {

constexpr const char* kVersion = "2023-06-01";

bool uses_tool(const ChatRequest& request, const Quirks& quirks) {
  return !request.schema.is_null() && !quirks.contains(Quirk::kNoStrictSchema);
}

std::string system_of(const ChatRequest& request, const Quirks& quirks) {
  std::string system;
  const auto add = [&system](std::string_view text) {
    if (!system.empty()) system += "\n\n";
    system += text;
  };
  for (const ChatMessage& message : request.messages) {
    if (message.role == ChatMessage::Role::kSystem) add(message.text);
  }
  if (!request.schema.is_null() && !uses_tool(request, quirks)) {
    add(schema_in_words(request.schema));
  }
  return system;
}

Json messages_of(const ChatRequest& request) {
  Json messages = Json::array();
  for (const ChatMessage& message : request.messages) {
    if (message.role == ChatMessage::Role::kSystem) continue;
    const bool user = message.role == ChatMessage::Role::kUser;
    messages.push_back(Json{{"role", user ? "user" : "assistant"}, {"content", message.text}});
  }
  return messages;
}

Ending ending_of(std::string_view stop_reason) {
  if (stop_reason == "end_turn" || stop_reason == "tool_use" || stop_reason == "stop_sequence") {
    return Ending::kComplete;
  }
  if (stop_reason == "max_tokens" || stop_reason == "model_context_window_exceeded") {
    return Ending::kCutOff;
  }
  return stop_reason == "refusal" ? Ending::kRefused : Ending::kMissing;
}

std::uint64_t count(const Json& object, std::string_view member) {
  const Json* value = json::find(object, member);
  return value != nullptr && value->is_number_unsigned() ? value->get<std::uint64_t>() : 0;
}

class AnthropicReader final : public ReplyReader {
 public:
  Result<std::string> on_event(std::string_view data) override {
    AE_TRY(const Json event, parse(data));
    const std::string type = json::string_or(event, "type");
    if (type == "message_start") {
      if (const Json* message = json::find(event, "message")) note_message(*message);
    } else if (type == "content_block_delta") {
      if (const Json* delta = json::find(event, "delta")) return add(*delta);
    } else if (type == "message_delta") {
      if (const Json* delta = json::find(event, "delta")) note_ending(*delta);
      if (const Json* usage = json::find(event, "usage")) note_usage(*usage);
    }
    return std::string();
  }

  Result<void> on_document(std::string_view body) override {
    AE_TRY(const Json document, parse(body));
    note_message(document);
    note_ending(document);
    const Json* content = json::find(document, "content");
    if (content == nullptr || !content->is_array()) return {};
    for (const Json& block : *content) {
      reply_.text += json::string_or(block, "text");
      if (const Json* input = json::find(block, "input")) reply_.text += json::dump(*input);
    }
    return {};
  }

  RawReply take() override { return std::move(reply_); }

 private:
  static Result<Json> parse(std::string_view text) {
    auto parsed = json::parse(text);
    if (parsed && parsed->is_object()) return parsed;
    return fail(ErrorCode::kModelReply,
                fmt::format("the model's server sent what is no message: {}",
                            parsed ? "not an object" : parsed.error().message));
  }

  std::string add(const Json& delta) {
    std::string text = json::string_or(delta, "text") + json::string_or(delta, "partial_json");
    reply_.text += text;
    return text;
  }

  void note_message(const Json& message) {
    reply_.model = json::string_or(message, "model");
    if (const Json* usage = json::find(message, "usage")) note_usage(*usage);
  }

  void note_ending(const Json& object) {
    const std::string reason = json::string_or(object, "stop_reason");
    if (!reason.empty()) reply_.ending = ending_of(reason);
  }

  // Anthropic counts what it read from and wrote to its cache apart from the other input.
  void note_usage(const Json& usage) {
    const std::uint64_t cached = count(usage, "cache_read_input_tokens");
    const std::uint64_t input =
        count(usage, "input_tokens") + cached + count(usage, "cache_creation_input_tokens");
    if (input > 0) {
      reply_.usage.input_tokens = input;
      reply_.usage.cached_input_tokens = cached;
    }
    if (const std::uint64_t output = count(usage, "output_tokens"); output > 0) {
      reply_.usage.output_tokens = output;  // the last count holds: it is of the whole message
    }
  }

  RawReply reply_;
};

std::string messages_path(const ModelSettings& settings) {
  const std::string_view base = std::string_view(settings.base_url);
  return base.substr(0, base.find('?')).ends_with("/v1") ? "/messages" : "/v1/messages";
}

class AnthropicWire final : public WireFormat {
 public:
  net::Request request(const ModelSettings& settings, const ChatRequest& request,
                       const Quirks& quirks) const override {
    Json body{{"model", settings.model},
              {"max_tokens", request.max_output_tokens},
              {"messages", messages_of(request)},
              {"stream", true}};
    if (const std::string system = system_of(request, quirks); !system.empty()) {
      body["system"] = system;
    }
    if (settings.temperature && !quirks.contains(Quirk::kNoTemperature)) {
      body["temperature"] = *settings.temperature;
    }
    if (uses_tool(request, quirks)) {
      body["tools"] = Json::array({Json{{"name", request.schema_name},
                                        {"description", "Takes the answer."},
                                        {"input_schema", request.schema}}});
      body["tool_choice"] = Json{{"type", "tool"}, {"name", request.schema_name}};
    }
    net::Request made{
        .method = "POST",
        .target = address_of(settings.base_url, messages_path(settings)).target,
        .headers = {{"Content-Type", "application/json"}, {"anthropic-version", kVersion}},
        .body = json::dump(body)};
    add_key(made, settings);
    return made;
  }

  std::unique_ptr<ReplyReader> reader() const override {
    return std::make_unique<AnthropicReader>();
  }
};

}  // namespace

const WireFormat& anthropic_wire() {
  static const AnthropicWire kWire;
  return kWire;
}

}  // namespace ae::llm
