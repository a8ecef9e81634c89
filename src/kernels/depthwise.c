/* depthwise.c - convolutions of each channel by itself, see conv.h. */
#ifndef REAL
#include <string.h>

#include "base/parallel.h"
#include "kernels/approx.h"
#include "kernels/conv.h"
#include "kernels/real.h"

typedef struct job {
  const ht_conv *c;
  const ht_epilogue *e;
  const void *x, *f;
  void *y;
} job;

#define REAL float
#define NAME(x) x##_f
#include "kernels/depthwise.c"
#undef REAL
#undef NAME
#define REAL double
#define NAME(x) x##_d
#include "kernels/depthwise.c"

static double line_work(const ht_conv *c) {
  return (double)c->w.out[2] * (double)c->cout *
         (double)ht_window_pixels(c->w.size);
}

void ht_depthwise_forward(const ht_conv *c, const ht_epilogue *e, const void *x,
                          const void *f, void *y) {
  job j = {c, e, x, f, y};
  size_t lines = (size_t)(c->w.batch * c->w.out[0] * c->w.out[1]);
  ht_parallel(lines, ht_grain(line_work(c) / 8),
              c->t == HT_FLOAT ? forward_f : forward_d, &j);
}

void ht_depthwise_back_input(const ht_conv *c, const void *f, const void *dy,
                             void *dx) {
  job j = {c, NULL, dy, f, dx};
  double image = line_work(c) * (double)(c->w.out[0] * c->w.out[1]);
  ht_parallel((size_t)c->w.batch, ht_grain(image / 8),
              c->t == HT_FLOAT ? back_f : back_d, &j);
}

void ht_depthwise_add_filter(const ht_conv *c, int64_t from, int64_t to,
                             const void *x, const void *dy, void *df) {
  if (c->t == HT_FLOAT)
    add_filter_f(c, from, to, x, dy, df);
  else
    add_filter_d(c, from, to, x, dy, df);
}

#else /* the loops, for one type */

/* y += x f over the channels; m outputs for each. */
HT_INLINE void NAME(madd)(int64_t n, int64_t m, const REAL *restrict x,
                          const REAL *restrict f, REAL *restrict y) {
  if (m == 1)
    for (int64_t c = 0; c < n; c++) y[c] += x[c] * f[c];
  else
    for (int64_t c = 0; c < n; c++)
      for (int64_t k = 0; k < m; k++) y[c * m + k] += x[c] * f[c * m + k];
}

/* dx += sum over m of dy f. */
HT_INLINE void NAME(back_madd)(int64_t n, int64_t m, const REAL *restrict d,
                               const REAL *restrict f, REAL *restrict x) {
  if (m == 1)
    for (int64_t c = 0; c < n; c++) x[c] += d[c] * f[c];
  else
    for (int64_t c = 0; c < n; c++)
      for (int64_t k = 0; k < m; k++) x[c] += d[c * m + k] * f[c * m + k];
}

/* df += x dy. */
HT_INLINE void NAME(filter_madd)(int64_t n, int64_t m, const REAL *restrict x,
                                 const REAL *restrict d, REAL *restrict f) {
  if (m == 1)
    for (int64_t c = 0; c < n; c++) f[c] += x[c] * d[c];
  else
    for (int64_t c = 0; c < n; c++)
      for (int64_t k = 0; k < m; k++) f[c * m + k] += x[c] * d[c * m + k];
}

enum { NAME(FORWARD), NAME(BACK), NAME(FILTER) };

/* One line of output pixels against the lines of x that it sees. */
HT_INLINE void NAME(line)(const ht_conv *c, int64_t line, int what, REAL *x,
                          REAL *f, REAL *y) {
  const ht_window *w = &c->w;
  int64_t n = c->cin, m = c->cout / c->cin, from[3], to[3], first[3];
  int64_t at[2] = {line / w->out[1] % w->out[0], line % w->out[1]};
  int64_t image = line / w->out[1] / w->out[0];
  for (int a = 0; a < 2; a++) {
    ht_window_taps(w, a, at[a], &from[a], &to[a]);
    first[a] = ht_window_first(w, a, at[a]);
  }
  for (int64_t o = 0; o < w->out[2]; o++) {
    ht_window_taps(w, 2, o, &from[2], &to[2]);
    first[2] = ht_window_first(w, 2, o);
    REAL *py = y + (line * w->out[2] + o) * c->cout;
    for (int64_t k0 = from[0]; k0 < to[0]; k0++)
      for (int64_t k1 = from[1]; k1 < to[1]; k1++)
        for (int64_t k2 = from[2]; k2 < to[2]; k2++) {
          int64_t i = first[0] + k0 * w->step[0];
          int64_t j = first[1] + k1 * w->step[1];
          int64_t k = first[2] + k2 * w->step[2];
          REAL *px =
              x + (((image * w->in[0] + i) * w->in[1] + j) * w->in[2] + k) * n;
          REAL *pf = f + ((k0 * w->size[1] + k1) * w->size[2] + k2) * c->cout;
          if (what == NAME(FORWARD))
            NAME(madd)(n, m, px, pf, py);
          else if (what == NAME(BACK))
            NAME(back_madd)(n, m, py, pf, px);
          else
            NAME(filter_madd)(n, m, px, py, pf);
        }
  }
}

HT_WIDE static void NAME(forward)(size_t from, size_t to, void *arg) {
  const job *j = arg;
  int64_t row = j->c->w.out[2] * j->c->cout;
  for (int64_t i = (int64_t)from; i < (int64_t)to; i++) {
    memset((REAL *)j->y + i * row, 0, (size_t)row * sizeof(REAL));
    NAME(line)(j->c, i, NAME(FORWARD), (REAL *)j->x, (REAL *)j->f, j->y);
    if (j->e)
      ht_epilogue_rows(j->e, j->c->w.out[2], j->c->cout, j->c->cout,
                       (float *)j->y + i * row);
  }
}

HT_WIDE static void NAME(back)(size_t from, size_t to, void *arg) {
  const job *j = arg;
  int64_t lines = j->c->w.out[0] * j->c->w.out[1];
  for (int64_t i = (int64_t)from * lines; i < (int64_t)to * lines; i++)
    NAME(line)(j->c, i, NAME(BACK), j->y, (REAL *)j->f, (REAL *)j->x);
}

HT_WIDE static void NAME(add_filter)(const ht_conv *c, int64_t from, int64_t to,
                                     const void *x, const void *dy, void *df) {
  int64_t lines = c->w.out[0] * c->w.out[1];
  for (int64_t i = from * lines; i < to * lines; i++)
    NAME(line)(c, i, NAME(FILTER), (REAL *)x, df, (REAL *)dy);
}
#endif
