// Any bytes: a workflow is read or refused; one that is read is checked, ordered and drawn without
// a crash, and survives being written, in JSON and in YAML.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "dag/draw.h"
#include "dag/order.h"
#include "dag/serialize.h"
#include "dag/validate.h"
#include "json/yaml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ae;
  if (size > 1U << 16U) return 0;
  const auto parsed = dag::parse_workflow_text({reinterpret_cast<const char*>(data), size});
  if (!parsed || dag::has_errors(parsed->diagnostics)) return 0;
  const dag::Workflow& workflow = parsed->workflow;
  bool cyclic = false;
  bool ambiguous = false;  // of two steps with one id, which one refers to itself?
  for (const dag::Diagnostic& one : dag::validate(workflow)) {
    if (one.pointer.size() > 0 && one.pointer.front() != '/') std::abort();
    if (one.message.empty() || one.fix.empty()) std::abort();
    ambiguous = ambiguous || one.code == "duplicate_node";
    cyclic = cyclic || one.code == "cycle" || one.code == "self_reference";
  }
  const auto order = dag::topological_order(workflow);
  if (!ambiguous && order.has_value() == cyclic) std::abort();
  if (order && order->size() != workflow.nodes.size()) std::abort();
  dag::to_dot(workflow);
  dag::to_mermaid(workflow);
  dag::to_terminal(workflow, dag::Colour::kOn);
  const Json written = dag::to_json(workflow);
  const auto from_json = dag::parse_workflow(written);
  if (!from_json.diagnostics.empty() || !(from_json.workflow == workflow)) std::abort();
  const auto from_yaml = dag::parse_workflow_text(json::dump_yaml(written));
  if (!from_yaml || !(from_yaml->workflow == workflow)) std::abort();
  return 0;
}
