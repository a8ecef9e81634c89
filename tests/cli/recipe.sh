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

{ cat "$data"; echo 'a film,'; } > "$work/unlabelled.csv"
decided --data "$work/unlabelled.csv" > "$work/log"
wants 'a label that is missing is told' "$(sed -n 's/^data: //p' \
  "$work/notes")" "'text' feeds 'sentences', 'label' is the label: one of 3 \
classes, of which the empty text is one"

# Few photos: changed much, and none held back. The file is one grey pixel.
photo='\211\120\116\107\015\012\032\012\000\000\000\015\111\110\104\122'\
'\000\000\000\001\000\000\000\001\010\000\000\000\000\072\176\233'\
'\125\000\000\000\012\111\104\101\124\170\234\143\140\000\000\000'\
'\002\000\001\110\257\244\161\000\000\000\000\111\105\116\104\256'\
'\102\140\202'
mkdir -p "$work/photos/a" "$work/photos/b"
i=0
# shellcheck disable=SC2059
while [ $i -lt 30 ]; do
  printf "$photo" > "$work/photos/a/$i.png"
  printf "$photo" > "$work/photos/b/$i.png"
  i=$((i + 1))
done
wants 'few photos' "$(./hubtune train --print-config \
  --module "${srcdir:-..}/tests/models/images" --data "$work/photos" \
  2> "$work/notes" | grep -c -e '"augment":"crop,zoom,rotation,color"' \
  -e '"valid-split":0,' -e '"lr":0.001,' -e '"epochs":50,')" 4
wants 'none is held back' "$(grep -c 'too few images' "$work/notes")" 1

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
