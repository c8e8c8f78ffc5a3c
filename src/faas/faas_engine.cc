#include "faas/faas_engine.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>

#include "base/id.h"
#include "base/log.h"
#include "faas/internal/supervisor.h"
#include "json/json.h"

namespace ae::faas {
namespace {

constexpr std::size_t kMaxInputBytes = 6UL << 20U;  // Lambda's payload limit
constexpr std::size_t kMaxSocketPath = 107;
constexpr std::string_view kLongestSocketName = "/w18446744073709551615.sock";

// It travels in headers and paths.
bool is_request_id(std::string_view id) {
  return !id.empty() && id.size() <= 128 && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == ':';
  });
}

// "python3.11" of /usr/bin/python3 -> python3.11; "" when the name does not say.
std::string installed_python(const std::filesystem::path& python) {
  std::error_code error;
  const std::string name = std::filesystem::canonical(python, error).filename().string();
  return !error && name.starts_with("python3.") ? name : "";
}

Error unsupported(const dag::FunctionSpec& function, std::string_view why) {
  return {ErrorCode::kFailedPrecondition, fmt::format("function {}: {}", function.name, why), {}};
}

// "a/b.handler" -> <folder>/a/b.py or the package <folder>/a/b/
bool module_exists(const dag::LocalPackage& package) {
  std::string module = package.handler.substr(0, package.handler.rfind('.'));
  std::ranges::replace(module, '.', '/');
  const std::filesystem::path base = std::filesystem::path(package.folder) / module;
  std::error_code error;
  return std::filesystem::exists(base.string() + ".py", error) ||
         std::filesystem::is_directory(base, error);
}

}  // namespace

class FaasEngine::Impl final {
 public:
  Impl(FaasOptions options, std::unique_ptr<Supervisor> supervisor)
      : options_(std::move(options)),
        installed_(installed_python(options_.python)),
        supervisor_(std::move(supervisor)) {}

  Supervisor& supervisor() { return *supervisor_; }

  // What can be told from the declaration alone; each invocation asks, so it looks at no files.
  Result<void> is_declared_well(const dag::FunctionSpec& function) const {
    const auto* package = std::get_if<dag::LocalPackage>(&function.binding);
    if (package == nullptr) return fail(unsupported(function, "it is no local package"));
    if (!package->runtime.starts_with("python3")) {
      return fail(unsupported(
          function, fmt::format("its runtime \"{}\" cannot run here; this version runs Python "
                                "(\"python3.x\")",
                                package->runtime)));
    }
    const std::size_t dot = package->handler.rfind('.');
    if (dot == std::string::npos || dot == 0 || dot + 1 == package->handler.size()) {
      return fail(unsupported(
          function, fmt::format("its handler \"{}\" must be written module.function, such as "
                                "lambda_function.lambda_handler",
                                package->handler)));
    }
    return {};
  }

  Result<void> has_code(const dag::FunctionSpec& function) const {
    const auto* package = std::get_if<dag::LocalPackage>(&function.binding);
    std::error_code error;
    if (!std::filesystem::is_directory(package->folder, error)) {
      return fail(unsupported(
          function,
          fmt::format("its folder {} is missing; add the function again", package->folder)));
    }
    if (!module_exists(*package)) {
      return fail(
          unsupported(function, fmt::format("its folder {} has no module for the handler \"{}\"",
                                            package->folder, package->handler)));
    }
    warn_of_version(*package);
    return {};
  }

 private:
  void warn_of_version(const dag::LocalPackage& package) const {
    if (installed_.empty() || package.runtime == installed_ || package.runtime == "python3") return;
    const std::lock_guard lock(mutex_);
    if (warned_.insert(package.runtime).second) {
      log::warning("functions declared for {} run on {} here", package.runtime, installed_);
    }
  }

  const FaasOptions options_;
  const std::string installed_;
  mutable std::mutex mutex_;
  mutable std::set<std::string> warned_;
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
  if (Result<void> supported = impl_->is_declared_well(*invocation.function); !supported) {
    return refuse(std::move(supported).error());
  }
  auto pending = std::make_unique<Pending>();
  pending->invocation = std::move(invocation);
  pending->invocation.input = nullptr;  // the payload has it
  pending->payload = std::move(payload);
  pending->done = std::move(done);
  pending->accepted = SystemClock::instance().steady_now();
  impl_->supervisor().submit(std::move(pending));
}

void FaasEngine::cancel(const std::string& request_id) { impl_->supervisor().cancel(request_id); }

Result<void> FaasEngine::supports(const dag::FunctionSpec& function) const {
  AE_CHECK(impl_->is_declared_well(function));
  return impl_->has_code(function);
}

std::vector<Protection> FaasEngine::protections() const {
  return impl_->supervisor().protections();
}

FaasEngine::Stats FaasEngine::stats() const { return impl_->supervisor().stats(); }

}  // namespace ae::faas
