#include "objects/s3_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "objects/internal/s3_call.h"

namespace ae::objects {
namespace {

// The largest object that S3 takes in one request.
constexpr std::uint64_t kMaxBody = 5ULL << 30U;

// Parameters that make a request one about something else than the object or bucket itself.
// Sorted.
constexpr std::array kSubresources = std::to_array<std::string_view>({
    "accelerate",
    "acl",
    "analytics",
    "attributes",
    "cors",
    "delete",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "metadataTable",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "session",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versioning",
    "versions",
    "website",
});
static_assert(std::ranges::is_sorted(kSubresources));

enum class Level { kService, kBucket, kObject };

struct Operation {
  std::string_view method;
  Level level;
  std::string_view subresource;
  S3Handler handler;
};

constexpr std::array kOperations = std::to_array<Operation>({
    {"GET", Level::kService, "", list_buckets},
    {"PUT", Level::kBucket, "", create_bucket},
    {"DELETE", Level::kBucket, "", delete_bucket},
    {"HEAD", Level::kBucket, "", head_bucket},
    {"GET", Level::kBucket, "", list_objects},
    {"GET", Level::kBucket, "location", get_location},
    {"GET", Level::kBucket, "versioning", get_versioning},
    {"GET", Level::kBucket, "acl", get_acl},
    {"PUT", Level::kBucket, "acl", put_acl},
    {"GET", Level::kBucket, "uploads", list_uploads},
    {"POST", Level::kBucket, "delete", delete_objects},
    {"GET", Level::kObject, "", get_object},
    {"HEAD", Level::kObject, "", get_object},
    {"PUT", Level::kObject, "", put_object},
    {"DELETE", Level::kObject, "", delete_object},
    {"GET", Level::kObject, "acl", get_acl},
    {"PUT", Level::kObject, "acl", put_acl},
    {"GET", Level::kObject, "tagging", get_tagging},
    {"POST", Level::kObject, "uploads", begin_upload},
    {"PUT", Level::kObject, "uploadId", put_part},
    {"POST", Level::kObject, "uploadId", complete_upload},
    {"DELETE", Level::kObject, "uploadId", abort_upload},
    {"GET", Level::kObject, "uploadId", list_parts},
});

Level level_of(const S3Target& target) {
  if (target.bucket.empty()) return Level::kService;
  return target.key.empty() ? Level::kBucket : Level::kObject;
}

std::string_view subresource_of(const QueryItems& query) {
  for (const auto& [name, value] : query) {
    const auto found = std::ranges::lower_bound(kSubresources, name);
    if (found != kSubresources.end() && *found == name) return *found;
  }
  return {};
}

const Operation* find_operation(std::string_view method, Level level,
                                std::string_view subresource) {
  const auto found = std::ranges::find_if(kOperations, [&](const Operation& each) {
    return each.method == method && each.level == level && each.subresource == subresource;
  });
  return found == kOperations.end() ? nullptr : &*found;
}

bool is_copy(const net::Request& request) {
  return request.header("x-amz-copy-source").has_value();
}

S3Handler handler_of(const S3Call& call) {
  const Operation* const operation =
      find_operation(call.request().method, level_of(call.target), subresource_of(call.query));
  if (operation == nullptr) return nullptr;
  if (operation->handler == put_object && is_copy(call.request())) return copy_object;
  if (operation->handler == put_part && is_copy(call.request())) return copy_part;
  return operation->handler;
}

bool takes_stream(S3Handler handler) { return handler == put_object || handler == put_part; }

// Whether the request's signature is one of another service that shares the port.
bool is_of_other_service(const net::Request& head) {
  const auto claim = net::read_aws_claim(head);
  return claim && *claim && (*claim)->form != net::AwsClaim::Form::kPresignedV2 &&
         (*claim)->scope.service != "s3";
}

// Wishes that would change what is stored or who may read it, and that we do not fulfil.
std::optional<S3Fault> find_unsupported(const S3Call& call) {
  for (const auto& [name, value] : call.request().headers) {
    const std::string lower = to_lower(name);
    const bool refused = lower.starts_with("x-amz-server-side-encryption") ||
                         lower.starts_with("x-amz-copy-source-server-side-encryption") ||
                         lower.starts_with("x-amz-object-lock") ||
                         lower.starts_with("x-amz-grant-") || lower == "x-amz-tagging" ||
                         lower == "x-amz-website-redirect-location" ||
                         lower == "x-amz-write-offset-bytes" || lower == "x-amz-rename-source";
    if (!refused) continue;
    S3Fault fault = s3_fault("NotImplemented");
    fault.details = {{"Header", lower}, {"additionalMessage", lower + " is not supported here"}};
    return fault;
  }
  const std::string version = call.parameter("versionId");
  if (!version.empty() && version != "null") return s3_fault("NoSuchVersion");
  return std::nullopt;
}

// ---- Who may do what -------------------------------------------------------------------------

// Of an anonymous request: what is public may be read. What is not there and what may not be seen
// look alike.
std::optional<S3Fault> admit_anonymous(S3Core& core, const S3Call& call, S3Handler handler) {
  const auto bucket = core.store.bucket(call.target.bucket);
  if (handler == get_object && bucket) {
    for (const auto& [name, value] : call.query) {
      if (name.starts_with("response-")) {
        return s3_fault("InvalidRequest",
                        "Request specific response headers cannot be used for anonymous GET "
                        "requests.");
      }
    }
    const auto info = core.store.head(bucket->name, call.target.key);
    if (info && info->attributes.access == Access::kPublicRead) return std::nullopt;
    if (!info && info.error().code == ErrorCode::kNotFound &&
        bucket->access == Access::kPublicRead) {
      return s3_fault("NoSuchKey");
    }
  }
  if ((handler == list_objects || handler == head_bucket) && bucket &&
      bucket->access == Access::kPublicRead) {
    return std::nullopt;
  }
  return s3_fault("AccessDenied");
}

std::optional<S3Fault> authenticate(S3Core& core, S3Call& call, S3Handler handler) {
  auto claim = net::read_aws_claim(call.request());
  if (!claim) return s3_fault(claim.error(), "");
  if (!*claim) return admit_anonymous(core, call, handler);
  call.claim = **std::move(claim);
  const auto principal = core.credentials.find(call.claim->access_key_id);
  if (!principal) {
    S3Fault fault = s3_fault("InvalidAccessKeyId");
    fault.details = {{"AWSAccessKeyId", shorten(call.claim->access_key_id, 128)}};
    return fault;
  }
  const bool is_v4 = call.claim->form != net::AwsClaim::Form::kPresignedV2;
  if (is_v4 && call.claim->scope.service != "s3") {
    return s3_fault("AuthorizationHeaderMalformed",
                    fmt::format("The authorization header is malformed; incorrect service \"{}\". "
                                "This endpoint belongs to \"s3\".",
                                shorten(call.claim->scope.service, 40)));
  }
  if (call.claim->payload_hash.empty()) {
    return s3_fault("InvalidRequest",
                    "Missing required header for this request: x-amz-content-sha256");
  }
  auto key = net::verify_aws_claim(
      call.request(), *call.claim, principal->secret, core.clock.now(),
      call.target.virtual_hosted ? std::string_view(call.target.bucket) : std::string_view{});
  if (!key) return s3_fault(key.error(), call.claim->access_key_id);
  call.signing_key = *std::move(key);
  return std::nullopt;
}

// Of a body that came whole.
std::optional<S3Fault> check_whole_body(const S3Call& call) {
  if (!call.claim || call.claim->payload_hash.size() != 64) return std::nullopt;
  if (sha256_hex(call.request().body) == call.claim->payload_hash) return std::nullopt;
  return s3_fault("XAmzContentSHA256Mismatch");
}

void run(S3Core& core, const S3CallPtr& call) {
  const S3Handler handler = handler_of(*call);
  if (auto fault = authenticate(core, *call, handler)) return call->fail(*fault);
  if (handler == nullptr) {
    const bool any_method = std::ranges::any_of(kOperations, [&](const Operation& each) {
      return each.level == level_of(call->target) &&
             each.subresource == subresource_of(call->query);
    });
    return call->fail(s3_fault(any_method ? "MethodNotAllowed" : "NotImplemented"));
  }
  if (auto fault = find_unsupported(*call)) return call->fail(*fault);
  if (!call->target.bucket.empty() && handler != create_bucket &&
      !core.store.bucket(call->target.bucket)) {
    return call->fail(s3_fault("NoSuchBucket"));
  }
  if (!takes_stream(handler)) {
    if (auto fault = check_whole_body(*call)) return call->fail(*fault);
  }
  handler(core, call);
}

void run_guarded(S3Core& core, const S3CallPtr& call) {
  try {
    run(core, call);
  } catch (const std::exception& error) {
    log::error("S3: {} {}: {}", call->request().method, call->request().path(), error.what());
    call->fail(s3_fault("InternalError"));
  }
}

}  // namespace

class S3Api::Impl {
 public:
  Impl(ObjectStore& store, const Credentials& credentials, const Clock& clock, S3Options options)
      : core(store, credentials, clock, std::move(options)) {}
  ~Impl() { core.stop(); }

  S3Core core;
};

S3Api::S3Api(ObjectStore& store, const Credentials& credentials, const Clock& clock,
             S3Options options)
    : impl_(std::make_unique<Impl>(store, credentials, clock, std::move(options))) {}
S3Api::~S3Api() = default;

bool S3Api::is_signed(const net::Request& head) {
  const auto claim = net::read_aws_claim(head);
  return !claim || claim->has_value();
}

bool S3Api::claims(const net::Request& head) const {
  if (is_signed(head)) return !is_of_other_service(head);
  const auto target = read_s3_target(head, impl_->core.hosts());
  return target && (target->virtual_hosted || impl_->core.store.bucket(target->bucket).has_value());
}

net::BodyRule S3Api::body_rule(const net::Request& head) const {
  const auto target = read_s3_target(head, impl_->core.hosts());
  if (!target) return {};
  const Operation* const operation =
      find_operation(head.method, level_of(*target), subresource_of(read_s3_query(head.query())));
  if (operation == nullptr || !takes_stream(operation->handler) || is_copy(head)) return {};
  return {net::BodyDelivery::kStreamed, kMaxBody + (kMaxBody >> 4U)};  // room for the chunks' own
}

void S3Api::handle(std::shared_ptr<net::Exchange> exchange) {
  const auto call = std::make_shared<S3Call>(std::move(exchange));
  auto target = read_s3_target(call->request(), impl_->core.hosts());
  if (!target) return call->fail(s3_fault("InvalidURI"));
  call->target = *std::move(target);
  S3Core* const core = &impl_->core;
  if (!core->post([core, call] { run_guarded(*core, call); })) call->fail(s3_fault("SlowDown"));
}

void S3Api::set_hosts(std::vector<std::string> hosts) { impl_->core.set_hosts(std::move(hosts)); }

std::string S3Api::presigned_target(std::string_view host, const std::string& bucket,
                                    const std::string& key, std::chrono::seconds valid_for) const {
  return net::presign_aws_target(
      "GET", host, object_path(bucket, key), impl_->core.credentials.root(),
      {.region = std::string(kRegion), .service = "s3", .now = impl_->core.clock.now()}, valid_for);
}

std::string object_path(std::string_view bucket, std::string_view key) {
  std::string path = "/" + net::percent_encode(bucket);
  for (const std::string_view part : split(key, '/')) path += "/" + net::percent_encode(part);
  return path;
}

}  // namespace ae::objects
