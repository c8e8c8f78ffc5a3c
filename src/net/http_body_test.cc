// Bodies that are too large for memory: requests read in pieces, answers sent out of files.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "net/http_server.h"
#include "net/internal/test_peer.h"

namespace ae::net {
namespace {

using internal::kPatience;
using internal::RawClient;
using internal::RawResponse;
using internal::request_text;
using internal::Shelf;
using internal::text_response;

BodyPolicy streamed(std::uint64_t max_bytes = 1ULL << 40U) {
  return [max_bytes](const Request& head) {
    return head.method == "PUT" ? BodyRule{BodyDelivery::kStreamed, max_bytes} : BodyRule{};
  };
}

std::unique_ptr<HttpServer> start(Handler handler, const ServerLimits& limits = {},
                                  BodyPolicy policy = streamed()) {
  auto server = HttpServer::start(TcpEndpoint{}, std::move(handler), 1, limits, std::move(policy));
  if (!server) std::abort();
  return *std::move(server);
}

// Asks for one piece and waits for it.
Result<std::string> read_piece(Exchange& exchange) {
  auto promise = std::make_shared<std::promise<Result<std::string>>>();
  auto future = promise->get_future();
  exchange.read_body(
      [promise](Result<std::string> piece) { promise->set_value(std::move(piece)); });
  if (future.wait_for(kPatience) != std::future_status::ready) {
    return fail(ErrorCode::kInternal, "no piece came");
  }
  return future.get();
}

Result<std::string> read_all(Exchange& exchange) {
  std::string whole;
  while (true) {
    AE_TRY(const std::string piece, read_piece(exchange));
    if (piece.empty()) return whole;
    whole += piece;
  }
}

std::string letters(std::size_t count) {
  std::string text(count, '\0');
  for (std::size_t i = 0; i < count; ++i) text[i] = static_cast<char>('a' + i * i % 23);
  return text;
}

std::string put_head(std::string_view fields) {
  return fmt::format("PUT /x HTTP/1.1\r\nHost: a\r\n{}\r\n", fields);
}

std::shared_ptr<const int> open_file(const std::filesystem::path& path) {
  return {new int(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), [](const int* fd) {
            ::close(*fd);
            delete fd;
          }};
}

TEST(HttpBodyTest, TheHandlerIsCalledAtOnceAndGetsTheBodyInPieces) {
  Shelf shelf;
  const auto server = start(shelf.handler());
  RawClient client(server->port());
  client.send(put_head("Content-Length: 10\r\n"));
  const auto exchange = shelf.take();  // nothing of the body was sent yet
  ASSERT_NE(exchange, nullptr);
  EXPECT_EQ(exchange->request().body, "");
  client.send("hello");
  EXPECT_EQ(read_piece(*exchange).value(), "hello");
  client.send("world");
  EXPECT_EQ(read_piece(*exchange).value(), "world");
  EXPECT_EQ(read_piece(*exchange).value(), "");
  EXPECT_EQ(read_piece(*exchange).value(), "");
  exchange->respond(text_response("thanks"));
  EXPECT_EQ(client.read_response().body, "thanks");
}

TEST(HttpBodyTest, ConnectionsGoOnAfterAStreamedBodyWithWhateverWasPipelined) {
  const auto server = start([](const std::shared_ptr<Exchange>& exchange) {
    std::thread([exchange] {
      const auto body = read_all(*exchange);
      exchange->respond(text_response(body ? *body : body.error().message));
    }).detach();
  });
  RawClient client(server->port());
  const std::string large = letters(3'000'000);
  std::thread sender([&] {
    client.send(put_head("Transfer-Encoding: chunked\r\n") + "5\r\nhello\r\n0\r\n\r\n" +
                request_text("PUT", "/2", large) + request_text("POST", "/3", "whole"));
  });
  EXPECT_EQ(client.read_response().body, "hello");
  EXPECT_EQ(client.read_response().body, large);
  EXPECT_EQ(client.read_response().body, "whole");
  sender.join();
}

TEST(HttpBodyTest, WhatNobodyReadsStaysWithItsSender) {
  Shelf shelf;
  const auto server = start(shelf.handler());
  RawClient client(server->port());
  client.send(put_head("Content-Length: 1000000000\r\n"));
  const auto exchange = shelf.take();
  const std::size_t limit = 64UL << 20U;
  EXPECT_LT(client.send_until_stuck(std::string(1UL << 20U, 'x'), limit), limit);
  EXPECT_LE(read_piece(*exchange).value().size(), 512UL << 10U);
}

TEST(HttpBodyTest, ContinueIsSaidWhenTheHandlerAsksForTheBodyAndNotBefore) {
  Shelf shelf;
  const auto server = start(shelf.handler());
  {
    RawClient client(server->port());
    client.send(put_head("Content-Length: 2\r\nExpect: 100-continue\r\n"));
    auto exchange = shelf.take();
    auto body = std::async([&] { return read_all(*exchange); });
    EXPECT_EQ(client.read_some(), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("ok");
    EXPECT_EQ(body.get().value(), "ok");
    exchange->respond(text_response("done"));
    EXPECT_EQ(client.read_response().body, "done");
  }
  RawClient refused(server->port());
  refused.send(put_head("Content-Length: 2\r\nExpect: 100-continue\r\n"));
  shelf.take()->respond(text_response("no", 403));
  const RawResponse response = refused.read_response();
  EXPECT_EQ(response.status, 403);  // and no 100 before it
  EXPECT_TRUE(response.has("Connection: close"));
}

TEST(HttpBodyTest, AnEarlyRefusalReachesASenderThatGoesOnSending) {
  const auto server = start([](const std::shared_ptr<Exchange>& exchange) {
    exchange->respond(text_response("too much", 403));
  });
  RawClient client(server->port());
  client.send(put_head("Content-Length: 4000000\r\n"));
  client.send(std::string(4'000'000, 'x'));
  EXPECT_EQ(client.read_response().status, 403);
}

TEST(HttpBodyTest, BodiesThatBreakEndWithAReasonAndTheHandlerStillAnswers) {
  ServerLimits limits;
  limits.body_timeout = std::chrono::milliseconds{60};
  Shelf shelf;
  const auto server = start(shelf.handler(), limits, streamed(100));
  const auto outcome = [&](std::string_view fields, std::string_view body) {
    RawClient client(server->port());
    client.send(put_head(fields) + std::string(body));
    const auto exchange = shelf.take();
    const auto read = read_all(*exchange);
    EXPECT_FALSE(read.has_value());
    exchange->respond(text_response("sorry", 400));
    EXPECT_EQ(client.read_response().body, "sorry");
    return read ? ErrorCode::kInternal : read.error().code;
  };
  EXPECT_EQ(outcome("Transfer-Encoding: chunked\r\n", "zz\r\n"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(outcome("Transfer-Encoding: chunked\r\n", "65\r\n"), ErrorCode::kResourceExhausted);
  EXPECT_EQ(outcome("Content-Length: 5\r\n", "ab"), ErrorCode::kDeadlineExceeded);
  RawClient client(server->port());
  client.send(put_head("Content-Length: 101\r\n"));
  EXPECT_EQ(client.read_response().status, 413);  // without asking anybody
}

TEST(HttpBodyTest, ASenderThatLeavesInMidBodyIsNoticed) {
  Shelf shelf;
  const auto server = start(shelf.handler());
  RawClient client(server->port());
  client.send(put_head("Content-Length: 10\r\n") + "abc");
  const auto exchange = shelf.take();
  EXPECT_EQ(read_piece(*exchange).value(), "abc");
  client.close();
  EXPECT_EQ(read_piece(*exchange).error().code, ErrorCode::kCancelled);
}

TEST(HttpBodyTest, AnAnswerOutOfAFileHasItsLengthAndEveryByte) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "data";
  const std::string content = letters(9'000'001);
  std::ofstream(path, std::ios::binary) << content;
  const auto server = start([&](const std::shared_ptr<Exchange>& exchange) {
    const auto from = std::stoul(exchange->request().query_parameter("from").value_or("0"));
    const auto size = std::stoul(exchange->request().query_parameter("size").value_or("0"));
    exchange->respond_file({200, {{"ETag", "\"1\""}}, "ignored"}, {open_file(path), from, size});
  });
  RawClient client(server->port());
  for (const auto& [from, size] : std::vector<std::pair<std::size_t, std::size_t>>{
           {0, content.size()}, {5, 7}, {content.size(), 0}, {1'000'000, 5'000'000}}) {
    client.send(request_text("GET", fmt::format("/?from={}&size={}", from, size)));
    const RawResponse response = client.read_response();
    EXPECT_TRUE(response.has(fmt::format("Content-Length: {}", size)));
    EXPECT_TRUE(response.body == content.substr(from, size));
  }
  client.send(request_text("HEAD", "/?from=0&size=100"));
  const RawResponse head = client.read_response(true);
  EXPECT_TRUE(head.has("Content-Length: 100"));
  // A file that is shorter than what was promised cuts the connection.
  client.send(request_text("GET", fmt::format("/?from=1&size={}", content.size())));
  EXPECT_FALSE(client.read_response().whole);
}

TEST(HttpBodyTest, ReadersThatLeaveOrStallWhileAFileIsSentHarmNobody) {
  ServerLimits limits;
  limits.body_timeout = std::chrono::milliseconds{50};
  const TemporaryFolder folder;
  const auto path = folder.path() / "data";
  std::ofstream(path, std::ios::binary) << std::string(64UL << 20U, 'x');
  std::atomic<int> closed = 0;
  const auto server = start(
      [&](const std::shared_ptr<Exchange>& exchange) {
        const auto file = open_file(path);
        const std::shared_ptr<const int> watched(file.get(), [&closed, file](const int*) {
          ++closed;
          closed.notify_all();
        });
        exchange->respond_file({200, {}, ""}, {watched, 0, 64UL << 20U});
      },
      limits);
  {
    RawClient leaves(server->port(), 4096);
    leaves.send(request_text("GET", "/"));
    leaves.read_some();
    leaves.reset();
  }
  RawClient stalls(server->port(), 4096);
  stalls.send(request_text("GET", "/"));
  closed.wait(0);
  closed.wait(1);
  EXPECT_EQ(closed, 2);
}

TEST(HttpBodyTest, AProducerFasterThanItsReaderWaitsUntilTheReaderHasCaughtUp) {
  const auto server = start([](const std::shared_ptr<Exchange>& exchange) {
    struct Producer : std::enable_shared_from_this<Producer> {
      std::shared_ptr<Exchange> exchange;
      int left = 200;
      void produce() {
        while (left-- > 0) {
          if (!exchange->write(std::string(100'000, 'y'))) return;
          if (left % 10 == 0) {
            return exchange->on_writable([self = shared_from_this()] { self->produce(); });
          }
        }
        exchange->finish();
      }
    };
    auto producer = std::make_shared<Producer>();
    producer->exchange = exchange;
    EXPECT_TRUE(exchange->start_stream({200, {}, ""}));
    producer->produce();
  });
  RawClient client(server->port(), 4096);
  client.send(request_text("GET", "/"));
  const RawResponse response = client.read_response();
  EXPECT_TRUE(response.whole);  // 20 MB through a backlog of 4
  EXPECT_EQ(response.body.size(), 200U * 100'000U);
}

TEST(HttpBodyTest, AReservedPortIsFreeForTheServerItIsMeantFor) {
  auto reservation = PortReservation::make("127.0.0.1");
  ASSERT_TRUE(reservation.has_value());
  const auto server = HttpServer::start(
      TcpEndpoint{"127.0.0.1", reservation->port()},
      [](const std::shared_ptr<Exchange>& exchange) { exchange->respond(text_response("hi")); });
  ASSERT_TRUE(server.has_value());
  RawClient client((*server)->port());
  client.send(request_text("GET", "/"));
  EXPECT_EQ(client.read_response().body, "hi");
}

}  // namespace
}  // namespace ae::net
