#include "cli/plan_view.h"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "base/text.h"
#include "dag/draw.h"
#include "dag/serialize.h"

namespace ae::cli {
namespace {

// The words of the query at the given [begin, end) spans, joined by an ellipsis.
std::string words_at(const std::string& query, const Json& spans) {
  std::vector<std::string> parts;
  for (const Json& span : spans) {
    if (!span.is_array() || span.size() != 2 || !span[0].is_number_unsigned() ||
        !span[1].is_number_unsigned()) {
      continue;
    }
    const auto begin = span[0].get<std::size_t>();
    const auto end = span[1].get<std::size_t>();
    if (begin < end && end <= query.size()) parts.push_back(query.substr(begin, end - begin));
  }
  return join(parts, " … ");
}

std::string scalar(const Json& value) {
  return printable(value.is_string() ? value.get<std::string>() : json::dump(value));
}

void print_values(const Output& out, const Json& plan) {
  const Json* provenance = json::find(plan, "provenance");
  const Json* inputs = provenance == nullptr ? nullptr : json::find(*provenance, "inputs");
  if (inputs == nullptr || inputs->empty()) return;
  const std::string query = json::string_or(plan, "query");
  std::vector<std::vector<std::string>> rows;
  for (const Json& input : *inputs) {
    const Json* words = json::find(input, "words");
    const Json* value = json::find(input, "value");
    const std::string from = words == nullptr ? "" : words_at(query, *words);
    const bool given = value != nullptr && !value->is_null();
    const bool setting = json::string_or(input, "kind") == "setting";
    rows.push_back({from.empty() ? out.dim("—") : fmt::format("“{}”", printable(from)),
                    json::string_or(input, "input"),
                    given ? out.accent(scalar(*value)) : out.warn("asked for at the call"),
                    out.dim(setting ? "default" : "required")});
  }
  out.heading("Values");
  out.table({"words", "input", "value", "at the endpoint"}, rows);
}

void print_missing(const Output& out, const Json& plan) {
  const Json* missing = json::find(plan, "missing_functions");
  if (missing == nullptr || missing->empty()) return;
  out.heading("No function serves");
  for (const Json& entry : *missing) {
    out.line(fmt::format("  “{}”", printable(json::string_or(entry, "clause"))));
    const Json* nearest = json::find(entry, "nearest");
    if (nearest != nullptr && !nearest->empty()) {
      std::vector<std::string> names;
      for (const Json& name : *nearest) names.push_back(scalar(name));
      out.line(out.dim("    nearest: " + join(names, ", ")));
    }
    const std::string suggested = json::string_or(entry, "suggested_name");
    if (!suggested.empty()) {
      out.line(out.dim(
          fmt::format("    add one, for instance {}: ae fn add path/to/{}", suggested, suggested)));
    }
  }
}

}  // namespace

void print_workflow(const Output& out, const Json& workflow) {
  const auto parsed = dag::parse_workflow(workflow);
  if (dag::has_errors(parsed.diagnostics)) return;
  out.line(
      trim(dag::to_terminal(parsed.workflow, out.colour() ? dag::Colour::kOn : dag::Colour::kOff)));
}

void print_diagnostics(const Output& out, const Json& diagnostics) {
  for (const Json& finding : diagnostics) {
    const bool error = json::string_or(finding, "severity") == "error";
    out.line(fmt::format("{} {} {}", error ? out.bad("error  ") : out.warn("warning"),
                         out.bold(json::string_or(finding, "code")),
                         out.dim(printable(json::string_or(finding, "pointer")))));
    out.line("  " + printable(json::string_or(finding, "message")));
    const std::string fix = json::string_or(finding, "fix");
    if (!fix.empty()) out.line("  fix: " + printable(fix));
  }
}

void print_plan(const Output& out, const Json& plan) {
  const Json* workflow = json::find(plan, "workflow");
  const Json* nodes = workflow == nullptr ? nullptr : json::find(*workflow, "nodes");
  if (nodes != nullptr && !nodes->empty()) {
    const Json* metadata = json::find(*workflow, "metadata");
    out.heading(
        fmt::format("Workflow {}", metadata == nullptr ? "" : json::string_or(*metadata, "name")));
    print_workflow(out, *workflow);
    print_values(out, plan);
  }
  print_missing(out, plan);
  const Json* diagnostics = json::find(plan, "diagnostics");
  if (diagnostics != nullptr && !diagnostics->empty()) {
    out.heading("Findings");
    print_diagnostics(out, *diagnostics);
  }
}

}  // namespace ae::cli
