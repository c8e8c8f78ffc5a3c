// Dates and times of day. Without a clock: what depends on today stays as it was written.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/text.h"
#include "plan/internal/reader.h"
#include "plan/lexicon.h"

namespace ae::plan::internal {
namespace {

struct Day {
  int year = 0;
  int month = 0;
  int day = 0;
};

std::optional<int> integer(std::string_view digits) {
  int value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

bool exists(const Day& day) {
  static constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (day.year < 1000 || day.year > 9999 || day.month < 1 || day.month > 12) return false;
  const bool leap = (day.year % 4 == 0 && day.year % 100 != 0) || day.year % 400 == 0;
  const int last =
      kDays[static_cast<std::size_t>(day.month - 1)] + (day.month == 2 && leap ? 1 : 0);
  return day.day >= 1 && day.day <= last;
}

std::string iso(const Day& day) {
  return fmt::format("{:04}-{:02}-{:02}", day.year, day.month, day.day);
}

// 2026-12-24 · 24.12.2026 · 12/24/2026. With slashes the month leads, as in the United States,
// unless it cannot be a month.
std::optional<Day> numeric_date(std::string_view text) {
  for (const char separator : {'-', '.', '/'}) {
    const std::vector<std::string_view> parts = split(text, separator);
    if (parts.size() != 3) continue;
    const std::optional<int> a = integer(parts[0]);
    const std::optional<int> b = integer(parts[1]);
    const std::optional<int> c = integer(parts[2]);
    if (!a || !b || !c) return std::nullopt;
    if (parts[0].size() == 4) {
      const Day day{*a, *b, *c};
      return exists(day) ? std::optional(day) : std::nullopt;
    }
    if (parts[2].size() != 4) return std::nullopt;
    const Day day_first{*c, *b, *a};
    const Day month_first{*c, *a, *b};
    const Day& preferred = separator == '/' ? month_first : day_first;
    const Day& other = separator == '/' ? day_first : month_first;
    if (exists(preferred)) return preferred;
    if (exists(other)) return other;
    return std::nullopt;
  }
  return std::nullopt;
}

// 24 or 24th.
std::optional<int> day_of_month(const Token& token) {
  std::string_view digits = token.lower;
  if (token.kind == TokenKind::kMixed && digits.size() > 2) {
    const std::string_view ending = digits.substr(digits.size() - 2);
    if (ending != "st" && ending != "nd" && ending != "rd" && ending != "th") return std::nullopt;
    digits.remove_suffix(2);
  } else if (token.kind != TokenKind::kNumber) {
    return std::nullopt;
  }
  const std::optional<int> day = integer(digits);
  return day && *day >= 1 && *day <= 31 ? day : std::nullopt;
}

std::optional<int> year(const Token& token) {
  if (token.kind != TokenKind::kNumber || token.lower.size() != 4) return std::nullopt;
  const std::optional<int> value = integer(token.lower);
  return value && *value >= 1900 && *value <= 2200 ? value : std::nullopt;
}

const Token* token_at(const Query& query, std::size_t at) {
  return at < query.tokens.size() ? &query.tokens[at] : nullptr;
}

std::size_t skip(const Query& query, std::size_t at, std::string_view word) {
  const Token* token = token_at(query, at);
  return token != nullptr && token->lower == word ? at + 1 : at;
}

// "24 December 2026", "24th of December, 2026", "December 24, 2026", "December 2026".
std::size_t read_written_date(const Query& query, std::size_t at, Slot& slot) {
  Day date;
  std::size_t next = at;
  const Token& first = query.tokens[at];
  if (const std::optional<int> day = day_of_month(first)) {
    next = skip(query, at + 1, "of");
    const Token* month = token_at(query, next);
    if (month == nullptr || month_number(month->lower) == 0) return 0;
    date = {0, month_number(month->lower), *day};
    ++next;
    next = skip(query, next, month->lower.size() <= 4 ? "." : ",");
  } else if (month_number(first.lower) != 0) {
    date.month = month_number(first.lower);
    next = skip(query, at + 1, "the");
    const Token* second = token_at(query, next);
    if (second == nullptr) return 0;
    if (const std::optional<int> day_number = day_of_month(*second)) {
      date.day = *day_number;
      ++next;
    } else if (!year(*second)) {
      return 0;
    }
  } else {
    return 0;
  }
  std::size_t after_comma = skip(query, next, ",");
  const Token* last = token_at(query, after_comma);
  if (last != nullptr && year(*last)) {
    date.year = *year(*last);
    next = after_comma + 1;
  } else if (query.tokens[next - 1].kind == TokenKind::kSymbol) {
    --next;
  }
  slot = make_slot(query, SlotKind::kDate, at, next);
  if (date.year != 0 && date.day == 0) {
    slot.value = fmt::format("{:04}-{:02}", date.year, date.month);
  } else if (exists(date)) {
    slot.value = iso(date);
  } else {
    slot.value = slot.text;  // no year, or no such day: somebody with a calendar must say
  }
  return next - at;
}

// "tomorrow", "next week", "Friday": known only to who knows today.
std::size_t read_relative_date(const Query& query, std::size_t at, Slot& slot) {
  static constexpr std::array<std::string_view, 4> kDays = {"today", "tomorrow", "yesterday",
                                                            "tonight"};
  static constexpr std::array<std::string_view, 7> kWeekdays = {
      "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};
  static constexpr std::array<std::string_view, 5> kPeriods = {"week", "month", "year", "weekend",
                                                               "quarter"};
  const auto in = [](const auto& list, std::string_view word) {
    return std::ranges::find(list, word) != list.end();
  };
  const std::string& word = query.tokens[at].lower;
  std::size_t length = 0;
  if (in(kDays, word) || in(kWeekdays, word)) {
    length = 1;
  } else if (word == "next" || word == "last" || word == "this") {
    const Token* period = token_at(query, at + 1);
    if (period != nullptr && (in(kPeriods, period->lower) || in(kWeekdays, period->lower))) {
      length = 2;
    }
  }
  if (length == 0) return 0;
  slot = make_slot(query, SlotKind::kDate, at, at + length);
  slot.value = slot.text;
  slot.weak = true;
  return length;
}

}  // namespace

std::size_t read_date(const Query& query, std::size_t at, Slot& slot) {
  const Token& token = query.tokens[at];
  if (token.kind == TokenKind::kNumber) {
    if (const std::optional<Day> day = numeric_date(token.lower)) {
      slot = make_slot(query, SlotKind::kDate, at, at + 1);
      slot.value = iso(*day);
      return 1;
    }
  }
  // 2026-12-24T10:00:00Z
  if (token.kind == TokenKind::kMixed && token.lower.size() > 11 && token.lower[10] == 't' &&
      numeric_date(std::string_view(token.lower).substr(0, 10))) {
    slot = make_slot(query, SlotKind::kDate, at, at + 1);
    slot.value = slot.text;
    return 1;
  }
  if (const std::size_t length = read_written_date(query, at, slot); length > 0) return length;
  return read_relative_date(query, at, slot);
}

std::size_t read_time(const Query& query, std::size_t at, Slot& slot) {
  const Token& token = query.tokens[at];
  if (token.lower == "noon" || token.lower == "midnight") {
    slot = make_slot(query, SlotKind::kTime, at, at + 1);
    slot.value = token.lower == "noon" ? "12:00" : "00:00";
    return 1;
  }
  if (token.kind != TokenKind::kNumber && token.kind != TokenKind::kMixed) return 0;
  std::string_view text = token.lower;
  std::string_view half;
  std::size_t length = 1;
  if (text.ends_with("am") || text.ends_with("pm")) {
    half = text.substr(text.size() - 2);
    text.remove_suffix(2);
  } else if (const Token* next = token_at(query, at + 1);
             next != nullptr && (next->lower == "am" || next->lower == "pm")) {
    half = next->lower;
    length = 2;
  }
  const std::vector<std::string_view> parts = split(text, ':');
  if (parts.size() > 3 || (parts.size() == 1 && half.empty())) return 0;
  std::optional<int> hour = integer(parts[0]);
  const std::optional<int> minute =
      parts.size() > 1 && parts[1].size() == 2 ? integer(parts[1]) : std::optional(0);
  if (!hour || !minute || *minute > 59 || (parts.size() > 1 && parts[1].size() != 2)) return 0;
  if (!half.empty() && (*hour < 1 || *hour > 12)) return 0;
  if (half == "pm" && *hour < 12) *hour += 12;
  if (half == "am" && *hour == 12) *hour = 0;
  if (*hour > 23) return 0;
  slot = make_slot(query, SlotKind::kTime, at, at + length);
  slot.value = fmt::format("{:02}:{:02}", *hour, *minute);
  return length;
}

}  // namespace ae::plan::internal
