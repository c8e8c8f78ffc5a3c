// Runs an engine over a dataset and measures what comes out.
//
// Source: the paper's evaluation (whole pipeline, functions given), generation.md "Metrics". Memory
// and learning are off; the same dataset and options give the same figures.
#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/call_context.h"
#include "evaluate/dataset.h"
#include "evaluate/metrics.h"

namespace ae::evaluate {

// Whose parameters functions have: the repository's, or the case's own where it brings any.
enum class Signatures { kRepository, kItem };

struct Options {
  std::string engine = "embedded";
  bool given_functions = false;  // only those of the wanted workflow are there
  Signatures signatures = Signatures::kRepository;
  std::size_t repeat = 1;   // each case so often; counts add up
  std::size_t top_k = 1;    // of so many variants the best one counts in `best`
  std::size_t threads = 1;  // at most 16
  // Predictions are written here, a line a case, as they come; what the file already has for the
  // same settings is not asked again. "": nowhere.
  std::filesystem::path predictions{};
  std::function<void(std::size_t done, std::size_t all)> progress{};  // from any thread, one by one
};

struct Answer {
  std::string id;
  std::size_t run = 0;
  std::string status;  // "ready", …, "error"
  double milliseconds = 0;
  std::vector<std::vector<Node>> variants;  // best first; empty: no workflow
  Json provenance;
};

struct CaseResult {
  const Case* wanted = nullptr;  // of the dataset
  Answer answer;
  Counts counts;
  Counts best;  // of the variant with the most right functions
};

struct Evaluation {
  std::vector<CaseResult> cases;  // in the dataset's order, runs of one case together
  Counts total;
  Counts best;
  std::map<std::string, Counts> levels;
  std::vector<Interval> intervals;  // of rates(total), over sets of functions
  std::map<std::string, std::size_t> statuses;
  double median_milliseconds = 0;
  std::size_t resumed = 0;  // answers that were read from the file of predictions
};

// Errors: kInvalidArgument (unknown engine), the context's, faults of the file of predictions.
Result<Evaluation> evaluate(const Dataset& dataset, const Options& options,
                            const CallContext& context = {});

struct Retrieval {
  static constexpr std::array<std::size_t, 5> kDepths = {1, 5, 10, 20, 40};
  std::array<double, kDepths.size()> recall{};      // mean share of a case's functions
  std::array<double, kDepths.size()> all_in_top{};  // share of cases with all of theirs
};
// Of the whole query's pool, in its order.
Result<Retrieval> evaluate_retrieval(const Dataset& dataset, const Options& options,
                                     const CallContext& context = {});
Json to_json(const Retrieval& retrieval);

// {"metrics": {name: {value, low, high}}, "levels": {…}, "best": {…}, "statuses": {…}, …}
Json to_json(const Evaluation& evaluation);

}  // namespace ae::evaluate
