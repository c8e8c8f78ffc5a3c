// The formats that the validator asserts.
#pragma once

#include <string_view>

namespace ae::json::internal {

// False only when `format` is one that is checked (schema.h lists them) and `text` is not of it.
bool matches_format(std::string_view format, std::string_view text);
bool is_checked_format(std::string_view format);
// "a date like 2026-12-24": for messages.
std::string_view format_example(std::string_view format);

}  // namespace ae::json::internal
