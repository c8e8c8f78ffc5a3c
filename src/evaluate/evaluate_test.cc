#include "evaluate/evaluate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"
#include "evaluate/report.h"

namespace ae::evaluate {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kFunctions = R"([
 {"name": "reader id", "description": "Looks up the id of a library reader by their name.",
  "parameters": {"type": "object", "properties": {"reader_name": {"type": "string", "description": "Name of the reader.", "examples": ["Mira Holt"]}}, "required": ["reader_name"]},
  "returns": {"type": "object", "properties": {"reader_id": {"type": "string", "description": "Id of the reader."}}}},
 {"name": "favourite_genre", "description": "Tells which genre a reader likes best.",
  "parameters": {"type": "object", "properties": {"reader_id": {"type": "string", "description": "Id of the reader.", "default": null}}, "required": ["reader_id"]},
  "returns": {"type": "object", "properties": {"genre": {"type": "string", "description": "Genre the reader likes."}}}},
 {"name": "branch_hours", "description": "Tells the opening hours of a branch in a town.",
  "parameters": {"type": "object", "properties": {"town": {"type": "string", "description": "Name of the town."}}, "required": ["town"]},
  "returns": {"type": "object", "properties": {"hours": {"type": "string", "description": "Opening hours."}}}}])";
constexpr std::string_view kCases =
    R"({"id": "c1", "level": "two", "query": "Which genre does Mira Holt like best?", "nodes": [{"id": "n1", "function": "reader id", "arguments": {"reader_name": {"input": true, "value": "Mira Holt"}}}, {"id": "n2", "function": "favourite_genre", "arguments": {"reader_id": {"node": "n1", "output": null}}}]}
{"id": "c2", "level": "one", "query": "What are the opening hours of the branch in Elverum?", "nodes": [{"id": "n1", "function": "branch_hours", "arguments": {"town": {"input": true, "value": "Elverum"}}}]}
)";

class EvaluateTest : public testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(folder_.path() / "functions.json") << kFunctions;
    std::ofstream(folder_.path() / "cases.jsonl") << kCases;
    auto dataset = read_dataset(folder_.path());
    ASSERT_TRUE(dataset.has_value()) << dataset.error().describe();
    dataset_ = *std::move(dataset);
  }
  TemporaryFolder folder_;
  Dataset dataset_;
};

TEST_F(EvaluateTest, AnEngineIsMeasuredOverADataset) {
  const auto result = evaluate(dataset_, {.threads = 2});
  ASSERT_TRUE(result.has_value()) << result.error().describe();
  EXPECT_EQ(result->total.functions.f1(), 1);
  EXPECT_EQ(result->total.parameters.f1(), 1);
  EXPECT_EQ(result->total.literals.f1(), 1);
  EXPECT_EQ(result->levels.at("one").cases, 1);
  EXPECT_EQ(result->statuses.at("ready"), 2U);
  EXPECT_EQ(to_json(*result)["metrics"]["function_f1"]["value"], 1);
}

TEST_F(EvaluateTest, GivenFunctionsAreTheOnlyOnes) {
  const auto result = evaluate(dataset_, {.given_functions = true});
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->total.parameters.f1(), 1);
}

TEST_F(EvaluateTest, AnInterruptedEvaluationGoesOnWhereItStopped) {
  const std::filesystem::path file = folder_.path() / "out.jsonl";
  const auto whole = evaluate(dataset_, {.repeat = 2, .predictions = file});
  ASSERT_TRUE(whole.has_value());
  const std::string lines = *read_file(file);
  EXPECT_EQ(std::ranges::count(lines, '\n'), 4);
  // A crash in the middle of the second line.
  const std::size_t cut = lines.find('\n') + 40;
  std::ofstream(file, std::ios::trunc) << lines.substr(0, cut);
  const auto resumed = evaluate(dataset_, {.repeat = 2, .predictions = file});
  ASSERT_TRUE(resumed.has_value());
  EXPECT_EQ(resumed->resumed, 1U);
  EXPECT_EQ(resumed->total.functions.f1(), whole->total.functions.f1());
  // Other settings do not take those answers for theirs.
  const auto other = evaluate(dataset_, {.given_functions = true, .predictions = file});
  ASSERT_TRUE(other.has_value());
  EXPECT_EQ(other->resumed, 0U);
}

TEST_F(EvaluateTest, RetrievalIsMeasuredByDepth) {
  const auto retrieval = evaluate_retrieval(dataset_, {});
  ASSERT_TRUE(retrieval.has_value());
  EXPECT_EQ(retrieval->recall.back(), 1) << "three functions are all within forty";
  EXPECT_LE(retrieval->all_in_top.front(), 0.5) << "two functions are not both first";
  EXPECT_TRUE(to_json(*retrieval)["recall"].contains("40"));
}

TEST_F(EvaluateTest, TheReportStandsAloneAndTrustsNoText) {
  dataset_.cases[0].query = "Which genre does Mira Holt like <script>best</script>?";
  dataset_.cases[0].nodes[1].function = "branch_hours";
  const auto result = evaluate(dataset_, {});
  ASSERT_TRUE(result.has_value());
  const std::string html = html_report(dataset_, {}, *result);
  EXPECT_THAT(html, HasSubstr("<svg"));
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;"));
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, HasSubstr("provenance"));
}

TEST_F(EvaluateTest, UnknownEnginesAndBrokenDatasetsAreRefusedByName) {
  EXPECT_FALSE(evaluate(dataset_, {.engine = "oracle"}).has_value());
  std::ofstream(folder_.path() / "cases.jsonl") << "{\"id\": \"x\"}\n";
  const auto broken = read_dataset(folder_.path());
  ASSERT_FALSE(broken.has_value());
  EXPECT_THAT(broken.error().message, HasSubstr("cases.jsonl:1"));
}

}  // namespace
}  // namespace ae::evaluate
