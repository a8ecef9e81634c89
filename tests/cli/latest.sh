#!/bin/sh
# Exports by time: each appears whole under ten digits, several may write at
# once, the newest stay and what else is in the folder is not touched.
program=$PWD/hubtune
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
fail() {
  echo "latest.sh: $*" >&2
  ls -R out >&2
  exit 1
}
printf 'text,label\na good day,p\na bad day,n\n' > data.csv
"$program" new text-embedding m --from-text data.csv --text text --dim 4 \
  -q > /dev/null || exit 1
"$program" train --module m --data data.csv --out run --epochs 1 -q \
  > /dev/null || exit 1

mkdir -p out/0000000001 out/0000000002 out/notes out/123
one=
for i in 1 2 3; do
  "$program" export run out --latest --keep 3 > "path.$i" &
  one="$one $!"
done
for pid in $one; do wait "$pid" || fail "an exporter failed"; done
[ "$(cat path.* | sort -u | wc -l)" = 3 ] || fail "two took one name"
for path in $(cat path.*); do
  [ -f "$path/saved_model.pb" ] || fail "'$path' is not whole"
done
[ "$(ls out | tr '\n' ' ')" = "123 $(cat path.* | sort | sed 's/out.//' |
  tr '\n' ' ')notes " ] || fail "other folders than the newest three stayed"
"$program" export run out --latest --keep 1 --what module > last || exit 1
[ "$(ls out | tr '\n' ' ')" = "123 $(sed 's/out.//' last) notes " ] ||
  fail "more than the newest stayed"
"$program" inspect "$(cat last)" > /dev/null || fail "the newest is no module"
