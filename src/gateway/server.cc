#include "gateway/server.h"

#include <fmt/format.h>

#include <mutex>
#include <utility>
#include <vector>

namespace ae::gateway {
namespace {

bool is_loopback(std::string_view host) {
  return host == "::1" || host == "localhost" || host.starts_with("127.");
}

std::string authority(std::string_view host, std::uint16_t port) {
  return host.find(':') == std::string_view::npos ? fmt::format("{}:{}", host, port)
                                                  : fmt::format("[{}]:{}", host, port);
}

void complete(ApiOptions& api, std::string_view host, std::uint16_t port) {
  api.public_url = "http://" + authority(host, port);
  std::vector<std::string> names{authority(host, port)};
  if (is_loopback(host)) {
    for (const char* name : {"127.0.0.1", "localhost", "::1"}) {
      names.push_back(authority(name, port));
    }
  }
  for (const std::string& name : names) {
    api.allowed_hosts.push_back(name);
    api.allowed_origins.push_back("http://" + name);
  }
}

// The API needs the port, which is known only once the server listens: what arrives in between
// waits here.
class Door final {
 public:
  void handle(std::shared_ptr<net::Exchange> exchange) {
    {
      const std::lock_guard lock(mutex_);
      if (api_ == nullptr) {
        waiting_.push_back(std::move(exchange));
        return;
      }
    }
    api_->handle(std::move(exchange));
  }

  // Before the API is there nothing is streamed.
  net::BodyRule body_rule(const net::Request& head) {
    {
      const std::lock_guard lock(mutex_);
      if (api_ == nullptr) return {};
    }
    return api_->body_rule(head);
  }

  void open(Api& api) {
    std::vector<std::shared_ptr<net::Exchange>> waiting;
    {
      const std::lock_guard lock(mutex_);
      api_ = &api;
      waiting.swap(waiting_);
    }
    for (auto& exchange : waiting) api.handle(std::move(exchange));
  }

 private:
  std::mutex mutex_;
  Api* api_ = nullptr;  // set once
  std::vector<std::shared_ptr<net::Exchange>> waiting_;
};

}  // namespace

class Server::Impl {
 public:
  std::unique_ptr<net::HttpServer> http;
  std::unique_ptr<Api> api;
};

Result<std::unique_ptr<Server>> Server::start(Services services, ServerOptions options) {
  if (options.host == "localhost") options.host = "127.0.0.1";
  if (!is_loopback(options.host) && options.api.allowed_hosts.empty()) {
    return fail(
        ErrorCode::kPermissionDenied,
        fmt::format("will not listen on {}: everybody who reaches that address could run "
                    "functions here. Use 127.0.0.1, or list the names that the server may be "
                    "called by (allowed hosts) behind a proxy that knows its users",
                    options.host));
  }
  const auto door = std::make_shared<Door>();
  auto http = net::HttpServer::start(
      net::TcpEndpoint{options.host, options.port},
      [door](std::shared_ptr<net::Exchange> exchange) { door->handle(std::move(exchange)); },
      options.threads, options.limits,
      [door](const net::Request& head) { return door->body_rule(head); });
  if (!http) return fail(std::move(http.error()));
  auto impl = std::make_unique<Impl>();
  impl->http = *std::move(http);
  complete(options.api, options.host, impl->http->port());
  if (services.files.s3 != nullptr) services.files.s3->set_hosts(options.api.allowed_hosts);
  impl->api = std::make_unique<Api>(services, std::move(options.api));
  door->open(*impl->api);
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() {
  // First the answers that are owed (waits end with what is known), then the sockets: callers get
  // a word instead of a reset.
  impl_->api->close();
  impl_->http->stop();
}

std::uint16_t Server::port() const { return impl_->http->port(); }
const std::string& Server::url() const { return impl_->api->public_url(); }
Api& Server::api() { return *impl_->api; }

}  // namespace ae::gateway
