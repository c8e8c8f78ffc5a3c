// For this module's tests: functions written on the spot, an engine to run them, and a way to wait.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "faas/faas_engine.h"

namespace ae::faas::testing {

using execute::InvocationResult;

// Far beyond anything a working engine needs: it bounds a hang, it measures nothing.
inline constexpr std::chrono::seconds kPatience{100};

class EngineTest : public ::testing::Test {
 protected:
  // A sidecar-less package with this handler module; the spec may be changed by the caller.
  std::shared_ptr<dag::FunctionSpec> function(const std::string& name, std::string_view code,
                                              const std::string& handler = "app.handler") {
    const std::filesystem::path folder = home_.path() / "packages" / name;
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "app.py") << code;
    auto spec = std::make_shared<dag::FunctionSpec>();
    spec->name = name;
    spec->version = "v1";
    spec->binding =
        dag::LocalPackage{.folder = folder.string(), .handler = handler, .runtime = "python3.11"};
    spec->runtime.timeout = std::chrono::seconds(30);
    spec->runtime.state = "shared";
    spec->runtime.environment = {{"TEST_ID", home_.path().string()}};
    return spec;
  }

  // A file in the folder that all functions of a test share with it: where the test sees it, and
  // where they do.
  std::filesystem::path shared(std::string_view name) const {
    const std::filesystem::path folder = home_.path() / "state" / "shared";
    std::filesystem::create_directories(folder);
    return folder / name;
  }
  std::string shared_inside(std::string_view name) {
    return is_shut_in() ? "/mnt/state/" + std::string(name) : shared(name).string();
  }
  bool is_shut_in() {
    for (const Protection& one : engine().protections()) {
      if (one.name == "files") return one.active;
    }
    return false;
  }

  // How many processes of this test's functions live, wherever they are.
  std::size_t processes() const {
    const std::string marker = "TEST_ID=" + home_.path().string();
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const std::string name = entry.path().filename().string();
      if (name.find_first_not_of("0123456789") != std::string::npos) continue;
      const Result<std::string> environment = read_file(entry.path() / "environ");
      if (!environment) continue;
      const auto entries = split(*environment, '\0');
      if (std::ranges::find(entries, marker) == entries.end()) continue;
      if (is_alive(static_cast<pid_t>(std::stoi(name)))) ++count;
    }
    return count;
  }

  FaasOptions options() const {
    FaasOptions options;
    options.run_folder = home_.path() / "run";
    options.state_folder = home_.path() / "state";
    return options;
  }

  FaasEngine& start(FaasOptions with) {
    engine_.reset();
    Result<std::unique_ptr<FaasEngine>> engine = FaasEngine::start(std::move(with));
    if (!engine) ADD_FAILURE() << engine.error().describe();
    engine_ = *std::move(engine);
    return *engine_;
  }
  FaasEngine& engine() { return engine_ ? *engine_ : start(options()); }
  void stop_engine() { engine_.reset(); }

  std::future<InvocationResult> begin(std::shared_ptr<const dag::FunctionSpec> spec, Json input,
                                      std::string request_id = {},
                                      Deadline deadline = Deadline::never()) {
    if (request_id.empty()) request_id = fmt::format("request-{}", ++requests_);
    auto promise = std::make_shared<std::promise<InvocationResult>>();
    std::future<InvocationResult> result = promise->get_future();
    execute::Invocation invocation;
    invocation.request_id = std::move(request_id);
    invocation.function = std::move(spec);
    invocation.input = std::move(input);
    invocation.deadline = deadline;
    engine().invoke(std::move(invocation), [promise](InvocationResult done) {
      promise->set_value(std::move(done));  // a second call would throw: `done` comes once
    });
    return result;
  }

  InvocationResult wait(std::future<InvocationResult> result) {
    if (result.wait_for(kPatience) != std::future_status::ready) {
      const FaasEngine::Stats stats = engine().stats();
      ADD_FAILURE() << "no answer within " << kPatience.count() << " s; workers: " << stats.workers
                    << ", busy: " << stats.busy << ", queued: " << stats.queued
                    << ", started: " << stats.cold_starts;
      std::abort();  // the engine's destructor might hang as well
    }
    return result.get();
  }
  InvocationResult call(std::shared_ptr<const dag::FunctionSpec> spec,
                        Json input = Json::object()) {
    return wait(begin(std::move(spec), std::move(input)));
  }

  // Until a condition holds that some other process brings about.
  template <class Condition>
  static bool eventually(Condition condition) {
    const Deadline deadline = Deadline::after(kPatience);
    while (!condition()) {
      if (deadline.reached()) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
  }

  static bool is_alive(pid_t pid) {
    Result<std::string> stat = read_file(fmt::format("/proc/{}/stat", pid));
    if (!stat) return false;
    const std::size_t name_end = stat->rfind(')');
    return name_end != std::string::npos && stat->compare(name_end, 3, ") Z") != 0;
  }

  const std::filesystem::path& home() const { return home_.path(); }

 private:
  TemporaryFolder home_{"ae-faas"};
  std::unique_ptr<FaasEngine> engine_;
  std::atomic<int> requests_{0};
};

// "" when it succeeded, else what went wrong: for readable failures.
inline std::string problem(const InvocationResult& result) {
  if (result.fault) return "fault: " + result.fault->describe();
  if (result.error) return result.error->type + ": " + result.error->message + "\n" + result.log;
  return "";
}

}  // namespace ae::faas::testing
