#include "repository/internal/spelling.h"

#include <algorithm>
#include <string>

#include "base/text.h"

namespace ae::repository::internal {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '-'; }
bool is_visible(char c) { return c > ' ' && c < 0x7f; }

bool is_port(std::string_view text) {
  if (text.empty() || text.size() > 5 || !std::ranges::all_of(text, is_digit)) return false;
  const int port = std::stoi(std::string(text));
  return port >= 1 && port <= 65'535;
}

bool is_host(std::string_view host) {
  if (host.starts_with('[')) {
    host.remove_prefix(1);
    if (!host.ends_with(']')) return false;
    host.remove_suffix(1);
    return !host.empty() && host.size() <= 45 &&
           host.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
  }
  if (host.starts_with("*.")) host.remove_prefix(2);
  if (host.empty() || host.size() > 253) return false;
  return std::ranges::all_of(split(host, '.'), [](std::string_view label) {
    return !label.empty() && label.size() <= 63 && label[0] != '-' &&
           std::ranges::all_of(label, is_word);
  });
}

}  // namespace

bool is_identifier(std::string_view text) {
  return !text.empty() && (is_letter(text[0]) || text[0] == '_') &&
         std::ranges::all_of(text, [](char c) { return is_letter(c) || is_digit(c) || c == '_'; });
}

bool is_runtime(std::string_view runtime) {
  return !runtime.empty() && runtime.size() <= 32 && is_letter(runtime[0]) &&
         std::ranges::all_of(runtime,
                             [](char c) { return is_letter(c) || is_digit(c) || c == '.'; });
}

bool is_handler(std::string_view handler, std::string_view runtime) {
  if (!runtime.starts_with("python") && !runtime.starts_with("nodejs")) {
    return !handler.empty() && handler.size() <= 128 && std::ranges::all_of(handler, is_visible);
  }
  const std::size_t dot = handler.rfind('.');
  if (dot == std::string_view::npos || !is_identifier(handler.substr(dot + 1))) return false;
  for (const std::string_view folder : split(handler.substr(0, dot), '/')) {
    for (const std::string_view part : split(folder, '.')) {
      if (part.empty() || part[0] == '-' || !std::ranges::all_of(part, is_word)) return false;
    }
  }
  return true;
}

bool is_egress(std::string_view target) {
  if (target == "*") return true;
  const std::size_t colon = target.rfind(':');
  const bool has_port = colon != std::string_view::npos && target.find(']', colon) == target.npos;
  if (!has_port) return is_host(target);
  return is_port(target.substr(colon + 1)) && is_host(target.substr(0, colon));
}

bool is_http_url(std::string_view url) {
  if (url.size() > 2048 || !std::ranges::all_of(url, is_visible)) return false;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!url.starts_with(scheme)) continue;
    std::string_view host = url.substr(scheme.size());
    host = host.substr(0, host.find_first_of("/?#"));
    return !host.starts_with('*') && host.find('@') == host.npos && is_egress(host);
  }
  return false;
}

bool is_lambda_arn(std::string_view arn) {
  const auto parts = split(arn, ':');
  if ((parts.size() != 7 && parts.size() != 8) || arn.size() > 512) return false;
  return parts[0] == "arn" && parts[1].starts_with("aws") && parts[2] == "lambda" &&
         parts[4].size() == 12 && std::ranges::all_of(parts[4], is_digit) &&
         parts[5] == "function" && std::ranges::all_of(parts, [](std::string_view part) {
           return !part.empty() && std::ranges::all_of(part, [](char c) {
             return is_word(c) || c == '$' || c == '.';
           });
         });
}

bool is_relative_path(std::string_view path) {
  return !path.empty() && path.size() <= 1024 && path[0] != '/' && is_utf8(path) &&
         path.find('\\') == std::string_view::npos &&
         std::ranges::none_of(path, [](char c) { return static_cast<unsigned char>(c) < ' '; });
}

}  // namespace ae::repository::internal
