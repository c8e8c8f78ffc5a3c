// Sidecars are written by strangers: whatever the bytes, parsing ends with a spec or a finding.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "repository/sidecar.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = ae::repository::parse_sidecar(text);
  if (!parsed || ae::dag::has_errors(parsed->diagnostics)) return 0;
  const ae::dag::FunctionSpec& spec = parsed->spec;
  // What is accepted keeps the promises that others build on.
  if (!ae::repository::is_function_name(spec.name)) std::abort();
  if (spec.runtime.timeout.count() < 1 || spec.runtime.timeout.count() > 900'000) std::abort();
  if (spec.runtime.memory_mb < 128 || spec.runtime.memory_mb > 10'240) std::abort();
  const auto& package = std::get<ae::dag::LocalPackage>(spec.binding);
  if (package.handler.find("..") != std::string::npos || package.handler.starts_with('/')) {
    std::abort();
  }
  return 0;
}
