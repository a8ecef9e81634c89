#!/bin/sh
# New modules of word vectors, archives, embeddings and lines of standard
# input, as a user has them. In the build folder.
set -u
. "${srcdir:-..}/tests/cli/checks.sh"
XDG_CACHE_HOME=$work/cache
export XDG_CACHE_HOME

# A module's answers, a line each.
embed() {
  module=$1
  shift
  printf '%s\n' "$@" > "$work/texts.txt"
  ./hubtune embed "$module" "$work/texts.txt" --outputs -
}

# Sums of words over the square root of their number; unknown words share a
# bucket, which is drawn in a range that the vectors give: none here.
printf 'cat 1 2\ndog 3 4\nbird 5 6\n' > "$work/words.txt"
./hubtune new text-embedding "$work/words" --embeddings "$work/words.txt" \
  --oov 0 -q || failures=$((failures + 1))
wants 'one word' "$(embed "$work/words" cat)" '{"outputs": [1, 2]}'
wants 'four words over 2' "$(embed "$work/words" 'cat cat dog dog')" \
  '{"outputs": [4, 6]}'

# The numbers of TensorFlow Hub's own examples/text_embeddings (export_test):
# unknown words count as zeros, punctuation not at all.
cat > "$work/golden.txt" <<'END'
cat 1.11 2.56 3.45
dog 1 2 3
mouse 0.5 0.1 0.6
END
printf '%s\n' '{"text": ""}' '{"text": "cat cat"}' '{"text": "lizard. dog"}' \
  '{"text": "cat? dog"}' '{"text": ""}' > "$work/golden.jsonl"
for format in savedmodel hub1; do
  ./hubtune new text-embedding "$work/$format" --format $format --oov 1 \
    --embeddings "$work/golden.txt" --strip-punctuation -q || failures=1
  ./hubtune embed "$work/$format" "$work/golden.jsonl" -q \
    --outputs "$work/golden.csv" || failures=1
  wants "goldens of $format" "$(awk -F, 'NR > 1 {
      printf "%.2f %.2f %.2f|", $1, $2, $3 }' "$work/golden.csv")" \
    '0.00 0.00 0.00|1.57 3.62 4.88|0.71 1.41 2.12|1.49 3.22 4.56|0.00 0.00 0.00|'
done

# Weights of a checkpoint, under the key of a variable (variables/0 here,
# embeddings there) or under its name.
sed 's/cat .*/cat 9 8 7/' "$work/golden.txt" > "$work/other.txt"
./hubtune new text-embedding "$work/other" --format hub1 -q \
  --embeddings "$work/other.txt" || failures=$((failures + 1))
./hubtune export --module "$work/savedmodel" "$work/by_name" \
  --checkpoint "$work/other/variables/variables" || failures=$((failures + 1))
./hubtune export --module "$work/other" "$work/by_key" --checkpoint \
  "$work/by_name/variables/variables" --map 'embeddings=variables/0' ||
  failures=$((failures + 1))
wants 'by its name' "$(embed "$work/by_name" cat)" '{"outputs": [9, 8, 7]}'
wants 'by its key' "$(embed "$work/by_key" cat)" '{"default": [9, 8, 7]}'

# Archives: with the module or with its folder inside.
tar czf "$work/plain.tar.gz" -C "$work/words" .
tar czf "$work/outer.tar.gz" -C "$work" words
for archive in plain outer; do
  wants "$archive archive" "$(embed "$work/$archive.tar.gz" dog)" \
    '{"outputs": [3, 4]}'
done
wants 'cache list' "$(./hubtune cache list --json | grep -c '"handle"')" 2
wants 'cache clear' "$(./hubtune cache clear; ls "$work/cache/hubtune/modules")" ''

# Archives that are refused, and leave nothing.
ln -s /etc/passwd "$work/link"
mkfifo "$work/pipe"
(cd "$work" && tar czf link.tar.gz link && tar czf pipe.tar.gz pipe &&
  cd words && tar czPf ../out.tar.gz ../words.txt)
head -c 1000 "$work/plain.tar.gz" > "$work/cut.tar.gz"
for archive in "link:member 'link' is a link" \
  "pipe:member 'pipe' is neither a file nor a folder" \
  "out:member '../words.txt' would leave the folder"; do
  name=${archive%%:*}
  wants "$name" "$(./hubtune fetch "$work/$name.tar.gz" 2>&1)" \
    "hubtune: '$work/$name.tar.gz': ${archive#*:}"
done
./hubtune fetch "$work/cut.tar.gz" > "$work/out" 2>&1
wants 'a cut archive' $? 1
wants 'nothing is left' "$(ls "$work/cache/hubtune/modules")" ''

# Every kind of file holds the same numbers, and comes whole or not at all.
for kind in h5 npz csv jsonl; do
  ./hubtune embed "$work/words" "$work/words.txt" --text text \
    --outputs "$work/e.$kind" -q || failures=$((failures + 1))
done
wants 'csv' "$(head -n 1 "$work/e.csv")" 'outputs_0,outputs_1'
wants 'rows' "$(wc -l < "$work/e.jsonl" | tr -d ' ')" 3
for kind in h5 npz; do
  ./hubtune embed "$work/words" "$work/words.txt" --output nope \
    --outputs "$work/x.$kind" -q 2> /dev/null
  wants "no $kind" "$(ls "$work" | grep -c '^x\.')" 0
done

# Lines are answered while the next one is waited for.
{
  echo text,label
  for i in 1 2 3 4 5 6 7 8; do echo 'cat cat,pet'; echo 'bird,wild'; done
} > "$work/data.csv"
./hubtune train --module "$work/words" --data "$work/data.csv" --epochs 30 \
  --lr 0.2 --tensorboard --out "$work/run" --test "$work/data.csv" -q || failures=1
wants 'test' "$(grep -c '"test_accuracy":1,' "$work/run/log.jsonl")" 1
wants 'a report that needs no other file' \
  "$(grep -cE '(src|href|url)[=(]' "$work/run/report.html")" 0
wants 'a report of the test' \
  "$(grep -c 'judged on the test data' "$work/run/report.html")" 1
wants 'events of the training and the test, with a version' \
  "$(grep -la 'brain.Event:2' "$work"/run/events/events.out.tfevents.* | wc -l)" 2
wants 'metrics of the test among the events' \
  "$(grep -la 'test/accuracy' "$work"/run/events/events.out.tfevents.* | wc -l)" 1
wants 'a comparison' "$(./hubtune report "$work/run" "$work/run" |
  grep -c '^test_accuracy')" 1
mkfifo "$work/in"
./hubtune predict "$work/run" --line-buffered < "$work/in" > "$work/answers" &
exec 3> "$work/in"
echo 'cat cat' >&3
tries=0
while [ ! -s "$work/answers" ] && [ $tries -lt 100 ]; do
  sleep 0.1
  tries=$((tries + 1))
done
wants 'an answer before the end' "$(cut -d' ' -f1 "$work/answers")" pet
printf '\nbird' >&3
exec 3>&-
wait $!
wants 'a line, an answer' "$(wc -l < "$work/answers" | tr -d ' ')" 3
[ "$failures" -eq 0 ]
