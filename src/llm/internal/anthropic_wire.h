#pragma once

#include "llm/internal/wire.h"

namespace ae::llm {

const WireFormat& anthropic_wire();

}  // namespace ae::llm
