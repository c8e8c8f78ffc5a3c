#include "net/http_server.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <future>
#include <latch>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/file.h"
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
using std::chrono::milliseconds;
using std::chrono::seconds;

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

// ---- Peers that leave ------------------------------------------------------------------------

TEST(HttpServerTest, HandlersLearnThatTheirPeerLeft) {
  Shelf shelf;
  const auto server = start_or_die(shelf.handler());
  for (const bool rude : {false, true}) {
    RawClient client(server->port());
    client.send(request_text("GET", "/poll"));
    const auto exchange = shelf.take();
    std::promise<void> gone;
    exchange->on_disconnect([&gone] { gone.set_value(); });
    if (rude) {
      client.reset();
    } else {
      client.close();
    }
    EXPECT_EQ(gone.get_future().wait_for(kPatience), std::future_status::ready);
    exchange->respond(text_response("to nobody"));
  }
}

TEST(HttpServerTest, CallbacksRegisteredAfterThePeerLeftAreCalledToo) {
  Shelf shelf;
  const auto server = start_or_die(shelf.handler());
  RawClient client(server->port());
  client.send(request_text("GET", "/poll"));
  const auto exchange = shelf.take();
  std::promise<void> gone;
  std::promise<void> gone_again;
  exchange->on_disconnect([&gone] { gone.set_value(); });
  client.reset();
  ASSERT_EQ(gone.get_future().wait_for(kPatience), std::future_status::ready);
  exchange->on_disconnect([&gone_again] { gone_again.set_value(); });
  EXPECT_EQ(gone_again.get_future().wait_for(kPatience), std::future_status::ready);
}

TEST(HttpServerTest, AnsweredRequestsHearNothingOfTheirPeerLeaving) {
  Shelf shelf;
  const auto server = start_or_die(shelf.handler());
  auto owned = std::make_shared<int>(1);
  std::atomic<int> calls = 0;
  RawClient client(server->port());
  client.send(request_text("GET", "/1"));
  auto exchange = shelf.take();
  exchange->on_disconnect([&calls, owned] { ++calls; });
  exchange->respond(text_response("done"));
  EXPECT_EQ(client.read_response().body, "done");
  client.send(request_text("GET", "/2"));  // the first callback is gone by now
  auto second = shelf.take();
  EXPECT_EQ(owned.use_count(), 1) << "the callback was kept beyond its request";
  std::promise<void> gone;
  second->on_disconnect([&gone] { gone.set_value(); });
  client.close();
  ASSERT_EQ(gone.get_future().wait_for(kPatience), std::future_status::ready);
  EXPECT_EQ(calls, 0);
}

TEST(HttpServerTest, APeerThatOnlyStopsSendingStillGetsItsAnswers) {
  Shelf shelf;
  const auto server = start_or_die(shelf.handler());
  RawClient client(server->port());
  client.send(request_text("GET", "/1") + request_text("GET", "/2"));
  client.finish_sending();
  auto exchange = shelf.take();
  std::promise<void> told;
  exchange->on_disconnect([&told] { told.set_value(); });
  EXPECT_EQ(told.get_future().wait_for(kPatience), std::future_status::ready);
  exchange->respond(text_response("one"));
  shelf.take()->respond(text_response("two"));
  EXPECT_EQ(client.read_response().body, "one");
  EXPECT_EQ(client.read_response().body, "two");
  EXPECT_EQ(client.read_to_end(), "");
}

// ---- Starting and stopping -------------------------------------------------------------------

TEST(HttpServerTest, AnAddressInUseIsReportedByName) {
  const auto server = start_or_die(echo);
  const auto second = HttpServer::start(TcpEndpoint{"127.0.0.1", server->port()}, echo);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::kAlreadyExists);
  EXPECT_NE(second.error().message.find(fmt::format("127.0.0.1:{}", server->port())),
            std::string::npos)
      << second.error().message;
}

TEST(HttpServerTest, OnlyAddressesAreAcceptedAsHosts) {
  const auto named = HttpServer::start(TcpEndpoint{"localhost", 0}, echo);
  ASSERT_FALSE(named.has_value());
  EXPECT_EQ(named.error().code, ErrorCode::kInvalidArgument);
  const auto foreign = HttpServer::start(TcpEndpoint{"203.0.113.1", 0}, echo);
  ASSERT_FALSE(foreign.has_value());
  EXPECT_EQ(foreign.error().code, ErrorCode::kInvalidArgument);
}

TEST(HttpServerTest, APortIsFreeAgainOnceItsServerStopped) {
  auto server = start_or_die(echo);
  const std::uint16_t port = server->port();
  RawClient client(port);
  client.send(request_text("GET", "/"));
  EXPECT_EQ(client.read_response().status, 200);
  server->stop();
  EXPECT_EQ(server->port(), port);
  EXPECT_FALSE(RawClient(port).connected());
  EXPECT_TRUE(HttpServer::start(TcpEndpoint{"127.0.0.1", port}, echo).has_value());
}

TEST(HttpServerTest, StoppingLetsAnAnswerUnderWayFinish) {
  Shelf shelf;
  const auto server = start_or_die(shelf.handler());
  RawClient idle(server->port());
  RawClient client(server->port());
  client.send(request_text("GET", "/"));
  const auto exchange = shelf.take();
  std::thread stopper([&] { server->stop(kPatience); });
  EXPECT_EQ(idle.read_to_end(), "") << "idle connections close at once";
  exchange->respond(text_response("late"));
  const RawResponse response = client.read_response();
  EXPECT_EQ(response.body, "late");
  EXPECT_TRUE(response.has("Connection: close"));
  EXPECT_EQ(client.read_to_end(), "");
  stopper.join();
  server->stop();
}

TEST(HttpServerTest, StoppingCutsOffWhatOutlastsTheGrace) {
  Shelf shelf;
  const auto server = start_or_die(shelf.handler(), {}, 2);
  RawClient client(server->port());
  client.send(request_text("GET", "/"));
  const auto exchange = shelf.take();
  std::promise<void> gone;
  exchange->on_disconnect([&gone] { gone.set_value(); });
  server->stop(milliseconds{20});
  EXPECT_EQ(gone.get_future().wait_for(seconds{0}), std::future_status::ready);
  EXPECT_EQ(client.read_to_end(), "");
  exchange->respond(text_response("nobody hears"));
  exchange->on_disconnect([] { FAIL() << "the server is gone"; });
}

TEST(HttpServerTest, ExchangesOutliveTheirServer) {
  Shelf shelf;
  auto server = start_or_die(shelf.handler());
  std::vector<RawClient> clients;
  std::vector<std::shared_ptr<Exchange>> kept;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back(server->port());
    clients.back().send(request_text("GET", fmt::format("/{}", i)));
    kept.push_back(shelf.take());
  }
  ASSERT_TRUE(kept[1]->start_stream(Response{}));
  server.reset();
  kept[0]->respond(text_response("late"));
  EXPECT_FALSE(kept[1]->write("late"));
  kept[1]->finish();
  EXPECT_FALSE(kept[2]->start_stream(Response{}));
  EXPECT_EQ(kept[2]->request().target, "/2");
  kept.clear();
}

TEST(HttpServerTest, StoppingWhileAnswersPourInFromOtherThreadsIsSafe) {
  ThreadPool pool(3, 100'000);
  for (int round = 0; round < 20; ++round) {
    const auto server = start_or_die(
        [&](std::shared_ptr<Exchange> exchange) {
          exchange->on_disconnect([exchange] { exchange->respond(text_response("gone")); });
          (void)pool.post([exchange] { echo(exchange); });
        },
        {}, 2);
    std::vector<std::thread> clients;
    std::latch started(4);
    for (int c = 0; c < 4; ++c) {
      clients.emplace_back([&] {
        RawClient client(server->port());
        client.send(request_text("GET", "/"));
        EXPECT_EQ(client.read_response().status, 200);
        started.count_down();
        while (client.send(request_text("GET", "/")) && client.read_response().status == 200) {
        }
      });
    }
    started.wait();
    server->stop(milliseconds{round % 3});
    for (auto& client : clients) client.join();
  }
}

// ---- Unix sockets ----------------------------------------------------------------------------

TEST(HttpServerTest, UnixSocketsArePrivateAndRemovedAtTheEnd) {
  const TemporaryFolder folder("http");
  const std::string path = folder.path() / "s";
  auto server = HttpServer::start(UnixEndpoint{path}, echo);
  ASSERT_TRUE(server.has_value()) << server.error().describe();
  EXPECT_EQ((*server)->port(), 0);
  struct stat info{};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  RawClient client(path);
  client.send(request_text("GET", "/u"));
  EXPECT_EQ(client.read_response().body, "GET /u ");
  (*server)->stop();
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(HttpServerTest, AStaleSocketFileIsReplacedAndALiveOneIsNot) {
  const TemporaryFolder folder("http");
  const std::string path = folder.path() / "s";
  const int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(dead, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  close(dead);
  const auto server = HttpServer::start(UnixEndpoint{path}, echo);
  ASSERT_TRUE(server.has_value()) << server.error().describe();
  const auto second = HttpServer::start(UnixEndpoint{path}, echo);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::kAlreadyExists);
  RawClient client(path);
  client.send(request_text("GET", "/still"));
  EXPECT_EQ(client.read_response().body, "GET /still ");
}

TEST(HttpServerTest, FilesThatAreNoSocketsAreLeftAlone) {
  const TemporaryFolder folder("http");
  const std::string path = folder.path() / "precious";
  std::ofstream(path) << "data";
  const auto server = HttpServer::start(UnixEndpoint{path}, echo);
  ASSERT_FALSE(server.has_value());
  EXPECT_EQ(server.error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(read_file(path).value(), "data");
}

TEST(HttpServerTest, UnixPathsThatCannotWorkAreRefused) {
  const auto too_long = HttpServer::start(UnixEndpoint{"/tmp/" + std::string(103, 'x')}, echo);
  ASSERT_FALSE(too_long.has_value());
  EXPECT_EQ(too_long.error().code, ErrorCode::kInvalidArgument);
  const TemporaryFolder folder("http");
  const auto nowhere = HttpServer::start(UnixEndpoint{folder.path() / "none" / "s"}, echo);
  ASSERT_FALSE(nowhere.has_value());
  EXPECT_EQ(nowhere.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace ae::net
