// Any bytes: parse_yaml() answers, and what it reads prints and reads back the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "json/yaml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ae;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto tagged = json::parse_yaml(text, json::LocalTags::kMember, {.max_bytes = 1 << 16});
  const auto value = json::parse_yaml(text, {.max_bytes = 1 << 16});
  if (!value) return 0;
  if (!tagged || *tagged != *value) std::abort();  // nothing but tags is read otherwise
  const auto again = json::parse_yaml(json::dump_yaml(*value));
  if (!again || *again != *value) std::abort();
  return 0;
}
