// The workflow's JSON form: apiVersion actionengine/v1, kind Workflow. YAML is the same through
// json/yaml.h. The published schema (workflow_schema()) accepts exactly what parse_workflow()
// accepts and validate() does not refuse for one value alone: empty_workflow, invalid_name,
// invalid_retry, invalid_timeout.
//
//   apiVersion: actionengine/v1
//   kind: Workflow
//   metadata: {name: mood-music, description: "..."}
//   inputs:                                   # JSON Schema of the call
//     type: object
//     properties: {username: {type: string, examples: [Anna]}}
//     required: [username]
//   nodes:
//     - id: username2id
//       function: username2id
//       version: 3f2a…                        # optional: pinned content hash
//       goal: find Anna's user id             # optional
//       arguments:
//         username: {input: username}         # from the caller
//     - id: getusermood
//       function: getusermood
//       arguments:
//         user_id: {node: username2id, output: user_id}   # a field of an earlier node's output
//         limit: {value: 3}                               # a literal
//         tags: {list: [{value: a}, {input: b}]}          # a list of bindings
//         place: {object: {city: {input: city}}}          # an object of bindings
//       retry: {maxAttempts: 3, initialIntervalSeconds: 0.2, multiplier: 2, maxIntervalSeconds: 10}
//       timeoutSeconds: 30
//       dependsOn: [other]                    # order without data
//   outputs:
//     mood: {node: getusermood, output: mood}
#pragma once

#include <string_view>
#include <vector>

#include "dag/diagnostic.h"
#include "dag/workflow.h"

namespace ae::dag {

struct ParsedWorkflow {
  Workflow workflow;                    // meaningful only without errors
  std::vector<Diagnostic> diagnostics;  // structural findings, each with its pointer
};

// Structure only (shapes, types, unknown members with "did you mean"); references are validate()'s.
ParsedWorkflow parse_workflow(const Json& document);
// Text in JSON or YAML. Errors: kInvalidArgument when it is neither.
Result<ParsedWorkflow> parse_workflow_text(std::string_view text);

Json to_json(const Workflow& workflow);
Json to_json(const Binding& binding);

// The published JSON Schema (draft 2020-12) of the form above.
const Json& workflow_schema();

}  // namespace ae::dag
