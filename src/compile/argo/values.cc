#include "compile/argo/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "compile/fields.h"

namespace ae::compile::argo {
namespace {

constexpr std::string_view kSafe = R"( | replace('{{', '{\\u007b'))";

// Whole numbers beyond this are rounded when JSON is read into doubles.
constexpr double kExact = 9007199254740992.0;

bool is_name(std::string_view text) {
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !text.empty() && !(text.front() >= '0' && text.front() <= '9') &&
         std::ranges::all_of(text, is_word);
}

std::string in_brackets(std::string_view text) { return fmt::format("({})", text); }

bool may_be_huge(const Json& schema) {
  const std::string format = json::string_or(schema, "format");
  if (format == "int64" || format == "uint64") return true;
  for (const std::string_view bound : {"minimum", "maximum", "const"}) {
    const Json* value = json::find(schema, bound);
    if (value != nullptr && value->is_number() && std::abs(value->get<double>()) > kExact) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::string Values::body(const dag::Bindings& arguments) const {
  std::string out;
  write_object(out, arguments, 0);
  return out;
}

// What is certain to be there comes first, so that the rest can bring its comma along.
void Values::write_object(std::string& out, const dag::Bindings& members,
                          std::size_t indent) const {
  const std::string line = "\n" + std::string(indent + 2, ' ');
  std::string certain;
  std::vector<const dag::NamedBinding*> optional;
  for (const dag::NamedBinding& member : members) {
    if (optional_input(member.binding) != nullptr) {
      optional.push_back(&member);
      continue;
    }
    certain += (certain.empty() ? "" : ",") + line + json_text(Json(member.name), Place::kTemplate);
    certain += ": ";
    write_value(certain, member.binding, indent + 2);
  }
  if (!certain.empty() || optional.empty()) {
    out += '{' + certain;
    for (const dag::NamedBinding* member : optional) {
      const std::string before = ", " + json_text(Json(member->name), Place::kTag) + ": ";
      out += line + "{{=" + part(member->binding, before, Where::kTask) + "}}";
    }
  } else {
    std::vector<std::string> parts;
    for (const dag::NamedBinding* member : optional) {
      const std::string before = json_text(Json(member->name), Place::kTag) + ": ";
      parts.push_back(part(member->binding, before, Where::kTask));
    }
    out += '{' + line + "{{=" +
           (parts.size() == 1
                ? parts.front()
                : fmt::format(R"([{}] | filter(# != '') | join(', '))", join(parts, ", "))) +
           "}}";
  }
  if (!members.empty()) out += '\n' + std::string(indent, ' ');
  out += '}';
}

void Values::write_value(std::string& out, const dag::Binding& binding, std::size_t indent) const {
  if (const auto* literal = std::get_if<dag::Literal>(&binding.source)) {
    out += json_text(literal->value, Place::kTemplate, indent);
    return;
  }
  if (const auto* object = std::get_if<dag::ObjectBinding>(&binding.source)) {
    return write_object(out, object->members, indent);
  }
  const auto* list = std::get_if<dag::ListBinding>(&binding.source);
  const bool fixed = list != nullptr && std::ranges::none_of(list->items, [this](const auto& item) {
                       return optional_input(item) != nullptr;
                     });
  if (!fixed) {
    out += "{{=" + json_of(binding, Where::kTask) + "}}";
    return;
  }
  out += '[';
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    out += (i == 0 ? "\n" : ",\n") + std::string(indent + 2, ' ');
    write_value(out, list->items[i], indent + 2);
  }
  if (!list->items.empty()) out += '\n' + std::string(indent, ' ');
  out += ']';
}

// In an output's expression the parameter is put in as a string of the expression language, since
// only the outputs of steps are known there by name.
std::string Values::input(const dag::InputRef& ref, Where where) const {
  const std::string& name = plan_.inputs.find(ref.input)->second.parameter;
  std::string value = expression_member("workflow.parameters", name);
  if (where == Where::kTask) return value;
  return "{{=" + value + " | toJson()" + std::string(kSafe) + "}}";
}

std::string Values::result(const dag::OutputRef& ref) const {
  const std::string& task = plan_.steps[plan_.step_of.at(ref.node)].task;
  return expression_member("tasks", task) + ".outputs.result";
}

const Json* Values::schema_of(const dag::OutputRef& ref) const {
  const dag::Node* node = plan_.steps[plan_.step_of.at(ref.node)].node;
  const Json* schema = &linked_.spec_of(*node).output;
  for (const std::string& name : field_path(*schema, ref.field).members) {
    const Json* properties = schema == nullptr ? nullptr : json::find(*schema, "properties");
    schema = properties == nullptr ? nullptr : json::find(*properties, name);
  }
  return schema;
}

std::string Values::path(const dag::OutputRef& ref) const {
  const dag::Node* node = plan_.steps[plan_.step_of.at(ref.node)].node;
  std::string path = "$";
  for (const std::string& name : field_path(linked_.spec_of(*node).output, ref.field).members) {
    if (is_name(name)) {
      path += fmt::format(".{}", name);
      continue;
    }
    path += "[\"";
    for (const char c : name) path += c == '"' ? "\\\"" : std::string(1, c);
    path += "\"]";
  }
  return path;
}

std::string Values::json_of(const dag::Binding& binding, Where where) const {
  return std::visit([&](const auto& source) { return json_of(source, where); }, binding.source);
}

std::string Values::json_of(const dag::InputRef& ref, Where where) const {
  const std::string value = input(ref, where);
  const std::string safe(where == Where::kTask ? kSafe : "");
  switch (plan_.inputs.find(ref.input)->second.encoding) {
    case Encoding::kText:
      return value + " | toJson()" + safe;
    case Encoding::kInteger:
      return value + " | int() | toJson()";
    case Encoding::kNumber:
      return value + " | fromJSON() | toJson()" + safe;
    case Encoding::kJson:
      break;
  }
  // Read, to be sure that it is JSON, but passed on as it is: reading rounds large numbers.
  return fmt::format(R"((fromJSON({0}) == nil ? 'null' : {0}))", value) + safe;
}

std::string Values::json_of(const dag::OutputRef& ref, Where where) const {
  const std::string value = result(ref);
  const std::string safe(where == Where::kTask ? kSafe : "");
  if (ref.field.empty()) {
    return fmt::format(R"((fromJSON({0}) == nil ? 'null' : {0}))", value) + safe;
  }
  return fmt::format("{} | jsonpath({}) | toJson(){}", value, expression_string(path(ref)), safe);
}

std::string Values::json_of(const dag::Literal& literal, Where) const {
  return expression_string(json_text(literal.value, Place::kTag));
}

std::string Values::json_of(const dag::ListBinding& list, Where where) const {
  std::vector<std::string> parts;
  bool optional = false;
  for (const dag::Binding& item : list.items) {
    optional = optional || optional_input(item) != nullptr;
    parts.push_back(part(item, "", where));
  }
  if (parts.empty()) return "'[]'";
  if (!optional) return "'[' + " + join(parts, " + ', ' + ") + " + ']'";
  return fmt::format(R"('[' + ([{}] | filter(# != '') | join(', ')) + ']')", join(parts, ", "));
}

std::string Values::json_of(const dag::ObjectBinding& object, Where where) const {
  std::vector<std::string> parts;
  for (const dag::NamedBinding& member : object.members) {
    parts.push_back(part(member.binding, json_text(Json(member.name), Place::kTag) + ": ", where));
  }
  if (parts.empty()) return "'{}'";
  return fmt::format(R"('{{' + ([{}] | filter(# != '') | join(', ')) + '}}')", join(parts, ", "));
}

std::string Values::part(const dag::Binding& binding, const std::string& before,
                         Where where) const {
  std::string value = in_brackets(json_of(binding, where));
  if (!before.empty()) value = expression_string(before) + " + " + value;
  if (optional_input(binding) == nullptr) return value;
  return fmt::format("{} == '' ? '' : {}", input(std::get<dag::InputRef>(binding.source), where),
                     value);
}

const Input* Values::optional_input(const dag::Binding& binding) const {
  const auto* ref = std::get_if<dag::InputRef>(&binding.source);
  if (ref == nullptr) return nullptr;
  const Input& input = plan_.inputs.find(ref->input)->second;
  return input.optional ? &input : nullptr;
}

std::string Values::output(const dag::Binding& binding) const {
  if (const auto* ref = std::get_if<dag::InputRef>(&binding.source)) {
    if (plan_.inputs.find(ref->input)->second.encoding == Encoding::kText) {
      return input(*ref, Where::kOutput);
    }
    if (optional_input(binding) != nullptr) return part(binding, "", Where::kOutput);
  }
  if (const auto* ref = std::get_if<dag::OutputRef>(&binding.source)) {
    const Json* schema = schema_of(*ref);
    const bool text = schema != nullptr && encoding_of(*schema) == Encoding::kText;
    if (text && !ref->field.empty()) {
      return fmt::format("{} | jsonpath({})", result(*ref), expression_string(path(*ref)));
    }
    if (text) return result(*ref) + " | fromJSON()";
  }
  const auto* literal = std::get_if<dag::Literal>(&binding.source);
  if (literal != nullptr && literal->value.is_string()) {
    return expression_string(literal->value.get_ref<const std::string&>());
  }
  return json_of(binding, Where::kOutput);
}

void Values::check(const dag::Binding& binding, const std::string& pointer,
                   std::vector<dag::Diagnostic>& findings) const {
  dag::for_each_reference(binding, [&](const auto& ref) {
    if constexpr (std::is_same_v<std::decay_t<decltype(ref)>, dag::OutputRef>) {
      const bool odd = std::ranges::any_of(
          ref.field, [](char c) { return c == '\\' || static_cast<unsigned char>(c) < 0x20; });
      if (odd) {
        findings.push_back({.code = "unsupported",
                            .severity = dag::Severity::kError,
                            .pointer = pointer,
                            .message = fmt::format("the result of step {} is used by a field whose "
                                                   "name has a backslash or a control character",
                                                   ref.node),
                            .fix = "use the whole result, or give the field another name",
                            .candidates = {}});
      }
      const Json* schema = ref.field.empty() ? nullptr : schema_of(ref);
      if (schema != nullptr && may_be_huge(*schema)) {
        findings.push_back(
            {.code = "differs",
             .severity = dag::Severity::kWarning,
             .pointer = pointer,
             .message = fmt::format("{}.{} may be a whole number beyond 2^53, which Argo rounds "
                                    "when it takes the field out of the result",
                                    ref.node, ref.field),
             .fix = "pass such numbers as strings, or pass the whole result",
             .candidates = {}});
      }
    }
  });
}

}  // namespace ae::compile::argo
