// Answers in pieces: server-sent events and the like.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "net/http_server.h"
#include "net/internal/test_peer.h"

namespace ae::net {
namespace {

using internal::kPatience;
using internal::RawClient;
using internal::RawResponse;
using internal::request_text;
using internal::Shelf;
using internal::start_or_die;
using internal::text_response;

Response event_head() {
  Response head;
  head.headers.emplace_back("Content-Type", "text/event-stream");
  return head;
}

TEST(HttpStreamTest, PiecesWrittenByTheHandlerArriveAsOneBody) {
  const auto server = start_or_die([](const std::shared_ptr<Exchange>& exchange) {
    EXPECT_TRUE(exchange->start_stream(event_head()));
    EXPECT_TRUE(exchange->write("one "));
    EXPECT_TRUE(exchange->write(""));
    EXPECT_TRUE(exchange->write("two"));
    exchange->finish();
    EXPECT_FALSE(exchange->write("three"));
  });
  RawClient client(server->port());
  for (int i = 0; i < 3; ++i) {
    client.send(request_text("GET", "/"));
    const RawResponse response = client.read_response();
    EXPECT_TRUE(response.whole);
    EXPECT_TRUE(response.has("Transfer-Encoding: chunked"));
    EXPECT_TRUE(response.has("Content-Type: text/event-stream"));
    EXPECT_EQ(response.body, "one two");
  }
}

TEST(HttpStreamTest, PiecesFromAnotherThreadArriveWhileTheStreamGoesOn) {
  Shelf shelf;
  const auto server = start_or_die(shelf.handler());
  RawClient client(server->port());
  client.send(request_text("GET", "/"));
  const auto exchange = shelf.take();
  ASSERT_TRUE(exchange->start_stream(event_head()));
  std::string seen = client.read_some();
  for (int i = 0; i < 100; ++i) {
    const std::string event = fmt::format("data: {}\n\n", i);
    ASSERT_TRUE(exchange->write(event));
    while (seen.find(event) == std::string::npos) {
      const std::string more = client.read_some();
      ASSERT_NE(more, "");
      seen += more;
    }
  }
  exchange->finish();
}

TEST(HttpStreamTest, OrderHoldsWhenThreadsTakeTurns) {
  Shelf shelf;
  std::shared_ptr<Exchange> stream;
  const auto server = start_or_die([&](std::shared_ptr<Exchange> exchange) {
    if (exchange->request().target == "/stream") return shelf.put(std::move(exchange));
    // On the loop's own thread, right after the other thread's write.
    stream->write(exchange->request().target);
    exchange->respond(text_response("ok"));
  });
  RawClient reader(server->port());
  reader.send(request_text("GET", "/stream"));
  stream = shelf.take();
  ASSERT_TRUE(stream->start_stream(event_head()));
  RawClient prompter(server->port());
  std::string expected;
  for (int i = 0; i < 200; ++i) {
    const std::string mine = fmt::format("<{}>", i);
    stream->write(mine);
    prompter.send(request_text("GET", fmt::format("/{}", i)));
    ASSERT_EQ(prompter.read_response().body, "ok");
    expected += fmt::format("{}/{}", mine, i);
  }
  stream->finish();
  EXPECT_EQ(reader.read_response().body, expected);
}

TEST(HttpStreamTest, OldClientsGetTheBytesUntilTheConnectionEnds) {
  const auto server = start_or_die([](const std::shared_ptr<Exchange>& exchange) {
    exchange->start_stream(event_head());
    exchange->write("plain ");
    exchange->write("bytes");
    exchange->finish();
  });
  RawClient client(server->port());
  client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const RawResponse response = client.read_response();
  EXPECT_EQ(response.body, "plain bytes");
  EXPECT_TRUE(response.has("Connection: close"));
  EXPECT_EQ(response.head.find("Transfer-Encoding"), std::string::npos);
}

TEST(HttpStreamTest, HeadGetsNoPieces) {
  const auto server = start_or_die([](const std::shared_ptr<Exchange>& exchange) {
    const bool wanted = exchange->start_stream(event_head());
    EXPECT_EQ(wanted, exchange->request().method == "GET");
    exchange->write("piece");
    exchange->finish();
  });
  RawClient client(server->port());
  client.send(request_text("HEAD", "/"));
  EXPECT_EQ(client.read_response(/*head_only=*/true).status, 200);
  client.send(request_text("GET", "/"));
  EXPECT_EQ(client.read_response().body, "piece");
}

TEST(HttpStreamTest, AStreamDroppedUnfinishedEndsWithoutItsLastChunk) {
  Shelf shelf;
  const auto server = start_or_die(shelf.handler());
  RawClient client(server->port());
  client.send(request_text("GET", "/"));
  auto exchange = shelf.take();
  exchange->start_stream(event_head());
  exchange->write("half");
  exchange.reset();
  const RawResponse response = client.read_response();
  EXPECT_FALSE(response.whole) << "the client must be able to tell";
}

TEST(HttpStreamTest, ProducersLearnThatNobodyListensAnyMore) {
  Shelf shelf;
  const auto server = start_or_die(shelf.handler());
  RawClient client(server->port());
  client.send(request_text("GET", "/"));
  const auto exchange = shelf.take();
  std::promise<void> gone;
  exchange->on_disconnect([&gone] { gone.set_value(); });
  ASSERT_TRUE(exchange->start_stream(event_head()));
  ASSERT_TRUE(exchange->write("data"));
  EXPECT_NE(client.read_some(), "");
  client.close();
  ASSERT_EQ(gone.get_future().wait_for(kPatience), std::future_status::ready);
  EXPECT_FALSE(exchange->write("more"));
}

TEST(HttpStreamTest, SlowReadersAreGivenUpAtTheBacklogLimit) {
  ServerLimits limits;
  limits.max_stream_backlog = 100'000;
  Shelf shelf;
  const auto server = start_or_die(shelf.handler(), limits);
  RawClient client(server->port(), 4096);
  client.send(request_text("GET", "/"));
  const auto exchange = shelf.take();
  std::promise<void> gone;
  exchange->on_disconnect([&gone] { gone.set_value(); });
  ASSERT_TRUE(exchange->start_stream(event_head()));
  const std::string piece(10'000, 'x');
  std::size_t written = 0;
  constexpr std::size_t kTooMuch = 64UL << 20U;  // far beyond what the kernel may buffer
  while (written < kTooMuch && exchange->write(piece)) written += piece.size();
  EXPECT_LT(written, kTooMuch);
  EXPECT_FALSE(exchange->write("x")) << "once given up, always given up";
  EXPECT_EQ(gone.get_future().wait_for(kPatience), std::future_status::ready);
  EXPECT_FALSE(client.read_response().whole);
}

TEST(HttpStreamTest, FastReadersMayGetFarMoreThanTheBacklogLimit) {
  ServerLimits limits;
  limits.max_stream_backlog = 100'000;
  Shelf shelf;
  const auto server = start_or_die(shelf.handler(), limits);
  RawClient client(server->port());
  client.send(request_text("GET", "/"));
  const auto exchange = shelf.take();
  ASSERT_TRUE(exchange->start_stream(event_head()));
  const std::string piece(30'000, 'y');
  std::string seen = client.read_some();
  std::size_t expected = 0;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(exchange->write(piece));
    expected += piece.size();
    while (seen.size() < expected) {
      const std::string more = client.read_some();
      ASSERT_NE(more, "");
      seen += more;
    }
  }
  exchange->finish();
}

TEST(HttpStreamTest, APieceLargerThanTheLimitPassesWhenLittleWaits) {
  ServerLimits limits;
  limits.max_stream_backlog = 1000;
  Shelf shelf;
  const auto server = start_or_die(shelf.handler(), limits);
  RawClient client(server->port());
  client.send(request_text("GET", "/"));
  const auto exchange = shelf.take();
  ASSERT_TRUE(exchange->start_stream(event_head()));
  EXPECT_TRUE(exchange->write(std::string(1'000'000, 'z')));
}

TEST(HttpStreamTest, RequestsPipelinedBehindAStreamWaitForItsEnd) {
  Shelf shelf;
  const auto server = start_or_die(shelf.handler());
  RawClient client(server->port());
  client.send(request_text("GET", "/stream") + request_text("GET", "/after"));
  const auto stream = shelf.take();
  stream->start_stream(event_head());
  stream->write("piece");
  stream->finish();
  EXPECT_EQ(client.read_response().body, "piece");
  shelf.take()->respond(text_response("after"));
  EXPECT_EQ(client.read_response().body, "after");
}

TEST(HttpStreamTest, ManyProducersWriteWholePieces) {
  Shelf shelf;
  const auto server = start_or_die(shelf.handler());
  RawClient client(server->port());
  client.send(request_text("GET", "/"));
  const auto exchange = shelf.take();
  ASSERT_TRUE(exchange->start_stream(event_head()));
  std::vector<std::thread> producers;
  for (int p = 0; p < 4; ++p) {
    producers.emplace_back([&, p] {
      for (int i = 0; i < 500; ++i) exchange->write(fmt::format("{}:{};", p, i));
    });
  }
  for (auto& producer : producers) producer.join();
  exchange->finish();
  const RawResponse response = client.read_response();
  ASSERT_TRUE(response.whole);
  std::vector<int> next(4, 0);
  std::string_view rest = response.body;
  while (!rest.empty()) {
    const std::size_t end = rest.find(';');
    ASSERT_NE(end, std::string_view::npos);
    const auto producer = static_cast<std::size_t>(rest[0] - '0');
    EXPECT_EQ(rest.substr(0, end), fmt::format("{}:{}", producer, next[producer]++));
    rest.remove_prefix(end + 1);
  }
  EXPECT_EQ(next, std::vector<int>(4, 500));
}

}  // namespace
}  // namespace ae::net
