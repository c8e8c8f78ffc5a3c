// English as planning needs it: stems, function words, politeness, and general synonyms of everyday
// verbs and nouns. General language only: nothing here may know any function.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ae::plan {

// Snowball English. "matches" -> "match".
std::string stem(std::string_view lower_word);
bool is_function_word(std::string_view lower_word);
// Stems that mean much the same in requests ("send": mail, notify, …), without the stem itself;
// empty for most. Symmetric.
const std::vector<std::string>& synonyms(std::string_view stem);
// A verb that asks somebody to do something ("play", "convert", "book"), by stem.
bool is_action_verb(std::string_view stem);
// Content words of free text (a description, an identifier's words), stemmed, in order.
std::vector<std::string> content_stems(std::string_view text);

}  // namespace ae::plan
