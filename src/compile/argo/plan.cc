#include "compile/argo/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "compile/fields.h"
#include "compile/unique_names.h"
#include "dag/order.h"

namespace ae::compile::argo {
namespace {

constexpr std::string_view kUnsupported = "unsupported";
constexpr std::string_view kDiffers = "differs";

class Planner final {
 public:
  Planner(const dag::LinkedWorkflow& linked, const Settings& settings,
          std::vector<dag::Diagnostic>& findings)
      : linked_(linked), settings_(settings), findings_(findings) {}

  Result<Plan> plan() {
    plan_.name = dag_name();
    plan_inputs();
    AE_TRY(const std::vector<std::size_t> order, dag::topological_order(linked_.workflow));
    const auto dependencies = dag::dependencies(linked_.workflow);
    name_tasks(order);
    for (const std::size_t index : order) {
      Step& step = plan_.steps[plan_.step_of.at(linked_.workflow.nodes[index].id)];
      for (const std::size_t producer : dependencies[index]) {
        step.dependencies.push_back(task_of(linked_.workflow.nodes[producer].id));
      }
      plan_call(step, fmt::format("/nodes/{}", index));
    }
    return std::move(plan_);
  }

 private:
  std::string dag_name() const { return dns_label(linked_.workflow.name); }
  const std::string& task_of(const dag::NodeId& id) const {
    return plan_.steps[plan_.step_of.at(id)].task;
  }

  void report(std::string_view code, std::string pointer, std::string message, std::string fix) {
    findings_.push_back(
        {.code = std::string(code),
         .severity = code == kUnsupported ? dag::Severity::kError : dag::Severity::kWarning,
         .pointer = std::move(pointer),
         .message = std::move(message),
         .fix = std::move(fix),
         .candidates = {}});
  }

  void plan_inputs() {
    const Json* properties = json::find(linked_.workflow.inputs, "properties");
    UniqueNames names("-");
    for (InputProperty& property : input_properties(linked_.workflow.inputs)) {
      Input input{.parameter = names.take(parameter_name(property.name)),
                  .encoding = encoding_of(*json::find(*properties, property.name)),
                  .optional = property.may_be_absent(),
                  .fallback = std::move(property.fallback)};
      check_input(property.name, *json::find(*properties, property.name), input);
      plan_.inputs.emplace(property.name, std::move(input));
    }
  }

  void check_input(const std::string& name, const Json& schema, const Input& input) {
    const std::string pointer = json::pointer_append("/inputs/properties", name);
    if (input.optional && input.encoding == Encoding::kText) {
      report(kDiffers, pointer,
             fmt::format("input {} is an optional string: an empty one counts as left out", name),
             "give it a default or make it required if the empty string means something");
    }
    if (input.fallback && input.encoding == Encoding::kText && input.fallback->is_string() &&
        input.fallback->get_ref<const std::string&>().contains("{{")) {
      report(kUnsupported, pointer + "/default",
             fmt::format("the default of input {} contains \"{{{{\", which Argo takes for the "
                         "beginning of a template tag",
                         name),
             "make the input required, or of a type that is not a plain string");
    }
    if (has_inner_defaults(schema)) {
      report(kDiffers, pointer,
             fmt::format("what a caller leaves out inside input {} is not filled in with its "
                         "defaults",
                         name),
             "say the defaults in the function that uses them, or make them inputs of their own");
    }
  }

  void name_tasks(const std::vector<std::size_t>& order) {
    UniqueNames names("-");
    plan_.steps.reserve(order.size());
    for (const std::size_t index : order) {
      const dag::Node& node = linked_.workflow.nodes[index];
      plan_.step_of.emplace(node.id, plan_.steps.size());
      plan_.steps.push_back({.node = &node,
                             .task = names.take(task_name(node.id.str())),
                             .url = {},
                             .call = 0,
                             .timeout = {},
                             .dependencies = {}});
    }
  }

  void plan_call(Step& step, const std::string& pointer) {
    const dag::FunctionSpec& spec = linked_.spec_of(*step.node);
    plan_url(step, spec, pointer);
    CallTemplate call{.name = {},
                      .retry = step.node->retry.value_or(dag::RetryPolicy{}),
                      .timeout = step.node->timeout.value_or(spec.runtime.timeout)};
    if (spec.at_most_once()) {
      if (settings_.caller == Caller::kHttp) {
        report(kUnsupported, pointer + "/function",
               fmt::format("step {} calls {}, which must not be called twice; Argo's agent repeats "
                           "the requests of HTTP templates when it is restarted",
                           step.node->id, spec.name),
               "compile with call=container, or declare the function idempotent if it is");
      }
      call.retry.reset();
    }
    if (call.retry) check_retry(*call.retry, step, pointer + "/retry");
    if (call.retry && call.retry->max_attempts == 1) call.retry.reset();
    if (settings_.caller == Caller::kHttp && call.timeout.count() % 1000 != 0) {
      const auto whole = std::chrono::ceil<std::chrono::seconds>(call.timeout);
      report(kDiffers, pointer + "/timeout",
             fmt::format("step {} may take {} s instead of {}: HTTP templates know whole seconds",
                         step.node->id, whole.count(), seconds_text(call.timeout)),
             "compile with call=container, or give whole seconds");
      call.timeout = whole;
    }
    step.timeout = call.timeout;
    step.call = call_template(std::move(call));
  }

  void check_retry(dag::RetryPolicy& retry, const Step& step, const std::string& pointer) {
    const double whole = std::ceil(retry.multiplier);
    if (whole != retry.multiplier && retry.max_attempts > 2) {
      report(kDiffers, pointer,
             fmt::format("step {} waits {} times longer after each attempt instead of {}: Argo "
                         "knows whole factors",
                         step.node->id, whole, retry.multiplier),
             "give a whole multiplier");
    }
    retry.multiplier = whole;
    // Argo computes the wait in 64 bits of nanoseconds before it applies the cap.
    const double longest = static_cast<double>(retry.initial_interval.count()) * 1e6 *
                           std::pow(whole, retry.max_attempts - 2);
    if (retry.max_attempts > 2 && longest > 9e18) {
      report(
          kUnsupported, pointer,
          fmt::format("step {} may wait {} ms times {} to the power of {}, which overflows in "
                      "Argo, so that it would not wait at all",
                      step.node->id, retry.initial_interval.count(), whole, retry.max_attempts - 2),
          "allow fewer attempts, or give the multiplier 1");
    }
  }

  void plan_url(Step& step, const dag::FunctionSpec& spec, const std::string& pointer) {
    if (std::holds_alternative<dag::LambdaFunction>(spec.binding)) {
      report(kUnsupported, pointer + "/function",
             fmt::format("step {} calls {}, a function on AWS Lambda, which has no URL",
                         step.node->id, spec.name),
             "bind the function to an HTTP service, or compile for stepfunctions");
      return;
    }
    if (const auto* service = std::get_if<dag::HttpService>(&spec.binding)) {
      step.url = service->url;
      if (!is_url(step.url)) {
        report(kUnsupported, pointer + "/function",
               fmt::format("step {} calls {} at \"{}\", which is no URL that Argo can call",
                           step.node->id, spec.name, comment_text(step.url)),
               "give an http or https URL without spaces, braces or characters beyond ASCII; "
               "percent-encode those");
      }
      return;
    }
    const std::string key = dag::function_key(spec.name, spec.version);
    auto known = plan_.services.find(key);
    if (known == plan_.services.end()) {
      known = plan_.services.emplace(key, services_.take(dns_label(spec.name))).first;
    }
    step.url = fmt::format("http://{}.{}.svc.cluster.local", known->second, settings_.space);
  }

  static bool is_url(std::string_view url) {
    if (!url.starts_with("http://") && !url.starts_with("https://")) return false;
    static constexpr std::string_view kNever = "\"'`<>{}|\\^ ";
    return std::ranges::all_of(url,
                               [](char c) { return c > 0x20 && c < 0x7F && !kNever.contains(c); });
  }

  // Few templates differ, so a search is quick; a map by value keeps many steps linear.
  std::size_t call_template(CallTemplate call) {
    // curl takes its timeout as a parameter; that of an HTTP template is fixed.
    if (settings_.caller == Caller::kContainer) call.timeout = kUsualTimeout;
    std::string key = fmt::format("{}", call.timeout.count());
    if (call.retry) {
      key += fmt::format(" {} {} {} {}", call.retry->max_attempts,
                         call.retry->initial_interval.count(), call.retry->multiplier,
                         call.retry->max_interval.count());
    }
    const auto [known, fresh] = call_by_key_.emplace(key, plan_.calls.size());
    if (!fresh) return known->second;
    call.name = call_names_.take(call_name(call));
    plan_.calls.push_back(std::move(call));
    return known->second;
  }

  // "call" for what is usual; what differs says how: "call-once-30s", "call-5-times".
  static std::string call_name(const CallTemplate& call) {
    std::string name = "call";
    if (!call.retry) {
      name += "-once";
    } else if (call.retry->max_attempts != dag::RetryPolicy{}.max_attempts) {
      name += fmt::format("-{}-times", call.retry->max_attempts);
    }
    if (call.timeout != kUsualTimeout) name += "-" + duration_text(call.timeout);
    return name;
  }

  const dag::LinkedWorkflow& linked_;
  const Settings& settings_;
  std::vector<dag::Diagnostic>& findings_;
  Plan plan_;
  UniqueNames services_{"-"};
  UniqueNames call_names_{"-"};
  std::unordered_map<std::string, std::size_t> call_by_key_;
};

}  // namespace

Encoding encoding_of(const Json& schema) {
  const std::string type = json::string_or(schema, "type");
  if (type == "string") return Encoding::kText;
  if (type == "integer") return Encoding::kInteger;
  if (type == "number" || type == "boolean") return Encoding::kNumber;
  return Encoding::kJson;
}

Result<Plan> make_plan(const dag::LinkedWorkflow& linked, const Settings& settings,
                       std::vector<dag::Diagnostic>& findings) {
  return Planner(linked, settings, findings).plan();
}

}  // namespace ae::compile::argo
