/* npy_header.h - the dictionary before an array, for npy*.c alone. */
#ifndef HT_FORMAT_NPY_HEADER_H
#define HT_FORMAT_NPY_HEADER_H

#include "format/npy.h"

typedef struct ht_npy_header {
  char kind;    /* f i u c b S U */
  size_t width; /* bytes of an element */
  bool swapped, fortran;
  int rank;
  int64_t dim[HT_NPY_MAX_RANK], count;
} ht_npy_header;

/* Parses the dictionary, a NUL-terminated text. */
ht_status ht_npy_header_parse(const char *text, const char *name,
                              ht_npy_header *h) HT_MUST_CHECK;
/* TensorFlow's dtype, 0 where it has none. */
int ht_npy_dtype(char kind, size_t width);
/* The other way; false where numpy has none. */
bool ht_npy_kind(int dtype, char *kind, size_t *width);

#endif
