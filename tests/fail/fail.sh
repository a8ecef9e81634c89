#!/bin/sh
# What happens when one call fails: allocation k, or open, read, write, fsync,
# rename, mmap k, for every k (or for N of them, spread evenly) in every main
# command. A run has to succeed with the right output or to end with status 1,
# one line of message and nothing half-written. In a build folder of
# `configure --enable-leaks`, nothing may leak either.
#
#     tests/fail/fail.sh [N|all [COMMAND...]]      in the build folder
set -u
most=${1:-12}
[ $# -eq 0 ] || shift
root=$PWD
library=$root/.libs/libhubtune.so
inject=$root/tests/fail/.libs/inject.so
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
case $(nm -D "$library" 2> /dev/null) in *__asan*)
  echo 'skipped: that sanitizer has to come before all else'; exit 77 ;;
esac
[ -e "$inject" ] || { echo "skipped: there is no $inject"; exit 77; }
export LD_LIBRARY_PATH="$root/.libs" XDG_CACHE_HOME="$work/cache"
# Leaks go to files of their own.
export LSAN_OPTIONS="log_path=$work/leak exitcode=0"
program=$root/.libs/hubtune
[ -e "$program" ] || program=$root/hubtune
failures=0 runs=0

fail() {
  echo "$*"
  failures=$((failures + 1))
}

cd "$work" || exit 1
awk 'BEGIN { print "text,label"
  for (i = 0; i < 40; i++) print "good fine day " i ",pos\nbad awful " i ",neg" }' \
  > data.csv
"$program" new text-embedding m --from-text data.csv --text text --dim 4 \
  --trainable -q > /dev/null || exit 1
"$program" train --module m --data data.csv --out trained --epochs 1 -q || exit 1
tar czf m.tar.gz -C m .
XDG_CACHE_HOME="$work/kept" "$program" fetch m.tar.gz > /dev/null || exit 1

# What a command is, and what has to be there afterwards.
command_of() {
  case $1 in
    inspect) echo inspect m --json ;;
    run) echo run m --input sentences=good --outputs out.npz ;;
    gradients) echo run m --input sentences=good --gradients out.npz \
      --outputs o.npz ;;
    embed) echo embed m data.csv --text text --outputs out.csv -q ;;
    train) echo train --module m --data data.csv --out out --epochs 2 \
      --trainable --save-every 2 -q ;;
    eval) echo eval trained data.csv --json ;;
    predict) echo predict trained data.csv ;;
    export) echo export trained out --what module ;;
    hub1) echo export trained out --format hub1 ;;
    new) echo new text-embedding out --from-text data.csv --text text --dim 4 \
      -q ;;
    fetch) echo fetch m.tar.gz ;;
    list | verify | clear) echo "cache $1" ;;
    check) echo data check data.csv --text text ;;
    report) echo report out ;;
    ops) echo ops --json ;;
  esac
}

clear_out() {
  rm -rf out out.* o.npz cache leak.*
  case $command in
    list | verify | clear) cp -r kept cache ;;
    report) cp -r trained out ;;
  esac
}

# once COMMAND KIND K: runs it with one failure.
once() {
  clear_out
  # The words hold no blanks.
  # shellcheck disable=SC2046
  FAIL_KIND=$2 FAIL_AT=$3 FAIL_COUNT=$work/count \
    timeout 60 env LD_PRELOAD="$inject $library" "$program" \
    $(command_of "$1") > stdout 2> stderr < /dev/null
}

# Bytes of all that came out, without what differs from run to run.
digest() {
  { cat stdout; find out out.* o.npz cache -type f 2> /dev/null | sort |
    grep -v 'descriptor\|files.txt\|log.jsonl\|log.csv\|events\|report' |
    while read -r f; do echo "$f"; cat "$f"; done; } | cksum
}

judge() {
  status=$1 what=$2
  runs=$((runs + 1))
  left=$(find . -name '*.tmp*' -o -name '*.lock' -o -name '*.part' | head -n 3)
  [ -z "$left" ] || fail "$what: left behind: $left"
  for leak in leak.*; do
    [ ! -e "$leak" ] || fail "$what: $(sed -n '/ERROR\|leak of/,/^$/p' "$leak" |
      head -n 16)"
  done
  case $status in
    0)
      # An entry whose lock cannot be read stays, as one that is being filled;
      # a list says why it has no name for an entry.
      [ "$(digest)" = "$wanted" ] || [ "$what" = "clear, open 1 of 1" ] ||
        grep -q "? (cannot" stdout || fail "$what: another output" ;;
    1)
      [ "$(grep -c '^hubtune: .' stderr)" -eq 1 ] ||
        fail "$what: said: $(head -n 3 stderr)"
      case $command in
        export | hub1 | new) [ ! -e out ] || [ "$(digest)" = "$wanted" ] ||
          fail "$what: half an output" ;;
        report) grep -q '</html>' out/report.html ||
          fail "$what: half a report" ;;
        run | embed) [ ! -e out.npz ] && [ ! -e out.csv ] ||
          [ "$(digest)" = "$wanted" ] || fail "$what: half an output" ;;
      esac ;;
    2) grep -q '^hubtune: no memory for the command line' stderr ||
      fail "$what: $(cat stderr)" ;;
    *) fail "$what: status $status: $(head -n 3 stderr)" ;;
  esac
}

for command in ${*:-inspect run gradients embed train eval predict export hub1 \
  new fetch list verify clear check report ops}; do
  for kind in alloc open read write sync rename map; do
    once "$command" $kind 0 || { fail "$command: $(cat stderr)"; continue; }
    n=$(cat count)
    wanted=$(digest)
    step=1
    [ "$most" = all ] || [ "$n" -le "$most" ] || step=$((n / most))
    k=1
    while [ $k -le "$n" ]; do
      once "$command" $kind $k
      judge $? "$command, $kind $k of $n"
      k=$((k + step))
    done
  done
done
echo "$runs runs with a failure, $failures of them wrong"
[ "$failures" -eq 0 ]
