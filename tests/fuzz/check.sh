#!/bin/sh
# Every reader on small files, on what fuzzing found, and on damaged copies.
set -u
here=$(cd "${srcdir:-..}/tests/fuzz" && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
"$here/seeds.sh" "$work" || exit 1
export XDG_CACHE_HOME="$work/cache"
tests/fuzz/replay -d "${FUZZ_COPIES:-30}" "$work"/* || exit 1
[ ! -d "$here/corpus" ] ||
  for folder in "$here"/corpus/*; do
    [ ! -d "$folder" ] || tests/fuzz/replay -d 0 "$folder" || exit 1
  done
