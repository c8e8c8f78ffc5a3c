#include "generate/generation.h"

#include "dag/serialize.h"

namespace ae::generate {

std::string_view to_string(Status status) {
  switch (status) {
    case Status::kReady:
      return "ready";
    case Status::kNeedsInput:
      return "needs_input";
    case Status::kMissingFunctions:
      return "missing_functions";
    case Status::kInvalid:
      return "invalid";
  }
  return "invalid";
}

Json to_json(const Generation& generation) {
  Json json = {{"status", to_string(generation.status)},
               {"query", generation.query},
               {"engine", generation.engine},
               {"confidence", generation.confidence}};
  json["workflow"] = generation.workflow.nodes.empty() ? Json() : dag::to_json(generation.workflow);
  json["first_inputs"] = generation.first_inputs;
  json["needs_input"] = generation.needs_input;
  json["missing_functions"] = Json::array();
  for (const MissingFunction& missing : generation.missing_functions) {
    json["missing_functions"].push_back({{"clause", missing.clause},
                                         {"nearest", missing.nearest},
                                         {"suggested_name", missing.suggested_name}});
  }
  json["diagnostics"] = dag::to_json(generation.diagnostics);
  json["provenance"] = generation.provenance;
  json["alternatives"] = Json::array();
  for (const dag::Workflow& workflow : generation.alternatives) {
    json["alternatives"].push_back(dag::to_json(workflow));
  }
  return json;
}

}  // namespace ae::generate
