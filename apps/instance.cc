#include "apps/instance.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/secret_store.h"
#include "catalog/catalog.h"
#include "execute/journal.h"
#include "execute/orchestrator.h"
#include "faas/faas_engine.h"
#include "gateway/api.h"
#include "gateway/server.h"
#include "net/http_server.h"
#include "objects/credentials.h"
#include "objects/object_store.h"
#include "objects/s3_api.h"
#include "repository/repository.h"
#include "store/database.h"

namespace ae::apps {
namespace {

// Members are destroyed in reverse: the server stops before the parts that it calls.
struct Parts {
  // Unix socket paths are short, so the sockets live in a private folder of their own.
  TemporaryFolder run_folder{"ae"};
  std::unique_ptr<store::Database> repository_database;
  std::unique_ptr<store::Database> catalog_database;
  std::unique_ptr<store::Database> journal_database;
  std::unique_ptr<objects::ObjectStore> objects;
  std::optional<objects::Credentials> credentials;
  std::unique_ptr<objects::S3Api> s3;
  std::unique_ptr<net::HttpServer> s3_door;  // for functions, whose network has nothing else
  // With port 0 the address that functions are told must be known before the server listens on it.
  std::optional<net::PortReservation> reservation;
  std::unique_ptr<repository::Repository> repository;
  std::unique_ptr<catalog::Catalog> catalog;
  std::unique_ptr<execute::Journal> journal;
  std::unique_ptr<faas::FaasEngine> faas;
  std::unique_ptr<execute::Orchestrator> orchestrator;
};

std::size_t event_loops() { return std::max<std::size_t>(1, std::thread::hardware_concurrency()); }

std::uint16_t port_of(const cli::Config& config, const Parts& parts) {
  return parts.reservation ? parts.reservation->port() : config.port;
}

// Where functions and the outside find the buckets: the same, so that a URL that a function
// presigns is valid for whoever it is given to.
std::string address_of(const cli::Config& config, const Parts& parts) {
  const bool any = config.host == "0.0.0.0" || config.host == "::" || config.host == "localhost";
  const std::string host = any ? "127.0.0.1" : config.host;
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port_of(config, parts))
                                             : fmt::format("[{}]:{}", host, port_of(config, parts));
}

std::optional<net::AwsCredentials> environment_credentials() {
  const char* const id = std::getenv("AWS_ACCESS_KEY_ID");
  const char* const secret = std::getenv("AWS_SECRET_ACCESS_KEY");
  if (id == nullptr || secret == nullptr || *id == '\0' || *secret == '\0') return std::nullopt;
  return net::AwsCredentials{id, secret};
}

// The buckets, their wire, and the socket through which functions reach them.
Result<void> open_buckets(const cli::Config& config, Parts& parts) {
  AE_TRY(parts.objects,
         objects::ObjectStore::open(config.home / "objects", SystemClock::instance()));
  AE_TRY(parts.credentials,
         objects::Credentials::open(config.home / "aws_credentials", environment_credentials()));
  if (config.port == 0) {
    AE_TRY(auto reservation,
           net::PortReservation::make(config.host == "localhost" ? "127.0.0.1" : config.host));
    parts.reservation.emplace(std::move(reservation));
  }
  const std::string port = std::to_string(port_of(config, parts));
  parts.s3 = std::make_unique<objects::S3Api>(
      *parts.objects, *parts.credentials, SystemClock::instance(),
      objects::S3Options{.hosts = {address_of(config, parts), "127.0.0.1:" + port,
                                   "localhost:" + port, "[::1]:" + port},
                         .reserved_buckets = gateway::reserved_bucket_names()});
  objects::S3Api* const s3 = parts.s3.get();
  AE_TRY(parts.s3_door,
         net::HttpServer::start(
             net::UnixEndpoint{(parts.run_folder.path() / "s3").string()},
             [s3](std::shared_ptr<net::Exchange> exchange) { s3->handle(std::move(exchange)); }, 1,
             net::ServerLimits{}, [s3](const net::Request& head) { return s3->body_rule(head); }));
  return {};
}

// What an AWS SDK in a function goes by. Only S3: the other services' endpoints are not ours to
// answer from there.
std::map<std::string, std::string> s3_environment(const objects::Credentials& credentials,
                                                  const std::string& address,
                                                  const std::string& function) {
  const net::AwsCredentials pair = credentials.of_function(function);
  return {{"AWS_ENDPOINT_URL_S3", "http://" + address},
          {"AWS_ACCESS_KEY_ID", pair.access_key_id},
          {"AWS_SECRET_ACCESS_KEY", pair.secret_access_key},
          {"AWS_REGION", std::string(objects::kRegion)},
          {"AWS_DEFAULT_REGION", std::string(objects::kRegion)}};
}

std::optional<std::string> secret_of(const SecretStore& store, const std::string& name) {
  Result<std::optional<std::string>> value = store.get(name);
  if (value) return *std::move(value);
  log::error("the secret {} cannot be read: {}", name, value.error().describe());
  return std::nullopt;
}

class HomeInstance final : public cli::Instance {
 public:
  HomeInstance(const cli::Config& config, std::unique_ptr<Parts> parts)
      : config_(config),
        parts_(std::move(parts)),
        services_{.repository = *parts_->repository,
                  .catalog = *parts_->catalog,
                  .journal = *parts_->journal,
                  .orchestrator = *parts_->orchestrator,
                  .faas = *parts_->faas,
                  .clock = SystemClock::instance(),
                  .files = {.store = parts_->objects.get(),
                            .s3 = parts_->s3.get(),
                            .credentials = &*parts_->credentials}} {}

  gateway::Api& api() override {
    if (server_) return server_->api();
    if (!local_api_) local_api_ = std::make_unique<gateway::Api>(services_, gateway::ApiOptions{});
    return *local_api_;
  }

  Result<std::string> serve() override {
    AE_TRY(server_, gateway::Server::start(services_, {.host = config_.host,
                                                       .port = port_of(config_, *parts_),
                                                       .threads = event_loops()}));
    AE_TRY(const std::size_t resumed, parts_->orchestrator->recover());
    if (resumed > 0) log::warning("{} unfinished runs go on", resumed);
    return server_->url();
  }

 private:
  cli::Config config_;
  std::unique_ptr<Parts> parts_;
  gateway::Services services_;
  std::unique_ptr<gateway::Api> local_api_;
  std::unique_ptr<gateway::Server> server_;
};

}  // namespace

Result<std::unique_ptr<cli::Instance>> open_instance(const cli::Config& config) {
  auto parts = std::make_unique<Parts>();
  const auto& home = config.home;
  AE_TRY(parts->repository_database,
         store::Database::open(home / "repository.db", repository::Repository::migration()));
  AE_TRY(parts->catalog_database,
         store::Database::open(home / "catalog.db", catalog::Catalog::migration()));
  AE_TRY(parts->journal_database,
         store::Database::open(home / "journal.db", execute::Journal::migration()));
  parts->repository =
      std::make_unique<repository::Repository>(*parts->repository_database, home / "code");
  parts->catalog =
      std::make_unique<catalog::Catalog>(*parts->catalog_database, SystemClock::instance());
  parts->journal = std::make_unique<execute::Journal>(*parts->journal_database);
  AE_CHECK(open_buckets(config, *parts));
  const std::string address = address_of(config, *parts);
  AE_TRY(parts->faas,
         faas::FaasEngine::start(
             {.run_folder = parts->run_folder.path(),
              .state_folder = home / "state",
              .sandbox = config.sandbox,
              .s3 = faas::LocalService{address, (parts->run_folder.path() / "s3").string()},
              .s3_environment =
                  [credentials = *parts->credentials, address](const std::string& function) {
                    return s3_environment(credentials, address, function);
                  },
              .secret = [store = SecretStore(home / "secrets", config.secrets_key)](
                            const std::string& name) { return secret_of(store, name); },
              .python = config.python,
              .node = config.node,
              .strict_runtimes = config.strict_runtimes,
              .max_workers = config.workers}));
  parts->orchestrator = std::make_unique<execute::Orchestrator>(*parts->journal, *parts->faas,
                                                                SystemClock::instance());
  return std::make_unique<HomeInstance>(config, std::move(parts));
}

}  // namespace ae::apps
