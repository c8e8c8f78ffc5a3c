#include "cli/upload.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/file.h"
#include "cli/output.h"
#include "net/http_message.h"

namespace ae::cli {
namespace {

constexpr std::size_t kMaxFileBytes = 1UL << 30U;

std::string name_of(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

}  // namespace

Result<Json> upload_files(Connection& connection, const std::vector<std::string>& paths) {
  Json files = Json::array();
  for (const std::string& path : paths) {
    AE_TRY(std::string bytes, read_file(path, kMaxFileBytes));
    net::Request request{.method = "POST",
                         .target = "/v1/files?name=" + net::percent_encode(name_of(path)),
                         .headers = {{"Content-Type", "application/octet-stream"}},
                         .body = std::move(bytes)};
    AE_TRY(const net::Response response, connection.send(std::move(request)));
    AE_TRY(const Json answer, body_of(response));
    const Json* list = json::find(answer, "files");
    if (list == nullptr || !list->is_array() || list->empty()) {
      return fail(ErrorCode::kInternal, fmt::format("{}: the server kept no file", path));
    }
    files.push_back(list->front());
  }
  return files;
}

Result<Json> describe_files(const std::vector<std::string>& paths) {
  Json files = Json::array();
  for (const std::string& path : paths) {
    std::error_code error;
    const std::uintmax_t size = std::filesystem::file_size(path, error);
    if (error) {
      return fail(ErrorCode::kNotFound, fmt::format("{}: {}", path, error.message()));
    }
    const std::string name = name_of(path);
    files.push_back({{"bucket", "uploads"},
                     {"key", name},
                     {"name", name},
                     {"size", size},
                     {"s3_url", "s3://uploads/" + name}});
  }
  return files;
}

}  // namespace ae::cli
