#!/bin/sh
# A module behind another that prepares its inputs, as a user joins them. The
# numbers are TensorFlow's (tests/interop/make_pair.py). In the build folder.
set -u
. "${srcdir:-..}/tests/cli/checks.sh"
pair=${srcdir:-..}/tests/models/pair
export XDG_CACHE_HOME="$work/cache"

# says WHAT TEXT COMMAND...
says() {
  what=$1 text=$2
  shift 2
  if "$@" > "$work/log" 2>&1 || ! grep -q -- "$text" "$work/log" ||
    [ "$(wc -l < "$work/log")" -ne 1 ]; then
    fails "$what" "  wanted: $text" "  found:  $(cat "$work/log")"
  fi
}

numbers() {
  grep -v float | tr -c '0-9.e\n-' ' ' | awk '{for (i = 1; i <= NF; i++)
    printf "%s%.5f", (n++ ? " " : ""), $i}'
}

behind() {
  ./hubtune run "$pair/encoder" --preprocess "$pair/preprocess" "$@"
}

wants 'one call' "$(behind --input 'text=good film' | numbers)" \
  '0.74876 0.47450 0.70595'
wants 'a variant' "$(behind --call __call__ --training \
  --input 'text=good film' | numbers)" '1.49752 0.94900 1.41191'
wants 'names of BERT of TensorFlow 1' "$(behind --signature tokens \
  --input 'text=good film' | numbers)" '0.74876 0.47450 0.70595'
must behind --input 'text=good film' --gradients "$work/g.npz"
grep -aq kernel "$work/g.npz" || fails 'no gradient of the kernel'
grep -aq seen "$work/g.npz" && fails 'the preprocessor has a gradient'

# Which answer is right, the first word alone tells.
i=0
echo text,label > "$work/data.csv"
while [ $i -lt 60 ]; do
  word=$([ $((i % 2)) = 0 ] && echo good || echo bad)
  echo "$word $([ $((i / 2 % 2)) = 0 ] && echo film || echo book)" \
    "w$((i % 7)),$word" >> "$work/data.csv"
  i=$((i + 1))
done
must ./hubtune embed "$pair/encoder" --preprocess "$pair/preprocess" \
  "$work/data.csv" --text text --outputs "$work/rows.csv"
wants 'rows' "$(($(wc -l < "$work/rows.csv") - 1))" 60

train() {
  run=$1
  shift
  ./hubtune train --preprocess "$pair/preprocess" --module "$pair/encoder" \
    --data "$work/data.csv" --out "$work/$run" --lr 0.05 --batch 8 -q "$@"
}

must train frozen --epochs 30
for run in run parts; do
  must train $run --trainable --module-lr 0.05 --epochs 12 \
    --steps $([ $run = parts ] && echo 41 || echo 96)
done
must ./hubtune train --config "$work/parts/config.json" --out "$work/parts" \
  --steps 96 --resume -q
for run in frozen run parts; do
  wants "accuracy of $run" "$(./hubtune eval "$work/$run" "$work/data.csv" |
    awk '/^accuracy/ {print $2}')" 1.000000
  must ./hubtune export "$work/$run" "$work/$run.model"
done
cmp "$work/run.model/variables/variables.data-00000-of-00001" \
  "$work/parts.model/variables/variables.data-00000-of-00001" ||
  fails 'it goes on to other weights'

# Both formats take raw text and answer as the run does.
wanted=$(echo 'bad book' | ./hubtune predict "$work/run" -)
wants answer "${wanted%% *}" bad
must ./hubtune export "$work/run" "$work/hub1.model" --format hub1
for model in run hub1; do
  found=$(./hubtune run "$work/$model.model" --signature serving_default \
    --input 'text=bad book' | grep -A1 '^scores' | numbers | tr ' ' '\n' |
    sort -g | tail -1)
  wants "the score of $model.model" "$found" "$(printf %.5f "${wanted##* }")"
  cmp "$pair/preprocess/assets/words.txt" \
    "$work/$model.model/assets/words.txt" || failures=$((failures + 1))
done

# The tuned module alone has its own interface, and is behind it again.
must ./hubtune export "$work/run" "$work/tuned" --what module
wants 'its signatures' "$(./hubtune inspect "$work/tuned" | grep -c input_mask
  )" "$(./hubtune inspect "$pair/encoder" | grep -c input_mask)"
must ./hubtune run "$work/tuned" --preprocess "$pair/preprocess" \
  --input text=good

# Beside another module; its name says whose preprocessor it is.
must ./hubtune train --module text="$pair/encoder" --module "$pair/encoder" \
  --preprocess text="$pair/preprocess" --preprocess encoder="$pair/preprocess" \
  --data "$work/data.csv" --input text.text=text --input encoder.text=text \
  --out "$work/two" --trainable --epochs 1 -q
must ./hubtune predict "$work/two" "$work/data.csv"
must ./hubtune export "$work/two" "$work/both" --what module
wants modules "$(ls "$work/both" | tr '\n' ' ')" 'encoder text '

says 'other types' "'input_word_ids' int64 \[?,?\], its preprocessor gives" \
  behind --signature wide --input text=a
says 'other sizes' "'input_mask' int32 \[?,3\].*'input_mask' int32 \[?,5\]" \
  behind --signature short --input text=a
says 'other names' "nothing for input 'kinds'" \
  behind --signature renamed --input text=a
says 'the other way round' "nothing for input 'text': the module takes" \
  ./hubtune train --module "$pair/preprocess" --preprocess "$pair/encoder" \
  --data "$work/data.csv" --out "$work/no"
says 'no module' 'no such' ./hubtune train --module "$pair/encoder" \
  --preprocess nosuch --data "$work/data.csv" --out "$work/no"
says 'a name of nobody' "no module 'x'" ./hubtune train --module \
  "$pair/encoder" --preprocess x="$pair/preprocess" --data "$work/data.csv" \
  --out "$work/no"
says 'whose it is' 'say --preprocess NAME=' ./hubtune train --module \
  "$pair/encoder" --module b="$pair/encoder" --preprocess "$pair/preprocess" \
  --data "$work/data.csv" --out "$work/no"
says 'two for one' 'its module has one already' train no \
  --preprocess "$pair/preprocess"
[ ! -e "$work/no" ] || fails 'a refused training leaves a folder'

exit $((failures > 0))
