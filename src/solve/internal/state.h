// A partial workflow, as the search grows it from its sinks backwards.
#pragma once

#include <cstdint>
#include <vector>

#include "solve/internal/problem.h"

namespace ae::solve::internal {

inline constexpr std::uint32_t kNoNode = static_cast<std::uint32_t>(-1);

// What the search pays and is paid. A rare word that a plan covers is worth about 1; everything
// else is measured against that. Set by hand on made-up repositories and the development sets.
struct Weights {
  double node = 0.30;             // each step
  double open_identifier = 0.85;  // a required id that nobody fills: people rarely know ids
  double open_bytes = 2.6;        // nobody types the content of a picture
  double open_text = 0.45;
  double open_other = 0.45;
  double detour = 1.0;       // an id found by way of another form of itself
  double slot = 0.85;        // a value of the query used, times how well it fits
  double reuse = 0.3;        // the same value for another parameter, times what its fit lacks to 1
  double joined = 0.1;       // an edge from a step that nothing used so far
  double unused = 0.35;      // a value of the query that nothing uses
  double foreign = 0.85;     // share left when a value comes from another request's clause
  double weak_edge = 0.45;   // an edge, times what its score lacks to 1
  double backward = 0.5;     // an edge from a later request into an earlier one
  double twice = 0.6;        // one output for two parameters of a step
  double lost = 0.5;         // a word that only an output speaks of which goes nowhere
  double passed_over = 0.4;  // a value said before where the request says "it"
  double unheeded = 1.0;     // "the resized image" where the resized one goes nowhere
  double torn = 0.6;         // bucket from here, key from there
  double spoken = 0.25;      // an output that the consumer's request speaks of
  double cohesion = 0.1;     // a second parameter from the same step
  double action = 0.35;      // a step that does what a clause's verb says, once a clause
  double elsewhere = 0.75;   // share left of a word covered by a step of another request
  double extra_sink = 0.25;  // more sinks than requests
  double min_fit = 0.30;
  double min_edge = 0.26;
};
inline constexpr Weights kWeights;

enum class Filling : std::uint8_t { kPending, kCaller, kMention, kEdge, kAbsent };

struct ParameterState {
  std::uint32_t field = 0;
  Filling filling = Filling::kPending;
  bool required = true;
  const Fit* fit = nullptr;      // kMention; owned by Problem
  std::uint32_t node = kNoNode;  // kEdge: producing node
  std::uint32_t output = 0;      // kEdge: its field
  float score = 0;               // of the edge
};

struct NodeState {
  std::uint32_t function = 0;
  std::uint32_t clause = 0;
  std::uint32_t first = 0;  // its parameters in State::parameters
  std::uint32_t count = 0;
  std::uint32_t consumer = kNoNode;  // for whose sake it was added; kNoNode: a sink of a clause
};

struct State {
  std::vector<NodeState> nodes;
  std::vector<ParameterState> parameters;
  std::vector<float> covered;  // by word
  std::uint32_t acted = 0;     // clauses whose verb some step does
  std::uint32_t owed = 0;      // clauses that speak of a result and do not use it yet
  MentionMask used = 0;
  double score = 0;
  double hope = 0;                // what the pending parameters may still earn
  std::uint32_t next_clause = 0;  // sinks are added from the last clause to the first
};

// By score; equal ones keep their order, which is that of their making.
void sort_best_first(std::vector<State>& states);

// What a value of the query is worth where it fits so well: a poor fit is worth little.
double value_of(float fit);

double open_cost(const retrieve::Field& field);

// True when some node uses an output of `node`.
bool is_consumed(const State& state, std::uint32_t node);
// True when `node` depends on `other`, or is it.
bool depends_on(const State& state, std::uint32_t node, std::uint32_t other);

// The node that a parameter belongs to.
std::uint32_t owner_of(const State& state, std::uint32_t parameter);
// The parameter for whose sake a step was added, or kNoNode.
std::uint32_t fed_by(const State& state, std::uint32_t node);
// Two steps that would do the very same.
bool repeats_itself(const State& state);
// States that differ only in the order in which they were built have one signature.
std::uint64_t signature(const State& state);

}  // namespace ae::solve::internal
