#include "faas/internal/sandbox_cgroup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>
#include <system_error>

#include "base/file.h"
#include "base/text.h"

namespace ae::faas {
namespace {

constexpr std::string_view kOurs = "action-engine-";
constexpr int kPeriodMicroseconds = 100'000;  // the kernel's default

bool write_to(const std::filesystem::path& path, std::string_view text) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

bool has_word(std::string_view text, std::string_view word) {
  for (const std::string_view line : split(text, '\n')) {
    const auto words = split(line, ' ');
    if (std::ranges::find(words, word) != words.end()) return true;
  }
  return false;
}

// Where the kernel shows the group that this process is in. `controller` "": version 2.
std::optional<std::filesystem::path> own_group(std::string_view controller) {
  const Result<std::string> groups = read_file("/proc/self/cgroup");
  const Result<std::string> mounts = read_file("/proc/self/mountinfo");
  if (!groups || !mounts) return std::nullopt;
  std::string path;
  for (const std::string_view line : split(*groups, '\n')) {  // "4:memory,x:/path"
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const auto names = split(line.substr(first + 1, second - first - 1), ',');
    if (std::ranges::find(names, controller) != names.end()) path = line.substr(second + 1);
  }
  if (path.empty()) return std::nullopt;
  for (const std::string_view line : split(*mounts, '\n')) {
    // "35 31 0:32 <root> <mount point> <options> … - cgroup cgroup rw,memory"
    const std::size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    const auto left = split(line.substr(0, dash), ' ');
    const auto right = split(line.substr(dash + 3), ' ');
    if (left.size() < 6 || right.size() < 3) continue;
    const auto options = split(right[2], ',');
    const bool fits =
        controller.empty()
            ? right[0] == "cgroup2"
            : right[0] == "cgroup" && std::ranges::find(options, controller) != options.end();
    if (!fits) continue;
    const std::string_view root = left[3];
    std::string_view below = path;
    if (root != "/" && below.starts_with(root)) below.remove_prefix(root.size());
    while (below.starts_with('/')) below.remove_prefix(1);
    return std::filesystem::path(left[4]) / below;
  }
  return std::nullopt;
}

void remove_group(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    if (entry->is_directory(error)) ::rmdir(entry->path().c_str());
  }
  ::rmdir(folder.c_str());
}

// Groups of servers that are no more.
void remove_leftovers(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(kOurs)) continue;
    pid_t pid = 0;
    const char* end = name.data() + name.size();
    const auto [stop, bad] = std::from_chars(name.data() + kOurs.size(), end, pid);
    if (bad == std::errc{} && ::kill(pid, 0) != 0 && errno == ESRCH) remove_group(entry->path());
  }
}

std::optional<std::filesystem::path> make_own_folder(const std::filesystem::path& in) {
  remove_leftovers(in);
  // Several engines of one process, as in tests, each have their own.
  static std::atomic<int> number{0};
  const std::filesystem::path folder = in / fmt::format("{}{}.{}", kOurs, ::getpid(), ++number);
  if (::mkdir(folder.c_str(), 0755) != 0) return std::nullopt;
  return folder;
}

}  // namespace

Cgroup::~Cgroup() {
  doors_.clear();
  for (const std::filesystem::path& folder : folders_) ::rmdir(folder.c_str());
}

std::unique_ptr<Cgroups> Cgroups::detect() {
  std::unique_ptr<Cgroups> groups(new Cgroups());
  if (!groups->use_version_2()) groups->use_version_1();
  return groups;
}

Cgroups::~Cgroups() {
  for (const auto& controller : controllers_) remove_group(controller->folder);
}

void Cgroups::give_up(std::string why) {
  for (const auto& controller : controllers_) remove_group(controller->folder);
  controllers_.clear();
  memory_ = processes_ = cpu_ = nullptr;
  version_ = 0;
  why_not_ = std::move(why);
}

bool Cgroups::use_version_2() {
  const std::optional<std::filesystem::path> own = own_group("");
  if (!own) return false;
  const Result<std::string> available = read_file(*own / "cgroup.controllers");
  if (!available || !has_word(*available, "memory") || !has_word(*available, "pids")) return false;
  const bool has_cpu = has_word(*available, "cpu");
  const std::string_view wanted = has_cpu ? "+memory +pids +cpu" : "+memory +pids";
  if (!write_to(*own / "cgroup.subtree_control", wanted)) {
    const Result<std::string> members = read_file(*own / "cgroup.procs");
    const bool alone = members && trim(*members) == std::to_string(::getpid());
    const std::filesystem::path below = *own / "server";
    if (!alone || (::mkdir(below.c_str(), 0755) != 0 && errno != EEXIST) ||
        !write_to(below / "cgroup.procs", "0") ||
        !write_to(*own / "cgroup.subtree_control", wanted)) {
      why_not_ = fmt::format("the cgroup {} is not this server's to divide", own->string());
      return true;
    }
  }
  const std::optional<std::filesystem::path> folder = make_own_folder(*own);
  if (!folder || !write_to(*folder / "cgroup.subtree_control", wanted)) {
    why_not_ = fmt::format("no cgroup can be made in {}", own->string());
    return true;
  }
  controllers_.push_back(std::make_unique<Controller>(Controller{.folder = *folder}));
  memory_ = processes_ = controllers_.back().get();
  if (has_cpu) cpu_ = memory_;
  version_ = 2;
  return true;
}

void Cgroups::use_version_1() {
  const auto use = [&](std::string_view name) -> const Controller* {
    const std::optional<std::filesystem::path> own = own_group(name);
    if (!own) return nullptr;
    const std::optional<std::filesystem::path> folder = make_own_folder(*own);
    if (!folder) {
      why_not_ = fmt::format("no cgroup can be made in {}", own->string());
      return nullptr;
    }
    controllers_.push_back(std::make_unique<Controller>(Controller{.folder = *folder}));
    version_ = 1;
    return controllers_.back().get();
  };
  memory_ = use("memory");
  processes_ = use("pids");
  cpu_ = use("cpu");
  if (version_ == 0 && why_not_.empty()) why_not_ = "this kernel offers no cgroups here";
}

bool Cgroups::set_limits(const std::filesystem::path& folder, const Controller& of,
                         const CgroupLimits& limits) const {
  bool good = true;
  const std::string memory = std::to_string(limits.memory_mb << 20U);
  const std::string time = std::to_string(limits.cpus * kPeriodMicroseconds);
  const bool second = version_ == 2;
  if (&of == memory_) {
    good = write_to(folder / (second ? "memory.max" : "memory.limit_in_bytes"), memory);
    // Swap is no way around it; a kernel without swap accounting has no such file.
    write_to(folder / (second ? "memory.swap.max" : "memory.memsw.limit_in_bytes"),
             second ? "0" : memory);
  }
  if (&of == processes_)
    good = write_to(folder / "pids.max", std::to_string(limits.processes)) && good;
  if (&of == cpu_) {
    good = write_to(folder / (second ? "cpu.max" : "cpu.cfs_quota_us"),
                    second ? fmt::format("{} {}", time, kPeriodMicroseconds) : time) &&
           good;
  }
  return good;
}

std::unique_ptr<Cgroup> Cgroups::make(const std::string& name, const CgroupLimits& limits) const {
  std::unique_ptr<Cgroup> group(new Cgroup());
  for (const auto& controller : controllers_) {
    const std::filesystem::path folder = controller->folder / name;
    if (::mkdir(folder.c_str(), 0755) != 0) return nullptr;
    group->folders_.push_back(folder);
    UniqueFd door(::open((folder / "cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
    if (!door || !set_limits(folder, *controller, limits)) return nullptr;
    group->doors_.push_back(std::move(door));
    // The CPU's comes last, when it is one of its own.
    if (controller.get() != cpu_ || version_ == 2) group->required_ = group->doors_.size();
  }
  return group;
}

}  // namespace ae::faas
