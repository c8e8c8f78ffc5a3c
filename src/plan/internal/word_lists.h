// The lexicon's tables: plain English words separated by blanks, groups by newlines. Stemmed when
// they are first used.
#pragma once

#include <string_view>

namespace ae::plan::internal {

extern const std::string_view kFunctionWords;
extern const std::string_view kActionVerbs;
extern const std::string_view kGenericVerbs;
extern const std::string_view kInformationVerbs;
extern const std::string_view kNounOrVerb;
extern const std::string_view kGenericNouns;
extern const std::string_view kPersonNouns;
extern const std::string_view kPlaceNouns;
extern const std::string_view kTextNouns;
extern const std::string_view kSynonymGroups;  // a group a line
extern const std::string_view kUnits;          // a unit a line, its usual abbreviation first

}  // namespace ae::plan::internal
