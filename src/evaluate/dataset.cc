#include "evaluate/dataset.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/text.h"

namespace ae::evaluate {
namespace {

constexpr std::size_t kMaxBytes = 256UL << 20U;
constexpr json::Limits kLimits{.max_bytes = kMaxBytes, .max_depth = 64, .max_keys = 100'000};

// What datasets write that is no JSON Schema is left out: a default of null, an enum that is no
// list.
Json mended(const Json& schema, int depth = 0) {
  if (!schema.is_object() || depth > 16) return Json::object();
  Json result = schema;
  if (const Json* choices = json::find(result, "enum"); choices != nullptr && !choices->is_array())
    result.erase("enum");
  if (const Json* value = json::find(result, "default"); value != nullptr && value->is_null())
    result.erase("default");
  if (result.contains("properties") && result["properties"].is_object()) {
    for (auto& [name, member] : result["properties"].items()) member = mended(member, depth + 1);
  }
  if (result.contains("items")) result["items"] = mended(result["items"], depth + 1);
  return result;
}

dag::FunctionSpec read_function(const Json& one) {
  dag::FunctionSpec spec;
  spec.name = accepted_name(json::string_or(one, "name"));
  spec.description = json::string_or(one, "description");
  const Json* input = json::find(one, "parameters");
  const Json* output = json::find(one, "returns");
  spec.input = input == nullptr ? Json::object() : mended(*input);
  spec.output = output == nullptr ? Json::object() : mended(*output);
  spec.binding = dag::HttpService{"http://127.0.0.1:9/" + spec.name};
  return spec;
}

Source read_source(const Json& one) {
  Source source;
  if (const Json* node = json::find(one, "node"); node != nullptr && node->is_string()) {
    source.node = node->get<std::string>();
    source.output = json::string_or(one, "output");
  } else if (const Json* value = json::find(one, "value")) {
    source.value = *value;
  }
  return source;
}

Json source_json(const Source& source) {
  if (source.node.empty()) return {{"input", true}, {"value", source.value}};
  return {{"node", source.node}, {"output", source.output.empty() ? Json() : Json(source.output)}};
}

Result<Case> read_case(const Json& one) {
  Case result;
  result.id = json::string_or(one, "id");
  result.level = json::string_or(one, "level");
  result.query = json::string_or(one, "query");
  const Json* nodes = json::find(one, "nodes");
  if (result.id.empty() || nodes == nullptr) {
    return fail(ErrorCode::kInvalidArgument, "a case needs id, query and nodes");
  }
  AE_TRY(result.nodes, read_nodes(*nodes));
  if (const Json* local = json::find(one, "local_functions");
      local != nullptr && local->is_array()) {
    for (const Json& function : *local) result.local_functions.push_back(read_function(function));
  }
  return result;
}

}  // namespace

std::string accepted_name(const std::string& name) {
  std::string result;
  for (const char c : name.substr(0, 63)) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    result += letter || (!result.empty() && (c == '_' || c == '-')) ? c : '_';
  }
  if (result.empty() || result.front() == '_') result.insert(0, "f");
  return result.substr(0, 63);
}

Result<std::vector<Node>> read_nodes(const Json& nodes) {
  if (!nodes.is_array()) return fail(ErrorCode::kInvalidArgument, "nodes: expected a list");
  std::vector<Node> result;
  for (const Json& one : nodes) {
    Node node;
    node.id = json::string_or(one, "id");
    node.function = accepted_name(json::string_or(one, "function"));
    if (const Json* arguments = json::find(one, "arguments");
        arguments != nullptr && arguments->is_object()) {
      for (const auto& [parameter, value] : arguments->items()) {
        Argument argument{parameter, {}};
        if (value.is_array()) {
          for (const Json& item : value) argument.sources.push_back(read_source(item));
        } else {
          argument.sources.push_back(read_source(value));
        }
        node.arguments.push_back(std::move(argument));
      }
    }
    result.push_back(std::move(node));
  }
  return result;
}

Json to_json(const std::vector<Node>& nodes) {
  Json list = Json::array();
  for (const Node& node : nodes) {
    Json arguments = Json::object();
    for (const Argument& argument : node.arguments) {
      Json sources = Json::array();
      for (const Source& source : argument.sources) sources.push_back(source_json(source));
      arguments[argument.parameter] = sources.size() == 1 ? Json(sources.front()) : sources;
    }
    list.push_back({{"id", node.id}, {"function", node.function}, {"arguments", arguments}});
  }
  return list;
}

Result<Dataset> read_dataset(const std::filesystem::path& folder) {
  Dataset dataset;
  dataset.name = (folder / "x").parent_path().filename().string();
  AE_TRY(const std::string functions_text, read_file(folder / "functions.json", kMaxBytes));
  AE_TRY(const Json functions, json::parse(functions_text, kLimits));
  for (const Json& one : functions) {
    dag::FunctionSpec spec = read_function(one);
    if (dataset.original_names.emplace(spec.name, json::string_or(one, "name")).second)
      dataset.functions.push_back(std::move(spec));
  }
  AE_TRY(const std::string cases_text, read_file(folder / "cases.jsonl", kMaxBytes));
  std::size_t number = 0;
  for (const std::string_view line : split(cases_text, '\n')) {
    ++number;
    if (trim(line).empty()) continue;
    const auto parsed = json::parse(line, kLimits);
    auto one = parsed ? read_case(*parsed) : Result<Case>(fail(parsed.error()));
    if (!one) {
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format("{}:{}: {}", (folder / "cases.jsonl").string(), number, one.error().message));
    }
    dataset.cases.push_back(*std::move(one));
  }
  return dataset;
}

}  // namespace ae::evaluate
