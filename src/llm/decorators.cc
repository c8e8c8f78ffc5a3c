#include "llm/decorators.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "json/schema.h"

namespace ae::llm {
namespace {

namespace fs = std::filesystem;

Json to_json(const ChatReply& reply) {
  Json json{{"text", reply.text}, {"model", reply.model}, {"usage", llm::to_json(reply.usage)}};
  if (!reply.value.is_null()) json["value"] = reply.value;
  return json;
}

std::uint64_t count(const Json& usage, std::string_view member) {
  const Json* value = json::find(usage, member);
  return value != nullptr && value->is_number_unsigned() ? value->get<std::uint64_t>() : 0;
}

ChatReply reply_from_json(const Json& json) {
  ChatReply reply;
  reply.text = json::string_or(json, "text");
  reply.model = json::string_or(json, "model");
  if (const Json* value = json::find(json, "value")) reply.value = *value;
  if (const Json* usage = json::find(json, "usage")) {
    reply.usage.requests = count(*usage, "requests");
    reply.usage.input_tokens = count(*usage, "inputTokens");
    reply.usage.cached_input_tokens = count(*usage, "cachedInputTokens");
    reply.usage.output_tokens = count(*usage, "outputTokens");
    reply.usage.time = std::chrono::milliseconds(count(*usage, "timeMs"));
    if (const Json* cost = json::find(*usage, "cost"); cost != nullptr && cost->is_number()) {
      reply.usage.cost = cost->get<double>();
    }
  }
  return reply;
}

Json messages_of(const ChatRequest& request) {
  static constexpr const char* kRoles[] = {"system", "user", "assistant"};
  Json messages = Json::array();
  for (const ChatMessage& message : request.messages) {
    messages.push_back(
        Json{{"role", kRoles[static_cast<std::size_t>(message.role)]}, {"text", message.text}});
  }
  return messages;
}

}  // namespace

std::string key_of(const ChatRequest& request, std::string_view model_name) {
  return sha256_hex(json::canonical(Json{{"messages", messages_of(request)},
                                         {"schema", request.schema},
                                         {"limit", request.max_output_tokens},
                                         {"model", model_name}}));
}

CachedModel::CachedModel(std::unique_ptr<ChatModel> model, fs::path folder, std::size_t max_entries)
    : model_(std::move(model)), folder_(std::move(folder)), max_entries_(max_entries) {
  std::error_code error;
  fs::create_directories(folder_, error);
  fs::permissions(folder_, fs::perms::owner_all, error);
  if (error) log::warning("no cache of answers in {}: {}", folder_.string(), error.message());
}

std::optional<ChatReply> CachedModel::find(const std::string& key,
                                           const ChatRequest& request) const {
  const fs::path path = folder_ / (key + ".json");
  const auto text = read_file(path);
  if (!text) return std::nullopt;
  const auto parsed = json::parse(*text);
  if (!parsed || !parsed->is_object()) return std::nullopt;
  ChatReply reply = reply_from_json(*parsed);
  if (!request.schema.is_null() && !json::validate(request.schema, reply.value).empty()) {
    return std::nullopt;
  }
  std::error_code ignored;
  fs::last_write_time(path, fs::file_time_type::clock::now(), ignored);  // when it was last used
  reply.usage = {};  // this time it cost nothing
  reply.from_cache = true;
  return reply;
}

void CachedModel::keep(const std::string& key, const ChatReply& reply) {
  const auto kept =
      write_file_atomically(folder_ / (key + ".json"), json::dump_pretty(to_json(reply)));
  if (!kept) return log::warning("an answer was not kept: {}", kept.error().describe());
  const std::scoped_lock lock(mutex_);
  static constexpr std::size_t kBetweenPrunings = 64;  // reading a folder is not free
  if (kept_since_pruning_++ % kBetweenPrunings != 0) return;
  std::vector<std::pair<fs::file_time_type, fs::path>> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder_, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    std::error_code ignored;
    files.emplace_back(entry->last_write_time(ignored), entry->path());
  }
  if (files.size() <= max_entries_) return;
  std::ranges::sort(files);
  files.resize(files.size() - max_entries_);
  for (const auto& [used, path] : files) fs::remove(path, error);
}

Result<ChatReply> CachedModel::complete(const ChatRequest& request, const CallContext& context) {
  const std::string key = key_of(request, model_->name());
  if (auto known = find(key, request)) {
    if (request.on_text) request.on_text(known->text);
    return *std::move(known);
  }
  AE_TRY(ChatReply reply, model_->complete(request, context));
  keep(key, reply);
  return reply;
}

RecordingModel::RecordingModel(std::unique_ptr<ChatModel> model, fs::path file)
    : model_(std::move(model)), file_(std::move(file)) {}

Result<ChatReply> RecordingModel::complete(const ChatRequest& request, const CallContext& context) {
  auto reply = model_->complete(request, context);
  Json line{{"key", key_of(request, model_->name())},
            {"purpose", request.purpose},
            {"messages", messages_of(request)}};
  if (reply) {
    line["reply"] = to_json(*reply);
  } else {
    line["error"] =
        Json{{"code", to_string(reply.error().code)}, {"message", reply.error().message}};
  }
  const std::scoped_lock lock(mutex_);
  std::ofstream out(file_, std::ios::app | std::ios::binary);
  out << json::dump(line) << '\n' << std::flush;
  if (!out) log::warning("an exchange was not recorded in {}", file_.string());
  return reply;
}

Result<std::unique_ptr<ReplayedModel>> ReplayedModel::open(const fs::path& file,
                                                           std::string model_name) {
  AE_TRY(const std::string text, read_file(file));
  auto model = std::unique_ptr<ReplayedModel>(new ReplayedModel(std::move(model_name)));
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line(text.data() + begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.empty()) continue;
    auto parsed = json::parse(line);
    if (!parsed) {
      return annotate(std::move(parsed.error()), fmt::format("{} line {}", file.string(), number));
    }
    const Json* reply = json::find(*parsed, "reply");
    const Json* error = json::find(*parsed, "error");
    const std::string key = json::string_or(*parsed, "key");
    if (key.empty() || (reply == nullptr && error == nullptr)) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} line {}: expected \"key\" and \"reply\" or \"error\"",
                              file.string(), number));
    }
    if (reply != nullptr) {
      model->replies_.insert_or_assign(key, reply_from_json(*reply));
    } else {
      model->replies_.insert_or_assign(
          key, fail(ErrorCode::kModelReply, json::string_or(*error, "message")));
    }
  }
  return model;
}

Result<ChatReply> ReplayedModel::complete(const ChatRequest& request, const CallContext& context) {
  AE_CHECK(context.check());
  const auto found = replies_.find(key_of(request, name_));
  if (found == replies_.end()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("no recorded answer to this question (purpose {}); record it again",
                            request.purpose));
  }
  if (!found->second) return found->second;
  ChatReply reply = *found->second;
  if (!request.schema.is_null()) {
    AE_TRY(reply.value, read_answer(reply.text, request.schema));
  }
  if (request.on_text) request.on_text(reply.text);
  const std::scoped_lock lock(mutex_);
  account_ += reply.usage;
  return reply;
}

Usage ReplayedModel::account() const {
  const std::scoped_lock lock(mutex_);
  return account_;
}

}  // namespace ae::llm
