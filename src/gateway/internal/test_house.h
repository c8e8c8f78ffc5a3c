// The whole product in a temporary folder, for tests: real databases, a real FaaS engine with
// Python, a real server on a free port.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.h"
#include "gateway/server.h"
#include "json/json.h"
#include "net/http_client.h"
#include "store/database.h"

namespace ae::gateway {

struct Reply {
  int status = 0;
  net::Headers headers;
  std::string body;
  Json json;  // parsed when the content type says JSON

  std::string header(std::string_view name) const;
};

class House final {
 public:
  explicit House(ApiOptions options = {});
  ~House();
  House(const House&) = delete;
  House& operator=(const House&) = delete;

  // Through the socket. A body that is no string is sent as JSON. Each answer is checked against
  // what openapi.json says of it.
  Reply send(std::string_view method, std::string_view target, const Json& body = {},
             net::Headers headers = {});
  Reply send_text(std::string_view method, std::string_view target, std::string body,
                  net::Headers headers);
  // The same from other threads: a client of one's own.
  Reply send_alone(std::string_view method, std::string_view target, const Json& body = {});
  // Without the socket.
  Reply in_process(std::string_view method, std::string_view target, const Json& body = {});

  Server& server() { return *server_; }
  Services services();
  const std::filesystem::path& home() const { return folder_.path(); }
  store::Database& catalog_database() { return *catalog_database_; }
  std::filesystem::path state_of(std::string_view function) const;

  // Adds the bundled pack ("music"), or all with "".
  void add_pack(std::string_view pack);
  // Adds a function with this body of lambda_handler(event, context) and sidecar members (YAML).
  void add_function(const std::string& name, std::string_view python, std::string_view sidecar);
  // Registers it and returns the answer.
  Json add_workflow(const Json& document, const Json& more = Json::object());

  void stop_server() { server_.reset(); }

  const objects::Credentials& credentials() const { return *credentials_; }
  // Signed for an AWS service by `pair`, with the home's own key unless one is given.
  Reply send_signed(std::string_view service, net::Request request,
                    const net::AwsCredentials* pair = nullptr);

 private:
  void check_documented(std::string_view method, std::string_view target, const Reply& reply);

  TemporaryFolder folder_{"ae-gateway"};
  std::unique_ptr<store::Database> repository_database_;
  std::unique_ptr<store::Database> catalog_database_;
  std::unique_ptr<store::Database> journal_database_;
  std::unique_ptr<objects::ObjectStore> objects_;
  std::optional<objects::Credentials> credentials_;
  std::unique_ptr<objects::S3Api> s3_;
  std::unique_ptr<repository::Repository> repository_;
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<execute::Journal> journal_;
  std::unique_ptr<faas::FaasEngine> faas_;
  std::unique_ptr<execute::Orchestrator> orchestrator_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<net::HttpClient> client_;
};

// The demo as a hand-written workflow: username -> id -> mood -> song -> playing.
Json mood_music(std::string_view name = "mood-music");
// One step: `function` with the input `parameter`; the output `output`.
Json one_step(std::string_view name, std::string_view function, std::string_view parameter,
              std::string_view output);

}  // namespace ae::gateway
