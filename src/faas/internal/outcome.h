// From what became of an invocation to what its caller is told, in Lambda's words.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

#include "dag/function_spec.h"
#include "execute/function_invoker.h"
#include "faas/internal/process.h"

namespace ae::faas {

struct HandlerResponse {
  std::string body;
  std::size_t oversize_bytes = 0;  // its length, when it was beyond the limit and thrown away
  bool streamed = false;           // Lambda-Runtime-Function-Response-Mode: streaming
  std::string content_type{};
};
struct HandlerFailure {
  std::string body;  // {"errorMessage", "errorType", "stackTrace"}, if the worker behaves
  std::string type;  // of the header Lambda-Runtime-Function-Error-Type, or ""
};
using Outcome =
    std::variant<HandlerResponse, HandlerFailure, execute::FunctionError, Error /* our fault */>;

// Sets output, error or fault. A response in the habit of API Gateway ({"statusCode", "body"}) is
// unwrapped unless the caller wants it whole or the declared output has a statusCode: what the
// workflow's data flow was verified with is the body. A status of 400 and more is then the
// function's failure "Http<status>". A streamed response that is no JSON is a string; one with the
// prelude of awslambda.HttpResponseStream becomes the answer that API Gateway would get.
// Threads: pure.
execute::InvocationResult shape(Outcome outcome, const dag::FunctionSpec& function,
                                std::size_t max_response_bytes,
                                execute::Answer answer = execute::Answer::kBody);

// "Http404" with what the body says of it.
execute::FunctionError http_failure(int status, std::string_view body);

execute::FunctionError parse_failure(const HandlerFailure& failure);

// "Task timed out after 3.00 seconds"
execute::FunctionError timed_out(std::chrono::milliseconds limit);
execute::FunctionError init_timed_out(std::chrono::milliseconds limit);
execute::FunctionError exited(const ExitStatus& status);

}  // namespace ae::faas
