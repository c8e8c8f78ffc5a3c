// Whatever bytes come in as a query: no crash, and every span lies within the text.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "plan/query.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const ae::Result<ae::plan::Query> query = ae::plan::read_query(text);
  if (!query) return 0;
  for (const ae::plan::Token& token : query->tokens) {
    require(token.span.begin < token.span.end && token.span.end <= size);
    require(token.slot == ae::plan::kNone || token.slot < query->slots.size());
    require(token.clause == ae::plan::kNone || token.clause < query->clauses.size());
  }
  for (const ae::plan::Slot& slot : query->slots) {
    require(slot.span.begin <= slot.span.end && slot.span.end <= size);
    require(slot.first_token < slot.last_token && slot.last_token <= query->tokens.size());
  }
  for (const ae::plan::Clause& clause : query->clauses) {
    require(clause.span.begin < clause.span.end && clause.span.end <= size);
    for (const std::size_t token : clause.tokens) require(token < query->tokens.size());
  }
  return 0;
}
