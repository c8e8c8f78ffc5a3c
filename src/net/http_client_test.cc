#include "net/http_client.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <mutex>
#include <string>
#include <vector>

#include "base/file.h"
#include "net/http_server.h"
#include "net/internal/test_peer.h"

namespace ae::net {
namespace {

using internal::Shelf;
using internal::start_or_die;
using internal::text_response;
using std::chrono::milliseconds;

void echo(const std::shared_ptr<Exchange>& exchange) {
  const Request& request = exchange->request();
  Response response =
      text_response(fmt::format("{} {} {}", request.method, request.target, request.body));
  response.headers.emplace_back("X-Seen", std::string(request.header("x-sent").value_or("none")));
  response.headers.emplace_back("X-Type",
                                std::string(request.header("content-type").value_or("none")));
  exchange->respond(std::move(response));
}

std::string url_of(const HttpServer& server) {
  return fmt::format("http://127.0.0.1:{}", server.port());
}

Request get(std::string target) { return {"GET", std::move(target), {}, {}}; }

TEST(HttpClientTest, SendsEveryMethodAsWrittenAndReadsTheAnswer) {
  const auto server = start_or_die(echo);
  HttpClient client(url_of(*server) + "/");
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}) {
    const std::string body = std::string_view(method) == "GET" ? "" : "body";
    const Request request{method, "/a/../b?c=%20", {{"X-Sent", "yes"}}, body};
    const auto response = client.send(request);
    ASSERT_TRUE(response.has_value()) << response.error().describe();
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->body, fmt::format("{} /a/../b?c=%20 {}", method, body));
    EXPECT_EQ(find_header(response->headers, "x-seen"), "yes");
    EXPECT_EQ(find_header(response->headers, "x-type"), "none")
        << "none was given, none is guessed";
  }
  const auto head = client.send({"HEAD", "/", {}, {}});
  ASSERT_TRUE(head.has_value()) << head.error().describe();
  EXPECT_EQ(head->body, "");
  EXPECT_EQ(find_header(head->headers, "content-length"), "7");
}

TEST(HttpClientTest, UsesOneConnectionForManyRequests) {
  ServerLimits limits;
  limits.max_connections = 1;  // a second one would be turned away
  const auto server = start_or_die(echo, limits);
  HttpClient client(url_of(*server));
  for (int i = 0; i < 20; ++i) {
    const auto response = client.send({"POST", "/", {}, std::to_string(i)});
    ASSERT_TRUE(response.has_value());
    ASSERT_EQ(response->status, 200);
  }
  EXPECT_EQ(HttpClient(url_of(*server)).send(get("/"))->status, 503);
}

TEST(HttpClientTest, SurvivesTheServersRestart) {
  auto server = start_or_die(echo);
  const std::uint16_t port = server->port();
  HttpClient client(url_of(*server));
  ASSERT_TRUE(client.send(get("/1")).has_value());
  server.reset();
  const auto gone = client.send(get("/2"));
  ASSERT_FALSE(gone.has_value());
  EXPECT_EQ(gone.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(gone.error().message.find(fmt::format("127.0.0.1:{}", port)), std::string::npos)
      << gone.error().message;
  auto again = HttpServer::start(TcpEndpoint{"127.0.0.1", port}, echo);
  ASSERT_TRUE(again.has_value()) << again.error().describe();
  EXPECT_TRUE(client.send(get("/3")).has_value());
}

TEST(HttpClientTest, SpeaksThroughUnixSockets) {
  const TemporaryFolder folder("http");
  const std::string path = folder.path() / "s";
  HttpClient client("http://functions", path);
  const auto nobody = client.send(get("/"));
  ASSERT_FALSE(nobody.has_value());
  EXPECT_EQ(nobody.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(nobody.error().message.find(path), std::string::npos);
  const auto server = HttpServer::start(UnixEndpoint{path}, echo);
  ASSERT_TRUE(server.has_value());
  EXPECT_EQ(client.send(get("/u"))->body, "GET /u ");
}

TEST(HttpClientTest, IgnoresProxiesForThisMachine) {
  const auto server = start_or_die(echo);
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  const auto response = HttpClient(url_of(*server)).send(get("/"));
  unsetenv("http_proxy");
  ASSERT_TRUE(response.has_value()) << response.error().describe();
  EXPECT_EQ(response->body, "GET / ");
}

TEST(HttpClientTest, AskingBeforeSendingALargeBodyWorksWithOurServer) {
  const auto server = start_or_die(echo);
  HttpClient client(url_of(*server));
  const std::string body(3'000'000, 'b');
  EXPECT_EQ(client.send({"PUT", "/", {}, body})->body.size(), body.size() + 6);
  const auto refused = client.send({"PUT", "/", {}, std::string(9UL << 20U, 'b')});
  ASSERT_TRUE(refused.has_value()) << refused.error().describe();
  EXPECT_EQ(refused->status, 413);
  EXPECT_EQ(client.send(get("/next"))->body, "GET /next ");
}

TEST(HttpClientTest, GivesUpAtTheDeadline) {
  Shelf shelf;
  const auto server = start_or_die(shelf.handler());
  HttpClient client(url_of(*server));
  const auto late = client.send(get("/"), Deadline::after(milliseconds{50}));
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code, ErrorCode::kDeadlineExceeded);
  const auto too_late = client.send(get("/"), Deadline::after(milliseconds{0}));
  ASSERT_FALSE(too_late.has_value());
  EXPECT_EQ(too_late.error().code, ErrorCode::kDeadlineExceeded);
}

TEST(HttpClientTest, RefusesAnswersBeyondItsLimit) {
  const auto server = start_or_die([](const std::shared_ptr<Exchange>& exchange) {
    exchange->respond(
        text_response(std::string(exchange->request().target == "/small" ? 1000U : 1001U, 'x')));
  });
  HttpClient client(url_of(*server), {}, ClientLimits{1000});
  const auto large = client.send(get("/large"));
  ASSERT_FALSE(large.has_value());
  EXPECT_EQ(large.error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(client.send(get("/small"))->body.size(), 1000U);
}

TEST(HttpClientTest, ReadsStreamsPieceByPieceAndStopsWhenTold) {
  Shelf shelf;
  const auto server = start_or_die(shelf.handler());
  HttpClient client(url_of(*server));
  std::thread producer([&] {
    const auto first = shelf.take();
    first->start_stream(text_response("", 202));
    first->write("a");
    first->write("b");
    first->finish();
    const auto second = shelf.take();
    second->start_stream(text_response(""));
    while (second->write("tick ")) std::this_thread::sleep_for(milliseconds{1});
  });
  std::string seen;
  const auto whole = client.stream(get("/1"), [&](std::string_view bytes) {
    seen += bytes;
    return true;
  });
  ASSERT_TRUE(whole.has_value()) << whole.error().describe();
  EXPECT_EQ(whole->status, 202);
  EXPECT_EQ(whole->body, "");
  EXPECT_EQ(seen, "ab");
  int pieces = 0;
  const auto stopped = client.stream(get("/2"), [&](std::string_view) { return ++pieces < 3; });
  ASSERT_TRUE(stopped.has_value()) << stopped.error().describe();
  EXPECT_EQ(stopped->status, 200);
  EXPECT_EQ(pieces, 3);
  producer.join();
}

TEST(HttpClientTest, AStreamCutShortIsAnError) {
  Shelf shelf;
  const auto server = start_or_die(shelf.handler());
  HttpClient client(url_of(*server));
  std::thread producer([&] {
    const auto exchange = shelf.take();
    exchange->start_stream(text_response(""));
    exchange->write("half");
  });
  const auto response = client.stream(get("/"), [](std::string_view) { return true; });
  producer.join();
  ASSERT_FALSE(response.has_value());
  EXPECT_EQ(response.error().code, ErrorCode::kUnavailable);
}

TEST(HttpClientTest, AStreamEndsWhenNothingComesAnyMoreOrTheCallerWithdraws) {
  std::mutex mutex;
  std::vector<std::shared_ptr<Exchange>> held;  // streams that never go on
  const auto server = start_or_die([&](const std::shared_ptr<Exchange>& exchange) {
    exchange->start_stream(text_response(""));
    exchange->write("half");
    const std::scoped_lock lock(mutex);
    held.push_back(exchange);
  });
  const auto any = [](std::string_view) { return true; };
  const auto stalled = HttpClient(url_of(*server))
                           .stream(get("/"), any, Deadline::never(), {.stall = milliseconds{50}});
  ASSERT_FALSE(stalled.has_value());
  EXPECT_EQ(stalled.error().code, ErrorCode::kDeadlineExceeded);

  std::stop_source stop;
  const auto withdraw = [&](std::string_view) { return stop.request_stop(); };
  const auto stopped =
      HttpClient(url_of(*server))
          .stream(get("/"), withdraw, Deadline::never(), {.stop = stop.get_token()});
  ASSERT_FALSE(stopped.has_value());
  EXPECT_EQ(stopped.error().code, ErrorCode::kCancelled);
}

TEST(HttpClientTest, RequestsThatCannotBeSentAreRefusedBeforeTheNetworkIsTouched) {
  const auto code_of = [](const char* url, const Request& request) {
    const auto response = HttpClient(url).send(request);
    return response ? ErrorCode::kInternal : response.error().code;
  };
  constexpr const char* kUrl = "http://127.0.0.1:1";
  EXPECT_EQ(code_of("127.0.0.1:1", get("/")), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of("file:///etc", get("/passwd")), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of("http://127.0.0.1:port", get("/")), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of(kUrl, get("relative")), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of(kUrl, get("/a b")), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of(kUrl, {"GE T", "/", {}, {}}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of(kUrl, {"GET", "/", {{"X", "a\r\nY: b"}}, {}}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of(kUrl, get("/")), ErrorCode::kUnavailable) << "port 1 has no server";
}

}  // namespace
}  // namespace ae::net
