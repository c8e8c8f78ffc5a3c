// JavaScript as tokens with matched brackets: as much of the language as reading a handler needs.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ae::repository::internal {

struct JavascriptToken {
  enum class Kind { kName, kString, kTemplate, kNumber, kRegex, kPunctuation, kEnd };
  Kind kind = Kind::kEnd;
  std::string text;      // of a string: what it says, with simple escapes undone
  std::size_t mate = 0;  // of a bracket: the other one's index; 0: none
  std::size_t line = 0;  // from 1

  bool is(std::string_view punctuation) const {
    return kind == Kind::kPunctuation && text == punctuation;
  }
  bool is_name(std::string_view name) const { return kind == Kind::kName && text == name; }
};

struct JavascriptComment {
  std::string text;  // without its marks; lines of a block separated by '\n'
  std::size_t first_line = 0;
  std::size_t last_line = 0;
};

struct JavascriptCode {
  // Ends with three tokens kEnd, so that looking ahead needs no check. "?." "=>" "===" and the like
  // are one token each. Expressions inside template strings are not read.
  std::vector<JavascriptToken> tokens;
  std::vector<JavascriptComment> comments;
};

// Never fails: what is no token is skipped. Linear; at most 200 000 tokens. Threads: pure.
JavascriptCode read_tokens(std::string_view source);

}  // namespace ae::repository::internal
