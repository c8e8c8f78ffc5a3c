// The canonical forms that AWS signatures are made of.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/aws_signature.h"

namespace ae::net::internal {

// Every byte but unreserved ones becomes %XX; '/' stays when `keep_slash`.
enum class Slash { kKeep, kEncode };
std::string aws_encode(std::string_view bytes, Slash slash);

// Parameters in the order sent, decoded; broken escapes stay as they are, '+' is a plus.
using QueryItems = std::vector<std::pair<std::string, std::string>>;
QueryItems query_items(std::string_view query);
std::string find_item(const QueryItems& items, std::string_view name);

std::string canonical_path(std::string_view path, std::string_view service);
std::string canonical_query(QueryItems items);

// A header's values, trimmed, with runs of blanks made one, joined by commas.
std::string canonical_header(const Headers& headers, std::string_view name);

// The whole canonical request. path: canonical; signed_headers: lower case and sorted.
std::string canonical_request(const Request& request, std::string_view path,
                              const QueryItems& query,
                              const std::vector<std::string>& signed_headers,
                              std::string_view payload_hash);

std::string string_to_sign(std::string_view timestamp, const AwsScope& scope,
                           std::string_view canonical);

}  // namespace ae::net::internal
