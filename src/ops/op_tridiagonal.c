/*
 * op_tridiagonal.c - matrices of three diagonals: products and systems of
 * equations, in complex128 and rounded once. Gradients are those of
 * TensorFlow (python/ops/linalg_grad.py), which conjugates nothing in that of
 * a system.
 */
#include <complex.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "kernels/cast.h"
#include "ops/op.h"

typedef double _Complex number;

enum { OPERANDS = 6 };

/* The operands in complex128; those of the batch have one leading shape. */
typedef struct system {
  bool near, real;       /* the matrix may be singular; numbers are real */
  double epsilon, least; /* of its numbers as they were given */
  ht_shape lead;
  int64_t n, k; /* rows, columns of the right side */
  ht_tensor wide[OPERANDS];
} system;

static number *item(const system *s, int i, int64_t batch) {
  int64_t items = ht_shape_count(&s->lead);
  return HT_DATA(number, &s->wide[i]) + batch * (ht_count(&s->wide[i]) / items);
}

static ht_status widen(ht_pool *pool, const ht_tensor *t, ht_tensor *out) {
  HT_TRY(ht_tensor_new(pool, HT_COMPLEX128, &t->shape, out));
  ht_cast_run(t, false, out);
  return HT_SUCCESS;
}

static ht_status room(ht_pool *pool, const ht_tensor *like, ht_tensor *out) {
  return ht_tensor_zeros(pool, HT_COMPLEX128, &like->shape, out);
}

static void drop(system *s) {
  for (int i = 0; i < OPERANDS; i++) ht_tensor_drop(&s->wide[i]);
}

/* Rounds wide[i] to the type of input k and gives it. */
static ht_status give(ht_back *b, system *s, int i, int k) {
  ht_tensor g;
  if (!ht_wants(b, k)) return HT_SUCCESS;
  HT_TRY(ht_back_new(b, b->in[k].dtype, &b->in[k].shape, &g));
  ht_cast_run(&s->wide[i], false, &g);
  return ht_give(b, k, &g);
}

static ht_status round_out(ht_call *c, const ht_tensor *wide,
                           const ht_tensor *like) {
  HT_TRY(ht_out(c, 0, like->dtype, &like->shape));
  ht_cast_run(wide, false, &c->out[0]);
  return HT_SUCCESS;
}

static bool is_number(ht_dtype t) {
  return t == HT_FLOAT || t == HT_DOUBLE || t == HT_COMPLEX64 ||
         t == HT_COMPLEX128;
}

/* Input i holds `rows` rows of diagonals for each matrix `rhs` of the batch. */
static ht_status check(const ht_call *c, int i, int64_t rows,
                       const ht_tensor *rhs, system *s) {
  if (!is_number(rhs->dtype)) return ht_no_dtype(c, rhs->dtype);
  HT_TRY(ht_need_dtype(c, i, rhs->dtype));
  int rank = rhs->shape.rank;
  if (rank >= 2) {
    ht_shape want = s->lead = rhs->shape;
    s->lead.rank = rank - 2;
    s->n = want.dim[rank - 2];
    s->k = want.dim[rank - 1];
    want.dim[rank - 2] = rows;
    want.dim[rank - 1] = s->n;
    if (ht_shape_equal(&want, &c->in[i]->shape)) return HT_SUCCESS;
  }
  return ht_fail(HT_USAGE, "op '%s': diagonals and right side do not agree",
                 c->op->name);
}

/* ---- products */

/* y = A x of the diagonals above, on and below, where above[i] and below[i]
 * stand in row i. */
static void multiply(const system *s, const number *above, const number *main,
                     const number *below, const number *x, number *y) {
  for (int64_t i = 0; i < s->n; i++)
    for (int64_t j = 0; j < s->k; j++) {
      number sum = main[i] * x[i * s->k + j];
      if (i + 1 < s->n) sum += above[i] * x[(i + 1) * s->k + j];
      if (i > 0) sum += below[i] * x[(i - 1) * s->k + j];
      y[i * s->k + j] = sum;
    }
}

static ht_status matmul_wide(ht_call *c, system *s) {
  for (int i = 0; i < 4; i++)
    HT_TRY(widen(c->run->pool, c->in[i], &s->wide[i]));
  HT_TRY(room(c->run->pool, c->in[3], &s->wide[4]));
  for (int64_t b = 0; b < ht_shape_count(&s->lead); b++)
    multiply(s, item(s, 0, b), item(s, 1, b), item(s, 2, b), item(s, 3, b),
             item(s, 4, b));
  return round_out(c, &s->wide[4], c->in[3]);
}

static ht_status matmul_forward(ht_call *c) {
  system s = {0};
  for (int i = 0; i < 3; i++) HT_TRY(check(c, i, 1, c->in[3], &s));
  ht_status st = matmul_wide(c, &s);
  drop(&s);
  return st;
}

/* The sum of g[i] and the conjugate of x[i + shift] over columns. */
static number dot(const system *s, const number *g, const number *x, int64_t i,
                  int64_t shift) {
  number sum = 0;
  if (i + shift < 0 || i + shift >= s->n) return 0;
  for (int64_t j = 0; j < s->k; j++)
    sum += g[i * s->k + j] * conj(x[(i + shift) * s->k + j]);
  return sum;
}

/* Gradients take the place of the diagonals and the right side. */
static void multiply_back(const system *s, const number *g, number *above,
                          number *main, number *below, number *x, number *dx) {
  for (int64_t i = 0; i < s->n; i++)
    for (int64_t j = 0; j < s->k; j++) {
      number sum = conj(main[i]) * g[i * s->k + j];
      if (i > 0) sum += conj(above[i - 1]) * g[(i - 1) * s->k + j];
      if (i + 1 < s->n) sum += conj(below[i + 1]) * g[(i + 1) * s->k + j];
      dx[i * s->k + j] = sum;
    }
  for (int64_t i = 0; i < s->n; i++) {
    above[i] = dot(s, g, x, i, 1);
    main[i] = dot(s, g, x, i, 0);
    below[i] = dot(s, g, x, i, -1);
  }
}

static ht_status matmul_back_wide(ht_back *b, system *s) {
  ht_pool *pool = b->run->pool;
  for (int i = 0; i < 4; i++) HT_TRY(widen(pool, &b->in[i], &s->wide[i]));
  HT_TRY(widen(pool, &b->dout[0].dense, &s->wide[4]));
  HT_TRY(room(pool, &b->in[3], &s->wide[5]));
  for (int64_t k = 0; k < ht_shape_count(&s->lead); k++)
    multiply_back(s, item(s, 4, k), item(s, 0, k), item(s, 1, k), item(s, 2, k),
                  item(s, 3, k), item(s, 5, k));
  for (int i = 0; i < 3; i++) HT_TRY(give(b, s, i, i));
  return give(b, s, 5, 3);
}

static system system_of(const ht_shape *rhs) {
  system s = {.lead = *rhs};
  s.lead.rank -= 2;
  s.n = rhs->dim[rhs->rank - 2];
  s.k = rhs->dim[rhs->rank - 1];
  return s;
}

static ht_status matmul_back(ht_back *b) {
  system s = system_of(&b->in[3].shape);
  ht_status st = matmul_back_wide(b, &s);
  drop(&s);
  return st;
}

/* ---- systems: diagonals [3,n] above, on and below; rows are exchanged where
 * the pivot below is greater (Golub and Van Loan, "Matrix Computations",
 * 3.4), which fills a second diagonal above */

static void exchange(int64_t n, number *x, number *y) {
  for (int64_t j = 0; j < n; j++) {
    number v = x[j];
    x[j] = y[j];
    y[j] = v;
  }
}

/* x starts as the right side; the diagonals and `far` [n] are used up. */
static bool solve(const system *s, number *a, number *far, number *x) {
  int64_t n = s->n, k = s->k;
  number *above = a, *main = a + n, *below = a + 2 * n;
  memset(far, 0, (size_t)n * sizeof *far);
  for (int64_t i = 0; i + 1 < n; i++) {
    number *row = x + i * k, *next = row + k;
    if (cabs(below[i + 1]) > cabs(main[i])) {
      number on = main[i], up = above[i];
      main[i] = below[i + 1], above[i] = main[i + 1], below[i + 1] = on;
      main[i + 1] = up;
      if (i + 2 < n) far[i] = above[i + 1], above[i + 1] = 0;
      exchange(k, row, next);
    }
    if (main[i] == 0) return false;
    number by = below[i + 1] / main[i];
    main[i + 1] -= by * above[i];
    if (i + 2 < n) above[i + 1] -= by * far[i];
    for (int64_t j = 0; j < k; j++) next[j] -= by * row[j];
  }
  for (int64_t i = n - 1; i >= 0; i--) {
    if (main[i] == 0) return false;
    for (int64_t j = 0; j < k; j++) {
      number v = x[i * k + j];
      if (i + 1 < n) v -= above[i] * x[(i + 1) * k + j];
      if (i + 2 < n) v -= far[i] * x[(i + 2) * k + j];
      x[i * k + j] = v / main[i];
    }
  }
  return true;
}

/* ---- the same of matrices that may be singular, as LAPACK's LAGTF and LAGTS
 * factor and solve: pivots too small to divide by are moved off zero */

static double largest(const number *x, int64_t n) {
  double most = 0;
  for (int64_t i = 0; i < n; i++) most = fmax(most, cabs(x[i]));
  return most;
}

/* Moves the pivot of a right side [k] by `by`, doubled as long as neither can
 * be divided by it; or scales both up. */
static void move_pivot(const system *s, double by, number *pivot, number *row) {
  double great = 1 / s->least, most = largest(row, s->k);
  by = copysign(fmax(fabs(by), s->least), creal(*pivot));
  for (double size = cabs(*pivot); size < 1; size = cabs(*pivot)) {
    bool tiny = size < s->least;
    bool fits =
        tiny ? size != 0 && most * s->least <= size : most <= size * great;
    if (!fits) {
      *pivot += by;
      by *= 2;
      continue;
    }
    if (tiny) {
      *pivot *= great;
      for (int64_t j = 0; j < s->k; j++) row[j] *= great;
    }
    return;
  }
}

/* Of reals without imaginary parts, which change the sign of a zero: pivots
 * move away from it. */
static number times(const system *s, number x, number y) {
  return s->real ? creal(x) * creal(y) : x * y;
}

/* Eliminates below row i, exchanging rows where the one below is greater for
 * its size; *scale is that of row i, then of the next. */
static void eliminate(const system *s, int64_t i, number *a, number *far,
                      number *x, double *scale) {
  int64_t n = s->n, k = s->k;
  number *above = a, *main = a + n, *below = a + 2 * n;
  number *row = x + i * k, *next = row + k, sub = below[i + 1];
  bool more = i + 2 < n;
  double size = cabs(sub) + cabs(main[i + 1]) + (more ? cabs(above[i + 1]) : 0);
  double here = main[i] == 0 ? 0 : cabs(main[i]) / *scale;
  far[i] = 0;
  if (sub == 0 || cabs(sub) / size <= here) {
    number by = sub == 0 ? 0 : sub / main[i];
    *scale = size;
    main[i + 1] -= times(s, by, above[i]);
    for (int64_t j = 0; j < k; j++) next[j] -= by * row[j];
    return;
  }
  number by = main[i] / sub, up = above[i];
  main[i] = sub, above[i] = main[i + 1];
  main[i + 1] = up - times(s, by, main[i + 1]);
  if (more) {
    far[i] = above[i + 1];
    above[i + 1] = times(s, -by, above[i + 1]);
  }
  exchange(k, row, next);
  for (int64_t j = 0; j < k; j++) next[j] -= by * row[j];
}

static void solve_near(const system *s, number *a, number *far, number *x) {
  int64_t n = s->n, k = s->k;
  number *above = a, *main = a + n;
  if (!n) return;
  double scale = cabs(main[0]) + (n > 1 ? cabs(above[0]) : 0);
  double most = fmax(cabs(main[0]), n > 1 ? cabs(above[0]) : 0);
  for (int64_t i = 0; i + 1 < n; i++) {
    eliminate(s, i, a, far, x, &scale);
    if (i + 2 < n)
      most =
          fmax(fmax(most, cabs(main[i])), fmax(cabs(above[i]), cabs(far[i])));
  }
  most = fmax(most, cabs(main[n - 1]));
  for (int64_t i = n - 1; i >= 0; i--) {
    number pivot = main[i], *row = x + i * k;
    for (int64_t j = 0; j < k; j++) {
      if (i + 1 < n) row[j] -= above[i] * row[k + j];
      if (i + 2 < n) row[j] -= far[i] * row[2 * k + j];
    }
    move_pivot(s, s->epsilon * most, &pivot, row);
    for (int64_t j = 0; j < k; j++) row[j] /= pivot;
  }
}

/* Operand 0 are the diagonals, 1 right sides that become solutions, 2 room. */
static ht_status solve_all(system *s) {
  for (int64_t b = 0; b < ht_shape_count(&s->lead); b++)
    if (s->near)
      solve_near(s, item(s, 0, b), item(s, 2, b), item(s, 1, b));
    else if (!solve(s, item(s, 0, b), item(s, 2, b), item(s, 1, b)))
      return ht_fail(HT_USAGE, "a tridiagonal matrix is singular");
  return HT_SUCCESS;
}

static ht_status solve_wide(ht_call *c, system *s) {
  ht_pool *pool = c->run->pool;
  for (int i = 0; i < 2; i++) HT_TRY(widen(pool, c->in[i], &s->wide[i]));
  HT_TRY(room(pool, c->in[0], &s->wide[2]));
  HT_TRY(solve_all(s));
  return round_out(c, &s->wide[1], c->in[1]);
}

static ht_status near_of(const ht_attrs *attrs, ht_dtype t, system *s) {
  bool single = t == HT_FLOAT || t == HT_COMPLEX64;
  s->real = t == HT_FLOAT || t == HT_DOUBLE;
  s->near = ht_attr_bool(attrs, "perturb_singular");
  s->epsilon = single ? (double)FLT_EPSILON : DBL_EPSILON;
  s->least = single ? (double)FLT_MIN : DBL_MIN;
  if (!s->near || ht_attr_bool(attrs, "partial_pivoting")) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "perturb_singular wants partial_pivoting, too");
}

static ht_status solve_forward(ht_call *c) {
  system s = {0};
  HT_TRY(near_of(c->attrs, c->in[1]->dtype, &s));
  HT_TRY(check(c, 0, 3, c->in[1], &s));
  ht_status st = solve_wide(c, &s);
  drop(&s);
  return st;
}

/* What is above comes below, a row further on. */
static void transpose(const system *s, number *a) {
  int64_t n = s->n;
  for (int64_t i = 0; i + 1 < n; i++) {
    number up = a[i];
    a[i] = a[2 * n + i + 1];
    a[2 * n + i + 1] = up;
  }
}

/* da = - d x', its three diagonals. */
static void diagonals(const system *s, const number *d, const number *x,
                      number *da) {
  for (int r = 0; r < 3; r++)
    for (int64_t i = 0; i < s->n; i++) {
      int64_t at = i + 1 - r;
      number sum = 0;
      for (int64_t j = 0; at >= 0 && at < s->n && j < s->k; j++)
        sum -= d[i * s->k + j] * x[at * s->k + j];
      da[r * s->n + i] = sum;
    }
}

static ht_status solve_back_wide(ht_back *b, system *s) {
  ht_pool *pool = b->run->pool;
  int64_t items = ht_shape_count(&s->lead);
  HT_TRY(widen(pool, &b->in[0], &s->wide[0]));
  HT_TRY(widen(pool, &b->dout[0].dense, &s->wide[1]));
  HT_TRY(room(pool, &b->in[0], &s->wide[2]));
  HT_TRY(widen(pool, &b->out[0], &s->wide[3]));
  for (int64_t k = 0; k < items; k++) transpose(s, item(s, 0, k));
  HT_TRY(solve_all(s));
  for (int64_t k = 0; k < items; k++)
    diagonals(s, item(s, 1, k), item(s, 3, k), item(s, 0, k));
  HT_TRY(give(b, s, 0, 0));
  return give(b, s, 1, 1);
}

static ht_status solve_back(ht_back *b) {
  system s = system_of(&b->out[0].shape);
  HT_TRY(near_of(b->attrs, b->out[0].dtype, &s));
  ht_status st = solve_back_wide(b, &s);
  drop(&s);
  return st;
}

const ht_op ht_ops_tridiagonal[] = {
    {
        .name = "TridiagonalMatMul",
        .inputs = "superdiag:T maindiag:T subdiag:T rhs:T",
        .outputs = "output:T",
        .attrs = "T:type",
        .doc = "Matrices of three diagonals times matrices.",
        .samples = "f[1,4] f[1,4] f[1,4] f[4,3]; d[2,1,5] d[2,1,5] d[2,1,5] "
                   "d[2,5,2]; c[1,3] c[1,3] c[1,3] c[3,2]; z[1,1] z[1,1] "
                   "z[1,1] z[1,2]; f[0,1,3] f[0,1,3] f[0,1,3] f[0,3,2]",
        .forward = matmul_forward,
        .gradient = matmul_back,
        .keep = HT_KEEP_INS,
    },
    {
        .name = "TridiagonalSolve",
        .inputs = "diagonals:T rhs:T",
        .outputs = "output:T",
        .attrs = "partial_pivoting:bool=true perturb_singular:bool=false "
                 "T:type",
        .doc = "Solves systems of linear equations of three diagonals.",
        .samples = "f[3,4]{0.5,-1,1,0,4,-3,5,4,0,1,-1,0.5} f[4,2]; d[2,3,5] "
                   "d[2,5,3]; f[3,1] f[1,2];"
                   "d[3,4]{1,2,3,0,0,0,1,2,0,3,4,5} d[4,1];"
                   "d[3,4](1,2) d[4,2] partial_pivoting=false; c[3,3] c[3,2];"
                   "z[2,3,2] z[2,2,1]; f[0,3,3] f[0,3,1];"
                   "d[3,4]{1,2,0,0,0,1,1,1,0,0,3,0} d[4,1]{1,2,3,4} "
                   "perturb_singular=true; f[3,4]{1,2,0,0,0,1,1,1,0,0,3,0} "
                   "f[4,2]{1,2,3,4,5,6,7,8} perturb_singular=true; d[3,1]"
                   "{0,0,0} d[1,2]{1,3} perturb_singular=true !grad=0;"
                   "f[3,1]{0,0,0} f[1,1]{1} perturb_singular=true !grad=0;"
                   "d[2,3,5] d[2,5,3] perturb_singular=true; c[3,3] c[3,2] "
                   "perturb_singular=true; z[3,2]{1,0,1,2j,0,-2j} z[2,1]{1,1j}"
                   " perturb_singular=true; d[3,3]{2,1,0,1e-3,2,1e3,0,3,1e-2} "
                   "d[3,1] perturb_singular=true; d[3,3]{0,0,0,1e-310,2,0,0,0,"
                   "0} d[3,1]{1e-320,1,1} perturb_singular=true !grad=0",
        .forward = solve_forward,
        .gradient = solve_back,
        .keep = HT_KEEP_IN(0) | HT_KEEP_OUT(0),
    },
    {0},
};
