#include "solve/internal/served.h"

#include <algorithm>

#include "plan/lexicon.h"

namespace ae::solve::internal {
namespace {

constexpr double kMinShare = 0.45;      // of a clause's words, by weight
constexpr double kExcusingShare = 0.6;  // so much of the rest excuses an unknown or mild verb
constexpr double kSureShare = 0.7;      // from here what is named first need not be known
constexpr double kUnknown = 0.5;        // weight of a word that no function has
constexpr float kDone = 0.3F;           // a word counts as covered from here

class Judge {
 public:
  Judge(const Problem& problem, const State& state, std::size_t clause)
      : problem_(problem), query_(*problem.query), state_(state), clause_(clause) {}

  bool run() {
    read();
    if (all_ <= 0) return true;
    if (!action_covered_ && action_weight_ > 0) {
      const std::string& action = query_.clauses[clause_].action;
      const bool specific = plan::is_action_verb(action) && !plan::is_information_verb(action);
      if (specific) return false;
      if (rest_ <= 0 || rest_covered_ / rest_ < kExcusingShare) return false;
    }
    if (covered_ / all_ < kSureShare && !head_covered()) return false;
    return rest_ <= 0 ? action_covered_ || uses_value() : covered_ / all_ >= kMinShare;
  }

 private:
  void read() {
    for (std::size_t w = 0; w < problem_.words.size(); ++w) {
      const Word& word = problem_.words[w];
      if (word.clause != clause_) continue;
      // Ordinary words that no function has are mostly colour ("a nice relaxing song").
      const double weight =
          static_cast<double>(word.weight) * (word.known || word.action ? 1 : kUnknown);
      const double share =
          is_value(word.token) ? 0.9 : std::min(1.0, 1.15 * static_cast<double>(state_.covered[w]));
      all_ += weight;
      covered_ += weight * share;
      if (word.action) {
        action_weight_ = weight;
        action_covered_ = state_.covered[w] >= kDone || done_by_a_step();
      } else {
        rest_ += weight;
        rest_covered_ += weight * share;
      }
    }
  }

  bool done_by_a_step() const {
    return std::ranges::any_of(state_.nodes, [&](const NodeState& node) {
      return problem_.acts(node.function, clause_) > 0;
    });
  }
  bool is_value(std::size_t token) const {
    return std::ranges::any_of(problem_.mentions, [&](const Mention& mention) {
      return (state_.used & (MentionMask{1} << mention.index)) != 0 &&
             token >= mention.slot.first_token && token < mention.slot.last_token;
    });
  }
  bool uses_value() const {
    return std::ranges::any_of(problem_.mentions, [&](const Mention& mention) {
      return (state_.used & (MentionMask{1} << mention.index)) != 0 &&
             mention.slot.clause == clause_;
    });
  }

  // The first thing that the clause names must be known: "play chess" is not "play music". What a
  // message is about may be anything.
  bool head_covered() const {
    const plan::Clause& clause = query_.clauses[clause_];
    std::size_t head = plan::kNone;
    for (const std::size_t token : clause.tokens) {
      if (token == clause.action_token ||
          (clause.action_token != plan::kNone && token < clause.action_token))
        continue;
      if (head != plan::kNone && !adjacent(head, token)) break;
      if (head != plan::kNone && plan::is_action_verb(query_.tokens[token].stem) &&
          !plan::is_noun_or_verb(query_.tokens[token].stem))
        break;
      head = token;
    }
    if (head == plan::kNone) return true;
    if (is_value(head)) return true;
    for (std::size_t w = 0; w < problem_.words.size(); ++w) {
      if (problem_.words[w].token == head) return state_.covered[w] >= kDone || carries_text();
    }
    return true;
  }
  // Nothing between them, or only values ("top 10 keywords").
  bool adjacent(std::size_t a, std::size_t b) const {
    for (std::size_t i = a + 1; i < b; ++i) {
      if (query_.tokens[i].slot == plan::kNone || query_.tokens[i].content) return false;
    }
    return true;
  }
  bool carries_text() const {
    for (const NodeState& node : state_.nodes) {
      if (problem_.acts(node.function, clause_) <= 0) continue;
      for (std::uint32_t p = node.first; p < node.first + node.count; ++p) {
        if (problem_.index->fields()[state_.parameters[p].field].free_text) return true;
      }
    }
    return false;
  }

  const Problem& problem_;
  const plan::Query& query_;
  const State& state_;
  std::size_t clause_;
  double all_ = 0;
  double covered_ = 0;
  double rest_ = 0;
  double rest_covered_ = 0;
  double action_weight_ = 0;
  bool action_covered_ = false;
};

}  // namespace

bool is_served(const Problem& problem, const State& state, std::size_t clause) {
  return Judge(problem, state, clause).run();
}

}  // namespace ae::solve::internal
