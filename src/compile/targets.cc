#include <array>

#include "compile/compiler.h"

// The registry: one line a target, by name. `name` is its folder and namespace, which defines
// `const CompilerTarget& target()`.
#define AE_COMPILE_TARGETS(TARGET) TARGET(argo) TARGET(stepfunctions)

namespace ae::compile {

#define AE_DECLARE_TARGET(name)   \
  namespace name {                \
  const CompilerTarget& target(); \
  }
AE_COMPILE_TARGETS(AE_DECLARE_TARGET)
#undef AE_DECLARE_TARGET

std::span<const CompilerTarget* const> targets() {
#define AE_LIST_TARGET(name) &name::target(),
  static const std::array kTargets{AE_COMPILE_TARGETS(AE_LIST_TARGET)};
#undef AE_LIST_TARGET
  return kTargets;
}

}  // namespace ae::compile
