#include "repository/internal/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "repository/internal/test_zip.h"

namespace ae::repository::internal {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr std::uint32_t kLink = 0120777;

class ArchiveTest : public testing::Test {
 protected:
  Result<void> unpack(std::string_view zip, const PackageLimits& limits = {}) {
    target_ = std::make_unique<TemporaryFolder>("ae-archive-test");
    return unpack_zip_bytes(zip, target_->path(), limits);
  }
  Result<void> unpack(const std::vector<ZipEntry>& entries, const PackageLimits& limits = {}) {
    return unpack(make_zip(entries), limits);
  }
  // The message of a refusal; everything that was written stays below the target.
  std::string refusal(const std::vector<ZipEntry>& entries, const PackageLimits& limits = {}) {
    const auto result = unpack(entries, limits);
    EXPECT_FALSE(result);
    return result ? "" : result.error().message;
  }
  fs::path at(const std::string& name) const { return target_->path() / name; }
  static bool is_executable(const fs::path& file) {
    struct stat status{};
    EXPECT_EQ(::stat(file.c_str(), &status), 0);
    return (status.st_mode & S_IXUSR) != 0;
  }

  std::unique_ptr<TemporaryFolder> target_;
};

TEST_F(ArchiveTest, KeepsFilesFoldersAndWhatIsExecutable) {
  const auto done = unpack({{.name = "lambda_function.py", .content = "code"},
                            {.name = "lib/", .content = "", .mode = 0040755},
                            {.name = "lib/data.json", .content = "{}"},
                            {.name = "bootstrap", .content = "#!", .mode = 0100755},
                            {.name = "deep/er/x.txt", .content = "x"},
                            {.name = "größe.txt", .content = "g", .flags = 1U << 11U}});
  ASSERT_TRUE(done) << done.error().describe();
  EXPECT_EQ(*read_file(at("lambda_function.py")), "code");
  EXPECT_EQ(*read_file(at("lib/data.json")), "{}");
  EXPECT_EQ(*read_file(at("deep/er/x.txt")), "x");
  EXPECT_EQ(*read_file(at("größe.txt")), "g");
  EXPECT_TRUE(is_executable(at("bootstrap")));
  EXPECT_FALSE(is_executable(at("lambda_function.py")));
}

struct Hostile {
  std::string name;
  std::vector<ZipEntry> entries;
  std::string reason;
};

class HostileArchives : public ArchiveTest, public testing::WithParamInterface<Hostile> {};

TEST_P(HostileArchives, AreRefusedWithTheEntrysName) {
  const fs::path outside = fs::temp_directory_path() / "ae-zip-slip-witness";
  fs::remove(outside);
  EXPECT_THAT(refusal(GetParam().entries), HasSubstr(GetParam().reason));
  EXPECT_FALSE(fs::exists(outside));
  EXPECT_FALSE(fs::exists(target_->path().parent_path() / "evil.py"));
}

INSTANTIATE_TEST_SUITE_P(
    Names, HostileArchives,
    testing::Values(
        Hostile{"zip_slip", {{.name = "../evil.py", .content = "x"}}, "\"../evil.py\" leaves"},
        Hostile{"inner_zip_slip", {{.name = "a/../../evil.py", .content = "x"}}, "leaves"},
        Hostile{"harmless_dots", {{.name = "a/../b.py", .content = "x"}}, "leaves"},
        Hostile{"absolute", {{.name = "/tmp/ae-zip-slip-witness", .content = "x"}}, "absolute"},
        Hostile{"drive", {{.name = "C:/evil.py", .content = "x"}}, "absolute"},
        Hostile{"backslashes", {{.name = "..\\evil.py", .content = "x"}}, "leaves"},
        Hostile{"backslash", {{.name = "a/..\\evil.py", .content = "x"}}, "backslash"},
        Hostile{"newline", {{.name = "a\nb.py", .content = "x"}}, "control character"},
        Hostile{"twice",
                {{.name = "a.py", .content = "x"}, {.name = "a.py", .content = "y"}},
                "\"a.py\" occurs twice"},
        Hostile{"twice_spelt_otherwise",
                {{.name = "a.py", .content = "x"}, {.name = "./a.py", .content = "y"}},
                "occurs twice"},
        Hostile{"case",
                {{.name = "a.py", .content = "x"}, {.name = "A.py", .content = "y"}},
                "upper and lower case"},
        Hostile{"case_of_a_folder",
                {{.name = "Lib/a.py", .content = "x"}, {.name = "lib/b.py", .content = "y"}},
                "upper and lower case"},
        Hostile{"file_as_folder",
                {{.name = "a", .content = "x"}, {.name = "a/b.py", .content = "y"}},
                "a file and a folder"},
        Hostile{"long_part", {{.name = std::string(300, 'a'), .content = "x"}}, "too long"},
        Hostile{"long_path",
                {{.name =
                      [] {
                        std::string path;
                        for (int i = 0; i < 30; ++i) path += std::string(50, 'a') + "/";
                        return path + "x";
                      }(),
                  .content = "x"}},
                "too long"},
        Hostile{"deep",
                {{.name =
                      [] {
                        std::string path;
                        for (int i = 0; i < 100; ++i) path += "a/";
                        return path + "x";
                      }(),
                  .content = "x"}},
                "nested too deeply"}),
    [](const auto& one) { return one.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Kinds, HostileArchives,
    testing::Values(
        Hostile{"link_out", {{.name = "l", .content = "../../etc", .mode = kLink}}, "outside"},
        Hostile{"absolute_link",
                {{.name = "l", .content = "/etc/passwd", .mode = kLink}},
                "\"l\" is a link to \"/etc/passwd\""},
        Hostile{"link_through_a_link",
                {{.name = "d/e/f", .content = "x"},
                 {.name = "in", .content = "d/e", .mode = kLink},
                 {.name = "out", .content = "in/../../../x", .mode = kLink}},
                "\"out\" is a link"},
        Hostile{"writes_through_a_link",
                {{.name = "l", .content = "/tmp", .mode = kLink},
                 {.name = "l/ae-zip-slip-witness", .content = "x"}},
                "a file and a folder"},
        Hostile{"empty_link", {{.name = "l", .content = "", .mode = kLink}}, "usable target"},
        Hostile{"device", {{.name = "tty", .content = "", .mode = 0020666}}, "device"},
        Hostile{"socket", {{.name = "s", .content = "", .mode = 0140644}}, "socket"},
        Hostile{"encrypted",
                {{.name = "secret.py", .content = "0123456789abcdef", .flags = 1}},
                "\"secret.py\" is encrypted"}),
    [](const auto& one) { return one.param.name; });

TEST_F(ArchiveTest, KeepsLinksThatStayInside) {
  const auto done =
      unpack({{.name = "node_modules/.bin/tool", .content = "../tool/run.js", .mode = kLink},
              {.name = "node_modules/tool/run.js", .content = "run"}});
  ASSERT_TRUE(done) << done.error().describe();
  EXPECT_TRUE(fs::is_symlink(at("node_modules/.bin/tool")));
  EXPECT_EQ(*read_file(at("node_modules/.bin/tool")), "run");
}

TEST_F(ArchiveTest, RefusesWhatIsNoArchiveOrOnlyAPart) {
  EXPECT_THAT(unpack(std::string_view("not a zip")).error().message, HasSubstr("no zip archive"));
  EXPECT_FALSE(unpack(std::string_view("")));
  EXPECT_THAT(unpack(make_zip({})).error().message,
              testing::AnyOf(HasSubstr("empty"), HasSubstr("no zip")));
  const std::string whole = make_zip({{.name = "a.py", .content = std::string(1000, 'a')},
                                      {.name = "b.py", .content = std::string(1000, 'b')}});
  for (std::size_t size = 0; size < whole.size(); size += 97) {
    EXPECT_FALSE(unpack(std::string_view(whole).substr(0, size))) << size;
  }
  std::string damaged = whole;
  damaged[100] = 'X';  // content that its checksum does not know
  EXPECT_THAT(unpack(std::string_view(damaged)).error().message, HasSubstr("damaged"));
}

TEST_F(ArchiveTest, StopsAtItsLimits) {
  std::vector<ZipEntry> many;
  for (int i = 0; i < 20; ++i) many.push_back({.name = std::to_string(i), .content = "x"});
  EXPECT_THAT(refusal(many, {.max_files = 10}), HasSubstr("\"10\" is one too many"));
  EXPECT_THAT(refusal({{.name = "big", .content = std::string(2000, 'x')}}, {.max_bytes = 1000}),
              HasSubstr("larger than the 1000 bytes"));
}

// `bytes` of zeros, deflated to a thousandth.
std::string bomb(std::size_t bytes) {
  std::string zip(bytes / 100 + 100'000, '\0');
  std::size_t used = 0;
  ::archive* writer = ::archive_write_new();
  ::archive_write_set_format_zip(writer);
  ::archive_write_open_memory(writer, zip.data(), zip.size(), &used);
  ::archive_entry* entry = ::archive_entry_new();
  ::archive_entry_set_pathname(entry, "zeros.bin");
  ::archive_entry_set_filetype(entry, AE_IFREG);
  ::archive_entry_set_perm(entry, 0644);
  ::archive_entry_set_size(entry, static_cast<la_int64_t>(bytes));
  ::archive_write_header(writer, entry);
  const std::string zeros(1UL << 20U, '\0');
  for (std::size_t left = bytes; left > 0;) {
    const std::size_t now = std::min(left, zeros.size());
    ::archive_write_data(writer, zeros.data(), now);
    left -= now;
  }
  ::archive_entry_free(entry);
  ::archive_write_close(writer);
  ::archive_write_free(writer);
  zip.resize(used);
  return zip;
}

TEST_F(ArchiveTest, StopsBombsWhileTheyUnfold) {
  const std::string zip = bomb(100UL << 20U);
  ASSERT_LT(zip.size(), 1UL << 20U);
  const auto result = unpack(std::string_view(zip));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kResourceExhausted);
  EXPECT_THAT(result.error().message, HasSubstr("\"zeros.bin\""));
  EXPECT_THAT(result.error().message, HasSubstr("200 times"));
  EXPECT_LT(fs::file_size(at("zeros.bin")), 40UL << 20U) << "stopped on the way";
  EXPECT_TRUE(unpack(std::string_view(bomb(4UL << 20U)))) << "small ones may be as they like";
}

TEST_F(ArchiveTest, LeavesArchivesInsideClosed) {
  const std::string inner = make_zip({{.name = "../evil.py", .content = "x"}});
  ASSERT_TRUE(unpack({{.name = "data.zip", .content = inner}}));
  EXPECT_EQ(*read_file(at("data.zip")), inner);
}

TEST_F(ArchiveTest, ReadsFromDiskToo) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "f.zip";
  ASSERT_TRUE(write_file_atomically(file, make_zip({{.name = "a.py", .content = "x"}})));
  const TemporaryFolder to;
  EXPECT_TRUE(unpack_zip(file, to.path(), {}));
  EXPECT_EQ(unpack_zip(folder.path() / "none.zip", to.path(), {}).error().code,
            ErrorCode::kNotFound);
  EXPECT_EQ(unpack_zip(file, to.path(), {.max_bytes = 10}).error().code,
            ErrorCode::kResourceExhausted);
}

}  // namespace
}  // namespace ae::repository::internal
