#!/bin/sh
# Writes docs/ops.md to standard output: the op table, with what the golden
# cases of TensorFlow's numbers cover.
#
#     tools/make-ops.sh BUILD_FOLDER SOURCE_FOLDER
set -eu
"$1/hubtune" ops --markdown | awk -v golden="$2/tests/golden" '
BEGIN {
  list = "cd \"" golden "\" && LC_ALL=C ls *.txt"
  while ((list | getline file) > 0) {
    op = ""
    while ((getline line < (golden "/" file)) > 0) {
      split(line, word, " ")
      if (word[1] == "case") {
        op = word[2]
        sub(/:$/, "", op)
        cases[op]++
      } else if (word[1] == "in" && op != "" && !seen[op, word[2]]++)
        types[op] = types[op] (types[op] == "" ? "" : ", ") word[2]
    }
    close(golden "/" file)
  }
}
/^\| Operation/ {
  print "Cases: how many calls TensorFlow computed for the tests, with inputs"
  print "of which types. Operations without any are tested by tests of their"
  print "own (tables, variables, control flow).\n"
  print "| Operation | Gradient | Cases | Types | What it does |"
  next
}
/^\|---/ { print "|---|---|---|---|---|"; next }
/^\| / {
  split($0, cell, " \\| ")
  name = substr(cell[1], 3)
  text = substr($0, length(cell[1]) + length(cell[2]) + 7)
  printf "| %s | %s | %s | %s | %s\n", name, cell[2], cases[name], \
         types[name], text
  next
}
{ print }'
