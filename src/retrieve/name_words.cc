#include "retrieve/name_words.h"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "base/text.h"
#include "plan/lexicon.h"

namespace ae::retrieve {
namespace {

constexpr int kMaxDepth = 3;
constexpr std::size_t kShortest = 6;  // names of fewer letters are taken to be one word
constexpr std::size_t kLongest = 60;  // beyond it is no name
constexpr std::size_t kLetters = 3;   // of a part, unless it is one of kShortParts
constexpr std::array<std::string_view, 13> kShortParts = {"to", "by", "of", "in", "on", "or", "my",
                                                          "id", "s3", "db", "ip", "2",  "4"};

bool is_short_part(std::string_view word) {
  return std::ranges::find(kShortParts, word) != kShortParts.end();
}

}  // namespace

NameWords::NameWords(std::span<const dag::FunctionSpec> functions) {
  for (const dag::FunctionSpec& function : functions) {
    add_prose(function.description);
    // A single word may be several.
    const std::vector<std::string> named = identifier_words(function.name);
    if (named.size() > 1) words_.insert(named.begin(), named.end());
    add_names(function.input, 0);
    add_names(function.output, 0);
  }
}

void NameWords::add_prose(std::string_view text) {
  for (const std::string_view raw : split(text, ' ')) {
    std::string word = to_lower(raw);
    while (!word.empty() && (word.back() == '.' || word.back() == ',')) word.pop_back();
    if (std::ranges::all_of(word, [](char c) { return c >= 'a' && c <= 'z'; })) words_.insert(word);
  }
}

void NameWords::add_names(const Json& schema, int depth) {
  const Json* properties = json::find(schema, "properties");
  if (depth > kMaxDepth || properties == nullptr || !properties->is_object()) return;
  for (const auto& [name, member] : properties->items()) {
    const std::vector<std::string> named = identifier_words(name);
    if (named.size() > 1 || name.size() < kShortest) words_.insert(named.begin(), named.end());
    add_prose(json::string_or(member, "description"));
    add_names(member, depth + 1);
  }
}

bool NameWords::knows(const std::string& word) const {
  if (word.size() < kLetters) return is_short_part(word);
  return words_.contains(word) || plan::is_everyday_word(word);
}

std::string NameWords::spell(std::string_view identifier) const {
  std::string spelled;
  const auto add = [&](const std::string& words) {
    spelled += (spelled.empty() ? "" : " ") + words;
  };
  const std::vector<std::string> parts = identifier_words(identifier);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    // "froms3": the digit belongs to the last word.
    const bool numbered = i + 1 < parts.size() && parts[i + 1].size() == 1 &&
                          parts[i + 1].front() >= '0' && parts[i + 1].front() <= '9';
    if (numbered) {
      const std::string whole = parts[i] + parts[i + 1];
      if (const std::string apart = take_apart(whole); apart != whole) {
        add(apart);
        ++i;
        continue;
      }
    }
    add(take_apart(parts[i]));
  }
  return spelled;
}

// The way with the fewest parts; of those the one whose first part is longest.
std::string NameWords::take_apart(const std::string& word) const {
  if (word.size() < kShortest || word.size() > kLongest || knows(word)) return word;
  constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();
  std::vector<std::size_t> parts(word.size() + 1, kNever);  // from there to the end
  std::vector<std::size_t> length(word.size() + 1, 0);
  parts.back() = 0;
  for (std::size_t at = word.size(); at-- > 0;) {
    for (std::size_t size = word.size() - at; size > 0; --size) {
      if (parts[at + size] == kNever || parts[at + size] + 1 >= parts[at]) continue;
      if (!knows(word.substr(at, size))) continue;
      parts[at] = parts[at + size] + 1;
      length[at] = size;
    }
  }
  if (parts[0] == kNever || parts[0] < 2) return word;
  std::string spelled;
  for (std::size_t at = 0; at < word.size(); at += length[at]) {
    spelled += (spelled.empty() ? "" : " ") + word.substr(at, length[at]);
  }
  return spelled;
}

}  // namespace ae::retrieve
