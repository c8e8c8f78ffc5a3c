// One request on its way to an answer, after routing: what the handler reads and how it answers.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "dag/diagnostic.h"
#include "json/json.h"
#include "net/http_server.h"

namespace ae::gateway {

// Threads: set up on one thread, then read only; the answer may come from any thread, once.
class Call final {
 public:
  explicit Call(std::shared_ptr<net::Exchange> exchange);
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  const net::Request& request() const { return exchange_->request(); }
  net::Exchange& exchange() { return *exchange_; }
  const std::string& id() const { return id_; }  // "req_…", also sent as X-Request-Id
  bool is_head() const { return request().method == "HEAD"; }

  std::map<std::string, std::string, std::less<>> path;   // decoded, by template name
  std::map<std::string, std::string, std::less<>> query;  // decoded, checked against the route
  Json body = Json::object();                             // checked against the route's schema

  const std::string& path_parameter(std::string_view name) const { return path.find(name)->second; }
  std::optional<std::string> query_parameter(std::string_view name) const;

  void respond(net::Response response);
  void respond_json(int status, const Json& body, net::Headers headers = {});
  // Internal errors are logged with the request's id and answered without their text, which may
  // name files of this machine.
  void fail(const Error& error);
  void fail(int status, std::string_view code, std::string_view title, std::string_view detail,
            std::span<const dag::Diagnostic> diagnostics = {});
  // problem+json with members of its own beside the standard ones.
  void fail_with(int status, std::string_view code, std::string_view title, std::string_view detail,
                 const Json& extensions, net::Headers headers = {});
  // Refused for want of room; the caller may come again.
  void fail_overloaded();

  net::Headers standard_headers() const;
  std::string instance() const { return "urn:action-engine:request:" + id_; }

 private:
  std::shared_ptr<net::Exchange> exchange_;
  std::string id_;
};

using CallPtr = std::shared_ptr<Call>;

}  // namespace ae::gateway
