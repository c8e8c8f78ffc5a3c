#include "faas/internal/api_messages.h"

#include <fmt/format.h>

#include <iterator>

#include "faas/internal/environment.h"
#include "json/json.h"
#include "net/http_message.h"

namespace ae::faas {
namespace {

void append_answer(std::string& out, int status, std::string_view body) {
  fmt::format_to(std::back_inserter(out),
                 "HTTP/1.1 {} {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
                 status, net::reason_phrase(status), body.size(), body);
}

}  // namespace

void append_invocation(std::string& out, const Pending& pending, WallTime deadline) {
  const execute::Invocation& invocation = pending.invocation;
  fmt::format_to(std::back_inserter(out),
                 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                 "Lambda-Runtime-Aws-Request-Id: {}\r\nLambda-Runtime-Deadline-Ms: {}\r\n"
                 "Lambda-Runtime-Invoked-Function-Arn: {}\r\nLambda-Runtime-Trace-Id: {}\r\n",
                 invocation.request_id, deadline.time_since_epoch().count(),
                 function_arn(invocation.function->name),
                 invocation.trace_id.empty()
                     ? trace_header(invocation.run_id, invocation.request_id)
                     : invocation.trace_id);
  if (!invocation.client_context.empty()) {
    fmt::format_to(std::back_inserter(out), "Lambda-Runtime-Client-Context: {}\r\n",
                   invocation.client_context);
  }
  if (!invocation.cognito_identity.empty()) {
    fmt::format_to(std::back_inserter(out), "Lambda-Runtime-Cognito-Identity: {}\r\n",
                   invocation.cognito_identity);
  }
  fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n\r\n{}", pending.payload.size(),
                 pending.payload);
}

void append_accepted(std::string& out) { append_answer(out, 202, R"({"status":"OK"})"); }

void append_refusal(std::string& out, int status, std::string_view type, std::string_view message) {
  append_answer(out, status, json::dump(Json{{"errorMessage", message}, {"errorType", type}}));
}

}  // namespace ae::faas
