#include "gateway/problem.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "json/json.h"

namespace ae::gateway {
namespace {

std::string_view title_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "The request is malformed";
    case ErrorCode::kNotFound:
      return "Not found";
    case ErrorCode::kAlreadyExists:
      return "It exists already";
    case ErrorCode::kFailedPrecondition:
      return "Not possible in this state";
    case ErrorCode::kPermissionDenied:
      return "Not allowed";
    case ErrorCode::kResourceExhausted:
      return "A limit was reached";
    case ErrorCode::kDeadlineExceeded:
      return "The time for this request is used up";
    case ErrorCode::kCancelled:
      return "Cancelled";
    case ErrorCode::kUnavailable:
      return "Unavailable at the moment";
    case ErrorCode::kUnimplemented:
      return "Not supported";
    case ErrorCode::kDataLoss:
      return "Stored data is damaged";
    case ErrorCode::kInternal:
      return "Internal error";
    case ErrorCode::kModelReply:
      return "The model's reply cannot be used";
    case ErrorCode::kUserFunction:
      return "A function failed";
  }
  std::unreachable();
}

}  // namespace

int http_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return 400;
    case ErrorCode::kPermissionDenied:
      return 403;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kFailedPrecondition:
      return 409;
    case ErrorCode::kUserFunction:
      return 424;  // not 502: clients and proxies repeat that by themselves, effects included
    case ErrorCode::kResourceExhausted:
      return 429;
    case ErrorCode::kDataLoss:
    case ErrorCode::kInternal:
      return 500;
    case ErrorCode::kUnimplemented:
      return 501;
    case ErrorCode::kModelReply:
      return 502;
    case ErrorCode::kCancelled:
    case ErrorCode::kUnavailable:
      return 503;
    case ErrorCode::kDeadlineExceeded:
      return 504;
  }
  std::unreachable();
}

net::Response problem(const Error& error, std::string_view instance) {
  return problem(http_status(error.code), to_string(error.code), title_of(error.code),
                 error.describe(), {}, instance);
}

net::Response problem(int status, std::string_view code, std::string_view title,
                      std::string_view detail, std::span<const dag::Diagnostic> diagnostics,
                      std::string_view instance) {
  Json body;
  body["type"] = fmt::format("urn:action-engine:problem:{}", code);
  body["title"] = title;
  body["status"] = status;
  body["detail"] = detail;
  if (!instance.empty()) body["instance"] = instance;
  if (!diagnostics.empty()) body["errors"] = dag::to_json(diagnostics);
  return {status, {{"Content-Type", "application/problem+json"}}, json::dump(body)};
}

}  // namespace ae::gateway
