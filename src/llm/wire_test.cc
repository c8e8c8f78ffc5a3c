#include "llm/internal/wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "llm/internal/event_splitter.h"
#include "llm/internal/retry.h"

namespace ae::llm {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

ChatRequest question() {
  ChatRequest request;
  request.messages = {{ChatMessage::Role::kSystem, "Be brief."},
                      {ChatMessage::Role::kUser, "Plan."},
                      {ChatMessage::Role::kAssistant, "How?"},
                      {ChatMessage::Role::kUser, "So."}};
  request.schema = Json{{"type", "object"}, {"properties", Json::object()}};
  request.schema_name = "plan";
  request.max_output_tokens = 99;
  return request;
}

ModelSettings settings(Wire wire, std::string url) {
  return {.wire = wire,
          .base_url = std::move(url),
          .model = "m",
          .api_key = "secret",
          .key_header = wire == Wire::kAnthropic ? KeyHeader::kXApiKey : KeyHeader::kBearer,
          .price = {}};
}

Json sent(const ModelSettings& to, const ChatRequest& request, const Quirks& quirks = {}) {
  return json::parse(wire_format(to.wire).request(to, request, quirks).body).value();
}

TEST(OpenAiWireTest, AsksAsTheReferenceDescribes) {
  const ModelSettings to = settings(Wire::kOpenAi, "https://api.openai.com/v1");
  const net::Request request = wire_format(to.wire).request(to, question(), {});
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/v1/chat/completions");
  EXPECT_EQ(request.header("authorization"), "Bearer secret");
  const Json body = json::parse(request.body).value();
  EXPECT_EQ(body["model"], "m");
  EXPECT_EQ(body["stream"], true);
  EXPECT_EQ(body["stream_options"]["include_usage"], true);
  EXPECT_EQ(body["max_completion_tokens"], 99);
  EXPECT_EQ(body["temperature"], 0.0);
  EXPECT_EQ(body["messages"].size(), 4U);
  EXPECT_EQ(body["messages"][2], (Json{{"role", "assistant"}, {"content", "How?"}}));
  EXPECT_EQ(body["response_format"]["type"], "json_schema");
  EXPECT_EQ(body["response_format"]["json_schema"]["strict"], true);
  EXPECT_EQ(body["response_format"]["json_schema"]["name"], "plan");
}

TEST(OpenAiWireTest, LeavesOutWhatAServerDoesNotTake) {
  const ModelSettings to = settings(Wire::kOpenAi, "http://127.0.0.1:11434/v1");
  EXPECT_TRUE(sent(to, question()).contains("max_tokens"));
  const Json mild = sent(to, question(), {Quirk::kNoStrictSchema});
  EXPECT_EQ(mild["response_format"]["type"], "json_object");
  EXPECT_THAT(mild["messages"].back()["content"].get<std::string>(), HasSubstr("JSON Schema"));
  const Json bare = sent(to, question(),
                         {Quirk::kNoStrictSchema, Quirk::kNoJsonMode, Quirk::kNoTemperature,
                          Quirk::kNoSeed, Quirk::kNoStreamOptions, Quirk::kOtherTokenLimit});
  for (const char* member :
       {"response_format", "temperature", "seed", "stream_options", "max_tokens"}) {
    EXPECT_FALSE(bare.contains(member)) << member;
  }
  EXPECT_TRUE(bare.contains("max_completion_tokens"));
}

TEST(OpenAiWireTest, ReadsStreamsAndDocumentsAlike) {
  const auto reader = wire_format(Wire::kOpenAi).reader();
  EXPECT_EQ(*reader->on_event(
                R"({"model":"m-1","choices":[{"delta":{"role":"assistant","content":"He"}}]})"),
            "He");
  EXPECT_EQ(*reader->on_event(R"({"choices":[{"delta":{"content":"llo"}}]})"), "llo");
  EXPECT_EQ(*reader->on_event(R"({"choices":[{"delta":{},"finish_reason":"stop"}]})"), "");
  EXPECT_EQ(*reader->on_event(R"({"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2,
                               "prompt_tokens_details":{"cached_tokens":4}}})"),
            "");
  EXPECT_EQ(*reader->on_event("[DONE]"), "");
  const RawReply reply = reader->take();
  EXPECT_EQ(reply.text, "Hello");
  EXPECT_EQ(reply.model, "m-1");
  EXPECT_EQ(reply.ending, Ending::kComplete);
  EXPECT_EQ(reply.usage.input_tokens, 10U);
  EXPECT_EQ(reply.usage.cached_input_tokens, 4U);
  EXPECT_EQ(reply.usage.output_tokens, 2U);

  const auto whole = wire_format(Wire::kOpenAi).reader();
  ASSERT_TRUE(whole->on_document(R"({"model":"m-1","choices":[{"message":{"content":"Hello"},
      "finish_reason":"length"}],"usage":{"prompt_tokens":1,"completion_tokens":2}})"));
  const RawReply document = whole->take();
  EXPECT_EQ(document.text, "Hello");
  EXPECT_EQ(document.ending, Ending::kCutOff);
}

TEST(AnthropicWireTest, AsksAsTheReferenceDescribes) {
  const ModelSettings to = settings(Wire::kAnthropic, "https://api.anthropic.com");
  const net::Request request = wire_format(to.wire).request(to, question(), {});
  EXPECT_EQ(request.target, "/v1/messages");
  EXPECT_EQ(request.header("x-api-key"), "secret");
  EXPECT_TRUE(request.header("anthropic-version").has_value());
  const Json body = json::parse(request.body).value();
  EXPECT_EQ(body["system"], "Be brief.");
  EXPECT_EQ(body["messages"].size(), 3U);
  EXPECT_EQ(body["max_tokens"], 99);
  EXPECT_EQ(body["tool_choice"], (Json{{"type", "tool"}, {"name", "plan"}}));
  EXPECT_EQ(body["tools"][0]["input_schema"], question().schema);
  EXPECT_EQ(wire_format(to.wire)
                .request(settings(Wire::kAnthropic, "http://127.0.0.1:1/v1"), question(), {})
                .target,
            "/v1/messages");
  const Json bare = sent(to, question(), {Quirk::kNoStrictSchema});
  EXPECT_FALSE(bare.contains("tools"));
  EXPECT_THAT(bare["system"].get<std::string>(), HasSubstr("JSON Schema"));
}

TEST(AnthropicWireTest, ReadsStreamsAndDocumentsAlike) {
  const auto reader = wire_format(Wire::kAnthropic).reader();
  for (
      const char* event :
      {R"({"type":"message_start","message":{"model":"c","usage":{"input_tokens":5,
             "cache_read_input_tokens":7,"output_tokens":1}}})",
       R"({"type":"content_block_start","index":0,"content_block":{"type":"tool_use"}})",
       R"({"type":"ping"})",
       R"({"type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":"{\"a\""}})",
       R"({"type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":":1}"}})",
       R"({"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":9}})",
       R"({"type":"message_stop"})"}) {
    ASSERT_TRUE(reader->on_event(event).has_value()) << event;
  }
  const RawReply reply = reader->take();
  EXPECT_EQ(reply.text, R"({"a":1})");
  EXPECT_EQ(reply.ending, Ending::kComplete);
  EXPECT_EQ(reply.usage.input_tokens, 12U);
  EXPECT_EQ(reply.usage.cached_input_tokens, 7U);
  EXPECT_EQ(reply.usage.output_tokens, 9U);

  const auto whole = wire_format(Wire::kAnthropic).reader();
  ASSERT_TRUE(whole->on_document(
      R"({"model":"c","content":[{"type":"tool_use","input":{"a":1}}],"stop_reason":"refusal"})"));
  const RawReply document = whole->take();
  EXPECT_EQ(document.text, R"({"a":1})");
  EXPECT_EQ(document.ending, Ending::kRefused);
}

TEST(WireTest, WhatIsNoReplyIsSaidToBeNone) {
  for (const Wire wire : {Wire::kOpenAi, Wire::kAnthropic}) {
    for (const char* text : {"", "<html>", "[]", "{\"a\":", "\xff"}) {
      const auto event = wire_format(wire).reader()->on_event(text);
      ASSERT_FALSE(event.has_value()) << text;
      EXPECT_EQ(event.error().code, ErrorCode::kModelReply);
      EXPECT_FALSE(wire_format(wire).reader()->on_document(text).has_value()) << text;
    }
    // Members of unexpected types are as good as absent.
    const auto reader = wire_format(wire).reader();
    EXPECT_TRUE(reader->on_event(R"({"type":5,"choices":{},"usage":[],"delta":1})").has_value());
    EXPECT_TRUE(reader->on_event(R"({"choices":[1],"message":1})").has_value());
    EXPECT_EQ(reader->take().text, "");
  }
}

TEST(WireTest, AddressesKeepTheirPathAndQuery) {
  const Address azure = address_of("https://h/openai/deployments/d?api-version=1", "/chat");
  EXPECT_EQ(azure.origin, "https://h");
  EXPECT_EQ(azure.target, "/openai/deployments/d/chat?api-version=1");
  EXPECT_EQ(address_of("http://h:1", "/x").target, "/x");
  EXPECT_EQ(address_of("http://h:1/v1/", "/x").target, "/v1/x");
}

TEST(WireTest, ComplaintsAreShownWithoutTheKey) {
  const ModelSettings to = settings(Wire::kOpenAi, "http://h");
  const Complaint complaint = complaint_of(
      R"({"error":{"message":"bad key secret\n!","type":"auth","code":"invalid_api_key"}})", to);
  EXPECT_EQ(complaint.message, "bad key … !");
  EXPECT_EQ(complaint.type, "auth invalid_api_key");
  EXPECT_EQ(complaint_of("<html>busy</html>", to).message, "<html>busy</html>");
  EXPECT_EQ(complaint_of("\xff\xfe", to).message, "(no readable text)");
  EXPECT_EQ(complaint_of(R"({"error":"model not found"})", to).message, "model not found");
}

TEST(WireTest, StatusesSayWhoCanAct) {
  const ModelSettings to = settings(Wire::kOpenAi, "http://h");
  const auto code = [&](int status, const char* type = "") {
    return error_of({.message = "why", .type = type}, status, to).code;
  };
  EXPECT_EQ(code(401), ErrorCode::kPermissionDenied);
  EXPECT_EQ(code(404), ErrorCode::kNotFound);
  EXPECT_EQ(code(429), ErrorCode::kUnavailable);
  EXPECT_EQ(code(429, "insufficient_quota"), ErrorCode::kResourceExhausted);
  EXPECT_EQ(code(500), ErrorCode::kUnavailable);
  EXPECT_EQ(code(529, "overloaded_error"), ErrorCode::kUnavailable);
  EXPECT_EQ(code(400), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(413), ErrorCode::kInvalidArgument);
}

TEST(WireTest, AComplaintTeachesOneQuirkAtATime) {
  const ChatRequest request = question();
  Quirks known;
  const auto learn = [&](const char* complaint) { return quirk_of(complaint, request, known); };
  EXPECT_EQ(learn("Unsupported parameter: 'max_tokens'"), Quirk::kOtherTokenLimit);
  EXPECT_EQ(learn("'temperature' does not support 0"), Quirk::kNoTemperature);
  EXPECT_EQ(learn("response_format is not supported"), Quirk::kNoStrictSchema);
  known.insert(Quirk::kNoStrictSchema);
  EXPECT_EQ(learn("response_format is not supported"), Quirk::kNoJsonMode);
  known.insert(Quirk::kNoJsonMode);
  EXPECT_EQ(learn("response_format is not supported"), std::nullopt);
  EXPECT_EQ(learn("the prompt is too long"), std::nullopt);
}

TEST(EventSplitterTest, EventsMayComeInAnyPieces) {
  const std::string stream =
      ": hello\r\n\r\ndata: one\r\n\r\nevent: x\ndata:two\ndata: lines\n\ndatabase: no\n\ndata\n\n";
  const auto expected = ElementsAre("one", "two\nlines", "");
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    EventSplitter splitter;
    std::vector<std::string> events;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      for (std::string& event : splitter.feed(std::string_view(stream).substr(at, piece))) {
        events.push_back(std::move(event));
      }
    }
    EXPECT_THAT(events, expected) << "in pieces of " << piece;
    EXPECT_THAT(splitter.finish(), IsEmpty());
  }
  EventSplitter cut;
  EXPECT_THAT(cut.feed("data: last"), IsEmpty());
  EXPECT_THAT(cut.finish(), ElementsAre("last"));
}

TEST(RetryTest, RetryAfterIsANumberOrADate) {
  const WallTime now{std::chrono::seconds(1'445'412'480)};  // Wed, 21 Oct 2015 07:28:00 GMT
  EXPECT_EQ(retry_after("3", now), std::chrono::seconds(3));
  EXPECT_EQ(retry_after(" 0 ", now), milliseconds(0));
  EXPECT_EQ(retry_after("Wed, 21 Oct 2015 07:28:30 GMT", now), std::chrono::seconds(30));
  EXPECT_EQ(retry_after("Wed, 21 Oct 2015 07:00:00 GMT", now), milliseconds(0));
  for (const char* bad : {"", "soon", "-1", "1.5x", "Wed, 21 Oct"}) {
    EXPECT_EQ(retry_after(bad, now), std::nullopt) << bad;
  }
}

TEST(RetryTest, BackOffGrowsUnderItsCeiling) {
  Backoff backoff(milliseconds(10), milliseconds(40));
  for (const int ceiling : {10, 20, 40, 40, 40}) {
    const milliseconds wait = backoff.next();
    EXPECT_GE(wait, milliseconds(0));
    EXPECT_LE(wait, milliseconds(ceiling));
  }
}

TEST(RetryTest, AWithdrawnCallerIsNotKeptWaiting) {
  std::stop_source stop;
  stop.request_stop();
  const auto paused = pause(std::chrono::hours(1), {.stop = stop.get_token(), .trace_id = ""});
  ASSERT_FALSE(paused.has_value());
  EXPECT_EQ(paused.error().code, ErrorCode::kCancelled);
}

}  // namespace
}  // namespace ae::llm
