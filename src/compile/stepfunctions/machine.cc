#include "compile/stepfunctions/machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "base/text.h"
#include "dag/order.h"

namespace ae::compile::stepfunctions {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kNone = static_cast<std::size_t>(-1);
// A definition nests four JSON levels a Parallel; readers give up somewhere beyond sixty.
constexpr std::size_t kMaxNesting = 8;
constexpr std::size_t kLongestStateName = 80;
constexpr std::int64_t kLongestLambda = 900;  // seconds; AWS's limit
constexpr std::int64_t kLongestExpress = 300;

std::int64_t whole_seconds(milliseconds time) {
  return std::max<std::int64_t>(1, (time.count() + 999) / 1000);
}

std::string seconds_text(milliseconds time) {
  return fmt::format("{:g} s", static_cast<double>(time.count()) / 1000);
}

// "user-mood" -> "UserMood"
std::string pascal_case(std::string_view name) {
  std::string text;
  for (const std::string& word : identifier_words(name)) {
    std::string letters;
    std::ranges::copy_if(word, std::back_inserter(letters),
                         [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
    if (!letters.empty() && letters[0] >= 'a') letters[0] = static_cast<char>(letters[0] - 32);
    text += letters;
  }
  return text;
}

// A folder's name on any system.
std::string folder_name(std::string_view name) {
  std::string text;
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '-';
    text += plain ? c : '-';
  }
  return text.empty() ? "function" : text;
}

class Layout final {
 public:
  Layout(Machine& machine, const Options& options) : machine_(machine), options_(options) {}

  void run(const Stages& stages) {
    number_steps();
    for (std::size_t step = 0; step < machine_.size(); ++step) {
      machine_.state_names.reserve(machine_.node(step).id.str());
    }
    machine_.root = block_of(stages.root);
    note_uses();
    machine_.inputs = input_properties(machine_.linked->workflow.inputs);
    machine_.function_of.assign(machine_.size(), kNone);
    for (const std::size_t step : machine_.order) note_function(step);
    for (std::size_t step = 0; step < machine_.size(); ++step) check_step(step);
    check_length();
    explain(stages);
  }

 private:
  void number_steps() {
    for (std::size_t step = 0; step < machine_.size(); ++step) {
      machine_.step_of.emplace(machine_.node(step).id.str(), step);
    }
    machine_.position.assign(machine_.size(), 0);
    machine_.last_use.assign(machine_.size(), std::nullopt);
  }

  Block block_of(const Stage& stage) {
    Block block{.kind = stage.kind, .step = stage.step, .name = {}, .children = {}};
    block.first = machine_.order.size();
    if (stage.kind == Stage::Kind::kStep) {
      machine_.position[stage.step] = machine_.order.size();
      machine_.order.push_back(stage.step);
      block.name = machine_.node(stage.step).id.str();
    }
    for (const Stage& child : stage.children) block.children.push_back(block_of(child));
    block.last = machine_.order.size();
    if (stage.kind == Stage::Kind::kParallel) block.name = parallel_name(block);
    return block;
  }

  // "b and c", after the first steps of its branches.
  std::string parallel_name(const Block& block) {
    std::vector<std::string> firsts;
    for (const Block& branch : block.children) {
      firsts.push_back(machine_.node(machine_.order[branch.first]).id.str());
    }
    std::string name;
    if (firsts.size() <= 3) {
      for (std::size_t i = 0; i < firsts.size(); ++i) {
        name += (i == 0 ? "" : i + 1 == firsts.size() ? " and " : ", ") + firsts[i];
      }
    }
    // Room for the number that makes it unique.
    if (name.empty() || name.size() > kLongestStateName - 8) {
      name = fmt::format("{} and {} more", firsts[0].substr(0, 56), firsts.size() - 1);
    }
    return machine_.state_names.take(name);
  }

  void note_uses() {
    const auto note = [&](const dag::Binding& binding, std::size_t position) {
      dag::for_each_reference(binding, [&](const auto& reference) {
        if constexpr (requires { reference.node; }) {
          auto& last = machine_.last_use[machine_.step_of.at(reference.node.str())];
          last = std::max(last.value_or(0), position);
        }
      });
    };
    for (std::size_t step = 0; step < machine_.size(); ++step) {
      for (const dag::NamedBinding& argument : machine_.node(step).arguments) {
        note(argument.binding, machine_.position[step]);
      }
    }
    for (const dag::NamedBinding& output : machine_.linked->workflow.outputs) {
      note(output.binding, machine_.size());
    }
  }

  void note_function(std::size_t step) {
    const dag::FunctionSpec& spec = machine_.spec(step);
    if (!std::holds_alternative<dag::LocalPackage>(spec.binding)) return;
    const auto [found, fresh] = index_of_.emplace(&spec, machine_.functions.size());
    if (fresh) {
      std::string id = pascal_case(spec.name);
      if (id.empty() || (id[0] >= '0' && id[0] <= '9')) id.insert(0, "Fn");
      if (!id.ends_with("Function")) id += "Function";
      id = logical_ids_.take(id);
      machine_.functions.push_back({.logical_id = id,
                                    .substitution = id + "Arn",
                                    .folder = "functions/" + folders_.take(folder_name(spec.name)),
                                    .spec = &spec});
    }
    DeployedFunction& function = machine_.functions[found->second];
    function.timeout_seconds = std::max(function.timeout_seconds, timeout_seconds(machine_, step));
    machine_.function_of[step] = found->second;
  }

  void unsupported(std::string pointer, std::string message, std::string fix) {
    report(machine_, dag::Severity::kError, "unsupported", std::move(pointer), std::move(message),
           std::move(fix));
  }
  void differs(std::string pointer, std::string message, std::string fix) {
    report(machine_, dag::Severity::kWarning, "differs", std::move(pointer), std::move(message),
           std::move(fix));
  }

  void check_step(std::size_t step) {
    const dag::Node& node = machine_.node(step);
    const dag::FunctionSpec& spec = machine_.spec(step);
    const std::string pointer = fmt::format("/nodes/{}", step);
    if (const auto* http = std::get_if<dag::HttpService>(&spec.binding)) {
      check_http(node, *http, pointer);
    }
    check_times(step, pointer);
    if (spec.at_most_once() && options_.express) {
      differs(pointer + "/function",
              fmt::format("{} has side effects and is not declared idempotent, and an Express "
                          "workflow that is started asynchronously may run a step twice",
                          spec.name),
              "use the type standard, or start it with StartSyncExecution only");
    }
    if (const auto* package = std::get_if<dag::LocalPackage>(&spec.binding)) {
      check_package(step, *package, pointer);
    }
  }

  void check_http(const dag::Node& node, const dag::HttpService& http, const std::string& pointer) {
    if (options_.connection.empty()) {
      unsupported(pointer + "/function",
                  fmt::format("step {} calls the HTTP service {}, and Step Functions calls HTTP "
                              "only with the credentials of an EventBridge connection",
                              node.id, http.url),
                  "create a connection and give its ARN: --option connection=arn:aws:events:…");
    } else if (!http.url.starts_with("https://")) {
      unsupported(pointer + "/function",
                  fmt::format("step {} calls {}, and Step Functions calls only https URLs", node.id,
                              http.url),
                  "serve the function over https");
    }
  }

  void check_times(std::size_t step, const std::string& pointer) {
    const dag::Node& node = machine_.node(step);
    const milliseconds timeout = compile::timeout_of(node, machine_.spec(step));
    if (timeout.count() % 1000 != 0) {
      differs(pointer + (node.timeout ? "/timeoutSeconds" : "/function"),
              fmt::format("step {} may take {}, and Step Functions counts whole seconds: {} s",
                          node.id, seconds_text(timeout), whole_seconds(timeout)),
              "use a time-out of whole seconds");
    }
    if (!node.retry || node.retry->max_attempts <= 1 || machine_.spec(step).at_most_once()) return;
    const auto check = [&](std::string_view member, milliseconds wait) {
      if (wait.count() % 1000 == 0 && wait.count() > 0) return;
      differs(pointer + "/retry/" + std::string(member),
              fmt::format("step {} waits {} before it is tried again, and Step Functions counts "
                          "whole seconds from 1: {} s",
                          node.id, seconds_text(wait), whole_seconds(wait)),
              "use waits of whole seconds");
    };
    check("initialIntervalSeconds", node.retry->initial_interval);
    if (retrier_of(machine_, step)->max_delay_seconds) {
      check("maxIntervalSeconds", node.retry->max_interval);
    }
  }

  void check_package(std::size_t step, const dag::LocalPackage& package,
                     const std::string& pointer) {
    const dag::FunctionSpec& spec = machine_.spec(step);
    if (timeout_seconds(machine_, step) > kLongestLambda) {
      unsupported(
          pointer + "/timeoutSeconds",
          fmt::format("step {} may take {} s, and a Lambda function runs at most {} s",
                      machine_.node(step).id, timeout_seconds(machine_, step), kLongestLambda),
          "split the step, or use a shorter time-out");
    }
    if (package.runtime.empty()) {
      unsupported(pointer + "/function",
                  fmt::format("{} does not say which runtime it is for", spec.name),
                  "name the runtime in its function.yaml, for example python3.12");
    }
    for (const auto& [name, value] : spec.runtime.environment) {
      if (!is_reserved_variable(name)) continue;
      differs(pointer + "/function",
              fmt::format("{} sets the variable {}, which AWS Lambda keeps for itself", spec.name,
                          name),
              "give the variable another name");
    }
    if (!spec.runtime.state.empty()) {
      differs(pointer + "/function",
              fmt::format("{} keeps state in the folder AE_STATE_DIR, and a Lambda function has "
                          "only /tmp, which does not last",
                          spec.name),
              "let it keep its state in S3 or DynamoDB");
    }
  }

  void check_length() {
    if (!options_.express) return;
    std::vector<std::int64_t> end(machine_.size(), 0);
    std::int64_t longest = 0;
    const auto producers = dag::dependencies(machine_.linked->workflow);
    for (const std::size_t step : machine_.order) {
      for (const std::size_t producer : producers[step]) {
        end[step] = std::max(end[step], end[producer]);
      }
      end[step] += timeout_seconds(machine_, step);
      longest = std::max(longest, end[step]);
    }
    if (longest <= kLongestExpress) return;
    differs("",
            fmt::format("its steps may take {} s one after the other, and an Express workflow "
                        "ends after {} s",
                        longest, kLongestExpress),
            "use the type standard, or shorter time-outs");
  }

  void explain(const Stages& stages) {
    auto& lines = machine_.explanations;
    if (stages.barriers.empty()) {
      lines.emplace_back("the graph is series-parallel: each step waits for what it uses, no more");
    }
    for (const Barrier& barrier : stages.barriers) {
      lines.push_back(
          fmt::format("the graph is not series-parallel: {} wait for all of {}, though not every "
                      "one uses each; the longest chain of steps stays as long as it is",
                      steps_text(machine_, barrier.after), steps_text(machine_, barrier.before)));
    }
    explain_parallels(machine_.root);
    explain_retries();
  }

  void explain_parallels(const Block& block) {
    if (block.kind == Stage::Kind::kParallel) {
      machine_.explanations.push_back(fmt::format("state \"{}\" runs {} branches side by side",
                                                  block.name, block.children.size()));
    }
    for (const Block& child : block.children) explain_parallels(child);
  }

  void explain_retries() {
    std::vector<std::size_t> usual;
    std::vector<std::size_t> once;
    for (const std::size_t step : machine_.order) {
      if (machine_.spec(step).at_most_once()) {
        once.push_back(step);
      } else if (!machine_.node(step).retry) {
        usual.push_back(step);
      }
    }
    if (!usual.empty()) {
      machine_.explanations.push_back(
          fmt::format("{} say nothing of retrying: 3 attempts, as in the local run, with waits of "
                      "1 s and 2 s at most instead of 0.2 s and 0.4 s, because Step Functions "
                      "counts whole seconds",
                      steps_text(machine_, usual)));
    }
    if (!once.empty()) {
      machine_.explanations.push_back(
          fmt::format("{} are never called twice: their functions have side effects and are not "
                      "declared idempotent",
                      steps_text(machine_, once)));
    }
  }

  Machine& machine_;
  const Options& options_;
  std::unordered_map<const dag::FunctionSpec*, std::size_t> index_of_;
  UniqueNames logical_ids_{""};
  UniqueNames folders_{"-"};
};

}  // namespace

std::vector<std::size_t> Machine::exports_of(const Block& block) const {
  std::vector<std::size_t> steps;
  for (std::size_t i = block.first; i < block.last; ++i) {
    if (is_used_from(order[i], block.last)) steps.push_back(order[i]);
  }
  return steps;
}

Result<Machine> machine_of(const dag::LinkedWorkflow& linked, const Options& options) {
  AE_TRY(const Stages stages, stages_of(linked.workflow, kMaxNesting));
  Machine machine;
  machine.linked = &linked;
  Layout(machine, options).run(stages);
  return machine;
}

std::optional<Retrier> retrier_of(const Machine& machine, std::size_t step) {
  const dag::RetryPolicy policy = machine.node(step).retry.value_or(dag::RetryPolicy{});
  if (policy.max_attempts <= 1 || machine.spec(step).at_most_once()) return std::nullopt;
  Retrier retrier;
  const std::int64_t longest = whole_seconds(policy.max_interval);
  retrier.interval_seconds = std::min(whole_seconds(policy.initial_interval), longest);
  retrier.backoff_rate = longest > retrier.interval_seconds ? policy.multiplier : 1;
  retrier.max_attempts = policy.max_attempts - 1;
  double wait = static_cast<double>(retrier.interval_seconds);
  for (std::int64_t attempt = 1; attempt < retrier.max_attempts; ++attempt) {
    wait *= retrier.backoff_rate;
    if (wait <= static_cast<double>(longest)) continue;
    retrier.max_delay_seconds = longest;
    break;
  }
  return retrier;
}

std::int64_t timeout_seconds(const Machine& machine, std::size_t step) {
  return whole_seconds(compile::timeout_of(machine.node(step), machine.spec(step)));
}

std::string steps_text(const Machine& machine, const std::vector<std::size_t>& steps) {
  constexpr std::size_t kMost = 6;
  std::string text = steps.size() == 1 ? "step " : "steps ";
  const std::size_t named = steps.size() > kMost ? kMost - 1 : steps.size();
  for (std::size_t i = 0; i < named; ++i) {
    if (i > 0) text += i + 1 == steps.size() ? " and " : ", ";
    text += machine.node(steps[i]).id.str();
  }
  if (named < steps.size()) text += fmt::format(" and {} more", steps.size() - named);
  return text;
}

void report(Machine& machine, dag::Severity severity, std::string code, std::string pointer,
            std::string message, std::string fix) {
  machine.diagnostics.push_back({.code = std::move(code),
                                 .severity = severity,
                                 .pointer = std::move(pointer),
                                 .message = std::move(message),
                                 .fix = std::move(fix),
                                 .candidates = {}});
}

}  // namespace ae::compile::stepfunctions
