#!/bin/sh
# The program answers --help and --version without its library, and says so
# in one line where it needs it and cannot load it. In the build folder.
set -u
. "${srcdir:-..}/tests/cli/checks.sh"
program=.libs/hubtune
[ -e "$program" ] || { echo 'skipped: the library is linked in'; exit 77; }

# A file of that name which is no library stands in the way.
mkdir "$work/lib"
for path in .libs/libhubtune.so.?; do
  head -c 1000 /dev/zero > "$work/lib/${path#.libs/}"
done
without() {
  LD_LIBRARY_PATH=$work/lib "$program" "$@" 2>&1
  echo "status $?"
}

for word in --help -h --version ''; do
  wants "$word" "$(without $word)" "$(./hubtune $word 2>&1; echo "status $?")"
done
for word in ops --completion bogus 'train --help'; do
  # The words hold no blanks of their own.
  # shellcheck disable=SC2086
  wants "$word" "$(without $word | sed 's/: [^:]*libhubtune.*//')" \
    "hubtune: cannot load its library (ldconfig makes an installed one known)
status 1"
done
if [ -w /dev/full ]; then
  wants 'a full disk' "$(./hubtune --help 2>&1 > /dev/full)" \
    'hubtune: cannot write standard output: No space left on device'
fi
echo "$checks checks, $failures failures"
[ "$failures" -eq 0 ]
