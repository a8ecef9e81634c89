/*
 * npy.h - arrays as numpy's save and savez write them (numpy's
 * lib/format.py: versions 1 to 3), without what needs pickle.
 */
#ifndef HT_FORMAT_NPY_H
#define HT_FORMAT_NPY_H

#include "base/text.h"

enum { HT_NPY_MAX_RANK = 32 };

/*
 * An array in memory: row-major, this machine's byte order. Byte strings and
 * unicode (as UTF-8) are HT_STRING: element i is data[offset[i]] ..
 * data[offset[i+1]-1].
 */
typedef struct ht_npy {
  int dtype; /* TensorFlow's number */
  int rank;
  int64_t dim[HT_NPY_MAX_RANK];
  int64_t count;
  char *data; /* malloc */
  size_t size;
  int64_t *offset; /* strings alone: count + 1, malloc */
} ht_npy;
void ht_npy_free(ht_npy *a);

/* Where bytes come from: fills n bytes or fails. */
typedef struct ht_npy_source {
  ht_status (*pull)(void *arg, void *to, size_t n);
  void *arg;
  const char *name; /* for messages */
  size_t left;      /* no more than so many bytes can come */
} ht_npy_source;
ht_status ht_npy_pull(ht_npy_source *source, ht_npy *out) HT_MUST_CHECK;

ht_status ht_npy_read(const char *path, ht_npy *out) HT_MUST_CHECK;

/* The bytes of a .npy file; strings are written as byte strings, without
 * the NULs that end them. */
ht_status ht_npy_format(const ht_npy *a, ht_text *out) HT_MUST_CHECK;
ht_status ht_npy_write(const char *path, const ht_npy *a) HT_MUST_CHECK;

#endif
