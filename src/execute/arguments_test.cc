#include "execute/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "execute/internal/test_support.h"

namespace ae::execute {
namespace {

using testing::from_input;
using testing::from_step;
using ::testing::HasSubstr;
using testing::literal;

const Json kOutput = {{"user_id", "u1"}, {"song", {{"title", "Happy"}}}, {"a.b", "dotted"}};

Result<Json> resolve(const dag::Bindings& bindings, const Json& input = Json::object()) {
  return resolve_arguments(
      bindings, input, [](const dag::NodeId& id) { return id.str() == "s" ? &kOutput : nullptr; });
}

TEST(ArgumentsTest, ComeFromInputsFieldsAndLiteralsInDeclaredOrder) {
  const auto arguments = resolve({{"id", from_step("s", "user_id")},
                                  {"title", from_step("s", "song.title")},
                                  {"dotted", from_step("s", "a.b")},
                                  {"all", from_step("s")},
                                  {"city", from_input("city")},
                                  {"n", literal(3)}},
                                 {{"city", "Bonn"}});
  EXPECT_EQ(json::dump(*arguments), R"({"id":"u1","title":"Happy","dotted":"dotted","all":)" +
                                        json::dump(kOutput) + R"(,"city":"Bonn","n":3})");
}

TEST(ArgumentsTest, ListsAndObjectsAreBuiltFromBindings) {
  const dag::Binding list{dag::ListBinding{{literal("a"), from_input("b"), from_input("absent")}}};
  const dag::Binding object{
      dag::ObjectBinding{{{"city", from_input("b")}, {"zip", from_input("absent")}, {"in", list}}}};
  const auto arguments = resolve({{"tags", list}, {"place", object}}, {{"b", "B"}});
  EXPECT_EQ(*arguments,
            Json({{"tags", {"a", "B"}}, {"place", {{"city", "B"}, {"in", {"a", "B"}}}}}));
}

TEST(ArgumentsTest, AnInputThatWasLeftOutLeavesItsParameterOut) {
  EXPECT_EQ(*resolve({{"x", from_input("absent")}}), Json::object());
  EXPECT_EQ(*resolve({{"x", from_input("nothing")}}, {{"nothing", nullptr}}),
            Json({{"x", nullptr}}));
}

TEST(ArgumentsTest, AMissingFieldNamesStepFieldAndWhatIsThere) {
  const auto missing = resolve({{"mood", from_step("s", "mood")}});
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::kUserFunction);
  EXPECT_THAT(missing.error().describe(), HasSubstr("\"mood\""));
  EXPECT_THAT(missing.error().describe(), HasSubstr("step s"));
  EXPECT_THAT(missing.error().describe(), HasSubstr("user_id"));
  EXPECT_THAT(missing.error().describe(), HasSubstr("binding mood"));
  EXPECT_FALSE(resolve({{"x", from_step("s", "user_id.deeper")}}).has_value());
  EXPECT_FALSE(resolve({{"x", from_step("none", "y")}}).has_value());
}

TEST(ArgumentsTest, DefaultsAreFilledInAlsoInsideObjects) {
  const Json schema = {{"type", "object"},
                       {"properties",
                        {{"size", {{"type", "string"}, {"default", "256x256"}}},
                         {"place",
                          {{"type", "object"},
                           {"properties", {{"unit", {{"type", "string"}, {"default", "km"}}}}}}}}}};
  EXPECT_EQ(*prepare_input(schema, {{"place", Json::object()}}),
            Json({{"place", {{"unit", "km"}}}, {"size", "256x256"}}));
  EXPECT_EQ(*prepare_input(schema, {{"size", "1x1"}}), Json({{"size", "1x1"}}));
}

TEST(ArgumentsTest, EveryViolationOfTheInputIsNamed) {
  const Json schema = {{"type", "object"},
                       {"properties", {{"a", {{"type", "string"}}}, {"n", {{"maximum", 5}}}}},
                       {"required", {"a", "b"}}};
  const auto wrong = prepare_input(schema, {{"a", 1}, {"n", 6}});
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(wrong.error().message, HasSubstr("/a"));
  EXPECT_THAT(wrong.error().message, HasSubstr("/n"));
  EXPECT_THAT(wrong.error().message, HasSubstr("b"));
  EXPECT_FALSE(prepare_input(schema, "text").has_value());
  EXPECT_FALSE(prepare_input(schema, nullptr).has_value());
}

TEST(ArgumentsTest, ASchemaThatSaysNothingFitsEverything) {
  EXPECT_EQ(violations(Json::object(), "anything"), "");
  EXPECT_EQ(violations(true, 5), "");
  EXPECT_EQ(violations(Json(), 5), "");
  EXPECT_NE(violations(false, 5), "");
}

TEST(EventTest, IsTheInputUnlessTheHandlerWantsARequest) {
  dag::FunctionSpec function;
  const Json input{{"name", "Anna"}, {"count", 3}, {"tags", {"a"}}};
  EXPECT_EQ(event_for(function, input), input);
  function.runtime.event = dag::EventFormat::kApiGateway;
  const Json event = event_for(function, input);
  EXPECT_EQ(json::parse(event["body"].get<std::string>()).value(), input);
  EXPECT_EQ(event["queryStringParameters"], Json({{"name", "Anna"}, {"count", "3"}}));
  EXPECT_EQ(event["isBase64Encoded"], false);
}

}  // namespace
}  // namespace ae::execute
