#include "evaluate/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <random>
#include <set>

#include "base/text.h"

namespace ae::evaluate {
namespace {

using Bag = std::map<std::string, double>;

double size_of(const Bag& bag) {
  double sum = 0;
  for (const auto& [item, count] : bag) sum += count;
  return sum;
}

Overlap overlap(const Bag& predicted, const Bag& gold) {
  Overlap result{0, size_of(predicted), size_of(gold)};
  for (const auto& [item, count] : predicted) {
    if (const auto at = gold.find(item); at != gold.end())
      result.shared += std::min(count, at->second);
  }
  return result;
}

struct View {
  Bag functions;
  Bag twins;
  Bag parameters;
  Bag edges;
  Bag literals;
  std::vector<std::string> order;
};

std::string function_of(const std::vector<Node>& nodes, const std::string& id) {
  const auto at = std::ranges::find(nodes, id, &Node::id);
  return at == nodes.end() ? "?" : at->function;
}

View view_of(const std::vector<Node>& nodes, const std::map<std::string, std::string>& twins) {
  View view;
  for (const Node& node : nodes) {
    view.functions[node.function] += 1;
    const auto twin = twins.find(node.function);
    view.twins[twin == twins.end() ? node.function : twin->second] += 1;
    view.order.push_back(node.function);
    std::set<std::string> producers;
    for (const Argument& argument : node.arguments) {
      std::set<std::string> sources;
      for (const Source& source : argument.sources) {
        const std::string from =
            source.node.empty() ? "caller" : "step " + function_of(nodes, source.node);
        sources.insert(fmt::format("{}\n{}\n{}", node.function, argument.parameter, from));
        if (!source.node.empty()) producers.insert(source.node);
        if (source.node.empty() && !source.value.is_null()) {
          view.literals[fmt::format("{}\n{}\n{}", node.function, argument.parameter,
                                    normalised(source.value))] += 1;
        }
      }
      for (const std::string& source : sources) view.parameters[source] += 1;
    }
    for (const std::string& producer : producers)
      view.edges[function_of(nodes, producer) + "\n" + node.function] += 1;
  }
  return view;
}

// Pairs of nodes of which the first has to come before the second.
std::vector<std::pair<std::size_t, std::size_t>> ordered_pairs(const std::vector<Node>& nodes) {
  const std::size_t count = nodes.size();
  std::vector<std::vector<bool>> before(count, std::vector<bool>(count, false));
  for (std::size_t n = 0; n < count; ++n) {
    for (const Argument& argument : nodes[n].arguments) {
      for (const Source& source : argument.sources) {
        const auto at = std::ranges::find(nodes, source.node, &Node::id);
        if (!source.node.empty() && at != nodes.end())
          before[static_cast<std::size_t>(at - nodes.begin())][n] = true;
      }
    }
  }
  for (std::size_t k = 0; k < count; ++k) {
    for (std::size_t a = 0; a < count; ++a) {
      for (std::size_t b = 0; b < count; ++b) {
        if (before[a][k] && before[k][b]) before[a][b] = true;
      }
    }
  }
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  for (std::size_t a = 0; a < count; ++a) {
    for (std::size_t b = 0; b < count; ++b) {
      if (before[a][b]) pairs.emplace_back(a, b);
    }
  }
  return pairs;
}

std::size_t common_subsequence(const std::vector<std::string>& a,
                               const std::vector<std::string>& b) {
  std::vector<std::vector<std::size_t>> best(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t k = 1; k <= b.size(); ++k) {
      best[i][k] =
          a[i - 1] == b[k - 1] ? best[i - 1][k - 1] + 1 : std::max(best[i - 1][k], best[i][k - 1]);
    }
  }
  return best[a.size()][b.size()];
}

std::string shortest(double number) {
  std::array<char, 64> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() ? std::string(text.data(), end) : std::string();
}

}  // namespace

Overlap& Overlap::operator+=(const Overlap& other) {
  shared += other.shared;
  predicted += other.predicted;
  gold += other.gold;
  return *this;
}

Counts& Counts::operator+=(const Counts& other) {
  cases += other.cases;
  functions += other.functions;
  twins += other.twins;
  parameters += other.parameters;
  edges += other.edges;
  literals += other.literals;
  order_right += other.order_right;
  order_pairs += other.order_pairs;
  exact_set += other.exact_set;
  exact += other.exact;
  subsequence += other.subsequence;
  return *this;
}

double Counts::overall() const {
  const double sum = functions.f1() + parameters.f1();
  return order_pairs > 0 ? (sum + order()) / 3 : sum / 2;
}

std::string normalised(const Json& value) {
  std::string text = value.is_string() ? value.get<std::string>() : json::canonical(value);
  text = to_lower(trim(text));
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (!text.empty() && error == std::errc() && end == text.data() + text.size())
    return shortest(number);
  return text;
}

std::map<std::string, std::string> twin_clusters(const std::vector<dag::FunctionSpec>& functions) {
  std::map<std::string, std::string> cluster;
  std::map<std::string, std::string> first;
  for (const dag::FunctionSpec& function : functions) {
    const std::size_t arity = dag::property_names(function.input).size();
    const std::string name = fmt::format("{} {}", arity, join(identifier_words(function.name), ""));
    const std::string prose = fmt::format("{} \n{}", arity, to_lower(trim(function.description)));
    std::string of = function.name;
    if (const auto at = first.find(name); at != first.end()) of = at->second;
    if (const auto at = first.find(prose);
        at != first.end() && !trim(function.description).empty() && of == function.name) {
      of = at->second;
    }
    first.emplace(name, of);
    first.emplace(prose, of);
    cluster[function.name] = of;
  }
  return cluster;
}

Counts compare(const std::vector<Node>& predicted, const std::vector<Node>& gold,
               const std::map<std::string, std::string>& twins) {
  const View mine = view_of(predicted, twins);
  const View wanted = view_of(gold, twins);
  Counts counts;
  counts.cases = 1;
  counts.functions = overlap(mine.functions, wanted.functions);
  counts.twins = overlap(mine.twins, wanted.twins);
  counts.parameters = overlap(mine.parameters, wanted.parameters);
  counts.edges = overlap(mine.edges, wanted.edges);
  counts.literals = overlap(mine.literals, wanted.literals);
  for (const auto& [a, b] : ordered_pairs(gold)) {
    counts.order_pairs += 1;
    const auto first = std::ranges::find(mine.order, gold[a].function);
    if (first == mine.order.end()) continue;
    if (std::find(first + 1, mine.order.end(), gold[b].function) != mine.order.end())
      counts.order_right += 1;
  }
  counts.exact_set = mine.functions == wanted.functions ? 1 : 0;
  const bool all = mine.parameters == wanted.parameters && mine.edges == wanted.edges &&
                   mine.literals == wanted.literals;
  counts.exact = counts.exact_set > 0 && all ? 1 : 0;
  const std::size_t lengths = predicted.size() + gold.size();
  if (lengths > 0) {
    counts.subsequence = 2.0 * static_cast<double>(common_subsequence(mine.order, wanted.order)) /
                         static_cast<double>(lengths);
  }
  return counts;
}

std::vector<std::pair<std::string, double>> rates(const Counts& counts) {
  const double cases = std::max(counts.cases, 1.0);
  return {{"function_precision", counts.functions.precision()},
          {"function_recall", counts.functions.recall()},
          {"function_f1", counts.functions.f1()},
          {"function_f1_twins_equal", counts.twins.f1()},
          {"parameter_source_f1", counts.parameters.f1()},
          {"edge_f1", counts.edges.f1()},
          {"order_accuracy", counts.order()},
          {"overall", counts.overall()},
          {"literal_f1", counts.literals.f1()},
          {"exact_set", counts.exact_set / cases},
          {"exact_match", counts.exact / cases},
          {"lcs", counts.subsequence / cases}};
}

std::vector<Interval> bootstrap(const std::vector<Counts>& groups, std::size_t rounds) {
  const std::size_t width = rates(Counts{}).size();
  std::vector<std::vector<double>> samples(width);
  // Not std::uniform_int_distribution, whose numbers differ between libraries.
  std::mt19937_64 random(20'260'101);
  for (std::size_t round = 0; round < rounds && !groups.empty(); ++round) {
    Counts sum;
    for (std::size_t i = 0; i < groups.size(); ++i) sum += groups[random() % groups.size()];
    const auto sampled = rates(sum);
    for (std::size_t r = 0; r < width; ++r) samples[r].push_back(sampled[r].second);
  }
  std::vector<Interval> intervals(width);
  for (std::size_t r = 0; r < width; ++r) {
    if (samples[r].empty()) continue;
    std::ranges::sort(samples[r]);
    const std::size_t last = samples[r].size() - 1;
    intervals[r] = {samples[r][last * 25 / 1'000], samples[r][last * 975 / 1'000]};
  }
  return intervals;
}

}  // namespace ae::evaluate
