#!/bin/sh
# Files of word vectors in every form, whole and broken, and the words that
# modules make of texts. In the build folder.
set -u
. "${srcdir:-..}/tests/cli/checks.sh"

# vectors FILE: what a module made of it answers
vectors() {
  rm -rf "$work/m"
  ./hubtune new text-embedding "$work/m" --embeddings "$1" -q || return
  printf '%s\n' cat 'dog cat' mouse |
    ./hubtune embed "$work/m" - --outputs - | tr -d '\n'
}

# Floats of two bytes that matter: 1, 2, -0.5, 0.25 and 0.
one='\000\000\200\077' two='\000\000\000\100' half='\000\000\000\277'
quarter='\000\000\200\076'
cd "$work" || exit 1
printf 'cat 1 2\ndog -0.5 2.5e-1\nmouse 0 1\n' > glove.txt
{ echo 3 2; cat glove.txt; } > fast.vec
sed 's/$/ /' fast.vec > word2vec.txt
sed 's/$/\r/' fast.vec > windows.vec
printf "3 2\ncat $one$two\ndog $half${quarter}mouse \\000\\000\\000\\000$one" \
  > packed.bin
printf "3 2\ncat $one$two\ndog $half$quarter\nmouse \\000\\000\\000\\000$one\n" \
  > lines.bin
gzip -k glove.txt lines.bin
cd - > /dev/null || exit 1
answer='{"outputs": [1, 2]}{"outputs": [0.353553385, 1.59099019]}'
answer="$answer{\"outputs\": [0, 1]}"
for file in glove.txt fast.vec word2vec.txt windows.vec packed.bin lines.bin \
  glove.txt.gz lines.bin.gz; do
  wants "$file" "$(vectors "$work/$file" 2>&1)" "$answer"
done
./hubtune new text-embedding "$work/two" --embeddings "$work/lines.bin" \
  --max-words 2 2> "$work/said"
wants 'the first words' "$(cat "$work/said")" '2 words'

# refused WANTED: bad.txt or what `file` says
file=bad.txt
refused() {
  wants "$1" "$(./hubtune new text-embedding "$work/bad" \
    --embeddings "$work/$file" 2>&1)" "hubtune: $1"
  [ ! -e "$work/bad" ] || failures=$((failures + 1))
}
bad() { printf "$1" > "$work/$file"; }
bad ''
refused "'$work/bad.txt' is empty"
bad '\n\n'
refused "'$work/bad.txt' has no word vectors"
bad 'cat\n'
refused "not a word and its vector: '$work/bad.txt', line 1"
bad 'cat 1 2\ndog 1\n'
refused "1 numbers where 2 are wanted: '$work/bad.txt', line 2"
bad 'cat 1 2\ndog 1 2 3\n'
refused "3 numbers where 2 are wanted: '$work/bad.txt', line 2"
bad 'cat 1 2\ndog 1 x\n'
refused "not a number: '$work/bad.txt', line 2"
bad 'cat 1 2\ndog 1 1,5\n'
refused "not a number: '$work/bad.txt', line 2"
bad 'cat 1 2\ndog 1 nan\n'
refused "not a number: '$work/bad.txt', line 2"
bad 'cat 1 2\ndog 1 1e99\n'
refused "not a number: '$work/bad.txt', line 2"
bad 'cat 1 2\ndog 1 2\ncat 3 4\n'
refused "the word 'cat' stands twice: '$work/bad.txt', lines 1 and 3"
bad 'cat 1 2\nd\377g 1 2\n'
refused "not UTF-8: '$work/bad.txt', line 2"
bad 'cat 1 2\nd\000g 1 2\n'
refused "a NUL where text should be: '$work/bad.txt', line 2"
bad '3 2\ncat 1 2\ndog 1 2\n'
refused "'$work/bad.txt' announces 3 words and has 2"
bad "3 2\ncat $one$two\ndog $half"
refused "'$work/bad.txt' ends in word 2 of 3"
bad "2 2\ncat $one$two\ndog $one\000\000\300\177"
refused "not a finite number: '$work/bad.txt', word 2"
bad "2 2\ncat $one$two\ncat $one$two"
refused "the word 'cat' stands twice: '$work/bad.txt', words 1 and 2"
bad "1 2\ncat $one${two}dog $one$two"
refused "'$work/bad.txt' goes on after its 1 words"
bad '\272\026\117\057\014\000\000\000'
refused "'$work/bad.txt' is a whole model of fastText: give its .vec file"
file=cut.gz
head -c 40 "$work/lines.bin.gz" > "$work/$file"
refused "cannot read '$work/cut.gz': unexpected end of file"

# The words of texts: signs, digits, runs and parts, as the vocabulary has
# them. A part of a word stands after a space.
printf '%s\n' 'text,label' '"Not, good 42",a' > "$work/one.csv"
words() {
  rm -rf "$work/m"
  ./hubtune new text-embedding "$work/m" --from-text "$work/one.csv" \
    --text text --dim 2 -q "$@" &&
    LC_ALL=C sort "$work/m/assets/tokens.txt" | tr '\n' '|'
}
wants 'words' "$(words)" '42|Not,|good|'
wants 'no signs' "$(words --punctuation strip)" '42|Not|good|'
wants 'signs' "$(words --punctuation split)" ',|42|Not|good|'
wants 'digits' "$(words --mask-digits --lowercase)" '00|good|not,|'
wants 'runs' "$(words --ngrams 2)" '42|Not,|Not, good|good|good 42|'
wants 'parts' "$(words --subwords 4)" \
  ' <42>| <Not| <goo| Not,| good| ood>| ot,>|42|Not,|good|'
printf 'text,label\n"\303\251t\303\251",a\n' > "$work/one.csv"
wants 'parts are of characters' "$(words --subwords 3-3)" \
  "$(printf ' <\303\251t| t\303\251>| \303\251t\303\251|\303\251t\303\251|')"

# As tensorflow_hub's exporters split: the one of version 1 at spaces alone,
# the one for TF2 at each, so that nothing between two is a word, of doubles.
printf '%s\n' '{"text": "cat  dog"}' '{"text": "cat\tdog"}' '{"text": ""}' \
  > "$work/spaces.jsonl"
spaces() {
  rm -rf "$work/m"
  ./hubtune new text-embedding "$work/m" --embeddings "$work/glove.txt" -q "$@"
  ./hubtune embed "$work/m" "$work/spaces.jsonl" --outputs - | tr -d '\n'
}
zeros='[0, 0]'
mean='[0.353553385, 1.59099019]'
wants 'at white space' "$(spaces)" \
  "{\"outputs\": $mean}{\"outputs\": $mean}{\"outputs\": $zeros}"
wants 'at spaces' "$(spaces --split space)" \
  "{\"outputs\": $mean}{\"outputs\": $zeros}{\"outputs\": $zeros}"
mean='[0.28867513459481292, 1.2990381056766582]'
for format in savedmodel hub1; do
  wants "at each space, $format" "$(spaces --split each-space --dtype double \
    --format $format | sed 's/default/outputs/g')" \
    "{\"outputs\": $mean}{\"outputs\": $zeros}{\"outputs\": $zeros}"
done

# A head takes doubles, as a layer of Keras does.
printf 'text,label\ncat,a\ndog,b\n' > "$work/two.csv"
./hubtune train --module "$work/m" --data "$work/two.csv" --out "$work/run" \
  --lr 0.5 --epochs 40 -q
wants 'a head on doubles' "$(./hubtune eval "$work/run" "$work/two.csv" |
  awk '/^accuracy/ {print $2}')" 1.000000
./hubtune train --module "$work/m" --data "$work/two.csv" --out "$work/tuned" \
  --trainable-variables . --lr 0.5 --module-lr 0.5 --epochs 2 -q
before=$(./hubtune embed "$work/m" "$work/two.csv" --outputs -)
./hubtune export "$work/tuned" "$work/words" --what module -q
after=$(./hubtune embed "$work/words" "$work/two.csv" --outputs -)
[ -n "$after" ] && [ "$before" != "$after" ]
wants 'trained doubles move' "$?" 0

# Single words in, a vector each out, unknown ones included.
rm -rf "$work/m"
./hubtune new text-embedding "$work/m" --embeddings "$work/glove.txt" \
  --tokens -q
wants 'tokens' "$(printf '%s\n' cat 'cat dog' | ./hubtune embed "$work/m" - \
  --outputs - | tr -d '\n')" '{"outputs": [1, 2]}{"outputs": [0, 0]}'
[ "$failures" -eq 0 ]
