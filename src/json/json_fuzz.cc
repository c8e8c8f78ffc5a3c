// Any bytes: parse() answers, and what parses prints and parses back the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "json/json.h"
#include "json/schema.h"
#include "json/subschema.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ae;
  const auto value =
      json::parse({reinterpret_cast<const char*>(data), size}, {.max_bytes = 1 << 20});
  if (!value) return 0;
  const auto again = json::parse(json::dump(*value));
  if (!again || *again != *value) std::abort();
  if (json::canonical(*again) != json::canonical(*value)) std::abort();
  // As a schema it is hostile; as a pair of a schema and a value it must stay cheap.
  if (!json::check_schema(*value).empty()) return 0;
  const Json* instance = json::find(*value, "instance");
  const bool valid = json::validate(*value, instance == nullptr ? *value : *instance).empty();
  const Json* consumer = json::find(*value, "consumer");
  if (consumer == nullptr || !json::check_schema(*consumer).empty()) return 0;
  if (json::is_subschema(*value, *consumer).fit == json::Fit::kYes && valid &&
      !json::validate(*consumer, instance == nullptr ? *value : *instance).empty()) {
    std::abort();  // the proof was wrong
  }
  return 0;
}
