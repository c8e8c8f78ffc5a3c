#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <string>
#include <vector>

#include "base/call_context.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/result.h"
#include "base/text.h"
#include "base/thread_pool.h"

namespace ae {
namespace {

using ::testing::ElementsAre;

Result<int> half(int value) {
  if (value % 2 != 0) return fail(ErrorCode::kInvalidArgument, "odd");
  return value / 2;
}

Result<int> quarter(int value) {
  AE_TRY(const int first, half(value));
  AE_TRY(const int second, half(first));
  return second;
}

TEST(ResultTest, TryPassesValuesAndErrorsOn) {
  EXPECT_EQ(quarter(8).value(), 2);
  ASSERT_FALSE(quarter(6).has_value());
  EXPECT_EQ(quarter(6).error().code, ErrorCode::kInvalidArgument);
}

TEST(ErrorTest, DescriptionCarriesTheFramesInnermostFirst) {
  const Error error{ErrorCode::kNotFound, "no such field", {"binding t2.email", "linking w"}};
  EXPECT_EQ(error.describe(), "no such field (while binding t2.email, while linking w)");
}

TEST(TextTest, IdentifiersFallIntoTheirWords) {
  EXPECT_THAT(identifier_words("user_ID"), ElementsAre("user", "id"));
  EXPECT_THAT(identifier_words("getUserMood2ID"), ElementsAre("get", "user", "mood", "2", "id"));
  EXPECT_THAT(identifier_words("HTTPServer"), ElementsAre("http", "server"));
  EXPECT_THAT(identifier_words("__"), ElementsAre());
}

TEST(TextTest, NearestFindsATypoAndNothingFarAway) {
  const std::vector<std::string> names{"getusermood", "playmusic"};
  EXPECT_EQ(nearest("playmusik", names), "playmusic");
  EXPECT_EQ(nearest("weather", names), "");
}

TEST(TextTest, SwappedLettersAreOneSlip) {
  EXPECT_EQ(edit_distance("prot", "port"), 1U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(TextTest, Utf8RefusesOverlongFormsAndSurrogates) {
  EXPECT_TRUE(is_utf8("naïve 日本 🎵"));
  EXPECT_FALSE(is_utf8("\xc0\xaf"));
  EXPECT_FALSE(is_utf8("\xed\xa0\x80"));
  EXPECT_FALSE(is_utf8("\xe2\x82"));
}

TEST(TextTest, ShorteningNeverCutsACharacter) {
  EXPECT_EQ(shorten("short", 5), "short");
  const std::string cut = shorten("日本語日本語", 8);
  EXPECT_TRUE(is_utf8(cut));
  EXPECT_LE(cut.size(), 8U);
}

TEST(IdTest, FreshIdsAreUniqueAndSortByTime) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(new_id("run"));
  EXPECT_EQ(seen.size(), 1000U);
  EXPECT_EQ(seen.begin()->size(), 4 + 26U);
}

TEST(HashTest, MatchesThePublishedVector) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

// The check values of each algorithm's own specification.
TEST(HashTest, EveryDigestMatchesItsCheckValueHoweverTheBytesArrive) {
  const std::vector<std::pair<DigestKind, std::string_view>> expected{
      {DigestKind::kMd5, "25f9e794323b453885f5181f1b624d0b"},
      {DigestKind::kSha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"},
      {DigestKind::kSha256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"},
      {DigestKind::kCrc32, "cbf43926"},
      {DigestKind::kCrc32c, "e3069283"},
      {DigestKind::kCrc64Nvme, "ae8b14860a799888"},
  };
  for (const auto& [kind, hex] : expected) {
    EXPECT_EQ(to_hex(digest(kind, "123456789")), hex);
    std::string text(10'000, 'x');
    for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 7);
    Digest pieces(kind);
    for (std::size_t at = 0, size = 1; at < text.size(); at += size, size = size % 37 + 1) {
      pieces.update(std::string_view(text).substr(at, size));
    }
    EXPECT_EQ(pieces.finish(), digest(kind, text));
  }
}

TEST(HashTest, AuthenticatesAsRfc4231Says) {
  EXPECT_EQ(to_hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(to_hex(hmac_sha1("Jefe", "what do ya want for nothing?")),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");  // RFC 2202
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_in_constant_time("abc", "ab"));
}

TEST(HashTest, Base64IsReadOnlyAsItIsWritten) {
  for (const std::string_view bytes : {"", "f", "fo", "foo", "foob", "\xff\xfe"}) {
    EXPECT_EQ(from_base64(to_base64(bytes)).value(), bytes);
  }
  EXPECT_EQ(to_base64("foob"), "Zm9vYg==");
  for (const std::string_view text :
       {"Zg", "Zg=", "Zh==", "Z===", "====", " Zg=", "Zg==\n", "=g=="}) {
    EXPECT_FALSE(from_base64(text).has_value()) << text;
  }
}

TEST(FileTest, WritesReplaceAndErrorsNameTheFile) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "a.txt";
  ASSERT_TRUE(write_file_atomically(path, "one").has_value());
  ASSERT_TRUE(write_file_atomically(path, "two").has_value());
  EXPECT_EQ(read_file(path).value(), "two");
  EXPECT_EQ(read_file(path, 2).error().code, ErrorCode::kResourceExhausted);
  const auto missing = read_file(folder.path() / "b.txt");
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().message, ::testing::HasSubstr("b.txt"));
}

TEST(ThreadPoolTest, FinishesWhatItAcceptedAndRefusesBeyondItsBound) {
  std::atomic<int> done = 0;
  int accepted = 0;
  {
    ThreadPool pool(2, 4);
    for (int i = 0; i < 1000; ++i) {
      if (pool.post([&] { ++done; })) ++accepted;
    }
  }
  EXPECT_EQ(done, accepted);
  EXPECT_GE(accepted, 4);
}

TEST(DeadlineTest, IsReachedByTheClockItWasMadeWith) {
  ManualClock clock;
  const Deadline deadline = Deadline::after(std::chrono::milliseconds{100}, clock);
  EXPECT_FALSE(deadline.reached(clock));
  clock.advance(std::chrono::milliseconds{100});
  EXPECT_TRUE(deadline.reached(clock));
  EXPECT_EQ(deadline.remaining(clock).count(), 0);
}

}  // namespace
}  // namespace ae
