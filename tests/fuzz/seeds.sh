#!/bin/sh
# Writes small files of every kind that hubtune reads: where fuzzing starts.
#
#     tests/fuzz/seeds.sh OUT      in the build folder
set -eu
models=$(cd "${srcdir:-..}/tests/models" && pwd)
golden=$(cd "${srcdir:-..}/tests/golden" && pwd)
program=$PWD/hubtune
mkdir -p "$1"
cd "$1"
for name in archive bucket bundle config csv embeddings example fastbert gz hdf5 \
  image jsonl kaggle lines module_def npy npz regex saved_model sentencepiece \
  sequence sstable tensor text tfrecord tsv vectors vocabulary; do
  mkdir -p "$name"
done

# Modules: new ones of both formats, and small ones that TensorFlow wrote.
printf 'cat 1 2\ndog 3 4\n' > embeddings/glove
printf '2 2\ncat 1 2\ndog 3 4\n' > embeddings/word2vec
printf '2 2\ncat \0\0\200?\0\0\0@\ndog \0\0@@\0\0\200@\n' > vectors/word2vec
printf 'text,label\ncat cat,a\n"dog, dog",b\ncat,a\ndog,b\n' > csv/quoted
printf 'text\tlabel\ncat\t1.5\ndog\t2\n' > tsv/numbers
printf '{"text":"cat","label":"a","x":[1,2]}\n{"text":"d\\u00e9","label":"b","x":[3,4]}\n' \
  > jsonl/objects
printf '__label__a cat\n__label__b dog dog\n' > lines/fasttext
gzip -c csv/quoted > gz/quoted
"$program" new text-embedding m1 --embeddings embeddings/glove -q \
  --format hub1
"$program" new text-embedding m2 --embeddings embeddings/glove -q \
  --lowercase --strip-punctuation
# length FILE: its size as four bytes
length() {
  n=$(wc -c < "$1")
  # shellcheck disable=SC2059
  printf "\\$(printf %o $((n % 256)))\\$(printf %o $((n / 256 % 256)))\\$(
    printf %o $((n / 65536)))\\0"
}
# whole MODULE NAME: graphs, index and data in one
whole() {
  variables=$1/variables/variables
  { length "$1/saved_model.pb" && length "$variables.index"
    cat "$1/saved_model.pb" "$variables.index" \
      "$variables.data-00000-of-00001"; } > "saved_model/$2"
}
for module in m1 m2; do
  whole "$module" "$module"
  cp "$module/variables/variables.index" "sstable/$module"
  tar cf "archive/$module.tar" -C "$module" .
done
gzip -nc archive/m2.tar > archive/m2.tar.gz
rm -f archive/m2.tar
for module in loops tf2 hub1 hub1_train; do
  whole "$models/$module" "$module"
done
cp "$models/hub1/tfhub_module.pb" module_def/three
printf '\010\003\022\001x' > module_def/feature

# A checkpoint: four bytes of length, index, data.
bundle() {
  { length "$1.index" && cat "$1.index" "$1.data-00000-of-00001"; } \
    > "bundle/$2"
}
bundle m1/variables/variables m1
bundle "$models/bundles/types" types
bundle "$models/bundles/slices" slices
bundle "$models/bundles/variants" variants
cp "$models/bundles/types.index" sstable/types

# What servers and users write in JSON.
printf '{"items":[{"name":"a/saved_model.pb","size":"12"},{"name":"a/assets/words.txt","size":"0"}],"nextPageToken":"more"}' \
  > bucket/page
printf '{"username":"me","key":"0123"}' > kaggle/login

# Arrays, tables of HDF5 and settings, as hubtune writes them.
for a in "$models"/arrays/*.npy; do cp "$a" npy/; done
for a in "$models"/arrays/*.npz; do cp "$a" npz/; done
"$program" embed m1 csv/quoted --text text --outputs hdf5/vectors.h5 -q \
  2> /dev/null || {
  cp csv/quoted data.csv
  "$program" embed m1 data.csv --text text --outputs hdf5/vectors.h5 -q
}
cp csv/quoted data.csv
"$program" train --module m1 --data data.csv --out run --epochs 1 -q
cp run/config.json config/run

# Patterns that modules have, and those that hurt other engines.
printf '[\\W_]+\na-b c' > regex/class
printf '(a*)*b\naaaaaaaaaaaaaaaaaaaaaaaaaaaaac' > regex/nested
printf '(?i)(\\w+)\\s+(x{1,100}){1,100}\nAb cd' > regex/repeated
printf '[\\p{L}[:digit:]]+|(?:^|$)\n\303\251\377x' > regex/unicode

# golden FAMILY OP N: string number N of the first input of its first sample
golden() {
  format=$(awk -v op="case $2:" -v n="$3" '
    BEGIN { for (i = 0; i < 256; i++) byte[sprintf("%02x", i)] = i }
    found && /^in string/ { print unquote($0); exit }
    index($0, op) == 1 { found = 1 }
    function unquote(s,   out, i, c, k) {
      for (i = 1; i <= length(s); i++) {
        c = substr(s, i, 1)
        if (c == "\047") { k++; continue }
        if (k != 2 * n - 1) { if (c == "\\") i++; continue }
        if (c == "\\" && substr(s, i + 1, 1) == "x") {
          out = out sprintf("\\%03o", byte[substr(s, i + 2, 2)])
          i += 3
        } else if (c == "\\")
          out = out sprintf(substr(s, ++i, 1) == "\047" ? "\\047" : "\\134")
        else
          out = out (c == "%" ? "%%" : c)
      }
      return out
    }' "$golden/$1.txt")
  # shellcheck disable=SC2059
  printf "$format"
}
# two FAMILY OP: two strings, the first with its length
two() {
  golden "$1" "$2" 1 > part
  length part
  cat part
  golden "$1" "$2" 2
  rm part
}
two parse ParseExampleV2 > example/two
golden parse ParseSingleExample 1 > example/one
two sequence ParseSequenceExampleV2 > sequence/two
golden sequence ParseSingleSequenceExample 1 > sequence/one
golden serial ParseTensor 1 > tensor/first
golden serial DeserializeSparse 1 > tensor/indices
golden media DecodeWav 1 > tensor/sound.wav
golden media DecodeJpeg 1 > image/golden.jpg
golden media DecodePng 1 > image/golden.png
printf '\004\0\0\0' > text/record
printf '1,2.5,"a ""b"", c"' >> text/record
printf '\003\0\0\0-7 1e400 STRASSE \303\237\341\272\236\360\220\220\200' > text/unicode
gzip -cd "$models/fastbert/words.bin.gz" > fastbert/words
gzip -cd "$models/fastbert/normalize.bin.gz" > fastbert/normalize
# Pieces of a SentencePiece model: {1: piece, 2: score, 3: type}.
printf '\012\016\012\005<unk>\025\0\0\0\0\030\002\012\015\012\006\342\226\201the\025\0\0\200\277\012\012\012\003cat\025\0\0\0\300\012\010\012\001a\025\0\0\0\300' \
  > sentencepiece/unigram
{ cat sentencepiece/unigram; printf '\022\002\030\002'; } > sentencepiece/bpe
printf 'cat\t1\ndog\t2\r\n' > vocabulary/columns
printf 'cat\ndog\ncat\n' > vocabulary/lines

# Pictures of 2 x 2 pixels and a record, by hand.
printf 'BM\106\0\0\0\0\0\0\0\066\0\0\0\050\0\0\0\002\0\0\0\002\0\0\0\001\0\030\0\0\0\0\0\020\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\001\002\003\004\005\006\0\0\007\010\011\012\013\014\0\0' \
  > image/two.bmp
printf 'GIF89a\002\0\002\0\200\0\0\0\0\0\377\377\377,\0\0\0\0\002\0\002\0\0\002\003\104\002\005\0;' \
  > image/two.gif
printf '\211PNG\r\n\032\n\0\0\0\015IHDR\0\0\0\001\0\0\0\001\010\0\0\0\0\072\176\233\125\0\0\0\012IDAT\170\234c\370\017\0\001\001\001\0\033\266\356\126\0\0\0\0IEND\256B\140\202' \
  > image/one.png
printf '\377\330\377\340\0\020JFIF\0\001\001\0\0\001\0\001\0\0\377\333\0\103\0' \
  > image/head.jpg
printf 'RIFF\032\0\0\0WEBPVP8L\015\0\0\0/\0\0\0\020\007\020\021\021\210\210\376\007\0' \
  > image/one.webp
"$program" --version > /dev/null
printf '\014\0\0\0\0\0\0\0\0\0\0\0\012\012\012\010\012\001x\022\003\032\001\001\0\0\0\0' \
  > tfrecord/example
rm -rf m1 m2 run data.csv
