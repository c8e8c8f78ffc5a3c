// Sub-tasks: where one thing asked for ends and the next begins.
#include <algorithm>
#include <array>

#include "plan/internal/reader.h"
#include "plan/lexicon.h"

namespace ae::plan::internal {
namespace {

template <std::size_t N>
bool in(const std::array<std::string_view, N>& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

constexpr std::array<std::string_view, 9> kQuestionWords = {
    "what", "who", "which", "where", "when", "how", "whose", "what's", "who's"};
constexpr std::array<std::string_view, 14> kDeterminers = {
    "the", "a",     "an",   "my",   "his",   "her",   "its",
    "our", "their", "this", "that", "these", "those", "all"};
constexpr std::array<std::string_view, 14> kObjects = {"it", "them",       "me",   "him",  "her",
                                                       "us", "everything", "this", "that", "one",
                                                       "to", "both",       "some", "any"};
constexpr std::array<std::string_view, 10> kAdverbs = {
    "then",       "also", "finally",     "please", "lastly",
    "afterwards", "next", "immediately", "just",   "subsequently"};

class ClauseFinder {
 public:
  explicit ClauseFinder(Query& query) : query_(query), tokens_(query.tokens) {}

  void run() {
    std::size_t begin = 0;
    for (std::size_t at = 0; at < tokens_.size(); ++at) {
      if (ends_sentence(query_, at)) {
        add(begin, at);
        question_ = false;
        begin = at + 1;
        continue;
      }
      if (at > begin && starts_sentence(query_, at) && tokens_[at].kind != TokenKind::kSymbol) {
        add(begin, at);
        begin = at;
      }
      if (at > begin && border(begin, at)) {
        add(begin, at);
        begin = at;
      }
    }
    add(begin, tokens_.size());
    settle_questions();
    drop_what_asks_nothing();
  }

 private:
  bool word(std::size_t at, std::string_view lower) const {
    return at < tokens_.size() && tokens_[at].lower == lower &&
           tokens_[at].kind == TokenKind::kWord;
  }
  bool plain(std::size_t at) const {
    return at < tokens_.size() && tokens_[at].kind == TokenKind::kWord && tokens_[at].slot == kNone;
  }

  // True when token `at` begins something of its own inside the sentence that began at `begin`.
  bool border(std::size_t begin, std::size_t at) const {
    const bool conjunction = word(at, "and") || word(at, "but") || word(at, "then");
    const bool comma = tokens_[at].lower == "," || tokens_[at].lower == "-" ||
                       tokens_[at].lower == "–" || tokens_[at].lower == ":";
    if (word(at, "before") || word(at, "after") || word(at, "once")) return starts_subclause(at);
    if (!conjunction && !comma) return false;
    if (conjunction && at > begin && is_joiner(at - 1) && at - 1 > begin)
      return false;  // already split
    std::size_t next = at + 1;
    bool temporal = word(at, "then");
    while (next < tokens_.size() &&
           (word(next, "and") || in(kAdverbs, tokens_[next].lower) || word(next, "but"))) {
      temporal = temporal || word(next, "then") || word(next, "finally") || word(next, "next") ||
                 word(next, "lastly");
      ++next;
    }
    if (next >= tokens_.size()) return false;
    if (temporal) return true;
    if (comma && next == at + 1 && tokens_[at].lower == ",") {
      // Of a list "a, b and c" only verbs make clauses; "In Oslo, what is …" does not split.
      return has_verb(begin, at) && (starts_request(next) || framing_length(tokens_, next) > 0);
    }
    if (framing_length(tokens_, next) > 0 && conjunction) return true;
    if (!has_verb(begin, at) && !has_question(begin, at)) return false;
    return starts_request(next) || framing_length(tokens_, next) > 0 ||
           (plain(next) && in(kQuestionWords, tokens_[next].lower));
  }
  bool is_joiner(std::size_t at) const { return tokens_[at].lower == "," || word(at, "and"); }

  bool has_question(std::size_t begin, std::size_t end) const {
    for (std::size_t i = begin; i < end; ++i) {
      if (in(kQuestionWords, tokens_[i].lower)) return true;
    }
    return false;
  }
  bool has_verb(std::size_t begin, std::size_t end) const {
    for (std::size_t i = begin; i < end; ++i) {
      if (plain(i) && is_action_verb(tokens_[i].stem) && !is_function_word(tokens_[i].lower))
        return true;
    }
    return has_question(begin, end);
  }

  // A verb in its plain form with something after it that it can act on.
  bool starts_request(std::size_t at) const {
    while (at < tokens_.size() && (word(at, "to") || in(kAdverbs, tokens_[at].lower))) ++at;
    if (word(at, "let")) return true;
    if (!plain(at) || !is_action_verb(tokens_[at].stem)) return false;
    const std::string& lower = tokens_[at].lower;
    if (lower.ends_with("ing") || lower.ends_with("ed") || is_function_word(lower)) return false;
    const bool third_person = lower.ends_with("s") && !lower.ends_with("ss");
    if (!is_noun_or_verb(tokens_[at].stem) && !third_person) return true;
    if (at + 1 >= tokens_.size()) return false;
    const Token& next = tokens_[at + 1];
    return next.slot != kNone || next.capital || in(kDeterminers, next.lower) ||
           in(kObjects, next.lower);
  }

  // "before you send it", "after that", "once it is done".
  bool starts_subclause(std::size_t at) const {
    if (word(at + 1, "that") || word(at + 1, "this") || word(at + 1, "which")) return true;
    if (word(at, "once")) return at + 2 < tokens_.size() && !word(at - 1, "at");
    if (at + 1 >= tokens_.size() || !plain(at + 1)) return false;
    const Token& next = tokens_[at + 1];
    return next.lower == "you" || (next.lower.ends_with("ing") && is_action_verb(next.stem));
  }

  void add(std::size_t begin, std::size_t end) {
    OrderHint order = OrderHint::kNone;
    while (begin < end && is_opening(begin, order)) ++begin;
    while (end > begin && tokens_[end - 1].slot == kNone &&
           (tokens_[end - 1].kind == TokenKind::kSymbol || word(end - 1, "and"))) {
      if (tokens_[end - 1].lower == "?") question_ = true;
      --end;
    }
    if (begin >= end) return;
    Clause clause;
    clause.order = order;
    clause.span = {tokens_[begin].span.begin, tokens_[end - 1].span.end};
    clause.text = query_.text.substr(clause.span.begin, clause.span.end - clause.span.begin);
    for (std::size_t i = begin; i < end; ++i) tokens_[i].clause = query_.clauses.size();
    static constexpr std::array<std::string_view, 8> kPronouns = {
        "it", "them", "its", "this", "these", "those", "result", "results"};
    for (std::size_t i = begin; i < end; ++i) {
      clause.refers_back = clause.refers_back || (plain(i) && in(kPronouns, tokens_[i].lower));
    }
    bool framed = false;
    const std::size_t first = strip_framing(begin, end, framed);
    find_action(clause, first, end, framed);
    query_.clauses.push_back(std::move(clause));
    bounds_.push_back({first, end});
  }

  // Joiners and order words before the clause proper.
  bool is_opening(std::size_t at, OrderHint& order) const {
    const Token& token = tokens_[at];
    if (token.slot != kNone) return false;
    if (token.kind == TokenKind::kSymbol) return true;
    if (token.lower == "then" || token.lower == "afterwards" || token.lower == "next" ||
        token.lower == "subsequently" || (token.lower == "once" && order == OrderHint::kNone)) {
      order = token.lower == "once" ? OrderHint::kAfter : OrderHint::kThen;
      return true;
    }
    if (token.lower == "finally" || token.lower == "lastly") {
      order = OrderHint::kFinally;
      return true;
    }
    if (token.lower == "before") {
      order = OrderHint::kBefore;
      return true;
    }
    if (token.lower == "after") {
      order = word(at + 1, "that") || word(at + 1, "this") ? OrderHint::kThen : OrderHint::kAfter;
      return true;
    }
    if (order == OrderHint::kThen && (token.lower == "that" || token.lower == "this") && at > 0 &&
        word(at - 1, "after"))
      return true;
    return token.lower == "and" || token.lower == "but" || token.lower == "also" ||
           token.lower == "first" || token.lower == "firstly" || token.lower == "or" ||
           token.lower == "additionally" || token.lower == "moreover" || token.lower == "second" ||
           token.lower == "secondly" || token.lower == "plus" || token.lower == "furthermore";
  }

  std::size_t strip_framing(std::size_t begin, std::size_t end, bool& framed) {
    while (begin < end) {
      const std::size_t length =
          std::min(framing_length(std::span(tokens_).first(end), begin), end - begin);
      const bool symbol = tokens_[begin].kind == TokenKind::kSymbol && tokens_[begin].slot == kNone;
      const bool opening = framed && (word(begin, "also") || word(begin, "first"));
      if (length == 0 && !symbol && !opening) break;
      for (std::size_t i = begin; i < begin + std::max<std::size_t>(length, 1); ++i)
        tokens_[i].framing = true;
      framed = framed || length > 0;
      begin += std::max<std::size_t>(length, 1);
    }
    frame_purpose(begin, end);
    // "…, please" and "… for me" at the end.
    for (std::size_t i = begin; i < end; ++i) {
      if (word(i, "please") || word(i, "thanks") || word(i, "kindly")) tokens_[i].framing = true;
    }
    return begin;
  }

  // "… for display in the UI": what somebody does with it later is not asked for.
  void frame_purpose(std::size_t begin, std::size_t end) {
    static constexpr std::array<std::string_view, 16> kUses = {
        "display", "displaying", "showing",   "viewing",  "use",       "using",
        "usage",   "later",      "further",   "future",   "reference", "presentation",
        "preview", "review",     "rendering", "embedding"};
    for (std::size_t i = begin + 2; i + 1 < end; ++i) {
      if (!word(i, "for") || !plain(i + 1) || !in(kUses, tokens_[i + 1].lower)) continue;
      for (std::size_t k = i; k < end; ++k) {
        if (tokens_[k].slot != kNone && !query_.slots[tokens_[k].slot].weak) return;
      }
      for (std::size_t k = i; k < end; ++k) tokens_[k].framing = true;
      return;
    }
  }

  void find_action(Clause& clause, std::size_t begin, std::size_t end, bool framed) {
    if (begin >= end) {
      clause.asks = false;
      return;
    }
    begin = skip_wish(begin, end, framed);
    if (find_telling(clause, begin, end)) return;
    const bool question = in(kQuestionWords, tokens_[begin].lower);
    const bool fact = !framed && states_fact(begin, end);
    clause.asks = !fact;
    // The first word of a request is its verb, known or not; else the first known one.
    if (!fact && !question && plain(begin) && leads_as_verb(begin, end)) {
      set_action(clause, begin);
      return;
    }
    for (std::size_t i = begin; i < end && !fact; ++i) {
      if (!plain(i) || is_function_word(tokens_[i].lower) || !is_action_verb(tokens_[i].stem))
        continue;
      const bool infinitive = i > begin && word(i - 1, "to") && starts_request(i);
      if (is_noun_or_verb(tokens_[i].stem) && !infinitive) continue;
      if (i > begin && (in(kDeterminers, tokens_[i - 1].lower) || word(i - 1, "of"))) continue;
      set_action(clause, i);
      return;
    }
  }
  // "let Bob know": what is meant is to notify him.
  bool find_telling(Clause& clause, std::size_t begin, std::size_t end) {
    if (!word(begin, "let")) return false;
    for (std::size_t i = begin + 2; i < end && i < begin + 14; ++i) {
      if (!word(i, "know")) continue;
      tokens_[i].stem = stem("notify");
      set_action(clause, i);
      return true;
    }
    return false;
  }

  // "Ben would like to order …", "my boss wants me to …": whose wish it is does not matter here.
  std::size_t skip_wish(std::size_t begin, std::size_t end, bool& framed) const {
    static constexpr std::array<std::string_view, 8> kWishes = {"like",  "want", "wants", "need",
                                                                "needs", "love", "wish",  "wishes"};
    for (std::size_t i = begin; i + 1 < end && i < begin + 5; ++i) {
      if (!in(kWishes, tokens_[i].lower)) continue;
      std::size_t next = i + 1;
      if (word(next, "me") || word(next, "you") || word(next, "us")) ++next;
      if (!word(next, "to") || next + 1 >= end) return begin;
      framed = true;
      return next + 1;
    }
    return begin;
  }
  void set_action(Clause& clause, std::size_t at) {
    clause.action = tokens_[at].stem;
    clause.action_token = at;
  }

  bool leads_as_verb(std::size_t begin, std::size_t end) const {
    const Token& token = tokens_[begin];
    if (is_function_word(token.lower)) return false;
    if (is_action_verb(token.stem)) {
      if (!is_noun_or_verb(token.stem)) return true;
      // "weather forecast", "order status": a noun before a noun stays one.
      if (begin + 1 >= end) return false;
      const Token& next = tokens_[begin + 1];
      // "… and returns the URL" is a verb, "orders of Anna" is not.
      if (token.lower.ends_with("s") && !token.lower.ends_with("ss"))
        return in(kDeterminers, next.lower);
      return next.slot != kNone || in(kDeterminers, next.lower) || in(kObjects, next.lower) ||
             next.kind != TokenKind::kWord || !is_function_word(next.lower);
    }
    // An unknown first word before what it can act on: "frobnicate the report", "prune P-17".
    if (begin + 1 >= end || token.lower.ends_with("ing")) return false;
    const Token& next = tokens_[begin + 1];
    const bool formal = next.slot != kNone && query_.slots[next.slot].kind != SlotKind::kName &&
                        query_.slots[next.slot].kind != SlotKind::kDate;
    return formal || in(kDeterminers, next.lower) || next.lower == "it";
  }

  // "This is Anna", "my order is A-1042", "I'm Bob", "we live in Rome".
  bool states_fact(std::size_t begin, std::size_t end) const {
    static constexpr std::array<std::string_view, 12> kSubjects = {
        "this", "i", "i'm", "my", "we", "he", "she", "his", "her", "our", "it", "it's"};
    static constexpr std::array<std::string_view, 14> kCopulas = {
        "is",   "am",   "are",   "was",   "i'm",    "it's",   "has",
        "have", "live", "lives", "named", "called", "name's", "work"};
    if (!in(kSubjects, tokens_[begin].lower) && !word(begin, "the")) return false;
    for (std::size_t i = begin; i < end && i < begin + 6; ++i) {
      if (in(kQuestionWords, tokens_[i].lower)) return false;
      if (in(kCopulas, tokens_[i].lower)) return tokens_[begin].lower != "the" || has_value(i, end);
      if (i > begin && plain(i) && !is_function_word(tokens_[i].lower) && word(begin, "this"))
        return false;
    }
    return false;
  }
  bool has_value(std::size_t begin, std::size_t end) const {
    return begin + 3 >= end && begin + 1 < end && tokens_[end - 1].slot != kNone;
  }

  // A sentence with a question mark asks, however it begins.
  void settle_questions() {
    for (std::size_t c = 0; c < query_.clauses.size(); ++c) {
      const std::size_t end = bounds_[c].end;
      if (end < tokens_.size() && tokens_[end].lower == "?") query_.clauses[c].asks = true;
    }
  }

  // What is left of a clause after framing may be nothing, or values only ("Berlin."): facts.
  void drop_what_asks_nothing() {
    for (std::size_t c = 0; c < query_.clauses.size(); ++c) {
      Clause& clause = query_.clauses[c];
      bool content = false;
      for (std::size_t i = bounds_[c].begin; i < bounds_[c].end; ++i) {
        const Token& token = tokens_[i];
        if (token.framing || token.kind != TokenKind::kWord) continue;
        if (token.slot != kNone && !query_.slots[token.slot].weak) continue;
        content = content || !is_function_word(token.lower);
      }
      if (!content) clause.asks = false;
    }
  }

  struct Bounds {
    std::size_t begin;
    std::size_t end;
  };
  Query& query_;
  std::vector<Token>& tokens_;
  std::vector<Bounds> bounds_;
  bool question_ = false;
};

}  // namespace

void find_clauses(Query& query) { ClauseFinder(query).run(); }

void find_results_spoken_of(Query& query) {
  for (std::size_t c = 1; c < query.clauses.size(); ++c) {
    Clause& clause = query.clauses[c];
    for (const std::size_t token : clause.tokens) {
      const Token& word = query.tokens[token];
      if (token == clause.action_token || !word.lower.ends_with("ed")) continue;
      for (std::size_t earlier = 0; earlier < c; ++earlier) {
        if (query.clauses[earlier].asks && query.clauses[earlier].action == word.stem)
          clause.result_of = earlier;
      }
    }
    clause.refers_back = clause.refers_back || clause.result_of != kNone;
  }
}

}  // namespace ae::plan::internal
