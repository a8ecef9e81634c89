#!/bin/sh
# Fails where docs/hub-behaviours.md names a test that is not there, or a row
# has neither a test nor a reason. A cell is `file`: `name`, `name`; or no: why.
root=$(cd "${srcdir:-$(dirname "$0")/..}" && pwd)
page=$root/docs/hub-behaviours.md
names=$(mktemp) || exit 1
trap 'rm -f "$names"' EXIT

awk -F' [|] ' -v OFS='\t' '
  !/^[|] / || /^[|] behaviour / { next }
  {
    rows++
    sub(/ [|]$/, "", $2)
    n = split($2, part, "`")
    file = ""
    found = $2 ~ /^no: ./
    for (i = 2; i <= n; i += 2)
      if (part[i] ~ /^tests\//) file = part[i]
      else if (file) { print file, part[i]; found = 1 }
    if (!found) print "-", $0
  }
  END { if (rows < 60) print "-", "only " rows " rows" }' "$page" > "$names"

status=0
tab=$(printf '\t')
while IFS=$tab read -r file name; do
  case $file in
    -) echo "no test and no reason: $name" ;;
    *.c) grep -q "^START_TEST($name)\|^ *$name) {\$" "$root/$file" 2> /dev/null &&
      continue ;;
    *) grep -qF -- "$name" "$root/$file" 2> /dev/null && continue ;;
  esac
  [ "$file" = - ] || echo "there is no '$name' in '$file'"
  status=1
done < "$names"
[ -s "$names" ] || status=1
exit "$status"
