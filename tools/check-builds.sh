#!/bin/sh
# The tests in builds that lack what configure can do without: oneDNN alone,
# then every optional library.
#
#     tools/check-builds.sh [CONFIGURE_OPTION...]
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
scratch=$(mktemp -d "${TMPDIR:-/tmp}/hubtune-builds.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

try() {
  name=$1
  shift
  mkdir "$scratch/$name"
  cd "$scratch/$name"
  "$here/configure" -q --enable-werror "$@"
  make -s -j"$(nproc)" >log 2>&1 && make -s -j"$(nproc)" check >>log 2>&1 || {
    tail -n 30 log
    echo "failed: $*"
    exit 1
  }
  # Passed tests tell what they left out.
  cat tests/*.log | grep '^skipped: ' | sort | uniq -c | cut -c 1-79 || :
  echo "$("$here/tools/count-tests.sh" .) (passed, failed): $*"
}

[ -x "$here/configure" ] || (cd "$here" && ./autogen.sh)
try blas --without-onednn "$@"
try bare --without-onednn --without-jpeg --without-png --without-webp \
  --without-gif --without-sentencepiece --disable-openmp "$@"
