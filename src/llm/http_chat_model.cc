#include "llm/http_chat_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <random>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "llm/internal/event_splitter.h"
#include "llm/internal/retry.h"
#include "llm/internal/wire.h"
#include "net/http_client.h"

namespace ae::llm {
namespace {

using std::chrono::milliseconds;

// Idle connections of one model: hands out clients, one a call.
class ClientPool final {
 public:
  ClientPool(std::string origin, std::size_t max_reply_bytes)
      : origin_(std::move(origin)), limits_{.max_response_bytes = max_reply_bytes} {}

  std::unique_ptr<net::HttpClient> take() {
    const std::scoped_lock lock(mutex_);
    if (idle_.empty()) return std::make_unique<net::HttpClient>(origin_, std::string(), limits_);
    auto client = std::move(idle_.back());
    idle_.pop_back();
    return client;
  }
  void give_back(std::unique_ptr<net::HttpClient> client) {
    const std::scoped_lock lock(mutex_);
    if (idle_.size() < kMostIdle) idle_.push_back(std::move(client));
  }

 private:
  static constexpr std::size_t kMostIdle = 8;
  const std::string origin_;
  const net::ClientLimits limits_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<net::HttpClient>> idle_;
};

// An error that a server reports inside a stream that began well.
std::optional<Error> error_in(const std::string& event, const ModelSettings& settings) {
  if (event.find("\"error\"") == std::string::npos) return std::nullopt;
  const auto parsed = json::parse(event);
  if (!parsed) return std::nullopt;
  const Json* error = json::find(*parsed, "error");
  if (error == nullptr || error->is_null()) return std::nullopt;
  Error made = error_of(complaint_of(event, settings), 200, settings);
  // What is not said to be the request's fault passes.
  if (complaint_of(event, settings).type.find("invalid") == std::string::npos) {
    made.code = ErrorCode::kUnavailable;
  }
  return made;
}

// One attempt: the answer's bytes as they come in, kept whole for servers that do not stream.
class Attempt final {
 public:
  Attempt(const ModelSettings& settings, const ChatRequest& request)
      : settings_(settings), request_(request), reader_(wire_format(settings.wire).reader()) {}

  bool on_bytes(std::string_view bytes) {
    if (body_.size() + bytes.size() > settings_.max_reply_bytes) {
      error_ =
          Error{ErrorCode::kModelReply,
                fmt::format("the model's answer is longer than {} bytes; ask for less, or look "
                            "whether it repeats itself",
                            settings_.max_reply_bytes),
                {}};
      return false;
    }
    body_ += bytes;
    return take(events_.feed(bytes));
  }

  Result<RawReply> finish(const net::Response& response) {
    if (error_) return fail(*std::move(error_));
    if (response.status != 200) {
      return fail(error_of(complaint_of(body_, settings_), response.status, settings_));
    }
    if (is_stream(response)) {
      if (!take(events_.finish())) return fail(*std::move(error_));
    } else {
      AE_CHECK(reader_->on_document(body_));
    }
    return reader_->take();
  }

  std::string take_body() { return std::move(body_); }

 private:
  static bool is_stream(const net::Response& response) {
    const auto type = net::find_header(response.headers, "content-type");
    return type && type->starts_with("text/event-stream");
  }

  bool take(std::vector<std::string> events) {
    for (const std::string& event : events) {
      error_ = error_in(event, settings_);
      if (error_) return false;
      auto added = reader_->on_event(event);
      if (!added) {
        error_ = std::move(added.error());
        return false;
      }
      if (request_.on_text && !added->empty()) request_.on_text(*added);
    }
    return true;
  }

  const ModelSettings& settings_;
  const ChatRequest& request_;
  std::unique_ptr<ReplyReader> reader_;
  EventSplitter events_;
  std::string body_;
  std::optional<Error> error_;
};

Result<void> check_ending(const RawReply& reply, const ChatRequest& request) {
  if (!reply.refusal.empty() || reply.ending == Ending::kRefused) {
    return fail(ErrorCode::kModelReply,
                fmt::format("the model refused to answer{}",
                            reply.refusal.empty() ? "" : ": " + shorten(reply.refusal, 300)));
  }
  if (reply.ending == Ending::kCutOff) {
    return fail(ErrorCode::kModelReply,
                fmt::format("the model's answer was cut off at {} tokens; allow it more",
                            request.max_output_tokens));
  }
  if (reply.ending == Ending::kMissing) {
    return fail(ErrorCode::kUnavailable,
                "the model's answer ended without saying that it was complete");
  }
  return {};
}

double cost_of(const Usage& usage, const Price& price) {
  static constexpr double kMillion = 1e6;
  const auto fresh =
      static_cast<double>(usage.input_tokens) - static_cast<double>(usage.cached_input_tokens);
  return (std::max(fresh, 0.0) * price.input +
          static_cast<double>(usage.cached_input_tokens) * price.cached_input +
          static_cast<double>(usage.output_tokens) * price.output) /
         kMillion;
}

}  // namespace

class HttpChatModel::Impl final {
 public:
  explicit Impl(ModelSettings settings)
      : settings_(std::move(settings)),
        clients_(address_of(settings_.base_url, "").origin, settings_.max_reply_bytes) {}

  Result<ChatReply> complete(const ChatRequest& request, const CallContext& context);
  Usage account() const {
    const std::scoped_lock lock(mutex_);
    return account_;
  }
  std::string name() const { return fmt::format("{} at {}", settings_.model, settings_.base_url); }

 private:
  struct Tried {
    Result<RawReply> reply = fail(ErrorCode::kInternal, "not tried");
    std::optional<milliseconds> retry_after;
    std::optional<Quirk> quirk;
  };
  Tried attempt(const ChatRequest& request, const CallContext& context, const Quirks& quirks);
  Result<RawReply> ask(const ChatRequest& request, const CallContext& context, Usage& usage);
  void note(Usage& usage, const Usage& added);
  Quirks quirks() const {
    const std::scoped_lock lock(mutex_);
    return quirks_;
  }
  void learn(Quirk quirk) {
    const std::scoped_lock lock(mutex_);
    quirks_.insert(quirk);
  }

  const ModelSettings settings_;
  ClientPool clients_;
  mutable std::mutex mutex_;
  Quirks quirks_;
  Usage account_;
};

HttpChatModel::Impl::Tried HttpChatModel::Impl::attempt(const ChatRequest& request,
                                                        const CallContext& context,
                                                        const Quirks& quirks) {
  Attempt attempt(settings_, request);
  auto client = clients_.take();
  const auto response =
      client->stream(wire_format(settings_.wire).request(settings_, request, quirks),
                     [&](std::string_view bytes) { return attempt.on_bytes(bytes); },
                     context.deadline, {.stop = context.stop, .stall = settings_.stall});
  if (!response) {
    Error error = response.error();
    // The caller's own time is over, or the server only fell silent; the latter may pass.
    if (error.code == ErrorCode::kDeadlineExceeded && !context.deadline.reached()) {
      error.code = ErrorCode::kUnavailable;
    }
    return {.reply = fail(std::move(error)), .retry_after = {}, .quirk = {}};
  }
  clients_.give_back(std::move(client));
  Tried tried{.reply = attempt.finish(*response), .retry_after = {}, .quirk = {}};
  if (const auto wait = net::find_header(response->headers, "retry-after")) {
    tried.retry_after = retry_after(*wait, SystemClock::instance().now());
  }
  if (!tried.reply && (response->status == 400 || response->status == 422)) {
    tried.quirk = quirk_of(complaint_of(attempt.take_body(), settings_).message, request, quirks);
  }
  return tried;
}

void HttpChatModel::Impl::note(Usage& usage, const Usage& added) {
  usage += added;
  const std::scoped_lock lock(mutex_);
  account_ += added;
}

Result<RawReply> HttpChatModel::Impl::ask(const ChatRequest& request, const CallContext& context,
                                          Usage& usage) {
  Backoff backoff(settings_.initial_backoff, settings_.max_backoff);
  for (int attempts = 1;;) {
    AE_CHECK(context.check());
    const auto begun = SystemClock::instance().steady_now();
    Tried tried = attempt(request, context, quirks());
    Usage spent = tried.reply ? tried.reply->usage : Usage{};
    spent.requests = 1;
    spent.cost = cost_of(spent, settings_.price);
    spent.time =
        std::chrono::duration_cast<milliseconds>(SystemClock::instance().steady_now() - begun);
    note(usage, spent);
    if (tried.reply) {
      if (auto ended = check_ending(*tried.reply, request); ended)
        return std::move(tried.reply);
      else if (ended.error().code != ErrorCode::kUnavailable)
        return fail(std::move(ended.error()));
      else
        tried.reply = fail(std::move(ended.error()));
    }
    if (tried.quirk) {
      log::info("{}: asking again otherwise, since it was refused: {}", name(),
                tried.reply.error().message);
      learn(*tried.quirk);
      if (request.on_text) request.on_text({});
      continue;  // each quirk is learned once, so this ends
    }
    if (tried.reply.error().code != ErrorCode::kUnavailable) return std::move(tried.reply);
    if (attempts++ >= settings_.max_attempts) {
      return annotate(std::move(tried.reply.error()),
                      fmt::format("asking {} times", settings_.max_attempts));
    }
    const milliseconds wait = tried.retry_after.value_or(backoff.next());
    if (wait >= context.deadline.remaining()) {
      return annotate(
          std::move(tried.reply.error()),
          fmt::format("the server asks to wait {} s, which is longer than this call may "
                      "take",
                      wait.count() / 1000));
    }
    AE_CHECK(pause(wait, context));
    if (request.on_text) request.on_text({});
  }
}

Result<ChatReply> HttpChatModel::Impl::complete(const ChatRequest& request,
                                                const CallContext& given) {
  CallContext context = given;
  context.deadline = std::min(context.deadline, Deadline::after(settings_.timeout));
  ChatReply reply;
  AE_TRY(RawReply raw, ask(request, context, reply.usage));
  if (!is_utf8(raw.text)) {
    return fail(ErrorCode::kModelReply, "the model's answer is not well-formed UTF-8");
  }
  reply.model = std::move(raw.model);
  if (reply.model.empty()) reply.model = settings_.model;
  if (!request.schema.is_null()) {
    AE_TRY(reply.value, read_answer(raw.text, request.schema));
  }
  reply.text = std::move(raw.text);
  return reply;
}

HttpChatModel::HttpChatModel(ModelSettings settings)
    : impl_(std::make_unique<Impl>(std::move(settings))) {}
HttpChatModel::~HttpChatModel() = default;

Result<ChatReply> HttpChatModel::complete(const ChatRequest& request, const CallContext& context) {
  auto reply = impl_->complete(request, context);
  if (!reply) return annotate(std::move(reply.error()), "asking " + impl_->name());
  return reply;
}

Usage HttpChatModel::account() const { return impl_->account(); }
std::string HttpChatModel::name() const { return impl_->name(); }

Result<std::vector<std::string>> list_models(const ModelSettings& settings,
                                             const CallContext& context) {
  const bool anthropic = settings.wire == Wire::kAnthropic;
  const bool versioned = settings.base_url.ends_with("/v1");
  const Address address =
      address_of(settings.base_url, anthropic && !versioned ? "/v1/models" : "/models");
  net::HttpClient client(address.origin, {}, {.max_response_bytes = settings.max_reply_bytes});
  net::Request request{.method = "GET", .target = address.target, .headers = {}, .body = {}};
  if (anthropic) request.headers.emplace_back("anthropic-version", "2023-06-01");
  add_key(request, settings);
  AE_TRY(const net::Response response, client.send(request, context.deadline));
  if (response.status == 404) {
    return fail(ErrorCode::kUnimplemented, settings.base_url + " has no list of models");
  }
  if (response.status != 200) {
    return fail(error_of(complaint_of(response.body, settings), response.status, settings));
  }
  AE_TRY(const Json body, json::parse(response.body));
  std::vector<std::string> names;
  const Json* data = json::find(body, "data");
  if (data != nullptr && data->is_array()) {
    for (const Json& model : *data) names.push_back(json::string_or(model, "id"));
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace ae::llm
