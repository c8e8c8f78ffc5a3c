#!/usr/bin/env bash
# Makes src/NAME: CMakeLists.txt, a header, a source, a test and a README that build and pass.
#
#   scripts/new_module.sh NAME [DEP...]       e.g. scripts/new_module.sh compile json dag
#
# `base` is always a dependency. What is left to do is printed: it takes a decision.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

name=${1:-}
if ! [[ $name =~ ^[a-z][a-z_]*[a-z]$ ]]; then
  die "usage: scripts/new_module.sh NAME [DEP...]" \
    "NAME: one lower-case word that says what happens there (it becomes the namespace ae::NAME)"
fi
shift
deps=(base)
for dep in "$@"; do
  [[ -f $root/src/$dep/CMakeLists.txt ]] || die "there is no module '$dep'"
  if [[ $dep != base ]]; then deps+=("$dep"); fi
done
folder=$root/src/$name
[[ ! -e $folder ]] || die "src/$name exists already"
mkdir "$folder"

cat >"$folder/CMakeLists.txt" <<END
ae_module($name
  DEPS ${deps[*]}
  SOURCES $name.cc
  TESTS ${name}_test.cc)
END
cat >"$folder/$name.h" <<END
// What this module is for, its input and its output.
#pragma once

#include <string_view>

#include "base/result.h"

namespace ae::$name {

// Say what the signature cannot: units, errors, threads, source.
Result<int> answer(std::string_view text);

}  // namespace ae::$name
END
cat >"$folder/$name.cc" <<END
#include "$name/$name.h"

namespace ae::$name {

Result<int> answer(std::string_view text) {
  if (text.empty()) return fail(ErrorCode::kInvalidArgument, "the text is empty: give some");
  return static_cast<int>(text.size());
}

}  // namespace ae::$name
END
cat >"$folder/${name}_test.cc" <<END
#include "$name/$name.h"

#include <gtest/gtest.h>

namespace ae::$name {
namespace {

TEST(Answer, CountsTheBytesOfText) {
  const Result<int> counted = answer("four");
  ASSERT_TRUE(counted);
  EXPECT_EQ(4, *counted);
}

TEST(Answer, RefusesEmptyTextAndSaysWhatToDo) {
  const Result<int> refused = answer("");
  ASSERT_FALSE(refused);
  EXPECT_EQ(ErrorCode::kInvalidArgument, refused.error().code);
  EXPECT_NE(std::string::npos, refused.error().message.find("give some"));
}

}  // namespace
}  // namespace ae::$name
END
cat >"$folder/README.md" <<END
# $name

What it is for, in two sentences.

Main types: ...

Example:

    const auto counted = ae::$name::answer("four");
END

say "made src/$name. Still to do:"
say "- CMakeLists.txt: add_subdirectory(src/$name) below the modules it uses"
say "- ARCHITECTURE.md: its line in the table of modules: | \`$name\` | side | purpose | ${deps[*]} |"
say "- then: cmake --build build/dev --target ae_${name}_test && ./test -L $name"
