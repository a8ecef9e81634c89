#!/bin/sh
# How a training goes of which nothing was said, and that anything said leaves
# the documented defaults. In the build folder.
set -u
. "${srcdir:-..}/tests/cli/checks.sh"
XDG_CACHE_HOME=$work/cache
export XDG_CACHE_HOME

data=$work/data.csv
{
  echo text,label
  i=0
  while [ $i -lt 40 ]; do
    echo "good film number $i,pos"
    echo "sad film number $i,neg"
    i=$((i + 1))
  done
} > "$data"
head -n 41 "$data" > "$work/few.csv"
./hubtune new text-embedding "$work/module" --from-text "$data" --text text \
  --dim 8 -q || exit 1

# What is decided, in short.
decided() {
  ./hubtune train --module "$work/module" --print-config "$@" \
    2> "$work/notes" | sed -n 's/^ *"\(trainable\|lr\|module-lr\|optimizer\|'\
'epochs\|patience\|valid-split\)":"\{0,1\}\([^",]*\)"\{0,1\},\{0,1\}$/\1=\2/p' |
    tr '\n' ' '
}
plain='valid-split=0 trainable=false optimizer=adam lr=0.001 module-lr=0.0001 '\
'epochs=10 patience=0 '

wants 'nothing said' "$(decided --data "$data")" \
  'valid-split=0.1 trainable=true optimizer=adamw lr=0.003 module-lr=0.001 '\
'epochs=100 patience=0 '
wants 'it is told' "$(grep -c '^nothing was said' "$work/notes")" 1
wants 'what is trained on is not how' \
  "$(decided --data "$data" --text text --label label --seed 7)" \
  "$(decided --data "$data")"
wants 'frozen' "$(decided --data "$data" --frozen)" "$plain"
wants 'nothing is told' "$(grep -c '^nothing was said' "$work/notes")" 0
wants 'a batch' "$(decided --data "$data" --batch 32)" "$plain"
wants 'few examples' "$(decided --data "$work/few.csv")" "$plain"

train() {
  ./hubtune train --module "$work/module" --data "$data" --out "$@" -q ||
    failures=$((failures + 1))
}
train "$work/run"
train "$work/same" --seed 0
wants 'the same weights' \
  "$(sha256sum < "$work/run/model/variables/variables.data-00000-of-00001")" \
  "$(sha256sum < "$work/same/model/variables/variables.data-00000-of-00001")"
train "$work/run" --resume
./hubtune eval "$work/run" "$data" -q > "$work/eval" || failures=1
wants 'it has learnt' "$(awk '/^accuracy/ { print ($2 > 0.9) }' \
  "$work/eval")" 1
wants 'a table of epochs' "$(head -n 1 "$work/run/log.csv")" \
  'epoch,step,loss,seconds,examples_per_s,valid_loss,accuracy,top_5,'\
'precision,recall,f1'
wants 'a row for each' "$(grep -c '^{"epoch"' "$work/run/log.jsonl")" \
  "$(($(wc -l < "$work/run/log.csv") - 1))"

[ $failures -eq 0 ]
