// Functions coming in, going, and getting to be known better.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "gateway/internal/body.h"
#include "gateway/internal/core.h"
#include "gateway/internal/functions.h"
#include "gateway/internal/upload.h"
#include "json/yaml.h"
#include "net/http_message.h"
#include "repository/infer.h"
#include "repository/package.h"
#include "repository/sidecar.h"

namespace ae::gateway {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxPackages = 1000;  // of one POST; each is read and copied
constexpr std::size_t kRunsLookedAt = 500;  // for what a function has taken and given
constexpr std::size_t kMaxSamples = 100;
constexpr std::size_t kRunsSearchedForPins = 5'000;

// What one request brings, or why it is refused.
class Incoming final {
 public:
  Incoming(const Core& core, Call& call) : core_(core), call_(call) {}

  // False when the call has been answered. All or nothing.
  bool read_path(const fs::path& path) {
    if (!path.is_absolute()) {
      call_.fail(422, "invalid_body", "The path is relative",
                 fmt::format("/path: \"{}\" is relative, and the server's working folder is not "
                             "yours; send an absolute path",
                             shorten(path.string(), 200)));
      return false;
    }
    return load(path, "", "/path") && accept(path.string());
  }

  bool read_upload(std::string_view type) {
    const std::string name = call_.query_parameter("name").value_or("");
    if (!name.empty() && !repository::is_function_name(name)) {
      call_.fail(400, "invalid_parameter", "A query parameter is wrong",
                 "name cannot be a function's name: at most 63 letters, digits, '_' and '-'");
      return false;
    }
    if (type != "multipart/form-data") {
      const std::string stem = name.empty() ? "function" : name;
      return read_archive(stem + ".zip", call_.request().body, name) && accept(stem + ".zip");
    }
    const auto files =
        read_multipart(call_.request().header("Content-Type").value_or(""), call_.request().body);
    if (!files) return call_.fail(files.error()), false;
    for (const UploadedFile& file : *files) {
      if (!read_archive(file.name, file.content, files->size() == 1 ? name : "")) return false;
    }
    return accept("the form");
  }

  const std::vector<repository::Package>& packages() const { return packages_; }

 private:
  bool read_archive(const std::string& file, std::string_view content, const std::string& name) {
    auto folder = std::make_unique<TemporaryFolder>("ae-upload");
    fs::path stem = fs::path(file).stem();
    if (!repository::is_function_name(stem.string())) stem = "upload";
    const fs::path path = folder->path() / (stem.string() + ".zip");
    if (const auto written = write_file_atomically(path, content); !written) {
      return call_.fail(written.error()), false;
    }
    folders_.push_back(std::move(folder));
    return load(path, name, "");
  }

  bool load(const fs::path& path, const std::string& name, const std::string& pointer) {
    auto loaded = repository::load_packages(path, {.name = name, .python = core_.options.python});
    if (!loaded) return call_.fail(loaded.error()), false;
    for (const auto& refused : loaded->refused) {
      refuse("invalid_package", pointer,
             fmt::format("{}: {}", refused.where, refused.error.describe()),
             "mend the package, then send the request again");
    }
    for (repository::Package& package : loaded->packages) {
      const auto [first, fresh] = seen_.emplace(package.spec.name, package.folder.string());
      if (!fresh) {
        refuse("duplicate_function", pointer,
               fmt::format("two functions are called {}", package.spec.name),
               "rename one of them in its function.yaml");
      }
      packages_.push_back(std::move(package));
    }
    return true;
  }

  bool accept(const std::string& source) {
    if (wrong_.empty() && (packages_.empty() || packages_.size() > kMaxPackages)) {
      call_.fail(422, "no_package", "No function there",
                 packages_.empty()
                     ? fmt::format("{} holds no function: a folder or zip with a function.yaml, "
                                   "lambda_function.py, app.py, index.mjs, index.cjs, index.js or "
                                   "bootstrap, or a template.yaml with functions",
                                   source)
                     : fmt::format("{} holds {} functions; add at most {} at once", source,
                                   packages_.size(), kMaxPackages));
      return false;
    }
    if (wrong_.empty()) return true;
    call_.fail(422, "invalid_package", "A package cannot be used",
               "nothing was added. " + summarize(wrong_), wrong_);
    return false;
  }

  void refuse(std::string code, std::string pointer, std::string message, std::string fix) {
    wrong_.push_back({.code = std::move(code),
                      .severity = dag::Severity::kError,
                      .pointer = std::move(pointer),
                      .message = std::move(message),
                      .fix = std::move(fix),
                      .candidates = {}});
  }

  const Core& core_;
  Call& call_;
  std::vector<std::unique_ptr<TemporaryFolder>> folders_;
  std::vector<repository::Package> packages_;
  std::vector<dag::Diagnostic> wrong_;
  std::map<std::string, std::string> seen_;
};

std::string_view result_name(repository::Added::Kind kind) {
  switch (kind) {
    case repository::Added::Kind::kNew:
      return "new";
    case repository::Added::Kind::kNewVersion:
      return "new_version";
    case repository::Added::Kind::kUnchanged:
      return "unchanged";
  }
  std::unreachable();
}

// What a person should know of a function that was just added.
Json notes_of(const Core& core, const repository::Package& package,
              const dag::FunctionSpec& stored) {
  Json notes = Json::array();
  for (const std::string& note : package.notes) notes.push_back(note);
  if (const auto runs = core.services.faas.supports(stored); !runs) {
    notes.push_back(runs.error().message);
  }
  return notes;
}

std::string media_type(const Call& call) {
  const std::string_view header = call.request().header("Content-Type").value_or("");
  return to_lower(trim(header.substr(0, header.find(';'))));
}

// Versions that something may still run: of registered workflows, and of runs that are under way or
// can be resumed. nullopt when there are too many runs to tell.
Result<std::optional<std::set<std::string>>> pinned_versions(const Core& core) {
  std::set<std::string> pinned;
  const auto add = [&](const dag::LinkedWorkflow& linked) {
    for (const auto& [key, spec] : linked.functions) pinned.insert(key);
  };
  AE_TRY(const auto workflows, core.services.catalog.list());
  for (const auto& summary : workflows) {
    for (int version = 1; version <= summary.version; ++version) {
      const auto workflow = core.services.catalog.get(summary.id, version);
      if (workflow) add((*workflow)->linked);
    }
  }
  AE_TRY(const auto runs, core.services.journal.list("", kRunsSearchedForPins + 1));
  if (runs.size() > kRunsSearchedForPins) return std::optional<std::set<std::string>>();
  for (const execute::RunSummary& run : runs) {
    if (run.status == execute::RunStatus::kSucceeded ||
        run.status == execute::RunStatus::kCancelled) {
      continue;
    }
    AE_TRY(const auto stored, core.services.journal.load(run.id));
    if (stored && stored->run.linked != nullptr) add(*stored->run.linked);
  }
  return std::optional(std::move(pinned));
}

// The workflows whose newest version calls the function.
Result<Json> users_of(const Core& core, const std::string& name) {
  Json users = Json::array();
  AE_TRY(const auto workflows, core.services.catalog.list());
  for (const auto& summary : workflows) {
    AE_TRY(const auto workflow, core.services.catalog.get(summary.id));
    const auto& nodes = workflow->linked.workflow.nodes;
    if (std::ranges::find(nodes, name, &dag::Node::function) != nodes.end()) {
      users.push_back(summary.id);
    }
  }
  return users;
}

// What the function took and gave in recorded runs.
struct Samples {
  std::vector<Json> inputs;
  std::vector<Json> outputs;
};

Result<Samples> samples_of(const Core& core, const dag::FunctionSpec& spec) {
  Samples samples;
  AE_TRY(const auto runs, core.services.journal.list("", kRunsLookedAt));
  for (const execute::RunSummary& run : runs) {
    if (samples.outputs.size() >= kMaxSamples) break;
    AE_TRY(const auto stored, core.services.journal.load(run.id));
    if (!stored || stored->run.linked == nullptr) continue;
    std::vector<dag::NodeId> steps;
    for (const dag::Node& node : stored->run.linked->workflow.nodes) {
      if (node.function == spec.name && node.version == spec.version) steps.push_back(node.id);
    }
    if (steps.empty()) continue;
    AE_TRY(const auto state, core.services.orchestrator.get(run.id));
    for (const dag::NodeId& id : steps) {
      const auto step = state.steps.find(id);
      if (step == state.steps.end() || step->second.status != execute::StepStatus::kSucceeded) {
        continue;
      }
      if (step->second.input.is_object()) samples.inputs.push_back(step->second.input);
      samples.outputs.push_back(step->second.output);
    }
  }
  return samples;
}

// function.yaml as it could be written, from what is known.
std::string sidecar_text(const dag::FunctionSpec& spec, const Json& input, const Json& output) {
  Json document = {{"apiVersion", "actionengine/v1"},
                   {"kind", "Function"},
                   {"name", spec.name},
                   {"description", spec.description}};
  if (const auto* code = std::get_if<dag::LocalPackage>(&spec.binding)) {
    document["handler"] = code->handler;
    document["runtime"] = code->runtime;
  }
  if (spec.runtime.event == dag::EventFormat::kApiGateway) document["event"] = "api-gateway";
  if (!spec.errors.empty()) document["errors"] = spec.errors;
  document["input"] = input;
  document["output"] = output;
  return json::dump_yaml(document);
}

struct Proposal {
  dag::FunctionSpec spec;
  std::size_t samples = 0;
  Json input;
  Json output;
};

Result<Proposal> propose(const Core& core, const std::string& name) {
  AE_TRY(dag::FunctionSpec spec, core.services.repository.get(name));
  AE_TRY(const Samples samples, samples_of(core, spec));
  Proposal proposal{
      .spec = std::move(spec), .samples = samples.outputs.size(), .input = {}, .output = {}};
  proposal.input =
      repository::refined(proposal.spec.input, repository::schema_of_values(samples.inputs));
  proposal.output =
      repository::refined(proposal.spec.output, repository::schema_of_values(samples.outputs));
  return proposal;
}

void answer_inference(const Core& core, Call& call, const Proposal& proposal, bool accepted) {
  const bool changed =
      proposal.input != proposal.spec.input || proposal.output != proposal.spec.output;
  call.respond_json(
      200, Json{{"name", proposal.spec.name},
                {"version", proposal.spec.version},
                {"schemas", schemas_name(proposal.spec)},
                {"samples", proposal.samples},
                {"changed", changed},
                {"accepted", accepted},
                {"current", {{"input", proposal.spec.input}, {"output", proposal.spec.output}}},
                {"proposed", {{"input", proposal.input}, {"output", proposal.output}}},
                {"sidecar", sidecar_text(proposal.spec, proposal.input, proposal.output)},
                {"links", function_links(core, proposal.spec.name)}});
}

}  // namespace

void add_functions(const CorePtr& core, const CallPtr& call) {
  Incoming incoming(*core, *call);
  const std::string type = media_type(*call);
  const bool read = is_upload_type(type) ? incoming.read_upload(type)
                                         : incoming.read_path(json::string_or(call->body, "path"));
  if (!read) return;
  Json list = Json::array();
  bool created = false;
  for (const repository::Package& package : incoming.packages()) {
    const auto added = core->services.repository.add(package);
    if (!added) return call->fail(added.error());
    created = created || added->kind != repository::Added::Kind::kUnchanged;
    list.push_back({{"name", added->spec.name},
                    {"version", added->spec.version},
                    {"result", std::string(result_name(added->kind))},
                    {"schemas", schemas_name(added->spec)},
                    {"notes", notes_of(*core, package, added->spec)},
                    {"links", function_links(*core, added->spec.name)}});
  }
  call->respond_json(created ? 201 : 200, Json{{"functions", std::move(list)}});
}

void remove_function(const CorePtr& core, const CallPtr& call) {
  const std::string& name = call->path_parameter("name");
  const auto users = users_of(*core, name);
  if (!users) return call->fail(users.error());
  if (const auto removed = core->services.repository.remove(name); !removed) {
    return call->fail(removed.error());
  }
  std::size_t deleted = 0;
  const auto pinned = pinned_versions(*core);
  if (!pinned) return call->fail(pinned.error());
  if (*pinned) {
    const auto forgotten = core->services.repository.forget(name, **pinned);
    if (!forgotten) return call->fail(forgotten.error());
    deleted = *forgotten;
  }
  call->respond_json(
      200,
      Json{{"name", name}, {"removed", true}, {"used_by", *users}, {"versions_deleted", deleted}});
}

void get_inference(const CorePtr& core, const CallPtr& call) {
  const auto proposal = propose(*core, call->path_parameter("name"));
  if (!proposal) return call->fail(proposal.error());
  answer_inference(*core, *call, *proposal, false);
}

void accept_inference(const CorePtr& core, const CallPtr& call) {
  const auto proposal = propose(*core, call->path_parameter("name"));
  if (!proposal) return call->fail(proposal.error());
  const auto revised =
      core->services.repository.revise(proposal->spec.name, proposal->input, proposal->output);
  if (!revised) return call->fail(revised.error());
  answer_inference(*core, *call, *proposal, true);
}

}  // namespace ae::gateway
