// Arrays and objects: the part of the walk that descends.
#include <fmt/format.h>

#include "base/text.h"
#include "json/internal/schema_parts.h"
#include "json/internal/validator.h"

namespace ae::json::internal {
namespace {

std::string unknown_member_message(const Json& schema, std::string_view name) {
  std::vector<std::string> known;
  if (const Json* properties = find(schema, "properties"); properties != nullptr) {
    for (const auto& item : properties->items()) known.push_back(item.key());
  }
  const std::string shown = shorten(name, 60);
  if (known.empty()) return fmt::format("unknown member \"{}\"; none is allowed here", shown);
  const std::string hint = did_you_mean(name, known);
  static constexpr std::size_t kShown = 12;
  if (known.size() > kShown) known.resize(kShown);
  return fmt::format("unknown member \"{}\"{}", shown,
                     hint.empty() ? "; known are " + join(known, ", ") : hint);
}

}  // namespace

void Validator::check_array(const Json& schema, const Json& instance, const Location& at,
                            Sink& sink) {
  const std::size_t size = instance.size();
  if (const std::size_t least = count_or(schema, "minItems", 0); size < least) {
    add(at, "minItems", fmt::format("must have at least {} items, got {}", least, size), sink);
  }
  if (const std::size_t most = count_or(schema, "maxItems", size); size > most) {
    add(at, "maxItems", fmt::format("must have at most {} items, got {}", most, size), sink);
  }
  const auto prefix = prefix_items(schema);
  const Json* rest = rest_items(schema);
  for (std::size_t i = 0; i < size && !sink.full() && !gave_up_; ++i) {
    const Json* item = i < prefix.size() ? &prefix[i] : rest;
    if (item == nullptr) break;
    check(*item, instance[i], Location{&at, {}, i, true}, sink);
  }
  check_contains(schema, instance, at, sink);
  if (const Json* unique = find(schema, "uniqueItems"); unique != nullptr && *unique == true) {
    check_unique(instance, at, sink);
  }
}

void Validator::check_contains(const Json& schema, const Json& instance, const Location& at,
                               Sink& sink) {
  const Json* wanted = find(schema, "contains");
  if (wanted == nullptr) return;
  const std::size_t least = count_or(schema, "minContains", 1);
  const std::size_t most = count_or(schema, "maxContains", instance.size());
  std::size_t matching = 0;
  for (std::size_t i = 0; i < instance.size() && !gave_up_; ++i) {
    if (accepts(*wanted, instance[i], Location{&at, {}, i, true})) ++matching;
  }
  if (matching < least) {
    add(at, "contains",
        fmt::format("at least {} item{} must match the contains schema, {} do{}", least,
                    least == 1 ? "" : "s", matching == 0 ? "none" : fmt::format("{}", matching),
                    matching < 2 ? "es" : ""),
        sink);
  }
  if (matching > most) {
    add(at, "maxContains",
        fmt::format("at most {} items may match the contains schema, {} do", most, matching), sink);
  }
}

void Validator::check_unique(const Json& instance, const Location& at, Sink& sink) {
  spend(instance.size());
  std::unordered_map<std::string, std::size_t> seen;
  for (std::size_t i = 0; i < instance.size(); ++i) {
    const auto [first, fresh] = seen.emplace(canonical(instance[i]), i);
    if (fresh) continue;
    return add(at, "uniqueItems",
               fmt::format("items must differ, but items {} and {} are equal", first->second, i),
               sink);
  }
}

void Validator::check_object(const Json& schema, const Json& instance, const Location& at,
                             Sink& sink) {
  const std::size_t size = instance.size();
  if (const std::size_t least = count_or(schema, "minProperties", 0); size < least) {
    add(at, "minProperties", fmt::format("must have at least {} members, got {}", least, size),
        sink);
  }
  if (const std::size_t most = count_or(schema, "maxProperties", size); size > most) {
    add(at, "maxProperties", fmt::format("must have at most {} members, got {}", most, size), sink);
  }
  check_required(schema, instance, at, sink);
  check_dependent(schema, instance, at, sink);
  check_members(schema, instance, at, sink);
}

void Validator::check_required(const Json& schema, const Json& instance, const Location& at,
                               Sink& sink) {
  const Json* required = find(schema, "required");
  if (required == nullptr || !required->is_array()) return;
  spend(required->size());
  for (const Json& name : *required) {
    if (sink.full()) return;
    if (!name.is_string()) continue;
    if (member(instance, name.get_ref<const std::string&>()) != nullptr) continue;
    add(at, "required",
        fmt::format("the member \"{}\" is missing",
                    shorten(name.get_ref<const std::string&>(), 60)),
        sink);
  }
}

void Validator::check_dependent(const Json& schema, const Json& instance, const Location& at,
                                Sink& sink) {
  const Json* required = find(schema, "dependentRequired");
  const Json* schemas = find(schema, "dependentSchemas");
  if (required != nullptr && required->is_object()) {
    for (const auto& item : required->items()) {
      if (member(instance, item.key()) == nullptr) continue;
      spend(item.value().size());
      for (const std::string& name : strings_in(item.value())) {
        if (member(instance, name) != nullptr) continue;
        add(at, "dependentRequired",
            fmt::format("the member \"{}\" is missing; \"{}\" asks for it", shorten(name, 60),
                        shorten(item.key(), 60)),
            sink);
      }
    }
  }
  if (schemas == nullptr || !schemas->is_object()) return;
  for (const auto& item : schemas->items()) {
    if (member(instance, item.key()) != nullptr) check(item.value(), instance, at, sink);
  }
}

void Validator::check_members(const Json& schema, const Json& instance, const Location& at,
                              Sink& sink) {
  const Json* properties = find(schema, "properties");
  const Json* patterns = find(schema, "patternProperties");
  const Json* additional = find(schema, "additionalProperties");
  const Json* names = find(schema, "propertyNames");
  if (properties == nullptr && patterns == nullptr && additional == nullptr && names == nullptr) {
    return;
  }
  std::size_t position = 0;
  for (const auto& [name, value] : instance.get_ref<const Json::object_t&>()) {
    if (sink.full() || gave_up_) return;
    const Location here{&at, name, position++, false};
    bool known = false;
    if (const Json* own = properties == nullptr ? nullptr : member(*properties, name)) {
      known = true;
      check(*own, value, here, sink);
    }
    if (patterns != nullptr && patterns->is_object()) {
      for (const auto& item : patterns->items()) {
        spend(1);
        if (!patterns_.matches(item.key(), name)) continue;
        known = true;
        check(item.value(), value, here, sink);
      }
    }
    if (!known && additional != nullptr) {
      if (*additional == false) {
        add(here, "additionalProperties", unknown_member_message(schema, name), sink);
      } else {
        check(*additional, value, here, sink);
      }
    }
    if (names != nullptr) check(*names, names_.emplace_back(name), here, sink);
  }
}

}  // namespace ae::json::internal
