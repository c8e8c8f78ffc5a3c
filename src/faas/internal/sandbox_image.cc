#include "faas/internal/sandbox_image.h"

// The assembler copies the file; the linker gives its place a name.
asm(R"(
  .pushsection .rodata, "a", @progbits
  .balign 16
  ae_sandbox_image_begin:
  .incbin ")" AE_SANDBOX_INIT R"("
  ae_sandbox_image_end:
  .popsection
)");

// Symbols of the assembler above.
// NOLINTBEGIN(readability-identifier-naming)
extern "C" const char ae_sandbox_image_begin[];
extern "C" const char ae_sandbox_image_end[];
// NOLINTEND(readability-identifier-naming)

namespace ae::faas {

std::string_view sandbox_image() {
  return {ae_sandbox_image_begin,
          static_cast<std::size_t>(ae_sandbox_image_end - ae_sandbox_image_begin)};
}

}  // namespace ae::faas
