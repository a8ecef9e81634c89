/* npy_write.c - writing arrays, see npy.h. */
#include <inttypes.h>
#include <string.h>

#include "base/file.h"
#include "format/npy.h"
#include "format/npy_header.h"
#include "format/varint.h"

static size_t longest(const ht_npy *a) {
  int64_t most = 1;
  for (int64_t i = 0; i < a->count; i++) {
    int64_t n = a->offset[i + 1] - a->offset[i];
    if (n > most) most = n;
  }
  return (size_t)most;
}

/* The dictionary, padded so that data starts at a multiple of 64. */
static void add_header(ht_text *t, const ht_npy *a, char kind, size_t width) {
  const uint16_t probe = 1;
  bool little = *(const unsigned char *)&probe == 1;
  char order = width == 1 || kind == 'S' ? '|' : little ? '<' : '>';
  ht_text dict = {0};
  ht_text_printf(&dict,
                 "{'descr': '%c%c%zu', 'fortran_order': False, "
                 "'shape': (",
                 order, kind, width);
  for (int d = 0; d < a->rank; d++)
    ht_text_printf(&dict, "%s%" PRId64, d ? ", " : "", a->dim[d]);
  ht_text_add(&dict, a->rank == 1 ? ",), }" : "), }");
  while (!dict.failed && (10 + dict.n + 1) % 64) ht_text_add(&dict, " ");
  ht_text_add(&dict, "\n");
  ht_text_bytes(t, "\x93NUMPY\1\0", 8);
  char length[2] = {(char)(dict.n & 255), (char)(dict.n >> 8)};
  ht_text_bytes(t, length, 2);
  ht_text_bytes(t, dict.p, dict.n);
  t->failed |= dict.failed;
  ht_text_free(&dict);
}

ht_status ht_npy_format(const ht_npy *a, ht_text *out) {
  static const char zeros[256];
  char kind = 'S';
  size_t width = 0;
  if (a->dtype == HT_STRING)
    width = longest(a);
  else if (!ht_npy_kind(a->dtype, &kind, &width))
    return ht_fail(HT_UNSUPPORTED, "numpy has no type for dtype %d", a->dtype);
  add_header(out, a, kind, width);
  if (a->dtype != HT_STRING) ht_text_bytes(out, a->data, a->size);
  for (int64_t i = 0; a->dtype == HT_STRING && i < a->count; i++) {
    size_t n = (size_t)(a->offset[i + 1] - a->offset[i]);
    ht_text_bytes(out, a->data + a->offset[i], n);
    for (size_t pad = width - n, k; pad; pad -= k) {
      k = pad < sizeof zeros ? pad : sizeof zeros;
      ht_text_bytes(out, zeros, k);
    }
  }
  return ht_text_check(out);
}

ht_status ht_npy_write(const char *path, const ht_npy *a) {
  ht_text t = {.max = SIZE_MAX / 2};
  ht_status st = ht_npy_format(a, &t);
  if (st.code == HT_OK) st = ht_file_write(path, t.p, t.n);
  ht_text_free(&t);
  return st;
}
