// Any bytes as a request: the answer is always well-formed, and nothing falls over.
//
// Input: "METHOD TARGET\n", header lines "Name: value\n", an empty line, the body.
#include <fmt/format.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/log.h"
#include "gateway/api.h"
#include "store/database.h"

namespace {

using namespace ae;

template <class T>
T must(Result<T> result) {
  if (result) return *std::move(result);
  fmt::print(stderr, "cannot set up: {}\n", result.error().describe());
  std::abort();
}

// One product for all inputs, so that they also meet what others left behind.
struct Product {
  TemporaryFolder folder{"ae-fuzz"};
  std::unique_ptr<store::Database> repository_database =
      must(store::Database::open(":memory:", repository::Repository::migration()));
  std::unique_ptr<store::Database> catalog_database =
      must(store::Database::open(":memory:", catalog::Catalog::migration()));
  std::unique_ptr<store::Database> journal_database =
      must(store::Database::open(":memory:", execute::Journal::migration()));
  repository::Repository repository{*repository_database, folder.path() / "code"};
  catalog::Catalog catalog{*catalog_database, SystemClock::instance()};
  execute::Journal journal{*journal_database};
  std::unique_ptr<faas::FaasEngine> faas = must(start_faas());
  execute::Orchestrator orchestrator{journal, *faas, SystemClock::instance()};
  gateway::Api api{{repository, catalog, journal, orchestrator, *faas, SystemClock::instance()},
                   options()};

  Product() {
    log::set_level(log::Level::kOff);
    must(orchestrator.recover());
    const auto package = folder.path() / "packages" / "echo";
    std::filesystem::create_directories(package);
    const auto write = [&](const char* name, std::string_view text) {
      if (!write_file_atomically(package / name, text)) std::abort();
    };
    write("lambda_function.py", "def lambda_handler(event, context):\n    return event\n");
    write("function.yaml",
          "apiVersion: actionengine/v1\nkind: Function\nname: echo\ndescription: Repeats a text.\n"
          "input: {type: object, properties: {text: {type: string}}, required: [text]}\n"
          "output: {type: object, properties: {text: {type: string}}, required: [text]}\n");
    must(repository.add(must(repository::read_package(package))));
  }

  Result<std::unique_ptr<faas::FaasEngine>> start_faas() const {
    faas::FaasOptions options;
    options.run_folder = folder.path() / "run";
    options.state_folder = folder.path() / "state";
    return faas::FaasEngine::start(options);
  }

  static gateway::ApiOptions options() {
    gateway::ApiOptions options;
    options.endpoint_wait = std::chrono::milliseconds{500};
    options.max_wait = std::chrono::milliseconds{500};
    return options;
  }
};

Product& product() {
  static Product instance;
  return instance;
}

std::string_view take_line(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\n'), rest.size());
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return line;
}

net::Request request_of(std::string_view bytes) {
  net::Request request;
  const std::string_view first = take_line(bytes);
  const std::size_t space = first.find(' ');
  request.method = first.substr(0, space);
  request.target = space == std::string_view::npos ? "/" : first.substr(space + 1);
  for (std::string_view line = take_line(bytes); !line.empty(); line = take_line(bytes)) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    std::string_view value = line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    request.headers.emplace_back(line.substr(0, colon), value);
  }
  request.body = bytes;
  return request;
}

void check(bool holds, const char* what, const net::Response& response) {
  if (holds) return;
  fmt::print(stderr, "{}: {} {}\n", what, response.status, response.body);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const net::Request request = request_of({reinterpret_cast<const char*>(data), size});
  // Adding packages reads folders of this machine: that is the point of it, but not of fuzzing.
  if (request.method == "POST" && request.path() == "/v1/functions") return 0;
  const net::Response response = gateway::call(product().api, request);
  check(response.status >= 200 && response.status < 600, "no status", response);
  check(response.status != 500, "an internal error", response);
  const auto type = net::find_header(response.headers, "Content-Type").value_or("");
  if (request.method == "HEAD" || response.status == 204) {
    check(response.body.empty(), "a body where none may be", response);
    return 0;
  }
  check(!type.empty(), "no content type", response);
  if (type.find("json") == std::string_view::npos) return 0;
  const auto parsed = json::parse(response.body, {.max_depth = 256});
  check(parsed.has_value(), "a body that is no JSON", response);
  if (response.status < 400) return 0;
  check(type == "application/problem+json", "an error that is no problem", response);
  for (const char* member : {"type", "title", "detail"}) {
    check(!json::string_or(*parsed, member).empty(), "a problem that says nothing", response);
  }
  return 0;
}
