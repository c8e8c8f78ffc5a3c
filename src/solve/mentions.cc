// Which words of the query could be values.
#include <algorithm>
#include <map>
#include <unordered_set>

#include "base/text.h"
#include "plan/lexicon.h"
#include "solve/internal/problem.h"

namespace ae::solve::internal {
namespace {

using plan::Query;
using plan::Slot;
using plan::SlotKind;
using plan::Token;
using plan::TokenKind;

class MentionFinder {
 public:
  MentionFinder(const Query& query, const retrieve::FunctionIndex& index,
                const std::vector<std::uint32_t>& pool, const std::vector<bool>& active)
      : query_(query), index_(index), pool_(pool), active_(active) {}

  std::vector<Mention> run() {
    for (const Slot& slot : query_.slots) {
      if (mentions_.size() >= kMaxMentions / 2) break;
      if (is_plain_word(slot) || is_framing(slot) || said_before(slot)) continue;
      Mention mention;
      mention.slot = slot;
      mention.expected = !slot.weak && (slot.kind != SlotKind::kFile || is_meant(slot));
      add(std::move(mention));
    }
    read_known_values();
    find_known_values();
    find_phrases();
    join_lists();
    for (Mention& a : mentions_) {
      for (const Mention& b : mentions_) {
        if (overlap(a, b)) a.overlaps |= MentionMask{1} << b.index;
      }
    }
    return std::move(mentions_);
  }

 private:
  // "SMS", "S3" where functions speak of it.
  bool is_plain_word(const Slot& slot) const {
    const bool may_be = slot.kind == SlotKind::kName || slot.kind == SlotKind::kCode;
    return slot.weak && may_be && slot.last_token == slot.first_token + 1 &&
           !index_.postings(index_.stem_id(query_.tokens[slot.first_token].stem)).empty();
  }

  // Of several files of which some are named, those are meant.
  bool is_meant(const Slot& file) const {
    const auto named = [](const Slot& slot) { return slot.first_token < slot.last_token; };
    return named(file) || std::ranges::none_of(query_.slots, [&](const Slot& slot) {
             return slot.kind == SlotKind::kFile && named(slot);
           });
  }

  // "… for display in the UI".
  bool is_framing(const Slot& slot) const {
    return slot.first_token < slot.last_token && query_.tokens[slot.first_token].framing;
  }

  // One thing named twice is one value, of no clause in particular.
  bool said_before(const Slot& slot) {
    if (!slot.value.is_string() || slot.kind == SlotKind::kNumber || slot.kind == SlotKind::kFile)
      return false;
    for (Mention& mention : mentions_) {
      if (mention.slot.kind != slot.kind || mention.slot.value != slot.value) continue;
      mention.slot.person = mention.slot.person || slot.person;
      mention.slot.heads.insert(mention.slot.heads.end(), slot.heads.begin(), slot.heads.end());
      if (mention.slot.clause != slot.clause) mention.slot.clause = plan::kNone;
      return true;
    }
    return false;
  }

  void add(Mention mention) {
    if (mentions_.size() >= kMaxMentions) return;
    // What a request that nothing serves says is for nobody else.
    const std::size_t clause = mention.slot.clause;
    if (clause < active_.size() && query_.clauses[clause].asks && !active_[clause]) return;
    mention.index = mentions_.size();
    mentions_.push_back(std::move(mention));
  }

  static bool without_words(const Mention& mention) {
    return mention.slot.first_token == mention.slot.last_token;
  }
  static bool overlap(const Mention& a, const Mention& b) {
    if (a.index == b.index) return true;
    if (without_words(a) || without_words(b)) return false;
    // "100 USD" gives an amount and, apart from it, a currency.
    if (a.unit || b.unit) return a.unit && b.unit && a.slot.first_token == b.slot.first_token;
    return a.slot.first_token < b.slot.last_token && b.slot.first_token < a.slot.last_token;
  }

  // Values of enums and examples of parameters, by their first word's stem.
  void read_known_values() {
    for (const std::uint32_t function : pool_) {
      for (const std::uint32_t input : index_.functions()[function].inputs) {
        const retrieve::Field& field = index_.fields()[input];
        for (const std::string& choice : field.choices) remember(choice, true);
        for (const std::string& example : field.examples) remember(example, false);
      }
    }
  }
  void remember(const std::string& value, bool choice) {
    if (value.empty() || value.size() > 60) return;
    std::vector<std::string> words;
    for (const std::string& word : identifier_words(value)) words.push_back(plan::stem(word));
    if (words.empty() || words.size() > 4) return;
    const std::string joined = join(words, " ");
    bool& is_choice = known_[joined];
    is_choice = is_choice || choice;
    longest_ = std::max(longest_, words.size());
    if (choice) {
      if (const std::string_view unit = plan::unit_of_measure(value); !unit.empty())
        units_[std::string(unit)] = value;
    }
  }

  void find_known_values() {
    for (std::size_t at = 0; at < query_.tokens.size(); ++at) {
      if (const std::size_t length = known_value_at(at); length > 0) {
        at += length - 1;
        continue;
      }
      unit_at(at);
    }
  }

  std::size_t known_value_at(std::size_t at) {
    for (std::size_t length = std::min(longest_, query_.tokens.size() - at); length > 0; --length) {
      std::vector<std::string> words;
      for (std::size_t i = at; i < at + length; ++i) {
        const Token& token = query_.tokens[i];
        if (token.kind != TokenKind::kWord && token.kind != TokenKind::kMixed &&
            token.kind != TokenKind::kNumber)
          break;
        for (const std::string& word : identifier_words(token.lower))
          words.push_back(plan::stem(word));
      }
      if (words.size() < length) continue;
      const auto found = known_.find(join(words, " "));
      if (found == known_.end()) continue;
      const Token& first = query_.tokens[at];
      if (length == 1 && (first.lower.size() < 2 || plan::is_function_word(first.lower))) continue;
      add_words(at, length, found->first, found->second);
      return length;
    }
    return 0;
  }

  void add_words(std::size_t at, std::size_t length, const std::string& known, bool choice) {
    Mention mention;
    mention.slot = word_slot(at, length);
    const Token& first = query_.tokens[at];
    // A slot that says the same already is enough, unless it is an enum's value.
    const bool whole_slot = first.slot != plan::kNone &&
                            query_.slots[first.slot].first_token == at &&
                            query_.slots[first.slot].last_token == at + length;
    if (whole_slot && !choice) return;
    if (first.slot != plan::kNone && !whole_slot) {
      const Slot& slot = query_.slots[first.slot];
      mention.unit = !slot.number.is_null() && at > slot.first_token;
      if (!mention.unit) return;  // inside a quotation or a name
    }
    if (choice) mention.choice = known;
    // "in USD", "to miles": a choice that is said with a preposition is meant.
    mention.expected = choice && (mention.unit || !mention.slot.preposition.empty());
    mention.known = known;
    if (whole_slot) mention.slot.preposition = query_.slots[first.slot].preposition;
    add(std::move(mention));
  }

  // "5km": the unit has no token of its own.
  void unit_at(std::size_t at) {
    const Token& token = query_.tokens[at];
    std::string unit;
    bool attached = false;
    if (token.slot != plan::kNone) {
      const Slot& slot = query_.slots[token.slot];
      const bool last = at + 1 == slot.last_token;
      if (!last || slot.unit.empty()) return;
      unit = slot.unit;
      attached = true;
    } else if (token.kind == TokenKind::kWord && token.lower != "in") {
      unit = plan::unit_of_measure(token.lower);
    }
    const auto found = units_.find(unit);
    if (unit.empty() || (found == units_.end() && !attached)) return;
    Mention mention;
    mention.slot = word_slot(at, 1);
    mention.unit = attached;
    mention.choice = found == units_.end() ? to_lower(unit) : plan_words(found->second);
    add(std::move(mention));
  }
  static std::string plan_words(const std::string& value) {
    std::vector<std::string> words;
    for (const std::string& word : identifier_words(value)) words.push_back(plan::stem(word));
    return join(words, " ");
  }

  // Adjacent content words that no function speaks of, in a place where a value can stand.
  void find_phrases() {
    std::size_t begin = plan::kNone;
    for (std::size_t at = 0; at <= query_.tokens.size(); ++at) {
      const bool in = at < query_.tokens.size() && unknown(at);
      if (in && begin == plan::kNone) begin = at;
      if (!in && begin != plan::kNone) {
        if (at - begin <= 4) {
          Mention mention;
          mention.slot = word_slot(begin, at - begin);
          mention.phrase = true;
          add(std::move(mention));
        }
        begin = plan::kNone;
      }
    }
  }
  bool unknown(std::size_t at) const {
    const Token& token = query_.tokens[at];
    if (!token.content || token.kind != TokenKind::kWord || token.slot != plan::kNone) return false;
    if (token.clause != plan::kNone && query_.clauses[token.clause].action_token == at)
      return false;
    for (const Mention& mention : mentions_) {
      if (at >= mention.slot.first_token && at < mention.slot.last_token) return false;
    }
    // A verb is no value, unless a noun names it: "the bucket backup".
    const bool named = at > 0 && query_.tokens[at - 1].content &&
                       query_.tokens[at - 1].slot == plan::kNone &&
                       query_.tokens[at - 1].clause == token.clause &&
                       !index_.postings(index_.stem_id(query_.tokens[at - 1].stem)).empty();
    if (plan::is_action_verb(token.stem) && !plan::is_noun_or_verb(token.stem) && !named)
      return false;
    return index_.postings(index_.stem_id(token.stem)).empty();
  }

  Slot word_slot(std::size_t at, std::size_t length) const {
    Slot slot;
    slot.kind = SlotKind::kWord;
    slot.first_token = at;
    slot.last_token = at + length;
    slot.span = {query_.tokens[at].span.begin, query_.tokens[at + length - 1].span.end};
    slot.text = query_.text.substr(slot.span.begin, slot.span.end - slot.span.begin);
    slot.value = slot.text;
    slot.clause = query_.tokens[at].clause == plan::kNone ? 0 : query_.tokens[at].clause;
    slot.weak = true;
    for (std::size_t back = 1; back <= 3 && back <= at; ++back) {
      const Token& token = query_.tokens[at - back];
      if (preposition(token.lower)) {
        slot.preposition = token.lower;
        break;
      }
      if (!plan::is_function_word(token.lower) || token.lower == "and") break;
    }
    // "the mood happy", "format PNG": the noun before a value.
    if (at > 0) {
      const Token& before = query_.tokens[at - 1];
      if (before.content && before.slot == plan::kNone) slot.heads.push_back(before.stem);
    }
    return slot;
  }
  static bool preposition(const std::string& word) {
    static const std::unordered_set<std::string_view> kWords = {
        "to", "from", "in", "into", "at", "on", "for", "by", "with", "about", "of", "near", "as"};
    return kWords.contains(word);
  }

  // "to EUR and GBP".
  void join_lists() {
    for (std::size_t i = 0; i < mentions_.size(); ++i) {
      for (std::size_t k = 0; k < mentions_.size(); ++k) {
        Slot& a = mentions_[i].slot;
        Slot& b = mentions_[k].slot;
        if (a.kind != SlotKind::kWord || b.kind != SlotKind::kWord) continue;
        if (b.first_token <= a.last_token || b.first_token > a.last_token + 2) continue;
        if (mentions_[i].unit || mentions_[k].unit || mentions_[i].phrase != mentions_[k].phrase)
          continue;
        bool joined = true;
        for (std::size_t t = a.last_token; t < b.first_token; ++t) {
          const std::string& word = query_.tokens[t].lower;
          joined = joined && (word == "and" || word == "," || word == "&");
        }
        if (!joined) continue;
        if (a.list == plan::kNone) a.list = 1'000 + i;
        b.list = a.list;
        if (b.preposition.empty()) b.preposition = a.preposition;
      }
    }
  }

  const Query& query_;
  const retrieve::FunctionIndex& index_;
  const std::vector<std::uint32_t>& pool_;
  const std::vector<bool>& active_;
  std::vector<Mention> mentions_;
  std::map<std::string, bool> known_;         // stems of a value -> whether it is an enum's
  std::map<std::string, std::string> units_;  // abbreviation -> the enum's value
  std::size_t longest_ = 0;
};

}  // namespace

std::vector<Mention> find_mentions(const Query& query, const retrieve::FunctionIndex& index,
                                   const std::vector<std::uint32_t>& pool,
                                   const std::vector<bool>& active) {
  return MentionFinder(query, index, pool, active).run();
}

}  // namespace ae::solve::internal
