// What this package computes: each function takes Lambda's event and gives the result.
#pragma once

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>

namespace numbers {

using Json = nlohmann::ordered_json;

// An event that cannot be worked on. `type` becomes Lambda's errorType.
class FunctionError : public std::runtime_error {
 public:
  FunctionError(std::string type, const std::string& message)
      : std::runtime_error(message), type_(std::move(type)) {}
  const std::string& type() const { return type_; }

 private:
  std::string type_;
};

using Function = Json (*)(const Json& event);

// By the part of the handler behind the dot ("numbers.prime_factors"); null when there is none.
Function find_function(std::string_view handler);

}  // namespace numbers
