#include "gateway/internal/call.h"

#include <fmt/format.h>

#include <utility>

#include "base/id.h"
#include "base/log.h"
#include "gateway/problem.h"

namespace ae::gateway {

Call::Call(std::shared_ptr<net::Exchange> exchange)
    : exchange_(std::move(exchange)), id_(new_id("req")) {}

std::optional<std::string> Call::query_parameter(std::string_view name) const {
  const auto found = query.find(name);
  if (found == query.end()) return std::nullopt;
  return found->second;
}

net::Headers Call::standard_headers() const {
  // Answers hold people's data: no cache keeps them, no browser guesses another type.
  return {
      {"X-Request-Id", id_}, {"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}};
}

void Call::respond(net::Response response) {
  for (auto& header : standard_headers()) response.headers.push_back(std::move(header));
  if (response.status >= 500) {
    log::warning("{} {} -> {} ({})", request().method, request().path(), response.status, id_);
  }
  exchange_->respond(std::move(response));
}

void Call::respond_json(int status, const Json& value, net::Headers headers) {
  headers.emplace_back("Content-Type", "application/json");
  respond({status, std::move(headers), json::dump(value)});
}

void Call::fail(const Error& error) {
  if (error.code == ErrorCode::kInternal || error.code == ErrorCode::kDataLoss) {
    log::error("{}: {} {}: {}", id_, request().method, request().path(), error.describe());
    return fail(
        500, to_string(error.code), "Internal error",
        fmt::format("the server could not do this; its log says why, under {}. \"ae doctor\" "
                    "checks the installation",
                    id_));
  }
  respond(problem(error, instance()));
}

void Call::fail(int status, std::string_view code, std::string_view title, std::string_view detail,
                std::span<const dag::Diagnostic> diagnostics) {
  respond(problem(status, code, title, detail, diagnostics, instance()));
}

void Call::fail_with(int status, std::string_view code, std::string_view title,
                     std::string_view detail, const Json& extensions, net::Headers headers) {
  Json problem_body;
  problem_body["type"] = fmt::format("urn:action-engine:problem:{}", code);
  problem_body["title"] = title;
  problem_body["status"] = status;
  problem_body["detail"] = detail;
  problem_body["instance"] = instance();
  for (const auto& item : extensions.items()) problem_body[item.key()] = item.value();
  headers.emplace_back("Content-Type", "application/problem+json");
  respond({status, std::move(headers), json::dump(problem_body)});
}

void Call::fail_overloaded() {
  net::Response response =
      problem(503, "overloaded", "Too much at once",
              "more requests are waiting than the server takes; send this one again in a second",
              {}, instance());
  response.headers.emplace_back("Retry-After", "1");
  respond(std::move(response));
}

}  // namespace ae::gateway
