#include "cli/output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/commands.h"
#include "cli/completion.h"

namespace ae::cli {
namespace {

using ::testing::HasSubstr;

TEST(OutputTest, ASingleScalarIsPrintedBareAndAnythingElseAsJson) {
  EXPECT_EQ(bare(Json{{"message", "Now playing: Happy Tune"}}), "Now playing: Happy Tune");
  EXPECT_EQ(bare(Json{{"total", 12.5}}), "12.5");
  EXPECT_EQ(bare(Json{{"a", 1}, {"b", 2}}), "{\n  \"a\": 1,\n  \"b\": 2\n}");
}

TEST(OutputTest, AFunctionsOutputCannotDriveTheTerminal) {
  EXPECT_EQ(printable("a\x1b[2Jb"), "a\xef\xbf\xbd[2Jb");
  EXPECT_EQ(printable("a\xc2\x9b"
                      "2J"),
            "a\xef\xbf\xbd"
            "2J");
  EXPECT_EQ(printable("tab\tand\nline, naïve 日本"), "tab\tand\nline, naïve 日本");
}

TEST(OutputTest, WidthCountsCharactersNotBytesOrColours) {
  EXPECT_EQ(display_width("naïve"), 5U);
  EXPECT_EQ(display_width("\x1b[32mok\x1b[0m"), 2U);
}

TEST(OutputTest, AProblemBecomesAnErrorWithEveryFinding) {
  const auto body = body_of({.status = 422,
                             .headers = {},
                             .body = R"({"title":"Unprocessable","detail":"the input is not valid",
                   "errors":[{"pointer":"/city","message":"is required","fix":"add it"}]})"});
  ASSERT_FALSE(body.has_value());
  EXPECT_EQ(body.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(body.error().message, HasSubstr("the input is not valid"));
  EXPECT_THAT(body.error().message, HasSubstr("/city: is required — add it"));
}

TEST(InputsTest, TheSchemaDecidesWhatIsText) {
  const Json schema{{"properties", {{"zip", {{"type", "string"}}}}}};
  const auto inputs = parse_inputs({"zip=01234", "count=3", "place={\"x\":1}", "word=hi"}, schema);
  ASSERT_TRUE(inputs.has_value());
  EXPECT_TRUE(json::equal(
      *inputs, Json{{"zip", "01234"}, {"count", 3}, {"place", {{"x", 1}}}, {"word", "hi"}}));
  EXPECT_EQ(parse_inputs({"nonsense"}, schema).error().code, ErrorCode::kInvalidArgument);
}

TEST(CompletionTest, KnowsEveryShellItOffersAndNoOther) {
  const std::vector<CommandNode> tree{{"", {"fn"}, {"--home"}}, {"fn", {"add"}, {}}};
  EXPECT_THAT(completion_script("bash", tree).value(), HasSubstr("\"fn\") words=\"add\""));
  EXPECT_THAT(completion_script("zsh", tree).value(), HasSubstr("bashcompinit"));
  EXPECT_THAT(completion_script("fish", tree).value(), HasSubstr("-a fn"));
  EXPECT_EQ(completion_script("tcsh", tree).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace ae::cli
