// A worker's bytes, in two pieces cut anywhere: the reader must take them the same way as whole.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "faas/internal/request_reader.h"

namespace {

using ae::faas::RequestReader;

constexpr std::size_t kMaxBody = 4096;

// Every request found, then "!" if the bytes stopped being HTTP.
std::vector<std::string> read_all(std::string_view first, std::string_view second) {
  using Progress = RequestReader::Progress;
  RequestReader reader(kMaxBody);
  std::vector<std::string> found;
  for (const std::string_view piece : {first, second}) {
    reader.append(piece);
    for (Progress progress = reader.next(); progress != Progress::kNeedMore;
         progress = reader.next()) {
      if (progress == Progress::kRejected) {
        if (reader.rejection().status < 400) std::abort();
        found.emplace_back("!");
        return found;
      }
      if (progress == Progress::kContinue) continue;  // depends on where the bytes are cut
      const ae::faas::ApiRequest request = reader.take();
      const ae::net::Request& http = request.request;
      if (http.body.size() > kMaxBody) std::abort();
      // How far a chunked body goes beyond the limit before that shows depends on the cut as well.
      found.push_back(http.method + ' ' + http.target + ' ' + http.body +
                      (request.oversize_bytes > 0 ? " too large" : ""));
      for (const auto& [name, value] : request.trailers) found.back() += name + '=' + value;
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
