#!/bin/sh
# Prints the Python of a TensorFlow to compare with, made where there is none.
#
#     tests/interop/env.sh pinned|newest
#
# HUBTUNE_ORACLE and HUBTUNE_ORACLE_NEW name interpreters that are there
# already; else environments are kept in ${XDG_CACHE_HOME:-~/.cache}/hubtune.
# Nothing is printed, with status 77, where one cannot be made.
set -eu

kind=${1:-pinned}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/hubtune
case $kind in
pinned)
  given=${HUBTUNE_ORACLE:-}
  versions="3.11 3.10 3.9"
  packages="tensorflow-cpu==2.15.1 tensorflow_hub==0.15.0
    tensorflow_text==2.15.0 numpy<2 setuptools<81"
  ;;
newest)
  given=${HUBTUNE_ORACLE_NEW:-}
  versions="3.13 3.12 3.11 3.10"
  packages="tensorflow-cpu tensorflow_hub tf_keras setuptools<81"
  ;;
*)
  echo "usage: env.sh pinned|newest" >&2
  exit 2
  ;;
esac
if [ -n "$given" ]; then
  echo "$given"
  exit 0
fi

python=$cache/oracle-$kind/bin/python
if [ -x "$python" ]; then
  echo "$python"
  exit 0
fi
base=
for version in $versions; do # a name may be found that does not run
  "python$version" -c 'import ensurepip, venv' 2>/dev/null || continue
  base=python$version
  break
done
if [ -z "$base" ]; then
  echo "env.sh: no Python of $versions for the $kind TensorFlow" >&2
  exit 77
fi
making=$cache/oracle-$kind.$$
trap 'rm -rf "$making"' EXIT
mkdir -p "$cache"
"$base" -m venv "$making" >&2 || exit 77
# shellcheck disable=SC2086
"$making/bin/python" -m pip install --quiet --disable-pip-version-check \
  $packages >&2 || exit 77
"$base" -m venv --upgrade "$making" >&2
mv "$making" "$cache/oracle-$kind"
echo "$python"
