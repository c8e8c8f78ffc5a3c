#include "functions.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <utility>
#include <vector>

namespace numbers {
namespace {

constexpr std::size_t kMaxNumbers = 1'000'000;
constexpr std::size_t kMaxUnknowns = 200;
constexpr std::int64_t kLargestExact = (std::int64_t{1} << 53) - 1;  // what every JSON reader keeps

[[noreturn]] void refuse(const std::string& message) { throw FunctionError("ValueError", message); }

const Json& member(const Json& event, const char* name) {
  if (!event.is_object() || !event.contains(name)) refuse(std::string("the event lacks ") + name);
  return event[name];
}

std::vector<double> numbers_of(const Json& list, const char* name) {
  if (!list.is_array()) refuse(std::string(name) + " is no list");
  if (list.size() > kMaxNumbers) refuse(std::string(name) + " has more than a million numbers");
  std::vector<double> values;
  values.reserve(list.size());
  for (const Json& item : list) {
    if (!item.is_number()) refuse(std::string(name) + " holds something that is no number");
    values.push_back(item.get<double>());
  }
  return values;
}

std::vector<double> some_numbers(const Json& event) {
  std::vector<double> values = numbers_of(member(event, "numbers"), "numbers");
  if (values.empty()) refuse("the list of numbers is empty");
  return values;
}

// For people: what binary fractions add in the last places goes (0.30000000000000004 is 0.3).
double rounded(double value) {
  constexpr double kPlaces = 1e10;
  const double scaled = value * kPlaces;
  return std::isfinite(scaled) && std::fabs(scaled) < 1e15 ? std::round(scaled) / kPlaces : value;
}

Json describe_numbers(const Json& event) {
  std::vector<double> values = some_numbers(event);
  // Welford: stable where the sum of squares would cancel.
  double mean = 0;
  double squares = 0;
  double count = 0;
  for (const double value : values) {
    count += 1;
    const double step = value - mean;
    mean += step / count;
    squares += step * (value - mean);
  }
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  const double median =
      values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {{"count", values.size()},    {"mean", rounded(mean)},
          {"median", rounded(median)}, {"smallest", values.front()},
          {"largest", values.back()},  {"standard_deviation", rounded(std::sqrt(squares / count))}};
}

Json sort_numbers(const Json& event) {
  std::vector<double> values = some_numbers(event);
  const std::string order = event.value("order", "ascending");
  if (order != "ascending" && order != "descending") {
    refuse("order is ascending or descending, not " + order);
  }
  // The numbers as they were written: 1 stays 1, and 1.0 stays 1.0.
  std::vector<std::size_t> places(values.size());
  for (std::size_t i = 0; i < places.size(); ++i) places[i] = i;
  std::ranges::sort(places, [&](std::size_t a, std::size_t b) {
    if (values[a] == values[b]) return a < b;
    return (values[a] < values[b]) == (order == "ascending");
  });
  Json sorted = Json::array();
  for (const std::size_t place : places) sorted.push_back(event["numbers"][place]);
  return {{"sorted_numbers", std::move(sorted)}};
}

Json prime_factors(const Json& event) {
  const Json& given = member(event, "number");
  if (!given.is_number_integer() || given < 2 || given > kLargestExact) {
    refuse("only whole numbers from 2 to 9007199254740991 have prime factors here");
  }
  auto rest = given.get<std::int64_t>();
  Json factors = Json::array();
  const auto take = [&](std::int64_t divisor) {
    while (rest % divisor == 0) {
      factors.push_back(divisor);
      rest /= divisor;
    }
  };
  take(2);
  take(3);
  // All other primes are one less or one more than a multiple of six.
  for (std::int64_t six = 6; (six - 1) * (six - 1) <= rest; six += 6) {
    take(six - 1);
    take(six + 1);
  }
  if (rest > 1) factors.push_back(rest);
  const bool is_prime = factors.size() == 1;
  return {{"factors", std::move(factors)}, {"is_prime", is_prime}};
}

// CRC-32 as in zip and PNG.
Json checksum_text(const Json& event) {
  const Json& text = member(event, "text");
  if (!text.is_string()) refuse("the text is no string");
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char c : text.get_ref<const std::string&>()) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
  }
  std::array<char, 9> hex{};
  std::snprintf(hex.data(), hex.size(), "%08x", crc ^ 0xFFFFFFFFU);
  return {{"checksum", std::string(hex.data())}};
}

using Rows = std::vector<std::vector<double>>;

Rows equations_of(const Json& event) {
  const Json& coefficients = member(event, "coefficients");
  const std::vector<double> constants = numbers_of(member(event, "constants"), "constants");
  if (!coefficients.is_array() || coefficients.empty() || coefficients.size() > kMaxUnknowns) {
    refuse("coefficients is no list of 1 to 200 rows");
  }
  if (constants.size() != coefficients.size()) refuse("every equation needs one constant");
  Rows rows;
  for (const Json& row : coefficients) {
    rows.push_back(numbers_of(row, "a row of coefficients"));
    if (rows.back().size() != coefficients.size()) {
      refuse("there have to be as many equations as unknowns");
    }
    rows.back().push_back(constants[rows.size() - 1]);
  }
  return rows;
}

// Gaussian elimination with partial pivoting.
Json solve_equations(const Json& event) {
  Rows rows = equations_of(event);
  const std::size_t size = rows.size();
  for (std::size_t column = 0; column < size; ++column) {
    const auto largest = std::ranges::max_element(
        rows.begin() + static_cast<std::ptrdiff_t>(column), rows.end(), {},
        [&](const std::vector<double>& row) { return std::fabs(row[column]); });
    if (std::fabs((*largest)[column]) < 1e-12) {
      throw FunctionError("SingularSystemError", "the equations have no single solution");
    }
    std::swap(rows[column], *largest);
    for (std::size_t below = column + 1; below < size; ++below) {
      const double share = rows[below][column] / rows[column][column];
      for (std::size_t i = column; i <= size; ++i) rows[below][i] -= share * rows[column][i];
    }
  }
  std::vector<double> solution(size);
  for (std::size_t row = size; row-- > 0;) {
    double sum = rows[row][size];
    for (std::size_t i = row + 1; i < size; ++i) sum -= rows[row][i] * solution[i];
    solution[row] = sum / rows[row][row];
  }
  Json out = Json::array();
  for (const double value : solution) out.push_back(rounded(value) + 0.0);  // no negative zero
  return {{"solution", std::move(out)}};
}

}  // namespace

Function find_function(std::string_view handler) {
  constexpr std::array<std::pair<std::string_view, Function>, 5> kFunctions = {{
      {"describe_numbers", describe_numbers},
      {"sort_numbers", sort_numbers},
      {"prime_factors", prime_factors},
      {"checksum_text", checksum_text},
      {"solve_equations", solve_equations},
  }};
  const std::string_view name = handler.substr(handler.rfind('.') + 1);
  const auto found =
      std::ranges::find(kFunctions, name, &std::pair<std::string_view, Function>::first);
  return found == kFunctions.end() ? nullptr : found->second;
}

}  // namespace numbers
