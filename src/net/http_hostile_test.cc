// What the server does to clients that are broken, slow, greedy or ill-meaning.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

#include "net/http_server.h"
#include "net/internal/test_peer.h"

namespace ae::net {
namespace {

using internal::RawClient;
using internal::RawResponse;
using internal::request_text;
using internal::Shelf;
using internal::start_or_die;
using internal::text_response;
using std::chrono::milliseconds;

void echo(const std::shared_ptr<Exchange>& exchange) {
  exchange->respond(text_response(exchange->request().target + exchange->request().body));
}

struct BadRequest {
  const char* name;
  std::string text;
  int status;
};

class BadRequestTest : public ::testing::TestWithParam<BadRequest> {};

TEST_P(BadRequestTest, IsAnsweredWithAProblemAndNeverReachesTheHandler) {
  std::atomic<int> handled = 0;
  const auto server = start_or_die([&](const std::shared_ptr<Exchange>& exchange) {
    ++handled;
    echo(exchange);
  });
  RawClient client(server->port());
  client.send(GetParam().text);
  const RawResponse response = client.read_response();
  EXPECT_EQ(response.status, GetParam().status) << response.body;
  EXPECT_TRUE(response.has("Content-Type: application/problem+json"));
  EXPECT_TRUE(response.has("Connection: close"));
  EXPECT_NE(response.body.find(fmt::format("\"status\":{}", GetParam().status)), std::string::npos);
  EXPECT_NE(response.body.find("\"detail\":\""), std::string::npos);
  EXPECT_EQ(client.read_to_end(), "") << "what follows must not be read as another request";
  EXPECT_EQ(handled, 0);
}

std::string post(std::string_view header_lines, std::string_view rest) {
  return fmt::format("POST / HTTP/1.1\r\nHost: a\r\n{}\r\n{}", header_lines, rest);
}

const std::string kNext = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

INSTANTIATE_TEST_SUITE_P(
    Smuggling, BadRequestTest,
    ::testing::Values(
        BadRequest{"LengthThenEncoding",
                   post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + kNext),
                   400},
        BadRequest{"EncodingThenLength",
                   post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "0\r\n\r\n" + kNext),
                   400},
        BadRequest{"TwoLengths", post("Content-Length: 0\r\nContent-Length: 35\r\n", kNext), 400},
        BadRequest{"TwoEqualLengths",
                   post("Content-Length: 1\r\nContent-Length: 1\r\n", "x" + kNext), 400},
        BadRequest{"LengthList", post("Content-Length: 1, 1\r\n", "x" + kNext), 400},
        BadRequest{"SignedLength", post("Content-Length: +1\r\n", "x" + kNext), 400},
        BadRequest{"NegativeLength", post("Content-Length: -1\r\n", kNext), 400},
        BadRequest{"HexLength", post("Content-Length: 0x1\r\n", "x" + kNext), 400},
        BadRequest{"EmptyLength", post("Content-Length:\r\n", kNext), 400},
        BadRequest{"WordyLength", post("Content-Length: one\r\n", kNext), 400},
        BadRequest{"HugeLength", post("Content-Length: 99999999999999999999\r\n", kNext), 400},
        BadRequest{"TwoEncodings",
                   post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                        "0\r\n\r\n" + kNext),
                   400},
        BadRequest{"OtherEncoding", post("Transfer-Encoding: gzip\r\n", kNext), 501},
        BadRequest{"EncodingList", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), 501},
        BadRequest{"DisguisedEncoding", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), 501},
        BadRequest{"EncodingInOldHttp",
                   "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        BadRequest{"SpaceBeforeColon", post("Content-Length : 1\r\n", "x" + kNext), 400},
        BadRequest{"FoldedHeader", post("X-A: b\r\n c\r\n", kNext), 400},
        BadRequest{"FoldedWithTab", post("X-A: b\r\n\tc\r\n", kNext), 400},
        BadRequest{"FoldedFirstLine", "GET / HTTP/1.1\r\n Host: a\r\n\r\n" + kNext, 400},
        BadRequest{"BareLineFeeds", "GET / HTTP/1.1\nHost: a\n\n" + kNext, 400},
        BadRequest{"LineFeedInsideHeader", post("X-A: b\nContent-Length: 35\r\n", kNext), 400},
        BadRequest{"CarriageReturnInsideHeader", post("X-A: b\rX-B: c\r\n", kNext), 400},
        BadRequest{"NulInHeader", post(std::string("X-A: b\0c\r\n", 10), kNext), 400},
        BadRequest{"BadChunkSize", post("Transfer-Encoding: chunked\r\n", "zz\r\nx\r\n" + kNext),
                   400},
        BadRequest{"NegativeChunkSize", post("Transfer-Encoding: chunked\r\n", "-1\r\nx\r\n"), 400},
        BadRequest{"OverflowingChunkSize",
                   post("Transfer-Encoding: chunked\r\n", "10000000000000001\r\nx\r\n" + kNext),
                   400},
        BadRequest{"ChunkLongerThanStated",
                   post("Transfer-Encoding: chunked\r\n", "1\r\nxy\r\n0\r\n\r\n"), 400},
        BadRequest{"LongChunkExtension",
                   post("Transfer-Encoding: chunked\r\n",
                        "1;" + std::string(300, 'e') + "\r\nx\r\n0\r\n\r\n"),
                   400},
        BadRequest{"QuotedExtensionAcrossLines",
                   post("Transfer-Encoding: chunked\r\n", "1;a=\"\r\nx\r\n0\r\n\n" + kNext), 400},
        BadRequest{"SpaceBeforeChunkSize",
                   post("Transfer-Encoding: chunked\r\n", " 1\r\nx\r\n0\r\n\r\n"), 400},
        BadRequest{"SpaceAfterChunkSize",
                   post("Transfer-Encoding: chunked\r\n", "1 \r\nx\r\n0\r\n\r\n"), 400},
        BadRequest{"LineFeedInChunkSize",
                   post("Transfer-Encoding: chunked\r\n", "1\nx\r\n0\r\n\r\n"), 400}),
    [](const auto& instance) { return std::string(instance.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Malformed, BadRequestTest,
    ::testing::Values(
        BadRequest{"NoHost", "GET / HTTP/1.1\r\n\r\n", 400},
        BadRequest{"TwoHosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        BadRequest{"RelativeTarget", "GET index.html HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        BadRequest{"StarTarget", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        BadRequest{"Connect", "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501},
        BadRequest{"LowerCaseMethod", "get / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
        BadRequest{"NoVersion", "GET /\r\n\r\n", 400},
        BadRequest{"ShortVersion", "GET / HTT\r\n\r\n" + kNext, 400},
        BadRequest{"Http2Preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        BadRequest{"Http3", "GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505},
        BadRequest{"NoColon", "GET / HTTP/1.1\r\nHost\r\n\r\n", 400},
        BadRequest{"OtherExpectation", "GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417},
        BadRequest{"Tls", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), 400}),
    [](const auto& instance) { return std::string(instance.param.name); });

TEST(HttpLimitsTest, HeadsBeyondTheLimitAreRefused) {
  const auto server = start_or_die(echo);
  for (const std::size_t size : {17UL << 10U, 200UL << 10U}) {
    RawClient client(server->port());
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + std::string(size, 'x') + "\r\n\r\n");
    EXPECT_EQ(client.read_response().status, 431);
  }
  RawClient never_ending(server->port());
  never_ending.send("GET /" + std::string(20UL << 10U, 'x'));
  EXPECT_EQ(never_ending.read_response().status, 431);
  RawClient many(server->port());
  std::string text = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 5000; ++i) text += "A: b\r\n";
  many.send(text + "\r\n");
  EXPECT_EQ(many.read_response().status, 431);
}

TEST(HttpLimitsTest, HeadsUpToTheLimitAreServed) {
  const auto server = start_or_die(echo);
  RawClient client(server->port());
  std::string text = "GET / HTTP/1.1\r\nHost: a\r\nX-Long: ";
  text += std::string((16UL << 10U) - text.size() - 4, 'x') + "\r\n\r\n";
  client.send(text);
  EXPECT_EQ(client.read_response().status, 200);
}

TEST(HttpLimitsTest, BodiesBeyondTheLimitAreRefusedBeforeTheyAreRead) {
  ServerLimits limits;
  limits.max_body_bytes = 1000;
  const auto server = start_or_die(echo, limits);
  RawClient stated(server->port());
  stated.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000000\r\n\r\nfirst bytes");
  EXPECT_EQ(stated.read_response().status, 413);
  EXPECT_EQ(stated.read_to_end(), "");

  RawClient asking(server->port());
  asking.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n");
  EXPECT_EQ(asking.read_response().status, 413) << "not 100";

  RawClient chunked(server->port());
  chunked.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 11; ++i) chunked.send("64\r\n" + std::string(100, 'x') + "\r\n");
  EXPECT_EQ(chunked.read_response().status, 413);

  RawClient exact(server->port());
  exact.send(request_text("POST", "/", std::string(1000, 'x')));
  EXPECT_EQ(exact.read_response().status, 200);
}

TEST(HttpLimitsTest, AClientStillSendingItsTooLargeBodyGetsToReadWhy) {
  ServerLimits limits;
  limits.max_body_bytes = 1UL << 20U;
  const auto server = start_or_die(echo, limits);
  RawClient client(server->port());
  // More than was allowed, less than what is thrown away before the server hangs up.
  ASSERT_TRUE(client.send(request_text("POST", "/", std::string((2UL << 20U) - 1000, 'x'))));
  EXPECT_EQ(client.read_response().status, 413);
}

TEST(HttpLimitsTest, EndlessTrailersAreRefused) {
  const auto server = start_or_die(echo);
  RawClient client(server->port());
  client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n");
  std::string trailers;
  for (int i = 0; i < 20'000; ++i) trailers += "A: b\r\n";
  client.send(trailers);
  EXPECT_EQ(client.read_response().status, 431);
}

TEST(HttpLimitsTest, ConnectionsBeyondTheLimitAreToldSo) {
  ServerLimits limits;
  limits.max_connections = 2;
  const auto server = start_or_die(echo, limits);
  std::vector<RawClient> admitted;
  for (int i = 0; i < 2; ++i) {
    admitted.emplace_back(server->port());
    admitted.back().send(request_text("GET", "/"));
    EXPECT_EQ(admitted.back().read_response().status, 200);
  }
  {
    RawClient third(server->port());
    third.send(request_text("GET", "/"));
    const RawResponse response = third.read_response();
    EXPECT_EQ(response.status, 503);
    EXPECT_TRUE(response.has("Content-Type: application/problem+json"));
    EXPECT_EQ(third.read_to_end(), "");
  }
  admitted.pop_back();
  // The server learns of the departure a little later than we do.
  int status = 503;
  for (int i = 0; i < 2000 && status == 503; ++i) {
    RawClient next(server->port());
    next.send(request_text("GET", "/"));
    status = next.read_response().status;
  }
  EXPECT_EQ(status, 200);
  admitted.front().send(request_text("GET", "/"));
  EXPECT_EQ(admitted.front().read_response().status, 200);
}

ServerLimits impatient() {
  ServerLimits limits;
  limits.header_timeout = milliseconds{120};
  limits.body_timeout = milliseconds{120};
  limits.idle_timeout = milliseconds{120};
  return limits;
}

TEST(HttpTimeoutTest, DribblingAHeadDoesNotKeepAConnection) {
  const auto server = start_or_die(echo, impatient());
  RawClient client(server->port());
  client.send("GET / HTTP/1.1\r\nHost: a\r\n");
  // Never idle, never finished. Sending fails once the server has hung up.
  RawResponse response;
  std::thread reader([&] { response = client.read_response(); });
  for (int i = 0; i < 2000 && client.send("X: y\r\n"); ++i) {
    std::this_thread::sleep_for(milliseconds{5});
  }
  reader.join();
  EXPECT_EQ(response.status, 408);
}

TEST(HttpTimeoutTest, DribblingABodyDoesNotKeepAConnection) {
  const auto server = start_or_die(echo, impatient());
  RawClient client(server->port());
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc");
  EXPECT_EQ(client.read_response().status, 408);
  EXPECT_EQ(client.read_to_end(), "");
}

TEST(HttpTimeoutTest, SilentConnectionsAreClosedWithoutAWord) {
  const auto server = start_or_die(echo, impatient());
  RawClient silent(server->port());
  RawClient served(server->port());
  served.send(request_text("GET", "/"));
  EXPECT_EQ(served.read_response().status, 200);
  EXPECT_EQ(silent.read_to_end(), "");
  EXPECT_EQ(served.read_to_end(), "");
}

TEST(HttpTimeoutTest, ThinkingHandlersAreNotTimedOut) {
  Shelf shelf;
  const auto server = start_or_die(shelf.handler(), impatient());
  RawClient waiting(server->port());
  waiting.send(request_text("GET", "/"));
  const auto exchange = shelf.take();
  RawClient silent(server->port());
  EXPECT_EQ(silent.read_to_end(), "");  // so at least one timeout has passed
  RawClient silent_too(server->port());
  EXPECT_EQ(silent_too.read_to_end(), "");
  exchange->respond(text_response("thought"));
  EXPECT_EQ(waiting.read_response().body, "thought");
}

TEST(HttpTimeoutTest, PeersThatDoNotReadTheirAnswerAreCutOff) {
  const auto server = start_or_die(
      [](const std::shared_ptr<Exchange>& exchange) {
        exchange->respond(text_response(std::string(30UL << 20U, 'x')));
      },
      impatient());
  RawClient client(server->port(), 4096);
  client.send(request_text("GET", "/"));
  RawClient silent(server->port());
  EXPECT_EQ(silent.read_to_end(), "");
  RawClient silent_too(server->port());
  EXPECT_EQ(silent_too.read_to_end(), "");
  const RawResponse response = client.read_response();
  EXPECT_FALSE(response.whole);
  EXPECT_LT(response.body.size(), 30UL << 20U);
}

TEST(HttpLimitsTest, PipeliningWithoutReadingIsStoppedByBackPressure) {
  std::atomic<std::size_t> handled = 0;
  const auto server = start_or_die([&](const std::shared_ptr<Exchange>& exchange) {
    ++handled;
    exchange->respond(text_response(std::string(50'000, 'x')));
  });
  RawClient client(server->port(), 4096);
  const std::string request = request_text("POST", "/", std::string(4000, 'b'));
  constexpr std::size_t kTooMuch = 64UL << 20U;
  const std::size_t sent = client.send_until_stuck(request, kTooMuch);
  EXPECT_LT(sent, kTooMuch);
  EXPECT_LT(handled * 50'000, 32UL << 20U) << "answers pile up in the server's memory";
  // Reading sets it going again.
  const std::size_t whole_requests = sent / request.size();
  for (std::size_t i = 0; i < whole_requests; ++i) {
    ASSERT_EQ(client.read_response().body.size(), 50'000U);
  }
}

}  // namespace
}  // namespace ae::net
