#!/usr/bin/env bash
# What takes too long for every change: the tests under the thread sanitizer, the long crash runs,
# and the fuzzers.
#
#   scripts/soak.sh [--seconds 300] [tsan|crash|fuzz ...]      (default: all three)
#
# --seconds is for each fuzzer. What a fuzzer breaks is kept in build/soak/; once it is mended the
# input belongs into tests/corpora/<name>/, where the ordinary tests replay it for ever.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

seconds=300
parts=()
while (($# > 0)); do
  case $1 in
    --seconds)
      seconds=${2:?--seconds needs a number}
      [[ $seconds =~ ^[1-9][0-9]*$ ]] || die "--seconds needs a whole number, not '$seconds'"
      shift
      ;;
    -h | --help)
      sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    tsan | crash | fuzz) parts+=("$1") ;;
    *) die "unknown: $1" "see scripts/soak.sh --help" ;;
  esac
  shift
done
if ((${#parts[@]} == 0)); then parts=(tsan crash fuzz); fi

scripts/setup.sh run test check
export ASAN_SYMBOLIZER_PATH=/usr/bin/llvm-symbolizer-19
export TSAN_OPTIONS=external_symbolizer_path=/usr/bin/llvm-symbolizer-19:halt_on_error=1

soak_tsan() {
  phase "thread sanitizer"
  configure tsan
  build tsan
  run_tests tsan -LE lint
}

soak_crash() {
  phase "long crash runs"
  configure dev
  build dev
  # Crash tests read AE_SOAK and then run many more seeds; only they need more than their time.
  AE_SOAK=1 run_tests dev -R '^(execute|store|e2e\.crash)' --timeout 3600
}

soak_fuzz() {
  phase "fuzzers, $seconds s each"
  configure fuzz
  build fuzz
  local name target corpus findings failed=()
  while read -r name; do
    target=build/fuzz/$name
    # ae_<module>_<stem>_fuzz replays tests/corpora/<stem>_fuzz.
    corpus=$(find tests/corpora -maxdepth 1 -type d | awk -F/ -v name="$(basename "$target")" '
      {ending = "_" $NF; at = length(name) - length(ending) + 1}
      at > 0 && substr(name, at) == ending {print; exit}')
    findings=build/soak/$(basename "$target")
    mkdir -p "$findings/corpus"
    say "$(basename "$target")"
    # New inputs go to the first folder, which is not tracked; the tracked corpus is only read.
    if ! "$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 -max_len=65536 \
      -artifact_prefix="$findings/" -print_final_stats=1 "$findings/corpus" \
      ${corpus:+"$corpus"} >"$findings/log" 2>&1 </dev/null; then
      tail -n 30 "$findings/log" | sed 's/^/  /' >&2
      failed+=("$target: see $findings/")
    else
      grep -E '^(Done|stat::number_of_executed_units)' "$findings/log" | sed 's/^/  /' >&2
    fi
  done < <(cd build/fuzz && find . -type f -perm -u+x -name 'ae_*_fuzz' | sort)
  if ((${#failed[@]} > 0)); then die "fuzzers found:" "${failed[@]}"; fi
}

for part in "${parts[@]}"; do "soak_$part"; done
say "${green}soaked${plain}: ${parts[*]}"
