// Limits for a worker and everything it starts together, where the kernel lets us have cgroups.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "faas/internal/unique_fd.h"

namespace ae::faas {

// One worker's groups: one folder with version 2, one for each controller with version 1. The
// destructor removes them, which needs all their processes to be gone.
class Cgroup final {
 public:
  ~Cgroup();
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;

  // Writing "0" into each of them puts the writer into the groups. What does not get past the first
  // `required` must not run; a process of real-time priority cannot enter a group for CPU time.
  const std::vector<UniqueFd>& doors() const { return doors_; }
  std::size_t required() const { return required_; }

 private:
  friend class Cgroups;
  Cgroup() = default;

  std::vector<std::filesystem::path> folders_;
  std::vector<UniqueFd> doors_;
  std::size_t required_ = 0;
};

struct CgroupLimits {
  std::int64_t memory_mb = 0;
  std::size_t processes = 0;
  std::size_t cpus = 1;  // whole ones
};

// What this server may divide among its workers. Threads: any.
class Cgroups final {
 public:
  // Finds out, once, by making a group. Never fails: what is not there is not limited here.
  // Removes what servers that were killed left. With version 2 and a group that is this process's
  // alone, the process moves into a group below it, as the kernel's rules demand.
  static std::unique_ptr<Cgroups> detect();
  ~Cgroups();
  Cgroups(const Cgroups&) = delete;
  Cgroups& operator=(const Cgroups&) = delete;

  bool memory() const { return memory_ != nullptr; }
  bool processes() const { return processes_ != nullptr; }
  bool cpu() const { return cpu_ != nullptr; }
  int version() const { return version_; }  // 0: none
  const std::string& why_not() const { return why_not_; }
  // Groups can be made but not entered here.
  void give_up(std::string why);

  // nullptr when a group cannot be made now.
  std::unique_ptr<Cgroup> make(const std::string& name, const CgroupLimits& limits) const;

 private:
  struct Controller {
    std::filesystem::path folder;  // this server's own, workers get folders in it
  };
  Cgroups() = default;
  bool use_version_2();
  void use_version_1();
  bool set_limits(const std::filesystem::path& folder, const Controller& of,
                  const CgroupLimits& limits) const;

  std::vector<std::unique_ptr<Controller>> controllers_;  // one for all with version 2
  const Controller* memory_ = nullptr;
  const Controller* processes_ = nullptr;
  const Controller* cpu_ = nullptr;
  int version_ = 0;
  std::string why_not_;
};

}  // namespace ae::faas
