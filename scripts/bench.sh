#!/usr/bin/env bash
# Builds the benchmarks optimised and runs them, one after the other.
#
#   scripts/bench.sh [NAME...]        (default: every program of build/bench/bench)
#
# Figures are worth something only beside others of the same machine and hour: the first lines say
# which machine, and how busy it was. Committing a baseline is up to the reader.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

scripts/setup.sh run
configure bench
build bench

mapfile -t programs < <(find build/bench/bench -maxdepth 1 -type f -perm -u+x | sort)
if (($# > 0)); then
  programs=()
  for name in "$@"; do
    [[ -x build/bench/bench/$name ]] ||
      die "no benchmark '$name'" "there are:" \
        "$(find build/bench/bench -maxdepth 1 -type f -perm -u+x -printf '%f ')"
    programs+=("build/bench/bench/$name")
  done
fi
if ((${#programs[@]} == 0)); then die "there are no benchmarks in build/bench/bench"; fi

echo "commit   $(git describe --always --dirty 2>/dev/null || echo unknown)"
echo "machine  $(nproc) x $(awk -F': ' '/^model name/ {print $2; exit}' /proc/cpuinfo)," \
  "$(awk '/^MemTotal/ {printf "%.0f GB", $2 / 1048576}' /proc/meminfo)," \
  "kernel $(uname -r)"
echo "load     $(cut -d' ' -f1-3 /proc/loadavg) before the start"
for program in "${programs[@]}"; do
  echo
  echo "== $(basename "$program")"
  "$program" </dev/null
done
