/* npy_header.c - numpy's dictionary of descr, fortran_order and shape. */
#include "format/npy_header.h"

#include <ctype.h>
#include <string.h>

typedef struct {
  int dtype;
  char kind;
  size_t width;
} type_row;
static const type_row types[] = {
    {HT_FLOAT, 'f', 4},     {HT_DOUBLE, 'f', 8},     {HT_HALF, 'f', 2},
    {HT_INT8, 'i', 1},      {HT_INT16, 'i', 2},      {HT_INT32, 'i', 4},
    {HT_INT64, 'i', 8},     {HT_UINT8, 'u', 1},      {HT_UINT16, 'u', 2},
    {HT_UINT32, 'u', 4},    {HT_UINT64, 'u', 8},     {HT_BOOL, 'b', 1},
    {HT_COMPLEX64, 'c', 8}, {HT_COMPLEX128, 'c', 16}};
enum { N_TYPES = sizeof types / sizeof *types };

int ht_npy_dtype(char kind, size_t width) {
  if (kind == 'S' || kind == 'U') return HT_STRING;
  for (int i = 0; i < N_TYPES; i++)
    if (types[i].kind == kind && types[i].width == width) return types[i].dtype;
  return 0;
}

bool ht_npy_kind(int dtype, char *kind, size_t *width) {
  for (int i = 0; i < N_TYPES; i++)
    if (types[i].dtype == dtype) {
      *kind = types[i].kind;
      *width = types[i].width;
      return true;
    }
  return false;
}

/* ---- parsing: Python's notation, as repr prints it */

static void blanks(const char **p) {
  while (isspace((unsigned char)**p)) (*p)++;
}

static bool symbol(const char **p, char c) {
  blanks(p);
  if (**p != c) return false;
  (*p)++;
  return true;
}

/* A quoted text of fewer than n bytes. */
static bool quoted(const char **p, char *to, size_t n) {
  blanks(p);
  char quote = **p;
  if (quote != '\'' && quote != '"') return false;
  const char *end = strchr(*p + 1, quote);
  if (!end || (size_t)(end - *p) > n) return false;
  memcpy(to, *p + 1, (size_t)(end - *p - 1));
  to[end - *p - 1] = 0;
  *p = end + 1;
  return true;
}

/* A number not below 0, perhaps with Python 2's L. */
static bool number(const char **p, int64_t *v) {
  blanks(p);
  if (!isdigit((unsigned char)**p)) return false;
  for (*v = 0; isdigit((unsigned char)**p); (*p)++)
    if (__builtin_mul_overflow(*v, 10, v) ||
        __builtin_add_overflow(*v, **p - '0', v))
      return false;
  if (**p == 'L') (*p)++;
  return true;
}

static bool word(const char **p, const char *w) {
  blanks(p);
  size_t n = strlen(w);
  if (strncmp(*p, w, n) != 0) return false;
  *p += n;
  return true;
}

static bool shape(const char **p, ht_npy_header *h) {
  if (!symbol(p, '(')) return false;
  h->count = 1;
  while (!symbol(p, ')')) {
    if (h->rank == HT_NPY_MAX_RANK || !number(p, &h->dim[h->rank]))
      return false;
    int64_t dim = h->dim[h->rank++];
    if (__builtin_mul_overflow(h->count, dim, &h->count)) return false;
    if (!symbol(p, ',')) return symbol(p, ')');
  }
  return true;
}

/* "<f4": byte order, kind, width. */
static ht_status descr(const char *text, const char *name, ht_npy_header *h) {
  const uint16_t probe = 1;
  bool little = *(const unsigned char *)&probe == 1;
  const char *p = text;
  int64_t width = 1;
  if (strchr("<>|=", *p) && *p) {
    h->swapped = *p == (little ? '>' : '<');
    p++;
  }
  h->kind = *p ? *p++ : 0;
  if (h->kind == '?') h->kind = 'b';
  if (h->kind == 'O')
    return ht_fail(HT_UNSUPPORTED,
                   "array '%s' holds Python objects, which need pickle", name);
  if ((*p && !number(&p, &width)) || *p || width > (1 << 30))
    return ht_fail(HT_CORRUPT, "array '%s' has the damaged type '%s'", name,
                   text);
  h->width = (size_t)width * (h->kind == 'U' ? 4 : 1);
  if (!ht_npy_dtype(h->kind, h->width))
    return ht_fail(HT_UNSUPPORTED,
                   "array '%s' has type '%s', which is none of "
                   "TensorFlow's",
                   name, text);
  return HT_SUCCESS;
}

static ht_status damaged(const char *name) {
  return ht_fail(HT_CORRUPT, "the header of array '%s' is damaged", name);
}

ht_status ht_npy_header_parse(const char *text, const char *name,
                              ht_npy_header *h) {
  const char *p = text;
  char key[32], type[64];
  int seen = 0;
  *h = (ht_npy_header){0};
  if (!symbol(&p, '{')) return damaged(name);
  while (!symbol(&p, '}')) {
    if (!quoted(&p, key, sizeof key) || !symbol(&p, ':')) return damaged(name);
    if (strcmp(key, "descr") == 0) {
      blanks(&p);
      if (*p == '[')
        return ht_fail(HT_UNSUPPORTED, "array '%s' is structured", name);
      if (!quoted(&p, type, sizeof type)) return damaged(name);
      HT_TRY(descr(type, name, h));
      seen |= 1;
    } else if (strcmp(key, "fortran_order") == 0) {
      h->fortran = word(&p, "True");
      if (!h->fortran && !word(&p, "False")) return damaged(name);
      seen |= 2;
    } else if (strcmp(key, "shape") == 0 && !(seen & 4)) {
      if (!shape(&p, h)) return damaged(name);
      seen |= 4;
    } else {
      return damaged(name);
    }
    if (!symbol(&p, ',')) {
      if (!symbol(&p, '}')) return damaged(name);
      break;
    }
  }
  return seen == 7 ? HT_SUCCESS : damaged(name);
}
