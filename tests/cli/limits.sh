#!/bin/sh
# Memory that is limited, tables of doubles, sizes that no machine has: a line
# of message in little time. In the build folder.
set -u
. "${srcdir:-..}/tests/cli/checks.sh"
program=$PWD/hubtune
cd "$work" || exit 1

awk 'BEGIN { for (i = 0; i < 40; i++) print "w" i " 1 2 3 4" }' > words
"$program" new text-embedding m --embeddings words -q || exit 1
awk 'BEGIN { print "text,label"
  for (i = 0; i < 20000; i++) print "w1 w2 w3,a\nw3 w4 w5,b" }' > big.csv

# Under every limit: done, or a line of message; never a signal.
for mb in 1 8 32; do
  for command in 'run m --input sentences=w1 --outputs o.npz' \
    'train --module m --data big.csv --out r --steps 3 --trainable -q' \
    'embed m big.csv --text text --outputs o.npz -q' \
    'new text-embedding n --embeddings words -q'; do
    rm -rf r n o.npz
    # shellcheck disable=SC2086
    timeout 60 "$program" $command --max-memory $mb > out 2> err < /dev/null
    status=$?
    lines=$(grep -c '^hubtune: ' err)
    wants "$mb MB: $command" "$status $lines" \
      "$([ $status -eq 0 ] && echo '0 0' || echo '1 1')"
    [ $status -eq 0 ] ||
      wants "$mb MB leaves" "$(ls -d r n o.npz 2> /dev/null)" ''
  done
done

# A batch that does not fit goes through in parts, by itself, to the same
# losses; 2048 rows of 512 values are 4 MB.
awk 'BEGIN { print "text,label"
  for (i = 0; i < 4096; i++)
    printf "w%d w%d,c%d\n", i % 8, int(i / 8) % 8, (i % 8 + int(i / 8) % 8) % 3
}' > wide.csv
steps() {
  rm -rf r
  "$program" train --module m --data wide.csv --out r --head mlp:512 \
    --batch 2048 --epochs 2 --optimizer sgd --lr 0.05 --log log.jsonl "$@" \
    > out 2> err || cat err
  sed -n 's/.*"step":.*"loss":\([^,]*\).*/\1/p' log.jsonl
  rm -f log.jsonl
}
steps > whole
for mb_parts in 100: 8:2 5:4; do
  mb=${mb_parts%:*}
  steps --max-memory $mb > parts
  wants "$mb MB: losses" "$(paste whole parts | awk '
    { d = $1 - $2; if (d * d < 1e-12) same++ } END { print NR, same }')" '4 4'
  wants "$mb MB: told once" \
    "$(sed -n 's/.*it goes through in \(.*\) parts (--accumulate)/\1/p' err)" \
    "${mb_parts#*:}"
done

# Two million times the same word, in a table of 40.
cp -r m doubles
awk 'BEGIN { for (i = 0; i < 2000000; i++) print "same" }' \
  > doubles/assets/tokens.txt
timeout 60 "$program" run doubles --input sentences=same > out 2> err
wants 'doubles' "$?: $(sed "s|.*: '.*'|'PATH'|" err)" "1: 'PATH' has the word of line 1 \
twice"

echo "$checks checks, $failures failures"
[ "$failures" -eq 0 ]
