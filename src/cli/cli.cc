#include "cli/cli.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <utility>

#include "base/log.h"
#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/eval_command.h"

namespace ae::cli {
namespace {

using Action = std::function<Result<int>(const Session&)>;

// What the user said on the command line, apart from the command's own arguments.
struct Globals {
  std::map<std::string, std::string> flags;
  std::string output = "text";
};

// The command tree. Adding a verb is one method here and one function in commands.h.
class CommandLine final {
 public:
  CommandLine() {
    app_.require_subcommand(1);
    app_.fallthrough();
    app_.set_help_all_flag("--help-all", "Help of every command");
    app_.set_version_flag("--version", "ae " AE_VERSION);
    add_globals();
    add_setup();
    add_functions_group();
    add_secrets();
    add_files_group();
    add_planning();
    add_compiling();
    add_running();
    add_evaluating();
    add_server();
  }

  CLI::App& app() { return app_; }
  const Globals& globals() const { return globals_; }
  const Action& action() const { return action_; }

 private:
  CLI::App* add(CLI::App* parent, const std::string& name, const std::string& help,
                const std::string& examples, Action action) {
    CLI::App* command = parent->add_subcommand(name, help);
    if (!examples.empty()) command->footer("Examples:\n" + examples);
    command->fallthrough();
    command->callback([this, action = std::move(action)] { action_ = action; });
    return command;
  }

  void flag(const std::string& key, const std::string& names) {
    for (const Setting& setting : settings()) {
      if (setting.key != key) continue;
      app_.add_option_function<std::string>(
          names, [this, key](const std::string& value) { globals_.flags[key] = value; },
          fmt::format("{} [{}]", setting.help, setting.environment));
    }
  }

  void add_globals() {
    flag("home", "--home");
    flag("port", "--port");
    flag("host", "--host");
    flag("log_level", "--log-level");
    flag("workers", "--workers");
    flag("python", "--python");
    flag("node", "--node");
    app_.add_flag_callback(
        "--strict-runtimes", [this] { globals_.flags["strict_runtimes"] = "true"; },
        "Refuse functions declared for another version of their language [AE_STRICT_RUNTIMES]");
    app_.add_option("-o,--output", globals_.output, "text, json or yaml")
        ->check(CLI::IsMember({"text", "json", "yaml"}));
  }

  void add_setup() {
    CLI::App* command =
        add(&app_, "init", "Make the home folder and register the bundled functions",
            "  ae init\n  ae init --packs ./functions",
            [this](const Session& s) { return init(s, init_); });
    command->add_option("--packs", init_.packs, "folders to register instead of the bundled ones");
    add(&app_, "doctor", "Check that this machine has what the product needs", "  ae doctor",
        [](const Session& s) { return doctor(s); });
    add(&app_, "version", "Print the version", "  ae version -o json",
        [](const Session& s) { return version(s); });
    command = add(&app_, "completion", "Print a script that completes ae's words in your shell",
                  "  source <(ae completion bash)\n  ae completion fish | source",
                  [this](const Session& s) { return complete(s); });
    command->add_option("shell", shell_, "bash, zsh or fish")->required();
  }

  void add_functions_group() {
    CLI::App* group =
        app_.add_subcommand("fn", "Functions: add, list, show, search, test, infer, remove");
    group->require_subcommand(1);
    group->fallthrough();
    CLI::App* command =
        add(group, "add", "Register Lambda packages: folders, zips, SAM templates",
            "  ae fn add ./resize\n  ae fn add resize.zip upload.zip\n  ae fn add template.yaml",
            [this](const Session& s) { return add_functions(s, names_); });
    command->add_option("path", names_, "a folder of one function or many, a zip, a template")
        ->required();
    add(group, "list", "List the registered functions", "  ae fn list\n  ae fn list -o json",
        [](const Session& s) { return list_functions(s); });
    command = add(group, "show", "Show one function: what it takes, gives and does",
                  "  ae fn show playmusic\n  ae fn show playmusic --version 3f2a… -o yaml",
                  [this](const Session& s) { return show_function(s, name_, version_); });
    command->add_option("name", name_, "the function")->required();
    command->add_option("--version", version_, "a content hash; the current one by default");
    command =
        add(group, "search", "Find functions by words", "  ae fn search \"weather in a city\"",
            [this](const Session& s) { return search_functions(s, text_, limit_); });
    command->add_option("words", text_, "what it should do")->required();
    command->add_option("--limit", limit_, "at most so many")->check(CLI::Range(1, 100));
    command = add(group, "test", "Run the examples of functions against their code",
                  "  ae fn test\n  ae fn test playmusic recommendsong",
                  [this](const Session& s) { return test_functions(s, names_); });
    command->add_option("name", names_, "functions; all by default");
    command =
        add(group, "infer", "Print a function.yaml guessed from a function's code and runs",
            "  ae fn infer resize > resize.function.yaml\n  ae fn infer resize --accept",
            [this](const Session& s) {
              return infer_function(s, name_, accept_ ? InferMode::kAccept : InferMode::kPropose);
            });
    command->add_option("name", name_, "the function")->required();
    command->add_flag("--accept", accept_, "plan with this guess from now on");
    command = add(group, "remove", "Take functions out of plans and lists",
                  "  ae fn remove resize\n  ae fn remove upload download",
                  [this](const Session& s) { return remove_functions(s, names_); });
    command->add_option("name", names_, "functions")->required();
  }

  void add_secrets() {
    CLI::App* group =
        app_.add_subcommand("secret", "Secrets that functions declare: set, list, remove");
    group->require_subcommand(1);
    group->fallthrough();
    CLI::App* command =
        add(group, "set", "Keep a value, read from standard input, for functions that declare it",
            "  ae secret set WEATHER_TOKEN\n  ae secret set WEATHER_TOKEN < token.txt",
            [this](const Session& s) { return set_secret(s, name_); });
    command->add_option("name", name_, "the variable that functions find it in")->required();
    add(group, "list", "List the names; values are shown to nobody", "  ae secret list",
        [](const Session& s) { return list_secrets(s); });
    command = add(group, "remove", "Forget a secret", "  ae secret remove WEATHER_TOKEN",
                  [this](const Session& s) { return remove_secret(s, name_); });
    command->add_option("name", name_, "its name")->required();
  }

  void add_planning() {
    CLI::App* command =
        add(&app_, "plan", "Turn a sentence into a workflow and show it; register nothing",
            "  ae plan \"play music that matches my mood, this is Anna\"\n"
            "  ae plan \"convert 100 USD to EUR\" -o yaml > plan.yaml",
            [this](const Session& s) { return plan(s, text_); });
    command->add_option("query", text_, "the sentence")->required();
    command = add(&app_, "lint", "Check a workflow without registering it",
                  "  ae lint -f workflow.yaml\n  ae plan \"…\" -o json | ae lint -f -",
                  [this](const Session& s) { return lint(s, file_); });
    command->add_option("-f,--file", file_, "JSON or YAML; - is standard input")->required();
    add(&app_, "list", "List the registered workflows", "  ae list",
        [](const Session& s) { return list_workflows(s); });
    command = add(&app_, "get", "Show a workflow, or a run by its id",
                  "  ae get mood-music -o yaml\n  ae get mood-music --as mermaid\n  ae get run_01…",
                  [this](const Session& s) { return get(s, get_); });
    command->add_option("id", get_.id, "a workflow's name or a run's id")->required();
    command->add_option("--version", get_.version, "of the workflow; the newest by default");
    command->add_option("--as", get_.as, "dot or mermaid")
        ->check(CLI::IsMember({"dot", "mermaid"}));
  }

  void add_compiling() {
    CLI::App* command =
        add(&app_, "compile", "Compile a workflow for another platform",
            "  ae compile --list\n  ae compile mood-music --target stepfunctions -o ./mood-music\n"
            "  ae compile workflow.yaml --target stepfunctions --option type=express --explain",
            [this](const Session& s) { return compile(s, compile_); });
    command->add_option("workflow", compile_.workflow,
                        "a workflow's name, or a file in JSON or YAML; - is standard input");
    command->add_option("--target", compile_.target, "the platform; --list shows them");
    command->add_option("--option", compile_.options, "name=value; as often as needed")
        ->allow_extra_args(false);
    command->add_option("--query-language", compile_.query_language,
                        "of stepfunctions: jsonata or jsonpath");
    command->add_option("-o,--out", compile_.output,
                        "a folder to write into, - for the main file on standard output, or json");
    command->add_option("--version", compile_.version, "of the workflow; the newest by default");
    command->add_flag("--explain", compile_.explain, "say why the output is as it is");
    command->add_flag("--list", compile_.list, "show the targets and their options");
  }

  void add_running() {
    CLI::App* command =
        add(&app_, "run", "Plan a sentence (or take a workflow), register it and run it",
            "  ae run \"play music that matches my mood, this is Anna\"\n"
            "  ae run \"what is the weather like\" --input city=Oslo\n"
            "  ae run --file photo.jpg \"resize the photo to 256x256\"\n  ae run -f workflow.yaml",
            [this](const Session& s) { return checked_run(s); });
    command->add_option("query", run_.query, "the sentence");
    command
        ->add_option("-f,--file", run_.files,
                     "with a sentence: a file that it is about, as often as needed; without one: "
                     "a workflow in JSON or YAML, - is standard input")
        ->allow_extra_args(false);
    command->add_option("--input", run_.inputs, "name=value; as often as needed")
        ->allow_extra_args(false);
    command->add_option("--name", run_.name, "name of the workflow and its endpoint");
    command->add_flag("--approve", run_.approve, "approve the workflow's side effects");
    command->add_flag("--dry-run", run_.dry_run, "show what would be called; register nothing");
    command = add(&app_, "invoke", "Run a registered workflow",
                  "  ae invoke mood-music --input username=Ben\n"
                  "  echo '{\"username\": \"Ben\"}' | ae invoke mood-music -f -",
                  [this](const Session& s) { return invoke(s, invoke_); });
    command->add_option("workflow", invoke_.workflow, "its name")->required();
    command->add_option("--input", invoke_.inputs, "name=value; as often as needed")
        ->allow_extra_args(false);
    command->add_option("-f,--file", invoke_.file, "an object of inputs; - is standard input");
    command->add_option("--idempotency-key", invoke_.idempotency_key,
                        "the same key starts the same run only once");
    command->add_flag("!--no-wait", invoke_.wait, "print the run's id and return");
    command = add(&app_, "resume", "Let a failed run go on from what it has finished",
                  "  ae resume run_01…\n  ae resume run_01… --from getusermood",
                  [this](const Session& s) { return resume(s, resume_); });
    command->add_option("run", resume_.run, "the run's id")->required();
    command->add_option("--from", resume_.from, "steps to run again, with what depends on them");
    command->add_option("--input", resume_.inputs, "name=value: a corrected input")
        ->allow_extra_args(false);
    command = add(&app_, "logs", "Print what the functions of a run printed", "  ae logs run_01…",
                  [this](const Session& s) { return logs(s, name_); });
    command->add_option("run", name_, "the run's id")->required();
    command = add(&app_, "trace", "Show a run step by step",
                  "  ae trace run_01…\n  ae trace run_01… --follow",
                  [this](const Session& s) { return trace(s, name_, follow_); });
    command->add_option("run", name_, "the run's id")->required();
    command->add_flag("--follow", follow_, "print events as they happen");
  }

  void add_files_group() {
    add(&app_, "env", "Print what AWS SDKs and the AWS CLI need to find this server",
        "  eval \"$(ae env)\"\n  aws s3 ls", [](const Session& s) { return show_environment(s); });
    CLI::App* group = app_.add_subcommand("files", "Files for workflows: put, list, get, remove");
    group->require_subcommand(1);
    group->fallthrough();
    CLI::App* command =
        add(group, "put", "Upload files to the local bucket", "  ae files put photo.jpg",
            [this](const Session& s) { return put_files(s, names_); });
    command->add_option("file", names_, "files of this machine")->required();
    add(group, "list", "List the uploaded files", "  ae files list -o json",
        [](const Session& s) { return list_files(s); });
    command = add(group, "get", "Write an uploaded file here", "  ae files get file_01…-photo.jpg",
                  [this](const Session& s) { return get_file(s, name_, file_); });
    command->add_option("key", name_, "the file's key")->required();
    command->add_option("target", file_, "where to; its own name by default");
    command = add(group, "remove", "Remove uploaded files", "  ae files remove file_01…-photo.jpg",
                  [this](const Session& s) { return remove_files(s, names_); });
    command->add_option("key", names_, "the files' keys")->required();
  }

  void add_evaluating() {
    CLI::App* command =
        add(&app_, "eval", "Measure an engine on a dataset of sentences and workflows",
            "  ae eval datasets/office\n  ae eval datasets/office --retrieval -o json\n"
            "  ae eval datasets/office --predictions out.jsonl --report report.html",
            [this](const Session& s) { return evaluate_dataset(s, eval_); });
    command->add_option("folder", eval_.folder, "functions.json and cases.jsonl are in it")
        ->required();
    command->add_option("--engine", eval_.engine, "embedded");
    command->add_flag("--given-functions", eval_.given_functions,
                      "offer each sentence only the functions that it needs");
    command->add_option("--signatures", eval_.signatures, "whose parameters: repository or item")
        ->check(CLI::IsMember({"repository", "item"}));
    command->add_option("--repeat", eval_.repeat, "ask each sentence so often")
        ->check(CLI::Range(1, 100));
    command->add_option("--top-k", eval_.top_k, "variants of which the best is measured, too")
        ->check(CLI::Range(1, 20));
    command->add_flag("--retrieval", eval_.retrieval, "measure only which functions are found");
    command->add_option("--predictions", eval_.predictions,
                        "write answers here, a line each; an interrupted run goes on from them");
    command->add_option("--report", eval_.report, "write an HTML page here");
    command->add_option("--threads", eval_.threads, "one for each processor by default")
        ->check(CLI::Range(1, 16));
  }

  void add_server() {
    CLI::App* command = add(&app_, "serve", "Run the server in the foreground",
                            "  ae serve\n  ae serve --detach\n  ae serve --stop",
                            [this](const Session& s) { return serve(s, serve_); });
    CLI::Option* detach = command->add_flag("--detach", serve_.detach, "run in the background");
    command->add_flag("--stop", serve_.stop, "end this home folder's server")->excludes(detach);
  }

  Result<int> checked_run(const Session& session) {
    if (run_.query.empty() && run_.files.size() != 1) {
      return fail(ErrorCode::kInvalidArgument,
                  "run takes a sentence, or a workflow with -f FILE; see ae run --help");
    }
    return run_query(session, run_);
  }

  Result<int> complete(const Session& session) {
    std::vector<CommandNode> tree;
    collect(app_, "", tree);
    AE_TRY(const std::string script, completion_script(shell_, tree));
    session.out.line(script);
    return 0;
  }

  static void collect(const CLI::App& app, const std::string& path,
                      std::vector<CommandNode>& tree) {
    CommandNode node{path, {}, {}};
    for (const CLI::Option* option : app.get_options()) {
      for (const std::string& name : option->get_lnames()) node.options.push_back("--" + name);
      for (const std::string& name : option->get_snames()) node.options.push_back("-" + name);
    }
    const auto subcommands = app.get_subcommands([](const CLI::App*) { return true; });
    for (const CLI::App* command : subcommands) node.commands.push_back(command->get_name());
    tree.push_back(std::move(node));
    for (const CLI::App* command : subcommands) {
      collect(*command, path.empty() ? command->get_name() : path + " " + command->get_name(),
              tree);
    }
  }

  CLI::App app_{"Action Engine: a sentence becomes a verified, running workflow", "ae"};
  Globals globals_;
  Action action_;
  InitOptions init_;
  bool accept_ = false;
  CompileOptions compile_;
  RunOptions run_;
  EvalOptions eval_;
  InvokeOptions invoke_;
  ResumeOptions resume_;
  GetOptions get_;
  ServeOptions serve_;
  std::vector<std::string> names_;
  std::string name_, version_, text_, file_, shell_;
  std::size_t limit_ = 10;
  bool follow_ = false;
};

std::optional<std::string> variable(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  if (value == nullptr) return std::nullopt;
  return value;
}

Format parse_format(const std::string& name) {
  if (name == "json") return Format::kJson;
  return name == "yaml" ? Format::kYaml : Format::kText;
}

constexpr int kUsage = 2;

}  // namespace

int run(int argc, char** argv, OpenInstance open_instance) {
  CommandLine line;
  try {
    line.app().parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = line.app().exit(error);
    return code == 0 ? 0 : kUsage;  // 0: help was asked for
  }
  const Output out(parse_format(line.globals().output));
  std::error_code ignored;
  ConfigSources sources{.flags = line.globals().flags,
                        .environment = variable,
                        .working_folder = std::filesystem::current_path(ignored),
                        .program = std::filesystem::read_symlink("/proc/self/exe", ignored)};
  auto config = load_config(sources);
  if (!config) {
    out.error(config.error());
    return kUsage;
  }
  log::set_level(config->log_level);
  const Environment environment{*std::move(config), sources.program, std::move(open_instance)};
  const Result<int> code = line.action()(Session{environment, out});
  if (code) return *code;
  out.error(code.error());
  return code.error().code == ErrorCode::kInvalidArgument ? kUsage : 1;
}

}  // namespace ae::cli
