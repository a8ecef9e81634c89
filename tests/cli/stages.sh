#!/bin/sh
# Training on from another run, also with new classes; the head before the
# module; a model that is not good enough. Runs in the build folder.
program=$PWD/hubtune
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0
weights=model/variables/variables.data-00000-of-00001

fail() {
  echo "stages.sh: $*"
  failures=$((failures + 1))
}

# texts FIRST LAST: words tell the class, c<FIRST> to c<LAST>
texts() {
  awk -v from="$1" -v to="$2" 'BEGIN {
    srand(from * 7 + to)
    print "text,label"
    for (i = 0; i < 300; i++) {
      class = from + i % (to - from + 1)
      text = ""
      for (k = 0; k < 8; k++)
        text = text " w" int(rand() * 50 + class * 30)
      print text ",c" class
    }
  }'
}
texts 2 3 > old.csv
texts 1 4 > new.csv
texts 2 3 | tail -n 100 | sed '1i text,label' > test.csv
{ cat old.csv; tail -n +2 new.csv; } > all.csv
"$program" new text-embedding m --from-text all.csv --text text --dim 8 \
  --trainable -q > log || exit 1
train() { "$program" train --module m -q "$@" < /dev/null; }
same() { cmp "$1/$weights" "$2/$weights" || fail "$3: other weights"; }
accuracy() { "$program" eval "$1" "$2" | awk '$1 == "accuracy" { print $2 }'; }

# ---- from another folder

train --data old.csv --epochs 1 --out away || exit 1
mkdir other
there=$(cd other && "$program" eval ../away ../test.csv --json)
[ "$there" = "$("$program" eval away test.csv --json)" ] || fail "elsewhere"
(cd other && "$program" train -q --init-from ../away --data ../old.csv \
  --epochs 1 --out on < /dev/null) || fail "training on elsewhere"

# ---- training on

train --data old.csv --trainable --lr 0.05 --module-lr 0.05 --epochs 3 \
  --out first || exit 1

# At a rate of nothing it stays what it was, with more classes, too.
"$program" train -q --init-from first --data old.csv --trainable --lr 0 \
  --epochs 1 --out still || fail "still: exit $?"
same first still "a rate of 0"
train --init-from first --data new.csv --trainable --lr 0 --epochs 1 \
  --out wider || fail "wider: exit $?"
printf 'c2\nc3\nc1\nc4\n' | cmp - wider/model/assets.extra/labels.txt ||
  fail "the old classes are not the first"
"$program" embed first/model test.csv --text text --output scores \
  --outputs before.csv -q || fail "embed: exit $?"
"$program" embed wider/model test.csv --text text --output scores \
  --outputs after.csv -q || fail "embed: exit $?"
# Of two classes the ratio of their scores is what it was.
paste -d, before.csv after.csv | awk -F, '
  NR == 1 { next }
  { a = log($1 / $2); b = log($3 / $4); d = a - b; if (d < 0) d = -d
    if (d > 1e-4) bad++; n++ }
  END { exit !(n >= 90 && !bad) }' || fail "old rows did not stay"

# It learns the new classes; without module at a rate of its own.
train --init-from first --data new.csv --trainable --lr 0.05 --module-lr 0.05 \
  --epochs 4 --out grown || fail "grown: exit $?"
[ "$(accuracy grown new.csv | cut -c1-3)" != 0.2 ] || fail "nothing learnt"
awk -v a="$(accuracy grown new.csv)" 'BEGIN { exit !(a > 0.9) }' ||
  fail "grown: accuracy $(accuracy grown new.csv)"

# A frozen module is the tuned one, not what the cache knows of its files.
train --init-from first --data old.csv --epochs 2 --lr 0.001 --out frozen ||
  fail "frozen: exit $?"
awk -v a="$(accuracy frozen old.csv)" -v b="$(accuracy first old.csv)" \
  'BEGIN { exit !(a > b - 0.02) }' || fail "a frozen start is worse"

said=$(train --init-from nosuch --data old.csv --out bad 2>&1)
[ "$said" = "hubtune: '--init-from': 'nosuch' is no run" ] || fail "$said"
said=$(train --init-from first --data old.csv --head mlp:4 --out bad 2>&1)
case $said in "hubtune: '--init-from': "*) ;; *) fail "another head: $said" ;; esac
awk -F, 'NR == 1 { print; next } { print $1 "," NR / 7 }' old.csv > numbers.csv
said=$(train --init-from first --data numbers.csv --out bad 2>&1)
[ "$said" = "hubtune: '--init-from': 'first' was trained for another task" ] ||
  fail "$said"
[ ! -e bad ] || fail "left behind: bad"

# ---- the head first

stages="--data new.csv --trainable --head-first 2 --epochs 3 --lr 0.02
  --valid-split 0.2 --dropout 0.1"
# shellcheck disable=SC2086
{
  train $stages --out both --threads 1 || fail "both: exit $?"
  train $stages --out both2 --threads 2 || fail "both2: exit $?"
}
same both both2 "two threads"
train --data new.csv --epochs 2 --lr 0.02 --valid-split 0.2 --dropout 0.1 \
  --out hand1 || fail "hand1: exit $?"
train --init-from hand1 --data new.csv --trainable --epochs 3 --lr 0.02 \
  --valid-split 0.2 --dropout 0.1 --out hand2 || fail "hand2: exit $?"
same both hand2 "by hand"
"$program" train -q --config both/config.json --out again || fail "again: $?"
same both again "its own settings"

# Interrupted anywhere, in the head's epochs and after.
for wait in 0.01 0.03 0.05 0.07 0.09 0.11 0.13 0.15; do
  # shellcheck disable=SC2086
  timeout -s KILL "$wait" "$program" train --module m -q $stages --out cut \
    --save-every 7 --resume < /dev/null > log 2>&1
done
# shellcheck disable=SC2086
train $stages --out cut --save-every 7 --resume || fail "cut: exit $?"
same both cut "killed and resumed"

# ---- a model has to be good enough

train --data old.csv --trainable --epochs 1 --test test.csv --out poor \
  --assert 'loss>=0' --assert 'accuracy>1' 2> said
[ $? -eq 3 ] || fail "an assertion does not count"
grep -q "^hubtune: accuracy is [0-9.]* on the test data test.csv, not > 1: \
no model is written$" said || fail "assert: $(cat said)"
[ ! -e poor/model ] || fail "a model was written"
[ -e poor/report.html ] || fail "no report was written"
said=$("$program" export poor later 2>&1)
[ $? -eq 3 ] || fail "what is not good enough is exported later: $said"
[ ! -e later ] || fail "an export was written"
train --data old.csv --trainable --epochs 1 --test test.csv --out poor \
  --assert 'accuracy >= 0' --assert 'f1<=1' --resume || fail "assert: exit $?"
[ -e poor/model ] || fail "no model was written"
"$program" export poor later || fail "export of what is good enough: $?"
said=$(train --data old.csv --out bad --assert 'accuracy=1' 2>&1)
[ "$said" = "hubtune: '--assert' wants METRIC>=X, or with >, <= or <, not \
'accuracy=1'" ] || fail "$said"
said=$(train --data old.csv --out none --epochs 1 --assert 'f2>1' 2>&1)
case $said in
  "hubtune: '--assert': no metric 'f2': there are loss, accuracy, "*) ;;
  *) fail "$said" ;;
esac

[ "$failures" -eq 0 ]
