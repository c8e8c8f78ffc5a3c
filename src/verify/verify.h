// The static checks that stand between a workflow and its registration.
//
// Source: generation.md "Static checks"; after Timon (arXiv 2509.25117), half of the defects in
// model-written workflows can be found without running them. Input: a workflow and the specs of
// its functions; when it was generated also what is known of the query. Output: diagnostics.
//
// Errors: dag::validate()'s, unknown_function, unknown_version, unknown_parameter,
// missing_argument, unknown_output, type_clash, input_type_clash, literal_invalid, duplicate_step,
// ungrounded_literal (the query does not contain it).
// Warnings: narrowed_type (guarded at run time), unproven_schema (a function declares none),
// unused_output (a step that feeds neither another step nor a workflow output and has no effect),
// conflicting_writers (two writers of one resource that may run at once), unserved_clause,
// identifier_without_producer, missing_goal, side_effects (names each).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "dag/diagnostic.h"
#include "dag/function_spec.h"
#include "dag/link.h"
#include "dag/workflow.h"

namespace ae::verify {

// Looks a function up; version "" is the current one. nullptr when there is none. The pointer must
// stay valid during the call.
using FunctionLookup =
    std::function<const dag::FunctionSpec*(std::string_view name, std::string_view version)>;

// What generation knows and a hand-written workflow lacks. All optional.
struct Evidence {
  std::string query;
  // Clauses of the query that ask for something, and whether a step serves each.
  struct Clause {
    std::string text;
    bool served = false;
  };
  std::vector<Clause> clauses;
  // Literal values that were read off the query, as bound (after normalisation).
  std::vector<Json> grounded_values;
};

struct Verdict {
  std::vector<dag::Diagnostic> diagnostics;  // errors first, then document order
  dag::LinkedWorkflow linked;                // meaningful only when proven()
  bool proven() const { return !dag::has_errors(diagnostics); }
};

// `known_functions` serve the "did you mean" of unknown_function. Threads: pure, given a pure
// lookup.
Verdict verify(const dag::Workflow& workflow, const FunctionLookup& lookup,
               const std::vector<std::string>& known_functions, const Evidence* evidence = nullptr);

}  // namespace ae::verify
