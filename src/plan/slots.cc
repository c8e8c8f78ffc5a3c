// Values that are told by their form.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>

#include "base/text.h"
#include "plan/internal/reader.h"
#include "plan/lexicon.h"

namespace ae::plan::internal {
namespace {

Json number_json(double value) {
  if (value == std::floor(value) && std::abs(value) < 9e15) {
    return Json(static_cast<std::int64_t>(value));
  }
  return Json(value);
}

// "1,000.5", "-3", "12"; nullopt for what is no plain number (1.2.3, 14:30).
std::optional<double> plain_number(std::string_view text) {
  std::string digits;
  const std::size_t comma = text.find(',');
  if (comma != std::string_view::npos) {
    const std::vector<std::string_view> groups = split(text.substr(0, text.find('.')), ',');
    const bool thousands = std::all_of(groups.begin() + 1, groups.end(),
                                       [](std::string_view group) { return group.size() == 3; });
    if (!thousands && groups.size() > 2) return std::nullopt;
    for (const char c : text) {
      if (c != ',')
        digits += c;
      else if (!thousands)
        digits += '.';
    }
  } else {
    digits = std::string(text);
  }
  if (digits.starts_with('+')) digits.erase(0, 1);
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

std::string_view currency_of(std::string_view word) {
  static const std::map<std::string_view, std::string_view> kCurrencies = {
      {"$", "USD"},      {"€", "EUR"},       {"£", "GBP"},      {"¥", "JPY"},    {"₹", "INR"},
      {"dollar", "USD"}, {"dollars", "USD"}, {"usd", "USD"},    {"euro", "EUR"}, {"euros", "EUR"},
      {"eur", "EUR"},    {"gbp", "GBP"},     {"yen", "JPY"},    {"jpy", "JPY"},  {"rupees", "INR"},
      {"inr", "INR"},    {"chf", "CHF"},     {"francs", "CHF"}, {"cad", "CAD"},  {"aud", "AUD"},
      {"cny", "CNY"},    {"yuan", "CNY"},    {"sek", "SEK"},    {"nok", "NOK"},  {"dkk", "DKK"}};
  const auto found = kCurrencies.find(word);
  return found == kCurrencies.end() ? std::string_view() : found->second;
}

double seconds_in(std::string_view stem_of_unit) {
  static const std::map<std::string_view, double> kSeconds = {
      {"second", 1},        {"sec", 1},          {"minut", 60},     {"min", 60},
      {"hour", 3'600},      {"day", 86'400},     {"night", 86'400}, {"week", 604'800},
      {"month", 2'629'800}, {"year", 31'557'600}};  // the last two on average
  const auto found = kSeconds.find(stem_of_unit);
  return found == kSeconds.end() ? 0 : found->second;
}

class Finder {
 public:
  explicit Finder(Query& query) : query_(query) {}

  void run() {
    for (std::size_t at = 0; at < query_.tokens.size();) {
      Slot slot;
      const std::size_t length = read(at, slot);
      if (length > 0) add_slot(query_, std::move(slot));
      at += std::max<std::size_t>(length, 1);
    }
  }

 private:
  const Token& token(std::size_t at) const {
    static const Token kEnd;
    return at < query_.tokens.size() ? query_.tokens[at] : kEnd;
  }
  Slot make(SlotKind kind, std::size_t at, std::size_t length) const {
    return make_slot(query_, kind, at, at + length);
  }

  std::size_t read(std::size_t at, Slot& slot) {
    switch (token(at).kind) {
      case TokenKind::kQuoted:
        return read_quoted(at, slot);
      case TokenKind::kEmail:
        return read_whole(at, SlotKind::kEmail, slot);
      case TokenKind::kUrl:
        return read_whole(at, SlotKind::kUrl, slot);
      default:
        break;
    }
    if (const std::size_t length = read_date(query_, at, slot); length > 0) return length;
    if (const std::size_t length = read_time(query_, at, slot); length > 0) return length;
    if (token(at).kind == TokenKind::kNumber) return read_number(at, slot);
    if (token(at).kind == TokenKind::kMixed) return read_mixed(at, slot);
    if (token(at).kind == TokenKind::kWord) return read_number_word(at, slot);
    return read_sign(at, slot);
  }

  std::size_t read_whole(std::size_t at, SlotKind kind, Slot& slot) const {
    slot = make(kind, at, 1);
    slot.value = slot.text;
    return 1;
  }

  // The words between the marks.
  std::size_t read_quoted(std::size_t at, Slot& slot) const {
    slot = make(SlotKind::kQuoted, at, 1);
    const std::size_t mark = character_at(slot.text, 0).length;
    std::size_t end = slot.text.size() - 1;
    while (end > mark && (static_cast<unsigned char>(slot.text[end]) & 0xc0U) == 0x80U) --end;
    slot.span = {slot.span.begin + mark, slot.span.begin + end};
    slot.text = slot.text.substr(mark, end - mark);
    slot.value = slot.text;
    return 1;
  }

  // "$5", "€ 100".
  std::size_t read_sign(std::size_t at, Slot& slot) const {
    const std::string_view currency = currency_of(token(at).lower);
    if (!currency.empty() && token(at + 1).kind == TokenKind::kNumber) {
      if (const std::optional<double> value = plain_number(token(at + 1).lower)) {
        slot = make(SlotKind::kMoney, at, 2);
        return measured(slot, *value, *value, std::string(currency), 2);
      }
    }
    if (token(at).lower == "#" && token(at + 1).span.begin == token(at).span.end &&
        (token(at + 1).kind == TokenKind::kNumber || token(at + 1).kind == TokenKind::kMixed)) {
      slot = make(SlotKind::kCode, at + 1, 1);
      slot.value = slot.text;
      slot.span.begin = token(at).span.begin;
      slot.first_token = at;
      return 2;
    }
    // "#general", "@ops": the sign belongs to the name.
    if ((token(at).lower == "#" || token(at).lower == "@") &&
        token(at + 1).kind == TokenKind::kWord && token(at + 1).span.begin == token(at).span.end) {
      slot = make(SlotKind::kCode, at, 2);
      slot.value = slot.text;
      return 2;
    }
    return 0;
  }

  static std::size_t measured(Slot& slot, double value, double number, std::string unit,
                              std::size_t length) {
    slot.value = number_json(value);
    slot.number = number_json(number);
    slot.unit = std::move(unit);
    return length;
  }

  std::size_t read_number(std::size_t at, Slot& slot) const {
    const std::string& text = token(at).lower;
    const auto digits = std::ranges::count_if(text, [](char c) { return c >= '0' && c <= '9'; });
    const bool grouped = text.find_first_of(" -()", 1) != std::string::npos;
    if ((text.starts_with('+') && digits >= 7) || (grouped && digits >= 7 && digits <= 15)) {
      slot = make(SlotKind::kPhone, at, 1);
      std::string plain = text.starts_with('+') ? "+" : "";
      for (const char c : text) {
        if (c >= '0' && c <= '9') plain += c;
      }
      slot.value = plain;
      return 1;
    }
    const std::optional<double> value = plain_number(text);
    if (!value) return read_whole(at, SlotKind::kCode, slot);
    if (const std::size_t length = read_size(at, *value, slot); length > 0) return length;
    if (const std::size_t length = read_unit(at, *value, slot); length > 0) return length;
    slot = make(SlotKind::kNumber, at, 1);
    slot.value = number_json(*value);
    slot.number = slot.value;
    return 1;
  }

  // "256 x 256", "256 by 256".
  std::size_t read_size(std::size_t at, double width, Slot& slot) const {
    const std::string& by = token(at + 1).lower;
    if ((by != "x" && by != "×" && by != "by") || token(at + 2).kind != TokenKind::kNumber)
      return 0;
    const std::optional<double> height = plain_number(token(at + 2).lower);
    if (!height) return 0;
    slot = make(SlotKind::kSize, at, 3);
    slot.value = Json::array({number_json(width), number_json(*height)});
    return 3;
  }

  // A number and what it counts: money, time, measure.
  std::size_t read_unit(std::size_t at, double value, Slot& slot) const {
    std::size_t unit_at = at + 1;
    if (token(unit_at).lower == "°") ++unit_at;
    const Token& unit = token(unit_at);
    const std::size_t length = unit_at + 1 - at;
    const std::string_view currency = currency_of(unit.lower);
    const std::string_view written =
        std::string_view(query_.text).substr(unit.span.begin, unit.span.end - unit.span.begin);
    // Three capitals after a number are a currency's code, also one that the table lacks.
    const bool code = written.size() == 3 && unit.kind == TokenKind::kWord &&
                      std::ranges::all_of(written, [](char c) { return c >= 'A' && c <= 'Z'; });
    if (!currency.empty() || code) {
      slot = make(SlotKind::kMoney, at, length);
      return measured(slot, value, value, std::string(currency.empty() ? written : currency),
                      length);
    }
    if (const double seconds = unit.kind == TokenKind::kWord ? seconds_in(unit.stem) : 0;
        seconds > 0) {
      slot = make(SlotKind::kDuration, at, length);
      return measured(slot, value * seconds, value, unit.stem, length);
    }
    const std::string_view measure = unit_of_measure(unit.lower);
    if (measure.empty() || (unit.lower == "in" && unit_at == at + 1)) return 0;
    slot = make(SlotKind::kQuantity, at, length);
    return measured(slot, value, value, std::string(measure), length);
  }

  // 256x256 · 5km · 30min · report.pdf · A-1042
  std::size_t read_mixed(std::size_t at, Slot& slot) const {
    const std::string& text = token(at).lower;
    const std::size_t letters = text.find_first_not_of("0123456789.,");
    const std::string_view rest = std::string_view(text).substr(std::min(letters, text.size()));
    const std::optional<double> leading =
        letters > 0 ? plain_number(std::string_view(text).substr(0, letters)) : std::nullopt;
    if (leading) {
      const std::size_t by = rest.starts_with("x") ? 1 : rest.starts_with("×") ? 2 : 0;
      const std::optional<double> height = by > 0 ? plain_number(rest.substr(by)) : std::nullopt;
      if (height) {
        slot = make(SlotKind::kSize, at, 1);
        slot.value = Json::array({number_json(*leading), number_json(*height)});
        return 1;
      }
      if (const std::string_view measure = unit_of_measure(rest); !measure.empty()) {
        slot = make(SlotKind::kQuantity, at, 1);
        return measured(slot, *leading, *leading, std::string(measure), 1);
      }
      if (const double seconds = seconds_in(stem(rest)); seconds > 0) {
        slot = make(SlotKind::kDuration, at, 1);
        return measured(slot, *leading * seconds, *leading, stem(rest), 1);
      }
      if (const std::string_view currency = currency_of(rest); !currency.empty()) {
        slot = make(SlotKind::kMoney, at, 1);
        return measured(slot, *leading, *leading, std::string(currency), 1);
      }
    }
    read_whole(at, SlotKind::kCode, slot);
    // "S3", "MP3" may be a plain word; whether it is only the functions can tell.
    slot.weak = text.size() <= 3 && text.front() > '9';
    return 1;
  }

  // "three sentences", "a dozen eggs".
  std::size_t read_number_word(std::size_t at, Slot& slot) const {
    const int value = number_word(token(at).lower);
    if (value < 2) return 0;
    const bool prefixed = token(at + 1).lower == "of";
    if (prefixed) return 0;
    if (const std::size_t length = read_unit(at, value, slot); length > 0) return length;
    slot = make(SlotKind::kNumber, at, 1);
    slot.value = value;
    slot.number = value;
    return 1;
  }

  Query& query_;
};

}  // namespace

Slot make_slot(const Query& query, SlotKind kind, std::size_t first, std::size_t last) {
  Slot slot;
  slot.kind = kind;
  slot.span = {query.tokens[first].span.begin, query.tokens[last - 1].span.end};
  slot.text = query.text.substr(slot.span.begin, slot.span.end - slot.span.begin);
  slot.first_token = first;
  slot.last_token = last;
  return slot;
}

void add_slot(Query& query, Slot slot) {
  for (std::size_t i = slot.first_token; i < slot.last_token; ++i) {
    query.tokens[i].slot = query.slots.size();
  }
  query.slots.push_back(std::move(slot));
}

void find_formal_slots(Query& query) { Finder(query).run(); }

}  // namespace ae::plan::internal
