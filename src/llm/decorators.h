// Models around models: remembered answers, and exchanges kept in a file for tests.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "llm/chat_model.h"

namespace ae::llm {

// What makes two questions the same: messages, schema, limit, and who is asked. 64 hex digits.
std::string key_of(const ChatRequest& request, std::string_view model_name);

// Answers a question that was answered before from a folder; a file an answer, named by key_of().
// Files that cannot be read or do not fit the request's schema are as good as absent. Beyond
// `max_entries` the least recently used go. Errors of the folder are logged: the answer matters
// more. Threads: any, also several processes on one folder.
class CachedModel final : public ChatModel {
 public:
  CachedModel(std::unique_ptr<ChatModel> model, std::filesystem::path folder,
              std::size_t max_entries = 5'000);
  Result<ChatReply> complete(const ChatRequest& request, const CallContext& context) override;
  Usage account() const override { return model_->account(); }
  std::string name() const override { return model_->name(); }

 private:
  std::optional<ChatReply> find(const std::string& key, const ChatRequest& request) const;
  void keep(const std::string& key, const ChatReply& reply);

  const std::unique_ptr<ChatModel> model_;
  const std::filesystem::path folder_;
  const std::size_t max_entries_;
  std::mutex mutex_;
  std::size_t kept_since_pruning_ = 0;
};

// Appends each exchange, failures too, to a file of JSON lines: {"key", "purpose", "messages",
// "reply" | "error"}. Keys and other headers are never among them.
class RecordingModel final : public ChatModel {
 public:
  RecordingModel(std::unique_ptr<ChatModel> model, std::filesystem::path file);
  Result<ChatReply> complete(const ChatRequest& request, const CallContext& context) override;
  Usage account() const override { return model_->account(); }
  std::string name() const override { return model_->name(); }

 private:
  const std::unique_ptr<ChatModel> model_;
  const std::filesystem::path file_;
  std::mutex mutex_;
};

// Answers from such a file, without any network. A question that is not in it is kNotFound.
class ReplayedModel final : public ChatModel {
 public:
  // Errors: kNotFound, kInvalidArgument naming the line.
  static Result<std::unique_ptr<ReplayedModel>> open(const std::filesystem::path& file,
                                                     std::string model_name);
  Result<ChatReply> complete(const ChatRequest& request, const CallContext& context) override;
  Usage account() const override;
  std::string name() const override { return name_; }

 private:
  explicit ReplayedModel(std::string name) : name_(std::move(name)) {}

  const std::string name_;
  std::map<std::string, Result<ChatReply>> replies_;
  mutable std::mutex mutex_;
  Usage account_;
};

}  // namespace ae::llm
