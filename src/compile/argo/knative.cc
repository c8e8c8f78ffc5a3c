#include <fmt/format.h>

#include <algorithm>

#include "compile/argo/workflow.h"

namespace ae::compile::argo {
namespace {

// Knative's own limit unless its operator raises it.
constexpr std::chrono::seconds kLongestRequest{600};

void append_environment(std::string& out, const dag::FunctionSpec& spec,
                        const std::string& service) {
  if (spec.runtime.environment.empty() && spec.runtime.secrets.empty()) return;
  out += "          env:\n";
  for (const auto& [name, value] : spec.runtime.environment) {
    out += fmt::format("            - name: {}\n              value: {}\n", yaml_scalar(name),
                       yaml_scalar(value));
  }
  for (const std::string& name : spec.runtime.secrets) {
    out += fmt::format(
        "            - name: {0}\n"
        "              valueFrom:\n"
        "                secretKeyRef:\n"
        "                  name: {1}\n"
        "                  key: {0}\n",
        yaml_scalar(name), service);
  }
}

std::string manifest(const dag::FunctionSpec& spec, const std::string& service,
                     const Settings& settings) {
  const auto& package = std::get<dag::LocalPackage>(spec.binding);
  const auto timeout = std::min(std::chrono::ceil<std::chrono::seconds>(spec.runtime.timeout),
                                std::chrono::seconds(kLongestRequest));
  std::string out = fmt::format(
      "# {}\n"
      "# The image runs {} on {} and answers POST / with the handler's result as JSON.\n"
      "apiVersion: serving.knative.dev/v1\n"
      "kind: Service\n"
      "metadata:\n"
      "  name: {}\n"
      "  namespace: {}\n"
      "spec:\n"
      "  template:\n"
      "    spec:\n"
      "      # One event at a time, as on Lambda.\n"
      "      containerConcurrency: 1\n"
      "      timeoutSeconds: {}\n"
      "      containers:\n"
      "        - image: {}\n",
      comment_text(spec.description.empty() ? spec.name : spec.description),
      comment_text(package.handler), comment_text(package.runtime), service, settings.space,
      timeout.count(),
      yaml_scalar(fmt::format("{}/{}:{}", settings.registry, service,
                              spec.version.empty() ? "latest" : spec.version.substr(0, 12))));
  append_environment(out, spec, service);
  out += fmt::format(
      "          resources:\n"
      "            limits:\n"
      "              memory: {}Mi\n",
      spec.runtime.memory_mb);
  return out;
}

}  // namespace

std::vector<ArtifactFile> knative_files(const dag::LinkedWorkflow& linked, const Plan& plan,
                                        const Settings& settings) {
  std::vector<ArtifactFile> files;
  if (settings.knative == Knative::kNo) return files;
  for (const auto& [key, service] : plan.services) {
    files.push_back({fmt::format("knative/{}.yaml", service),
                     manifest(linked.functions.find(key)->second, service, settings)});
  }
  return files;
}

}  // namespace ae::compile::argo
