#include "verify/internal/dataflow.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "json/schema.h"
#include "json/subschema.h"

namespace ae::verify::internal {
namespace {

using dag::Diagnostic;
using dag::Severity;

bool declares_properties(const Json& schema) {
  const Json* properties = json::find(schema, "properties");
  return properties != nullptr && properties->is_object() && !properties->empty();
}

// A schema that lists its properties and does not say outright that others are welcome: an
// undeclared name is a slip, even where JSON Schema's open world would let it pass.
bool accepts_undeclared(const Json& schema) {
  if (!declares_properties(schema)) return json::find(schema, "additionalProperties") == nullptr;
  const Json* additional = json::find(schema, "additionalProperties");
  return additional != nullptr && *additional != false;
}

bool has_default(const Json& schema) { return json::find(schema, "default") != nullptr; }

class Flow final {
 public:
  Flow(const dag::Workflow& workflow, const SpecByNode& specs, std::vector<Diagnostic>& out)
      : workflow_(workflow), specs_(specs), out_(out) {}

  void run() {
    for (std::size_t i = 0; i < workflow_.nodes.size(); ++i) check_node(i);
    for (const dag::NamedBinding& output : workflow_.outputs) {
      const std::string pointer = json::pointer_append("/outputs", output.name);
      for_each_output(output.binding, pointer);
    }
  }

 private:
  void add(std::string code, std::string pointer, std::string message, std::string fix,
           std::vector<std::string> candidates = {}, Severity severity = Severity::kError) {
    out_.push_back({std::move(code), severity, std::move(pointer), std::move(message),
                    std::move(fix), std::move(candidates)});
  }

  void check_node(std::size_t index) {
    const dag::Node& node = workflow_.nodes[index];
    const auto found = specs_.find(node.id);
    if (found == specs_.end()) return;
    const dag::FunctionSpec& spec = *found->second;
    const std::string pointer = fmt::format("/nodes/{}/arguments", index);
    check_missing(node, spec, pointer);
    const std::vector<std::string> known = dag::property_names(spec.input);
    for (const dag::NamedBinding& argument : node.arguments) {
      const std::string here = json::pointer_append(pointer, argument.name);
      const Json* parameter = json::member_schema(spec.input, argument.name);
      if (parameter == nullptr && !accepts_undeclared(spec.input)) {
        const std::string near = nearest(argument.name, known);
        add("unknown_parameter", here,
            fmt::format("{} has no parameter {}", spec.name, argument.name),
            near.empty() ? fmt::format("it takes: {}", join(known, ", "))
                         : fmt::format("did you mean {}?", near),
            known);
        continue;
      }
      static const Json kAnything = Json::object();
      const bool needed = dag::is_required(spec.input, argument.name) && parameter != nullptr &&
                          !has_default(*parameter);
      check_binding(argument.binding, {&spec.input, parameter == nullptr ? &kAnything : parameter},
                    {here, fmt::format("{}.{}", node.id, argument.name), needed});
    }
  }

  void check_missing(const dag::Node& node, const dag::FunctionSpec& spec,
                     const std::string& pointer) {
    for (const std::string& name : dag::property_names(spec.input)) {
      if (!dag::is_required(spec.input, name)) continue;
      const Json* parameter = json::member_schema(spec.input, name);
      if (parameter != nullptr && has_default(*parameter)) continue;
      if (dag::find_binding(node.arguments, name) != nullptr) continue;
      add("missing_argument", pointer,
          fmt::format("{} needs {}, and nothing gives it", spec.name, name),
          fmt::format("bind {0} to an input ({{input: {0}}}), an earlier step's output or a value",
                      name));
    }
  }

  struct Place {
    std::string pointer;
    std::string name;  // "getusermood.user_id"
    bool needed = true;
  };

  void check_binding(const dag::Binding& binding, const json::SchemaPart& wanted,
                     const Place& place) {
    if (const auto* input = std::get_if<dag::InputRef>(&binding.source)) {
      check_input(*input, wanted, place);
    } else if (const auto* output = std::get_if<dag::OutputRef>(&binding.source)) {
      check_output(*output, wanted, place);
    } else if (const auto* literal = std::get_if<dag::Literal>(&binding.source)) {
      check_literal(*literal, wanted, place);
    } else if (const auto* list = std::get_if<dag::ListBinding>(&binding.source)) {
      check_list(*list, wanted, place);
    } else if (const auto* object = std::get_if<dag::ObjectBinding>(&binding.source)) {
      check_object(*object, wanted, place);
    }
  }

  void check_input(const dag::InputRef& ref, const json::SchemaPart& wanted, const Place& place) {
    const Json* given = json::member_schema(workflow_.inputs, ref.input);
    if (given == nullptr) return;
    if (place.needed && !dag::is_required(workflow_.inputs, ref.input) && !has_default(*given)) {
      add("missing_argument", place.pointer,
          fmt::format("{} is required, but the input {} may be left out", place.name, ref.input),
          fmt::format("list {} under inputs.required, or give it a default", ref.input));
    }
    report(json::is_subschema({&workflow_.inputs, given}, wanted), "input_type_clash", place,
           "the input " + ref.input);
  }

  void check_output(const dag::OutputRef& ref, const json::SchemaPart& wanted, const Place& place) {
    bool optional = false;
    const Json* given = produced(ref, place.pointer, optional);
    if (given == nullptr) return;
    const std::string source =
        ref.field.empty() ? fmt::format("{}", ref.node) : fmt::format("{}.{}", ref.node, ref.field);
    if (optional && place.needed) {
      narrow(place, fmt::format("{} may be absent from the result of {}", source, ref.node));
    }
    report(json::is_subschema({&specs_.at(ref.node)->output, given}, wanted), "type_clash", place,
           source);
  }

  // The schema of what an output reference yields; nullptr when there is nothing to check.
  const Json* produced(const dag::OutputRef& ref, const std::string& pointer, bool& optional) {
    const auto producer = specs_.find(ref.node);
    if (producer == specs_.end()) return nullptr;
    const Json& schema = producer->second->output;
    if (ref.field.empty()) return &schema;
    const Json* member = json::member_schema(schema, ref.field, &optional);
    if (member != nullptr) return member;
    static const Json kAnything = Json::object();
    if (!declares_properties(schema)) return &kAnything;  // undeclared: unproven, not wrong
    const std::vector<std::string> known = dag::property_names(schema);
    const std::string near = nearest(ref.field, known);
    add("unknown_output", pointer,
        fmt::format("{} has no output {}", producer->second->name, ref.field),
        near.empty() ? fmt::format("it gives: {}", join(known, ", "))
                     : fmt::format("did you mean {}?", near),
        known);
    return nullptr;
  }

  void for_each_output(const dag::Binding& binding, const std::string& pointer) {
    dag::for_each_reference(binding, [&](const auto& ref) {
      if constexpr (std::is_same_v<std::decay_t<decltype(ref)>, dag::OutputRef>) {
        bool optional = false;
        produced(ref, pointer, optional);
      }
    });
  }

  void check_literal(const dag::Literal& literal, const json::SchemaPart& wanted,
                     const Place& place) {
    for (const auto& violation : json::validate(wanted, literal.value)) {
      add("literal_invalid", place.pointer,
          fmt::format("{} does not fit {}: {}", json::dump(literal.value), place.name,
                      violation.message),
          "change the value to one that the parameter's schema accepts");
    }
  }

  void check_list(const dag::ListBinding& list, const json::SchemaPart& wanted,
                  const Place& place) {
    if (!may_be(wanted, "array", place)) return;
    static const Json kAnything = Json::object();
    const Json* items = json::find(*wanted.schema, "items");
    for (std::size_t i = 0; i < list.items.size(); ++i) {
      check_binding(list.items[i], {wanted.root, items == nullptr ? &kAnything : items},
                    {json::pointer_append(json::pointer_append(place.pointer, "list"), i),
                     fmt::format("{}[{}]", place.name, i), true});
    }
  }

  void check_object(const dag::ObjectBinding& object, const json::SchemaPart& wanted,
                    const Place& place) {
    if (!may_be(wanted, "object", place)) return;
    static const Json kAnything = Json::object();
    for (const dag::NamedBinding& member : object.members) {
      const Json* schema = json::member_schema(*wanted.schema, member.name);
      check_binding(
          member.binding, {wanted.root, schema == nullptr ? &kAnything : schema},
          {json::pointer_append(json::pointer_append(place.pointer, "object"), member.name),
           fmt::format("{}.{}", place.name, member.name), true});
    }
    for (const std::string& name : dag::property_names(*wanted.schema)) {
      const bool given = std::ranges::any_of(
          object.members, [&](const dag::NamedBinding& member) { return member.name == name; });
      if (given || !dag::is_required(*wanted.schema, name)) continue;
      add("missing_argument", place.pointer,
          fmt::format("{} needs the member {}", place.name, name),
          fmt::format("add {} to the object", name));
    }
  }

  bool may_be(const json::SchemaPart& wanted, std::string_view type, const Place& place) {
    const Json* types = json::find(*wanted.schema, "type");
    if (types == nullptr) return true;
    const bool fits =
        types->is_array() ? std::ranges::find(*types, Json(type)) != types->end() : *types == type;
    if (!fits) {
      add("type_clash", place.pointer,
          fmt::format("{} takes {}, not {} {}", place.name, json::dump(*types),
                      type == "array" ? "a list" : "an", type == "array" ? "" : "object"),
          "bind a single value");
    }
    return fits;
  }

  void report(const json::FitResult& fit, std::string_view clash, const Place& place,
              const std::string& source) {
    if (fit.fit == json::Fit::kNo) {
      add(std::string(clash), place.pointer,
          fmt::format("{} cannot feed {}: {}", source, place.name, fit.reason),
          "bind a value of the right type, or put a converting function in between");
    } else if (fit.fit == json::Fit::kNarrow) {
      narrow(place, fmt::format("not every value of {} is proven to fit {}: {}", source, place.name,
                                fit.reason));
    }
  }

  void narrow(const Place& place, std::string message) {
    add("narrowed_type", place.pointer, std::move(message),
        "nothing needs to be done: the value is checked when the workflow runs", {},
        Severity::kWarning);
  }

  const dag::Workflow& workflow_;
  const SpecByNode& specs_;
  std::vector<Diagnostic>& out_;
};

}  // namespace

void check_dataflow(const dag::Workflow& workflow, const SpecByNode& specs,
                    std::vector<Diagnostic>& out) {
  Flow(workflow, specs, out).run();
}

}  // namespace ae::verify::internal
