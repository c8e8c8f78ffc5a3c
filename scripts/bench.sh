#!/usr/bin/env bash
# Builds the benchmarks optimised and runs them, one after the other.
#
#   scripts/bench.sh [NAME...]        (default: all)
#
# Figures are worth something only beside others of the same machine and hour: the first lines say
# which machine, and how busy it was. Committing a baseline is up to the reader.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

scripts/setup.sh run
configure bench
build bench

# Programs of C++, and the scripts that measure the built `ae` from outside.
mapfile -t programs < <(
  if [[ -d build/bench/bench ]]; then
    find build/bench/bench -maxdepth 1 -type f -perm -u+x | sort
  fi
  find bench -maxdepth 1 -name '*_bench.py' | sort
)
names=()
for program in "${programs[@]}"; do
  name=$(basename "$program" .py)
  names+=("$name")
done
if (($# > 0)); then
  chosen=()
  for wanted in "$@"; do
    for i in "${!names[@]}"; do
      if [[ ${names[i]} == "$wanted" ]]; then chosen+=("${programs[i]}"); fi
    done
  done
  if ((${#chosen[@]} < $#)); then die "some of these are no benchmarks: $*" "known: ${names[*]}"; fi
  programs=("${chosen[@]}")
fi

echo "commit   $(git describe --always --dirty 2>/dev/null || echo unknown)"
echo "machine  $(nproc) x $(awk -F': ' '/^model name/ {print $2; exit}' /proc/cpuinfo)," \
  "$(awk '/^MemTotal/ {printf "%.0f GB", $2 / 1048576}' /proc/meminfo)," \
  "kernel $(uname -r)"
echo "load     $(cut -d' ' -f1-3 /proc/loadavg) before the start"
for program in "${programs[@]}"; do
  echo
  echo "== $(basename "$program")"
  if [[ $program == *.py ]]; then
    AE_PROGRAM=$root/build/bench/ae /usr/bin/python3 -B "$program" </dev/null
  else
    "$program" </dev/null
  fi
done
