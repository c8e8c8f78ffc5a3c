#include "dag/validate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dag/serialize.h"

namespace ae::dag {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kHead = R"(
apiVersion: actionengine/v1
kind: Workflow
metadata: {name: mood-music}
inputs: {type: object, properties: {username: {type: string}}, required: [username]}
)";

std::vector<Diagnostic> check(const std::string& text) {
  const auto parsed = parse_workflow_text(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  EXPECT_THAT(parsed->diagnostics, IsEmpty()) << text;
  return validate(parsed->workflow);
}

TEST(ValidateTest, AWellFormedWorkflowHasNoFindings) {
  EXPECT_THAT(check(std::string(kHead) + R"(
nodes:
  - {id: mood, function: getusermood, arguments: {user_id: {node: id, output: user_id}},
     retry: {maxAttempts: 1, initialIntervalSeconds: 0}, timeoutSeconds: 0.5, dependsOn: [id]}
  - {id: id, function: username2id, arguments: {username: {input: username}}}
outputs: {mood: {node: mood, output: mood}}
)"),
              IsEmpty());
}

struct Finding {
  const char* name;
  const char* body;  // follows kHead, or is the whole document when it begins with apiVersion
  const char* code;
  const char* pointer;
  const char* message;
  const char* fix;
  std::vector<std::string> candidates;
};

class ValidateFindings : public ::testing::TestWithParam<Finding> {};

TEST_P(ValidateFindings, SayWhatWhereAndHowToMendIt) {
  const Finding& wanted = GetParam();
  const std::string body = wanted.body;
  const auto found = check(body.starts_with("apiVersion") ? body : kHead + body);
  ASSERT_FALSE(found.empty());
  const auto one = std::ranges::find(found, wanted.code, &Diagnostic::code);
  ASSERT_NE(one, found.end()) << json::dump_pretty(to_json(found));
  EXPECT_EQ(one->pointer, wanted.pointer);
  EXPECT_THAT(one->message, HasSubstr(wanted.message));
  EXPECT_THAT(one->fix, HasSubstr(wanted.fix));
  EXPECT_EQ(one->candidates, wanted.candidates);
}

INSTANTIATE_TEST_SUITE_P(
    All, ValidateFindings,
    ::testing::Values(
        Finding{"empty_workflow",
                "nodes: []\noutputs: {a: {input: username}}",
                "empty_workflow",
                "/nodes",
                "no steps",
                "at least one step",
                {}},
        Finding{"workflow_name",
                "apiVersion: actionengine/v1\nkind: Workflow\nmetadata: {name: a b}\n"
                "nodes: [{id: a, function: f}]",
                "invalid_name",
                "/metadata/name",
                "\"a b\" cannot be the name of a workflow",
                "at most 63",
                {}},
        Finding{"step_name",
                "nodes: [{id: -a, function: f}]",
                "invalid_name",
                "/nodes/0/id",
                "name of a step",
                "the first a letter or a digit",
                {}},
        Finding{"function_name",
                "nodes: [{id: a, function: ''}]",
                "invalid_name",
                "/nodes/0/function",
                "function is empty",
                "name the function",
                {}},
        Finding{"duplicate_node",
                "nodes: [{id: a, function: f}, {id: a, function: g}]",
                "duplicate_node",
                "/nodes/1/id",
                "already that of step 1",
                "of its own",
                {}},
        Finding{"unknown_node",
                "nodes: [{id: mood, function: f}, {id: b, function: g, arguments: {x: {list: "
                "[{object: {k: {node: mod, output: y}}}]}}}]",
                "unknown_node",
                "/nodes/1/arguments/x/list/0/object/k/node",
                "there is no step \"mod\"",
                "did you mean \"mood\"?",
                {"mood"}},
        Finding{"unknown_node_in_outputs",
                "nodes: [{id: a, function: f}]\noutputs: {r: {node: zzzzz, output: x}}",
                "unknown_node",
                "/outputs/r/node",
                "zzzzz",
                "add that step",
                {}},
        Finding{"unknown_depends_on",
                "nodes: [{id: aaa, function: f, dependsOn: [aab]}]",
                "unknown_node",
                "/nodes/0/dependsOn/0",
                "aab",
                "did you mean",
                {"aaa"}},
        Finding{"unknown_input",
                "nodes: [{id: a, function: f, arguments: {x: {input: user_name}}}]",
                "unknown_input",
                "/nodes/0/arguments/x/input",
                "no input \"user_name\"",
                "did you mean \"username\"?",
                {"username"}},
        Finding{"self_reference",
                "nodes: [{id: a, function: f, arguments: {x: {node: a, output: y}}}]",
                "self_reference",
                "/nodes/0/arguments/x/node",
                "uses itself",
                "another step",
                {}},
        Finding{"cycle",
                "nodes: [{id: a, function: f, arguments: {x: {node: b, output: y}}},"
                " {id: b, function: f, dependsOn: [a]}]",
                "cycle",
                "/nodes/0",
                "a -> b -> a",
                "remove one",
                {}},
        Finding{"inputs_no_object",
                "apiVersion: actionengine/v1\nkind: Workflow\nmetadata: {name: w}\n"
                "inputs: {type: string}\nnodes: [{id: a, function: f}]",
                "invalid_inputs_schema",
                "/inputs",
                "must be \"object\"",
                "JSON Schema",
                {}},
        Finding{"inputs_bad_schema",
                "apiVersion: actionengine/v1\nkind: Workflow\nmetadata: {name: w}\n"
                "inputs: {type: object, properties: {a: {type: strin}}}\n"
                "nodes: [{id: a, function: f}]",
                "invalid_inputs_schema",
                "/inputs/properties/a/type",
                "did you mean \"string\"",
                "JSON Schema",
                {}},
        Finding{"inputs_required",
                "apiVersion: actionengine/v1\nkind: Workflow\nmetadata: {name: w}\n"
                "inputs: {type: object, properties: {}, required: [a]}\n"
                "nodes: [{id: a, function: f}]",
                "invalid_inputs_schema",
                "/inputs/required/0",
                "not among the properties",
                "",
                {}},
        Finding{"retry",
                "nodes: [{id: a, function: f, retry: {maxAttempts: 0}}]",
                "invalid_retry",
                "/nodes/0/retry/maxAttempts",
                "0 attempts",
                "1 (no retry)",
                {}},
        Finding{"retry_interval",
                "nodes: [{id: a, function: f, retry: {initialIntervalSeconds: -1}}]",
                "invalid_retry",
                "/nodes/0/retry/initialIntervalSeconds",
                "first wait",
                "0 to",
                {}},
        Finding{"retry_multiplier",
                "nodes: [{id: a, function: f, retry: {multiplier: 0.5}}]",
                "invalid_retry",
                "/nodes/0/retry/multiplier",
                "shrink",
                "1 to 100",
                {}},
        Finding{"timeout",
                "nodes: [{id: a, function: f, timeoutSeconds: 0}]",
                "invalid_timeout",
                "/nodes/0/timeoutSeconds",
                "0 s",
                "more than 0",
                {}},
        Finding{"unused_input",
                "nodes: [{id: a, function: f}]",
                "unused_input",
                "/inputs/properties/username",
                "no step uses",
                "remove it",
                {}},
        Finding{"missing_outputs",
                "nodes: [{id: a, function: f}]",
                "missing_outputs",
                "",
                "returns nothing",
                "add outputs",
                {}}),
    [](const auto& param) { return std::string(param.param.name); });

TEST(ValidateTest, OnlyTheTwoMildFindingsAreWarnings) {
  std::vector<std::string> warnings;
  for (const Diagnostic& one : check(std::string(kHead) + "nodes: [{id: a, function: f}]")) {
    EXPECT_EQ(one.severity, Severity::kWarning) << one.code;
    warnings.push_back(one.code);
  }
  EXPECT_THAT(warnings, ElementsAre("unused_input", "missing_outputs"));
}

TEST(ValidateTest, FindingsComeInDocumentOrder) {
  std::vector<std::string> pointers;
  for (const Diagnostic& one : check(std::string(kHead) + R"(
nodes:
  - {id: a, function: f, arguments: {x: {input: no1}, y: {node: no2, output: o}}, dependsOn: [no3]}
  - {id: b, function: f, timeoutSeconds: -1}
outputs: {r: {input: no4}}
)")) {
    pointers.push_back(one.pointer);
  }
  EXPECT_THAT(pointers, ElementsAre("/inputs/properties/username", "/nodes/0/arguments/x/input",
                                    "/nodes/0/arguments/y/node", "/nodes/0/dependsOn/0",
                                    "/nodes/1/timeoutSeconds", "/outputs/r/input"));
}

TEST(ValidateTest, TenThousandStepsWithTenThousandMistakesAreChecked) {
  Workflow w;
  w.name = "big";
  for (int i = 0; i < 10'000; ++i) {
    Node node;
    node.id = NodeId("step-with-a-rather-long-name-" + std::to_string(i));
    node.function = "f";
    node.depends_on = {NodeId("step-with-a-rather-long-nam-" + std::to_string(i))};
    w.nodes.push_back(std::move(node));
  }
  EXPECT_EQ(validate(w).size(), 10'001U);  // and missing_outputs
}

TEST(DiagnosticTest, JsonCarriesEverything) {
  const Diagnostic one{"unknown_node", Severity::kError, "/nodes/0", "m", "f", {"a"}};
  EXPECT_EQ(json::dump(to_json(one)),
            R"({"code":"unknown_node","severity":"error","pointer":"/nodes/0","message":"m",)"
            R"("fix":"f","candidates":["a"]})");
  EXPECT_TRUE(has_errors(std::vector{one}));
}

}  // namespace
}  // namespace ae::dag
