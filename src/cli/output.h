// What a person sees: colours on a terminal, tables, documents for programs, errors with their fix.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/json.h"
#include "net/http_message.h"

namespace ae::cli {

enum class Format { kText, kJson, kYaml };

// Standard output for results, standard error for everything else. Colours when standard output is
// a terminal and NO_COLOR is unset.
class Output final {
 public:
  explicit Output(Format format);

  Format format() const { return format_; }
  bool text() const { return format_ == Format::kText; }
  bool colour() const { return colour_; }

  void line(std::string_view text = {}) const;  // to standard output
  void note(std::string_view text) const;       // to standard error: progress, hints
  void document(const Json& value) const;       // as JSON or YAML, as asked
  void heading(std::string_view text) const;
  void table(const std::vector<std::string>& header,
             const std::vector<std::vector<std::string>>& rows) const;
  void error(const Error& error) const;  // to standard error

  std::string bold(std::string_view text) const { return paint("1", text); }
  std::string dim(std::string_view text) const { return paint("2", text); }
  std::string good(std::string_view text) const { return paint("32", text); }
  std::string bad(std::string_view text) const { return paint("31", text); }
  std::string warn(std::string_view text) const { return paint("33", text); }
  std::string accent(std::string_view text) const { return paint("36", text); }

 private:
  std::string paint(std::string_view code, std::string_view text) const;

  Format format_;
  bool colour_;
};

// Characters that a terminal shows: UTF-8 continuation bytes and ANSI sequences do not count.
std::size_t display_width(std::string_view text);

// Untrusted text (a function's output, a file's name) without control characters, which could
// drive the terminal; newlines and tabs stay.
std::string printable(std::string_view text);

// A result as a person reads it: a single scalar bare, else indented JSON.
std::string bare(const Json& outputs);

// An answer of the API that reports a problem (status >= 400), as an Error with its details in the
// message; nothing for other answers.
Result<Json> body_of(const net::Response& response);

}  // namespace ae::cli
