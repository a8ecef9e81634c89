#!/bin/sh
# Examples that do not count the same: losses and metrics are Keras's
# (tests/interop/make_weights.py), whatever file the weights come in.
set -u
. "${srcdir:-..}/tests/cli/checks.sh"

cat > "$work/words.txt" <<'END'
a 1 2
b -1 .5
c .25 -2
d 2 1
e -.5 -.5
f 1.5 -1
g 0 .75
h -2 1
END
cat > "$work/all.csv" <<'END'
text,class,number,much
a,0,1,1
b,1,-2,0
c,1,0.5,2.5
d,0,3,0.5
e,1,0,3
f,0,-1,1
g,1,2,0.25
h,0,0.25,4
END
must ./hubtune new text-embedding "$work/m" --embeddings "$work/words.txt" -q
sed -n '1p;3,7p' "$work/all.csv" > "$work/valid.csv"

# epochs LABEL TASK METRIC DATA [OPTION...]: three numbers an epoch
epochs() {
  label=$1 task=$2 metric=$3 data=$4
  shift 4
  rm -rf "$work/run"
  must ./hubtune train --module "$work/m" --text text --label "$label" \
    --task "$task" --data "$data" --valid "$work/valid.csv" --out "$work/run" \
    --weight-column much --head-init zeros --optimizer sgd --lr 0.2 \
    --batch 3 --epochs 4 --no-shuffle --log "$work/l.jsonl" -q "$@"
  sed -n 's/.*"epoch":[0-9]*,"loss":\([^,]*\),.*"valid_loss":\([^,]*\),.*"'"$metric"'":\([^,}]*\).*/\1 \2 \3/p' \
    "$work/l.jsonl"
}

# same WHAT FOUND WANTED: numbers, within 2e-6
same() {
  wants "$1" "$(printf '%s\n' "$2" "$3" | awk '
    { for (i = 1; i <= NF; i++) v[n++] = $i }
    END {
      away = n == 0 || n % 2
      for (i = 0; i < n / 2; i++) {
        d = v[i] - v[n / 2 + i]
        away = away || d * d > 4e-12
      }
      print away ? "away" : "same"
    }')" same
  [ "$(printf '%s\n' "$2" | wc -l)" = 4 ] || wants "$1: epochs" "$2" "$3"
}

classes='1.094015 0.953386 0.357143
0.730468 0.858464 0.857143
0.667685 0.800972 0.857143
0.630863 0.761485 0.857143'
numbers='1.018029 1.415546 0.768630
1.970698 1.011178 0.612912
1.181766 1.272840 0.750370
1.774332 1.014992 0.604472'
same 'classes' "$(epochs class classify accuracy "$work/all.csv")" "$classes"
same 'in parts' "$(epochs class classify accuracy "$work/all.csv" \
  --accumulate 2)" "$classes"
same 'numbers' "$(epochs number regress mae "$work/all.csv")" "$numbers"

# The same records in other files.
tr , '\t' < "$work/all.csv" > "$work/all.tsv"
gzip -k "$work/all.csv"
awk -F, 'NR > 1 { printf "{\"text\":\"%s\",\"class\":\"%s\",\"number\":%s," \
  "\"much\":%s}\n", $1, $2, $3, $4 }' "$work/all.csv" > "$work/all.jsonl"
for kind in tsv csv.gz jsonl; do
  same "$kind" "$(epochs class classify accuracy "$work/all.$kind")" "$classes"
done

# A run judges by weights, too, and says where there are none.
epochs class classify accuracy "$work/all.csv" > "$work/last"
accuracy() { ./hubtune eval "$work/run" "$1" 2> "$work/said" |
  awk '$1 == "accuracy" { print $2 }'; }
wants 'eval' "$(accuracy "$work/valid.csv")" \
  "$(tail -n 1 "$work/last" | awk '{ printf "%.6f", $3 }')"
cut -d, -f1-3 "$work/valid.csv" > "$work/bare.csv"
accuracy "$work/bare.csv" > "$work/bare"
wants 'without a column' "$(cat "$work/said")" "'$work/bare.csv' has no column \
'much': its examples all count the same"
wants 'and by examples' "$(cat "$work/bare")" 0.600000

# What cannot be weights.
refuses() {
  says "$1" "$2" ./hubtune train --module "$work/m" --text text --label class \
    --data "$3" --weight-column "$4" --out "$work/no" -q
}
sed 's/,2.5$/,-2.5/' "$work/all.csv" > "$work/minus.csv"
sed 's/,2.5$/,nan/' "$work/all.csv" > "$work/nan.csv"
sed '2,$s/,[^,]*$/,0/' "$work/all.csv" > "$work/zeros.csv"
refuses 'no column' "has no column 'foo'" "$work/all.csv" foo
refuses 'texts' "weights 'text' are no numbers" "$work/all.csv" text
refuses 'negative' "minus.csv', line 4: weight 'much' is -2.5, not 0 or more" \
  "$work/minus.csv" much
refuses 'no number' "nan.csv': weights 'much' are no numbers" \
  "$work/nan.csv" much
refuses 'zeros' "all weights 'much' are 0" "$work/zeros.csv" much

[ "$failures" -eq 0 ]
