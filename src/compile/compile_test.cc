#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compile/compiler.h"

namespace ae::compile {
namespace {

using ::testing::HasSubstr;

dag::LinkedWorkflow greeting() {
  dag::FunctionSpec spec;
  spec.name = "greet";
  spec.version = "1";
  spec.binding = dag::LambdaFunction{"arn:aws:lambda:eu-west-1:123456789012:function:greet"};
  dag::Node node;
  node.id = dag::NodeId("greet");
  node.function = "greet";
  node.version = "1";
  dag::LinkedWorkflow linked;
  linked.workflow.name = "greeting";
  linked.workflow.nodes = {node};
  linked.workflow.outputs = {
      {"text", {dag::OutputRef{.node = dag::NodeId("greet"), .field = "text"}}}};
  linked.functions.emplace(dag::function_key("greet", "1"), spec);
  return linked;
}

TEST(Compile, NamesTheTargetsWhenOneIsUnknown) {
  const auto compiled = compile(greeting(), "stepfunction");
  ASSERT_FALSE(compiled);
  EXPECT_EQ(ErrorCode::kNotFound, compiled.error().code);
  EXPECT_THAT(compiled.error().message, HasSubstr("did you mean \"stepfunctions\""));
}

TEST(Compile, NamesTheOptionsWhenOneIsUnknown) {
  const auto compiled = compile(greeting(), "stepfunctions", {{"language", "jsonata"}});
  ASSERT_FALSE(compiled);
  EXPECT_EQ(ErrorCode::kInvalidArgument, compiled.error().code);
  EXPECT_THAT(compiled.error().message, HasSubstr("it has: query-language"));
}

TEST(Compile, NamesTheValuesWhenOneIsUnknown) {
  const auto compiled = compile(greeting(), "stepfunctions", {{"query-language", "xpath"}});
  ASSERT_FALSE(compiled);
  EXPECT_EQ(ErrorCode::kInvalidArgument, compiled.error().code);
  EXPECT_THAT(compiled.error().message, HasSubstr("jsonata | jsonpath"));
}

TEST(Compile, RefusesAWorkflowThatIsNotWellFormed) {
  auto linked = greeting();
  linked.workflow.nodes[0].depends_on = {dag::NodeId("gone")};
  for (const CompilerTarget* target : targets()) {
    const auto compiled = compile(linked, target->name());
    ASSERT_FALSE(compiled);
    EXPECT_EQ(ErrorCode::kInvalidArgument, compiled.error().code);
    EXPECT_THAT(compiled.error().message, HasSubstr("there is no step \"gone\""));
  }
}

TEST(Compile, RefusesAWorkflowWhoseFunctionsAreNotLinked) {
  auto linked = greeting();
  linked.functions.clear();
  const auto compiled = compile(linked, "stepfunctions");
  ASSERT_FALSE(compiled);
  EXPECT_THAT(compiled.error().message, HasSubstr("greet@1, which is not linked"));
}

TEST(Targets, AreSortedByNameAndExplainTheirOptions) {
  std::string_view before;
  for (const CompilerTarget* target : targets()) {
    EXPECT_LT(before, target->name());
    before = target->name();
    EXPECT_FALSE(target->description().empty());
    for (const OptionInfo& option : target->options()) {
      EXPECT_FALSE(option.values.empty()) << option.name;
      EXPECT_FALSE(option.description.empty()) << option.name;
    }
  }
}

}  // namespace
}  // namespace ae::compile
