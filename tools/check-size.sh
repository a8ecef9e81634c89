#!/bin/sh
# Fails where the sources are over their limits:
#
#     a file of src or include     600 lines, tables not counted
#     a function                   80 lines; 40 for 95 of 100
#     a line                       80 columns
#     functions that are banned    strcpy sprintf strtok atoi gets rand; and
#                                  exit and abort outside of src/cli
#
# A table is what stands between "= {" and "}" at the beginning of a line.
# `check-size.sh -v` prints the longest of each, too.
root=${srcdir:-$(dirname "$0")/..}
cd "$root" || exit 1
verbose=0
[ "${1-}" != -v ] || verbose=1
find src include \( -name '*.[ch]' -o -name '*.cc' \) | LC_ALL=C sort |
xargs awk -v verbose="$verbose" '
function wrong(text) { print text; bad = 1 }
function end_of_file() {
  if (file == "") return
  if (lines > 600) wrong(file ": " lines " lines without tables")
  if (lines > longest_file) { longest_file = lines; file_name = file }
}
FNR == 1 {
  end_of_file()
  file = FILENAME
  lines = 0; table = 0; inside = 0; comment = 0; head = 0; free = 0
}
{
  if (!table) lines++
  # Characters, not bytes: those that go on a UTF-8 sequence do not count.
  text = $0
  gsub(/[\200-\277]/, "", text)
  if (/clang-format off/) free = 1
  if (/clang-format on/) free = 0
  # A single word cannot be broken.
  if (length(text) > 80 && !free && text ~ /[^ ] +[^ ]/)
    wrong(FILENAME ":" FNR ": " length(text) " columns")
}
/^[^ \t#\/}].* = \{/ && !/\};?$/ { table = 1 }
/^\}/ && table { table = 0 }
# A function: from the line with its name to the brace that closes it.
!inside && !table && /^[A-Za-z].*\(/ { head = FNR; name = $0 }
!inside && !table && /;[ \t]*$/ { head = 0 }
!inside && !table && head && /\{$/ && !/ = \{$/ { inside = 1 }
inside && /^\}/ {
  n = FNR - head + 1
  count[n]++; functions++
  if (n > 80) {
    sub(/\(.*/, "", name)
    wrong(FILENAME ":" head ": " n " lines in " name)
  }
  if (n > longest) { longest = n; longest_name = FILENAME ":" head }
  inside = 0; head = 0
}
# Strings and comments may say what they like.
{
  text = $0
  gsub(/\\"/, "", text); gsub(/"[^"]*"/, "", text); gsub(/\/\*.*\*\//, "", text)
  if (comment) { if (!sub(/^.*\*\//, "", text)) text = ""; else comment = 0 }
  if (sub(/\/\*.*$/, "", text)) comment = 1
  sub(/\/\/.*$/, "", text)
  if (match(text, /(^|[^A-Za-z0-9_.>])(strcpy|sprintf|strtok|atoi|gets|rand)\(/))
    wrong(FILENAME ":" FNR ": a banned function: " substr(text, RSTART))
  # A copy of the process, made there, has to end itself.
  if (FILENAME !~ /^src\/(cli\/|base\/apart\.c)/ &&
      match(text, /(^|[^A-Za-z0-9_.>])(_?exit|abort)\(/))
    wrong(FILENAME ":" FNR ": the library ends the process: " \
          substr(text, RSTART))
}
END {
  end_of_file()
  for (n = 1; n <= 1000 && !median; n++)
    if ((below += count[n]) >= functions * 0.5) median = n
  below = 0
  for (n = 1; n <= 1000 && !most; n++)
    if ((below += count[n]) >= functions * 0.95) most = n
  if (functions == 0) wrong("no functions found")
  if (most > 40) wrong("95 of 100 functions have up to " most " lines")
  if (verbose) {
    print functions " functions: median " median ", 95% up to " most \
          ", longest " longest " (" longest_name ")"
    print "longest file: " longest_file " (" file_name ")"
  }
  exit bad
}'
