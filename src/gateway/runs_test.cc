// Runs: waiting, failing, going on, watching, stopping.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <future>
#include <thread>

#include "base/text.h"
#include "gateway/internal/schemas.h"
#include "gateway/internal/test_house.h"

namespace ae::gateway {
namespace {

using testing::HasSubstr;

constexpr std::string_view kTagSchemas =
    "timeout: 60\n"
    "input: {type: object, properties: {tag: {type: string}}, required: [tag]}\n"
    "output: {type: object, properties: {tag: {type: string}}, required: [tag]}\n";

// Waits for the file "go" in its state folder.
void add_hold(House& house) {
  house.add_function("hold",
                     "gate = os.path.join(os.environ['AE_STATE_DIR'], 'go')\n"
                     "while not os.path.exists(gate):\n"
                     "    time.sleep(0.01)\n"
                     "return {'tag': event['tag']}",
                     kTagSchemas);
  house.add_workflow(one_step("hold", "hold", "tag", "tag"));
}

void open_gate(House& house, std::string_view function) {
  std::filesystem::create_directories(house.state_of(function));
  std::ofstream(house.state_of(function) / "go") << "\n";
}

// "first" always works; "second" fails until its state folder holds the file "go".
void add_two_steps(House& house) {
  house.add_function("first", "return {'tag': event['tag'] + '!'}", kTagSchemas);
  house.add_function("second",
                     "if not os.path.exists(os.path.join(os.environ['AE_STATE_DIR'], 'go')):\n"
                     "    raise RuntimeError('the gate is shut')\n"
                     "return {'tag': event['tag'] + '?'}",
                     kTagSchemas);
  Json document = one_step("two", "first", "tag", "tag");
  document["nodes"].push_back(literal(R"({"id": "last", "function": "second",
      "arguments": {"tag": {"node": "only", "output": "tag"}}, "retry": {"maxAttempts": 1}})"));
  document["outputs"]["tag"] = {{"node", "last"}, {"output", "tag"}};
  house.add_workflow(document);
}

TEST(Runs, AreAcceptedWith202AndALocationThatKnowsThem) {
  House house;
  add_hold(house);
  const Reply accepted =
      house.send("POST", "/v1/workflows/hold/runs", literal(R"({"input": {"tag": "a"}})"));
  EXPECT_EQ(accepted.status, 202);
  EXPECT_EQ(accepted.json["status"], "running");
  const std::string location = accepted.header("Location");
  EXPECT_EQ(location, "/v1/runs/" + accepted.json["id"].get<std::string>());
  EXPECT_EQ(accepted.header("Run-Id"), accepted.json["id"].get<std::string>());
  open_gate(house, "hold");
  const Reply done = house.send("GET", location + "?wait=60");
  EXPECT_EQ(done.json["status"], "succeeded") << done.body;
  EXPECT_EQ(done.json["outputs"]["tag"], "a");
  EXPECT_EQ(house.send("GET", "/v1/runs").json[0]["status"], "succeeded");
}

TEST(Runs, PreferWaitAnswersWith200WhenItIsOverInTime) {
  House house;
  add_hold(house);
  open_gate(house, "hold");
  const Json body = literal(R"({"input": {"tag": "b"}})");
  const Reply waited =
      house.send("POST", "/v1/workflows/hold/runs", body, {{"Prefer", "respond-async, wait=60"}});
  EXPECT_EQ(waited.status, 200);
  EXPECT_EQ(waited.json["status"], "succeeded") << waited.body;
}

TEST(Runs, AWaitThatIsTooShortAnswers202AndTheRunGoesOn) {
  ApiOptions options;
  options.endpoint_wait = std::chrono::milliseconds{50};
  House house(options);
  add_hold(house);
  const Reply early = house.send("POST", "/api/hold", Json{{"tag", "c"}});
  EXPECT_EQ(early.status, 202) << early.body;
  EXPECT_EQ(early.json["status"], "running");
  open_gate(house, "hold");
  EXPECT_EQ(house.send("GET", early.header("Location") + "?wait=60").json["outputs"]["tag"], "c");
}

TEST(Runs, TheSameKeyGivesTheSameRun) {
  House house;
  add_hold(house);
  open_gate(house, "hold");
  const auto start = [&](const char* tag) {
    return house.send("POST", "/v1/workflows/hold/runs?wait=60", Json{{"input", {{"tag", tag}}}},
                      {{"Idempotency-Key", "k1"}});
  };
  const Reply first = start("a");
  const Reply second = start("a");
  EXPECT_EQ(first.json["id"], second.json["id"]);
  EXPECT_EQ(second.status, 200);
  const Reply other = start("b");
  EXPECT_EQ(other.status, 409) << other.body;
  EXPECT_EQ(house.send("GET", "/v1/workflows/hold/runs").json.size(), 1U);
}

TEST(Runs, AFailedOneAnswersAsFullyAsASuccessfulOneAndGoesOn) {
  House house;
  add_two_steps(house);
  const Reply failed = house.send("POST", "/api/two", Json{{"tag", "x"}});
  ASSERT_EQ(failed.status, 424) << failed.body;
  EXPECT_EQ(failed.json["type"], "urn:action-engine:problem:run_failed");
  EXPECT_EQ(failed.json["failing_step"], "last");
  EXPECT_EQ(failed.json["finished_steps"], Json::array({"only"}));
  EXPECT_EQ(failed.json["run"]["steps"][0]["output"]["tag"], "x!");
  EXPECT_THAT(failed.json["detail"].get<std::string>(), HasSubstr("the gate is shut"));
  EXPECT_THAT(failed.json["detail"].get<std::string>(), HasSubstr("RuntimeError"));
  const std::string target = "/v1/runs/" + failed.header("Run-Id");
  const Reply shown = house.send("GET", target);
  EXPECT_EQ(shown.status, 200);
  EXPECT_EQ(shown.json["status"], "failed");
  EXPECT_EQ(shown.json["links"]["resume"], failed.json["resume"]["href"]);

  const Reply unknown =
      house.send("POST", target + "/resume", literal(R"({"from": ["nonsense"]})"));
  EXPECT_EQ(unknown.status, 400) << unknown.body;
  open_gate(house, "second");
  const Reply resumed = house.send("POST", target + "/resume?wait=60", Json::object());
  EXPECT_EQ(resumed.status, 200);
  EXPECT_EQ(resumed.json["outputs"]["tag"], "x!?") << resumed.body;
  EXPECT_EQ(house.send("POST", target + "/resume", Json::object()).status, 409);
  EXPECT_EQ(house.send("POST", target + "/cancel").status, 409);
}

TEST(Runs, ACancelledOneTellsWhoWaitsForIt) {
  House house;
  add_hold(house);
  auto waiting = std::async(std::launch::async, [&] {
    return house.send_alone("POST", "/api/hold", Json{{"tag", "d"}});
  });
  Json runs;
  while ((runs = house.send("GET", "/v1/runs").json).empty()) std::this_thread::yield();
  const Reply cancelled =
      house.send("POST", "/v1/runs/" + runs[0]["id"].get<std::string>() + "/cancel");
  EXPECT_EQ(cancelled.json["status"], "cancelled") << cancelled.body;
  const Reply reply = waiting.get();
  EXPECT_EQ(reply.status, 424) << reply.body;
  EXPECT_EQ(reply.json["type"], "urn:action-engine:problem:run_cancelled");
}

TEST(Runs, LogsAreKeptByStepAndAttempt) {
  House house;
  house.add_pack("music");
  house.add_workflow(mood_music());
  const Reply called = house.send("POST", "/api/mood-music", Json{{"username", "Anna"}});
  const Json logs = house.send("GET", "/v1/runs/" + called.header("Run-Id") + "/logs").json;
  ASSERT_EQ(logs.size(), 4U) << logs;
  EXPECT_EQ(logs[0]["node"], "who");
  EXPECT_THAT(logs[0]["text"].get<std::string>(), HasSubstr("resolved Anna to anna_123"));
}

// ---- Events ----------------------------------------------------------------------------------

struct Sent {
  std::string id;
  std::string event;
  Json data;
};

std::vector<Sent> frames_of(std::string_view text) {
  std::vector<Sent> frames;
  Sent frame;
  for (const std::string_view line : split(text, '\n')) {
    if (line.starts_with("id: ")) frame.id = line.substr(4);
    if (line.starts_with("event: ")) frame.event = line.substr(7);
    if (line.starts_with("data: ")) frame.data = literal(line.substr(6));
    if (line.empty() && !frame.event.empty()) frames.push_back(std::exchange(frame, {}));
  }
  return frames;
}

TEST(Events, AreReplayedInOrderAndEndWithTheRun) {
  House house;
  house.add_pack("music");
  house.add_workflow(mood_music());
  const std::string run =
      house.send("POST", "/api/mood-music", Json{{"username", "Anna"}}).header("Run-Id");
  const Reply stream = house.send("GET", "/v1/runs/" + run + "/events");
  EXPECT_EQ(stream.header("Content-Type"), "text/event-stream");
  const auto frames = frames_of(stream.body);
  ASSERT_GE(frames.size(), 6U) << stream.body;
  for (std::size_t i = 0; i < frames.size(); ++i) EXPECT_EQ(frames[i].id, std::to_string(i + 1));
  EXPECT_EQ(frames.front().event, "run_accepted");
  EXPECT_EQ(frames.back().event, "run_succeeded");
  EXPECT_EQ(frames.back().data["data"]["outputs"]["message"], "Now playing: Happy Tune");

  const auto rest = frames_of(
      house.send("GET", "/v1/runs/" + run + "/events", {}, {{"Last-Event-ID", "4"}}).body);
  ASSERT_EQ(rest.size(), frames.size() - 4);
  EXPECT_EQ(rest.front().id, "5");
  const Reply all_seen = house.send("GET", "/v1/runs/" + run + "/events?after=" + frames.back().id);
  EXPECT_EQ(all_seen.status, 200);
  EXPECT_TRUE(frames_of(all_seen.body).empty());
  EXPECT_EQ(frames_of(house.in_process("GET", "/v1/runs/" + run + "/events").body).size(),
            frames.size());
}

TEST(Events, ComeWhileTheRunGoesOnWithHeartbeatsInBetween) {
  ApiOptions options;
  options.heartbeat = std::chrono::milliseconds{20};
  House house(options);
  add_hold(house);
  const std::string run =
      house.send("POST", "/v1/workflows/hold/runs", literal(R"({"input": {"tag": "e"}})"))
          .header("Run-Id");
  net::HttpClient client(house.server().url());
  std::string text;
  bool opened = false;
  const auto response = client.stream(
      {.method = "GET", .target = "/v1/runs/" + run + "/events", .headers = {}, .body = {}},
      [&](std::string_view chunk) {
        text += chunk;
        // The gate opens only once a live event's absence was bridged by a heartbeat.
        if (!opened && text.find(": still here") != std::string::npos) {
          open_gate(house, "hold");
          opened = true;
        }
        return true;
      });
  ASSERT_TRUE(response);
  EXPECT_TRUE(opened);
  const auto frames = frames_of(text);
  ASSERT_FALSE(frames.empty());
  EXPECT_EQ(frames.back().event, "run_succeeded");
}

TEST(Events, OfAResumedRunGoOnBeyondItsFailure) {
  House house;
  add_two_steps(house);
  const std::string run = house.send("POST", "/api/two", Json{{"tag", "x"}}).header("Run-Id");
  EXPECT_EQ(frames_of(house.send("GET", "/v1/runs/" + run + "/events").body).back().event,
            "run_failed");
  open_gate(house, "second");
  house.send("POST", "/v1/runs/" + run + "/resume?wait=60", Json::object());
  const auto frames = frames_of(house.send("GET", "/v1/runs/" + run + "/events").body);
  EXPECT_EQ(frames.back().event, "run_succeeded");
}

// ---- Stopping --------------------------------------------------------------------------------

TEST(Stopping, WhoWaitsIsToldThatTheRunGoesOn) {
  House house;
  add_hold(house);
  auto waiting = std::async(std::launch::async, [&] {
    return house.send_alone("POST", "/api/hold", Json{{"tag", "f"}});
  });
  while (house.send("GET", "/v1/runs").json.empty()) std::this_thread::yield();
  house.stop_server();
  const Reply reply = waiting.get();
  EXPECT_EQ(reply.status, 202) << reply.body;
  EXPECT_EQ(reply.header("Location"), "/v1/runs/" + reply.json["id"].get<std::string>());
}

}  // namespace
}  // namespace ae::gateway
