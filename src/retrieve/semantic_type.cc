#include "retrieve/semantic_type.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "plan/lexicon.h"
#include "plan/query.h"

namespace ae::retrieve {
namespace {

void add_lower_strings(const Json* values, std::vector<std::string>& out) {
  if (values == nullptr || !values->is_array()) return;
  for (const Json& value : *values) {
    if (value.is_string()) out.push_back(to_lower(value.get_ref<const std::string&>()));
  }
  std::ranges::sort(out);
}

bool shares(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::ranges::any_of(
      a, [&](const std::string& x) { return std::ranges::binary_search(b, x); });
}

bool any_word(const std::vector<std::string>& stems, bool (*is)(std::string_view)) {
  return std::ranges::any_of(stems, [is](const std::string& stem) { return is(stem); });
}

// "Id of the user", "user_id", "reference number": the first words say what the value is.
bool names_identifier(const std::vector<std::string>& name, const std::vector<std::string>& prose) {
  static constexpr std::array<std::string_view, 7> kWords = {"id",  "identifi", "uuid", "guid",
                                                             "key", "refer",    "sku"};
  const auto is = [&](const std::string& word) {
    return std::ranges::find(kWords, word) != kWords.end();
  };
  if (!name.empty() && is(name.back())) return true;
  for (std::size_t i = 0; i < prose.size() && i < 2; ++i) {
    if (is(prose[i])) return true;
  }
  return false;
}

// What a picture or a document consists of, rather than where it lies: "image_data".
bool holds_bytes(const Json& schema, const std::vector<std::string>& name,
                 const std::vector<std::string>& stems) {
  const auto has = [](const std::vector<std::string>& words, std::string_view word) {
    return std::ranges::find(words, word) != words.end();
  };
  const bool file = std::ranges::any_of(
      name, [](const std::string& stem) { return !plan::family_named(stem).empty(); });
  return json::find(schema, "contentEncoding") != nullptr || has(stems, "base64") ||
         (file && (has(name, "data") || has(name, "byte") || has(name, "content")));
}

// The first noun phrase of a description, its name's words included; after a general word ("number
// of words") what it is of.
std::vector<std::string> heads_of(const std::vector<std::string>& named, std::string_view prose) {
  std::vector<std::string> heads;
  for (auto word = named.rbegin(); word != named.rend(); ++word) {
    heads.push_back(*word);
    if (!plan::is_generic_noun(*word)) break;
  }
  bool specific = false;
  bool begun = false;
  for (const std::string& word : identifier_words(prose.substr(0, 120))) {
    if (plan::is_function_word(word)) {
      if (specific || (begun && word != "of" && word != "the" && word != "a")) break;
      continue;
    }
    begun = true;
    heads.push_back(plan::stem(word));
    specific = specific || !plan::is_generic_noun(heads.back());
  }
  return heads;
}

void add_term(std::vector<Term>& terms, StemId stem, float weight) {
  const auto at = std::ranges::find(terms, stem, &Term::stem);
  if (at == terms.end()) {
    terms.push_back({stem, weight});
  } else {
    at->weight = std::max(at->weight, weight);
  }
}

float length_of(const std::vector<Term>& terms) {
  float sum = 0;
  for (const Term& term : terms) sum += term.weight * term.weight;
  return std::sqrt(sum);
}

// The role of a parameter that has a counterpart: units, places, accounts to and from.
void read_roles(Field& field, const std::vector<std::string>& name, std::string_view description) {
  static constexpr std::array<std::string_view, 9> kSource = {
      "from", "source", "origin", "original", "departure", "start", "starting", "base", "sender"};
  static constexpr std::array<std::string_view, 11> kTarget = {
      "to",     "into",      "target",    "destination", "dest",     "arrival",
      "wanted", "recipient", "resulting", "desired",     "expressed"};
  const auto in = [](const auto& list, const std::string& word) {
    return std::ranges::find(list, word) != list.end();
  };
  for (const std::string& word : name) {
    field.source = field.source || in(kSource, word);
    field.target = field.target || in(kTarget, word);
  }
  if (field.source || field.target) return;
  const std::string prose = " " + join(identifier_words(description), " ") + " ";
  // "Currency the amount is in", "unit it is given in" against "currency to convert into".
  for (const std::string_view hint : {" is in ", " are in ", " given in ", " from ", " priced "}) {
    field.source = field.source || prose.find(hint) != std::string::npos;
  }
  for (const std::string_view hint : {" convert to ", " converted to ", " translate to "}) {
    field.target = field.target || prose.find(hint) != std::string::npos;
  }
  for (const std::string_view word : kSource) {
    if (word == "start" || word == "base") continue;
    field.source = field.source || prose.find(fmt::format(" {} ", word)) != std::string::npos;
  }
  for (const std::string_view word : kTarget) {
    if (word == "to" ? prose.ends_with(" to ")
                     : prose.find(fmt::format(" {} ", word)) != std::string::npos) {
      field.target = true;
    }
  }
}

// Cosine, doubling as Dice for sets of equal weights.
double cosine(const std::vector<Term>& a, float a_length, const std::vector<Term>& b,
              float b_length) {
  if (a_length <= 0 || b_length <= 0) return 0;
  double dot = 0;
  auto i = a.begin();
  auto k = b.begin();
  while (i != a.end() && k != b.end()) {
    if (i->stem < k->stem) {
      ++i;
    } else if (k->stem < i->stem) {
      ++k;
    } else {
      dot += static_cast<double>(i->weight) * k->weight;
      ++i;
      ++k;
    }
  }
  return dot / (static_cast<double>(a_length) * b_length);
}

double both(double a, double b) { return 1 - (1 - a) * (1 - b); }  // independent evidence

bool types_meet(const Field& produced, const Field& consumed) {
  const TypeMask accepted = (consumed.types & kNumberType) != 0
                                ? static_cast<TypeMask>(consumed.types | kIntegerType)
                                : consumed.types;
  return (produced.types & accepted) != 0;
}

double form_factor(const Field& produced, const Field& consumed, double& score) {
  double factor = 1;
  if (!consumed.format.empty()) {
    if (produced.format == consumed.format) {
      score = both(score, 0.25);
    } else {
      factor *= produced.format.empty() ? 0.7 : 0;
    }
  } else if (!produced.format.empty() && consumed.types == kStringType) {
    factor *= 0.9;
  }
  if (!consumed.pattern.empty()) {
    if (produced.pattern == consumed.pattern) {
      score = both(score, 0.4);
    } else {
      factor *= produced.pattern.empty() ? 0.6 : 0.2;
    }
  }
  if (!consumed.choices.empty()) {
    if (produced.choices.empty()) {
      factor *= 0.5;
    } else if (shares(produced.choices, consumed.choices)) {
      score = both(score, 0.3);
    } else {
      factor *= 0.1;
    }
  }
  if (shares(produced.examples, consumed.examples)) score = both(score, 0.35);
  return factor;
}

}  // namespace

std::string shape_of(std::string_view text) {
  std::string shape;
  std::string previous;
  for (const std::string_view word : split(text.substr(0, 80), ' ')) {
    std::string one;
    for (const char c : word) {
      char kind = c;
      if (c >= '0' && c <= '9') kind = '9';
      if (c >= 'A' && c <= 'Z') kind = 'A';
      if ((c >= 'a' && c <= 'z') || (static_cast<unsigned char>(c) & 0x80U) != 0) kind = 'a';
      if (one.empty() || one.back() != kind) one += kind;
    }
    // Words of one shape in a row count once: "Nora Vale" looks like "Anna".
    if (one == previous) continue;
    shape += shape.empty() ? one : " " + one;
    previous = std::move(one);
  }
  return shape;
}

StemId StemTable::intern(const std::string& stem) {
  return ids_.try_emplace(stem, static_cast<StemId>(ids_.size())).first->second;
}

StemId StemTable::find(const std::string& stem) const {
  const auto found = ids_.find(stem);
  return found == ids_.end() ? kUnknown : found->second;
}

TypeMask types_of(const Json& schema) {
  const auto bit = [](std::string_view name) -> TypeMask {
    if (name == "string") return kStringType;
    if (name == "integer") return kIntegerType;
    if (name == "number") return kNumberType | kIntegerType;
    if (name == "boolean") return kBooleanType;
    if (name == "array") return kArrayType;
    if (name == "object") return kObjectType;
    return 0;
  };
  TypeMask mask = 0;
  if (const Json* type = json::find(schema, "type")) {
    if (type->is_string()) mask = bit(type->get_ref<const std::string&>());
    if (type->is_array()) {
      for (const Json& name : *type) {
        if (name.is_string()) mask |= bit(name.get_ref<const std::string&>());
      }
    }
  } else if (const Json* choices = json::find(schema, "enum");
             choices != nullptr && choices->is_array()) {
    for (const Json& value : *choices) mask |= bit(json::type_name(value));
  }
  return mask == 0 ? kAnyType : mask;
}

Field read_field(std::string name, const std::string& spelled, const Json& schema, bool required,
                 std::uint32_t function, const std::vector<std::string>& function_stems,
                 StemTable& stems) {
  Field field;
  field.function = function;
  field.schema = &schema;
  field.required = required;
  field.types = types_of(schema);
  field.format = json::string_or(schema, "format");
  field.pattern = json::string_or(schema, "pattern");
  add_lower_strings(json::find(schema, "examples"), field.examples);
  if (const Json* examples = json::find(schema, "examples");
      examples != nullptr && examples->is_array()) {
    for (const Json& example : *examples) {
      if (example.is_string())
        field.shapes.push_back(shape_of(example.get_ref<const std::string&>()));
    }
  }
  add_lower_strings(json::find(schema, "enum"), field.choices);
  const std::vector<std::string> words = identifier_words(spelled);
  field.key = join(words, " ");
  const std::vector<std::string> named = plan::content_stems(spelled);
  const std::vector<std::string> prose =
      plan::content_stems(json::string_or(schema, "description"));
  field.heads = heads_of(named, json::string_or(schema, "description"));
  for (const std::string& stem : named) {
    field.name_stems.push_back(stems.intern(stem));
    add_term(field.name_terms, field.name_stems.back(), 1.0F);
    add_term(field.terms, field.name_stems.back(), 1.0F);
    field.stems.push_back(stem);
  }
  for (const std::string& stem : prose) {
    add_term(field.terms, stems.intern(stem), 0.9F);
    add_term(field.prose_terms, stems.intern(stem), 0.9F);
    field.stems.push_back(stem);
  }
  // Nothing but "id" or "result": the function itself says of what.
  if (std::ranges::all_of(field.stems,
                          [](const std::string& s) { return plan::is_generic_noun(s); })) {
    for (const std::string& stem : function_stems) add_term(field.terms, stems.intern(stem), 0.5F);
  }
  std::ranges::sort(field.name_terms, {}, &Term::stem);
  std::ranges::sort(field.prose_terms, {}, &Term::stem);
  std::ranges::sort(field.terms, {}, &Term::stem);
  field.identifier = names_identifier(named, prose);
  // "Number of the order" in words and digits is what identifies it; a whole number counts.
  const bool numbered = (field.types & kNumberType) == 0 && (field.types & kIntegerType) == 0 &&
                        std::ranges::find(field.heads, "number") != field.heads.end() &&
                        std::ranges::find(field.heads, "phone") == field.heads.end();
  field.identifier = field.identifier || numbered;
  field.bytes = holds_bytes(schema, named, field.stems);
  field.person = any_word(field.heads, plan::is_person_noun);
  field.place = any_word(field.heads, plan::is_place_noun);
  // "departure_date" is a date, wherever one departs.
  static constexpr std::array<std::string_view, 5> kMoments = {"date", "day", "time", "hour",
                                                               "month"};
  const bool moment = std::ranges::any_of(field.heads, [](const std::string& stem) {
    return std::ranges::find(kMoments, stem) != kMoments.end();
  });
  if (moment) field.place = field.person = false;
  const bool plain = field.format.empty() && field.pattern.empty() && field.choices.empty() &&
                     field.examples.empty() && !field.identifier;
  field.free_text =
      plain && (field.types & kStringType) != 0 && any_word(field.stems, plan::is_text_noun);
  read_roles(field, words, json::string_or(schema, "description"));
  field.name = std::move(name);
  return field;
}

void weigh(Field& field, const std::vector<float>& rarity, const std::vector<bool>& generic) {
  for (std::vector<Term>* terms : {&field.name_terms, &field.prose_terms, &field.terms}) {
    for (Term& term : *terms) term.weight *= rarity[term.stem] * (generic[term.stem] ? 0.4F : 1.0F);
  }
  field.name_length = length_of(field.name_terms);
  field.prose_length = length_of(field.prose_terms);
  field.length = length_of(field.terms);
}

double similarity(const Field& produced, const Field& consumed) {
  if (!types_meet(produced, consumed)) return 0;
  // A name without meaning must not hide what the descriptions share.
  const double all =
      std::max(cosine(produced.terms, produced.length, consumed.terms, consumed.length),
               0.95 * cosine(produced.prose_terms, produced.prose_length, consumed.prose_terms,
                             consumed.prose_length));
  double named =
      cosine(produced.name_terms, produced.name_length, consumed.name_terms, consumed.name_length);
  if (!produced.key.empty() && produced.key == consumed.key) {
    // A rare common name is nearly proof; "id" or "name" alone is little.
    named = std::min(1.0, 0.45 + 0.7 * static_cast<double>(produced.name_length));
  }
  double score = both(0.8 * named, 0.75 * all);
  // The currency a price is in is the one to convert from.
  if (produced.source && consumed.source) score = both(score, 0.15);
  if (produced.source && consumed.target && !consumed.source) score *= 0.85;
  const double factor = form_factor(produced, consumed, score);
  score *= factor;
  // Any prose can be read, counted, translated or sent.
  if (produced.free_text && consumed.free_text) score = std::max(score, 0.5);
  // An address or a code is no prose.
  const bool formal = produced.identifier || !produced.format.empty() || !produced.pattern.empty();
  if (consumed.free_text && formal) score *= 0.4;
  // The id of a thing is not its name, nor the other way round.
  if (produced.identifier != consumed.identifier) score *= 0.45;
  return std::min(score, 1.0);
}

}  // namespace ae::retrieve
