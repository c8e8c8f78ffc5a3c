// How near a predicted workflow is to the one that was wanted.
//
// Counts of one case add up; rates are taken of the sums ("micro"), so that a long workflow weighs
// more than a short one. A missing answer counts as one without nodes.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "evaluate/dataset.h"

namespace ae::evaluate {

struct Overlap {
  double shared = 0;
  double predicted = 0;
  double gold = 0;
  Overlap& operator+=(const Overlap& other);
  double precision() const { return predicted > 0 ? shared / predicted : 0; }
  double recall() const { return gold > 0 ? shared / gold : 0; }
  double f1() const { return predicted + gold > 0 ? 2 * shared / (predicted + gold) : 0; }
};

struct Counts {
  double cases = 0;
  Overlap functions;       // multiset of function names
  Overlap twins;           // the same, indistinguishable functions counted as equal
  Overlap parameters;      // (function, parameter, source): the caller, or the producing function
  Overlap edges;           // (producing function, consuming function), once for each pair of nodes
  Overlap literals;        // (function, parameter, value), values normalised
  double order_right = 0;  // pairs that the gold edges order, placed in that order
  double order_pairs = 0;
  double exact_set = 0;    // all functions, and no others
  double exact = 0;        // and all sources and literals
  double subsequence = 0;  // 2 * longest common subsequence / (both lengths)
  Counts& operator+=(const Counts& other);

  double order() const { return order_pairs > 0 ? order_right / order_pairs : 0; }
  // Mean of function F1, order (where any case has an order) and parameter-source F1.
  double overall() const;
};

// Functions that nothing tells apart: as many parameters, and the same name but for its spelling,
// or the same description. Maps each name to that of its cluster.
std::map<std::string, std::string> twin_clusters(const std::vector<dag::FunctionSpec>& functions);

// "twins" may be empty.
Counts compare(const std::vector<Node>& predicted, const std::vector<Node>& gold,
               const std::map<std::string, std::string>& twins);

// Trimmed, in lower case, numbers in their shortest form: " 1.50 " and 1.5 are the same.
std::string normalised(const Json& value);

// The rates that are reported, by name, in order.
std::vector<std::pair<std::string, double>> rates(const Counts& counts);

struct Interval {
  double low = 0;
  double high = 0;
};
// 95 % intervals of rates(), resampling whole groups of cases (those of one set of functions are
// not independent). Deterministic.
std::vector<Interval> bootstrap(const std::vector<Counts>& groups, std::size_t rounds = 1'000);

}  // namespace ae::evaluate
