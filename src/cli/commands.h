// One function a verb. Each takes what the user said, talks to the API, prints, and returns the
// exit code or an error for the caller to print.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/connection.h"
#include "cli/output.h"
#include "json/json.h"

namespace ae::cli {

struct Session {
  const Environment& environment;
  const Output& out;
};

// init, fn
struct InitOptions {
  std::vector<std::string> packs;  // folders; empty: the bundled ones
};
Result<int> init(const Session& session, const InitOptions& options);
Result<int> add_functions(const Session& session, const std::vector<std::string>& paths);
Result<int> list_functions(const Session& session);
Result<int> show_function(const Session& session, const std::string& name,
                          const std::string& version);
Result<int> search_functions(const Session& session, const std::string& text, std::size_t limit);
// Runs the examples of the named functions (all when empty) against their code.
Result<int> test_functions(const Session& session, const std::vector<std::string>& names);
// The functions leave plans and lists; registered workflows keep what they pin.
Result<int> remove_functions(const Session& session, const std::vector<std::string>& names);
enum class InferMode { kPropose, kAccept };
// Prints a function.yaml with schemas guessed from code and runs.
Result<int> infer_function(const Session& session, const std::string& name, InferMode mode);
// Registers every package below `folder`, printing one line each.
Result<Json> add_packages(Connection& connection, const std::string& folder);

// env, files
Result<int> show_environment(const Session& session);
Result<int> put_files(const Session& session, const std::vector<std::string>& paths);
Result<int> list_files(const Session& session);
// target: a file; "": the file's own name, here.
Result<int> get_file(const Session& session, const std::string& key, const std::string& target);
Result<int> remove_files(const Session& session, const std::vector<std::string>& keys);

// plan, lint, list, get
Result<int> plan(const Session& session, const std::string& query);
Result<int> lint(const Session& session, const std::string& file);
Result<int> list_workflows(const Session& session);
struct GetOptions {
  std::string id;  // of a workflow or a run
  int version = 0;
  std::string as;  // "", "dot", "mermaid"
};
Result<int> get(const Session& session, const GetOptions& options);

// compile
struct CompileOptions {
  std::string workflow;  // a registered workflow's name, or a file; "-" is standard input
  std::string target;
  std::vector<std::string> options;  // "query-language=jsonpath"
  std::string query_language;        // short for that one
  std::string output;                // a folder; "-": the main file alone; "": all, to be read
  int version = 0;
  bool explain = false;
  bool list = false;
};
Result<int> compile(const Session& session, const CompileOptions& options);

// run, invoke, resume, logs, trace
struct RunOptions {
  std::string query;
  // Beside a query files that it is about; without one a workflow ("-": from standard input).
  std::vector<std::string> files;
  std::vector<std::string> inputs;  // "city=Oslo"; a value that is JSON is taken as JSON
  std::string name;
  bool approve = false;  // side effects
  bool dry_run = false;
};
Result<int> run_query(const Session& session, const RunOptions& options);
struct InvokeOptions {
  std::string workflow;
  std::vector<std::string> inputs;
  std::string file;  // a JSON or YAML object of inputs; "-" is standard input
  std::string idempotency_key;
  bool wait = true;
};
Result<int> invoke(const Session& session, const InvokeOptions& options);
struct ResumeOptions {
  std::string run;
  std::vector<std::string> from;
  std::vector<std::string> inputs;
};
Result<int> resume(const Session& session, const ResumeOptions& options);
Result<int> logs(const Session& session, const std::string& run);
Result<int> trace(const Session& session, const std::string& run, bool follow);

// secret
Result<int> set_secret(const Session& session, const std::string& name);  // from standard input
Result<int> list_secrets(const Session& session);
Result<int> remove_secret(const Session& session, const std::string& name);

// serve, doctor, version
struct ServeOptions {
  bool detach = false;
  bool stop = false;
};
Result<int> serve(const Session& session, const ServeOptions& options);
Result<int> doctor(const Session& session);
Result<int> version(const Session& session);

// Helpers that more than one command needs.

// "a=1 b=Oslo c={\"x\":1}" -> {"a": 1, "b": "Oslo", "c": {"x": 1}}; `schema` (may be null) says
// which properties are strings, so that zip=01234 stays text. Errors: kInvalidArgument.
Result<Json> parse_inputs(const std::vector<std::string>& assignments, const Json& schema);
// A file's text, or standard input for "-".
Result<std::string> read_text(const std::string& file);
// Prints a finished run: outputs, or what failed and how to go on. The exit code.
int print_run(const Output& out, const Json& run);

}  // namespace ae::cli
