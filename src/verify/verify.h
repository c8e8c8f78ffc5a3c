// The static checks that stand between a workflow and its registration.
//
// Source: generation.md "Static checks"; after Timon (arXiv 2509.25117), half of the defects in
// model-written workflows can be found without running them. Input: a workflow and the specs of
// its functions; when it was generated also what is known of the query. Output: diagnostics.
//
// Errors: dag::validate()'s, unknown_function, unknown_version, unknown_parameter,
// missing_argument, unknown_output, type_clash, input_type_clash, literal_invalid, duplicate_step,
// conflicting_writers (two writers of one resource that are not ordered), ungrounded_literal (the
// query does not contain it and no default explains it).
// Warnings: narrowed_type (guarded at run time), unproven_schema (a function declares none; or they
// were inferred, and then one for each argument, output and missing parameter that rests on them,
// whatever the guess says of it),
// unused_output (a step that feeds no other step and no workflow output, that no step waits for,
// and that has no effect), unserved_clause, identifier_without_producer (the caller is asked for an
// id that people rarely know), missing_goal (with evidence, or where other steps state theirs),
// side_effects (names each).
//
// A writer has one of the effects write, delete, pay, book. Two of them write one resource when
// they call one function with equal arguments, or bind the same value to the id that their names
// speak of: the order_id of cancel_order. The user_id of create_event is perhaps only its owner, so
// one function that gets it twice is a mere warning, also called conflicting_writers.
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
