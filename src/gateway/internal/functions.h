// What the handlers about functions share.
#pragma once

#include <string>
#include <string_view>

#include "dag/function_spec.h"
#include "gateway/internal/core.h"
#include "gateway/internal/route.h"

namespace ae::gateway {

Json function_links(const Core& core, std::string_view name);
// "declared" or "inferred"
std::string schemas_name(const dag::FunctionSpec& spec);

void add_functions(const CorePtr& core, const CallPtr& call);
void remove_function(const CorePtr& core, const CallPtr& call);
void get_inference(const CorePtr& core, const CallPtr& call);
void accept_inference(const CorePtr& core, const CallPtr& call);

}  // namespace ae::gateway
