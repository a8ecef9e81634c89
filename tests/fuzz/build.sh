#!/bin/sh
# Builds the fuzzer with clang in the folder fuzz of the build folder, with
# sanitizers. Then, for N seconds a target (all of them by default):
#
#     fuzz/run N [TARGET...]
#
# What is found goes to fuzz/found/TARGET; smaller, it belongs into
# tests/fuzz/corpus/TARGET.
set -eu
source=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p fuzz
cd fuzz
[ -e Makefile ] || "$source/configure" -q --enable-asan --enable-fuzz \
  CC="${FUZZ_CC:-clang}" CXX="${FUZZ_CXX:-clang++}"
make -s "-j${FUZZ_JOBS:-2}" fuzz-programs
cat > run <<END
#!/bin/sh
# run SECONDS [TARGET...]
cd "$(pwd)" || exit 1
seconds=\$1
shift
[ -d seeds ] || (cd .. && srcdir="$source" "$source/tests/fuzz/seeds.sh" \
  fuzz/seeds)
status=0
for target in \${*:-\$(ls seeds)}; do
  mkdir -p "corpus/\$target" "found/\$target"
  leaks=1
  # libhdf5 leaks on damaged files, and asks for what they say.
  [ "\$target" != hdf5 ] || leaks=0
  ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=\$leaks FUZZ_TARGET=\$target tests/fuzz/fuzz -detect_leaks=\$leaks -max_total_time="\$seconds" \\
    -artifact_prefix="found/\$target/" -timeout=20 -rss_limit_mb=3000 \\
    -max_len=65536 -print_final_stats=1 -verbosity=1 \\
    "corpus/\$target" "seeds/\$target" > "\$target.log" 2>&1 || status=1
  printf '%-12s %s found %s\n' "\$target" \\
    "\$(sed -n 's/^stat::number_of_executed_units: *//p' "\$target.log") runs, \\
\$(grep -o 'cov: [0-9]*' "\$target.log" | tail -n 1), " \\
    "\$(ls "found/\$target" | wc -l)"
done
exit \$status
END
chmod +x run
echo "fuzz/run SECONDS [TARGET...] in $(pwd)"
