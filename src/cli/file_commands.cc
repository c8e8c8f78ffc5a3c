#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <utility>

#include "base/file.h"
#include "cli/commands.h"
#include "net/http_message.h"
#include "objects/credentials.h"
#include "objects/s3_api.h"

namespace ae::cli {
namespace {

// Read into memory for the way to the server; beyond, an S3 client sends in parts.
constexpr std::size_t kMaxFileBytes = 1UL << 30U;

// 'quoted' for a POSIX shell.
std::string shell_word(const std::string& text) {
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

std::string file_path(const std::string& key) { return "/v1/files/" + net::percent_encode(key); }

Result<Json> upload(Connection& connection, const std::filesystem::path& file) {
  AE_TRY(std::string content, read_file(file, kMaxFileBytes));
  net::Request request{.method = "POST",
                       .target = "/v1/files?name=" + net::percent_encode(file.filename().string()),
                       .headers = {{"Content-Type", "application/octet-stream"}},
                       .body = std::move(content)};
  AE_TRY(const net::Response response, connection.send(std::move(request)));
  AE_TRY(const Json answer, body_of(response));
  const Json* files = json::find(answer, "files");
  if (files == nullptr || files->empty()) {
    return fail(ErrorCode::kInternal, "the server did not say what became of the file");
  }
  return files->front();
}

}  // namespace

Result<int> show_environment(const Session& session) {
  const Config& config = session.environment.config;
  AE_TRY(const Home home, Home::open(config.home));
  AE_TRY(const auto server, home.running_server());
  AE_TRY(const auto credentials, objects::Credentials::open(config.home / "aws_credentials"));
  const std::string url =
      server ? server->url : fmt::format("http://{}:{}", config.host, config.port);
  if (!server) session.out.note("no server runs; start it with: ae serve --detach");
  const std::pair<std::string, std::string> variables[] = {
      {"AWS_ENDPOINT_URL", url},
      {"AWS_ACCESS_KEY_ID", credentials.root().access_key_id},
      {"AWS_SECRET_ACCESS_KEY", credentials.root().secret_access_key},
      {"AWS_REGION", std::string(objects::kRegion)},
      {"AWS_DEFAULT_REGION", std::string(objects::kRegion)}};
  if (!session.out.text()) {
    Json document = Json::object();
    for (const auto& [name, value] : variables) document[name] = value;
    session.out.document(document);
    return 0;
  }
  for (const auto& [name, value] : variables) {
    session.out.line(fmt::format("export {}={}", name, shell_word(value)));
  }
  return 0;
}

Result<int> put_files(const Session& session, const std::vector<std::string>& paths) {
  AE_TRY(const auto connection, connect(session.environment));
  Json all = Json::array();
  for (const std::string& path : paths) {
    AE_TRY(Json file, upload(*connection, path));
    if (session.out.text()) session.out.line(printable(json::string_or(file, "s3_url")));
    all.push_back(std::move(file));
  }
  if (!session.out.text()) session.out.document(all);
  return 0;
}

Result<int> list_files(const Session& session) {
  AE_TRY(const auto connection, connect(session.environment));
  AE_TRY(const Json answer, get_json(*connection, "/v1/files"));
  const Json& files = answer["files"];
  if (!session.out.text()) {
    session.out.document(files);
  } else if (files.empty()) {
    session.out.line("no files yet; add some with: ae files put FILE");
  } else {
    std::vector<std::vector<std::string>> rows;
    for (const Json& file : files) {
      rows.push_back({printable(json::string_or(file, "key")),
                      json::string_or(file, "content_type"), json::dump(file["size"])});
    }
    session.out.table({"KEY", "TYPE", "BYTES"}, rows);
  }
  return 0;
}

Result<int> get_file(const Session& session, const std::string& key, const std::string& target) {
  AE_TRY(const auto connection, connect(session.environment));
  AE_TRY(const Json file, get_json(*connection, file_path(key)));
  const std::string path = target.empty() ? json::string_or(file, "name") : target;
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  if (!out) return fail(ErrorCode::kPermissionDenied, "cannot write " + path);
  AE_TRY(const net::Response response,
         connection->stream(
             {.method = "GET", .target = file_path(key) + "/content", .headers = {}, .body = {}},
             [&](std::string_view bytes) {
               out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
               return out.good();
             }));
  out.close();
  if (response.status >= 400) {
    AE_CHECK(body_of(response));
  }
  if (!out) return fail(ErrorCode::kResourceExhausted, "cannot write all of " + path);
  session.out.note(fmt::format("wrote {}", printable(path)));
  return 0;
}

Result<int> remove_files(const Session& session, const std::vector<std::string>& keys) {
  AE_TRY(const auto connection, connect(session.environment));
  for (const std::string& key : keys) {
    net::Request request{.method = "DELETE", .target = file_path(key), .headers = {}, .body = {}};
    AE_TRY(const net::Response response, connection->send(std::move(request)));
    AE_CHECK(body_of(response));
  }
  return 0;
}

}  // namespace ae::cli
