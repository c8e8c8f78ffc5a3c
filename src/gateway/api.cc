#include "gateway/api.h"

#include <fmt/format.h>

#include <exception>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "gateway/internal/body.h"
#include "gateway/internal/core.h"
#include "gateway/internal/lambda_wire.h"
#include "gateway/internal/openapi.h"
#include "gateway/internal/router.h"

namespace ae::gateway {
namespace {

// Of one request that brings files: S3's limit for one request.
constexpr std::uint64_t kMaxPackageBytes = 50UL << 20U;  // Lambda's limit for an uploaded zip
constexpr std::uint64_t kMaxFileBytes = 5ULL << 30U;

enum class Meant {
  kApi,
  kBucket,  // whose name may stand in front of ours: "<bucket>.localhost:8000"
};

// Against DNS rebinding and cross-site requests: a page from elsewhere can make a browser send
// requests here, but not with a Host or an Origin of ours.
bool admitted(const Core& core, Call& call, Meant meant = Meant::kApi) {
  auto host = call.request().header("Host");
  if (!host) {
    call.fail(400, "missing_host", "The Host header is missing",
              "HTTP/1.1 requests name the host they are meant for");
    return false;
  }
  if (meant == Meant::kBucket && !core.host_allowed(*host)) {
    // The bucket's name may hold dots itself.
    for (std::size_t dot = host->find('.'); dot != std::string_view::npos;) {
      const std::string_view rest = host->substr(dot + 1);
      if (core.host_allowed(rest)) host = rest;
      dot = host->find('.', dot + 1);
    }
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
  const net::Request& request = call->request();
  // A page from elsewhere cannot sign, so whoever signs may come under any name. Only there: other
  // paths do not look at signatures.
  const bool is_lambda = is_lambda_path(request.path());
  const bool is_signed = is_lambda && objects::S3Api::is_signed(request);
  if (!is_signed && !admitted(*core, *call)) return;
  if (is_lambda) return handle_lambda(core, call);
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

// Whoever signs for S3 is verified there; whoever does not may read what is public, under our
// names.
void Api::handle(std::shared_ptr<net::Exchange> exchange) {
  objects::S3Api* const s3 = impl_->core->services.files.s3;
  if (s3 == nullptr || !s3->claims(exchange->request())) {
    return dispatch(impl_->core, std::make_shared<Call>(std::move(exchange)));
  }
  if (!objects::S3Api::is_signed(exchange->request())) {
    Call call(exchange);
    if (!admitted(*impl_->core, call, Meant::kBucket)) return;
  }
  s3->handle(std::move(exchange));
}

net::BodyRule Api::body_rule(const net::Request& head) const {
  objects::S3Api* const s3 = impl_->core->services.files.s3;
  if (s3 != nullptr && s3->claims(head)) return s3->body_rule(head);
  const auto match = find_route(head.method, head.path());
  if (match && match->route != nullptr && match->route->body == BodyKind::kStream) {
    return {net::BodyDelivery::kStreamed, kMaxFileBytes};
  }
  if (match && match->route != nullptr && match->route->body == BodyKind::kUpload) {
    return {net::BodyDelivery::kWhole, kMaxPackageBytes};
  }
  return {};
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
