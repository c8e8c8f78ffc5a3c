#include "net/http_message.h"

#include <gtest/gtest.h>

#include <string>

namespace ae::net {
namespace {

TEST(HttpMessageTest, HeadersAreFoundWhateverTheirCaseAndTheFirstWins) {
  const Headers headers = {{"Content-Type", "a"}, {"X-One", "1"}, {"x-one", "2"}};
  EXPECT_EQ(find_header(headers, "content-type"), "a");
  EXPECT_EQ(find_header(headers, "X-ONE"), "1");
  EXPECT_EQ(find_header(headers, "x"), std::nullopt);
}

TEST(HttpMessageTest, TargetsSplitIntoPathAndQuery) {
  Request request;
  request.target = "/v1/a%20b?x=1?y=2";
  EXPECT_EQ(request.path(), "/v1/a%20b");
  EXPECT_EQ(request.query(), "x=1?y=2");
  request.target = "/v1";
  EXPECT_EQ(request.path(), "/v1");
  EXPECT_EQ(request.query(), "");
}

TEST(HttpMessageTest, QueryParametersAreDecodedAsFormsEncodeThem) {
  Request request;
  request.target = "/?q=sing+a%20song%2B&empty=&flag&%71=second&bad=%zz";
  EXPECT_EQ(request.query_parameter("q"), "sing a song+");
  EXPECT_EQ(request.query_parameter("empty"), "");
  EXPECT_EQ(request.query_parameter("flag"), "");
  EXPECT_EQ(request.query_parameter("bad"), "%zz") << "left as sent, for the message about it";
  EXPECT_EQ(request.query_parameter("missing"), std::nullopt);
}

TEST(HttpMessageTest, EveryByteSurvivesPercentEncoding) {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  EXPECT_EQ(percent_decode(percent_encode(all)).value(), all);
  EXPECT_EQ(percent_encode("a b/c~"), "a%20b%2Fc~");
}

TEST(HttpMessageTest, BrokenPercentSequencesAreErrorsThatSayWhere) {
  for (const char* text : {"ab%", "ab%2", "ab%g0", "ab%0g", "ab%%41"}) {
    const auto decoded = percent_decode(text);
    ASSERT_FALSE(decoded.has_value()) << text;
    EXPECT_EQ(decoded.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(decoded.error().message.find("byte 2"), std::string::npos) << decoded.error().message;
  }
}

TEST(HttpMessageTest, CommonStatusesHaveTheirPhrase) {
  EXPECT_EQ(reason_phrase(404), "Not Found");
  EXPECT_EQ(reason_phrase(299), "Unknown");
}

}  // namespace
}  // namespace ae::net
