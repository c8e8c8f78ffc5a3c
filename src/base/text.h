// Small text helpers that more than one module needs. ASCII unless it says otherwise.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ae {

std::string to_lower(std::string_view text);
std::string_view trim(std::string_view text);
std::vector<std::string_view> split(std::string_view text, char separator);
std::string join(std::span<const std::string> parts, std::string_view separator);

// Words of an identifier, lower case: "user_ID" -> user id; "getUserMood2ID" -> get user mood 2 id;
// "HTTPServer" -> http server.
std::vector<std::string> identifier_words(std::string_view identifier);

// How many insertions, deletions, substitutions and swaps of neighbours make one text the other,
// in bytes (optimal string alignment). O(a*b).
std::size_t edit_distance(std::string_view a, std::string_view b);

// The candidate that was probably meant ("did you mean"), or "" when none is near. Ties: the first.
std::string nearest(std::string_view wanted, std::span<const std::string> candidates);

// True when the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
bool is_utf8(std::string_view bytes);

// At most max_bytes, never cutting inside a UTF-8 character; "…" marks a cut.
std::string shorten(std::string_view text, std::size_t max_bytes);

}  // namespace ae
