// The interpreters of this machine: is it there, and which version is it?
#pragma once

#include <compare>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ae::faas {

struct Version {
  int major = 0;
  int minor = 0;
  auto operator<=>(const Version&) const = default;
};

// "python3.11", "Python 3.11.2", "v20.20.2", "nodejs20.x": the first number and the one after its
// dot, 0 if there is none. nullopt: no digits.
std::optional<Version> parse_version(std::string_view text);

// By the name of the file, or else the program is asked (--version), a few milliseconds; the answer
// is remembered until the file changes. nullopt when it does not say. Errors: kFailedPrecondition
// when it is missing; those of Process::spawn(). Threads: any.
Result<std::optional<Version>> version_of(const std::filesystem::path& program);

}  // namespace ae::faas
