#!/bin/sh
# Which ops of a table of real graphs' ops are there: of the table that begins
# with "| op | infer | repos | init | call |", the rows with a number other
# than 0 in infer, init or call.
#
#     tools/count-coverage.sh PROGRAM TABLE.md [OP...]
#
# OP: not wanted (of other runtimes, or of one research project). Prints how
# many of the rest are there and those that are not; fails where any is not.
set -eu
program=$1 table=$2
shift 2
names=$(mktemp)
trap 'rm -f "$names"' EXIT
"$program" ops > "$names"
awk -F '|' -v left_out=" $* " '
  NR == FNR { split($0, word, " "); have[word[1]]; next }
  !/^\|/ || / infer .* call / { inside = / infer .* call /; next }
  !inside || /^\|-/ { next }
  { gsub(/ /, "", $2) }
  $3 + $5 + $6 == 0 || index(left_out, " " $2 " ") { next }
  { n++ }
  $2 in have { found++; next }
  { print "missing: " $2 }
  END { printf "%d of %d\n", found, n; exit found != n }
' "$names" "$table"
