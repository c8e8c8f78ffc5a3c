// Fuzzes what strangers send to the S3 wire before anybody knows who they are, and what signed
// requests hold: paths, hosts, queries, ranges, dates, XML. Input: a target, a Host and a Range, a
// line each; the rest is an XML body.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "objects/internal/s3_call.h"

namespace {

using ae::net::Request;
using namespace ae::objects;

void require(bool truth) {
  if (!truth) std::abort();
}

std::string_view next_line(std::string_view& bytes) {
  const std::size_t end = bytes.find('\n');
  const std::string_view line = bytes.substr(0, end);
  bytes = end == std::string_view::npos ? std::string_view{} : bytes.substr(end + 1);
  return line;
}

void check_element(const XmlElement& element, int depth) {
  require(depth <= 16);
  for (const XmlElement& child : element.children) check_element(child, depth + 1);
}

// What the writer writes the reader reads; a few control characters XML cannot hold at all.
void check_text(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || byte >= 0x80) return;
  }
  XmlWriter writer("Root");
  writer.open("Inner").element("Text", text).close();
  const auto parsed = parse_xml(writer.finish());
  require(parsed.has_value());
  require(parsed->child("Inner") != nullptr && parsed->child("Inner")->text_of("Text") == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Request request{"GET", "/", {}, {}};
  request.target += next_line(bytes);
  request.headers.emplace_back("Host", next_line(bytes));
  const std::string_view range = next_line(bytes);

  const auto target = read_s3_target(request, {"localhost:8000", "127.0.0.1:8000"});
  if (target && !target->virtual_hosted) {
    require(target->bucket.find('/') == std::string::npos);
    const auto again =
        ae::net::percent_decode(object_path(target->bucket, target->key)).value_or("");
    require(again == "/" + target->bucket + "/" + target->key);
  }
  if (target && bucket_name_fault(target->bucket).empty()) {
    require(target->bucket.find("..") == std::string::npos && target->bucket.size() <= 63);
  }
  (void)read_s3_query(request.query());
  (void)parse_http_date(range);
  for (const std::uint64_t length : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1000}}) {
    bool unsatisfiable = false;
    const auto found = read_range(range, length, unsatisfiable);
    if (found && !unsatisfiable) {
      require(found->size > 0 && found->begin < length && found->size <= length - found->begin);
    }
  }
  if (const auto document = parse_xml(bytes)) check_element(*document, 1);
  check_text(bytes);
  return 0;
}
