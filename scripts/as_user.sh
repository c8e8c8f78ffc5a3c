#!/bin/sh
# Runs a test program as an ordinary user, when started by root: as_user.sh PROGRAM [ARGUMENT…]
# What protects people's machines must also hold where nobody is root. Exit code 77: not root, so the
# test has already run as an ordinary user.
set -eu

[ "$(id -u)" = 0 ] || exit 77

# The build folder may be in a place that others cannot enter.
folder=$(mktemp -d "${TMPDIR:-/tmp}/ae-as-user.XXXXXX")
trap 'rm -rf "$folder"' EXIT
program="$folder/$(basename "$1")"
cp "$1" "$program"
shift
mkdir "$folder/tmp"
chown -R nobody "$folder/tmp"
chmod 755 "$folder" "$program"
cd "$folder"
setpriv --reuid nobody --regid nogroup --clear-groups \
  env HOME="$folder/tmp" TMPDIR="$folder/tmp" "$program" "$@"
