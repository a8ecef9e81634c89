#!/bin/sh
# What is told on a terminal and elsewhere, tables with names of any letters,
# and what shells complete. In the build folder.
set -u
. "${srcdir:-..}/tests/cli/checks.sh"
XDG_CACHE_HOME=$work/cache
export XDG_CACHE_HOME
data=$work/data.csv
{
  echo text,label
  i=0
  while [ $i -lt 10 ]; do
    printf 'good film %d,été\nsad film %d,ねこ\nfilm %d,plain\n' $i $i $i
    i=$((i + 1))
  done
} > "$data"
./hubtune new text-embedding "$work/module" --from-text "$data" --text text \
  --dim 8 -q || exit 1

# Of script: the command's lines as a terminal of 40 columns gets them.
train="./hubtune train --module $work/module --data $data --epochs 2"
if command -v script > /dev/null; then
  TERM=xterm script -q -c "stty cols 40; $train --out $work/shown" /dev/null \
    < /dev/null > "$work/log" 2>&1
  tr -d '\r' < "$work/log" | sed 's/.*\[K//' | grep -v "$work" > "$work/seen"
  wants 'lines fit a terminal' "$(awk 'length($0) > 40' "$work/seen")" ''
  wants 'they break between words' "$(grep -A 1 "^data: 'text'" "$work/seen" |
    sed -n 2p)" "  is the label: one of 3 classes"
fi
$train --out "$work/run" 2> "$work/seen"
wants 'a line elsewhere' "$(sed -n 1p "$work/seen")" \
  "data: 'text' feeds 'sentences', 'label' is the label: one of 3 classes"
wants 'no escape codes elsewhere' "$(grep -c "$(printf '\033')" \
  "$work/seen")" 0

./hubtune eval "$work/run" "$data" > "$work/table" || failures=1
wants 'a table of names' "$(sed -n '/^class/,/^$/p' "$work/table" |
  sed 's/.\{27\}$//')" 'class  examples
plain        10
été          10
ねこ         10'
wants 'names over columns' "$(grep -A 1 '^confusion' "$work/table" |
  sed -n 2p)" '        plain     été    ねこ'

wants 'what comes first, and no files' "$(./hubtune --completion fish |
  grep 'list clear verify')" "complete -c hubtune -f -n \
'__fish_seen_subcommand_from cache; and not \
__fish_seen_subcommand_from list clear verify' -a 'list clear verify'"

[ "$failures" -eq 0 ] && echo "$checks checks"
