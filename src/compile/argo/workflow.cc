#include "compile/argo/workflow.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "compile/argo/values.h"
#include "compile/unique_names.h"

namespace ae::compile::argo {
namespace {

// Where the container's request waits.
constexpr std::string_view kBodyFile = "/tmp/body.json";

class Writer final {
 public:
  Writer(const dag::LinkedWorkflow& linked, const Plan& plan, const Settings& settings)
      : linked_(linked), plan_(plan), settings_(settings), values_(linked, plan) {}

  std::string definition(std::string_view kind) {
    comments(0, linked_.workflow.description);
    head(kind);
    line(0, "spec:");
    line(2, "entrypoint: main");
    if (!settings_.service_account.empty()) {
      line(2, "serviceAccountName: " + yaml_scalar(settings_.service_account));
    }
    inputs();
    line(2, "templates:");
    main_template();
    for (const CallTemplate& call : plan_.calls) {
      out_ += '\n';
      call_template(call);
    }
    return std::move(out_);
  }

  std::string reference() {
    head("Workflow");
    line(0, "spec:");
    line(2, "workflowTemplateRef:");
    line(4, "name: " + plan_.name);
    return std::move(out_);
  }

 private:
  void line(std::size_t indent, std::string_view text) {
    out_.append(indent, ' ');
    out_ += text;
    out_ += '\n';
  }

  // Wrapped at column 100.
  void comments(std::size_t indent, std::string_view text) {
    std::string current;
    for (const std::string_view word : split(comment_text(text), ' ')) {
      if (!current.empty() && indent + 3 + current.size() + word.size() > 100) {
        line(indent, "# " + current);
        current.clear();
      }
      current += current.empty() ? "" : " ";
      current += word;
    }
    if (!current.empty()) line(indent, "# " + current);
  }

  void head(std::string_view kind) {
    line(0, "apiVersion: argoproj.io/v1alpha1");
    line(0, fmt::format("kind: {}", kind));
    line(0, "metadata:");
    if (kind == "Workflow") {
      line(2, fmt::format("generateName: {}-", plan_.name));
    } else {
      line(2, "name: " + plan_.name);
    }
  }

  void inputs() {
    const Json* properties = json::find(linked_.workflow.inputs, "properties");
    if (plan_.inputs.empty() || properties == nullptr) return;
    line(2, "arguments:");
    line(4, "parameters:");
    for (auto property = properties->begin(); property != properties->end(); ++property) {
      input(*property, plan_.inputs.find(property.key())->second);
    }
  }

  void input(const Json& schema, const Input& input) {
    line(6, "- name: " + yaml_scalar(input.parameter));
    std::string about = comment_text(json::string_or(schema, "description"));
    std::string form = input.encoding == Encoding::kText   ? ""
                       : input.encoding == Encoding::kJson ? "JSON"
                                                           : json::string_or(schema, "type");
    if (input.optional) form += form.empty() ? "optional" : ", optional";
    if (!form.empty()) about += about.empty() ? form : " (" + form + ")";
    if (!about.empty()) line(8, "description: " + yaml_scalar(about));
    choices(schema, input);
    if (input.fallback) {
      const bool text = input.encoding == Encoding::kText && input.fallback->is_string();
      line(8, "value: " + yaml_scalar(text ? input.fallback->get<std::string>()
                                           : json_text(*input.fallback, Place::kTag)));
    } else if (input.optional) {
      line(8, R"(value: "")");
    }
  }

  // Argo offers these and refuses any other, as the local run does.
  void choices(const Json& schema, const Input& input) {
    const Json* choices = json::find(schema, "enum");
    if (input.encoding != Encoding::kText || input.optional || choices == nullptr) return;
    std::string listed;
    for (const Json& choice : *choices) {
      if (!choice.is_string()) return;
      listed += (listed.empty() ? "" : ", ") + yaml_scalar(choice.get<std::string>());
    }
    if (!listed.empty()) line(8, fmt::format("enum: [{}]", listed));
  }

  void main_template() {
    line(4,
         "# Values are put in as JSON. Argo looks for tags in what it has put in, too: replace()");
    line(4, "# keeps what functions and callers wrote from being taken for one.");
    line(4, "- name: main");
    line(6, "dag:");
    line(8, "tasks:");
    for (const Step& step : plan_.steps) task(step);
    outputs();
  }

  void task(const Step& step) {
    comments(10, step.node->goal);
    line(10, "- name: " + yaml_scalar(step.task));
    if (!step.dependencies.empty()) {
      line(12, fmt::format("dependencies: [{}]", listed(step.dependencies)));
    }
    line(12, "template: " + plan_.calls[step.call].name);
    line(12, "arguments:");
    line(14, "parameters:");
    line(16, "- name: url");
    line(18, "value: " + yaml_scalar(step.url));
    if (step.timeout != plan_.calls[step.call].timeout) {
      line(16, "- name: timeout");
      line(18, fmt::format(R"(value: "{}")", seconds_text(step.timeout)));
    }
    line(16, "- name: body");
    const std::string body = values_.body(step.node->arguments);
    if (!body.contains('\n')) return line(18, "value: " + yaml_scalar(body));
    line(18, "value: |-");
    for (const std::string_view part : split(body, '\n')) line(20, part);
  }

  static std::string listed(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + yaml_scalar(name);
    return text;
  }

  void outputs() {
    if (linked_.workflow.outputs.empty()) return;
    line(6, "outputs:");
    line(8, "parameters:");
    UniqueNames names("-");
    for (const dag::NamedBinding& output : linked_.workflow.outputs) {
      const std::string name = yaml_scalar(names.take(parameter_name(output.name)));
      line(10, "- name: " + name);
      line(12, "valueFrom:");
      const std::string expression = values_.output(output.binding);
      // With both kinds of quotes inside, a scalar would be mostly escapes.
      if (expression.contains('\'') && expression.contains('"')) {
        line(14, "expression: |-");
        line(16, expression);
      } else {
        line(14, "expression: " + yaml_scalar(expression));
      }
    }
  }

  void call_template(const CallTemplate& call) {
    line(4, "- name: " + call.name);
    line(6, "inputs:");
    line(8, "parameters:");
    line(10, "- name: url");
    line(10, "- name: body");
    if (settings_.caller == Caller::kContainer) {
      line(10, "- name: timeout");
      line(12, fmt::format(R"(value: "{}")", seconds_text(call.timeout)));
      line(8, "artifacts:");
      line(10, "- name: body");
      line(12, fmt::format("path: {}", kBodyFile));
      line(12, "raw:");
      line(14, R"(data: "{{=inputs.parameters.body}}")");
    }
    retries(call);
    if (settings_.caller == Caller::kContainer) {
      container();
    } else {
      http(call);
    }
  }

  void retries(const CallTemplate& call) {
    line(6, "retryStrategy:");
    if (!call.retry) return line(8, R"(limit: "0")");
    const dag::RetryPolicy& retry = *call.retry;
    line(8, fmt::format(R"(limit: "{}")", retry.max_attempts - 1));
    line(8, "retryPolicy: Always");
    if (retry.initial_interval.count() == 0) return;
    line(8, "backoff:");
    line(10, "duration: " + duration_text(std::min(retry.initial_interval, retry.max_interval)));
    if (retry.max_attempts <= 2) return;
    line(10, fmt::format(R"(factor: "{}")", retry.multiplier));
    line(10, "cap: " + duration_text(retry.max_interval));
  }

  // The argument of a request that is only to be made when every value was there.
  void guarded_url(std::size_t indent, std::string_view before) {
    if (!guard_explained_) {
      line(indent, "# A value that is missing leaves its expression in the body, which then is no");
      line(indent, "# JSON; this expression stays, too, and as a URL it fails.");
    }
    guard_explained_ = true;
    line(indent, std::string(before) + R"("{{=type(fromJSON(inputs.parameters.body)) == 'map' ? )"
                                       R"(inputs.parameters.url : ''}}")");
  }

  void container() {
    line(6, "container:");
    line(8, "image: " + yaml_scalar(settings_.image));
    line(8, "command: [curl]");
    line(8, "args:");
    line(10, "- --fail-with-body");
    line(10, "- --silent");
    line(10, "- --show-error");
    line(10, "- --max-time");
    line(10, R"(- "{{inputs.parameters.timeout}}")");
    line(10, "- --json");
    line(10, fmt::format(R"(- "@{}")", kBodyFile));
    guarded_url(10, "- ");
  }

  void http(const CallTemplate& call) {
    line(6, "http:");
    line(8, "method: POST");
    guarded_url(8, "url: ");
    line(8, fmt::format("timeoutSeconds: {}", seconds_text(call.timeout)));
    line(8, "headers:");
    line(10, "- name: Content-Type");
    line(12, "value: application/json");
    line(8, R"(body: "{{=inputs.parameters.body}}")");
  }

  const dag::LinkedWorkflow& linked_;
  const Plan& plan_;
  const Settings& settings_;
  Values values_;
  std::string out_;
  bool guard_explained_ = false;
};

}  // namespace

std::vector<ArtifactFile> workflow_files(const dag::LinkedWorkflow& linked, const Plan& plan,
                                         const Settings& settings) {
  switch (settings.kind) {
    case Kind::kWorkflow:
      return {{"workflow.yaml", Writer(linked, plan, settings).definition("Workflow")}};
    case Kind::kTemplate:
      return {{"workflow-template.yaml",
               Writer(linked, plan, settings).definition("WorkflowTemplate")}};
    case Kind::kBoth:
      break;
  }
  return {{"workflow-template.yaml", Writer(linked, plan, settings).definition("WorkflowTemplate")},
          {"workflow.yaml", Writer(linked, plan, settings).reference()}};
}

}  // namespace ae::compile::argo
