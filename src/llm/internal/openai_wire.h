#pragma once

#include "llm/internal/wire.h"

namespace ae::llm {

const WireFormat& openai_wire();

}  // namespace ae::llm
