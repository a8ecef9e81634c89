#!/bin/sh
# The faults of docs/reliability.md, all of them again: a line for each
# program with what it says, and how it ended. In the build folder, after
# `make check` has built the programs.
#
#     tests/reliability.sh [SECONDS]     of fuzzing for each reader, if built
#
# FAIL_MOST=all tries every call that can fail, which takes an hour or two.
set -u
srcdir=${srcdir:-$(cd "$(dirname "$0")/.." && pwd)}
export srcdir
status=0
line() {
  what=$1
  shift
  if said=$("$@" 2>&1); then end=holds; else end=FAILS status=1; fi
  [ -z "$said" ] || [ "$end" = holds ] || printf '%s\n' "$said"
  printf '%-38s %-6s %s\n' "$what" "$end" \
    "$(printf '%s\n' "$said" | grep -E 'checks|runs|times|Checks|lines' |
      tail -n 1)"
}
line 'networks: addresses, answers, limits' "$srcdir/tests/net/download.sh"
line 'one cache, many processes, disks' "$srcdir/tests/net/share.sh"
line 'archives' tests/test_unpack
line 'graphs' tests/test_hostile
FUZZ_COPIES=100 line 'operations, damaged inputs' "$srcdir/tests/fuzz/ops.sh"
line 'memory' "$srcdir/tests/cli/limits.sh"
line 'damaged files' "$srcdir/tests/cli/bad.sh"
FUZZ_COPIES=300 line 'every reader, damaged copies' "$srcdir/tests/fuzz/check.sh"
line 'one call that fails' "$srcdir/tests/fail/fail.sh" "${FAIL_MOST:-40}"
line 'processes that meet, signals, pipes' "$srcdir/tests/cli/together.sh"
line 'kills of trainings' "$srcdir/tests/cli/kill.sh"
[ ! -x fuzz/run ] || [ -z "${1-}" ] || fuzz/run "$1" || status=1
exit $status
