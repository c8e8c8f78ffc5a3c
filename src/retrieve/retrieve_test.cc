#include "retrieve/retrieve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "retrieve/function_index.h"

namespace ae::retrieve {
namespace {

using testing::IsEmpty;
using Snapshot = repository::Repository::Snapshot;

Json text(std::string_view description, const Json& more = Json::object()) {
  Json schema = {{"type", "string"}, {"description", description}};
  schema.update(more);
  return schema;
}

dag::FunctionSpec function(std::string name, std::string description, const Json& inputs,
                           const Json& outputs) {
  dag::FunctionSpec spec;
  spec.name = std::move(name);
  spec.description = std::move(description);
  spec.input = {{"type", "object"}, {"properties", inputs}, {"required", Json::array()}};
  for (const auto& [key, value] : inputs.items()) spec.input["required"].push_back(key);
  spec.output = {{"type", "object"}, {"properties", outputs}};
  return spec;
}

std::shared_ptr<const Snapshot> zoo(bool renamed = false) {
  const auto name = [&](const char* plain, const char* other) {
    return std::string(renamed ? other : plain);
  };
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->functions = {
      function(name("animal_by_name", "vax"), "Finds the tag of an animal by its name.",
               {{name("animal_name", "q1"), text("Name of the animal.")}},
               {{name("tag", "q2"), text("Tag of the animal.")}}),
      function(name("keeper_of", "wim"), "Finds the keeper who feeds an animal.",
               {{name("tag", "q2"), text("Tag of the animal.")}},
               {{name("keeper_name", "q3"), text("Name of the keeper.")}}),
      function(
          name("ticket_price", "zol"), "Tells what a ticket for a visitor costs.",
          {{name("age", "q4"), {{"type", "integer"}, {"description", "Age of the visitor."}}}},
          {{name("price", "q5"), {{"type", "number"}, {"description", "Price of the ticket."}}}}),
  };
  return snapshot;
}

const Field& input(const FunctionIndex& index, std::string_view function_name, std::size_t i = 0) {
  return index.fields()[index.functions()[index.find(function_name)].inputs.at(i)];
}

TEST(FunctionIndex, KnowsWhichOutputFeedsWhichParameterWhateverTheyAreCalled) {
  for (const bool renamed : {false, true}) {
    const FunctionIndex index(zoo(renamed));
    const std::string consumer = renamed ? "wim" : "keeper_of";
    const std::uint32_t tag = index.functions()[index.find(consumer)].inputs[0];
    const auto producers = index.producers(tag);
    ASSERT_FALSE(producers.empty());
    EXPECT_EQ(index.functions()[index.fields()[producers[0].field].function].spec->name,
              renamed ? "vax" : "animal_by_name");
    EXPECT_GT(producers[0].score, 0.7F);
  }
}

TEST(FunctionIndex, TypesThatClashNeverMeet) {
  const FunctionIndex index(zoo());
  const std::uint32_t age = index.functions()[index.find("ticket_price")].inputs[0];
  for (const Producer& producer : index.producers(age)) {
    EXPECT_NE(index.fields()[producer.field].types, kStringType);
  }
}

TEST(FunctionIndex, TheOrderOfFunctionsDoesNotMatter) {
  auto reversed = std::make_shared<Snapshot>(*zoo());
  std::ranges::reverse(reversed->functions);
  const FunctionIndex one(zoo());
  const FunctionIndex other(reversed);
  ASSERT_EQ(one.functions().size(), other.functions().size());
  for (std::size_t i = 0; i < one.functions().size(); ++i) {
    EXPECT_EQ(one.functions()[i].spec->name, other.functions()[i].spec->name);
  }
}

TEST(FunctionIndex, OneSnapshotHasOneIndex) {
  const auto snapshot = zoo();
  EXPECT_EQ(FunctionIndex::of(snapshot), FunctionIndex::of(snapshot));
  EXPECT_NE(FunctionIndex::of(snapshot), FunctionIndex::of(zoo()));
}

TEST(FunctionIndex, ReadsMembersOfMembersAndWholeOutputs) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->functions = {
      function("a", "Tells where it is.", Json::object(),
               {{"place", {{"type", "object"}, {"properties", {{"city", text("City.")}}}}}})};
  snapshot->functions.push_back({});
  snapshot->functions.back().name = "b";
  snapshot->functions.back().description = "Does something.";
  const FunctionIndex index(snapshot);
  std::vector<std::string> names;
  for (const std::uint32_t field : index.functions()[index.find("a")].outputs) {
    names.push_back(index.fields()[field].name);
  }
  EXPECT_THAT(names, testing::ElementsAre("place", "place.city"));
  ASSERT_EQ(index.functions()[index.find("b")].outputs.size(), 1U);
  EXPECT_EQ(index.fields()[index.functions()[index.find("b")].outputs[0]].name, "");
}

TEST(SemanticType, AnIdIsNotAName) {
  const FunctionIndex index(zoo());
  Field id = input(index, "keeper_of");
  Field name = input(index, "animal_by_name");
  id.identifier = true;
  EXPECT_LT(similarity(id, name), 0.4);
  EXPECT_GT(similarity(name, name), 0.8);
}

TEST(SemanticType, TwinsAreToldApartByTheirEntity) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->functions = {
      function("a", "Makes a user.", Json::object(), {{"id", text("Id of the user.")}}),
      function("b", "Makes a shelf.", Json::object(), {{"id", text("Id of the shelf.")}}),
      function("c", "Greets a user.", {{"id", text("Id of the user to greet.")}}, Json::object())};
  const FunctionIndex index(snapshot);
  const std::uint32_t wanted = index.functions()[index.find("c")].inputs[0];
  const auto producers = index.producers(wanted);
  ASSERT_FALSE(producers.empty());
  EXPECT_EQ(index.functions()[index.fields()[producers[0].field].function].spec->name, "a");
}

TEST(SemanticType, ShapesDescribeHowAValueIsWritten) {
  EXPECT_EQ(shape_of("Anna"), shape_of("Nora Vale"));
  EXPECT_EQ(shape_of("A-1042"), shape_of("B-7"));
  EXPECT_EQ(shape_of("desk lamp"), "a");
  EXPECT_NE(shape_of("anna_123"), shape_of("Anna"));
  EXPECT_THAT(shape_of(""), IsEmpty());
}

TEST(NameWords, NamesWithoutBordersAreTakenApart) {
  const std::vector<dag::FunctionSpec> functions = {
      function("getimagefroms3", "", {{"bucket_name", Json::object()}},
               {{"image_data", Json::object()}}),
      function("wombat_tag", "Finds the tag of a wombat.", Json::object(), Json::object())};
  const NameWords names(functions);
  EXPECT_EQ(names.spell("getimagefroms3"), "get image from s3");
  EXPECT_EQ(names.spell("wombattag"), "wombat tag");
  EXPECT_EQ(names.spell("bucketName"), "bucket name");
  EXPECT_EQ(names.spell("getimagefrobs"), "getimagefrobs") << "one part is no word";
  EXPECT_EQ(names.spell("image"), "image");
  EXPECT_EQ(names.spell(""), "");
}

class RetrieveTest : public testing::Test {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<store::Database>> database =
        store::Database::open(":memory:", repository::Repository::migration());
    ASSERT_TRUE(database.has_value());
    database_ = *std::move(database);
  }
  std::unique_ptr<store::Database> database_;
};

TEST_F(RetrieveTest, AnEmptyRepositoryGivesAnEmptyPool) {
  const repository::Repository repository(*database_, "unused");
  const Result<plan::Query> query = plan::read_query("Who feeds the lion?");
  ASSERT_TRUE(query.has_value());
  const Result<Pool> pool = retrieve(*query, repository, CallContext{});
  ASSERT_TRUE(pool.has_value());
  EXPECT_THAT(pool->candidates, IsEmpty());
}

}  // namespace
}  // namespace ae::retrieve
