// Starting and stopping, peers that leave, Unix sockets.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/thread_pool.h"
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
using std::chrono::milliseconds;
using std::chrono::seconds;

void echo(const std::shared_ptr<Exchange>& exchange) {
  const Request& request = exchange->request();
  exchange->respond(
      text_response(fmt::format("{} {} {}", request.method, request.target, request.body)));
}

TEST(HttpLifecycleTest, AnAddressInUseIsReportedByName) {
  const auto server = start_or_die(echo);
  const auto second = HttpServer::start(TcpEndpoint{"127.0.0.1", server->port()}, echo);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::kAlreadyExists);
  EXPECT_NE(second.error().message.find(fmt::format("127.0.0.1:{}", server->port())),
            std::string::npos)
      << second.error().message;
}

TEST(HttpLifecycleTest, OnlyAddressesAreAcceptedAsHosts) {
  const auto named = HttpServer::start(TcpEndpoint{"localhost", 0}, echo);
  ASSERT_FALSE(named.has_value());
  EXPECT_EQ(named.error().code, ErrorCode::kInvalidArgument);
  const auto foreign = HttpServer::start(TcpEndpoint{"203.0.113.1", 0}, echo);
  ASSERT_FALSE(foreign.has_value());
  EXPECT_EQ(foreign.error().code, ErrorCode::kInvalidArgument);
}

TEST(HttpLifecycleTest, APortIsFreeAgainOnceItsServerStopped) {
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

TEST(HttpLifecycleTest, StoppingLetsAnAnswerUnderWayFinish) {
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

TEST(HttpLifecycleTest, StoppingCutsOffWhatOutlastsTheGrace) {
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

TEST(HttpLifecycleTest, ExchangesOutliveTheirServer) {
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

TEST(HttpLifecycleTest, StoppingWhileAnswersPourInFromOtherThreadsIsSafe) {
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

// ---- Peers that leave ------------------------------------------------------------------------

TEST(HttpLifecycleTest, HandlersLearnThatTheirPeerLeft) {
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

TEST(HttpLifecycleTest, CallbacksRegisteredAfterThePeerLeftAreCalledToo) {
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

TEST(HttpLifecycleTest, AnsweredRequestsHearNothingOfTheirPeerLeaving) {
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

TEST(HttpLifecycleTest, APeerThatOnlyStopsSendingStillGetsItsAnswers) {
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

// ---- Unix sockets ----------------------------------------------------------------------------

TEST(HttpLifecycleTest, UnixSocketsArePrivateAndRemovedAtTheEnd) {
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

TEST(HttpLifecycleTest, AStaleSocketFileIsReplacedAndALiveOneIsNot) {
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

TEST(HttpLifecycleTest, FilesThatAreNoSocketsAreLeftAlone) {
  const TemporaryFolder folder("http");
  const std::string path = folder.path() / "precious";
  std::ofstream(path) << "data";
  const auto server = HttpServer::start(UnixEndpoint{path}, echo);
  ASSERT_FALSE(server.has_value());
  EXPECT_EQ(server.error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(read_file(path).value(), "data");
}

TEST(HttpLifecycleTest, UnixPathsThatCannotWorkAreRefused) {
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
