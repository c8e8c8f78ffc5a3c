#include "verify/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "dag/serialize.h"
#include "json/yaml.h"

namespace ae::verify {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Functions written as YAML: name -> {in, required, out, out_required, effects, ...}.
class Registry {
 public:
  explicit Registry(const char* yaml) {
    const Json functions = json::parse_yaml(yaml).value();
    for (const auto& item : functions.items()) {
      dag::FunctionSpec spec;
      spec.name = item.key();
      spec.version = "v-" + item.key();
      if (const Json* input = json::find(item.value(), "input")) spec.input = *input;
      if (const Json* output = json::find(item.value(), "output")) spec.output = *output;
      if (const Json* effects = json::find(item.value(), "effects")) {
        spec.effects = effects->get<std::vector<std::string>>();
      }
      spec.idempotent = json::find(item.value(), "once") == nullptr;
      names_.push_back(spec.name);
      specs_.emplace(spec.name, std::move(spec));
    }
  }

  Verdict verify(const dag::Workflow& workflow, const Evidence* evidence = nullptr) const {
    return verify::verify(
        workflow,
        [this](std::string_view name, std::string_view version) -> const dag::FunctionSpec* {
          const auto found = specs_.find(std::string(name));
          if (found == specs_.end()) return nullptr;
          return version.empty() || version == found->second.version ? &found->second : nullptr;
        },
        names_, evidence);
  }

 private:
  std::map<std::string, dag::FunctionSpec> specs_;
  std::vector<std::string> names_;
};

const Registry& music() {
  static const Registry registry(R"(
username2id:
  input: {type: object, properties: {username: {type: string}}, required: [username]}
  output: {type: object, properties: {user_id: {type: string}}, required: [user_id]}
getusermood:
  input: {type: object, properties: {user_id: {type: string}, limit: {type: integer, default: 3}},
          required: [user_id, limit]}
  output: {type: object, properties: {mood: {type: string}, score: {type: number}}, required: [mood]}
recommendsong:
  input: {type: object, properties: {mood: {type: string}}, required: [mood]}
  output:
    type: object
    properties:
      song: {type: object, properties: {title: {type: string}, year: {type: integer}},
             required: [title]}
      tags: {type: array, items: {type: string}}
    required: [song]
playmusic:
  input: {type: object, properties: {title: {type: string}}, required: [title]}
  output: {type: object, properties: {message: {type: string}}, required: [message]}
  effects: [send]
lax:
  input: {}
  output: {}
archive:
  input: {type: object, properties: {box_id: {type: string}}}
counter:
  input: {type: object, properties: {n: {type: integer, minimum: 1}, kind: {enum: [red, green]},
          day: {type: string, format: date}, tags: {type: array, items: {type: string}, maxItems: 2}, set: {type: array, uniqueItems: true},
          place: {type: object, properties: {city: {type: string}, zip: {type: integer}},
                  required: [city], additionalProperties: false}}}
  output: {type: object, properties: {n: {type: integer}, text: {type: string}}, required: [n, text]}
)");
  return registry;
}

dag::Workflow read(const std::string& body) {
  auto parsed = dag::parse_workflow_text(
      "apiVersion: actionengine/v1\nkind: Workflow\nmetadata: {name: w}\n" + body);
  EXPECT_TRUE(parsed.has_value()) << body;
  EXPECT_THAT(parsed->diagnostics, IsEmpty()) << body;
  return std::move(parsed->workflow);
}

constexpr const char* kMusic = R"(
inputs: {type: object, properties: {username: {type: string}}, required: [username]}
nodes:
  - {id: t1, function: username2id, arguments: {username: {input: username}}}
  - {id: t2, function: getusermood, arguments: {user_id: {node: t1, output: user_id}}}
  - {id: t3, function: recommendsong, arguments: {mood: {node: t2, output: mood}}}
  - {id: t4, function: playmusic, arguments: {title: {node: t3, output: song.title}}}
outputs: {message: {node: t4, output: message}}
)";

std::vector<std::string> codes(const Verdict& verdict) {
  std::vector<std::string> codes;
  for (const dag::Diagnostic& one : verdict.diagnostics) codes.push_back(one.code);
  return codes;
}

std::string text(const Verdict& verdict) {
  return json::dump_pretty(dag::to_json(verdict.diagnostics));
}

TEST(VerifyTest, TheDemoIsProvenAndItsVersionsArePinned) {
  const Verdict verdict = music().verify(read(kMusic));
  EXPECT_TRUE(verdict.proven()) << text(verdict);
  EXPECT_THAT(codes(verdict), ElementsAre("side_effects"));
  ASSERT_EQ(verdict.linked.workflow.nodes.size(), 4U);
  for (const dag::Node& node : verdict.linked.workflow.nodes) {
    EXPECT_EQ(node.version, "v-" + node.function);
    EXPECT_EQ(verdict.linked.spec_of(node).name, node.function);
  }
  EXPECT_EQ(verdict.linked.functions.size(), 4U);
  EXPECT_EQ(dag::linked_workflow_from_json(to_json(verdict.linked)).value(), verdict.linked);
}

struct Finding {
  const char* name;
  const char* nodes;  // of a workflow with the inputs username (string), count (integer)
  const char* code;
  dag::Severity severity;
  const char* pointer;
  const char* message;
  const char* fix;
  std::vector<std::string> candidates;
};

class VerifyFindings : public ::testing::TestWithParam<Finding> {};

TEST_P(VerifyFindings, SayWhatWhereAndHowToMendIt) {
  const Finding& wanted = GetParam();
  const Verdict verdict = music().verify(
      read("inputs: {type: object, properties: {username: {type: string}, count: {type: integer}, "
           "free: {}, maybe: {type: string}}, required: [username, count, free]}\nnodes:\n" +
           std::string(wanted.nodes)));
  const auto one = std::ranges::find(verdict.diagnostics, wanted.code, &dag::Diagnostic::code);
  ASSERT_NE(one, verdict.diagnostics.end()) << text(verdict);
  EXPECT_EQ(one->severity, wanted.severity);
  EXPECT_EQ(one->pointer, wanted.pointer);
  EXPECT_THAT(one->message, HasSubstr(wanted.message));
  EXPECT_THAT(one->fix, HasSubstr(wanted.fix));
  EXPECT_EQ(one->candidates, wanted.candidates) << text(verdict);
  EXPECT_EQ(verdict.proven(), !dag::has_errors(verdict.diagnostics));
}

constexpr auto kError = dag::Severity::kError;
constexpr auto kWarning = dag::Severity::kWarning;

INSTANTIATE_TEST_SUITE_P(
    Functions, VerifyFindings,
    ::testing::Values(Finding{"unknown_function",
                              "  - {id: a, function: getusermod}",
                              "unknown_function",
                              kError,
                              "/nodes/0/function",
                              "there is no function \"getusermod\"",
                              "did you mean \"getusermood\"?",
                              {"getusermood"}},
                      Finding{"unknown_function_far_off",
                              "  - {id: a, function: zzzzzzzzzzzz}",
                              "unknown_function",
                              kError,
                              "/nodes/0/function",
                              "zzzzzzzzzzzz",
                              "register",
                              {}},
                      Finding{"unknown_version",
                              "  - {id: a, function: lax, version: '12'}",
                              "unknown_version",
                              kError,
                              "/nodes/0/version",
                              "lax has no version 12",
                              "leave the version out",
                              {"v-lax"}},
                      Finding{"unproven_schema",
                              "  - {id: a, function: lax, arguments: {x: {input: free}}}",
                              "unproven_schema",
                              kWarning,
                              "/nodes/0/function",
                              "lax does not declare its parameters",
                              "input schema",
                              {}}),
    [](const auto& param) { return std::string(param.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Arguments, VerifyFindings,
    ::testing::Values(
        Finding{"unknown_parameter",
                "  - {id: a, function: username2id, arguments: {username: {input: username}, "
                "usernam: {value: x}}}",
                "unknown_parameter",
                kError,
                "/nodes/0/arguments/usernam",
                "username2id has no parameter \"usernam\"",
                "did you mean \"username\"?",
                {"username"}},
        Finding{"unknown_parameter_far_off",
                "  - {id: a, function: counter, arguments: {wholly: {value: 1}}}",
                "unknown_parameter",
                kError,
                "/nodes/0/arguments/wholly",
                "wholly",
                "parameters are n, kind, day, tags, set, place",
                {}},
        Finding{"missing_argument",
                "  - {id: t1, function: username2id, arguments: {username: {input: username}}}\n"
                "  - {id: t2, function: getusermood}",
                "missing_argument",
                kError,
                "/nodes/1/arguments",
                "the parameter \"user_id\" (string) of getusermood gets no value",
                "for example to t1.user_id",
                {"t1.user_id", "input username", "input maybe"}},
        Finding{"literal_type",
                "  - {id: a, function: counter, arguments: {n: {value: many}}}",
                "literal_invalid",
                kError,
                "/nodes/0/arguments/n/value",
                "a.n is not possible: expected integer, got the string \"many\"",
                "a value of type integer",
                {}},
        Finding{"literal_range",
                "  - {id: a, function: counter, arguments: {n: {value: 0}}}",
                "literal_invalid",
                kError,
                "/nodes/0/arguments/n/value",
                "must be at least 1, got 0",
                "integer",
                {}},
        Finding{"literal_enum",
                "  - {id: a, function: counter, arguments: {kind: {value: gren}}}",
                "literal_invalid",
                kError,
                "/nodes/0/arguments/kind/value",
                "did you mean \"green\"",
                "",
                {"red", "green"}},
        Finding{
            "literal_in_a_list",
            "  - {id: a, function: counter, arguments: {tags: {list: [{value: a}, {value: 3}]}}}",
            "literal_invalid",
            kError,
            "/nodes/0/arguments/tags/list/1/value",
            "expected string",
            "string",
            {}},
        Finding{
            "literal_list_as_a_whole",
            "  - {id: a, function: counter, arguments: {set: {list: [{value: a}, {value: a}]}}}",
            "literal_invalid",
            kError,
            "/nodes/0/arguments/set",
            "items 0 and 1 are equal",
            "array",
            {}},
        Finding{"literal_inside_a_value",
                "  - {id: a, function: counter, arguments: {place: {value: {city: 3}}}}",
                "literal_invalid",
                kError,
                "/nodes/0/arguments/place/value/city",
                "expected string",
                "object",
                {}}),
    [](const auto& param) { return std::string(param.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Types, VerifyFindings,
    ::testing::Values(
        Finding{"input_type_clash",
                "  - {id: a, function: counter, arguments: {n: {input: username}}}",
                "input_type_clash",
                kError,
                "/nodes/0/arguments/n/input",
                "the input \"username\" does not fit a.n: string does not fit integer",
                "declare the input as integer",
                {}},
        Finding{"input_narrower",
                "  - {id: a, function: counter, arguments: {n: {input: count}}}",
                "narrowed_type",
                kWarning,
                "/nodes/0/arguments/n/input",
                "may not fit a.n: the number may be below 1",
                "declare the input",
                {}},
        Finding{"input_untyped",
                "  - {id: a, function: username2id, arguments: {username: {input: free}}}",
                "narrowed_type",
                kWarning,
                "/nodes/0/arguments/username/input",
                "does not say its type",
                "narrowly",
                {}},
        Finding{"input_optional",
                "  - {id: a, function: username2id, arguments: {username: {input: maybe}}}",
                "missing_argument",
                kError,
                "/nodes/0/arguments/username/input",
                "a.username needs a value, but the input \"maybe\" may be left out",
                "inputs.required",
                {"maybe"}},
        // B17: the registry says integer, the producer gives a string.
        Finding{"type_clash",
                "  - {id: t1, function: username2id, arguments: {username: {input: username}}}\n"
                "  - {id: c, function: counter, arguments: {n: {node: t1, output: user_id}}}",
                "type_clash",
                kError,
                "/nodes/1/arguments/n",
                "t1.user_id does not fit c.n: string does not fit integer",
                "converts",
                {}},
        Finding{"type_clash_with_a_better_source",
                "  - {id: c, function: counter}\n"
                "  - {id: d, function: username2id, arguments: {username: {node: c, output: n}}}",
                "type_clash",
                kError,
                "/nodes/1/arguments/username",
                "integer does not fit string",
                "",
                {"input username", "input maybe", "c.text"}},
        Finding{"whole_output_clash",
                "  - {id: c, function: counter}\n"
                "  - {id: d, function: username2id, arguments: {username: {node: c}}}",
                "type_clash",
                kError,
                "/nodes/1/arguments/username",
                "the output of c does not fit d.username: object does not fit string",
                "",
                {"input username", "input maybe", "c.text"}},
        Finding{"unknown_output",
                "  - {id: c, function: counter}\n"
                "  - {id: d, function: username2id, arguments: {username: {node: c, output: txt}}}",
                "unknown_output",
                kError,
                "/nodes/1/arguments/username/output",
                "counter gives no field \"txt\"",
                "use one of text, n",
                {"text", "n"}},
        Finding{
            "unknown_member_of_a_member",
            "  - {id: s, function: recommendsong, arguments: {mood: {input: username}}}\n"
            "  - {id: p, function: playmusic, arguments: {title: {node: s, output: song.titel}}}",
            "unknown_output",
            kError,
            "/nodes/1/arguments/title/output",
            "song.titel",
            "song.title",
            {"song.title", "song.year"}},
        Finding{"optional_output",
                "  - {id: s, function: recommendsong, arguments: {mood: {input: username}}}\n"
                "  - {id: c, function: counter, arguments: {tags: {node: s, output: tags}}}",
                "narrowed_type",
                kWarning,
                "/nodes/1/arguments/tags",
                "s.tags may not fit c.tags: the array may have more than 2 items",
                "narrowly",
                {}},
        Finding{"unproven_output",
                "  - {id: l, function: lax}\n"
                "  - {id: d, function: username2id, arguments: {username: {node: l, output: x}}}",
                "unproven_schema",
                kWarning,
                "/nodes/0/function",
                "lax does not declare its parameters",
                "input schema",
                {}},
        Finding{"list_into_string",
                "  - {id: a, function: username2id, arguments: {username: {list: [{input: "
                "username}]}}}",
                "type_clash",
                kError,
                "/nodes/0/arguments/username/list",
                "the list does not fit a.username: array does not fit string",
                "",
                {}},
        Finding{"list_too_long",
                "  - {id: a, function: counter, arguments: {tags: {list: [{input: username}, "
                "{input: username}, {value: x}]}}}",
                "type_clash",
                kError,
                "/nodes/0/arguments/tags/list",
                "more than 2 items",
                "",
                {}},
        Finding{"item_of_a_list",
                "  - {id: a, function: counter, arguments: {tags: {list: [{input: username}, "
                "{input: count}]}}}",
                "input_type_clash",
                kError,
                "/nodes/0/arguments/tags/list/1/input",
                "integer does not fit string",
                "",
                {"input username", "input maybe"}},
        Finding{
            "member_of_an_object",
            "  - {id: a, function: counter, arguments: {place: {object: {city: {input: username}, "
            "zip: {input: username}}}}}",
            "input_type_clash",
            kError,
            "/nodes/0/arguments/place/object/zip/input",
            "string does not fit integer",
            "integer",
            {"input count"}},
        Finding{
            "missing_member_of_an_object",
            "  - {id: a, function: counter, arguments: {place: {object: {zip: {input: count}}}}}",
            "missing_argument",
            kError,
            "/nodes/0/arguments/place/object",
            "a.place needs the member \"city\"",
            "add city",
            {}},
        Finding{"object_into_string",
                "  - {id: a, function: username2id, arguments: {username: {object: {x: {input: "
                "count}}}}}",
                "type_clash",
                kError,
                "/nodes/0/arguments/username/object",
                "the object does not fit a.username: object does not fit string",
                "",
                {}},
        Finding{"list_that_only_running_can_judge",
                "  - {id: a, function: counter, arguments: {set: {list: [{input: count}, {input: "
                "count}]}}}",
                "narrowed_type",
                kWarning,
                "/nodes/0/arguments/set",
                "the list may not fit a.set: the array may repeat an item",
                "nothing",
                {}},
        Finding{
            "unknown_member_of_an_object",
            "  - {id: a, function: counter, arguments: {place: {object: {city: {input: username}, "
            "town: {input: username}}}}}",
            "unknown_parameter",
            kError,
            "/nodes/0/arguments/place/object/town",
            "a.place has no member \"town\"",
            "members are city, zip",
            {}}),
    [](const auto& param) { return std::string(param.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Steps, VerifyFindings,
    ::testing::Values(
        Finding{"duplicate_step",
                "  - {id: a, function: username2id, arguments: {username: {input: username}}}\n"
                "  - {id: b, function: username2id, arguments: {username: {input: username}}}",
                "duplicate_step",
                kError,
                "/nodes/1",
                "the step b does what a does",
                "use the output of a",
                {"a"}},
        Finding{"unused_output",
                "  - {id: a, function: username2id, arguments: {username: {input: username}}}",
                "unused_output",
                kWarning,
                "/nodes/0",
                "nobody uses what a gives",
                "remove the step",
                {}},
        Finding{"side_effects",
                "  - {id: a, function: playmusic, arguments: {title: {input: username}}}",
                "side_effects",
                kWarning,
                "/nodes/0",
                "a acts on the world: send",
                "wanted",
                {}},
        Finding{
            "missing_goal",
            "  - {id: a, function: lax, goal: look}\n  - {id: b, function: lax, dependsOn: [a]}",
            "missing_goal",
            kWarning,
            "/nodes/1",
            "b does not say what it is for",
            "add goal",
            {}},
        Finding{"identifier_that_nobody_finds",
                "  - {id: a, function: archive, arguments: {box_id: {input: username}}}",
                "identifier_without_producer",
                kWarning,
                "/nodes/0/arguments/box_id",
                "no known function finds it",
                "give the input an example",
                {}},
        Finding{"identifier_without_producer",
                "  - {id: a, function: getusermood, arguments: {user_id: {input: username}}}",
                "identifier_without_producer",
                kWarning,
                "/nodes/0/arguments/user_id",
                "the caller must know the \"user_id\" itself, although username2id finds it",
                "add a step that calls username2id",
                {"username2id"}}),
    [](const auto& param) { return std::string(param.param.name); });

TEST(VerifyTest, ADefaultIsAValueAndAnOpenFunctionTakesAnything) {
  const Verdict verdict = music().verify(read(R"(
nodes:
  - {id: m, function: getusermood, arguments: {user_id: {value: u1}}}
  - {id: l, function: lax, arguments: {anything: {node: m, output: mood}, n: {value: 3}}}
outputs: {x: {node: l, output: whatever}}
)"));
  EXPECT_TRUE(verdict.proven()) << text(verdict);
  EXPECT_THAT(codes(verdict), Not(Contains("missing_argument")));
}

TEST(VerifyTest, AnOptionalFieldThatAStepNeedsIsGuarded) {
  const Verdict verdict = Registry(R"(
find: {input: {type: object, properties: {}}, output: {type: object, properties: {title: {type: string}}}}
play: {input: {type: object, properties: {title: {type: string}}, required: [title]}, effects: [send]}
)")
                              .verify(read(R"(
nodes:
  - {id: f, function: find}
  - {id: p, function: play, arguments: {title: {node: f, output: title}}}
)"));
  EXPECT_TRUE(verdict.proven());
  const auto one = std::ranges::find(verdict.diagnostics, "narrowed_type", &dag::Diagnostic::code);
  ASSERT_NE(one, verdict.diagnostics.end()) << text(verdict);
  EXPECT_EQ(one->pointer, "/nodes/1/arguments/title");
  EXPECT_THAT(one->message, HasSubstr("f.title may be absent, but p.title needs it"));
}

// B5: what one step derives must not vanish from, nor collapse with, what another step asks for.
TEST(VerifyTest, SameNamedParametersOfTwoStepsStayDistinct) {
  const Registry registry(R"(
home: {input: {type: object, properties: {name: {type: string}}, required: [name]},
       output: {type: object, properties: {city: {type: string}}, required: [city]}}
weather: {input: {type: object, properties: {city: {type: string}}, required: [city]},
          output: {type: object, properties: {text: {type: string}}, required: [text]}}
)");
  const std::string body = R"(
inputs: {type: object, properties: {name: {type: string}, city: {type: string}}, required: [name, city]}
nodes:
  - {id: h, function: home, arguments: {name: {input: name}}}
  - {id: w1, function: weather, arguments: {city: {node: h, output: city}}}
  - {id: w2, function: weather, arguments: {city: {input: city}}}
outputs: {there: {node: w1, output: text}, here: {node: w2, output: text}}
)";
  const Verdict verdict = registry.verify(read(body));
  EXPECT_TRUE(verdict.proven()) << text(verdict);
  const dag::Workflow& linked = verdict.linked.workflow;
  EXPECT_NE(*dag::find_binding(linked.nodes[1].arguments, "city"),
            *dag::find_binding(linked.nodes[2].arguments, "city"));
  // That the first step derives a city does not give the second weather step one.
  std::string without = body;
  without.replace(without.find("{city: {input: city}}"), 21, "{}");
  const Verdict missing = registry.verify(read(without));
  ASSERT_FALSE(missing.proven());
  EXPECT_EQ(missing.diagnostics[0].code, "missing_argument");
  EXPECT_EQ(missing.diagnostics[0].pointer, "/nodes/2/arguments");
}

const Registry& shop() {
  static const Registry registry(R"(
pay: {input: {type: object, properties: {order_id: {type: string}, amount: {type: integer}}},
      output: {type: object, properties: {receipt: {type: string}}}, effects: [pay], once: true}
cancel_order: {input: {type: object, properties: {order_id: {type: string}}}, effects: [delete]}
change_order: {input: {type: object, properties: {order_id: {type: string}, size: {type: integer}}},
               effects: [write]}
create_event: {input: {type: object, properties: {user_id: {type: string}, title: {type: string}}},
               effects: [write]}
send_email: {input: {type: object, properties: {to: {type: string}}}, effects: [send]}
)");
  return registry;
}

Verdict verify_shop(const std::string& nodes) {
  return shop().verify(read(
      "inputs: {type: object, properties: {o: {type: string}}, required: [o]}\nnodes:\n" + nodes));
}

TEST(VerifyWritersTest, TwoUnorderedWritersOfOneThingConflict) {
  const Verdict verdict = verify_shop(
      "  - {id: cancel, function: cancel_order, arguments: {order_id: {input: o}}}\n"
      "  - {id: change, function: change_order, arguments: {order_id: {input: o}, size: {value: "
      "2}}}\n");
  ASSERT_THAT(codes(verdict), Contains("conflicting_writers")) << text(verdict);
  const dag::Diagnostic& one = verdict.diagnostics[0];
  EXPECT_EQ(one.pointer, "/nodes/1");
  EXPECT_THAT(one.message, HasSubstr("cancel and change both write the same order_id"));
  EXPECT_EQ(one.fix, "add dependsOn: [cancel] to the step that comes second");
  EXPECT_THAT(one.candidates, ElementsAre("cancel"));
}

TEST(VerifyWritersTest, AnOrderBetweenThemSettlesItAlsoThroughOtherSteps) {
  EXPECT_TRUE(
      verify_shop(
          "  - {id: change, function: change_order, arguments: {order_id: {input: o}}, dependsOn: "
          "[mail]}\n"
          "  - {id: mail, function: send_email, arguments: {to: {value: x}}, dependsOn: [cancel]}\n"
          "  - {id: cancel, function: cancel_order, arguments: {order_id: {input: o}}}\n")
          .proven());
}

TEST(VerifyWritersTest, EqualCallsConflictWhateverTheirOrderWithOthers) {
  EXPECT_THAT(
      codes(verify_shop(
          "  - {id: m, function: send_email, arguments: {to: {value: x}}}\n"
          "  - {id: p1, function: pay, arguments: {amount: {value: 1}}}\n"
          "  - {id: p2, function: pay, arguments: {amount: {value: 1}}, dependsOn: [m]}\n")),
      Contains("conflicting_writers"));
}

TEST(VerifyWritersTest, DifferentThingsOfOneOwnerDoNotConflict) {
  const Verdict verdict = verify_shop(
      "  - {id: a, function: create_event, arguments: {user_id: {input: o}, title: {value: a}}}\n"
      "  - {id: b, function: create_event, arguments: {user_id: {input: o}, title: {value: b}}}\n"
      "  - {id: c, function: change_order, arguments: {order_id: {value: x}}}\n"
      "  - {id: d, function: change_order, arguments: {order_id: {value: y}}}\n");
  EXPECT_TRUE(verdict.proven()) << text(verdict);
  // It may still be worth a look when one function gets the same id twice.
  const auto one =
      std::ranges::find(verdict.diagnostics, "conflicting_writers", &dag::Diagnostic::code);
  ASSERT_NE(one, verdict.diagnostics.end());
  EXPECT_EQ(one->pointer, "/nodes/1");
  EXPECT_THAT(one->message, HasSubstr("a and b may both write the same user_id"));
}

TEST(VerifyStepsTest, TheSameCallAfterSomethingElseIsNoDuplicate) {
  EXPECT_TRUE(
      verify_shop(
          "  - {id: a, function: send_email, arguments: {to: {value: x}}}\n"
          "  - {id: b, function: send_email, arguments: {to: {value: x}}, dependsOn: [a]}\n")
          .proven());
}

TEST(VerifyStepsTest, AtMostOnceIsSaid) {
  const Verdict verdict =
      verify_shop("  - {id: p, function: pay, arguments: {order_id: {input: o}}}\n");
  EXPECT_THAT(text(verdict), HasSubstr("p acts on the world: pay; it is never repeated by itself"));
}

TEST(VerifyEvidenceTest, LiteralsMustComeFromTheQueryOrBeDefaults) {
  const auto literals = [](const std::string& arguments, const Evidence& evidence) {
    const Verdict verdict = music().verify(
        read("nodes: [{id: a, function: getusermood, goal: g, arguments: " + arguments + "}]"),
        &evidence);
    std::vector<std::string> pointers;
    for (const dag::Diagnostic& one : verdict.diagnostics) {
      if (one.code == "ungrounded_literal") pointers.push_back(one.pointer);
    }
    return pointers;
  };
  const Evidence evidence{.query = "The mood of Anna-7, the last 5 times",
                          .clauses = {},
                          .grounded_values = {Json("u_1")}};
  EXPECT_THAT(literals("{user_id: {value: u_1}, limit: {value: 3}}", evidence), IsEmpty());
  EXPECT_THAT(literals("{user_id: {value: anna-7}, limit: {value: 5}}", evidence), IsEmpty());
  EXPECT_THAT(literals("{user_id: {value: Ben}, limit: {value: 4}}", evidence),
              ElementsAre("/nodes/0/arguments/user_id/value", "/nodes/0/arguments/limit/value"));
  EXPECT_THAT(literals("{user_id: {list: [{value: Anna}, {object: {k: {value: nn}}}]}}", evidence),
              ElementsAre("/nodes/0/arguments/user_id/list/1/object/k/value"));
}

TEST(VerifyEvidenceTest, AWorkflowWrittenByHandMaySayWhatItLikes) {
  EXPECT_TRUE(
      music()
          .verify(read("nodes: [{id: a, function: getusermood, arguments: {user_id: {value: x}}}]"))
          .proven());
}

TEST(VerifyEvidenceTest, AClauseThatNoStepServesIsReported) {
  const Evidence evidence{.query = "play music and water the plants",
                          .clauses = {{"play music", true}, {"water the plants", false}},
                          .grounded_values = {}};
  const Verdict verdict = music().verify(read(kMusic), &evidence);
  EXPECT_TRUE(verdict.proven());
  const auto one =
      std::ranges::find(verdict.diagnostics, "unserved_clause", &dag::Diagnostic::code);
  ASSERT_NE(one, verdict.diagnostics.end());
  EXPECT_THAT(one->message, HasSubstr("\"water the plants\""));
  EXPECT_THAT(codes(verdict), Contains("missing_goal"));
}

TEST(VerifyEvidenceTest, AnIdentifierThatTheQueryGaveNeedsNoProducer) {
  const dag::Workflow w = read(R"(
inputs: {type: object, properties: {who: {type: string, examples: [anna_123]}}, required: [who]}
nodes: [{id: a, function: getusermood, goal: g, arguments: {user_id: {input: who}}}]
outputs: {m: {node: a, output: mood}}
)");
  const Evidence evidence{.query = "mood of anna_123", .clauses = {}, .grounded_values = {}};
  EXPECT_THAT(music().verify(w, &evidence).diagnostics, IsEmpty());
  const Evidence other{.query = "mood of Anna", .clauses = {}, .grounded_values = {}};
  EXPECT_THAT(codes(music().verify(w, &other)), ElementsAre("identifier_without_producer"));
  EXPECT_THAT(codes(music().verify(w)), Not(Contains("identifier_without_producer")));
}

TEST(VerifyTest, ErrorsComeFirstThenTheOrderOfTheDocument) {
  const Verdict verdict = music().verify(read(R"(
inputs: {type: object, properties: {spare: {type: string}}}
nodes:
  - {id: a, function: playmusic, arguments: {title: {value: 3}}}
  - {id: b, function: nofunction, dependsOn: [gone]}
outputs: {r: {node: a, output: nothing}}
)"));
  EXPECT_THAT(codes(verdict), ElementsAre("literal_invalid", "unknown_function", "unknown_node",
                                          "unknown_output", "unused_input", "side_effects"));
}

TEST(VerifyTest, StructuralFindingsAreIncluded) {
  const Verdict verdict = music().verify(read(
      "nodes: [{id: a, function: lax, dependsOn: [b]}, {id: b, function: lax, dependsOn: [a]}]"));
  EXPECT_FALSE(verdict.proven());
  EXPECT_EQ(verdict.diagnostics[0].code, "cycle");
}

TEST(VerifyTest, ReferencesInsideSchemasAreFollowedToTheirOwnDocument) {
  const Verdict verdict = Registry(R"(
find:
  input: {type: object, properties: {}}
  output: {$defs: {t: {type: object, properties: {id: {type: string}, next: {$ref: '#/$defs/t'}},
           required: [id]}}, type: object, properties: {tree: {$ref: '#/$defs/t'}}, required: [tree]}
show:
  input: {$defs: {t: {type: integer}}, type: object, properties: {tree: {type: object,
          properties: {id: {type: string}}, required: [id]}, n: {$ref: '#/$defs/t'}}, required: [tree]}
  effects: [send]
)")
                              .verify(read(R"(
nodes:
  - {id: f, function: find}
  - {id: s, function: show, arguments: {tree: {node: f, output: tree}, n: {node: f, output: tree.id}}}
)"));
  ASSERT_FALSE(verdict.proven());
  EXPECT_EQ(verdict.diagnostics[0].code, "type_clash");
  EXPECT_EQ(verdict.diagnostics[0].pointer, "/nodes/1/arguments/n");
  EXPECT_THAT(codes(verdict), Not(Contains("narrowed_type"))) << text(verdict);
}

TEST(VerifyTest, TenThousandWritersOfOneThingAreChecked) {
  dag::Workflow w;
  w.name = "big";
  for (int i = 0; i < 10'000; ++i) {
    dag::Node node;
    node.id = dag::NodeId("n" + std::to_string(i));
    node.function = "change_order";
    node.arguments = {{"order_id", {dag::Literal{"x"}}}, {"size", {dag::Literal{i}}}};
    if (i > 0) node.depends_on = {dag::NodeId("n" + std::to_string(i - 1))};
    w.nodes.push_back(std::move(node));
  }
  EXPECT_TRUE(shop().verify(w).proven());
  w.nodes[5000].depends_on.clear();
  EXPECT_THAT(codes(shop().verify(w)), Contains("conflicting_writers"));
}

}  // namespace
}  // namespace ae::verify
