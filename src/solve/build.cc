#include "solve/internal/build.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <tuple>

#include "base/text.h"
#include "json/subschema.h"
#include "plan/lexicon.h"

namespace ae::solve::internal {
namespace {

using plan::SlotKind;
using retrieve::Field;

constexpr std::size_t kLongestId = 63;
constexpr std::size_t kLongestGoal = 120;
constexpr std::size_t kRejected = 3;

std::string identifier_from(std::string_view text) {
  std::string id;
  for (const char c : text.substr(0, kLongestId - 4)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || (c == '-' && !id.empty());
    id += plain ? c : '_';
  }
  while (!id.empty() && id.front() == '_') id.erase(0, 1);
  return id.empty() ? "step" : id;
}

// A value of the next caller's own, which must not be the first caller's by default.
bool is_entity(const Field& field, const Json& value) {
  if (field.identifier) return true;
  return value.is_string() && field.choices.empty();
}

class Builder {
 public:
  Builder(const Problem& problem, const State& state)
      : problem_(problem), index_(*problem.index), state_(state) {}

  Solution run() {
    order_nodes();
    name_nodes();
    solution_.workflow.inputs = {
        {"type", "object"}, {"properties", Json::object()}, {"required", Json::array()}};
    for (const std::uint32_t n : order_) add_node(n);
    add_order();
    if (solution_.workflow.inputs["required"].empty()) solution_.workflow.inputs.erase("required");
    solution_.workflow.inputs["additionalProperties"] = false;
    add_outputs();
    return std::move(solution_);
  }

 private:
  const Field& field(std::uint32_t number) const { return index_.fields()[number]; }
  const dag::FunctionSpec& spec(std::uint32_t node) const {
    return *index_.functions()[state_.nodes[node].function].spec;
  }
  template <class Visit>
  void for_each_parameter(std::uint32_t node, Visit&& visit) const {
    const NodeState& at = state_.nodes[node];
    for (std::uint32_t p = at.first; p < at.first + at.count; ++p) visit(state_.parameters[p]);
  }

  // Each node after its inputs; else as the query speaks of them.
  void order_nodes() {
    const std::size_t count = state_.nodes.size();
    std::vector<bool> placed(count, false);
    while (order_.size() < count) {
      std::uint32_t best = kNoNode;
      for (std::uint32_t n = 0; n < count; ++n) {
        if (placed[n] || !ready(n, placed)) continue;
        if (best == kNoNode || key(n) < key(best)) best = n;
      }
      placed[best] = true;
      order_.push_back(best);
    }
  }
  bool ready(std::uint32_t node, const std::vector<bool>& placed) const {
    bool all = true;
    for_each_parameter(node, [&](const ParameterState& parameter) {
      all = all && (parameter.filling != Filling::kEdge || placed[parameter.node]);
    });
    return all;
  }
  std::tuple<std::size_t, std::uint32_t, std::uint32_t> key(std::uint32_t node) const {
    std::size_t position = problem_.query->clauses[state_.nodes[node].clause].span.begin;
    if (const std::size_t value = first_value(node); value != plan::kNone) {
      position = std::max(position, value);
    }
    return {position, state_.nodes[node].function, node};
  }
  // Where the first value stands that the node or what feeds it uses.
  std::size_t first_value(std::uint32_t node) const {
    std::size_t first = plan::kNone;
    for_each_parameter(node, [&](const ParameterState& parameter) {
      if (parameter.filling == Filling::kMention) {
        first = std::min(first, problem_.mentions[parameter.fit->mention].slot.span.begin);
      } else if (parameter.filling == Filling::kEdge) {
        first = std::min(first, first_value(parameter.node));
      }
    });
    return first;
  }

  void name_nodes() {
    ids_.resize(state_.nodes.size());
    std::set<std::string> taken;
    for (const std::uint32_t n : order_) {
      const std::string base = identifier_from(spec(n).name);
      std::string id = base;
      for (int i = 2; !taken.insert(id).second; ++i) id = fmt::format("{}_{}", base, i);
      ids_[n] = dag::NodeId(id);
    }
  }

  void add_node(std::uint32_t n) {
    dag::Node node;
    node.id = ids_[n];
    node.function = spec(n).name;
    node.goal = goal(n);
    for_each_parameter(n,
                       [&](const ParameterState& parameter) { add_argument(n, node, parameter); });
    solution_.workflow.nodes.push_back(std::move(node));
    add_step(n);
  }

  // "… and then …": order that no data gives, kept where one of the steps changes something
  // outside.
  void add_order() {
    for (std::size_t i = 0; i < order_.size(); ++i) {
      const std::uint32_t later = order_[i];
      const plan::OrderHint hint = problem_.query->clauses[state_.nodes[later].clause].order;
      if (!is_last_of_clause(later)) continue;
      if (hint != plan::OrderHint::kThen && hint != plan::OrderHint::kFinally) continue;
      // Only steps that stand before it: whatever is added points backwards, so no circle can
      // close.
      for (const std::uint32_t earlier : std::span(order_).first(i)) {
        if (state_.nodes[earlier].clause + 1 != state_.nodes[later].clause ||
            !is_last_of_clause(earlier))
          continue;
        if (spec(earlier).effects.empty() && spec(later).effects.empty()) continue;
        if (depends_on(state_, later, earlier)) continue;
        solution_.workflow.nodes[i].depends_on.push_back(ids_[earlier]);
      }
    }
  }
  // No other step of the same request uses it.
  bool is_last_of_clause(std::uint32_t n) const {
    for (std::uint32_t other = 0; other < state_.nodes.size(); ++other) {
      if (other != n && state_.nodes[other].clause == state_.nodes[n].clause &&
          depends_on(state_, other, n))
        return false;
    }
    return true;
  }

  // What the step is for: the request's own words for a sink, else what the function does.
  std::string goal(std::uint32_t n) const {
    const NodeState& node = state_.nodes[n];
    std::string text;
    if (node.consumer == kNoNode) {
      text = problem_.query->clauses[node.clause].text;
      // Without what is only politeness.
      const plan::Query& query = *problem_.query;
      for (const plan::Token& token : query.tokens) {
        if (token.clause != node.clause || token.framing || token.kind == plan::TokenKind::kSymbol)
          continue;
        const plan::Span span = query.clauses[node.clause].span;
        text = query.text.substr(token.span.begin, span.end - token.span.begin);
        break;
      }
    } else {
      text = index_.functions()[node.function].spec->description;
      text = text.substr(0, text.find(". "));
    }
    if (trim(text).empty()) text = "call " + spec(n).name;
    std::ranges::replace(text, '\n', ' ');
    while (text.ends_with('.')) text.pop_back();
    return shorten(text, kLongestGoal);
  }

  void add_argument(std::uint32_t n, dag::Node& node, const ParameterState& parameter) {
    const Field& wanted = field(parameter.field);
    BindingProvenance why;
    why.node = node.id;
    why.parameter = wanted.name;
    switch (parameter.filling) {
      case Filling::kEdge: {
        const Field& produced = field(parameter.output);
        node.arguments.push_back(
            {wanted.name, {dag::OutputRef{ids_[parameter.node], produced.name}}});
        why.from = "step";
        why.score = static_cast<double>(parameter.score);
        why.reason = fmt::format(
            "{} of {} {}", produced.name.empty() ? "the result" : produced.name,
            ids_[parameter.node],
            produced.key == wanted.key ? "has the same name" : "means what it asks for");
        break;
      }
      case Filling::kMention: {
        const std::string input = input_for(n, parameter);
        node.arguments.push_back({wanted.name, {dag::InputRef{input}}});
        why.from = "query";
        why.words = words_of(*parameter.fit);
        why.score = static_cast<double>(parameter.fit->score);
        why.reason = parameter.fit->reason;
        break;
      }
      case Filling::kCaller:
      case Filling::kPending: {
        const std::string input = open_input_for(n, parameter.field);
        node.arguments.push_back({wanted.name, {dag::InputRef{input}}});
        why.from = "caller";
        why.reason = "neither the query nor another step gives it";
        break;
      }
      case Filling::kAbsent:
        return;
    }
    solution_.bindings.push_back(std::move(why));
  }

  // --- inputs ------------------------------------------------------------------------------

  struct Input {
    std::string name;
    std::uint32_t field = 0;
    const Fit* fit = nullptr;
  };

  std::string free_name(std::uint32_t n, const std::string& wanted) const {
    const auto taken = [&](const std::string& name) {
      return std::ranges::any_of(inputs_, [&](const Input& input) { return input.name == name; });
    };
    if (!taken(wanted)) return wanted;
    std::string name = fmt::format("{}_{}", ids_[n].str(), wanted);
    for (int i = 2; taken(name); ++i) name = fmt::format("{}_{}_{}", ids_[n].str(), wanted, i);
    return name;
  }

  // None for an attached file that no word speaks of.
  std::vector<plan::Span> words_of(const Fit& fit) const {
    const plan::Span span = problem_.mentions[fit.mention].slot.span;
    return span.begin < span.end ? std::vector{span} : std::vector<plan::Span>{};
  }

  // One value in one meaning is one input, however many steps use it.
  std::string input_for(std::uint32_t n, const ParameterState& parameter) {
    const Fit& fit = *parameter.fit;
    for (const Input& input : inputs_) {
      if (input.fit == nullptr || input.fit->mention != fit.mention ||
          input.fit->part != fit.part || !json::equal(input.fit->value, fit.value)) {
        continue;
      }
      narrow(input.name, schema_of(parameter.field));
      return input.name;
    }
    const Field& wanted = field(parameter.field);
    const std::string name = free_name(n, wanted.name);
    inputs_.push_back({name, parameter.field, &fit});
    const bool entity = is_entity(wanted, fit.value);
    Json schema = schema_of(parameter.field);
    schema.erase("default");
    if (entity) {
      schema["examples"] = Json::array({fit.value});
    } else {
      schema.erase("examples");
      schema["default"] = fit.value;
    }
    declare(name, std::move(schema), entity);
    solution_.first_inputs[name] = fit.value;
    solution_.inputs.push_back(
        {name, words_of(fit), fit.value,
         entity ? InputProvenance::Kind::kEntity : InputProvenance::Kind::kSetting});
    return name;
  }

  // Two parameters that nobody fills are one input when they mean the same.
  std::string open_input_for(std::uint32_t n, std::uint32_t number) {
    const Field& wanted = field(number);
    for (const Input& input : inputs_) {
      if (input.fit != nullptr || field(input.field).name != wanted.name) continue;
      if (retrieve::similarity(field(input.field), wanted) < 0.75) continue;
      if (state_.nodes[n].function == field(input.field).function) continue;
      narrow(input.name, schema_of(number));
      return input.name;
    }
    const std::string name = free_name(n, wanted.name);
    inputs_.push_back({name, number, nullptr});
    declare(name, schema_of(number), true);
    solution_.missing_inputs.push_back(name);
    solution_.inputs.push_back({name, {}, nullptr, InputProvenance::Kind::kEntity});
    return name;
  }

  // The parameter's schema; one that refers to other parts of its document cannot be moved, so
  // that only what stands here is kept.
  Json schema_of(std::uint32_t number) const {
    const Json& schema = *field(number).schema;
    if (!schema.is_object()) return Json::object();
    if (json::dump(schema).find("\"$ref\"") == std::string::npos) return schema;
    Json plain = Json::object();
    for (const char* keyword : {"type", "description", "examples", "enum", "format", "pattern"}) {
      if (const Json* value = json::find(schema, keyword)) plain[keyword] = *value;
    }
    return plain;
  }

  void declare(const std::string& name, Json schema, bool required) {
    solution_.workflow.inputs["properties"][name] = std::move(schema);
    if (required) solution_.workflow.inputs["required"].push_back(name);
  }

  // A second use may ask for more: the input then has to satisfy both.
  void narrow(const std::string& name, const Json& other) {
    Json& known = solution_.workflow.inputs["properties"][name];
    if (json::is_subschema(known, other).fit == json::Fit::kYes) return;
    if (json::is_subschema(other, known).fit == json::Fit::kYes) {
      Json narrowed = other;
      for (const char* keyword : {"description", "examples", "default"}) {
        narrowed.erase(keyword);
        if (const Json* value = json::find(known, keyword)) narrowed[keyword] = *value;
      }
      known = std::move(narrowed);
      return;
    }
    Json more = other;
    for (const char* keyword : {"description", "examples", "default"}) more.erase(keyword);
    if (known.contains("allOf") && known["allOf"].is_array()) {
      known["allOf"].push_back(std::move(more));
    } else {
      known["allOf"] = Json::array({std::move(more)});
    }
  }

  // --- outputs -----------------------------------------------------------------------------

  void add_outputs() {
    struct Output {
      std::string name;
      dag::OutputRef from;
    };
    std::vector<Output> outputs;
    std::map<std::string, int> uses;
    for (const std::uint32_t n : order_) {
      if (is_consumed(state_, n)) continue;
      for (const std::uint32_t number : index_.functions()[state_.nodes[n].function].outputs) {
        const std::string& name = field(number).name;
        if (name.find('.') != std::string::npos) continue;
        outputs.push_back({name.empty() ? "result" : name, {ids_[n], name}});
        ++uses[outputs.back().name];
      }
    }
    std::set<std::string> taken;
    for (Output& output : outputs) {
      if (uses[output.name] > 1) output.name = fmt::format("{}_{}", output.from.node, output.name);
      while (!taken.insert(output.name).second) output.name += "_";
      solution_.workflow.outputs.push_back({output.name, {std::move(output.from)}});
    }
  }

  // --- provenance --------------------------------------------------------------------------

  void add_step(std::uint32_t n) {
    const NodeState& node = state_.nodes[n];
    StepProvenance why;
    why.node = ids_[n];
    for (std::size_t w = 0; w < problem_.words.size(); ++w) {
      const float own = problem_.covers(node.function, w);
      if (own >= 0.3F && own >= state_.covered[w]) {
        why.words.push_back(problem_.query->tokens[problem_.words[w].token].span);
      }
    }
    why.score = relevance(problem_, node.function, node.clause);
    if (node.consumer == kNoNode) {
      why.reason =
          fmt::format("serves \"{}\"", shorten(problem_.query->clauses[node.clause].text, 80));
      reject_sinks(node, why);
    } else {
      reject_producers(n, why);
    }
    solution_.steps.push_back(std::move(why));
  }

  void reject_sinks(const NodeState& node, StepProvenance& why) const {
    for (const std::uint32_t other : problem_.pool) {
      if (std::ranges::find(state_.nodes, other, &NodeState::function) != state_.nodes.end())
        continue;
      const double score = relevance(problem_, other, node.clause);
      if (score > 0.15) why.rejected.push_back({index_.functions()[other].spec->name, score});
    }
    std::ranges::sort(why.rejected, [](const auto& a, const auto& b) {
      return a.score != b.score ? a.score > b.score : a.function < b.function;
    });
    if (why.rejected.size() > kRejected) why.rejected.resize(kRejected);
  }

  void reject_producers(std::uint32_t n, StepProvenance& why) const {
    for (const ParameterState& parameter : state_.parameters) {
      if (parameter.filling != Filling::kEdge || parameter.node != n) continue;
      const std::uint32_t consumer = owner(parameter);
      why.reason = fmt::format(
          "produces {} for {}",
          field(parameter.output).name.empty() ? "a result" : field(parameter.output).name,
          ids_[consumer]);
      for (const retrieve::Producer& producer : index_.producers(parameter.field)) {
        const std::uint32_t function = field(producer.field).function;
        if (std::ranges::find(state_.nodes, function, &NodeState::function) != state_.nodes.end())
          continue;
        const std::string& name = index_.functions()[function].spec->name;
        if (why.rejected.size() < kRejected &&
            std::ranges::find(why.rejected, name, &StepProvenance::Rejected::function) ==
                why.rejected.end()) {
          why.rejected.push_back({name, static_cast<double>(producer.score)});
        }
      }
      return;
    }
  }
  std::uint32_t owner(const ParameterState& parameter) const {
    const auto p = static_cast<std::uint32_t>(&parameter - state_.parameters.data());
    std::uint32_t n = 0;
    while (p >= state_.nodes[n].first + state_.nodes[n].count) ++n;
    return n;
  }

  const Problem& problem_;
  const retrieve::FunctionIndex& index_;
  const State& state_;
  std::vector<std::uint32_t> order_;
  std::vector<dag::NodeId> ids_;  // by node
  std::vector<Input> inputs_;
  Solution solution_;
};

}  // namespace

double relevance(const Problem& problem, std::uint32_t function, std::size_t clause) {
  double covered = 0;
  double all = 0;
  for (std::size_t w = 0; w < problem.words.size(); ++w) {
    if (problem.words[w].clause != clause) continue;
    covered += static_cast<double>(problem.words[w].weight * problem.covers(function, w));
    all += static_cast<double>(problem.words[w].weight);
  }
  return all > 0 ? covered / all : 0;
}

Solution build(const Problem& problem, const State& state) { return Builder(problem, state).run(); }

}  // namespace ae::solve::internal
