#include "solve/internal/problem.h"

#include <algorithm>

#include "plan/lexicon.h"

namespace ae::solve::internal {
namespace {

constexpr std::size_t kMaxFits = 6;
constexpr float kSynonymOfKnown = 0.45F;
constexpr float kAsNoun = 0.45F;
constexpr float kSynonym = 0.65F;     // of what the word itself would count
constexpr float kGenericVerb = 0.2F;  // "get", "show": what is wanted is said by other words
constexpr float kInformation = 0.5F;  // "list", "compute"
constexpr float kGenericNoun = 0.4F;  // "id", "result"
constexpr float kAction = 1.2F;
constexpr float kHead = 1.2F;  // "status" in "the status of the order"
constexpr float kLeastClause = 1.3F;

bool contains(const std::vector<std::string>& list, const std::string& word) {
  return std::ranges::find(list, word) != list.end();
}

// Does the function do what the verb says? 1: the very verb; less for what people say instead.
float does(const retrieve::IndexedFunction& function, const std::string& verb) {
  if (contains(function.actions, verb)) return 1;
  for (const std::string& synonym : plan::synonyms(verb)) {
    if (contains(function.actions, synonym)) return 0.8F;
  }
  return 0;
}

// "by email", "via sms": how it is to be done is asked for like a verb.
bool names_medium(const plan::Query& query, std::size_t token) {
  if (token == 0 || !plan::is_noun_or_verb(query.tokens[token].stem)) return false;
  const std::string& before = query.tokens[token - 1].lower;
  return before == "by" || before == "via" || before == "per";
}

// What a question is about: "the status of the parcel" asks for a status. kNone when a verb says
// it.
std::size_t head_of(const plan::Query& query, const plan::Clause& clause) {
  if (!clause.action.empty() && !plan::is_information_verb(clause.action)) return plan::kNone;
  std::size_t head = plan::kNone;
  for (const std::size_t token : clause.tokens) {
    if (token == clause.action_token || plan::is_generic_verb(query.tokens[token].stem)) continue;
    if (head != plan::kNone && token != head + 1) break;
    head = token;
  }
  return head;
}

void read_words(Problem& problem) {
  const plan::Query& query = *problem.query;
  for (std::size_t c = 0; c < query.clauses.size() && c < kMaxClauses; ++c) {
    if (!problem.active[c]) continue;
    const std::size_t head = head_of(query, query.clauses[c]);
    for (const std::size_t token : query.clauses[c].tokens) {
      if (problem.words.size() >= kMaxTokens) return;
      const std::string& stem = query.tokens[token].stem;
      Word word{token, c, 0, token == query.clauses[c].action_token || names_medium(query, token)};
      float weight = static_cast<float>(problem.index->rarity(problem.index->stem_id(stem)));
      if (plan::is_generic_verb(stem)) {
        weight *= kGenericVerb;
      } else if (word.action && !plan::is_information_verb(stem)) {
        weight *= kAction;
      } else if (plan::is_information_verb(stem) && word.action) {
        weight *= kInformation;
      } else if (token == head) {
        weight *= kHead;
      } else if (plan::is_generic_noun(stem)) {
        weight *= kGenericNoun;
      }
      word.weight = weight;
      problem.words.push_back(word);
    }
  }
}

void read_coverage(Problem& problem) {
  const retrieve::FunctionIndex& index = *problem.index;
  const std::size_t width = problem.words.size();
  problem.coverage.assign(index.functions().size() * width, 0);
  for (std::size_t w = 0; w < width; ++w) {
    const std::string& stem = problem.query->tokens[problem.words[w].token].stem;
    const auto add = [&](const std::string& word, float share) {
      for (const retrieve::Posting& posting : index.postings(index.stem_id(word))) {
        float& covered = problem.coverage[posting.function * width + w];
        covered = std::max(covered, share * posting.strength);
      }
    };
    // Where functions speak of the very word, another one is less likely to be meant.
    const bool known = !index.postings(index.stem_id(stem)).empty();
    add(stem, 1);
    for (const std::string& synonym : plan::synonyms(stem))
      add(synonym, known ? kSynonymOfKnown : kSynonym);
  }
}

// A request in common words weighs no less than one in rare words: what can be covered of each adds
// up to at least kLeastClause.
void balance_clauses(Problem& problem) {
  for (std::size_t w = 0; w < problem.words.size(); ++w) {
    for (std::uint32_t f = 0; f < problem.index->functions().size() && !problem.words[w].known;
         ++f) {
      problem.words[w].known = problem.covers(f, w) >= 0.3F;
    }
  }
  for (std::size_t c = 0; c < problem.active.size(); ++c) {
    float sum = 0;
    for (const Word& word : problem.words) {
      if (word.clause == c && word.known) sum += word.weight;
    }
    if (sum <= 0 || sum >= kLeastClause) continue;
    const float scale = std::min(kLeastClause / sum, 3.0F);
    for (Word& word : problem.words) {
      if (word.clause == c && word.known) word.weight *= scale;
    }
  }
}

// A verb is covered by doing it; that a function's text has it as a noun counts little.
void read_action_coverage(Problem& problem) {
  const std::size_t width = problem.words.size();
  for (std::size_t w = 0; w < width; ++w) {
    const Word& word = problem.words[w];
    if (!word.action) continue;
    for (std::uint32_t f = 0; f < problem.index->functions().size(); ++f) {
      float& covered = problem.coverage[f * width + w];
      const bool verb = word.token == problem.query->clauses[word.clause].action_token;
      const float done =
          verb ? problem.acts(f, word.clause)
               : does(problem.index->functions()[f], problem.query->tokens[word.token].stem);
      // "Email it" and "text it" are both sending; the noun in the function's text tells them
      // apart.
      covered = done > 0 ? 0.6F * done + 0.4F * covered : covered * kAsNoun;
    }
  }
}

// "The price and the stock of a lamp" asks for two things.
void count_sinks(Problem& problem) {
  const plan::Query& query = *problem.query;
  problem.sinks.assign(query.clauses.size(), 1);
  for (std::size_t t = 1; t + 1 < query.tokens.size(); ++t) {
    if (query.tokens[t].lower != "and" && query.tokens[t].lower != ",") continue;
    std::size_t next = t + 1;
    while (next + 1 < query.tokens.size() && plan::is_function_word(query.tokens[next].lower))
      ++next;
    const plan::Token& a = query.tokens[t - 1];
    const plan::Token& b = query.tokens[next];
    if (a.content && b.content && a.clause == b.clause && a.clause != plan::kNone)
      ++problem.sinks[a.clause];
  }
}

// A function with side effects needs a verb in the query that asks for them.
bool asked_for(const Problem& problem, const retrieve::IndexedFunction& function) {
  if (function.spec->effects.empty()) return true;
  const plan::Query& query = *problem.query;
  for (const Word& word : problem.words) {
    const std::string& stem = query.tokens[word.token].stem;
    const bool verb = word.action || (plan::is_action_verb(stem) && !plan::is_noun_or_verb(stem));
    if (!verb || plan::is_generic_verb(stem)) continue;
    if (does(function, stem) > 0) return true;
    for (const std::string& effect : function.spec->effects) {
      const std::string named = plan::stem(effect);
      if (named == stem || contains(plan::synonyms(named), stem)) return true;
    }
  }
  return false;
}

// "Uploads an image": what a later step reads there had to be put there first.
bool only_stores(const retrieve::IndexedFunction& function) {
  const std::vector<std::string>& effects = function.spec->effects;
  const bool only_writes = effects.size() == 1 && effects.front() == "write";
  return only_writes && (contains(function.actions, "upload") ||
                         contains(function.actions, "store") || contains(function.actions, "save"));
}

void read_actions(Problem& problem) {
  const retrieve::FunctionIndex& index = *problem.index;
  const std::size_t clauses = problem.query->clauses.size();
  problem.justified.assign(index.functions().size(), true);
  problem.stores.assign(index.functions().size(), false);
  problem.matches_action.assign(index.functions().size() * clauses, 0);
  for (std::size_t f = 0; f < index.functions().size(); ++f) {
    problem.justified[f] = asked_for(problem, index.functions()[f]);
    problem.stores[f] = only_stores(index.functions()[f]);
  }
  for (const Word& word : problem.words) {
    if (!word.action) continue;
    const std::string& stem = problem.query->tokens[word.token].stem;
    const float share = plan::is_generic_verb(stem)       ? 0.3F
                        : plan::is_information_verb(stem) ? 0.6F
                                                          : 1.0F;
    for (std::size_t f = 0; f < index.functions().size(); ++f) {
      float& acts = problem.matches_action[f * clauses + word.clause];
      acts = std::max(acts, share * does(index.functions()[f], stem));
    }
  }
}

}  // namespace

const std::vector<Fit>& Problem::fits(std::uint32_t field) const {
  std::unique_ptr<std::vector<Fit>>& memo = fit_memo[field];
  if (memo != nullptr) return *memo;
  memo = std::make_unique<std::vector<Fit>>();
  for (const Mention& mention : mentions) {
    if (mention.slot.kind == plan::SlotKind::kFile) {
      fit_file(mention, query->files[mention.slot.file], *index, field, *memo);
    } else {
      fit_mention(mention, mentions, index->fields()[field], *memo);
    }
  }
  std::ranges::sort(*memo, [](const Fit& a, const Fit& b) {
    return a.score != b.score ? a.score > b.score : a.mention < b.mention;
  });
  if (memo->size() > kMaxFits) memo->resize(kMaxFits);
  return *memo;
}

Problem make_problem(const plan::Query& query, const retrieve::Pool& pool,
                     const std::vector<bool>& active) {
  Problem problem;
  problem.query = &query;
  problem.index = pool.index.get();
  problem.active = active;
  for (const retrieve::Candidate& candidate : pool.candidates)
    problem.pool.push_back(candidate.number);
  problem.mentions = find_mentions(query, *pool.index, problem.pool, active);
  read_words(problem);
  count_sinks(problem);
  read_coverage(problem);
  read_actions(problem);
  read_action_coverage(problem);
  balance_clauses(problem);
  return problem;
}

}  // namespace ae::solve::internal
