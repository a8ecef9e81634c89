/* golden_file.h - reads the files that tests/golden/make.py writes. */
#ifndef HT_TESTS_GOLDEN_FILE_H
#define HT_TESTS_GOLDEN_FILE_H

#include "tensor/tensor.h"

enum { GOLDEN_MAX_TENSORS = 64 };

typedef struct golden_case {
  const char *family;
  const char *op, *sample, *attrs;
  int n_in, n_out;
  const char *in[GOLDEN_MAX_TENSORS]; /* "float [2] 1 2", read when wanted */
  const char *out[GOLDEN_MAX_TENSORS];
  const char *gradient[GOLDEN_MAX_TENSORS]; /* per input; NULL: not stated */
} golden_case;

typedef struct golden_cases {
  golden_case *at;
  int n, capacity;
} golden_cases;

/* Adds the cases of FAMILY.txt; a file that is not there has none. */
ht_status golden_read(const char *family, ht_arena *arena,
                      golden_cases *cases) HT_MUST_CHECK;

/* Makes the tensor that a line describes. */
ht_status golden_tensor(const char *line, ht_tensor *out) HT_MUST_CHECK;

#endif
