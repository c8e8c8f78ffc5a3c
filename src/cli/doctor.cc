// `ae doctor`: can this machine do what the product needs, and if not, what mends it.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>

#include "base/file.h"
#include "cli/commands.h"

namespace ae::cli {
namespace {

enum class Health { kGood, kWarning, kBad };

struct Finding {
  Health health = Health::kGood;
  std::string subject;
  std::string text;
};

std::string_view to_string(Health health) {
  switch (health) {
    case Health::kGood:
      return "ok";
    case Health::kWarning:
      return "warning";
    case Health::kBad:
      return "bad";
  }
  std::unreachable();
}

Finding check_python(const Config& config) {
  if (::access(config.python.c_str(), X_OK) == 0) {
    return {Health::kGood, "python", config.python.string()};
  }
  return {Health::kBad, "python",
          fmt::format("{} cannot be run; install it (apt-get install python3) or name another with "
                      "AE_PYTHON",
                      config.python.string())};
}

Finding check_disk(const Home& home) {
  std::error_code error;
  const auto space = std::filesystem::space(home.folder(), error);
  constexpr std::uintmax_t kLow = 256UL << 20U;
  if (!error && space.available < kLow) {
    return {Health::kWarning, "disk",
            fmt::format("only {} MB free below {}; runs stop when it is full",
                        space.available >> 20U, home.folder().string())};
  }
  // What every step of every run waits for.
  const auto start = std::chrono::steady_clock::now();
  const auto written = write_file_atomically(home.folder() / "doctor.probe", "probe");
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - start);
  std::filesystem::remove(home.folder() / "doctor.probe", error);
  if (!written) return {Health::kBad, "disk", written.error().message};
  return {Health::kGood, "disk",
          fmt::format("writable; a synced file takes {:.1f} ms",
                      static_cast<double>(took.count()) / 1000.0)};
}

Finding check_server(const Home& home) {
  const auto server = home.running_server();
  if (!server) return {Health::kBad, "server", server.error().message};
  if (!*server) return {Health::kGood, "server", "none runs; ae run and ae serve start one"};
  return {Health::kGood, "server",
          fmt::format("runs at {} (process {})", (*server)->url, (*server)->pid)};
}

Finding check_functions(const Environment& environment) {
  const auto connection = connect(environment);
  if (!connection) return {Health::kBad, "functions", connection.error().describe()};
  const auto functions = get_json(**connection, "/v1/functions");
  if (!functions) return {Health::kBad, "functions", functions.error().describe()};
  if (functions->empty()) {
    return {Health::kWarning, "functions", "none registered; add the bundled ones with: ae init"};
  }
  return {Health::kGood, "functions", fmt::format("{} registered", functions->size())};
}

Finding check_packs(const Config& config) {
  std::error_code error;
  if (!config.packs.empty() && std::filesystem::is_directory(config.packs, error)) {
    return {Health::kGood, "packs", config.packs.string()};
  }
  return {Health::kWarning, "packs",
          "the bundled functions were not found; name their folder with AE_PACKS"};
}

// What stands between functions and this machine; one line each.
std::vector<Finding> check_protections(const Environment& environment) {
  const auto connection = connect(environment);
  if (!connection) return {};  // check_functions() says so
  const auto system = get_json(**connection, "/v1/system");
  if (!system) return {{Health::kBad, "sandbox", system.error().describe()}};
  std::vector<Finding> findings;
  const Json* protections = json::find(*system, "protections");
  if (protections == nullptr) return findings;
  for (const Json& one : *protections) {
    const bool active = one.value("active", false);
    const std::string fix = json::string_or(one, "fix");
    std::string text = json::string_or(one, "name") + ": " + json::string_or(one, "how");
    if (!fix.empty()) text += "; to mend it: " + fix;
    findings.push_back({active ? Health::kGood : Health::kWarning, "sandbox", std::move(text)});
  }
  return findings;
}

}  // namespace

Result<int> doctor(const Session& session) {
  const Config& config = session.environment.config;
  AE_TRY(const Home home, Home::open(config.home));
  std::vector<Finding> findings{{Health::kGood, "home", config.home.string()},
                                check_disk(home),
                                check_python(config),
                                check_packs(config),
                                check_server(home),
                                check_functions(session.environment)};
  for (Finding& finding : check_protections(session.environment)) {
    findings.push_back(std::move(finding));
  }
  bool bad = false;
  Json report = Json::array();
  for (const Finding& finding : findings) {
    bad = bad || finding.health == Health::kBad;
    report.push_back(Json{{"subject", finding.subject},
                          {"health", to_string(finding.health)},
                          {"text", finding.text}});
    if (!session.out.text()) continue;
    const std::string mark = finding.health == Health::kGood      ? session.out.good("✓")
                             : finding.health == Health::kWarning ? session.out.warn("!")
                                                                  : session.out.bad("✗");
    session.out.line(fmt::format("{} {:<10} {}", mark, finding.subject, finding.text));
  }
  if (!session.out.text()) session.out.document(report);
  return bad ? 1 : 0;
}

}  // namespace ae::cli
