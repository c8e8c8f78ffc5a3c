// The frame of every benchmark: states machine and workload, prints name, value and unit, and
// writes the same as JSON with --json FILE.
#pragma once

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace ae::bench {

class Report final {
 public:
  // workload: one sentence saying what is measured against what.
  // Arguments: --json FILE, and --seconds S (how long one measurement runs).
  Report(std::string name, std::string workload, int argc, char** argv)
      : name_(std::move(name)), workload_(std::move(workload)) {
    for (int i = 1; i < argc; i += 2) {
      const std::string_view option = argv[i];
      const char* const value = i + 1 < argc ? argv[i + 1] : nullptr;
      const char* const end = value != nullptr ? value + std::strlen(value) : nullptr;
      if (option == "--json" && value != nullptr) {
        json_path_ = value;
      } else if (option != "--seconds" || value == nullptr ||
                 std::from_chars(value, end, seconds_).ptr != end || !(seconds_ > 0)) {
        fmt::print(stderr, "usage: {} [--seconds S] [--json FILE]\n", argv[0]);
        std::exit(2);
      }
    }
    if (getloadavg(&load_, 1) != 1) load_ = -1;
    fmt::print("{}\n  machine:  {} x {}, load {:.1f} before the start\n  workload: {}\n\n", name_,
               processors(), model(), load_, workload_);
  }

  double seconds() const { return seconds_; }

  void add(std::string name, double value, std::string unit) {
    fmt::print("  {:<44} {:>12.2f} {}\n", name, value, unit);
    std::fflush(stdout);
    rows_.push_back({std::move(name), value, std::move(unit)});
  }

  // The program's exit code: 1 when the JSON file cannot be written.
  int finish() const {
    if (json_path_.empty()) return 0;
    std::string text = fmt::format(
        "{{\n  \"name\": {},\n  \"workload\": {},\n  \"machine\": {{\"processors\": {}, \"model\": "
        "{}, \"load\": {}}},\n  \"results\": [",
        quoted(name_), quoted(workload_), processors(), quoted(model()), load_);
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      text +=
          fmt::format("{}\n    {{\"name\": {}, \"value\": {}, \"unit\": {}}}", i == 0 ? "" : ",",
                      quoted(rows_[i].name), rows_[i].value, quoted(rows_[i].unit));
    }
    text += "\n  ]\n}\n";
    std::ofstream file(json_path_);
    file << text;
    if (file.flush()) return 0;
    fmt::print(stderr, "cannot write {}: {}\n", json_path_, std::strerror(errno));
    return 1;
  }

 private:
  struct Row {
    std::string name;
    double value;
    std::string unit;
  };

  static unsigned processors() { return std::thread::hardware_concurrency(); }

  static std::string model() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
    }
    return "unknown processor";
  }

  static std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') out.push_back('\\');
      out.push_back(static_cast<unsigned char>(c) < 0x20 ? ' ' : c);
    }
    return out + '"';
  }

  std::string name_;
  std::string workload_;
  std::string json_path_;
  double seconds_ = 2;
  double load_ = 0;  // last minute's; far above 0, others share the numbers; -1: unknown
  std::vector<Row> rows_;
};

}  // namespace ae::bench
