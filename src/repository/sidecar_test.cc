#include "repository/sidecar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ae::repository {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kComplete = R"(
apiVersion: actionengine/v1
kind: Function
name: send_email
description: Sends an e-mail.
handler: mail/send.handler
runtime: python3.12
timeout: 2.5
memory: 256
environment: {LOG_LEVEL: INFO}
effects: [send, write, send]
idempotent: false
input:
  type: object
  properties: {to: {type: string}, body: {type: string}}
  required: [to]
output: {type: object, properties: {message_id: {type: string}}, required: [message_id]}
examples:
  - input: {to: a@example.com}
    output: {message_id: m1}
  - input: {}
    error: ValueError
)";

std::string header_and(std::string_view rest) {
  return "apiVersion: actionengine/v1\nkind: Function\nname: f\ndescription: Does it.\n" +
         std::string(rest);
}

std::vector<std::string> findings(std::string_view text) {
  const auto parsed = parse_sidecar(text);
  if (!parsed) return {parsed.error().describe()};
  std::vector<std::string> lines;
  for (const auto& finding : parsed->diagnostics)
    lines.push_back(finding.code + " " + finding.pointer);
  return lines;
}

TEST(Sidecar, ReadsEveryMember) {
  const auto parsed = parse_sidecar(kComplete);
  ASSERT_TRUE(parsed) << parsed.error().describe();
  EXPECT_TRUE(parsed->diagnostics.empty()) << dag::to_json(parsed->diagnostics).dump();
  const dag::FunctionSpec& spec = parsed->spec;
  EXPECT_EQ(spec.name, "send_email");
  EXPECT_EQ(spec.description, "Sends an e-mail.");
  EXPECT_EQ(
      std::get<dag::LocalPackage>(spec.binding),
      (dag::LocalPackage{.folder = "", .handler = "mail/send.handler", .runtime = "python3.12"}));
  EXPECT_EQ(spec.runtime.timeout, std::chrono::milliseconds{2500});
  EXPECT_EQ(spec.runtime.memory_mb, 256);
  EXPECT_EQ(spec.runtime.environment.at("LOG_LEVEL"), "INFO");
  EXPECT_THAT(spec.effects, ElementsAre("send", "write"));
  EXPECT_TRUE(spec.at_most_once());
  EXPECT_THAT(dag::property_names(spec.input), ElementsAre("to", "body"));
  EXPECT_TRUE(dag::is_required(spec.output, "message_id"));
  ASSERT_EQ(spec.examples.size(), 2U);
  EXPECT_EQ(spec.examples[0].output, (Json{{"message_id", "m1"}}));
  EXPECT_EQ(spec.examples[1].error, "ValueError");
}

TEST(Sidecar, FillsInLambdasDefaults) {
  const auto parsed = parse_sidecar(header_and(""));
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->diagnostics.empty());
  EXPECT_EQ(std::get<dag::LocalPackage>(parsed->spec.binding).handler,
            "lambda_function.lambda_handler");
  EXPECT_EQ(parsed->spec.runtime, dag::RuntimeSettings{});
  EXPECT_EQ(parsed->spec.input, Json::object());
  EXPECT_FALSE(parsed->spec.at_most_once());
}

TEST(Sidecar, SaysWhichMemberIsMissing) {
  const auto parsed = parse_sidecar("description: x");
  ASSERT_TRUE(parsed);
  std::vector<std::string> missing;
  for (const auto& finding : parsed->diagnostics) missing.push_back(finding.message);
  EXPECT_THAT(missing, ElementsAre("\"apiVersion\" is missing", "\"kind\" is missing",
                                   "\"name\" is missing"));
}

TEST(Sidecar, OnlyWarnsOfAMissingDescription) {
  const auto parsed = parse_sidecar("apiVersion: actionengine/v1\nkind: Function\nname: f");
  ASSERT_TRUE(parsed);
  ASSERT_EQ(parsed->diagnostics.size(), 1U);
  EXPECT_EQ(parsed->diagnostics[0].severity, dag::Severity::kWarning);
}

TEST(Sidecar, GuessesWhatAMisspeltMemberMeant) {
  const auto parsed = parse_sidecar(header_and("timout: 3\nzzzzzzzzzzzzz: 1"));
  ASSERT_TRUE(parsed);
  ASSERT_EQ(parsed->diagnostics.size(), 2U);
  EXPECT_EQ(parsed->diagnostics[0].code, "unknown_member");
  EXPECT_EQ(parsed->diagnostics[0].pointer, "/timout");
  EXPECT_THAT(parsed->diagnostics[0].candidates, ElementsAre("timeout"));
  EXPECT_TRUE(parsed->diagnostics[1].candidates.empty());
  EXPECT_THAT(parsed->diagnostics[1].fix, HasSubstr("examples"));
}

TEST(Sidecar, FindsEachMistakeAtItsPlace) {
  EXPECT_THAT(findings("- a list"), ElementsAre("invalid_document "));
  EXPECT_THAT(findings(header_and("name2: x")), ElementsAre("unknown_member /name2"));
  EXPECT_THAT(findings(header_and("timeout: 0")), ElementsAre("out_of_range /timeout"));
  EXPECT_THAT(findings(header_and("timeout: 900.5")), ElementsAre("out_of_range /timeout"));
  EXPECT_THAT(findings(header_and("timeout: soon")), ElementsAre("wrong_type /timeout"));
  EXPECT_THAT(findings(header_and("memory: 127")), ElementsAre("out_of_range /memory"));
  EXPECT_THAT(findings(header_and("memory: 18446744073709551615")),
              ElementsAre("out_of_range /memory"));
  EXPECT_THAT(findings(header_and("environment: {A: 1}")),
              ElementsAre("wrong_type /environment/A"));
  EXPECT_THAT(findings(header_and("environment: {A-B: x}")),
              ElementsAre("invalid_name /environment/A-B"));
  EXPECT_THAT(findings(header_and("effects: [sent]")), ElementsAre("unknown_effect /effects/0"));
  EXPECT_THAT(findings(header_and("idempotent: maybe")), ElementsAre("wrong_type /idempotent"));
  EXPECT_THAT(findings(header_and("input: {type: array}")),
              ElementsAre("invalid_schema /input/type"));
  EXPECT_THAT(findings(header_and("examples: [{output: {}}]")),
              ElementsAre("missing_member /examples/0"));
  EXPECT_THAT(findings(header_and("examples: [{input: {}}]")),
              ElementsAre("missing_member /examples/0"));
  EXPECT_THAT(findings(header_and("examples: [{input: {}, output: 1, error: E}]")),
              ElementsAre("missing_member /examples/0"));
}

TEST(Sidecar, RefusesHandlersThatLeaveTheFolder) {
  for (const char* handler :
       {"../x.f", "/etc/x.f", "a//b.f", "nodot", "a.", ".f", "a.b-c", "\"\""}) {
    EXPECT_THAT(findings(header_and(std::string("handler: ") + handler)),
                ElementsAre("invalid_handler /handler"))
        << handler;
  }
  for (const char* handler : {"app.handler", "src/app.handler", "src.app.handler", "my-app.f"}) {
    EXPECT_TRUE(findings(header_and(std::string("handler: ") + handler)).empty()) << handler;
  }
}

TEST(Sidecar, ChecksTheSchemasThemselves) {
  EXPECT_THAT(findings(header_and("output: {type: strin}")),
              ElementsAre("invalid_schema /output/type"));
}

TEST(Sidecar, HoldsExamplesToTheSchemas) {
  const auto schemas = header_and(
      "input: {type: object, properties: {n: {type: integer}}, required: [n]}\n"
      "output: {type: object, properties: {m: {type: string}}}\n");
  EXPECT_THAT(findings(schemas + "examples: [{input: {n: 1}, output: {m: x}}]"), ElementsAre());
  EXPECT_THAT(
      findings(schemas + "examples: [{input: {n: x}, output: {m: 1}}]"),
      ElementsAre("example_mismatch /examples/0/input/n", "example_mismatch /examples/0/output/m"));
  EXPECT_THAT(findings(schemas + "examples: [{input: {n: x}, error: TypeError}]"), ElementsAre())
      << "what a function refuses may be what its schema refuses";
}

TEST(Sidecar, KnowsAnotherProductsFile) {
  const auto parsed =
      parse_sidecar("apiVersion: nuclio.io/v1\nkind: Function\nname: f\ndescription: x");
  ASSERT_TRUE(parsed);
  ASSERT_EQ(parsed->diagnostics.size(), 1U);
  EXPECT_THAT(parsed->diagnostics[0].message, HasSubstr("Nuclio"));
}

TEST(Sidecar, NamesLineAndColumnOfWhatIsNoYaml) {
  const auto parsed = parse_sidecar("name: f\n  bad: [1,\n");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(parsed.error().message, HasSubstr("line"));
}

}  // namespace
}  // namespace ae::repository
