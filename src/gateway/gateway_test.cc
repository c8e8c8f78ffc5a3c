// The API as its users meet it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>

#include "gateway/internal/router.h"
#include "gateway/internal/schemas.h"
#include "gateway/internal/test_house.h"
#include "json/schema.h"

namespace ae::gateway {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string detail(const Reply& reply) { return json::string_or(reply.json, "detail"); }

// ---- Who may call ----------------------------------------------------------------------------

TEST(Admission, AnotherHostIsRefusedAgainstDnsRebinding) {
  House house;
  const Reply reply = house.send("GET", "/v1/workflows", {}, {{"Host", "evil.example:8000"}});
  EXPECT_EQ(reply.status, 403);
  EXPECT_EQ(reply.json["type"], "urn:action-engine:problem:host_not_allowed");
  EXPECT_THAT(detail(reply), HasSubstr("evil.example"));
}

TEST(Admission, LoopbackNamesWithTheRealPortAreServed) {
  House house;
  const std::string port = std::to_string(house.server().port());
  for (const std::string name : {"127.0.0.1:", "localhost:", "LOCALHOST:", "[::1]:"}) {
    EXPECT_EQ(house.send("GET", "/healthz", {}, {{"Host", name + port}}).status, 200) << name;
  }
  EXPECT_EQ(house.send("GET", "/healthz", {}, {{"Host", "localhost:1"}}).status, 403);
}

TEST(Admission, PagesOfOtherOriginsAreRefusedAndNoCorsHeaderIsEverSent) {
  House house;
  const std::string own = house.server().url();
  for (const std::string origin : {"http://evil.example", "null", "https://127.0.0.1"}) {
    const Reply reply = house.send("POST", "/v1/plans", Json{{"query", "x"}}, {{"Origin", origin}});
    EXPECT_EQ(reply.status, 403) << origin;
    EXPECT_EQ(reply.header("Access-Control-Allow-Origin"), "");
  }
  const Reply same = house.send("GET", "/v1/workflows", {}, {{"Origin", own}});
  EXPECT_EQ(same.status, 200);
  EXPECT_EQ(same.header("Access-Control-Allow-Origin"), "");
  const Reply preflight =
      house.send("OPTIONS", "/v1/plans", {},
                 {{"Origin", "http://evil.example"}, {"Access-Control-Request-Method", "POST"}});
  EXPECT_EQ(preflight.status, 403);
}

TEST(Admission, AnAddressForOthersNeedsNamesToAnswerTo) {
  House house;
  ServerOptions options;
  options.host = "0.0.0.0";
  options.port = 0;
  Services services = house.services();
  const auto refused = Server::start(services, options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kPermissionDenied);
  EXPECT_THAT(refused.error().message, HasSubstr("0.0.0.0"));
}

// ---- Routes ----------------------------------------------------------------------------------

TEST(Routes, AnUnknownPathIs404AndNamesTheNearest) {
  House house;
  EXPECT_THAT(detail(house.send("GET", "/v1/workflow")), HasSubstr("GET /v1/workflows"));
  EXPECT_THAT(detail(house.send("POST", "/v1/plan", Json::object())), HasSubstr("POST /v1/plans"));
  EXPECT_THAT(detail(house.send("GET", "/v1/workflows/")), HasSubstr("/v1/workflows"));
  const Reply far = house.send("GET", "/completely/different/things/altogether");
  EXPECT_EQ(far.status, 404);
  EXPECT_THAT(detail(far), HasSubstr("/openapi.json"));
}

TEST(Routes, AWrongMethodIs405WithAllow) {
  House house;
  const Reply reply = house.send_text("PUT", "/v1/workflows", "", {});
  EXPECT_EQ(reply.status, 405);
  EXPECT_EQ(reply.header("Allow"), "GET, HEAD, OPTIONS, POST");
  EXPECT_EQ(house.send("DELETE", "/v1/runs").header("Allow"), "GET, HEAD, OPTIONS");
}

TEST(Routes, HeadAndOptionsAreAnswered) {
  House house;
  const Reply head = house.send("HEAD", "/v1/workflows");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(head.header("Content-Type"), "application/json");
  const Reply options = house.send("OPTIONS", "/v1/workflows");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.header("Allow"), "GET, HEAD, OPTIONS, POST");
}

TEST(Routes, ALiteralSegmentWinsOverAParameter) {
  const auto lint = find_route("POST", "/v1/workflows/lint");
  ASSERT_TRUE(lint && lint->route != nullptr);
  EXPECT_EQ(lint->route->operation_id, "lintWorkflow");
  const auto named = find_route("GET", "/v1/workflows/lint");
  ASSERT_TRUE(named && named->route != nullptr);
  EXPECT_EQ(named->route->operation_id, "getWorkflow");
}

TEST(Routes, PathsAreDecodedOnceAndBrokenOnesAreRefused) {
  const auto match = find_route("GET", "/v1/runs/a%2Fb%2541");
  ASSERT_TRUE(match && match->route != nullptr);
  EXPECT_EQ(match->path.find("id")->second, "a/b%41");
  EXPECT_FALSE(find_route("GET", "/v1/runs/%zz"));
  EXPECT_FALSE(find_route("GET", "/v1/runs/%ff"));
}

TEST(Routes, EveryAnswerNamesItsRequest) {
  House house;
  const Reply reply = house.send("GET", "/v1/runs/none");
  const std::string id = reply.header("X-Request-Id");
  EXPECT_THAT(id, testing::StartsWith("req_"));
  EXPECT_EQ(reply.json["instance"], "urn:action-engine:request:" + id);
  EXPECT_EQ(reply.header("Cache-Control"), "no-store");
}

// ---- Bodies ----------------------------------------------------------------------------------

TEST(Bodies, AnUnknownMemberIsNamedWithWhatWasMeant) {
  House house;
  const Reply reply = house.send("POST", "/v1/plans", Json{{"query", "x"}, {"querry", "y"}});
  EXPECT_EQ(reply.status, 422);
  EXPECT_EQ(reply.json["errors"][0]["code"], "unknown_member");
  EXPECT_EQ(reply.json["errors"][0]["pointer"], "/querry");
  EXPECT_THAT(detail(reply), HasSubstr("did you mean \"query\"?"));
}

TEST(Bodies, AWrongTypeIsNamedWithItsPointer) {
  House house;
  const Reply plan = house.send("POST", "/v1/plans", Json{{"query", 7}});
  EXPECT_EQ(plan.status, 422);
  EXPECT_EQ(plan.json["errors"][0]["pointer"], "/query");
  EXPECT_EQ(plan.json["errors"][0]["code"], "wrong_type");
  const Reply resume = house.send("POST", "/v1/runs/x/resume", literal(R"({"from": ["a", 3]})"));
  EXPECT_EQ(resume.status, 422);
  EXPECT_EQ(resume.json["errors"][0]["pointer"], "/from/1");
  const Reply list = house.send("POST", "/v1/plans", Json::array());
  EXPECT_EQ(list.status, 422);
  EXPECT_EQ(list.json["errors"][0]["pointer"], "");
}

TEST(Bodies, AMissingMemberIsNamedAndDescribed) {
  House house;
  const Reply reply = house.send_text("POST", "/v1/plans", "", {});
  EXPECT_EQ(reply.status, 422);
  EXPECT_EQ(reply.json["errors"][0]["pointer"], "/query");
  EXPECT_EQ(reply.json["errors"][0]["code"], "missing_member");
  EXPECT_THAT(reply.json["errors"][0]["fix"].get<std::string>(), HasSubstr("in words"));
}

TEST(Bodies, BrokenJsonSaysWhere) {
  House house;
  const Reply reply = house.send_text("POST", "/v1/plans", "{\"query\": \n oops}",
                                      {{"Content-Type", "application/json"}});
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.json["type"], "urn:action-engine:problem:malformed_body");
  EXPECT_THAT(detail(reply), HasSubstr("line 2"));
}

TEST(Bodies, WhatCurlSendsByDefaultIsRefusedWithTheHeaderToAdd) {
  House house;
  const Reply form = house.send_text("POST", "/v1/plans", "{\"query\": \"x\"}",
                                     {{"Content-Type", "application/x-www-form-urlencoded"}});
  EXPECT_EQ(form.status, 415);
  EXPECT_THAT(detail(form), HasSubstr("content-type: application/json"));
  const Reply yaml = house.send_text("POST", "/v1/runs/x/resume", "from: [a]",
                                     {{"Content-Type", "application/yaml"}});
  EXPECT_EQ(yaml.status, 415);  // documents only
}

TEST(Bodies, QueryParametersAreCheckedToo) {
  House house;
  const Reply typo = house.send("GET", "/v1/functions?serach=music");
  EXPECT_EQ(typo.status, 400);
  EXPECT_THAT(detail(typo), HasSubstr("did you mean \"search\"?"));
  EXPECT_EQ(house.send("GET", "/v1/functions?limit=many").status, 400);
  EXPECT_EQ(house.send("GET", "/v1/functions?limit=0").status, 400);
  EXPECT_EQ(house.send("GET", "/v1/functions?limit=1&limit=2").status, 400);
  EXPECT_EQ(house.send("GET", "/v1/functions?search=%ff").status, 400);
  EXPECT_EQ(house.send("GET", "/healthz?x=1").status, 400);
}

TEST(Bodies, AnswersNameNoFolderOfThisMachine) {
  House house;
  house.add_pack("music");
  house.add_function("broken", "raise ValueError('no')", "");
  house.add_workflow(mood_music());
  const std::string home = house.home().string();
  for (const char* target : {"/v1/functions", "/v1/functions/playmusic", "/v1/workflows/mood-music",
                             "/v1/workflows/mood-music?format=yaml", "/openapi.json"}) {
    EXPECT_THAT(house.send("GET", target).body, Not(HasSubstr(home))) << target;
  }
  Json failing = one_step("failing", "broken", "x", "y");
  failing["outputs"] = {{"y", {{"node", "only"}}}};
  failing["nodes"][0]["retry"] = {{"maxAttempts", 1}};
  house.add_workflow(failing);
  const Reply failed = house.send("POST", "/api/failing", Json{{"x", "1"}});
  EXPECT_EQ(failed.status, 424);
  EXPECT_THAT(failed.body, Not(HasSubstr(home)));
  EXPECT_THAT(failed.body, Not(HasSubstr("stack_trace")));
  const Reply run = house.send("GET", "/v1/runs/" + failed.header("Run-Id"));
  EXPECT_THAT(run.body, Not(HasSubstr(home)));
  EXPECT_THAT(run.body, HasSubstr("lambda_function.py"));  // where it failed stays
  const Reply invoked = house.send("POST", "/v1/functions/broken/invocations");
  EXPECT_EQ(invoked.json["status"], "failed");
}

// ---- OpenAPI ---------------------------------------------------------------------------------

void collect_references(const Json& value, std::vector<std::string>& found) {
  if (value.is_object()) {
    for (const auto& item : value.items()) {
      if (item.key() == "$ref" && item.value().is_string()) found.push_back(item.value());
      collect_references(item.value(), found);
    }
  } else if (value.is_array()) {
    for (const Json& item : value) collect_references(item, found);
  }
}

TEST(OpenApi, DescribesEveryRouteOnceAndResolvesInItself) {
  House house;
  house.add_pack("music");
  house.add_workflow(mood_music());
  const Json document = house.send("GET", "/openapi.json").json;
  EXPECT_EQ(document["openapi"], "3.1.0");
  std::set<std::string> operations;
  for (const auto& path : document["paths"].items()) {
    EXPECT_TRUE(path.key().starts_with('/')) << path.key();
    for (const auto& method : path.value().items()) {
      const Json& operation = method.value();
      EXPECT_TRUE(operations.insert(operation["operationId"]).second) << operation["operationId"];
      EXPECT_TRUE(operation["responses"].contains("default")) << path.key();
      for (const auto& response : operation["responses"].items()) {
        EXPECT_FALSE(json::string_or(response.value(), "description").empty()) << path.key();
        for (const auto& media : response.value().value("content", Json::object()).items()) {
          EXPECT_TRUE(media.value()["schema"].is_object()) << path.key() << " " << response.key();
        }
      }
      // Each {parameter} of the path is declared, and nothing else is "in: path".
      std::set<std::string> declared;
      for (const Json& parameter : operation.value("parameters", Json::array())) {
        if (parameter["in"] == "path")
          declared.insert("{" + parameter["name"].get<std::string>() + "}");
      }
      std::set<std::string> used;
      static const std::regex kParameter("\\{[^}]*\\}");
      const std::string text = path.key();
      for (std::sregex_iterator it(text.begin(), text.end(), kParameter), end; it != end; ++it) {
        used.insert(it->str());
      }
      EXPECT_EQ(declared, used) << path.key();
    }
  }
  EXPECT_EQ(operations.size(), routes().size() + 1);
  std::vector<std::string> references;
  collect_references(document, references);
  EXPECT_GT(references.size(), 20U);
  for (const std::string& reference : references) {
    ASSERT_TRUE(reference.starts_with("#/")) << reference;
    EXPECT_NE(json::at_pointer(document, reference.substr(1)), nullptr) << reference;
  }
  for (const auto& schema : document["components"]["schemas"].items()) {
    Json probe = document;
    probe["$ref"] = "#/components/schemas/" + schema.key();
    const auto wrong = json::check_schema(probe);
    EXPECT_TRUE(wrong.empty()) << schema.key() << " " << wrong.front().pointer << ": "
                               << wrong.front().message;
  }
}

TEST(OpenApi, AWorkflowIsAnOperationWithItsOwnSchemas) {
  House house;
  house.add_pack("music");
  house.add_workflow(mood_music());
  Json document = house.send("GET", "/openapi.json").json;
  const Json& operation = document["paths"]["/api/mood-music"]["post"];
  ASSERT_TRUE(operation.is_object());
  EXPECT_EQ(operation["summary"], "Plays music for a mood.");
  const auto schema_at = [&](const Json& content) {
    const std::string ref = content["application/json"]["schema"]["$ref"];
    return *json::at_pointer(document, ref.substr(1));
  };
  EXPECT_EQ(schema_at(operation["requestBody"]["content"])["required"], Json::array({"username"}));
  EXPECT_EQ(operation["requestBody"]["content"]["application/json"]["example"]["username"], "Anna");
  EXPECT_EQ(schema_at(operation["responses"]["200"]["content"])["properties"]["message"]["type"],
            "string");
  house.send("DELETE", "/v1/workflows/mood-music");
  document = house.send("GET", "/openapi.json").json;
  EXPECT_FALSE(document["paths"].contains("/api/mood-music"));
}

// ---- Workflows -------------------------------------------------------------------------------

TEST(Workflows, AnUnprovenOneIsNeverRegistered) {
  House house;
  house.add_pack("music");
  Json document = mood_music();
  document["nodes"][1]["function"] = "getusermod";
  const Reply reply = house.send("POST", "/v1/workflows", Json{{"workflow", document}});
  EXPECT_EQ(reply.status, 422);
  EXPECT_EQ(reply.json["errors"][0]["code"], "unknown_function");
  EXPECT_EQ(reply.json["errors"][0]["pointer"], "/nodes/1/function");
  EXPECT_THAT(json::dump(reply.json["errors"][0]), HasSubstr("getusermood"));
  EXPECT_EQ(house.send("GET", "/v1/workflows").body, "[]");
  const Reply lint = house.send("POST", "/v1/workflows/lint", Json{{"workflow", document}});
  EXPECT_EQ(lint.status, 200);
  EXPECT_EQ(lint.json["proven"], false);
}

TEST(Workflows, AreReadAndWrittenInYaml) {
  House house;
  house.add_pack("music");
  house.add_workflow(mood_music());
  const Reply yaml = house.send("GET", "/v1/workflows/mood-music", {}, {{"Accept", "text/yaml"}});
  EXPECT_EQ(yaml.header("Content-Type"), "application/yaml");
  const Reply lint =
      house.send_text("POST", "/v1/workflows/lint", yaml.body, {{"Content-Type", "text/yaml"}});
  EXPECT_EQ(lint.json["proven"], true) << lint.body;
  EXPECT_EQ(house.send("DELETE", "/v1/workflows/mood-music").status, 204);
  const Reply again =
      house.send_text("POST", "/v1/workflows", yaml.body, {{"Content-Type", "application/yaml"}});
  EXPECT_EQ(again.status, 201) << again.body;
  EXPECT_EQ(house.send("POST", "/api/mood-music", Json{{"username", "Anna"}}).json["message"],
            "Now playing: Happy Tune");
}

TEST(Workflows, AreDrawnAsDotAndMermaid) {
  House house;
  house.add_pack("music");
  house.add_workflow(mood_music());
  const Reply dot = house.send("GET", "/v1/workflows/mood-music?format=dot");
  EXPECT_THAT(dot.body, HasSubstr("digraph"));
  const Reply mermaid =
      house.send("GET", "/v1/workflows/mood-music", {}, {{"Accept", "text/vnd.mermaid, */*"}});
  EXPECT_THAT(mermaid.body, HasSubstr("flowchart"));
  EXPECT_EQ(house.send("GET", "/v1/workflows/mood-music?format=png").status, 400);
}

TEST(Workflows, AChangeIsANewVersionAndOldOnesStay) {
  House house;
  house.add_pack("music");
  house.add_workflow(mood_music());
  EXPECT_EQ(house.add_workflow(mood_music())["version"], 1);  // nothing differs
  Json changed = mood_music();
  changed["nodes"].erase(3);
  changed["outputs"] = literal(R"({"song": {"node": "song", "output": "song_title"}})");
  EXPECT_EQ(house.add_workflow(changed)["version"], 2);
  EXPECT_EQ(house.send("GET", "/v1/workflows/mood-music").json["workflow"]["nodes"].size(), 3U);
  EXPECT_EQ(
      house.send("GET", "/v1/workflows/mood-music?version=1").json["workflow"]["nodes"].size(), 4U);
  const Reply old = house.send("POST", "/v1/workflows/mood-music/runs?wait=30",
                               literal(R"({"input": {"username": "Anna"}, "version": 1})"));
  EXPECT_EQ(old.json["outputs"]["message"], "Now playing: Happy Tune") << old.body;
  const Json fresh = house.add_workflow(mood_music(), Json{{"on_conflict", "fresh_name"}});
  EXPECT_NE(fresh["id"], "mood-music");
}

TEST(Workflows, SideEffectsNeedApprovalOnce) {
  House house;
  house.add_pack("notify");
  Json document = one_step("tell", "send_email", "to", "delivery");
  document["nodes"][0]["arguments"]["body"] = {{"value", "The train is late."}};
  document["inputs"]["properties"]["to"]["format"] = "email";
  const Json plain = {{"workflow", document}};
  const Reply refused = house.send("POST", "/v1/workflows", plain);
  ASSERT_EQ(refused.status, 409) << refused.body;
  EXPECT_EQ(refused.json["type"], "urn:action-engine:problem:effects_not_approved");
  EXPECT_EQ(refused.json["effects"][0]["function"], "send_email");
  EXPECT_EQ(refused.json["effects"][0]["effects"], Json::array({"send"}));
  EXPECT_THAT(detail(refused), HasSubstr("approve_effects"));
  EXPECT_EQ(house.send("GET", "/v1/workflows").body, "[]");

  Json wrong = plain;
  wrong["approve_effects"] = Json::array({"send_emial"});
  const Reply typo = house.send("POST", "/v1/workflows", wrong);
  EXPECT_EQ(typo.status, 422);
  EXPECT_THAT(detail(typo), HasSubstr("did you mean \"send_email\"?"));

  Json approved = plain;
  approved.update(refused.json["approve"]);
  const Reply registered = house.send("POST", "/v1/workflows", approved);
  ASSERT_EQ(registered.status, 201) << registered.body;
  EXPECT_EQ(registered.json["effects"][0]["approved"], true);
  EXPECT_EQ(house.send("POST", "/v1/workflows", plain).status, 201);  // the same: approved before
  const Reply sent = house.send("POST", "/api/tell", Json{{"to", "anna@example.com"}});
  EXPECT_EQ(sent.json["delivery"], "queued") << sent.body;
}

TEST(Workflows, AQueryThatNoFunctionServesIsRefusedWithItsPlan) {
  House house;
  house.add_pack("music");
  const Json query = {{"query", "Launch the rocket to Mars at noon."}};
  const Reply plan = house.send("POST", "/v1/plans", query);
  EXPECT_EQ(plan.status, 200);
  EXPECT_THAT(plan.json["status"].get<std::string>(),
              testing::AnyOf("missing_functions", "invalid"));
  const Reply reply = house.send("POST", "/v1/workflows", query);
  EXPECT_EQ(reply.status, 422);
  EXPECT_EQ(reply.json["plan"]["status"], plan.json["status"]);
  EXPECT_EQ(house.send("GET", "/v1/workflows").body, "[]");
}

TEST(Workflows, APlanWithoutAValueCanBeRegisteredAndAsksAtTheEndpoint) {
  House house;
  house.add_pack("music");
  const Reply registered =
      house.send("POST", "/v1/workflows", Json{{"query", "Play music that matches my mood."}});
  ASSERT_EQ(registered.status, 201) << registered.body;
  EXPECT_EQ(registered.json["status"], "needs_input");
  const std::string name = registered.json["needs_input"]["required"][0];
  const std::string endpoint = "/api/" + registered.json["id"].get<std::string>();
  const Reply without = house.send("POST", endpoint, Json::object());
  EXPECT_EQ(without.status, 422);
  EXPECT_EQ(without.json["errors"][0]["pointer"], "/" + name);
  const Json value = registered.json["inputs"]["properties"][name]["examples"][0];
  const Reply with = house.send("POST", endpoint, Json{{name, value}});
  EXPECT_EQ(with.status, 200) << with.body;
}

// ---- Functions -------------------------------------------------------------------------------

TEST(Functions, AreAddedFoundShownAndCalled) {
  House house;
  house.add_pack("");
  EXPECT_GT(house.send("GET", "/v1/functions").json.size(), 20U);
  const Reply found = house.send("GET", "/v1/functions?search=play%20music&limit=3");
  ASSERT_FALSE(found.json.empty());
  EXPECT_LE(found.json.size(), 3U);
  EXPECT_EQ(found.json[0]["name"], "playmusic");
  const Json shown = house.send("GET", "/v1/functions/username2id").json;
  EXPECT_EQ(shown["output"]["properties"]["user_id"]["type"], "string");
  const Reply called = house.send("POST", "/v1/functions/username2id/invocations",
                                  literal(R"({"input": {"username": "Anna"}})"));
  EXPECT_EQ(called.json["output"]["user_id"], "anna_123") << called.body;
  EXPECT_THAT(called.json["log"].get<std::string>(), HasSubstr("resolved Anna"));
  const Reply failed = house.send("POST", "/v1/functions/username2id/invocations",
                                  literal(R"({"input": {"username": "Nobody"}})"));
  EXPECT_EQ(failed.json["error"]["type"], "ValueError") << failed.body;
  const Reply wrong = house.send("POST", "/v1/functions/username2id/invocations",
                                 literal(R"({"input": {"username": 7}})"));
  EXPECT_EQ(wrong.status, 422);
  EXPECT_EQ(wrong.json["errors"][0]["pointer"], "/input/username");
}

TEST(Functions, AResultThatBreaksItsSchemaIsAFailure) {
  House house;
  house.add_function("liar", "return {'n': 'three'}",
                     "output: {type: object, properties: {n: {type: integer}}}\n");
  const Reply called = house.send("POST", "/v1/functions/liar/invocations");
  EXPECT_EQ(called.json["status"], "failed") << called.body;
  EXPECT_THAT(called.json["error"]["message"].get<std::string>(), HasSubstr("/n"));
}

TEST(Functions, ABrokenPackageAddsNothing) {
  House house;
  const auto folder = house.home() / "packs";
  std::filesystem::create_directories(folder / "good");
  std::filesystem::create_directories(folder / "bad");
  const std::string code = "def lambda_handler(event, context):\n    return {}\n";
  for (const char* name : {"good", "bad"}) {
    ASSERT_TRUE(write_file_atomically(folder / name / "lambda_function.py", code));
  }
  ASSERT_TRUE(write_file_atomically(folder / "bad" / "function.yaml",
                                    "apiVersion: actionengine/v1\nkind: Function\nname: bad\n"
                                    "descripton: typo\n"));
  const Reply reply = house.send("POST", "/v1/functions", Json{{"path", folder.string()}});
  EXPECT_EQ(reply.status, 422) << reply.body;
  EXPECT_THAT(reply.body, HasSubstr("descripton"));
  EXPECT_EQ(house.send("GET", "/v1/functions").body, "[]");
  EXPECT_EQ(house.send("POST", "/v1/functions", Json{{"path", "relative/path"}}).status, 422);
  EXPECT_GE(house.send("POST", "/v1/functions", Json{{"path", "/no/such/folder"}}).status, 400);
}

TEST(InProcess, TheApiAnswersWithoutASocket) {
  House house;
  house.add_pack("music");
  house.add_workflow(mood_music());
  EXPECT_EQ(house.in_process("POST", "/api/mood-music", Json{{"username", "Anna"}}).json["message"],
            "Now playing: Happy Tune");
  EXPECT_EQ(house.in_process("GET", "/nothing").status, 404);
  EXPECT_EQ(house.in_process("HEAD", "/v1/workflows").body, "");
}

}  // namespace
}  // namespace ae::gateway
