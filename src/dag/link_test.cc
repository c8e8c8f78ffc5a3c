#include "dag/link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ae::dag {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

FunctionSpec spec() {
  FunctionSpec spec;
  spec.name = "send_email";
  spec.version = "abc";
  spec.description = "Sends an e-mail.";
  spec.input = Json{{"type", "object"},
                    {"properties", {{"to", {{"type", "string"}}}, {"body", {{"type", "string"}}}}},
                    {"required", {"to"}}};
  spec.effects = {"send"};
  spec.idempotent = false;
  spec.schemas = SchemaSource::kInferred;
  spec.runtime = {.timeout = std::chrono::milliseconds{1500},
                  .memory_mb = 256,
                  .environment = {{"MODE", "x"}},
                  .egress = {"smtp.example.org:587"},
                  .secrets = {"SMTP_PASSWORD"},
                  .state = "outbox",
                  .s3 = false};
  spec.binding = LocalPackage{.folder = "/functions/send_email",
                              .handler = "lambda_function.lambda_handler",
                              .runtime = "python3.11",
                              .layers = {"/layers/smtp"}};
  spec.examples = {{Json{{"to", "a@example.org"}}, Json{{"id", "1"}}, ""},
                   {Json::object(), nullptr, "KeyError"}};
  return spec;
}

LinkedWorkflow linked() {
  LinkedWorkflow linked;
  linked.workflow.name = "w";
  Node node;
  node.id = NodeId("a");
  node.function = "send_email";
  node.version = "abc";
  linked.workflow.nodes = {node};
  linked.functions[function_key("send_email", "abc")] = spec();
  return linked;
}

TEST(FunctionSpecTest, SurvivesJson) {
  EXPECT_EQ(function_spec_from_json(to_json(spec())).value(), spec());
  FunctionSpec bare;
  bare.name = "bare";
  EXPECT_EQ(function_spec_from_json(to_json(bare)).value(), bare);
}

TEST(FunctionSpecTest, EveryBindingSurvivesJson) {
  for (const FunctionBinding& binding :
       {FunctionBinding(HttpService{"http://resize.default.example.com/"}),
        FunctionBinding(LambdaFunction{"arn:aws:lambda:eu-west-1:123456789012:function:resize"})}) {
    FunctionSpec remote = spec();
    remote.binding = binding;
    EXPECT_EQ(function_spec_from_json(to_json(remote)).value(), remote);
  }
}

TEST(FunctionSpecTest, KnowsItsParameters) {
  EXPECT_THAT(property_names(spec().input), ElementsAre("to", "body"));
  EXPECT_THAT(property_names(Json(true)), ElementsAre());
  EXPECT_TRUE(is_required(spec().input, "to"));
  EXPECT_FALSE(is_required(spec().input, "body"));
  EXPECT_TRUE(spec().at_most_once());
}

TEST(FunctionSpecTest, ErrorsNameTheMember) {
  const std::pair<const char*, const char*> faults[] = {
      {R"({"name":"f","effects":"send"})", "effects"},
      {R"({"name":"f","effects":[1]})", "effects"},
      {R"({"name":1})", "name"},
      {R"({})", "name"},
      {R"([])", "a function must be an object"},
      {R"({"name":"f","idempotent":"no"})", "idempotent"},
      {R"({"name":"f","runtime":{"timeoutMs":-1}})", "timeoutMs"},
      {R"({"name":"f","runtime":{"environment":{"A":1}}})", "runtime.environment.A"},
      {R"({"name":"f","runtime":{"egress":[1]}})", "egress"},
      {R"({"name":"f","schemas":"dreamt"})", "dreamt"},
      {R"({"name":"f","binding":{"kind":"magic"}})", "magic"},
      {R"({"name":"f","binding":{"kind":"http","url":1}})", "url"},
      {R"({"name":"f","examples":[1]})", "examples"}};
  for (const auto& [text, message] : faults) {
    const auto read = function_spec_from_json(json::parse(text).value());
    ASSERT_FALSE(read.has_value()) << text;
    EXPECT_EQ(read.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(read.error().message, HasSubstr(message)) << text;
  }
}

TEST(LinkedWorkflowTest, SurvivesJsonAndFindsTheSpecOfANode) {
  const LinkedWorkflow before = linked();
  const LinkedWorkflow after = linked_workflow_from_json(to_json(before)).value();
  EXPECT_EQ(after, before);
  EXPECT_EQ(after.spec_of(after.workflow.nodes[0]), spec());
}

TEST(LinkedWorkflowTest, WhatDoesNotBelongTogetherIsRefused) {
  Json without = to_json(linked());
  without["functions"] = Json::object();
  EXPECT_THAT(linked_workflow_from_json(without).error().message, HasSubstr("send_email@abc"));
  Json misfiled = to_json(linked());
  misfiled["functions"]["send_email@abc"]["version"] = "other";
  EXPECT_THAT(linked_workflow_from_json(misfiled).error().message, HasSubstr("is filed under"));
  Json broken = to_json(linked());
  broken["workflow"]["nodes"][0].erase("id");
  EXPECT_THAT(linked_workflow_from_json(broken).error().message, HasSubstr("/workflow/nodes/0"));
  EXPECT_FALSE(linked_workflow_from_json(Json::object()).has_value());
}

}  // namespace
}  // namespace ae::dag
