// The parts that stand behind the gateway, wired together once for one home folder.
#pragma once

#include <filesystem>
#include <memory>

#include "base/clock.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "execute/function_invoker.h"
#include "execute/journal.h"
#include "execute/orchestrator.h"
#include "faas/faas_engine.h"
#include "objects/credentials.h"
#include "objects/object_store.h"
#include "objects/s3_api.h"
#include "repository/repository.h"

namespace ae::gateway {

// The buckets, and who may sign requests. All three, or none where nothing is kept.
struct Files {
  objects::ObjectStore* store = nullptr;
  objects::S3Api* s3 = nullptr;
  const objects::Credentials* credentials = nullptr;
};

// References only: apps/ owns the parts.
struct Services {
  repository::Repository& repository;
  catalog::Catalog& catalog;
  execute::Journal& journal;
  execute::Orchestrator& orchestrator;
  faas::FaasEngine& faas;
  const Clock& clock;
  Files files{};
};

}  // namespace ae::gateway
