#pragma once

#include <string_view>

namespace ae::faas {

// The program that is a sandbox's first process (sandbox_init.cc), carried inside this one.
std::string_view sandbox_image();

}  // namespace ae::faas
