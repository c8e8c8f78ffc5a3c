#include "execute/arguments.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>

#include "base/text.h"
#include "json/schema.h"

namespace ae::execute {
namespace {

std::string fields_of(const Json& value) {
  if (!value.is_object()) return fmt::format("it is of type {}", json::type_name(value));
  if (value.empty()) return "it has no fields";
  std::string text = "it has ";
  for (auto member = value.begin(); member != value.end(); ++member) {
    text += (member == value.begin() ? "" : ", ") + member.key();
  }
  return shorten(text, 300);
}

// "song.title" is the member of a member, unless a member has exactly that name.
Result<Json> field_of(const dag::OutputRef& ref, const Json& output) {
  if (ref.field.empty()) return output;
  if (const Json* member = json::find(output, ref.field)) return *member;
  const Json* value = &output;
  for (const std::string_view part : split(ref.field, '.')) {
    const Json* member = json::find(*value, part);
    if (member == nullptr) {
      return fail(ErrorCode::kUserFunction,
                  fmt::format("the result of step {} lacks the field \"{}\": {}", ref.node,
                              ref.field, fields_of(*value)));
    }
    value = member;
  }
  return *value;
}

class Resolver {
 public:
  Resolver(const Json& input, const OutputOf& output_of) : input_(input), output_of_(output_of) {}

  // Nothing when it is an input that the caller left out.
  Result<std::optional<Json>> resolve(const dag::Binding& binding) const {
    return std::visit([this](const auto& source) { return value(source); }, binding.source);
  }

  Result<Json> members(const dag::Bindings& bindings) const {
    Json object = Json::object();
    for (const dag::NamedBinding& member : bindings) {
      auto resolved = resolve(member.binding);
      if (!resolved) return annotate(std::move(resolved).error(), "binding " + member.name);
      if (*resolved) object[member.name] = **std::move(resolved);
    }
    return object;
  }

 private:
  using Value = Result<std::optional<Json>>;

  Value value(const dag::InputRef& ref) const {
    const Json* member = json::find(input_, ref.input);
    return member == nullptr ? std::nullopt : std::optional<Json>(*member);
  }

  Value value(const dag::OutputRef& ref) const {
    const Json* output = output_of_(ref.node);
    if (output == nullptr) {
      return fail(ErrorCode::kInternal, fmt::format("step {} has no result yet", ref.node));
    }
    AE_TRY(Json field, field_of(ref, *output));
    return std::optional<Json>(std::move(field));
  }

  Value value(const dag::Literal& literal) const { return std::optional<Json>(literal.value); }

  Value value(const dag::ListBinding& list) const {
    Json array = Json::array();
    for (const dag::Binding& item : list.items) {
      AE_TRY(std::optional<Json> resolved, resolve(item));
      if (resolved) array.push_back(*std::move(resolved));
    }
    return std::optional<Json>(std::move(array));
  }

  Value value(const dag::ObjectBinding& object) const {
    AE_TRY(Json resolved, members(object.members));
    return std::optional<Json>(std::move(resolved));
  }

  const Json& input_;
  const OutputOf& output_of_;
};

void fill_defaults(const Json& schema, Json& value) {
  const Json* properties = json::find(schema, "properties");
  if (properties == nullptr || !properties->is_object() || !value.is_object()) return;
  for (auto property = properties->begin(); property != properties->end(); ++property) {
    if (!value.contains(property.key())) {
      const Json* fallback = json::find(property.value(), "default");
      if (fallback == nullptr) continue;
      value[property.key()] = *fallback;
    }
    fill_defaults(property.value(), value[property.key()]);
  }
}

}  // namespace

Result<Json> resolve_arguments(const dag::Bindings& arguments, const Json& input,
                               const OutputOf& output_of) {
  return Resolver(input, output_of).members(arguments);
}

Result<Json> prepare_input(const Json& inputs_schema, const Json& input) {
  Json prepared = input;
  fill_defaults(inputs_schema, prepared);
  const std::string wrong = violations(inputs_schema, prepared);
  if (!wrong.empty()) {
    return fail(ErrorCode::kInvalidArgument, "the input does not fit the workflow: " + wrong);
  }
  return prepared;
}

std::string violations(const Json& schema, const Json& value) {
  if (schema.empty() || schema.is_boolean()) {
    return schema == Json(false) ? "nothing is accepted here" : "";
  }
  std::string text;
  for (const json::SchemaViolation& violation : json::validate(schema, value)) {
    if (!text.empty()) text += "; ";
    text += violation.pointer.empty() ? "" : violation.pointer + ": ";
    text += violation.message;
  }
  return text;
}

Json event_for(const dag::FunctionSpec& function, Json input) {
  if (function.runtime.event == dag::EventFormat::kPlain) return input;
  Json parameters = Json::object();
  if (input.is_object()) {
    for (const auto& [name, value] : input.items()) {
      if (value.is_string()) {
        parameters[name] = value;
      } else if (value.is_primitive() && !value.is_null()) {
        parameters[name] = json::dump(value);
      }
    }
  }
  return {{"resource", "/"},
          {"path", "/"},
          {"httpMethod", "POST"},
          {"headers", {{"Content-Type", "application/json"}}},
          {"queryStringParameters", parameters},
          {"pathParameters", parameters},
          {"requestContext", {{"resourcePath", "/"}, {"httpMethod", "POST"}}},
          {"body", json::dump(input)},
          {"isBase64Encoded", false}};
}

}  // namespace ae::execute
