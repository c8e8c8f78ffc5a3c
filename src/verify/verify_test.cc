#include "verify/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dag/serialize.h"
#include "json/yaml.h"

namespace ae::verify {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

Json yaml(std::string_view text) { return json::parse_yaml(text).value(); }

class VerifyTest : public ::testing::Test {
 protected:
  VerifyTest() {
    add("find_user", "properties: {name: {type: string}}\nrequired: [name]",
        "properties: {user_id: {type: string}, nickname: {type: string}}\nrequired: [user_id]");
    add("mood_of", "properties: {user_id: {type: string}}\nrequired: [user_id]",
        "properties: {mood: {type: string}}\nrequired: [mood]");
    add("mood_by_number", "properties: {user_id: {type: integer}}\nrequired: [user_id]",
        "properties: {mood: {type: string}}\nrequired: [mood]");
    add("play",
        "properties: {song: {type: string}, volume: {type: integer, maximum: 10}}\n"
        "required: [song]",
        "properties: {message: {type: string}}\nrequired: [message]");
    add("store",
        "properties: {item_id: {type: string}, text: {type: string}}\n"
        "required: [item_id, text]",
        "properties: {ok: {type: boolean}}\nrequired: [ok]", {"write"});
  }

  void add(const std::string& name, const std::string& input, const std::string& output,
           std::vector<std::string> effects = {}) {
    dag::FunctionSpec spec;
    spec.name = name;
    spec.version = "v-" + name;
    spec.input = input.empty() ? Json::object()
                               : yaml("type: object\n" + input + "\nadditionalProperties: false");
    spec.output = output.empty() ? Json::object() : yaml("type: object\n" + output);
    spec.effects = std::move(effects);
    specs_[name] = std::move(spec);
  }

  Verdict check(std::string_view nodes, std::string_view inputs = "{name: {type: string}}",
                std::string_view outputs = "{}", const Evidence* evidence = nullptr) {
    const Json properties = yaml(inputs);
    Json required = Json::array();
    for (const auto& [name, schema] : properties.items()) {
      if (!schema.contains("optional")) required.push_back(name);
    }
    const Json document{
        {"apiVersion", "actionengine/v1"},
        {"kind", "Workflow"},
        {"metadata", {{"name", "w"}}},
        {"inputs", {{"type", "object"}, {"properties", properties}, {"required", required}}},
        {"nodes", yaml(nodes)},
        {"outputs", yaml(outputs)}};
    const auto parsed = dag::parse_workflow(document);
    EXPECT_THAT(parsed.diagnostics, IsEmpty()) << json::dump(dag::to_json(parsed.diagnostics));
    std::vector<std::string> known;
    for (const auto& [name, spec] : specs_) known.push_back(name);
    return verify(
        parsed.workflow,
        [this](std::string_view name, std::string_view version) -> const dag::FunctionSpec* {
          const auto found = specs_.find(std::string(name));
          if (found == specs_.end()) return nullptr;
          if (!version.empty() && version != found->second.version) return nullptr;
          return &found->second;
        },
        known, evidence);
  }

  static std::vector<std::string> codes(const Verdict& verdict, dag::Severity severity) {
    std::vector<std::string> result;
    for (const auto& diagnostic : verdict.diagnostics) {
      if (diagnostic.severity == severity) result.push_back(diagnostic.code);
    }
    return result;
  }
  static std::vector<std::string> errors(const Verdict& verdict) {
    return codes(verdict, dag::Severity::kError);
  }
  static std::vector<std::string> warnings(const Verdict& verdict) {
    return codes(verdict, dag::Severity::kWarning);
  }

  std::map<std::string, dag::FunctionSpec> specs_;
};

constexpr std::string_view kChain = R"(
- {id: a, function: find_user, goal: find, arguments: {name: {input: name}}}
- {id: b, function: mood_of, goal: mood, arguments: {user_id: {node: a, output: user_id}}}
)";
constexpr std::string_view kMood = "{mood: {node: b, output: mood}}";

TEST_F(VerifyTest, AProvenWorkflowIsLinkedToTheVersionsItWasProvenWith) {
  const Verdict verdict = check(kChain, "{name: {type: string}}", kMood);
  EXPECT_TRUE(verdict.proven());
  EXPECT_THAT(verdict.diagnostics, IsEmpty());
  EXPECT_EQ(verdict.linked.workflow.nodes[0].version, "v-find_user");
  EXPECT_EQ(verdict.linked.spec_of(verdict.linked.workflow.nodes[1]).name, "mood_of");
}

TEST_F(VerifyTest, AMisspeltFunctionIsNamedWithTheOneThatWasMeant) {
  const Verdict verdict = check("- {id: a, function: find_usr, arguments: {name: {input: name}}}");
  ASSERT_THAT(errors(verdict), ElementsAre("unknown_function"));
  EXPECT_EQ(verdict.diagnostics[0].pointer, "/nodes/0/function");
  EXPECT_THAT(verdict.diagnostics[0].fix, HasSubstr("find_user"));
  EXPECT_THAT(verdict.diagnostics[0].candidates, ElementsAre("find_user"));
}

TEST_F(VerifyTest, APinnedVersionThatIsGoneIsNotReplacedInSilence) {
  const Verdict verdict =
      check("- {id: a, function: find_user, version: old, arguments: {name: {input: name}}}");
  ASSERT_THAT(errors(verdict), ElementsAre("unknown_version"));
  EXPECT_THAT(verdict.diagnostics[0].candidates, ElementsAre("v-find_user"));
}

TEST_F(VerifyTest, ParametersMustExistAndRequiredOnesBeBound) {
  const Verdict verdict = check("- {id: a, function: find_user, arguments: {nam: {input: name}}}");
  EXPECT_THAT(errors(verdict), ElementsAre("missing_argument", "unknown_parameter"));
  EXPECT_EQ(verdict.diagnostics[1].pointer, "/nodes/0/arguments/nam");
  EXPECT_THAT(verdict.diagnostics[1].fix, HasSubstr("name"));
}

TEST_F(VerifyTest, AnEdgeNamesAFieldThatItsProducerReallyGives) {
  const Verdict verdict = check(R"(
- {id: a, function: find_user, arguments: {name: {input: name}}}
- {id: b, function: mood_of, arguments: {user_id: {node: a, output: userid}}})");
  ASSERT_THAT(errors(verdict), ElementsAre("unknown_output"));
  EXPECT_THAT(verdict.diagnostics[0].fix, HasSubstr("user_id"));
}

// Defect B17: a registry that says integer where the code gives a string.
TEST_F(VerifyTest, ARegistryThatContradictsItsNeighbourIsATypeClash) {
  const Verdict verdict = check(R"(
- {id: a, function: find_user, arguments: {name: {input: name}}}
- {id: b, function: mood_by_number, arguments: {user_id: {node: a, output: user_id}}})");
  ASSERT_THAT(errors(verdict), ElementsAre("type_clash"));
  EXPECT_EQ(verdict.diagnostics[0].pointer, "/nodes/1/arguments/user_id");
  EXPECT_THAT(verdict.diagnostics[0].message, HasSubstr("a.user_id cannot feed b.user_id"));
}

// Defect B5: a parameter derived in one step must not stand for the caller's in another.
TEST_F(VerifyTest, SameNamedParametersOfTwoStepsKeepTheirOwnSources) {
  const Verdict verdict = check(R"(
- {id: a, function: find_user, arguments: {name: {input: name}}}
- {id: b, function: mood_of, arguments: {user_id: {node: a, output: user_id}}}
- {id: c, function: mood_of, arguments: {user_id: {input: other_id}}})",
                                "{name: {type: string}, other_id: {type: string}}");
  EXPECT_THAT(errors(verdict), IsEmpty());
  const auto& nodes = verdict.linked.workflow.nodes;
  EXPECT_NE(nodes[1].arguments[0].binding, nodes[2].arguments[0].binding);
}

TEST_F(VerifyTest, AnOptionalOutputIntoARequiredParameterIsGuardedAtRunTime) {
  const Verdict verdict = check(R"(
- {id: a, function: find_user, arguments: {name: {input: name}}}
- {id: b, function: play, arguments: {song: {node: a, output: nickname}}})");
  EXPECT_TRUE(verdict.proven());
  EXPECT_THAT(warnings(verdict), Contains("narrowed_type"));
}

TEST_F(VerifyTest, AnInputOfTheWrongTypeOrThatMayBeMissingIsAnError) {
  EXPECT_THAT(errors(check("- {id: a, function: find_user, arguments: {name: {input: name}}}",
                           "{name: {type: boolean}}")),
              ElementsAre("input_type_clash"));
  EXPECT_THAT(errors(check("- {id: a, function: find_user, arguments: {name: {input: name}}}",
                           "{name: {type: string, optional: true}}")),
              ElementsAre("missing_argument"));
  EXPECT_THAT(errors(check("- {id: a, function: find_user, arguments: {name: {input: name}}}",
                           "{name: {type: string, optional: true, default: Anna}}")),
              IsEmpty());
}

TEST_F(VerifyTest, AWiderInputIsNarrowedAndAWrongLiteralRefused) {
  const Verdict wide =
      check("- {id: a, function: play, arguments: {song: {value: x}, volume: {input: volume}}}",
            "{volume: {type: integer}}");
  EXPECT_TRUE(wide.proven());
  EXPECT_THAT(warnings(wide), Contains("narrowed_type"));
  const Verdict wrong =
      check("- {id: a, function: play, arguments: {song: {value: x}, volume: {value: 11}}}", "{}");
  ASSERT_THAT(errors(wrong), ElementsAre("literal_invalid"));
  EXPECT_EQ(wrong.diagnostics[0].pointer, "/nodes/0/arguments/volume");
}

TEST_F(VerifyTest, ListsAndObjectsAreCheckedInside) {
  add("send",
      "properties: {to: {type: array, items: {type: string}}, "
      "body: {type: object, properties: {text: {type: string}}, required: [text]}}\n"
      "required: [to, body]",
      "properties: {ok: {type: boolean}}");
  const Verdict good = check(
      "- {id: a, function: send, arguments: {to: {list: [{value: x}]}, body: {object: {text: "
      "{value: t}}}}}",
      "{}");
  EXPECT_THAT(errors(good), IsEmpty());
  const Verdict bad = check(
      "- {id: a, function: send, arguments: {to: {list: [{value: 1}]}, body: {object: {}}}}", "{}");
  EXPECT_THAT(errors(bad), ElementsAre("literal_invalid", "missing_argument"));
  EXPECT_EQ(bad.diagnostics[0].pointer, "/nodes/0/arguments/to/list/0");
  const Verdict scalar =
      check("- {id: a, function: find_user, arguments: {name: {list: [{value: x}]}}}", "{}");
  EXPECT_THAT(errors(scalar), ElementsAre("type_clash"));
}

TEST_F(VerifyTest, TheSameStepTwiceIsADuplicate) {
  const Verdict verdict = check(R"(
- {id: a, function: find_user, arguments: {name: {input: name}}}
- {id: b, function: find_user, arguments: {name: {input: name}}})");
  EXPECT_THAT(errors(verdict), ElementsAre("duplicate_step"));
}

TEST_F(VerifyTest, TwoWritersOfOneThingMustBeOrdered) {
  const std::string inputs = "{item: {type: string, examples: [i1]}}";
  const std::string first =
      "- {id: a, function: store, arguments: {item_id: {input: item}, text: {value: x}}}\n";
  const std::string second =
      "- {id: b, function: store, arguments: {item_id: {input: item}, text: {value: y}}";
  EXPECT_THAT(warnings(check(first + second + "}", inputs)), Contains("conflicting_writers"));
  EXPECT_THAT(warnings(check(first + second + ", dependsOn: [a]}", inputs)),
              Not(Contains("conflicting_writers")));
}

TEST_F(VerifyTest, WarningsNameEffectsIdleStepsMissingGoalsAndUnknownIds) {
  const Verdict verdict = check(R"(
- {id: a, function: store, goal: keep, arguments: {item_id: {input: item}, text: {value: x}}}
- {id: b, function: find_user, arguments: {name: {value: x}}})",
                                "{item: {type: string}}");
  EXPECT_TRUE(verdict.proven());
  for (const auto* code :
       {"side_effects", "identifier_without_producer", "unused_output", "missing_goal"}) {
    EXPECT_THAT(warnings(verdict), Contains(code));
  }
}

TEST_F(VerifyTest, AFunctionWithoutSchemasIsUnprovenAndSaysSo) {
  add("legacy", "", "");
  const Verdict verdict = check(R"(
- {id: a, function: legacy, arguments: {anything: {value: 1}}}
- {id: b, function: mood_of, arguments: {user_id: {node: a, output: user_id}}})",
                                "{}");
  EXPECT_THAT(errors(verdict), IsEmpty());
  EXPECT_THAT(warnings(verdict), Contains("unproven_schema"));
  EXPECT_THAT(warnings(verdict), Contains("narrowed_type"));
}

TEST_F(VerifyTest, ErrorsComeBeforeWarnings) {
  const Verdict verdict = check(R"(
- {id: a, function: store, arguments: {item_id: {value: i}, text: {value: x}}}
- {id: b, function: nothing, arguments: {}})",
                                "{}");
  ASSERT_FALSE(verdict.diagnostics.empty());
  EXPECT_EQ(verdict.diagnostics.front().severity, dag::Severity::kError);
  EXPECT_FALSE(verdict.proven());
}

TEST_F(VerifyTest, WhatTheQueryDoesNotSayIsNoLiteralAndUnservedClausesAreNamed) {
  const Evidence evidence{.query = "find Anna and fax it",
                          .clauses = {{"find Anna", true}, {"fax it", false}},
                          .grounded_values = {Json("Anna")}};
  const Verdict good = check("- {id: a, function: find_user, arguments: {name: {value: Anna}}}",
                             "{}", "{id: {node: a, output: user_id}}", &evidence);
  EXPECT_THAT(errors(good), IsEmpty());
  EXPECT_THAT(warnings(good), Contains("unserved_clause"));
  const Verdict bad = check("- {id: a, function: find_user, arguments: {name: {value: Bob}}}", "{}",
                            "{}", &evidence);
  EXPECT_THAT(errors(bad), ElementsAre("ungrounded_literal"));
}

}  // namespace
}  // namespace ae::verify
