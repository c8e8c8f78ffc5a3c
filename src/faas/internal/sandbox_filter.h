// Which system calls a function's processes may make.
#pragma once

#include <string>

#include "base/result.h"

namespace ae::faas {

// The filter as the kernel takes it: an array of struct sock_filter. What ordinary programs need is
// allowed; what changes the machine, looks into other processes or has opened kernels before
// (ptrace, mounts, namespaces, bpf, keys, io_uring, modules, raw and odd sockets) gives EPERM, and
// whatever is not listed, later kernels' inventions included, ENOSYS. Errors: kUnavailable.
Result<std::string> compile_sandbox_filter();

}  // namespace ae::faas
