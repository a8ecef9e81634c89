#!/bin/sh
# Everything that is held against a real TensorFlow: what `make interop` runs.
#
#     tests/interop/run.sh BUILD_FOLDER [MODULE...]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
shift
scratch=$(mktemp -d "${TMPDIR:-/tmp}/hubtune-interop.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
export HUBTUNE="${HUBTUNE:-$build/hubtune}"
export HUBTUNE_EXPORTER="${HUBTUNE_EXPORTER:-$build/tests/interop_export}"
export TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES=

python=$("$here/env.sh" pinned) || {
  echo "interop: skipped, no Python with the pinned TensorFlow" >&2
  exit 77
}
echo "interop: writing modules"
"$python" "$here/modules.py" "$scratch/modules" >/dev/null 2>"$scratch/log" || {
  cat "$scratch/log" >&2
  exit 1
}
export HUBTUNE_EXPORTS="$scratch/exports"
echo "interop: comparing"
failed=0
"$python" "$here/compare.py" "$scratch/modules" "$@" || failed=1

echo "interop: text modules made here"
"$python" "$here/new_text.py" "$HUBTUNE" 2>"$scratch/log" || {
  tail -n 5 "$scratch/log" >&2
  exit 1
}

if [ $# -eq 0 ]; then
  echo "interop: families of modules"
  "$python" -W ignore "$here/families.py" --quick --no-export
  echo "interop: encoders behind preprocessors"
  "$python" -W ignore "$here/chains.py" 2>"$scratch/log" || {
    grep FAILED "$scratch/log" >&2
    failed=1
  }
fi

if [ $# -eq 0 ] && [ -n "${HUBTUNE_SHARED:-}" ]; then
  echo "interop: a published module tuned on photos"
  "$python" -W ignore "$here/photos.py" \
    "$HUBTUNE_SHARED/models/openmv_mobilenet" \
    "$HUBTUNE_SHARED/data/flowers_small" 2>"$scratch/log" || {
    tail -n 5 "$scratch/log" >&2
    failed=1
  }
fi

"$here/cache.sh" "$build"
echo "interop: the examples"
(cd "$build" && srcdir="$here/../.." sh "$here/../../examples/check.sh" \
  "$scratch/examples")
"$python" "$here/examples.py" "$scratch/examples" "$scratch/modules"
echo "interop: modules joined"
"$python" -W ignore "$here/joined.py" 2>"$scratch/log" || {
  tail -n 3 "$scratch/log" >&2
  failed=1
}
echo "interop: layers and graphs"
HUBTUNE_AUTHOR="$build/tests/interop_author" \
  "$python" -W ignore "$here/layers.py" "$scratch/examples"

newest=$("$here/env.sh" newest) || {
  echo "interop: the newest readers are skipped, no Python for them"
  exit $failed
}
echo "interop: the newest readers"
"$newest" "$here/newest.py" "$scratch/exports" || failed=1
echo "interop: modules of Keras 3"
"$newest" "$here/keras3.py" 2>"$scratch/log" || {
  grep FAILED "$scratch/log" >&2
  failed=1
}
exit $failed
