#include "generate/embedded/embedded_engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "plan/lexicon.h"
#include "plan/query.h"
#include "retrieve/retrieve.h"
#include "solve/solve.h"
#include "verify/verify.h"

namespace ae::generate {
namespace {

constexpr std::size_t kLongestName = 40;

// "Play music that matches my mood" -> play-music-matches-mood.
std::string name_of(const plan::Query& query) {
  std::string name;
  for (const plan::Token& token : query.tokens) {
    if (!token.content) continue;
    std::string word;
    for (const char c : token.lower) {
      if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) word += c;
    }
    if (word.empty()) continue;
    if (name.size() + word.size() + 1 > kLongestName) break;
    if (!name.empty()) name += '-';
    name += word;
  }
  return name.empty() ? "workflow" : name;
}

// The clause's verb and what it is done to: "translate_summary".
std::string suggested_name(const plan::Query& query, const plan::Clause& clause) {
  std::string name;
  const auto add = [&](const std::string& lower) {
    for (const std::string& word : identifier_words(lower)) {
      const bool plain = std::ranges::all_of(
          word, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
      if (plain && name.size() + word.size() < kLongestName)
        name += (name.empty() ? "" : "_") + word;
    }
  };
  if (clause.action_token != plan::kNone) add(query.tokens[clause.action_token].lower);
  std::size_t nouns = 0;
  for (const std::size_t token : clause.tokens) {
    if (token == clause.action_token || nouns >= 2) continue;
    add(query.tokens[token].lower);
    ++nouns;
  }
  return name.empty() ? "new_function" : name;
}

Json spans_json(const std::vector<plan::Span>& spans) {
  Json json = Json::array();
  for (const plan::Span& span : spans) json.push_back(Json::array({span.begin, span.end}));
  return json;
}

// Two decimals: enough for people, and the same on every machine.
double rounded(double value) { return std::round(value * 100) / 100; }

Json provenance_json(const solve::Solution& solution) {
  Json json = {{"steps", Json::array()}, {"bindings", Json::array()}, {"inputs", Json::array()}};
  for (const solve::StepProvenance& step : solution.steps) {
    Json rejected = Json::array();
    for (const solve::StepProvenance::Rejected& other : step.rejected) {
      rejected.push_back({{"function", other.function}, {"score", rounded(other.score)}});
    }
    json["steps"].push_back({{"node", step.node.str()},
                             {"words", spans_json(step.words)},
                             {"score", rounded(step.score)},
                             {"reason", step.reason},
                             {"rejected", std::move(rejected)}});
  }
  for (const solve::BindingProvenance& binding : solution.bindings) {
    json["bindings"].push_back({{"node", binding.node.str()},
                                {"parameter", binding.parameter},
                                {"from", binding.from},
                                {"words", spans_json(binding.words)},
                                {"score", rounded(binding.score)},
                                {"reason", binding.reason}});
  }
  for (const solve::InputProvenance& input : solution.inputs) {
    const bool entity = input.kind == solve::InputProvenance::Kind::kEntity;
    json["inputs"].push_back({{"input", input.input},
                              {"words", spans_json(input.words)},
                              {"value", input.value},
                              {"kind", entity ? "entity" : "setting"}});
  }
  return json;
}

class Engine {
 public:
  Engine(const plan::Query& query, const retrieve::Pool& pool) : query_(query), pool_(pool) {
    for (const dag::FunctionSpec& spec : pool.snapshot->functions) names_.push_back(spec.name);
  }

  Generation answer(std::vector<solve::Solution> solutions) {
    generation_.query = query_.text;
    generation_.engine = "embedded";
    solve::Solution& best = solutions.front();
    list_missing(best);
    if (best.workflow.nodes.empty()) return without_workflow();
    dress(best.workflow);
    generation_.provenance = provenance_json(best);
    generation_.first_inputs = best.first_inputs;
    generation_.confidence = rounded(best.confidence);
    ask_for(best);
    verify::Verdict verdict = check(best);
    generation_.workflow = std::move(best.workflow);
    generation_.diagnostics = verdict.diagnostics;
    if (!verdict.proven()) {
      generation_.status = Status::kInvalid;
      return std::move(generation_);
    }
    generation_.linked = std::move(verdict.linked);
    generation_.status = !generation_.missing_functions.empty() ? Status::kMissingFunctions
                         : generation_.needs_input.is_null()    ? Status::kReady
                                                                : Status::kNeedsInput;
    for (std::size_t i = 1; i < solutions.size(); ++i) {
      dress(solutions[i].workflow);
      if (check(solutions[i]).proven()) {
        generation_.alternatives.push_back(std::move(solutions[i].workflow));
      }
    }
    return std::move(generation_);
  }

 private:
  // Small talk beside a request is no missing function; a verb or a subject that functions know is.
  bool is_request(const solve::UnservedClause& unserved, bool alone) const {
    const plan::Clause& clause = query_.clauses[unserved.clause];
    if (!clause.action.empty()) return true;
    const double nearest = unserved.nearest.empty() ? 0 : unserved.nearest.front().score;
    return nearest >= (alone ? 0.3 : 0.5);
  }

  void list_missing(const solve::Solution& best) {
    const bool alone = best.served_clauses.empty();
    for (const solve::UnservedClause& unserved : best.unserved_clauses) {
      if (!is_request(unserved, alone)) continue;
      const plan::Clause& clause = query_.clauses[unserved.clause];
      MissingFunction missing{clause.text, {}, suggested_name(query_, clause)};
      for (const solve::StepProvenance::Rejected& near : unserved.nearest) {
        missing.nearest.push_back(near.function);
      }
      generation_.missing_functions.push_back(std::move(missing));
    }
  }

  Generation without_workflow() {
    if (!generation_.missing_functions.empty()) {
      generation_.status = Status::kMissingFunctions;
      return std::move(generation_);
    }
    generation_.status = Status::kInvalid;
    generation_.diagnostics.push_back(
        {"no_request_found",
         dag::Severity::kError,
         "",
         "no request could be made out in these words",
         "say what should be done, beginning with a verb, such as \"Send the report to Anna\"",
         {}});
    return std::move(generation_);
  }

  void dress(dag::Workflow& workflow) const {
    workflow.name = name_of(query_);
    workflow.description = query_.text;
  }

  void ask_for(const solve::Solution& solution) {
    if (solution.missing_inputs.empty()) return;
    Json schema = {{"type", "object"}, {"properties", Json::object()}, {"required", Json::array()}};
    const Json* inputs = json::find(solution.workflow.inputs, "properties");
    for (const std::string& name : solution.missing_inputs) {
      const Json* property = inputs == nullptr ? nullptr : json::find(*inputs, name);
      schema["properties"][name] = property == nullptr ? Json::object() : *property;
      schema["required"].push_back(name);
    }
    generation_.needs_input = std::move(schema);
  }

  verify::Verdict check(const solve::Solution& solution) const {
    verify::Evidence evidence;
    evidence.query = query_.text;
    for (std::size_t c = 0; c < query_.clauses.size(); ++c) {
      if (!query_.clauses[c].asks) continue;
      const bool served =
          std::ranges::find(solution.served_clauses, c) != solution.served_clauses.end();
      evidence.clauses.push_back({query_.clauses[c].text, served});
    }
    for (const auto& [name, value] : solution.first_inputs.items()) {
      evidence.grounded_values.push_back(value);
    }
    const auto lookup = [&](std::string_view name,
                            std::string_view version) -> const dag::FunctionSpec* {
      const std::size_t number = pool_.index->find(name);
      if (number >= pool_.index->functions().size()) return nullptr;
      const dag::FunctionSpec* spec = pool_.index->functions()[number].spec;
      return version.empty() || version == spec->version ? spec : nullptr;
    };
    return verify::verify(solution.workflow, lookup, names_, &evidence);
  }

  const plan::Query& query_;
  const retrieve::Pool& pool_;
  std::vector<std::string> names_;
  Generation generation_;
};

}  // namespace

Result<Generation> generate_embedded(std::string_view query_text,
                                     const repository::Repository& repository,
                                     const CallContext& context,
                                     std::span<const plan::Attachment> files) {
  AE_TRY(const plan::Query query, plan::read_query(query_text, files));
  AE_TRY(const retrieve::Pool pool, retrieve::retrieve(query, repository, context));
  AE_TRY(std::vector<solve::Solution> solutions, solve::solve(query, pool, context));
  return Engine(query, pool).answer(std::move(solutions));
}

}  // namespace ae::generate
