#!/bin/sh
# Every reader on small files, on what fuzzing found, and on damaged copies.
set -u
here=$(cd "${srcdir:-..}/tests/fuzz" && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
"$here/seeds.sh" "$work" || exit 1
export XDG_CACHE_HOME="$work/cache"
tests/fuzz/replay -d "${FUZZ_COPIES:-30}" "$work"/* "$here"/corpus/*
