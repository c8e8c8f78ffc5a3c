#include "llm/chat_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ae::llm {
namespace {

using ::testing::HasSubstr;

Json schema() {
  return json::parse(R"({"type":"object","properties":{"step":{"enum":["a","b"]}},
                         "required":["step"],"additionalProperties":false})")
      .value();
}

TEST(ReadAnswerTest, TakesJsonAlsoInAFenceOrAmongWords) {
  const Json expected{{"step", "a"}};
  for (const char* text :
       {R"({"step":"a"})", "  {\"step\": \"a\"}\n", "```json\n{\"step\":\"a\"}\n```",
        "Sure! Here you are: {\"step\":\"a\"} Anything else?"}) {
    const auto answer = read_answer(text, schema());
    ASSERT_TRUE(answer.has_value()) << text << ": " << answer.error().describe();
    EXPECT_EQ(*answer, expected) << text;
  }
}

TEST(ReadAnswerTest, RefusesWhatIsNoAnswerAndSaysWhy) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "empty"},
      {"I'd rather not.", "no JSON"},
      {"{\"step\":\"a\"", "no JSON"},
      {R"({"step":"c"})", "/step"},
      {R"({"step":"a","also":1})", "also"},
      {R"([])", "object"},
      {R"({"step":"a"} or {"step":"b"})", "no JSON"},  // which one?
      {R"({"step":"a","step":"b"})", "no JSON"},       // no duplicate keys
      {"{\"step\":\"\xff\"}", "no JSON"}};
  for (const auto& [text, words] : cases) {
    const auto answer = read_answer(text, schema());
    ASSERT_FALSE(answer.has_value()) << text;
    EXPECT_EQ(answer.error().code, ErrorCode::kModelReply) << text;
    EXPECT_THAT(answer.error().message, HasSubstr(words)) << text;
  }
}

TEST(ReadAnswerTest, BracketsInsideStringsAreText) {
  const Json open{{"type", "object"}};
  const auto answer = read_answer("So: {\"a\": \"}{ \\\" ]\"} .", open);
  ASSERT_TRUE(answer.has_value()) << answer.error().describe();
  EXPECT_EQ((*answer)["a"], "}{ \" ]");
}

TEST(UsageTest, AddsUp) {
  Usage usage{.requests = 1, .input_tokens = 10, .output_tokens = 5, .cost = 0.5};
  usage += Usage{.requests = 1, .input_tokens = 1, .cached_input_tokens = 1, .cost = 0.25};
  EXPECT_EQ(usage, (Usage{.requests = 2,
                          .input_tokens = 11,
                          .cached_input_tokens = 1,
                          .output_tokens = 5,
                          .cost = 0.75}));
}

}  // namespace
}  // namespace ae::llm
