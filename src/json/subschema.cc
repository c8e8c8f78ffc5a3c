#include "json/subschema.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "json/internal/format.h"
#include "json/internal/prover.h"
#include "json/internal/schema_parts.h"
#include "json/schema.h"

namespace ae::json {
namespace internal {
namespace {

constexpr std::size_t kMostSteps = 5'000;  // questions; real schemas need some hundred
constexpr std::size_t kMostDepth = 100;

bool contains_reference(const Json& schema, std::size_t depth = 0) {
  if (depth > kMostDepth) return true;
  if (!schema.is_structured()) return false;
  if (find(schema, "$ref") != nullptr) return true;
  return std::ranges::any_of(
      schema, [&](const Json& child) { return contains_reference(child, depth + 1); });
}

// Keywords that assert something which neither the validator nor this proof understands.
bool has_unknown_assertion(const Json& schema, std::string& name) {
  for (const std::string_view keyword : {"unevaluatedProperties", "unevaluatedItems", "$dynamicRef",
                                         "$recursiveRef", "dependencies"}) {
    if (find(schema, keyword) == nullptr) continue;
    name = keyword;
    return true;
  }
  return false;
}

const Json& boolean_values() {
  static const Json values{true, false};
  return values;
}

const Json& null_value() {
  static const Json value(nullptr);
  return value;
}

}  // namespace

FitResult Prover::prove(const Json& produced, const Json& consumed) {
  return fit(producer_of(produced), consumed, "");
}

Producer Prover::producer_of(const Json& schema) {
  Producer producer(produced_root_, patterns_);
  producer.require(schema);
  return producer;
}

bool Prover::same(const Json& produced, const Json& consumed) const {
  return equal(produced, consumed) && (same_root_ || !contains_reference(produced));
}

bool Prover::disjoint(const Producer& producer, const Json& consumer) {
  Producer other(consumed_root_, patterns_);
  other.require(consumer);
  return producer.impossible() || other.impossible() || (producer.types() & other.types()) == 0;
}

FitResult Prover::inside(const Producer& producer, const Json& consumer,
                         const std::string& pointer) {
  ++descent_;
  FitResult result = fit(producer, consumer, pointer);
  --descent_;
  return result;
}

FitResult Prover::fit(const Producer& producer, const Json& consumer, const std::string& pointer) {
  if (producer.impossible() || consumer == true) return yes();
  if (consumer == false) return no("the consumer takes no value here", pointer);
  if (!consumer.is_object() || consumer.empty()) return yes();
  if (++steps_ > kMostSteps || depth_ >= kMostDepth) {
    return narrow("the schemas are too complex to compare", pointer);
  }
  for (const Json* part : producer.parts()) {
    if (same(*part, consumer)) return yes();
  }
  // A question that returns inside itself, deeper in the value, may assume its own answer: every
  // value is finite, so the assumption is used up before it runs out.
  const Question question(producer.parts(), producer.types(), &consumer);
  const auto [open, fresh] = open_.try_emplace(question, descent_);
  if (!fresh) {
    if (descent_ > open->second) return yes();
    return narrow("the schemas refer to themselves", pointer);
  }
  ++depth_;
  FitResult result = fit_by_type(producer, consumer, pointer);
  --depth_;
  open_.erase(question);
  return result;
}

FitResult Prover::fit_by_type(const Producer& producer, const Json& consumer,
                              const std::string& pointer) {
  if (const auto values = producer.finite()) {
    return fit_finite(producer, *values, consumer, pointer);
  }
  Union ways;
  std::size_t kinds = 0;
  for (const TypeSet kind : {kString, kNumber, kBoolean, kNull, kArray, kObject}) {
    if ((producer.types() & kind) == 0) continue;
    ++kinds;
    Producer one = producer;
    one.narrow(kind);
    ways.add(fit_one_type(one, consumer, pointer));
  }
  FitResult result = ways.result();
  if (result.fit == Fit::kNarrow && kinds == 6 && declared_types(consumer) != kAnyType) {
    result.reason = fmt::format("the producer does not say its type, the consumer takes {}",
                                names_of(declared_types(consumer)));
  }
  return result;
}

FitResult Prover::fit_one_type(const Producer& producer, const Json& consumer,
                               const std::string& pointer) {
  if (producer.types() == kBoolean) {
    return fit_finite(producer, {&boolean_values()[0], &boolean_values()[1]}, consumer, pointer);
  }
  if (producer.types() == kNull) return fit_finite(producer, {&null_value()}, consumer, pointer);
  FitResult whole = fit_keywords(producer, consumer, pointer);
  if (whole.fit != Fit::kNarrow) return whole;
  const std::vector<Producer> alternatives = producer.alternatives();
  if (alternatives.empty()) return whole;
  Union ways;
  for (const Producer& one : alternatives) {
    if (one.impossible()) continue;
    ++depth_;
    ways.add(depth_ < kMostDepth && ++steps_ < kMostSteps ? fit_by_type(one, consumer, pointer)
                                                          : whole);
    --depth_;
  }
  return ways.result();
}

FitResult Prover::fit_finite(const Producer& producer, const std::vector<const Json*>& values,
                             const Json& consumer, const std::string& pointer) {
  static constexpr std::size_t kMostValues = 1000;
  if (values.size() > kMostValues) return narrow("too many values to compare", pointer);
  Union ways;
  for (const Json* value : values) {
    if (!producer.satisfies(*value)) continue;
    const auto violations = validate(SchemaPart{&consumed_root_, &consumer}, *value);
    if (violations.empty()) {
      ways.add(yes());
    } else {
      ways.add(no(fmt::format("the producer may give {}: {}", shorten(dump(*value), 60),
                              violations.front().message),
                  pointer));
    }
  }
  return ways.result();
}

FitResult Prover::fit_keywords(const Producer& producer, const Json& consumer,
                               const std::string& pointer) {
  Conjunction all;
  const TypeSet wanted = declared_types(consumer);
  if ((producer.types() & wanted) == 0) {
    return no(fmt::format("{} does not fit {}", names_of(producer.types()), names_of(wanted)),
              pointer_append(pointer, "type"));
  }
  if ((producer.types() & ~wanted) != 0) {
    all.add(narrow(fmt::format("{} is wider than {}", names_of(producer.types()), names_of(wanted)),
                   pointer_append(pointer, "type")));
  }
  all.add(fit_values(producer, consumer, pointer));
  const TypeSet types = producer.types();
  if ((types & kString) != 0) all.add(fit_string(producer, consumer, pointer));
  if ((types & kNumber) != 0) all.add(fit_number(producer, consumer, pointer));
  if ((types & kArray) != 0) all.add(fit_array(producer, consumer, pointer));
  if ((types & kObject) != 0) all.add(fit_object(producer, consumer, pointer));
  all.add(fit_combinators(producer, consumer, pointer));
  return all.result();
}

// The producer is not finite here, so a finite consumer is narrow at best.
FitResult Prover::fit_values(const Producer& producer, const Json& consumer,
                             const std::string& pointer) {
  const Json* only = find(consumer, "const");
  const Json* list = find(consumer, "enum");
  if (only == nullptr && (list == nullptr || !list->is_array())) return yes();
  const auto possible = [&](const Json& value) {
    return (value.is_string() && (producer.types() & kString) != 0) ||
           (value.is_number() && (producer.types() & kNumber) != 0) ||
           (value.is_array() && (producer.types() & kArray) != 0) ||
           (value.is_object() && (producer.types() & kObject) != 0);
  };
  const bool some = only != nullptr ? possible(*only) : std::ranges::any_of(*list, possible);
  const std::string_view keyword = only != nullptr ? "const" : "enum";
  const std::string reason =
      fmt::format("the consumer takes only {}", shorten(dump(only != nullptr ? *only : *list), 80));
  const std::string here = pointer_append(pointer, keyword);
  return some ? narrow(reason, here) : no(reason, here);
}

FitResult Prover::fit_string(const Producer& producer, const Json& consumer,
                             const std::string& pointer) {
  Conjunction all;
  std::size_t least = producer.at_least("minLength");
  for (const Json* part : producer.parts()) {
    // No text of a checked format is empty.
    if (is_checked_format(string_or(*part, "format"))) least = std::max<std::size_t>(least, 1);
  }
  const std::size_t most = producer.at_most("maxLength");
  if (const std::size_t wanted = count_or(consumer, "minLength", 0); wanted > least) {
    const std::string reason =
        wanted == 1 ? "the string may be empty"
                    : fmt::format("the string may be shorter than {} characters", wanted);
    const std::string here = pointer_append(pointer, "minLength");
    all.add(most < wanted ? no(reason, here) : narrow(reason, here));
  }
  if (const std::size_t allowed = count_or(consumer, "maxLength", Producer::kUnbounded);
      allowed < most) {
    const std::string reason = fmt::format("the string may be longer than {} characters", allowed);
    const std::string here = pointer_append(pointer, "maxLength");
    all.add(least > allowed ? no(reason, here) : narrow(reason, here));
  }
  if (const Json* pattern = find(consumer, "pattern");
      pattern != nullptr && pattern->is_string() && !producer.has("pattern", *pattern)) {
    all.add(narrow(fmt::format("the string need not match {}",
                               shorten(pattern->get_ref<const std::string&>(), 80)),
                   pointer_append(pointer, "pattern")));
  }
  if (const Json* format = find(consumer, "format");
      format != nullptr && format->is_string() && !producer.has("format", *format) &&
      is_checked_format(format->get_ref<const std::string&>())) {
    all.add(narrow(fmt::format("the string need not be {}",
                               format_example(format->get_ref<const std::string&>())),
                   pointer_append(pointer, "format")));
  }
  return all.result();
}

FitResult Prover::fit_number(const Producer& producer, const Json& consumer,
                             const std::string& pointer) {
  Conjunction all;
  const Bound lower = producer.lower();
  const Bound upper = producer.upper();
  const auto low = [&](std::string_view keyword, bool exclusive) {
    const Json* bound = find(consumer, keyword);
    if (bound == nullptr || !bound->is_number()) return;
    const long double wanted = number(*bound);
    if (lower.value > wanted || (lower.value == wanted && (!exclusive || lower.exclusive))) return;
    const std::string reason = fmt::format("the number may be below {}", dump(*bound));
    const std::string here = pointer_append(pointer, keyword);
    all.add(upper.value < wanted ? no(reason, here) : narrow(reason, here));
  };
  const auto high = [&](std::string_view keyword, bool exclusive) {
    const Json* bound = find(consumer, keyword);
    if (bound == nullptr || !bound->is_number()) return;
    const long double wanted = number(*bound);
    if (upper.value < wanted || (upper.value == wanted && (!exclusive || upper.exclusive))) return;
    const std::string reason = fmt::format("the number may be above {}", dump(*bound));
    const std::string here = pointer_append(pointer, keyword);
    all.add(lower.value > wanted ? no(reason, here) : narrow(reason, here));
  };
  low("minimum", false);
  low("exclusiveMinimum", true);
  high("maximum", false);
  high("exclusiveMaximum", true);
  const Json* step = find(consumer, "multipleOf");
  if (step == nullptr || !step->is_number()) return all.result();
  const bool any_integer = equal(*step, Json(1)) && (producer.types() & kFraction) == 0;
  const bool implied = std::ranges::any_of(producer.parts(), [&](const Json* part) {
    const Json* own = find(*part, "multipleOf");
    if (own == nullptr || !own->is_number()) return false;
    return equal(*own, *step) ||
           (own->is_number_integer() && step->is_number_integer() && is_multiple(*own, *step));
  });
  if (!any_integer && !implied) {
    all.add(narrow(fmt::format("the number need not be a multiple of {}", dump(*step)),
                   pointer_append(pointer, "multipleOf")));
  }
  return all.result();
}

FitResult Prover::fit_combinators(const Producer& producer, const Json& consumer,
                                  const std::string& pointer) {
  Conjunction all;
  if (const std::string reference = string_or(consumer, "$ref"); !reference.empty()) {
    const Json* target = resolve(consumed_root_, reference);
    all.add(target == nullptr
                ? narrow(fmt::format("the consumer refers to {}, which is not there", reference),
                         pointer_append(pointer, "$ref"))
                : fit(producer, *target, reference.substr(1)));
  }
  if (const Json* parts = find(consumer, "allOf"); parts != nullptr && parts->is_array()) {
    const std::string here = pointer_append(pointer, "allOf");
    for (std::size_t i = 0; i < parts->size(); ++i) {
      all.add(fit(producer, (*parts)[i], pointer_append(here, i)));
    }
  }
  if (const Json* parts = find(consumer, "anyOf"); parts != nullptr && parts->is_array()) {
    all.add(fit_any(producer, *parts, pointer_append(pointer, "anyOf")));
  }
  if (const Json* parts = find(consumer, "oneOf"); parts != nullptr && parts->is_array()) {
    all.add(fit_one(producer, *parts, pointer_append(pointer, "oneOf")));
  }
  if (const Json* excluded = find(consumer, "not");
      excluded != nullptr && !disjoint(producer, *excluded)) {
    all.add(narrow("the consumer excludes some values", pointer_append(pointer, "not")));
  }
  if (find(consumer, "if") != nullptr) {
    for (const std::string_view keyword : {"then", "else"}) {
      const Json* branch = find(consumer, keyword);
      if (branch == nullptr) continue;
      FitResult one = fit(producer, *branch, pointer_append(pointer, keyword));
      if (one.fit == Fit::kNo) one.fit = Fit::kNarrow;  // the other branch may apply
      all.add(std::move(one));
    }
  }
  if (std::string keyword; has_unknown_assertion(consumer, keyword)) {
    all.add(narrow(keyword + " is not understood", pointer_append(pointer, keyword)));
  }
  return all.result();
}

FitResult Prover::fit_any(const Producer& producer, const Json& alternatives,
                          const std::string& pointer) {
  FitResult best;
  for (std::size_t i = 0; i < alternatives.size(); ++i) {
    FitResult one = fit(producer, alternatives[i], pointer_append(pointer, i));
    if (one.fit == Fit::kYes) return one;
    if (i == 0 || one.fit < best.fit) best = std::move(one);
  }
  return best;
}

FitResult Prover::fit_one(const Producer& producer, const Json& alternatives,
                          const std::string& pointer) {
  FitResult best;
  for (std::size_t i = 0; i < alternatives.size(); ++i) {
    FitResult one = fit(producer, alternatives[i], pointer_append(pointer, i));
    if (i == 0 || one.fit < best.fit) best = std::move(one);
    if (best.fit != Fit::kYes) continue;
    for (std::size_t other = 0; other < alternatives.size(); ++other) {
      if (other != i && !disjoint(producer, alternatives[other])) {
        return narrow("a value may match two alternatives, only one may match", pointer);
      }
    }
    return best;
  }
  return best;
}

}  // namespace internal

FitResult is_subschema(const SchemaPart& produced, const SchemaPart& consumed) {
  return internal::Prover(*produced.root, *consumed.root).prove(*produced.schema, *consumed.schema);
}

FitResult is_subschema(const Json& produced, const Json& consumed) {
  return is_subschema(SchemaPart{&produced, &produced}, SchemaPart{&consumed, &consumed});
}

namespace {

// References and the parts of allOf, from `schema` on, breadth first.
std::vector<const Json*> conjuncts(const Json& root, const Json& schema) {
  static constexpr std::size_t kMost = 64;
  std::vector<const Json*> found{&schema};
  const auto add = [&](const Json& part) {
    if (found.size() < kMost && std::ranges::find(found, &part) == found.end()) {
      found.push_back(&part);
    }
  };
  for (std::size_t i = 0; i < found.size(); ++i) {
    const Json& here = *found[i];
    if (const std::string reference = string_or(here, "$ref"); !reference.empty()) {
      if (const Json* target = internal::resolve(root, reference)) add(*target);
    }
    if (const Json* all = find(here, "allOf"); all != nullptr && all->is_array()) {
      for (const Json& part : *all) add(part);
    }
  }
  return found;
}

}  // namespace

const Json* member_schema(const Json& schema, std::string_view path, bool* optional) {
  if (optional != nullptr) *optional = false;
  const Json* here = &schema;
  for (const std::string_view name : split(path, '.')) {
    const Json* declared = nullptr;
    bool required = false;
    for (const Json* part : conjuncts(schema, *here)) {
      const Json* properties = find(*part, "properties");
      const Json* own = properties == nullptr ? nullptr : find(*properties, name);
      if (declared == nullptr) declared = own;
      const Json* names = find(*part, "required");
      if (names == nullptr || !names->is_array()) continue;
      required = required || std::ranges::find(*names, Json(name)) != names->end();
    }
    if (declared == nullptr) return nullptr;
    if (!required && optional != nullptr) *optional = true;
    here = dereference({&schema, declared}).schema;
  }
  return here;
}

}  // namespace ae::json
