// Result<T>: a value or an Error. Why not exceptions: docs/decisions/0003-result.md.
#pragma once

#include <expected>
#include <string>
#include <utility>

#include "base/error.h"

namespace ae {

// A class, not an alias: std::expected itself may be discarded silently, this may not.
template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
  Result(std::unexpected<Error> error)  // NOLINT(google-explicit-constructor): as std::expected
      : std::expected<T, Error>(std::move(error)) {}
};

inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
  return std::unexpected(Error{code, std::move(message), {}});
}

inline std::unexpected<Error> fail(Error error) { return std::unexpected(std::move(error)); }

// Passes an error on with one more frame: `return annotate(std::move(r.error()), "reading x")`.
inline std::unexpected<Error> annotate(Error error, std::string frame) {
  error.context.push_back(std::move(frame));
  return std::unexpected(std::move(error));
}

}  // namespace ae

#define AE_CONCAT_INNER(a, b) a##b
#define AE_CONCAT(a, b) AE_CONCAT_INNER(a, b)

// AE_TRY(auto value, expression): declares value, or returns the expression's error.
#define AE_TRY(declaration, ...) \
  AE_TRY_INNER(AE_CONCAT(ae_try_, __COUNTER__), declaration, __VA_ARGS__)
#define AE_TRY_INNER(temporary, declaration, ...)                       \
  auto temporary = (__VA_ARGS__);                                       \
  if (!temporary) return std::unexpected(std::move(temporary).error()); \
  declaration = *std::move(temporary)

// AE_CHECK(expression): for Result<void>; returns its error.
#define AE_CHECK(...) AE_CHECK_INNER(AE_CONCAT(ae_check_, __COUNTER__), __VA_ARGS__)
#define AE_CHECK_INNER(temporary, ...)            \
  if (auto temporary = (__VA_ARGS__); !temporary) \
  return std::unexpected(std::move(temporary).error())
