// The definition in JSONata. Results are kept in variables, each named after its step; a branch of
// a Parallel sees the variables around it and hands its own out as the members of its output.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "compile/stepfunctions/common_states.h"
#include "compile/stepfunctions/jsonata_text.h"

namespace ae::compile::stepfunctions {
namespace {

using jsonata::wrapped;

// A response {"statusCode", "body"} as the local run takes it: an error from 400 on, which fails
// the task so that Retry and Catch see it; else the body, if that is an object or the text of one.
constexpr std::string_view kUnwrapped =
    "( $r := $states.result.Payload; $not($r.statusCode in [100..599]) ? $r"
    " : $r.statusCode >= 400 ? $error('Http' & $r.statusCode & ': ' & $r.body)"
    " : $type($r.body) = 'object' ? $r.body"
    " : $type($r.body) != 'string' ? $r"
    " : $contains($r.body, /^\\s*\\{[\\s\\S]*\\}\\s*$/) ? $parse($r.body) : $r )";

// What the catchers hand to the Fail state is {step, error: {Error, Cause}}. The cause is a
// function's own account as JSON, or the platform's as text.
constexpr std::string_view kErrorType = "$states.input.error.Error";
constexpr std::string_view kErrorTypeHttp =
    "( $e := $states.input.error; $e.Error = 'States.QueryEvaluationError' and "
    "$contains($e.Cause, /Http[45]\\d\\d: /) ? $match($e.Cause, /Http[45]\\d\\d/, 1).match"
    " : $e.Error )";
constexpr std::string_view kErrorCause =
    "( $e := $states.input.error; $c := $contains($e.Cause, /^\\{[\\s\\S]*\\}$/) ?"
    " $parse($e.Cause).errorMessage : $e.Cause;"
    " 'step ' & $states.input.step & ' failed: ' & $e.Error & ': ' & $c )";
constexpr std::string_view kErrorCauseHttp =
    "( $e := $states.input.error; $http := $e.Error = 'States.QueryEvaluationError' ?"
    " $match($e.Cause, /(Http[45]\\d\\d): ([\\s\\S]*)/, 1);"
    " $type := $exists($http) ? $http.groups[0] : $e.Error;"
    " $text := $exists($http) ? $http.groups[1] : $e.Cause;"
    " $body := $contains($text, /^\\s*\\{[\\s\\S]*\\}\\s*$/) ? $parse($text);"
    " 'step ' & $states.input.step & ' failed: ' & $type & ': ' &"
    " ( $exists($body.message) ? $body.message : $exists($body.errorMessage) ? $body.errorMessage"
    " : $exists($body.error) ? $body.error : $exists($body.detail) ? $body.detail : $text ) )";

class JsonataWriter final {
 public:
  JsonataWriter(Machine& machine, const Options& options)
      : machine_(machine),
        options_(options),
        variable_of_(machine.size()),
        shown_name_(machine.size()) {
    for (std::size_t step = 0; step < machine.size(); ++step) {
      shown_name_[step] = variables_.take(jsonata::variable_name(machine.node(step).id.str()));
    }
  }

  std::string write() {
    const bool check = needs_check();
    const bool take = !check && !machine_.inputs.empty();
    const std::string& first = first_step(machine_.root).name;
    out_.begin_object();
    write_head(out_, machine_, "JSONata", check ? kCheckInput : take ? kTakeInput : first);
    out_.key("States").begin_object();
    if (check) check_input(first);
    if (take) take_input(first);
    states(machine_.root, kReturn);
    return_outputs();
    out_.end_object().end_object();
    return out_.take() + "\n";
  }

 private:
  // --- the input ---

  bool needs_check() const {
    return std::ranges::any_of(machine_.inputs, [](const InputProperty& input) {
      return input.required || !type_tests(input, "").empty();
    });
  }

  static std::string type_test(std::string_view type, const std::string& value) {
    if (type == "integer") {
      return fmt::format("($type({0}) = 'number' ? $floor({0}) = {0} : false)", value);
    }
    return fmt::format("$type({}) = '{}'", value, type);
  }

  // "" when anything goes.
  static std::string type_tests(const InputProperty& input, const std::string& value) {
    std::string text;
    for (const std::string& type : input.types) {
      text += (text.empty() ? "" : " or ") + type_test(type, value);
    }
    return input.types.size() > 1 ? "(" + text + ")" : text;
  }

  std::string input_condition() const {
    std::string condition = "$type($states.input) = 'object'";
    for (const InputProperty& input : machine_.inputs) {
      const std::string value = jsonata::member("$states.input", input.name);
      const std::string test = type_tests(input, value);
      if (input.required) {
        condition += " and " + (test.empty() ? fmt::format("$exists({})", value) : test);
      } else if (!test.empty()) {
        condition += fmt::format(" and ($exists({}) ? {} : true)", value, test);
      }
    }
    return condition;
  }

  // `value`, an object of this schema, with the defaults of what it leaves out.
  static std::string filled_up(const Json& schema, const std::string& value) {
    const Json defaults = own_defaults(schema);
    std::string inner;
    if (const Json* properties = json::find(schema, "properties")) {
      for (const auto& property : properties->items()) {
        if (!has_inner_defaults(property.value())) continue;
        const std::string member = jsonata::member(value, property.key());
        inner += fmt::format(", $type({}) = 'object' ? {{{}: {}}} : {{}}", member,
                             jsonata::string_literal(property.key()),
                             filled_up(property.value(), member));
      }
    }
    if (defaults.empty() && inner.empty()) return value;
    return fmt::format("$merge([{}, {}{}])", jsonata::literal(defaults), value, inner);
  }

  void assign_input() {
    out_.key("Assign").begin_object();
    out_.member("input", wrapped(filled_up(machine_.linked->workflow.inputs, "$states.input")));
    out_.end_object();
  }

  void check_input(std::string_view first) {
    out_.key(kCheckInput).begin_object();
    out_.member("Type", "Choice").key("Choices").begin_array().begin_object();
    out_.member("Condition", wrapped(input_condition()));
    assign_input();
    out_.member("Next", first).end_object().end_array();
    out_.member("Default", kRefuseInput).end_object();
    const std::string needed = required_text(machine_);
    out_.key(kRefuseInput).begin_object();
    out_.member("Type", "Fail").member("Error", "invalid_argument");
    out_.member("Cause", needed.empty()
                             ? "the input does not fit the workflow"
                             : "the input does not fit the workflow, which needs " + needed);
    out_.end_object();
  }

  void take_input(std::string_view first) {
    out_.key(kTakeInput).begin_object().member("Type", "Pass");
    assign_input();
    out_.member("Next", first).end_object();
  }

  // --- bindings ---

  std::string expression(const dag::InputRef& reference) const {
    return jsonata::member("$input", reference.input);
  }

  std::string expression(const dag::OutputRef& reference) const {
    const std::size_t step = machine_.step_of.at(reference.node.str());
    const std::string base = "$" + variable_of_[step];
    const FieldPath path = field_path(machine_.spec(step).output, reference.field);
    std::string inner = jsonata::members(base, path.members);
    if (!path.ambiguous) return inner;
    const std::string whole = jsonata::member(base, reference.field);
    return fmt::format("($exists({0}) ? {0} : {1})", whole, inner);
  }

  std::string expression(const dag::Literal& value) const { return jsonata::literal(value.value); }

  std::string expression(const dag::ListBinding& list) const {
    std::vector<std::string> items;
    for (const dag::Binding& item : list.items) items.push_back(expression(item));
    return jsonata::list(items);
  }

  // An object drops members without a value by itself.
  std::string expression(const dag::Bindings& members) const {
    std::string text;
    for (const dag::NamedBinding& member : members) {
      text += fmt::format("{}{}: {}", text.empty() ? "" : ", ",
                          jsonata::string_literal(member.name), expression(member.binding));
    }
    return "{" + text + "}";
  }
  std::string expression(const dag::ObjectBinding& object) const {
    return expression(object.members);
  }
  std::string expression(const dag::Binding& binding) const {
    return std::visit([this](const auto& source) { return expression(source); }, binding.source);
  }

  // A list in a list is an expression: readers of definitions allow only objects there.
  enum class Inside { kObject, kList };

  void literal(const Json& value, Inside where) {
    if ((value.is_string() && jsonata::needs_expression(value.get_ref<const std::string&>())) ||
        (value.is_array() && where == Inside::kList)) {
      out_.string(wrapped(jsonata::literal(value)));
    } else if (!value.is_structured() || value.empty()) {
      out_.json(value);
    } else {
      value.is_object() ? out_.begin_object() : out_.begin_array();
      for (const auto& item : value.items()) {
        if (value.is_object()) out_.key(item.key());
        literal(item.value(), value.is_object() ? Inside::kObject : Inside::kList);
      }
      value.is_object() ? out_.end_object() : out_.end_array();
    }
  }

  void value_of(const dag::Binding& binding, Inside where) {
    if (const auto* constant = std::get_if<dag::Literal>(&binding.source)) {
      literal(constant->value, where);
    } else if (const auto* object = std::get_if<dag::ObjectBinding>(&binding.source)) {
      members(object->members);
    } else if (const auto* list = std::get_if<dag::ListBinding>(&binding.source)) {
      items(*list, where);
    } else {
      out_.string(wrapped(expression(binding)));
    }
  }

  void members(const dag::Bindings& bindings) {
    const bool gaps = std::ranges::any_of(bindings, [this](const dag::NamedBinding& member) {
      return may_be_absent(member.binding, machine_.inputs);
    });
    if (gaps) {
      out_.string(wrapped(expression(bindings)));
      return;
    }
    out_.begin_object();
    for (const dag::NamedBinding& member : bindings) {
      out_.key(member.name);
      value_of(member.binding, Inside::kObject);
    }
    out_.end_object();
  }

  void items(const dag::ListBinding& list, Inside where) {
    const bool gaps = std::ranges::any_of(list.items, [this](const dag::Binding& item) {
      return may_be_absent(item, machine_.inputs);
    });
    if (gaps || where == Inside::kList) {
      out_.string(wrapped(expression(list)));
      return;
    }
    out_.begin_array();
    for (const dag::Binding& item : list.items) value_of(item, Inside::kList);
    out_.end_array();
  }

  // --- states ---

  bool is_unwrapped(std::size_t step) const {
    if (!options_.unwrap || calls_http(machine_, step)) return false;
    const Json* properties = json::find(machine_.spec(step).output, "properties");
    return properties == nullptr || json::find(*properties, "statusCode") == nullptr;
  }

  std::string result(std::size_t step) const {
    if (calls_http(machine_, step)) return "$states.result.ResponseBody";
    return std::string(is_unwrapped(step) ? kUnwrapped : "$states.result.Payload");
  }

  // The states of one scope; after the last comes `next`, or the end of the branch.
  void states(const Block& scope, std::string_view next, const Block* branch = nullptr) {
    const std::string failed = machine_.state_names.take("Workflow failed");
    bool tasks = false;
    bool http = false;
    const auto sequence = sequence_of(scope);
    for (std::size_t i = 0; i < sequence.size(); ++i) {
      const Block& block = *sequence[i];
      const bool last = i + 1 == sequence.size();
      const std::string_view after = last ? next : std::string_view(sequence[i + 1]->name);
      const Block* ends = last ? branch : nullptr;
      if (block.kind == Stage::Kind::kStep) {
        tasks = true;
        http = http || is_unwrapped(block.step);
        task(block, after, failed, branch, ends);
      } else {
        parallel(block, after, branch, ends);
      }
    }
    if (tasks) fail_state(failed, http);
  }

  // The variable that holds a step's result in this scope. Nobody may give a variable the name of
  // one further out, so the step's own name is for the outermost scope that has one.
  const std::string& name_variable(std::size_t step, const Block* branch) {
    const bool handed_out = branch != nullptr && machine_.is_used_from(step, branch->last);
    variable_of_[step] =
        handed_out ? variables_.take("local_" + shown_name_[step]) : shown_name_[step];
    return variable_of_[step];
  }

  void task(const Block& block, std::string_view next, std::string_view failed, const Block* branch,
            const Block* ends) {
    const std::size_t step = block.step;
    out_.key(block.name).begin_object().member("Type", "Task");
    write_goal(out_, machine_, step);
    out_.member("Resource", calls_http(machine_, step) ? kInvokeHttp : kInvokeLambda);
    out_.key("Arguments").begin_object();
    if (calls_http(machine_, step)) {
      write_http_target(out_, machine_, step, options_);
      out_.key("RequestBody");
    } else {
      write_function_name(out_, machine_, step);
      out_.key("Payload");
    }
    members(machine_.node(step).arguments);
    out_.end_object();
    if (ends != nullptr) hand_out(*ends, step);
    const bool handed_out = ends != nullptr && machine_.is_used_from(step, ends->last);
    // Not used, a response of 400 and more still is a failure.
    if (!handed_out && (machine_.is_used_from(step, 0) || is_unwrapped(step))) {
      out_.key("Assign").begin_object();
      out_.member(name_variable(step, branch), wrapped(result(step))).end_object();
    }
    write_limits(out_, machine_, step);
    out_.key("Catch").begin_array().begin_object();
    out_.key("ErrorEquals").raw("[\"States.ALL\"]");
    out_.key("Output").begin_object().member("step", machine_.node(step).id.str());
    out_.member("error", wrapped("$states.errorOutput")).end_object();
    out_.member("Next", failed).end_object().end_array();
    write_next(out_, next);
    out_.end_object();
  }

  // "Output" of the task at the end of a branch.
  void hand_out(const Block& branch, std::size_t last_step) {
    const auto exports = machine_.exports_of(branch);
    if (exports.empty()) return;
    out_.key("Output").begin_object();
    for (const std::size_t step : exports) {
      out_.member(shown_name_[step],
                  wrapped(step == last_step ? result(step) : "$" + variable_of_[step]));
    }
    out_.end_object();
  }

  void parallel(const Block& block, std::string_view next, const Block* branch, const Block* ends) {
    out_.key(block.name).begin_object().member("Type", "Parallel");
    out_.key("Branches").begin_array();
    for (const Block& child : block.children) {
      out_.begin_object().member("StartAt", first_step(child).name);
      out_.key("States").begin_object();
      states(child, "", &child);
      out_.end_object().end_object();
    }
    out_.end_array();
    std::vector<std::pair<std::size_t, std::string>> results;
    for (std::size_t i = 0; i < block.children.size(); ++i) {
      for (const std::size_t step : machine_.exports_of(block.children[i])) {
        results.emplace_back(
            step, jsonata::member(fmt::format("$states.result[{}]", i), shown_name_[step]));
      }
    }
    if (ends != nullptr) {
      const auto exports = machine_.exports_of(*ends);
      if (!exports.empty()) {
        out_.key("Output").begin_object();
        for (const std::size_t step : exports) {
          const auto found =
              std::ranges::find(results, step, &decltype(results)::value_type::first);
          out_.member(shown_name_[step],
                      wrapped(found == results.end() ? "$" + variable_of_[step] : found->second));
        }
        out_.end_object();
      }
    } else if (!results.empty()) {
      out_.key("Assign").begin_object();
      for (const auto& [step, text] : results) {
        out_.member(name_variable(step, branch), wrapped(text));
      }
      out_.end_object();
    }
    write_next(out_, next);
    out_.end_object();
  }

  void fail_state(std::string_view name, bool http) {
    out_.key(name).begin_object().member("Type", "Fail");
    out_.member("Error", wrapped(http ? kErrorTypeHttp : kErrorType));
    out_.member("Cause", wrapped(http ? kErrorCauseHttp : kErrorCause));
    out_.end_object();
  }

  void return_outputs() {
    out_.key(kReturn).begin_object().member("Type", "Succeed");
    out_.key("Output");
    members(machine_.linked->workflow.outputs);
    out_.end_object();
  }

  Machine& machine_;
  const Options& options_;
  AslWriter out_;
  UniqueNames variables_{"_"};
  std::vector<std::string> variable_of_;  // of each step, in the scope at hand
  std::vector<std::string> shown_name_;   // of each step: in the outermost scope, and in outputs
};

}  // namespace

std::string write_jsonata(Machine& machine, const Options& options) {
  return JsonataWriter(machine, options).write();
}

}  // namespace ae::compile::stepfunctions
