#include "cli/eval_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <thread>

#include "base/file.h"
#include "evaluate/evaluate.h"
#include "evaluate/report.h"

namespace ae::cli {
namespace {

std::string rate(double value) { return fmt::format("{:.3f}", value); }

void print_retrieval(const Output& out, const evaluate::Retrieval& retrieval) {
  std::vector<std::vector<std::string>> rows;
  for (std::size_t d = 0; d < evaluate::Retrieval::kDepths.size(); ++d) {
    rows.push_back({std::to_string(evaluate::Retrieval::kDepths[d]), rate(retrieval.recall[d]),
                    rate(retrieval.all_in_top[d])});
  }
  out.table({"within the first", "recall", "all of a case"}, rows);
}

void print_evaluation(const Output& out, const evaluate::Evaluation& evaluation) {
  std::vector<std::string> head = {"measure", "all", "95 % interval"};
  for (const auto& [level, counts] : evaluation.levels) head.push_back(level);
  head.emplace_back("best variant");
  const auto all = evaluate::rates(evaluation.total);
  const auto best = evaluate::rates(evaluation.best);
  std::vector<std::vector<std::string>> rows;
  for (std::size_t r = 0; r < all.size(); ++r) {
    std::vector<std::string> row = {
        all[r].first, rate(all[r].second),
        fmt::format("{:.3f} – {:.3f}", evaluation.intervals[r].low, evaluation.intervals[r].high)};
    for (const auto& [level, counts] : evaluation.levels)
      row.push_back(rate(evaluate::rates(counts)[r].second));
    row.push_back(rate(best[r].second));
    rows.push_back(std::move(row));
  }
  out.table(head, rows);
  std::string statuses;
  for (const auto& [status, count] : evaluation.statuses)
    statuses += fmt::format("{}{} {}", statuses.empty() ? "" : ", ", count, status);
  out.line(fmt::format("{} answers: {}; median {:.1f} ms a query", evaluation.cases.size(),
                       statuses, evaluation.median_milliseconds));
}

// A line that is written over, on standard error, so that output can be piped.
void show_progress(std::size_t done, std::size_t all) {
  if (done % 10 != 0 && done != all) return;
  std::cerr << fmt::format("\r{} of {}{}", done, all, done == all ? "\n" : "") << std::flush;
}

}  // namespace

Result<int> evaluate_dataset(const Session& session, const EvalOptions& options) {
  AE_TRY(const evaluate::Dataset dataset, evaluate::read_dataset(options.folder));
  evaluate::Options settings;
  settings.engine = options.engine;
  settings.given_functions = options.given_functions;
  settings.signatures = options.signatures == "item" ? evaluate::Signatures::kItem
                                                     : evaluate::Signatures::kRepository;
  settings.repeat = options.repeat;
  settings.top_k = options.top_k;
  settings.predictions = options.predictions;
  settings.threads =
      options.threads > 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
  if (session.out.text()) settings.progress = show_progress;
  if (options.retrieval) {
    AE_TRY(const evaluate::Retrieval retrieval, evaluate::evaluate_retrieval(dataset, settings));
    if (session.out.text()) {
      print_retrieval(session.out, retrieval);
    } else {
      session.out.document(evaluate::to_json(retrieval));
    }
    return 0;
  }
  AE_TRY(const evaluate::Evaluation evaluation, evaluate::evaluate(dataset, settings));
  if (!options.report.empty()) {
    AE_CHECK(write_file_atomically(options.report,
                                   evaluate::html_report(dataset, settings, evaluation)));
  }
  if (session.out.text()) {
    print_evaluation(session.out, evaluation);
  } else {
    session.out.document(evaluate::to_json(evaluation));
  }
  return 0;
}

}  // namespace ae::cli
