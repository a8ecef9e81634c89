#!/bin/sh
# Fails where docs/ops.md is not what `make docs` writes, a command has no
# manual page, or a page names a file that is not there.
root=$(cd "${srcdir:-$(dirname "$0")/..}" && pwd)
status=0
wrong() { echo "$*"; status=1; }

made=$(mktemp) || exit 1
trap 'rm -f "$made"' EXIT
"$root/tools/make-ops.sh" . "$root" > "$made" || wrong "no list of operations"
cmp -s "$made" "$root/docs/ops.md" ||
  wrong "docs/ops.md is not current: run 'make docs' and commit it"

for command in $(sed -n 's/^COMMAND(\([a-z]*\),.*/\1/p' \
  "$root/src/cli/commands.def"); do
  grep -q "docs/hubtune-$command\.1" "$root/docs/sources.am" ||
    wrong "docs/sources.am: no manual page of '$command'"
done

for page in README.md CONTRIBUTING.md docs/design.md tests/README.md; do
  [ -f "$root/$page" ] || { wrong "there is no $page"; continue; }
  for path in $(grep -o '`[A-Za-z0-9_./-]*`' "$root/$page" | tr -d '`' |
    grep -E '^(src|docs|tests|tools|examples|include|bench|proto)/'); do
    [ -e "$root/$path" ] || wrong "$page: there is no '$path'"
  done
done

for file in "$root"/docs/*.md "$root"/tools/*; do
  grep -q "${file#"$root"/}" "$root/docs/sources.am" "$root/tests/sources.am" ||
    wrong "${file#"$root"/} is in no EXTRA_DIST"
done
exit "$status"
