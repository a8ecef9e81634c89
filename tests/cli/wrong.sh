#!/bin/sh
# Runs the command lines of wrong.txt: exit status and message to the byte,
# and nothing on standard output.
table=${srcdir:-..}/tests/cli/wrong.txt
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
tab=$(printf '\t')
failures=0
while IFS=$tab read -r line status message; do
  case $line in '#'* | '') continue ;; esac
  [ -n "$message" ] || continue
  # The arguments hold no blanks of their own.
  # shellcheck disable=SC2086
  ./hubtune $line < /dev/null > "$work/out" 2> "$work/err"
  found=$?
  if [ "$found" != "$status" ] || [ -s "$work/out" ] ||
     [ "$(cat "$work/err")" != "$message" ]; then
    echo "hubtune $line: exit $found, wanted $status"
    echo "  wanted: $message"
    echo "  found:  $(cat "$work/err")"
    failures=$((failures + 1))
  fi
done < "$table"
[ "$failures" -eq 0 ]
