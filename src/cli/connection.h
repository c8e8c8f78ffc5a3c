// How a command reaches the product: the server that owns the home folder, or the product opened in
// this very process. Both speak the same REST API, so a command is written once.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/config.h"
#include "cli/home.h"
#include "gateway/api.h"
#include "json/json.h"
#include "net/http_message.h"

namespace ae::cli {

// The product, opened in this process. apps/ makes it: the only place that wires concrete types.
class Instance {
 public:
  virtual ~Instance() = default;
  virtual gateway::Api& api() = 0;
  // Listens, goes on with unfinished runs, and returns its URL.
  virtual Result<std::string> serve() = 0;
};
using OpenInstance = std::function<Result<std::unique_ptr<Instance>>(const Config& config)>;

class Connection {
 public:
  virtual ~Connection() = default;
  virtual Result<net::Response> send(net::Request request) = 0;
  // For event streams; on_chunk returns false to stop.
  virtual Result<net::Response> stream(net::Request request,
                                       const std::function<bool(std::string_view)>& on_chunk) = 0;
  virtual std::string url() const = 0;  // "" without a server
};

struct Environment {
  Config config;
  std::filesystem::path program;  // the executable, to start a background server from
  OpenInstance open_instance;
};

// The running server's, else one to an Instance of our own (the home folder is locked meanwhile).
Result<std::unique_ptr<Connection>> connect(const Environment& environment);
// The running server's; starts a background server where none runs, says so through `note`, and
// leaves it running.
Result<std::unique_ptr<Connection>> connect_to_server(
    const Environment& environment, const std::function<void(std::string_view)>& note);

// Starts `ae serve` in the background and waits until it listens. Errors: what its log says.
Result<ServerInfo> start_background_server(const Environment& environment);
// Ends the server of this home folder: asks, waits, then kills. False when none runs.
Result<bool> stop_server(const Environment& environment);

// Convenience: the parsed body, or the API's problem as an Error.
Result<Json> get_json(Connection& connection, std::string target);
Result<Json> post_json(Connection& connection, std::string target, const Json& body,
                       net::Headers headers = {});

}  // namespace ae::cli
