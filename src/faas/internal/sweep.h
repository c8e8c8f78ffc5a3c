// Finds and kills what a worker left behind after its own process and group are gone.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>

namespace ae::faas {

// SIGKILLs every process of the session, and every process whose initial environment has an entry
// that starts with `marker`: such a process left the session but descends from a worker. Repeats
// until a pass finds none. Reads /proc: milliseconds. session 0: only the marker counts.
// Returns how many were killed. Threads: any.
std::size_t kill_leftovers(pid_t session, const std::string& marker);

}  // namespace ae::faas
