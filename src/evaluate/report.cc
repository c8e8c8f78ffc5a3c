#include "evaluate/report.h"

#include <fmt/format.h>

#include <algorithm>

namespace ae::evaluate {
namespace {

constexpr std::size_t kMostFailures = 200;

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

// A bar for each rate, with its interval.
std::string plot(const Counts& counts, const std::vector<Interval>& intervals) {
  const auto values = rates(counts);
  constexpr int kRow = 22;
  constexpr double kWidth = 400;
  std::string svg = fmt::format(
      "<svg width=\"720\" height=\"{}\" role=\"img\" aria-label=\"rates with 95 % intervals\">",
      kRow * static_cast<int>(values.size()) + 4);
  for (std::size_t r = 0; r < values.size(); ++r) {
    const int y = kRow * static_cast<int>(r);
    svg += fmt::format("<text x=\"190\" y=\"{}\" text-anchor=\"end\">{}</text>", y + 15,
                       values[r].first);
    svg += fmt::format("<rect x=\"200\" y=\"{}\" width=\"{:.1f}\" height=\"14\" fill=\"#7aa6d8\"/>",
                       y + 3, kWidth * values[r].second);
    if (r < intervals.size()) {
      svg += fmt::format(
          "<line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{}\" y2=\"{}\" stroke=\"#222\" "
          "stroke-width=\"2\"/>",
          200 + kWidth * intervals[r].low, 200 + kWidth * intervals[r].high, y + 10, y + 10);
    }
    svg += fmt::format("<text x=\"610\" y=\"{}\">{:.3f}</text>", y + 15, values[r].second);
  }
  return svg + "</svg>";
}

std::string table(const Evaluation& evaluation) {
  std::string html = "<table><tr><th>measure</th><th>all</th><th>95 % interval</th>";
  for (const auto& [level, counts] : evaluation.levels)
    html += fmt::format("<th>{} ({:.0f})</th>", escaped(level), counts.cases);
  html += "<th>best of the variants</th></tr>";
  const auto all = rates(evaluation.total);
  const auto best = rates(evaluation.best);
  for (std::size_t r = 0; r < all.size(); ++r) {
    html += fmt::format("<tr><td>{}</td><td>{:.3f}</td>", all[r].first, all[r].second);
    html += r < evaluation.intervals.size()
                ? fmt::format("<td>{:.3f} – {:.3f}</td>", evaluation.intervals[r].low,
                              evaluation.intervals[r].high)
                : "<td></td>";
    for (const auto& [level, counts] : evaluation.levels)
      html += fmt::format("<td>{:.3f}</td>", rates(counts)[r].second);
    html += fmt::format("<td>{:.3f}</td></tr>", best[r].second);
  }
  return html + "</table>";
}

std::string workflow_text(const std::vector<Node>& nodes) {
  std::string text;
  for (const Node& node : nodes) {
    text += node.id + " = " + node.function + "(";
    std::string separator;
    for (const Argument& argument : node.arguments) {
      text += separator + argument.parameter + "=";
      for (const Source& source : argument.sources) {
        text += source.node.empty()
                    ? json::dump(source.value)
                    : source.node + "." + (source.output.empty() ? "*" : source.output);
        text += argument.sources.size() > 1 ? " " : "";
      }
      separator = ", ";
    }
    text += ")\n";
  }
  return text.empty() ? "(no workflow)\n" : text;
}

std::string failure(const CaseResult& one) {
  static const std::vector<Node> kNothing;
  const std::vector<Node>& nodes =
      one.answer.variants.empty() ? kNothing : one.answer.variants.front();
  return fmt::format(
      "<details><summary>{} · function F1 {:.2f} · {}</summary><p>{}</p><div class=\"two\">"
      "<pre>wanted\n{}</pre><pre>answered ({})\n{}</pre></div><details><summary>provenance"
      "</summary><pre>{}</pre></details></details>",
      escaped(one.wanted->id), one.counts.functions.f1(), escaped(one.wanted->level),
      escaped(one.wanted->query), escaped(workflow_text(one.wanted->nodes)),
      escaped(one.answer.status), escaped(workflow_text(nodes)),
      escaped(json::dump_pretty(one.answer.provenance)));
}

std::string failures(const Evaluation& evaluation) {
  std::vector<const CaseResult*> wrong;
  for (const CaseResult& one : evaluation.cases) {
    if (one.counts.exact_set == 0) wrong.push_back(&one);
  }
  std::ranges::sort(wrong, [](const CaseResult* a, const CaseResult* b) {
    return std::pair(a->counts.functions.f1(), a) < std::pair(b->counts.functions.f1(), b);
  });
  std::string html = fmt::format(
      "<h2>Failures</h2><p>{} of {} cases have other functions than "
      "wanted; the worst {} are here.</p>",
      wrong.size(), evaluation.cases.size(), std::min(wrong.size(), kMostFailures));
  for (std::size_t i = 0; i < wrong.size() && i < kMostFailures; ++i) html += failure(*wrong[i]);
  return html;
}

}  // namespace

std::string html_report(const Dataset& dataset, const Options& options,
                        const Evaluation& evaluation) {
  std::string html =
      "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Evaluation</title><style>"
      "body{font:14px/1.5 sans-serif;max-width:1100px;margin:2em auto;padding:0 1em}"
      "table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:2px 8px;text-align:right}"
      "td:first-child,th:first-child{text-align:left}pre{background:#f5f5f5;padding:.5em;"
      "overflow:auto;white-space:pre-wrap}.two{display:grid;grid-template-columns:1fr 1fr;gap:1em}"
      "text{font:13px sans-serif}</style>";
  html += fmt::format(
      "<h1>{}</h1><p>engine {}, {} functions, {} answers, functions {}, signatures of the {}; "
      "median {:.1f} ms a query. Intervals: 1,000 resamples of sets of functions.</p>",
      escaped(dataset.name), escaped(options.engine), dataset.functions.size(),
      evaluation.cases.size(), options.given_functions ? "given" : "retrieved",
      options.signatures == Signatures::kItem ? "item" : "repository",
      evaluation.median_milliseconds);
  html += "<p>";
  for (const auto& [status, count] : evaluation.statuses)
    html += fmt::format("{}: {} ", escaped(status), count);
  html += "</p>" + plot(evaluation.total, evaluation.intervals) + table(evaluation);
  return html + failures(evaluation) + "</html>\n";
}

}  // namespace ae::evaluate
