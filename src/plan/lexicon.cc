#include "plan/lexicon.h"

#include <libstemmer.h>

#include <algorithm>
#include <map>
#include <memory>
#include <unordered_map>
#include <unordered_set>

#include "base/text.h"
#include "plan/internal/word_lists.h"

namespace ae::plan {
namespace {

using WordSet = std::unordered_set<std::string>;

std::vector<std::string_view> words_of(std::string_view list) {
  std::vector<std::string_view> words;
  for (const std::string_view word : split(list, ' ')) {
    if (!word.empty()) words.push_back(word);
  }
  return words;
}

WordSet plain_set(std::string_view list) {
  WordSet set;
  for (const std::string_view word : words_of(list)) set.emplace(word);
  return set;
}

WordSet stemmed_set(std::string_view list) {
  WordSet set;
  for (const std::string_view word : words_of(list)) set.insert(stem(word));
  return set;
}

bool has(const WordSet& set, std::string_view word) { return set.contains(std::string(word)); }

using Synonyms = std::unordered_map<std::string, std::vector<std::string>>;

Synonyms read_synonyms() {
  std::map<std::string, std::map<std::string, bool>> related;
  for (const std::string_view line : split(internal::kSynonymGroups, '\n')) {
    const std::vector<std::string_view> words = words_of(line);
    for (const std::string_view a : words) {
      for (const std::string_view b : words) {
        if (stem(a) != stem(b)) related[stem(a)][stem(b)] = true;
      }
    }
  }
  Synonyms result;
  for (const auto& [word, others] : related) {
    for (const auto& [other, unused] : others) result[word].push_back(other);
  }
  return result;
}

struct Units {
  std::unordered_map<std::string, std::string> plain;                 // word -> abbreviation
  std::unordered_map<std::string, std::vector<std::string>> by_unit;  // abbreviation -> stems
};

Units read_units() {
  Units units;
  for (const std::string_view line : split(internal::kUnits, '\n')) {
    const std::vector<std::string_view> words = words_of(line);
    const std::string unit(words.front());
    for (const std::string_view word : words) {
      units.plain.emplace(word, unit);
      std::vector<std::string>& stems = units.by_unit[unit];
      if (std::string stemmed = stem(word); std::ranges::find(stems, stemmed) == stems.end()) {
        stems.push_back(std::move(stemmed));
      }
    }
  }
  return units;
}

const Units& units() {
  static const Units kUnits = read_units();
  return kUnits;
}

bool is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         (static_cast<unsigned char>(c) & 0x80U) != 0 || c == '_' || c == '-' || c == '\'';
}

}  // namespace

std::string stem(std::string_view lower_word) {
  struct Deleter {
    void operator()(sb_stemmer* stemmer) const { sb_stemmer_delete(stemmer); }
  };
  // One a thread: a stemmer keeps its working state.
  thread_local const std::unique_ptr<sb_stemmer, Deleter> kStemmer(
      sb_stemmer_new("english", "UTF_8"));
  if (lower_word.size() > 60 || kStemmer == nullptr) return std::string(lower_word);
  if (lower_word == "e-mail" || lower_word == "e-mails" || lower_word == "emails") return "email";
  const auto* bytes = reinterpret_cast<const sb_symbol*>(lower_word.data());
  const sb_symbol* stemmed =
      sb_stemmer_stem(kStemmer.get(), bytes, static_cast<int>(lower_word.size()));
  if (stemmed == nullptr) return std::string(lower_word);
  return {reinterpret_cast<const char*>(stemmed),
          static_cast<std::size_t>(sb_stemmer_length(kStemmer.get()))};
}

bool is_function_word(std::string_view lower_word) {
  static const WordSet kSet = plain_set(internal::kFunctionWords);
  return has(kSet, lower_word);
}

const std::vector<std::string>& synonyms(std::string_view stem_of_word) {
  static const Synonyms kSynonyms = read_synonyms();
  static const std::vector<std::string> kNoWords;
  const auto found = kSynonyms.find(std::string(stem_of_word));
  return found == kSynonyms.end() ? kNoWords : found->second;
}

bool is_action_verb(std::string_view stem_of_word) {
  static const WordSet kSet = stemmed_set(internal::kActionVerbs);
  return has(kSet, stem_of_word);
}

bool is_generic_verb(std::string_view stem_of_word) {
  static const WordSet kSet = stemmed_set(internal::kGenericVerbs);
  return has(kSet, stem_of_word);
}

bool is_information_verb(std::string_view stem_of_word) {
  static const WordSet kSet = stemmed_set(internal::kInformationVerbs);
  return has(kSet, stem_of_word) || is_generic_verb(stem_of_word);
}

bool is_noun_or_verb(std::string_view stem_of_word) {
  static const WordSet kSet = stemmed_set(internal::kNounOrVerb);
  return has(kSet, stem_of_word);
}

bool is_generic_noun(std::string_view stem_of_word) {
  static const WordSet kSet = stemmed_set(internal::kGenericNouns);
  return has(kSet, stem_of_word);
}

bool is_person_noun(std::string_view stem_of_word) {
  static const WordSet kSet = stemmed_set(internal::kPersonNouns);
  return has(kSet, stem_of_word);
}

bool is_place_noun(std::string_view stem_of_word) {
  static const WordSet kSet = stemmed_set(internal::kPlaceNouns);
  return has(kSet, stem_of_word);
}

bool is_text_noun(std::string_view stem_of_word) {
  static const WordSet kSet = stemmed_set(internal::kTextNouns);
  return has(kSet, stem_of_word);
}

bool is_everyday_word(std::string_view lower_word) {
  static const WordSet kSet = [] {
    WordSet set;
    for (const std::string_view list :
         {internal::kFunctionWords, internal::kActionVerbs, internal::kGenericVerbs,
          internal::kInformationVerbs, internal::kNounOrVerb, internal::kGenericNouns,
          internal::kPersonNouns, internal::kPlaceNouns, internal::kTextNouns}) {
      set.merge(plain_set(list));
    }
    for (const std::string_view line : split(internal::kSynonymGroups, '\n'))
      set.merge(plain_set(line));
    return set;
  }();
  return has(kSet, lower_word);
}

namespace {

bool is_number(std::string_view word) {
  return word.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

std::vector<std::string> content_stems(std::string_view text) {
  std::vector<std::string> stems;
  std::size_t at = 0;
  while (at < text.size()) {
    if (!is_word_byte(text[at])) {
      ++at;
      continue;
    }
    const std::size_t begin = at;
    while (at < text.size() && is_word_byte(text[at])) ++at;
    std::string_view raw = text.substr(begin, at - begin);
    raw = raw.substr(0, raw.find('\'', 1));
    if (const std::string whole = to_lower(raw); whole == "e-mail" || whole == "e-mails") {
      stems.emplace_back("email");
      continue;
    }
    // An identifier inside prose, or prose inside an identifier: both are split into words.
    const std::vector<std::string> parts = identifier_words(raw);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      // "S3" is one word.
      const bool numbered = parts[i].size() == 1 && i + 1 < parts.size() && is_number(parts[i + 1]);
      if (numbered && !is_number(parts[i])) stems.push_back(parts[i] + parts[i + 1]);
      if (parts[i].size() == 1 || is_function_word(parts[i])) continue;
      stems.push_back(stem(parts[i]));
    }
  }
  return stems;
}

int number_word(std::string_view lower_word) {
  static const std::unordered_map<std::string_view, int> kWords = {
      {"one", 1},     {"two", 2},     {"three", 3},  {"four", 4},     {"five", 5},
      {"six", 6},     {"ten", 10},    {"seven", 7},  {"eight", 8},    {"nine", 9},
      {"eleven", 11}, {"twelve", 12}, {"dozen", 12}, {"hundred", 100}};
  const auto found = kWords.find(lower_word);
  return found == kWords.end() ? 0 : found->second;
}

int month_number(std::string_view lower_word) {
  static constexpr std::string_view kMonths[] = {"january",   "february", "march",    "april",
                                                 "may",       "june",     "july",     "august",
                                                 "september", "october",  "november", "december"};
  if (lower_word.size() < 3) return 0;
  if (lower_word == "sept") return 9;
  for (int i = 0; i < 12; ++i) {
    if (lower_word == kMonths[i] || lower_word == kMonths[i].substr(0, 3)) return i + 1;
  }
  return 0;
}

std::string_view unit_of_measure(std::string_view lower_word) {
  const auto found = units().plain.find(std::string(lower_word));
  return found == units().plain.end() ? std::string_view() : std::string_view(found->second);
}

std::vector<std::string> unit_stems(std::string_view unit) {
  const auto found = units().by_unit.find(std::string(unit));
  return found == units().by_unit.end() ? std::vector<std::string>{} : found->second;
}

}  // namespace ae::plan
