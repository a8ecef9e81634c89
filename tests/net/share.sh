#!/bin/sh
# One cache and many processes: who downloads, who waits, who dies, and what
# a full disk or a cache that cannot be written does. In the build folder.
set -u
case ${srcdir:-.} in /*) ;; *) srcdir=$PWD/${srcdir:-.} ;; esac
program=$PWD/hubtune
work=$(mktemp -d) || exit 1
mkdir -p "$work/files"
mkfifo "$work/alive"
tests/http_server "$work" < "$work/alive" &
server=$!
exec 3> "$work/alive"
trap 'exec 3>&-; wait $server; rm -rf "$work"' EXIT
tries=0
while [ ! -e "$work/ports" ] && [ $tries -lt 100 ]; do
  sleep 0.1
  tries=$((tries + 1))
done
eval "$(cat "$work/ports")"
http=http://localhost:$http
unset http_proxy all_proxy ALL_PROXY TFHUB_MODEL_LOAD_FORMAT HUBTUNE_OFFLINE
unset TFHUB_DOWNLOAD_PROGRESS
export TFHUB_CACHE_DIR="$work/cache"
checks=0 failures=0

wants() {
  checks=$((checks + 1))
  [ "$2" = "$3" ] && return
  printf '%s\n  wanted: %s\n  found:  %s\n' "$1" "$3" "$2"
  failures=$((failures + 1))
}
sha1() { printf '%s' "$1" | sha1sum | cut -d' ' -f1; }
entry() { echo "$work/cache/$(sha1 "$1")"; }
fresh() { rm -rf "$work/cache"; : > "$work/log"; }
names() { ls "$work/cache" | sed -E 's/^[0-9a-f]{40}/ENTRY/; s/[0-9a-f]{32}/UID/'; }
whole='ENTRY
ENTRY.descriptor.txt
ENTRY.files.txt'
# await FILE: until it is there, 10 seconds at most
await() {
  tries=0
  while ! ls $1 > /dev/null 2>&1 && [ $tries -lt 200 ]; do
    sleep 0.05
    tries=$((tries + 1))
  done
}

seq 1 20000 | sed 's/.*/w& & -&/' > "$work/words.txt"
"$program" new text-embedding "$work/module" --embeddings "$work/words.txt" \
  -q || exit 1
(cd "$work/module" && tar czf ../files/m . && tar cf ../files/m.tar .)

# ---- twenty at once

i=0
while [ $i -lt 20 ]; do
  i=$((i + 1))
  ("$program" fetch "$http/slow/50/m.tar" > "$work/out.$i" 2> "$work/err.$i"
   echo $? > "$work/status.$i") &
  pids="${pids-} $!"
done
# shellcheck disable=SC2086
wait $pids
wants 'all succeed' "$(sort -u "$work"/status.*)" 0
wants 'all say the same' "$(sort -u "$work"/out.*)" "$(entry "$http/slow/50/m.tar")"
wants 'one download' "$(wc -l < "$work/log" | tr -d ' ')" 1
wants 'nothing is left' "$(names)" "$whole"

# ---- a downloader that dies

fresh
slow=$http/slow/100/m.tar
"$program" fetch "$slow" > "$work/out" 2>&1 &
victim=$!
await "$(entry "$slow").part.from"
sleep 0.3
kill -9 $victim
wait $victim 2> /dev/null
wants 'what a dead one leaves' "$(names)" 'ENTRY.UID.tmp
ENTRY.lock
ENTRY.part
ENTRY.part.from'
begin=$(date +%s%3N)
"$program" fetch "$slow" > "$work/out" 2> "$work/err"
wants 'the next one succeeds' "$?: $(cat "$work/out" "$work/err")" \
  "0: $(entry "$slow")"
wants 'at once' "$(($(date +%s%3N) - begin < 8000))" 1
wants 'and goes on' "$(cut -d' ' -f2 "$work/log" | tr '\n' ' ')" '200 206 '
wants 'whole' "$(diff -r "$work/module" "$(cat "$work/out")")" ''
wants 'nothing is left of the dead' "$(names)" "$whole"

# Killed anywhere, again and again.
fresh
quick=$http/slow/5/m
i=0
while [ $i -lt 20 ]; do
  i=$((i + 1))
  timeout -s KILL "0.0$((i % 9 + 1))" "$program" fetch "$quick" \
    > "$work/out" 2>&1
done
"$program" fetch "$quick" > "$work/out" 2> "$work/err"
wants 'after 20 kills' "$?: $(diff -r "$work/module" "$(cat "$work/out")")" '0: '
wants 'nothing is left of 20' "$(names)" "$whole"

# ---- locks

fresh
mkdir -p "$work/cache"
lock=$(entry "$http/ok/m").lock
printf '%s.%s.%032d' "$(hostname)" 999999999 1 > "$lock"
wants 'the lock of nobody' "$("$program" fetch "$http/ok/m" 2>&1)" \
  "$(entry "$http/ok/m")"
fresh
mkdir -p "$work/cache"
printf '%s.%s.%032d' "$(hostname)" $$ 1 > "$lock"
touch -d '2020-01-01' "$lock" # this shell began later
wants 'a number used anew' "$("$program" fetch "$http/ok/m" 2>&1)" \
  "$(entry "$http/ok/m")"
fresh
mkdir -p "$(entry "$http/ok/m").$(printf %032d 1).tmp"
printf '%s.%s.%032d' "$(hostname)" $$ 1 > "$lock"
TFHUB_DOWNLOAD_PROGRESS=1 "$program" fetch "$http/ok/m" --max-time 2 \
  > "$work/out" 2> "$work/err"
wants 'a living one is waited for' "$?: $(sort -u "$work/err")" \
  "1: hubtune: gave up waiting for $(hostname).$$.$(printf %032d 1), which \
holds '$lock'
waiting for $(printf %.60s "$(hostname).$$.$(printf %032d 1)"), which has 0 B"
wants 'and not cleared' "$("$program" cache clear; ls "$lock")" "$lock"
("$program" fetch "$http/ok/m" > "$work/out" 2>&1; echo $? > "$work/status") &
waiter=$!
sleep 0.5
rm "$lock"
wait $waiter
wants 'until it gives back' "$(cat "$work/status" "$work/out")" \
  "0
$(entry "$http/ok/m")"
fresh
mkdir -p "$work/cache"
printf 'elsewhere.example.%s.%032d' 1 1 > "$lock"
"$program" fetch "$http/ok/m" --max-time 1 > "$work/out" 2> "$work/err"
wants 'one of another machine is waited for' $? 1

# ---- another that heeds no lock

fresh
("$program" fetch "$http/slow/100/m.tar" > "$work/out" 2> "$work/err"
 echo $? > "$work/status") &
waiter=$!
rogue=$(entry "$http/slow/100/m.tar")
await "$rogue.part.from"
mkdir "$rogue.other"
cp "$work/module/saved_model.pb" "$rogue.other"
mv "$rogue.other" "$rogue"
wait $waiter
wants 'one that finished first' "$(cat "$work/status" "$work/out" "$work/err")" \
  "0
$rogue"
wants 'is mended where it is not whole' "$("$program" fetch \
  "$http/slow/100/m.tar" > "$work/out" 2>&1; diff -r "$work/module" "$rogue")" ''
wants 'nothing is left beside it' "$(names)" "$whole"

# ---- stopped

for signal in INT TERM; do
  fresh
  # A shell's background jobs ignore SIGINT; timeout's do not.
  timeout --foreground --preserve-status -s $signal 1 \
    "$program" fetch "$http/slow/500/m.tar" > "$work/out" 2> "$work/err"
  status=$?
  wants "SIG$signal" "$status: $(cat "$work/err")" \
    "$([ $signal = INT ] && echo 130 || echo 143): hubtune: the download was \
stopped; the same command goes on with it"
  wants "SIG$signal leaves" "$(names)" 'ENTRY.part
ENTRY.part.from'
done

# ---- no room

fresh
(ulimit -f 100; exec "$program" fetch "$http/ok/m.tar") > "$work/out" \
  2> "$work/err"
wants 'no room for the archive' "$?: $(cat "$work/err")" "1: hubtune: cannot \
write '$(entry "$http/ok/m.tar").part': File too large"
wants 'nothing is left of it' "$(names)" ''
head -c 4000000 /dev/zero > "$work/module/zeros" # larger than its archive
tar czf "$work/files/z" -C "$work/module" .
rm "$work/module/zeros"
(ulimit -f 1000; exec "$program" fetch "$http/ok/z") > "$work/out" 2> "$work/err"
wants 'no room for a file' "$?: $(sed -E 's/[0-9a-f]{40}.*module/ENTRY/' \
  "$work/err")" "1: hubtune: cannot write '$work/cache/ENTRY/./zeros': File \
too large"
wants 'nothing is left of that' "$(names)" ''

# A disk that is really full, and one that cannot be written: as whoever may
# mount them.
mounted() {
  unshare -m sh -c 'mount -t tmpfs -o size="$1" none "$2" && shift 2 && "$@"' \
    sh "$@"
}
mkdir -p "$work/disk"
if mounted 1m "$work/disk" true 2> /dev/null; then
  mounted 300k "$work/disk" sh -c 'TFHUB_CACHE_DIR=$1 "$2" fetch "$3"
    echo "$?: $(ls "$1")"' sh "$work/disk" "$program" "$http/ok/m.tar" \
    > "$work/out" 2>&1
  wants 'a full disk' "$(cat "$work/out")" "hubtune: cannot write \
'$work/disk/$(sha1 "$http/ok/m.tar").part': No space left on device
1: "
  mounted 1m "$work/disk" sh -c 'TFHUB_CACHE_DIR=$1 "$2" fetch "$3"
    echo "$?: $(ls "$1")"' sh "$work/disk" "$program" "$http/ok/z" \
    > "$work/out" 2>&1
  wants 'a full disk, unpacking' "$(grep -c 'No space left' "$work/out") \
$(tail -n 1 "$work/out")" '1 1: '
  mounted 9m "$work/disk" sh -c 'export TFHUB_CACHE_DIR="$1"
    "$2" fetch "$3/ok/m" > /dev/null && mount -o remount,ro none "$1" &&
    "$2" fetch "$3/ok/m" && "$2" fetch "$3/ok/m.tar"
    echo $?' sh "$work/disk" "$program" "$http" > "$work/out" 2>&1
  wants 'a cache that cannot be written' "$(cat "$work/out")" \
    "$work/disk/$(sha1 "$http/ok/m")
hubtune: cannot write '$work/disk/$(sha1 "$http/ok/m.tar").lock': Read-only \
file system
1"
else
  echo 'full and read-only disks: skipped, nothing can be mounted here'
fi

# ---- hits while others remove, and a link instead of an entry

fresh
"$program" fetch "$http/ok/m" > "$work/out"
mkdir "$work/precious" && touch "$work/precious/file"
ln -s "$work/precious" "$work/cache/$(printf %040d 1)"
"$program" cache clear
wants 'a link is removed, not what it names' "$(ls "$work/precious")" file
wants 'the cache is empty' "$(names)" ''

echo "$checks checks, $failures failures"
[ "$failures" -eq 0 ]
