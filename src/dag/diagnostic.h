// A finding about a workflow, made for people and for programs.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "json/json.h"

namespace ae::dag {

enum class Severity { kError, kWarning };

struct Diagnostic {
  std::string code;  // stable, snake_case: "unknown_function", "type_clash", "cycle", ...
  Severity severity = Severity::kError;
  std::string pointer;                  // RFC 6901 into the workflow's JSON form
  std::string message;                  // what is wrong
  std::string fix;                      // what to do about it
  std::vector<std::string> candidates;  // what might have been meant, best first
  bool operator==(const Diagnostic&) const = default;
};

bool has_errors(std::span<const Diagnostic> diagnostics);

// {"code", "severity", "pointer", "message", "fix", "candidates"?}
Json to_json(const Diagnostic& diagnostic);
Json to_json(std::span<const Diagnostic> diagnostics);

}  // namespace ae::dag
