#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "dag/serialize.h"
#include "dag/validate.h"
#include "json/schema.h"
#include "json/yaml.h"

namespace ae::dag {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// The example of serialize.h, with every member that the form has.
constexpr const char* kFull = R"(
apiVersion: actionengine/v1
kind: Workflow
metadata: {name: mood-music, description: "Plays music that fits"}
inputs:
  type: object
  properties: {username: {type: string, examples: [Anna]}, a: {type: string}}
  required: [username]
nodes:
  - id: username2id
    function: username2id
    version: 3f2a
    goal: find Anna's user id
    arguments:
      username: {input: username}
  - id: getusermood
    function: getusermood
    arguments:
      user_id: {node: username2id, output: user.id}
      whole: {node: username2id}
      limit: {value: 3}
      nothing: {value: null}
      tags: {list: [{value: a}, {input: a}, {list: []}]}
      place: {object: {city: {input: a}, "a/b": {object: {}}}}
    retry: {maxAttempts: 4, initialIntervalSeconds: 0.25, multiplier: 1.5, maxIntervalSeconds: 7}
    timeoutSeconds: 30.5
    dependsOn: [username2id]
outputs:
  mood: {node: getusermood, output: mood}
)";

Workflow parsed(const std::string& text) {
  auto result = parse_workflow_text(text);
  EXPECT_TRUE(result.has_value());
  EXPECT_THAT(result->diagnostics, IsEmpty()) << json::dump_pretty(to_json(result->diagnostics));
  return std::move(result->workflow);
}

TEST(ParseTest, EveryMemberOfTheFormIsRead) {
  const Workflow w = parsed(kFull);
  EXPECT_EQ(w.name, "mood-music");
  EXPECT_EQ(w.description, "Plays music that fits");
  ASSERT_THAT(w.nodes, SizeIs(2));
  EXPECT_EQ(w.nodes[0].version, "3f2a");
  EXPECT_EQ(w.nodes[0].goal, "find Anna's user id");
  const Node& node = w.nodes[1];
  EXPECT_EQ(*find_binding(node.arguments, "user_id"),
            (Binding{OutputRef{NodeId("username2id"), "user.id"}}));
  EXPECT_EQ(*find_binding(node.arguments, "whole"),
            (Binding{OutputRef{NodeId("username2id"), ""}}));
  EXPECT_EQ(*find_binding(node.arguments, "limit"), (Binding{Literal{3}}));
  EXPECT_EQ(std::get<ListBinding>(find_binding(node.arguments, "tags")->source).items[1],
            (Binding{InputRef{"a"}}));
  EXPECT_EQ(std::get<ObjectBinding>(find_binding(node.arguments, "place")->source).members[1].name,
            "a/b");
  EXPECT_EQ(node.retry,
            (RetryPolicy{4, std::chrono::milliseconds{250}, 1.5, std::chrono::milliseconds{7000}}));
  EXPECT_EQ(node.timeout, std::chrono::milliseconds{30'500});
  EXPECT_EQ(node.depends_on, std::vector{NodeId("username2id")});
  EXPECT_EQ(find_node(w, NodeId("getusermood")), &node);
  EXPECT_EQ(find_node(w, NodeId("none")), nullptr);
}

TEST(ParseTest, WhatIsWrittenIsReadBackTheSameInJsonAndInYaml) {
  const Workflow w = parsed(kFull);
  const Json written = to_json(w);
  EXPECT_TRUE(json::equal(written, json::parse_yaml(kFull).value())) << json::dump_pretty(written);
  EXPECT_EQ(parsed(json::dump(written)), w);
  EXPECT_EQ(parsed(json::dump_yaml(written)), w);
}

TEST(ParseTest, EveryMillisecondSurvivesTheSeconds) {
  Workflow w = parsed(kFull);
  for (int i = 1; i < 100'000; i += 131) {
    w.nodes[1].timeout = std::chrono::milliseconds{i};
    ASSERT_EQ(parse_workflow(to_json(w)).workflow.nodes[1].timeout, w.nodes[1].timeout);
  }
}

TEST(ParseTest, NeitherJsonNorYamlIsAnError) {
  const auto result = parse_workflow_text("a: [");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(result.error().message, HasSubstr("line"));
}

struct Finding {
  const char* name;
  const char* pointer_changed;  // where kFull is changed ...
  const char* replacement;      // ... to this JSON; "" removes the member
  const char* code;
  const char* pointer;
  const char* message;
  const char* fix;
};

// Sets, adds or removes what the pointer names.
Json changed(Json document, const std::string& pointer, const std::string& replacement) {
  if (pointer.empty()) return json::parse(replacement).value();
  const std::size_t slash = pointer.rfind('/');
  const Json::json_pointer parent(pointer.substr(0, slash));
  const std::string last = pointer.substr(slash + 1);
  if (replacement.empty()) {
    document[parent].erase(last);
  } else if (document[parent].is_array()) {
    document[parent][std::stoul(last)] = json::parse(replacement).value();
  } else {
    document[parent][last] = json::parse(replacement).value();
  }
  return document;
}

class ParseFindings : public ::testing::TestWithParam<Finding> {};

TEST_P(ParseFindings, SayWhatWhereAndHowToMendIt) {
  const Finding& wanted = GetParam();
  const Json document =
      changed(json::parse_yaml(kFull).value(), wanted.pointer_changed, wanted.replacement);
  const auto found = parse_workflow(document).diagnostics;
  ASSERT_THAT(found, SizeIs(1)) << json::dump_pretty(to_json(found));
  EXPECT_EQ(found[0].code, wanted.code);
  EXPECT_EQ(found[0].severity, Severity::kError);
  EXPECT_EQ(found[0].pointer, wanted.pointer);
  EXPECT_THAT(found[0].message, HasSubstr(wanted.message));
  EXPECT_THAT(found[0].fix, HasSubstr(wanted.fix));
}

INSTANTIATE_TEST_SUITE_P(
    All, ParseFindings,
    ::testing::Values(
        Finding{"no_object", "", "[1]", "invalid_document", "", "not an array", "apiVersion"},
        Finding{"other_kind", "/kind", "\"Function\"", "invalid_document", "/kind",
                "the kind is \"Function\"", "kind: Workflow"},
        Finding{"old_version", "/apiVersion", "\"actionengine/v0\"", "unsupported_version",
                "/apiVersion", "actionengine/v0", "use actionengine/v1"},
        Finding{"no_version", "/apiVersion", "", "missing_member", "", "\"apiVersion\"",
                "add apiVersion: actionengine/v1"},
        Finding{"no_metadata", "/metadata", "", "missing_member", "", "\"metadata\"", "name"},
        Finding{"no_name", "/metadata/name", "", "missing_member", "/metadata", "\"name\"", "name"},
        Finding{"no_nodes", "/nodes", "", "missing_member", "", "\"nodes\"", "nodes: ["},
        Finding{"nodes_type", "/nodes", "{}", "wrong_type", "/nodes", "an array of steps", "list"},
        Finding{"node_type", "/nodes/0", "\"x\"", "wrong_type", "/nodes/0", "the string \"x\"",
                "id"},
        Finding{"no_id", "/nodes/0/id", "", "missing_member", "/nodes/0", "\"id\"", "id"},
        Finding{"id_type", "/nodes/0/id", "7", "wrong_type", "/nodes/0/id",
                "expected a string, got the integer 7", "quote"},
        Finding{"no_function", "/nodes/0/function", "", "missing_member", "/nodes/0", "function",
                "function"},
        Finding{"typo", "/nodes/0/argumets", "{}", "unknown_member", "/nodes/0/argumets",
                "\"argumets\" is not known", "did you mean \"arguments\"?"},
        Finding{"stranger", "/whatever", "{}", "unknown_member", "/whatever", "not known",
                "known are apiVersion, kind"},
        Finding{"bare_literal", "/nodes/1/arguments/limit", "3", "wrong_type",
                "/nodes/1/arguments/limit", "expected a binding, got the integer 3",
                "write {value: 3}"},
        Finding{"bare_list", "/nodes/1/arguments/limit", "[3]", "wrong_type",
                "/nodes/1/arguments/limit", "got an array", "{list: [...]}"},
        Finding{"two_sources", "/nodes/1/arguments/limit", R"({"input":"a","value":1})",
                "wrong_type", "/nodes/1/arguments/limit", "input and value", "keep one"},
        Finding{"no_source", "/nodes/1/arguments/limit", "{}", "missing_member",
                "/nodes/1/arguments/limit", "\"input\"", "{value: literal}"},
        Finding{"output_alone", "/nodes/1/arguments/limit", R"({"output":"a"})", "missing_member",
                "/nodes/1/arguments/limit", "\"node\"", "{node: step"},
        Finding{"output_of_input", "/nodes/1/arguments/limit", R"({"input":"a","output":"b"})",
                "unknown_member", "/nodes/1/arguments/limit/output", "\"node\" only", "remove"},
        Finding{"nested", "/nodes/1/arguments/tags", R"({"list":[{"object":{"x/y":1}}]})",
                "wrong_type", "/nodes/1/arguments/tags/list/0/object/x~1y", "a binding",
                "write {value: 1}"},
        Finding{"retry_type", "/nodes/1/retry/maxAttempts", "1.5", "wrong_type",
                "/nodes/1/retry/maxAttempts", "a whole number", "maxAttempts: 3"},
        Finding{"timeout_type", "/nodes/1/timeoutSeconds", "\"30s\"", "wrong_type",
                "/nodes/1/timeoutSeconds", "expected a number, got the string \"30s\"", "number"},
        Finding{"depends_on", "/nodes/1/dependsOn", "\"a\"", "wrong_type", "/nodes/1/dependsOn",
                "array of step ids", "dependsOn: [step]"},
        Finding{"inputs", "/inputs", "[]", "wrong_type", "/inputs", "JSON Schema", "type: object"}),
    [](const auto& param) { return std::string(param.param.name); });

// ---- The published schema and the parser must not disagree.

// What one value says wrong by itself; the schema says the same.
bool parser_accepts(const Json& document) {
  const ParsedWorkflow result = parse_workflow(document);
  if (!result.diagnostics.empty()) return false;
  static const std::set<std::string> kLocal{"empty_workflow", "invalid_name", "invalid_retry",
                                            "invalid_timeout"};
  for (const Diagnostic& one : validate(result.workflow)) {
    if (kLocal.contains(one.code)) return false;
  }
  return true;
}

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  Json mutated(const Json& document) {
    Json copy = document;
    for (std::size_t i = 1 + below(2); i > 0; --i) mutate(copy);
    return copy;
  }

 private:
  std::size_t below(std::size_t bound) { return random_() % bound; }

  Json value() {
    static const std::vector<std::string> kValues{"null",
                                                  "true",
                                                  "0",
                                                  "-1",
                                                  "1",
                                                  "1.5",
                                                  "101",
                                                  "1e9",
                                                  "0.0004",
                                                  "86400",
                                                  "86400.5",
                                                  "\"\"",
                                                  "\"a\"",
                                                  "\"a b\"",
                                                  "\"Workflow\"",
                                                  "\"actionengine/v1\"",
                                                  "[]",
                                                  "{}",
                                                  "[{}]",
                                                  "[\"a\"]",
                                                  R"({"input":"a"})",
                                                  R"({"node":"a"})",
                                                  R"({"node":"a","output":"b"})",
                                                  R"({"value":{}})",
                                                  R"({"value":null})",
                                                  R"({"list":[{"value":1}]})",
                                                  R"({"object":{"k":{"input":"a"}}})",
                                                  R"({"list":{}})",
                                                  R"({"object":[]})",
                                                  R"({"input":1})",
                                                  R"({"input":"a","value":1})",
                                                  R"({"maxAttempts":2})",
                                                  R"({"maxAttempts":2.0,"multiplier":1})",
                                                  R"({"type":"object"})"};
    return json::parse(kValues[below(kValues.size())]).value();
  }

  std::string key() {
    static const std::vector<std::string> kKeys{"apiVersion",
                                                "kind",
                                                "metadata",
                                                "name",
                                                "description",
                                                "inputs",
                                                "nodes",
                                                "outputs",
                                                "id",
                                                "function",
                                                "version",
                                                "goal",
                                                "arguments",
                                                "retry",
                                                "timeoutSeconds",
                                                "dependsOn",
                                                "input",
                                                "node",
                                                "output",
                                                "value",
                                                "list",
                                                "object",
                                                "maxAttempts",
                                                "multiplier",
                                                "initialIntervalSeconds",
                                                "maxIntervalSeconds",
                                                "stranger"};
    return kKeys[below(kKeys.size())];
  }

  void collect(Json& value, std::vector<Json*>& all) {
    all.push_back(&value);
    if (!value.is_structured()) return;
    for (auto& child : value) collect(child, all);
  }

  void mutate(Json& document) {
    std::vector<Json*> all;
    collect(document, all);
    Json& victim = *all[below(all.size())];
    if (victim.is_object() && below(4) > 0) {
      if (below(2) == 0 && !victim.empty()) {
        const std::string doomed =
            std::next(victim.begin(), static_cast<std::ptrdiff_t>(below(victim.size()))).key();
        victim.erase(doomed);
      } else {
        victim[key()] = value();
      }
    } else if (victim.is_array() && below(4) > 0) {
      victim.push_back(value());
    } else {
      victim = value();
    }
  }

  std::mt19937 random_;
};

TEST(WorkflowSchemaTest, IsItselfASoundSchema) {
  EXPECT_THAT(json::check_schema(workflow_schema()), IsEmpty());
}

TEST(WorkflowSchemaTest, AgreesWithTheParserOnValidAndOnBrokenDocuments) {
  const Json full = json::parse_yaml(kFull).value();
  const Json minimal = json::parse(R"({"apiVersion":"actionengine/v1","kind":"Workflow",
      "metadata":{"name":"w"},"nodes":[{"id":"a","function":"f"}]})")
                           .value();
  Mutator mutator(11);
  int accepted = 0;
  int refused = 0;
  for (int i = 0; i < 2000; ++i) {
    const Json document =
        i < 2 ? (i == 0 ? full : minimal) : mutator.mutated(i % 2 == 0 ? full : minimal);
    const auto violations = json::validate(workflow_schema(), document);
    const bool parser = parser_accepts(document);
    ASSERT_EQ(violations.empty(), parser)
        << json::dump_pretty(document)
        << (violations.empty() ? "" : violations[0].pointer + ": " + violations[0].message)
        << json::dump_pretty(to_json(parse_workflow(document).diagnostics));
    ++(parser ? accepted : refused);
  }
  EXPECT_GT(accepted, 100);
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace ae::dag
