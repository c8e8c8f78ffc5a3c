// Fuzzes forms: the same bytes give the same parts however they arrive. Input: the first byte is
// the size of the pieces, the rest the form, with the boundary "b".
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "net/multipart_form.h"

namespace {

struct Reading {
  bool ok = true;
  std::string text;
};

Reading read(std::string_view form, std::size_t step) {
  using ae::Result;
  Reading reading;
  auto reader = ae::net::MultipartReader::make(
      "multipart/form-data; boundary=b",
      {.begin = [&](const ae::net::FormPart& part) -> Result<void> {
         reading.text += "<" + part.name + "|" + part.filename.value_or("-") + "|";
         return {};
       },
       .data = [&](std::string_view data) -> Result<void> {
         reading.text += data;
         return {};
       },
       .end = [&]() -> Result<void> {
         reading.text += ">";
         return {};
       }});
  if (!reader) std::abort();
  for (std::size_t i = 0; i < form.size() && reading.ok; i += step) {
    reading.ok = reader->feed(form.substr(i, step)).has_value();
  }
  return reading;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view form(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Reading whole = read(form, form.size() + 1);
  const Reading pieces = read(form, data[0] % 32U + 1U);
  // Data without an end is given out as far as it is certain, which depends on the pieces.
  if (whole.ok && pieces.ok && whole.text.ends_with(">") && whole.text != pieces.text) std::abort();
  (void)ae::net::header_parameter(form, "filename");
  return 0;
}
