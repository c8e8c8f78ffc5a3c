// What of a workflow becomes what in Argo: every name, every template, every call.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "compile/argo/text.h"
#include "compile/compiler.h"

namespace ae::compile::argo {

enum class Kind { kWorkflow, kTemplate, kBoth };
enum class Caller { kContainer, kHttp };
enum class Knative { kNo, kYes };

struct Settings {
  Kind kind = Kind::kBoth;
  Caller caller = Caller::kContainer;
  Knative knative = Knative::kNo;
  std::string image;
  std::string space;  // the Kubernetes namespace of the functions
  std::string registry;
  std::string service_account;
};

// How the characters of an Argo parameter, which is always a string, stand for a value.
enum class Encoding {
  kText,     // the string itself
  kInteger,  // a whole number of at most 64 bits
  kNumber,   // a number, true or false
  kJson,     // JSON
};
Encoding encoding_of(const Json& schema);

struct Input {
  std::string parameter;
  Encoding encoding = Encoding::kJson;
  bool optional = false;  // "" stands for an input that was left out
  std::optional<Json> fallback;
};

// Lambda's default, and so that of most functions.
inline constexpr std::chrono::milliseconds kUsualTimeout{3'000};

// A template that calls any function; steps that are tried again in the same way share one.
struct CallTemplate {
  std::string name;
  std::optional<dag::RetryPolicy> retry;  // none: one attempt
  std::chrono::milliseconds timeout{};    // of a step that gives none of its own
};

struct Step {
  const dag::Node* node = nullptr;
  std::string task;
  std::string url;
  std::size_t call = 0;  // of Plan::calls
  std::chrono::milliseconds timeout{};
  std::vector<std::string> dependencies;  // names of tasks, in the order of the steps
};

struct Plan {
  std::string name;
  std::map<std::string, Input, std::less<>> inputs;
  std::vector<Step> steps;  // each after what it uses
  std::vector<CallTemplate> calls;
  std::unordered_map<dag::NodeId, std::size_t> step_of;
  std::map<std::string, std::string, std::less<>> services;  // function_key() to service name
};

// What cannot be expressed is added to `findings`; the plan is of no use then.
// Errors: kInternal when the workflow is not valid.
Result<Plan> make_plan(const dag::LinkedWorkflow& linked, const Settings& settings,
                       std::vector<dag::Diagnostic>& findings);

}  // namespace ae::compile::argo
