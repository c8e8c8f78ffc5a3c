#include "llm/internal/event_splitter.h"

#include <utility>

namespace ae::llm {

void EventSplitter::take_line(std::string_view line, std::vector<std::string>& events) {
  if (line.empty()) {
    if (has_data_) events.push_back(std::exchange(data_, {}));
    has_data_ = false;
    return;
  }
  static constexpr std::string_view kField = "data";
  if (!line.starts_with(kField)) return;
  line.remove_prefix(kField.size());
  if (!line.empty() && line.front() != ':') return;  // "database: …" is another field
  if (!line.empty()) line.remove_prefix(1);
  if (line.starts_with(' ')) line.remove_prefix(1);
  if (has_data_) data_ += '\n';
  data_ += line;
  has_data_ = true;
}

std::vector<std::string> EventSplitter::feed(std::string_view bytes) {
  std::vector<std::string> events;
  for (const char c : bytes) {
    if (c == '\n' && std::exchange(after_return_, false)) continue;
    after_return_ = c == '\r';
    if (c == '\n' || c == '\r') {
      take_line(line_, events);
      line_.clear();
    } else {
      line_ += c;
    }
  }
  return events;
}

std::vector<std::string> EventSplitter::finish() {
  std::vector<std::string> events;
  if (!line_.empty()) take_line(std::exchange(line_, {}), events);
  take_line({}, events);
  return events;
}

}  // namespace ae::llm
