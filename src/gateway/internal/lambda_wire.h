// The AWS Lambda wire: Invoke, ListFunctions, GetFunction and GetFunctionConfiguration, as AWS SDKs
// and the AWS CLI send them with --endpoint-url.
//
// Source: AWS Lambda API reference, version 2015-03-31. Deliberate differences: a function's
// version is the hash of its content, "$LATEST" the current one; an asynchronous invocation runs
// once.
#pragma once

#include <string_view>

#include "gateway/internal/core.h"

namespace ae::gateway {

bool is_lambda_path(std::string_view path);

// Verifies the signature where there is one (whoever signs need not be on our list of hosts), then
// answers. Unsigned calls must have been admitted already. Threads: any; does not block.
void handle_lambda(const CorePtr& core, const CallPtr& call);

}  // namespace ae::gateway
