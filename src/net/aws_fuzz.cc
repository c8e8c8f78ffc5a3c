// Fuzzes what strangers send as AWS signatures: the Authorization header, presigned queries and
// bodies in aws-chunked encoding. Input: lines; the first is the target, the second the header, the
// rest is the body, cut into pieces by the target's length.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "net/aws_chunked.h"
#include "net/aws_signature.h"

namespace {

using ae::net::AwsChunkedDecoder;
using ae::net::Request;

std::string_view next_line(std::string_view& bytes) {
  const std::size_t end = bytes.find('\n');
  const std::string_view line = bytes.substr(0, end);
  bytes = end == std::string_view::npos ? std::string_view{} : bytes.substr(end + 1);
  return line;
}

struct Decoded {
  bool ok;
  bool done;
  std::string data;
  bool operator==(const Decoded&) const = default;
};

Decoded decode(std::string_view body, std::size_t step) {
  AwsChunkedDecoder decoder(std::nullopt);
  Decoded decoded{true, false, {}};
  for (std::size_t i = 0; i < body.size() && decoded.ok; i += step) {
    decoded.ok = decoder.feed(body.substr(i, step), decoded.data).has_value();
  }
  decoded.done = decoder.done();
  if (!decoded.ok) decoded.data.clear();  // how much came before the fault depends on the pieces
  return decoded;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Request request{"GET", "/", {{"Host", "h"}, {"X-Amz-Date", "20261120T160000Z"}}, {}};
  request.target += next_line(bytes);
  request.headers.emplace_back("Authorization", next_line(bytes));
  const auto claim = ae::net::read_aws_claim(request);
  if (claim && *claim) {
    const auto now = *ae::net::parse_aws_timestamp("20261120T160000Z");
    if (ae::net::verify_aws_claim(request, **claim, "secret", now)) std::abort();
  }
  const Decoded whole = decode(bytes, bytes.size() + 1);
  const Decoded pieces = decode(bytes, request.target.size() % 16 + 1);
  if (whole.ok != pieces.ok || whole.data != pieces.data) std::abort();
  return 0;
}
