#include "net/http_server.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/thread_pool.h"
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

// Answers with what it was asked.
void echo(const std::shared_ptr<Exchange>& exchange) {
  const Request& request = exchange->request();
  exchange->respond(
      text_response(fmt::format("{} {} {}", request.method, request.target, request.body)));
}

TEST(HttpServerTest, HandlersSeeMethodTargetHeadersAndBody) {
  Request seen;
  const auto server = start_or_die([&](const std::shared_ptr<Exchange>& exchange) {
    seen = exchange->request();
    exchange->respond(text_response("made", 201));
  });
  RawClient client(server->port());
  client.send(request_text("POST", "/v1/runs?wait=1", "{\"a\":1}", "X-Trace:  t1 \r\n"));
  const RawResponse response = client.read_response();
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.body, "made");
  EXPECT_TRUE(response.has("Content-Type: text/plain"));
  EXPECT_TRUE(response.has("Content-Length: 4"));
  EXPECT_NE(response.head.find("\r\nDate: "), std::string::npos);
  EXPECT_NE(response.head.find(" GMT\r\n"), std::string::npos);
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.target, "/v1/runs?wait=1");
  EXPECT_EQ(seen.header("x-trace"), "t1");
  EXPECT_EQ(seen.body, "{\"a\":1}");
}

TEST(HttpServerTest, TenThousandRequestsOnOneConnectionGetTheirOwnAnswers) {
  const auto server = start_or_die(echo);
  RawClient client(server->port());
  for (int i = 0; i < 10'000; ++i) {
    const std::string body(static_cast<std::size_t>(i % 700), static_cast<char>('a' + i % 26));
    const std::string target = fmt::format("/{}", i);
    ASSERT_TRUE(client.send(request_text("PUT", target, body)));
    ASSERT_EQ(client.read_response().body, fmt::format("PUT {} {}", target, body));
  }
}

TEST(HttpServerTest, PipelinedRequestsAreAnsweredInOrder) {
  const auto server = start_or_die(echo);
  RawClient client(server->port());
  std::string all;
  for (int i = 0; i < 1000; ++i) all += request_text("POST", fmt::format("/{}", i), "x");
  std::thread sender([&] { client.send(all); });
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(client.read_response().body, fmt::format("POST /{} x", i));
  }
  sender.join();
}

TEST(HttpServerTest, PipelinedRequestsWaitForTheAnswerBeforeThem) {
  Shelf shelf;
  const auto server = start_or_die(shelf.handler());
  RawClient client(server->port());
  client.send(request_text("GET", "/1") + request_text("GET", "/2") + request_text("GET", "/3"));
  for (int i = 1; i <= 3; ++i) {
    const auto exchange = shelf.take();
    ASSERT_NE(exchange, nullptr);
    EXPECT_EQ(exchange->request().target, fmt::format("/{}", i));
    exchange->respond(text_response(exchange->request().target));
    EXPECT_EQ(client.read_response().body, fmt::format("/{}", i));
  }
}

TEST(HttpServerTest, LargeBodiesArriveWholeInBothDirections) {
  const auto server = start_or_die([](const std::shared_ptr<Exchange>& exchange) {
    exchange->respond(text_response(exchange->request().body));
  });
  RawClient client(server->port());
  std::string body(5'000'000, 'x');
  for (std::size_t i = 0; i < body.size(); i += 997) body[i] = static_cast<char>('a' + i % 26);
  std::thread sender([&] { client.send(request_text("POST", "/", body)); });
  EXPECT_TRUE(client.read_response().body == body);
  sender.join();
}

TEST(HttpServerTest, AnswersMayComeFromAnyThread) {
  ThreadPool pool(4, 10'000);
  const auto server = start_or_die(
      [&](std::shared_ptr<Exchange> exchange) {
        if (!pool.post([exchange] { echo(exchange); })) exchange->respond(text_response("full"));
      },
      {}, 2);
  std::vector<std::thread> clients;
  std::atomic<int> right = 0;
  for (int c = 0; c < 8; ++c) {
    clients.emplace_back([&, c] {
      RawClient client(server->port());
      for (int i = 0; i < 100; ++i) {
        const std::string target = fmt::format("/{}/{}", c, i);
        client.send(request_text("GET", target));
        if (client.read_response().body == fmt::format("GET {} ", target)) ++right;
      }
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(right, 800);
}

TEST(HttpServerTest, TwoHundredLongPollsLeaveOneThreadFreeForOthers) {
  Shelf shelf;
  const auto server = start_or_die([&](std::shared_ptr<Exchange> exchange) {
    if (exchange->request().target == "/fast") return exchange->respond(text_response("fast"));
    shelf.put(std::move(exchange));
  });
  std::vector<RawClient> polls;
  std::vector<std::shared_ptr<Exchange>> waiting;
  for (int i = 0; i < 200; ++i) {
    polls.emplace_back(server->port());
    ASSERT_TRUE(polls.back().send(request_text("GET", fmt::format("/poll/{}", i))));
    waiting.push_back(shelf.take());
    ASSERT_NE(waiting.back(), nullptr);
  }
  RawClient fast(server->port());
  for (int i = 0; i < 20; ++i) {
    fast.send(request_text("GET", "/fast"));
    ASSERT_EQ(fast.read_response().body, "fast");
  }
  for (const auto& exchange : waiting) exchange->respond(text_response(exchange->request().target));
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(polls[static_cast<std::size_t>(i)].read_response().body, fmt::format("/poll/{}", i));
  }
}

TEST(HttpServerTest, ConnectionsAreDealtToEveryThread) {
  std::mutex mutex;
  std::set<std::thread::id> threads;
  const auto server = start_or_die(
      [&](const std::shared_ptr<Exchange>& exchange) {
        {
          const std::lock_guard lock(mutex);
          threads.insert(std::this_thread::get_id());
        }
        exchange->respond(text_response("ok"));
      },
      {}, 3);
  std::vector<RawClient> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back(server->port());
    clients.back().send(request_text("GET", "/"));
    EXPECT_EQ(clients.back().read_response().body, "ok");
  }
  EXPECT_EQ(threads.size(), 3U);
}

TEST(HttpServerTest, OnlyTheFirstAnswerCounts) {
  const auto server = start_or_die([](const std::shared_ptr<Exchange>& exchange) {
    exchange->respond(text_response("first"));
    exchange->respond(text_response("second"));
    EXPECT_FALSE(exchange->start_stream(Response{}));
    EXPECT_FALSE(exchange->write("third"));
    exchange->finish();
  });
  RawClient client(server->port());
  for (int i = 0; i < 3; ++i) {
    client.send(request_text("GET", "/"));
    EXPECT_EQ(client.read_response().body, "first");
  }
}

TEST(HttpServerTest, AnExchangeDroppedWithoutAnAnswerIsAnsweredWith500) {
  Shelf shelf;
  const auto server = start_or_die([&](std::shared_ptr<Exchange> exchange) {
    if (exchange->request().target == "/later") shelf.put(std::move(exchange));
  });
  RawClient client(server->port());
  client.send(request_text("GET", "/at-once"));
  RawResponse response = client.read_response();
  EXPECT_EQ(response.status, 500);
  EXPECT_TRUE(response.has("Content-Type: application/problem+json"));
  EXPECT_EQ(response.body, R"({"type":"about:blank","title":"Internal Server Error","status":500,)"
                           R"("detail":"the request's handler gave no answer"})");
  client.send(request_text("GET", "/later"));
  shelf.take().reset();  // on this thread
  EXPECT_EQ(client.read_response().status, 500);
}

TEST(HttpServerTest, AHandlerThatThrowsCostsOneRequestNotTheServer) {
  log::set_level(log::Level::kOff);
  const auto server = start_or_die([](const std::shared_ptr<Exchange>& exchange) {
    if (exchange->request().target == "/bad") throw std::runtime_error("oops");
    exchange->respond(text_response("good"));
  });
  RawClient client(server->port());
  client.send(request_text("GET", "/bad"));
  EXPECT_EQ(client.read_response().status, 500);
  client.send(request_text("GET", "/good"));
  EXPECT_EQ(client.read_response().body, "good");
  log::set_level(log::Level::kWarning);
}

TEST(HttpServerTest, ResponsesThatWouldForgeAnotherAreReplacedBy500) {
  log::set_level(log::Level::kOff);
  const auto server = start_or_die([](const std::shared_ptr<Exchange>& exchange) {
    Response response = text_response("body");
    const std::string_view path = exchange->request().path();
    if (path == "/value") response.headers.emplace_back("Location", "/\r\nSet-Cookie: a=b");
    if (path == "/name") response.headers.emplace_back("Bad Name:", "x");
    if (path == "/status") response.status = 101;
    exchange->respond(std::move(response));
  });
  RawClient client(server->port());
  for (const char* path : {"/value", "/name", "/status"}) {
    client.send(request_text("GET", path));
    const RawResponse response = client.read_response();
    EXPECT_EQ(response.status, 500) << path;
    EXPECT_EQ(response.head.find("Set-Cookie"), std::string::npos);
  }
  client.send(request_text("GET", "/fine"));
  EXPECT_EQ(client.read_response().status, 200);
  log::set_level(log::Level::kWarning);
}

TEST(HttpServerTest, HeadersThatAreTheServersBusinessAreItsOwn) {
  const auto server = start_or_die([](const std::shared_ptr<Exchange>& exchange) {
    Response response = text_response("body");
    response.headers.emplace_back("content-length", "99");
    response.headers.emplace_back("Transfer-Encoding", "chunked");
    response.headers.emplace_back("Connection", "close");
    exchange->respond(std::move(response));
  });
  RawClient client(server->port());
  for (int i = 0; i < 2; ++i) {
    client.send(request_text("GET", "/"));
    const RawResponse response = client.read_response();
    EXPECT_EQ(response.body, "body");
    EXPECT_TRUE(response.has("Content-Length: 4"));
    EXPECT_FALSE(response.has("Connection: close"));
  }
}

TEST(HttpServerTest, HeadGetsTheHeadersOfGetOnly) {
  const auto server = start_or_die(echo);
  RawClient client(server->port());
  client.send(request_text("HEAD", "/12345"));
  const RawResponse response = client.read_response(/*head_only=*/true);
  EXPECT_EQ(response.status, 200);
  EXPECT_TRUE(response.has("Content-Length: 12"));
  client.send(request_text("GET", "/next"));
  EXPECT_EQ(client.read_response().body, "GET /next ");
}

TEST(HttpServerTest, StatusesWithoutABodyHaveNone) {
  const auto server = start_or_die([](const std::shared_ptr<Exchange>& exchange) {
    exchange->respond(text_response("never sent", exchange->request().target == "/a" ? 204 : 304));
  });
  RawClient client(server->port());
  for (const char* path : {"/a", "/b", "/a"}) {
    client.send(request_text("GET", path));
    const RawResponse response = client.read_response();
    EXPECT_EQ(response.status, path[1] == 'a' ? 204 : 304);
    EXPECT_EQ(response.head.find("Content-Length"), std::string::npos);
  }
}

TEST(HttpServerTest, ConnectionsCloseOrStayAsTheClientAsks) {
  const auto server = start_or_die(echo);
  RawClient closing(server->port());
  closing.send(request_text("GET", "/", "", "Connection: close\r\n"));
  const RawResponse last = closing.read_response();
  EXPECT_TRUE(last.has("Connection: close"));
  EXPECT_EQ(closing.read_to_end(), "");

  RawClient old(server->port());
  old.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(old.read_response().has("Connection: close"));
  EXPECT_EQ(old.read_to_end(), "");

  RawClient old_but_keen(server->port());
  for (int i = 0; i < 2; ++i) {
    old_but_keen.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_TRUE(old_but_keen.read_response().has("Connection: keep-alive"));
  }
}

TEST(HttpServerTest, ClientsThatAskFirstAreToldToContinue) {
  const auto server = start_or_die(echo);
  RawClient client(server->port());
  for (int i = 0; i < 2; ++i) {
    client.send("PUT /x HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 4\r\n\r\n");
    EXPECT_EQ(client.read_response().status, 100);
    client.send("body");
    EXPECT_EQ(client.read_response().body, "PUT /x body");
  }
  client.send(
      "PUT /y HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody");
  EXPECT_EQ(client.read_response().body, "PUT /y body")
      << "who sends the body at once waits for no 100";
}

TEST(HttpServerTest, ChunkedBodiesAreJoinedHoweverTheyArrive) {
  const auto server = start_or_die(echo);
  const std::string text =
      "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "5\r\nhello\r\n1;ext=\"q\"\r\n \r\n005\r\nworld\r\n0\r\nX-Trailer: ignored\r\n\r\n";
  RawClient whole(server->port());
  whole.send(text + text);
  EXPECT_EQ(whole.read_response().body, "POST /c hello world");
  EXPECT_EQ(whole.read_response().body, "POST /c hello world");
  RawClient bytewise(server->port());
  for (const char c : text) bytewise.send({&c, 1});
  EXPECT_EQ(bytewise.read_response().body, "POST /c hello world");
}

TEST(HttpServerTest, ProxyStyleTargetsAreReducedToTheirPath) {
  const auto server = start_or_die(echo);
  RawClient client(server->port());
  client.send(request_text("GET", "http://host:1/a?b=c"));
  EXPECT_EQ(client.read_response().body, "GET /a?b=c ");
  client.send(request_text("GET", "http://host?b"));
  EXPECT_EQ(client.read_response().body, "GET /?b ");
}

TEST(HttpServerTest, AnsweringUnderALockNeverRunsAnotherHandlerInside) {
  std::mutex mutex;
  std::shared_ptr<Exchange> waiting;
  std::promise<void> parked;
  const auto server = start_or_die([&](std::shared_ptr<Exchange> exchange) {
    const std::lock_guard lock(mutex);  // not recursive
    if (exchange->request().target == "/wait") {
      waiting = std::move(exchange);
      parked.set_value();
      return;
    }
    if (waiting) std::exchange(waiting, nullptr)->respond(text_response("woken"));
    exchange->respond(text_response("ok"));
  });
  RawClient sleeper(server->port());
  // The second request is read already when the first is answered, on its own connection's thread.
  sleeper.send(request_text("GET", "/wait") + request_text("GET", "/after"));
  ASSERT_EQ(parked.get_future().wait_for(kPatience), std::future_status::ready);
  RawClient waker(server->port());
  waker.send(request_text("GET", "/wake"));
  EXPECT_EQ(waker.read_response().body, "ok");
  EXPECT_EQ(sleeper.read_response().body, "woken");
  EXPECT_EQ(sleeper.read_response().body, "ok");
}

}  // namespace
}  // namespace ae::net
