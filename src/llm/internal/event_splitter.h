// Server-sent events, incrementally: bytes in, the data of whole events out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ae::llm {

// Source: WHATWG HTML, "Parsing an event stream"; only data fields matter here. Threads: one.
class EventSplitter final {
 public:
  // The data of the events that these bytes complete, in order; several data lines of one event
  // are joined by newlines.
  std::vector<std::string> feed(std::string_view bytes);
  // The event that the stream ended in, when a blank line is missing after it.
  std::vector<std::string> finish();

 private:
  void take_line(std::string_view line, std::vector<std::string>& events);

  std::string line_;
  std::string data_;
  bool has_data_ = false;
  bool after_return_ = false;  // a line ended with CR; an LF that follows belongs to it
};

}  // namespace ae::llm
