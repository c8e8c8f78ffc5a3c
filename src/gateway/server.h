// The API behind a port.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "gateway/api.h"
#include "gateway/services.h"
#include "net/http_server.h"

namespace ae::gateway {

struct ServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8000;  // 0: any free one
  std::size_t threads = 2;    // event loops
  net::ServerLimits limits{};
  // public_url, allowed_hosts and allowed_origins are completed with the port in use. An address
  // that is not loopback is refused unless allowed_hosts says under which names it is reached.
  ApiOptions api{};
};

class Server final {
 public:
  // Listens when it returns. Errors: as net::HttpServer::start; kPermissionDenied for an address
  // that is not loopback without allowed_hosts: there are no keys yet that would keep others out.
  static Result<std::unique_ptr<Server>> start(Services services, ServerOptions options);
  // Stops listening, answers what is under way, then ends. The services must outlive it.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port() const;
  const std::string& url() const;  // "http://127.0.0.1:8000"
  Api& api();

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ae::gateway
