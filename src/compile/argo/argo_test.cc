#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "compile/compiler.h"
#include "json/yaml.h"

namespace ae::compile {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Workflows over functions that answer with {"text", "count", "inner": {"name"}}.
class Builder {
 public:
  Builder() { linked_.workflow.name = "Mood_Music"; }

  Builder& input(const std::string& name, Json schema, bool required = true) {
    linked_.workflow.inputs["properties"][name] = std::move(schema);
    if (required) linked_.workflow.inputs["required"].push_back(name);
    return *this;
  }

  Builder& step(const std::string& id, dag::Bindings arguments) {
    dag::Node node;
    node.id = dag::NodeId(id);
    node.function = "f_" + id;
    node.version = "v1";
    node.goal = "Do " + id;
    node.arguments = std::move(arguments);
    dag::FunctionSpec spec;
    spec.name = node.function;
    spec.version = "v1";
    spec.output =
        Json{{"type", "object"},
             {"properties",
              {{"text", {{"type", "string"}}},
               {"count", {{"type", "integer"}}},
               {"a.b", Json::object()},
               {"inner", {{"type", "object"}, {"properties", {{"name", Json::object()}}}}}}}};
    spec.binding = dag::HttpService{"http://" + id + ".functions.example.com/"};
    linked_.functions[dag::function_key(spec.name, "v1")] = std::move(spec);
    linked_.workflow.nodes.push_back(std::move(node));
    return *this;
  }

  Builder& output(const std::string& name, dag::Binding binding) {
    linked_.workflow.outputs.push_back({name, std::move(binding)});
    return *this;
  }

  dag::Node& node() { return linked_.workflow.nodes.back(); }
  dag::FunctionSpec& function() {
    return linked_.functions.at(dag::function_key(node().function, node().version));
  }
  dag::LinkedWorkflow& linked() { return linked_; }

  Compiled compile(TargetOptions options = {{"kind", "workflow"}}) const {
    auto compiled = ae::compile::compile(linked_, "argo", options);
    EXPECT_TRUE(compiled) << compiled.error().describe();
    return compiled ? *std::move(compiled) : Compiled{};
  }

  // The first file, read.
  Json read(const TargetOptions& options = {{"kind", "workflow"}}) const {
    const Compiled compiled = compile(options);
    EXPECT_FALSE(compiled.artifact.files.empty());
    if (compiled.artifact.files.empty()) return {};
    auto json = json::parse_yaml(compiled.artifact.files[0].text);
    EXPECT_TRUE(json) << json.error().describe() << compiled.artifact.files[0].text;
    return json ? *std::move(json) : Json();
  }

 private:
  dag::LinkedWorkflow linked_;
};

dag::Binding from(const std::string& node, const std::string& field = "") {
  return {dag::OutputRef{dag::NodeId(node), field}};
}
dag::Binding input(const std::string& name) { return {dag::InputRef{name}}; }
dag::Binding literal(Json value) { return {dag::Literal{std::move(value)}}; }

const Json& task(const Json& workflow, std::size_t index) {
  return workflow["spec"]["templates"][0]["dag"]["tasks"][index];
}

std::string parameter(const Json& task, std::string_view name) {
  for (const Json& one : task["arguments"]["parameters"]) {
    if (one["name"] == name) return one["value"].get<std::string>();
  }
  return {};
}

const Json& call_template(const Json& workflow, std::size_t index = 0) {
  return workflow["spec"]["templates"][index + 1];
}

std::vector<std::string> codes(const Compiled& compiled) {
  std::vector<std::string> codes;
  for (const dag::Diagnostic& one : compiled.diagnostics) codes.push_back(one.code);
  return codes;
}

const Json kText{{"type", "string"}};

TEST(ArgoTest, EachTaskCallsItsFunctionsUrlWithItsArguments) {
  Builder builder;
  builder.input("who", kText).step("a", {{"name", input("who")}});
  const Json workflow = builder.read();
  const Json& only = task(workflow, 0);
  EXPECT_EQ(parameter(only, "url"), "http://a.functions.example.com/");
  EXPECT_EQ(parameter(only, "body"),
            "{\n  \"name\": {{=workflow.parameters.who | toJson() | "
            "replace('{{', '{\\\\u007b')}}\n}");
  const Json& call = call_template(workflow);
  EXPECT_EQ(only["template"], call["name"]);
  EXPECT_EQ(call["container"]["command"], Json({"curl"}));
  EXPECT_THAT(json::dump(call["container"]["args"]), HasSubstr("inputs.parameters.url"));
  EXPECT_EQ(call["inputs"]["artifacts"][0]["raw"]["data"], "{{=inputs.parameters.body}}");
}

// What the paper's implementation gave: no url, no method, results under a name that Argo does not
// have, parameters without a value and parameters of the same name.
TEST(ArgoTest, NothingIsNullAndNothingIsNamedThatDoesNotExist) {
  Builder builder;
  builder.input("id", kText).input("i-d", kText).input("i d", kText);
  builder.step("a", {{"id", input("id")}, {"other", input("i-d")}});
  builder.step("b", {{"id", from("a", "text")}, {"more", input("i d")}});
  builder.step("c", {{"id", from("a", "text")}, {"all", from("b")}});
  builder.output("x", from("c", "text")).output("x-", from("b"));
  for (const std::string& call : {"container", "http"}) {
    const Json workflow = builder.read({{"kind", "workflow"}, {"call", call}});
    EXPECT_THAT(json::dump(workflow), Not(HasSubstr("null,")));
    EXPECT_THAT(json::dump(workflow), Not(HasSubstr("\":null")));
    std::set<std::string> parameters;
    for (const Json& one : workflow["spec"]["arguments"]["parameters"]) {
      EXPECT_TRUE(parameters.insert(one["name"].get<std::string>()).second) << one;
    }
    EXPECT_EQ(parameters.size(), 3U);
    if (call == "http") {
      EXPECT_EQ(call_template(workflow)["http"]["method"], "POST");
    }
    const Json& tasks = workflow["spec"]["templates"][0]["dag"]["tasks"];
    std::set<std::string> before;
    for (const Json& one : tasks) {
      EXPECT_FALSE(parameter(one, "url").empty());
      for (const Json& dependency : one.value("dependencies", Json::array())) {
        EXPECT_TRUE(before.contains(dependency.get<std::string>()));
        EXPECT_THAT(parameter(one, "body"),
                    HasSubstr("tasks." + dependency.get<std::string>() + ".outputs.result"));
      }
      before.insert(one["name"].get<std::string>());
    }
    EXPECT_EQ(tasks[2]["dependencies"], Json({"a", "b"}));
  }
}

TEST(ArgoTest, TasksWaitForTheirDataAndForNothingElse) {
  Builder builder;
  builder.step("a", {}).step("b", {}).step("c", {{"x", from("a", "text")}}).step("d", {});
  builder.node().depends_on = {dag::NodeId("b")};
  const Json workflow = builder.read();
  EXPECT_FALSE(task(workflow, 0).contains("dependencies"));
  EXPECT_FALSE(task(workflow, 1).contains("dependencies"));
  EXPECT_EQ(task(workflow, 2)["dependencies"], Json({"a"}));
  EXPECT_EQ(task(workflow, 3)["dependencies"], Json({"b"}));
}

// Argo keeps a container's output only when it finds tasks.NAME.outputs.result or
// tasks['NAME'].outputs.result in the template, the latter with these quotes.
TEST(ArgoTest, ResultsOfTasksWithDashesAreNamedInSingleQuotes) {
  Builder builder;
  builder.step("Get_User", {}).step("b", {{"x", from("Get_User", "inner.name")}});
  const Json workflow = builder.read();
  EXPECT_EQ(task(workflow, 0)["name"], "get-user");
  EXPECT_THAT(parameter(task(workflow, 1), "body"),
              HasSubstr("tasks['get-user'].outputs.result | jsonpath('$.inner.name')"));
}

TEST(ArgoTest, WordsOfTheExpressionLanguageAreNoNames) {
  Builder builder;
  builder.input("retries", kText).step("not", {{"x", input("retries")}});
  builder.step("b", {{"x", from("not", "text")}, {"y", from("not", "a.b")}});
  const Json workflow = builder.read();
  EXPECT_THAT(parameter(task(workflow, 0), "body"), HasSubstr("workflow.parameters['retries']"));
  EXPECT_THAT(parameter(task(workflow, 1), "body"), HasSubstr("tasks['not-step'].outputs"));
  EXPECT_EQ(task(workflow, 1)["dependencies"], Json({"not-step"}));
  EXPECT_THAT(parameter(task(workflow, 1), "body"), HasSubstr(R"(jsonpath('$["a.b"]'))"));
}

TEST(ArgoTest, LiteralsAreTheirJsonWithoutAnythingThatArgoTakesForATag) {
  const Json value{{"quote\"", "it's {{workflow.name}} \\ \n \x01 ü \x7f"}, {"n", {1, 2.5, {}}}};
  Builder builder;
  builder.step("a", {{"x", literal(value)}});
  const std::string body = parameter(task(builder.read(), 0), "body");
  EXPECT_THAT(body, Not(HasSubstr("{{")));
  const auto read = json::parse(body);
  ASSERT_TRUE(read) << body;
  EXPECT_EQ((*read)["x"], value);
}

TEST(ArgoTest, OptionalInputsBringTheirCommaAlong) {
  Builder builder;
  builder.input("n", {{"type", "integer"}}, false).input("t", kText, false);
  builder.step("a", {{"n", input("n")}, {"x", literal(1)}, {"t", input("t")}});
  builder.step("b", {{"n", input("n")}}).step("c", {{"n", input("n")}, {"t", input("t")}});
  const Compiled compiled = builder.compile();
  EXPECT_THAT(codes(compiled), ElementsAre("differs"));  // an empty string counts as left out
  const Json workflow = builder.read();
  EXPECT_THAT(parameter(task(workflow, 0), "body"), HasSubstr(R"("x": 1
  {{=workflow.parameters.n == '' ? '' : ', "n": ' + (workflow.parameters.n | int() | toJson())}})"));
  EXPECT_THAT(parameter(task(workflow, 1), "body"),
              HasSubstr(R"({{=workflow.parameters.n == '' ? '' : '"n": ' + )"));
  EXPECT_THAT(parameter(task(workflow, 2), "body"), HasSubstr("| filter(# != '') | join(', ')}}"));
  EXPECT_EQ(workflow["spec"]["arguments"]["parameters"][0]["value"], "");
}

TEST(ArgoTest, DefaultsAndChoicesBecomeTheParameters) {
  Builder builder;
  builder.input("a", {{"type", "string"}, {"default", "yes"}, {"enum", {"yes", "no"}}}, false);
  builder.input("b", {{"type", "object"}, {"default", {{"x", 1}}}}, false);
  builder.step("s", {{"a", input("a")}, {"b", input("b")}});
  const Json parameters = builder.read()["spec"]["arguments"]["parameters"];
  EXPECT_EQ(parameters[0]["value"], "yes");
  EXPECT_EQ(parameters[0]["enum"], Json({"yes", "no"}));
  EXPECT_EQ(json::parse(parameters[1]["value"].get<std::string>()).value(), Json({{"x", 1}}));
}

TEST(ArgoTest, RetriesAreThoseOfTheStepAndNoneForWhatMustRunAtMostOnce) {
  Builder builder;
  builder.step("a", {}).step("b", {});
  builder.node().retry =
      dag::RetryPolicy{5, std::chrono::milliseconds(1500), 3.0, std::chrono::milliseconds(60'000)};
  builder.step("pay", {});
  builder.function().effects = {"pay"};
  builder.function().idempotent = false;
  const Json workflow = builder.read();
  const auto retry = [&](std::size_t i) { return call_template(workflow, i)["retryStrategy"]; };
  EXPECT_EQ(retry(0), Json::parse(R"({"limit": "2", "retryPolicy": "Always",
      "backoff": {"duration": "200ms", "factor": "2", "cap": "10s"}})"));
  EXPECT_EQ(task(workflow, 1)["template"], "call-5-times");
  EXPECT_EQ(retry(1), Json::parse(R"({"limit": "4", "retryPolicy": "Always",
      "backoff": {"duration": "1500ms", "factor": "3", "cap": "60s"}})"));
  EXPECT_EQ(task(workflow, 2)["template"], "call-once");
  EXPECT_EQ(retry(2), Json::parse(R"({"limit": "0"})"));
}

TEST(ArgoTest, TimeoutsAreThoseOfTheStepOrTheFunction) {
  Builder builder;
  builder.step("a", {}).step("b", {});
  builder.node().timeout = std::chrono::milliseconds(250);
  builder.step("c", {});
  builder.function().runtime.timeout = std::chrono::minutes(2);
  const Json curl = builder.read();
  EXPECT_EQ(parameter(task(curl, 0), "timeout"), "");  // the template's own
  EXPECT_EQ(parameter(task(curl, 1), "timeout"), "0.25");
  EXPECT_EQ(parameter(task(curl, 2), "timeout"), "120");
  const TargetOptions http{{"kind", "workflow"}, {"call", "http"}};
  const Json agent = builder.read(http);
  EXPECT_EQ(call_template(agent, 0)["http"]["timeoutSeconds"], 3);
  EXPECT_EQ(call_template(agent, 1)["http"]["timeoutSeconds"], 1);
  EXPECT_EQ(call_template(agent, 2)["http"]["timeoutSeconds"], 120);
  EXPECT_THAT(codes(builder.compile(http)), ElementsAre("differs"));
}

TEST(ArgoTest, OutputsAreTextWhereTheyAreStringsAndJsonElsewhere) {
  Builder builder;
  builder.input("who", kText).step("a", {});
  builder.output("t", from("a", "text")).output("n", from("a", "count"));
  builder.output("w", input("who")).output("l", literal("it's"));
  const Json outputs = builder.read()["spec"]["templates"][0]["outputs"]["parameters"];
  const auto expression = [&](std::size_t i) {
    return outputs[i]["valueFrom"]["expression"].get<std::string>();
  };
  EXPECT_EQ(expression(0), "tasks.a.outputs.result | jsonpath('$.text')");
  EXPECT_EQ(expression(1), "tasks.a.outputs.result | jsonpath('$.count') | toJson()");
  EXPECT_EQ(expression(2), "{{=workflow.parameters.who | toJson() | replace('{{', '{\\\\u007b')}}");
  EXPECT_EQ(expression(3), R"('it\'s')");
}

TEST(ArgoTest, WhatArgoCannotExpressIsRefusedByName) {
  const auto refusal = [](const Builder& builder, TargetOptions options = {}) {
    const Compiled compiled = builder.compile(std::move(options));
    EXPECT_THAT(compiled.artifact.files, IsEmpty());
    if (compiled.diagnostics.empty()) return dag::Diagnostic{};
    EXPECT_EQ(compiled.diagnostics[0].code, "unsupported");
    EXPECT_FALSE(compiled.diagnostics[0].fix.empty());
    return compiled.diagnostics[0];
  };
  Builder lambda;
  lambda.step("a", {}).step("b", {});
  lambda.function().binding = dag::LambdaFunction{"arn:aws:lambda:x:1:function:b"};
  EXPECT_EQ(refusal(lambda).pointer, "/nodes/1/function");
  EXPECT_THAT(refusal(lambda).message, HasSubstr("step b"));

  Builder pay;
  pay.step("pay", {});
  pay.function().effects = {"pay"};
  pay.function().idempotent = false;
  EXPECT_THAT(refusal(pay, {{"call", "http"}}).message, HasSubstr("step pay"));
  EXPECT_THAT(pay.compile().diagnostics, IsEmpty());

  Builder url;
  url.step("a", {});
  url.function().binding = dag::HttpService{"http://x/{{workflow.name}}"};
  EXPECT_THAT(refusal(url).message, HasSubstr("no URL"));

  Builder forever;
  forever.step("a", {});
  forever.node().retry = dag::RetryPolicy{.max_attempts = 100};
  EXPECT_EQ(refusal(forever).pointer, "/nodes/0/retry");

  Builder tag;
  tag.input("t", {{"type", "string"}, {"default", "{{"}}, false).step("a", {{"x", input("t")}});
  EXPECT_EQ(refusal(tag).pointer, "/inputs/properties/t/default");

  Builder plain;
  plain.step("a", {});
  EXPECT_THAT(refusal(plain, {{"namespace", "Not A Name"}}).fix, HasSubstr("not-a-name"));
}

TEST(ArgoTest, LocalPackagesAreKnativeServicesOfTheirNamespace) {
  Builder builder;
  builder.step("a", {});
  builder.function().binding = dag::LocalPackage{"/x", "app.handler", "python3.11"};
  builder.function().version = "v1";
  builder.function().runtime.secrets = {"KEY"};
  builder.function().runtime.environment = {{"MODE", "yes"}};
  const TargetOptions options{{"knative", "yes"}, {"namespace", "media"}, {"registry", "r.io/x"}};
  const Compiled compiled = builder.compile(options);
  ASSERT_EQ(compiled.artifact.files.size(), 3U);
  EXPECT_EQ(compiled.artifact.files[2].path, "knative/f-a.yaml");
  const Json service = json::parse_yaml(compiled.artifact.files[2].text).value();
  EXPECT_EQ(service["metadata"], Json({{"name", "f-a"}, {"namespace", "media"}}));
  const Json& container = service["spec"]["template"]["spec"]["containers"][0];
  EXPECT_EQ(container["image"], "r.io/x/f-a:v1");
  EXPECT_EQ(container["env"][0], Json({{"name", "MODE"}, {"value", "yes"}}));
  EXPECT_EQ(container["env"][1]["valueFrom"]["secretKeyRef"]["key"], "KEY");
  EXPECT_EQ(parameter(task(builder.read(options), 0), "url"), "http://f-a.media.svc.cluster.local");
}

TEST(ArgoTest, GoalsAreCommentsThatCannotBreakOut) {
  Builder builder;
  builder.step("a", {});
  builder.node().goal = "one\nkind: Evil\xE2\x80\xA8two";
  const std::string text = builder.compile().artifact.files[0].text;
  EXPECT_THAT(text, HasSubstr("# one kind: Evil two\n"));
  EXPECT_EQ(builder.read()["kind"], "Workflow");
}

TEST(ArgoTest, TasksOfTheSameNameInKubernetesEyesAreTold) {
  Builder builder;
  builder.step("a_b", {}).step("a-b", {}).step("A-B", {}).step("9", {{"x", from("A-B", "text")}});
  const Json workflow = builder.read();
  EXPECT_EQ(task(workflow, 0)["name"], "a-b");
  EXPECT_EQ(task(workflow, 1)["name"], "a-b-2");
  EXPECT_EQ(task(workflow, 2)["name"], "a-b-3");
  EXPECT_EQ(task(workflow, 3)["name"], "x9");
  EXPECT_EQ(task(workflow, 3)["dependencies"], Json({"a-b-3"}));
}

TEST(ArgoTest, EachNodeAndInputIsExplained) {
  Builder builder;
  builder.input("who", kText).step("a", {{"x", input("who")}});
  const std::vector<std::string> lines = builder.compile().artifact.explanations;
  EXPECT_THAT(lines, Contains(HasSubstr("a (f_a) is task a: POST http://a.")));
  EXPECT_THAT(lines, Contains(HasSubstr("input who is parameter who")));
}

}  // namespace
}  // namespace ae::compile
