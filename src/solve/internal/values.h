// What a move of the search is worth.
#pragma once

#include <cstdint>
#include <vector>

#include "solve/internal/state.h"

namespace ae::solve::internal {

inline constexpr std::size_t kMaxParameters = 12;  // of one function that are looked at

// Threads: one at a time (hope_of() keeps what it found).
class Values final {
 public:
  explicit Values(const Problem& problem) : problem_(problem), index_(*problem.index) {}

  // What an edge of that score costs (never more than 0: a perfect one is free).
  static double edge_value(double score) { return kWeights.weak_edge * (score - 1); }
  // How well an output feeds a parameter, 0..1.
  double edge_score(std::uint32_t output, std::uint32_t input, const retrieve::Field& wanted) const;
  // Requests are carried out in the order in which they are said, unless a word says otherwise;
  // what belongs together comes from one step.
  double relation(const State& state, std::uint32_t consumer, std::uint32_t producer,
                  std::uint32_t output) const;
  // "The manager's email": of the ids at hand the one that the request speaks of.
  double spoken(std::uint32_t consumer, const State& state, std::uint32_t output) const;
  // An edge from a later request into an earlier one.
  bool is_backward(std::uint32_t consumer, std::uint32_t producer) const;
  // The id of a user by way of the user's email by way of the user's id: what the function asks for
  // is what it is to help to find.
  bool is_detour(const State& state, std::uint32_t p, std::uint32_t function) const;
  // How natural an output is as the text of a message: words for people before ids and numbers.
  double text_score(std::uint32_t output, const retrieve::Field& wanted) const;
  static bool plain_string(const retrieve::Field& produced, const retrieve::Field& wanted);
  // What a clause's known words weigh together.
  double weight_of(std::uint32_t clause) const;
  // What a step adds: words of the query that it covers better than the others, and verbs; for
  // clause_gain() only those of that clause.
  double gain(const State& state, std::uint32_t function, std::uint32_t clause) const;
  // "Uploads an image" is no part of "retrieve an image".
  bool does_something_else(std::uint32_t function, std::uint32_t clause) const;
  float covering(std::uint32_t function, std::size_t word, std::uint32_t clause) const;
  double clause_gain(const State& state, std::uint32_t function, std::uint32_t clause) const;
  // What a pending parameter may yet earn over being left to the caller: a value of the query, or
  // what is left of its cost when some step could produce it, since that step costs something, too.
  double hope_of(std::uint32_t input);
  // The same where a step that is there already may produce it.
  double hope_beside(const State& state, std::uint32_t input);
  // The share of a value's worth that is left when another request's clause gives it.
  double affinity(const State& state, std::uint32_t p, const Mention& mention) const;
  // The penalties for unused values that end when this one is used.
  double regained(const State& state, const Mention& mention) const;
  // Width and height of one size, bucket and key of one file.
  bool is_other_part(const State& state, std::uint32_t p, const Fit& fit) const;
  // The bucket of one file with the key of another.
  double tearing(const State& state, std::uint32_t p, Filling filling) const;
  // "Resize it … the URL of the resized image": a step of the clause gets the resized one.
  static bool heeds(const State& state, std::uint32_t clause, std::size_t of);
  // "Resize a.png and convert it": what "it" is comes from the step before, not from the query.
  double passing_over(const State& state, std::uint32_t p, const Mention& mention) const;
  // A value may serve a second parameter only in the meaning of the first.
  bool same_meaning(const State& state, std::uint32_t p, const Fit& fit) const;
  // Words that the owner itself speaks of are no value for it.
  bool covers_itself(const State& state, std::uint32_t p, const Mention& mention) const;
  // "… in USD": a function that lets one choose that.
  bool takes_choice(const State& state, std::uint32_t function, std::uint32_t clause) const;
  // A value of the clause that nothing uses and that the function could.
  bool has_value_for(const State& state, std::uint32_t function, std::uint32_t clause) const;

  // The parameters that have to be decided: the required ones; of a function that requires none,
  // the first few, which may then be left out.
  template <class Visit>
  void for_each_needed(std::uint32_t function, Visit&& visit) const {
    const std::vector<std::uint32_t>& inputs = index_.functions()[function].inputs;
    std::size_t count = 0;
    for (const std::uint32_t input : inputs) {
      if (needed(input) && count++ < kMaxParameters) visit(input, true);
    }
    if (count > 0) return;
    for (const std::uint32_t input : inputs) {
      if (count++ < 4) visit(input, false);
    }
  }
  bool needed(std::uint32_t input) const {
    return field(input).required && json::find(*field(input).schema, "default") == nullptr;
  }

 private:
  const retrieve::Field& field(std::uint32_t number) const { return index_.fields()[number]; }

  const Problem& problem_;
  const retrieve::FunctionIndex& index_;
  std::vector<float> hopes_;  // by field; -1: not known
};

}  // namespace ae::solve::internal
