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
  std::string runtime;  // "python3.11", "nodejs20.x", "provided.al2023"
  // What Lambda lays over /opt, in order; absolute folders, filled in like `folder`.
  std::vector<std::string> layers{};
  bool operator==(const LocalPackage&) const = default;
};

// A function that answers at a URL, in the manner of a Knative service: the event is the request's
// JSON body, the result the response's; a status of 400 and more is the function's failure.
struct HttpService {
  std::string url;  // "http://resize.default.example.com/"
  bool operator==(const HttpService&) const = default;
};

// A function that is deployed on AWS Lambda already.
struct LambdaFunction {
  std::string arn;  // "arn:aws:lambda:eu-west-1:123456789012:function:resize", a qualifier allowed
  bool operator==(const LambdaFunction&) const = default;
};

using FunctionBinding = std::variant<LocalPackage, HttpService, LambdaFunction>;

// How the event looks that the handler gets. API Gateway's is a request: the input is the JSON text
// of its body, and its scalar members are the query's parameters.
enum class EventFormat { kPlain, kApiGateway };

struct RuntimeSettings {
  std::chrono::milliseconds timeout{3'000};  // Lambda's default
  std::int64_t memory_mb = 128;              // Lambda's default
  std::map<std::string, std::string> environment;
  // Where it may connect to: "api.example.com:443" (the port defaults to 443), "127.0.0.1:5432",
  // "*.example.com:443", "*" (any host that is neither loopback nor private). Empty: nowhere.
  std::vector<std::string> egress{};
  // Names of secrets that become variables of its environment, under the same names.
  std::vector<std::string> secrets{};
  // Functions that name the same state share one folder, AE_STATE_DIR; "": the function's own name.
  std::string state{};
  // The buckets of this installation through AWS_ENDPOINT_URL_S3, with credentials of its own.
  bool s3 = true;
  // For workflows: execute::event_for() makes it. Lambda's own Invoke sends the event as it is.
  EventFormat event = EventFormat::kPlain;
  bool operator==(const RuntimeSettings&) const = default;
};

struct FunctionExample {
  Json input;
  Json output;        // null when an error is expected
  std::string error;  // expected errorType, or ""
  bool operator==(const FunctionExample&) const = default;
};

// Where the schemas of a function come from. Inferred ones (from its code, its examples or its
// runs) are a guess: what is verified with them is not proven.
enum class SchemaSource { kDeclared, kInferred };

struct FunctionSpec {
  std::string name;
  std::string version;  // SHA-256 of description and code; "" before it is stored
  std::string description;
  Json input = Json::object();   // JSON Schema of the event; {} when unknown
  Json output = Json::object();  // JSON Schema of the result; {} when unknown
  SchemaSource schemas = SchemaSource::kDeclared;
  std::vector<std::string> effects;  // "send", "pay", "book", "write", "delete"; empty: none
  bool idempotent = true;            // twice with one input is harmless; matters only with effects
  RuntimeSettings runtime;
  FunctionBinding binding;
  std::vector<FunctionExample> examples;
  std::vector<std::string> errors{};  // types that it is known to raise: "ValueError"; often empty
  bool operator==(const FunctionSpec&) const = default;

  // The system never calls such a function again by itself: not on a retry, not after a crash.
  bool at_most_once() const { return !effects.empty() && !idempotent; }
};

// Names of the object schema's properties, in declared order.
std::vector<std::string> property_names(const Json& object_schema);
bool is_required(const Json& object_schema, std::string_view property);

}  // namespace ae::dag
