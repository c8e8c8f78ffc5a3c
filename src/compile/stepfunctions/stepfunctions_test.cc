#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "compile/compiler.h"
#include "compile/stepfunctions/jsonata_text.h"
#include "dag/serialize.h"
#include "json/yaml.h"

namespace ae::compile {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string jsonata_member(std::string_view name) {
  return stepfunctions::jsonata::member("$a", name);
}

// A linked workflow of steps that all call the function `f`, from the members of a document.
dag::LinkedWorkflow linked(std::string_view nodes, std::string_view inputs = "{type: object}",
                           std::string_view outputs = "{}") {
  const std::string text =
      "apiVersion: actionengine/v1\nkind: Workflow\nmetadata: {name: trial}\ninputs: " +
      std::string(inputs) + "\nnodes: " + std::string(nodes) +
      "\noutputs: " + std::string(outputs) + "\n";
  auto parsed = dag::parse_workflow_text(text);
  EXPECT_TRUE(parsed && parsed->diagnostics.empty()) << text;
  dag::LinkedWorkflow made;
  made.workflow = std::move(parsed->workflow);
  dag::FunctionSpec spec;
  spec.name = "f";
  spec.version = "1";
  spec.output = {{"type", "object"}, {"properties", {{"x", Json::object()}}}};
  spec.binding = dag::LocalPackage{.folder = "", .handler = "app.handler", .runtime = "python3.12"};
  for (dag::Node& node : made.workflow.nodes) node.version = "1";
  made.functions.emplace("f@1", std::move(spec));
  return made;
}

dag::FunctionSpec& function_of(dag::LinkedWorkflow& workflow) {
  return workflow.functions.at("f@1");
}

Compiled compiled(const dag::LinkedWorkflow& workflow, const TargetOptions& options = {}) {
  auto made = compile(workflow, "stepfunctions", options);
  EXPECT_TRUE(made) << made.error().describe();
  return made ? *std::move(made) : Compiled{};
}

Json definition(const dag::LinkedWorkflow& workflow, const TargetOptions& options = {}) {
  const Compiled made = compiled(workflow, options);
  EXPECT_FALSE(dag::has_errors(made.diagnostics));
  auto parsed = json::parse(made.artifact.files.at(0).text);
  EXPECT_TRUE(parsed) << made.artifact.files.at(0).text;
  return parsed ? *parsed : Json();
}

constexpr const char* kDiamond =
    "[{id: a, function: f}, {id: b, function: f, arguments: {v: {node: a, output: x}}}, "
    "{id: c, function: f, arguments: {v: {node: a, output: x}}}, "
    "{id: d, function: f, arguments: {l: {node: b, output: x}, r: {node: c, output: x}, "
    "first: {node: a}}}]";

TEST(StepFunctions, EachStepGetsWhatItUsesFromAnyEarlierStep) {
  // The reference chains the steps in list order, and each sees the output of the last alone.
  const Json machine = definition(linked(kDiamond));
  const Json& states = machine["States"];
  EXPECT_EQ("b and c", states["a"]["Next"]);
  EXPECT_EQ("Parallel", states["b and c"]["Type"]);
  EXPECT_EQ("{% $a.x %}",
            states["b and c"]["Branches"][0]["States"]["b"]["Arguments"]["Payload"]["v"]);
  const Json& payload = states["d"]["Arguments"]["Payload"];
  EXPECT_EQ("{% $b.x %}", payload["l"]);
  EXPECT_EQ("{% $c.x %}", payload["r"]);
  EXPECT_EQ("{% $a %}", payload["first"]);
  EXPECT_EQ("{% $states.result[1].c %}", states["b and c"]["Assign"]["c"]);
}

TEST(StepFunctions, JsonPathKeepsEveryResultThatIsUsedLater) {
  const Json machine = definition(linked(kDiamond), {{"query-language", "jsonpath"}});
  const Json& states = machine["States"];
  EXPECT_EQ("$.a", states["a"]["ResultPath"]);
  const Json& payload = states["d"]["Parameters"]["Payload"];
  EXPECT_EQ("$.b_and_c.b.x", payload["l.$"]);
  EXPECT_EQ("$.a.Payload", payload["first.$"]);
  EXPECT_EQ("$[1].Payload", states["b and c"]["ResultSelector"]["c.$"]);
}

TEST(StepFunctions, RetriesAsThePolicySays) {
  const Json task = definition(
      linked("[{id: a, function: f, timeoutSeconds: 40, retry: {maxAttempts: 6, "
             "initialIntervalSeconds: 2, multiplier: 3, maxIntervalSeconds: 60}}]"))["States"]["a"];
  EXPECT_EQ(40, task["TimeoutSeconds"]);
  const Json wanted = {{"ErrorEquals", {"States.ALL"}},
                       {"IntervalSeconds", 2},
                       {"MaxAttempts", 5},
                       {"BackoffRate", 3},
                       {"MaxDelaySeconds", 60},
                       {"JitterStrategy", "FULL"}};
  EXPECT_TRUE(json::equal(Json::array({wanted}), task["Retry"])) << task["Retry"];
}

TEST(StepFunctions, ARetryWithoutGrowthSaysNoLongestWait) {
  const Json task = definition(linked(
      "[{id: a, function: f, retry: {maxAttempts: 4, initialIntervalSeconds: 9, multiplier: 2, "
      "maxIntervalSeconds: 5}}]"))["States"]["a"];
  EXPECT_EQ(5, task["Retry"][0]["IntervalSeconds"]);
  EXPECT_EQ(1, task["Retry"][0]["BackoffRate"]);
  EXPECT_FALSE(task["Retry"][0].contains("MaxDelaySeconds"));
}

TEST(StepFunctions, ARetryWithinASecondIsAWarning) {
  const Compiled made = compiled(
      linked("[{id: a, function: f, retry: {maxAttempts: 3, initialIntervalSeconds: 0.2}}]"));
  const auto found = std::ranges::find(made.diagnostics, "/nodes/0/retry/initialIntervalSeconds",
                                       &dag::Diagnostic::pointer);
  ASSERT_NE(made.diagnostics.end(), found);
  EXPECT_EQ(dag::Severity::kWarning, found->severity);
}

TEST(StepFunctions, WhatMustNotRunTwiceIsNotRetried) {
  auto workflow = linked("[{id: a, function: f, retry: {maxAttempts: 9}}]");
  function_of(workflow).effects = {"pay"};
  function_of(workflow).idempotent = false;
  for (const char* language : {"jsonata", "jsonpath"}) {
    const Json machine = definition(workflow, {{"query-language", language}});
    EXPECT_FALSE(machine["States"]["a"].contains("Retry"));
    EXPECT_TRUE(machine["States"]["a"].contains("Catch"));
  }
}

TEST(StepFunctions, TextsThatLookLikeExpressionsStayTexts) {
  const auto workflow = linked(
      "[{id: a, function: f, arguments: {t: {value: \"{% $x %}\"}, s: {value: \"${Other}\"}}}]");
  const std::string text = compiled(workflow).artifact.files[0].text;
  EXPECT_THAT(text, Not(HasSubstr("${Other}")));
  const Json payload = definition(workflow)["States"]["a"]["Arguments"]["Payload"];
  EXPECT_EQ("{% \"{\\u0025 $x \\u0025}\" %}", payload["t"]);
  EXPECT_EQ("${Other}", payload["s"]);
}

TEST(StepFunctions, AResponseForApiGatewayIsUnwrappedUnlessItsStatusIsDeclared) {
  auto workflow = linked("[{id: a, function: f}]", "{type: object}", "{o: {node: a, output: x}}");
  EXPECT_THAT(compiled(workflow).artifact.files[0].text, HasSubstr("statusCode"));
  EXPECT_THAT(compiled(workflow, {{"responses", "plain"}}).artifact.files[0].text,
              Not(HasSubstr("statusCode")));
  function_of(workflow).output["properties"]["statusCode"] = {{"type", "integer"}};
  EXPECT_THAT(compiled(workflow).artifact.files[0].text, Not(HasSubstr("statusCode")));
}

TEST(StepFunctions, AnInputThatMayBeAbsentIsRefusedInJsonPathAndLeftOutInJsonata) {
  const auto workflow =
      linked("[{id: a, function: f, arguments: {p: {input: maybe}, l: {list: [{input: maybe}]}}}]",
             "{type: object, properties: {maybe: {type: string}}}");
  EXPECT_EQ(
      "{% {'p': $input.maybe, 'l': $append([], ($v := $input.maybe; $type($v) = 'array' ? "
      "[[$v]] : $exists($v) ? [$v] : []))} %}",
      definition(workflow)["States"]["a"]["Arguments"]["Payload"]);
  const Compiled made = compiled(workflow, {{"query-language", "jsonpath"}});
  ASSERT_TRUE(dag::has_errors(made.diagnostics));
  EXPECT_EQ("unsupported", made.diagnostics[0].code);
  EXPECT_EQ("/nodes/0/arguments/p", made.diagnostics[0].pointer);
  EXPECT_TRUE(made.artifact.files.empty());
}

TEST(StepFunctions, AnHttpServiceNeedsAConnectionAndHttps) {
  auto workflow = linked("[{id: a, function: f}]", "{type: object}", "{o: {node: a, output: x}}");
  function_of(workflow).binding = dag::HttpService{"https://example.com/f"};
  const Compiled refused = compiled(workflow);
  ASSERT_TRUE(dag::has_errors(refused.diagnostics));
  EXPECT_THAT(refused.diagnostics[0].message, HasSubstr("step a calls"));
  const TargetOptions options{
      {"connection", "arn:aws:events:eu-west-1:123456789012:connection/c/1"}};
  const Json machine = definition(workflow, options);
  EXPECT_EQ("arn:aws:states:::http:invoke", machine["States"]["a"]["Resource"]);
  EXPECT_EQ("{% $states.result.ResponseBody %}", machine["States"]["a"]["Assign"]["a"]);
  EXPECT_THAT(compiled(workflow, options).artifact.files[1].text,
              HasSubstr("states:InvokeHTTPEndpoint"));
  function_of(workflow).binding = dag::HttpService{"http://example.com/f"};
  EXPECT_TRUE(dag::has_errors(compiled(workflow, options).diagnostics));
}

TEST(StepFunctions, ADeployedFunctionIsCalledByItsArn) {
  auto workflow = linked("[{id: a, function: f}]");
  const std::string arn = "arn:aws:lambda:eu-west-1:123456789012:function:f:live";
  function_of(workflow).binding = dag::LambdaFunction{arn};
  EXPECT_EQ(Json(arn), definition(workflow)["States"]["a"]["Arguments"]["FunctionName"]);
  const Compiled made = compiled(workflow);
  EXPECT_THAT(made.artifact.files[1].text, HasSubstr(arn));
  EXPECT_THAT(made.artifact.files[1].text, Not(HasSubstr("AWS::Serverless::Function")));
  EXPECT_TRUE(made.artifact.folders.empty());
}

TEST(StepFunctions, TheTemplateAllowsTheMachineItsFunctionsAndNothingElse) {
  const Compiled made = compiled(linked(kDiamond), {{"type", "express"}});
  const std::string& text = made.artifact.files.at(1).text;
  EXPECT_THAT(text, HasSubstr("Type: EXPRESS"));
  EXPECT_THAT(text, HasSubstr("StepFunctions-StartSyncExecution"));
  EXPECT_THAT(text, HasSubstr("FFunctionArn: !GetAtt FFunction.Arn"));
  EXPECT_THAT(text, Not(HasSubstr("Resource: \"*\"")));
  EXPECT_EQ((std::vector<ArtifactFolder>{{"functions/f", "f", "1"}}), made.artifact.folders);
}

TEST(StepFunctions, CommentsStayOnTheirLine) {
  auto workflow = linked("[{id: a, function: f, goal: \"one\\nResources: {}\\u2028two\"}]");
  workflow.workflow.description = "a\nb: c";
  const std::string text = compiled(workflow).artifact.files.at(1).text;
  EXPECT_THAT(text, HasSubstr("  # step a: one Resources: {} two\n"));
}

TEST(StepFunctions, ATimeOutBeyondLambdasIsRefused) {
  const Compiled made = compiled(linked("[{id: a, function: f, timeoutSeconds: 901}]"));
  ASSERT_TRUE(dag::has_errors(made.diagnostics));
  EXPECT_EQ("/nodes/0/timeoutSeconds", made.diagnostics[0].pointer);
}

TEST(StepFunctions, TheSameWorkflowGivesTheSameBytes) {
  const auto workflow = linked(kDiamond);
  for (const char* language : {"jsonata", "jsonpath"}) {
    const TargetOptions options{{"query-language", language}};
    EXPECT_EQ(compiled(workflow, options).artifact, compiled(workflow, options).artifact);
  }
}

TEST(JsonataText, NamesAreQuotedAsTheyNeed) {
  EXPECT_EQ("$a.title", jsonata_member("title"));
  EXPECT_EQ("$a.`first name`", jsonata_member("first name"));
  EXPECT_EQ("$a.`and`", jsonata_member("and"));
  EXPECT_EQ("$lookup($a, 'ti`ck')", jsonata_member("ti`ck"));
  EXPECT_EQ("$lookup($a, \"\\u0025}\")", jsonata_member("%}"));
}

TEST(JsonataText, VariablesHideNoFunction) {
  using stepfunctions::jsonata::variable_name;
  EXPECT_EQ("count_result", variable_name("count"));
  EXPECT_EQ("step_1st", variable_name("1st"));
  EXPECT_EQ("a_b", variable_name("a-b"));
}

}  // namespace
}  // namespace ae::compile
