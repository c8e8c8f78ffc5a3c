// JavaScript handlers, read by a tolerant scan of their tokens.
#pragma once

#include <string_view>

#include "repository/infer.h"

namespace ae::repository::internal {

// What `source` says of the function exported as `handler`. Anything that is not understood is
// left out. Linear in the source's length but for nested literals (bounded). Threads: pure.
Inference read_javascript(std::string_view source, std::string_view handler);

}  // namespace ae::repository::internal
