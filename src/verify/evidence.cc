// What the query says against what the workflow does.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "verify/internal/context.h"

namespace ae::verify::internal {
namespace {

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         (static_cast<unsigned char>(c) & 0x80U) != 0;
}

// As whole words, whatever the case: "3" is not in "v30".
bool contains_words(std::string_view text, std::string_view wanted) {
  if (wanted.empty()) return false;
  for (std::size_t at = text.find(wanted); at != std::string_view::npos;
       at = text.find(wanted, at + 1)) {
    const std::size_t end = at + wanted.size();
    const bool starts =
        at == 0 || !is_word_character(text[at - 1]) || !is_word_character(wanted.front());
    const bool ends =
        end == text.size() || !is_word_character(text[end]) || !is_word_character(wanted.back());
    if (starts && ends) return true;
  }
  return false;
}

class Grounding final {
 public:
  explicit Grounding(Context& context)
      : context_(context),
        evidence_(*context.evidence),
        query_(to_lower(context.evidence->query)) {}

  void run() {
    for (std::size_t i = 0; i < context_.workflow.nodes.size(); ++i) {
      const dag::FunctionSpec* spec = context_.specs[i];
      for (const dag::NamedBinding& argument : context_.workflow.nodes[i].arguments) {
        const auto parameter = spec == nullptr ? std::nullopt : parameter_of(*spec, argument.name);
        check(argument.binding, parameter ? parameter->schema.schema : nullptr,
              json::pointer_append(node_pointer(i) + "/arguments", argument.name));
      }
    }
    for (const Evidence::Clause& clause : evidence_.clauses) {
      if (clause.served) continue;
      context_.warning("unserved_clause", "",
                       fmt::format("no step serves \"{}\"", shorten(clause.text, 100)),
                       "add a function for it, or leave it out of the sentence");
    }
  }

  bool grounded(const Json& value) const {
    if (std::ranges::any_of(evidence_.grounded_values,
                            [&](const Json& known) { return json::equal(known, value); })) {
      return true;
    }
    if (value.is_structured()) {  // an empty list or object states nothing
      return std::ranges::all_of(value, [&](const Json& child) { return grounded(child); });
    }
    if (value.is_string()) {
      return contains_words(query_, to_lower(trim(value.get_ref<const std::string&>())));
    }
    return value.is_number() && contains_words(query_, json::dump(value));
  }

 private:
  static bool explained(const Json* schema, const Json& value) {
    if (schema == nullptr) return false;
    for (const std::string_view keyword : {"default", "const"}) {
      const Json* given = json::find(*schema, keyword);
      if (given != nullptr && json::equal(*given, value)) return true;
    }
    return false;
  }

  // `schema` is the parameter's, nullptr inside lists and objects.
  void check(const dag::Binding& binding, const Json* schema, const std::string& pointer) {
    if (const auto* literal = std::get_if<dag::Literal>(&binding.source)) {
      if (explained(schema, literal->value) || grounded(literal->value)) return;
      context_.error("ungrounded_literal", pointer + "/value",
                     fmt::format("the value {} is not in the query, and it is no default",
                                 shorten(json::dump(literal->value), 80)),
                     "ask the caller: bind the parameter to an input");
    } else if (const auto* list = std::get_if<dag::ListBinding>(&binding.source)) {
      for (std::size_t i = 0; i < list->items.size(); ++i) {
        check(list->items[i], nullptr, fmt::format("{}/list/{}", pointer, i));
      }
    } else if (const auto* object = std::get_if<dag::ObjectBinding>(&binding.source)) {
      for (const dag::NamedBinding& member : object->members) {
        check(member.binding, nullptr, json::pointer_append(pointer + "/object", member.name));
      }
    }
  }

  Context& context_;
  const Evidence& evidence_;
  const std::string query_;
};

// An identifier is something that a system made up, so a person rarely has it. When the caller is
// asked for one, a step that looks it up is probably missing, or a function for that step.
class Identifiers final {
 public:
  explicit Identifiers(Context& context) : context_(context) {}

  void run() {
    for (std::size_t i = 0; i < context_.workflow.nodes.size(); ++i) {
      for (const dag::NamedBinding& argument : context_.workflow.nodes[i].arguments) {
        const auto* input = std::get_if<dag::InputRef>(&argument.binding.source);
        if (input == nullptr || !is_identifier(argument.name) || is_given(input->input)) continue;
        report(json::pointer_append(node_pointer(i) + "/arguments", argument.name), argument.name);
      }
    }
  }

 private:
  void report(std::string pointer, const std::string& name) {
    const std::vector<std::string>& producers = producers_of(name);
    std::string message =
        producers.empty()
            ? fmt::format("the caller must know the \"{}\" itself: no known function finds it",
                          name)
            : fmt::format("the caller must know the \"{}\" itself, although {} finds it", name,
                          producers.front());
    std::string fix =
        producers.empty()
            ? "give the input an example, or add a function that finds it from what people know"
            : fmt::format("add a step that calls {} and use its field {}", producers.front(), name);
    context_.warning("identifier_without_producer", std::move(pointer), std::move(message),
                     std::move(fix), producers);
  }

  static bool is_identifier(const std::string& name) {
    const std::vector<std::string> words = identifier_words(name);
    return words.size() > 1 && words.back() == "id";
  }

  // The query gave it: its value is the input's example or default. Without a query, an example
  // or default is the author's word that callers know such a value.
  bool is_given(const std::string& input) const {
    const Json* schema = input_schema(context_.workflow, input);
    if (schema == nullptr) return false;
    const Json* value = json::find(*schema, "default");
    const Json* examples = json::find(*schema, "examples");
    if (value == nullptr && examples != nullptr && examples->is_array() && !examples->empty()) {
      value = &examples->front();
    }
    if (value == nullptr) return false;
    return context_.evidence == nullptr || Grounding(context_).grounded(*value);
  }

  const std::vector<std::string>& producers_of(const std::string& field) {
    static constexpr std::size_t kMost = 3;
    const auto [slot, fresh] = producers_.try_emplace(field);
    if (!fresh) return slot->second;
    for (const std::string& name : context_.known_functions) {
      if (slot->second.size() == kMost) break;
      const dag::FunctionSpec* spec = context_.lookup(name, "");
      // A function that takes the identifier only passes it on.
      if (spec == nullptr || parameter_of(*spec, field)) continue;
      const Json* properties = json::find(spec->output, "properties");
      if (properties != nullptr && json::find(*properties, field) != nullptr) {
        slot->second.push_back(name);
      }
    }
    return slot->second;
  }

  Context& context_;
  std::map<std::string, std::vector<std::string>> producers_;
};

}  // namespace

void check_evidence(Context& context) {
  if (context.evidence != nullptr) Grounding(context).run();
  Identifiers(context).run();
}

}  // namespace ae::verify::internal
