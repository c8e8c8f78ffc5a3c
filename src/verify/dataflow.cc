// Every parameter has a value, and every value is of its parameter's type.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_set>

#include "base/text.h"
#include "dag/serialize.h"
#include "json/subschema.h"
#include "verify/internal/context.h"

namespace ae::verify::internal {
namespace {

// The value of a binding that refers to nothing; nullopt when it refers to something.
std::optional<Json> literal_value(const dag::Binding& binding) {
  if (const auto* literal = std::get_if<dag::Literal>(&binding.source)) return literal->value;
  if (const auto* list = std::get_if<dag::ListBinding>(&binding.source)) {
    Json value = Json::array();
    for (const dag::Binding& item : list->items) {
      auto one = literal_value(item);
      if (!one) return std::nullopt;
      value.push_back(*std::move(one));
    }
    return value;
  }
  if (const auto* object = std::get_if<dag::ObjectBinding>(&binding.source)) {
    Json value = Json::object();
    for (const dag::NamedBinding& member : object->members) {
      auto one = literal_value(member.binding);
      if (!one) return std::nullopt;
      value[member.name] = *std::move(one);
    }
    return value;
  }
  return std::nullopt;
}

// True when the schema says nothing beyond `keywords` and annotations.
bool says_only(const Json& schema, std::initializer_list<std::string_view> keywords) {
  static constexpr std::array<std::string_view, 10> kAnnotations{
      "title",       "description", "examples", "default",  "$defs",
      "definitions", "$schema",     "$id",      "$comment", "deprecated"};
  if (!schema.is_object()) return false;
  return std::ranges::all_of(schema.items(), [&](const auto& item) {
    return std::ranges::find(keywords, item.key()) != keywords.end() ||
           std::ranges::find(kAnnotations, item.key()) != kAnnotations.end() ||
           std::string_view(item.key()).starts_with("x-");
  });
}

std::vector<std::string> allowed_values(const Json& schema) {
  std::vector<std::string> values;
  const Json* list = json::find(schema, "enum");
  if (list == nullptr || !list->is_array()) return values;
  static constexpr std::size_t kMost = 20;
  for (const Json& value : *list) {
    if (values.size() == kMost) break;
    values.push_back(value.is_string() ? value.get<std::string>() : json::dump(value));
  }
  return values;
}

class Dataflow final {
 public:
  explicit Dataflow(Context& context) : context_(context) {}

  void run() {
    const auto note = [&](const auto& reference) {
      if constexpr (requires { reference.node; }) used_.insert(reference.node);
    };
    for (const dag::Node& node : context_.workflow.nodes) {
      for (const dag::NamedBinding& one : node.arguments)
        dag::for_each_reference(one.binding, note);
    }
    for (std::size_t i = 0; i < context_.workflow.nodes.size(); ++i) {
      if (context_.specs[i] != nullptr) check_node(i, *context_.specs[i]);
    }
    for (const dag::NamedBinding& output : context_.workflow.outputs) {
      const std::string pointer = json::pointer_append("/outputs", output.name);
      softly(guesses_of(nullptr, output.binding), pointer,
             fmt::format("the output {}", output.name),
             [&] { check_references(output.binding, pointer); });
    }
  }

 private:
  void check_node(std::size_t index, const dag::FunctionSpec& spec) {
    node_ = index;
    const dag::Node& node = context_.workflow.nodes[index];
    const std::string pointer = node_pointer(index);
    if (declares_nothing(spec.input)) {
      unproven(pointer, fmt::format("{} does not declare its parameters", spec.name),
               "give the function an input schema with properties");
    }
    if (declares_nothing(spec.output) && used_.contains(node.id)) {
      unproven(pointer, fmt::format("{} does not declare its output", spec.name),
               "give the function an output schema with properties");
    }
    check_missing(node, spec, pointer + "/arguments");
    for (const dag::NamedBinding& argument : node.arguments) {
      const std::string place = json::pointer_append(pointer + "/arguments", argument.name);
      softly(guesses_of(&spec, argument.binding), place,
             fmt::format("{}.{}", node.id, argument.name),
             [&] { check_argument(spec, argument, place); });
    }
  }

  // The functions whose schemas are guesses and that decide about a binding.
  std::vector<std::string> guesses_of(const dag::FunctionSpec* consumer,
                                      const dag::Binding& binding) const {
    std::vector<std::string> names;
    const auto note = [&](const dag::FunctionSpec* spec) {
      if (is_guess(spec) && std::ranges::find(names, spec->name) == names.end()) {
        names.push_back(spec->name);
      }
    };
    dag::for_each_reference(binding, [&](const auto& reference) {
      if constexpr (requires { reference.node; }) note(context_.spec_of(reference.node));
    });
    note(consumer);
    return names;
  }

  // What rests on a guess is neither proven nor disproven: one warning, whatever the check finds.
  template <class Check>
  void softly(const std::vector<std::string>& guesses, const std::string& pointer,
              const std::string& what, const Check& check) {
    if (guesses.empty()) return check();
    std::string doubt;
    doubt_ = &doubt;
    check();
    doubt_ = nullptr;
    context_.warning(
        "unproven_schema", pointer,
        fmt::format("{} rests on the schema of {}, which was inferred and not declared{}", what,
                    join(guesses, " and "),
                    doubt.empty() ? "" : fmt::format("; by that guess {}", doubt)),
        fmt::format("declare input and output in a function.yaml (ae fn infer {} prints one)",
                    guesses.front()));
  }

  void error(std::string code, std::string pointer, std::string message, std::string fix,
             std::vector<std::string> candidates = {}) {
    if (doubt_ == nullptr) {
      return context_.error(std::move(code), std::move(pointer), std::move(message), std::move(fix),
                            std::move(candidates));
    }
    if (doubt_->empty()) *doubt_ = std::move(message);
  }

  void check_argument(const dag::FunctionSpec& spec, const dag::NamedBinding& argument,
                      const std::string& pointer) {
    const auto parameter = parameter_of(spec, argument.name);
    if (parameter) {
      what_ = fmt::format("{}.{}", context_.workflow.nodes[node_].id, argument.name);
      return check_binding(argument.binding, *parameter, pointer);
    }
    check_references(argument.binding, pointer);
    const Json* additional = json::find(spec.input, "additionalProperties");
    const bool open = declares_nothing(spec.input) ||
                      (additional != nullptr && *additional != false) ||
                      json::find(spec.input, "patternProperties") != nullptr;
    if (open) return;
    const std::vector<std::string> known = dag::property_names(spec.input);
    const std::vector<std::string> near = near_names(argument.name, known, 3);
    error("unknown_parameter", pointer,
          fmt::format("{} has no parameter \"{}\"", spec.name, shorten(argument.name, 60)),
          near.empty() ? (known.empty() ? "remove it; the function takes no parameters"
                                        : "remove it; parameters are " + join(known, ", "))
                       : fmt::format("did you mean \"{}\"?", near.front()),
          near);
  }

  void check_missing(const dag::Node& node, const dag::FunctionSpec& spec,
                     const std::string& pointer) {
    if (!is_guess(&spec)) return check_required(node, spec, pointer);
    std::string doubt;
    doubt_ = &doubt;
    check_required(node, spec, pointer);
    doubt_ = nullptr;
    if (doubt.empty()) return;
    context_.warning("unproven_schema", pointer, fmt::format("{}, as far as its code tells", doubt),
                     "bind the parameter, or declare the function's input in a function.yaml");
  }

  void check_required(const dag::Node& node, const dag::FunctionSpec& spec,
                      const std::string& pointer) {
    const Json* required = json::find(spec.input, "required");
    if (required == nullptr || !required->is_array()) return;
    for (const Json& name : *required) {
      if (!name.is_string()) continue;
      const std::string& text = name.get_ref<const std::string&>();
      if (dag::find_binding(node.arguments, text) != nullptr) continue;
      static const Json kAnything(true);
      const Parameter parameter =
          parameter_of(spec, text).value_or(Parameter{text, {&spec.input, &kAnything}, true});
      if (!parameter.needed) continue;
      const std::vector<std::string> sources = context_.fitting_sources(node_, parameter);
      error("missing_argument", pointer,
            fmt::format("the parameter \"{}\" ({}) of {} gets no value", shorten(text, 60),
                        type_text(*parameter.schema.schema), spec.name),
            sources.empty() ? fmt::format("bind it: {}: {{input: {}}}", text, text)
                            : fmt::format("bind it, for example to {}", sources.front()),
            sources);
    }
  }

  void check_binding(const dag::Binding& binding, const Parameter& parameter,
                     const std::string& pointer) {
    if (const auto* literal = std::get_if<dag::Literal>(&binding.source)) {
      return check_literal(literal->value, parameter, pointer + "/value");
    }
    if (const auto* input = std::get_if<dag::InputRef>(&binding.source)) {
      check_input(*input, parameter, pointer);
    } else if (const auto* output = std::get_if<dag::OutputRef>(&binding.source)) {
      check_output(*output, parameter, pointer);
    } else if (std::holds_alternative<dag::ListBinding>(binding.source)) {
      check_list(binding, parameter, pointer);
    } else {
      check_object(binding, parameter, pointer);
    }
  }

  void check_literal(const Json& value, const Parameter& parameter, const std::string& pointer) {
    const Json& wanted = *json::dereference(parameter.schema).schema;
    for (const json::SchemaViolation& violation : json::validate(parameter.schema, value)) {
      const std::string place =
          violation.pointer.empty() ? "" : fmt::format(" (at {})", violation.pointer);
      error("literal_invalid", pointer + violation.pointer,
            fmt::format("the value for {} is not possible{}: {}", what_, place, violation.message),
            fmt::format("write a value of type {}", type_text(wanted)), allowed_values(wanted));
    }
  }

  void check_input(const dag::InputRef& reference, const Parameter& parameter,
                   const std::string& pointer) {
    const Json* schema = input_schema(context_.workflow, reference.input);
    if (schema == nullptr) return;  // dag::validate() reports it
    const json::FitResult fit =
        json::is_subschema({&context_.workflow.inputs, schema}, parameter.schema);
    if (fit.fit == json::Fit::kNo) {
      return error(
          "input_type_clash", pointer + "/input",
          fmt::format("the input \"{}\" does not fit {}: {}", reference.input, what_, fit.reason),
          fmt::format("declare the input as {}, or use an input of its own for this parameter",
                      type_text(*json::dereference(parameter.schema).schema)),
          context_.fitting_sources(node_, parameter));
    }
    if (parameter.needed && json::find(*schema, "default") == nullptr &&
        !dag::is_required(context_.workflow.inputs, reference.input)) {
      error("missing_argument", pointer + "/input",
            fmt::format("{} needs a value, but the input \"{}\" may be left out", what_,
                        reference.input),
            "add the input to inputs.required, or give it a default", {reference.input});
    }
    if (fit.fit == json::Fit::kNarrow) {
      narrowed(
          pointer + "/input",
          fmt::format("the input \"{}\" may not fit {}: {}", reference.input, what_, fit.reason),
          "declare the input as narrowly as the parameter");
    }
  }

  void check_output(const dag::OutputRef& reference, const Parameter& parameter,
                    const std::string& pointer) {
    const Found found = find_output(reference, pointer);
    if (found.schema == nullptr) {
      if (found.unproven && !declares_nothing(found.spec->output)) {
        narrowed(pointer,
                 fmt::format("{} does not declare {}, which {} takes", found.spec->name,
                             source_text(reference), what_),
                 "declare the field in the function's output");
      }
      return;
    }
    const json::FitResult fit =
        json::is_subschema({&found.spec->output, found.schema}, parameter.schema);
    const std::string source = source_text(reference);
    if (fit.fit == json::Fit::kNo) {
      return error("type_clash", pointer,
                   fmt::format("{} does not fit {}: {}", source, what_, fit.reason),
                   "bind another field, or put a step that converts it between the two",
                   context_.fitting_sources(node_, parameter));
    }
    if (found.optional && parameter.needed) {
      narrowed(pointer, fmt::format("{} may be absent, but {} needs it", source, what_),
               "if the function always gives the field, add it to its output's required");
    } else if (fit.fit == json::Fit::kNarrow) {
      narrowed(pointer, fmt::format("{} may not fit {}: {}", source, what_, fit.reason),
               "declare the producer's output as narrowly as the parameter");
    }
  }

  struct Found {
    const dag::FunctionSpec* spec = nullptr;
    const Json* schema = nullptr;
    bool optional = false;
    bool unproven = false;  // the function does not say whether it has the field
  };

  static std::string source_text(const dag::OutputRef& reference) {
    return reference.field.empty() ? fmt::format("the output of {}", reference.node)
                                   : fmt::format("{}.{}", reference.node, reference.field);
  }

  // Reports unknown_output.
  Found find_output(const dag::OutputRef& reference, const std::string& pointer) {
    Found found;
    found.spec = context_.spec_of(reference.node);
    if (found.spec == nullptr) return found;  // reported elsewhere
    const Json& output = found.spec->output;
    if (reference.field.empty()) {
      found.schema = &output;
      return found;
    }
    found.schema = json::member_schema(output, reference.field, &found.optional);
    if (found.schema != nullptr) return found;
    // The innermost object on the way that is declared: what it does not say may still be there.
    std::string_view path = reference.field;
    const Json* holder = &output;
    std::string prefix;
    for (std::size_t dot = path.find('.'); dot != std::string_view::npos;
         dot = path.find('.', dot + 1)) {
      const Json* inner = json::member_schema(output, path.substr(0, dot));
      if (inner == nullptr) break;
      holder = inner;
      prefix = std::string(path.substr(0, dot + 1));
    }
    const Json* additional = json::find(*holder, "additionalProperties");
    if (declares_nothing(*holder) || (additional != nullptr && *additional != false)) {
      found.unproven = true;
      return found;
    }
    std::vector<std::string> fields = dag::property_names(*holder);
    for (std::string& field : fields) field.insert(0, prefix);
    std::vector<std::string> near = near_names(reference.field, fields, 3);
    for (const std::string& field : fields) {
      if (std::ranges::find(near, field) == near.end() && near.size() < 10) near.push_back(field);
    }
    error("unknown_output", pointer + "/output",
          fmt::format("{} gives no field \"{}\"", found.spec->name, shorten(reference.field, 60)),
          fields.empty() ? "the function declares no fields; use its whole output"
                         : fmt::format("use one of {}", join(near, ", ")),
          near);
    return found;
  }

  // The parameter is not declared: only what the binding refers to can be checked.
  void check_references(const dag::Binding& binding, const std::string& pointer) {
    if (const auto* output = std::get_if<dag::OutputRef>(&binding.source)) {
      find_output(*output, pointer);
    } else if (const auto* list = std::get_if<dag::ListBinding>(&binding.source)) {
      for (std::size_t i = 0; i < list->items.size(); ++i) {
        check_references(list->items[i], fmt::format("{}/list/{}", pointer, i));
      }
    } else if (const auto* object = std::get_if<dag::ObjectBinding>(&binding.source)) {
      for (const dag::NamedBinding& member : object->members) {
        check_references(member.binding, json::pointer_append(pointer + "/object", member.name));
      }
    }
  }

  // A schema that says more than the loops below look at: literals are validated as a whole, the
  // rest can only be compared by its shape.
  void check_whole(const dag::Binding& binding, const Json& shape, const Parameter& parameter,
                   const std::string& pointer, std::string_view source) {
    if (const auto value = literal_value(binding)) {
      return check_literal(*value, parameter, pointer);
    }
    check_references(binding, pointer);
    const json::FitResult fit = json::is_subschema({&shape, &shape}, parameter.schema);
    if (fit.fit == json::Fit::kNo) return clash(pointer, source, fit);
    if (fit.fit == json::Fit::kYes) return;
    narrowed(pointer, fmt::format("{} may not fit {}: {}", source, what_, fit.reason),
             "nothing, if the values are right");
  }

  void check_list(const dag::Binding& binding, const Parameter& parameter,
                  const std::string& pointer) {
    const auto& items = std::get<dag::ListBinding>(binding.source).items;
    const Json shape{{"type", "array"}, {"minItems", items.size()}, {"maxItems", items.size()}};
    const json::SchemaPart consumer = json::dereference(parameter.schema);
    const Json* rest = json::find(*consumer.schema, "items");
    const bool plain =
        says_only(*consumer.schema, {"type", "items", "prefixItems", "minItems", "maxItems"}) &&
        (rest == nullptr || !rest->is_array());
    if (!plain) return check_whole(binding, shape, parameter, pointer, "the list");
    const json::FitResult fit = json::is_subschema({&shape, &shape}, consumer);
    if (fit.fit == json::Fit::kNo) return clash(pointer + "/list", "the list", fit);
    const Json* prefix = json::find(*consumer.schema, "prefixItems");
    static const Json kAnything(true);
    for (std::size_t i = 0; i < items.size(); ++i) {
      const bool positional = prefix != nullptr && prefix->is_array() && i < prefix->size();
      const Json* wanted = positional ? &(*prefix)[i] : rest == nullptr ? &kAnything : rest;
      check_binding(items[i], Parameter{parameter.name, {consumer.root, wanted}, true},
                    fmt::format("{}/list/{}", pointer, i));
    }
  }

  void check_object(const dag::Binding& binding, const Parameter& parameter,
                    const std::string& pointer) {
    const auto& members = std::get<dag::ObjectBinding>(binding.source).members;
    Json shape{{"type", "object"}, {"additionalProperties", false}};
    for (const dag::NamedBinding& member : members) {
      shape["properties"][member.name] = true;
      shape["required"].push_back(member.name);
    }
    const json::SchemaPart consumer = json::dereference(parameter.schema);
    if (!says_only(*consumer.schema, {"type", "properties", "required", "additionalProperties"})) {
      return check_whole(binding, shape, parameter, pointer, "the object");
    }
    static const Json kObject{{"type", "object"}};
    const Json type{{"type", json::find(*consumer.schema, "type") == nullptr
                                 ? Json("object")
                                 : *json::find(*consumer.schema, "type")}};
    const json::FitResult fit = json::is_subschema(kObject, type);
    if (fit.fit == json::Fit::kNo) return clash(pointer + "/object", "the object", fit);
    check_missing_members(members, *consumer.schema, pointer + "/object");
    for (const dag::NamedBinding& member : members) {
      check_member(member, consumer, json::pointer_append(pointer + "/object", member.name));
    }
  }

  void check_missing_members(const dag::Bindings& members, const Json& wanted,
                             const std::string& pointer) {
    const Json* required = json::find(wanted, "required");
    if (required == nullptr || !required->is_array()) return;
    for (const Json& name : *required) {
      if (!name.is_string()) continue;
      const std::string& text = name.get_ref<const std::string&>();
      if (dag::find_binding(members, text) != nullptr) continue;
      error("missing_argument", pointer,
            fmt::format("{} needs the member \"{}\"", what_, shorten(text, 60)),
            fmt::format("add {} to the object", shorten(text, 60)));
    }
  }

  void check_member(const dag::NamedBinding& member, const json::SchemaPart& holder,
                    const std::string& pointer) {
    static const Json kAnything(true);
    const Json* properties = json::find(*holder.schema, "properties");
    const Json* additional = json::find(*holder.schema, "additionalProperties");
    const Json* own = properties == nullptr ? nullptr : json::find(*properties, member.name);
    if (own == nullptr && additional != nullptr && *additional == false) {
      const std::vector<std::string> known = dag::property_names(*holder.schema);
      return error("unknown_parameter", pointer,
                   fmt::format("{} has no member \"{}\"", what_, shorten(member.name, 60)),
                   "remove it; members are " + join(known, ", "),
                   near_names(member.name, known, 3));
    }
    const Json* wanted = own != nullptr ? own : additional != nullptr ? additional : &kAnything;
    check_binding(
        member.binding,
        Parameter{
            member.name, {holder.root, wanted}, dag::is_required(*holder.schema, member.name)},
        pointer);
  }

  void clash(const std::string& pointer, std::string_view source, const json::FitResult& fit) {
    error("type_clash", pointer, fmt::format("{} does not fit {}: {}", source, what_, fit.reason),
          "bind what the parameter's schema asks for");
  }

  void narrowed(const std::string& pointer, std::string message, std::string fix) {
    if (doubt_ != nullptr) {
      if (doubt_->empty()) *doubt_ = std::move(message);
      return;
    }
    context_.warning("narrowed_type", pointer, std::move(message) + "; checked when the step runs",
                     std::move(fix));
  }

  void unproven(const std::string& pointer, std::string message, std::string fix) {
    context_.warning("unproven_schema", pointer + "/function",
                     std::move(message) + ", so nothing about it can be proven", std::move(fix));
  }

  Context& context_;
  std::unordered_set<dag::NodeId> used_;  // steps whose output another step uses
  std::size_t node_ = 0;
  std::string what_;              // "step.parameter" that is being checked
  std::string* doubt_ = nullptr;  // where findings go instead, while a guess is being checked
};

}  // namespace

void check_functions(Context& context) {
  for (std::size_t i = 0; i < context.workflow.nodes.size(); ++i) {
    const dag::Node& node = context.workflow.nodes[i];
    if (context.specs[i] != nullptr || node.function.empty()) continue;
    const dag::FunctionSpec* current =
        node.version.empty() ? nullptr : context.lookup(node.function, "");
    if (current != nullptr) {
      context.error("unknown_version", node_pointer(i) + "/version",
                    fmt::format("{} has no version {}", node.function, shorten(node.version, 64)),
                    "leave the version out to use the current one", {current->version});
      continue;
    }
    const auto near = near_names(node.function, context.known_functions, 3);
    context.error("unknown_function", node_pointer(i) + "/function",
                  fmt::format("there is no function \"{}\"", shorten(node.function, 80)),
                  near.empty() ? "register the function, or name an existing one"
                               : fmt::format("did you mean \"{}\"?", near.front()),
                  near);
  }
}

void check_dataflow(Context& context) { Dataflow(context).run(); }

}  // namespace ae::verify::internal
