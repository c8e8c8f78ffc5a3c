// ae eval: how good an engine is on a dataset. Needs no server and no home folder.
#pragma once

#include <cstddef>
#include <string>

#include "cli/commands.h"

namespace ae::cli {

struct EvalOptions {
  std::string folder;  // of the dataset: functions.json, cases.jsonl
  std::string engine = "embedded";
  std::string signatures = "repository";  // or "item"
  std::string predictions;                // JSON lines; also where a later run goes on
  std::string report;                     // HTML
  std::size_t repeat = 1;
  std::size_t top_k = 5;
  std::size_t threads = 0;  // 0: one for each processor
  bool given_functions = false;
  bool retrieval = false;
};
Result<int> evaluate_dataset(const Session& session, const EvalOptions& options);

}  // namespace ae::cli
