#!/bin/sh
# Several modules trained as one, as a user does it. In the build folder.
set -u
. "${srcdir:-..}/tests/cli/checks.sh"

# Two modules of texts with variables, functions and files of the same names;
# which of four labels an example has takes both of its texts to tell.
for name in warm loud; do
  printf 'sunny 1 0 0\nrainy 0 1 0\nday 0 0 1\n' > "$work/$name.txt"
  [ $name = warm ] || printf 'bell 3 2 1\n' >> "$work/$name.txt"
  must ./hubtune new text-embedding "$work/$name" --oov 1 -q \
    --embeddings "$work/$name.txt"
done
i=0
echo title,body,label > "$work/data.csv"
while [ $i -lt 80 ]; do
  title=$([ $((i % 2)) = 0 ] && echo sunny || echo rainy)
  body=$([ $((i / 2 % 2)) = 0 ] && echo day || echo bell)
  echo "$title w$((i % 7)),$body,$title-$body" >> "$work/data.csv"
  i=$((i + 1))
done

train() {
  run=$1
  shift
  ./hubtune train --module "$work/warm" --module noise="$work/loud" \
    --data "$work/data.csv" --input warm.sentences=title \
    --input noise/sentences=body --out "$work/$run" --trainable --lr 0.05 \
    --module-lr 0.05 --batch 8 -q "$@"
}

must train run --epochs 15
wants accuracy "$(./hubtune eval "$work/run" "$work/data.csv" |
  awk '/^accuracy/ {print $2}')" 1.000000

# In two parts, to the same bits.
must train parts --epochs 15 --steps 70
must train parts --epochs 15 --steps 150 --resume
for part in run parts; do
  must ./hubtune export "$work/$part" "$work/$part.model"
done
cmp "$work/run.model/variables/variables.data-00000-of-00001" \
  "$work/parts.model/variables/variables.data-00000-of-00001" ||
  failures=$((failures + 1))

# Both formats answer as the run does.
echo '{"title": "sunny w1", "body": "bell"}' > "$work/one.jsonl"
wanted=$(./hubtune predict "$work/run" "$work/one.jsonl")
wants answer "${wanted%% *}" sunny-bell
must ./hubtune export "$work/run" "$work/hub1.model" --format hub1
for model in run hub1; do
  found=$(./hubtune embed "$work/$model.model" "$work/one.jsonl" \
    --signature serving_default --output scores \
    --input warm_sentences=title --input noise_sentences=body --outputs - |
    tr -c '0-9.e\n-' '\n' | sort -g | tail -1)
  wants "the score of $model.model" "$(printf %.5f "$found")" \
    "$(printf %.5f "${wanted##* }")"
done
wants assets "$(ls "$work/run.model/assets" | wc -l | tr -d ' ')" 2

# The tuned modules by themselves.
must ./hubtune export "$work/run" "$work/tuned" --what module
for name in warm noise; do
  must ./hubtune run "$work/tuned/$name" --input sentences=day
done

says 'one name twice' "two parts of the model are named 'warm'" ./hubtune \
  train --module "$work/warm" --module "$work/warm" --data "$work/data.csv" \
  --out "$work/no"
says 'an input of nobody' "no input 'hot.sentences'" train no \
  --input hot.sentences=title
says 'a missing module' 'nosuch' ./hubtune train --module "$work/warm" \
  --module nosuch --data "$work/data.csv" --out "$work/no"
says 'a missing column' "say --input warm/sentences=COLUMN" ./hubtune train \
  --module "$work/warm" --module noise="$work/loud" --data "$work/data.csv" \
  --out "$work/no"
[ ! -e "$work/no" ] || failures=$((failures + 1))

exit $((failures > 0))
