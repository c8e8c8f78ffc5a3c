#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "compile/argo/values.h"
#include "compile/argo/workflow.h"

namespace ae::compile::argo {
namespace {

constexpr std::array kOptions{
    OptionInfo{"kind", "both | template | workflow", "both",
               "a WorkflowTemplate and a Workflow that runs it, or one of them alone"},
    OptionInfo{"call", "container | http", "container",
               "how a function is called: by curl in a pod of its own, or by Argo's agent"},
    OptionInfo{"image", "<image>", "curlimages/curl:8.11.1", "the image that holds curl"},
    OptionInfo{"namespace", "<namespace>", "default",
               "where the Knative Services of local packages are"},
    OptionInfo{"knative", "no | yes", "no", "also a Knative Service for each local package"},
    OptionInfo{"registry", "<registry>", "registry.example.com/functions",
               "where the images of those services are"},
    OptionInfo{"service-account", "<name>", "", "the service account that the workflow runs as"},
};

std::string option(const TargetOptions& options, std::string_view name) {
  const auto given = options.find(name);
  if (given != options.end()) return given->second;
  return std::string(std::ranges::find(kOptions, name, &OptionInfo::name)->fallback);
}

Settings settings_of(const TargetOptions& options) {
  const std::string kind = option(options, "kind");
  Settings settings;
  settings.kind = kind == "workflow"   ? Kind::kWorkflow
                  : kind == "template" ? Kind::kTemplate
                                       : Kind::kBoth;
  settings.caller = option(options, "call") == "http" ? Caller::kHttp : Caller::kContainer;
  settings.knative = option(options, "knative") == "yes" ? Knative::kYes : Knative::kNo;
  settings.image = option(options, "image");
  settings.space = option(options, "namespace");
  settings.registry = option(options, "registry");
  settings.service_account = option(options, "service-account");
  return settings;
}

// What is put into URLs and names without quotes.
void check_names(const Settings& settings, std::vector<dag::Diagnostic>& findings) {
  for (const auto& [name, value] : {std::pair("namespace", settings.space),
                                    std::pair("service-account", settings.service_account)}) {
    if (value.empty() || dns_label(value) == value) continue;
    findings.push_back({.code = "unsupported",
                        .severity = dag::Severity::kError,
                        .pointer = "",
                        .message = fmt::format("option {}: Kubernetes has no name like \"{}\"",
                                               name, comment_text(value)),
                        .fix = fmt::format("use \"{}\"", dns_label(value)),
                        .candidates = {}});
  }
}

void check_values(const dag::LinkedWorkflow& linked, const Values& values,
                  std::vector<dag::Diagnostic>& findings) {
  const auto check = [&](const dag::Bindings& bindings, const std::string& pointer) {
    for (const dag::NamedBinding& binding : bindings) {
      values.check(binding.binding, json::pointer_append(pointer, binding.name), findings);
    }
  };
  for (std::size_t i = 0; i < linked.workflow.nodes.size(); ++i) {
    check(linked.workflow.nodes[i].arguments, fmt::format("/nodes/{}/arguments", i));
  }
  check(linked.workflow.outputs, "/outputs");
}

std::string explain(const Step& step, const CallTemplate& call) {
  std::string text = fmt::format("{} ({}) is task {}: POST {}", step.node->id, step.node->function,
                                 step.task, step.url);
  text += step.dependencies.empty() ? ", at once" : ", after " + join(step.dependencies, ", ");
  text += fmt::format("; at most {} s", seconds_text(step.timeout));
  if (!call.retry) return text + ", never again after a failure";
  return text + fmt::format(", {} attempts, waiting {} and more between them",
                            call.retry->max_attempts, duration_text(call.retry->initial_interval));
}

std::vector<std::string> explanations(const dag::LinkedWorkflow& linked, const Plan& plan,
                                      const Settings& settings) {
  std::vector<std::string> lines;
  for (const Step& step : plan.steps) lines.push_back(explain(step, plan.calls[step.call]));
  for (const auto& [name, input] : plan.inputs) {
    lines.push_back(fmt::format("input {} is parameter {}: {}{}", name, input.parameter,
                                input.encoding == Encoding::kText ? "the string itself" : "JSON",
                                input.optional ? "; left out when it is empty" : ""));
  }
  if (settings.knative == Knative::kNo) return lines;
  for (const auto& [key, service] : plan.services) {
    const dag::RuntimeSettings& runtime = linked.functions.find(key)->second.runtime;
    lines.push_back(fmt::format("{} is Knative Service {}{}{}", key.substr(0, key.find('@')),
                                service, runtime.secrets.empty() ? "" : "; its secrets are keys of",
                                runtime.secrets.empty() ? "" : " the Secret of the same name"));
  }
  return lines;
}

class Argo final : public CompilerTarget {
 public:
  std::string_view name() const override { return "argo"; }
  std::string_view description() const override {
    return "Argo Workflows that call Knative services, and manifests of those services";
  }
  std::span<const OptionInfo> options() const override { return kOptions; }

  Result<Compiled> compile(const dag::LinkedWorkflow& workflow,
                           const TargetOptions& options) const override {
    const Settings settings = settings_of(options);
    Compiled compiled;
    check_names(settings, compiled.diagnostics);
    AE_TRY(const Plan plan, make_plan(workflow, settings, compiled.diagnostics));
    check_values(workflow, Values(workflow, plan), compiled.diagnostics);
    if (dag::has_errors(compiled.diagnostics)) return compiled;
    compiled.artifact.files = workflow_files(workflow, plan, settings);
    for (ArtifactFile& file : knative_files(workflow, plan, settings)) {
      compiled.artifact.files.push_back(std::move(file));
    }
    compiled.artifact.explanations = explanations(workflow, plan, settings);
    return compiled;
  }
};

}  // namespace

const CompilerTarget& target() {
  static const Argo kTarget;
  return kTarget;
}

}  // namespace ae::compile::argo
