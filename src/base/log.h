// The program's own log: one line an event, to standard error. Functions' output goes elsewhere
// (faas keeps it by invocation).
#pragma once

#include <fmt/format.h>

#include <string_view>

namespace ae::log {

enum class Level { kDebug, kInfo, kWarning, kError, kOff };

// Threads: any; affects the whole process. Until it is called only warnings and errors are shown.
void set_level(Level level);
void write(Level level, std::string_view message);

template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kDebug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kWarning, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kError, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace ae::log
