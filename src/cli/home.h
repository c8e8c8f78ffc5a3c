// The home folder: where everything that is kept lives, and which process owns it now.
//
//   lock            held (flock) by its owner: a server, or one command while it runs
//   server.json     {pid, url}: how to reach the server that holds the lock
//   server.log      what a background server prints
//   ae.yaml         settings
//   repository.db, catalog.db, journal.db; code/ (functions' versions), state/ (what they keep)
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"

namespace ae::cli {

struct ServerInfo {
  int pid = 0;
  std::string url;
};

// Ownership of a home folder until destruction.
class HomeLock final {
 public:
  ~HomeLock();
  HomeLock(HomeLock&& other) noexcept;
  HomeLock& operator=(HomeLock&&) = delete;
  HomeLock(const HomeLock&) = delete;
  HomeLock& operator=(const HomeLock&) = delete;

 private:
  friend class Home;
  explicit HomeLock(int fd) : fd_(fd) {}
  int fd_;
};

class Home final {
 public:
  // Creates the folder (mode 0700) where it is missing.
  // Errors: kPermissionDenied, kInvalidArgument (a file is in the way).
  static Result<Home> open(std::filesystem::path folder);

  const std::filesystem::path& folder() const { return folder_; }

  // Takes ownership, waiting up to `wait` for a short-lived owner to finish.
  // Errors: kUnavailable naming the process that owns it.
  Result<HomeLock> lock(std::chrono::milliseconds wait) const;

  // The server that owns this home now; none when nobody does. Waits briefly for one that is just
  // starting.
  Result<std::optional<ServerInfo>> running_server() const;

  // Written by the server once it listens; removed when it stops.
  Result<void> publish_server(const ServerInfo& info) const;
  void withdraw_server() const;

  std::filesystem::path log_file() const { return folder_ / "server.log"; }

 private:
  explicit Home(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path folder_;
};

}  // namespace ae::cli
