// Who is at the other end of a socket, and a TCP socket for runtime clients that know nothing else.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "faas/internal/unique_fd.h"

namespace ae::faas {

// Was it a process of that session that connected? For Unix sockets the kernel's word; for TCP on
// loopback, whoever of the session holds the other end now (reads /proc: a millisecond).
// Threads: any.
bool is_peer_of_session(int socket, pid_t session);

struct LoopbackListener {
  UniqueFd socket;
  std::string address;  // "127.0.0.1:40123"
};
// Errors: kUnavailable.
Result<LoopbackListener> listen_on_loopback();

}  // namespace ae::faas
