#include "apps/instance.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
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
  std::unique_ptr<repository::Repository> repository;
  std::unique_ptr<catalog::Catalog> catalog;
  std::unique_ptr<execute::Journal> journal;
  std::unique_ptr<faas::FaasEngine> faas;
  std::unique_ptr<execute::Orchestrator> orchestrator;
};

std::size_t event_loops() { return std::max<std::size_t>(1, std::thread::hardware_concurrency()); }

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
                  .clock = SystemClock::instance()} {}

  gateway::Api& api() override {
    if (server_) return server_->api();
    if (!local_api_) local_api_ = std::make_unique<gateway::Api>(services_, gateway::ApiOptions{});
    return *local_api_;
  }

  Result<std::string> serve() override {
    AE_TRY(server_,
           gateway::Server::start(
               services_, {.host = config_.host, .port = config_.port, .threads = event_loops()}));
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
  AE_TRY(parts->faas, faas::FaasEngine::start({.run_folder = parts->run_folder.path(),
                                               .state_folder = home / "state",
                                               .sandbox = config.sandbox,
                                               .secret =
                                                   [store = SecretStore(home / "secrets",
                                                                        config.secrets_key)](
                                                       const std::string& name) {
                                                     return secret_of(store, name);
                                                   },
                                               .python = config.python,
                                               .max_workers = config.workers}));
  parts->orchestrator = std::make_unique<execute::Orchestrator>(*parts->journal, *parts->faas,
                                                                SystemClock::instance());
  return std::make_unique<HomeInstance>(config, std::move(parts));
}

}  // namespace ae::apps
