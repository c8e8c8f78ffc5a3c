#pragma once

#include <string_view>

#include "base/result.h"
#include "gateway/internal/core.h"
#include "json/json.h"

namespace ae::gateway {

std::string_view product_version();

// OpenAPI 3.1 from the route table and the catalog. Errors: the catalog's.
Result<Json> openapi_document(const Core& core);

}  // namespace ae::gateway
