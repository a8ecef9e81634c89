#!/bin/sh
# Fails where a file under src includes a rung above its own, or another
# folder of its own rung; the ladder stands in docs/design.md.
root=${srcdir:-$(dirname "$0")/..}
cd "$root/src" || exit 1
grep -n '^#include "' -r . --include='*.[ch]' --include='*.cc' |
awk -F'[/:"]' '
BEGIN {
  n = split("base|format proto|tensor kernels|ops|autograd|graph|" \
            "optim data hub|train|api|cli", rung, "|")
  for (i = 1; i <= n; i++) {
    m = split(rung[i], name, " ")
    for (k = 1; k <= m; k++) level[name[k]] = i
  }
}
{
  from = $2
  text = $0
  sub(/^[^"]*"/, "", text); sub(/".*/, "", text)
  if (text == "hubtune.h" || text == "config.h") next
  to = text
  if (!sub(/\/.*/, "", to)) { print $0 ": without its folder"; bad = 1; next }
  if (from == "cli" && to != "cli") wrong = 1
  else if (from == to) wrong = 0
  else if (level[from] == 0 || level[to] == 0) wrong = 1
  else if (level[to] > level[from]) wrong = 1
  else wrong = level[to] == level[from] && rung[level[to]] ~ /optim/
  if (wrong) { print "src/" substr($0, 3) ": " from " may not include " to
               bad = 1 }
}
END { exit bad }'
