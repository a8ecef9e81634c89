#!/bin/sh
# The library exports exactly what the public headers mark with HT_API, and
# what the program asks of it.
root=${srcdir:-$(dirname "$0")/..}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
nm -D --defined-only .libs/libhubtune.so | awk '$2 ~ /[A-Z]/ {print $3}' |
  sort > "$work/exported"
cat "$root"/include/*.h "$root"/src/cli/program.h | grep -v '^#' | tr '\n' ' ' |
   grep -o 'HT_API [^;(]*(' |
  sed 's/($//; s/.*[ *]//' | sort > "$work/marked"
diff "$work/marked" "$work/exported" && test -s "$work/exported"
