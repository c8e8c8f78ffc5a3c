#include "compile/stages.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "dag/order.h"

namespace ae::compile {
namespace {

using Edges = std::vector<std::pair<std::size_t, std::size_t>>;

dag::Workflow graph(std::size_t size, const Edges& edges) {
  dag::Workflow workflow;
  for (std::size_t i = 0; i < size; ++i) {
    workflow.nodes.emplace_back().id = dag::NodeId(fmt::format("n{}", i));
  }
  for (const auto& [from, to] : edges) {
    workflow.nodes[to].depends_on.push_back(workflow.nodes[from].id);
  }
  return workflow;
}

// "(0 [1 | (2 3)] 4)"
std::string text_of(const Stage& stage) {
  if (stage.kind == Stage::Kind::kStep) return std::to_string(stage.step);
  const bool parallel = stage.kind == Stage::Kind::kParallel;
  std::string text;
  for (const Stage& child : stage.children) {
    if (!text.empty()) text += parallel ? " | " : " ";
    text += text_of(child);
  }
  return (parallel ? "[" : "(") + text + (parallel ? "]" : ")");
}

std::string shape(std::size_t size, const Edges& edges, std::size_t max_depth = 8) {
  return text_of(stages_of(graph(size, edges), max_depth)->root);
}

TEST(Stages, AChainIsASequence) { EXPECT_EQ("(0 1 2)", shape(3, {{0, 1}, {1, 2}})); }

TEST(Stages, AStepAloneIsItself) { EXPECT_EQ("0", shape(1, {})); }

TEST(Stages, StepsThatNeedNothingOfEachOtherStandSideBySide) {
  EXPECT_EQ("[0 | 1 | 2]", shape(3, {}));
}

TEST(Stages, ADiamondOpensAndCloses) {
  EXPECT_EQ("(0 [1 | 2] 3)", shape(4, {{0, 1}, {0, 2}, {1, 3}, {2, 3}}));
}

TEST(Stages, ARedundantEdgeChangesNothing) {
  EXPECT_EQ("(0 [1 | 2] 3)", shape(4, {{0, 1}, {0, 2}, {1, 3}, {2, 3}, {0, 3}}));
}

TEST(Stages, BranchesOfUnequalLengthGoOnAlone) {
  EXPECT_EQ("(0 [(1 2) | 3] 4)", shape(5, {{0, 1}, {1, 2}, {0, 3}, {2, 4}, {3, 4}}));
}

TEST(Stages, ParallelsNest) { EXPECT_EQ("[(0 [1 | 2]) | 3]", shape(4, {{0, 1}, {0, 2}})); }

TEST(Stages, WhatIsNotSeriesParallelIsCutBetweenLevels) {
  const auto stages = stages_of(graph(4, {{0, 2}, {0, 3}, {1, 3}}), 8);  // 2 does not need 1
  EXPECT_EQ("([0 | 1] [2 | 3])", text_of(stages->root));
  ASSERT_EQ(1U, stages->barriers.size());
  EXPECT_EQ((Barrier{{0, 1}, {2, 3}}), stages->barriers[0]);
}

TEST(Stages, TheCutThatDelaysFewestStepsIsTaken) {
  // Levels 0 1 | 2 3 | 4 5: between the last two everything is joined but one pair.
  const auto stages =
      stages_of(graph(6, {{0, 2}, {1, 3}, {2, 4}, {2, 5}, {3, 5}, {0, 3}, {1, 2}, {3, 4}}), 8);
  EXPECT_EQ("([0 | 1] [2 | 3] [4 | 5])", text_of(stages->root));
  EXPECT_TRUE(stages->barriers.empty());
}

TEST(Stages, BeyondTheDeepestNestingStepsAreRunLevelByLevel) {
  const Edges comb{{0, 1}, {0, 2}, {2, 3}, {2, 4}, {4, 5}, {4, 6}};
  EXPECT_EQ("(0 [1 | (2 [3 | (4 [5 | 6])])])", shape(7, comb));
  EXPECT_EQ("(0 [1 | 2] [3 | 4] [5 | 6])", shape(7, comb, 1));
}

TEST(Stages, ACycleIsRefused) {
  const auto stages = stages_of(graph(2, {{0, 1}, {1, 0}}), 8);
  ASSERT_FALSE(stages);
  EXPECT_EQ(ErrorCode::kFailedPrecondition, stages.error().code);
}

// When each step starts and ends, a step lasting 1: what the stages make of it.
std::size_t schedule(const Stage& stage, std::size_t now, std::vector<std::size_t>& starts) {
  if (stage.kind == Stage::Kind::kStep) {
    starts[stage.step] = now;
    return now + 1;
  }
  std::size_t end = now;
  for (const Stage& child : stage.children) {
    const std::size_t from = stage.kind == Stage::Kind::kParallel ? now : end;
    end = std::max(end, schedule(child, from, starts));
  }
  return end;
}

std::size_t deepest(const Stage& stage) {
  std::size_t depth = 0;
  for (const Stage& child : stage.children) depth = std::max(depth, deepest(child));
  return depth + (stage.kind == Stage::Kind::kParallel ? 1 : 0);
}

void check_shape(const Stage& stage) {
  if (stage.kind == Stage::Kind::kStep) return;
  EXPECT_LE(2U, stage.children.size());
  for (const Stage& child : stage.children) {
    EXPECT_NE(stage.kind, child.kind);
    check_shape(child);
  }
}

TEST(Stages, OfRandomGraphsLoseNoEdgeNoStepAndNoTime) {
  constexpr std::size_t kNever = 1'000'000;
  for (unsigned seed = 0; seed < 2'000; ++seed) {
    std::mt19937 random(seed);
    const std::size_t size = 1 + random() % 14;
    const unsigned density = 1 + random() % 6;
    Edges edges;
    for (std::size_t to = 1; to < size; ++to) {
      for (std::size_t from = 0; from < to; ++from) {
        if (random() % (2 + density) == 0) edges.emplace_back(from, to);
      }
    }
    const dag::Workflow workflow = graph(size, edges);
    const std::size_t max_depth = 1 + random() % 4;
    const auto stages = stages_of(workflow, max_depth);
    ASSERT_TRUE(stages);
    check_shape(stages->root);
    EXPECT_GE(max_depth, deepest(stages->root));
    std::vector<std::size_t> starts(size, kNever);
    const std::size_t end = schedule(stages->root, 0, starts);
    EXPECT_EQ(0, std::ranges::count(starts, kNever)) << seed;
    std::vector<std::size_t> level(size, 0);
    for (const auto& [from, to] : edges) {
      EXPECT_LT(starts[from], starts[to]) << seed << ' ' << text_of(stages->root);
      level[to] = std::max(level[to], level[from] + 1);
    }
    const std::size_t longest = 1 + *std::ranges::max_element(level);
    EXPECT_EQ(longest, end) << seed << ' ' << text_of(stages->root);
    EXPECT_EQ(stages->root, stages_of(workflow, max_depth)->root);
  }
}

TEST(Stages, AStepWaitsForMoreThanItUsesOnlyWhereABarrierSaysSo) {
  for (unsigned seed = 0; seed < 500; ++seed) {
    std::mt19937 random(seed);
    const std::size_t size = 2 + random() % 8;
    Edges edges;
    std::vector<std::vector<bool>> reaches(size, std::vector<bool>(size));
    for (std::size_t to = 1; to < size; ++to) {
      for (std::size_t from = 0; from < to; ++from) {
        if (random() % 3 > 0) continue;
        edges.emplace_back(from, to);
        reaches[from][to] = true;
        for (std::size_t i = 0; i < from; ++i) reaches[i][to] = reaches[i][to] || reaches[i][from];
      }
    }
    const auto stages = stages_of(graph(size, edges), 8);
    ASSERT_TRUE(stages);
    bool added = false;
    // In a sequence, every step of a child precedes every step of the next ones.
    const auto visit = [&](const auto& self, const Stage& stage) -> std::vector<std::size_t> {
      if (stage.kind == Stage::Kind::kStep) return {stage.step};
      std::vector<std::size_t> all;
      for (const Stage& child : stage.children) {
        const std::vector<std::size_t> steps = self(self, child);
        if (stage.kind == Stage::Kind::kSequence) {
          for (const std::size_t a : all) {
            for (const std::size_t b : steps) added = added || !reaches[a][b];
          }
        }
        all.insert(all.end(), steps.begin(), steps.end());
      }
      return all;
    };
    visit(visit, stages->root);
    EXPECT_EQ(added, !stages->barriers.empty()) << seed << ' ' << text_of(stages->root);
  }
}

}  // namespace
}  // namespace ae::compile
