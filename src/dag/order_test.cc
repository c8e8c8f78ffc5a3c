#include "dag/order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace ae::dag {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Node node(std::string id, std::vector<std::string> inputs) {
  Node made;
  made.id = NodeId(std::move(id));
  made.function = "f";
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    made.arguments.push_back({"p" + std::to_string(i), {OutputRef{NodeId(inputs[i]), "x"}}});
  }
  return made;
}

Workflow workflow(std::vector<Node> nodes) {
  Workflow made;
  made.name = "w";
  made.nodes = std::move(nodes);
  return made;
}

TEST(DependenciesTest, CountDataAndDependsOnOnceAndLeaveUnknownNodesOut) {
  Workflow w = workflow({node("c", {"b", "a", "b", "none"}), node("a", {}), node("b", {})});
  w.nodes[2].depends_on = {NodeId("a"), NodeId("a"), NodeId("nobody")};
  w.nodes[1].arguments.push_back(
      {"deep", {ListBinding{{{ObjectBinding{{{"k", {OutputRef{NodeId("b"), ""}}}}}}}}}});
  EXPECT_THAT(dependencies(w), ElementsAre(ElementsAre(1, 2), ElementsAre(2), ElementsAre(1)));
}

TEST(OrderTest, TiesKeepDeclarationOrder) {
  EXPECT_THAT(topological_order(workflow({node("d", {"b", "c"}), node("a", {}), node("c", {"a"}),
                                          node("b", {"a"}), node("x", {})}))
                  .value(),
              ElementsAre(1, 2, 3, 0, 4));
}

TEST(OrderTest, ACycleIsNamedInTheDirectionOfTheData) {
  const auto order = topological_order(
      workflow({node("start", {}), node("a", {"start", "c"}), node("b", {"a"}), node("c", {"b"})}));
  ASSERT_FALSE(order.has_value());
  EXPECT_EQ(order.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(order.error().message, HasSubstr("a -> b -> c -> a"));
  EXPECT_THAT(topological_order(workflow({node("a", {"a"})})).error().message, HasSubstr("a -> a"));
}

TEST(OrderTest, ALongChainNeitherOverflowsTheStackNorMakesALongMessage) {
  std::vector<Node> nodes;
  for (int i = 0; i < 100'000; ++i) {
    nodes.push_back(node("n" + std::to_string(i),
                         i == 99'999 ? std::vector<std::string>{}
                                     : std::vector<std::string>{"n" + std::to_string(i + 1)}));
  }
  Workflow chain = workflow(std::move(nodes));
  const auto order = topological_order(chain).value();
  EXPECT_EQ(order.front(), 99'999U);
  EXPECT_EQ(order.back(), 0U);
  chain.nodes.back() = node("n99999", {"n0"});
  EXPECT_LT(topological_order(chain).error().message.size(), 300U);
}

TEST(OrderTest, EveryNodeFollowsItsInputsInRandomGraphs) {
  std::mt19937 random(1);
  for (int round = 0; round < 50; ++round) {
    const std::size_t size = 1 + random() % 200;
    std::vector<std::size_t> shuffled(size);
    for (std::size_t i = 0; i < size; ++i) shuffled[i] = i;
    std::ranges::shuffle(shuffled, random);
    std::vector<Node> nodes(size);
    for (std::size_t i = 0; i < size; ++i) {
      std::vector<std::string> inputs;
      for (std::size_t k = 0; i > 0 && k < random() % 4; ++k) {
        inputs.push_back("n" + std::to_string(shuffled[random() % i]));
      }
      nodes[shuffled[i]] = node("n" + std::to_string(shuffled[i]), inputs);
    }
    const Workflow w = workflow(std::move(nodes));
    const auto order = topological_order(w).value();
    ASSERT_EQ(order.size(), size);
    std::vector<std::size_t> place(size);
    for (std::size_t i = 0; i < size; ++i) place[order[i]] = i;
    const auto inputs = dependencies(w);
    for (std::size_t i = 0; i < size; ++i) {
      for (const std::size_t input : inputs[i]) ASSERT_LT(place[input], place[i]);
    }
  }
}

}  // namespace
}  // namespace ae::dag
