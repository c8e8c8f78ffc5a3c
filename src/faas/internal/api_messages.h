// What the Runtime API answers, as HTTP text.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "faas/internal/scheduler.h"

namespace ae::faas {

// 200 with the event, and the headers of which a runtime makes the handler's context.
void append_invocation(std::string& out, const Pending& pending, WallTime deadline);

// 202 {"status":"OK"}
void append_accepted(std::string& out);

// {"errorMessage", "errorType"}
void append_refusal(std::string& out, int status, std::string_view type, std::string_view message);

}  // namespace ae::faas
