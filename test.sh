#!/bin/sh
# Installs what is needed, builds, and runs all tests.
#
#     ./test.sh [CONFIGURE_OPTION...]
#
# The last line is 'N passed, N failed'; the exit status says the same.
set -eu
cd "$(dirname "$0")"

tools/install.sh tools/packages.txt
tools/build.sh "$@"
status=0
make -s -C build -j"$(nproc)" check || status=1
# shellcheck disable=SC2046
set -- $(tools/count-tests.sh build)
[ "$2" -eq 0 ] || status=1
[ "$1" -gt 0 ] || status=1
echo "$1 passed, $2 failed"
exit "$status"
