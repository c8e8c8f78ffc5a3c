#include "repository/repository.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "store/power_fail_vfs.h"

namespace ae::repository {
namespace {

namespace fs = std::filesystem;
using store::Database;
using testing::ElementsAre;
using testing::HasSubstr;

std::unique_ptr<Database> open_or_die(const fs::path& path,
                                      const store::OpenOptions& options = {}) {
  auto opened = Database::open(path, Repository::migration(), options);
  if (!opened) {
    ADD_FAILURE() << opened.error().describe();
    return nullptr;
  }
  return *std::move(opened);
}

class RepositoryTest : public testing::Test {
 protected:
  Package package(const std::string& name, std::string_view description, std::string_view more = "",
                  std::string_view code = "def lambda_handler(event, context): return {}\n") {
    const fs::path folder = temporary_.path() / "source" / name;
    fs::create_directories(folder);
    EXPECT_TRUE(write_file_atomically(folder / "function.yaml",
                                      "apiVersion: actionengine/v1\nkind: Function\nname: " + name +
                                          "\ndescription: " + std::string(description) + "\n" +
                                          std::string(more)));
    EXPECT_TRUE(write_file_atomically(folder / "lambda_function.py", code));
    auto read = read_package(folder);
    EXPECT_TRUE(read) << read.error().describe();
    return read ? *std::move(read) : Package{};
  }
  void add(const std::string& name, std::string_view description, std::string_view more = "") {
    const auto added = repository_->add(package(name, description, more));
    EXPECT_TRUE(added) << added.error().describe();
  }
  std::vector<std::string> names_found(std::string_view text, std::size_t limit = 10) const {
    const auto hits = repository_->search(text, limit);
    EXPECT_TRUE(hits) << hits.error().describe();
    std::vector<std::string> names;
    if (hits) {
      for (const auto& hit : *hits) names.push_back(hit.name);
    }
    return names;
  }
  fs::path code_root() const { return temporary_.path() / "code"; }
  fs::path file() const { return temporary_.path() / "functions.db"; }
  static const dag::LocalPackage& code_of(const dag::FunctionSpec& spec) {
    return std::get<dag::LocalPackage>(spec.binding);
  }

  TemporaryFolder temporary_;
  std::unique_ptr<Database> database_ = open_or_die(file());
  std::unique_ptr<Repository> repository_ = std::make_unique<Repository>(*database_, code_root());
};

TEST_F(RepositoryTest, KeepsACopyOfTheCodeAndTheDescription) {
  const Package source = package("greet", "Greets.", "effects: [send]\n", "# the code\n");
  const auto added = repository_->add(source);
  ASSERT_TRUE(added) << added.error().describe();
  EXPECT_EQ(added->kind, Added::Kind::kNew);
  fs::remove_all(source.folder);

  const auto spec = repository_->get("greet");
  ASSERT_TRUE(spec) << spec.error().describe();
  EXPECT_EQ(*spec, added->spec);
  EXPECT_EQ(spec->effects, source.spec.effects);
  EXPECT_EQ(code_of(*spec).folder, (code_root() / "greet" / source.spec.version).string());
  EXPECT_EQ(*read_file(fs::path(code_of(*spec).folder) / "lambda_function.py"), "# the code\n");
}

TEST_F(RepositoryTest, KeepsOldVersionsBesideTheCurrentOne) {
  const Package first = package("greet", "Greets.");
  ASSERT_TRUE(repository_->add(first));
  const Package second = package("greet", "Greets.", "", "# new code\n");
  const auto added = repository_->add(second);
  ASSERT_TRUE(added);
  EXPECT_EQ(added->kind, Added::Kind::kNewVersion);
  EXPECT_EQ(repository_->get("greet")->version, second.spec.version);
  const auto old = repository_->get("greet", first.spec.version);
  ASSERT_TRUE(old) << old.error().describe();
  EXPECT_TRUE(fs::exists(fs::path(code_of(*old).folder) / "lambda_function.py"));
  EXPECT_EQ(repository_->list()->size(), 1U);
}

TEST_F(RepositoryTest, ReturnsToAnOldVersionWhenItIsAddedAgain) {
  const Package first = package("greet", "Greets the old way.");
  ASSERT_TRUE(repository_->add(first));
  ASSERT_TRUE(repository_->add(package("greet", "Salutes.")));
  EXPECT_EQ(repository_->add(package("greet", "Greets the old way."))->kind,
            Added::Kind::kNewVersion);
  EXPECT_EQ(repository_->get("greet")->version, first.spec.version);
  EXPECT_THAT(names_found("old way"), ElementsAre("greet"));
  EXPECT_THAT(names_found("salutes"), ElementsAre());
}

TEST_F(RepositoryTest, ChangesNothingWhenTheSameIsAddedTwice) {
  const Package source = package("greet", "Greets.");
  ASSERT_TRUE(repository_->add(source));
  const auto before = repository_->snapshot();
  EXPECT_EQ(repository_->add(source)->kind, Added::Kind::kUnchanged);
  EXPECT_EQ(repository_->snapshot(), before);
}

TEST_F(RepositoryTest, HandsOutSnapshotsThatStayAsTheyWere) {
  const auto empty = repository_->snapshot();
  EXPECT_TRUE(empty->functions.empty());
  add("b", "Second.");
  add("a", "First.");
  const auto now = repository_->snapshot();
  ASSERT_EQ(now->functions.size(), 2U);
  EXPECT_EQ(now->functions[0].name, "a");
  EXPECT_GT(now->revision, empty->revision);
  EXPECT_TRUE(empty->functions.empty());
  EXPECT_EQ(repository_->snapshot(), now);
}

TEST_F(RepositoryTest, RemembersEverythingAfterAReopeningElsewhere) {
  add("greet", "Greets people politely.");
  const auto before = repository_->snapshot();
  repository_.reset();
  database_.reset();
  fs::rename(code_root(), temporary_.path() / "moved");
  database_ = open_or_die(file());
  repository_ = std::make_unique<Repository>(*database_, temporary_.path() / "moved");
  EXPECT_EQ(repository_->snapshot()->revision, before->revision);
  EXPECT_THAT(names_found("polite"), ElementsAre("greet"));
  EXPECT_TRUE(fs::exists(code_of(*repository_->get("greet")).folder));
}

TEST_F(RepositoryTest, ProposesTheNearestNameAndTheCurrentVersion) {
  add("current_weather", "Weather.");
  const auto misspelt = repository_->get("curent_weather");
  ASSERT_FALSE(misspelt);
  EXPECT_EQ(misspelt.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(misspelt.error().message, HasSubstr("did you mean \"current_weather\"?"));
  const auto no_version = repository_->get("current_weather", "f00");
  ASSERT_FALSE(no_version);
  EXPECT_EQ(no_version.error().code, ErrorCode::kNotFound);
}

TEST_F(RepositoryTest, FindsWordsInsideIdentifiersAndTheirOtherForms) {
  add("getUserMood", "Tells it.",
      "output: {type: object, properties: {mood_ID: {type: string}}}\n");
  add("recommend_song", "Recommends songs.");
  EXPECT_THAT(names_found("user's moods"), ElementsAre("getUserMood"));
  EXPECT_THAT(names_found("moodId"), ElementsAre("getUserMood"));
  EXPECT_THAT(names_found("recommending a song"), ElementsAre("recommend_song"));
}

TEST_F(RepositoryTest, RanksNamesAboveOutputsAboveInputs) {
  const auto schema = [](const char* which, const char* name) {
    return std::string(which) + ": {type: object, properties: {" + name + ": {type: string}}}\n";
  };
  add("from_price", "Computes something.", schema("input", "price") + schema("output", "total"));
  add("to_price", "Computes something.", schema("input", "total") + schema("output", "price"));
  add("other_one", "Computes something.", schema("input", "price") + schema("output", "total"));
  add("unrelated", "Sends a letter.");
  add("unrelated2", "Sends a parcel.");
  EXPECT_THAT(names_found("price"), ElementsAre("to_price", "from_price", "other_one"));
}

TEST_F(RepositoryTest, BreaksTiesByName) {
  for (const char* name : {"c1", "a1", "b1"}) add(name, "Same words.");
  EXPECT_THAT(names_found("same words"), ElementsAre("a1", "b1", "c1"));
  EXPECT_THAT(names_found("same words", 2), ElementsAre("a1", "b1"));
}

TEST_F(RepositoryTest, TakesAnyTextForWordsAndNeverForASearchLanguage) {
  add("greet", "Greets people.");
  for (const char* text :
       {"people\"", "people NOT greet", "name:people", "people*", "NEAR(people)", "(people",
        "people AND nonsense", "people'; DROP TABLE function; --", "-people", "^people"}) {
    EXPECT_THAT(names_found(text), ElementsAre("greet")) << text;
  }
  for (const char* text :
       {"", "   ", "\"\"", "!?", "\xff\xfe", "\xe2\x80\x9c\xe2\x80\xa6", "NOT"}) {
    EXPECT_THAT(names_found(text), ElementsAre()) << text;
  }
  std::string very_long;
  for (int i = 0; i < 20'000; ++i) very_long += "word" + std::to_string(i) + " ";
  EXPECT_THAT(names_found("people " + very_long), ElementsAre("greet"));
}

TEST_F(RepositoryTest, RefusesAPackageThatChangedAfterItWasRead) {
  const Package read = package("greet", "Greets.");
  ASSERT_TRUE(write_file_atomically(read.folder / "lambda_function.py", "# exchanged\n"));
  const auto added = repository_->add(read);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_TRUE(fs::is_empty(code_root() / "greet"));
}

TEST_F(RepositoryTest, RefusesPackagesThatItDidNotReadItself) {
  Package forged = package("greet", "Greets.");
  forged.spec.name = "../../greet";
  EXPECT_FALSE(repository_->add(forged));
  forged = package("greet", "Greets.");
  forged.spec.version = "../x";
  EXPECT_FALSE(repository_->add(forged));
}

TEST_F(RepositoryTest, ClearsAwayTheCopyOfAnAddThatWasKilled) {
  const Package source = package("greet", "Greets.");
  const fs::path half = code_root() / "greet" / (source.spec.version + ".tmp-copy_1");
  fs::create_directories(half);
  ASSERT_TRUE(write_file_atomically(half / "lambda_function.py", "def lam"));
  ASSERT_TRUE(repository_->add(source));
  EXPECT_FALSE(fs::exists(half));
}

// The power fails before each of the database's writes in turn; afterwards the function is either
// not there and can be added, or there and whole.
TEST_F(RepositoryTest, LosesNothingWhenItDiesBetweenCopyAndRow) {
  const Package source = package("greet", "Greets.");
  bool died_in_between = false;
  for (std::uint64_t cut = 1;; ++cut) {
    const fs::path root = temporary_.path() / ("code" + std::to_string(cut));
    store::PowerFailVfs vfs(cut);
    auto database = open_or_die("functions.db", {.vfs = vfs.name()});
    vfs.power_loss_at(cut, store::PowerFailVfs::Loss::kTearRandomly);
    const auto added = Repository(*database, root).add(source);
    if (!added) died_in_between |= fs::exists(root / "greet" / source.spec.version);
    database.reset();
    vfs.power_loss(store::PowerFailVfs::Loss::kTearRandomly);
    vfs.power_on();
    database = open_or_die("functions.db", {.vfs = vfs.name()});
    Repository again(*database, root);
    if (added) {
      ASSERT_TRUE(again.get("greet"));
      break;
    }
    ASSERT_TRUE(again.add(source));
    const auto spec = again.get("greet");
    ASSERT_TRUE(spec);
    EXPECT_TRUE(fs::exists(fs::path(code_of(*spec).folder) / "lambda_function.py"));
    EXPECT_EQ(again.search("greets", 5)->size(), 1U);
  }
  EXPECT_TRUE(died_in_between);
}

TEST_F(RepositoryTest, TakesInEveryBundledFunctionAndFindsTheRightOnes) {
  const auto folders = find_packages(AE_BUNDLED_FUNCTIONS);
  ASSERT_TRUE(folders) << folders.error().describe();
  for (const fs::path& folder : *folders) {
    const auto read = read_package(folder);
    ASSERT_TRUE(read) << read.error().describe();
    const auto added = repository_->add(*read);
    ASSERT_TRUE(added) << added.error().describe();
    EXPECT_EQ(added->kind, Added::Kind::kNew) << folder;
  }
  EXPECT_GE(repository_->snapshot()->functions.size(), 25U);
  EXPECT_EQ(names_found("mood of a user", 1), std::vector<std::string>{"getusermood"});
  EXPECT_EQ(names_found("send an email", 1), std::vector<std::string>{"send_email"});
}

TEST_F(RepositoryTest, TakesAddsAndQuestionsFromManyThreads) {
  constexpr int kThreads = 4;
  constexpr int kEach = 5;
  std::vector<std::vector<Package>> packages(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    for (int i = 0; i < kEach; ++i) {
      packages[static_cast<std::size_t>(t)].push_back(
          package("f" + std::to_string(t) + "_" + std::to_string(i), "Does it."));
    }
  }
  {
    std::vector<std::jthread> threads;
    for (const auto& mine : packages) {
      threads.emplace_back([this, &mine] {
        for (const Package& source : mine) {
          EXPECT_TRUE(repository_->add(source));
          EXPECT_TRUE(repository_->get(source.spec.name));
          EXPECT_TRUE(repository_->search("does", 3));
        }
      });
    }
  }
  EXPECT_EQ(repository_->snapshot()->functions.size(), std::size_t{kThreads * kEach});
  EXPECT_EQ(repository_->snapshot()->revision, std::uint64_t{kThreads * kEach});
}

}  // namespace
}  // namespace ae::repository
