#include "base/secret_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"

namespace ae {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class SecretStoreTest : public ::testing::Test {
 protected:
  std::filesystem::path file() const { return home_.path() / "secrets"; }
  std::filesystem::path key() const { return elsewhere_.path() / "config" / "secrets.key"; }
  SecretStore store() const { return {file(), key().string()}; }

  TemporaryFolder home_{"ae-secrets"};
  TemporaryFolder elsewhere_{"ae-key"};
};

TEST_F(SecretStoreTest, WhatIsSetIsFoundAgainUntilItIsRemoved) {
  EXPECT_EQ(*store().names(), std::vector<std::string>{});
  EXPECT_EQ(*store().get("TOKEN"), std::nullopt);
  ASSERT_TRUE(store().set("TOKEN", "first"));
  ASSERT_TRUE(store().set("API_KEY", std::string(5000, 'x')));
  ASSERT_TRUE(store().set("TOKEN", "sesame\nwith a line"));
  EXPECT_EQ(*store().names(), (std::vector<std::string>{"API_KEY", "TOKEN"}));
  EXPECT_EQ(*store().get("TOKEN"), "sesame\nwith a line");
  EXPECT_EQ(*store().remove("TOKEN"), true);
  EXPECT_EQ(*store().remove("TOKEN"), false);
  EXPECT_EQ(*store().get("TOKEN"), std::nullopt);
  EXPECT_EQ((*store().get("API_KEY"))->size(), 5000U);
}

TEST_F(SecretStoreTest, TheFileTellsNoValueAndNobodyElseReadsItOrTheKey) {
  ASSERT_TRUE(store().set("TOKEN", "open sesame"));
  EXPECT_THAT(*read_file(file()), Not(HasSubstr("sesame")));
  for (const auto& path : {file(), key()}) {
    struct stat info{};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0600U) << path;
  }
}

TEST_F(SecretStoreTest, TheKeyIsNeverBesideTheData) {
  SecretStore beside(file(), (home_.path() / "secrets.key").string());
  EXPECT_EQ(beside.set("TOKEN", "v").error().code, ErrorCode::kPermissionDenied);
  SecretStore none(file(), "");
  EXPECT_EQ(none.set("TOKEN", "v").error().code, ErrorCode::kPermissionDenied);
}

TEST_F(SecretStoreTest, AKeyMayBeGivenAsDigits) {
  SecretStore digits(file(), std::string(64, 'a'));
  ASSERT_TRUE(digits.set("TOKEN", "v"));
  EXPECT_EQ(*digits.get("TOKEN"), "v");
  EXPECT_EQ(SecretStore(file(), std::string(64, 'b')).get("TOKEN").error().code,
            ErrorCode::kPermissionDenied);
}

TEST_F(SecretStoreTest, ALostOrOpenKeyIsNamedAndNeverReplaced) {
  ASSERT_TRUE(store().set("TOKEN", "v"));
  ::chmod(key().c_str(), 0644);
  EXPECT_THAT(store().get("TOKEN").error().message, HasSubstr("chmod 600"));
  std::filesystem::remove(key());
  EXPECT_THAT(store().get("TOKEN").error().message, HasSubstr("is missing"));
  EXPECT_FALSE(store().set("OTHER", "v")) << "a fresh key would leave TOKEN sealed for ever";
}

TEST_F(SecretStoreTest, ASealedValueCountsForItsOwnNameOnly) {
  ASSERT_TRUE(store().set("ADMIN", "powerful"));
  std::string text = *read_file(file());
  text.replace(text.find("ADMIN"), 5, "GUEST");
  ASSERT_TRUE(write_file_atomically(file(), text));
  EXPECT_EQ(store().get("GUEST").error().code, ErrorCode::kPermissionDenied);
}

TEST_F(SecretStoreTest, NamesAndValuesThatNoVariableCanHaveAreRefused) {
  for (const char* name : {"", "1ST", "WITH SPACE", "A=B", "NEW\nLINE"}) {
    EXPECT_EQ(store().set(name, "v").error().code, ErrorCode::kInvalidArgument) << name;
  }
  EXPECT_FALSE(store().set("EMPTY", ""));
  EXPECT_FALSE(store().set("ZERO", std::string("a\0b", 3)));
}

TEST_F(SecretStoreTest, ADamagedFileIsAnErrorAndStaysAsItIs) {
  for (const char* text : {"nonsense", "ae-secrets 1\nTOKEN\n", "ae-secrets 1\nTOKEN xyz\n"}) {
    ASSERT_TRUE(write_file_atomically(file(), text));
    EXPECT_EQ(store().names().error().code, ErrorCode::kInternal) << text;
    EXPECT_FALSE(store().set("OTHER", "v"));
    EXPECT_EQ(*read_file(file()), text);
  }
}

}  // namespace
}  // namespace ae
