// Zip archives of strangers, unpacked into a folder of ours or refused.
//
// Nothing is written outside of the folder: names are checked before a file is made, each file must
// be new, and links come last, when nothing is written through them any more. Limits are watched
// while the data stream, so that a bomb is stopped at its limit; archives inside are mere files.
// The library takes "a\\b" (Windows of old) for "a/b" before we look, and a pipe for an empty file.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"
#include "repository/package.h"

namespace ae::repository::internal {

// Unpacks into `to`, an existing empty folder; whoever owns the folder removes it after an error.
// Executable bits are kept, owners and times are not. Errors name the entry: kInvalidArgument (no
// zip, truncated, damaged, encrypted; names that are absolute, leave the folder, hold a backslash
// or a control character, are too long, occur twice or differ only in case; links that leave the
// folder; devices, pipes, hard links), kResourceExhausted (a limit), kNotFound.
Result<void> unpack_zip(const std::filesystem::path& archive, const std::filesystem::path& to,
                        const PackageLimits& limits);
// The same from memory.
Result<void> unpack_zip_bytes(std::string_view archive, const std::filesystem::path& to,
                              const PackageLimits& limits);

// The entry's name as a relative path without "." and doubled slashes, or why it is refused.
// Threads: pure.
Result<std::string> checked_entry_name(std::string_view name);

}  // namespace ae::repository::internal
