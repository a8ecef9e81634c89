#!/usr/bin/env bash
# Accuracy of fine-tuned image modules, means of three seeds.
#
#   image_accuracy.sh DATA [WORK]  DATA holds flowers_small, sign_digits, mnist10k
#   HUBTUNE=PATH   the program (default: hubtune)
#   CONVNET=PATH   examples/convnet (default: convnet)
#   OPENMV=HANDLE  the module for flowers, a small MobileNet for grey images
#   SEEDS="0 1"    other seeds
#   SETS="mnist10k"  some of the sets
#   SETTINGS=FILE  other settings, lines as below
#   DEV=K          tests on a quarter of the training photos, which is left out,
#                  K from 0 to 3: settings are chosen so, and no test photo is
#                  seen
#
# Of photos in class folders every fifth is for the test; of mnist10k a fifth
# as bench/data.py draws it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
data=$(cd "${1:?the folder of the data sets}" && pwd)
work=${2:-$(mktemp -d)}
hubtune=${HUBTUNE:-hubtune}

# set | module: its size, or a handle | options of `train`
settings() {
  cat <<END
mnist10k|28 28 1|--trainable --lr 0.001 --module-lr 0.001 --schedule linear --epochs 8
sign_digits|64 64 3|--trainable --lr 0.001 --module-lr 0.001 --schedule linear --epochs 30 --augment crop:0.15,zoom:0.1,rotation:10,color
flowers_small|96 96 3|--trainable --lr 0.001 --module-lr 0.001 --schedule linear --epochs 50 --augment flip,crop,zoom,color
flowers_small|${OPENMV:-}|--lr 0.03 --epochs 60 --image-range 0,255
flowers_small|${OPENMV:-}|--call layer_with_weights-0 --trainable --lr 0.05 --module-lr 0.002 --schedule linear --batch 16 --epochs 40 --image-range 0,255 --augment flip,crop
END
}

# Links, as the images are read where they lie.
split_photos() {
  local i=0 part to
  rm -rf "${work:?}/$1"
  for file in "$data/$1"/*/*.jpg "$data/$1"/*/*.JPG; do
    [ -e "$file" ] || continue
    part=train
    case ${DEV:+dev}$((i++ % 5)) in
    dev4) continue ;;
    4 | "dev${DEV:-}") part="test" ;;
    esac
    to=$work/$1/$part/$(basename "$(dirname "$file")")
    mkdir -p "$to"
    ln -sf "$file" "$to/"
  done
}

one() {  # module, options, train, test, seed: prints the accuracy
  rm -rf "$work/run"
  # shellcheck disable=SC2086
  "$hubtune" train --module "$1" --data "$3" -q $2 --seed "$5" \
    --out "$work/run"
  "$hubtune" eval "$work/run" "$4" --json |
    sed -n 's/^.*"accuracy": *\([0-9.]*\).*/\1/p' | head -n 1
}

mkdir -p "$work"
while IFS='|' read -r name module train; do
  case ${SETS:-$name} in *"$name"*) ;; *) continue ;; esac
  if [ "$name" = mnist10k ]; then
    python3 "$here/data.py" "$data/$name" "$work/$name" > "$work/data.log"
    part="$work/$name/train.npz|$work/$name/test.npz"
  else
    split_photos "$name"
    part="$work/$name/train|$work/$name/test"
  fi
  of=$(basename "$module")
  case $module in
  [0-9]*)
    of=convnet
    rm -rf "$work/module"
    # shellcheck disable=SC2086
    "${CONVNET:-convnet}" "$work/module" $module
    module=$work/module
    ;;
  "") echo "$name: skipped, OPENMV names no module"; continue ;;
  esac
  for seed in ${SEEDS:-0 1 2}; do
    one "$module" "$train" "${part%|*}" "${part#*|}" "$seed"
  done | awk -v name="$name" -v of="$of" '{ s += $1; all = all sprintf(" %.4f", $1) }
    END { printf "%-14s %-10s mean %.4f  seeds%s\n", name, of, s / NR, all }'
done < <(if [ -n "${SETTINGS:-}" ]; then cat "$SETTINGS"; else settings; fi)
