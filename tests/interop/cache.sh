#!/bin/sh
# A cache that hubtune filled serves Python's tensorflow_hub, and the reverse:
# one download for both.
#
#     tests/interop/cache.sh BUILD_FOLDER
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$1"
python=$("$here/env.sh" pinned) || exit 77
work=$(mktemp -d "${TMPDIR:-/tmp}/hubtune-cache.XXXXXX")
mkdir "$work/files"
mkfifo "$work/alive"
tests/http_server "$work" < "$work/alive" &
exec 3> "$work/alive"
trap 'exec 3>&-; wait; rm -rf "$work"' EXIT
printf 'cat 1 2\ndog 3 4\n' > "$work/words.txt"
./hubtune new text-embedding "$work/module" --embeddings "$work/words.txt" -q
tar czf "$work/files/m" -C "$work/module" .
while [ ! -e "$work/ports" ]; do sleep 0.1; done
eval "$(cat "$work/ports")"
handle=http://localhost:$http/smart/m
unset http_proxy all_proxy ALL_PROXY

in_python() {
  TF_CPP_MIN_LOG_LEVEL=3 "$python" -c 'import sys, tensorflow_hub
print(tensorflow_hub.resolve(sys.argv[1]))
print(tensorflow_hub.load(sys.argv[1])(["dog"]).numpy().tolist())' "$handle" \
    2> "$work/log.python"
}
in_hubtune() {
  ./hubtune fetch "$handle"
  ./hubtune run "$handle" --input sentences=dog | tail -n 1
  ./hubtune cache verify
}

status=0
for order in 'in_hubtune in_python' 'in_python in_hubtune'; do
  export TFHUB_CACHE_DIR="$work/cache.${order%% *}"
  : > "$work/log"
  for who in $order; do $who > "$work/$who" || status=1; done
  grep -q '\[\[3.0, 4.0\]\]' "$work/in_python" || status=1
  grep -q '3. *4.' "$work/in_hubtune" || status=1
  [ "$(head -n 1 "$work/in_python")" = "$(head -n 1 "$work/in_hubtune")" ] ||
    status=1
  [ "$(wc -l < "$work/log")" -eq 1 ] || status=1
  [ $status -eq 0 ] || { cat "$work"/in_* "$work/log"; break; }
  echo "cache: $order: one download"
done
exit $status
