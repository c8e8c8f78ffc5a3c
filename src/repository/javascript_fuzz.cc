// Code is written by strangers: whatever the text, scanning it ends with schemas that are schemas.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/text.h"
#include "json/schema.h"
#include "repository/internal/javascript_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ae;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (!is_utf8(text)) return 0;
  const auto found = repository::internal::read_javascript(text, "handler");
  if (!json::check_schema(found.input).empty()) std::abort();
  if (!json::check_schema(found.output).empty()) std::abort();
  return 0;
}
