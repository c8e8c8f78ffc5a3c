#include "faas/faas_engine.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>

#include "base/id.h"
#include "execute/arguments.h"
#include "faas/internal/http_services.h"
#include "faas/internal/runtime.h"
#include "faas/internal/supervisor.h"
#include "json/json.h"

namespace ae::faas {
namespace {

constexpr std::size_t kMaxInputBytes = 6UL << 20U;    // Lambda's payload limit
constexpr std::size_t kMaxContextBytes = 8UL << 10U;  // Lambda allows 3,583
constexpr std::size_t kMaxSocketPath = 107;
constexpr std::string_view kLongestSocketName = "/w18446744073709551615.sock";

// It travels in a header.
bool is_header_value(std::string_view text) {
  return text.size() <= kMaxContextBytes && std::ranges::all_of(text, [](char c) {
           return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
         });
}

// It travels in headers and paths.
bool is_request_id(std::string_view id) {
  return !id.empty() && id.size() <= 128 && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == ':';
  });
}

}  // namespace

class FaasEngine::Impl final {
 public:
  Impl(FaasOptions options, std::unique_ptr<Supervisor> supervisor)
      : options_(std::move(options)),
        http_services_(
            {.max_queued = options_.max_queued, .max_response_bytes = options_.max_response_bytes}),
        supervisor_(std::move(supervisor)) {}

  const FaasOptions& options() const { return options_; }
  Supervisor& supervisor() { return *supervisor_; }
  HttpServices& http_services() { return http_services_; }

 private:
  const FaasOptions options_;
  HttpServices http_services_;
  std::unique_ptr<Supervisor> supervisor_;
};

Result<std::unique_ptr<FaasEngine>> FaasEngine::start(FaasOptions options) {
  std::error_code error;
  for (std::filesystem::path* folder : {&options.run_folder, &options.state_folder}) {
    if (folder->empty()) return fail(ErrorCode::kInvalidArgument, "the FaaS engine needs a folder");
    *folder = std::filesystem::absolute(*folder, error).lexically_normal();
  }
  if (::access(options.python.c_str(), X_OK) != 0) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("Python is missing: there is no program {}; install it with "
                            "`apt-get install -y python3`",
                            options.python.string()));
  }
  if (options.run_folder.string().size() + kLongestSocketName.size() > kMaxSocketPath) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("the run folder {} is too long for Unix sockets: {} bytes at most",
                    options.run_folder.string(), kMaxSocketPath - kLongestSocketName.size()));
  }
  AE_TRY(std::unique_ptr<Supervisor> supervisor, Supervisor::start(options));
  return std::unique_ptr<FaasEngine>(
      new FaasEngine(std::make_unique<Impl>(std::move(options), std::move(supervisor))));
}

FaasEngine::FaasEngine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

FaasEngine::~FaasEngine() = default;

void FaasEngine::invoke(execute::Invocation invocation, Done done) {
  const auto refuse = [&](Error error) {
    execute::InvocationResult result;
    result.fault = std::move(error);
    done(std::move(result));
  };
  if (!invocation.function) {
    return refuse({ErrorCode::kInvalidArgument, "the invocation names no function", {}});
  }
  if (!is_request_id(invocation.request_id)) {
    return refuse({ErrorCode::kInvalidArgument,
                   "a request id has 1 to 128 letters, digits and any of -_.:",
                   {}});
  }
  if (!is_header_value(invocation.client_context) ||
      !is_header_value(invocation.cognito_identity) || !is_header_value(invocation.trace_id)) {
    return refuse({ErrorCode::kInvalidArgument,
                   fmt::format("client context, identity and trace header are one line of at most "
                               "{} bytes each",
                               kMaxContextBytes),
                   {}});
  }
  if (invocation.answer == execute::Answer::kBody) {  // who wants the whole answer made the event
    invocation.input = execute::event_for(*invocation.function, std::move(invocation.input));
  }
  if (invocation.deadline.reached()) {
    return refuse({ErrorCode::kDeadlineExceeded,
                   "the time given for this call was used up before it began",
                   {}});
  }
  std::string payload = json::dump(invocation.input);
  if (payload.size() > kMaxInputBytes) {
    return refuse({ErrorCode::kResourceExhausted,
                   fmt::format("the input of {} has {} bytes; a function takes {} at most",
                               invocation.function->name, payload.size(), kMaxInputBytes),
                   {}});
  }
  if (Result<void> supported = check_declaration(*invocation.function); !supported) {
    return refuse(std::move(supported).error());
  }
  auto pending = std::make_unique<Pending>();
  pending->invocation = std::move(invocation);
  pending->invocation.input = nullptr;  // the payload has it
  pending->payload = std::move(payload);
  pending->done = std::move(done);
  pending->accepted = SystemClock::instance().steady_now();
  if (std::holds_alternative<dag::HttpService>(pending->invocation.function->binding)) {
    return impl_->http_services().submit(std::move(pending));
  }
  impl_->supervisor().submit(std::move(pending));
}

void FaasEngine::cancel(const std::string& request_id) {
  impl_->http_services().cancel(request_id);
  impl_->supervisor().cancel(request_id);
}

Result<void> FaasEngine::supports(const dag::FunctionSpec& function) const {
  AE_CHECK(check_declaration(function));
  return check_runtime(impl_->options(), function);
}

std::vector<Protection> FaasEngine::protections() const {
  return impl_->supervisor().protections();
}

FaasEngine::Stats FaasEngine::stats() const { return impl_->supervisor().stats(); }

}  // namespace ae::faas
