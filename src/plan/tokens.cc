#include <algorithm>
#include <array>

#include "base/text.h"
#include "plan/internal/reader.h"
#include "plan/lexicon.h"

namespace ae::plan::internal {
namespace {

bool is_digit(char32_t c) { return c >= '0' && c <= '9'; }
bool is_ascii_letter(char32_t c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_word_character(char32_t c) { return is_letter(c) || is_digit(c) || c == '_'; }
bool is_blank(char32_t c) {
  return c <= ' ' || c == 0x7f || c == 0xa0 || (c >= 0x2000 && c <= 0x200f) || c == 0x202f ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0x3000 || c == 0xfeff;
}
bool is_apostrophe(char32_t c) { return c == '\'' || c == 0x2019; }

class Tokenizer {
 public:
  explicit Tokenizer(Query& query) : query_(query), text_(query.text) {}

  void run() {
    while (at_ < text_.size()) {
      const Character c = here();
      if (is_blank(c.code)) {
        at_ += c.length;
      } else if (!read_quotation() && !read_url() && !read_email() && !read_number() &&
                 !read_word()) {
        add(TokenKind::kSymbol, at_, at_ + c.length);
      }
    }
  }

 private:
  Character here() const { return character_at(text_, at_); }
  char32_t code_at(std::size_t at) const {
    return at < text_.size() ? character_at(text_, at).code : U' ';
  }
  char byte(std::size_t at) const { return at < text_.size() ? text_[at] : ' '; }
  bool after_word() const {
    return at_ > 0 && (is_word_character(static_cast<unsigned char>(text_[at_ - 1])) ||
                       (static_cast<unsigned char>(text_[at_ - 1]) & 0x80U) != 0);
  }

  void add(TokenKind kind, std::size_t begin, std::size_t end) {
    Token token;
    token.kind = kind;
    token.span = {begin, end};
    std::string_view word = std::string_view(text_).substr(begin, end - begin);
    token.capital = is_upper(character_at(word, 0).code);
    if (kind == TokenKind::kWord) {
      for (const std::string_view ending : {"'s", "’s", "'S", "s'", "s’"}) {
        if (word.size() > ending.size() + 1 && word.ends_with(ending)) {
          token.possessive = true;
          word.remove_suffix(ending[0] == 's' ? ending.size() - 1 : ending.size());
          token.span.end = begin + word.size();
          break;
        }
      }
    }
    token.lower = lower_utf8(word);
    std::ranges::replace(token.lower, '\n', ' ');
    for (std::size_t i; (i = token.lower.find("’")) != std::string::npos;) {
      token.lower.replace(i, 3, "'");
    }
    token.stem = kind == TokenKind::kWord ? stem(token.lower) : token.lower;
    query_.tokens.push_back(std::move(token));
    at_ = end;
  }

  // Opening and closing marks; an apostrophe inside or at the end of a word is none.
  bool read_quotation() {
    static constexpr std::array<std::array<std::string_view, 2>, 7> kMarks = {
        {{"\"", "\""}, {"“", "”"}, {"„", "“"}, {"«", "»"}, {"`", "`"}, {"‘", "’"}, {"'", "'"}}};
    const std::string_view rest = std::string_view(text_).substr(at_);
    for (const auto& [open, close] : kMarks) {
      if (!rest.starts_with(open)) continue;
      const bool single = open == "'" || open == "‘";
      if (single && after_word()) continue;
      std::size_t end = rest.find(close, open.size());
      while (single && end != std::string_view::npos &&
             (is_word_character(code_at(at_ + end + close.size())) ||
              is_blank(static_cast<unsigned char>(rest[end - 1])))) {
        end = rest.find(close, end + close.size());
      }
      if (end == std::string_view::npos || end <= open.size()) continue;
      if (is_blank(code_at(at_ + open.size())) && single) continue;
      add(TokenKind::kQuoted, at_, at_ + end + close.size());
      return true;
    }
    return false;
  }

  bool read_url() {
    const std::string_view rest = std::string_view(text_).substr(at_);
    if (after_word()) return false;
    const std::string low = to_lower(rest.substr(0, 9));
    const std::size_t scheme = low.find("://");
    if (!low.starts_with("www.") && (scheme == std::string::npos || scheme < 2)) return false;
    if (!std::ranges::all_of(low.substr(0, 2), [](char c) { return c >= 'a' && c <= 'z'; })) {
      return false;
    }
    std::size_t end = at_;
    while (end < text_.size() && static_cast<unsigned char>(text_[end]) > ' ' &&
           std::string_view("\"<>`{}|\\^").find(text_[end]) == std::string_view::npos) {
      ++end;
    }
    while (end > at_ &&
           std::string_view(".,;:!?)]'").find(text_[end - 1]) != std::string_view::npos)
      --end;
    if (end - at_ < 6) return false;
    add(TokenKind::kUrl, at_, end);
    return true;
  }

  bool read_email() {
    if (after_word()) return false;
    static constexpr std::string_view kLocal = "._%+-";
    std::size_t end = at_;
    const auto plain = [&](std::size_t i) {
      return is_ascii_letter(static_cast<unsigned char>(byte(i))) ||
             is_digit(static_cast<unsigned char>(byte(i)));
    };
    while (plain(end) || kLocal.find(byte(end)) != std::string_view::npos) {
      if (end - at_ > 64) return false;
      ++end;
    }
    if (end == at_ || byte(end) != '@') return false;
    const std::size_t domain = ++end;
    while (plain(end) || byte(end) == '-' || (byte(end) == '.' && plain(end + 1))) ++end;
    const std::size_t dot = std::string_view(text_).substr(domain, end - domain).rfind('.');
    if (dot == std::string_view::npos || dot == 0 || end - domain - dot < 3) return false;
    add(TokenKind::kEmail, at_, end);
    return true;
  }

  // 12 · 3.5 · 1,000 · -4 · 24.12.2026 · 14:30 · +47 22 00 04 56. Followed by letters it is no
  // number but a mixed word (256x256, 5km).
  bool read_number() {
    const char first = byte(at_);
    const bool is_signed = (first == '-' || first == '+') && is_digit(code_at(at_ + 1));
    if (!is_digit(static_cast<unsigned char>(first)) && !is_signed) return false;
    if (after_word() && is_signed) return false;
    std::size_t end = at_ + 1;
    const bool phone = first == '+';
    while (end < text_.size()) {
      const char c = text_[end];
      const bool separates = std::string_view(".,:/-").find(c) != std::string_view::npos ||
                             (phone && (c == ' ' || c == '(' || c == ')'));
      if (is_digit(static_cast<unsigned char>(c))) {
        ++end;
      } else if (separates && is_digit(code_at(end + 1))) {
        end += 2;
      } else {
        break;
      }
    }
    if (is_letter(code_at(end)) || byte(end) == '_') {
      return is_signed ? false : read_word();
    }
    add(TokenKind::kNumber, at_, end);
    return true;
  }

  bool read_word() {
    std::size_t end = at_;
    bool digits = false;
    bool letters = false;
    bool joined = false;
    while (end < text_.size()) {
      const Character c = character_at(text_, end);
      const char32_t next = code_at(end + c.length);
      if (is_word_character(c.code)) {
        digits |= is_digit(c.code);
        letters |= is_letter(c.code);
        joined |= c.code == '_';
      } else if (end == at_ || !joins(c.code, next, end)) {
        break;
      } else {
        joined |= c.code == '.' || (c.code == ':');
      }
      end += c.length;
    }
    if (end == at_) return false;
    add(letters && !digits && !joined ? TokenKind::kWord : TokenKind::kMixed, at_, end);
    return true;
  }

  // True when a sign between two parts keeps them one word: e-mail, what's, report.pdf.
  bool joins(char32_t sign, char32_t next, std::size_t at) const {
    if (sign == '-' || is_apostrophe(sign)) return is_word_character(next);
    // The apostrophe of a plural's possessive ("users' data") ends the word and belongs to it.
    if (sign == ':') return is_digit(next) && is_digit(static_cast<unsigned char>(text_[at - 1]));
    if (sign != '.' || !is_word_character(next)) return false;
    if (is_digit(next) && is_digit(static_cast<unsigned char>(text_[at - 1]))) return true;
    std::size_t end = at + 1;
    bool lower = true;
    while (end < text_.size() && is_word_character(static_cast<unsigned char>(text_[end]))) {
      lower = lower && !is_upper(static_cast<unsigned char>(text_[end]));
      ++end;
    }
    const std::size_t length = end - at - 1;
    return lower && length >= 2 && length <= 4;
  }

  Query& query_;
  const std::string& text_;
  std::size_t at_ = 0;
};

}  // namespace

Character character_at(std::string_view text, std::size_t at) {
  if (at >= text.size()) return {U' ', 1};
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<char32_t>(static_cast<unsigned char>(text[i])) : 0U;
  };
  const char32_t first = byte(at);
  if (first < 0x80) return {first, 1};
  if (first < 0xe0) return {((first & 0x1fU) << 6U) | (byte(at + 1) & 0x3fU), 2};
  if (first < 0xf0) {
    return {((first & 0x0fU) << 12U) | ((byte(at + 1) & 0x3fU) << 6U) | (byte(at + 2) & 0x3fU), 3};
  }
  return {((first & 0x07U) << 18U) | ((byte(at + 1) & 0x3fU) << 12U) |
              ((byte(at + 2) & 0x3fU) << 6U) | (byte(at + 3) & 0x3fU),
          4};
}

bool is_letter(char32_t c) {
  if (c < 0x80) return is_ascii_letter(c);
  if (c < 0xc0) return c == 0xaa || c == 0xb5 || c == 0xba;
  if (c == 0xd7 || c == 0xf7) return false;
  if (c >= 0x2000 && c <= 0x2bff) return false;  // punctuation, arrows, symbols
  if (c >= 0x3000 && c <= 0x3020) return false;  // CJK punctuation
  if (c >= 0xfe00 && c <= 0xfe6f) return false;  // variation selectors, small forms
  if (c >= 0xff00 && c <= 0xff20) return false;  // full-width punctuation and digits
  return c < 0x1f000 || c > 0x1faff;             // pictures
}

bool is_upper(char32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z';
  if (c >= 0xc0 && c <= 0xde) return c != 0xd7;
  if (c >= 0x100 && c <= 0x17f)
    return (c >= 0x139 && c <= 0x148) || c >= 0x179 ? c % 2 == 1 : c % 2 == 0;
  return (c >= 0x391 && c <= 0x3a9) || (c >= 0x400 && c <= 0x42f);
}

std::string lower_utf8(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const Character c = character_at(text, at);
    if (c.length == 2 && is_upper(c.code)) {
      char32_t low = c.code + 1;
      if (c.code < 0x100 || (c.code >= 0x391 && c.code <= 0x3a9)) low = c.code + 0x20;
      if (c.code >= 0x400) low = c.code < 0x410 ? c.code + 0x50 : c.code + 0x20;
      result += static_cast<char>(0xc0U | (low >> 6U));
      result += static_cast<char>(0x80U | (low & 0x3fU));
    } else if (c.length == 1) {
      result += c.code >= 'A' && c.code <= 'Z' ? static_cast<char>(c.code + 0x20)
                                               : static_cast<char>(c.code);
    } else {
      result += text.substr(at, c.length);
    }
    at += c.length;
  }
  return result;
}

void tokenize(Query& query) { Tokenizer(query).run(); }

bool ends_sentence(const Query& query, std::size_t at) {
  const Token& token = query.tokens[at];
  if (token.kind != TokenKind::kSymbol) return false;
  if (token.lower == "!" || token.lower == "?" || token.lower == ";" || token.lower == "。" ||
      token.lower == "؟" || token.lower == "…") {
    return true;
  }
  if (token.lower != ".") return false;
  if (at == 0 || at + 1 >= query.tokens.size()) return true;
  static constexpr std::array<std::string_view, 14> kAbbreviations = {
      "mr", "mrs", "ms", "dr", "prof", "st", "no", "nr", "vs", "e.g", "i.e", "jr", "sr", "approx"};
  const Token& before = query.tokens[at - 1];
  const bool touches = before.span.end == token.span.begin;
  const bool initial =
      before.kind == TokenKind::kWord && before.lower.size() == 1 && before.capital;
  return !(touches &&
           (initial || std::ranges::find(kAbbreviations, before.lower) != kAbbreviations.end()));
}

bool starts_sentence(const Query& query, std::size_t at) {
  while (at > 0 && query.tokens[at - 1].kind == TokenKind::kSymbol) {
    if (ends_sentence(query, at - 1) || query.tokens[at - 1].lower == ":") return true;
    --at;
  }
  return at == 0 || query.text
                            .substr(query.tokens[at - 1].span.end,
                                    query.tokens[at].span.begin - query.tokens[at - 1].span.end)
                            .find('\n') != std::string::npos;
}

}  // namespace ae::plan::internal
