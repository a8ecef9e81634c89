#!/bin/sh
# Runs the command lines of bad.txt on damaged and unfit files: exit status
# and message to the byte, nothing on standard output, no file left behind.
here=$(cd "${srcdir:-..}/tests/cli" && pwd)
program=$PWD/hubtune
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
tab=$(printf '\t')
lines=0 failures=0

# ---- the files

i=0
echo text,label > data.csv
while [ "$i" -lt 40 ]; do
  i=$((i + 1))
  printf 'good fine day %d,pos\nbad awful night %d,neg\n' "$i" "$i"
done >> data.csv
"$program" new text-embedding m --from-text data.csv --text text --dim 8 \
  --trainable -q > /dev/null || exit 1
"$program" train --module m --data data.csv --out run --epochs 1 \
  -q > /dev/null || exit 1
"$program" run m --input sentences=a --outputs out.npz || exit 1

# damaged NAME: a copy of m
damaged() { cp -r m "$1"; }
data=variables/variables.data-00000-of-00001
mkdir empty
: > empty.csv
: > plain
damaged no_index && rm no_index/variables/variables.index
damaged no_shard && rm "no_shard/$data"
damaged no_asset && rm no_asset/assets/tokens.txt
damaged short_index && truncate -s 30 short_index/variables/variables.index
damaged short_shard && truncate -s 100 "short_shard/$data"
damaged short_graph && truncate -s 1000 short_graph/saved_model.pb
damaged no_graph && : > no_graph/saved_model.pb
damaged flipped &&
  printf 'xx' | dd of="flipped/$data" bs=1 seek=40 conv=notrunc 2> /dev/null
damaged text_graph && echo 'this is no graph' > text_graph/saved_model.pb
damaged other_op &&
  LC_ALL=C sed 's/StringToHashBucketFast/StringToHashBucketFazt/g' \
    m/saved_model.pb > other_op/saved_model.pb
cp -r run no_checkpoint && rm no_checkpoint/checkpoints/best-*
cp -r run short_run && for f in short_run/checkpoints/best-*.data*; do
  truncate -s 20 "$f"
done
cp -r run bad_config && echo '{"batch":' > bad_config/config.json
echo text,label > header.csv
printf 'text,label\na,x\nb,x\n' > one_class.csv
printf 'text,label\na,pos\nb,other\n' > unknown.csv
printf 'text,label\na,x\n\201\376 b,z\n' > bytes.csv
printf 'text,label\na,x\n"b c,z\n' > quote.csv
printf 'text,label\na,x\nb,z,k\n' > long.csv
printf 'text,label\na,x\nb\n' > short.csv
printf '{"text":"a","label":"x"}\n{"text":\n' > cut.jsonl
printf '{"text":"a","label":"x"}\n{"text":"b"}\n' > missing.jsonl
printf '{"text":"a","label":"x"}\n[1]\n' > list.jsonl
printf '{"text":"a","label":"x"}\n{"text":3,"label":"y"}\n' > mixed.jsonl
head -c 200 out.npz > short.npz
printf 'no array' > bad.npy

# ---- the lines

fit="train --module m --text text --label label --out r --epochs 1 -q --data"

# try STATUS MESSAGE COMMAND...
try() {
  status=$1 message=$2
  shift 2
  before=$(find . | sort)
  "$@" < /dev/null > "$work.out" 2> "$work.err"
  found=$?
  said=$(sed "s|$work|WORK|g; s|\.tmp-[0-9]*|.tmp-PID|" "$work.err")
  lines=$((lines + 1))
  if [ "$found" != "$status" ] || [ -s "$work.out" ] ||
     [ "$said" != "$message" ]; then
    echo "$*: exit $found, wanted $status"
    echo "  wanted: $message"
    echo "  found:  $said"
    failures=$((failures + 1))
  fi
  after=$(find . | sort)
  if [ "$before" != "$after" ]; then
    echo "$*: left files behind"
    failures=$((failures + 1))
    rm -rf r o
  fi
  rm -f "$work.out" "$work.err"
}

# No run is changed by what is refused.
cp run/config.json asked
while IFS=$tab read -r line status message; do
  case $line in '#'* | '') continue ;; esac
  case $line in 'fit '*) line="$fit ${line#fit }" ;; esac
  # The arguments hold no blanks of their own.
  # shellcheck disable=SC2086
  try "$status" "$message" "$program" $line
done < "$here/bad.txt"
cmp -s run/config.json asked || {
  echo "a refused training changed the settings of a run"
  failures=$((failures + 1))
}

# ---- what a failure in the middle leaves

# A disk that is full, played by a limit on the size of files.
limited() {
  (ulimit -f 1 && exec "$program" "$@")
}
full="hubtune: cannot write 'o.tmp-PID/$data': File too large"
try 1 "$full" limited export run o
try 1 "$full" limited new text-embedding o --from-text data.csv --text text \
  --dim 64

try 1 "hubtune: cannot write 'o.h5': File too large" \
  limited embed m data.csv --text text --outputs o.h5
try 1 "hubtune: cannot write 'no/o.h5': No such file or directory" \
  "$program" embed m data.csv --text text --outputs no/o.h5

# A loss that is no number ends the run at its step; the last good checkpoint
# stays, and there is no model.
awk 'BEGIN { print "text,label"
             for (i = 0; i < 64; i++) print "good day " i "," i }' > far.csv
"$program" train --module m --data far.csv --task regress --out far \
  --optimizer sgd --lr 1e9 --save-every 1 --retreats 0 -q 2> err && {
  echo "a loss that is no number was accepted"
  failures=$((failures + 1))
}
step=$(sed -n 's/^hubtune: the loss is [A-Za-z]* at step \([0-9]*\), for every record of the batch$/\1/p' err)
if [ "${step:-0}" -lt 2 ] || [ -e far/model ] ||
   ! grep -q "^model_checkpoint_path: \"ckpt-" far/checkpoints/checkpoint ||
   [ "$(grep -c '"step"' far/log.jsonl)" -ne $((step - 1)) ]; then
  echo "a loss that is no number: $(cat err)"
  failures=$((failures + 1))
fi

# One record at fault is named, at each retreat and at the end.
sed '41s/,.*/,1e30/' far.csv > poison.csv # its square is infinite
"$program" train --module m --data poison.csv --task regress --epochs 10 \
  --out poison 2> err && {
  echo "a record that is no number was accepted"
  failures=$((failures + 1))
}
fault="for 1 of 32 records of 'poison.csv': line 41"
if [ "$(grep -c "$fault: back to step 0, rates are a tenth from there" err)" \
       -ne 3 ] || ! grep -q "^hubtune: .*$fault; 3 retreats" err; then
  echo "a record that is no number: $(cat err)"
  failures=$((failures + 1))
fi

# Where data are no numbers lower rates do not help.
sed '41s/,.*/,1e39/' far.csv > infinite.csv
"$program" train --module m --data infinite.csv --task regress --out infinite \
  -q 2> err && {
  echo "data that are no numbers were accepted"
  failures=$((failures + 1))
}
step=$(sed -n "s/^hubtune: the loss is [A-Za-z]* at step \([0-9]*\): what the\
 step is given is NaN or infinite, for 1 of [0-9]* records of 'infinite.csv': line\
 41\$/\1/p" err)
if [ -z "$step" ] || [ "$(wc -l < err)" -ne 1 ]; then
  echo "data that are no numbers: $(cat err)"
  failures=$((failures + 1))
fi

echo "$lines command lines, $failures failures"
[ "$failures" -eq 0 ]
