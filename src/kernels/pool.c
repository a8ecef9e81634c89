/* pool.c - pooling over windows, see pool.h. */
#ifndef REAL
#include "kernels/pool.h"

#include <math.h>
#include <string.h>

#include "base/parallel.h"
#include "kernels/approx.h"
#include "kernels/real.h"

typedef struct job {
  const ht_pooling *p;
  const void *x, *d;
  void *y;
  int64_t *at;
  bool with_batch;
} job;

enum { STRIP = 64 };

/* The part of the input under one output element. */
typedef struct view {
  int64_t image, from[3], to[3], first[3], taps;
} view;

static view view_of(const ht_window *w, int64_t pixel) {
  view v = {.taps = 1};
  for (int a = 2; a >= 0; a--) {
    int64_t i = pixel % w->out[a];
    pixel /= w->out[a];
    ht_window_taps(w, a, i, &v.from[a], &v.to[a]);
    v.first[a] = ht_window_first(w, a, i);
    v.taps *= v.to[a] - v.from[a];
  }
  v.image = pixel;
  return v;
}

/* The input pixel under the taps k. */
static int64_t pixel_at(const ht_window *w, const view *v, int64_t k0,
                        int64_t k1, int64_t k2) {
  int64_t i = v->first[0] + k0 * w->step[0];
  int64_t j = v->first[1] + k1 * w->step[1];
  int64_t k = v->first[2] + k2 * w->step[2];
  return ((v->image * w->in[0] + i) * w->in[1] + j) * w->in[2] + k;
}

#define EACH_TAP(v, k0, k1, k2)                            \
  for (int64_t k0 = (v)->from[0]; k0 < (v)->to[0]; k0++)   \
    for (int64_t k1 = (v)->from[1]; k1 < (v)->to[1]; k1++) \
      for (int64_t k2 = (v)->from[2]; k2 < (v)->to[2]; k2++)

#define REAL float
#define NAME(x) x##_f
#define LEAST -INFINITY
#include "kernels/pool.c"
#undef REAL
#undef NAME
#define REAL double
#define NAME(x) x##_d
#include "kernels/pool.c"
#undef REAL
#undef NAME
#undef LEAST
#define REAL int64_t
#define NAME(x) x##_l
#define LEAST INT64_MIN
#include "kernels/pool.c"
#undef REAL
#undef NAME
#undef LEAST
#define REAL uint64_t
#define NAME(x) x##_y
#define LEAST 0
#include "kernels/pool.c"

static ht_range_fn *pick(ht_dtype t, ht_range_fn *f, ht_range_fn *d,
                         ht_range_fn *l, ht_range_fn *y) {
  return t == HT_FLOAT ? f : t == HT_DOUBLE ? d : t == HT_INT64 ? l : y;
}
#define PICK(name, t) pick(t, name##_f, name##_d, name##_l, name##_y)

static double pixel_work(const ht_pooling *p) {
  return (double)p->channels * (double)ht_window_pixels(p->w.size);
}

void ht_pool_forward(const ht_pooling *p, const void *x, void *y) {
  job j = {.p = p, .x = x, .y = y};
  size_t n = (size_t)(p->w.batch * ht_window_pixels(p->w.out));
  ht_parallel(n, ht_grain(pixel_work(p)), PICK(forward, p->t), &j);
}

static void images(const ht_pooling *p, ht_range_fn *fn, job *j) {
  double each = pixel_work(p) * (double)ht_window_pixels(p->w.out);
  ht_parallel((size_t)p->w.batch, ht_grain(each), fn, j);
}

void ht_pool_back(const ht_pooling *p, const void *x, const void *dy,
                  void *dx) {
  job j = {.p = p, .x = x, .d = dy, .y = dx};
  images(p, PICK(back, p->t), &j);
}

void ht_pool_argmax(const ht_pooling *p, const void *x, bool with_batch,
                    int64_t *at) {
  job j = {.p = p, .x = x, .at = at, .with_batch = with_batch};
  images(p, PICK(argmax, p->t), &j);
}

#else /* the loops, for one type */

HT_INLINE void NAME(pool_max)(const ht_pooling *p, const view *v, const REAL *x,
                              REAL *restrict y) {
  int64_t n = p->channels;
  for (int64_t c = 0; c < n; c++) y[c] = (REAL)LEAST;
  EACH_TAP(v, k0, k1, k2) {
    const REAL *restrict from = x + pixel_at(&p->w, v, k0, k1, k2) * n;
    for (int64_t c = 0; c < n; c++) y[c] = y[c] < from[c] ? from[c] : y[c];
  }
}

HT_INLINE void NAME(pool_mean)(const ht_pooling *p, const view *v,
                               const REAL *x, REAL *restrict y) {
  int64_t n = p->channels;
  REAL scale = (REAL)1 / (REAL)v->taps;
  for (int64_t c = 0; c < n; c++) y[c] = 0;
  EACH_TAP(v, k0, k1, k2) {
    const REAL *restrict from = x + pixel_at(&p->w, v, k0, k1, k2) * n;
    for (int64_t c = 0; c < n; c++) y[c] += from[c];
  }
  for (int64_t c = 0; c < n; c++) y[c] *= scale;
}

HT_WIDE static void NAME(forward)(size_t from, size_t to, void *arg) {
  const job *j = arg;
  const ht_pooling *p = j->p;
  for (int64_t i = (int64_t)from; i < (int64_t)to; i++) {
    view v = view_of(&p->w, i);
    REAL *y = (REAL *)j->y + i * p->channels;
    if (p->mean)
      NAME(pool_mean)(p, &v, j->x, y);
    else
      NAME(pool_max)(p, &v, j->x, y);
  }
}

/* Which pixel holds the first maximum, for n channels from c. */
HT_INLINE void NAME(find_max)(const ht_pooling *p, const view *v, const REAL *x,
                              int64_t c, int64_t n, int64_t *at) {
  REAL best[STRIP];
  bool any = false;
  EACH_TAP(v, k0, k1, k2) {
    int64_t pixel = pixel_at(&p->w, v, k0, k1, k2);
    const REAL *from = x + pixel * p->channels + c;
    for (int64_t i = 0; i < n; i++)
      if (!any || best[i] < from[i]) best[i] = from[i], at[i] = pixel;
    any = true;
  }
  for (int64_t i = 0; !any && i < n; i++) at[i] = -1;
}

HT_INLINE void NAME(back_max)(const ht_pooling *p, const view *v, const REAL *x,
                              const REAL *d, REAL *dx) {
  int64_t at[STRIP];
  for (int64_t c = 0; c < p->channels; c += STRIP) {
    int64_t n = p->channels - c < STRIP ? p->channels - c : STRIP;
    NAME(find_max)(p, v, x, c, n, at);
    for (int64_t i = 0; i < n; i++)
      if (at[i] >= 0) dx[at[i] * p->channels + c + i] += d[c + i];
  }
}

HT_INLINE void NAME(back_mean)(const ht_pooling *p, const view *v,
                               const REAL *restrict d, REAL *dx) {
  int64_t n = p->channels;
  REAL scale = (REAL)1 / (REAL)v->taps;
  EACH_TAP(v, k0, k1, k2) {
    REAL *restrict to = dx + pixel_at(&p->w, v, k0, k1, k2) * n;
    for (int64_t c = 0; c < n; c++) to[c] += d[c] * scale;
  }
}

HT_WIDE static void NAME(back)(size_t from, size_t to, void *arg) {
  const job *j = arg;
  const ht_pooling *p = j->p;
  int64_t outs = ht_window_pixels(p->w.out);
  int64_t ins = ht_window_pixels(p->w.in) * p->channels;
  memset((REAL *)j->y + (int64_t)from * ins, 0,
         (to - from) * (size_t)ins * sizeof(REAL));
  for (int64_t i = (int64_t)from * outs; i < (int64_t)to * outs; i++) {
    view v = view_of(&p->w, i);
    const REAL *d = (const REAL *)j->d + i * p->channels;
    if (p->mean)
      NAME(back_mean)(p, &v, d, j->y);
    else
      NAME(back_max)(p, &v, j->x, d, j->y);
  }
}

static void NAME(argmax)(size_t from, size_t to, void *arg) {
  const job *j = arg;
  const ht_pooling *p = j->p;
  int64_t outs = ht_window_pixels(p->w.out), n = p->channels;
  int64_t ins = ht_window_pixels(p->w.in);
  for (int64_t i = (int64_t)from * outs; i < (int64_t)to * outs; i++) {
    view v = view_of(&p->w, i);
    for (int64_t c = 0; c < n; c += STRIP) {
      int64_t w = n - c < STRIP ? n - c : STRIP, *at = j->at + i * n + c;
      NAME(find_max)(p, &v, j->x, c, w, at);
      for (int64_t k = 0; k < w; k++)
        at[k] = (at[k] - (j->with_batch ? 0 : v.image * ins)) * n + c + k;
    }
  }
}
#endif
