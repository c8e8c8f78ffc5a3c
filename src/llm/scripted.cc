#include "llm/scripted.h"

#include <utility>

namespace ae::llm {

Result<ChatReply> ScriptedModel::complete(const ChatRequest& request, const CallContext& context) {
  AE_CHECK(context.check());
  const std::scoped_lock lock(mutex_);
  asked_.push_back(request);
  ++account_.requests;
  AE_TRY(std::string text, script_(request));
  ChatReply reply;
  if (!request.schema.is_null()) {
    AE_TRY(reply.value, read_answer(text, request.schema));
  }
  if (request.on_text) request.on_text(text);
  reply.text = std::move(text);
  reply.model = name();
  reply.usage.requests = 1;
  return reply;
}

Usage ScriptedModel::account() const {
  const std::scoped_lock lock(mutex_);
  return account_;
}

std::vector<ChatRequest> ScriptedModel::asked() const {
  const std::scoped_lock lock(mutex_);
  return asked_;
}

}  // namespace ae::llm
