# ae_module(<name> [DEPS <module>...] [LIBS <library>...] [LIBS_PUBLIC <library>...]
#           SOURCES <file>... [TESTS <x_test.cc>...] [TEST_DEPS <module>...] [FUZZ <x_fuzz.cc>...]
#           [TEST_LABEL <unit|integration>])
#
# Declares the static library ae_<name> (alias ae::<name>). DEPS must already be declared, so the
# order of add_subdirectory() forbids cycles, which CMake itself accepts between static libraries.
# Every header must compile alone (target <name>_verify_interface_header_sets, part of `all`).
function(ae_module name)
  cmake_parse_arguments(M "" "TEST_LABEL" "DEPS;LIBS;LIBS_PUBLIC;SOURCES;TESTS;TEST_DEPS;FUZZ" ${ARGN})
  if(M_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "ae_module(${name}): unknown arguments: ${M_UNPARSED_ARGUMENTS}")
  endif()
  foreach(dep IN LISTS M_DEPS M_TEST_DEPS)
    if(NOT TARGET ae_${dep})
      message(FATAL_ERROR "ae_module(${name}): '${dep}' is not declared before it. "
        "See the dependency table in ARCHITECTURE.md.")
    endif()
  endforeach()

  add_library(ae_${name} STATIC ${M_SOURCES})
  add_library(ae::${name} ALIAS ae_${name})
  file(GLOB headers CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.h)
  target_sources(ae_${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${CMAKE_SOURCE_DIR}/src FILES ${headers})
  set_target_properties(ae_${name} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
  target_include_directories(ae_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  list(TRANSFORM M_DEPS PREPEND ae::)
  target_link_libraries(ae_${name} PUBLIC ${M_DEPS} ${M_LIBS_PUBLIC} PRIVATE ${M_LIBS} ae_warnings)
  if(AE_CLANG_TIDY)
    set_target_properties(ae_${name} PROPERTIES CXX_CLANG_TIDY "clang-tidy-19;--quiet")
  endif()
  set_property(GLOBAL APPEND PROPERTY AE_MODULES ${name})

  if(AE_TESTS AND M_TESTS)
    if(NOT M_TEST_LABEL)
      set(M_TEST_LABEL unit)
    endif()
    add_executable(ae_${name}_test ${M_TESTS})
    list(TRANSFORM M_TEST_DEPS PREPEND ae::)
    target_link_libraries(ae_${name}_test PRIVATE ae::${name} ${M_TEST_DEPS} ${M_LIBS} ae_warnings
                          GTest::gmock GTest::gtest_main)
    add_test(NAME ${name} COMMAND ae_${name}_test)
    set_tests_properties(${name} PROPERTIES TIMEOUT 240 LABELS "${M_TEST_LABEL};${name}")
  endif()
  if(AE_TESTS)
    foreach(source IN LISTS M_FUZZ)
      ae_fuzz(${name} ${source})
    endforeach()
  endif()
endfunction()

# ae_fuzz(<module> <x_fuzz.cc>): a libFuzzer binary with AE_FUZZ, else a program that replays
# tests/corpora/<x>/ once, as a test.
function(ae_fuzz module source)
  get_filename_component(stem ${source} NAME_WE)
  set(target ae_${module}_${stem})
  set(corpus ${CMAKE_SOURCE_DIR}/tests/corpora/${stem})
  if(AE_FUZZ)
    add_executable(${target} ${source})
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(${target} ${source} ${CMAKE_SOURCE_DIR}/cmake/replay_corpus.cc)
    add_test(NAME ${module}.${stem} COMMAND ${target} ${corpus})
    set_tests_properties(${module}.${stem} PROPERTIES TIMEOUT 60 LABELS "fuzz;${module}")
  endif()
  target_link_libraries(${target} PRIVATE ae::${module} ae_warnings)
endfunction()
