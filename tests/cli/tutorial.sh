#!/bin/sh
# Runs docs/tutorial.md: every command in it succeeds and prints what the page
# says. Numbers agree within a hundredth (or 0.01); '...' stands for lines, or
# for the rest of one.
source=$(cd "${srcdir:-..}" && pwd)
PATH=$PWD:$PATH
SOURCE=$source
export PATH SOURCE
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir "$work/steps" "$work/here"

# A step is a line '    $ command' and the indented lines after it.
awk -v out="$work/steps" '
  /^    \$ / { n++; print substr($0, 7) > (out "/" n ".sh")
               printf "" > (out "/" n ".want"); inside = 1; next }
  /^    / && inside { print substr($0, 5) > (out "/" n ".want"); next }
  { inside = 0 }
  END { print n > (out "/count") }' "$source/docs/tutorial.md"

same() {
  awk '
    function number(s) { return s ~ /^-?[0-9]+(\.[0-9]+)?(e-?[0-9]+)?$/ }
    function near(a, b,   d) {
      if (a == b) return 1
      if (!number(a) || !number(b)) return 0
      d = a - b; if (d < 0) d = -d
      return d <= 0.01 || d <= 0.01 * (b < 0 ? -b : b)
    }
    function fits(line, want,   a, b, n, m, i) {
      n = split(line, a, " "); m = split(want, b, " ")
      for (i = 1; i <= m; i++) {
        if (b[i] == "...") return 1
        if (i > n || !near(a[i], b[i])) return 0
      }
      return n == m
    }
    FNR == NR { want[++k] = $0; next }
    { got[++g] = $0 }
    END {
      i = 1
      for (w = 1; w <= k; w++) {
        if (want[w] == "...") { skip = 1; continue }
        while (skip && i <= g && !fits(got[i], want[w])) i++
        skip = 0
        if (i > g || !fits(got[i], want[w])) {
          print "wanted: " want[w]; print "found:  " got[i]; exit 1
        }
        i++
      }
      if (!skip && i <= g) { print "more than wanted: " got[i]; exit 1 }
    }' "$1" "$2"
}

failures=0
step=1
count=$(cat "$work/steps/count")
[ "$count" -gt 10 ] || exit 1
cd "$work/here" || exit 1
while [ "$step" -le "$count" ]; do
  s=$work/steps/$step
  if ! sh "$s.sh" > "$s.got" 2>&1 < /dev/null; then
    echo "failed: $(cat "$s.sh")"
    cat "$s.got"
    failures=$((failures + 1))
  elif ! same "$s.want" "$s.got"; then
    echo "  of: $(cat "$s.sh")"
    failures=$((failures + 1))
  fi
  step=$((step + 1))
done
[ "$failures" -eq 0 ]
