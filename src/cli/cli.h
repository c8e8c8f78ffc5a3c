// The `ae` command line.
#pragma once

#include "cli/connection.h"

namespace ae::cli {

// Parses, runs one command, prints; returns the exit code: 0 done, 1 it failed (a run that failed,
// a plan that is not ready, an unproven workflow, a failed test), 2 wrong usage.
int run(int argc, char** argv, OpenInstance open_instance);

}  // namespace ae::cli
