#include "faas/internal/request_reader.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ae::faas {
namespace {

constexpr std::string_view kNext = "GET /next HTTP/1.1\r\nHost: runtime\r\n\r\n";

using Progress = RequestReader::Progress;

TEST(RequestReaderTest, ARequestIsReadHoweverItIsCutIntoPieces) {
  const std::string head = "POST /a/b?c HTTP/1.1\r\nHost: runtime\r\nX-One: 1 \r\n";
  for (const std::string& text :
       {head + "content-length: 5\r\n\r\nhello",
        head + "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\nX-Two: 2\r\n\r\n"}) {
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      RequestReader reader(100);
      reader.append(std::string_view(text).substr(0, cut));
      if (cut < text.size()) {
        ASSERT_EQ(reader.next(), Progress::kNeedMore) << cut;
        reader.append(std::string_view(text).substr(cut));
      }
      ASSERT_EQ(reader.next(), Progress::kComplete) << cut;
      const ApiRequest request = reader.take();
      EXPECT_EQ(request.request.method, "POST");
      EXPECT_EQ(request.request.target, "/a/b?c");
      EXPECT_EQ(request.request.header("x-one"), "1");
      EXPECT_EQ(request.request.body, "hello");
      EXPECT_EQ(request.trailers.size(), text.find("X-Two") == std::string::npos ? 0U : 1U);
      EXPECT_TRUE(request.keep_alive);
    }
  }
}

TEST(RequestReaderTest, PipelinedRequestsComeOneByOne) {
  RequestReader reader(100);
  reader.append("POST /r HTTP/1.1\r\nHost: runtime\r\nContent-Length: 2\r\n\r\n{}" +
                std::string(kNext));
  ASSERT_EQ(reader.next(), Progress::kComplete);
  EXPECT_EQ(reader.take().request.body, "{}");
  ASSERT_EQ(reader.next(), Progress::kComplete);
  EXPECT_EQ(reader.take().request.target, "/next");
  EXPECT_EQ(reader.next(), Progress::kNeedMore);
}

TEST(RequestReaderTest, ATooLargeBodyIsCountedThrownAwayAndTheNextRequestFound) {
  RequestReader reader(100);
  reader.append("POST /r HTTP/1.1\r\nHost: runtime\r\nContent-Length: 101\r\n\r\n" +
                std::string(60, 'x'));
  ASSERT_EQ(reader.next(), Progress::kComplete);
  const ApiRequest large = reader.take();
  EXPECT_EQ(large.oversize_bytes, 101U);
  EXPECT_EQ(large.request.body, "");
  EXPECT_EQ(reader.next(), Progress::kNeedMore);
  reader.append(std::string(40, 'x'));
  EXPECT_EQ(reader.next(), Progress::kNeedMore);
  reader.append("x" + std::string(kNext));
  ASSERT_EQ(reader.next(), Progress::kComplete);
  EXPECT_EQ(reader.take().request.target, "/next");
}

TEST(RequestReaderTest, AChunkedBodyThatGrowsTooLargeIsThrownAwayToo) {
  RequestReader reader(100);
  reader.append(
      "POST /r HTTP/1.1\r\nHost: runtime\r\nTransfer-Encoding: chunked\r\n\r\n"
      "60\r\n" +
      std::string(96, 'x') + "\r\n");
  EXPECT_EQ(reader.next(), Progress::kNeedMore);
  reader.append("60\r\n" + std::string(50, 'x'));
  ASSERT_EQ(reader.next(), Progress::kComplete);
  EXPECT_GT(reader.take().oversize_bytes, 100U);
  EXPECT_EQ(reader.next(), Progress::kNeedMore);
  reader.append(std::string(46, 'x') + "\r\n0\r\n\r\n" + std::string(kNext));
  ASSERT_EQ(reader.next(), Progress::kComplete);
  EXPECT_EQ(reader.take().request.target, "/next");
}

TEST(RequestReaderTest, ASenderThatWaitsIsToldToGoOnOrThatItsBodyIsTooLarge) {
  constexpr std::string_view kHead =
      "POST /r HTTP/1.1\r\nHost: runtime\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n";
  RequestReader patient(100);
  patient.append(fmt::format(fmt::runtime(kHead), 2));
  EXPECT_EQ(patient.next(), Progress::kContinue);
  EXPECT_EQ(patient.next(), Progress::kNeedMore);
  patient.append("{}");
  ASSERT_EQ(patient.next(), Progress::kComplete);
  EXPECT_TRUE(patient.take().keep_alive);

  RequestReader large(100);
  large.append(fmt::format(fmt::runtime(kHead), 200));
  ASSERT_EQ(large.next(), Progress::kComplete);
  const ApiRequest refused = large.take();
  EXPECT_EQ(refused.oversize_bytes, 200U);
  EXPECT_FALSE(refused.keep_alive) << "whether the body still comes is unknown";
}

TEST(RequestReaderTest, WhatIsNoHttpIsRejectedWithAStatus) {
  for (const auto& [text, status] : std::vector<std::pair<std::string, int>>{
           {"GET\r\n\r\n", 400},
           {"GET /\r\n\r\n", 400},
           {"GET / HTTP/2\r\n\r\n", 505},
           {"\x16\x03\x01", 400},
           {"GET / HTTP/1.1\r\n\r\n", 400},
           {"GET / HTTP/1.1\r\nHost: a\r\nName : x\r\n\r\n", 400},
           {"GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n folded\r\n\r\n", 400},
           {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400},
           {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
           {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
           {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
           {"GET / HTTP/1.1\r\nA: " + std::string(80'000, 'x'), 431}}) {
    RequestReader reader(100);
    reader.append(text);
    ASSERT_EQ(reader.next(), Progress::kRejected) << text.substr(0, 80);
    EXPECT_EQ(reader.rejection().status, status) << text.substr(0, 80);
    EXPECT_NE(reader.rejection().detail, "");
  }
}

TEST(RequestReaderTest, AnOldClientsConnectionEndsWithItsRequest) {
  RequestReader reader(100);
  reader.append("GET /next HTTP/1.0\r\n\r\n");
  ASSERT_EQ(reader.next(), Progress::kComplete);
  EXPECT_FALSE(reader.take().keep_alive);
}

}  // namespace
}  // namespace ae::faas
