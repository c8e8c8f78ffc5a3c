#include "net/http_message.h"

#include <fmt/format.h>

#include <array>
#include <cstddef>

namespace ae::net {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char low = lower(c);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

bool is_unreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

// As HTML forms write it: '+' is a space. What is broken stays as it was sent, so that whoever
// checks the value can show it.
std::string decode_query_part(std::string_view part) {
  std::string spaced(part);
  for (char& c : spaced) {
    if (c == '+') c = ' ';
  }
  auto decoded = percent_decode(spaced);
  return decoded ? *std::move(decoded) : std::string(part);
}

}  // namespace

std::optional<std::string_view> find_header(const Headers& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (same_name(key, name)) return value;
  }
  return std::nullopt;
}

std::string_view Request::path() const {
  return std::string_view(target).substr(0, target.find('?'));
}

std::string_view Request::query() const {
  const std::size_t mark = target.find('?');
  return mark == std::string::npos ? std::string_view{} : std::string_view(target).substr(mark + 1);
}

std::optional<std::string> Request::query_parameter(std::string_view name) const {
  std::string_view rest = query();
  while (!rest.empty()) {
    const std::size_t end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    const std::size_t equals = pair.find('=');
    if (decode_query_part(pair.substr(0, equals)) != name) continue;
    return equals == std::string_view::npos ? std::string{}
                                            : decode_query_part(pair.substr(equals + 1));
  }
  return std::nullopt;
}

Result<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    const int high = i + 1 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("'%' at byte {} is not followed by two hexadecimal digits; "
                              "write a literal percent sign as %25",
                              i));
    }
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (is_unreserved(c)) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kDigits[byte >> 4U]);
    out.push_back(kDigits[byte & 15U]);
  }
  return out;
}

std::string_view reason_phrase(int status) {
  struct Entry {
    int status;
    std::string_view phrase;
  };
  // RFC 9110, section 15, and RFC 6585.
  static constexpr std::array kPhrases = {
      Entry{200, "OK"},
      Entry{201, "Created"},
      Entry{202, "Accepted"},
      Entry{204, "No Content"},
      Entry{206, "Partial Content"},
      Entry{301, "Moved Permanently"},
      Entry{302, "Found"},
      Entry{303, "See Other"},
      Entry{304, "Not Modified"},
      Entry{307, "Temporary Redirect"},
      Entry{308, "Permanent Redirect"},
      Entry{400, "Bad Request"},
      Entry{401, "Unauthorized"},
      Entry{402, "Payment Required"},
      Entry{403, "Forbidden"},
      Entry{404, "Not Found"},
      Entry{405, "Method Not Allowed"},
      Entry{406, "Not Acceptable"},
      Entry{408, "Request Timeout"},
      Entry{409, "Conflict"},
      Entry{410, "Gone"},
      Entry{411, "Length Required"},
      Entry{412, "Precondition Failed"},
      Entry{413, "Content Too Large"},
      Entry{414, "URI Too Long"},
      Entry{415, "Unsupported Media Type"},
      Entry{416, "Range Not Satisfiable"},
      Entry{417, "Expectation Failed"},
      Entry{421, "Misdirected Request"},
      Entry{422, "Unprocessable Content"},
      Entry{424, "Failed Dependency"},
      Entry{425, "Too Early"},
      Entry{426, "Upgrade Required"},
      Entry{428, "Precondition Required"},
      Entry{429, "Too Many Requests"},
      Entry{431, "Request Header Fields Too Large"},
      Entry{500, "Internal Server Error"},
      Entry{501, "Not Implemented"},
      Entry{502, "Bad Gateway"},
      Entry{503, "Service Unavailable"},
      Entry{504, "Gateway Timeout"},
      Entry{505, "HTTP Version Not Supported"},
      Entry{507, "Insufficient Storage"},
  };
  for (const Entry& entry : kPhrases) {
    if (entry.status == status) return entry.phrase;
  }
  return "Unknown";
}

}  // namespace ae::net
