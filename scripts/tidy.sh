#!/usr/bin/env bash
# clang-tidy (the checks and their reasons: .clang-tidy) over the sources, without compiling them:
# it reads how each is compiled from a configured build folder.
#
#   scripts/tidy.sh [--preset dev] [FILE...]      (default: all tracked sources of src/ and apps/)
#
# Tests are left out: gtest's macros expand into what these checks are against.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

preset=dev
if [[ ${1:-} == --preset ]]; then
  preset=$2
  shift 2
fi
tidy=$(command -v clang-tidy-19) ||
  die "clang-tidy-19 is missing." "scripts/setup.sh check installs it."
configure "$preset"
cd "$root"
if (($# > 0)); then
  files=("$@")
else
  mapfile -d '' files < <(git ls-files -z -- 'src/*.cc' 'apps/*.cc' \
    ':!:*_test.cc' ':!:*_fuzz.cc' ':!:*_bench.cc')
fi

mkdir -p "$log_folder"
log=$log_folder/tidy.log
started=$SECONDS
# One process a file; what each prints goes to a file of its own, so that findings do not mix. What
# was clean before, byte for byte, is not looked at again (scripts/tidy_file.py).
outputs=$(mktemp -d)
trap 'rm -rf "$outputs"' EXIT
printf '%s\0' "${files[@]}" |
  xargs -0 -n 1 -P "$(jobs)" \
    /usr/bin/python3 -B scripts/tidy_file.py "$tidy" "build/$preset" "$outputs" |
  {
    count=0
    while read -r verdict file; do
      count=$((count + 1))
      progress "clang-tidy" "$count" "${#files[@]}" "$file"
      if [[ $verdict == bad ]]; then echo "$file" >>"$outputs/.bad"; fi
    done
  }
find "$outputs" -type f ! -name .bad -exec cat {} + >"$log"
if [[ -e $outputs/.bad ]]; then
  # A header's finding is repeated by every source that includes it: once is enough.
  awk '/^[^ ].*: (error|warning|note): / {show = !seen[$0]++} show' "$log" >&2
  die "clang-tidy found $(grep -E ': (error|warning): ' "$log" | sort -u | wc -l) defects in:" \
    "$(tr '\n' ' ' <"$outputs/.bad")"
fi
say "clang-tidy: ${#files[@]} files in $((SECONDS - started)) s"
