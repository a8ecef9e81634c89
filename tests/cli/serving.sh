#!/bin/sh
# What a trained model carries for those who serve it: signatures, requests
# that warm it up, a card, the module's licence. In the build folder.
set -u
. "${srcdir:-..}/tests/cli/checks.sh"
XDG_CACHE_HOME=$work/cache
export XDG_CACHE_HOME

hubtune() {
  ./hubtune "$@" -q || failures=$((failures + 1))
}

data=$work/data.csv
{
  echo text,label,stars
  for i in 1 2 3 4 5 6; do
    echo "good film,pos,4.$i"
    echo "sad film,neg,1.$i"
  done
} > "$data"
hubtune new text-embedding "$work/module" --from-text "$data" --text text
echo 'Licence of the module' > "$work/module/LICENSE.txt"

# A signature's line of names and methods.
methods() {
  ./hubtune inspect "$1" | sed -n 's|^  \([a-z_]*\)  \[\(.*\)\]|\1=\2|p' |
    tr '\n' ' '
}

run=$work/run
hubtune train --module "$work/module" --data "$data" --out "$run" --text text \
  --label label --epochs 3 --valid-split 0.3
model=$run/model
wants 'signatures' "$(methods "$model")" 'classify=tensorflow/serving/classify '\
'serving_default=tensorflow/serving/predict '

# {features: {sentences: "good film"}} as tf.Example.
example=$(printf '\n\034\n\032\n\tsentences\022\r\n\013\n\tgood film')
wants 'an example is classified as its text' \
  "$(./hubtune run "$model" --signature classify --input inputs="$example")" \
  "$(./hubtune run "$model" --signature serving_default \
    --input sentences='good film')"
other=$(printf '%s' "$example" | sed s/sentences/sentencex/)
./hubtune run "$model" --signature classify --input inputs="$other" \
  2> "$work/error" && failures=$((failures + 1))
wants 'an example without the feature' \
  "$(grep -c "sentences" "$work/error") $(wc -l < "$work/error")" '1 1'

extra=$model/assets.extra
wants 'files' "$(ls "$extra" | tr '\n' ' ')" \
  'LICENSE.txt labels.txt model_card.md tf_serving_warmup_requests '
wants 'a request of each signature' "$(tr -c 'a-z_ ' '\n' < \
  "$extra/tf_serving_warmup_requests" | grep -x 'classify\|serving_default' |
  tr '\n' ' ')" 'serving_default classify '
wants 'no data in them' \
  "$(grep -c 'good\|film' "$extra/tf_serving_warmup_requests")" 0

# has WHAT PATTERN FILE
has() {
  grep -qF -- "$2" "$3" && return
  echo "$1: no '$2' in $3"
  failures=$((failures + 1))
}
digest=$(sha256sum < "$data" | cut -d' ' -f1)
module=$(cd "$work/module" && find -L . -type f | LC_ALL=C sort |
  xargs sha256sum | sha256sum | cut -d' ' -f1)
for page in "$run/model_card.md" "$extra/model_card.md" "$run/report.html"; do
  has 'digest of the data' "$digest" "$page"
  has 'digest of the module' "$module" "$page"
done
has 'licence' '`LICENSE.txt`' "$extra/model_card.md"
has 'metrics' '| accuracy | ' "$extra/model_card.md"
has 'settings' '"valid-split":0.3' "$extra/model_card.md"

hubtune export "$run" "$work/hub1" --format hub1
wants 'files of the TF1 Hub format' \
  "$(ls "$work/hub1/assets.extra" | tr '\n' ' ')" \
  'LICENSE.txt labels.txt model_card.md '

hubtune train --module "$work/module" --data "$data" --out "$work/stars" \
  --text text --label stars --epochs 2
wants 'signatures of numbers' "$(methods "$work/stars/model")" \
  'regress=tensorflow/serving/regress serving_default=tensorflow/serving/'\
'predict '
wants 'an example is regressed on as its text' \
  "$(./hubtune run "$work/stars/model" --signature regress \
    --input inputs="$example")" \
  "$(./hubtune run "$work/stars/model" --signature serving_default \
    --input sentences='good film')"

[ $failures -eq 0 ]
