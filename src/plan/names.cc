// Names: runs of capitalised words, and what is introduced as one. Heads and prepositions of slots.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "plan/internal/reader.h"
#include "plan/lexicon.h"

namespace ae::plan::internal {
namespace {

template <std::size_t N>
bool in(const std::array<std::string_view, N>& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

constexpr std::array<std::string_view, 16> kConnectors = {"of",  "de",  "la", "le", "van", "von",
                                                          "der", "den", "du", "di", "da",  "del",
                                                          "the", "el",  "al", "y"};
constexpr std::array<std::string_view, 22> kPrepositions = {
    "to",     "from",  "in",   "into",  "at",      "on",      "for", "by",
    "with",   "about", "of",   "near",  "around",  "between", "via", "as",
    "within", "under", "over", "until", "against", "than"};

constexpr std::array<std::string_view, 6> kJoiners = {"and", "or", "but", "then", "so", "if"};

class NameFinder {
 public:
  explicit NameFinder(Query& query) : query_(query), tokens_(query.tokens) {}

  void run() {
    shouting_ = mostly_capitals();
    for (std::size_t at = 0; at < tokens_.size();) {
      const std::size_t length = shouting_ ? 0 : read_run(at);
      at += std::max<std::size_t>(length, 1);
    }
    for (std::size_t at = 0; at < tokens_.size(); ++at) read_introduction(at);
  }

 private:
  bool plain_word(std::size_t at) const {
    return at < tokens_.size() && tokens_[at].kind == TokenKind::kWord && tokens_[at].slot == kNone;
  }
  bool all_capitals(std::size_t at) const {
    const Span& span = tokens_[at].span;
    std::size_t letters = 0;
    for (std::size_t i = span.begin; i < span.end; ++i) {
      const char c = query_.text[i];
      if (c >= 'a' && c <= 'z') return false;
      letters += c >= 'A' && c <= 'Z' ? 1U : 0U;
    }
    return letters >= 2;
  }

  // Text In Title Case, or IN CAPITALS: capitals say nothing.
  bool mostly_capitals() const {
    std::size_t words = 0;
    std::size_t capitals = 0;
    for (const Token& token : tokens_) {
      if (token.kind != TokenKind::kWord || token.lower == "i") continue;
      ++words;
      capitals += token.capital ? 1U : 0U;
    }
    return words >= 4 && capitals * 10 >= words * 8;
  }

  bool may_name(std::size_t at) const {
    if (!plain_word(at) || !tokens_[at].capital) return false;
    const std::string& word = tokens_[at].lower;
    return word != "i" && !word.starts_with("i'") && word.find('\'') == std::string::npos;
  }

  // At the beginning of a sentence every word has a capital; only what follows tells.
  bool names_at_start(std::size_t at) const {
    const Token& token = tokens_[at];
    if (is_function_word(token.lower) || is_action_verb(token.stem)) return false;
    if (token.possessive) return true;
    if (at + 1 >= tokens_.size()) return false;
    const Token& next = tokens_[at + 1];
    if (next.kind == TokenKind::kSymbol) return next.lower == "," && starts_sentence(query_, at);
    static constexpr std::array<std::string_view, 12> kVerbs = {"is",    "has",  "wants", "needs",
                                                                "would", "will", "likes", "was",
                                                                "asked", "asks", "lives", "should"};
    return in(kVerbs, next.lower) || (may_name(at + 1) && !all_capitals(at + 1));
  }

  std::size_t read_run(std::size_t at) {
    if (!may_name(at)) return 0;
    const bool start = starts_sentence(query_, at);
    if (start ? !names_at_start(at) : is_function_word(tokens_[at].lower)) return 0;
    std::size_t end = at + 1;
    while (!tokens_[end - 1].possessive && touches(end)) {
      std::size_t next = end;
      while (next < tokens_.size() && next < end + 2 && plain_word(next) &&
             !tokens_[next].capital && in(kConnectors, tokens_[next].lower)) {
        ++next;
      }
      if (!may_name(next) || (next > end && !touches(next))) break;
      if (next > end && tokens_[end].lower == "the") break;
      end = next + 1;
    }
    // "Berlin and Rome" are two; "Happy Tune" is one. A word in capitals may be a plain word.
    Slot slot = make_slot(query_, SlotKind::kName, at, end);
    slot.value = slot.text;
    slot.weak = end == at + 1 && all_capitals(at);
    add_slot(query_, std::move(slot));
    return end - at;
  }

  // Only blanks between this token and the one before.
  bool touches(std::size_t at) const {
    return at < tokens_.size() && at > 0 && tokens_[at].kind == TokenKind::kWord;
  }

  // "this is anna", "my name is bob", "a song called blue moon": a name without its capital.
  void read_introduction(std::size_t at) {
    static constexpr std::array<std::array<std::string_view, 3>, 5> kIntroductions = {
        {{"this", "is", ""},
         {"name", "is", ""},
         {"called", "", ""},
         {"named", "", ""},
         {"titled", "", ""}}};
    for (const auto& words : kIntroductions) {
      std::size_t next = at;
      for (const std::string_view word : words) {
        if (word.empty()) continue;
        if (next >= tokens_.size() || tokens_[next].lower != word) {
          next = kNone;
          break;
        }
        ++next;
      }
      if (next == kNone || next >= tokens_.size()) continue;
      introduce(next, words[1] == "is");
      return;
    }
  }

  void introduce(std::size_t at, bool person) {
    if (tokens_[at].slot != kNone) {
      Slot& slot = query_.slots[tokens_[at].slot];
      if (person && slot.kind == SlotKind::kName) slot.person = true;
      if (!person) slot.heads.emplace_back("name");
      return;
    }
    std::size_t end = at;
    while (plain_word(end) && end < at + 3 && !is_function_word(tokens_[end].lower)) ++end;
    const bool closed = end >= tokens_.size() || tokens_[end].kind == TokenKind::kSymbol ||
                        is_function_word(tokens_[end].lower);
    if (end == at || !closed || (person && end > at + 2)) return;
    // "this is urgent" introduces nobody: a person's name ends the clause.
    if (person && end < tokens_.size() && tokens_[end].kind != TokenKind::kSymbol) return;
    if (person && (tokens_[at].lower.ends_with("ing") || is_action_verb(tokens_[at].stem))) return;
    Slot slot = make_slot(query_, SlotKind::kName, at, end);
    slot.value = slot.text;
    slot.person = person;
    slot.weak = true;
    if (!person) slot.heads.emplace_back("name");
    add_slot(query_, std::move(slot));
  }

  Query& query_;
  std::vector<Token>& tokens_;
  bool shouting_ = false;
};

class Finisher {
 public:
  explicit Finisher(Query& query) : query_(query), tokens_(query.tokens) {}

  void finish(Slot& slot) const {
    heads_before(slot);
    find_preposition(slot);
    heads_after(slot);
    find_person(slot);
    if (slot.first_token < tokens_.size()) slot.clause = tokens_[slot.first_token].clause;
    if (slot.clause == kNone) slot.clause = 0;
  }

 private:
  bool noun(std::size_t at) const {
    const Token& token = tokens_[at];
    return token.kind == TokenKind::kWord && token.slot == kNone && !token.framing &&
           !is_function_word(token.lower);
  }

  // "in Berlin", "to the user Bob": back over determiners and the slot's own nouns.
  void find_preposition(Slot& slot) const {
    for (std::size_t at = slot.first_token; at > 0 && slot.first_token - at < 5;) {
      --at;
      const Token& token = tokens_[at];
      if (token.kind == TokenKind::kSymbol) return;
      if (in(kPrepositions, token.lower)) {
        slot.preposition = token.lower;
        if (token.lower != "of") return;  // "of" binds to its noun: "in the city of Berlin"
        continue;
      }
      const bool determiner = is_function_word(token.lower) && !in(kJoiners, token.lower);
      const bool own_noun = std::ranges::find(slot.heads, token.stem) != slot.heads.end();
      if (token.slot != kNone || !(determiner || own_noun)) return;
    }
  }

  // "order A-1042", "order number is A-1042", "the city of Berlin", "id: 7".
  void heads_before(Slot& slot) const {
    static constexpr std::array<std::string_view, 14> kLinks = {
        "of", "is", "was", "named", "called", "titled", "the",
        "a",  "an", "are", "=",     ":",      "#",      "be"};
    if (tokens_[slot.last_token - 1].possessive) return;
    std::size_t found = 0;
    bool of = false;
    for (std::size_t at = slot.first_token; at > 0 && found < 3 && slot.first_token - at < 6;) {
      --at;
      const Token& token = tokens_[at];
      of = of || (token.lower == "of" && found == 0);
      if (in(kLinks, token.lower) && found == 0) continue;
      if (!noun(at)) return;
      if (is_action_verb(token.stem) && (!is_noun_or_verb(token.stem) || verb_here(at))) return;
      // "fits Anna": what stands before a name like a verb is one.
      if (slot.kind == SlotKind::kName && token.lower.ends_with('s') &&
          !token.lower.ends_with("ss"))
        return;
      // "the city of Berlin" is Berlin; "the words of the Travel Policy" are no Travel Policy.
      if (of && !is_place_noun(token.stem)) return;
      slot.heads.push_back(token.stem);
      ++found;
    }
  }
  // A word that is both stands as a verb at the beginning of a request.
  bool verb_here(std::size_t at) const {
    return tokens_[at].clause != kNone && query_.clauses[tokens_[at].clause].action_token == at;
  }

  // "Berlin weather" no; "3 sentences", "the Travel Policy document" yes.
  void heads_after(Slot& slot) const {
    const Token& last = tokens_[slot.last_token - 1];
    if (last.possessive) return;
    std::size_t found = 0;
    for (std::size_t at = slot.last_token; at < tokens_.size() && found < 2; ++at) {
      if (!noun(at)) return;
      slot.heads.push_back(tokens_[at].stem);
      ++found;
    }
  }

  void find_person(Slot& slot) const {
    if (slot.kind != SlotKind::kName) return;
    if (tokens_[slot.last_token - 1].possessive) slot.person = true;
    if (slot.last_token < tokens_.size()) {
      static constexpr std::array<std::string_view, 12> kDoings = {
          "is",    "wants", "needs", "likes", "has", "lives",
          "feels", "asked", "said",  "works", "who", "would"};
      slot.person =
          slot.person || (in(kDoings, tokens_[slot.last_token].lower) && slot.preposition.empty());
    }
    // "send it to Bob", "text Bob".
    if (addresses(slot)) slot.person = true;
    // "I am Bob", "I'm Bob".
    const std::size_t first = slot.first_token;
    if (first > 0 && tokens_[first - 1].lower == "i'm") slot.person = true;
    if (first > 1 && tokens_[first - 1].lower == "am" && tokens_[first - 2].lower == "i") {
      slot.person = true;
    }
  }

  // People are told and sent things.
  bool addresses(const Slot& slot) const {
    static constexpr std::array<std::string_view, 14> kVerbs = {
        "send", "email",  "mail",   "text",  "messag", "notifi", "forward",
        "tell", "remind", "inform", "alert", "call",   "phone",  "show"};
    const std::size_t clause = tokens_[slot.first_token].clause;
    if (clause == kNone || !in(kVerbs, query_.clauses[clause].action)) return false;
    const std::size_t verb = query_.clauses[clause].action_token;
    return slot.preposition == "to" || (verb != kNone && verb + 1 == slot.first_token);
  }

  const Query& query_;
  const std::vector<Token>& tokens_;
};

// "in Berlin, Rome and Oslo": one kind, nothing between them but commas and "and" (and the
// preposition said again).
void join_list(Query& query, std::size_t i) {
  Slot& previous = query.slots[i - 1];
  Slot& slot = query.slots[i];
  if (slot.kind != previous.kind || slot.clause != previous.clause) return;
  bool joined = false;
  for (std::size_t t = previous.last_token; t < slot.first_token; ++t) {
    const Token& token = query.tokens[t];
    const bool own = std::ranges::find(slot.heads, token.stem) != slot.heads.end();
    const bool again = in(kPrepositions, token.lower) && token.lower == slot.preposition &&
                       slot.preposition == previous.preposition;
    const bool joiner = token.lower == "," || token.lower == "and" || token.lower == "&";
    if (!joiner && !own && !again && token.lower != "the") return;
    joined = joined || joiner;
  }
  if (!joined) return;
  if (slot.preposition.empty()) slot.preposition = previous.preposition;
  if (previous.list == kNone) previous.list = i - 1;
  slot.list = previous.list;
}

}  // namespace

void find_names(Query& query) { NameFinder(query).run(); }

void finish_slots(Query& query) {
  std::ranges::sort(query.slots, {}, [](const Slot& slot) { return slot.span.begin; });
  const Finisher finisher(query);
  for (std::size_t i = 0; i < query.slots.size(); ++i) {
    Slot& slot = query.slots[i];
    for (std::size_t t = slot.first_token; t < slot.last_token; ++t) query.tokens[t].slot = i;
  }
  for (Slot& slot : query.slots) finisher.finish(slot);
  for (std::size_t i = 1; i < query.slots.size(); ++i) join_list(query, i);
}

}  // namespace ae::plan::internal
