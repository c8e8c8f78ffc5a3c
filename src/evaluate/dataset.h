// A set of functions and of sentences with the workflows that they should become.
//
//   DIR/functions.json   [{name, description, parameters, returns}], the last two JSON Schemas
//   DIR/cases.jsonl      a case a line: {id, level, query, nodes, local_functions?}
//
// A node is {id, function, arguments}; an argument is {"input": true, "value": …} (from the caller;
// the value is the query's literal or null), {"node": id, "output": field or null} (from an earlier
// node), or a list of those. Predictions have the same form.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "dag/function_spec.h"
#include "json/json.h"

namespace ae::evaluate {

// Where a value comes from: the caller (node is ""), or a node.
struct Source {
  std::string node;
  std::string output;  // "" when it is not said
  Json value;          // of the caller's: the literal, or null
};

struct Argument {
  std::string parameter;
  std::vector<Source> sources;  // several for a list
};

struct Node {
  std::string id;
  std::string function;
  std::vector<Argument> arguments;
};

struct Case {
  std::string id;
  std::string level;
  std::string query;
  std::vector<Node> nodes;
  std::vector<dag::FunctionSpec> local_functions;  // signatures of its own, where it has any
};

struct Dataset {
  std::string name;  // the folder's
  std::vector<dag::FunctionSpec> functions;
  std::map<std::string, std::string> original_names;  // by the name that a repository accepts
  std::vector<Case> cases;
};

// Errors: kNotFound, kInvalidArgument with file and line.
Result<Dataset> read_dataset(const std::filesystem::path& folder);

Result<std::vector<Node>> read_nodes(const Json& nodes);
Json to_json(const std::vector<Node>& nodes);

// [A-Za-z0-9][A-Za-z0-9_-]{0,62}, as a repository wants it.
std::string accepted_name(const std::string& name);

}  // namespace ae::evaluate
