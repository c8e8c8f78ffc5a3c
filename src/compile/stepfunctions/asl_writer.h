// The text of a state machine: JSON laid out as people write it, straight into one string.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "json/json.h"

namespace ae::compile::stepfunctions {

// Every text but a substitution() is written so that CloudFormation, which replaces ${Name} in a
// definition, finds nothing in it. Threads: not thread-safe.
class AslWriter final {
 public:
  AslWriter& begin_object() { return open('{'); }
  AslWriter& end_object() { return close('}'); }
  AslWriter& begin_array() { return open('['); }
  AslWriter& end_array() { return close(']'); }

  AslWriter& key(std::string_view name);
  AslWriter& string(std::string_view value);
  AslWriter& integer(std::int64_t value);
  AslWriter& json(const Json& value);              // on one line
  AslWriter& raw(std::string_view text);           // a whole value
  AslWriter& substitution(std::string_view name);  // "${name}"

  // key(name).string(value), …
  AslWriter& member(std::string_view name, std::string_view value) {
    return key(name).string(value);
  }
  AslWriter& member(std::string_view name, std::int64_t value) { return key(name).integer(value); }

  const std::string& text() const { return text_; }
  std::string take() { return std::move(text_); }

 private:
  AslWriter& open(char bracket);
  AslWriter& close(char bracket);
  void before_value();
  void new_line();

  std::string text_;
  std::size_t indent_ = 0;
  bool empty_ = true;  // nothing yet in the innermost object or array
  bool after_key_ = false;
};

// `text` as a JSON string without "${" in it.
std::string quoted(std::string_view text);

}  // namespace ae::compile::stepfunctions
