#!/usr/bin/env bash
# Other people's programs that tests compare with, by name and pinned version, from npm, PyPI and
# the Go module proxy, into a cache outside the source tree. They are never built into the product.
#
#   scripts/peers.sh SET      installs what the set lacks and prints its folder
#
# Sets: aws, compile, lambda, argo. A set's folder holds node_modules/ and, where it has Python packages, python/
# (a virtual environment); that of argo the programs argo, runner and knative, which take minutes to
# build (tests/argo/README.md).
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/action-engine/peers

# npm_packages SET and python_packages SET print one NAME VERSION a line.
npm_packages() {
  case $1 in
    aws)
      printf '%s\n' '@aws-sdk/client-s3 3.1169.0' '@aws-sdk/client-lambda 3.1162.0' \
        '@aws-sdk/lib-storage 3.1169.0' '@aws-sdk/s3-request-presigner 3.1162.0'
      ;;
    lambda) echo 'aws-lambda-ric 3.3.0' ;;
    compile) printf '%s\n' 'asl-validator 4.0.0' 'aws-local-stepfunctions 3.0.0' 'jsonata 2.2.2' ;;
    *) ;;
  esac
}
python_packages() {
  case $1 in
    aws) echo 'boto3 1.44.5' ;;
    lambda) echo 'awslambdaric 4.2.2' ;;
    compile) printf '%s\n' 'cfn-lint 1.58.0' ;;
    *) ;;
  esac
}

# Go programs are built; what they were built from is their version.
argo_version=v3.7.3
go_programs() {
  case $1 in
    argo)
      echo "argo $argo_version"
      cat "$root"/tests/argo/{runner,knative}/{go.mod,*.go} | sha256sum
      ;;
    *) ;;
  esac
}

# A Go that can build them: one that is here, else the toolchain's own module, which any older Go can
# fetch (Debian 12's golang-go).
go_version=1.24.4
find_go() { # FOLDER
  local go
  for go in go /usr/local/go/bin/go "$1/go/bin/go"; do
    if [[ $("$go" env GOVERSION 2>/dev/null) =~ ^go1\.([0-9]+) ]] &&
      ((BASH_REMATCH[1] >= ${go_version:2:2})); then
      echo "$go"
      return
    fi
  done
  command -v go >/dev/null || die "go is missing; scripts/setup.sh check installs one"
  local toolchain dir
  toolchain=golang.org/toolchain@v0.0.1-go$go_version.linux-$(dpkg --print-architecture)
  say "fetching Go $go_version"
  dir=$(cd "$1" && go mod download -json "$toolchain" | sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p')
  rm -rf "$1/go"
  cp -r "$dir" "$1/go"
  chmod -R u+w "$1/go"
  chmod +x "$1"/go/bin/* "$1"/go/pkg/tool/*/*
  echo "$1/go/bin/go"
}

build_go() { # FOLDER SET
  [[ $2 == argo ]] || return 0
  local go source=$1/source jobs
  go=$(find_go "$1")
  jobs=$(jobs)
  # -trimpath: the same cache serves sources in any folder.
  export GOFLAGS="-trimpath -buildvcs=false -p=$jobs"
  export GOTOOLCHAIN=local
  say "building Argo's programs ($("$go" env GOVERSION)); minutes, the first time"
  # "go install" refuses a module that replaces another one, as Argo's does; and the module lacks the
  # built web pages, which the command line embeds.
  if [[ ! -x $1/argo || ! -f $source/$argo_version ]]; then
    rm -rf "$source"
    mkdir -p "$source/module"
    (
      cd "$source/module"
      module=$("$go" mod download -json "github.com/argoproj/argo-workflows/v3@$argo_version" |
        sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
      cp -r "$module/." .
      chmod -R u+w .
      mkdir -p ui/dist/app
      echo '<!doctype html>' >ui/dist/app/index.html
      "$go" build -o "$1/argo" ./cmd/argo
    ) >&2
    rm -rf "$source/module"
    touch "$source/$argo_version"
  fi
  local program
  for program in runner knative; do
    (cd "$root/tests/argo/$program" && "$go" build -o "$1/$program" .) >&2
  done
}

install_npm() { # FOLDER SET
  local -a wanted
  mapfile -t wanted < <(npm_packages "$2" | tr ' ' '@')
  [[ ${#wanted[@]} -gt 0 ]] || return 0
  command -v npm >/dev/null || die "npm is missing; scripts/setup.sh test installs it"
  local -a options=(--no-audit --no-fund --no-save --loglevel=error)
  if [[ $2 == lambda ]]; then options+=(--ignore-scripts); fi
  npm install --prefix "$1" "${options[@]}" "${wanted[@]}" >&2
}

# AWS's client for Node has a part in C++, which its own scripts build with curl's and its own sources.
# Without the tools for that its test is skipped.
build_ric() { # FOLDER SET
  [[ $2 == lambda ]] || return 0
  local folder=$1/node_modules/aws-lambda-ric tool
  [[ ! -f $folder/dist/rapid-client.node ]] || return 0
  for tool in autoreconf automake libtoolize cmake make; do
    if ! command -v "$tool" >/dev/null; then
      say "aws-lambda-ric is not built: $tool is missing (apt-get install autoconf automake libtool)"
      return 0
    fi
  done
  say "building aws-lambda-ric; minutes, the first time"
  (cd "$folder" && sh scripts/preinstall.sh && sh scripts/postinstall.sh) >"$1/ric.log" 2>&1 ||
    say "aws-lambda-ric is not built: see $1/ric.log"
}

install_python() { # FOLDER SET
  local -a wanted
  mapfile -t wanted < <(python_packages "$2" | sed 's/ /==/')
  [[ ${#wanted[@]} -gt 0 ]] || return 0
  [[ -x $1/python/bin/pip ]] || /usr/bin/python3 -m venv "$1/python"
  "$1/python/bin/pip" install --quiet --disable-pip-version-check "${wanted[@]}" >&2
}

set_name=${1:-}
versions=$(npm_packages "$set_name"; python_packages "$set_name"; go_programs "$set_name")
[[ -n $versions ]] || die "usage: scripts/peers.sh SET" "sets: aws, compile, lambda, argo"
folder=$cache/$set_name
mkdir -p "$folder"
# One at a time: tests may ask together.
exec 9>"$folder/lock"
flock 9
if [[ ! -f $folder/versions || $(<"$folder/versions") != "$versions" ]]; then
  rm -f "$folder/versions"
  install_npm "$folder" "$set_name"
  install_python "$folder" "$set_name"
  build_ric "$folder" "$set_name"
  build_go "$folder" "$set_name"
  printf '%s\n' "$versions" >"$folder/versions"
fi
printf '%s\n' "$folder"
