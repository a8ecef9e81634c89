#!/bin/sh
# Every operation on damaged inputs: a line for each case that ends a process.
exec tests/fuzz/ops -d "${FUZZ_COPIES:-2}"
