// RFC 9457 problem details: the one place where error codes become HTTP.
#pragma once

#include <span>
#include <string_view>

#include "base/error.h"
#include "dag/diagnostic.h"
#include "net/http_message.h"

namespace ae::gateway {

int http_status(ErrorCode code);

// {type: "urn:action-engine:problem:<code>", title, status, detail, instance?, errors?}
net::Response problem(const Error& error, std::string_view instance = {});
net::Response problem(int status, std::string_view code, std::string_view title,
                      std::string_view detail, std::span<const dag::Diagnostic> diagnostics = {},
                      std::string_view instance = {});

}  // namespace ae::gateway
