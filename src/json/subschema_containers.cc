// Subtyping of arrays and objects.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "json/internal/prover.h"
#include "json/internal/schema_parts.h"

namespace ae::json::internal {
namespace {

const Json* object_at(const Json& schema, std::string_view keyword) {
  const Json* value = find(schema, keyword);
  return value != nullptr && value->is_object() ? value : nullptr;
}

}  // namespace

FitResult Prover::fit_array(const Producer& producer, const Json& consumer,
                            const std::string& pointer) {
  Conjunction all;
  const std::size_t least = producer.at_least("minItems");
  const std::size_t most = producer.most_items();
  if (const std::size_t wanted = count_or(consumer, "minItems", 0); wanted > least) {
    const std::string reason = wanted == 1
                                   ? "the array may be empty"
                                   : fmt::format("the array may have fewer than {} items", wanted);
    const std::string here = pointer_append(pointer, "minItems");
    all.add(most < wanted ? no(reason, here) : narrow(reason, here));
  }
  if (const std::size_t allowed = count_or(consumer, "maxItems", Producer::kUnbounded);
      allowed < most) {
    const std::string reason = fmt::format("the array may have more than {} items", allowed);
    const std::string here = pointer_append(pointer, "maxItems");
    all.add(least > allowed ? no(reason, here) : narrow(reason, here));
  }
  if (const Json* unique = find(consumer, "uniqueItems"); unique != nullptr && *unique == true) {
    if (most > 1 && !producer.has("uniqueItems", Json(true))) {
      all.add(narrow("the array may repeat an item", pointer_append(pointer, "uniqueItems")));
    }
  }
  if (const Json* wanted = find(consumer, "contains")) {
    const bool stated = std::ranges::any_of(producer.parts(), [&](const Json* part) {
      const Json* own = find(*part, "contains");
      return own != nullptr && same(*own, *wanted) &&
             count_or(*part, "minContains", 1) >= count_or(consumer, "minContains", 1) &&
             count_or(*part, "maxContains", Producer::kUnbounded) <=
                 count_or(consumer, "maxContains", Producer::kUnbounded);
    });
    if (!stated) {
      all.add(narrow("the array need not contain what the consumer looks for",
                     pointer_append(pointer, "contains")));
    }
  }
  all.add(fit_items(producer, consumer, pointer));
  return all.result();
}

FitResult Prover::fit_items(const Producer& producer, const Json& consumer,
                            const std::string& pointer) {
  static constexpr std::size_t kMostPositions = 64;
  const auto prefix = prefix_items(consumer);
  const Json* rest = rest_items(consumer);
  const std::size_t positions = std::max(prefix.size(), producer.longest_prefix());
  if (positions > kMostPositions) return narrow("too many positional items to compare", pointer);
  const bool old_form = find(consumer, "prefixItems") == nullptr;
  const std::string prefix_at = pointer_append(pointer, old_form ? "items" : "prefixItems");
  const std::string rest_at =
      pointer_append(pointer, old_form && !prefix.empty() ? "additionalItems" : "items");
  Conjunction all;
  // The position after the last one stands for all that follow.
  for (std::size_t i = 0; i <= positions && i < producer.most_items() && !all.failed(); ++i) {
    const bool positional = i < prefix.size();
    const Json* wanted = positional ? &prefix[i] : rest;
    if (wanted == nullptr) continue;
    FitResult one =
        inside(producer.item(i), *wanted, positional ? pointer_append(prefix_at, i) : rest_at);
    // `false` only bounds the length, which a shorter array meets.
    if (*wanted == false && producer.at_least("minItems") <= i && one.fit == Fit::kNo) {
      one = narrow(fmt::format("the array may have more than {} items", i), rest_at);
    }
    all.add(std::move(one));
  }
  return all.result();
}

FitResult Prover::fit_object(const Producer& producer, const Json& consumer,
                             const std::string& pointer) {
  Conjunction all;
  all.add(fit_required(producer, consumer, pointer));
  if (!all.failed()) all.add(fit_properties(producer, consumer, pointer));
  if (!all.failed()) all.add(fit_other_members(producer, consumer, pointer));
  all.add(fit_counts(producer, consumer, pointer));
  all.add(fit_names(producer, consumer, pointer));
  all.add(fit_dependent(producer, consumer, pointer));
  return all.result();
}

FitResult Prover::fit_required(const Producer& producer, const Json& consumer,
                               const std::string& pointer) {
  const Json* required = find(consumer, "required");
  if (required == nullptr || !required->is_array()) return yes();
  Conjunction all;
  const std::string here = pointer_append(pointer, "required");
  for (const std::string& name : strings_in(*required)) {
    if (producer.requires_member(name)) continue;
    const std::string shown = shorten(name, 60);
    if (producer.member(name).impossible()) {
      all.add(no(fmt::format("the producer never gives the member \"{}\"", shown), here));
    } else if (producer.declares_member(name)) {
      all.add(narrow(fmt::format("the member \"{}\" may be absent", shown), here));
    } else if (producer.is_map() || !producer.declares_any_member()) {
      all.add(narrow(fmt::format("the producer does not promise the member \"{}\"", shown), here));
    } else {
      all.add(no(fmt::format("the producer does not give the member \"{}\"", shown), here));
    }
  }
  return all.result();
}

FitResult Prover::fit_properties(const Producer& producer, const Json& consumer,
                                 const std::string& pointer) {
  const Json* properties = object_at(consumer, "properties");
  if (properties == nullptr) return yes();
  Conjunction all;
  const std::string here = pointer_append(pointer, "properties");
  for (const auto& [name, wanted] : properties->get_ref<const Json::object_t&>()) {
    if (all.failed()) break;
    const Producer member = producer.member(name);
    if (member.impossible()) continue;
    FitResult one = inside(member, wanted, pointer_append(here, name));
    if (one.fit == Fit::kYes) continue;
    if (!producer.declares_member(name) && !producer.requires_member(name)) {
      one.fit = Fit::kNarrow;
      one.reason =
          fmt::format("the producer does not say what the member \"{}\" is", shorten(name, 60));
    } else {
      one.reason = fmt::format("member \"{}\": {}", shorten(name, 60), one.reason);
    }
    all.add(std::move(one));
  }
  return all.result();
}

// Members that the consumer does not declare: its patternProperties and additionalProperties.
FitResult Prover::fit_other_members(const Producer& producer, const Json& consumer,
                                    const std::string& pointer) {
  const Json* properties = object_at(consumer, "properties");
  const Json* patterns = object_at(consumer, "patternProperties");
  const Json* additional = find(consumer, "additionalProperties");
  const bool any_additional = additional == nullptr || *additional == true ||
                              (additional->is_object() && additional->empty());
  if (patterns == nullptr && any_additional) return yes();
  Conjunction all;
  for (const std::string& name : producer.declared_members()) {
    if (all.failed()) break;
    const Producer member = producer.member(name);
    if (member.impossible()) continue;
    bool known = properties != nullptr && find(*properties, name) != nullptr;
    const auto judge = [&](const Json& wanted, const std::string& where) {
      FitResult one = inside(member, wanted, where);
      if (one.fit == Fit::kYes) return;
      one.reason = wanted == false ? "the consumer refuses it" : one.reason;
      one.reason = fmt::format("member \"{}\": {}", shorten(name, 60), one.reason);
      if (!producer.requires_member(name)) one.fit = Fit::kNarrow;
      all.add(std::move(one));
    };
    if (patterns != nullptr) {
      const std::string here = pointer_append(pointer, "patternProperties");
      for (const auto& [pattern, wanted] : patterns->get_ref<const Json::object_t&>()) {
        if (!patterns_.matches(pattern, name)) continue;
        known = true;
        judge(wanted, pointer_append(here, pattern));
      }
    }
    if (!known && !any_additional) {
      judge(*additional, pointer_append(pointer, "additionalProperties"));
    }
  }
  if (patterns != nullptr) {
    const std::string here = pointer_append(pointer, "patternProperties");
    for (const auto& [pattern, wanted] : patterns->get_ref<const Json::object_t&>()) {
      all.add(fit_undeclared(producer, wanted, pointer_append(here, pattern)));
    }
  }
  if (!any_additional) {
    all.add(fit_undeclared(producer, *additional, pointer_append(pointer, "additionalProperties")));
  }
  return all.result();
}

// Whatever members the producer may add without declaring them: does `consumer` take them all?
FitResult Prover::fit_undeclared(const Producer& producer, const Json& consumer,
                                 const std::string& pointer) {
  for (const std::vector<Producer>& kinds : producer.undeclared_members()) {
    const bool all = std::ranges::all_of(kinds, [&](const Producer& kind) {
      return inside(kind, consumer, pointer).fit == Fit::kYes;
    });
    if (all) return yes();
  }
  if (producer.parts().empty()) {
    if (inside(Producer(produced_root_, patterns_), consumer, pointer).fit == Fit::kYes) {
      return yes();
    }
  }
  return narrow("the producer may add members that it does not declare", pointer);
}

FitResult Prover::fit_counts(const Producer& producer, const Json& consumer,
                             const std::string& pointer) {
  Conjunction all;
  std::size_t least = producer.at_least("minProperties");
  std::size_t promised = 0;
  const auto declared = producer.declared_members();
  for (const std::string& name : declared) promised += producer.requires_member(name) ? 1 : 0;
  least = std::max(least, promised);
  std::size_t most = producer.at_most("maxProperties");
  if (producer.closed()) most = std::min(most, declared.size());
  if (const std::size_t wanted = count_or(consumer, "minProperties", 0); wanted > least) {
    const std::string reason = fmt::format("the object may have fewer than {} members", wanted);
    const std::string here = pointer_append(pointer, "minProperties");
    all.add(most < wanted ? no(reason, here) : narrow(reason, here));
  }
  if (const std::size_t allowed = count_or(consumer, "maxProperties", Producer::kUnbounded);
      allowed < most) {
    const std::string reason = fmt::format("the object may have more than {} members", allowed);
    const std::string here = pointer_append(pointer, "maxProperties");
    all.add(least > allowed ? no(reason, here) : narrow(reason, here));
  }
  return all.result();
}

FitResult Prover::fit_names(const Producer& producer, const Json& consumer,
                            const std::string& pointer) {
  const Json* wanted = find(consumer, "propertyNames");
  if (wanted == nullptr) return yes();
  const std::string here = pointer_append(pointer, "propertyNames");
  Producer names(produced_root_, patterns_);
  names.narrow(kString);
  for (const Json* part : producer.parts()) {
    if (const Json* own = find(*part, "propertyNames")) names.require(*own);
  }
  if (inside(names, *wanted, here).fit == Fit::kYes) return yes();
  if (!producer.closed()) return narrow("the producer may use other member names", here);
  Conjunction all;
  for (const std::string& name : producer.declared_members()) {
    if (producer.member(name).impossible()) continue;
    const auto violations = validate(SchemaPart{&consumed_root_, wanted}, Json(name));
    if (violations.empty()) continue;
    const std::string reason =
        fmt::format("the member name \"{}\": {}", shorten(name, 60), violations.front().message);
    all.add(producer.requires_member(name) ? no(reason, here) : narrow(reason, here));
  }
  return all.result();
}

FitResult Prover::fit_dependent(const Producer& producer, const Json& consumer,
                                const std::string& pointer) {
  Conjunction all;
  if (const Json* lists = object_at(consumer, "dependentRequired")) {
    const std::string here = pointer_append(pointer, "dependentRequired");
    for (const auto& item : lists->items()) {
      if (!item.value().is_array() || producer.member(item.key()).impossible()) continue;
      for (const std::string& name : strings_in(item.value())) {
        if (producer.requires_member(name)) continue;
        all.add(narrow(fmt::format("the member \"{}\" may be absent beside \"{}\"",
                                   shorten(name, 60), shorten(item.key(), 60)),
                       pointer_append(here, item.key())));
      }
    }
  }
  if (const Json* schemas = object_at(consumer, "dependentSchemas")) {
    const std::string here = pointer_append(pointer, "dependentSchemas");
    for (const auto& [name, wanted] : schemas->get_ref<const Json::object_t&>()) {
      if (producer.member(name).impossible()) continue;
      FitResult one = fit(producer, wanted, pointer_append(here, name));
      if (one.fit == Fit::kNo && !producer.requires_member(name)) one.fit = Fit::kNarrow;
      all.add(std::move(one));
    }
  }
  return all.result();
}

}  // namespace ae::json::internal
