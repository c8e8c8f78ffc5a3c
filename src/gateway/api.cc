#include "gateway/api.h"

#include <fmt/format.h>

#include <exception>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "gateway/internal/body.h"
#include "gateway/internal/core.h"
#include "gateway/internal/openapi.h"
#include "gateway/internal/router.h"

namespace ae::gateway {
namespace {

// Against DNS rebinding and cross-site requests: a page from elsewhere can make a browser send
// requests here, but not with a Host or an Origin of ours.
bool admitted(const Core& core, Call& call) {
  const auto host = call.request().header("Host");
  if (!host) {
    call.fail(400, "missing_host", "The Host header is missing",
              "HTTP/1.1 requests name the host they are meant for");
    return false;
  }
  if (!core.host_allowed(*host)) {
    call.fail(403, "host_not_allowed", "This server does not go by that name",
              fmt::format("the request is for \"{}\"; this server answers as {} only",
                          shorten(*host, 100), core.options.public_url));
    return false;
  }
  const auto origin = call.request().header("Origin");
  if (origin && !core.origin_allowed(*origin)) {
    call.fail(403, "origin_not_allowed", "Pages of other origins may not call this server",
              fmt::format("the request comes from a page of \"{}\"; call from {} or from a program",
                          shorten(*origin, 100), core.options.public_url));
    return false;
  }
  return true;
}

void refuse_route(Call& call, const Match& match) {
  const std::string path = shorten(call.request().path(), 200);
  const std::string method = shorten(call.request().method, 20);
  if (match.allowed.empty()) {
    const auto near = nearest_routes(method, call.request().path());
    return call.fail_with(
        404, "no_such_route", "No such route",
        near.empty() ? fmt::format("there is no {}; GET /openapi.json lists what there is", path)
                     : fmt::format("there is no {}; did you mean {}?", path, join(near, ", or ")),
        near.empty() ? Json::object() : Json{{"candidates", near}});
  }
  const std::string allowed = join(match.allowed, ", ");
  call.fail_with(405, "method_not_allowed", "That method is not for this path",
                 fmt::format("{} does not take {}; it takes {}", path, method, allowed),
                 Json::object(), {{"Allow", allowed}});
}

void run_handler(const CorePtr& core, const CallPtr& call, const Route& route) {
  try {
    if (const auto refusal = read_call(route, *call)) {
      return call->fail(refusal->status, refusal->code, refusal->title, refusal->detail,
                        refusal->diagnostics);
    }
    route.handler(core, call);
  } catch (const std::exception& error) {
    // Out of memory, or our bug: this request fails, the server lives.
    call->fail(Error{ErrorCode::kInternal, error.what(), {}});
  }
}

void dispatch(const CorePtr& core, const CallPtr& call) {
  if (!admitted(*core, *call)) return;
  const net::Request& request = call->request();
  if (request.method == "OPTIONS" && request.target == "*") {
    return call->respond({204, {{"Allow", "DELETE, GET, HEAD, OPTIONS, POST"}}, {}});
  }
  auto match = find_route(request.method, request.path());
  if (!match) return call->fail(match.error());
  if (request.method == "OPTIONS" && !match->allowed.empty()) {
    return call->respond({204, {{"Allow", join(match->allowed, ", ")}}, {}});
  }
  if (match->route == nullptr) return refuse_route(*call, *match);
  call->path = std::move(match->path);
  const Route& route = *match->route;
  if (route.lane == Lane::kInline) return run_handler(core, call, route);
  if (core->closing()) {
    return call->fail(
        Error{ErrorCode::kUnavailable, "the server is stopping; try again later", {}});
  }
  if (!core->post(route.lane, [core, call, &route] { run_handler(core, call, route); })) {
    call->fail_overloaded();
  }
}

}  // namespace

class Api::Impl {
 public:
  Impl(Services services, ApiOptions options)
      : core(std::make_shared<Core>(services, std::move(options))) {}
  ~Impl() { core->close(); }

  const CorePtr core;
};

Api::Api(Services services, ApiOptions options)
    : impl_(std::make_unique<Impl>(services, std::move(options))) {}
Api::~Api() = default;

void Api::handle(std::shared_ptr<net::Exchange> exchange) {
  dispatch(impl_->core, std::make_shared<Call>(std::move(exchange)));
}

void Api::close() { impl_->core->close(); }

Json Api::openapi() const {
  auto document = openapi_document(*impl_->core);
  if (document) return *std::move(document);
  log::error("openapi.json: {}", document.error().describe());
  return Json::object();
}

const std::string& Api::public_url() const { return impl_->core->options.public_url; }

}  // namespace ae::gateway
