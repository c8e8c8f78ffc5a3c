// Made-up repositories and plans as text, for the tests of solve.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "solve/solve.h"

namespace ae::solve {

using Snapshot = repository::Repository::Snapshot;

// What names are replaced by, when they are: words without meaning, equal for equal.
using Renaming = std::map<std::string, std::string>;

inline std::string renamed(const std::string& name, Renaming* renaming) {
  if (renaming == nullptr) return name;
  static constexpr std::string_view kSounds[] = {"bo", "ki", "lu", "za", "mer", "ton", "vix", "pa"};
  const auto [at, inserted] = renaming->try_emplace(name);
  if (inserted) {
    std::size_t n = renaming->size() * 7 + 3;
    for (int i = 0; i < 4; ++i, n = n / 8 + 5) at->second += kSounds[n % 8];
    at->second += std::to_string(renaming->size());
  }
  return at->second;
}

inline Json schema_of(const Json& fields, Renaming* renaming) {
  Json schema = {{"type", "object"}, {"properties", Json::object()}, {"required", Json::array()}};
  for (const auto& [name, field] : fields.items()) {
    schema["properties"][renamed(name, renaming)] = field;
    if (!field.contains("default")) schema["required"].push_back(renamed(name, renaming));
  }
  return schema;
}

inline std::shared_ptr<Snapshot> read_functions(std::string_view text,
                                                Renaming* renaming = nullptr) {
  auto snapshot = std::make_shared<Snapshot>();
  const Result<Json> functions = json::parse(text);
  EXPECT_TRUE(functions.has_value()) << functions.error().describe();
  for (const Json& one : *functions) {
    dag::FunctionSpec spec;
    spec.name = renamed(one["name"], renaming);
    spec.description = one["description"];
    spec.input = schema_of(one["input"], renaming);
    spec.output = schema_of(one["output"], renaming);
    for (const Json& effect : one.value("effects", Json::array())) spec.effects.push_back(effect);
    snapshot->functions.push_back(std::move(spec));
  }
  return snapshot;
}

inline std::vector<Solution> solve_all(std::string_view text,
                                       const std::shared_ptr<Snapshot>& snapshot,
                                       std::span<const plan::Attachment> files = {}) {
  const Result<plan::Query> query = plan::read_query(text, files);
  EXPECT_TRUE(query.has_value()) << text;
  retrieve::Pool pool;
  pool.snapshot = snapshot;
  pool.index = std::make_shared<const retrieve::FunctionIndex>(pool.snapshot);
  for (std::uint32_t i = 0; i < pool.index->functions().size(); ++i) {
    retrieve::Candidate candidate;
    candidate.function = pool.index->functions()[i].spec->name;
    candidate.number = i;
    pool.candidates.push_back(candidate);
  }
  Result<std::vector<Solution>> solutions = solve(*query, pool, CallContext{});
  EXPECT_TRUE(solutions.has_value());
  EXPECT_FALSE(solutions->empty());
  return *std::move(solutions);
}

inline std::string source(const dag::Binding& binding) {
  if (const auto* input = std::get_if<dag::InputRef>(&binding.source)) return "$" + input->input;
  if (const auto* output = std::get_if<dag::OutputRef>(&binding.source)) {
    return fmt::format("{}.{}", output->node, output->field);
  }
  return "?";
}

// "suggest_book(genre=favourite_genre.genre)" for each step.
inline std::vector<std::string> steps(const Solution& solution) {
  std::vector<std::string> texts;
  for (const dag::Node& node : solution.workflow.nodes) {
    std::vector<std::string> arguments;
    for (const dag::NamedBinding& argument : node.arguments) {
      arguments.push_back(argument.name + "=" + source(argument.binding));
    }
    texts.push_back(fmt::format("{}({})", node.id, join(arguments, ", ")));
  }
  return texts;
}

}  // namespace ae::solve
