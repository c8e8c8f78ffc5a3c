// Fuzzes what strangers send: the request parser, percent-decoding and query strings.
// Input: the first byte says into how large pieces the rest is cut on its way to the parser, since
// a parser must read the same requests from the same bytes however the network delivers them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_message.h"
#include "net/http_server.h"
#include "net/internal/request_parser.h"

namespace {

using ae::net::Request;
using ae::net::internal::RequestParser;

constexpr RequestParser::Limits kLimits{1024, 4096};

void require(bool truth) {
  if (!truth) std::abort();
}

struct Reading {
  std::vector<Request> requests;
  bool rejected = false;
};

// With a policy bodies are taken from the parser as they come, as a handler of large ones does.
Reading read_in_pieces(std::string_view bytes, std::size_t piece,
                       const ae::net::BodyPolicy* policy = nullptr) {
  Reading reading;
  RequestParser parser(kLimits, policy);
  std::optional<Request> streamed;
  std::string pending;
  while (!reading.rejected) {
    const RequestParser::Step step = parser.feed(pending);
    require(step.consumed <= pending.size());
    pending.erase(0, step.consumed);
    if (streamed) streamed->body += parser.take_body();
    if (step.progress == RequestParser::Progress::kHead) {
      require(policy != nullptr && !streamed);
      streamed = parser.take();
    } else if (step.progress == RequestParser::Progress::kComplete) {
      reading.requests.push_back(streamed ? *std::move(streamed) : parser.take());
      streamed.reset();
      require(reading.requests.back().body.size() <= kLimits.max_body_bytes);
      require(!reading.requests.back().target.empty());
    } else if (step.progress == RequestParser::Progress::kRejected) {
      require(parser.rejection().status >= 400 && !parser.rejection().detail.empty());
      reading.rejected = true;
    } else if (step.progress == RequestParser::Progress::kNeedMore) {
      if (bytes.empty()) break;
      pending += bytes.substr(0, piece);
      bytes.remove_prefix(std::min(piece, bytes.size()));
    }
  }
  return reading;
}

void check_text(std::string_view text) {
  const std::string encoded = ae::net::percent_encode(text);
  const auto decoded = ae::net::percent_decode(encoded);
  require(decoded.has_value() && *decoded == text);
  (void)ae::net::percent_decode(text);

  Request request;
  request.target = "/?" + std::string(text);
  (void)request.query_parameter("a");
  request.target = "/?key=" + encoded + "&key=other";
  require(request.query_parameter("key") == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Reading whole = read_in_pieces(bytes, bytes.size() + 1);
  const Reading pieces = read_in_pieces(bytes, data[0] % 64U + 1U);
  const ae::net::BodyPolicy stream = [](const Request&) {
    return ae::net::BodyRule{ae::net::BodyDelivery::kStreamed, kLimits.max_body_bytes};
  };
  for (const Reading& other : {pieces, read_in_pieces(bytes, data[0] % 64U + 1U, &stream)}) {
    require(whole.requests.size() == other.requests.size());
    require(whole.rejected == other.rejected);
    for (std::size_t i = 0; i < whole.requests.size(); ++i) {
      require(whole.requests[i].target == other.requests[i].target);
      require(whole.requests[i].headers == other.requests[i].headers);
      require(whole.requests[i].body == other.requests[i].body);
    }
  }
  check_text(bytes);
  return 0;
}
