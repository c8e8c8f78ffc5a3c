# One compiler, one standard, warnings as errors. Why clang-19: docs/decisions/0004-compiler.md.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  message(FATAL_ERROR
    "g++ ${CMAKE_CXX_COMPILER_VERSION} destroys aggregate temporaries inside co_await twice, so the "
    "program it builds corrupts its heap. Use clang++-19 (the presets do) or g++ 13 and later.")
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 19)
  message(FATAL_ERROR
    "clang ${CMAKE_CXX_COMPILER_VERSION} cannot see std::expected in libstdc++ 12. Use clang++-19.")
endif()

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# Paths of the building machine stay out of the binary and of ccache's keys.
add_compile_options(-ffile-prefix-map=${CMAKE_SOURCE_DIR}=. -fcolor-diagnostics)
add_link_options(-fuse-ld=lld)

add_library(ae_warnings INTERFACE)
target_compile_options(ae_warnings INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Wthread-safety -Werror)
target_compile_definitions(ae_warnings INTERFACE _GLIBCXX_ASSERTIONS)

if(AE_SANITIZE)
  add_compile_options(-fsanitize=${AE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${AE_SANITIZE})
endif()
if(AE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_program(AE_CCACHE ccache)
if(AE_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${AE_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${AE_CCACHE})
endif()
