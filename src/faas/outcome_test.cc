#include "faas/internal/outcome.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ae::faas {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals only
using ::testing::HasSubstr;

execute::InvocationResult respond(std::string body, const dag::FunctionSpec& function = {}) {
  return shape(HandlerResponse{.body = std::move(body)}, function, 1000);
}

TEST(OutcomeTest, AnyJsonValueIsAResult) {
  EXPECT_EQ(respond("{\"a\":1}").output, Json({{"a", 1}}));
  EXPECT_EQ(respond("null").output, nullptr);
  EXPECT_EQ(respond("[1]").output, Json::array({1}));
  EXPECT_FALSE(respond("false").error);
}

TEST(OutcomeTest, WhatIsNoJsonIsTheFunctionsFailure) {
  for (const char* bad : {"", "{", "NaN", "'a'", "{} {}", "\xff", "{\"a\":1,\"a\":2}"}) {
    const auto result = respond(bad);
    ASSERT_TRUE(result.error) << bad;
    EXPECT_EQ(result.error->type, "Runtime.InvalidResponse");
    EXPECT_FALSE(result.fault);
  }
}

TEST(OutcomeTest, ATooLargeResponseIsNamedWithBothSizes) {
  const auto result = shape(HandlerResponse{.body = {}, .oversize_bytes = 2000}, {}, 1000);
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->type, "Function.ResponseSizeTooLarge");
  EXPECT_EQ(
      result.error->message,
      "Response payload size (2000 bytes) exceeded maximum allowed payload size (1000 bytes).");
}

TEST(OutcomeTest, AGatewayAnswerIsItsBody) {
  EXPECT_EQ(respond(R"({"statusCode":200,"body":"{\"a\":1}"})").output, Json({{"a", 1}}));
  EXPECT_EQ(respond(R"({"statusCode":201,"body":{"a":1},"headers":{}})").output, Json({{"a", 1}}));
}

TEST(OutcomeTest, AGatewayAnswerWithoutAnObjectIsLeftAsItIs) {
  for (const char* text :
       {R"({"statusCode":200})", R"({"statusCode":200,"body":"plain words"})",
        R"({"statusCode":200,"body":"[1]"})", R"({"statusCode":"200","body":"{}"})",
        R"({"statusCode":7,"body":"{}"})", R"({"body":"{}"})"}) {
    const auto result = respond(text);
    EXPECT_FALSE(result.error) << text;
    EXPECT_EQ(json::dump(result.output), text);
  }
}

TEST(OutcomeTest, AGatewayStatusFrom400IsAFailureWithTheBodysMessage) {
  const auto type_and_message = [](std::string body) {
    const auto result = respond(std::move(body));
    return result.error ? result.error->type + ": " + result.error->message : "no error";
  };
  EXPECT_EQ(type_and_message(R"({"statusCode":404,"body":"{\"message\":\"no city\"}"})"),
            "Http404: no city");
  EXPECT_EQ(type_and_message(R"({"statusCode":400,"body":"{\"error\":\"bad\"}"})"), "Http400: bad");
  EXPECT_EQ(type_and_message(R"({"statusCode":500,"body":"plain words"})"), "Http500: plain words");
  EXPECT_EQ(type_and_message(R"({"statusCode":503})"), "Http503: ");
}

TEST(OutcomeTest, AFunctionThatDeclaresAStatusCodeKeepsIt) {
  dag::FunctionSpec probe;
  probe.output = {{"type", "object"}, {"properties", {{"statusCode", {{"type", "integer"}}}}}};
  const auto result = respond(R"({"statusCode":404,"body":"{}"})", probe);
  EXPECT_FALSE(result.error);
  EXPECT_EQ(result.output["statusCode"], 404);
}

TEST(OutcomeTest, AFailureInLambdasShapeIsReadAndAnyOtherIsStillOne) {
  const auto good = parse_failure(
      {.body = R"({"errorType":"KeyError","errorMessage":"'x'","stackTrace":["a"]})", .type = "T"});
  EXPECT_EQ(good.type, "KeyError");
  EXPECT_EQ(good.message, "'x'");
  EXPECT_EQ(good.stack_trace, Json::array({"a"}));
  EXPECT_EQ(parse_failure({.body = "oops", .type = "Runtime.Bad"}).type, "Runtime.Bad");
  EXPECT_EQ(parse_failure({.body = "[]", .type = ""}).type, "Runtime.Unknown");
  EXPECT_EQ(parse_failure({.body = R"({"errorType":7})", .type = ""}).type, "Runtime.Unknown");
}

TEST(OutcomeTest, EndsAreWordedAsLambdaWordsThem) {
  EXPECT_EQ(timed_out(3000ms).message, "Task timed out after 3.00 seconds");
  EXPECT_EQ(timed_out(3000ms).type, "Sandbox.Timedout");
  EXPECT_EQ(exited({.code = 0, .signal = 0}).message, "Runtime exited without providing a reason");
  EXPECT_EQ(exited({.code = 129, .signal = 0}).message,
            "Runtime exited with error: exit status 129");
  EXPECT_EQ(exited({.code = 0, .signal = 9}).message, "Runtime exited with error: signal: killed");
}

}  // namespace
}  // namespace ae::faas
