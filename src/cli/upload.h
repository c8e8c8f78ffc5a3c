// Files of the user's, brought to the local bucket so that a plan can speak of them.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/connection.h"
#include "json/json.h"

namespace ae::cli {

// Uploads each file and answers what POST /v1/files says of them, in the same order: the
// `attachments` of a plan. Errors: read_file()'s, the API's.
Result<Json> upload_files(Connection& connection, const std::vector<std::string>& paths);

// What upload_files() would answer, as far as it can be known without uploading.
Result<Json> describe_files(const std::vector<std::string>& paths);

}  // namespace ae::cli
