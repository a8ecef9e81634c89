#!/bin/sh
# Runs the examples on modules made here and in tests/models, and looks at what
# they say. In the build folder; srcdir says where the sources are. With a
# folder as argument, what they write stays there.
set -eu
src=${srcdir:-..}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
keep=${1:-$tmp}
mkdir -p "$keep"

fail() {
  echo "examples: $1" >&2
  cat "$tmp/out" >&2
  exit 1
}

# run WHAT PROGRAM ARGUMENT...: its output in $tmp/out.
run() {
  what=$1
  shift
  "$@" >"$tmp/out" 2>&1 || fail "$what"
}

says() {
  grep -q -- "$1" "$tmp/out" || fail "$2"
}

# Texts of two kinds, and a module that knows their words.
{
  echo text,label
  i=0
  while [ $i -lt 60 ]; do
    echo "calm warm sunny day w$((i % 7)),1"
    echo "dark cold rainy night w$((i % 7)),0"
    i=$((i + 1))
  done
} >"$tmp/texts.csv"
run "no module was made" ./hubtune new text-embedding "$keep/text" \
  --from-text "$tmp/texts.csv" --dim 8 --oov 2 --trainable -q

run "feature_extractor failed" examples/feature_extractor "$keep/text" \
  "$tmp/texts.csv" "$keep/extractor"
says '^accuracy 1.0000' "the layers learnt nothing"
run "what feature_extractor wrote does not run" ./hubtune run \
  "$keep/extractor" --input 'text="calm sunny day"'

run "fine_tune failed" examples/fine_tune "$keep/text" "$tmp/texts.csv" \
  "$keep/tuned"
says 'changed by up to 0\.[0-9]*[1-9]' "the module did not change"
says '^20 epochs  loss 0\.0' "it did not go on from its checkpoint"

run "layer failed" examples/layer "$keep/text" "$tmp/texts.csv" "$keep/layer"
says '^0 of 1 weights of the module train: loss 0\.' "the layer is not frozen"
says '^1 of 1 weights of the module train: loss 0\.0' "the thawed one is no better"
sed -n 's/^config: //p' "$tmp/out" >"$keep/layer.json"

run "train failed" examples/train "$keep/text" "$tmp/texts.csv" "$tmp/run" \
  "$tmp/trained"
says '^accuracy 1.0000' "the settings led to nothing"
says 'changed by up to 0\.[0-9]*[1-9]' "the module did not change"

run "author failed" examples/author "$keep/numbers"
says '^loss 0\.[01]' "the module of numbers learnt nothing"
run "the module of numbers cannot be inspected" \
  ./hubtune inspect "$keep/numbers"
says '{train}' "the module of numbers has one graph"
says 'Regularization losses: 1' "it has no regularization loss"
says 'note' "it has no attached message"

run "consumer failed" examples/consumer "$keep/numbers" "$keep/consumed"
says '^loss 0\.[0-4]' "the consumer learnt nothing"
says '^before: regularization 0\.0[0-9]*[1-9]' "it has no regularization losses"
[ "$(sed -n 's/^before: //p' "$tmp/out")" != \
  "$(sed -n 's/^after: //p' "$tmp/out")" ] || fail "its losses stay as they are"
run "the consumer's module cannot be inspected" \
  ./hubtune inspect "$keep/consumed"
says '{train}' "the consumer's module has one graph"
says 'note' "the consumer's module lost its message"

run "convnet failed" examples/convnet "$keep/convnet" 20 12 1
run "convnet's module cannot be planned" ./hubtune inspect "$keep/convnet" \
  --plan --batch 4
says 'Conv2D+Relu' "convnet's convolutions are not fused"
says 'a step  *[0-9]' "its memory is not foreseen"

# The numbers decide where the texts do not.
i=0
while [ $i -lt 60 ]; do
  word=$([ $((i % 2)) = 0 ] && echo sunny || echo rainy)
  echo "{\"title\": \"$word\", \"body\": \"day w$((i % 7))\"," \
    "\"x\": [$((i % 3 - 1)).5, 0.5, -0.5, 1.0], \"label\": $((i % 3 > 0))}"
  i=$((i + 1))
done >"$tmp/joined.jsonl"
for format in savedmodel hub1; do
  [ $format = hub1 ] && more=hub1 || more=
  run "join failed" examples/join "$keep/text" "$keep/numbers" \
    "$tmp/joined.jsonl" "$keep/joined.$format" $more
  says '^loss 0\.[0-3]' "the joined model learnt nothing"
  run "what join wrote does not run" ./hubtune run "$keep/joined.$format" \
    --input 'title="sunny"' --input 'body="day"' --input x=1,2,3,4
done

# 0 turns of the loop give back its input; 3 turns have gradients.
run "signature failed" examples/signature "$src/tests/models/loops" power_0 \
  n=0 x=1,2,3
says 'output h' "signature's outputs are wrong"
says '1.*2.*3' "signature's outputs are wrong"
run "signature has no gradients" examples/signature \
  "$src/tests/models/loops" power_3 n=3 x=1,2,3 --gradients
says 'gradient w' "the gradient of 'w' is missing"

# A dark image of 12 x 10 pixels: headers of 54 bytes, then zeros.
{
  printf 'BM\200\1\0\0\0\0\0\0\66\0\0\0\50\0\0\0\12\0\0\0\14\0\0\0'
  printf '\1\0\30\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
  head -c 384 /dev/zero
} >"$tmp/dark.bmp"
printf 'night\nday\n' >"$tmp/labels.txt"
examples/classify_image "$src/tests/models/images" "$tmp/dark.bmp" \
  "$tmp/labels.txt" >"$tmp/out" 2>&1 || fail "classify_image failed"
grep -q '^6 logits' "$tmp/out" || fail "classify_image has no logits"
[ "$(wc -l <"$tmp/out")" = 6 ] || fail "classify_image has not five classes"
