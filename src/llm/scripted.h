// A model that says what a test tells it to.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "llm/chat_model.h"

namespace ae::llm {

// Threads: any; the function is called under a lock.
class ScriptedModel final : public ChatModel {
 public:
  // What the model writes to a question, or its failure. Text goes the way of all replies: it is
  // read and checked against the request's schema.
  using Script = std::function<Result<std::string>(const ChatRequest&)>;
  explicit ScriptedModel(Script script) : script_(std::move(script)) {}

  Result<ChatReply> complete(const ChatRequest& request, const CallContext& context) override;
  Usage account() const override;
  std::string name() const override { return "scripted"; }

  std::vector<ChatRequest> asked() const;

 private:
  const Script script_;
  mutable std::mutex mutex_;
  std::vector<ChatRequest> asked_;
  Usage account_;
};

}  // namespace ae::llm
