#include "llm/decorators.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"
#include "llm/scripted.h"

namespace ae::llm {
namespace {

using ::testing::HasSubstr;

ChatRequest question(std::string text) {
  ChatRequest request;
  request.messages = {{ChatMessage::Role::kUser, std::move(text)}};
  request.schema = Json{{"type", "object"}, {"required", Json::array({"n"})}};
  return request;
}

std::unique_ptr<ScriptedModel> counting(int& calls) {
  return std::make_unique<ScriptedModel>([&calls](const ChatRequest&) -> Result<std::string> {
    return "{\"n\":" + std::to_string(++calls) + "}";
  });
}

TEST(KeyTest, IsOfTheQuestionAndTheModelAlone) {
  ChatRequest a = question("x");
  ChatRequest b = question("x");
  b.purpose = "other";
  EXPECT_EQ(key_of(a, "m"), key_of(b, "m"));
  EXPECT_NE(key_of(a, "m"), key_of(a, "n"));
  EXPECT_NE(key_of(a, "m"), key_of(question("y"), "m"));
  b.schema["title"] = "t";
  EXPECT_NE(key_of(a, "m"), key_of(b, "m"));
}

TEST(CachedModelTest, AsksOnceAndAlsoKnowsItAfterARestart) {
  const TemporaryFolder folder;
  int calls = 0;
  for (int start = 0; start < 2; ++start) {
    CachedModel model(counting(calls), folder.path() / "cache");
    const auto reply = model.complete(question("x"), {});
    ASSERT_TRUE(reply.has_value());
    EXPECT_EQ(reply->value["n"], 1);
    EXPECT_EQ(reply->from_cache, start == 1);
  }
  CachedModel model(counting(calls), folder.path() / "cache");
  EXPECT_EQ(model.complete(question("y"), {})->value["n"], 2);
}

TEST(CachedModelTest, FailuresAndDamagedFilesAreNotAnswers) {
  const TemporaryFolder folder;
  int calls = 0;
  CachedModel failing(
      std::make_unique<ScriptedModel>([&](const ChatRequest&) -> Result<std::string> {
        ++calls;
        return fail(ErrorCode::kModelReply, "refused");
      }),
      folder.path());
  EXPECT_FALSE(failing.complete(question("x"), {}).has_value());
  EXPECT_FALSE(failing.complete(question("x"), {}).has_value());
  EXPECT_EQ(calls, 2);
  for (const char* damage : {"", "{", "[]", R"({"text":"{}","value":{}})"}) {
    std::ofstream(folder.path() / (key_of(question("x"), "scripted") + ".json")) << damage;
    CachedModel model(counting(calls), folder.path());
    EXPECT_FALSE(model.complete(question("x"), {})->from_cache) << damage;
  }
}

TEST(CachedModelTest, KeepsToItsSize) {
  const TemporaryFolder folder;
  int calls = 0;
  CachedModel model(counting(calls), folder.path(), 10);
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(model.complete(question(std::to_string(i)), {}));
  const auto files = std::distance(std::filesystem::directory_iterator(folder.path()), {});
  EXPECT_LE(files, 10 + 64) << "looked after every 64 answers";
}

TEST(RecordingTest, WhatWasRecordedIsReplayed) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "exchanges.jsonl";
  int calls = 0;
  RecordingModel recording(counting(calls), file);
  ASSERT_TRUE(recording.complete(question("x"), {}).has_value());
  RecordingModel failing(
      std::make_unique<ScriptedModel>([](const ChatRequest&) -> Result<std::string> {
        return fail(ErrorCode::kModelReply, "refused");
      }),
      file);
  EXPECT_FALSE(failing.complete(question("bad"), {}).has_value());

  auto replayed = ReplayedModel::open(file, "scripted");
  ASSERT_TRUE(replayed.has_value()) << replayed.error().describe();
  EXPECT_EQ((*replayed)->complete(question("x"), {})->value["n"], 1);
  EXPECT_THAT((*replayed)->complete(question("bad"), {}).error().message, HasSubstr("refused"));
  EXPECT_EQ((*replayed)->complete(question("new"), {}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(calls, 1);
}

TEST(RecordingTest, BrokenRecordingsNameTheLine) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "exchanges.jsonl";
  for (const char* text : {"\n{", "\n{\"key\":\"k\"}", "\n[]"}) {
    std::ofstream(file) << text;
    const auto opened = ReplayedModel::open(file, "m");
    ASSERT_FALSE(opened.has_value()) << text;
    EXPECT_THAT(opened.error().describe(), HasSubstr("line 2")) << text;
  }
  EXPECT_EQ(ReplayedModel::open(folder.path() / "none", "m").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace ae::llm
