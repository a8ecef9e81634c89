#!/bin/sh
# Settings as a file: what --print-config wrote, fed back, gives the same run
# to the byte; the command line counts more; what is wrong is told with its
# line. Runs in the build folder.
program=$PWD/hubtune
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

fail() {
  echo "config.sh: $*"
  failures=$((failures + 1))
}

awk 'BEGIN {
  srand(3)
  print "review,stars"
  for (i = 0; i < 300; i++) {
    text = ""
    for (k = 0; k < 8; k++)
      text = text " w" int(rand() * 90 + i % 3 * 30)
    print text "," i % 3 + 1
  }
}' > data.csv
"$program" new text-embedding m --from-text data.csv --text review --dim 8 \
  --trainable -q > log || exit 1

weights=model/variables/variables.data-00000-of-00001
train() { "$program" train -q --threads "$@" < /dev/null; }

# ---- printed, fed back

asked="--module m --data data.csv --label stars --task classify --trainable
  --valid-split 0.2 --dropout 0.2 --epochs 2 --optimizer adagrad --clip-norm 0.3"
# The settings hold no blanks of their own.
# shellcheck disable=SC2086
{
  train 1 $asked --print-config > printed.json || fail "nothing printed"
  train 1 $asked --out asked || fail "asked: exit $?"
}
[ ! -e run ] || fail "--print-config wrote a run"
for n in 1 2; do
  train $n --config printed.json --out "fed$n" || fail "fed back: exit $?"
  cmp "asked/$weights" "fed$n/$weights" || fail "other weights, $n threads"
done
for line in '"sentences=review"' '"label":"stars"' '"lr":0.001,' \
  '"module-lr":0.0001,' '"output":"outputs"' '"loss":"softmax"' \
  '"clip-norm":0.3,'; do
  grep -qF "$line" printed.json || fail "not decided: $line"
done
train 1 --config asked/config.json --out again || fail "config.json: exit $?"
cmp "asked/$weights" "again/$weights" || fail "config.json: other weights"

# A run goes on by the settings that were printed for it.
# shellcheck disable=SC2086
train 1 $asked --epochs 4 --out longer || fail "longer: exit $?"
train 1 --config printed.json --epochs 4 --out asked --resume ||
  fail "resumed by the printed settings: exit $?"
cmp "asked/$weights" "longer/$weights" || fail "resumed: other weights"

# ---- the command line counts more, also where it says the default

train 1 --config printed.json --out over --dropout 0 --frozen --epochs 10 \
  --steps 1 || fail "over the file: exit $?"
for line in '"dropout":0,' '"trainable":false' '"epochs":10,'; do
  grep -qF "$line" over/config.json || fail "the file counted more: $line"
done

# ---- rates by the names of variables

fit="--module m --data data.csv --label stars --trainable --epochs 2"
# shellcheck disable=SC2086
{
  train 1 $fit --lr 0.02 --module-lr 0.003 --out two || fail "two rates: exit $?"
  train 1 $fit --lr 'head=0.02,*=0.003' --out named || fail "named: exit $?"
  train 1 $fit --lr '*/kernel=0.5,head=0.02,emb*=0.003' --out other ||
    fail "other: exit $?"
  said=$(train 1 $fit --lr 'head=0.02,foo*=1' --out bad 2>&1) &&
    fail "a pattern that fits nothing is taken"
}
cmp "two/$weights" "named/$weights" || fail "named rates: other weights"
cmp -s "two/$weights" "other/$weights" && fail "the first pattern is passed over"
[ "$said" = "hubtune: '--lr': no variable that trains fits 'foo*'" ] ||
  fail "foo*: $said"
[ ! -e bad ] || fail "left behind: bad"

# ---- what is wrong

# wrong MESSAGE < FILE
wrong() {
  cat > wrong.json
  said=$(train 1 --config wrong.json --out bad 2>&1) &&
    fail "taken: $(cat wrong.json)"
  [ "$said" = "hubtune: 'wrong.json'$1" ] || fail "wanted '$1', found '$said'"
  [ ! -e bad ] || fail "left behind: bad"
}
sed 's/"epochs"/"epoch"/' printed.json |
  wrong ", line $(grep -n '"epochs"' printed.json | cut -d: -f1): \
unknown setting 'epoch': perhaps 'epochs'"
printf '{\n"xyzzy": null}' | wrong ", line 2: unknown setting 'xyzzy'"
printf '{"seed": 1,\n\n"batch": "many"}' |
  wrong ", line 3: '--batch' wants a whole number, not 'many'"
printf '{"batch":\n {"size": 3}}' | wrong ", line 1: 'batch' is one value, no object"
printf '{"log": "\\"batch\\": 1",\n"batch": 1.5}' |
  wrong ", line 2: '--batch' wants a whole number, not '1.5'"
printf '{"batch": 3\n"seed": 1}' |
  wrong ", line 2: no JSON: object value separator ',' expected"
printf '{"batch": 3}\n{}' | wrong ", line 2: text after the object"
printf '[1]' | wrong " is no JSON object of settings"
printf '{\n' | wrong ", line 2: no JSON: unexpected end of data"
printf '{"log": "x"//' | wrong ", line 1: no JSON: unexpected end of data"

[ "$failures" -eq 0 ]
