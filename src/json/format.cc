#include "json/internal/format.h"

#include <algorithm>
#include <array>
#include <optional>

namespace ae::json::internal {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// Takes exactly `count` digits off the front.
std::optional<int> take_number(std::string_view& text, std::size_t count) {
  if (text.size() < count || !std::all_of(text.begin(), text.begin() + count, is_digit)) {
    return std::nullopt;
  }
  int value = 0;
  for (const char c : text.substr(0, count)) value = value * 10 + (c - '0');
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, char wanted) {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

int days_in(int year, int month) {
  static constexpr std::array kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[static_cast<std::size_t>(month - 1)];
}

bool take_date(std::string_view& text) {
  const auto year = take_number(text, 4);
  if (!year || !take(text, '-')) return false;
  const auto month = take_number(text, 2);
  if (!month || *month < 1 || *month > 12 || !take(text, '-')) return false;
  const auto day = take_number(text, 2);
  return day && *day >= 1 && *day <= days_in(*year, *month);
}

// RFC 3339 full-time. A leap second exists only at 23:59:60 UTC.
bool is_time(std::string_view text) {
  const auto hour = take_number(text, 2);
  if (!hour || *hour > 23 || !take(text, ':')) return false;
  const auto minute = take_number(text, 2);
  if (!minute || *minute > 59 || !take(text, ':')) return false;
  const auto second = take_number(text, 2);
  if (!second || *second > 60) return false;
  if (take(text, '.')) {
    if (!take_number(text, 1)) return false;
    while (take_number(text, 1)) {
    }
  }
  int offset_minutes = 0;
  if (!take(text, 'Z') && !take(text, 'z')) {
    const int sign = !text.empty() && text.front() == '-' ? -1 : 1;
    if (!take(text, '+') && !take(text, '-')) return false;
    const auto offset_hour = take_number(text, 2);
    if (!offset_hour || *offset_hour > 23 || !take(text, ':')) return false;
    const auto offset_minute = take_number(text, 2);
    if (!offset_minute || *offset_minute > 59) return false;
    offset_minutes = sign * (*offset_hour * 60 + *offset_minute);
  }
  if (!text.empty()) return false;
  static constexpr int kDay = 24 * 60;
  const int utc = ((*hour * 60 + *minute - offset_minutes) % kDay + kDay) % kDay;
  return *second < 60 || utc == kDay - 1;
}

bool is_date(std::string_view text) { return take_date(text) && text.empty(); }

bool is_date_time(std::string_view text) {
  return take_date(text) && (take(text, 'T') || take(text, 't')) && is_time(text);
}

bool is_ipv4(std::string_view text) {
  for (int part = 0; part < 4; ++part) {
    if (part > 0 && !take(text, '.')) return false;
    const std::size_t digits =
        static_cast<std::size_t>(std::ranges::find_if_not(text, is_digit) - text.begin());
    if (digits == 0 || digits > 3 || (digits > 1 && text.front() == '0')) return false;
    const auto value = take_number(text, digits);
    if (!value || *value > 255) return false;
  }
  return text.empty();
}

// RFC 4291 text form; the last 32 bits may be written as IPv4.
bool is_ipv6(std::string_view text) {
  int groups = 0;
  bool gap = false;
  if (text.starts_with("::")) {
    gap = true;
    text.remove_prefix(2);
  }
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(':'), text.size());
    const std::string_view group = text.substr(0, end);
    if (end == text.size() && group.find('.') != std::string_view::npos) {
      if (!is_ipv4(group)) return false;
      groups += 2;
      break;
    }
    if (group.empty() || group.size() > 4 || !std::ranges::all_of(group, is_hex)) return false;
    ++groups;
    if (end == text.size()) break;
    text.remove_prefix(end + 1);
    if (text.empty()) return false;
    if (text.front() == ':') {
      if (gap) return false;
      gap = true;
      text.remove_prefix(1);
    }
  }
  return gap ? groups < 8 : groups == 8;
}

bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  while (true) {
    const std::size_t end = std::min(text.find('.'), text.size());
    const std::string_view label = text.substr(0, end);
    const auto allowed = [](char c) { return is_alpha(c) || is_digit(c) || c == '-'; };
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-' ||
        !std::ranges::all_of(label, allowed)) {
      return false;
    }
    if (end == text.size()) return true;
    text.remove_prefix(end + 1);
  }
}

bool is_atom_character(char c) {
  return is_alpha(c) || is_digit(c) ||
         std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

bool is_quoted_local_part(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return false;
  text = text.substr(1, text.size() - 2);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      if (++i == text.size()) return false;
    } else if (text[i] == '"' || text[i] < ' ' || text[i] > '~') {
      return false;
    }
  }
  return true;
}

// RFC 5321 Mailbox.
bool is_email(std::string_view text) {
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos || at == 0 || at > 64) return false;
  const std::string_view local = text.substr(0, at);
  const std::string_view domain = text.substr(at + 1);
  if (local.front() == '"') {
    if (!is_quoted_local_part(local)) return false;
  } else {
    if (local.front() == '.' || local.back() == '.' || local.find("..") != std::string_view::npos) {
      return false;
    }
    if (!std::ranges::all_of(local, [](char c) { return c == '.' || is_atom_character(c); })) {
      return false;
    }
  }
  if (domain.starts_with('[') && domain.ends_with(']')) {
    const std::string_view address = domain.substr(1, domain.size() - 2);
    return address.starts_with("IPv6:") ? is_ipv6(address.substr(5)) : is_ipv4(address);
  }
  return is_host_name(domain);
}

// Characters of RFC 3986 and complete percent escapes.
bool has_only(std::string_view text, std::string_view extra) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2])) return false;
      i += 2;
    } else if (!is_alpha(c) && !is_digit(c) &&
               std::string_view("-._~!$&'()*+,;=").find(c) == std::string_view::npos &&
               extra.find(c) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

bool is_authority(std::string_view text) {
  if (const std::size_t at = text.find('@'); at != std::string_view::npos) {
    if (!has_only(text.substr(0, at), ":")) return false;
    text.remove_prefix(at + 1);
  }
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos || !is_ipv6(text.substr(1, end - 1))) return false;
    port = text.substr(end + 1);
    if (!port.empty() && !take(port, ':')) return false;
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    if (!has_only(text.substr(0, colon), "")) return false;
    port = text.substr(std::min(colon + 1, text.size()));
  }
  return std::ranges::all_of(port, is_digit);
}

// RFC 3986 URI: absolute, with a scheme.
bool is_uri(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || !is_alpha(text.front())) return false;
  const auto in_scheme = [](char c) {
    return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
  };
  if (!std::ranges::all_of(text.substr(0, colon), in_scheme)) return false;
  text.remove_prefix(colon + 1);
  if (const std::size_t hash = text.find('#'); hash != std::string_view::npos) {
    if (!has_only(text.substr(hash + 1), ":@/?")) return false;
    text = text.substr(0, hash);
  }
  if (const std::size_t mark = text.find('?'); mark != std::string_view::npos) {
    if (!has_only(text.substr(mark + 1), ":@/?")) return false;
    text = text.substr(0, mark);
  }
  if (text.starts_with("//")) {
    text.remove_prefix(2);
    const std::size_t slash = std::min(text.find('/'), text.size());
    if (!is_authority(text.substr(0, slash))) return false;
    text.remove_prefix(slash);
  }
  return has_only(text, ":@/");
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !is_hex(text[i])) return false;
  }
  return true;
}

struct Format {
  std::string_view name;
  bool (*matches)(std::string_view);
  std::string_view example;
};

constexpr std::array kFormats{
    Format{"date", is_date, "a date like 2026-12-24"},
    Format{"date-time", is_date_time, "a time stamp like 2026-12-24T18:30:00Z"},
    Format{"time", is_time, "a time with its zone like 18:30:00Z"},
    Format{"email", is_email, "an e-mail address"},
    Format{"uri", is_uri, "an absolute URI like https://example.org/a"},
    Format{"uuid", is_uuid, "a UUID"},
    Format{"ipv4", is_ipv4, "an IPv4 address"},
};

const Format* find_format(std::string_view name) {
  const auto found = std::ranges::find(kFormats, name, &Format::name);
  return found == kFormats.end() ? nullptr : &*found;
}

}  // namespace

bool matches_format(std::string_view format, std::string_view text) {
  const Format* known = find_format(format);
  return known == nullptr || known->matches(text);
}

bool is_checked_format(std::string_view format) { return find_format(format) != nullptr; }

std::string_view format_example(std::string_view format) {
  const Format* known = find_format(format);
  return known == nullptr ? format : known->example;
}

}  // namespace ae::json::internal
