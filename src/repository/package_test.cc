#include "repository/package.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"

namespace ae::repository {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kSidecar =
    "apiVersion: actionengine/v1\nkind: Function\nname: greet\ndescription: Greets.\n";

class PackageTest : public testing::Test {
 protected:
  fs::path write(const std::string& relative, std::string_view content) {
    const fs::path path = root() / relative;
    fs::create_directories(path.parent_path());
    EXPECT_TRUE(write_file_atomically(path, content));
    return path;
  }
  fs::path root() const { return temporary_.path(); }
  fs::path greet() {
    write("greet/function.yaml", kSidecar);
    write("greet/lambda_function.py", "def lambda_handler(event, context): return {}\n");
    return root() / "greet";
  }
  static std::string version(const fs::path& folder) {
    const auto package = read_package(folder);
    EXPECT_TRUE(package) << package.error().describe();
    return package ? package->spec.version : "";
  }
  static ErrorCode refusal(const fs::path& folder, const LoadOptions& options = {}) {
    const auto package = read_package(folder, options);
    EXPECT_FALSE(package);
    return package ? ErrorCode::kInternal : package.error().code;
  }

 private:
  TemporaryFolder temporary_;
};

TEST_F(PackageTest, ReadsSidecarAndCode) {
  const auto package = read_package(greet());
  ASSERT_TRUE(package) << package.error().describe();
  EXPECT_EQ(package->spec.name, "greet");
  EXPECT_EQ(package->spec.version.size(), 64U);
  EXPECT_EQ(std::get<dag::LocalPackage>(package->spec.binding).folder,
            fs::canonical(root() / "greet").string());
}

TEST_F(PackageTest, TakesAnUntouchedLambdaFolderWithoutASidecar) {
  write("word_count/app.py", "def lambda_handler(event, context): return {}\n");
  const auto package = read_package(root() / "word_count");
  ASSERT_TRUE(package) << package.error().describe();
  EXPECT_EQ(package->spec.name, "word_count");
  EXPECT_EQ(std::get<dag::LocalPackage>(package->spec.binding).handler, "app.lambda_handler");
  EXPECT_EQ(package->spec.schemas, dag::SchemaSource::kInferred);
  EXPECT_EQ(package->spec.description, "Word count.");
}

TEST_F(PackageTest, ChangesItsVersionWithEveryChangeThatMatters) {
  const fs::path folder = greet();
  const std::string first = version(folder);
  EXPECT_EQ(version(folder), first);

  write("greet/function.yaml", "# a comment\n" + std::string(kSidecar));
  EXPECT_EQ(version(folder), first) << "comments say nothing";
  write("greet/__pycache__/x.pyc", "compiled");
  write("greet/.git/HEAD", "ref");
  EXPECT_EQ(version(folder), first) << "by-products are left out";

  write("greet/lambda_function.py", "def lambda_handler(event, context): return {'a': 1}\n");
  const std::string other_code = version(folder);
  EXPECT_NE(other_code, first);
  write("greet/data/table.json", "{}");
  const std::string more_files = version(folder);
  EXPECT_NE(more_files, other_code);
  fs::rename(folder / "data/table.json", folder / "data/tables.json");
  const std::string renamed = version(folder);
  EXPECT_NE(renamed, more_files);
  ASSERT_EQ(::chmod((folder / "data/tables.json").c_str(), 0755), 0);
  EXPECT_NE(version(folder), renamed);
  write("greet/function.yaml", std::string(kSidecar) + "timeout: 4\n");
  EXPECT_NE(version(folder), renamed);
}

TEST_F(PackageTest, DoesNotDependOnWhereTheFolderIs) {
  const fs::path folder = greet();
  fs::copy(folder, root() / "elsewhere", fs::copy_options::recursive);
  EXPECT_EQ(version(folder), version(root() / "elsewhere"));
}

TEST_F(PackageTest, RefusesLinksThatLeaveTheFolder) {
  const fs::path folder = greet();
  write("secret.txt", "s");
  for (const char* target : {"../secret.txt", "/etc/passwd", "../../../../../../etc"}) {
    fs::remove(folder / "link");
    fs::create_symlink(target, folder / "link");
    EXPECT_EQ(refusal(folder), ErrorCode::kInvalidArgument) << target;
  }
  fs::remove(folder / "link");
  fs::remove(folder / "function.yaml");
  fs::create_symlink("../secret.txt", folder / "function.yaml");
  EXPECT_EQ(refusal(folder), ErrorCode::kInvalidArgument);
}

TEST_F(PackageTest, RefusesALinkThatLeavesThroughAnotherLink) {
  const fs::path folder = greet();
  fs::create_directories(folder / "a/b");
  fs::create_symlink("a/b", folder / "inner");
  EXPECT_TRUE(read_package(folder));
  fs::create_symlink("inner/../../../secret.txt", folder / "outer");
  EXPECT_EQ(refusal(folder), ErrorCode::kInvalidArgument);
}

TEST_F(PackageTest, RefusesPipes) {
  const fs::path folder = greet();
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(refusal(folder), ErrorCode::kInvalidArgument);
}

TEST_F(PackageTest, KeepsToItsLimits) {
  const fs::path folder = greet();
  EXPECT_EQ(refusal(folder, {.limits = {.max_files = 1}}), ErrorCode::kResourceExhausted);
  EXPECT_EQ(refusal(folder, {.limits = {.max_bytes = 10}}), ErrorCode::kResourceExhausted);
}

TEST_F(PackageTest, SaysWhereTheSidecarIsWrongAndHowToMendIt) {
  const fs::path folder = greet();
  write("greet/function.yaml", std::string(kSidecar) + "timout: 4\n");
  const auto package = read_package(folder);
  ASSERT_FALSE(package);
  EXPECT_EQ(package.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(package.error().message, HasSubstr("greet/function.yaml"));
  EXPECT_THAT(package.error().message, HasSubstr("/timout"));
  EXPECT_THAT(package.error().message, HasSubstr("did you mean \"timeout\"?"));
  write("greet/function.yaml", "a: [1\n");
  EXPECT_EQ(refusal(folder), ErrorCode::kInvalidArgument);
}

TEST_F(PackageTest, MissesTheFileThatTheHandlerNames) {
  const fs::path folder = greet();
  write("greet/function.yaml", std::string(kSidecar) + "handler: main.handler\n");
  const auto package = read_package(folder);
  ASSERT_FALSE(package);
  EXPECT_THAT(package.error().message, HasSubstr("main.py"));
  write("greet/main/__init__.py", "def handler(event, context): return {}\n");
  EXPECT_TRUE(read_package(folder));
}

TEST_F(PackageTest, RefusesWhatIsNoFunction) {
  write("notes/readme.txt", "x");
  EXPECT_EQ(refusal(root() / "notes"), ErrorCode::kNotFound);
  EXPECT_EQ(refusal(root() / "nowhere"), ErrorCode::kNotFound);
  EXPECT_EQ(refusal(root() / "notes/readme.txt"), ErrorCode::kInvalidArgument);
  write("bad name/app.py", "");
  EXPECT_EQ(refusal(root() / "bad name"), ErrorCode::kInvalidArgument);
}

TEST_F(PackageTest, FindsPackagesInOrderAndNotInsideOneAnother) {
  write("pack/b/lambda_function.py", "");
  write("pack/b/vendored/app.py", "");
  write("pack/a/function.yaml", "");
  write("pack/.hidden/app.py", "");
  write("pack/1/2/3/app.py", "");
  write("pack/1/2/3x/4/5/app.py", "");
  fs::create_directory_symlink(root(), root() / "pack/loop");
  const auto found = find_packages(root() / "pack");
  ASSERT_TRUE(found) << found.error().describe();
  std::vector<std::string> relative;
  for (const auto& path : *found) {
    relative.push_back(path.lexically_relative(fs::canonical(root() / "pack")).string());
  }
  EXPECT_THAT(relative, ElementsAre("1/2/3", "a", "b"));
  EXPECT_EQ(find_packages(root() / "pack/b")->size(), 1U);
  EXPECT_FALSE(find_packages(root() / "nowhere"));
}

}  // namespace
}  // namespace ae::repository
