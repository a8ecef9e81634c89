/*
 * op_einsum.c - Einsum. Operands are strided views, an axis per label; what
 * both share and the result lacks is contracted by batched matrix products,
 * directly on the views where their strides allow (as for all products of
 * attention), else on copies. Integers and complex numbers are contracted by
 * plain loops.
 */
#include <string.h>

#include "base/parallel.h"
#include "kernels/contract.h"
#include "kernels/matmul.h"
#include "ops/op.h"

enum { MOST = 2 * HT_MAX_RANK, ELLIPSIS = 200 };

/* A tensor with a label per axis; repeated labels are one axis (diagonal). */
typedef struct view {
  int n;
  uint8_t label[MOST];
  int64_t dim[MOST], step[MOST];
  char *data;
} view;

/* The labels of a term, ellipses spelled out: those are ELLIPSIS + how far
 * from the last, so that they align as broadcasting wants. */
typedef struct term {
  int n;
  uint8_t label[MOST];
  bool dots;
} term;

typedef struct equation {
  int n_in;
  term in[2], out;
} equation;

/* ---- reading the equation */

static ht_status bad(ht_string s) {
  return ht_fail(HT_USAGE, "einsum equation '%.*s' is not understood",
                 (int)(s.n > 80 ? 80 : s.n), s.p);
}

static bool letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Reads labels until something else; axes: the rank the dots fill up to. */
static bool read_term(const char **p, const char *end, int axes, term *t) {
  int letters = 0;
  *t = (term){0};
  for (const char *q = *p; q < end && *q != ',' && *q != '-'; q++)
    letters += letter(*q);
  for (; *p < end && **p != ',' && **p != '-'; ++*p) {
    if (**p == ' ') continue;
    if (t->n >= HT_MAX_RANK) return false;
    if (letter(**p)) {
      t->label[t->n++] = (uint8_t) * *p;
      continue;
    }
    if (end - *p < 3 || memcmp(*p, "...", 3) != 0 || t->dots) return false;
    int fill = axes - letters;
    if (fill < 0 || t->n + fill > HT_MAX_RANK) return false;
    for (int i = fill; i > 0; i--) t->label[t->n++] = (uint8_t)(ELLIPSIS + i);
    t->dots = true;
    *p += 2;
  }
  return true;
}

static int dots_in(const term *t) {
  int n = 0;
  for (int i = 0; i < t->n; i++) n += t->label[i] > ELLIPSIS;
  return n;
}

static int letters_from(const char *p, const char *end) {
  int n = 0;
  for (; p < end; p++) n += letter(*p);
  return n;
}

static ht_status read_equation(ht_string s, int n_in, const int rank[2],
                               equation *e) {
  const char *p = s.p, *end = s.p + s.n;
  int dots = 0;
  e->n_in = n_in;
  for (int i = 0; i < n_in; i++) {
    if (!read_term(&p, end, rank[i], &e->in[i])) return bad(s);
    if (e->in[i].n != rank[i])
      return ht_fail(HT_USAGE,
                     "einsum '%.*s' names %d axes of input %d of rank %d",
                     (int)(s.n > 80 ? 80 : s.n), s.p, e->in[i].n, i, rank[i]);
    int here = dots_in(&e->in[i]);
    dots = here > dots ? here : dots;
    if (i + 1 < n_in && (p == end || *p++ != ',')) return bad(s);
  }
  if (end - p < 2 || p[0] != '-' || p[1] != '>') return bad(s);
  p += 2;
  int rank_out = letters_from(p, end) + dots;
  if (!read_term(&p, end, rank_out, &e->out) || p != end) return bad(s);
  for (int i = 0; i < e->out.n; i++)
    if (memchr(e->out.label + i + 1, e->out.label[i],
               (size_t)(e->out.n - i - 1)))
      return bad(s);
  return HT_SUCCESS;
}

/* ---- views */

static int find(const view *v, uint8_t label) {
  for (int i = 0; i < v->n; i++)
    if (v->label[i] == label) return i;
  return -1;
}

static ht_status view_of(const ht_tensor *t, const term *e, view *v) {
  int64_t step = 1;
  *v = (view){.data = t->data};
  for (int i = e->n - 1; i >= 0; i--) {
    int64_t dim = t->shape.dim[i];
    int at = find(v, e->label[i]);
    if (at >= 0 && v->dim[at] != dim)
      return ht_fail(HT_USAGE, "einsum: a label names sizes %lld and %lld",
                     (long long)v->dim[at], (long long)dim);
    if (at >= 0) {
      v->step[at] += step;
    } else {
      v->label[v->n] = e->label[i];
      v->dim[v->n] = dim;
      v->step[v->n++] = step;
    }
    step *= dim;
  }
  for (int i = 0, j = v->n - 1; i < j; i++, j--) { /* back into order */
    view w = *v;
    v->label[i] = w.label[j], v->label[j] = w.label[i];
    v->dim[i] = w.dim[j], v->dim[j] = w.dim[i];
    v->step[i] = w.step[j], v->step[j] = w.step[i];
  }
  return HT_SUCCESS;
}

/* An axis of one element says nothing where another view has more of it. */
static void drop_single(view *v, const view *other) {
  int n = 0;
  for (int i = 0; i < v->n; i++) {
    int at = find(other, v->label[i]);
    if (v->dim[i] == 1 && at >= 0 && other->dim[at] != 1) continue;
    v->label[n] = v->label[i];
    v->dim[n] = v->dim[i];
    v->step[n++] = v->step[i];
  }
  v->n = n;
}

static int64_t elements(const view *v) {
  int64_t n = 1;
  for (int i = 0; i < v->n; i++) n *= v->dim[i];
  return n;
}

/* Axis of a label; a step of 0 where the view lacks it. */
static int64_t step_for(const view *v, uint8_t label) {
  int at = find(v, label);
  return at < 0 ? 0 : v->step[at];
}

/* ---- copying, and summing what the target lacks */

typedef struct walk {
  ht_dtype t;
  view to;
  const view *from;
  int n_sum;
  int64_t sum_dim[MOST], sum_step[MOST], sums;
} walk;

static double sum_at(const walk *w, const char *from) {
  double sum = 0;
  for (int64_t k = 0; k < w->sums; k++) {
    int64_t at = 0, r = k;
    for (int i = w->n_sum - 1; i >= 0; r /= w->sum_dim[i--])
      at += r % w->sum_dim[i] * w->sum_step[i];
    sum += w->t == HT_FLOAT ? (double)((const float *)(const void *)from)[at]
                            : ((const double *)(const void *)from)[at];
  }
  return sum;
}

static void move_one(const walk *w, int64_t from, int64_t to) {
  size_t size = ht_dtype_size(w->t);
  const char *x = w->from->data + (size_t)from * size;
  char *y = w->to.data + (size_t)to * size;
  if (!w->n_sum) {
    memcpy(y, x, size);
    return;
  }
  double sum = sum_at(w, x);
  if (w->t == HT_FLOAT)
    *(float *)(void *)y = (float)sum;
  else
    *(double *)(void *)y = sum;
}

static void move_rows(size_t from, size_t to, void *arg) {
  const walk *w = arg;
  int last = w->to.n - 1;
  int64_t row = last < 0 ? 1 : w->to.dim[last];
  int64_t x_step = last < 0 ? 0 : step_for(w->from, w->to.label[last]);
  int64_t y_step = last < 0 ? 0 : w->to.step[last];
  for (int64_t r = (int64_t)from; r < (int64_t)to; r++) {
    int64_t x = 0, y = 0, k = r;
    for (int i = last - 1; i >= 0; k /= w->to.dim[i--]) {
      int64_t at = k % w->to.dim[i];
      x += at * step_for(w->from, w->to.label[i]);
      y += at * w->to.step[i];
    }
    for (int64_t i = 0; i < row; i++)
      move_one(w, x + i * x_step, y + i * y_step);
  }
}

/* to = from: labels that `to` lacks are summed, those that `from` lacks
 * repeated. */
static void move(ht_dtype t, const view *from, const view *to) {
  walk w = {.t = t, .to = *to, .from = from, .sums = 1};
  for (int i = 0; i < from->n; i++)
    if (find(to, from->label[i]) < 0) {
      w.sum_dim[w.n_sum] = from->dim[i];
      w.sum_step[w.n_sum++] = from->step[i];
      w.sums *= from->dim[i];
    }
  int64_t n = elements(to);
  if (!n) return;
  int64_t row = to->n ? to->dim[to->n - 1] : 1;
  int64_t grain = 16384 / (row * w.sums + 1) + 1;
  ht_parallel((size_t)(n / row), (size_t)grain, move_rows, &w);
}

/* A dense tensor with the axes of `like`; v becomes a view of it. */
static ht_status dense(ht_pool *pool, ht_dtype t, view *v, ht_tensor *out) {
  ht_shape s = ht_shape_1(elements(v));
  HT_TRY(ht_tensor_new(pool, t, &s, out));
  int64_t step = 1;
  for (int i = v->n - 1; i >= 0; step *= v->dim[i--]) v->step[i] = step;
  v->data = out->data;
  return HT_SUCCESS;
}

/* ---- one product z = x y of views that share their labels in pairs */

/* The axes of one role, in the order of their labels in `group`. */
typedef struct group {
  int n;
  uint8_t label[MOST];
  int64_t dim[MOST];
} group;

typedef struct roles {
  group batch, rows, cols, inner;
} roles;

static void add_label(group *g, uint8_t label, int64_t dim) {
  g->label[g->n] = label;
  g->dim[g->n++] = dim;
}

static roles roles_of(const view *x, const view *y, const view *z) {
  roles r = {0};
  for (int i = 0; i < z->n; i++) {
    bool in_x = find(x, z->label[i]) >= 0, in_y = find(y, z->label[i]) >= 0;
    group *g = in_x && in_y ? &r.batch : in_x ? &r.rows : &r.cols;
    add_label(g, z->label[i], z->dim[i]);
  }
  for (int i = 0; i < x->n; i++)
    if (find(z, x->label[i]) < 0) add_label(&r.inner, x->label[i], x->dim[i]);
  return r;
}

static int64_t size_of(const group *g) {
  int64_t n = 1;
  for (int i = 0; i < g->n; i++) n *= g->dim[i];
  return n;
}

/* Whether the axes of g lie in v like one axis: its step. */
static bool joined(const view *v, const group *g, int64_t *step) {
  *step = 1;
  int64_t next = -1;
  for (int i = g->n - 1; i >= 0; i--) {
    if (g->dim[i] == 1) continue;
    int64_t here = step_for(v, g->label[i]);
    if (next < 0)
      *step = here;
    else if (here != next)
      return false;
    next = here * g->dim[i];
  }
  return true;
}

/* As a matrix of `down` by `across`: leading dimension and whether it lies
 * transposed. */
static bool as_matrix(const view *v, const group *down, const group *across,
                      int64_t *ld, bool *turned) {
  int64_t rows, cols, m = size_of(down), n = size_of(across);
  if (!joined(v, down, &rows) || !joined(v, across, &cols)) return false;
  if (m == 1) rows = n;
  if (n == 1 && rows != 1) cols = 1;
  if (n == 1 && m == 1) rows = cols = 1;
  *turned = cols != 1;
  if (*turned && rows != 1) return false;
  *ld = *turned ? cols : rows;
  return *ld >= (*turned ? m : n);
}

/* A copy of v with the axes of a, b and c in that order. */
static ht_status arrange(ht_pool *pool, ht_dtype t, view *v, const group *a,
                         const group *b, const group *c, ht_tensor *held) {
  const group *all[3] = {a, b, c};
  view to = {0}, from = *v;
  for (int k = 0; k < 3; k++)
    for (int i = 0; i < all[k]->n; i++) {
      to.label[to.n] = all[k]->label[i];
      to.dim[to.n++] = all[k]->dim[i];
    }
  HT_TRY(dense(pool, t, &to, held));
  *v = to;
  if (from.data) move(t, &from, v);
  return HT_SUCCESS;
}

static void fill_batch(const roles *r, const view *x, const view *y,
                       const view *z, ht_batch *b) {
  b->rank = r->batch.n;
  for (int i = 0; i < r->batch.n; i++) {
    b->dim[i] = r->batch.dim[i];
    b->a_step[i] = step_for(x, r->batch.label[i]);
    b->b_step[i] = step_for(y, r->batch.label[i]);
    b->c_step[i] = step_for(z, r->batch.label[i]);
  }
}

typedef struct held {
  ht_tensor x, y, z;
} held;

static ht_status multiply(ht_pool *pool, ht_dtype t, view x, view y,
                          const view *z, held *h) {
  roles r = roles_of(&x, &y, z);
  ht_gemm g = {
      .m = size_of(&r.rows), .n = size_of(&r.cols), .k = size_of(&r.inner)};
  ht_batch batch;
  view out = *z;
  bool turned;
  if (!as_matrix(&x, &r.rows, &r.inner, &g.lda, &g.ta)) {
    HT_TRY(arrange(pool, t, &x, &r.batch, &r.rows, &r.inner, &h->x));
    g.lda = g.k, g.ta = false;
  }
  if (!as_matrix(&y, &r.inner, &r.cols, &g.ldb, &g.tb)) {
    HT_TRY(arrange(pool, t, &y, &r.batch, &r.inner, &r.cols, &h->y));
    g.ldb = g.n, g.tb = false;
  }
  bool direct = as_matrix(z, &r.rows, &r.cols, &g.ldc, &turned) && !turned;
  if (!direct) {
    out.data = NULL;
    HT_TRY(arrange(pool, t, &out, &r.batch, &r.rows, &r.cols, &h->z));
    g.ldc = g.n;
  }
  fill_batch(&r, &x, &y, &out, &batch);
  ht_batch_matmul(t, &batch, &g, x.data, y.data, out.data);
  if (!direct) move(t, &out, z);
  return HT_SUCCESS;
}

/* Sums the labels of v that neither of the others has. */
static ht_status reduce(ht_pool *pool, ht_dtype t, view *v, const view *a,
                        const view *b, ht_tensor *out) {
  view to = {0}, from = *v;
  for (int i = 0; i < v->n; i++)
    if (find(a, v->label[i]) >= 0 || find(b, v->label[i]) >= 0) {
      to.label[to.n] = v->label[i];
      to.dim[to.n++] = v->dim[i];
    }
  if (to.n == v->n) return HT_SUCCESS;
  HT_TRY(dense(pool, t, &to, out));
  *v = to;
  move(t, &from, v);
  return HT_SUCCESS;
}

/* The part of z that x and y reach. */
static view reached(const view *z, const view *x, const view *y) {
  view r = {.data = z->data};
  for (int i = 0; i < z->n; i++)
    if (find(x, z->label[i]) >= 0 || find(y, z->label[i]) >= 0) {
      r.label[r.n] = z->label[i];
      r.dim[r.n] = z->dim[i];
      r.step[r.n++] = z->step[i];
    }
  return r;
}

static ht_status contract_two(ht_pool *pool, ht_dtype t, view x, view y,
                              view z) {
  ht_tensor rx = {0}, ry = {0}, whole = {0};
  held h = {0};
  drop_single(&z, &x);
  drop_single(&z, &y);
  drop_single(&x, &y);
  drop_single(&y, &x);
  drop_single(&x, &z);
  drop_single(&y, &z);
  view part = reached(&z, &x, &y);
  ht_status st = reduce(pool, t, &x, &y, &z, &rx);
  if (st.code == HT_OK) st = reduce(pool, t, &y, &x, &z, &ry);
  if (st.code == HT_OK && part.n < z.n) st = dense(pool, t, &part, &whole);
  if (st.code == HT_OK) st = multiply(pool, t, x, y, &part, &h);
  if (st.code == HT_OK && part.n < z.n) move(t, &part, &z);
  ht_tensor *all[] = {&rx, &ry, &whole, &h.x, &h.y, &h.z};
  for (int i = 0; i < 6; i++) ht_tensor_drop(all[i]);
  return st;
}

static void contract_one(ht_dtype t, view x, view z) {
  drop_single(&z, &x);
  drop_single(&x, &z);
  move(t, &x, &z);
}

/* ---- types without products of matrices */

static int64_t dim_for(const view *v, uint8_t label) {
  int at = find(v, label);
  return at < 0 ? 1 : v->dim[at];
}

/* 0 along an axis of one element, which repeats where the others have more. */
static int64_t repeat_step(const view *v, uint8_t label) {
  return dim_for(v, label) == 1 ? 0 : step_for(v, label);
}

/* The labels of v that z has (out), or that it lacks, as axes of c. */
static void add_axes(ht_contraction *c, const view *v, const view *x,
                     const view *y, const view *z, bool out) {
  for (int i = 0; i < v->n; i++) {
    uint8_t l = v->label[i];
    bool seen = (v == y && find(x, l) >= 0) || (v == z && find(x, l) >= 0) ||
                (v == z && find(y, l) >= 0);
    int64_t n = dim_for(x, l) != 1 ? dim_for(x, l) : dim_for(y, l);
    if (n == 1) n = dim_for(z, l);
    if (seen || (dim_for(z, l) == n) != out) continue;
    c->dim[c->n] = n;
    c->x[c->n] = repeat_step(x, l);
    c->y[c->n] = repeat_step(y, l);
    c->z[c->n++] = out ? repeat_step(z, l) : 0;
  }
}

/* z = x y, or conj(y); y without labels or data: z = x. */
static void contract_plain(ht_dtype t, const view *x, const view *y,
                           const view *z, bool conjugate) {
  ht_contraction c = {.conjugate = conjugate};
  const view *all[] = {x, y, z};
  for (int i = 0; i < 3; i++) add_axes(&c, all[i], x, y, z, true);
  c.n_out = c.n;
  for (int i = 0; i < 3; i++) add_axes(&c, all[i], x, y, z, false);
  ht_contract(t, &c, x->data, y->data, z->data);
}

static ht_status contract(ht_pool *pool, ht_dtype t, const view *x,
                          const view *y, const view *z, bool conjugate) {
  if (ht_contract_has(t)) {
    static const view none;
    contract_plain(t, x, y ? y : &none, z, conjugate);
    return HT_SUCCESS;
  }
  if (y) return contract_two(pool, t, *x, *y, *z);
  contract_one(t, *x, *z);
  return HT_SUCCESS;
}

/* ---- the op */

static ht_status check_sizes(const equation *e, const view *v) {
  if (e->n_in < 2) return HT_SUCCESS;
  for (int i = 0; i < v[0].n; i++) {
    int at = find(&v[1], v[0].label[i]);
    if (at < 0 || v[0].dim[i] == v[1].dim[at]) continue;
    bool dots = v[0].label[i] > ELLIPSIS;
    if (dots && (v[0].dim[i] == 1 || v[1].dim[at] == 1)) continue;
    return ht_fail(HT_USAGE, "einsum: a label names sizes %lld and %lld",
                   (long long)v[0].dim[i], (long long)v[1].dim[at]);
  }
  return HT_SUCCESS;
}

static ht_status views_of(const ht_attrs *attrs, int n_in,
                          const ht_tensor *const *in, equation *e, view *v) {
  int rank[2] = {0};
  if (n_in < 1 || n_in > 2)
    return ht_fail(HT_UNSUPPORTED, "einsum of %d inputs", n_in);
  for (int i = 0; i < n_in; i++) rank[i] = in[i]->shape.rank;
  HT_TRY(read_equation(ht_attr_string(attrs, "equation"), n_in, rank, e));
  for (int i = 0; i < n_in; i++) HT_TRY(view_of(in[i], &e->in[i], &v[i]));
  return check_sizes(e, v);
}

static ht_status out_shape(const equation *e, const view *v, ht_shape *s) {
  s->rank = e->out.n;
  for (int i = 0; i < e->out.n; i++) {
    int64_t dim = -1;
    for (int k = 0; k < e->n_in; k++) {
      int at = find(&v[k], e->out.label[i]);
      if (at >= 0 && (dim < 0 || dim == 1)) dim = v[k].dim[at];
    }
    if (dim < 0)
      return ht_fail(HT_USAGE, "einsum: a label of the result is in no input");
    s->dim[i] = dim;
  }
  return HT_SUCCESS;
}

static ht_status einsum_forward(ht_call *c) {
  equation e;
  view v[2], z;
  ht_shape s;
  ht_dtype t = c->in[0]->dtype;
  if (t != HT_FLOAT && t != HT_DOUBLE && !ht_contract_has(t))
    return ht_no_dtype(c, t);
  if (c->n_in == 2) HT_TRY(ht_need_dtype(c, 1, t));
  HT_TRY(views_of(c->attrs, c->n_in, c->in, &e, v));
  HT_TRY(out_shape(&e, v, &s));
  HT_TRY(ht_out(c, 0, t, &s));
  HT_TRY(view_of(&c->out[0], &e.out, &z));
  if (!ht_count(&c->out[0])) return HT_SUCCESS;
  const view *y = c->n_in == 2 ? &v[1] : NULL;
  return contract(c->run->pool, t, &v[0], y, &z, false);
}

/* The gradient is an einsum again: of the output's with the other input (its
 * conjugate), into the view of this one (zero outside a diagonal). */
static ht_status give_one(ht_back *b, int i, const equation *e, const view *v,
                          const view *d) {
  const ht_tensor *x = &b->in[i];
  ht_tensor g;
  view to;
  HT_TRY(ht_back_zeros(b, x->dtype, &x->shape, &g));
  ht_status st = view_of(&g, &e->in[i], &to);
  if (st.code == HT_OK && ht_count(&g))
    st = contract(b->run->pool, x->dtype, d, e->n_in == 2 ? &v[1 - i] : NULL,
                  &to, true);
  if (st.code == HT_OK) return ht_give(b, i, &g);
  ht_tensor_drop(&g);
  return st;
}

static ht_status einsum_back(ht_back *b) {
  const ht_tensor *in[2] = {&b->in[0], b->n_in > 1 ? &b->in[1] : NULL};
  equation e;
  view v[2], d;
  HT_TRY(views_of(b->attrs, b->n_in, in, &e, v));
  HT_TRY(view_of(&b->dout[0].dense, &e.out, &d));
  for (int i = 0; i < b->n_in; i++)
    if (ht_wants(b, i)) HT_TRY(give_one(b, i, &e, v, &d));
  return HT_SUCCESS;
}

const ht_op ht_ops_einsum[] = {
    {
        .name = "Einsum",
        .inputs = "inputs:N*T",
        .outputs = "output:T",
        .attrs = "equation:string N:int T:type",
        .doc = "Sums of products over the axes that an equation names.",
        .samples =
            "(f[2,3,8] f[8,2,4]) equation='abc,cde->abde';"
            "(f[2,3,2,4] f[2,5,2,4]) equation='aecd,abcd->acbe';"
            "(f[2,2,5,3] f[2,3,2,4]) equation='acbe,aecd->abcd';"
            "(f[2,3,2,4] f[2,4,8]) equation='abcd,cde->abe';"
            "(f[2,3,8] f[8,5]) equation='abc,cd->abd';"
            "(f[2,3] f[3,4]) equation='ij,jk->ik';"
            "(f[2,3] f[3,4]) equation='ij,jk->ki';"
            "(d[2,3,4] d[4,2,5]) equation='abc,cad->dab';"
            "(d[3] d[4]) equation='i,j->ij'; (d[3] d[3]) equation='i,i->';"
            "(f[2,3,4]) equation='abc->cb'; (d[3,3]) equation='ii->';"
            "(d[3,3]) equation='ii->i'; (f[2,3,4]) equation='abc->cab';"
            "(f[2,1,3,4] f[5,4,2]) equation='...ij,...jk->...ik';"
            "(f[3,4] f[2,4,5]) equation='...ij,...jk->...ik';"
            "(d[2,3] d[2,3]) equation='ij,ij->ij';"
            "(f[2,3,4] f[5,4]) equation='abc,dc->ad';"
            "(f[2,3,3] f[3,4]) equation='bii,ij->bj';"
            "(f[2,3,4] f[4]) equation='...a,a->...';"
            "(f[0,3] f[3,2]) equation='ij,jk->ik';"
            "(f[2,0] f[0,3]) equation='ij,jk->ik';"
            "(c[2,3,4] c[4,2,5]) equation='abc,cad->dab';"
            "(c[2,1,3,4] c[5,4,2]) equation='...ij,...jk->...ik';"
            "(z[3,3]) equation='ii->i'; (c[2,3,4]) equation='abc->cb';"
            "(c[2,3,3] c[3,4]) equation='bii,ij->bj';"
            "(c[2,0] c[0,3]) equation='ij,jk->ik';"
            "(l[2,3]{9007199254740993,1,-2,3,4,5} l[3,2]) "
            "equation='ij,jk->ki'; (l[2,3]) equation='ij->j';"
            "(i[2,3] i[3,2]) equation='ij,jk->ik'",
        .forward = einsum_forward,
        .gradient = einsum_back,
        .keep = HT_KEEP_INS,
        .flags = HT_OP_IN_FLOAT | HT_OP_IN_LONG,
    },
    {0},
};
