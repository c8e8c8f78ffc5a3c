#!/usr/bin/env bash
# Writes what the compilers make of the golden cases now, and shows what changed.
#
#   scripts/update_golden.sh [CASE...]      the program is $AE_PROGRAM, or build/dev/ae
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

export AE_PROGRAM=${AE_PROGRAM:-$root/build/dev/ae}
[[ -x $AE_PROGRAM ]] || die "there is no $AE_PROGRAM; build it: cmake --build build/dev --target ae"
/usr/bin/python3 -B "$root/tests/golden/golden_test.py" --update "$@"
git -C "$root" add --intent-to-add tests/golden
git -C "$root" --no-pager diff --stat -- tests/golden
git -C "$root" --no-pager diff --word-diff=color -- tests/golden
