#include "net/internal/aws_canonical.h"

#include <algorithm>

#include "base/hash.h"
#include "base/text.h"

namespace ae::net::internal {
namespace {

// RFC 3986, 5.2.4, and empty segments gone: how every service but S3 reads a path.
std::string without_dots(std::string_view path) {
  std::vector<std::string_view> kept;
  for (const std::string_view segment : split(path, '/')) {
    if (segment.empty() || segment == ".") continue;
    if (segment != "..") {
      kept.push_back(segment);
    } else if (!kept.empty()) {
      kept.pop_back();
    }
  }
  std::string normal;
  for (const std::string_view segment : kept) normal.append("/").append(segment);
  if (normal.empty() || path.ends_with('/')) normal += '/';
  return normal;
}

std::string decode_or_keep(std::string_view text) {
  auto decoded = percent_decode(text);
  return decoded ? *std::move(decoded) : std::string(text);
}

}  // namespace

std::string aws_encode(std::string_view bytes, Slash slash) {
  if (slash == Slash::kEncode) return percent_encode(bytes);
  std::string encoded;
  while (true) {
    const std::size_t end = bytes.find('/');
    encoded += percent_encode(bytes.substr(0, end));
    if (end == std::string_view::npos) return encoded;
    encoded += '/';
    bytes.remove_prefix(end + 1);
  }
}

QueryItems query_items(std::string_view query) {
  QueryItems items;
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    items.emplace_back(
        decode_or_keep(pair.substr(0, equals)),
        equals == std::string_view::npos ? std::string{} : decode_or_keep(pair.substr(equals + 1)));
  }
  return items;
}

std::string find_item(const QueryItems& items, std::string_view name) {
  for (const auto& [key, value] : items) {
    if (key == name) return value;
  }
  return {};
}

// S3 keys may hold anything, so S3 signs the path as it is, encoded once; all other services
// normalise the path that was sent and encode that again.
std::string canonical_path(std::string_view path, std::string_view service) {
  if (service == "s3") return aws_encode(decode_or_keep(path), Slash::kKeep);
  return aws_encode(without_dots(path), Slash::kKeep);
}

std::string canonical_query(QueryItems items) {
  for (auto& [name, value] : items) {
    name = percent_encode(name);
    value = percent_encode(value);
  }
  std::ranges::sort(items);
  std::string text;
  for (const auto& [name, value] : items) {
    if (!text.empty()) text += '&';
    text.append(name).append("=").append(value);
  }
  return text;
}

std::string canonical_header(const Headers& headers, std::string_view name) {
  std::string joined;
  bool first = true;
  for (const auto& [key, value] : headers) {
    if (to_lower(key) != name) continue;
    if (!std::exchange(first, false)) joined += ',';
    bool blank = false;
    for (const char c : trim(value)) {
      const bool is_blank = c == ' ' || c == '\t';
      if (!is_blank) joined += c;
      if (is_blank && !blank) joined += ' ';
      blank = is_blank;
    }
  }
  return joined;
}

std::string canonical_request(const Request& request, std::string_view path,
                              const QueryItems& query,
                              const std::vector<std::string>& signed_headers,
                              std::string_view payload_hash) {
  std::string text =
      request.method + "\n" + std::string(path) + "\n" + canonical_query(query) + "\n";
  for (const std::string& name : signed_headers) {
    text.append(name).append(":").append(canonical_header(request.headers, name)).append("\n");
  }
  text.append("\n").append(join(signed_headers, ";")).append("\n").append(payload_hash);
  return text;
}

std::string string_to_sign(std::string_view timestamp, const AwsScope& scope,
                           std::string_view canonical) {
  std::string text = "AWS4-HMAC-SHA256\n";
  text.append(timestamp).append("\n").append(scope.text()).append("\n");
  return text + sha256_hex(canonical);
}

}  // namespace ae::net::internal
