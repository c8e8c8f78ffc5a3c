// A worker's bytes, in two pieces cut anywhere: the parser must take them the same way as whole.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "faas/internal/request_parser.h"

namespace {

constexpr std::size_t kMaxBody = 4096;

// Every request found, then "!" if the bytes stopped being HTTP.
std::vector<std::string> read_all(std::string_view first, std::string_view second) {
  ae::faas::RequestParser parser(kMaxBody);
  std::vector<std::string> found;
  for (const std::string_view piece : {first, second}) {
    parser.append(piece);
    while (true) {
      auto request = parser.next();
      if (!request) {
        found.emplace_back("!");
        return found;
      }
      if (!*request) break;
      const ae::net::Request& http = (*request)->request;
      if (http.body.size() > kMaxBody) std::abort();
      found.push_back(http.method + ' ' + http.target + ' ' +
                      std::to_string((*request)->oversize_bytes) + ' ' + http.body);
    }
  }
  return found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t cut = static_cast<std::size_t>(data[0]) * size / 256;
  text.remove_prefix(1);
  const std::size_t at = cut < text.size() ? cut : text.size();
  if (read_all(text, {}) != read_all(text.substr(0, at), text.substr(at))) std::abort();
  return 0;
}
