#!/bin/sh
# One module applied more than once with one set of weights, and one feeding
# another, as a user does it. In the build folder.
set -u
. "${srcdir:-..}/tests/cli/checks.sh"
models=${srcdir:-..}/tests/models

printf 'sunny 1 0 0 1 2\nrainy 0 1 0 2 -1\nday 0 0 1 3 1\nbell 3 2 1 4 0\n' \
  > "$work/words.txt"
must ./hubtune new text-embedding "$work/words" --oov 1 -q \
  --embeddings "$work/words.txt"
i=0
echo title,body,label > "$work/data.csv"
while [ $i -lt 80 ]; do
  title=$([ $((i % 2)) = 0 ] && echo sunny || echo rainy)
  body=$([ $((i / 2 % 2)) = 0 ] && echo day || echo bell)
  echo "$title w$((i % 7)),$body,$title-$body" >> "$work/data.csv"
  i=$((i + 1))
done

variables() {
  ./hubtune inspect "$1" | sed -n 's/^Variables: \([0-9]*\),.*/\1/p'
}

# ---- two columns through one module

train() {
  run=$1
  shift
  ./hubtune train --module title="$work/words" --apply body=title \
    --data "$work/data.csv" --input title.sentences=title \
    --input body/sentences=body --out "$work/$run" --trainable --lr 0.05 \
    --module-lr 0.05 --batch 8 -q "$@"
}

must train run --epochs 15
wants accuracy "$(./hubtune eval "$work/run" "$work/data.csv" |
  awk '/^accuracy/ {print $2}')" 1.000000
wants 'variables: a table, a kernel, a bias' "$(variables "$work/run/model")" 3
wants assets "$(ls "$work/run/model/assets" | wc -l | tr -d ' ')" 1

# In two parts, to the same bits.
must train parts --epochs 15 --steps 70
must train parts --epochs 15 --steps 150 --resume
cmp "$work/run/model/variables/variables.data-00000-of-00001" \
  "$work/parts/model/variables/variables.data-00000-of-00001" ||
  failures=$((failures + 1))

# Both formats answer as the run does.
echo '{"title": "sunny w1", "body": "bell"}' > "$work/one.jsonl"
wanted=$(./hubtune predict "$work/run" "$work/one.jsonl")
wants answer "${wanted%% *}" sunny-bell
for format in savedmodel hub1; do
  must ./hubtune export "$work/run" "$work/$format" --format $format
  found=$(./hubtune embed "$work/$format" "$work/one.jsonl" \
    --signature serving_default --output scores \
    --input title_sentences=title --input body_sentences=body --outputs - |
    tr -c '0-9.e\n-' '\n' | sort -g | tail -1)
  wants "the score of $format" "$(printf %.5f "$found")" \
    "$(printf %.5f "${wanted##* }")"
done

# One module was tuned: it is what comes out, with its own interface.
must ./hubtune export "$work/run" "$work/tuned" --what module
must ./hubtune run "$work/tuned" --input sentences=day
must ./hubtune train --init-from "$work/run" --data "$work/data.csv" \
  --input title.sentences=title --input body.sentences=body --epochs 1 \
  --out "$work/next" -q

# ---- one feeding another

M="--module title=$work/words --apply body=title \
  --module a=$models/hub1_train --apply b=a --connect a.x=title \
  --connect b.x=body --argument a.rate=0.1 --argument b.rate=0.1"
fed() {
  run=$1
  shift
  # shellcheck disable=SC2086
  ./hubtune train $M --data "$work/data.csv" --input title.sentences=title \
    --input body/sentences=body --out "$work/$run" --batch 8 --epochs 2 -q "$@"
}
must fed fed --trainable
wants 'variables of both modules and the head' \
  "$(variables "$work/fed/model")" 10
must ./hubtune export "$work/fed" "$work/fed.modules" --what module
wants modules "$(ls "$work/fed.modules" | tr '\n' ' ')" 'a title '
must fed frozen
must ./hubtune export "$work/frozen" "$work/frozen.modules" --what module
answer() {
  ./hubtune run "$1" --input sentences='sunny day'
}
wants 'a frozen module' "$(answer "$work/frozen.modules/title")" \
  "$(answer "$work/words")"
[ "$(answer "$work/fed.modules/title")" != "$(answer "$work/words")" ] ||
  wants 'a module that trains behind another' 'its first weights' 'others'
must fed both --output title.outputs,b.default
wants 'what feeds another and the head' "$(./hubtune inspect "$work/both/model" |
  sed -n 's/.*float *\[\([0-9]*\), 4\].*head\/dense\/kernel/\1/p')" 9

# Names alone connect what is called alike, as a preprocessor does.
{
  echo text,label
  i=0
  while [ $i -lt 40 ]; do
    echo "good film w$((i % 5)),$((i % 2))"
    i=$((i + 1))
  done
} > "$work/text.csv"
train_pair() {
  run=$1
  shift
  ./hubtune train "$@" --data "$work/text.csv" --out "$work/$run" --batch 8 \
    --trainable --epochs 2 -q
}
must train_pair behind --preprocess "$models/pair/preprocess" \
  --module "$models/pair/encoder"
must train_pair connected --module ids="$models/pair/preprocess" \
  --module "$models/pair/encoder" --connect encoder=ids
wants 'the loss of the last epoch' "$(grep epoch "$work/connected/log.jsonl" |
  sed 's/.*"loss":\([^,]*\).*/\1/' | tail -1)" \
  "$(grep epoch "$work/behind/log.jsonl" |
    sed 's/.*"loss":\([^,]*\).*/\1/' | tail -1)"

# ---- what is wrong is told

says 'no name' "'--apply' wants NAME=MODULE, not 'body'" train no --apply body
says 'no such module' "no module 'nosuch'" train no --apply more=nosuch
says 'one name twice' "two parts of the model are named 'body'" train no \
  --apply body=title
says 'the same handle twice' "--apply NAME=words one with the same weights" \
  ./hubtune train --module "$work/words" --module "$work/words" \
  --data "$work/data.csv" --out "$work/no"
says 'no connection' "wants NAME.INPUT=NAME.OUTPUT, not 'body'" train no \
  --connect body
says 'from nobody' "--connect 'body=nosuch': no module 'nosuch'" train no \
  --connect body=nosuch
says 'another type' "is float \[?,5\], input 'sentences' takes string \[?\]" \
  train no --connect body=title
says 'no such input' "no input 'x': there are 'sentences'" train no \
  --connect body.x=title
says 'no such output' "no output 'y': there are 'outputs'" train no \
  --connect body.sentences=title.y
says 'a ring' "its answer would feed itself" train no --connect \
  title.sentences=body --connect body.sentences=title
says 'an input twice' "'a.x=title' feeds input 'x', too" fed no \
  --connect a.x=body
says 'one alone' "there is one module" ./hubtune train --module \
  a="$work/words" --connect a=a --data "$work/data.csv" --out "$work/no"
[ ! -e "$work/no" ] || failures=$((failures + 1))

exit $((failures > 0))
