#include <array>
#include <utility>

#include "compile/compiler.h"
#include "compile/stepfunctions/machine.h"

namespace ae::compile::stepfunctions {
namespace {

constexpr std::size_t kLongestDefinition = 1'048'576;  // bytes; AWS's limit

class StepFunctions final : public CompilerTarget {
 public:
  std::string_view name() const override { return "stepfunctions"; }
  std::string_view description() const override {
    return "AWS Step Functions (Amazon States Language) and a SAM template that deploys it";
  }
  std::span<const OptionInfo> options() const override {
    static constexpr std::array kOptions{
        OptionInfo{"query-language", "jsonata | jsonpath", "jsonata",
                   "the language in which data are passed on"},
        OptionInfo{"type", "standard | express", "standard",
                   "standard: durable, started by the endpoint; express: the endpoint waits"},
        OptionInfo{"endpoint", "http | none", "http", "an API Gateway HTTP API in the template"},
        OptionInfo{"responses", "gateway | plain", "gateway",
                   "plain: no function answers {statusCode, body}; gateway: one may, and the body "
                   "is taken out as in the local run (jsonata)"},
        OptionInfo{"connection", "<ARN>", "",
                   "the EventBridge connection with which HTTP services are called"},
    };
    return kOptions;
  }
  Result<Compiled> compile(const dag::LinkedWorkflow& workflow,
                           const TargetOptions& options) const override;
};

std::string_view option(const TargetOptions& options, std::string_view name,
                        std::string_view otherwise) {
  const auto found = options.find(name);
  return found == options.end() ? otherwise : std::string_view(found->second);
}

Result<Compiled> StepFunctions::compile(const dag::LinkedWorkflow& workflow,
                                        const TargetOptions& given) const {
  const Options options{.jsonpath = option(given, "query-language", "jsonata") == "jsonpath",
                        .express = option(given, "type", "standard") == "express",
                        .endpoint = option(given, "endpoint", "http") == "http",
                        .unwrap = option(given, "responses", "gateway") == "gateway",
                        .connection = std::string(option(given, "connection", ""))};
  AE_TRY(Machine machine, machine_of(workflow, options));
  Compiled compiled;
  std::string definition =
      options.jsonpath ? write_jsonpath(machine, options) : write_jsonata(machine, options);
  if (definition.size() > kLongestDefinition) {
    report(machine, dag::Severity::kWarning, "too_large", "",
           "the definition is larger than 1 MB, and Step Functions refuses it",
           "split the workflow");
  }
  compiled.artifact.files = {{"statemachine.asl.json", std::move(definition)},
                             {"template.yaml", write_template(machine, options)}};
  for (const DeployedFunction& function : machine.functions) {
    const dag::FunctionSpec& spec = *function.spec;
    compiled.artifact.folders.push_back({function.folder, spec.name, spec.version});
    const auto* package = std::get_if<dag::LocalPackage>(&spec.binding);
    for (std::size_t i = 0; i < package->layers.size(); ++i) {
      compiled.artifact.folders.push_back(
          {layer_folder(function, i), spec.name, spec.version, i + 1});
    }
  }
  compiled.artifact.explanations = std::move(machine.explanations);
  compiled.diagnostics = std::move(machine.diagnostics);
  return compiled;
}

}  // namespace

const CompilerTarget& target() {
  static const StepFunctions kTarget;
  return kTarget;
}

}  // namespace ae::compile::stepfunctions
