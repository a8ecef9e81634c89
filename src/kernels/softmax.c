/* softmax.c - softmax and its losses over rows, see softmax.h. */
#ifndef REAL
#include "kernels/softmax.h"

#include <math.h>

#include "base/parallel.h"
#include "kernels/approx.h"
#include "kernels/real.h"

typedef struct job {
  const ht_rows *r;
  const void *x, *d; /* x: values; d: what comes from outside */
  const ht_tensor *labels;
  int64_t x_row, x_col; /* steps of x, labels: 0 where broadcast */
  int64_t l_row, l_col;
  void *y, *loss;
  bool log, add;
} job;

static void broadcast(const ht_tensor *t, int64_t *row, int64_t *col) {
  int rank = t->shape.rank;
  int64_t cols = rank ? t->shape.dim[rank - 1] : 1;
  int64_t rows = rank > 1 ? t->shape.dim[rank - 2] : 1;
  *col = cols == 1 ? 0 : 1;
  *row = rows == 1 ? 0 : cols;
}

#define REAL float
#define NAME(x) x##_f
#define EXP ht_exp_f
#define LOG logf
#include "kernels/softmax.c"
#undef REAL
#undef NAME
#undef EXP
#undef LOG
#define REAL double
#define NAME(x) x##_d
#define EXP exp
#define LOG log
#include "kernels/softmax.c"

static void run(const ht_rows *r, ht_range_fn *f, ht_range_fn *d, job *j) {
  j->r = r;
  if (r->rows > 0)
    ht_parallel((size_t)r->rows, ht_grain(8 * (double)r->cols),
                r->t == HT_FLOAT ? f : d, j);
}

void ht_softmax(const ht_rows *r, bool log, const void *x, void *y) {
  job j = {.x = x, .x_row = r->cols, .x_col = 1, .y = y, .log = log};
  run(r, softmax_f, softmax_d, &j);
}

void ht_softmax_spread(const ht_rows *r, const ht_tensor *x, void *y) {
  job j = {.x = x->data, .y = y};
  broadcast(x, &j.x_row, &j.x_col);
  run(r, softmax_f, softmax_d, &j);
}

void ht_log_softmax_spread(const ht_rows *r, const ht_tensor *x, const void *d,
                           void *y) {
  job j = {.x = x->data, .y = y, .d = d, .log = true};
  broadcast(x, &j.x_row, &j.x_col);
  run(r, softmax_f, softmax_d, &j);
}

void ht_softmax_back(const ht_rows *r, bool log, const void *y, const void *dy,
                     void *dx) {
  job j = {.x = y, .d = dy, .y = dx, .log = log};
  run(r, back_f, back_d, &j);
}

void ht_softmax_back_add(const ht_rows *r, const void *y, const void *dy,
                         void *dx) {
  job j = {.x = y, .d = dy, .y = dx, .add = true};
  run(r, back_f, back_d, &j);
}

void ht_softmax_loss_at(const ht_rows *r, const void *x,
                        const ht_tensor *labels, void *loss, void *p) {
  job j = {.x = x,
           .x_row = r->cols,
           .x_col = 1,
           .labels = labels,
           .loss = loss,
           .y = p};
  run(r, loss_at_f, loss_at_d, &j);
}

void ht_softmax_loss(const ht_rows *r, const ht_tensor *x,
                     const ht_tensor *labels, void *loss, void *p) {
  job j = {.x = x->data, .labels = labels, .loss = loss, .y = p};
  broadcast(x, &j.x_row, &j.x_col);
  broadcast(labels, &j.l_row, &j.l_col);
  run(r, loss_f, loss_d, &j);
}

void ht_rows_scale(const ht_rows *r, const void *x, const void *s, void *y) {
  job j = {.x = x, .d = s, .y = y};
  run(r, scale_f, scale_d, &j);
}

#else /* the loops, for one type */

/* y = x - max(x); the sum of exp(y), also left in y where `exps`. A NaN
 * stays one through the sum. */
HT_INLINE REAL NAME(shift)(int64_t n, const REAL *x, int64_t step, REAL *y,
                           bool exps) {
  REAL max = -INFINITY, sum = 0;
  for (int64_t i = 0; i < n; i++) max = x[i * step] > max ? x[i * step] : max;
  for (int64_t i = 0; i < n; i++) y[i] = x[i * step] - max;
  if (!exps) {
    for (int64_t i = 0; i < n; i++) sum += EXP(y[i]);
    return sum;
  }
  for (int64_t i = 0; i < n; i++) y[i] = EXP(y[i]);
  for (int64_t i = 0; i < n; i++) sum += y[i];
  return sum;
}

HT_INLINE void NAME(log_row)(const job *j, int64_t i, const REAL *x, REAL *y) {
  int64_t n = j->r->cols;
  REAL log_sum = LOG(NAME(shift)(n, x, j->x_col, y, false));
  for (int64_t c = 0; c < n; c++) y[c] -= log_sum;
  if (!j->d) return;
  REAL scale = -((const REAL *)j->d)[i];
  for (int64_t c = 0; c < n; c++) y[c] *= scale;
}

HT_WIDE static void NAME(softmax)(size_t from, size_t to, void *arg) {
  const job *j = arg;
  int64_t n = j->r->cols;
  for (int64_t i = (int64_t)from; i < (int64_t)to; i++) {
    const REAL *x = (const REAL *)j->x + i * j->x_row;
    REAL *y = (REAL *)j->y + i * n;
    if (j->log) {
      NAME(log_row)(j, i, x, y);
      continue;
    }
    REAL scale = 1 / NAME(shift)(n, x, j->x_col, y, true);
    for (int64_t c = 0; c < n; c++) y[c] *= scale;
  }
}

HT_INLINE REAL NAME(dot)(int64_t n, const REAL *y, const REAL *d, bool log) {
  REAL sum = 0;
  for (int64_t c = 0; c < n; c++) sum += log ? d[c] : d[c] * y[c];
  return sum;
}

HT_WIDE static void NAME(back)(size_t from, size_t to, void *arg) {
  const job *j = arg;
  int64_t n = j->r->cols;
  for (int64_t i = (int64_t)from; i < (int64_t)to; i++) {
    const REAL *y = (const REAL *)j->x + i * n, *d = (const REAL *)j->d + i * n;
    REAL *g = (REAL *)j->y + i * n;
    REAL sum = NAME(dot)(n, y, d, j->log);
    if (j->log)
      for (int64_t c = 0; c < n; c++) g[c] = d[c] - EXP(y[c]) * sum;
    else if (j->add)
      for (int64_t c = 0; c < n; c++) g[c] += (d[c] - sum) * y[c];
    else
      for (int64_t c = 0; c < n; c++) g[c] = (d[c] - sum) * y[c];
  }
}

/* loss = log(sum) - (x - max)[label]; p = exp(x - max) / sum - 1[label]. */
HT_WIDE static void NAME(loss_at)(size_t from, size_t to, void *arg) {
  const job *j = arg;
  int64_t n = j->r->cols;
  for (int64_t i = (int64_t)from; i < (int64_t)to; i++) {
    REAL *p = (REAL *)j->y + i * n;
    REAL sum = NAME(shift)(n, (const REAL *)j->x + i * n, 1, p, false);
    int64_t label = ht_int_at(j->labels, i);
    ((REAL *)j->loss)[i] = LOG(sum) - p[label];
    for (int64_t c = 0; c < n; c++) p[c] = EXP(p[c]) / sum;
    p[label] -= 1;
  }
}

/* Where a label is 0, its term is 0 whatever the logit, as in TensorFlow. */
HT_WIDE static void NAME(loss)(size_t from, size_t to, void *arg) {
  const job *j = arg;
  int64_t n = j->r->cols;
  for (int64_t i = (int64_t)from; i < (int64_t)to; i++) {
    const REAL *x = (const REAL *)j->x + i * j->x_row;
    const REAL *l = (const REAL *)j->labels->data + i * j->l_row;
    REAL *p = (REAL *)j->y + i * n, loss = 0;
    REAL sum = NAME(shift)(n, x, j->x_col, p, false), log_sum = LOG(sum);
    for (int64_t c = 0; c < n; c++) {
      REAL label = l[c * j->l_col];
      loss += label == 0 ? 0 : label * (log_sum - p[c]);
      p[c] = EXP(p[c]) / sum - label;
    }
    ((REAL *)j->loss)[i] = loss;
  }
}

HT_WIDE static void NAME(scale)(size_t from, size_t to, void *arg) {
  const job *j = arg;
  int64_t n = j->r->cols;
  for (int64_t i = (int64_t)from; i < (int64_t)to; i++) {
    const REAL *x = (const REAL *)j->x + i * n;
    REAL *y = (REAL *)j->y + i * n, s = ((const REAL *)j->d)[i];
    for (int64_t c = 0; c < n; c++) y[c] = x[c] * s;
  }
}
#endif
