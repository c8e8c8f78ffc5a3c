// How well a value of the query fits a parameter: by form first, then by the words around both.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "json/schema.h"
#include "plan/lexicon.h"
#include "solve/internal/problem.h"

namespace ae::solve::internal {
namespace {

using plan::Slot;
using plan::SlotKind;
using retrieve::Field;

double both(double a, double b) { return 1 - (1 - a) * (1 - b); }

bool speaks_of(const Field& field, std::initializer_list<std::string_view> stems) {
  return std::ranges::any_of(field.stems, [&](const std::string& stem) {
    return std::ranges::find(stems, stem) != stems.end();
  });
}

bool speaks_of_unit(const Field& field, const std::string& unit) {
  const std::vector<std::string> stems = plan::unit_stems(unit);
  return std::ranges::any_of(field.stems, [&](const std::string& stem) {
    return stem == unit || std::ranges::find(stems, stem) != stems.end();
  });
}

// Words of the mention's surroundings that the field speaks of, synonyms included.
bool heads_meet(const Slot& slot, const Field& field) {
  for (const std::string& head : slot.heads) {
    if (std::ranges::find(field.stems, head) != field.stems.end()) return true;
    for (const std::string& synonym : plan::synonyms(head)) {
      if (std::ranges::find(field.stems, synonym) != field.stems.end()) return true;
    }
  }
  return false;
}

class Fitter {
 public:
  Fitter(const Mention& mention, const std::vector<Mention>& all, const Field& field,
         std::vector<Fit>& out)
      : mention_(mention), slot_(mention.slot), all_(all), field_(field), out_(out) {}

  void run() {
    if (!field_.choices.empty()) {
      fit_choice();
    } else if (!mention_.choice.empty() && mention_.unit) {
      if ((field_.types & retrieve::kStringType) != 0 && speaks_of(field_, {"unit", "currenc"})) {
        add(0.6, "unit", slot_.text, "the unit of the number");
      }
    } else if ((field_.types & retrieve::kNumberType) != 0 ||
               (field_.types & retrieve::kIntegerType) != 0) {
      fit_number();
      if ((field_.types & retrieve::kStringType) != 0 && slot_.number.is_null()) fit_string();
    } else if ((field_.types & retrieve::kArrayType) != 0 && field_.types != retrieve::kAnyType) {
      fit_list();
    } else if ((field_.types & retrieve::kStringType) != 0) {
      fit_string();
    }
  }

 private:
  void add(double score, std::string part, Json value, std::string reason) {
    if (score <= 0) return;
    score = adjust(score);
    if (score < 0.2) return;
    if (!json::validate(*field_.schema, value).empty()) return;
    out_.push_back({static_cast<std::uint32_t>(mention_.index),
                    static_cast<float>(std::min(score, 1.0)), std::move(part), std::move(value),
                    std::move(reason)});
  }

  // Words around the value: its nouns, its preposition, whether it is a person's.
  double adjust(double score) const {
    // "The parcel Blue Moon" names a parcel; its number is for another step to find.
    const bool named = slot_.kind == SlotKind::kName ||
                       (slot_.kind == SlotKind::kQuoted &&
                        slot_.text.find_first_of("0123456789") == std::string::npos);
    if (field_.identifier && named) return score;
    if (!slot_.heads.empty()) {
      score = heads_meet(slot_, field_) ? both(score, 0.5) : score * (counts() ? 0.95 : 0.8);
    }
    if (names_its_kind()) score = both(score, 0.4);
    const std::string& word = slot_.preposition;
    const bool to = word == "to" || word == "into" || word == "as";
    const bool from = word == "from" || mention_.unit;
    if (to || from) {
      if ((to && field_.target) || (from && field_.source)) score = both(score, 0.45);
      if ((to && field_.source && !field_.target) || (from && field_.target && !field_.source))
        score *= 0.35;
    } else if (mention_.slot.kind == SlotKind::kWord && field_.target && !field_.source &&
               !mention_.unit) {
      score = both(score, word == "in" ? 0.35 : 0);
    }
    if (slot_.kind != SlotKind::kName) return score;
    if (slot_.person && !field_.person) score *= 0.55;
    if (slot_.person && field_.person) score = both(score, 0.4);
    if (word == "in" || word == "at" || word == "near") {
      if (field_.place) score = both(score, 0.4);
      if (!field_.place) score *= field_.person ? 0.5 : 0.75;
    }
    if (word == "by" &&
        speaks_of(field_, {"author", "artist", "singer", "writer", "director", "creator"})) {
      score = both(score, 0.4);
    }
    return score;
  }

  // "JFK Airport" for an airport.
  bool names_its_kind() const {
    if (slot_.kind != SlotKind::kName || slot_.text.find(' ') == std::string::npos) return false;
    return std::ranges::any_of(plan::content_stems(slot_.text), [&](const std::string& word) {
      return std::ranges::find(field_.heads, word) != field_.heads.end();
    });
  }

  void fit_choice() {
    if (mention_.choice.empty()) {
      // A name that is an enum's value as it stands ("PNG").
      const std::string low = to_lower(slot_.text);
      if (std::ranges::binary_search(field_.choices, low) &&
          mention_.slot.kind != SlotKind::kWord) {
        add(0.9, "", choice_value(low), "one of the values that it allows");
      }
      return;
    }
    for (const std::string& choice : field_.choices) {
      std::vector<std::string> words;
      for (const std::string& word : identifier_words(choice)) words.push_back(plan::stem(word));
      const bool same_unit =
          mention_.unit && !plan::unit_of_measure(choice).empty() &&
          plan::unit_of_measure(choice) == plan::unit_of_measure(mention_.choice);
      if (join(words, " ") == mention_.choice || same_unit) {
        add(0.85, mention_.unit ? "unit" : "", choice_value(choice),
            "one of the values that it allows");
        return;
      }
    }
  }
  // As the schema spells it.
  Json choice_value(const std::string& lower) const {
    if (const Json* choices = json::find(*field_.schema, "enum")) {
      for (const Json& value : *choices) {
        if (value.is_string() && to_lower(value.get_ref<const std::string&>()) == lower)
          return value;
      }
    }
    return Json(lower);
  }

  void fit_number() {
    if (slot_.kind == SlotKind::kSize) {
      const bool width = speaks_of(field_, {"width", "column", "horizont", "wide"});
      const bool height = speaks_of(field_, {"height", "row", "vertic", "tall"});
      if (width != height) {
        add(0.9, width ? "width" : "height", number(slot_.value[width ? 0 : 1]), "half of a size");
      } else if (slot_.value[0] == slot_.value[1] &&
                 speaks_of(field_, {"size", "pixel", "side", "dimens"})) {
        add(0.6, "width", number(slot_.value[0]), "a square's side");
      }
      return;
    }
    if (slot_.number.is_null()) return;
    switch (slot_.kind) {
      case SlotKind::kMoney:
        add(speaks_of(field_, {"amount", "money", "price", "cost", "sum", "budget", "currenc",
                               "payment", "salari", "fee", "balanc", "total", "rate", "valu"})
                ? 0.85
                : 0.4,
            "number", number(slot_.number), "an amount of money");
        return;
      case SlotKind::kQuantity:
        add(speaks_of_unit(field_, slot_.unit) || field_.choices.empty() ? 0.7 : 0.5, "number",
            number(slot_.number), "a quantity");
        return;
      case SlotKind::kDuration:
        fit_duration();
        return;
      default:
        break;
    }
    double score = field_.identifier || field_.types == retrieve::kAnyType ? 0.4 : 0.55;
    // "two desk lamps": how many, whatever they are.
    if (counts()) score = 0.7;
    add(score, "number", number(slot_.number), "a number");
  }

  bool counts() const {
    return slot_.kind == SlotKind::kNumber &&
           speaks_of(field_,
                     {"quantiti", "count", "number", "piec", "copi", "limit", "mani", "maximum"});
  }

  void fit_duration() {
    if (std::ranges::find(field_.stems, slot_.unit) != field_.stems.end()) {
      add(0.9, "number", number(slot_.number), "a time in the unit that it asks for");
    } else if (speaks_of(field_, {"second", "sec"})) {
      add(0.85, "", number(slot_.value), "a time, in seconds");
    } else if (speaks_of(field_, {"minut", "hour", "day", "week", "month", "year"})) {
      const double unit = speaks_of(field_, {"minut"})  ? 60
                          : speaks_of(field_, {"hour"}) ? 3'600
                          : speaks_of(field_, {"day"})  ? 86'400
                          : speaks_of(field_, {"week"}) ? 604'800
                                                        : 0;
      if (unit > 0)
        add(0.8, "converted", number(Json(slot_.value.get<double>() / unit)), "a time, converted");
    } else {
      add(speaks_of(field_, {"durat", "time", "period", "length", "long", "interv"}) ? 0.6 : 0.3,
          "number", number(slot_.number), "a time");
    }
  }

  // Integers stay integers: 3.0 is 3.
  static Json number(const Json& value) {
    if (!value.is_number()) return value;
    const double real = value.get<double>();
    const auto whole = static_cast<std::int64_t>(real);
    return static_cast<double>(whole) == real ? Json(whole) : value;
  }

  void fit_list() {
    if (slot_.kind == SlotKind::kSize) {
      add(speaks_of(field_, {"size", "dimens", "resolut", "pixel"}) ? 0.85 : 0.4, "", slot_.value,
          "a size");
      return;
    }
    const Json* items = json::find(*field_.schema, "items");
    if (items == nullptr || !items->is_object()) return;
    Field one = field_;
    one.schema = items;
    one.types = retrieve::types_of(*items);
    std::vector<Fit> single;
    fit_mention(mention_, all_, one, single);
    if (single.empty() || mention_.slot.list != plan::kNone) {
      if (mention_.slot.list == plan::kNone || single.empty()) return;
    }
    Json values = Json::array();
    for (const Mention& other : all_) {
      const bool together = mention_.slot.list == plan::kNone
                                ? other.index == mention_.index
                                : other.slot.list == mention_.slot.list;
      if (!together) continue;
      if (values.empty() && other.index != mention_.index) return;  // the first speaks for all
      values.push_back(single.front().part == "number" ? other.slot.number : other.slot.value);
    }
    if (!json::validate(*field_.schema, values).empty()) return;
    out_.push_back({static_cast<std::uint32_t>(mention_.index), single.front().score, "list",
                    std::move(values), "a list of values"});
  }

  void fit_string() {
    if (!field_.format.empty()) {
      add(format_score(), "", slot_.value, "a value of the format that it asks for");
      return;
    }
    if (!field_.pattern.empty()) {
      const bool worded = slot_.kind == SlotKind::kWord;
      add(worded ? 0.5 : 0.85, "", slot_.value, "a value of the form that it asks for");
      return;
    }
    double score = kind_score();
    if (score <= 0) return;
    const std::string low = to_lower(slot_.text);
    if (std::ranges::binary_search(field_.examples, low) ||
        (!mention_.known.empty() && !example().empty())) {
      score = 0.95;
    } else if (!field_.shapes.empty()) {
      const std::string shape = retrieve::shape_of(slot_.text);
      const bool alike = std::ranges::find(field_.shapes, shape) != field_.shapes.end();
      score = alike ? both(score, 0.35) : score * 0.65;
      if (alike && slot_.kind == SlotKind::kCode) score = both(score, 0.3);
    }
    add(score, "", singular_value(), reason());
  }

  double format_score() const {
    const std::string& format = field_.format;
    if (format == "email") return slot_.kind == SlotKind::kEmail ? 0.9 : 0;
    if (format == "date") return slot_.kind == SlotKind::kDate ? 0.9 : 0;
    if (format == "date-time") return slot_.kind == SlotKind::kDate ? 0.8 : 0;
    if (format == "time") return slot_.kind == SlotKind::kTime ? 0.9 : 0;
    if (format == "uri" || format == "url") return slot_.kind == SlotKind::kUrl ? 0.9 : 0;
    if (format == "phone") return slot_.kind == SlotKind::kPhone ? 0.9 : 0;
    return kind_score();
  }

  double kind_score() const {
    switch (slot_.kind) {
      case SlotKind::kEmail:
        return speaks_of(field_, {"email", "mail"})                        ? 0.9
               : speaks_of(field_, {"address", "recipi", "contact", "to"}) ? 0.7
                                                                           : 0.1;
      case SlotKind::kUrl:
        return speaks_of(field_, {"url", "link", "websit", "uri", "page", "web"}) ? 0.9 : 0.3;
      case SlotKind::kPhone:
        return speaks_of(field_, {"phone", "mobil", "number", "sms"}) ? 0.9 : 0.1;
      case SlotKind::kDate:
        return date_score();
      case SlotKind::kTime:
        return !field_.place && speaks_of(field_, {"time", "hour", "when", "clock"}) ? 0.85 : 0.1;
      case SlotKind::kDuration:
        return speaks_of(field_, {"durat", "time", "period", "day", "week", "month", "long"}) ? 0.6
                                                                                              : 0.1;
      case SlotKind::kCode:
        return code_score();
      case SlotKind::kQuoted:
        return quoted_score();
      case SlotKind::kName:
        return name_score();
      case SlotKind::kSize:
        return speaks_of(field_, {"size", "dimens", "resolut"}) ? 0.85 : 0.15;
      case SlotKind::kMoney:
      case SlotKind::kQuantity:
      case SlotKind::kNumber:
        return heads_meet(slot_, field_) ? 0.5 : 0.15;
      case SlotKind::kFile:
        return 0;  // fit_file()
      case SlotKind::kWord:
        return word_score();
    }
    return 0;
  }

  double date_score() const {
    const bool dated = speaks_of(field_, {"date", "day", "when", "birthday", "deadlin", "depart",
                                          "arriv", "check", "month", "time", "schedul"});
    return dated && !field_.place ? 0.85 : 0.08;
  }

  double code_score() const {
    const bool file = slot_.text.find('.') != std::string::npos &&
                      slot_.text.find_last_not_of("0123456789.") != std::string::npos;
    if (file && speaks_of(field_, {"file", "imag", "photo", "pictur", "document", "path", "key",
                                   "sourc", "video", "audio"})) {
      return 0.85;
    }
    if (field_.identifier || speaks_of(field_, {"number", "code", "refer", "serial"})) return 0.75;
    return field_.free_text ? 0.1 : 0.35;
  }

  double quoted_score() const {
    if (field_.free_text) return 0.8;
    if (field_.identifier) {
      return slot_.text.find_first_of("0123456789") == std::string::npos ? 0.15 : 0.5;
    }
    if (speaks_of(field_, {"titl", "name", "queri", "keyword", "subject", "text", "topic", "term"}))
      return 0.75;
    return field_.types == retrieve::kAnyType ? 0.3 : 0.55;
  }

  double name_score() const {
    if (field_.identifier) return 0.15;
    if (speaks_of(field_, {"email", "url", "phone", "date", "password"})) return 0.05;
    if (field_.free_text && field_.shapes.empty()) return 0.12;
    if (field_.person || field_.place) return 0.6;
    if (speaks_of(field_, {"name", "titl", "languag", "compani", "team", "brand", "artist"}))
      return 0.6;
    return 0.32;
  }

  double word_score() const {
    if (field_.identifier || field_.free_text) return 0;
    if (!mention_.known.empty() && !example().empty()) return 0.95;
    if (!mention_.phrase) return 0;
    const bool lower = std::ranges::find(field_.shapes, "a") != field_.shapes.end();
    const bool placed = !slot_.preposition.empty() && slot_.preposition != "to";
    if (!slot_.heads.empty() && heads_meet(slot_, field_)) return 0.5;
    if (speaks_of(field_, {"name", "keyword", "queri", "topic", "titl", "ingredi", "product",
                           "term", "subject"})) {
      return placed || lower ? 0.5 : 0.3;
    }
    return placed ? 0.4 : 0;
  }

  // The field's example that the words are another form of, as written there.
  std::string example() const {
    const Json* examples = json::find(*field_.schema, "examples");
    if (examples == nullptr || !examples->is_array() || mention_.known.empty()) return {};
    for (const Json& value : *examples) {
      if (!value.is_string()) continue;
      std::vector<std::string> words;
      for (const std::string& word : identifier_words(value.get_ref<const std::string&>())) {
        words.push_back(plan::stem(word));
      }
      if (join(words, " ") == mention_.known) return value.get<std::string>();
    }
    return {};
  }

  // "desk lamps" where examples are singular: one is asked for by its name.
  Json singular_value() const {
    if (slot_.kind != SlotKind::kWord) return slot_.value;
    if (const std::string same = example(); !same.empty()) return same;
    if (!mention_.phrase || field_.shapes.empty()) return slot_.value;
    std::string text = slot_.text;
    if (text.size() > 3 && text.ends_with("s") && !text.ends_with("ss") && !text.ends_with("us")) {
      const bool ies = text.ends_with("ies");
      const bool hissing = text.ends_with("sses") || text.ends_with("xes") ||
                           text.ends_with("ches") || text.ends_with("shes");
      text.resize(text.size() - (ies ? 3 : hissing ? 2 : 1));
      if (ies) text += 'y';
    }
    return text;
  }

  std::string reason() const {
    switch (slot_.kind) {
      case SlotKind::kName:
        return slot_.person && field_.person ? "a person's name" : "a name";
      case SlotKind::kQuoted:
        return "quoted words";
      case SlotKind::kCode:
        return "a code";
      case SlotKind::kWord:
        return "words that stand where a value can";
      default:
        return std::string("a value of kind ") + std::string(plan::to_string(slot_.kind));
    }
  }

  const Mention& mention_;
  const Slot& slot_;
  const std::vector<Mention>& all_;
  const Field& field_;
  std::vector<Fit>& out_;
};

}  // namespace

void fit_mention(const Mention& mention, const std::vector<Mention>& all, const Field& field,
                 std::vector<Fit>& out) {
  Fitter(mention, all, field, out).run();
}

}  // namespace ae::solve::internal
