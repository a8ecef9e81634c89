#!/usr/bin/env bash
# Accuracy of fine-tuned text modules, means of five seeds.
#
#   accuracy.sh DATA [WORK]      DATA holds banking77, mr_polarity, sms_spam
#   HUBTUNE=PATH   the program (default: hubtune)
#   PART=dev       on a fifth of the training set instead of the test set:
#                  the settings were chosen so
#   SEEDS="0 1"    other seeds
#   SETS="sms_spam"  some of the sets
#   MODULE=HANDLE  an existing module and Keras's settings instead of a module
#                  made from the training texts
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
data=${1:?the folder of the data sets}
work=${2:-$(mktemp -d)}
hubtune=${HUBTUNE:-hubtune}
part=${PART:-test}

# set | options of `new text-embedding` | options of `train`
settings() {
  cat <<'END'
banking77|--dim 256 --lowercase --strip-punctuation|--optimizer adamw --weight-decay 0.1 --lr 0.003 --module-lr 0.001 --dropout 0.5 --epochs 11
mr_polarity|--dim 16 --stddev 0.01 --ngrams 2 --subwords 4-5 --lowercase --punctuation split|--lr 0.002 --module-lr 0.001 --dropout 0.2 --schedule linear --epochs 3
sms_spam|--dim 16 --stddev 0.01 --ngrams 2 --subwords 3-5 --lowercase --punctuation split --mask-digits|--lr 0.001 --module-lr 0.001 --dropout 0.2 --epochs 10
END
}

one() {  # set, options of new, options of train, seed: prints the accuracy
  local sets=$work/$part/$1 out=$work/run module=${MODULE:-$work/module}
  rm -rf "$work/run" "$work/module"
  # shellcheck disable=SC2086
  [ -n "${MODULE:-}" ] || "$hubtune" new text-embedding "$module" -q $2 \
    --from-text "$sets/train.csv" --text text --seed "$4"
  # shellcheck disable=SC2086
  "$hubtune" train --module "$module" --data "$sets/train.csv" -q $3 \
    --text text --label label --trainable --seed "$4" --threads 1 --out "$out"
  "$hubtune" eval "$out" "$sets/$part.csv" --json |
    sed -n 's/^ *"accuracy": *\([0-9.]*\).*/\1/p' | head -n 1
}

mkdir -p "$work"
dev=0
[ "$part" = dev ] && dev=0.2
while IFS='|' read -r name new train; do
  case ${SETS:-$name} in *"$name"*) ;; *) continue ;; esac
  python3 "$here/data.py" "$data/$name" "$work/$part/$name" --dev $dev \
    > "$work/data.log"
  [ -z "${MODULE:-}" ] || train="--lr 0.001 --module-lr 0.001 --epochs 5"
  for seed in ${SEEDS:-0 1 2 3 4}; do
    one "$name" "$new" "$train" "$seed"
  done | awk -v name="$name" '{ s += $1; all = all sprintf(" %.4f", $1) }
    END { printf "%-12s mean %.4f  seeds%s\n", name, s / NR, all }'
done < <(settings)
