#include "repository/internal/javascript_tokens.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace ae::repository::internal {
namespace {

using Kind = JavascriptToken::Kind;

constexpr std::size_t kMaxTokens = 200'000;

// Longest first.
constexpr std::array<std::string_view, 27> kLong = {
    ">>>=", "...", "===", "!==", "**=", "<<=", ">>=", "&&=", "||=", "?\?=", ">>>", "=>", "==", "!=",
    "<=",   ">=",  "&&",  "||",  "??",  "?.",  "++",  "--",  "+=",  "-=",   "*=",  "/=", "**"};

bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Lexer final {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  JavascriptCode read() && {
    while (at_ < source_.size() && code_.tokens.size() < kMaxTokens) step();
    match_brackets();
    for (int i = 0; i < 3; ++i) code_.tokens.emplace_back();
    return std::move(code_);
  }

 private:
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
  }

  void step() {
    const char c = peek();
    if (c == '\n') {
      ++line_;
      ++at_;
    } else if (c == ' ' || c == '\t' || c == '\r') {
      ++at_;
    } else if (c == '/' && peek(1) == '/') {
      read_line_comment();
    } else if (c == '/' && peek(1) == '*') {
      read_block_comment();
    } else if (c == '"' || c == '\'') {
      read_string(c);
    } else if (c == '`') {
      read_template();
    } else if (is_digit(c) || (c == '.' && is_digit(peek(1)))) {
      const std::size_t begin = at_;
      while (is_name_start(peek()) || is_digit(peek()) || peek() == '.') ++at_;
      add(Kind::kNumber, source_.substr(begin, at_ - begin));
    } else if (is_name_start(c) || c == '#') {
      const std::size_t begin = at_++;
      while (is_name_start(peek()) || is_digit(peek())) ++at_;
      add(Kind::kName, source_.substr(begin, at_ - begin));
    } else if (c == '/' && begins_regex()) {
      read_regex();
    } else {
      read_punctuation();
    }
  }

  void add(Kind kind, std::string_view text) {
    code_.tokens.push_back({.kind = kind, .text = std::string(text), .mate = 0, .line = line_});
  }

  void add_comment(std::string text, std::size_t first) {
    // Lines of comment that follow one another are one comment.
    if (!code_.comments.empty() && code_.comments.back().last_line + 1 == first && first == line_ &&
        (code_.tokens.empty() || code_.tokens.back().line < first)) {
      code_.comments.back().text += '\n' + text;
      code_.comments.back().last_line = line_;
      return;
    }
    code_.comments.push_back({.text = std::move(text), .first_line = first, .last_line = line_});
  }

  void read_line_comment() {
    const std::size_t end = std::min(source_.find('\n', at_), source_.size());
    add_comment(std::string(trim(source_.substr(at_ + 2, end - at_ - 2))), line_);
    at_ = end;
  }

  void read_block_comment() {
    const std::size_t first = line_;
    const std::size_t close = source_.find("*/", at_ + 2);
    const std::size_t end = close == std::string_view::npos ? source_.size() : close;
    std::string text;
    for (std::string_view line : split(source_.substr(at_ + 2, end - at_ - 2), '\n')) {
      line = trim(line);
      while (line.starts_with('*')) line = trim(line.substr(1));
      if (!text.empty()) text += '\n';
      text += line;
    }
    line_ += static_cast<std::size_t>(std::ranges::count(source_.substr(at_, end - at_), '\n'));
    at_ = std::min(end + 2, source_.size());
    code_.comments.push_back(
        {.text = std::string(trim(text)), .first_line = first, .last_line = line_});
  }

  void read_string(char quote) {
    std::string text;
    for (++at_; at_ < source_.size() && peek() != quote && peek() != '\n'; ++at_) {
      if (peek() == '\\' && at_ + 1 < source_.size()) {
        ++at_;
        if (peek() == '\n') ++line_;
        text += peek() == 'n' ? '\n' : peek() == 't' ? '\t' : peek();
      } else {
        text += peek();
      }
    }
    if (peek() == quote) ++at_;
    add(Kind::kString, text);
  }

  // Up to its end; templates inside its expressions are skipped with it.
  void read_template() {
    const std::size_t begin = at_++;
    int braces = 0;
    for (; at_ < source_.size(); ++at_) {
      const char c = peek();
      if (c == '\n') ++line_;
      if (c == '\\') {
        ++at_;
      } else if (c == '$' && peek(1) == '{') {
        ++braces;
        ++at_;
      } else if (c == '}' && braces > 0) {
        --braces;
      } else if (c == '`' && braces == 0) {
        break;
      }
    }
    if (at_ < source_.size()) ++at_;
    add(Kind::kTemplate, source_.substr(begin, std::min(at_, source_.size()) - begin));
  }

  // A slash divides after a value, else it begins a regular expression.
  bool begins_regex() const {
    if (code_.tokens.empty()) return true;
    const JavascriptToken& last = code_.tokens.back();
    if (last.kind == Kind::kName) {
      return last.is_name("return") || last.is_name("typeof") || last.is_name("case");
    }
    return last.kind == Kind::kPunctuation && !last.is(")") && !last.is("]") && !last.is("}");
  }

  void read_regex() {
    const std::size_t begin = at_++;
    bool in_class = false;
    for (; at_ < source_.size() && peek() != '\n'; ++at_) {
      const char c = peek();
      if (c == '\\') {
        ++at_;
      } else if (c == '[') {
        in_class = true;
      } else if (c == ']') {
        in_class = false;
      } else if (c == '/' && !in_class) {
        break;
      }
    }
    if (peek() == '/') ++at_;
    while (is_name_start(peek())) ++at_;
    at_ = std::min(at_, source_.size());
    add(Kind::kRegex, source_.substr(begin, at_ - begin));
  }

  void read_punctuation() {
    for (const std::string_view one : kLong) {
      // "a?.5:b" is a condition.
      if (!source_.substr(at_).starts_with(one) || (one == "?." && is_digit(peek(2)))) continue;
      add(Kind::kPunctuation, one);
      at_ += one.size();
      return;
    }
    add(Kind::kPunctuation, source_.substr(at_++, 1));
  }

  void match_brackets() {
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < code_.tokens.size(); ++i) {
      JavascriptToken& token = code_.tokens[i];
      if (token.is("(") || token.is("[") || token.is("{")) {
        open.push_back(i);
      } else if (token.is(")") || token.is("]") || token.is("}")) {
        const std::string_view wanted = token.is(")") ? "(" : token.is("]") ? "[" : "{";
        if (open.empty() || !code_.tokens[open.back()].is(wanted)) continue;
        token.mate = open.back();
        code_.tokens[open.back()].mate = i;
        open.pop_back();
      }
    }
  }

  const std::string_view source_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  JavascriptCode code_;
};

}  // namespace

JavascriptCode read_tokens(std::string_view source) { return Lexer(source).read(); }

}  // namespace ae::repository::internal
