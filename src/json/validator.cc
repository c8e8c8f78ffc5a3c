#include "json/internal/validator.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "base/text.h"
#include "json/internal/format.h"
#include "json/internal/schema_parts.h"

namespace ae::json::internal {
namespace {

constexpr std::size_t kMostViolations = 20;
constexpr std::size_t kMostSteps = 10'000'000;  // a second or so
constexpr std::size_t kMostDepth = 400;    // an instance is at most 64 deep; frames stay < 3 MB
constexpr std::size_t kLinearSearch = 16;  // members; beyond that a hash table pays

std::string pointer_of(const Location& at) {
  std::vector<const Location*> chain;
  for (const Location* here = &at; here->parent != nullptr; here = here->parent) {
    chain.push_back(here);
  }
  std::string pointer;
  for (auto here = chain.rbegin(); here != chain.rend(); ++here) {
    pointer = (*here)->in_array ? pointer_append(pointer, (*here)->position)
                                : pointer_append(pointer, (*here)->key);
  }
  return pointer;
}

std::vector<std::size_t> order_of(const Location& at) {
  std::vector<std::size_t> order;
  for (const Location* here = &at; here->parent != nullptr; here = here->parent) {
    order.push_back(here->position);
  }
  std::ranges::reverse(order);
  return order;
}

std::string listed(const Json& values) {
  static constexpr std::size_t kShown = 12;
  std::vector<std::string> shown;
  for (const Json& value : values) {
    if (shown.size() == kShown) break;
    shown.push_back(shorten(dump(value), 40));
  }
  std::string text = join(shown, ", ");
  if (values.size() > kShown) text += fmt::format(" and {} more", values.size() - kShown);
  return text;
}

}  // namespace

std::vector<SchemaViolation> Validator::run(const Json& schema, const Json& instance) {
  Sink sink(kMostViolations);
  check(schema, instance, Location{}, sink);
  if (gave_up_) return {SchemaViolation{"", "", *gave_up_}};
  // Not stable_sort(): libstdc++ 12 builds it from parts that clang calls deprecated.
  for (std::size_t i = 0; i < sink.found.size(); ++i) sink.found[i].rank = i;
  std::ranges::sort(sink.found, {}, [](const Found& one) { return std::tie(one.order, one.rank); });
  std::vector<SchemaViolation> violations;
  for (Found& found : sink.found) violations.push_back(std::move(found.violation));
  return violations;
}

void Validator::add(const Location& at, std::string_view keyword, std::string message, Sink& sink) {
  if (sink.full()) return;
  sink.found.push_back(
      Found{{pointer_of(at), std::string(keyword), std::move(message)}, order_of(at)});
}

void Validator::give_up(std::string reason) {
  if (!gave_up_) gave_up_ = std::move(reason);
}

void Validator::spend(std::size_t steps) {
  steps_ += steps;
  if (steps_ > kMostSteps) {
    give_up("too costly to validate: schema and value together need more than 10 million steps");
  }
}

const Json* Validator::member(const Json& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  if (object.size() <= kLinearSearch) return find(object, name);
  auto& table = tables_[&object];
  if (table.empty()) {
    for (const auto& [key, value] : object.get_ref<const Json::object_t&>()) {
      table.emplace(key, &value);
    }
  }
  const auto found = table.find(name);
  return found == table.end() ? nullptr : found->second;
}

bool Validator::accepts(const Json& schema, const Json& instance, const Location& at) {
  Sink sink(1);
  check(schema, instance, at, sink);
  return sink.found.empty();
}

void Validator::check(const Json& schema, const Json& instance, const Location& at, Sink& sink) {
  if (gave_up_ || sink.full()) return;
  spend(1);
  if (schema.is_boolean()) {
    if (!schema.get<bool>()) add(at, "false", "no value is allowed here", sink);
    return;
  }
  if (!schema.is_object() || schema.empty()) return;
  if (depth_ >= kMostDepth) return give_up("too deep to validate: references nest 400 levels");
  ++depth_;
  check_assertions(schema, instance, at, sink);
  --depth_;
}

void Validator::check_assertions(const Json& schema, const Json& instance, const Location& at,
                                 Sink& sink) {
  check_reference(schema, instance, at, sink);
  if (check_type(schema, instance, at, sink)) {
    check_values(schema, instance, at, sink);
    if (instance.is_string()) {
      check_string(schema, instance, at, sink);
    } else if (instance.is_number()) {
      check_number(schema, instance, at, sink);
    } else if (instance.is_array()) {
      check_array(schema, instance, at, sink);
    } else if (instance.is_object()) {
      check_object(schema, instance, at, sink);
    }
  }
  check_combinators(schema, instance, at, sink);
}

void Validator::check_reference(const Json& schema, const Json& instance, const Location& at,
                                Sink& sink) {
  const Json* reference = find(schema, "$ref");
  if (reference == nullptr || !reference->is_string()) return;
  const auto [slot, fresh] = targets_.try_emplace(reference, nullptr);
  if (fresh) slot->second = resolve(root_, reference->get_ref<const std::string&>());
  const Json* target = slot->second;
  if (target == nullptr) {
    return add(at, "$ref",
               fmt::format("the schema refers to {}, which it does not contain",
                           shorten(dump(*reference), 80)),
               sink);
  }
  const std::pair key(target, &instance);
  if (const auto known = judged_.find(key); known != judged_.end()) {
    if (known->second) add(at, known->second->keyword, known->second->message, sink);
    return;
  }
  // A sink of its own: the judgement must not depend on how full the caller's is.
  Sink own(sink.capacity);
  check(*target, instance, at, own);
  if (gave_up_) return;
  judged_[key] = own.found.empty() ? std::nullopt : std::optional(own.found.front().violation);
  for (Found& found : own.found) {
    if (!sink.full()) sink.found.push_back(std::move(found));
  }
}

bool Validator::check_type(const Json& schema, const Json& instance, const Location& at,
                           Sink& sink) {
  const Json* type = find(schema, "type");
  if (type == nullptr) return true;
  if (type->is_string()) {
    if (has_type(instance, type->get_ref<const std::string&>())) return true;
    add(at, "type",
        fmt::format("expected {}, got {}", type->get_ref<const std::string&>(), brief(instance)),
        sink);
    return false;
  }
  if (!type->is_array()) return true;
  const std::vector<std::string> names = strings_in(*type);
  if (std::ranges::any_of(names, [&](const auto& name) { return has_type(instance, name); })) {
    return true;
  }
  add(at, "type", fmt::format("expected {}, got {}", join(names, " or "), brief(instance)), sink);
  return false;
}

void Validator::check_values(const Json& schema, const Json& instance, const Location& at,
                             Sink& sink) {
  if (const Json* only = find(schema, "const"); only != nullptr && !equal(*only, instance)) {
    add(at, "const", fmt::format("must be {}, got {}", shorten(dump(*only), 80), brief(instance)),
        sink);
  }
  const Json* allowed = find(schema, "enum");
  if (allowed == nullptr || !allowed->is_array()) return;
  spend(allowed->size());
  if (std::ranges::any_of(*allowed, [&](const Json& value) { return equal(value, instance); })) {
    return;
  }
  std::string message = fmt::format("must be one of {}; got {}", listed(*allowed), brief(instance));
  if (instance.is_string()) {
    message += did_you_mean(instance.get_ref<const std::string&>(), strings_in(*allowed));
  }
  add(at, "enum", std::move(message), sink);
}

void Validator::check_string(const Json& schema, const Json& instance, const Location& at,
                             Sink& sink) {
  const std::string& text = instance.get_ref<const std::string&>();
  const std::size_t least = count_or(schema, "minLength", 0);
  const std::size_t most = count_or(schema, "maxLength", text.size());
  if (least > 0 && text_length(text) < least) {
    const std::string what =
        least == 1 ? "must not be empty" : fmt::format("must have at least {} characters", least);
    add(at, "minLength", fmt::format("{}, got {}", what, brief(instance)), sink);
  }
  if (text.size() > most && text_length(text) > most) {
    add(at, "maxLength",
        fmt::format("must have at most {} characters, got {}", most, text_length(text)), sink);
  }
  if (const Json* wanted = find(schema, "pattern"); wanted != nullptr && wanted->is_string()) {
    spend(1 + text.size() / 64);
    const RE2* compiled = patterns_.compiled(wanted->get_ref<const std::string&>());
    if (compiled != nullptr && !RE2::PartialMatch(text, *compiled)) {
      add(at, "pattern",
          fmt::format("must match the pattern {}, got {}",
                      shorten(wanted->get_ref<const std::string&>(), 80), brief(instance)),
          sink);
    }
  }
  if (const std::string format = string_or(schema, "format");
      !format.empty() && !matches_format(format, text)) {
    add(at, "format", fmt::format("must be {}, got {}", format_example(format), brief(instance)),
        sink);
  }
}

void Validator::check_number(const Json& schema, const Json& instance, const Location& at,
                             Sink& sink) {
  const long double value = number(instance);
  const auto refuse = [&](std::string_view keyword, std::string_view relation, const Json& bound) {
    add(at, keyword, fmt::format("must be {} {}, got {}", relation, dump(bound), dump(instance)),
        sink);
  };
  const auto bound = [&](std::string_view keyword) -> const Json* {
    const Json* found = find(schema, keyword);
    return found != nullptr && found->is_number() ? found : nullptr;
  };
  if (const Json* least = bound("minimum"); least != nullptr && value < number(*least)) {
    refuse("minimum", "at least", *least);
  }
  if (const Json* most = bound("maximum"); most != nullptr && value > number(*most)) {
    refuse("maximum", "at most", *most);
  }
  if (const Json* above = bound("exclusiveMinimum"); above != nullptr && value <= number(*above)) {
    refuse("exclusiveMinimum", "greater than", *above);
  }
  if (const Json* below = bound("exclusiveMaximum"); below != nullptr && value >= number(*below)) {
    refuse("exclusiveMaximum", "less than", *below);
  }
  if (const Json* step = bound("multipleOf"); step != nullptr && !is_multiple(instance, *step)) {
    refuse("multipleOf", "a multiple of", *step);
  }
}

void Validator::check_combinators(const Json& schema, const Json& instance, const Location& at,
                                  Sink& sink) {
  if (const Json* all = find(schema, "allOf"); all != nullptr && all->is_array()) {
    for (const Json& part : *all) check(part, instance, at, sink);
  }
  if (const Json* any = find(schema, "anyOf"); any != nullptr && any->is_array()) {
    check_alternatives(*any, Matches::kAny, instance, at, sink);
  }
  if (const Json* one = find(schema, "oneOf"); one != nullptr && one->is_array()) {
    check_alternatives(*one, Matches::kExactlyOne, instance, at, sink);
  }
  if (const Json* none = find(schema, "not"); none != nullptr && accepts(*none, instance, at)) {
    if (!gave_up_) add(at, "not", "matches what the schema excludes: " + brief(instance), sink);
  }
  if (const Json* condition = find(schema, "if")) {
    const bool holds = accepts(*condition, instance, at);
    if (const Json* branch = find(schema, holds ? "then" : "else")) {
      check(*branch, instance, at, sink);
    }
  }
}

void Validator::check_alternatives(const Json& schemas, Matches matches, const Json& instance,
                                   const Location& at, Sink& sink) {
  static constexpr std::size_t kShown = 4;
  std::vector<std::string> reasons;
  std::vector<std::size_t> matching;
  for (std::size_t i = 0; i < schemas.size() && !gave_up_; ++i) {
    Sink own(1);
    check(schemas[i], instance, at, own);
    if (own.found.empty()) {
      matching.push_back(i);
      if (matches == Matches::kAny) return;
      if (matching.size() == 2) break;
    } else if (reasons.size() < kShown) {
      reasons.push_back(own.found.front().violation.message);
    }
  }
  if (gave_up_ || matching.size() == 1) return;
  if (matching.size() > 1) {
    return add(at, "oneOf",
               fmt::format("matches both alternatives {} and {}, but only one may match",
                           matching[0] + 1, matching[1] + 1),
               sink);
  }
  std::ranges::sort(reasons);
  const auto repeated = std::ranges::unique(reasons);
  reasons.erase(repeated.begin(), repeated.end());
  add(at, matches == Matches::kAny ? "anyOf" : "oneOf",
      fmt::format("matches none of the {} alternatives: {}", schemas.size(),
                  shorten(join(reasons, "; or: "), 400)),
      sink);
}

}  // namespace ae::json::internal
