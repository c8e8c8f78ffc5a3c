// Shell completion, made from the command tree itself so that it cannot fall behind.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ae::cli {

struct CommandNode {
  std::string path;                   // "", "fn", "fn add"
  std::vector<std::string> commands;  // names of its subcommands
  std::vector<std::string> options;   // "--home", "-o"
};

// shell: "bash", "zsh" or "fish". Errors: kInvalidArgument for another.
Result<std::string> completion_script(std::string_view shell, const std::vector<CommandNode>& tree);

}  // namespace ae::cli
