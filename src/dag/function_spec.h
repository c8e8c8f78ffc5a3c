// What a workflow knows of a function: its contract and how it is reached. No code, no storage.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "json/json.h"

namespace ae::dag {

// A Lambda package kept by this installation; `folder` holds its unpacked code.
struct LocalPackage {
  std::string folder;   // absolute; filled in by whoever keeps the package
  std::string handler;  // "lambda_function.lambda_handler"
  std::string runtime;  // "python3.11"
  bool operator==(const LocalPackage&) const = default;
};

using FunctionBinding = std::variant<LocalPackage>;

struct RuntimeSettings {
  std::chrono::milliseconds timeout{3'000};  // Lambda's default
  std::int64_t memory_mb = 128;              // Lambda's default
  std::map<std::string, std::string> environment;
  bool operator==(const RuntimeSettings&) const = default;
};

struct FunctionExample {
  Json input;
  Json output;        // null when an error is expected
  std::string error;  // expected errorType, or ""
  bool operator==(const FunctionExample&) const = default;
};

struct FunctionSpec {
  std::string name;
  std::string version;  // SHA-256 of description and code; "" before it is stored
  std::string description;
  Json input = Json::object();       // JSON Schema of the event; {} when unknown
  Json output = Json::object();      // JSON Schema of the result; {} when unknown
  std::vector<std::string> effects;  // "send", "pay", "book", "write", "delete"; empty: none
  bool idempotent = true;            // twice with one input is harmless; matters only with effects
  RuntimeSettings runtime;
  FunctionBinding binding;
  std::vector<FunctionExample> examples;
  bool operator==(const FunctionSpec&) const = default;

  // The system never calls such a function again by itself: not on a retry, not after a crash.
  bool at_most_once() const { return !effects.empty() && !idempotent; }
};

// Names of the object schema's properties, in declared order.
std::vector<std::string> property_names(const Json& object_schema);
bool is_required(const Json& object_schema, std::string_view property);

}  // namespace ae::dag
