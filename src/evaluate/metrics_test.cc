#include "evaluate/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ae::evaluate {
namespace {

using testing::DoubleNear;

std::vector<Node> nodes(std::string_view text) {
  const auto parsed = json::parse(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  auto read = read_nodes(*parsed);
  EXPECT_TRUE(read.has_value());
  return *std::move(read);
}

// username2id -> getmood -> play, worked out by hand below.
const std::vector<Node> kGold = nodes(R"([
  {"id": "n1", "function": "username2id", "arguments": {"name": {"input": true, "value": "Anna"}}},
  {"id": "n2", "function": "getmood", "arguments": {"user": {"node": "n1", "output": "id"}}},
  {"id": "n3", "function": "play", "arguments": {"mood": {"node": "n2", "output": null},
                                                 "volume": {"input": true, "value": 3}}}])");

void expect_overlap(const Overlap& overlap, double shared, double predicted, double gold) {
  EXPECT_EQ(overlap.shared, shared);
  EXPECT_EQ(overlap.predicted, predicted);
  EXPECT_EQ(overlap.gold, gold);
}

TEST(Metrics, TheWantedWorkflowIsRightInEveryRespect) {
  const Counts counts = compare(kGold, kGold, {});
  for (const auto& [name, value] : rates(counts)) EXPECT_EQ(value, 1.0) << name;
}

TEST(Metrics, NoAnswerIsZeroInEveryRespect) {
  const Counts counts = compare({}, kGold, {});
  for (const auto& [name, value] : rates(counts)) EXPECT_EQ(value, 0.0) << name;
}

TEST(Metrics, AWrongStepCostsItsFunctionItsSourcesAndItsEdges) {
  const Counts counts = compare(nodes(R"([
    {"id": "a", "function": "username2id", "arguments": {"name": {"input": true, "value": " anna "}}},
    {"id": "b", "function": "getweather", "arguments": {"user": {"node": "a", "output": "id"}}},
    {"id": "c", "function": "play", "arguments": {"mood": {"node": "b", "output": "x"},
                                                  "volume": {"input": true, "value": "3.0"}}}])"),
                                kGold, {});
  expect_overlap(counts.functions, 2, 3, 3);
  // Right: username2id.name and play.volume from the caller. Wrong: getweather.user, and play.mood,
  // which comes from another function.
  expect_overlap(counts.parameters, 2, 4, 4);
  expect_overlap(counts.edges, 0, 2, 2);
  expect_overlap(counts.literals, 2, 2, 2);  // in other case and spelling
  // Pairs: (1,2), (2,3), (1,3); only the last one is there, in order.
  EXPECT_EQ(counts.order_right, 1);
  EXPECT_EQ(counts.order_pairs, 3);
  EXPECT_EQ(counts.exact_set, 0);
  EXPECT_THAT(counts.subsequence, DoubleNear(2.0 * 2 / 6, 1e-9));
  EXPECT_THAT(counts.overall(), DoubleNear((2.0 / 3 + 1.0 / 3 + 0.5) / 3, 1e-9));
}

TEST(Metrics, TheOrderOfStepsCounts) {
  std::vector<Node> reversed = kGold;
  std::swap(reversed.front(), reversed.back());
  const Counts counts = compare(reversed, kGold, {});
  EXPECT_EQ(counts.functions.f1(), 1);
  EXPECT_EQ(counts.order_right, 0);
  EXPECT_EQ(counts.exact, 1) << "edges and sources are the same";
}

TEST(Metrics, FunctionsAreCountedAsOftenAsTheyOccur) {
  const auto twice = nodes(R"([{"id": "a", "function": "f", "arguments": {}},
                               {"id": "b", "function": "f", "arguments": {}}])");
  const auto once = nodes(R"([{"id": "a", "function": "f", "arguments": {}}])");
  expect_overlap(compare(twice, once, {}).functions, 1, 2, 1);
  EXPECT_EQ(compare(twice, once, {}).exact_set, 0);
  EXPECT_EQ(compare(twice, once, {}).overall(), (2.0 / 3 + 0) / 2) << "no order to judge";
}

TEST(Metrics, AListTakesFromEachOfItsSources) {
  const auto gold = nodes(R"([{"id": "a", "function": "f", "arguments": {}},
    {"id": "b", "function": "g", "arguments": {"x": [{"node": "a", "output": null},
                                                     {"input": true, "value": "z"}]}}])");
  const auto half = nodes(R"([{"id": "a", "function": "f", "arguments": {}},
    {"id": "b", "function": "g", "arguments": {"x": {"node": "a", "output": null}}}])");
  expect_overlap(compare(half, gold, {}).parameters, 1, 1, 2);
  expect_overlap(compare(half, gold, {}).literals, 0, 0, 1);
}

TEST(Metrics, IndistinguishableFunctionsMayCountAsEqual) {
  dag::FunctionSpec a;
  a.name = "getUserMood";
  a.description = "Tells the mood.";
  a.input = {{"type", "object"}, {"properties", {{"user", Json::object()}}}};
  dag::FunctionSpec b = a;
  b.name = "get_user_mood";
  b.description = "Something else.";
  dag::FunctionSpec c = a;
  c.name = "mood";
  c.description = "tells the mood. ";
  dag::FunctionSpec d = a;
  d.name = "GetUserMood";
  d.input["properties"]["day"] = Json::object();  // another arity: can be told apart
  const auto twins = twin_clusters({a, b, c, d});
  EXPECT_EQ(twins.at("getUserMood"), twins.at("get_user_mood"));
  EXPECT_EQ(twins.at("getUserMood"), twins.at("mood"));
  EXPECT_NE(twins.at("getUserMood"), twins.at("GetUserMood"));
  const auto gold = nodes(R"([{"id": "a", "function": "getUserMood", "arguments": {}}])");
  const auto twin = nodes(R"([{"id": "a", "function": "mood", "arguments": {}}])");
  EXPECT_EQ(compare(twin, gold, twins).functions.f1(), 0);
  EXPECT_EQ(compare(twin, gold, twins).twins.f1(), 1);
}

TEST(Metrics, ValuesAreNormalised) {
  EXPECT_EQ(normalised(Json(" New York ")), "new york");
  EXPECT_EQ(normalised(Json("1.50")), normalised(Json(1.5)));
  EXPECT_EQ(normalised(Json(3.0)), normalised(Json(3)));
  EXPECT_NE(normalised(Json("1.5 km")), normalised(Json(1.5)));
}

TEST(Metrics, CountsAddUp) {
  Counts sum = compare(kGold, kGold, {});
  sum += compare({}, kGold, {});
  EXPECT_EQ(sum.functions.precision(), 1);
  EXPECT_EQ(sum.functions.recall(), 0.5);
  EXPECT_THAT(sum.functions.f1(), DoubleNear(2.0 / 3, 1e-9));
  EXPECT_EQ(rates(sum).back().second, 0.5);
}

TEST(Bootstrap, EqualGroupsHaveNoSpreadAndUnequalOnesSpanTheirMean) {
  const Counts right = compare(kGold, kGold, {});
  const Counts wrong = compare({}, kGold, {});
  for (const Interval& interval : bootstrap({right, right, right}, 50)) {
    EXPECT_EQ(interval.low, 1);
    EXPECT_EQ(interval.high, 1);
  }
  const auto spread = bootstrap({right, wrong, right, wrong}, 200);
  EXPECT_LT(spread[1].low, 0.5);
  EXPECT_GT(spread[1].high, 0.5);
  const auto again = bootstrap({right, wrong, right, wrong}, 200);
  EXPECT_EQ(spread[1].low, again[1].low) << "the same every time";
  EXPECT_TRUE(bootstrap({}, 10).front().high == 0);
}

}  // namespace
}  // namespace ae::evaluate
