#!/bin/sh
# Sets hubtune up and shows its main job on a small example: write a text
# embedding module, fine-tune it, look at the result, get it back.
set -eu
cd "$(dirname "$0")"
tools/install.sh tools/packages.txt
tools/build.sh
work=$(mktemp -d "${TMPDIR:-/tmp}/hubtune-demo-XXXXXX")
hubtune=$PWD/build/hubtune
step() {
  printf '\n$ hubtune'
  printf ' %s' "$@"
  printf '\n'
  "$hubtune" "$@"
}
sh examples/demo/make_data.sh "$work"
cd "$work"
step new text-embedding module --from-text train.csv --dim 32 --lowercase --strip-punctuation
step train --module module --data train.csv --valid-split 0.1 --out run \
  --trainable --epochs 5 --lr 0.01 --module-lr 0.01
step eval run test.csv
printf '\n$ echo "my parcel came broken" | hubtune predict run -\n'
echo "my parcel came broken" | "$hubtune" predict run -
step export run tuned --what module
step export run classifier.hub1 --format hub1
step inspect tuned
printf '\nThe demo is done. Everything it made is in %s:\n' "$work"
printf '  module          the module as it was\n'
printf '  tuned           the same module, fine-tuned\n'
printf '  run/model       module and classifier, a SavedModel for TensorFlow\n'
printf '  classifier.hub1 the same in the TF1 Hub format\n'
