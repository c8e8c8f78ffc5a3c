// The reference implementation's defects that this module must not have (field-notes.md, B1 …).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <future>
#include <thread>
#include <vector>

#include "gateway/internal/test_house.h"

namespace ae::gateway {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kDemo =
    "It will be perfect if you play music that matches my mood. This is Anna.";

std::string output_of(const std::string& command) {
  std::string text;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return text;
  std::array<char, 4096> buffer{};
  while (const std::size_t bytes = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    text.append(buffer.data(), bytes);
  }
  ::pclose(pipe);
  return text;
}

TEST(B1FirstInputs, TheCurlLineOfTheDemoCarriesAnnaAndWorksAsItStands) {
  House house;
  house.add_pack("music");
  const Reply registered = house.send("POST", "/v1/workflows", Json{{"query", kDemo}});
  ASSERT_EQ(registered.status, 201) << registered.body;
  EXPECT_EQ(registered.json["status"], "ready");
  EXPECT_THAT(json::dump(registered.json["first_inputs"]), HasSubstr("Anna"));
  EXPECT_THAT(registered.json["curl"].get<std::string>(), HasSubstr("Anna"));
  EXPECT_THAT(output_of(registered.json["curl"].get<std::string>()),
              HasSubstr("Now playing: Happy Tune"));
}

TEST(B1FirstInputs, ALaterCallerDoesNotSilentlyGetAnnasMusic) {
  House house;
  house.add_pack("music");
  const Reply registered = house.send("POST", "/v1/workflows", Json{{"query", kDemo}});
  ASSERT_EQ(registered.status, 201) << registered.body;
  const std::string endpoint = "/api/" + registered.json["id"].get<std::string>();
  const Reply without = house.send("POST", endpoint, Json::object());
  EXPECT_EQ(without.status, 422) << without.body;
  EXPECT_EQ(without.json["errors"][0]["code"], "missing_input");
  const std::string name = registered.json["inputs"]["required"][0].get<std::string>();
  EXPECT_EQ(without.json["errors"][0]["pointer"], "/" + name);
  EXPECT_THAT(without.json["detail"].get<std::string>(), HasSubstr(name));
}

TEST(B1FirstInputs, ACurlLineSurvivesQuotesInItsValues) {
  House house;
  house.add_function(
      "echo", "return {'text': event['text']}",
      "input: {type: object, properties: {text: {type: string}}, required: [text]}\n"
      "output: {type: object, properties: {text: {type: string}}, required: [text]}\n");
  const std::string text = "it's \"quoted\" $HOME `id` \\ \n end";
  const Json registered = house.add_workflow(one_step("echo", "echo", "text", "text"),
                                             Json{{"first_inputs", {{"text", text}}}});
  const auto answer = json::parse(output_of(registered["curl"].get<std::string>()));
  ASSERT_TRUE(answer);
  EXPECT_EQ((*answer)["text"], text);
}

TEST(B9OneFileForAll, EachNameGivesItsOwnWorkflowWhateverWasMadeLast) {
  House house;
  house.add_pack("music");
  house.add_workflow(mood_music("first"));
  Json second = one_step("second", "username2id", "username", "user_id");
  house.add_workflow(second);
  EXPECT_EQ(house.send("GET", "/v1/workflows/first").json["workflow"]["nodes"].size(), 4U);
  EXPECT_EQ(house.send("GET", "/v1/workflows/second").json["workflow"]["nodes"].size(), 1U);
  EXPECT_THAT(house.send("GET", "/v1/workflows/first?format=yaml").body, HasSubstr("playmusic"));
  EXPECT_THAT(house.send("GET", "/v1/workflows/second?format=yaml").body,
              Not(HasSubstr("playmusic")));
}

TEST(B10Registry, AFreshInstallationListsNoWorkflows) {
  House house;
  const Reply list = house.send("GET", "/v1/workflows");
  EXPECT_EQ(list.status, 200);
  EXPECT_EQ(list.body, "[]");
  EXPECT_EQ(house.send("GET", "/v1/runs").body, "[]");
  EXPECT_EQ(house.send("GET", "/v1/functions").body, "[]");
}

TEST(B10Registry, WhatDoesNotExistIs404AndNamesTheNearest) {
  House house;
  house.add_pack("music");
  house.add_workflow(mood_music());
  for (const char* target : {"/v1/workflows/mood-musik", "/v1/workflows/mood-musik/runs"}) {
    const Reply missing = house.send("GET", target);
    EXPECT_EQ(missing.status, 404) << target;
    EXPECT_THAT(missing.json["detail"].get<std::string>(), HasSubstr("mood-music"));
  }
  EXPECT_EQ(house.send("DELETE", "/v1/workflows/mood-musik").status, 404);
  EXPECT_EQ(house.send("POST", "/api/mood-musik", Json::object()).status, 404);
  EXPECT_EQ(house.send("GET", "/v1/workflows/mood-music?version=7").status, 404);
  EXPECT_EQ(house.send("GET", "/v1/runs/run_nope").status, 404);
  EXPECT_EQ(house.send("GET", "/v1/runs/run_nope/logs").status, 404);
  EXPECT_EQ(house.send("GET", "/v1/runs/run_nope/events").status, 404);
  EXPECT_EQ(house.send("POST", "/v1/runs/run_nope/resume", Json::object()).status, 404);
  EXPECT_EQ(house.send("POST", "/v1/runs/run_nope/cancel").status, 404);
  const Reply function = house.send("GET", "/v1/functions/playmusik");
  EXPECT_EQ(function.status, 404);
  EXPECT_THAT(function.json["detail"].get<std::string>(), HasSubstr("playmusic"));
}

TEST(B10Registry, NamesWhoseFirstFortyCharactersAgreeStayApart) {
  House house;
  house.add_pack("music");
  const std::string same(40, 'a');
  house.add_workflow(mood_music(same + "-one"));
  house.add_workflow(one_step(same + "-two", "username2id", "username", "user_id"));
  EXPECT_EQ(house.send("GET", "/v1/workflows").json.size(), 2U);
  EXPECT_EQ(house.send("GET", "/v1/workflows/" + same + "-one").json["workflow"]["nodes"].size(),
            4U);
  const Reply two = house.send("POST", "/api/" + same + "-two", Json{{"username", "Anna"}});
  EXPECT_EQ(two.json["user_id"], "anna_123") << two.body;
}

TEST(B10Registry, QueriesWhoseFirstFortyCharactersAgreeStayApart) {
  House house;
  house.add_pack("music");
  const std::string same = "It will be perfect if you play music that ";
  ASSERT_GT(same.size(), 40U);
  const Reply mood =
      house.send("POST", "/v1/workflows", Json{{"query", same + "matches my mood. This is Anna."}});
  const Reply artist =
      house.send("POST", "/v1/workflows", Json{{"query", same + "is by Nora Vale."}});
  ASSERT_EQ(mood.status, 201) << mood.body;
  ASSERT_EQ(artist.status, 201) << artist.body;
  EXPECT_NE(mood.json["id"], artist.json["id"]);
  EXPECT_EQ(house.send("GET", "/v1/workflows").json.size(), 2U);
}

TEST(B10Registry, ADeletedWorkflowLosesItsEndpointAndKeepsItsRuns) {
  House house;
  house.add_pack("music");
  house.add_workflow(mood_music());
  const Reply called = house.send("POST", "/api/mood-music", Json{{"username", "Anna"}});
  ASSERT_EQ(called.status, 200) << called.body;
  EXPECT_EQ(house.send("DELETE", "/v1/workflows/mood-music").status, 204);
  EXPECT_EQ(house.send("GET", "/v1/workflows").body, "[]");
  EXPECT_EQ(house.send("POST", "/api/mood-music", Json{{"username", "Anna"}}).status, 404);
  EXPECT_EQ(house.send("DELETE", "/v1/workflows/mood-music").status, 404);
  const Reply run = house.send("GET", "/v1/runs/" + called.header("Run-Id"));
  EXPECT_EQ(run.json["status"], "succeeded");
}

// A function that waits until its state folder holds the file "go", and one that does not.
void add_hold_and_quick(House& house) {
  constexpr std::string_view kSchemas =
      "timeout: 60\n"
      "input: {type: object, properties: {tag: {type: string}}, required: [tag]}\n"
      "output: {type: object, properties: {tag: {type: string}}, required: [tag]}\n";
  house.add_function("hold",
                     "gate = os.path.join(os.environ['AE_STATE_DIR'], 'go')\n"
                     "while not os.path.exists(gate):\n"
                     "    time.sleep(0.01)\n"
                     "return {'tag': event['tag']}",
                     kSchemas);
  house.add_function("quick", "return {'tag': event['tag']}", kSchemas);
  house.add_workflow(one_step("hold", "hold", "tag", "tag"));
  house.add_workflow(one_step("quick", "quick", "tag", "tag"));
}

TEST(B11BlockedHandlers, SixtyFourCallersWaitAndNobodyElseNotices) {
  House house;
  add_hold_and_quick(house);
  std::vector<std::future<Reply>> callers;
  for (int i = 0; i < 64; ++i) {
    callers.push_back(std::async(std::launch::async, [&house, i] {
      return house.send_alone("POST", "/api/hold", Json{{"tag", std::to_string(i)}});
    }));
  }
  while (house.send("GET", "/v1/workflows/hold/runs").json.size() < 64) {
    std::this_thread::yield();
  }
  // All are accepted, none can end before the gate opens.
  EXPECT_EQ(house.send("GET", "/healthz").json["status"], "ok");
  EXPECT_EQ(house.send("POST", "/api/quick", Json{{"tag", "x"}}).json["tag"], "x");
  EXPECT_EQ(house.send("GET", "/v1/workflows").json.size(), 2U);
  std::filesystem::create_directories(house.state_of("hold"));
  std::ofstream(house.state_of("hold") / "go") << "\n";
  for (int i = 0; i < 64; ++i) {
    const Reply reply = callers[static_cast<std::size_t>(i)].get();
    EXPECT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(reply.json["tag"], std::to_string(i));
  }
}

TEST(B11BlockedHandlers, PlanningThatIsHeldUpDoesNotStallRuns) {
  ApiOptions options;
  options.planning_deadline = std::chrono::minutes{2};
  House house(options);
  house.add_pack("music");
  add_hold_and_quick(house);
  EXPECT_EQ(house.send("POST", "/api/quick", Json{{"tag", "warm"}}).status, 200);
  // Whoever plans and registers writes to the catalog, and that is locked by another for now.
  std::promise<void> locked;
  std::promise<void> release;
  std::thread writer([&] {
    const auto done = house.catalog_database().transaction([&]() -> Result<void> {
      locked.set_value();
      release.get_future().wait();
      return {};
    });
    EXPECT_TRUE(done);
  });
  locked.get_future().wait();
  std::vector<std::future<Reply>> planning;
  for (int i = 0; i < 16; ++i) {
    planning.push_back(std::async(std::launch::async, [&house] {
      return house.send_alone("POST", "/v1/workflows", Json{{"query", kDemo}});
    }));
  }
  for (int i = 0; i < 16; ++i) {
    EXPECT_EQ(house.send_alone("GET", "/healthz").status, 200);
    EXPECT_EQ(house.send_alone("POST", "/api/quick", Json{{"tag", "y"}}).json["tag"], "y");
  }
  for (const auto& one : planning) {
    EXPECT_EQ(one.wait_for(std::chrono::seconds{0}), std::future_status::timeout);
  }
  release.set_value();
  writer.join();
  for (auto& one : planning) {
    const Reply reply = one.get();
    EXPECT_EQ(reply.status, 201) << reply.body;
  }
}

}  // namespace
}  // namespace ae::gateway
