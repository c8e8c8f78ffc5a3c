// The steps of read_query(), each of which fills in its part of the Query.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plan/query.h"

namespace ae::plan::internal {

// A character of UTF-8 text: its code point, where it starts, how long it is.
struct Character {
  char32_t code = 0;
  std::size_t length = 1;
};
Character character_at(std::string_view text, std::size_t at);
bool is_letter(char32_t code);  // of any script, marks and modifiers included
bool is_upper(char32_t code);   // Latin, Greek and Cyrillic
std::string lower_utf8(std::string_view text);

void tokenize(Query& query);

// The length (in tokens) of a polite frame that starts at token `at` ("could you please"), or 0.
std::size_t framing_length(std::span<const Token> tokens, std::size_t at);

// True when token `at` ends a sentence.
bool ends_sentence(const Query& query, std::size_t at);
// True when token `at` begins one.
bool starts_sentence(const Query& query, std::size_t at);

// Values that are told by their form: quotations, e-mails, numbers, dates, codes.
void find_formal_slots(Query& query);
// Names, told by capitals and by what introduces them.
void find_names(Query& query);
// Sorts the slots and adds heads, prepositions and what is said of persons.
void finish_slots(Query& query);

void find_clauses(Query& query);
// "… resizes it … and returns the URL of the resized image": Clause::result_of. After content words
// are marked.
void find_results_spoken_of(Query& query);

// Makes a slot of each attached file.
void place_files(Query& query);

// One slot over tokens [first, last).
Slot make_slot(const Query& query, SlotKind kind, std::size_t first, std::size_t last);
void add_slot(Query& query, Slot slot);

// Dates and times (dates.cc): the number of tokens read, 0 when there is none at `at`.
std::size_t read_date(const Query& query, std::size_t at, Slot& slot);
std::size_t read_time(const Query& query, std::size_t at, Slot& slot);

}  // namespace ae::plan::internal
