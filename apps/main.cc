#include <csignal>

#include "apps/instance.h"
#include "cli/cli.h"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that leaves is an error of that write, not our end
  return ae::cli::run(argc, argv, ae::apps::open_instance);
}
