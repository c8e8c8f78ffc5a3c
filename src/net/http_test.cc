#include <gtest/gtest.h>

#include "net/http_client.h"
#include "net/http_server.h"
namespace ae::net {
TEST(Http, Smoke) {
  auto server = HttpServer::start(TcpEndpoint{}, [](std::shared_ptr<Exchange> e) {
    Response r;
    r.body = e->request().method + e->request().target + e->request().body;
    e->respond(std::move(r));
  });
  ASSERT_TRUE(server.has_value()) << server.error().describe();
  HttpClient client("http://127.0.0.1:" + std::to_string((*server)->port()));
  for (int i = 0; i < 3; ++i) {
    auto r = client.send({"POST", "/x?y", {}, "body"});
    ASSERT_TRUE(r.has_value()) << r.error().describe();
    EXPECT_EQ(r->body, "POST/x?ybody");
  }
}
}  // namespace ae::net
