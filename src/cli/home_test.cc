#include "cli/home.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"

namespace ae::cli {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

TEST(HomeTest, OneOwnerAtATimeAndTheRefusalSaysWhoAndWhatToDo) {
  const TemporaryFolder folder;
  const auto home = Home::open(folder.path() / "home");
  ASSERT_TRUE(home.has_value());
  {
    const auto first = home->lock(0ms);
    ASSERT_TRUE(first.has_value());
    const auto second = home->lock(0ms);
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
    EXPECT_THAT(second.error().message, HasSubstr("ae serve --stop"));
  }
  EXPECT_TRUE(home->lock(0ms).has_value());
}

TEST(HomeTest, AServerIsSeenOnlyWhileItHoldsTheLock) {
  const TemporaryFolder folder;
  const auto home = Home::open(folder.path() / "home");
  ASSERT_TRUE(home.has_value());
  EXPECT_FALSE(home->running_server()->has_value());
  {
    const auto lock = home->lock(0ms);
    ASSERT_TRUE(home->publish_server({42, "http://127.0.0.1:1"}).has_value());
    const auto server = home->running_server();
    ASSERT_TRUE(server->has_value());
    EXPECT_EQ((*server)->url, "http://127.0.0.1:1");
  }
  // The process died without a word: its file is still there, its lock is not.
  EXPECT_FALSE(home->running_server()->has_value());
}

TEST(HomeTest, ANewOwnerRemovesTheWordsOfADeadOne) {
  const TemporaryFolder folder;
  const auto home = Home::open(folder.path() / "home");
  ASSERT_TRUE(home->publish_server({42, "http://127.0.0.1:1"}).has_value());
  const auto lock = home->lock(0ms);
  EXPECT_FALSE(std::filesystem::exists(home->folder() / "server.json"));
}

TEST(HomeTest, AFileInTheWayIsNamed) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_file_atomically(folder.path() / "home", "x").has_value());
  const auto home = Home::open(folder.path() / "home");
  ASSERT_FALSE(home.has_value());
  EXPECT_THAT(home.error().message, HasSubstr("--home"));
}

}  // namespace
}  // namespace ae::cli
