#!/bin/sh
# A training run that is killed at random instants, or ended with Ctrl-C, and
# resumed, ends with the very bytes of one that was not; also one that goes
# back from a loss that is no number.
#
#     tests/cli/kill.sh [KILLS [SEED]]
#
# KILLS with SIGKILL, half as many with SIGINT; runs in the build folder.
kills=${1:-20}
seed=${2:-1}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
  echo "kill.sh: $*"
  failures=$((failures + 1))
}

# Texts of three classes whose words overlap.
awk 'BEGIN {
  srand(7)
  print "text,label"
  for (i = 0; i < 1500; i++) {
    text = ""
    for (k = 0; k < 12; k++)
      text = text " w" int(rand() * 200 + i % 3 * 40)
    print text ",c" i % 3
  }
}' > "$work/data.csv"
./hubtune new text-embedding "$work/module" --from-text "$work/data.csv" \
  --text text --dim 16 --trainable -q > "$work/log" || exit 1

# train RUN [COMMAND...]: by the options in $more
train() {
  out=$1
  shift
  # The options hold no blanks of their own.
  # shellcheck disable=SC2086
  "$@" ./hubtune train --module "$work/module" --data "$work/data.csv" \
    --text text --label label --out "$out" --trainable --epochs 8 \
    --valid-split 0.1 --save-every 5 --dropout 0.1 --schedule cosine \
    $more --resume -q < /dev/null >> "$work/log" 2>&1
}

# The weights that the run ended with; temporary files are no part of it.
compare() {
  for file in saved_model.pb variables/variables.index \
    variables/variables.data-00000-of-00001; do
    cmp "$work/whole/model/$file" "$1/model/$file" ||
      fail "$2: model/$file differs"
  done
  cmp "$work/whole.steps" "$1.steps" || fail "$2: the log differs"
  left=$(find "$1" -name '*tmp*')
  [ -z "$left" ] || fail "$2: left behind: $left"
}

# The losses of all steps, bare of times.
steps_of() { grep '"step"' "$1/log.jsonl" > "$1.steps"; }

millis() { date +%s%3N; }

# interrupt SIGNAL STATUS TIMES: instants anywhere in the time of a whole run.
interrupt() {
  hits=0 runs=0 tries=0
  while [ "$hits" -lt "$3" ] || [ -e "$work/run" ]; do
    tries=$((tries + 1))
    [ "$tries" -le $(($3 * 20)) ] || { fail "too many tries: $1"; break; }
    wait=$(awk -v seed="$seed$tries$2" -v span="$span" \
      'BEGIN { srand(seed); rand(); printf "%.3f", rand() * span / 1000 }')
    [ -e "$work/run" ] && fresh=0 || fresh=1
    begin=$(millis)
    if [ "$hits" -lt "$3" ]; then
      train "$work/run" timeout --foreground --preserve-status -s "$1" "$wait"
    else
      train "$work/run"
    fi
    case $? in
      "$2") hits=$((hits + 1)) ;;
      0)
        # The machine may have been busier when a whole run was measured.
        took=$(($(millis) - begin))
        [ $fresh = 0 ] || [ $took -ge "$span" ] || span=$took
        steps_of "$work/run"
        compare "$work/run" "$1, try $tries"
        runs=$((runs + 1))
        rm -rf "$work/run"
        ;;
      *)
        fail "$1, try $tries: $(tail -n 1 "$work/log")"
        rm -rf "$work/run"
        ;;
    esac
  done
  echo "$1: $hits times in $runs runs"
}

# scenario OPTION...: whole, on one thread, and interrupted
scenario() {
  more=$*
  rm -rf "$work/whole" "$work/one"
  begin=$(millis)
  train "$work/whole" || { cat "$work/log"; exit 1; }
  span=$(($(millis) - begin))
  steps_of "$work/whole"
  more="$* --threads 1"
  train "$work/one" || { cat "$work/log"; exit 1; }
  steps_of "$work/one"
  compare "$work/one" "one thread"
  more=$*
  interrupt KILL 137 "$kills"
  interrupt INT 130 $((kills / 2))
}

scenario
scenario --optimizer sgd --lr 3000
[ "$(wc -l < "$work/whole/checkpoints/retreats")" -ge 2 ] ||
  fail "nothing was to go back from"
[ "$failures" -eq 0 ]
