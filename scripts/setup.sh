#!/usr/bin/env bash
# Installs the Debian packages that the named sets of scripts/packages.txt list and that are
# missing; quick and silent when none is.
#
#   scripts/setup.sh [run|test|check ...]     (default: run)
#   scripts/setup.sh --list [SET ...]               only prints the packages
#
# AE_SKIP_SETUP=1 skips it, for machines whose tools come from elsewhere.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

list_only=no
case ${1:-} in
  --list)
    list_only=yes
    shift
    ;;
  -h | --help)
    sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
    exit 0
    ;;
esac
sets=("${@:-run}")

wanted=()
for set in "${sets[@]}"; do
  known=no
  while read -r of package unless _; do
    if [[ $of == "$set" ]]; then
      known=yes
      # "[npm]": somebody else's package may have brought the command, and conflict with Debian's.
      if [[ $unless =~ ^\[(.+)\]$ ]] && command -v "${BASH_REMATCH[1]}" >/dev/null; then continue; fi
      wanted+=("$package")
    fi
  done <"$root/scripts/packages.txt"
  if [[ $known == no ]]; then
    die "scripts/packages.txt has no set '$set'" "known: $(
      awk '/^[a-z]/ {print $1}' "$root/scripts/packages.txt" | sort -u | tr '\n' ' '
    )"
  fi
done
if [[ $list_only == yes ]]; then
  printf '%s\n' "${wanted[@]}"
  exit 0
fi
if [[ ${AE_SKIP_SETUP:-} == 1 ]]; then exit 0; fi

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  die "This system has no apt-get, and the packages are known by their names on Debian 12 only." \
    "Install the counterparts of these yourself, then go on with AE_SKIP_SETUP=1 in front of" \
    "the command:" "  ${wanted[*]}"
fi

# One call: only what is installed is listed as "ii"; the exit status tells of the others.
installed=$(dpkg-query -W -f='${db:Status-Abbrev}${Package}\n' "${wanted[@]}" 2>/dev/null || true)
missing=()
for package in "${wanted[@]}"; do
  if ! [[ $'\n'$installed$'\n' == *$'\nii '"$package"$'\n'* ]]; then missing+=("$package"); fi
done
if ((${#missing[@]} == 0)); then exit 0; fi

command=(apt-get install -y --no-install-recommends "${missing[@]}")
as_root=()
if ((EUID != 0)); then
  if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [[ -t 0 && -t 2 ]]; }; then
    as_root=(sudo)
  else
    die "These packages are missing, and installing them takes root:" "${missing[*]}" \
      "Have somebody who may run:" "  apt-get update && ${command[*]}" \
      "and call this again."
  fi
fi

mkdir -p "$log_folder"
log=$log_folder/setup.log
: >"$log"
say "installing ${#missing[@]} packages: ${missing[*]}"

# apt-get with its progress read from a file descriptor of its own ("dlstatus:…:percent:text").
# Waits for another apt-get to finish instead of failing.
apt() {
  local kind percent text status
  echo "+ apt-get $*" >>"$log"
  set +e
  {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o APT::Status-Fd=1 \
      -o DPkg::Lock::Timeout=600 "$@" </dev/null 2>&1
    echo "status:$?"
  } | while IFS= read -r line; do
    case $line in
      pmerror:* | pmconffile:*) ;; # repeated in words
      dlstatus:* | pmstatus:*)
        IFS=: read -r kind _ percent text <<<"$line"
        kind=${kind/dlstatus/downloading}
        progress "${kind/pmstatus/unpacking}" "${percent%%.*}" 100 "$text"
        ;;
      status:*) echo "$line" >"$log.status" ;;
      *) printf '%s\n' "$line" >>"$log" ;;
    esac
  done
  set -e
  status=$(cat "$log.status")
  rm -f "$log.status"
  [[ $status == status:0 ]]
}

# The lists of a fresh machine are empty or old: fetch them only when installing fails without.
if ! apt "${command[@]:1}"; then
  if grep -qE 'are you root|Permission denied|sudo:' "$log"; then
    die "apt-get was refused. Have somebody who may run:" "  apt-get update && ${command[*]}"
  fi
  say "fetching the package lists"
  if ! { apt update && apt "${command[@]:1}"; }; then
    say "${red}installing failed${plain}; the log ends:"
    tail -n 15 "$log" | sed 's/^/  /' >&2
    # Only what the last call said: the first one failed for want of lists.
    last=$(awk '/^\+ apt-get /{text = ""} {text = text $0 "\n"} END {print text}' "$log")
    if grep -qE 'Temporary failure resolving|Could not (connect|resolve)|Network is unreachable' \
      <<<"$last"; then
      advice="- no way to the package servers: check the network, or a proxy (http_proxy=…)"
    elif grep -q 'Unable to locate package' <<<"$last"; then
      advice="- a package is unknown here: the names are Debian 12's; on another release install
    the counterparts yourself and go on with AE_SKIP_SETUP=1"
    elif grep -q 'No space left on device' <<<"$last"; then
      advice="- the disk is full: the packages take about 1 GB"
    elif grep -q 'Could not get lock' <<<"$last"; then
      advice="- another program is installing packages: wait for it, then call this again"
    elif grep -q 'dpkg returned an error' <<<"$last"; then
      advice="- a package was fetched but could not be set up: mend what the log says, then
    dpkg --configure -a"
    else
      advice="- try by hand: apt-get update && ${command[*]}"
    fi
    die "What to do:" "$advice" "- the whole log is in ${log#"$PWD"/}"
  fi
fi
say "${green}installed${plain} ${#missing[@]} packages"
