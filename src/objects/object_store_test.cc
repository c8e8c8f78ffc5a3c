#include "objects/object_store.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/file.h"
#include "objects/credentials.h"

namespace ae::objects {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

template <class T>
T must(Result<T> result) {
  if (result) return *std::move(result);
  ADD_FAILURE() << result.error().describe();
  std::abort();  // nothing that follows would mean anything
}

class ObjectStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    open();
    ASSERT_TRUE(store_->create_bucket("photos").has_value());
  }

  void open() {
    store_.reset();
    store_ = must(ObjectStore::open(home(), clock_));
  }
  std::filesystem::path home() const { return folder_.path() / "objects"; }

  Incoming content(std::string_view bytes) {
    Incoming incoming = must(store_->receive());
    EXPECT_TRUE(incoming.write(bytes).has_value());
    EXPECT_TRUE(incoming.seal().has_value());
    return incoming;
  }
  ObjectInfo put(const std::string& key, std::string_view bytes, Attributes attributes = {}) {
    return must(store_->put("photos", key, content(bytes), std::move(attributes)));
  }
  std::string get(const std::string& key) {
    const auto object = store_->get("photos", key);
    if (!object) return "<" + std::string(to_string(object.error().code)) + ">";
    return read(*object);
  }
  static std::string read(const OpenObject& object) {
    std::string bytes(object.info.size, '\0');
    EXPECT_EQ(::pread(*object.file, bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
    return bytes;
  }
  std::size_t files() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(home())) {
      if (entry.is_regular_file() && entry.path().filename().string().starts_with("blob_")) ++count;
    }
    return count;
  }
  std::vector<std::string> keys(const ListQuery& query) {
    std::vector<std::string> names;
    for (const ObjectInfo& info : must(store_->list("photos", query)).objects) {
      names.push_back(info.key);
    }
    return names;
  }

  TemporaryFolder folder_{"ae-objects"};
  ManualClock clock_;
  std::unique_ptr<ObjectStore> store_;
};

TEST_F(ObjectStoreTest, WhatWasPutIsThereAlsoAfterAnotherStart) {
  Attributes attributes;
  attributes.content_type = "image/jpeg";
  attributes.metadata = {{"camera", "old one"}};
  attributes.headers = {{"cache-control", "no-store"}};
  attributes.checksums = {{"crc32", "AAAA"}};
  attributes.access = Access::kPublicRead;
  const ObjectInfo stored = put("2026/a.jpg", "picture", attributes);
  EXPECT_EQ(stored.etag, "5456fc54c74a297ce994998c2873b370") << "MD5 of the content";
  open();
  EXPECT_EQ(must(store_->head("photos", "2026/a.jpg")), stored);
  EXPECT_EQ(get("2026/a.jpg"), "picture");
  EXPECT_EQ(get("2026/b.jpg"), "<not_found>");
  EXPECT_EQ(must(store_->head("photos", "2026/a.jpg")).attributes, attributes);
}

TEST_F(ObjectStoreTest, AReplacedObjectStaysWholeForWhoeverReadsIt) {
  put("k", "first");
  const OpenObject reading = must(store_->get("photos", "k"));
  put("k", "second");
  EXPECT_EQ(get("k"), "second");
  EXPECT_EQ(read(reading), "first");
  EXPECT_EQ(files(), 1U);
  const std::vector<std::string> gone{"k", "never there"};
  EXPECT_TRUE(store_->remove("photos", gone).has_value());
  EXPECT_EQ(files(), 0U);
}

TEST_F(ObjectStoreTest, ReadersAndWritersOfOneKeySeeWholeObjects) {
  put("k", std::string(1000, '0'));
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (int writer = 0; writer < 3; ++writer) {
    threads.emplace_back([&, writer] {
      for (int i = 0; i < 40; ++i) {
        put("k", std::string(1000 + static_cast<std::size_t>(i), static_cast<char>('a' + writer)));
      }
      stop = true;
    });
  }
  for (int reader = 0; reader < 2; ++reader) {
    threads.emplace_back([&] {
      while (!stop) {
        const std::string bytes = get("k");
        EXPECT_EQ(bytes.find_first_not_of(bytes.front()), std::string::npos);
        EXPECT_GE(bytes.size(), 1000U);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(files(), 1U);
}

TEST_F(ObjectStoreTest, KeysAreBytesAndNeverLeaveTheBucket) {
  const std::string nul("a\0b", 3);
  const std::string awkward[] = {
      "../../../../tmp/x",    "/etc/passwd", "..", ".",    "a//b",    nul,
      std::string(1024, 'k'), "ключ/𝄞",      " ",  "a\nb", "%2e%2e/x"};
  for (const std::string& key : awkward) put(key, key);
  open();
  for (const std::string& key : awkward) EXPECT_EQ(get(key), key);
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    EXPECT_EQ(entry.path().filename(), "objects");
  }
  for (const std::string& bad : {std::string(), std::string(1025, 'k'), std::string("\xff\xfe")}) {
    EXPECT_EQ(store_->put("photos", bad, content("x"), {}).error().code,
              ErrorCode::kInvalidArgument);
  }
}

TEST_F(ObjectStoreTest, ListingsGroupByDelimiterAndGoOnWhereTheyStopped) {
  for (const char* key : {"a", "b/1", "b/2", "b/c/3", "c", "d/1", "e"}) put(key, "");
  EXPECT_THAT(keys({}), ElementsAre("a", "b/1", "b/2", "b/c/3", "c", "d/1", "e"));
  EXPECT_THAT(keys({.prefix = "b/"}), ElementsAre("b/1", "b/2", "b/c/3"));
  EXPECT_THAT(keys({.after = "b/2"}), ElementsAre("b/c/3", "c", "d/1", "e"));
  for (const std::size_t page : {1U, 2U, 3U, 100U}) {
    ListQuery query{.delimiter = "/", .max_keys = page};
    std::vector<std::string> seen;
    for (int pages = 0; pages < 10; ++pages) {
      const Listing listing = must(store_->list("photos", query));
      EXPECT_LE(listing.objects.size() + listing.common_prefixes.size(), page);
      for (const auto& info : listing.objects) seen.push_back(info.key);
      for (const auto& prefix : listing.common_prefixes) seen.push_back(prefix);
      if (!listing.truncated) break;
      query.after = listing.next;
    }
    std::ranges::sort(seen);
    EXPECT_THAT(seen, ElementsAre("a", "b/", "c", "d/", "e")) << page;
  }
  const Listing inner = must(store_->list("photos", {.prefix = "b/", .delimiter = "/"}));
  EXPECT_THAT(inner.common_prefixes, ElementsAre("b/c/"));
  EXPECT_EQ(inner.objects.size(), 2U);
  EXPECT_EQ(store_->list("nowhere", {}).error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(must(store_->list("photos", {.max_keys = 0})).truncated);
}

TEST_F(ObjectStoreTest, ConditionsDecideWithinTheSameStep) {
  const PutCondition fresh{.if_absent = true, .if_etag = ""};
  EXPECT_TRUE(store_->put("photos", "k", content("one"), {}, fresh).has_value());
  EXPECT_EQ(store_->put("photos", "k", content("two"), {}, fresh).error().code,
            ErrorCode::kFailedPrecondition);
  const std::string etag = must(store_->head("photos", "k")).etag;
  EXPECT_TRUE(
      store_->put("photos", "k", content("three"), {}, {.if_absent = false, .if_etag = etag})
          .has_value());
  EXPECT_FALSE(
      store_->put("photos", "k", content("four"), {}, {.if_absent = false, .if_etag = etag})
          .has_value());
  EXPECT_EQ(get("k"), "three");
  EXPECT_EQ(files(), 1U);
}

TEST_F(ObjectStoreTest, ACopySharesTheContentAndOutlivesItsSource) {
  Attributes attributes;
  attributes.metadata = {{"a", "b"}};
  put("k", "content", attributes);
  ASSERT_TRUE(store_->create_bucket("backup").has_value());
  EXPECT_EQ(must(store_->copy("photos", "k", "backup", "copy", std::nullopt)).attributes,
            attributes);
  const std::vector<std::string> gone{"k"};
  EXPECT_TRUE(store_->remove("photos", gone).has_value());
  EXPECT_EQ(read(must(store_->get("backup", "copy"))), "content");
  EXPECT_EQ(store_->copy("photos", "k", "backup", "x", std::nullopt).error().code,
            ErrorCode::kNotFound);
  // Onto itself, to change what is said of it.
  EXPECT_TRUE(store_->copy("backup", "copy", "backup", "copy", Attributes{}).has_value());
  EXPECT_THAT(must(store_->head("backup", "copy")).attributes.metadata, IsEmpty());
  EXPECT_EQ(files(), 1U);
}

TEST_F(ObjectStoreTest, PartsBecomeAnObjectWhenAllOfThemAreThere) {
  const Upload upload = must(store_->begin_upload("photos", "big", {}));
  std::vector<CompletedPart> wanted;
  for (const int number : {3, 1, 2}) {
    const Part part = must(store_->put_part(
        upload, number, content(std::string(10, static_cast<char>('0' + number))), {}));
    wanted.insert(wanted.begin(), {number, part.etag});
  }
  std::ranges::sort(wanted, {}, &CompletedPart::number);
  EXPECT_EQ(must(store_->parts(upload)).size(), 3U);
  must(store_->put_part(upload, 4, content("not wanted"), {}));
  open();
  EXPECT_EQ(must(store_->uploads("photos")).size(), 1U);
  std::vector<CompletedPart> wrong = wanted;
  wrong[1].etag = "other";
  EXPECT_EQ(store_->complete_upload("photos", upload, wrong, {}).error().code,
            ErrorCode::kInvalidArgument);
  const ObjectInfo info = must(store_->complete_upload("photos", upload, wanted, {}));
  EXPECT_TRUE(info.etag.ends_with("-3"));
  EXPECT_EQ(get("big"), "111111111122222222223333333333");
  EXPECT_EQ(files(), 1U);
  EXPECT_EQ(store_->upload("photos", "big", upload.id).error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(store_->complete_upload("photos", upload, wanted, {}).has_value());

  const Upload given_up = must(store_->begin_upload("photos", "big", {}));
  must(store_->put_part(given_up, 1, content("x"), {}));
  EXPECT_TRUE(store_->abort_upload(given_up).has_value());
  EXPECT_FALSE(store_->put_part(given_up, 2, content("y"), {}).has_value());
  EXPECT_EQ(files(), 1U);
}

TEST_F(ObjectStoreTest, ABucketGoesOnlyWhenItIsEmpty) {
  put("k", "x");
  EXPECT_EQ(store_->remove_bucket("photos").error().code, ErrorCode::kFailedPrecondition);
  const std::vector<std::string> gone{"k"};
  EXPECT_TRUE(store_->remove("photos", gone).has_value());
  const Upload upload = must(store_->begin_upload("photos", "half", {}));
  must(store_->put_part(upload, 1, content("x"), {}));
  EXPECT_TRUE(store_->remove_bucket("photos").has_value());
  EXPECT_EQ(files(), 0U);
  EXPECT_EQ(store_->put("photos", "k", content("x"), {}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store_->bucket("photos"), std::nullopt);
  EXPECT_TRUE(store_->create_bucket("photos").has_value());
  EXPECT_EQ(store_->create_bucket("photos").error().code, ErrorCode::kAlreadyExists);
}

TEST_F(ObjectStoreTest, AccessIsKept) {
  put("k", "x");
  EXPECT_TRUE(store_->set_access("photos", "k", Access::kPublicRead).has_value());
  EXPECT_TRUE(store_->set_bucket_access("photos", Access::kPublicRead).has_value());
  open();
  EXPECT_EQ(must(store_->head("photos", "k")).attributes.access, Access::kPublicRead);
  EXPECT_EQ(store_->bucket("photos")->access, Access::kPublicRead);
}

// What a crash leaves: a file that no row names, a file that a row names and that did not reach its
// place, a replaced file whose row in `garbage` says so.
TEST_F(ObjectStoreTest, TheNextStartClearsAwayWhatACrashLeft) {
  put("k", "kept");
  const auto staging = home() / "staging";
  std::filesystem::path settled;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(home() / "data")) {
    if (entry.is_regular_file()) settled = entry.path();
  }
  store_.reset();
  std::ofstream(staging / "blob_half") << "half a pu";
  std::filesystem::rename(settled, staging / settled.filename());
  open();
  EXPECT_EQ(get("k"), "kept");
  EXPECT_EQ(files(), 1U);
  EXPECT_TRUE(std::filesystem::is_empty(staging));
}

TEST_F(ObjectStoreTest, AnUnfinishedReceptionLeavesNothing) {
  {
    Incoming half = must(store_->receive());
    EXPECT_TRUE(half.write("abc").has_value());
  }
  EXPECT_EQ(files(), 0U);
}

TEST(BucketNameTest, FollowsTheRulesOfS3) {
  for (const char* good : {"abc", "a-b.c", "123", "my-bucket-2026", "1.2.3"}) {
    EXPECT_EQ(bucket_name_fault(good), "") << good;
  }
  for (const std::string& bad :
       {std::string("ab"), std::string(64, 'a'), std::string("Abc"), std::string("a_b"),
        std::string("-abc"), std::string("abc-"), std::string("a..b"), std::string("127.0.0.1"),
        std::string("xn--abc"), std::string("abc-s3alias"), std::string("a/b"), std::string("..a"),
        std::string("a b")}) {
    EXPECT_NE(bucket_name_fault(bad), "") << bad;
  }
}

TEST(CredentialsTest, TheFirstStartMakesAPairThatOnlyTheOwnerMayRead) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "aws_credentials";
  const Credentials first = must(Credentials::open(file));
  const Credentials second = must(Credentials::open(file));
  EXPECT_EQ(first.root().secret_access_key, second.root().secret_access_key);
  EXPECT_EQ(first.root().secret_access_key.size(), 40U);
  const auto mode = std::filesystem::status(file).permissions();
  EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  std::filesystem::permissions(file, std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  EXPECT_EQ(Credentials::open(file).error().code, ErrorCode::kPermissionDenied);
  std::filesystem::permissions(file, mode);
  std::ofstream(file) << "[default]\n";
  EXPECT_EQ(Credentials::open(file).error().code, ErrorCode::kInvalidArgument);
}

TEST(CredentialsTest, FunctionsHavePairsOfTheirOwnThatNobodyElseCanMake) {
  const TemporaryFolder folder;
  const Credentials ours = must(Credentials::open(folder.path() / "a"));
  const Credentials others = must(Credentials::open(folder.path() / "b"));
  const net::AwsCredentials pair = ours.of_function("resize-image_2");
  ASSERT_TRUE(ours.find(pair.access_key_id).has_value());
  EXPECT_EQ(ours.find(pair.access_key_id)->function, "resize-image_2");
  EXPECT_EQ(ours.find(pair.access_key_id)->secret, pair.secret_access_key);
  EXPECT_NE(others.find(pair.access_key_id)->secret, pair.secret_access_key);
  EXPECT_NE(ours.of_function("resize").secret_access_key, pair.secret_access_key);
  EXPECT_EQ(ours.find(ours.root().access_key_id)->function, "");
  EXPECT_EQ(ours.find(others.root().access_key_id), std::nullopt);
  for (const char* unknown : {"", "AEF", "AEF1", "AEFA", "AKIAIOSFODNN7EXAMPLE"}) {
    EXPECT_FALSE(ours.find(unknown).has_value()) << unknown;
  }
  const Credentials both =
      must(Credentials::open(folder.path() / "a", net::AwsCredentials{"AKID", "from outside"}));
  EXPECT_EQ(both.find("AKID")->secret, "from outside");
}

}  // namespace
}  // namespace ae::objects
