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
#include "repository/repository.h"

namespace ae::gateway {

// References only: apps/ owns the parts.
struct Services {
  repository::Repository& repository;
  catalog::Catalog& catalog;
  execute::Journal& journal;
  execute::Orchestrator& orchestrator;
  faas::FaasEngine& faas;
  const Clock& clock;
};

}  // namespace ae::gateway
