// English as planning needs it: stems, function words, politeness, and general synonyms of everyday
// verbs and nouns. General language only: nothing here may know any function.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ae::plan {

// Snowball English. "matches" -> "match". Threads: any.
std::string stem(std::string_view lower_word);
bool is_function_word(std::string_view lower_word);
// Stems that mean much the same in requests ("send": mail, notify, …), without the stem itself;
// empty for most. Symmetric.
const std::vector<std::string>& synonyms(std::string_view stem);
// A word that some list of the lexicon has as it stands.
bool is_everyday_word(std::string_view lower_word);
// A verb that asks somebody to do something ("play", "convert", "book"), by stem.
bool is_action_verb(std::string_view stem);
// A verb so general that it says nothing about what is wanted ("get", "show", "find"), by stem.
bool is_generic_verb(std::string_view stem);
// A verb that only asks to be told something, whatever function knows it ("compute", "list"), by
// stem; the generic ones included.
bool is_information_verb(std::string_view stem);
// A word that is as often a noun as a verb ("order", "email", "list"), by stem.
bool is_noun_or_verb(std::string_view stem);
// A noun that says little without another one ("id", "name", "value", "result"), by stem.
bool is_generic_noun(std::string_view stem);
// Content words of free text (a description, an identifier's words), stemmed, in order.
std::vector<std::string> content_stems(std::string_view text);

// What sort of thing a noun speaks of, by stem.
bool is_person_noun(std::string_view stem);  // user, customer, recipient, artist
bool is_place_noun(std::string_view stem);   // city, place, country
bool is_text_noun(std::string_view stem);    // text, message, body, content

// "two" -> 2; 0 for words that are no number. One to twelve, dozen, hundred.
int number_word(std::string_view lower_word);
// 1..12 for a month's name or its usual abbreviation, else 0.
int month_number(std::string_view lower_word);
// The plain form of a unit of measure: "kilometres", "kms" -> "km"; "" when it is none.
std::string_view unit_of_measure(std::string_view lower_word);
// The words a unit goes by, stemmed: "km" -> kilometr, km; empty when it is unknown.
std::vector<std::string> unit_stems(std::string_view unit);

}  // namespace ae::plan
