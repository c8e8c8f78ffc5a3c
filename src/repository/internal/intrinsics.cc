#include "repository/internal/intrinsics.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/text.h"

namespace ae::repository::internal {
namespace {

using namespace std::string_view_literals;

constexpr std::array kPseudoParameters = {
    std::pair{"AWS::Region"sv, "us-east-1"sv}, std::pair{"AWS::AccountId"sv, "000000000000"sv},
    std::pair{"AWS::Partition"sv, "aws"sv},    std::pair{"AWS::URLSuffix"sv, "amazonaws.com"sv},
    std::pair{"AWS::StackName"sv, "local"sv},
};

// "!Sub" and "Fn::Sub" -> "Fn::Sub"; "" when it is no function.
std::string function_name(std::string_view key) {
  if (key == "Ref" || key == "!Ref") return "Ref";
  if (key == "Condition" || key == "!Condition") return "Condition";
  if (key.starts_with("Fn::")) return std::string(key);
  if (key.starts_with('!')) return fmt::format("Fn::{}", key.substr(1));
  return "";
}

const Json* item(const Json& list, std::size_t index) {
  return list.is_array() && index < list.size() ? &list[index] : nullptr;
}

}  // namespace

Intrinsics::Intrinsics(const Json& document) : document_(document) {
  const Json* parameters = json::find(document, "Parameters");
  if (parameters == nullptr || !parameters->is_object()) return;
  for (const auto& [name, parameter] : parameters->items()) {
    // The default of such a parameter is the name of where its value is.
    if (json::string_or(parameter, "Type").starts_with("AWS::SSM::")) continue;
    const Json* value = json::find(parameter, "Default");
    if (value == nullptr || !value->is_primitive()) continue;
    const std::string type = json::string_or(parameter, "Type");
    if (type == "CommaDelimitedList" || type.starts_with("List<")) {
      Json list = Json::array();
      for (const std::string_view part : split(text_of(*value), ',')) {
        list.push_back(std::string(trim(part)));
      }
      parameters_.emplace(name, std::move(list));
    } else {
      parameters_.emplace(name, *value);
    }
  }
}

std::vector<std::string> Intrinsics::take_unknown() {
  std::ranges::sort(unknown_);
  const auto [first, last] = std::ranges::unique(unknown_);
  unknown_.erase(first, last);
  return std::exchange(unknown_, {});
}

Json Intrinsics::unknown(std::string what, std::string placeholder) {
  if (unknown_.size() < 1000) unknown_.push_back(std::move(what));
  return placeholder;
}

// Results count, since few bytes of template can ask for many.
std::string Intrinsics::pay(std::string text, std::string_view what) {
  if (text.size() > budget_) {
    budget_ = 0;
    return unknown(fmt::format("{} (too long)", what), "${}").get<std::string>();
  }
  budget_ -= text.size();
  return text;
}

std::string Intrinsics::text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : json::dump(value);
}

std::optional<Json> Intrinsics::resolve(const Json& value) {
  if (value.is_array()) {
    Json list = Json::array();
    for (const Json& one : value) {
      if (auto resolved = resolve(one)) list.push_back(*std::move(resolved));
    }
    return list;
  }
  if (!value.is_object()) return value;
  if (value.size() == 1) {
    const auto only = value.begin();
    const std::string function = function_name(only.key());
    // A plain member may be called Condition, too: as a function it takes a name.
    if (!function.empty() && (function != "Condition" || only->is_string())) {
      return call(function, *only);
    }
  }
  Json object = Json::object();
  for (const auto& [key, member] : value.items()) {
    if (auto resolved = resolve(member)) object[key] = *std::move(resolved);
  }
  return object;
}

std::optional<Json> Intrinsics::call(std::string_view function, const Json& argument) {
  if (function == "Ref") return ref(text_of(argument));
  if (function == "Condition") return holds(text_of(argument));
  if (function == "Fn::Sub") return sub(argument);
  if (function == "Fn::If") return choose(argument);
  if (function == "Fn::Equals" || function == "Fn::And" || function == "Fn::Or" ||
      function == "Fn::Not") {
    return truth(Json{{std::string(function), argument}});
  }
  std::optional<Json> result;
  if (function == "Fn::Join") result = join(argument);
  if (function == "Fn::Select") result = select(argument);
  if (function == "Fn::Split") result = split_text(argument);
  if (function == "Fn::FindInMap") result = find_in_map(argument);
  if (result) return result;
  if (function == "Fn::GetAtt") {
    std::string name = text_of(argument);
    if (argument.is_array()) {
      std::vector<std::string> parts;
      for (const Json& part : argument) parts.push_back(text_of(part));
      name = ae::join(parts, ".");
    }
    name = shorten(name, 120);
    return unknown("GetAtt " + name, fmt::format("${{{}}}", name));
  }
  return unknown(std::string(function), fmt::format("${{{}}}", shorten(function, 60)));
}

std::optional<Json> Intrinsics::ref(const std::string& name) {
  if (name == "AWS::NoValue") return std::nullopt;
  for (const auto& [known, value] : kPseudoParameters) {
    if (name == known) return Json(std::string(value));
  }
  if (const auto found = parameters_.find(name); found != parameters_.end()) return found->second;
  // The Ref of these is the name that the template gives them.
  const Json* resources = json::find(document_, "Resources");
  const Json* resource = resources == nullptr ? nullptr : json::find(*resources, name);
  const Json* properties = resource == nullptr ? nullptr : json::find(*resource, "Properties");
  if (properties != nullptr) {
    for (const char* member : {"BucketName", "TableName", "FunctionName", "Name"}) {
      if (const Json* given = json::find(*properties, member);
          given != nullptr && given->is_string()) {
        return *given;
      }
    }
  }
  return unknown("Ref " + shorten(name, 120), fmt::format("${{{}}}", shorten(name, 120)));
}

// "${Name}" and "${Name.Attribute}" are replaced, "${!Literal}" is "${Literal}".
Json Intrinsics::sub(const Json& argument) {
  const Json* pattern = argument.is_array() ? item(argument, 0) : &argument;
  const Json* given = argument.is_array() ? item(argument, 1) : nullptr;
  if (pattern == nullptr || !pattern->is_string()) return unknown("Fn::Sub", "${}");
  const auto& text = pattern->get_ref<const std::string&>();
  std::string result;
  std::size_t at = 0;
  for (std::size_t open = text.find("${"); open != std::string::npos; open = text.find("${", at)) {
    const std::size_t close = text.find('}', open);
    if (close == std::string::npos) break;
    result.append(text, at, open - at);
    at = close + 1;
    const std::string name(trim(std::string_view(text).substr(open + 2, close - open - 2)));
    if (name.starts_with('!')) {
      result += fmt::format("${{{}}}", name.substr(1));
      continue;
    }
    const Json* variable = given == nullptr ? nullptr : json::find(*given, name);
    const std::optional<Json> value =
        variable != nullptr ? resolve(*variable)
        : name.find('.') != std::string::npos
            ? unknown("GetAtt " + shorten(name, 120), fmt::format("${{{}}}", name))
            : ref(name);
    if (value) result += pay(text_of(*value), "Fn::Sub");
  }
  result.append(text, at);
  return pay(std::move(result), "Fn::Sub");
}

std::optional<Json> Intrinsics::join(const Json& argument) {
  const Json* separator = item(argument, 0);
  const Json* parts = item(argument, 1);
  if (separator == nullptr || parts == nullptr || !separator->is_string()) return std::nullopt;
  const auto resolved = resolve(*parts);
  if (!resolved || !resolved->is_array()) return std::nullopt;
  std::vector<std::string> texts;
  for (const Json& part : *resolved) texts.push_back(text_of(part));
  return pay(ae::join(texts, separator->get_ref<const std::string&>()), "Fn::Join");
}

std::optional<Json> Intrinsics::select(const Json& argument) {
  const Json* index = item(argument, 0);
  const Json* from = item(argument, 1);
  if (index == nullptr || from == nullptr) return std::nullopt;
  const auto number = resolve(*index);
  const auto list = resolve(*from);
  if (!number || !list) return std::nullopt;
  const std::string digits = text_of(*number);
  std::size_t position = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), position);
  const Json* chosen = error == std::errc() ? item(*list, position) : nullptr;
  return chosen == nullptr ? std::nullopt : std::optional(*chosen);
}

std::optional<Json> Intrinsics::split_text(const Json& argument) {
  const Json* separator = item(argument, 0);
  const Json* from = item(argument, 1);
  if (separator == nullptr || from == nullptr || !separator->is_string()) return std::nullopt;
  const std::string& mark = separator->get_ref<const std::string&>();
  const auto resolved = resolve(*from);
  if (!resolved || !resolved->is_string() || mark.empty()) return std::nullopt;
  const std::string text = pay(resolved->get<std::string>(), "Fn::Split");
  Json parts = Json::array();
  std::size_t at = 0;
  for (std::size_t next = text.find(mark); next != std::string::npos; next = text.find(mark, at)) {
    parts.push_back(text.substr(at, next - at));
    at = next + mark.size();
  }
  parts.push_back(text.substr(at));
  return parts;
}

std::optional<Json> Intrinsics::find_in_map(const Json& argument) {
  const Json* found = json::find(document_, "Mappings");
  for (std::size_t i = 0; i < 3 && found != nullptr; ++i) {
    const Json* key = item(argument, i);
    const auto resolved = key == nullptr ? std::nullopt : resolve(*key);
    found = resolved ? json::find(*found, text_of(*resolved)) : nullptr;
  }
  return found == nullptr ? std::nullopt : std::optional(*found);
}

std::optional<Json> Intrinsics::choose(const Json& argument) {
  const Json* condition = item(argument, 0);
  const Json* yes = item(argument, 1);
  const Json* no = item(argument, 2);
  if (condition == nullptr || yes == nullptr || no == nullptr) return unknown("Fn::If", "${}");
  return resolve(holds(text_of(*condition)) ? *yes : *no);
}

bool Intrinsics::holds(const std::string& condition) {
  const auto [place, fresh] = conditions_.emplace(condition, std::nullopt);
  if (!fresh) return place->second.value_or(false);  // no value: it depends on itself
  const Json* conditions = json::find(document_, "Conditions");
  const Json* written = conditions == nullptr ? nullptr : json::find(*conditions, condition);
  if (written == nullptr) {
    unknown("Condition " + shorten(condition, 120), "");
    place->second = false;
    return false;
  }
  const bool result = truth(*written);
  conditions_[condition] = result;
  return result;
}

bool Intrinsics::truth(const Json& argument) {
  if (argument.is_boolean()) return argument.get<bool>();
  if (argument.is_string()) return argument == "true";
  if (!argument.is_object() || argument.size() != 1) return false;
  const std::string function = function_name(argument.begin().key());
  const Json& operands = *argument.begin();
  if (function == "Condition") return holds(text_of(operands));
  if (!operands.is_array()) return false;
  if (function == "Fn::Equals") {
    const Json* left = item(operands, 0);
    const Json* right = item(operands, 1);
    if (left == nullptr || right == nullptr) return false;
    const auto a = resolve(*left);
    const auto b = resolve(*right);
    return a && b && text_of(*a) == text_of(*b);
  }
  const auto is_true = [&](const Json& one) { return truth(one); };
  if (function == "Fn::And") return std::ranges::all_of(operands, is_true);
  if (function == "Fn::Or") return std::ranges::any_of(operands, is_true);
  if (function == "Fn::Not") return !operands.empty() && !truth(operands[0]);
  return false;
}

}  // namespace ae::repository::internal
