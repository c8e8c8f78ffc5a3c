#include "compile/stepfunctions/asl_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace ae::compile::stepfunctions {
namespace {

bool is_plain(char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '$'; }

void append_quoted(std::string& out, std::string_view text) {
  if (std::ranges::all_of(text, is_plain)) {
    out.append(1, '"').append(text).append(1, '"');
    return;
  }
  const std::string json = json::dump(Json(text));
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (json.compare(i, 2, "${") == 0) {
      out += "\\u0024";
    } else {
      out += json[i];
    }
  }
}

void append_json(std::string& out, const Json& value) {
  if (value.is_string()) return append_quoted(out, value.get_ref<const std::string&>());
  if (!value.is_structured()) {
    out += json::dump(value);
    return;
  }
  const bool object = value.is_object();
  out += object ? '{' : '[';
  bool first = true;
  for (const auto& item : value.items()) {
    if (!first) out += ", ";
    first = false;
    if (object) {
      append_quoted(out, item.key());
      out += ": ";
    }
    append_json(out, item.value());
  }
  out += object ? '}' : ']';
}

}  // namespace

std::string quoted(std::string_view text) {
  std::string out;
  append_quoted(out, text);
  return out;
}

void AslWriter::new_line() { text_.append(1, '\n').append(indent_, ' '); }

void AslWriter::before_value() {
  if (after_key_) {
    after_key_ = false;
  } else if (indent_ > 0) {
    if (!empty_) text_ += ',';
    new_line();
  }
  empty_ = false;
}

AslWriter& AslWriter::open(char bracket) {
  before_value();
  text_ += bracket;
  indent_ += 2;
  empty_ = true;
  return *this;
}

AslWriter& AslWriter::close(char bracket) {
  indent_ -= 2;
  if (!empty_) new_line();
  empty_ = false;
  text_ += bracket;
  return *this;
}

AslWriter& AslWriter::key(std::string_view name) {
  before_value();
  append_quoted(text_, name);
  text_ += ": ";
  after_key_ = true;
  return *this;
}

AslWriter& AslWriter::string(std::string_view value) {
  before_value();
  append_quoted(text_, value);
  return *this;
}

AslWriter& AslWriter::integer(std::int64_t value) {
  before_value();
  fmt::format_to(std::back_inserter(text_), "{}", value);
  return *this;
}

AslWriter& AslWriter::json(const Json& value) {
  before_value();
  append_json(text_, value);
  return *this;
}

AslWriter& AslWriter::raw(std::string_view text) {
  before_value();
  text_ += text;
  return *this;
}

AslWriter& AslWriter::substitution(std::string_view name) {
  before_value();
  text_.append("\"${").append(name).append("}\"");
  return *this;
}

}  // namespace ae::compile::stepfunctions
