#include "gateway/internal/lambda_wire.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <mutex>
#include <optional>
#include <utility>

#include "base/hash.h"
#include "base/id.h"
#include "base/log.h"
#include "base/text.h"
#include "net/aws_signature.h"

namespace ae::gateway {
namespace {

constexpr std::string_view kRoot = "/2015-03-31/functions";
constexpr std::string_view kLatest = "$LATEST";
constexpr std::string_view kRegion = "us-east-1";
constexpr std::string_view kAccount = "000000000000";
constexpr std::size_t kMaxPayload = 6UL << 20U;       // Lambda's, of a synchronous call
constexpr std::size_t kMaxAsyncPayload = 1UL << 20U;  // and of an asynchronous one
constexpr std::size_t kLogTailBytes = 4UL << 10U;     // Lambda's
constexpr std::size_t kMaxItems = 50;                 // Lambda's, of one page

void refuse(Call& call, int status, std::string_view type, std::string_view message) {
  const Json body = {{"Type", status < 500 ? "User" : "Service"}, {"Message", message}};
  call.respond({status,
                {{"Content-Type", "application/json"},
                 {"x-amzn-ErrorType", std::string(type)},
                 {"x-amzn-RequestId", call.id()}},
                json::dump(body)});
}

std::string arn_of(std::string_view name) {
  return fmt::format("arn:aws:lambda:{}:{}:function:{}", kRegion, kAccount, name);
}

struct Named {
  std::string name;
  std::string qualifier;  // "": the current version
};

// "f", "f:qualifier", "account:function:f", "arn:aws:lambda:region:account:function:f:qualifier".
std::optional<Named> read_name(std::string_view text) {
  const auto parts = split(text, ':');
  std::size_t at = 0;
  if (text.starts_with("arn:")) {
    if (parts.size() < 7 || parts[2] != "lambda" || parts[5] != "function") return std::nullopt;
    at = 6;
  } else if (parts.size() >= 3 && parts[1] == "function") {
    at = 2;
  }
  if (at >= parts.size() || parts.size() - at > 2 || parts[at].empty()) return std::nullopt;
  Named named{std::string(parts[at]), {}};
  if (parts.size() - at == 2) named.qualifier = parts[at + 1];
  return named;
}

std::string lambda_time(WallTime time) {
  const std::string text = to_rfc3339(time);
  return text.substr(0, text.size() - 1) + "+0000";
}

Json configuration(const dag::FunctionSpec& spec, std::string_view version, WallTime now) {
  Json value = {
      {"FunctionName", spec.name},
      {"FunctionArn",
       version == kLatest ? arn_of(spec.name) : fmt::format("{}:{}", arn_of(spec.name), version)},
      {"Description", shorten(spec.description, 256)},
      {"Timeout", std::max<std::int64_t>(
                      1, std::chrono::ceil<std::chrono::seconds>(spec.runtime.timeout).count())},
      {"MemorySize", spec.runtime.memory_mb},
      {"LastModified", lambda_time(now)},
      {"Version", version},
      {"PackageType", "Zip"},
      {"State", "Active"},
      {"LastUpdateStatus", "Successful"},
      {"RevisionId", spec.version.substr(0, 36)},
      {"Role", fmt::format("arn:aws:iam::{}:role/action-engine", kAccount)},
      {"CodeSha256", spec.version}};
  if (const auto* package = std::get_if<dag::LocalPackage>(&spec.binding)) {
    value["Runtime"] = package->runtime;
    value["Handler"] = package->handler;
  }
  return value;
}

std::optional<dag::FunctionSpec> find(const Core& core, Call& call, std::string_view segment) {
  const auto named = read_name(segment);
  const std::string qualifier = call.query.contains("Qualifier") ? call.query["Qualifier"]
                                : named                          ? named->qualifier
                                                                 : "";
  if (!named) {
    refuse(
        call, 400, "InvalidParameterValueException",
        fmt::format("\"{}\" names no function: give its name or its ARN", shorten(segment, 140)));
    return std::nullopt;
  }
  auto spec = core.services.repository.get(named->name, qualifier == kLatest ? "" : qualifier);
  if (spec) {
    call.query["Qualifier"] = qualifier.empty() ? std::string(kLatest) : qualifier;
    return *std::move(spec);
  }
  if (spec.error().code != ErrorCode::kNotFound) {
    log::error("Lambda: {}", spec.error().describe());
    refuse(call, 500, "ServiceException", "Internal error");
    return std::nullopt;
  }
  refuse(call, 404, "ResourceNotFoundException",
         fmt::format("Function not found: {}{}{}", arn_of(named->name),
                     qualifier.empty() ? "" : ":", qualifier));
  return std::nullopt;
}

// ---- Invoke ----------------------------------------------------------------------------------

struct Wish {
  bool tail = false;
  bool asynchronous = false;
};

// Whoever takes the call answers it: the function's end, the caller's departure, or the stop.
class LambdaCall final : public Pending, public std::enable_shared_from_this<LambdaCall> {
 public:
  LambdaCall(CorePtr core, CallPtr call, std::string version, Wish wish)
      : core_(std::move(core)), call_(std::move(call)), version_(std::move(version)), wish_(wish) {}

  void start(execute::Invocation invocation) {
    const auto self = shared_from_this();
    request_id_ = invocation.request_id;
    if (wish_.asynchronous) {
      const CallPtr call = std::exchange(call_, nullptr);
      core_->services.faas.invoke(
          std::move(invocation),
          [self](const execute::InvocationResult& result) { self->note_end(result); });
      return call->respond({202, headers(), {}});
    }
    pending_ = core_->add(self);
    {
      const std::lock_guard lock(mutex_);
      if (call_ == nullptr) return;  // the server stops
      call_->exchange().on_disconnect([weak = weak_from_this()] {
        if (const auto direct = weak.lock()) direct->disconnected();
      });
    }
    core_->services.faas.invoke(std::move(invocation), [self](execute::InvocationResult result) {
      self->finished(std::move(result));
    });
  }

  void abandon() override {
    if (const CallPtr call = claim()) {
      refuse(*call, 503, "ServiceException", "The server stops, and the function with it");
    }
  }

 private:
  net::Headers headers() const {
    return {{"Content-Type", "application/json"},
            {"x-amzn-RequestId", request_id_},
            {"X-Amz-Executed-Version", version_}};
  }

  void note_end(const execute::InvocationResult& result) const {
    if (result.fault) {
      log::warning("Lambda: event {} was not run: {}", request_id_, result.fault->describe());
    } else if (result.error) {
      log::warning("Lambda: event {} failed: {}: {}", request_id_, result.error->type,
                   result.error->message);
    }
  }

  void disconnected() {
    const CallPtr call = claim();
    if (call == nullptr) return;
    refuse(*call, 499, "ClientClosedRequest", "The caller left before the function ended");
    const bool posted = core_->post(Lane::kWorkers, [self = shared_from_this()] {
      self->core_->services.faas.cancel(self->request_id_);
    });
    static_cast<void>(posted);  // else the function runs to its own time-out
  }

  void finished(execute::InvocationResult result) {
    const CallPtr call = claim();
    if (call == nullptr) return;
    if (result.fault) return refuse_fault(*call, *result.fault);
    net::Headers all = headers();
    if (wish_.tail) all.emplace_back("X-Amz-Log-Result", to_base64(log_tail(result)));
    if (!result.error) return call->respond({200, std::move(all), json::dump(result.output)});
    all.emplace_back("X-Amz-Function-Error", "Unhandled");
    Json body = {{"errorMessage", result.error->message}, {"errorType", result.error->type}};
    body["requestId"] = request_id_;
    if (result.error->stack_trace.is_array() && !result.error->stack_trace.empty()) {
      body["stackTrace"] = result.error->stack_trace;
    }
    call->respond({200, std::move(all), json::dump(body)});
  }

  static void refuse_fault(Call& call, const Error& fault) {
    if (fault.code == ErrorCode::kResourceExhausted) {
      return refuse(call, 429, "TooManyRequestsException", "Rate Exceeded.");
    }
    if (fault.code == ErrorCode::kFailedPrecondition || fault.code == ErrorCode::kUnimplemented) {
      return refuse(call, 502, "InvalidRuntimeException", fault.message);
    }
    log::error("Lambda: {}: {}", call.id(), fault.describe());
    refuse(call, 500, "ServiceException",
           "The function could not be run; the server's log says why");
  }

  // As Lambda's log shows an invocation.
  std::string log_tail(const execute::InvocationResult& result) const {
    std::string text =
        fmt::format("START RequestId: {} Version: {}\n{}", request_id_, version_, result.log);
    if (!text.ends_with('\n')) text += '\n';
    text += fmt::format("END RequestId: {}\nREPORT RequestId: {}\tDuration: {} ms\n", request_id_,
                        request_id_, result.duration.count());
    return text.size() > kLogTailBytes ? text.substr(text.size() - kLogTailBytes) : text;
  }

  CallPtr claim() {
    CallPtr call;
    {
      const std::lock_guard lock(mutex_);
      call = std::exchange(call_, nullptr);
    }
    if (call != nullptr) core_->remove(pending_);
    return call;
  }

  const CorePtr core_;
  std::mutex mutex_;
  CallPtr call_;
  const std::string version_;
  const Wish wish_;
  std::string request_id_;
  std::atomic<std::uint64_t> pending_{0};
};

// Lambda's ids are UUIDs, and some handlers read them as such.
std::string new_request_id() {
  std::string hex = to_hex(random_bytes(16));
  hex[12] = '4';
  hex[16] = "89ab"[static_cast<unsigned char>(hex[16]) % 4];
  for (const std::size_t at : {8U, 13U, 18U, 23U}) hex.insert(at, "-");
  return hex;
}

void invoke(const CorePtr& core, const CallPtr& call, std::string_view segment) {
  const net::Request& request = call->request();
  const std::string_view type = request.header("X-Amz-Invocation-Type").value_or("RequestResponse");
  if (type != "RequestResponse" && type != "Event" && type != "DryRun") {
    return refuse(*call, 400, "InvalidParameterValueException",
                  fmt::format("X-Amz-Invocation-Type \"{}\" is none of RequestResponse, Event, "
                              "DryRun",
                              shorten(type, 40)));
  }
  auto spec = find(*core, *call, segment);
  if (!spec) return;
  if (request.body.size() > (type == "Event" ? kMaxAsyncPayload : kMaxPayload)) {
    return refuse(*call, 413, "RequestTooLargeException",
                  fmt::format("{} byte payload is too large for the {} invocation type",
                              request.body.size(), type));
  }
  auto payload = request.body.empty() ? Result<Json>(Json::object()) : json::parse(request.body);
  if (!payload) {
    return refuse(*call, 400, "InvalidRequestContentException",
                  "Could not parse request body into json: " + payload.error().message);
  }
  std::string context;
  if (const auto header = request.header("X-Amz-Client-Context")) {
    const auto decoded = from_base64(*header);
    if (!decoded || !json::parse(*decoded)) {
      return refuse(*call, 400, "InvalidRequestContentException",
                    "Client context must be a valid Base64-encoded JSON object.");
    }
    context = *decoded;
  }
  const std::string version = call->query["Qualifier"];
  if (type == "DryRun") {
    return call->respond(
        {204, {{"x-amzn-RequestId", call->id()}, {"X-Amz-Executed-Version", version}}, {}});
  }
  const std::string id = new_request_id();
  std::make_shared<LambdaCall>(core, call, version,
                               Wish{.tail = request.header("X-Amz-Log-Type").value_or("") == "Tail",
                                    .asynchronous = type == "Event"})
      ->start({.request_id = id,
               .run_id = "",
               .node_id = "",
               .attempt = 1,
               .idempotency_key = id,
               .function = std::make_shared<const dag::FunctionSpec>(*std::move(spec)),
               .input = *std::move(payload),
               .deadline = Deadline::never(),
               .client_context = std::move(context),
               .trace_id = std::string(request.header("X-Amzn-Trace-Id").value_or("")),
               .answer = execute::Answer::kWhole});
}

// ---- The others ------------------------------------------------------------------------------

// The marker of a page is the name of the last function before it.
void list(const CorePtr& core, const CallPtr& call) {
  std::size_t limit = kMaxItems;
  if (const auto text = call->query_parameter("MaxItems")) {
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), limit);
    if (error != std::errc{} || end != text->data() + text->size() || limit < 1 || limit > 10'000) {
      return refuse(*call, 400, "InvalidParameterValueException",
                    "MaxItems is a number from 1 to 10000");
    }
    limit = std::min(limit, kMaxItems);
  }
  const auto marker = from_base64(call->query_parameter("Marker").value_or(""));
  if (!marker) {
    return refuse(*call, 400, "InvalidParameterValueException", "The Marker is not one of ours");
  }
  const auto snapshot = core->services.repository.snapshot();
  Json functions = Json::array();
  Json next;
  for (const dag::FunctionSpec& spec : snapshot->functions) {
    if (!marker->empty() && spec.name <= *marker) continue;
    if (functions.size() == limit) {
      next = to_base64(json::string_or(functions.back(), "FunctionName"));
      break;
    }
    functions.push_back(configuration(spec, kLatest, core->services.clock.now()));
  }
  Json body = {{"Functions", std::move(functions)}};
  if (!next.is_null()) body["NextMarker"] = std::move(next);
  call->respond_json(200, body);
}

void get(const CorePtr& core, const CallPtr& call, std::string_view segment, bool with_code) {
  const auto spec = find(*core, *call, segment);
  if (!spec) return;
  Json value = configuration(*spec, call->query["Qualifier"], core->services.clock.now());
  if (!with_code) return call->respond_json(200, value);
  call->respond_json(200, Json{{"Configuration", std::move(value)},
                               {"Code",
                                {{"RepositoryType", "ActionEngine"},
                                 {"Location", core->url(function_path(spec->name))}}},
                               {"Tags", Json::object()}});
}

// ---- Routing ---------------------------------------------------------------------------------

// False when the request has been refused.
bool verify(const Core& core, Call& call) {
  const auto claim = net::read_aws_claim(call.request());
  if (!claim) {
    refuse(call, 403, "IncompleteSignatureException", claim.error().message);
    return false;
  }
  if (!*claim) return true;
  const auto* credentials = core.services.files.credentials;
  const auto principal =
      credentials == nullptr ? std::nullopt : credentials->find((*claim)->access_key_id);
  if (!principal) {
    refuse(call, 403, "UnrecognizedClientException",
           "The security token included in the request is invalid.");
    return false;
  }
  if ((*claim)->scope.service != "lambda") {
    refuse(call, 403, "InvalidSignatureException",
           "Credential should be scoped to correct service: 'lambda'.");
    return false;
  }
  net::AwsClaim checked = **claim;
  // The body is there: whatever hash was announced, its own must have been signed.
  if (checked.payload_hash != net::kUnsignedPayload) checked.payload_hash.clear();
  const auto key =
      net::verify_aws_claim(call.request(), checked, principal->secret, core.services.clock.now());
  if (key) return true;
  const bool late =
      key.error().fault == net::AwsFault::kSkewed || key.error().fault == net::AwsFault::kExpired;
  refuse(call, 403, "InvalidSignatureException",
         late ? "Signature expired: " + key.error().message : key.error().message);
  return false;
}

void run(const CorePtr& core, const CallPtr& call) {
  const net::Request& request = call->request();
  std::string_view rest = request.path().substr(kRoot.size());
  if (rest.starts_with('/')) rest.remove_prefix(1);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  for (const char* name : {"Qualifier", "MaxItems", "Marker"}) {
    if (auto value = request.query_parameter(name)) call->query[name] = *std::move(value);
  }
  const std::size_t slash = rest.find('/');
  const auto function = net::percent_decode(rest.substr(0, slash));
  const std::string_view what =
      slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
  if (!function) {
    return refuse(*call, 400, "InvalidParameterValueException", function.error().message);
  }
  if (request.method == "POST" && what == "invocations") return invoke(core, call, *function);
  if (request.method == "GET" && function->empty()) return list(core, call);
  if (request.method == "GET" && what.empty()) return get(core, call, *function, true);
  if (request.method == "GET" && what == "configuration") return get(core, call, *function, false);
  refuse(*call, 501, "NotImplementedException",
         "This server offers Invoke, ListFunctions, GetFunction and GetFunctionConfiguration");
}

}  // namespace

bool is_lambda_path(std::string_view path) {
  return path.starts_with(kRoot) && (path.size() == kRoot.size() || path[kRoot.size()] == '/');
}

void handle_lambda(const CorePtr& core, const CallPtr& call) {
  const bool posted = core->post(Lane::kWorkers, [core, call] {
    try {
      if (verify(*core, *call)) run(core, call);
    } catch (const std::exception& error) {
      log::error("Lambda: {}: {}", call->id(), error.what());
      refuse(*call, 500, "ServiceException", "Internal error");
    }
  });
  if (!posted) refuse(*call, 503, "ServiceException", "Overloaded or stopping; try again later");
}

}  // namespace ae::gateway
