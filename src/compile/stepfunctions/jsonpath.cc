// The definition in JSONPath. The data that go from state to state are one document: the input
// under "input", each result that is used later under its step's name, those of a Parallel under
// the Parallel's.
//
// Payload templates cannot build a list of values, and the functions that can take no text with
// quotes or braces that every interpreter reads alike; so what they cannot write is prepared by a
// Pass state of its own.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "base/text.h"
#include "compile/stepfunctions/common_states.h"
#include "compile/stepfunctions/jsonata_text.h"

namespace ae::compile::stepfunctions {
namespace {

constexpr std::string_view kFillDefaults = "Fill in the defaults";

bool is_path_suffix(std::string_view name) { return name.ends_with(".$"); }

enum class Inside { kObject, kArray };

// May this stand in a payload template as it is?
bool is_plain(const Json& value, Inside where) {
  if (value.is_object()) {
    return std::ranges::all_of(value.items(), [](const auto& item) {
      return !is_path_suffix(item.key()) && is_plain(item.value(), Inside::kObject);
    });
  }
  if (value.is_array()) {
    return std::ranges::all_of(value,
                               [](const Json& item) { return is_plain(item, Inside::kArray); });
  }
  if (where == Inside::kObject) return true;
  if (!value.is_string()) return !value.is_null();
  return !jsonata::needs_expression(value.get_ref<const std::string&>());
}

bool is_safe_in_quotes(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view(" _-.:/@").find(c) != std::string_view::npos;
  });
}

class JsonPathWriter final {
 public:
  JsonPathWriter(Machine& machine, const Options& options)
      : machine_(machine), options_(options), location_(machine.size()), key_of_(machine.size()) {
    for (const std::string_view taken : {"input", "given", "defaults", "error"}) {
      keys_.reserve(taken);
    }
    for (std::size_t step = 0; step < machine.size(); ++step) {
      key_of_[step] = keys_.take(jsonata::variable_name(machine.node(step).id.str()));
    }
  }

  std::string write() {
    for (std::size_t step = 0; step < machine_.size(); ++step) {
      prepare(machine_.node(step).arguments, fmt::format("/nodes/{}/arguments", step),
              preparations_[step], machine_.node(step).id.str());
    }
    prepare(machine_.linked->workflow.outputs, "/outputs", preparations_[machine_.size()],
            "the outputs");
    check_inputs();
    const bool check = needs_check();
    const bool take = !machine_.inputs.empty();
    const std::string first = name_of(first_step(machine_.root));
    out_.begin_object();
    write_head(out_, machine_, "JSONPath", check ? kCheckInput : take ? kTakeInput : first);
    out_.key("States").begin_object();
    if (check) check_input();
    if (take) take_input(first);
    const auto& last = preparations_[machine_.size()];
    states(machine_.root, last.empty() ? std::string(kReturn) : last.front().name);
    return_outputs();
    out_.end_object().end_object();
    machine_.explanations.emplace_back(
        "JSONPath keeps the input and the results in one document, which must stay below 256 KB");
    if (options_.unwrap) {
      report(machine_, dag::Severity::kWarning, "differs", "/nodes",
             "a function that answers {statusCode, body} as for API Gateway is taken at its word: "
             "JSONPath cannot unwrap the body as the local run does",
             "use the query language jsonata, or let such functions return the body");
    }
    return out_.take() + "\n";
  }

 private:
  // A Pass state that builds a value before the state that needs it.
  struct Preparation {
    std::string name;
    std::string key;                        // where the value is put
    const dag::Binding* binding = nullptr;  // what it is
  };
  using Preparations = std::vector<Preparation>;

  void unsupported(std::string pointer, std::string message) {
    report(machine_, dag::Severity::kError, "unsupported", std::move(pointer), std::move(message),
           "use the query language jsonata");
  }

  // --- what can be written how ---

  // As a value of a template, against as an expression under a key that ends with ".$".
  bool is_template(const dag::Binding& binding, Inside where) const {
    if (const auto* constant = std::get_if<dag::Literal>(&binding.source)) {
      return is_plain(constant->value, where);
    }
    if (const auto* list = std::get_if<dag::ListBinding>(&binding.source)) {
      return std::ranges::all_of(list->items, [this](const dag::Binding& item) {
        return is_template(item, Inside::kArray);
      });
    }
    return std::holds_alternative<dag::ObjectBinding>(binding.source);
  }

  // An argument of a function that can be written in place.
  static bool is_simple(const dag::Binding& item) {
    if (const auto* constant = std::get_if<dag::Literal>(&item.source)) {
      return constant->value.is_number_unsigned() ||  // a sign or a point is not read everywhere
             (constant->value.is_string() &&
              is_safe_in_quotes(constant->value.get_ref<const std::string&>()));
    }
    return std::holds_alternative<dag::InputRef>(item.source) ||
           std::holds_alternative<dag::OutputRef>(item.source);
  }

  void prepare(const dag::Bindings& bindings, const std::string& pointer, Preparations& out,
               const std::string& owner) {
    for (const dag::NamedBinding& member : bindings) {
      const std::string place = json::pointer_append(pointer, member.name);
      if (is_path_suffix(member.name)) {
        unsupported(place, fmt::format("\"{}\" ends with \".$\", which JSONPath takes for a path",
                                       member.name));
      }
      prepare(member.binding, place, out, owner);
      if (std::holds_alternative<dag::Literal>(member.binding.source) &&
          !is_template(member.binding, Inside::kObject)) {
        add_preparation(member.binding, out, owner);
      }
    }
  }

  void prepare(const dag::Binding& binding, const std::string& pointer, Preparations& out,
               const std::string& owner) {
    if (const auto* object = std::get_if<dag::ObjectBinding>(&binding.source)) {
      return prepare(object->members, pointer + "/object", out, owner);
    }
    const auto* list = std::get_if<dag::ListBinding>(&binding.source);
    if (list == nullptr) return check_reference(binding, pointer);
    const bool whole = is_template(binding, Inside::kObject);
    for (std::size_t i = 0; i < list->items.size(); ++i) {
      const dag::Binding& item = list->items[i];
      prepare(item, fmt::format("{}/list/{}", pointer, i), out, owner);
      const bool expression_list = std::holds_alternative<dag::ListBinding>(item.source) &&
                                   !is_template(item, Inside::kArray);
      if (!whole && !is_simple(item) && !expression_list) add_preparation(item, out, owner);
    }
  }

  void add_preparation(const dag::Binding& binding, Preparations& out, const std::string& owner) {
    Preparation one{.name = machine_.state_names.take("Prepare " + owner),
                    .key = keys_.take("prepared"),
                    .binding = &binding};
    prepared_at_.emplace(&binding, "$." + one.key + ".value");
    out.push_back(std::move(one));
  }

  void check_reference(const dag::Binding& binding, const std::string& pointer) {
    if (const auto* input = std::get_if<dag::InputRef>(&binding.source)) {
      if (may_be_absent(binding, machine_.inputs)) {
        unsupported(pointer,
                    fmt::format("the input \"{}\" may be left out, and JSONPath has no value that "
                                "is absent; require it, or give it a default",
                                input->input));
      }
      check_name(input->input, pointer);
    } else if (const auto* output = std::get_if<dag::OutputRef>(&binding.source)) {
      const std::size_t step = machine_.step_of.at(output->node.str());
      const FieldPath path = field_path(machine_.spec(step).output, output->field);
      for (const std::string& name : path.members) check_name(name, pointer);
      if (!path.ambiguous) return;
      report(machine_, dag::Severity::kWarning, "differs", pointer,
             fmt::format("\"{}\" is read as a member of a member: the result's schema knows no "
                         "member of exactly that name",
                         output->field),
             "declare the field in the function's output schema");
    }
  }

  void check_name(const std::string& name, const std::string& pointer) {
    const bool fine = !name.empty() && std::ranges::none_of(name, [](char c) {
      return std::string_view("'\"\\`[]^~").find(c) != std::string_view::npos ||
             static_cast<unsigned char>(c) < 0x20;
    });
    if (!fine) unsupported(pointer, fmt::format("JSONPath cannot name the member \"{}\"", name));
  }

  // --- the input ---

  bool needs_check() const {
    return std::ranges::any_of(machine_.inputs, [](const InputProperty& input) {
      return input.required || !test_of(input).empty();
    });
  }

  // The data tests of the input's types; empty: none can be made.
  static std::vector<std::string_view> test_of(const InputProperty& input) {
    std::vector<std::string_view> tests;
    for (const std::string& type : input.types) {
      if (type == "string") {
        tests.emplace_back("IsString");
      } else if (type == "number" || type == "integer") {
        tests.emplace_back("IsNumeric");
      } else if (type == "boolean") {
        tests.emplace_back("IsBoolean");
      } else if (type == "null") {
        tests.emplace_back("IsNull");
      } else {
        return {};
      }
    }
    return tests;
  }

  void check_inputs() {
    const Json* properties = json::find(machine_.linked->workflow.inputs, "properties");
    for (const InputProperty& input : machine_.inputs) {
      check_name(input.name, json::pointer_append("/inputs/properties", input.name));
      if (!has_inner_defaults(*json::find(*properties, input.name))) continue;
      unsupported(json::pointer_append("/inputs/properties", input.name),
                  fmt::format("members of the input \"{}\" have defaults, and JSONPath fills in "
                              "only whole inputs",
                              input.name));
    }
  }

  void test(const std::string& variable, std::string_view name) {
    out_.begin_object().member("Variable", variable).key(name).raw("true");
    out_.end_object();
  }

  void check_input() {
    out_.key(kCheckInput).begin_object().member("Type", "Choice");
    out_.key("Choices").begin_array().begin_object().key("And").begin_array();
    for (const InputProperty& input : machine_.inputs) {
      const std::string variable = path_of("$", input.name);
      const auto tests = test_of(input);
      if (input.required) test(variable, "IsPresent");
      if (tests.empty()) continue;
      if (input.required && tests.size() == 1) {
        test(variable, tests[0]);
        continue;
      }
      out_.begin_object().key("Or").begin_array();
      if (!input.required) {
        out_.begin_object().key("Not");
        test(variable, "IsPresent");
        out_.end_object();
      }
      for (const std::string_view one : tests) test(variable, one);
      out_.end_array().end_object();
    }
    out_.end_array().member("Next", kTakeInput).end_object().end_array();
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
    Json defaults = Json::object();
    for (const InputProperty& input : machine_.inputs) {
      if (input.fallback) defaults[input.name] = *input.fallback;
    }
    out_.key(kTakeInput).begin_object().member("Type", "Pass");
    out_.key("Parameters").begin_object();
    out_.member(defaults.empty() ? "input.$" : "given.$", "$");
    out_.end_object();
    if (defaults.empty()) {
      out_.member("Next", first).end_object();
      return;
    }
    const std::string name = machine_.state_names.take("Know the defaults");
    out_.member("Next", name).end_object();
    out_.key(name).begin_object().member("Type", "Pass");
    out_.key("Result").json(defaults);
    out_.member("ResultPath", "$.defaults").member("Next", kFillDefaults).end_object();
    out_.key(kFillDefaults).begin_object().member("Type", "Pass");
    out_.key("Parameters").begin_object();
    out_.member("input.$", "States.JsonMerge($.defaults, $.given, false)").end_object();
    out_.member("Next", first).end_object();
  }

  // --- bindings ---

  static std::string path_of(std::string base, std::string_view name) {
    const bool plain = !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
                       std::ranges::all_of(name, [](char c) {
                         return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
                                (c >= '0' && c <= '9');
                       });
    return plain ? base.append(".").append(name) : base.append("['").append(name).append("']");
  }

  std::string expression(const dag::InputRef& reference) const {
    return path_of("$.input", reference.input);
  }
  std::string expression(const dag::OutputRef& reference) const {
    const std::size_t step = machine_.step_of.at(reference.node.str());
    std::string path = location_[step];
    for (const std::string& name :
         field_path(machine_.spec(step).output, reference.field).members) {
      path = path_of(std::move(path), name);
    }
    return path;
  }
  std::string expression(const dag::Literal& literal) const {
    return literal.value.is_string()
               ? fmt::format("'{}'", literal.value.get_ref<const std::string&>())
               : json::dump(literal.value);
  }
  std::string expression(const dag::ListBinding& list) const {
    std::string text;
    for (const dag::Binding& item : list.items) {
      text += (text.empty() ? "" : ", ") + expression(item);
    }
    return "States.Array(" + text + ")";
  }
  std::string expression(const dag::ObjectBinding&) const { return {}; }  // always prepared
  std::string expression(const dag::Binding& binding) const {
    const auto prepared = prepared_at_.find(&binding);
    if (prepared != prepared_at_.end()) return prepared->second;
    return std::visit([this](const auto& source) { return expression(source); }, binding.source);
  }

  void value_of(const dag::Binding& binding) {
    if (const auto* constant = std::get_if<dag::Literal>(&binding.source)) {
      out_.json(constant->value);
    } else if (const auto* object = std::get_if<dag::ObjectBinding>(&binding.source)) {
      members(object->members);
    } else if (const auto* list = std::get_if<dag::ListBinding>(&binding.source)) {
      out_.begin_array();
      for (const dag::Binding& item : list->items) value_of(item);
      out_.end_array();
    }
  }

  void member(const std::string& name, const dag::Binding& binding) {
    if (is_template(binding, Inside::kObject)) {
      out_.key(name);
      value_of(binding);
    } else {
      out_.member(name + ".$", expression(binding));
    }
  }

  void members(const dag::Bindings& bindings) {
    out_.begin_object();
    for (const dag::NamedBinding& one : bindings) member(one.name, one.binding);
    out_.end_object();
  }

  // --- states ---

  std::string name_of(const Block& block) {
    if (block.kind != Stage::Kind::kStep) return block.name;
    const auto found = preparations_.find(block.step);
    const bool direct = found == preparations_.end() || found->second.empty();
    return direct ? block.name : found->second.front().name;
  }

  void write_preparations(const Preparations& preparations, std::string_view then) {
    for (std::size_t i = 0; i < preparations.size(); ++i) {
      const Preparation& one = preparations[i];
      out_.key(one.name).begin_object().member("Type", "Pass");
      const auto* constant = std::get_if<dag::Literal>(&one.binding->source);
      if (constant != nullptr) {
        out_.key("Result").begin_object().key("value").json(constant->value).end_object();
      } else {
        out_.key("Parameters").begin_object().key("value");
        value_of(*one.binding);
        out_.end_object();
      }
      out_.member("ResultPath", "$." + one.key);
      out_.member("Next",
                  i + 1 < preparations.size() ? std::string_view(preparations[i + 1].name) : then);
      out_.end_object();
    }
  }

  void states(const Block& scope, std::string_view next, const Block* branch = nullptr) {
    const std::string failed = machine_.state_names.take("Workflow failed");
    bool tasks = false;
    const auto sequence = sequence_of(scope);
    for (std::size_t i = 0; i < sequence.size(); ++i) {
      const Block& block = *sequence[i];
      const bool last = i + 1 == sequence.size();
      const std::string after = last ? std::string(next) : name_of(*sequence[i + 1]);
      if (block.kind == Stage::Kind::kStep) {
        tasks = true;
        write_preparations(preparations_[block.step], block.name);
        task(block, after, failed, last ? branch : nullptr);
      } else {
        parallel(block, after);
      }
    }
    if (!tasks) return;
    out_.key(failed).begin_object().member("Type", "Fail");
    out_.member("ErrorPath", "$.Error").member("CausePath", "$.Cause").end_object();
  }

  void task(const Block& block, std::string_view next, std::string_view failed, const Block* ends) {
    const std::size_t step = block.step;
    const bool http = calls_http(machine_, step);
    const std::string& id = machine_.node(step).id.str();
    out_.key(block.name).begin_object().member("Type", "Task");
    write_goal(out_, machine_, step);
    out_.member("Resource", http ? kInvokeHttp : kInvokeLambda);
    out_.key("Parameters").begin_object();
    if (http) {
      write_http_target(out_, machine_, step, options_);
      out_.key("RequestBody");
    } else {
      write_function_name(out_, machine_, step);
      out_.key("Payload");
    }
    members(machine_.node(step).arguments);
    out_.end_object();
    keep_result(step, http ? "ResponseBody" : "Payload", ends);
    write_limits(out_, machine_, step);
    const std::string describe = machine_.state_names.take(id + " failed");
    out_.key("Catch").begin_array().begin_object();
    out_.key("ErrorEquals").raw("[\"States.ALL\"]");
    out_.member("ResultPath", "$.error").member("Next", describe).end_object().end_array();
    write_next(out_, next);
    out_.end_object();
    out_.key(describe).begin_object().member("Type", "Pass");
    out_.key("Parameters").begin_object().member("Error.$", "$.error.Error");
    out_.member("Cause.$", fmt::format("States.Format('step {} failed: {{}}: {{}}', $.error.Error, "
                                       "$.error.Cause)",
                                       id));
    out_.end_object().member("Next", failed).end_object();
  }

  void keep_result(std::size_t step, std::string_view member, const Block* ends) {
    if (!machine_.is_used_from(step, 0)) {
      out_.key("ResultPath").raw("null");
      return;
    }
    out_.key("ResultSelector").begin_object();
    out_.member(fmt::format("{}.$", member), fmt::format("$.{}", member)).end_object();
    // Alone in what its branch hands out, the result is all of it.
    if (ends != nullptr && machine_.exports_of(*ends) == std::vector{step}) {
      location_[step] = fmt::format("$.{}", member);
      return;
    }
    out_.member("ResultPath", "$." + key_of_[step]);
    location_[step] = fmt::format("$.{}.{}", key_of_[step], member);
  }

  void parallel(const Block& block, std::string_view next) {
    out_.key(block.name).begin_object().member("Type", "Parallel");
    out_.key("Branches").begin_array();
    for (const Block& child : block.children) {
      out_.begin_object().member("StartAt", name_of(first_step(child)));
      out_.key("States").begin_object();
      states(child, "", &child);
      out_.end_object().end_object();
    }
    out_.end_array();
    std::vector<std::pair<std::size_t, std::string>> results;
    for (std::size_t i = 0; i < block.children.size(); ++i) {
      for (const std::size_t step : machine_.exports_of(block.children[i])) {
        results.emplace_back(step, fmt::format("$[{}]{}", i, location_[step].substr(1)));
      }
    }
    if (results.empty()) {
      out_.key("ResultPath").raw("null");
    } else {
      const std::string key = keys_.take(jsonata::variable_name(block.name));
      out_.key("ResultSelector").begin_object();
      for (const auto& [step, path] : results) {
        out_.member(key_of_[step] + ".$", path);
        location_[step] = fmt::format("$.{}.{}", key, key_of_[step]);
      }
      out_.end_object().member("ResultPath", "$." + key);
    }
    write_next(out_, next);
    out_.end_object();
  }

  void return_outputs() {
    write_preparations(preparations_[machine_.size()], kReturn);
    out_.key(kReturn).begin_object().member("Type", "Pass");
    out_.key("Parameters");
    members(machine_.linked->workflow.outputs);
    out_.key("End").raw("true").end_object();
  }

  Machine& machine_;
  const Options& options_;
  AslWriter out_;
  UniqueNames keys_{"_"};
  std::vector<std::string> location_;  // of each step's result, in the scope at hand
  std::vector<std::string> key_of_;
  std::map<std::size_t, Preparations> preparations_;  // of each step; of the outputs: size()
  std::unordered_map<const dag::Binding*, std::string> prepared_at_;
};

}  // namespace

std::string write_jsonpath(Machine& machine, const Options& options) {
  return JsonPathWriter(machine, options).write();
}

}  // namespace ae::compile::stepfunctions
