/*
 * op_ctc.c - connectionist temporal classification (Graves, "Supervised
 * sequence labelling with recurrent neural networks", 2012, chapter 7): the
 * loss with its gradient, and the path of the best steps.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/sparse.h"

/* log(e^a + e^b) */
static double log_add(double a, double b) {
  double high = a > b ? a : b, low = a > b ? b : a;
  return low == -INFINITY ? high : high + log1p(exp(low - high));
}

/* ---- the loss of one example */

typedef struct ctc {
  const ht_tensor *x; /* [time, batch, classes] */
  int64_t batch, classes, blank;
  bool merge; /* repeated labels need a blank between */
  /* Of the example: */
  int64_t steps, n;       /* n: labels with blanks around each */
  int64_t *label;         /* [n] */
  double *y;              /* [steps, classes], probabilities */
  double *before, *after; /* [steps, n], log alpha and log beta */
  double *sum;            /* [classes] */
} ctc;

static double at(const ctc *c, int64_t t, int64_t u) {
  return log(c->y[t * c->classes + c->label[u]]);
}

/* Whether a path may go from label u - 2 to u. */
static bool may_skip(const ctc *c, int64_t u) {
  return u > 1 && c->label[u] != c->blank &&
         !(c->merge && c->label[u] == c->label[u - 2]);
}

static bool may_stay(const ctc *c, int64_t u) {
  return c->merge || c->label[u] == c->blank;
}

static void probabilities(ctc *c, int64_t b) {
  for (int64_t t = 0; t < c->steps; t++) {
    double *y = c->y + t * c->classes, most = -INFINITY, sum = 0;
    int64_t first = (t * c->batch + b) * c->classes;
    for (int64_t k = 0; k < c->classes; k++) {
      y[k] = ht_real_at(c->x, first + k);
      if (y[k] > most) most = y[k];
    }
    for (int64_t k = 0; k < c->classes; k++) sum += y[k] = exp(y[k] - most);
    for (int64_t k = 0; k < c->classes; k++) y[k] /= sum;
  }
}

/* Labels that can be reached and still let the rest be reached: those from
 * low on, below high. */
static void span(const ctc *c, int64_t t, int64_t *low, int64_t *high) {
  *low = c->n - 2 * (c->steps - t);
  *high = 2 * (t + 1);
  if (*low < 0) *low = 0;
  if (*high > c->n) *high = c->n;
}

/* 7.9 */
static void forwards(ctc *c) {
  int64_t low, high;
  for (int64_t i = 0; i < c->steps * c->n; i++) c->before[i] = -INFINITY;
  for (int64_t u = 0; u < 2 && u < c->n; u++) c->before[u] = at(c, 0, u);
  for (int64_t t = 1; t < c->steps; t++) {
    const double *was = c->before + (t - 1) * c->n;
    span(c, t, &low, &high);
    for (int64_t u = low; u < high; u++) {
      double sum = may_stay(c, u) ? was[u] : -INFINITY;
      if (u > 0) sum = log_add(sum, was[u - 1]);
      if (may_skip(c, u)) sum = log_add(sum, was[u - 2]);
      c->before[t * c->n + u] = at(c, t, u) + sum;
    }
  }
}

/* 7.15 */
static void backwards(ctc *c) {
  int64_t low, high, last = c->steps - 1;
  for (int64_t i = 0; i < c->steps * c->n; i++) c->after[i] = -INFINITY;
  for (int64_t u = c->n > 1 ? c->n - 2 : 0; u < c->n; u++)
    c->after[last * c->n + u] = 0;
  for (int64_t t = last - 1; t >= 0; t--) {
    const double *next = c->after + (t + 1) * c->n;
    span(c, t, &low, &high);
    for (int64_t u = low; u < high; u++) {
      double sum = -INFINITY;
      if (may_stay(c, u)) sum = next[u] + at(c, t + 1, u);
      if (u + 1 < c->n) sum = log_add(sum, next[u + 1] + at(c, t + 1, u + 1));
      if (u + 2 < c->n && c->label[u] != c->blank &&
          !(c->merge && c->label[u] == c->label[u + 2]))
        sum = log_add(sum, next[u + 2] + at(c, t + 1, u + 2));
      c->after[t * c->n + u] = sum;
    }
  }
}

static void put(ht_tensor *t, int64_t i, double v) {
  if (t->dtype == HT_DOUBLE)
    HT_DATA(double, t)[i] = v;
  else
    ht_f(t)[i] = (float)v;
}

/* 7.28: y less the share of the paths through a class. */
static void slopes(ctc *c, int64_t b, double total, ht_tensor *g) {
  for (int64_t t = 0; t < c->steps; t++) {
    int64_t first = (t * c->batch + b) * c->classes, row = t * c->n;
    for (int64_t k = 0; k < c->classes; k++) c->sum[k] = -INFINITY;
    for (int64_t u = 0; u < c->n; u++)
      c->sum[c->label[u]] =
          log_add(c->sum[c->label[u]], c->before[row + u] + c->after[row + u]);
    for (int64_t k = 0; k < c->classes; k++) {
      double y = c->y[t * c->classes + k];
      bool none = total == -INFINITY; /* there is no path */
      put(g, first + k, none ? y : y - exp(c->sum[k] - total));
    }
  }
}

static void one_loss(ctc *c, int64_t b, ht_tensor *loss, ht_tensor *g) {
  double total = -INFINITY;
  probabilities(c, b);
  forwards(c);
  backwards(c);
  for (int64_t u = 0; u < c->n; u++)
    total = log_add(total, c->before[u] + c->after[u]);
  put(loss, b, -total);
  slopes(c, b, total, g);
}

/* ---- labels */

typedef struct labels {
  const int64_t *at; /* [n, 2] */
  const int32_t *value;
  int64_t n, next; /* where those of the next example begin */
} labels;

/* Labels of example b with blanks around each. *given: how many were. */
static ht_status take_labels(ctc *c, labels *l, int64_t b, bool collapse,
                             int64_t *given) {
  bool ended = false;
  int64_t first = l->next;
  c->n = 0;
  for (; l->next < l->n && l->at[2 * l->next] == b; l->next++) {
    int64_t v = l->value[l->next];
    if (v < 0) return ht_fail(HT_USAGE, "label %lld", (long long)v);
    if (collapse && l->next > first && v == l->value[l->next - 1]) continue;
    if (c->blank ? v >= c->classes - 1 : v == 0) {
      ended = true;
      continue;
    }
    if (v >= c->classes) return ht_fail(HT_USAGE, "label %lld", (long long)v);
    if (ended) return ht_fail(HT_USAGE, "a label stands behind a blank");
    c->label[c->n++] = c->blank;
    c->label[c->n++] = v;
  }
  c->label[c->n++] = c->blank;
  *given = l->next - first;
  return *given ? HT_SUCCESS : ht_fail(HT_USAGE, "it has no labels");
}

static ht_status all_losses(ht_call *call, ctc *c, labels *l) {
  bool collapse = ht_attr_bool(call->attrs, "preprocess_collapse_repeated");
  bool ignore = ht_attr_bool(call->attrs, "ignore_longer_outputs_than_inputs");
  int64_t time = call->in[0]->shape.dim[0], given = 0;
  for (int64_t b = 0; b < c->batch; b++) {
    HT_TRY(ht_within(take_labels(c, l, b, collapse, &given),
                     "op '%s': example %lld", call->op->name, (long long)b));
    c->steps = ht_i32(call->in[3])[b];
    if (c->steps < 0 || c->steps > time || (given > c->steps && !ignore))
      return ht_fail(HT_USAGE,
                     "op '%s': example %lld has %lld labels in %lld "
                     "of %lld steps",
                     call->op->name, (long long)b, (long long)given,
                     (long long)c->steps, (long long)time);
    if (c->steps && given <= c->steps)
      one_loss(c, b, &call->out[0], &call->out[1]);
  }
  if (l->next < l->n)
    return ht_fail(HT_USAGE, "op '%s': labels are out of order",
                   call->op->name);
  return HT_SUCCESS;
}

static ht_status rooms(ctc *c, int64_t time, int64_t n_labels) {
  size_t n = 2 * (size_t)n_labels + 1, steps = (size_t)time;
  c->label = malloc(n * sizeof *c->label);
  c->y = malloc((steps * (size_t)c->classes + 1) * sizeof *c->y);
  c->before = malloc((steps * n + 1) * sizeof *c->before);
  c->after = malloc((steps * n + 1) * sizeof *c->after);
  c->sum = malloc((size_t)c->classes * sizeof *c->sum);
  if (c->label && c->y && c->before && c->after && c->sum) return HT_SUCCESS;
  return ht_fail(HT_NO_MEMORY, "no memory for paths of labels");
}

static ht_status check_inputs(const ht_call *c, int lengths) {
  ht_dtype t = c->in[0]->dtype;
  const ht_shape *s = &c->in[0]->shape;
  if (t != HT_FLOAT && t != HT_DOUBLE) return ht_no_dtype(c, t);
  HT_TRY(ht_need_rank(c, 0, 3));
  HT_TRY(ht_need_dtype(c, lengths, HT_INT32));
  HT_TRY(ht_need_rank(c, lengths, 1));
  if (ht_count(c->in[0]) && ht_count(c->in[lengths]) == s->dim[1])
    return HT_SUCCESS;
  return ht_fail(HT_USAGE,
                 "op '%s' wants steps of a batch of examples, and "
                 "the length of each",
                 c->op->name);
}

/* The longest run of labels of one example; they are told apart by at[.,0]. */
static int64_t most_labels(const labels *l) {
  int64_t most = 0, n = 0;
  for (int64_t i = 0; i < l->n; i++) {
    n = i && l->at[2 * i] == l->at[2 * i - 2] ? n + 1 : 1;
    if (n > most) most = n;
  }
  return most;
}

/* blank: which class it is, counted from 0 or, below it, from the end. */
static ht_status loss_of(ht_call *call, int64_t blank) {
  HT_TRY(check_inputs(call, 3));
  HT_TRY(ht_need_dtype(call, 1, HT_INT64));
  HT_TRY(ht_need_dtype(call, 2, HT_INT32));
  HT_TRY(ht_need_rank(call, 1, 2));
  const ht_shape *s = &call->in[0]->shape;
  labels l = {ht_i64(call->in[1]), ht_i32(call->in[2]), ht_count(call->in[2]),
              0};
  if (call->in[1]->shape.dim[0] != l.n || call->in[1]->shape.dim[1] != 2)
    return ht_fail(HT_USAGE, "op '%s': labels and their places do not agree",
                   call->op->name);
  ctc c = {.x = call->in[0],
           .batch = s->dim[1],
           .classes = s->dim[2],
           .blank = blank < 0 ? s->dim[2] + blank : blank,
           .merge = ht_attr_bool(call->attrs, "ctc_merge_repeated")};
  ht_shape one = ht_shape_1(c.batch);
  HT_TRY(ht_out_zeros(call, 0, call->in[0]->dtype, &one));
  HT_TRY(ht_out_zeros(call, 1, call->in[0]->dtype, s));
  ht_status st = rooms(&c, s->dim[0], most_labels(&l));
  if (st.code == HT_OK) st = all_losses(call, &c, &l);
  free(c.label);
  free(c.y);
  free(c.before);
  free(c.after);
  free(c.sum);
  return st;
}

static ht_status loss_forward(ht_call *c) { return loss_of(c, -1); }
static ht_status loss_v2_forward(ht_call *c) { return loss_of(c, 0); }

/* The second output is the gradient already. */
static ht_status loss_back(ht_back *b) {
  ht_tensor g;
  const ht_tensor *d = &b->dout[0].dense, *slope = &b->out[1];
  if (!d->dtype || !ht_wants(b, 0)) return HT_SUCCESS;
  int64_t batch = slope->shape.dim[1], n = slope->shape.dim[2];
  HT_TRY(ht_back_new(b, slope->dtype, &slope->shape, &g));
  for (int64_t i = 0; i < ht_count(&g); i++)
    put(&g, i, ht_real_at(slope, i) * ht_real_at(d, i / n % batch));
  return ht_give(b, 0, &g);
}

/* ---- the path of the best classes */

typedef struct greedy {
  int64_t *path, *length; /* [batch, time], [batch] */
} greedy;

static void best_path(ht_call *c, int64_t b, int64_t blank, bool merge,
                      greedy *p) {
  const ht_shape *s = &c->in[0]->shape;
  int64_t n = s->dim[2], last = -1;
  double sum = 0;
  p->length[b] = 0;
  for (int64_t t = 0; t < ht_i32(c->in[1])[b]; t++) {
    int64_t first = (t * s->dim[1] + b) * n, best = 0;
    for (int64_t k = 1; k < n; k++)
      if (ht_real_at(c->in[0], first + k) > ht_real_at(c->in[0], first + best))
        best = k;
    sum -= ht_real_at(c->in[0], first + best);
    if (best != blank && !(merge && best == last))
      p->path[b * s->dim[0] + p->length[b]++] = best;
    last = best;
  }
  put(&c->out[3], b, sum);
}

static ht_status paths_out(ht_call *c, const greedy *p) {
  int64_t batch = c->in[0]->shape.dim[1], time = c->in[0]->shape.dim[0];
  int64_t total = 0, most = 0, k = 0;
  for (int64_t b = 0; b < batch; b++) {
    total += p->length[b];
    if (p->length[b] > most) most = p->length[b];
  }
  ht_shape places = ht_shape_2(total, 2), one = ht_shape_1(total);
  ht_shape dense = ht_shape_2(batch, most);
  HT_TRY(ht_out(c, 0, HT_INT64, &places));
  HT_TRY(ht_out(c, 1, HT_INT64, &one));
  HT_TRY(ht_out_shape(c, 2, &dense));
  for (int64_t b = 0; b < batch; b++)
    for (int64_t t = 0; t < p->length[b]; t++, k++) {
      ht_i64(&c->out[0])[2 * k] = b;
      ht_i64(&c->out[0])[2 * k + 1] = t;
      ht_i64(&c->out[1])[k] = p->path[b * time + t];
    }
  return HT_SUCCESS;
}

static ht_status greedy_forward(ht_call *c) {
  HT_TRY(check_inputs(c, 1));
  const ht_shape *s = &c->in[0]->shape;
  int64_t blank = ht_attr_int(c->attrs, "blank_index");
  bool merge = ht_attr_bool(c->attrs, "merge_repeated");
  if (blank < 0) blank += s->dim[2];
  if (blank < 0 || blank >= s->dim[2])
    return ht_fail(HT_USAGE, "op '%s': the blank is none of %lld classes",
                   c->op->name, (long long)s->dim[2]);
  for (int64_t b = 0; b < s->dim[1]; b++)
    if (ht_i32(c->in[1])[b] > s->dim[0])
      return ht_fail(HT_USAGE, "op '%s': a length above %lld", c->op->name,
                     (long long)s->dim[0]);
  ht_shape scores = ht_shape_2(s->dim[1], 1);
  HT_TRY(ht_out(c, 3, c->in[0]->dtype, &scores));
  greedy p = {malloc((size_t)(s->dim[0] * s->dim[1]) * sizeof *p.path),
              malloc((size_t)s->dim[1] * sizeof *p.length)};
  ht_status st = HT_SUCCESS;
  if (!p.path || !p.length)
    st = ht_fail(HT_NO_MEMORY, "no memory for paths of labels");
  for (int64_t b = 0; b < s->dim[1] && st.code == HT_OK; b++)
    best_path(c, b, blank, merge, &p);
  if (st.code == HT_OK) st = paths_out(c, &p);
  free(p.path);
  free(p.length);
  return st;
}

/* Of doubles TensorFlow adds logarithms in float: !near. */
#define LABELS "l[5,2]{0,0,0,1,0,2,1,0,2,0} i[5]{0,1,1,2,0} i[3]{6,5,2} "

const ht_op ht_ops_ctc[] = {
    {
        .name = "CTCLoss",
        .inputs = "inputs:T labels_indices:int64 labels_values:int32 "
                  "sequence_length:int32",
        .outputs = "loss:T gradient:T",
        .attrs = "preprocess_collapse_repeated:bool=false "
                 "ctc_merge_repeated:bool=true "
                 "ignore_longer_outputs_than_inputs:bool=false T:type=float",
        .doc = "Minus the logarithm of a sequence's probability.",
        .samples = "f[6,3,4] " LABELS "; d[6,3,4] " LABELS
                   "!differences=0 !near=5e-7; "
                   "f[6,3,4](-30,30) " LABELS "; "
                   "f[6,3,4] " LABELS "ctc_merge_repeated=false; "
                   "f[6,3,4] " LABELS "preprocess_collapse_repeated=true; "
                   "f[4,2,3] l[4,2]{0,0,0,1,0,2,1,0} i[4]{0,1,0,1} i[2]{2,0} "
                   "ignore_longer_outputs_than_inputs=true",
        .forward = loss_forward,
        .gradient = loss_back,
        .keep = HT_KEEP_OUT(1),
    },
    {
        .name = "CTCLossV2",
        .inputs = "inputs:float labels_indices:int64 labels_values:int32 "
                  "sequence_length:int32",
        .outputs = "loss:float gradient:float",
        .attrs = "preprocess_collapse_repeated:bool=false "
                 "ctc_merge_repeated:bool=true "
                 "ignore_longer_outputs_than_inputs:bool=false",
        .doc = "CTCLoss with the blank as the first class.",
        .samples = "@the_second_ctc_loss_is_the_first_with_the_blank_in_front",
        .forward = loss_v2_forward,
        .gradient = loss_back,
        .keep = HT_KEEP_OUT(1),
    },
    {
        .name = "CTCGreedyDecoder",
        .inputs = "inputs:T sequence_length:int32",
        .outputs = "decoded_indices:int64 decoded_values:int64 "
                   "decoded_shape:int64 log_probability:T",
        .attrs = "merge_repeated:bool=false blank_index:int=-1 T:type=float",
        .doc = "The labels of the best class of each step.",
        .samples = "f[6,3,3] i[3]{6,4,0}; f[6,3,3] i[3]{6,4,1} "
                   "merge_repeated=true; d[5,2,4] i[2]{5,5} blank_index=0; "
                   "f[5,2,4] i[2]{5,2} blank_index=-2 merge_repeated=true",
        .forward = greedy_forward,
        .gradient = ht_no_gradient,
    },
    {0},
};
