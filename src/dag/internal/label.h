#pragma once

#include <string>
#include <string_view>

#include "dag/workflow.h"

namespace ae::dag::internal {

// Valid UTF-8 without anything that moves a cursor: names and goals may come from strangers.
std::string printable(std::string_view text);

// "id", or "id: function" when they differ.
std::string node_label(const Node& node);

}  // namespace ae::dag::internal
