// The seam to language models (the paper's LLM Engine): one question, one answer, with an account
// of what it cost. Implementations: http_chat_model.h, and the decorators and doubles of
// decorators.h and scripted.h.
//
// What a model says is untrusted input: a reply reaches the caller only after it was decoded,
// bounded in size, and, where a schema was given, validated against it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/call_context.h"
#include "base/result.h"
#include "json/json.h"

namespace ae::llm {

struct ChatMessage {
  enum class Role { kSystem, kUser, kAssistant };
  Role role = Role::kUser;
  std::string text;
  bool operator==(const ChatMessage&) const = default;
};

struct ChatRequest {
  std::string purpose;  // "plan", "select", …: for settings, accounts and logs; not sent
  std::vector<ChatMessage> messages;
  // JSON Schema of the answer; null: free text. For the strict mode of every provider: each object
  // closed (additionalProperties false) with all its properties required.
  Json schema;
  std::string schema_name = "answer";  // [a-zA-Z0-9_-]{1,64}
  std::size_t max_output_tokens = 4096;
  // Pieces of the answer's text as they come; from the calling thread. A repeated attempt starts
  // the text anew, announced by an empty piece.
  std::function<void(std::string_view)> on_text{};
};

struct Usage {
  std::uint64_t requests = 0;  // that reached a model, failed ones included
  std::uint64_t input_tokens = 0;
  std::uint64_t cached_input_tokens = 0;  // of input_tokens, billed at a reduced price
  std::uint64_t output_tokens = 0;
  double cost = 0;  // by the prices of the settings; 0 where none are given
  std::chrono::milliseconds time{0};

  Usage& operator+=(const Usage& other);
  bool operator==(const Usage&) const = default;
};
Json to_json(const Usage& usage);

struct ChatReply {
  std::string text;
  Json value;         // the parsed answer when there was a schema: valid against it
  std::string model;  // as the provider names what answered
  Usage usage;
  bool from_cache = false;
};

// Threads: any, several calls at once.
class ChatModel {
 public:
  virtual ~ChatModel() = default;
  // Errors: kModelReply (refused, cut off, no JSON, not as the schema demands; the message says
  // which, never the whole reply), kPermissionDenied (key), kInvalidArgument and kNotFound (what
  // was asked cannot be: model, address), kResourceExhausted (quota), kUnavailable,
  // kDeadlineExceeded, kCancelled. Tokens spent on failures are in account().
  virtual Result<ChatReply> complete(const ChatRequest& request, const CallContext& context) = 0;
  // All that was spent through this object.
  virtual Usage account() const = 0;
  virtual std::string name() const = 0;  // "gpt-4o at https://api.openai.com/v1": for people
};

// The answer that a model wrote, parsed and checked: tolerates a code fence or words around one
// JSON value, nothing else. Errors: kModelReply. Threads: pure.
Result<Json> read_answer(std::string_view text, const Json& schema);

}  // namespace ae::llm
