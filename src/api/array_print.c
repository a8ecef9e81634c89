/* array_print.c - arrays as text, laid out as numpy does it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/array.h"
#include "base/text.h"

/* Above `shorten` elements only the first and last EDGE of each axis. */
enum { SHORTEN = 1000, EDGE = 3, LINE = 75, DIGITS = 8, CELL = 64 };

/* How the numbers of one array are written: the same for all of them, so
 * that columns align. */
typedef struct layout {
  const ht_tensor *t;
  ht_text *out;
  bool shortened, exponent;
  int digits; /* behind the point */
  int width;
} layout;

static bool real(ht_dtype d) {
  return d == HT_FLOAT || d == HT_DOUBLE || d == HT_HALF || d == HT_BFLOAT16;
}

static bool complex_number(ht_dtype d) {
  return d == HT_COMPLEX64 || d == HT_COMPLEX128;
}

/* Digits behind the point that a value needs, at most DIGITS. */
static int digits_of(const layout *l, double x) {
  char text[CELL];
  float f = (float)x;
  for (int n = 0; n < DIGITS; n++) {
    snprintf(text, sizeof text, l->exponent ? "%.*e" : "%.*f", n, x);
    double back = strtod(text, NULL);
    if (l->t->dtype == HT_DOUBLE ? back == x : (float)back == f) return n;
  }
  return DIGITS;
}

static bool shown(const layout *l, int64_t i, int64_t n) {
  return !l->shortened || n <= 2 * EDGE || i < EDGE || i >= n - EDGE;
}

/* Calls fn for every element that is shown. */
static void each(layout *l, int axis, int64_t at,
                 void (*fn)(layout *l, double x)) {
  const ht_shape *s = &l->t->shape;
  if (axis == s->rank) {
    fn(l, ht_real_at(l->t, at));
    return;
  }
  for (int64_t i = 0; i < s->dim[axis]; i++)
    if (shown(l, i, s->dim[axis])) each(l, axis + 1, at * s->dim[axis] + i, fn);
}

/* numpy's rule: exponents where a value is huge, tiny, or both meet. */
static void find_exponent(layout *l, double x) {
  double size = fabs(x);
  if (isfinite(x) && x != 0 && (size >= 1e8 || size < 1e-4)) l->exponent = true;
}

static void find_digits(layout *l, double x) {
  int n = isfinite(x) ? digits_of(l, x) : 0;
  if (n > l->digits) l->digits = n;
}

static void number(const layout *l, double x, char text[CELL]) {
  if (isnan(x))
    snprintf(text, CELL, "nan");
  else if (isinf(x))
    snprintf(text, CELL, x < 0 ? "-inf" : "inf");
  else if (l->exponent)
    snprintf(text, CELL, "%.*e", l->digits, x);
  else
    snprintf(text, CELL, l->digits ? "%.*f" : "%.*f.", l->digits, x);
}

static void find_width(layout *l, double x) {
  char text[CELL];
  number(l, x, text);
  if ((int)strlen(text) > l->width) l->width = (int)strlen(text);
}

static void integer(const layout *l, int64_t at, char text[CELL]) {
  const ht_tensor *t = l->t;
  if (t->dtype == HT_UINT64)
    snprintf(text, CELL, "%llu", (unsigned long long)HT_DATA(uint64_t, t)[at]);
  else if (t->dtype == HT_BOOL)
    snprintf(text, CELL, "%s", ht_bool(t)[at] ? "True" : "False");
  else
    snprintf(text, CELL, "%lld", (long long)ht_int_at(t, at));
}

static void complex_text(const layout *l, int64_t at, char text[CELL]) {
  const ht_tensor *t = l->t;
  bool wide = t->dtype == HT_COMPLEX128;
  double re = wide ? HT_DATA(double, t)[2 * at] : ht_f(t)[2 * at];
  double im = wide ? HT_DATA(double, t)[2 * at + 1] : ht_f(t)[2 * at + 1];
  snprintf(text, CELL, "%.8g%+.8gj", re, im);
}

/* As Python writes bytes: b'...'. */
static void bytes(ht_text *out, const char *p, size_t n) {
  ht_text_add(out, "b'");
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)p[i];
    if (c == '\\' || c == '\'')
      ht_text_printf(out, "\\%c", c);
    else if (c == '\n')
      ht_text_add(out, "\\n");
    else if (c < ' ' || c > 126)
      ht_text_printf(out, "\\x%02x", c);
    else
      ht_text_bytes(out, &p[i], 1);
  }
  ht_text_add(out, "'");
}

static void element(const layout *l, int64_t at) {
  char text[CELL];
  ht_dtype d = l->t->dtype;
  if (d == HT_STRING) {
    bytes(l->out, ht_str(l->t)[at].p, ht_str(l->t)[at].n);
    return;
  }
  if (real(d))
    number(l, ht_real_at(l->t, at), text);
  else if (complex_number(d))
    complex_text(l, at, text);
  else
    integer(l, at, text);
  ht_text_printf(l->out, "%*s", l->t->shape.rank ? l->width : 0, text);
}

static void find_integer_width(layout *l, int axis, int64_t at) {
  const ht_shape *s = &l->t->shape;
  if (axis == s->rank) {
    char text[CELL];
    complex_number(l->t->dtype) ? complex_text(l, at, text)
                                : integer(l, at, text);
    if ((int)strlen(text) > l->width) l->width = (int)strlen(text);
    return;
  }
  for (int64_t i = 0; i < s->dim[axis]; i++)
    if (shown(l, i, s->dim[axis]))
      find_integer_width(l, axis + 1, at * s->dim[axis] + i);
}

/* One innermost row, broken where the line is full. */
static void row(const layout *l, int64_t at, int indent) {
  int64_t n = l->t->shape.dim[l->t->shape.rank - 1];
  size_t line = l->out->n - (size_t)indent;
  for (int64_t i = 0; i < n; i++) {
    if (!shown(l, i, n)) {
      ht_text_add(l->out, " ...");
      i = n - EDGE - 1;
      continue;
    }
    if (i > 0) {
      size_t next = l->t->dtype == HT_STRING ? ht_str(l->t)[at + i].n + 3
                                             : (size_t)l->width;
      if (l->out->n + next + 1 - line > LINE) {
        ht_text_printf(l->out, "\n%*s", indent, "");
        line = l->out->n - (size_t)indent;
      } else {
        ht_text_add(l->out, " ");
      }
    }
    element(l, at + i);
  }
}

static void block(const layout *l, int axis, int64_t at) {
  const ht_shape *s = &l->t->shape;
  int64_t n = s->dim[axis];
  ht_text_add(l->out, "[");
  if (axis == s->rank - 1) {
    row(l, at * n, s->rank);
    ht_text_add(l->out, "]");
    return;
  }
  for (int64_t i = 0; i < n; i++) {
    if (i > 0) {
      for (int k = axis; k < s->rank - 1; k++) ht_text_add(l->out, "\n");
      ht_text_printf(l->out, "%*s", axis + 1, "");
    }
    if (!shown(l, i, n)) {
      ht_text_add(l->out, "...");
      i = n - EDGE - 1;
      continue;
    }
    block(l, axis + 1, at * n + i);
  }
  ht_text_add(l->out, "]");
}

static void measure(layout *l) {
  if (l->t->dtype == HT_STRING) return;
  if (!real(l->t->dtype)) {
    find_integer_width(l, 0, 0);
    return;
  }
  each(l, 0, 0, find_exponent);
  each(l, 0, 0, find_digits);
  each(l, 0, 0, find_width);
}

ht_status ht_array_print(const ht_array *a, char **text) {
  ht_text out = {0};
  layout l = {.t = &a->t, .out = &out};
  *text = NULL;
  if (ht_count(&a->t) == 0) {
    ht_text_add(&out, "[]");
  } else {
    l.shortened = ht_count(&a->t) > SHORTEN;
    measure(&l);
    if (a->t.shape.rank == 0)
      element(&l, 0);
    else
      block(&l, 0, 0);
  }
  ht_status st = ht_text_check(&out);
  if (st.code == HT_OK)
    *text = out.p;
  else
    ht_text_free(&out);
  return st;
}
