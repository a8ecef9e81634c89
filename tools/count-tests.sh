#!/bin/sh
# Sums what the test programs of 'make check' found.
#
#     tools/count-tests.sh BUILD_FOLDER
#
# Prints two numbers, passed and failed. A program of the Check framework
# counts with each of its tests, every other one as a single test, and so does
# one that ended before its count.
set -eu
cd "$1"

find . -name '*.trs' | while read -r result; do
  log=${result%.trs}.log
  found=$(sed -n 's/^:global-test-result: //p' "$result")
  count=$(sed -n 's/.*Checks: \([0-9]*\), Failures: \([0-9]*\), Errors: \([0-9]*\).*/\1 \2 \3/p' "$log" | tail -n 1)
  case $found in
    SKIP) continue ;;
    PASS) echo "${count:-1 0 0}" ;;
    *) echo "${count:-1 1 0}" | awk '{ if ($2 + $3 == 0) { $1++; $2++ }
                                       print }' ;;
  esac
done | awk '{ all += $1; failed += $2 + $3 }
            END { print all - failed, failed + 0 }'
