#include "compile/fields.h"

#include <algorithm>

#include "base/text.h"

namespace ae::compile {
namespace {

void fill(const Json& schema, Json& value) {
  const Json* properties = json::find(schema, "properties");
  if (properties == nullptr || !properties->is_object() || !value.is_object()) return;
  for (const auto& property : properties->items()) {
    if (!value.contains(property.key())) {
      const Json* fallback = json::find(property.value(), "default");
      if (fallback == nullptr) continue;
      value[property.key()] = *fallback;
    }
    fill(property.value(), value[property.key()]);
  }
}

}  // namespace

FieldPath field_path(const Json& output_schema, std::string_view field) {
  FieldPath path;
  if (field.empty()) return path;
  const Json* properties = json::find(output_schema, "properties");
  const bool known = properties != nullptr && json::find(*properties, field) != nullptr;
  if (known || field.find('.') == std::string_view::npos) {
    path.members.emplace_back(field);
    return path;
  }
  for (const std::string_view part : split(field, '.')) path.members.emplace_back(part);
  path.ambiguous = properties == nullptr || json::find(*properties, path.members[0]) == nullptr;
  return path;
}

std::vector<InputProperty> input_properties(const Json& inputs_schema) {
  std::vector<InputProperty> inputs;
  const Json* properties = json::find(inputs_schema, "properties");
  if (properties == nullptr || !properties->is_object()) return inputs;
  for (const auto& property : properties->items()) {
    InputProperty input{.name = property.key(), .required = false, .fallback = {}};
    if (const Json* fallback = json::find(property.value(), "default")) {
      input.fallback = *fallback;
      fill(property.value(), *input.fallback);
    }
    input.required = !input.fallback && dag::is_required(inputs_schema, property.key());
    const Json* type = json::find(property.value(), "type");
    if (type != nullptr && type->is_string()) input.types.push_back(type->get<std::string>());
    if (type != nullptr && type->is_array()) {
      for (const Json& one : *type) {
        if (one.is_string()) input.types.push_back(one.get<std::string>());
      }
    }
    inputs.push_back(std::move(input));
  }
  return inputs;
}

Json own_defaults(const Json& object_schema) {
  Json defaults = Json::object();
  const Json* properties = json::find(object_schema, "properties");
  if (properties == nullptr || !properties->is_object()) return defaults;
  for (const auto& property : properties->items()) {
    const Json* fallback = json::find(property.value(), "default");
    if (fallback == nullptr) continue;
    fill(property.value(), defaults[property.key()] = *fallback);
  }
  return defaults;
}

bool has_inner_defaults(const Json& property_schema) {
  const Json* properties = json::find(property_schema, "properties");
  if (properties == nullptr || !properties->is_object()) return false;
  return std::ranges::any_of(properties->items(), [](const auto& property) {
    return json::find(property.value(), "default") != nullptr ||
           has_inner_defaults(property.value());
  });
}

const InputProperty* find_input(const std::vector<InputProperty>& inputs, std::string_view name) {
  const auto found = std::ranges::find(inputs, name, &InputProperty::name);
  return found == inputs.end() ? nullptr : &*found;
}

bool may_be_absent(const dag::Binding& binding, const std::vector<InputProperty>& inputs) {
  const auto* reference = std::get_if<dag::InputRef>(&binding.source);
  if (reference == nullptr) return false;
  const InputProperty* input = find_input(inputs, reference->input);
  return input == nullptr || input->may_be_absent();
}

std::chrono::milliseconds timeout_of(const dag::Node& node, const dag::FunctionSpec& function) {
  return node.timeout.value_or(function.runtime.timeout);
}

std::string one_line(std::string_view text) {
  if (!is_utf8(text)) return "";
  std::string line;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
    const auto third = static_cast<unsigned char>(i + 2 < text.size() ? text[i + 2] : 0);
    const bool c1_control = c == 0xc2 && next < 0xa0;
    // Separators, and what turns the direction of text around.
    const bool sly =
        c == 0xe2 &&
        ((next == 0x80 && ((third >= 0xa8 && third <= 0xae) || (third >= 0x8b && third <= 0x8f))) ||
         (next == 0x81 && third >= 0xa0));
    const bool mark = c == 0xef && ((next == 0xbb && third == 0xbf) ||
                                    (next == 0xbf && (third == 0xbe || third == 0xbf)));
    if (c > ' ' && c != 0x7f && !c1_control && !sly && !mark) {
      line += text[i];
      continue;
    }
    if (!line.empty() && line.back() != ' ') line += ' ';
    i += c1_control ? 1 : sly || mark ? 2 : 0;
  }
  return std::string(trim(line));
}

}  // namespace ae::compile
