// Registered workflows as answers.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "gateway/internal/core.h"
#include "json/json.h"
#include "verify/verify.h"

namespace ae::gateway {

// Functions of the linked workflow that have effects; `approved` holds "name@version".
Json effects_json(const dag::LinkedWorkflow& linked, const std::vector<std::string>& approved);

// JSON Schema of the required inputs without a default that `first_inputs` lacks, or null.
Json open_inputs(const Json& inputs, const Json& first_inputs);

// A call that works: first_inputs, completed by samples of the required inputs.
Json example_input(const Json& inputs, const Json& first_inputs);

// One line for a POSIX shell.
std::string curl_line(std::string_view url, const Json& body);

Json workflow_json(const Core& core, const catalog::RegisteredWorkflow& registered,
                   std::span<const dag::Diagnostic> diagnostics);

// verify::verify() against the repository, then whether the FaaS engine can run each function
// (code unsupported_runtime).
Result<verify::Verdict> verify_workflow(Core& core, const dag::Workflow& workflow,
                                        const verify::Evidence* evidence = nullptr);

}  // namespace ae::gateway
