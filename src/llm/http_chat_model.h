// A model behind HTTP: OpenAI's chat completions or Anthropic's messages.
//
// Streams, so that a stalled server is noticed and a withdrawn call ends; servers that answer in
// one piece are understood too. Where a server does not take a strict schema, a sampling setting or
// a token limit, it is asked again without, and that is remembered for later calls. Repeats what
// may pass (429, 5xx, lost connections) with back-off, as Retry-After says, within the deadline.
#pragma once

#include <memory>
#include <string>

#include "llm/chat_model.h"
#include "llm/settings.h"

namespace ae::llm {

// Threads: any; each call under way has a connection of its own, kept for later calls.
class HttpChatModel final : public ChatModel {
 public:
  explicit HttpChatModel(ModelSettings settings);
  ~HttpChatModel() override;
  HttpChatModel(const HttpChatModel&) = delete;
  HttpChatModel& operator=(const HttpChatModel&) = delete;

  Result<ChatReply> complete(const ChatRequest& request, const CallContext& context) override;
  Usage account() const override;
  std::string name() const override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// Which models a server offers ("GET /models"), sorted: for `ae doctor` and settings pages.
// Errors: as complete()'s; kUnimplemented when the server has no such list.
Result<std::vector<std::string>> list_models(const ModelSettings& settings,
                                             const CallContext& context);

}  // namespace ae::llm
