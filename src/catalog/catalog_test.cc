#include "catalog/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <latch>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "store/power_fail_vfs.h"

namespace ae::catalog {
namespace {

using store::Database;
using testing::ElementsAre;
using testing::HasSubstr;

std::unique_ptr<Database> open_or_die(const std::filesystem::path& path,
                                      const store::OpenOptions& options = {}) {
  auto opened = Database::open(path, Catalog::migration(), options);
  if (!opened) {
    ADD_FAILURE() << opened.error().describe();
    return nullptr;
  }
  return *std::move(opened);
}

dag::FunctionSpec function(const std::string& name) {
  dag::FunctionSpec spec;
  spec.name = name;
  spec.version = std::string(64, 'a');
  spec.description = "Does " + name + ".";
  spec.binding = dag::LocalPackage{.folder = "/code/" + name,
                                   .handler = "lambda_function.lambda_handler",
                                   .runtime = "python3.11"};
  return spec;
}

// A workflow of one step whose argument is `literal`, so that other literals are other content.
NewWorkflow workflow(const std::string& name, const std::string& literal = "x",
                     const dag::FunctionSpec& spec = function("greet")) {
  dag::Node node;
  node.id = dag::NodeId(spec.name);
  node.function = spec.name;
  node.version = spec.version;
  node.arguments.push_back({.name = "text", .binding = {dag::Literal{Json(literal)}}});
  NewWorkflow made;
  made.linked.workflow.name = name;
  made.linked.workflow.description = "Greets with " + literal;
  made.linked.workflow.nodes.push_back(node);
  made.linked.functions[dag::function_key(spec.name, spec.version)] = spec;
  return made;
}

const std::string& literal_of(const RegisteredWorkflow& registered) {
  const auto& binding = registered.linked.workflow.nodes.at(0).arguments.at(0).binding;
  return std::get<dag::Literal>(binding.source).value.get_ref<const std::string&>();
}

class CatalogTest : public testing::Test {
 protected:
  RegisteredWorkflow add(NewWorkflow made, OnConflict on_conflict = OnConflict::kNewVersion) {
    auto added = catalog_.add(std::move(made), on_conflict);
    EXPECT_TRUE(added) << added.error().describe();
    return added ? *std::move(added) : RegisteredWorkflow{};
  }
  std::vector<std::string> listed() const {
    std::vector<std::string> lines;
    for (const auto& summary : *catalog_.list()) {
      lines.push_back(summary.id + " " + std::to_string(summary.version));
    }
    return lines;
  }

  ManualClock clock_;
  std::unique_ptr<Database> database_ = open_or_die(":memory:");
  Catalog catalog_{*database_, clock_};
};

TEST_F(CatalogTest, StartsEmptyAndWorking) {
  EXPECT_THAT(listed(), ElementsAre());
  const auto nothing = catalog_.get("anything");
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, ErrorCode::kNotFound);
}

TEST_F(CatalogTest, GivesBackAllThatWasRegistered) {
  NewWorkflow made = workflow("hello", "hi");
  made.query = "Greet Anna";
  made.first_inputs = {{"username", "Anna"}};
  made.provenance = {{"engine", "embedded"}};
  const dag::LinkedWorkflow linked = made.linked;
  const RegisteredWorkflow added = add(std::move(made));
  const auto found = catalog_.get("hello");
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_EQ((*found)->id, "hello");
  EXPECT_EQ((*found)->version, 1);
  EXPECT_EQ((*found)->linked, linked);
  EXPECT_EQ((*found)->query, "Greet Anna");
  EXPECT_EQ((*found)->first_inputs, (Json{{"username", "Anna"}}));
  EXPECT_EQ((*found)->provenance, (Json{{"engine", "embedded"}}));
  EXPECT_EQ((*found)->registered_at, clock_.now());
  EXPECT_EQ(added.linked, linked);
}

TEST_F(CatalogTest, GivesTheNamedWorkflowAndNeverTheLastOne) {
  for (const char* name : {"one", "two", "three"}) add(workflow(name, name));
  for (const char* name : {"two", "three", "one", "two"}) {
    const auto found = catalog_.get(name);
    ASSERT_TRUE(found);
    EXPECT_EQ((*found)->id, name);
    EXPECT_EQ((*found)->linked.workflow.name, name);
    EXPECT_EQ(literal_of(**found), name);
  }
  const auto misspelt = catalog_.get("thre");
  ASSERT_FALSE(misspelt);
  EXPECT_EQ(misspelt.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(misspelt.error().message, HasSubstr("did you mean \"three\"?"));
}

TEST_F(CatalogTest, MakesEveryChangeANewVersionAndKeepsTheOldOnes) {
  add(workflow("hello", "a"));
  EXPECT_EQ((*catalog_.get("hello"))->version, 1);
  EXPECT_EQ(add(workflow("hello", "b")).version, 2);
  EXPECT_EQ(literal_of(**catalog_.get("hello")), "b");
  EXPECT_EQ(literal_of(**catalog_.get("hello", 1)), "a");
  EXPECT_EQ(add(workflow("hello", "b")).version, 2) << "nothing differs";
  EXPECT_EQ(add(workflow("hello", "a")).version, 3) << "going back is a change too";
  const auto missing = catalog_.get("hello", 9);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("no version 9"));
  EXPECT_THAT(listed(), ElementsAre("hello 3"));
}

TEST_F(CatalogTest, FindsAFreshNameForOtherContentAndTheOldOneForTheSame) {
  const auto fresh = OnConflict::kFreshName;
  EXPECT_EQ(add(workflow("hello", "a"), fresh).id, "hello");
  EXPECT_EQ(add(workflow("hello", "b"), fresh).id, "hello-2");
  EXPECT_EQ(add(workflow("hello", "c"), fresh).id, "hello-3");
  EXPECT_EQ(add(workflow("hello", "b"), fresh).id, "hello-2");
  EXPECT_EQ(add(workflow("hello", "a"), fresh).id, "hello");
  EXPECT_EQ((*catalog_.get("hello-2"))->linked.workflow.name, "hello-2");
  EXPECT_EQ(listed().size(), 3U);
}

TEST_F(CatalogTest, StepsOverNamesThatSomebodyChose) {
  const auto fresh = OnConflict::kFreshName;
  add(workflow("hello-2", "mine"));
  add(workflow("hello", "a"), fresh);
  EXPECT_EQ(add(workflow("hello", "b"), fresh).id, "hello-3");
  EXPECT_EQ(literal_of(**catalog_.get("hello-2")), "mine");
}

TEST_F(CatalogTest, KeepsFreshNamesWithinTheirLength) {
  const std::string longest(63, 'a');
  add(workflow(longest, "a"), OnConflict::kFreshName);
  const auto second = add(workflow(longest, "b"), OnConflict::kFreshName);
  EXPECT_EQ(second.id, std::string(61, 'a') + "-2");
  EXPECT_TRUE(is_workflow_name(second.id));
}

TEST_F(CatalogTest, DoesNotCareInWhichOrderMembersWereWritten) {
  NewWorkflow first = workflow("hello");
  first.linked.workflow.nodes[0].arguments[0].binding = {dag::Literal{Json{{"a", 1}, {"b", 2.0}}}};
  NewWorkflow second = first;
  second.linked.workflow.nodes[0].arguments[0].binding = {dag::Literal{Json{{"b", 2}, {"a", 1.0}}}};
  add(std::move(first));
  EXPECT_EQ(add(std::move(second)).version, 1);
}

TEST_F(CatalogTest, DerivesANameFromTheContent) {
  NewWorkflow nameless = workflow("", "a");
  const auto first = add(nameless, OnConflict::kFreshName);
  EXPECT_TRUE(first.id.starts_with("greets-with-a-")) << first.id;
  EXPECT_EQ(add(nameless, OnConflict::kFreshName).id, first.id);
  EXPECT_NE(add(workflow("", "b"), OnConflict::kFreshName).id, first.id);
}

TEST_F(CatalogTest, AcceptsOnlyNamesThatFitAUrl) {
  for (const char* name : {"Hello", "a b", "a/b", "-a", "a_b", "caf\xc3\xa9", "..", "a%2f"}) {
    const auto refused = catalog_.add(workflow(name), OnConflict::kNewVersion);
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_FALSE(catalog_.add(workflow(std::string(64, 'a')), OnConflict::kNewVersion));
  EXPECT_TRUE(catalog_.add(workflow("0-a"), OnConflict::kNewVersion));
  EXPECT_EQ(to_workflow_name("  Mood & Music! "), "mood-music");
  EXPECT_EQ(to_workflow_name("\xe9\x9f\xb3"), "workflow");
  EXPECT_TRUE(is_workflow_name(to_workflow_name(std::string(300, '-') + std::string(300, 'Z'))));
}

TEST_F(CatalogTest, RefusesSideEffectsThatNobodyApproved) {
  dag::FunctionSpec pay = function("place_order");
  pay.effects = {"pay"};
  const std::string key = dag::function_key(pay.name, pay.version);
  NewWorkflow order = workflow("order", "x", pay);
  order.approved_effects = {"other@1"};
  const auto refused = catalog_.add(order, OnConflict::kNewVersion);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(refused.error().message, HasSubstr("place_order"));
  EXPECT_THAT(refused.error().message, HasSubstr("pay"));
  EXPECT_THAT(listed(), ElementsAre());

  order.approved_effects.push_back(key);
  EXPECT_THAT(add(order).approved_effects, ElementsAre(key));
  // An approval is for the version that was seen, not for whatever bears the name later.
  pay.version = std::string(64, 'b');
  NewWorkflow newer = workflow("order", "x", pay);
  newer.approved_effects = {key};
  EXPECT_FALSE(catalog_.add(newer, OnConflict::kNewVersion));
}

TEST_F(CatalogTest, RefusesAWorkflowThatIsNotLinked) {
  NewWorkflow loose = workflow("hello");
  loose.linked.workflow.nodes[0].version.clear();
  const auto refused = catalog_.add(loose, OnConflict::kNewVersion);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
}

TEST_F(CatalogTest, RemovesANameFromSightAndCountsOnWhenItReturns) {
  add(workflow("hello", "a"));
  add(workflow("hello", "b"));
  add(workflow("other"));
  ASSERT_TRUE(catalog_.get("hello"));
  ASSERT_TRUE(catalog_.remove("hello"));
  EXPECT_FALSE(catalog_.get("hello"));
  EXPECT_FALSE(catalog_.get("hello", 1));
  EXPECT_THAT(listed(), ElementsAre("other 1"));
  const auto again = catalog_.remove("hello");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kNotFound);

  EXPECT_EQ(add(workflow("hello", "b"), OnConflict::kFreshName).version, 3);
  EXPECT_FALSE(catalog_.get("hello", 2)) << "what was removed stays removed";
  EXPECT_THAT(listed(), ElementsAre("hello 3", "other 1"));
}

TEST_F(CatalogTest, ListsTheNewestFirst) {
  add(workflow("one"));
  clock_.advance(std::chrono::seconds{1});
  add(workflow("two"));
  add(workflow("one", "changed"));
  EXPECT_THAT(listed(), ElementsAre("one 2", "two 1"));
  EXPECT_EQ((*catalog_.list())[0].description, "Greets with changed");
  EXPECT_EQ((*catalog_.list())[0].registered_at, clock_.now());
}

// 8 threads, queries alike in their first 40 characters, one file on a real disk.
TEST(CatalogThreads, NeverLetTwoRegistrationsCollideOrGetLost) {
  const TemporaryFolder folder;
  constexpr int kThreads = 8;
  constexpr int kEach = 15;
  std::set<std::string> names;
  {
    auto database = open_or_die(folder.path() / "catalog.db");
    Catalog catalog(*database, SystemClock::instance());
    std::vector<std::vector<RegisteredWorkflow>> made(kThreads);
    {
      std::latch start(kThreads);
      std::vector<std::jthread> threads;
      for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
          start.arrive_and_wait();
          for (int i = 0; i < kEach; ++i) {
            const std::string what = std::to_string(t) + "/" + std::to_string(i);
            // A third each: named alike, nameless, and the same content from every thread.
            NewWorkflow next = workflow(i % 3 == 1 ? "" : "play-music", what);
            if (i % 3 == 2) next = workflow("shared", std::to_string(i));
            next.query = "Play a song that fits the mood of the user " + what;
            auto added = catalog.add(std::move(next), OnConflict::kFreshName);
            ASSERT_TRUE(added) << added.error().describe();
            made[static_cast<std::size_t>(t)].push_back(*std::move(added));
          }
        });
      }
    }
    for (const auto& mine : made) {
      for (const RegisteredWorkflow& registered : mine) {
        names.insert(registered.id);
        const auto found = catalog.get(registered.id);
        ASSERT_TRUE(found) << registered.id;
        EXPECT_EQ((*found)->version, 1);
        EXPECT_EQ(literal_of(**found), literal_of(registered));
      }
    }
  }
  // Two thirds are all different; the last third is the same five in every thread.
  const std::size_t expected = std::size_t{kThreads * kEach / 3 * 2} + kEach / 3;
  EXPECT_EQ(names.size(), expected);
  auto reopened = open_or_die(folder.path() / "catalog.db");
  EXPECT_EQ(Catalog(*reopened, SystemClock::instance()).list()->size(), expected);
}

TEST(CatalogThreads, CountVersionsWithoutAGapWhenAllWriteOneName) {
  auto database = open_or_die(":memory:");
  Catalog catalog(*database, SystemClock::instance());
  constexpr int kThreads = 8;
  constexpr int kEach = 10;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) {
          const std::string what = std::to_string(t) + "/" + std::to_string(i);
          const auto added = catalog.add(workflow("hello", what), OnConflict::kNewVersion);
          ASSERT_TRUE(added);
          const auto found = catalog.get("hello", added->version);
          ASSERT_TRUE(found);
          EXPECT_EQ(literal_of(**found), what);
          EXPECT_GE((*catalog.get("hello"))->version, added->version);
        }
      });
    }
  }
  EXPECT_EQ((*catalog.get("hello"))->version, kThreads * kEach);
}

TEST(CatalogPowerFail, KeepsWhatItAcknowledged) {
  for (std::uint64_t cut = 1;; ++cut) {
    store::PowerFailVfs vfs(cut);
    auto database = open_or_die("catalog.db", {.vfs = vfs.name()});
    vfs.power_loss_at(cut, store::PowerFailVfs::Loss::kTearRandomly);
    const auto added =
        Catalog(*database, SystemClock::instance()).add(workflow("hello"), OnConflict::kFreshName);
    database.reset();
    vfs.power_loss(store::PowerFailVfs::Loss::kTearRandomly);
    vfs.power_on();
    database = open_or_die("catalog.db", {.vfs = vfs.name()});
    Catalog catalog(*database, SystemClock::instance());
    EXPECT_LE(catalog.list()->size(), 1U);
    if (!added) continue;
    EXPECT_TRUE(catalog.get("hello"));
    break;
  }
}

}  // namespace
}  // namespace ae::catalog
