/*
 * op_beam.c - the likeliest label sequences of connectionist temporal
 * classification by a beam of prefixes (Graves 2012, 7.5.3; the order of its
 * steps is that of core/util/ctc/ctc_beam_search.h of TensorFlow).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/sparse.h"

/* Logarithms of the probability of a prefix: all of it, and by whether its
 * paths end in a blank or in its last label. */
typedef struct chance {
  double all, blank, label;
} chance;

static const chance never = {-INFINITY, -INFINITY, -INFINITY};

typedef struct prefix {
  int64_t parent, label; /* parent -1: the empty prefix */
  chance was, now;
  int64_t next; /* of those with the same hash, -1: none */
} prefix;

typedef struct beam {
  prefix *p;
  int64_t n, room;
  int64_t *bucket, n_buckets;
  int64_t *leaf, n_leaves, width; /* a heap: leaf[0] is the least likely */
  int64_t *branch;                /* the leaves before this step */
} beam;

static double log_add(double a, double b) {
  double high = a > b ? a : b, low = a > b ? b : a;
  return low == -INFINITY ? high : high + log1p(exp(low - high));
}

/* ---- prefixes, found by parent and label */

static int64_t *bucket_of(beam *b, int64_t parent, int64_t label) {
  uint64_t h = (uint64_t)parent * UINT64_C(0x9e3779b97f4a7c15) +
               (uint64_t)label * UINT64_C(0xc2b2ae3d27d4eb4f);
  return &b->bucket[(h >> 20) % (uint64_t)b->n_buckets];
}

static int64_t child_of(beam *b, int64_t parent, int64_t label) {
  int64_t i = *bucket_of(b, parent, label);
  while (i >= 0 && (b->p[i].parent != parent || b->p[i].label != label))
    i = b->p[i].next;
  return i;
}

static ht_status add_prefix(beam *b, int64_t parent, int64_t label,
                            int64_t *out) {
  if (b->n == b->room) {
    int64_t room = b->room ? 2 * b->room : 1024;
    prefix *more = realloc(b->p, (size_t)room * sizeof *more);
    if (!more) return ht_fail(HT_NO_MEMORY, "no memory for a beam");
    b->p = more;
    b->room = room;
  }
  int64_t *first = bucket_of(b, parent, label);
  b->p[b->n] = (prefix){parent, label, never, never, *first};
  *out = *first = b->n++;
  return HT_SUCCESS;
}

/* ---- leaves */

static double worth(const beam *b, int64_t k) {
  return b->p[b->leaf[k]].now.all;
}

static void swap(beam *b, int64_t i, int64_t k) {
  int64_t t = b->leaf[i];
  b->leaf[i] = b->leaf[k];
  b->leaf[k] = t;
}

static void sink(beam *b, int64_t n) {
  for (int64_t i = 0, k; (k = 2 * i + 1) < n; i = k) {
    if (k + 1 < n && worth(b, k + 1) < worth(b, k)) k++;
    if (worth(b, i) <= worth(b, k)) return;
    swap(b, i, k);
  }
}

/* Where the beam is full, the least likely leaf goes. */
static void push(beam *b, int64_t i) {
  if (b->n_leaves == b->width) {
    b->leaf[0] = i;
    sink(b, b->n_leaves);
    return;
  }
  b->leaf[b->n_leaves] = i;
  for (int64_t k = b->n_leaves++; k && worth(b, k) < worth(b, (k - 1) / 2);
       k = (k - 1) / 2)
    swap(b, k, (k - 1) / 2);
}

/* The leaves, likeliest first, in b->branch; the heap is empty then. */
static int64_t take_leaves(beam *b) {
  int64_t n = b->n_leaves;
  while (b->n_leaves) {
    b->branch[b->n_leaves - 1] = b->leaf[0];
    b->leaf[0] = b->leaf[--b->n_leaves];
    sink(b, b->n_leaves);
  }
  return n;
}

static bool fits(const beam *b, double all) {
  return all > -INFINITY && (b->n_leaves < b->width || all > worth(b, 0));
}

/* ---- a step */

static void stay(beam *b, prefix *p, const double *x, int64_t blank) {
  if (p->parent >= 0) {
    const prefix *parent = &b->p[p->parent];
    if (parent->now.all != -INFINITY)
      p->now.label =
          log_add(p->now.label, parent->label == p->label ? parent->was.blank
                                                          : parent->was.all);
    p->now.label += x[p->label];
  }
  p->now.blank = p->was.all + x[blank];
  p->now.all = log_add(p->now.blank, p->now.label);
}

static ht_status grow(beam *b, int64_t from, int64_t label, double x) {
  int64_t child = child_of(b, from, label);
  if (child >= 0 && b->p[child].now.all != -INFINITY) return HT_SUCCESS;
  const prefix *p = &b->p[from];
  double all = x + (p->label == label ? p->was.blank : p->was.all);
  if (!fits(b, all)) {
    if (child >= 0) b->p[child].was = b->p[child].now = never;
    return HT_SUCCESS;
  }
  if (child < 0) HT_TRY(add_prefix(b, from, label, &child));
  b->p[child].now = (chance){all, -INFINITY, all};
  if (b->n_leaves == b->width) b->p[b->leaf[0]].now = never;
  push(b, child);
  return HT_SUCCESS;
}

/* x: a step's numbers of all classes, the last of them the blank. */
static ht_status step(beam *b, const double *x, int64_t classes) {
  int64_t n = take_leaves(b);
  for (int64_t i = 0; i < n; i++) {
    prefix *p = &b->p[b->branch[i]];
    p->was = p->now;
  }
  for (int64_t i = 0; i < n; i++) {
    stay(b, &b->p[b->branch[i]], x, classes - 1);
    push(b, b->branch[i]);
  }
  for (int64_t i = 0; i < n; i++) {
    if (!fits(b, b->p[b->branch[i]].was.all)) continue;
    for (int64_t k = 0; k + 1 < classes; k++)
      HT_TRY(grow(b, b->branch[i], k, x[k]));
  }
  return HT_SUCCESS;
}

/* ---- an example, and what is found in it */

static ht_status begin(beam *b) {
  int64_t root;
  b->n = b->n_leaves = 0;
  for (int64_t i = 0; i < b->n_buckets; i++) b->bucket[i] = -1;
  HT_TRY(add_prefix(b, -1, -1, &root));
  b->p[root].now = (chance){0, 0, -INFINITY};
  push(b, root);
  return HT_SUCCESS;
}

/* Logarithms of the probabilities of a step. */
static void read_step(const ht_tensor *in, int64_t first, int64_t classes,
                      double *x) {
  double most = -INFINITY, sum = 0;
  for (int64_t k = 0; k < classes; k++) {
    x[k] = ht_real_at(in, first + k);
    if (x[k] > most) most = x[k];
  }
  for (int64_t k = 0; k < classes; k++) sum += exp(x[k] - most);
  for (int64_t k = 0; k < classes; k++) x[k] -= most + log(sum);
}

/* The labels of a prefix, from the first; returns how many. */
static int64_t spell(const beam *b, int64_t i, bool merge, int64_t *out) {
  int64_t n = 0, last = -1;
  for (; b->p[i].parent >= 0; i = b->p[i].parent) {
    if (!merge || b->p[i].label != last) out[n++] = b->p[i].label;
    last = b->p[i].label;
  }
  for (int64_t k = 0; k < n / 2; k++) {
    int64_t t = out[k];
    out[k] = out[n - 1 - k];
    out[n - 1 - k] = t;
  }
  return n;
}

typedef struct found {
  int64_t paths, time, batch;
  int64_t *label, *length; /* [path, batch, time], [path, batch] */
  double *x;               /* [classes] */
} found;

static void put(ht_tensor *t, int64_t i, double v) {
  if (t->dtype == HT_DOUBLE)
    HT_DATA(double, t)[i] = v;
  else
    ht_f(t)[i] = (float)v;
}

static ht_status decode(ht_call *c, beam *b, found *f, int64_t example) {
  const ht_shape *s = &c->in[0]->shape;
  bool merge = ht_attr_bool(c->attrs, "merge_repeated");
  HT_TRY(begin(b));
  for (int64_t t = 0; t < ht_i32(c->in[1])[example]; t++) {
    read_step(c->in[0], (t * f->batch + example) * s->dim[2], s->dim[2], f->x);
    HT_TRY(step(b, f->x, s->dim[2]));
  }
  if (take_leaves(b) < f->paths)
    return ht_fail(HT_USAGE, "op '%s': there are fewer paths than %lld",
                   c->op->name, (long long)f->paths);
  for (int64_t k = 0; k < f->paths; k++) {
    int64_t at = k * f->batch + example;
    f->length[at] = spell(b, b->branch[k], merge, f->label + at * f->time);
    put(&c->out[3 * f->paths], example * f->paths + k,
        b->p[b->branch[k]].now.all);
  }
  return HT_SUCCESS;
}

static ht_status path_out(ht_call *c, const found *f, int path) {
  int64_t total = 0, most = 0, k = 0, n = f->paths;
  const int64_t *length = f->length + path * f->batch;
  for (int64_t b = 0; b < f->batch; b++) {
    total += length[b];
    if (length[b] > most) most = length[b];
  }
  ht_shape places = ht_shape_2(total, 2), one = ht_shape_1(total);
  ht_shape dense = ht_shape_2(f->batch, most);
  int values = path + (int)n;
  HT_TRY(ht_out(c, path, HT_INT64, &places));
  HT_TRY(ht_out(c, values, HT_INT64, &one));
  HT_TRY(ht_out_shape(c, path + 2 * (int)n, &dense));
  for (int64_t b = 0; b < f->batch; b++)
    for (int64_t t = 0; t < length[b]; t++, k++) {
      ht_i64(&c->out[path])[2 * k] = b;
      ht_i64(&c->out[path])[2 * k + 1] = t;
      ht_i64(&c->out[values])[k] =
          f->label[(path * f->batch + b) * f->time + t];
    }
  return HT_SUCCESS;
}

static ht_status run_beam(ht_call *c, beam *b, found *f) {
  size_t paths = (size_t)(f->paths * f->batch);
  f->label = malloc((paths * (size_t)f->time + 1) * sizeof *f->label);
  f->length = malloc((paths + 1) * sizeof *f->length);
  f->x = malloc((size_t)c->in[0]->shape.dim[2] * sizeof *f->x);
  b->bucket = malloc((size_t)b->n_buckets * sizeof *b->bucket);
  b->leaf = malloc((size_t)b->width * sizeof *b->leaf);
  b->branch = malloc((size_t)b->width * sizeof *b->branch);
  if (!f->label || !f->length || !f->x || !b->bucket || !b->leaf || !b->branch)
    return ht_fail(HT_NO_MEMORY, "no memory for a beam");
  for (int64_t e = 0; e < f->batch; e++) HT_TRY(decode(c, b, f, e));
  for (int k = 0; k < f->paths; k++) HT_TRY(path_out(c, f, k));
  return HT_SUCCESS;
}

static ht_status check_inputs(const ht_call *c, const beam *b, const found *f) {
  ht_dtype t = c->in[0]->dtype;
  if (t != HT_FLOAT && t != HT_DOUBLE) return ht_no_dtype(c, t);
  HT_TRY(ht_need_rank(c, 0, 3));
  HT_TRY(ht_need_dtype(c, 1, HT_INT32));
  HT_TRY(ht_need_rank(c, 1, 1));
  if (!ht_count(c->in[0]) || ht_count(c->in[1]) != c->in[0]->shape.dim[1])
    return ht_fail(HT_USAGE,
                   "op '%s' wants steps of a batch of examples, "
                   "and the length of each",
                   c->op->name);
  for (int64_t i = 0; i < ht_count(c->in[1]); i++)
    if (ht_i32(c->in[1])[i] > c->in[0]->shape.dim[0])
      return ht_fail(HT_USAGE, "op '%s': a length above %lld", c->op->name,
                     (long long)c->in[0]->shape.dim[0]);
  if (b->width > 0 && b->width <= 1 << 20 && f->paths > 0 &&
      f->paths <= b->width && c->n_out == 3 * f->paths + 1)
    return HT_SUCCESS;
  return ht_fail(HT_USAGE,
                 "op '%s' wants a beam at least as wide as it "
                 "has paths",
                 c->op->name);
}

static ht_status beam_forward(ht_call *c) {
  beam b = {.width = ht_attr_int(c->attrs, "beam_width"), .n_buckets = 1 << 16};
  found f = {.paths = ht_attr_int(c->attrs, "top_paths")};
  HT_TRY(check_inputs(c, &b, &f));
  f.time = c->in[0]->shape.dim[0];
  f.batch = c->in[0]->shape.dim[1];
  ht_shape scores = ht_shape_2(f.batch, f.paths);
  HT_TRY(ht_out(c, 3 * (int)f.paths, c->in[0]->dtype, &scores));
  ht_status st = run_beam(c, &b, &f);
  free(f.label);
  free(f.length);
  free(f.x);
  free(b.p);
  free(b.bucket);
  free(b.leaf);
  free(b.branch);
  return st;
}

/* Of doubles TensorFlow adds logarithms in float: !near. */
const ht_op ht_ops_beam[] = {
    {
        .name = "CTCBeamSearchDecoder",
        .inputs = "inputs:T sequence_length:int32",
        .outputs = "decoded_indices:top_paths*int64 "
                   "decoded_values:top_paths*int64 "
                   "decoded_shape:top_paths*int64 log_probability:T",
        .attrs = "beam_width:int top_paths:int merge_repeated:bool=true "
                 "T:type=float",
        .doc = "The likeliest label sequences by a beam of prefixes.",
        .samples =
            "f[6,3,4] i[3]{6,4,2} beam_width=5 top_paths=2; "
            "f[6,3,4] i[3]{6,4,0} beam_width=1 top_paths=1; "
            "f[8,2,6](-6,6) i[2]{8,8} beam_width=100 top_paths=3 "
            "merge_repeated=false; d[9,1,3] i[1]{9} beam_width=4 top_paths=4 "
            "merge_repeated=false !near=5e-7",
        .forward = beam_forward,
        .gradient = ht_no_gradient,
    },
    {0},
};
