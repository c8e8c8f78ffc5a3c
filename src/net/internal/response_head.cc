#include "net/internal/response_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"

namespace ae::net::internal {
namespace {

bool is_token(std::string_view text) {
  static constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

bool is_field_value(std::string_view text) {
  return std::ranges::none_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

bool is_servers_business(std::string_view name) {
  static constexpr std::array<std::string_view, 5> kOwn = {"connection", "content-length", "date",
                                                           "keep-alive", "transfer-encoding"};
  // Most names end the question by their length alone.
  return std::ranges::any_of(kOwn, [name](std::string_view own) {
    return own.size() == name.size() && to_lower(name) == own;
  });
}

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20 || byte >= 0x7f) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

}  // namespace

bool is_bodiless(int status) { return status == 204 || status == 304; }

void append_head(std::string& out, const Response& response, const HeadFacts& facts) {
  out += "HTTP/1.1 ";
  const fmt::format_int status(response.status);
  out.append(status.data(), status.size());
  out.push_back(' ');
  out += reason_phrase(response.status);
  out += "\r\nDate: ";
  out += facts.date;
  for (const auto& [name, value] : response.headers) {
    if (is_servers_business(name)) continue;
    out += "\r\n";
    out += name;
    out += ": ";
    out += value;
  }
  if (facts.framing == BodyFraming::kChunked) {
    out += "\r\nTransfer-Encoding: chunked";
  } else if (facts.framing == BodyFraming::kLength && !is_bodiless(response.status)) {
    out += "\r\nContent-Length: ";
    const fmt::format_int length(facts.body_bytes);
    out.append(length.data(), length.size());
  }
  if (!facts.keep_alive) {
    out += "\r\nConnection: close";
  } else if (facts.http10) {
    out += "\r\nConnection: keep-alive";
  }
  out += "\r\n\r\n";
}

std::string find_fault(const Response& response) {
  if (response.status < 200 || response.status > 599) {
    return fmt::format("status {} is no final HTTP status", response.status);
  }
  for (const auto& [name, value] : response.headers) {
    if (!is_token(name)) return "a header's name is no token";
    if (!is_field_value(value)) {
      return fmt::format("the value of header '{}' holds a control character", name);
    }
  }
  return {};
}

Response problem_response(int status, std::string_view detail) {
  Response response;
  response.status = status;
  response.headers.emplace_back("Content-Type", "application/problem+json");
  response.body = R"({"type":"about:blank","title":)";
  append_json_string(response.body, reason_phrase(status));
  response.body += fmt::format(R"(,"status":{},"detail":)", status);
  append_json_string(response.body, detail);
  response.body.push_back('}');
  return response;
}

}  // namespace ae::net::internal
