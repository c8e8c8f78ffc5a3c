// Functions that answer at a URL, called through the engine at a real server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>

#include "faas/faas_engine.h"
#include "faas/internal/test_engine.h"
#include "net/http_server.h"

namespace ae::faas {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals only
using ::testing::HasSubstr;
using testing::problem;

class HttpServicesTest : public testing::EngineTest {
 protected:
  // A service at that address; it answers when the handler does.
  std::shared_ptr<dag::FunctionSpec> service(net::Handler handler,
                                             const std::string& path = "/run?a=1") {
    auto server = net::HttpServer::start(net::TcpEndpoint{}, std::move(handler));
    EXPECT_TRUE(server);
    server_ = *std::move(server);
    auto spec = std::make_shared<dag::FunctionSpec>();
    spec->name = "remote";
    spec->binding =
        dag::HttpService{.url = fmt::format("http://127.0.0.1:{}{}", server_->port(), path)};
    spec->runtime.timeout = 30s;
    return spec;
  }
  void stop_service() { server_.reset(); }

 private:
  std::unique_ptr<net::HttpServer> server_;
};

net::Handler answering(int status, std::string body) {
  return [=](std::shared_ptr<net::Exchange> exchange) {
    exchange->respond({.status = status, .headers = {}, .body = body});
  };
}

TEST_F(HttpServicesTest, TheEventIsPostedAndTheResponseIsTheResult) {
  net::Request seen;
  const auto spec = service([&](std::shared_ptr<net::Exchange> exchange) {
    seen = exchange->request();
    exchange->respond({.status = 200, .headers = {}, .body = R"({"statusCode": 200, "n": 2})"});
  });
  EXPECT_TRUE(engine().supports(*spec));
  const auto result = wait(begin(spec, {{"n", 1}}, "r-1"));
  EXPECT_EQ(problem(result), "");
  EXPECT_EQ(result.output, Json({{"statusCode", 200}, {"n", 2}})) << "nothing is unwrapped";
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.target, "/run?a=1");
  EXPECT_EQ(seen.body, R"({"n":1})");
  EXPECT_EQ(seen.header("content-type"), "application/json");
  EXPECT_EQ(seen.header("x-request-id"), "r-1");
}

TEST_F(HttpServicesTest, AStatusFrom300IsTheFunctionsFailureWithTheBodysMessage) {
  const auto failed = call(service(answering(404, R"({"detail": "no such user"})")));
  ASSERT_TRUE(failed.error);
  EXPECT_EQ(failed.error->type, "Http404");
  EXPECT_EQ(failed.error->message, "no such user");
  EXPECT_EQ(call(service(answering(500, "plain words\n"))).error->message, "plain words");
  EXPECT_EQ(call(service(answering(302, ""))).error->message, "the service answered 302");
}

TEST_F(HttpServicesTest, WhatIsNoJsonIsAFailureAndNothingIsNull) {
  EXPECT_EQ(call(service(answering(200, "<html>"))).error->type, "Runtime.InvalidResponse");
  const auto nothing = call(service(answering(204, "")));
  EXPECT_EQ(problem(nothing), "");
  EXPECT_EQ(nothing.output, nullptr);
}

TEST_F(HttpServicesTest, AResponseBeyondTheLimitIsRefused) {
  FaasOptions with = options();
  with.max_response_bytes = 1000;
  start(with);
  const auto result = call(service(answering(200, '"' + std::string(100'000, 'x') + '"')));
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->type, "Function.ResponseSizeTooLarge");
}

TEST_F(HttpServicesTest, TimeLimitsHoldAsForLocalFunctions) {
  std::vector<std::shared_ptr<net::Exchange>> held;
  std::mutex mutex;
  const auto spec = service([&](std::shared_ptr<net::Exchange> exchange) {
    const std::lock_guard lock(mutex);
    held.push_back(std::move(exchange));
  });
  spec->runtime.timeout = 50ms;
  const auto slow = call(spec);
  ASSERT_TRUE(slow.error) << problem(slow);
  EXPECT_EQ(slow.error->type, "Sandbox.Timedout");
  EXPECT_EQ(slow.error->message, "Task timed out after 0.05 seconds");
  spec->runtime.timeout = 30s;
  const auto late = wait(begin(spec, {}, "late", Deadline::after(50ms)));
  ASSERT_TRUE(late.fault);
  EXPECT_EQ(late.fault->code, ErrorCode::kDeadlineExceeded);
  auto withdrawn = begin(spec, {}, "withdrawn");
  ASSERT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex);
    return held.size() == 3;
  }));
  EXPECT_EQ(wait(begin(spec, {}, "withdrawn")).fault->code, ErrorCode::kAlreadyExists);
  engine().cancel("withdrawn");
  EXPECT_EQ(wait(std::move(withdrawn)).fault->code, ErrorCode::kCancelled);
  auto left = begin(spec, {}, "left-behind");
  stop_engine();
  const auto stopped = wait(std::move(left));
  ASSERT_TRUE(stopped.fault) << problem(stopped);
  EXPECT_EQ(stopped.fault->code, ErrorCode::kCancelled);
  const std::lock_guard lock(mutex);
  held.clear();
}

TEST_F(HttpServicesTest, ManyCallsShareConnections) {
  std::atomic<int> calls{0};
  const auto spec = service([&](std::shared_ptr<net::Exchange> exchange) {
    exchange->respond({.status = 200, .headers = {}, .body = std::to_string(++calls)});
  });
  std::set<int> seen;
  std::vector<std::future<execute::InvocationResult>> all;
  for (int i = 0; i < 200; ++i) all.push_back(begin(spec, Json::object()));
  for (auto& one : all) seen.insert(wait(std::move(one)).output.get<int>());
  EXPECT_EQ(seen.size(), 200U);
}

TEST_F(HttpServicesTest, AServiceThatIsGoneIsAPassingFault) {
  const auto spec = service(answering(200, "1"));
  stop_service();
  const auto result = call(spec);
  ASSERT_TRUE(result.fault);
  EXPECT_EQ(result.fault->code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace ae::faas
