#include "cli/completion.h"

#include <fmt/format.h>

#include "base/text.h"

namespace ae::cli {
namespace {

std::string words_of(const CommandNode& node) {
  std::vector<std::string> words = node.commands;
  words.insert(words.end(), node.options.begin(), node.options.end());
  return join(words, " ");
}

// The words so far without options decide which node completes the next one.
std::string bash(const std::vector<CommandNode>& tree) {
  std::string cases;
  for (const CommandNode& node : tree) {
    cases += fmt::format("    \"{}\") words=\"{}\" ;;\n", node.path, words_of(node));
  }
  return fmt::format(
      R"(# bash completion for ae; load with: source <(ae completion bash)
_ae() {{
  local path="" word words="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="${{COMP_WORDS[i]}}"
    [[ $word == -* ]] && continue
    case " {} " in *" ${{path:+$path }}$word "*) path="${{path:+$path }}$word" ;; esac
  done
  case "$path" in
{}  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}")
}}
complete -o default -F _ae ae
)",
      [&] {
        // Paths have at most two words, so a list separated by double blanks is
        // searched for " path ".
        std::string paths;
        for (const CommandNode& node : tree) paths += node.path + "  ";
        return paths;
      }(),
      cases);
}

std::string fish(const std::vector<CommandNode>& tree) {
  std::string script = "# fish completion for ae; load with: ae completion fish | source\n";
  for (const CommandNode& node : tree) {
    const std::string condition = node.path.empty()
                                      ? "__fish_use_subcommand"
                                      : fmt::format("__fish_seen_subcommand_from {}",
                                                    node.path.substr(node.path.rfind(' ') + 1));
    for (const std::string& command : node.commands) {
      script += fmt::format("complete -c ae -f -n '{}' -a {}\n", condition, command);
    }
    for (const std::string& option : node.options) {
      if (!option.starts_with("--")) continue;
      script += fmt::format("complete -c ae -n '{}' -l {}\n", condition, option.substr(2));
    }
  }
  return script;
}

}  // namespace

Result<std::string> completion_script(std::string_view shell,
                                      const std::vector<CommandNode>& tree) {
  if (shell == "bash") return bash(tree);
  if (shell == "zsh") return "autoload -Uz bashcompinit && bashcompinit\n" + bash(tree);
  if (shell == "fish") return fish(tree);
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("no completion for \"{}\"; choose bash, zsh or fish", shell));
}

}  // namespace ae::cli
