// A plan, drawn for a person: the workflow, which words gave which value, what is missing.
#pragma once

#include "cli/output.h"
#include "json/json.h"

namespace ae::cli {

void print_workflow(const Output& out, const Json& workflow);
void print_plan(const Output& out, const Json& plan);
void print_diagnostics(const Output& out, const Json& diagnostics);

}  // namespace ae::cli
