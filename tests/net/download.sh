#!/bin/sh
# Downloads from a web server on the loopback address that misbehaves
# (http_server.c): what arrives, what is said, what is left. In the build
# folder; https is left out, and says so, where OpenSSL's libssl is missing.
set -u
case ${srcdir:-.} in /*) ;; *) srcdir=$PWD/${srcdir:-.} ;; esac
program=$PWD/hubtune
work=$(mktemp -d) || exit 1
mkdir -p "$work/files" "$work/home"
mkfifo "$work/alive"
tests/http_server "$work" < "$work/alive" &
server=$!
exec 3> "$work/alive" # the server lives as long as this is open
trap 'exec 3>&-; wait $server; rm -rf "$work"' EXIT
tries=0
while [ ! -e "$work/ports" ] && [ $tries -lt 100 ]; do
  sleep 0.1
  tries=$((tries + 1))
done
eval "$(cat "$work/ports")"
# Nothing of the user's: no proxy, no cache, no credentials.
unset http_proxy https_proxy HTTPS_PROXY all_proxy ALL_PROXY no_proxy NO_PROXY
unset TFHUB_CACHE_DIR TFHUB_MODEL_LOAD_FORMAT TFHUB_DOWNLOAD_PROGRESS
unset TFHUB_DISABLE_CERT_VALIDATION HUBTUNE_OFFLINE CURL_CA_BUNDLE
unset SSL_CERT_FILE SSL_CERT_DIR KAGGLE_USERNAME KAGGLE_KEY KAGGLE_API_TOKEN
unset KAGGLE_CONFIG_DIR
export HOME="$work/home" XDG_CACHE_HOME="$work/cache"
cache=$work/cache/hubtune/modules
http=http://localhost:$http
https=https://localhost:$https
checks=0 failures=0

# wants WHAT FOUND WANTED
wants() {
  checks=$((checks + 1))
  [ "$2" = "$3" ] && return
  printf '%s\n  wanted: %s\n  found:  %s\n' "$1" "$3" "$2"
  failures=$((failures + 1))
}

sha1() { printf '%s' "$1" | sha1sum | cut -d' ' -f1; }

# got WHAT HANDLE [OPTION...]: the module arrives, and is the one that was
# sent. Nothing else is left in the cache.
got() {
  what=$1 handle=$2
  shift 2
  folder=$("$program" fetch "$handle" "$@" 2> "$work/err")
  wants "$what: status" "$?: $(cat "$work/err")" "0: ${said-}"
  wants "$what: folder" "$folder" "$cache/$(sha1 "$handle")"
  wants "$what: content" "$(diff -r "$work/module" "$folder" 2>&1)" ''
  clean "$what"
}

# fails WHAT MESSAGE HANDLE [OPTION...]
fails() {
  what=$1 message=$2 handle=$3
  shift 3
  "$program" fetch "$handle" "$@" > "$work/out" 2> "$work/err"
  wants "$what: status" $? 1
  wants "$what: message" "$(cat "$work/err")" "hubtune: $message"
  wants "$what: output" "$(cat "$work/out")" ''
  clean "$what"
}

# No lock, no unfinished folder, no part of a file that cannot be gone on with.
clean() {
  wants "$1: left" "$(ls "$cache" 2> /dev/null |
    grep -E '\.lock|\.tmp|\.part$' | sed "s/^[0-9a-f]*//" | sort -u)" "${left-}"
}

fresh() { rm -rf "$work/cache"; : > "$work/log"; }
requests() { grep -c "$1" "$work/log"; }

# ---- the module and its archives

seq 1 20000 | sed 's/.*/w& & -&/' > "$work/words.txt"
"$program" new text-embedding "$work/module" --embeddings "$work/words.txt" \
  -q || exit 1
(cd "$work/module" && tar --sort=name -czf ../files/m.tar.gz . && tar cf ../files/m.tar . &&
  tar czf ../files/m.tgz saved_model.pb variables/variables.index \
    variables/variables.data-00000-of-00001 assets/tokens.txt)
cp "$work/files/m.tar.gz" "$work/files/m"
head -c 300000 /dev/urandom > "$work/files/before"
digest=$(sha256sum "$work/files/m.tar.gz" | cut -d' ' -f1)

# ---- what is asked for

for kind in tar tar.gz tgz; do
  got "a .$kind" "$http/ok/m.$kind"
done
got 'without a length' "$http/plain/m"
got 'a smart handle' "$http/smart/m"
got 'a query' "$http/smart/m?a=b%20c&d=&e"
wants 'the query' "$(tail -n 1 "$work/log")" \
  '/smart/m?a=b+c&tf-hub-format=compressed 200 -1'
got 'ten redirections' "$http/redirect/10/m"
fails 'eleven redirections' \
  "cannot download '$http/redirect/1/m': Maximum (10) redirects followed" \
  "$http/redirect/11/m"
descriptor=$cache/$(sha1 "$http/smart/m").descriptor.txt
wants 'the descriptor' \
  "$(sed -E 's/(: )[0-9 :.-]{26}$/\1TIME/; s/PID:[0-9]+/PID:N/' "$descriptor")" \
  "Module: $http/smart/m
Download Time: TIME
Downloader Hostname: $(hostname) (PID:N)"

# ---- hits

n=$(wc -l < "$work/log")
touched() { find "$cache" -printf '%p %T@ %C@\n' | sort; }
before=$(touched)
got 'a hit' "$http/ok/m.tar"
got 'a hit offline' "$http/ok/m.tar" --offline
HUBTUNE_OFFLINE=1 got 'a hit by a setting' "$http/ok/m.tar"
wants 'hits touch nothing' "$(touched)" "$before"
wants 'hits ask nobody' "$(wc -l < "$work/log")" "$n"
fails 'offline' "'$http/ok/x' is not in the cache, and nothing is downloaded \
offline" "$http/ok/x" --offline
wants 'run from an address' "$("$program" run "$http/ok/m.tar" --input \
  sentences=w3 2>&1 | tr -d ' ' | grep -o '3.-3')" '3.-3'
for lost in saved_model.pb variables/variables.data-00000-of-00001 \
  assets/tokens.txt; do
  rm "$cache/$(sha1 "$http/ok/m.tar")/$lost"
  fails "$lost is lost" "'$http/ok/m.tar' is broken in the cache, and nothing \
is downloaded offline: '$lost' is missing" "$http/ok/m.tar" --offline
  got "healed: $lost" "$http/ok/m.tar"
done
index=$cache/$(sha1 "$http/ok/m.tar")/variables/variables.index
wants 'verified' "$("$program" cache verify | cut -d' ' -f1 | sort -u)" whole
printf x | dd of="$index" bs=1 seek=40 conv=notrunc 2> /dev/null
wants 'a changed byte' "$("$program" cache verify 2> "$work/err" | grep broken)" \
  "broken  $http/ok/m.tar: 'variables/variables.index' was changed"
: > "$index"
got 'healed: an empty file' "$http/ok/m.tar"
rm "$cache/$(sha1 "$http/ok/m.tar").files.txt" "$index"
got 'healed without a list' "$http/ok/m.tar"
wants 'list' "$("$program" cache list --json | grep -c '"handle"')" \
  "$("$program" cache list | grep -c "$http")"
"$program" cache clear "$http/ok/m.tar"
wants 'one is cleared' "$(ls "$cache" | grep -c "$(sha1 "$http/ok/m.tar")")" 0
touch "$cache/mine"
"$program" cache clear
wants 'only the cache is cleared' "$(ls "$cache")" mine

# ---- digests and limits

fresh
got 'the right digest' "$http/ok/m.tar.gz" --sha256 "$digest"
wrong=$(printf '%064d' 7)
fails 'another digest' "'$http/ok/m.tar.gz' has the SHA-256 $digest instead \
of $wrong" "$http/ok/m.tar.gz" --sha256 "$wrong"
got 'the right one is still there' "$http/ok/m.tar.gz" --sha256 "$digest"
fails 'no digest' "a SHA-256 has 64 hexadecimal digits: 'abc'" \
  "$http/ok/m.tar.gz" --sha256 abc
size=$(stat -c %s "$work/files/m.tar.gz")
fails 'too large' "'$http/ok/m' has $size bytes, which is over the limit of \
1000" "$http/ok/m" --max-size 1000
fails 'too large, unpacked' "'$http/ok/m': member './assets/tokens.txt' makes the \
archive too big (status 200, type 'application/gzip')" "$http/ok/m" \
  --max-size "$((size + 1))"

# ---- what is no module

fresh
for code in 403 404 401; do
  fails "status $code" "'$http/code/$code/m' answers with status $code \
(text/html; charset=utf-8)" "$http/code/$code/m"
done
wants 'asked once' "$(requests /code/)" 3
echo '<html></html>' > "$work/files/page"
fails 'a page' "neither a folder nor a .tar.gz: '$http/redirect/0/page' (status \
200, type 'application/gzip')" "$http/redirect/1/page"
fails 'half a length' "'$http/less/m.tar.gz' is no whole archive: truncated \
gzip input (status 200, type 'application/gzip')" "$http/less/m.tar.gz"
"$program" fetch http://localhost:1/m --retries 0 > "$work/out" 2> "$work/err"
wants 'no server' "$?: $(sed 's/ after.*//' "$work/err")" "1: hubtune: cannot \
download 'http://localhost:1/m': Failed to connect to localhost port 1"
fails 'no such host' "cannot download 'http://nosuch.invalid/m': Could not \
resolve host: nosuch.invalid" http://nosuch.invalid/m
fails 'another scheme' "'s3://b/m' cannot be fetched: copy it to a folder and \
name that" s3://b/m
TFHUB_MODEL_LOAD_FORMAT=auto fails 'another format' \
  "TFHUB_MODEL_LOAD_FORMAT has to be AUTO, COMPRESSED or UNCOMPRESSED to \
download '$http/ok/m': 'auto'" "$http/ok/m"

# ---- tried again, gone on with

fresh
said="'$http/flaky/503/1/m' answers with status 503 (text/html; charset=utf-8)\
; trying again (1 of 4)"
got 'a 503' "$http/flaky/503/1/m"
said= ; unset said
got 'a 500 and quiet' "$http/flaky/500/1/m" -q
fails 'only 500' "'$http/code/500/m' answers with status 500 (text/html; \
charset=utf-8)" "$http/code/500/m" --retries 1 -q
wants 'asked twice' "$(requests /code/500)" 2
got 'cut twice' "$http/cut/2/m.tar.gz" -q
half=$((size / 2))
wants 'gone on with' "$(grep /cut/ "$work/log" | cut -d' ' -f2,3 | tr '\n' ,)" \
  "200 -1,206 $half,206 $((half + (size - half) / 2)),"
got 'another file by then' "$http/changed/m.tar.gz" -q
fails 'another range' "'$http/other/m' answers with another part than asked \
for" "$http/other/m" -q
left=.part
fails 'a length too large' "cannot download '$http/more/m': transfer closed \
with $size bytes remaining to read" "$http/more/m" --retries 1 -q
fails 'stalled' "cannot download '$http/stall/m': Operation too slow. Less \
than 1 bytes/sec transferred the last 1 seconds" "$http/stall/m" --retries 0 \
  --stall-time 1
"$program" fetch "$http/slow/500/m.tar" --max-time 1 2> "$work/err"
wants 'too slow' "$(cat "$work/err")" \
  "hubtune: '$http/slow/500/m.tar' took longer than 1 s"
unset left
fresh
fails 'an interrupted one' "cannot download '$http/cut/1/m.tar': transfer \
closed with $(($(stat -c %s "$work/files/m.tar") -
  $(stat -c %s "$work/files/m.tar") / 2)) bytes remaining to read" \
  "$http/cut/1/m.tar" --retries 0 2> /dev/null > "$work/ignored"
failures=$((failures - $(grep -c left "$work/ignored")))
got 'is gone on with by the next' "$http/cut/1/m.tar"
wants 'by a range' "$(tail -n 1 "$work/log" | cut -d' ' -f2)" 206

# ---- https, proxies, Kaggle

if [ "$https" != https://localhost:0 ]; then
  fresh
  got 'by https' "$https/ok/m" --ca-file "$work/ca.pem"
  rm -rf "$cache"
  SSL_CERT_FILE=$work/ca.pem got 'by SSL_CERT_FILE' "$https/ok/m"
  rm -rf "$cache"
  CURL_CA_BUNDLE=$work/ca.pem got 'by CURL_CA_BUNDLE' "$https/ok/m"
  rm -rf "$cache"
  TFHUB_DISABLE_CERT_VALIDATION=true got 'unchecked' "$https/ok/m"
  rm -rf "$cache"
  "$program" fetch "$https/ok/m" > "$work/out" 2> "$work/err"
  wants 'an unknown certificate' "$?: $(sed 's/certificate.*//' "$work/err")" \
    "1: hubtune: cannot download '$https/ok/m': SSL "
  TFHUB_DISABLE_CERT_VALIDATION=1 "$program" fetch "$https/ok/m" \
    > "$work/out" 2> "$work/err"
  wants 'only true is true' $? 1
  other=$(echo "$https" | sed s/localhost/127.0.0.1/)
  "$program" fetch "$other/ok/m" --ca-file "$work/ca.pem" 2> "$work/err"
  wants 'of another host' "$(grep -c 127.0.0.1 "$work/err")" 1
  fails 'no file of certificates' "cannot download '$https/ok/m': error \
setting certificate file: $work/none" "$https/ok/m" --ca-file "$work/none"
  "$program" fetch "$https/unsafe/m" --ca-file "$work/ca.pem" 2> "$work/err"
  wants 'from https to http' "$(grep -c 'not safe' "$work/err")" 1

  export CURL_CA_BUNDLE="$work/ca.pem"
  fresh
  got 'by a proxy' http://example.invalid/ok/m --proxy "$http"
  rm -rf "$cache"
  http_proxy=$http got 'by http_proxy' http://example.invalid/ok/m
  echo m.tar.gz > "$work/kaggle"
  model=https://www.kaggle.com/models/me/m/tensorFlow2/small/1
  export https_proxy="$http" no_proxy=localhost
  fails 'a stranger at Kaggle' "'$model' answers with status 403 (text/html; \
charset=utf-8); if the model asks for consent or is private, set \
KAGGLE_USERNAME and KAGGLE_KEY" $model
  KAGGLE_USERNAME=me KAGGLE_KEY=secret got 'known to Kaggle' $model
  wants 'how it was asked' "$(cut -d' ' -f1,2 "$work/log" | tail -n 3)" \
    "/models/me/m/tensorFlow2/small/1?tf-hub-format=compressed 403
/api/v1/models/me/m/tensorFlow2/small/1/download 302
/stranger/m.tar.gz 200"
  rm -rf "$cache"
  KAGGLE_API_TOKEN=token got 'by a token' $model
  for place in .kaggle .config/kaggle; do
    rm -rf "$cache"
    mkdir -p "$HOME/$place"
    echo '{"username":"me","key":"secret"}' > "$HOME/$place/kaggle.json"
    got "by ~/$place" $model/
    rm "$HOME/$place/kaggle.json"
  done
  rm -rf "$cache"
  echo '{"username":"me"}' > "$HOME/.kaggle/kaggle.json"
  fails 'half a kaggle.json' "'$HOME/.kaggle/kaggle.json' has no \"username\" \
and \"key\"" $model
  KAGGLE_USERNAME=me KAGGLE_KEY=wrong fails 'a wrong key' "'https://\
www.kaggle.com/api/v1/models/me/m/tensorFlow2/small/1/download' answers with \
status 401 (text/html; charset=utf-8)" $model
  unset CURL_CA_BUNDLE https_proxy no_proxy
else
  echo 'https, proxies and Kaggle: skipped, there is no libssl'
fi

# ---- folders in buckets

mkdir -p "$work/files/bucket/a"
cp -r "$work/module" "$work/files/bucket/a/m"
# items PREFIX: names and sizes of the files, as the API lists them
items() {
  (cd "$work/module" && find . -type f | sort | while read -r f; do
    printf '{"name":"%s","size":"%s"},' "$1${f#./}" "$(wc -c < "$f")"
  done) | sed 's/,$//'
}
all=$(items a/m/)
export STORAGE_EMULATOR_HOST="$http"
fresh
printf '{"items":[{"name":"a/m/","size":"0"},%s],"nextPageToken":"a b"}' \
  "${all%%\},*}}" > "$work/files/list.json"
printf '{"items":[%s]}' "${all#*\},}" > "$work/files/list2.json"
got 'a folder in a bucket' gs://bucket/a/m
wants 'how it was listed' "$(head -n 2 "$work/log" | cut -d' ' -f1)" \
  '/storage/v1/b/bucket/o?fields=items(name,size),nextPageToken&prefix=a%2Fm%2F
/storage/v1/b/bucket/o?fields=items(name,size),nextPageToken&prefix=a%2Fm%2F&pageToken=a%20b'
: > "$work/log"
got 'a folder in a bucket, kept' gs://bucket/a/m
wants 'nobody asks for what is kept' "$(cat "$work/log")" ''
fails 'a folder over the limit' "'gs://bucket/a/m/' has more bytes than the \
limit of 1" gs://bucket/a/m/ --max-size 1
got 'a folder with a slash' gs://bucket/a/m/
printf '{"items":[%s]}' "$all" > "$work/files/list.json"
TFHUB_MODEL_LOAD_FORMAT=UNCOMPRESSED got 'a server that names a bucket' \
  "$http/tell/bucket/a/m"
TFHUB_MODEL_LOAD_FORMAT=UNCOMPRESSED fails 'a server that names none' \
  "'$http/ok/m' answers with status 200, not with the address of a bucket" \
  "$http/ok/m"
TFHUB_MODEL_LOAD_FORMAT=UNCOMPRESSED fails 'a server that has none' \
  "'$http/code/404/m' answers with status 404 (text/html; charset=utf-8)" \
  "$http/code/404/m"
rm "$work/files/bucket/a/m/saved_model.pb"
fails 'a file of a bucket that is gone' "'$http/bucket/a/m/saved_model.pb' \
answers with status 404 (text/html; charset=utf-8)" gs://bucket/a/m//
echo x > "$work/files/bucket/a/m/saved_model.pb"
fails 'a file of another size' "'saved_model.pb' of 'gs://bucket/a/m//' has 2 \
bytes instead of $(wc -c < "$work/module/saved_model.pb")" gs://bucket/a/m//
fails 'a digest of a folder' "a SHA-256 is one of an archive: \
'gs://bucket/a/m//' is a folder" gs://bucket/a/m// --sha256 "$(sha256sum \
  "$work/files/m.tgz" | cut -d' ' -f1)"
printf '{"items":[{"name":"a/m/x","size":"99999999999999"}]}' \
  > "$work/files/list.json"
fails 'a folder that is too large' "'gs://bucket/a/m//' has more bytes than \
the limit of 68719476736" gs://bucket/a/m//
for name in ../x /x x/../../y a//b '\u0001' 'a\\b' x/.; do
  printf '{"items":[{"name":"a/m/%s","size":"1"}]}' "$name" \
    > "$work/files/list.json"
  "$program" fetch gs://bucket/a/m// 2> "$work/err" > "$work/out"
  wants "a file called $name" "$?: $(grep -c 'is no path' "$work/err")" '1: 1'
done
echo '{"kind":"storage#objects"}' > "$work/files/list.json"
fails 'an empty folder' "'gs://bucket/a/m//' has no files that all may read" \
  gs://bucket/a/m//
echo '<html>' > "$work/files/list.json"
fails 'a list that is none' "the list of 'gs://bucket/a/m//' is no JSON object" \
  gs://bucket/a/m//
echo '{"items":[{"name":"a/m/x"}]}' > "$work/files/list.json"
fails 'half a list' "the list of 'gs://bucket/a/m//' lacks a name or a size" \
  gs://bucket/a/m//
fails 'no bucket' "'gs:///a' names no bucket" gs:///a
mkdir -p "$work/files/bucket" && cp "$work/files/m.tgz" "$work/files/bucket/"
got 'an archive in a bucket' gs://bucket/m.tgz
unset STORAGE_EMULATOR_HOST

# ---- local ones

fresh
for kind in tar tar.gz tgz; do
  folder=$("$program" fetch "$work/files/m.$kind")
  wants "local .$kind" "$(diff -r "$work/module" "$folder")" ''
done
wants 'file://' "$("$program" fetch "file://$work/module")" "$work/module"
wants 'file:// of an archive' "$("$program" fetch "file://$work/files/m.tgz")" \
  "$folder"
mkdir "$work/a b" && cp -r "$work/module" "$work/a b/m"
wants 'file:// decoded' "$("$program" fetch "file://localhost$work/a%20b/m")" \
  "$work/a b/m"
fails 'file:// elsewhere' "'file://host/m' names another machine" file://host/m
TFHUB_CACHE_DIR=$work/shared "$program" fetch "$http/ok/m" > "$work/out"
wants 'TFHUB_CACHE_DIR' "$(cat "$work/out")" \
  "$work/shared/$(sha1 "$http/ok/m")"
TFHUB_CACHE_DIR=gs://b/c fails 'a cache in a bucket' "the cache has to be a \
local folder: TFHUB_CACHE_DIR is 'gs://b/c'" "$http/ok/m"

echo "$checks checks, $failures failures"
[ "$failures" -eq 0 ]
