// Where Lambda would begin to run a package: the file, the handler, the language.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "dag/function_spec.h"

namespace ae::repository::internal {

struct EntryPoint {
  std::string file;     // "lambda_function.py"
  std::string handler;  // "lambda_function.lambda_handler"
  std::string runtime;  // "python3.11", "nodejs22.x", "provided.al2023"
};

// The first of bootstrap, lambda_function.py, app.py, index.mjs, index.cjs, index.js that the
// folder holds; of those of `runtime`'s language when it is given. In Python files that define no
// lambda_handler but a handler, that is the handler.
std::optional<EntryPoint> find_entry_point(const std::filesystem::path& folder,
                                           std::string_view runtime = {});

// "lambda_function.py, app.py, …" for messages.
std::string entry_point_names();

// The file with the handler's source; nullopt for a missing one and for `bootstrap`.
std::optional<std::filesystem::path> handler_file(const std::filesystem::path& folder,
                                                  const dag::LocalPackage& package);

// The file that the handler names must be there (a layer may hold it), and a bootstrap must be
// executable: a typing error is found now, not at the first call. Errors: kInvalidArgument.
Result<void> check_handler(const std::filesystem::path& folder, const dag::LocalPackage& package);

}  // namespace ae::repository::internal
