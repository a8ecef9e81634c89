#!/bin/sh
# Another module of the same common interface is another handle and nothing
# else: one command line trains, evaluates, answers and exports with each of
# them, whatever its format and the names of its inputs. In the build folder.
set -u
here=$(cd "${srcdir:-..}/tests" && pwd)
. "${srcdir:-..}/tests/cli/checks.sh"

# works HANDLE DATA OPTION...: all that a user does with a module.
works() {
  handle=$1 data=$2
  shift 2
  rm -rf "$work/run" "$work/out"
  ./hubtune train --module "$handle" --data "$data" --out "$work/run" \
    --epochs 30 --lr 0.05 --trainable -q "$@" &&
    ./hubtune eval "$work/run" "$data" > "$work/said" &&
    ./hubtune embed "$handle" "$data" "$@" --outputs "$work/e.npz" -q &&
    ./hubtune export "$work/run" "$work/out" --what module -q &&
    ./hubtune inspect "$work/out" > /dev/null 2> "$work/err" ||
    failures=$((failures + 1))
  wants "$handle" "$(awk '$1 == "accuracy" { print $2 }' "$work/said")" 1.000000
}

# interfaces HANDLE
interfaces() {
  ./hubtune inspect "$1" --json | tr -d ' \n' |
    sed -n 's/.*"interfaces":\[\([^]]*\)\].*/\1/p'
}

{
  echo words,label
  for i in 1 2 3 4 5 6 7 8; do
    echo "the fox w$i,animal"
    echo "stone rock w$i,thing"
  done
} > "$work/texts.csv"
for format in savedmodel hub1; do
  ./hubtune new text-embedding "$work/$format" --format $format --dim 8 \
    --from-text "$work/texts.csv" --text words --trainable -q ||
    failures=$((failures + 1))
done
for module in "$work/savedmodel" "$work/hub1" "$here/models/hub1"; do
  wants "interfaces of $module" "$(interfaces "$module")" '"textfeaturevector"'
done
for module in "$work/savedmodel" "$work/hub1"; do
  works "$module" "$work/texts.csv" --text words
done

# Dark and light images of 12 x 10 pixels (headers of 54 bytes, then pixels).
for class in dark light; do
  mkdir -p "$work/photos/$class"
  for i in 1 2 3 4 5 6; do
    [ $class = dark ] && pixel="\\$i" || pixel="\\37$i"
    {
      printf 'BM\266\1\0\0\0\0\0\0\66\0\0\0\50\0\0\0\12\0\0\0\14\0\0\0'
      printf '\1\0\30\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
      k=0
      while [ $k -lt 384 ]; do
        # shellcheck disable=SC2059
        printf "$pixel"
        k=$((k + 1))
      done
    } > "$work/photos/$class/$i.bmp"
  done
done
./hubtune export --module "$here/models/images" "$work/images1" --format hub1 \
  -q || failures=$((failures + 1))
for module in "$here/models/images" "$work/images1"; do
  works "$module" "$work/photos"
done

# Batches of small photos that run once each: threads change nothing.
for class in dark light; do
  mkdir -p "$work/many/$class"
  for copy in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    for i in 1 2 3 4 5 6; do
      cp "$work/photos/$class/$i.bmp" "$work/many/$class/$copy-$i.bmp"
    done
  done
done
for threads in 1 2; do
  timeout 100 ./hubtune train --module "$here/models/images" \
    --data "$work/many" --frozen --epochs 1 --no-cache --threads $threads \
    --out "$work/by$threads" 2> "$work/said" || failures=$((failures + 1))
  wants "they run once" "$(grep -c 'runs once per example' "$work/said")" 1
done
wants 'two threads' "$(cat "$work"/by2/model/variables/*.data* | cksum)" \
  "$(cat "$work"/by1/model/variables/*.data* | cksum)"
[ "$failures" -eq 0 ]
