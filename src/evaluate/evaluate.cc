#include "evaluate/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "generate/embedded/embedded_engine.h"
#include "repository/repository.h"
#include "retrieve/retrieve.h"
#include "store/database.h"

namespace ae::evaluate {
namespace {

constexpr std::size_t kMaxThreads = 16;
constexpr std::size_t kMaxPredictionBytes = 1UL << 30U;

// Functions without code, in memory.
class Functions final {
 public:
  static Result<std::unique_ptr<Functions>> make(const std::vector<dag::FunctionSpec>& specs) {
    AE_TRY(auto database, store::Database::open(":memory:", repository::Repository::migration()));
    auto functions = std::make_unique<Functions>(std::move(database));
    for (const dag::FunctionSpec& spec : specs) {
      repository::Package package;
      package.spec = spec;
      package.spec.version = sha256_hex(spec.name);  // no code: the name is all there is
      if (auto added = functions->repository_.add(package); !added) {
        return fail(added.error().code, fmt::format("{}: {}", spec.name, added.error().message));
      }
    }
    return functions;
  }
  explicit Functions(std::unique_ptr<store::Database> database)
      : database_(std::move(database)), repository_(*database_, folder_.path()) {}
  const repository::Repository& repository() const { return repository_; }

 private:
  TemporaryFolder folder_{"ae-eval"};
  std::unique_ptr<store::Database> database_;
  repository::Repository repository_;
};

// The functions that are there for one case.
std::vector<dag::FunctionSpec> functions_for(const Dataset& dataset, const Case& wanted,
                                             const Options& options) {
  std::set<std::string> given;
  for (const Node& node : wanted.nodes) given.insert(node.function);
  std::vector<dag::FunctionSpec> specs;
  for (const dag::FunctionSpec& spec : dataset.functions) {
    if (options.given_functions && !given.contains(spec.name)) continue;
    const auto own = std::ranges::find(wanted.local_functions, spec.name, &dag::FunctionSpec::name);
    const bool overlay =
        options.signatures == Signatures::kItem && own != wanted.local_functions.end();
    specs.push_back(overlay ? *own : spec);
  }
  return specs;
}

std::vector<Source> sources_of(const dag::Binding& binding, const Json& inputs) {
  if (const auto* input = std::get_if<dag::InputRef>(&binding.source)) {
    const Json* value = json::find(inputs, input->input);
    return {{"", "", value == nullptr ? Json() : *value}};
  }
  if (const auto* output = std::get_if<dag::OutputRef>(&binding.source)) {
    return {{output->node.str(), output->field, Json()}};
  }
  if (const auto* literal = std::get_if<dag::Literal>(&binding.source)) {
    return {{"", "", literal->value}};
  }
  std::vector<Source> sources;
  const auto add = [&](const dag::Binding& part) {
    for (Source& source : sources_of(part, inputs)) sources.push_back(std::move(source));
  };
  if (const auto* list = std::get_if<dag::ListBinding>(&binding.source)) {
    for (const dag::Binding& item : list->items) add(item);
  } else if (const auto* object = std::get_if<dag::ObjectBinding>(&binding.source)) {
    for (const dag::NamedBinding& member : object->members) add(member.binding);
  }
  return sources;
}

std::vector<Node> nodes_of(const dag::Workflow& workflow, const Json& inputs) {
  std::vector<Node> nodes;
  for (const dag::Node& one : workflow.nodes) {
    Node node{one.id.str(), one.function, {}};
    for (const dag::NamedBinding& argument : one.arguments)
      node.arguments.push_back({argument.name, sources_of(argument.binding, inputs)});
    nodes.push_back(std::move(node));
  }
  return nodes;
}

Json line_of(const Answer& answer, const std::string& settings) {
  Json variants = Json::array();
  for (std::size_t v = 1; v < answer.variants.size(); ++v)
    variants.push_back(to_json(answer.variants[v]));
  return {{"id", answer.id},
          {"nodes", answer.variants.empty() ? Json::array() : to_json(answer.variants.front())},
          {"variants", std::move(variants)},
          {"status", answer.status},
          {"run", answer.run},
          {"milliseconds", answer.milliseconds},
          {"provenance", answer.provenance},
          {"settings", settings}};
}

Result<Answer> read_line(const Json& line) {
  Answer answer;
  answer.id = json::string_or(line, "id");
  answer.status = json::string_or(line, "status");
  if (const Json* run = json::find(line, "run"); run != nullptr && run->is_number_unsigned())
    answer.run = run->get<std::size_t>();
  if (const Json* time = json::find(line, "milliseconds"); time != nullptr && time->is_number())
    answer.milliseconds = time->get<double>();
  if (const Json* why = json::find(line, "provenance")) answer.provenance = *why;
  const Json* nodes = json::find(line, "nodes");
  if (nodes == nullptr) return fail(ErrorCode::kInvalidArgument, "a prediction needs nodes");
  AE_TRY(std::vector<Node> first, read_nodes(*nodes));
  if (!first.empty()) answer.variants.push_back(std::move(first));
  if (const Json* others = json::find(line, "variants"); others != nullptr && others->is_array()) {
    for (const Json& other : *others) {
      AE_TRY(std::vector<Node> variant, read_nodes(other));
      answer.variants.push_back(std::move(variant));
    }
  }
  return answer;
}

class Runner {
 public:
  Runner(const Dataset& dataset, const Options& options, const CallContext& context)
      : dataset_(dataset), options_(options), context_(context) {
    settings_ = fmt::format("{} {} given={} signatures={}", dataset.name, options.engine,
                            options.given_functions,
                            options.signatures == Signatures::kItem ? "item" : "repository");
  }

  Result<Evaluation> run() {
    if (options_.engine != "embedded") {
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format("there is no engine \"{}\" here; known is: embedded", options_.engine));
    }
    answers_.resize(dataset_.cases.size() * std::max<std::size_t>(options_.repeat, 1));
    done_.assign(answers_.size(), false);
    AE_CHECK(resume());
    if (!per_case()) {
      AE_TRY(shared_, Functions::make(dataset_.functions));
    }
    AE_CHECK(ask_all());
    AE_CHECK(rewrite());
    return measure();
  }

 private:
  bool per_case() const {
    return options_.given_functions || options_.signatures == Signatures::kItem;
  }
  std::size_t repeat() const { return std::max<std::size_t>(options_.repeat, 1); }

  Result<void> resume() {
    if (options_.predictions.empty() || !std::filesystem::exists(options_.predictions)) return {};
    AE_TRY(const std::string text, read_file(options_.predictions, kMaxPredictionBytes));
    std::map<std::string, std::size_t> index;
    for (std::size_t c = 0; c < dataset_.cases.size(); ++c) index[dataset_.cases[c].id] = c;
    for (const std::string_view line : split(text, '\n')) {
      const auto parsed = json::parse(line);
      // The last line of an interrupted run may be half written.
      if (!parsed || json::string_or(*parsed, "settings") != settings_) continue;
      auto answer = read_line(*parsed);
      if (!answer || !index.contains(answer->id) || answer->run >= repeat()) continue;
      const std::size_t at = index[answer->id] * repeat() + answer->run;
      if (!done_[at]) ++resumed_;
      done_[at] = true;
      answers_[at] = *std::move(answer);
    }
    return {};
  }

  Result<void> ask_all() {
    if (!options_.predictions.empty()) file_.open(options_.predictions, std::ios::app);
    finished_ = resumed_;
    std::vector<std::jthread> threads;
    const std::size_t count = std::clamp<std::size_t>(options_.threads, 1, kMaxThreads);
    for (std::size_t t = 0; t < count; ++t) threads.emplace_back([this] { work(); });
    threads.clear();  // joins
    const std::lock_guard lock(mutex_);
    if (failure_) return fail(*failure_);
    return {};
  }

  void work() {
    while (true) {
      const std::size_t at = next_++;
      if (at >= answers_.size()) return;
      if (done_[at]) continue;
      auto answer = ask(dataset_.cases[at / repeat()], at % repeat());
      const std::lock_guard lock(mutex_);
      if (failure_) return;
      if (!answer) {
        failure_ = answer.error();
        return;
      }
      if (file_.is_open()) file_ << json::dump(line_of(*answer, settings_)) << '\n' << std::flush;
      answers_[at] = *std::move(answer);
      ++finished_;
      if (options_.progress) options_.progress(finished_, answers_.size());
    }
  }

  Result<Answer> ask(const Case& wanted, std::size_t run) const {
    AE_CHECK(context_.check());
    std::unique_ptr<Functions> own;
    if (per_case()) {
      AE_TRY(own, Functions::make(functions_for(dataset_, wanted, options_)));
    }
    const repository::Repository& repository = (own ? own : shared_)->repository();
    const auto begin = std::chrono::steady_clock::now();
    const auto generation = generate::generate_embedded(wanted.query, repository, context_);
    const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - begin;
    Answer answer;
    answer.id = wanted.id;
    answer.run = run;
    answer.milliseconds = time.count();
    if (!generation) {
      answer.status = "error";
      answer.provenance = generation.error().message;
      return answer;
    }
    answer.status = std::string(generate::to_string(generation->status));
    answer.provenance = generation->provenance;
    if (!generation->workflow.nodes.empty())
      answer.variants.push_back(nodes_of(generation->workflow, generation->first_inputs));
    for (const dag::Workflow& other : generation->alternatives)
      answer.variants.push_back(nodes_of(other, generation->first_inputs));
    return answer;
  }

  // The same file whatever the order in which threads came to an end.
  Result<void> rewrite() {
    if (options_.predictions.empty()) return {};
    file_.close();
    std::string text;
    for (const Answer& answer : answers_) text += json::dump(line_of(answer, settings_)) + "\n";
    return write_file_atomically(options_.predictions, text);
  }

  Evaluation measure() {
    Evaluation result;
    result.resumed = resumed_;
    const std::map<std::string, std::string> twins = twin_clusters(dataset_.functions);
    std::map<std::string, Counts> groups;
    std::vector<double> times;
    for (std::size_t at = 0; at < answers_.size(); ++at) {
      CaseResult one = measure_one(dataset_.cases[at / repeat()], std::move(answers_[at]), twins);
      result.total += one.counts;
      result.best += one.best;
      result.levels[one.wanted->level] += one.counts;
      groups[group_of(*one.wanted)] += one.counts;
      ++result.statuses[one.answer.status];
      times.push_back(one.answer.milliseconds);
      result.cases.push_back(std::move(one));
    }
    std::vector<Counts> sums;
    for (const auto& [functions, counts] : groups) sums.push_back(counts);
    result.intervals = bootstrap(sums);
    std::ranges::sort(times);
    if (!times.empty()) result.median_milliseconds = times[times.size() / 2];
    return result;
  }

  static std::string group_of(const Case& wanted) {
    std::set<std::string> functions;
    for (const Node& node : wanted.nodes) functions.insert(node.function);
    std::string group;
    for (const std::string& function : functions) group += function + "\n";
    return group;
  }

  CaseResult measure_one(const Case& wanted, Answer answer,
                         const std::map<std::string, std::string>& twins) const {
    CaseResult one;
    one.wanted = &wanted;
    static const std::vector<Node> kNothing;
    one.counts =
        compare(answer.variants.empty() ? kNothing : answer.variants.front(), wanted.nodes, twins);
    one.best = one.counts;
    for (std::size_t v = 1; v < answer.variants.size() && v < options_.top_k; ++v) {
      const Counts other = compare(answer.variants[v], wanted.nodes, twins);
      if (other.functions.f1() > one.best.functions.f1()) one.best = other;
    }
    one.answer = std::move(answer);
    return one;
  }

  const Dataset& dataset_;
  const Options& options_;
  const CallContext& context_;
  std::string settings_;
  std::unique_ptr<Functions> shared_;
  std::vector<Answer> answers_;  // by case, then run; each written by one thread
  std::vector<bool> done_;       // known before the threads start
  std::size_t resumed_ = 0;
  std::atomic<std::size_t> next_{0};
  std::mutex mutex_;  // guards what follows
  std::ofstream file_;
  std::size_t finished_ = 0;
  std::optional<Error> failure_;
};

Json rates_json(const Counts& counts, const std::vector<Interval>& intervals) {
  Json json = Json::object();
  const auto values = rates(counts);
  for (std::size_t r = 0; r < values.size(); ++r) {
    Json one = {{"value", values[r].second}};
    if (r < intervals.size()) {
      one["low"] = intervals[r].low;
      one["high"] = intervals[r].high;
    }
    json[values[r].first] = std::move(one);
  }
  return json;
}

}  // namespace

Result<Evaluation> evaluate(const Dataset& dataset, const Options& options,
                            const CallContext& context) {
  return Runner(dataset, options, context).run();
}

Result<Retrieval> evaluate_retrieval(const Dataset& dataset, const Options& options,
                                     const CallContext& context) {
  AE_TRY(const auto functions, Functions::make(dataset.functions));
  Retrieval result;
  const retrieve::RetrieveOptions wide{.per_clause = 40, .pool_size = Retrieval::kDepths.back()};
  for (std::size_t c = 0; c < dataset.cases.size(); ++c) {
    const Case& wanted = dataset.cases[c];
    std::set<std::string> gold;
    for (const Node& node : wanted.nodes) gold.insert(node.function);
    AE_TRY(const plan::Query query, plan::read_query(wanted.query));
    AE_TRY(const retrieve::Pool pool,
           retrieve::retrieve(query, functions->repository(), context, wide));
    std::size_t found = 0;
    std::size_t rank = 0;
    for (std::size_t d = 0; d < Retrieval::kDepths.size(); ++d) {
      for (; rank < Retrieval::kDepths[d] && rank < pool.candidates.size(); ++rank)
        found += gold.contains(pool.candidates[rank].function) ? 1U : 0U;
      if (gold.empty()) continue;
      result.recall[d] += static_cast<double>(found) / static_cast<double>(gold.size());
      result.all_in_top[d] += found == gold.size() ? 1 : 0;
    }
    if (options.progress) options.progress(c + 1, dataset.cases.size());
  }
  const double cases = std::max<double>(static_cast<double>(dataset.cases.size()), 1);
  for (double& value : result.recall) value /= cases;
  for (double& value : result.all_in_top) value /= cases;
  return result;
}

Json to_json(const Retrieval& retrieval) {
  Json json = {{"recall", Json::object()}, {"all_in_top", Json::object()}};
  for (std::size_t d = 0; d < Retrieval::kDepths.size(); ++d) {
    const std::string depth = std::to_string(Retrieval::kDepths[d]);
    json["recall"][depth] = retrieval.recall[d];
    json["all_in_top"][depth] = retrieval.all_in_top[d];
  }
  return json;
}

Json to_json(const Evaluation& evaluation) {
  Json levels = Json::object();
  for (const auto& [level, counts] : evaluation.levels) levels[level] = rates_json(counts, {});
  return {{"cases", evaluation.cases.size()},
          {"metrics", rates_json(evaluation.total, evaluation.intervals)},
          {"levels", std::move(levels)},
          {"best_of_variants", rates_json(evaluation.best, {})},
          {"statuses", evaluation.statuses},
          {"median_milliseconds", evaluation.median_milliseconds},
          {"resumed", evaluation.resumed}};
}

}  // namespace ae::evaluate
