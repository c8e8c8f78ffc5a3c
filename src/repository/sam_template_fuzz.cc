// Templates are written by strangers: whatever the text, reading it ends, and what it yields is
// spelt as the sidecar's reader expects it.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "json/yaml.h"
#include "repository/internal/sam_template.h"
#include "repository/internal/spelling.h"
#include "repository/sidecar.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ae;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto document = json::parse_yaml(text, json::LocalTags::kMember, {.max_bytes = 1UL << 16U});
  if (!document) return 0;
  for (const auto& function : repository::internal::read_template(*document)) {
    if (function.refusal) continue;
    const auto parsed = repository::read_sidecar(function.document);
    if (!repository::is_function_name(json::string_or(function.document, "name"))) std::abort();
    if (!function.code.empty() && !repository::internal::is_relative_path(function.code)) {
      std::abort();
    }
  }
  return 0;
}
