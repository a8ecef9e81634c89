#!/bin/sh
# Runs the examples on modules made here and in tests/models, and looks at what
# they say. In the build folder; srcdir says where the sources are.
set -eu
src=${srcdir:-..}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

fail() {
  echo "examples: $1" >&2
  cat "$tmp/out" >&2
  exit 1
}

# Texts of two kinds, and a module that knows their words.
{
  echo text,label
  i=0
  while [ $i -lt 60 ]; do
    echo "calm warm sunny day w$((i % 7)),good"
    echo "dark cold rainy night w$((i % 7)),bad"
    i=$((i + 1))
  done
} >"$tmp/texts.csv"
./hubtune new text-embedding "$tmp/module" --from-text "$tmp/texts.csv" \
  --dim 8 --oov 2 --trainable -q >"$tmp/out" 2>&1 || fail "no module was made"

examples/feature_extractor "$tmp/module" "$tmp/texts.csv" "$tmp/run" \
  >"$tmp/out" 2>&1 || fail "feature_extractor failed"
grep -q '^accuracy 1.0000' "$tmp/out" || fail "the layers learnt nothing"

examples/fine_tune "$tmp/module" "$tmp/texts.csv" "$tmp/tuned_run" \
  "$tmp/tuned" >"$tmp/out" 2>&1 || fail "fine_tune failed"
grep -q '^accuracy 1.0000' "$tmp/out" || fail "fine-tuning learnt nothing"
grep -q 'changed by up to 0\.[0-9]*[1-9]' "$tmp/out" ||
  fail "the module did not change"

# 0 turns of the loop give back its input; 3 turns have gradients.
examples/signature "$src/tests/models/loops" power_0 n=0 x=1,2,3 \
  >"$tmp/out" 2>&1 || fail "signature failed"
grep -q 'output h' "$tmp/out" && grep -q '1.*2.*3' "$tmp/out" ||
  fail "signature's outputs are wrong"
examples/signature "$src/tests/models/loops" power_3 n=3 x=1,2,3 --gradients \
  >"$tmp/out" 2>&1 || fail "signature has no gradients"
grep -q 'gradient w' "$tmp/out" || fail "the gradient of 'w' is missing"
