#include "cli/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"

namespace ae::cli {
namespace {

using ::testing::HasSubstr;

class ConfigTest : public ::testing::Test {
 protected:
  ConfigTest() {
    environment_["AE_HOME"] = (folder_.path() / "home").string();
    std::filesystem::create_directories(folder_.path() / "home");
    std::filesystem::create_directories(folder_.path() / "work");
  }

  void write_yaml(std::string_view text) {
    ASSERT_TRUE(write_file_atomically(folder_.path() / "home/ae.yaml", text).has_value());
  }
  void write_dotenv(std::string_view text) {
    ASSERT_TRUE(write_file_atomically(folder_.path() / "work/.env", text).has_value());
  }
  Result<Config> load(std::map<std::string, std::string> flags = {}) {
    return load_config({.flags = std::move(flags),
                        .environment = [this](std::string_view name) -> std::optional<std::string> {
                          const auto found = environment_.find(std::string(name));
                          if (found == environment_.end()) return std::nullopt;
                          return found->second;
                        },
                        .working_folder = folder_.path() / "work",
                        .program = folder_.path() / "bin/ae"});
  }

  TemporaryFolder folder_{"ae-config"};
  std::map<std::string, std::string> environment_;
};

TEST_F(ConfigTest, FlagsBeatEnvironmentBeatsDotenvBeatsYamlBeatsDefaults) {
  EXPECT_EQ(load()->port, 8000);
  write_yaml("port: 1001\n");
  EXPECT_EQ(load()->port, 1001);
  write_dotenv("AE_PORT=1002\n");
  EXPECT_EQ(load()->port, 1002);
  environment_["AE_PORT"] = "1003";
  EXPECT_EQ(load()->port, 1003);
  EXPECT_EQ(load({{"port", "1004"}})->port, 1004);
}

TEST_F(ConfigTest, AWrongValueNamesItsSourceAndIsNeverReplacedByADefault) {
  environment_["AE_PORT"] = "80000";
  const auto config = load();
  ASSERT_FALSE(config.has_value());
  EXPECT_EQ(config.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(config.error().message, HasSubstr("AE_PORT"));
  EXPECT_THAT(config.error().message, HasSubstr("from 0 to 65535"));
}

TEST_F(ConfigTest, RuntimesAreNamedAndMayHaveToMatch) {
  EXPECT_EQ(load()->node, "/usr/bin/node");
  EXPECT_FALSE(load()->strict_runtimes);
  write_yaml("node: /opt/node/bin/node\nstrict_runtimes: true\n");
  EXPECT_EQ(load()->node, "/opt/node/bin/node");
  EXPECT_TRUE(load()->strict_runtimes);
  environment_["AE_STRICT_RUNTIMES"] = "perhaps";
  EXPECT_THAT(load().error().message, HasSubstr("true or false"));
}

TEST_F(ConfigTest, AMisspeltSettingIsPointedOut) {
  write_yaml("prot: 9000\n");
  EXPECT_THAT(load().error().message, HasSubstr("did you mean port?"));
  write_yaml("# nothing but comments\n");
  write_dotenv("AE_PROT=9000\n");
  EXPECT_THAT(load().error().message, HasSubstr("did you mean AE_PORT?"));
}

TEST_F(ConfigTest, OtherProgramsVariablesInDotenvAreLeftAlone) {
  write_dotenv("OPENAI_API_KEY=abc\n");
  EXPECT_TRUE(load().has_value());
}

TEST_F(ConfigTest, BrokenYamlNamesTheFile) {
  write_yaml("port: [1, 2\n");
  EXPECT_THAT(load().error().describe(), HasSubstr("ae.yaml"));
  write_yaml("port: [1, 2]\n");
  EXPECT_THAT(load().error().message, HasSubstr("single value"));
}

TEST(DotenvTest, ReadsQuotesExportsAndComments) {
  const auto values = parse_dotenv(
      "# comment\nexport A=1\nB = two words # not this\nC='$x # y'\nD=\"line\\nbreak\"\nE=\n");
  ASSERT_TRUE(values.has_value());
  EXPECT_EQ(values->at("A"), "1");
  EXPECT_EQ(values->at("B"), "two words");
  EXPECT_EQ(values->at("C"), "$x # y");
  EXPECT_EQ(values->at("D"), "line\nbreak");
  EXPECT_EQ(values->at("E"), "");
}

TEST(DotenvTest, BrokenLinesAreNamedByNumber) {
  EXPECT_THAT(parse_dotenv("A=1\nnonsense\n").error().message, HasSubstr("line 2"));
  EXPECT_THAT(parse_dotenv("A=\"open\n").error().message, HasSubstr("line 1"));
  EXPECT_THAT(parse_dotenv("1A=x\n").error().message, HasSubstr("line 1"));
}

}  // namespace
}  // namespace ae::cli
