// What the server and the first process of a sandbox (sandbox_init.cc) say to each other.
//
// The plan is a file of strings, each ended by a zero byte: a word, then its arguments, in the
// order in which they are carried out. Paths inside the sandbox are relative to its root.
//
//   tmpfs <path> <options>           bind <how> <source> <path>        link <target> <path>
//   dir <path>                       overlay <path> <lower>            file <path> <content>
//   proc <path>                      address <IPv4>                    listen <IPv4> <port>
//   limit <resource> <value>         processes <highest>               probe
//   run <folder> <count> <argument>… <count> <NAME=value>…
//
// <how>: "ro" or "rw", then "d" for a folder, "f" for a file, "n" for a device node, and "?" where
// a missing source is no error.
#pragma once

#include <cstdint>

namespace ae::faas::sandbox {

// Descriptors that the first process starts with, beside 0, 1 and 2.
inline constexpr int kPlanFd = 3;
inline constexpr int kControlFd = 4;  // a SOCK_SEQPACKET socket to the server
inline constexpr int kFilterFd = 5;   // struct sock_filter[], the system call filter

// What a function's processes are, as they see it: the ids that Lambda uses.
inline constexpr unsigned kUser = 993;
inline constexpr unsigned kGroup = 990;

inline constexpr int kMaxListeners = 64;  // of one plan; more than a message can carry is 253

// One message on the control socket.
enum class Kind : std::uint32_t {
  kReady = 1,   // everything stands; carries the listening sockets in the order of the plan
  kEnded = 2,   // value: the program's status as wait() gives it
  kFailed = 3,  // value: errno; text: the step
  kProbed = 4,  // value: how many processes a limit of kProbeProcesses let exist; text: the highest
};
struct Message {
  Kind kind;
  std::int32_t value;
  char text[248];
};

inline constexpr int kProbeProcesses = 3;
inline constexpr int kCannotRun = 127;  // exit code of a sandbox that could not be built

}  // namespace ae::faas::sandbox
