#include "faas/internal/request_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ae::faas {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kNext = "GET /next HTTP/1.1\r\nHost: runtime\r\n\r\n";

Result<std::optional<WorkerRequest>> parse(std::string_view bytes) {
  RequestParser parser(100);
  parser.append(bytes);
  return parser.next();
}

TEST(RequestParserTest, ARequestIsReadHoweverItIsCutIntoPieces) {
  const std::string text = "POST /a/b?c HTTP/1.1\r\nX-One: 1 \r\ncontent-length: 5\r\n\r\nhello";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    RequestParser parser(100);
    parser.append(std::string_view(text).substr(0, cut));
    auto request = parser.next();
    ASSERT_TRUE(request);
    if (cut < text.size()) {
      ASSERT_FALSE(*request) << cut;
      parser.append(std::string_view(text).substr(cut));
      request = parser.next();
    }
    ASSERT_TRUE(request && *request) << cut;
    EXPECT_EQ((*request)->request.method, "POST");
    EXPECT_EQ((*request)->request.target, "/a/b?c");
    EXPECT_EQ((*request)->request.header("x-one"), "1");
    EXPECT_EQ((*request)->request.body, "hello");
  }
}

TEST(RequestParserTest, PipelinedRequestsComeOneByOne) {
  RequestParser parser(100);
  parser.append("POST /r HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}" + std::string(kNext));
  EXPECT_EQ((**parser.next()).request.body, "{}");
  EXPECT_EQ((**parser.next()).request.target, "/next");
  EXPECT_FALSE(*parser.next());
}

TEST(RequestParserTest, ATooLargeBodyIsCountedThrownAwayAndTheNextRequestFound) {
  RequestParser parser(100);
  parser.append("POST /r HTTP/1.1\r\nContent-Length: 101\r\n\r\n" + std::string(60, 'x'));
  const auto large = parser.next();
  EXPECT_EQ((**large).oversize_bytes, 101U);
  EXPECT_EQ((**large).request.body, "");
  EXPECT_FALSE(*parser.next());
  parser.append(std::string(40, 'x'));
  EXPECT_FALSE(*parser.next());
  parser.append("x" + std::string(kNext));
  EXPECT_EQ((**parser.next()).request.target, "/next");
}

TEST(RequestParserTest, WhatIsNoHttpIsAnError) {
  for (const std::string_view bad :
       {"\r\n\r\n", "GET\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/2\r\n\r\n", "GET next HTTP/1.1\r\n\r\n", "GET / / HTTP/1.1\r\n\r\n",
        "G(T / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nName : x\r\n\r\n", "GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1x\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length:\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"}) {
    const auto request = parse(bad);
    ASSERT_FALSE(request) << bad;
    EXPECT_EQ(request.error().code, ErrorCode::kInvalidArgument) << bad;
  }
}

TEST(RequestParserTest, LimitsAndUnknownCodingsAreSaid) {
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nA: " + std::string(20'000, 'x')).error().code,
            ErrorCode::kResourceExhausted);
  const auto chunked = parse("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  EXPECT_EQ(chunked.error().code, ErrorCode::kUnimplemented);
  EXPECT_THAT(chunked.error().message, HasSubstr("Content-Length"));
}

}  // namespace
}  // namespace ae::faas
