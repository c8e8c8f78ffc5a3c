// Everything about one query and one repository that the search looks at, computed once.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "plan/query.h"
#include "retrieve/function_index.h"
#include "retrieve/retrieve.h"

namespace ae::solve::internal {

inline constexpr std::size_t kMaxMentions = 48;  // bits of a mask; later ones are ignored
inline constexpr std::size_t kMaxTokens = 96;    // content words looked at
inline constexpr std::size_t kMaxClauses = 24;   // requests looked at

using MentionMask = std::uint64_t;

// A value that the query gives, or words of it that could be one.
struct Mention {
  plan::Slot slot;  // kWord for plain words
  std::size_t index = 0;
  bool phrase = false;       // plain words that no function knows: "desk lamps"
  bool unit = false;         // the unit of the number before it: "USD" in "100 USD"
  bool expected = false;     // a workflow that leaves it out misses something
  MentionMask overlaps = 0;  // mentions that share words with it, itself included
  std::string known;         // words that are a parameter's enum value or example: their stems
  std::string choice;        // for a word of an enum: that value, lower case
};

// One way to give a mention's value to a parameter.
struct Fit {
  std::uint32_t mention = 0;
  float score = 0;  // 0..1
  // What of the mention is meant: "", "number", "unit", "width", "height", "list"; of a file
  // "bucket", "key", "new key", "url", "name", "type".
  std::string part;
  Json value;
  std::string reason;
};

// A content word of a clause that asks.
struct Word {
  std::size_t token = 0;
  std::size_t clause = 0;
  float weight = 0;  // rarity, less for general words
  bool action = false;
  bool known = false;  // some function speaks of it
};

struct Problem {
  const plan::Query* query = nullptr;
  const retrieve::FunctionIndex* index = nullptr;
  std::vector<std::uint32_t> pool;  // functions that may be chosen as sinks, best first
  std::vector<bool> active;         // by clause: asks, and is not known to be unserved
  std::vector<Mention> mentions;
  std::vector<Word> words;
  std::vector<float> coverage;     // by function, then word: 0..1
  std::vector<std::size_t> sinks;  // by clause: how many things it asks for ("price and stock of")
  std::vector<bool> justified;     // by function: its effects are asked for, or it has none
  std::vector<bool> stores;        // by function: it only puts something where others can read it
  std::vector<float> matches_action;  // by function and clause: does what the clause's verb says

  float covers(std::uint32_t function, std::size_t word) const {
    return coverage[function * words.size() + word];
  }
  float acts(std::uint32_t function, std::size_t clause) const {
    return matches_action[function * query->clauses.size() + clause];
  }
  // Best first, at most six. Computed at the first call: not for several threads at once.
  const std::vector<Fit>& fits(std::uint32_t field) const;

  mutable std::unordered_map<std::uint32_t, std::unique_ptr<std::vector<Fit>>> fit_memo;
};

Problem make_problem(const plan::Query& query, const retrieve::Pool& pool,
                     const std::vector<bool>& active);

// Values of the query as they may be bound; the slots first, then words that could be values.
std::vector<Mention> find_mentions(const plan::Query& query, const retrieve::FunctionIndex& index,
                                   const std::vector<std::uint32_t>& pool,
                                   const std::vector<bool>& active);

// Which part of an attached file the field asks for, if any.
void fit_file(const Mention& mention, const plan::Attachment& file,
              const retrieve::FunctionIndex& index, std::uint32_t field, std::vector<Fit>& out);

// Every way in which the mention could give the field's value; score 0 is left out.
void fit_mention(const Mention& mention, const std::vector<Mention>& all,
                 const retrieve::Field& field, std::vector<Fit>& out);

}  // namespace ae::solve::internal
