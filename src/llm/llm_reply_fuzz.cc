// Whatever a model's server sends: events in any pieces, documents, answers. The first byte picks
// the wire and the size of the pieces.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "llm/chat_model.h"
#include "llm/internal/event_splitter.h"
#include "llm/internal/wire.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static const ae::Json kSchema{{"type", "object"}, {"required", ae::Json::array({"steps"})}};
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto wire = (data[0] & 1U) != 0 ? ae::llm::Wire::kAnthropic : ae::llm::Wire::kOpenAi;
  const std::size_t piece = 1 + (data[0] >> 1U);

  ae::llm::EventSplitter splitter;
  const auto reader = ae::llm::wire_format(wire).reader();
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    for (const auto& event : splitter.feed(bytes.substr(at, piece))) (void)reader->on_event(event);
  }
  for (const auto& event : splitter.finish()) (void)reader->on_event(event);
  (void)ae::llm::read_answer(reader->take().text, kSchema);
  (void)ae::llm::wire_format(wire).reader()->on_document(bytes);
  (void)ae::llm::read_answer(bytes, kSchema);
  (void)ae::llm::complaint_of(bytes, {});
  return 0;
}
