#!/bin/sh
# hubtune data check, line by line; training data from standard input, in
# another encoding, with bad records. Runs in the build folder.
program=$PWD/hubtune
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

fail() {
  echo "data.sh: $*"
  failures=$((failures + 1))
}

# same WANTED: standard input is that file
same() {
  cat > found
  diff "$1" found || fail "$1"
}

# ---- the check

printf 'text;label\r\nGood day;pos\r\ngood  DAY ;neg\r\n;pos\r\ncaf\351;neg\r
fine\r\ncaf\351;neg\r\nx;rare\r\n' > odd.csv
printf 'text,label\nx,rare\nnew,other\n' > test.csv
cat > odd.txt << 'END'
Data        odd.csv: csv, Latin-1, separated by ';', first row names; 6 examples, bad records: 1
Test data   test.csv: csv, UTF-8, separated by ',', first row names; 2 examples
Columns
  text       text, 5 different, 1 empty; characters 0 to 10, median 4; words 0 to 2, median 1
  label      label, text, 3 different; characters 3 to 4, median 3; words 1 to 1, median 1
Task        classify
Classes     4
         3  50.0%        0  neg
         2  33.3%        0  pos
         1  16.7%        1  rare
         0   0.0%        1  other
Empty: 1
  line 4 (pos)
The same, under one label: 1
  line 5 (neg), line 7 (neg): café
The same, under two labels: 1
  line 2 (pos), line 3 (neg): Good day
Test examples that are training examples: 1
  line 8 (rare), test line 2 (rare): x
Look at
  records of 'odd.csv' that cannot be read: 1
  classes in the test data alone, which no example teaches: 1, such as 'other'
  classes with fewer than 10 examples: 3 of 3
  examples with a blank text or no label: 1
  examples that come again with the same label: 1
  examples that come again with another label: 1
  test examples that are in the training data, and so show memory alone: 1 of 2
END
cat > said.txt << 'END'
'odd.csv' is not UTF-8: it is read as Latin-1
'odd.csv' is separated by ';'
skipped: 'odd.csv', line 6: wants 2 fields, found 1
'odd.csv': bad records skipped: 1 of 7
END
"$program" data check odd.csv --test test.csv 2> said | same odd.txt
for text in one two three four; do echo "$text,a"; done > twice.csv
for text in four three two one; do echo "$text,b"; done >> twice.csv
cat > pairs.txt << 'END'
  line 1 (a), line 8 (b): one
  line 2 (a), line 7 (b): two
  line 3 (a), line 6 (b): three
  line 4 (a), line 5 (b): four
END
"$program" data check twice.csv | grep '^  line' | same pairs.txt
same said.txt < said
"$program" data check odd.csv --test test.csv --json -q > odd.json ||
  fail "--json: exit $?"
for line in '"encoding":"Latin-1",' '"delimiter":";",' '"neg":3,' '"other":1' \
  '"bad":1,' '"task":"classify",'; do
  grep -qF "$line" odd.json || fail "no $line in the JSON"
done

# A set of images; one of them twice, in another class.
mkdir -p photos/a photos/b
printf one > photos/a/1.png
printf two > photos/a/2.png
printf one > photos/b/3.png
cat > photos.txt << 'END'
Data        photos: folder; 3 examples
Columns
  image      image, 3 different
  label      label, text, 2 different; characters 1 to 1, median 1; words 1 to 1, median 1
Task        classify
Classes     2
         2  66.7%  a
         1  33.3%  b
The same, under two labels: 1
  example 1 (a), example 3 (b): photos/a/1.png
Look at
  classes with fewer than 10 examples: 2 of 2
  examples that come again with another label: 1
END
"$program" data check photos | same photos.txt
printf '1\n2\n' > one.csv
"$program" data check one.csv | grep -q "no column is called 'label'" ||
  fail "a missing label is not said"
printf 'text,label\na,x\nb,x\n' | "$program" data check - |
  grep -q "labels 'label' are of one class only, 'x'" ||
  fail "one class is not said"
printf 'text,label\na,x\nb,"x,y"\nc,y\n' | "$program" data check - |
  grep -q "^Task *multilabel" || fail "sets of labels are not seen"
printf 'text,label\na,x\nb,"x,z"\nc,y\n' | "$program" data check - |
  grep -q "^Task *classify" || fail "what only looks like sets is taken as such"

# ---- training from a pipe, without a word about columns

awk 'BEGIN {
  srand(5)
  for (i = 0; i < 400; i++) {
    text = ""
    for (k = 0; k < 6; k++)
      text = text " w" int(rand() * 60 + i % 2 * 40)
    print (i % 2 ? "spam" : "ham") "\t" text
  }
}' > mails.tsv
"$program" new text-embedding m --from-text mails.tsv --text 1 --dim 8 \
  --trainable -q > log || exit 1
train() { "$program" train --module m --trainable -q --epochs 2 "$@"; }
weights=model/variables/variables.data-00000-of-00001
train --data mails.tsv --valid-split 0.2 --out file || fail "a file: exit $?"
train --data - --valid-split 0.2 --out pipe < mails.tsv || fail "a pipe: exit $?"
cmp "file/$weights" "pipe/$weights" || fail "a pipe gives other weights"
grep -q '"data":"pipe/data.csv"' pipe/config.json || fail "the data are not kept"
train --data - --valid-split 0.2 --out pipe --epochs 3 --resume < /dev/null ||
  fail "a pipe is not resumed: exit $?"
train --data mails.tsv --valid-split 0.2 --out file --epochs 3 --resume ||
  fail "a file is not resumed: exit $?"
cmp "file/$weights" "pipe/$weights" || fail "resumed: other weights"
"$program" eval file mails.tsv > whole || fail "eval: exit $?"
"$program" eval file - < mails.tsv | same whole

# A failure keeps nothing; neither does a run that is there already.
printf 'a\nb\n' | train --data - --out none 2> said && fail "no label is taken"
[ ! -e none ] || fail "left behind: none"
before=$(cksum < pipe/data.csv)
printf 'x,y\n' | train --data - --out pipe 2> said && fail "a run is taken over"
[ "$before" = "$(cksum < pipe/data.csv)" ] || fail "kept data were replaced"

# Bad records are skipped up to the limit, and the others give the run that
# they give alone.
awk 'NR == 7 || NR == 30 { print "broken" } { print }' mails.tsv > broken.tsv
train --data broken.tsv --out broken 2> said && fail "bad records are taken"
[ "$(cat said)" = "hubtune: 'broken.tsv', line 7: wants 2 fields, found 1" ] ||
  fail "bad record: $(cat said)"
train --data broken.tsv --max-bad 1 --out broken 2> said && fail "over the limit"
grep -q "^hubtune: 'broken.tsv', line 31: wants 2 fields, found 1, after 1 bad" \
  said || fail "limit: $(cat said)"
[ ! -e broken ] || fail "left behind: broken"
train --data broken.tsv --max-bad 2 --out broken || fail "--max-bad 2: exit $?"
train --data mails.tsv --out sound || fail "sound: exit $?"
cmp "broken/$weights" "sound/$weights" || fail "skipping changes the weights"

[ "$failures" -eq 0 ]
