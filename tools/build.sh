#!/bin/sh
# Builds in build/ what a fresh clone holds.
#
#     tools/build.sh [CONFIGURE_OPTION...]
set -eu
cd "$(dirname "$0")/.."

[ -x configure ] || ./autogen.sh
mkdir -p build
cd build
# A second run with other options has to hold too.
if [ ! -f Makefile ] || [ $# -gt 0 ]; then
  ../configure -q "$@"
fi
make -s -j"$(nproc)"
