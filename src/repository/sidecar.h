// function.yaml: what the organisation says about a Lambda folder, beside its unchanged code.
//
//   apiVersion: actionengine/v1
//   kind: Function
//   name: username2id
//   description: Looks up the id of a user by name.
//   handler: lambda_function.lambda_handler      # default
//   runtime: python3.11                          # default
//   timeout: 10                                  # seconds, 0 < t <= 900 as in Lambda; default 3
//   memory: 128                                  # MB, 128..10240; default 128
//   environment: {LOG_LEVEL: INFO}
//   event: plain                                 # or api-gateway: the handler reads event["body"]
//   layers: [../shared-layer]                    # folders or zips that Lambda lays over /opt
//   egress: ["api.example.com:443"]              # where it may connect to; default: nowhere
//   secrets: [API_KEY]                           # become variables of its environment
//   state: shop                                  # shares AE_STATE_DIR with others of that name
//   s3: true                                     # the installation's buckets; default true
//   binding: {http: {url: "http://…"}}           # or {lambda: {arn: …}}; then no code is needed
//   effects: [send]                              # send, pay, book, write, delete
//   idempotent: false
//   input: {JSON Schema}
//   output: {JSON Schema}
//   examples: [{input: {...}, output: {...}}, {input: {...}, error: ValueError}]
//   errors: [ValueError]                         # types that it raises
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dag/diagnostic.h"
#include "dag/function_spec.h"

namespace ae::repository {

struct ParsedSidecar {
  dag::FunctionSpec spec;  // meaningful only without errors; binding.folder and version are empty
  std::vector<dag::Diagnostic> diagnostics;
};

// What holds for code when the sidecar does not say it: found from the files beside it.
struct SidecarDefaults {
  std::string name{};
  std::string handler = "lambda_function.lambda_handler";
  std::string runtime = "python3.11";
};

// Codes: invalid_document, missing_member (a warning for the description), unknown_member ("did you
// mean"), wrong_type, invalid_name ([A-Za-z0-9][A-Za-z0-9_-]{0,62}), invalid_handler
// ("module.function", folders separated by '/'), invalid_schema, out_of_range (numbers, addresses,
// paths, choices), unknown_effect,
// example_mismatch (an example contradicts the schemas; one that expects an error may have any
// input). Errors: kInvalidArgument with line and column when the text is no YAML;
// kResourceExhausted.
Result<ParsedSidecar> parse_sidecar(std::string_view text);
// The same from the parsed document; pointers go into it.
ParsedSidecar read_sidecar(const Json& document, const SidecarDefaults& defaults = {});

// [A-Za-z0-9][A-Za-z0-9_-]{0,62}
bool is_function_name(std::string_view name);

}  // namespace ae::repository
