// From a linked workflow to what one platform understands (the paper's platform-specific DAG
// compiler). A target lives in a folder of its own and knows no other target; what it cannot
// express is an error that names the node, never left out in silence.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dag/diagnostic.h"
#include "dag/link.h"

namespace ae::compile {

// One file of the output, ready to be committed.
struct ArtifactFile {
  std::string path;  // relative: "workflow.yaml", "knative/resize.yaml"
  std::string text;
  bool operator==(const ArtifactFile&) const = default;
};

// A folder of the output that is a copy of code which the workflow pins.
struct ArtifactFolder {
  std::string path;       // relative: "functions/resize"
  std::string function;   // the function whose code it is, …
  std::string version;    // … and its content hash
  std::size_t layer = 0;  // 0: the code; 1, 2, …: LocalPackage::layers
  bool operator==(const ArtifactFolder&) const = default;
};

struct Artifact {
  std::vector<ArtifactFile> files;  // the main one first
  std::vector<ArtifactFolder> folders{};
  // Why the output is as it is, a line each, for --explain: what became of which node.
  std::vector<std::string> explanations;
  bool operator==(const Artifact&) const = default;
};

struct Compiled {
  Artifact artifact;  // empty when there are errors
  // Code "unsupported" (an error): a construct that the target cannot express, with the node's
  // pointer and what to do; warnings for what it expresses with a difference worth knowing.
  std::vector<dag::Diagnostic> diagnostics;
};

// What a target may be told, as NAME=VALUE: "query-language" = "jsonpath".
using TargetOptions = std::map<std::string, std::string, std::less<>>;

struct OptionInfo {
  std::string_view name;
  std::string_view values;    // "jsonata | jsonpath"; "<text>" when any text will do
  std::string_view fallback;  // what holds when it is not given; "" for none
  std::string_view description;
};

// Threads: const methods from any. Output depends on the arguments alone, byte for byte.
class CompilerTarget {
 public:
  virtual ~CompilerTarget() = default;
  virtual std::string_view name() const = 0;         // "stepfunctions"
  virtual std::string_view description() const = 0;  // one line, for --help
  virtual std::span<const OptionInfo> options() const = 0;
  // Options are among options(), with values that compile() below has checked.
  // Errors: kInternal only; what cannot be expressed is a diagnostic.
  virtual Result<Compiled> compile(const dag::LinkedWorkflow& workflow,
                                   const TargetOptions& options) const = 0;
};

// Every target of this build, by name. The registry: one line a target in targets.cc.
std::span<const CompilerTarget* const> targets();

// Errors: kNotFound with the known targets; kInvalidArgument for an unknown option or value, with
// what is known; kInvalidArgument when the workflow is not well-formed (validate.h). Threads: any.
Result<Compiled> compile(const dag::LinkedWorkflow& workflow, std::string_view target,
                         const TargetOptions& options = {});

}  // namespace ae::compile
