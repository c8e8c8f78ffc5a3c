// The model behind HTTP against a server that misbehaves in every way that models' servers do.
#include "llm/http_chat_model.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "net/http_server.h"

namespace ae::llm {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;

using Answer = std::function<void(const std::shared_ptr<net::Exchange>&)>;

// Answers each request with the next of its answers; the last one again and again.
class ModelServer final {
 public:
  explicit ModelServer(std::vector<Answer> answers) : answers_(std::move(answers)) {
    auto started = net::HttpServer::start(
        net::TcpEndpoint{}, [this](const std::shared_ptr<net::Exchange>& exchange) {
          Answer answer;
          {
            const std::scoped_lock lock(mutex_);
            asked_.push_back(exchange->request());
            answer = answers_[std::min(asked_.size() - 1, answers_.size() - 1)];
          }
          answer(exchange);
        });
    EXPECT_TRUE(started.has_value());
    server_ = *std::move(started);
  }

  ModelSettings settings(Wire wire = Wire::kOpenAi) const {
    return {.wire = wire,
            .base_url = fmt::format("http://127.0.0.1:{}/v1", server_->port()),
            .model = "m",
            .api_key = "secret",
            .price = {.input = 1'000'000, .cached_input = 500'000, .output = 2'000'000},
            .initial_backoff = milliseconds(1),
            .max_backoff = milliseconds(2)};
  }
  std::vector<net::Request> asked() const {
    const std::scoped_lock lock(mutex_);
    return asked_;
  }
  Json asked_json(std::size_t i) const { return json::parse(asked().at(i).body).value(); }

 private:
  const std::vector<Answer> answers_;
  mutable std::mutex mutex_;
  std::vector<net::Request> asked_;
  std::unique_ptr<net::HttpServer> server_;
};

Answer status(int code, std::string body, net::Headers headers = {}) {
  return [=](const auto& exchange) {
    net::Headers all = headers;
    all.emplace_back("Content-Type", "application/json");
    exchange->respond({.status = code, .headers = std::move(all), .body = body});
  };
}

Answer document(const Json& content, std::string_view finish = "stop",
                const Json& refusal = nullptr) {
  return status(
      200, json::dump(Json{
               {"model", "m-1"},
               {"choices",
                Json::array({Json{{"message", Json{{"content", content}, {"refusal", refusal}}},
                                  {"finish_reason", finish}}})},
               {"usage", Json{{"prompt_tokens", 3}, {"completion_tokens", 2}}}}));
}

std::string event(const Json& data) { return fmt::format("data: {}\n\n", json::dump(data)); }
std::string delta(std::string_view text) {
  return event(Json{{"choices", Json::array({Json{{"delta", Json{{"content", text}}}}})}});
}
const char* const kStop = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";

Answer stream(std::vector<std::string> pieces) {
  return [=](const auto& exchange) {
    exchange->start_stream(
        {.status = 200, .headers = {{"Content-Type", "text/event-stream"}}, .body = {}});
    for (const std::string& piece : pieces) exchange->write(piece);
    exchange->finish();
  };
}

Answer good() { return stream({delta("{\"step\":"), delta("\"a\"}"), kStop, "data: [DONE]\n\n"}); }

ChatRequest question() {
  ChatRequest request;
  request.purpose = "plan";
  request.messages = {{ChatMessage::Role::kUser, "Plan."}};
  request.schema = json::parse(R"({"type":"object","properties":{"step":{"enum":["a","b"]}},
                                   "required":["step"],"additionalProperties":false})")
                       .value();
  return request;
}

Result<ChatReply> ask(const ModelServer& server, const CallContext& context = {}) {
  return HttpChatModel(server.settings()).complete(question(), context);
}

Error failure(const ModelServer& server) {
  auto reply = ask(server);
  EXPECT_FALSE(reply.has_value());
  if (reply) return {};
  EXPECT_THAT(reply.error().describe(), Not(HasSubstr("secret")));
  return reply.error();
}

TEST(HttpChatModelTest, StreamsTheAnswerAndKeepsTheAccount) {
  const ModelServer server(
      {stream({delta("{\"step\":"), delta("\"a\"}"), kStop,
               event(Json{{"choices", Json::array()},
                          {"usage", Json{{"prompt_tokens", 3}, {"completion_tokens", 2}}}}),
               "data: [DONE]\n\n"})});
  HttpChatModel model(server.settings());
  ChatRequest request = question();
  std::string seen;
  request.on_text = [&](std::string_view piece) { seen += piece; };
  const auto reply = model.complete(request, {});
  ASSERT_TRUE(reply.has_value()) << reply.error().describe();
  EXPECT_EQ(reply->value, (Json{{"step", "a"}}));
  EXPECT_EQ(seen, "{\"step\":\"a\"}");
  EXPECT_EQ(reply->usage.input_tokens, 3U);
  EXPECT_DOUBLE_EQ(reply->usage.cost, 3 + 4);
  EXPECT_EQ(model.account().requests, 1U);
  EXPECT_EQ(model.account().output_tokens, 2U);
  EXPECT_EQ(server.asked().front().header("authorization"), "Bearer secret");
}

TEST(HttpChatModelTest, ServersThatDoNotStreamAreUnderstood) {
  const ModelServer server({document(R"({"step":"b"})")});
  const auto reply = ask(server);
  ASSERT_TRUE(reply.has_value()) << reply.error().describe();
  EXPECT_EQ(reply->value, (Json{{"step", "b"}}));
  EXPECT_EQ(reply->model, "m-1");
}

TEST(HttpChatModelTest, PassingFaultsAreTriedAgain) {
  const ModelServer server(
      {status(429, R"({"error":{"message":"slow down"}})", {{"Retry-After", "0"}}),
       status(500, "oops"), stream({delta("{\"st")}),  // cut off in mid-answer
       stream(
           {event(Json{{"error", Json{{"message", "overloaded"}, {"type", "overloaded_error"}}}})}),
       good()});
  ModelSettings settings = server.settings();
  settings.max_attempts = 5;
  HttpChatModel model(settings);
  const auto reply = model.complete(question(), {});
  ASSERT_TRUE(reply.has_value()) << reply.error().describe();
  EXPECT_EQ(model.account().requests, 5U);
}

TEST(HttpChatModelTest, ItGivesUpAfterTheAttemptsAllowed) {
  const ModelServer server({status(503, R"({"error":{"message":"no capacity"}})")});
  const Error error = failure(server);
  EXPECT_EQ(error.code, ErrorCode::kUnavailable);
  EXPECT_THAT(error.message, HasSubstr("no capacity"));
  EXPECT_EQ(server.asked().size(), 4U);
}

TEST(HttpChatModelTest, ALongRetryAfterIsReportedInsteadOfWaitedFor) {
  const ModelServer server({status(429, "{}", {{"Retry-After", "3600"}})});
  const auto reply =
      ask(server, {.deadline = Deadline::after(milliseconds(5'000)), .stop = {}, .trace_id = ""});
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(reply.error().describe(), HasSubstr("3600 s"));
  EXPECT_EQ(server.asked().size(), 1U);
}

TEST(HttpChatModelTest, WhatCannotPassIsNotTriedAgain) {
  const std::pair<Answer, ErrorCode> cases[] = {
      {status(401, R"({"error":{"message":"Incorrect API key provided: secret"}})"),
       ErrorCode::kPermissionDenied},
      {status(404, R"({"error":{"message":"no such model"}})"), ErrorCode::kNotFound},
      {status(429, R"({"error":{"message":"pay","type":"insufficient_quota"}})"),
       ErrorCode::kResourceExhausted},
      {status(400, R"({"error":{"message":"context too long"}})"), ErrorCode::kInvalidArgument},
      {document(nullptr, "stop", "I cannot help with that."), ErrorCode::kModelReply},
      {document(R"({"step":"a"})", "content_filter"), ErrorCode::kModelReply},
      {document(R"({"step":)", "length"), ErrorCode::kModelReply},
      {document(R"({"step":"c"})"), ErrorCode::kModelReply},
      {document("Well."), ErrorCode::kModelReply},
      {document(""), ErrorCode::kModelReply},
      {stream({"data: nonsense\n\n"}), ErrorCode::kModelReply},
      {stream({"data: {\"choices\":[{\"delta\":{\"content\":\"\xff\xfe\"}}]}\n\n", kStop}),
       ErrorCode::kModelReply},
      {status(200, "<html>a proxy's page</html>"), ErrorCode::kModelReply},
      {status(302, ""), ErrorCode::kInvalidArgument}};
  for (const auto& [answer, code] : cases) {
    const ModelServer server({answer});
    const Error error = failure(server);
    EXPECT_EQ(error.code, code) << error.describe();
    EXPECT_EQ(server.asked().size(), 1U) << error.describe();
  }
}

TEST(HttpChatModelTest, AnEndlessAnswerIsCutOff) {
  const ModelServer server({[](const auto& exchange) {
    exchange->start_stream(
        {.status = 200, .headers = {{"Content-Type", "text/event-stream"}}, .body = {}});
    std::thread([exchange] {
      const std::string piece = delta(std::string(100'000, 'x'));
      while (exchange->write(piece)) {
      }
    }).detach();
  }});
  ModelSettings settings = server.settings();
  settings.max_reply_bytes = 1'000'000;
  const auto reply = HttpChatModel(settings).complete(question(), {});
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, ErrorCode::kModelReply);
  EXPECT_THAT(reply.error().message, HasSubstr("1000000 bytes"));
}

TEST(HttpChatModelTest, ASilentServerIsGivenUpAndACallCanBeWithdrawn) {
  std::vector<std::shared_ptr<net::Exchange>> held;
  std::mutex mutex;
  const ModelServer server({[&](const auto& exchange) {
    const std::scoped_lock lock(mutex);
    exchange->start_stream(
        {.status = 200, .headers = {{"Content-Type", "text/event-stream"}}, .body = {}});
    exchange->write(delta("{"));
    held.push_back(exchange);
  }});
  ModelSettings settings = server.settings();
  settings.stall = milliseconds(20);
  settings.max_attempts = 1;
  const auto stalled = HttpChatModel(settings).complete(question(), {});
  ASSERT_FALSE(stalled.has_value());
  EXPECT_EQ(stalled.error().code, ErrorCode::kUnavailable);

  std::stop_source stop;
  ChatRequest request = question();
  request.on_text = [&](std::string_view) { stop.request_stop(); };
  const auto withdrawn = HttpChatModel(server.settings())
                             .complete(request, {.stop = stop.get_token(), .trace_id = ""});
  ASSERT_FALSE(withdrawn.has_value());
  EXPECT_EQ(withdrawn.error().code, ErrorCode::kCancelled);

  const auto late =
      ask(server, {.deadline = Deadline::after(milliseconds(30)), .stop = {}, .trace_id = ""});
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code, ErrorCode::kDeadlineExceeded);
}

TEST(HttpChatModelTest, LearnsWhatAServerDoesNotTake) {
  const ModelServer server(
      {status(400, R"({"error":{"message":"Unsupported value: 'temperature'"}})"),
       status(400, R"({"error":{"message":"response_format json_schema is not supported"}})"),
       status(422, R"({"error":{"message":"response_format is not supported"}})"),
       document("```json\n{\"step\":\"a\"}\n```")});
  HttpChatModel model(server.settings());
  ASSERT_TRUE(model.complete(question(), {}).has_value());
  EXPECT_EQ(server.asked().size(), 4U);
  ASSERT_TRUE(model.complete(question(), {}).has_value());
  ASSERT_EQ(server.asked().size(), 5U) << "it remembers";
  EXPECT_FALSE(server.asked_json(4).contains("temperature"));
  EXPECT_FALSE(server.asked_json(4).contains("response_format"));
}

TEST(HttpChatModelTest, NobodyListeningIsSaidSo) {
  ModelSettings settings{.base_url = "http://127.0.0.1:1/v1",
                         .model = "m",
                         .api_key = "",
                         .price = {},
                         .max_attempts = 2,
                         .initial_backoff = milliseconds(1)};
  const auto reply = HttpChatModel(settings).complete(question(), {});
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(reply.error().message, HasSubstr("127.0.0.1:1"));
}

TEST(HttpChatModelTest, SpeaksToAnthropicToo) {
  const ModelServer server({stream(
      {R"(data: {"type":"message_start","message":{"model":"c","usage":{"input_tokens":5}}})"
       "\n\n",
       R"(data: {"type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":"{\"step\":\"b\"}"}})"
       "\n\n",
       R"(data: {"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":9}})"
       "\n\n"})});
  ModelSettings settings = server.settings(Wire::kAnthropic);
  settings.key_header = KeyHeader::kXApiKey;
  const auto reply = HttpChatModel(settings).complete(question(), {});
  ASSERT_TRUE(reply.has_value()) << reply.error().describe();
  EXPECT_EQ(reply->value, (Json{{"step", "b"}}));
  EXPECT_EQ(server.asked().front().target, "/v1/messages");
  EXPECT_EQ(server.asked().front().header("x-api-key"), "secret");
}

TEST(HttpChatModelTest, ListsTheModelsOfAServer) {
  const ModelServer server(
      {status(200, R"({"data":[{"id":"b"},{"id":"a"}]})"), status(404, "{}"), status(401, "{}")});
  EXPECT_THAT(*list_models(server.settings(), {}), ::testing::ElementsAre("a", "b"));
  EXPECT_EQ(list_models(server.settings(), {}).error().code, ErrorCode::kUnimplemented);
  EXPECT_EQ(list_models(server.settings(), {}).error().code, ErrorCode::kPermissionDenied);
}

TEST(HttpChatModelTest, ManyCallsAtOnceShareOneModel) {
  const ModelServer server({good()});
  HttpChatModel model(server.settings());
  std::vector<std::jthread> callers;
  std::atomic<int> right = 0;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] {
      for (int k = 0; k < 5; ++k) right += model.complete(question(), {}).has_value() ? 1 : 0;
    });
  }
  callers.clear();
  EXPECT_EQ(right, 40);
  EXPECT_EQ(model.account().requests, 40U);
}

}  // namespace
}  // namespace ae::llm
