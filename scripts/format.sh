#!/usr/bin/env bash
# Formats the tracked C++ files in place; with --check only says which are not formatted.
#
#   scripts/format.sh [--check] [FILE...]
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

check=()
if [[ ${1:-} == --check ]]; then
  check=(--dry-run -Werror)
  shift
fi
formatter=$(command -v clang-format-19) ||
  die "clang-format-19 is missing (the version matters: others format differently)." \
    "scripts/setup.sh check installs it."

if (($# > 0)); then
  files=("$@")
else
  cd "$root"
  mapfile -d '' files < <(git ls-files -z -- '*.cc' '*.h')
fi
if ((${#files[@]} == 0)); then exit 0; fi
if ! printf '%s\0' "${files[@]}" | xargs -0 -n 16 -P "$(nproc)" "$formatter" "${check[@]:--i}"; then
  die "Some files are not formatted; this mends them:" "scripts/format.sh"
fi
