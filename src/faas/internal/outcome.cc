#include "faas/internal/outcome.h"

#include <fmt/format.h>
#include <string.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/hash.h"
#include "base/text.h"
#include "json/json.h"

namespace ae::faas {
namespace {

using execute::FunctionError;
using execute::InvocationResult;

constexpr std::size_t kMaxMessageBytes = 16UL << 10U;
constexpr std::string_view kHttpStream = "application/vnd.awslambda.http-integration-response";

std::string seconds(std::chrono::milliseconds limit) {
  return fmt::format("{:.2f} seconds", static_cast<double>(limit.count()) / 1000.0);
}

// Texts by which people's handlers say what went wrong in a body.
std::string message_of(const Json& body) {
  for (const char* key : {"message", "errorMessage", "error", "detail"}) {
    const Json* found = json::find(body, key);
    if (found != nullptr && found->is_string()) return found->get<std::string>();
  }
  return body.is_string() ? body.get<std::string>() : json::dump(body);
}

bool is_gateway_shape(const Json& value) {
  const Json* status = json::find(value, "statusCode");
  if (status == nullptr || !status->is_number_integer()) return false;
  const auto number = status->get<std::int64_t>();
  return number >= 100 && number <= 599;
}

bool declares_status_code(const dag::FunctionSpec& function) {
  const Json* properties = json::find(function.output, "properties");
  return properties != nullptr && json::find(*properties, "statusCode") != nullptr;
}

// The body as a value; a string that is no JSON stays a string.
std::optional<Json> gateway_body(const Json& value, const json::Limits& limits) {
  const Json* body = json::find(value, "body");
  if (body == nullptr || body->is_null()) return std::nullopt;
  if (!body->is_string()) return *body;
  Result<Json> parsed = json::parse(body->get_ref<const std::string&>(), limits);
  return parsed ? *std::move(parsed) : *body;
}

void unwrap_gateway(Json value, const json::Limits& limits, InvocationResult& result) {
  std::optional<Json> body = gateway_body(value, limits);
  const auto status = value["statusCode"].get<std::int64_t>();
  if (status >= 400) {
    result.error = FunctionError{
        .type = fmt::format("Http{}", status),
        .message = body ? shorten(message_of(*body), kMaxMessageBytes) : std::string()};
    return;
  }
  result.output = body && body->is_object() ? *std::move(body) : std::move(value);
}

// {"statusCode": …, "headers": …} 00 00 00 00 00 00 00 00 body
Result<Json> parse_http_stream(std::string_view text, const json::Limits& limits) {
  const std::size_t end = text.find(std::string_view("\0\0\0\0\0\0\0\0", 8));
  AE_TRY(Json value, json::parse(text.substr(0, end), limits));
  if (!value.is_object()) return fail(ErrorCode::kInvalidArgument, "the prelude is no object");
  const std::string_view body = end == std::string_view::npos ? "" : text.substr(end + 8);
  if (!value.contains("statusCode")) value["statusCode"] = 200;
  value["isBase64Encoded"] = !is_utf8(body);
  value["body"] = is_utf8(body) ? std::string(body) : to_base64(body);
  return value;
}

Result<Json> parse_response(const HandlerResponse& response, const json::Limits& limits) {
  if (!response.streamed) return json::parse(response.body, limits);
  if (response.content_type.starts_with(kHttpStream)) {
    return parse_http_stream(response.body, limits);
  }
  Result<Json> value = json::parse(response.body, limits);
  if (!value && is_utf8(response.body)) return Json(response.body);
  return value;
}

void shape_response(const HandlerResponse& response, const dag::FunctionSpec& function,
                    std::size_t max_bytes, execute::Answer answer, InvocationResult& result) {
  if (response.oversize_bytes > 0) {
    result.error = FunctionError{
        .type = "Function.ResponseSizeTooLarge",
        .message = fmt::format("Response payload size ({} bytes) exceeded maximum allowed payload "
                               "size ({} bytes).",
                               response.oversize_bytes, max_bytes)};
    return;
  }
  json::Limits limits;
  limits.max_bytes = max_bytes;
  Result<Json> value = parse_response(response, limits);
  if (!value) {
    result.error = FunctionError{
        .type = "Runtime.InvalidResponse",
        .message = "the function's response is not valid JSON: " + value.error().message};
    return;
  }
  if (answer == execute::Answer::kBody && is_gateway_shape(*value) &&
      !declares_status_code(function)) {
    unwrap_gateway(*std::move(value), limits, result);
  } else {
    result.output = *std::move(value);
  }
}

}  // namespace

FunctionError parse_failure(const HandlerFailure& failure) {
  FunctionError error;
  Result<Json> body = json::parse(failure.body);
  if (body && body->is_object()) {
    error.type = json::string_or(*body, "errorType");
    error.message = shorten(json::string_or(*body, "errorMessage"), kMaxMessageBytes);
    const Json* trace = json::find(*body, "stackTrace");
    if (trace == nullptr) trace = json::find(*body, "trace");  // as Node spells it
    if (trace != nullptr && trace->is_array()) error.stack_trace = *trace;
  } else {
    error.message = "the runtime reported an error that is not in Lambda's shape";
  }
  if (error.type.empty()) error.type = failure.type.empty() ? "Runtime.Unknown" : failure.type;
  error.type = shorten(error.type, 256);
  return error;
}

FunctionError http_failure(int status, std::string_view body) {
  FunctionError error{.type = fmt::format("Http{}", status), .message = {}};
  const Result<Json> value = json::parse(body);
  if (value && !value->is_null()) {
    error.message = shorten(message_of(*value), kMaxMessageBytes);
  } else if (is_utf8(body)) {
    error.message = shorten(trim(body), kMaxMessageBytes);
  }
  if (error.message.empty()) error.message = fmt::format("the service answered {}", status);
  return error;
}

FunctionError timed_out(std::chrono::milliseconds limit) {
  return {.type = "Sandbox.Timedout", .message = "Task timed out after " + seconds(limit)};
}

FunctionError init_timed_out(std::chrono::milliseconds limit) {
  return {.type = "Sandbox.Timedout",
          .message = fmt::format("Task timed out after {} in its initialisation", seconds(limit))};
}

FunctionError exited(const ExitStatus& status) {
  std::string how = "Runtime exited without providing a reason";
  if (status.signal != 0) {
    const char* name = ::sigdescr_np(status.signal);
    how = fmt::format("Runtime exited with error: signal: {}",
                      name != nullptr ? to_lower(name) : std::to_string(status.signal));
  } else if (status.code != 0) {
    how = fmt::format("Runtime exited with error: exit status {}", status.code);
  }
  return {.type = "Runtime.ExitError", .message = std::move(how)};
}

InvocationResult shape(Outcome outcome, const dag::FunctionSpec& function,
                       std::size_t max_response_bytes, execute::Answer answer) {
  InvocationResult result;
  if (auto* response = std::get_if<HandlerResponse>(&outcome)) {
    shape_response(*response, function, max_response_bytes, answer, result);
  } else if (const auto* failure = std::get_if<HandlerFailure>(&outcome)) {
    result.error = parse_failure(*failure);
  } else if (auto* error = std::get_if<FunctionError>(&outcome)) {
    result.error = std::move(*error);
  } else {
    result.fault = std::move(std::get<Error>(outcome));
  }
  return result;
}

}  // namespace ae::faas
