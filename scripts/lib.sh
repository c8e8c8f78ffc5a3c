# shellcheck shell=bash
# What the scripts share: messages, logged steps with progress, configuring and building.
# Sourced, never run. Messages go to standard error, so that standard output stays the program's.

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
# What was compiled in one checkout need not be compiled in the next.
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1
log_folder=$root/build/logs

# shellcheck disable=SC2034  # not every script uses every colour
if [[ -t 2 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
  live=yes bold=$'\e[1m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m' wipe=$'\r\e[K'
else
  live=no bold='' red='' green='' plain='' wipe=''
fi

say() { printf '%s%s\n' "$wipe" "$*" >&2; }
phase() { say "${bold}== $*${plain}"; }
die() {
  say "${red}$1${plain}"
  shift
  local line
  for line in "$@"; do say "  $line"; done
  exit 1
}

# progress NAME DONE TOTAL DETAIL: one line that is drawn over on a terminal, else a line every
# tenth of the way and every 20 seconds.
progress_tenth=0 progress_total=0 progress_at=0
progress() {
  local name=$1 done=$2 total=$3 detail=$4 columns
  if [[ $live == yes ]]; then
    columns=${COLUMNS:-80}
    detail=$(printf '%s  %d/%d  %s' "$name" "$done" "$total" "$detail")
    printf '%s%s' "$wipe" "${detail:0:columns-1}" >&2
    return
  fi
  if ((total != progress_total)); then progress_tenth=0 progress_total=$total; fi
  if ((total > 0 && (done * 10 / total > progress_tenth || SECONDS - progress_at >= 20))); then
    progress_tenth=$((done * 10 / total)) progress_at=$SECONDS
    say "$name  $done/$total"
  fi
}

# Compilers run at once: one a core, but no more than memory carries (the largest file takes about
# 1.2 GB). CMAKE_BUILD_PARALLEL_LEVEL overrides it.
jobs() {
  if [[ ${CMAKE_BUILD_PARALLEL_LEVEL:-} =~ ^[1-9][0-9]*$ ]]; then
    echo "$CMAKE_BUILD_PARALLEL_LEVEL"
    return
  fi
  local cores memory
  cores=$(nproc)
  memory=$(awk '/^MemAvailable:/ {print int($2 / 1200000)}' /proc/meminfo)
  if ((memory < 1)); then memory=1; fi
  if ((cores < memory)); then echo "$cores"; else echo "$memory"; fi
}

# configure PRESET: only when something changed that the build itself would not notice.
configure() {
  local preset=$1 folder=$root/build/$1 log=$log_folder/configure-$1.log fresh=()
  local cache=$folder/CMakeCache.txt
  if [[ -f $folder/build.ninja && ! $root/CMakePresets.json -nt $cache ]] &&
    grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$cache"; then
    return
  fi
  mkdir -p "$log_folder"
  # A cache of another place or another preset is worth nothing, and CMake refuses the former.
  if [[ -f $cache ]]; then fresh=(--fresh); fi
  say "configuring ($preset)"
  if ! (cd "$root" && cmake "${fresh[@]}" --preset "$preset") >"$log" 2>&1 </dev/null; then
    rm -f "$folder/build.ninja"
    say "${red}configuring failed${plain}; the log ends:"
    tail -n 20 "$log" | sed 's/^/  /' >&2
    die "What to do:" \
      "- a package that is not found: scripts/setup.sh installs what scripts/packages.txt lists" \
      "- anything else: the whole log is in ${log#"$PWD"/}; after a change, rm -r build/$preset" \
      "  makes a clean start"
  fi
  touch "$cache"
}

# build PRESET [TARGET...]
build() {
  local preset=$1 folder=$root/build/$1 log=$log_folder/build-$1.log
  shift
  mkdir -p "$log_folder"
  local started=$SECONDS line drawn=no
  # Ninja prints a line a step when its output is no terminal; they are kept and counted.
  set +e
  (cd "$root" && NINJA_STATUS='[%f/%t] ' ninja -C "$folder" -j "$(jobs)" "$@") 2>&1 </dev/null |
    tee "$log" |
    while IFS= read -r line; do
      if [[ $line =~ ^\[([0-9]+)/([0-9]+)\]\ (.*) ]]; then
        progress "building ($preset)" "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}" \
          "${BASH_REMATCH[3]}"
      fi
    done
  local status=${PIPESTATUS[0]}
  set -e
  if grep -q '^\[1/' "$log"; then drawn=yes; fi
  if ((status != 0)); then
    say "${red}the build failed${plain}; its first error:"
    first_error "$log" >&2
    local hint="after a change, run the same command again: only what is missing is built"
    if grep -qE 'Killed|out of memory|cannot allocate' "$log"; then
      hint="memory ran out: try CMAKE_BUILD_PARALLEL_LEVEL=1 in front of the command"
    elif grep -q 'No space left on device' "$log"; then
      hint="the disk is full: a build takes about 2 GB below build/"
    fi
    die "What to do:" "- $hint" "- the whole log is in ${log#"$PWD"/}"
  fi
  if [[ $drawn == yes ]]; then say "built ($preset) in $((SECONDS - started)) s"; fi
}

# The first failed step of a log of ninja, without its command line: at most 30 lines.
first_error() {
  awk '/^FAILED: / {if (seen++) exit; print "  " $0; next}
       seen && /^\[[0-9]+\/[0-9]+\]/ {exit}
       seen && /^ninja: / {exit}
       seen && /^(\/usr\/bin\/ccache|\/usr\/bin\/clang|: &&|cd )/ {next}
       seen && lines++ < 30 {print "  " $0}
       END {if (!seen) exit 3}' "$1" || tail -n 20 "$1" | sed 's/^/  /'
}

# run_tests PRESET [CTEST ARGUMENT...]: ends with ctest's own closing lines.
run_tests() {
  local preset=$1
  shift
  # Settings of the person who runs the tests must not reach them.
  local unset=() name
  for name in "${!AE_@}"; do
    if [[ $name != AE_SOAK ]]; then unset+=(-u "$name"); fi
  done
  (cd "$root" && env "${unset[@]}" ctest --test-dir "build/$preset" -j "$(jobs)" \
    --output-on-failure --no-tests=error "$@" </dev/null)
}
