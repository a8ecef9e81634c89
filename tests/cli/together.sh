#!/bin/sh
# Processes that meet: two trainings in one folder, readers while a model is
# replaced, signals at any time, pipes and terminals that close. In the build
# folder.
set -u
. "${srcdir:-..}/tests/cli/checks.sh"
program=$PWD/hubtune
cd "$work" || exit 1

awk 'BEGIN { print "text,label"
  for (i = 0; i < 300; i++)
    print "good fine day " i % 50 ",pos\nbad awful night " i % 50 ",neg" }' \
  > data.csv
"$program" new text-embedding m --from-text data.csv --text text --dim 8 \
  --trainable -q > log || exit 1

# train RUN EPOCHS [OPTION...]; exec makes $! the program itself.
# SIGHUP ends it also where it was ignored from the start, as under nohup.
train() {
  out=$1 epochs=$2
  shift 2
  exec env --default-signal=HUP "$program" train --module m --data data.csv --out "$out" \
    --epochs "$epochs" -q "$@"
}
# await FILE...: 20 seconds at most
await() {
  tries=0
  while [ ! -e "$1" ] && [ $tries -lt 400 ]; do
    sleep 0.05
    tries=$((tries + 1))
  done
}

# ---- two trainings in one folder

(train run 100000 --save-every 10) > out1 2> err1 &
first=$!
await run/log.jsonl
(train run 1) > out2 2> err2
wants 'a second training' "$?: $(cat err2)" \
  "1: hubtune: 'run' is in use by another process"
(train run 1 --resume) > out2 2> err2
wants 'a second one that resumes' "$?: $(cat err2)" \
  "1: hubtune: 'run' is in use by another process"

# ---- SIGTERM: a checkpoint, and 143; then the folder is free

kill -TERM $first
wait $first
wants 'SIGTERM' "$?" 143
wants 'a checkpoint' "$(ls run/checkpoints | grep -c '^ckpt-.*index')" \
  "$(ls run/checkpoints | grep -c '^ckpt-.*data')"
wants 'no temporary files' "$(find run -name '*.tmp*')" ''
(train run 1 --resume) > out2 2> err2
wants 'the folder is free' "$?: $(cat err2)" '0: '

# A killed one holds nothing either.
(train killed 100000 --save-every 10) > out1 2> err1 &
first=$!
await killed/log.jsonl
kill -KILL $first
wait $first 2> log
(train killed 1 --resume) > out2 2> err2
wants 'after a kill' "$?: $(cat err2)" '0: '

# A training that fails leaves no folder.
"$program" train --module m --data nosuch.csv --out none -q 2> err2
wants 'no folder of a failure' "$([ -e none ] && echo there)" ''

# ---- a reader while the model is replaced: the old one or the new one

(train swap 1 --seed 1) || failures=$((failures + 1))
i=0
(while [ ! -e stop ]; do
   "$program" run swap/model --input sentences=good > answer 2> error ||
     cat error >> errors
   echo >> reads
 done) &
reader=$!
while [ $i -lt 5 ]; do
  i=$((i + 1))
  (train swap $((i + 1)) --seed 1 --resume) || failures=$((failures + 1))
done
touch stop
wait $reader
wants 'readers see a whole model' "$(cat errors 2> log)" ''
wants 'there were readers' "$([ "$(wc -l < reads)" -gt 2 ] && echo yes)" yes

# ---- pipes and terminals

"$program" predict run data.csv 2> err1 | head -n 1 > out1
wants 'a closed pipe' "$(cat err1)" ''
wants 'what came before' "$(wc -l < out1 | tr -d ' ')" 1
("$program" predict run data.csv > /dev/full) 2> err1
wants 'a full device' "$?: $(cat err1)" \
  '1: hubtune: cannot write standard output: No space left on device'
("$program" inspect m >&-) 2> err1
wants 'no standard output' "$?: $(cat err1)" \
  '1: hubtune: cannot write standard output: Bad file descriptor'
"$program" inspect m 2>&- > out1
wants 'no standard error' "$?" 0
"$program" predict run - < /dev/null > out1 2> err1
wants 'no input' "$?: $(wc -l < out1 | tr -d ' ')" '0: 0'

# A terminal that goes away: a checkpoint, from which it goes on.
(train hung 100000 --save-every 10) > out1 2> err1 &
first=$!
await hung/checkpoints/checkpoint
kill -HUP $first
wait $first 2> log
wants 'the status of SIGHUP' $? 129
(train hung 1 --resume) > out2 2> err2
wants 'after SIGHUP' "$?: $(cat err2)" '0: '
wants 'it left nothing' "$(find hung -name '*.tmp*')" ''

echo "$checks checks, $failures failures"
[ "$failures" -eq 0 ]
