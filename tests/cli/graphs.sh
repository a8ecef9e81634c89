#!/bin/sh
# A module with graphs of several tags, as a user has it: each is run, trained
# and written again; and several who write to one place. In the build folder.
set -u
. "${srcdir:-..}/tests/cli/checks.sh"

tests/interop_author graphs "$work/m" || exit 1

# answer MODULE TAGS [OPTION...]: the last number that it prints.
answer() {
  module=$1 tags=$2
  shift 2
  ./hubtune run "$module" --tags "$tags" "$@" > "$work/said" &&
    tr -d '[]' < "$work/said" | awk 'NF { last = $NF } END { print last + 0 }'
}

wants 'no tags' "$(answer "$work/m" '' --input x=1,2)" 2
wants 'train' "$(answer "$work/m" train --input x=1,2)" 4
wants 'two tags' "$(answer "$work/m" gpu,big --input x=1,2)" 6
wants 'in another order' "$(answer "$work/m" big,gpu --input x=1,2)" 6
wants 'one of two' "$(answer "$work/m" gpu --input x=1,2 2>&1)" \
  "hubtune: no graph with tags 'gpu': there are '', 'train', 'gpu,big'"

# Steps on the graph of two tags: its updates run, all graphs have its weight.
i=0
while [ $i -lt 20 ]; do
  i=$((i + 1))
  echo "{\"x\": [$i, 1], \"label\": $((i * 2))}"
done > "$work/data.jsonl"
./hubtune train --module "$work/m" --tags big,gpu --data "$work/data.jsonl" \
  --input x=x --label label --task regress --trainable --epochs 1 --batch 5 \
  --out "$work/run" -q || failures=$((failures + 1))
# In its own format without a word: no other has room for the graphs.
./hubtune export "$work/run" "$work/tuned" --what module -q ||
  failures=$((failures + 1))
for tags in big,gpu train; do # each step added its weight, about 1
  wants 'four updates ran' "$(answer "$work/tuned" $tags --signature calls |
    awk '{ printf "%.0f", $1 }')" 4
done
one=$(answer "$work/tuned" '' --input x=1,2)
wants 'a weight that moved' "$([ "$one" != 2 ] && echo yes)" yes
wants 'in every graph' "$(answer "$work/tuned" big,gpu --input x=1,2 |
  awk -v one="$one" '{ d = $1 - 3 * one; print d * d < 1e-10 }')" 1
wants 'messages' "$(./hubtune inspect "$work/tuned" --tags gpu,big |
  grep -c '^  graph  [0-9]* B$')" 1
wants 'the answers of the run' "$(./hubtune eval "$work/run" \
  "$work/data.jsonl" | grep -c '^mse ')" 1

# What a module says of itself: messages, images, variables in parts.
models=${srcdir:-..}/tests/models
wants 'a message' "$(./hubtune inspect "$models/behaviours/functions" --json \
  --tags train | tr -d ' \n' | grep -o '"key":"training","base64":"[^"]*"')" \
  '"key":"training","base64":"CgED"'
wants 'parts' "$(./hubtune inspect "$models/behaviours/functions" |
  sed -n 's/^ *in \([0-9]*\) parts$/\1/p' | tr '\n' ' ')" '3 25 3 '
wants 'images' "$(./hubtune inspect "$models/images" | grep ^Images)" \
  'Images: 12 x 10, 3 channels'

# A tensor within a function, by its path or the end of it.
printf '{"x":[1,2]}\n{"x":[-3,0.5]}\n' > "$work/x.jsonl"
within() {
  ./hubtune embed "$models/keras3" "$work/x.jsonl" -q --input x=x \
    --output "$1" --outputs - 2>&1 | sed 's/{.*: //'
}
for name in Add dense_1/Add sequential_1/dense_1/Add:0; do
  wants "tensor $name" "$(within "$name")" "$(within output_0)"
done
wants 'another tensor' "$(within MatMul)" "$(within dense_1/MatMul:0)"
wants 'a part of a name' "$(within e_1/Add)" "hubtune: 'serving_default': no\
 output 'e_1/Add': there are 'output_0'"
wants 'one of several' "$(./hubtune embed "$models/images" "$work/x.jsonl" \
  --output Conv2D --outputs - 2>&1)" "hubtune: tensor 'Conv2D' may be\
 'sequential/first/Conv2D' or 'sequential/last/Conv2D'"

# Several at once into one folder: one writes it, the others say so, and
# nothing is left of theirs.
round=0
while [ $round -lt 5 ]; do
  round=$((round + 1))
  pids=
  for k in 1 2 3; do
    ./hubtune export "$work/run" "$work/one$round" --what module --format hub1 -q \
      2> "$work/err.$k" &
    pids="$pids $!"
  done
  written=0
  for pid in $pids; do wait "$pid" && written=$((written + 1)); done
  wants 'one of three' "$written" 1
  wants 'the others' "$(cat "$work"/err.* | sort -u)" \
    "hubtune: '$work/one$round' exists already: remove it or name another"
  wants 'a whole module' "$(answer "$work/one$round" '' --input x=1,2)" "$one"
  wants 'nothing is left' "$(ls "$work" | grep -c tmp)" 0
done
[ "$failures" -eq 0 ]
