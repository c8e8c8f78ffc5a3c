// Runtime clients that come with the program.
#pragma once

#include <string_view>

namespace ae::faas {

extern const std::string_view kPythonRuntime;  // shims/python_runtime.py
extern const std::string_view kNodeRuntime;    // shims/node_runtime.cjs

}  // namespace ae::faas
