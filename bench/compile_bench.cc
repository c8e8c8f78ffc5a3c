// Workflows compiled per second and core, for every target of the registry, and how the time grows
// with the number of steps.
#include <chrono>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "bench/report.h"
#include "compile/compiler.h"

namespace {

using Clock = std::chrono::steady_clock;
using namespace ae;

dag::FunctionSpec function() {
  dag::FunctionSpec spec;
  spec.name = "enrich";
  spec.version = "0123456789abcdef";
  spec.description = "Adds what is known of a record.";
  spec.output = {{"type", "object"}, {"properties", {{"title", {{"type", "string"}}}}}};
  spec.binding = dag::LocalPackage{.folder = "/srv/enrich",
                                   .handler = "lambda_function.lambda_handler",
                                   .runtime = "python3.11"};
  return spec;
}

dag::NodeId id_of(std::size_t step) { return dag::NodeId(fmt::format("step{}", step)); }

// Every step uses an input, a literal and the results of the steps given.
dag::Workflow workflow(const std::vector<std::vector<std::size_t>>& producers) {
  dag::Workflow made;
  made.name = "enrich-records";
  made.inputs = {{"type", "object"},
                 {"properties", {{"record", {{"type", "string"}}}}},
                 {"required", {"record"}}};
  for (std::size_t step = 0; step < producers.size(); ++step) {
    dag::Node& node = made.nodes.emplace_back();
    node.id = id_of(step);
    node.function = "enrich";
    node.version = "0123456789abcdef";
    node.goal = "add what is known of the record";
    node.arguments = {{"record", {dag::InputRef{"record"}}}, {"limit", {dag::Literal{Json(3)}}}};
    for (const std::size_t producer : producers[step]) {
      node.arguments.push_back(
          {fmt::format("title{}", producer), {dag::OutputRef{id_of(producer), "title"}}});
    }
  }
  made.outputs = {{"title", {dag::OutputRef{id_of(producers.size() - 1), "title"}}}};
  return made;
}

dag::LinkedWorkflow linked(const std::vector<std::vector<std::size_t>>& producers) {
  dag::LinkedWorkflow made;
  made.workflow = workflow(producers);
  const dag::FunctionSpec spec = function();
  made.functions.emplace(dag::function_key(spec.name, spec.version), spec);
  return made;
}

std::vector<std::vector<std::size_t>> chain(std::size_t size) {
  std::vector<std::vector<std::size_t>> producers(size);
  for (std::size_t i = 1; i < size; ++i) producers[i] = {i - 1};
  return producers;
}

// Rungs of three steps, each using two of the rung before: nowhere series-parallel.
std::vector<std::vector<std::size_t>> ladder(std::size_t size) {
  std::vector<std::vector<std::size_t>> producers(size);
  for (std::size_t i = 3; i < size; ++i) {
    const std::size_t rung = i / 3 * 3 - 3;
    producers[i] = {rung + i % 3, rung + (i + 1) % 3};
  }
  return producers;
}

std::vector<std::vector<std::size_t>> fan(std::size_t size) {
  std::vector<std::vector<std::size_t>> producers(size);
  for (std::size_t i = 1; i + 1 < size; ++i) producers[i] = {0};
  for (std::size_t i = 1; i + 1 < size && i < 50; ++i) producers[size - 1].push_back(i);
  return producers;
}

// Compilations a second.
double rate(const dag::LinkedWorkflow& workflow, std::string_view target, double seconds) {
  std::size_t done = 0;
  const auto start = Clock::now();
  std::chrono::duration<double> spent{};
  do {
    const auto compiled = compile::compile(workflow, target);
    if (!compiled || compiled->artifact.files.empty()) {
      fmt::print(stderr, "{} did not compile\n", target);
      std::exit(1);
    }
    ++done;
    spent = Clock::now() - start;
  } while (spent.count() < seconds);
  return static_cast<double>(done) / spent.count();
}

}  // namespace

int main(int argc, char** argv) {
  bench::Report report(
      "compile", "one linked workflow to the files of a target, validated, one core", argc, argv);
  const double seconds = report.seconds();
  // a -> (b, c, d) -> e -> f
  const auto six = linked({{}, {0}, {0}, {0}, {1, 2, 3}, {4}});
  for (const compile::CompilerTarget* target : compile::targets()) {
    const std::string name(target->name());
    report.add(name + ": six steps", rate(six, name, seconds), "workflows/s");
    const std::pair<const char*, std::vector<std::vector<std::size_t>> (*)(std::size_t)> shapes[] =
        {{"chain", chain}, {"ladder", ladder}, {"fan", fan}};
    for (const auto& [shape, make] : shapes) {
      for (const std::size_t size : {100UL, 1'000UL, 10'000UL}) {
        const double each = 1e6 / rate(linked(make(size)), name, seconds / 4);
        report.add(fmt::format("{}: {} of {}", name, shape, size), each / static_cast<double>(size),
                   "us/step");
      }
    }
  }
  return report.finish();
}
