/* test_linalg.c - factors of matrices whose signs or phases are free: that they
 * give the matrix back, and slopes of what does not depend on the phases. */
#include <complex.h>
#include <math.h>

#include "autograd/tape.h"
#include "ops/interface.h"
#include "test.h"

static ht_run run = {0};

static ht_tensor matrix(int rows, int cols) {
  ht_tensor t;
  ht_shape s = ht_shape_2(rows, cols);
  OK(ht_tensor_new(NULL, HT_DOUBLE, &s, &t));
  for (int i = 0; i < rows * cols; i++)
    HT_DATA(double, &t)[i] = (i * 37 + 11) % 29 / 7.0 - 2;
  return t;
}

/* a[i][j] = the sum over k of left[i][k] value[k] right[j][k] */
static void composes(const ht_tensor *a, const ht_tensor *value,
                     const ht_tensor *left, const ht_tensor *right) {
  int64_t m = a->shape.dim[0], n = a->shape.dim[1], p = ht_count(value);
  int64_t wide_l = left->shape.dim[1], wide_r = right->shape.dim[1];
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++) {
      double sum = 0;
      for (int64_t k = 0; k < p; k++)
        sum += HT_DATA(double, left)[i * wide_l + k] *
               HT_DATA(double, value)[k] *
               HT_DATA(double, right)[j * wide_r + k];
      ck_assert_double_eq_tol(sum, HT_DATA(double, a)[i * n + j], 1e-12);
    }
}

START_TEST(eigenvectors_compose_the_matrix) {
  ht_tensor a = matrix(5, 5), out[2];
  const ht_tensor *in[] = {&a};
  for (int i = 0; i < 5; i++)
    for (int j = i + 1; j < 5; j++)
      HT_DATA(double, &a)[i * 5 + j] = HT_DATA(double, &a)[j * 5 + i];
  OK(ht_apply(&run, "SelfAdjointEigV2", "", 1, in, 2, out));
  composes(&a, &out[0], &out[1], &out[1]);
  for (int i = 0; i < 2; i++) ht_tensor_drop(&out[i]);
  ht_tensor_drop(&a);
}
END_TEST

static void svd(int rows, int cols, const char *attrs, int left, int right) {
  ht_tensor a = matrix(rows, cols), out[3];
  const ht_tensor *in[] = {&a};
  OK(ht_apply(&run, "Svd", attrs, 1, in, 3, out));
  composes(&a, &out[0], &out[1], &out[2]);
  ck_assert_int_eq(out[1].shape.dim[1], left);
  ck_assert_int_eq(out[2].shape.dim[1], right);
  for (int i = 0; i < 3; i++) ht_tensor_drop(&out[i]);
  ht_tensor_drop(&a);
}

START_TEST(singular_vectors_compose_the_matrix) {
  svd(4, 3, "", 3, 3);
  svd(3, 6, "", 3, 3);
  svd(3, 6, "full_matrices=true", 3, 6);
  svd(5, 2, "full_matrices=true", 5, 2);
}
END_TEST

static void refused(const char *op, const ht_tensor *a, const char *why) {
  ht_tensor out;
  FAILS(ht_apply(&run, op, "", 1, &a, 1, &out), HT_USAGE, why);
}

START_TEST(a_matrix_without_factors_is_refused) {
  ht_tensor a;
  ht_shape s = ht_shape_2(2, 2);
  OK(ht_tensor_zeros(NULL, HT_DOUBLE, &s, &a));
  refused("MatrixInverse", &a, "a matrix is singular");
  refused("Cholesky", &a, "a matrix is not positive definite");
  ht_tensor_drop(&a);
  a = matrix(2, 3);
  refused("MatrixInverse", &a, "op 'MatrixInverse' wants square matrices");
  ht_tensor_drop(&a);
}
END_TEST

/* ---- complex */

typedef double _Complex pair;
#define PAIRS(t) HT_DATA(pair, t)

static ht_tensor pairs(int rows, int cols) {
  ht_tensor t;
  ht_shape s = ht_shape_2(rows, cols);
  OK(ht_tensor_new(NULL, HT_COMPLEX128, &s, &t));
  for (int i = 0; i < rows * cols; i++)
    PAIRS(&t)[i] = CMPLX((i * 37 + 11) % 29 / 7.0 - 2, i * 23 % 19 / 6.0 - 1);
  return t;
}

/* Entry i, j of left diag(by) right', p columns of each. */
static pair entry(const ht_tensor *left, const ht_tensor *right, const pair *by,
                  int64_t p, int64_t i, int64_t j) {
  pair sum = 0;
  for (int64_t k = 0; k < p; k++)
    sum += PAIRS(left)[i * left->shape.dim[1] + k] * by[k] *
           conj(PAIRS(right)[j * right->shape.dim[1] + k]);
  return sum;
}

/* `lower`: of the lower triangle alone. */
static void composes_pairs(const char *op, const char *attrs, ht_tensor a,
                           bool lower) {
  ht_tensor out[3] = {{0}};
  const ht_tensor *in[] = {&a};
  int64_t m = a.shape.dim[0], n = a.shape.dim[1];
  OK(ht_apply(&run, op, attrs, 1, in, lower ? 2 : 3, out));
  const ht_tensor *right = &out[lower ? 1 : 2];
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < (lower ? i : n); j++) {
      pair found =
          entry(&out[1], right, PAIRS(&out[0]), ht_count(&out[0]), i, j);
      ck_assert_double_lt(cabs(found - PAIRS(&a)[i * n + j]), 1e-12);
    }
  for (int k = 0; k < 3; k++) ht_tensor_drop(&out[k]);
  ht_tensor_drop(&a);
}

START_TEST(factors_of_complex_matrices_compose_them) {
  composes_pairs("SelfAdjointEigV2", "", pairs(4, 4), true);
  composes_pairs("Svd", "", pairs(4, 3), false);
  composes_pairs("Svd", "", pairs(3, 5), false);
  composes_pairs("Svd", "full_matrices=true", pairs(2, 5), false);
  composes_pairs("Svd", "full_matrices=true", pairs(4, 2), false);
}
END_TEST

static const pair by[] = {1, -2, 0.5, 3, 0.25};

/* The sum of by times the values, and the real part of the sum of conj(w) left
 * diag(by) right': no phase of a column changes it. Where `d` is asked for, its
 * derivatives by values and vectors. */
static double phase_free(int n_out, const ht_tensor *out, const ht_tensor *w,
                         ht_tensor *d) {
  const ht_tensor *left = &out[1], *right = &out[n_out - 1];
  int64_t m = w->shape.dim[0], n = w->shape.dim[1], p = ht_count(&out[0]);
  double sum = 0;
  for (int k = 0; d && k < n_out; k++)
    OK(ht_tensor_zeros(NULL, HT_COMPLEX128, &out[k].shape, &d[k]));
  for (int64_t k = 0; k < p; k++) {
    sum += creal(by[k] * PAIRS(&out[0])[k]);
    if (d) PAIRS(&d[0])[k] = by[k];
  }
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++) {
      pair v = PAIRS(w)[i * n + j];
      sum += creal(conj(v) * entry(left, right, by, p, i, j));
      for (int64_t k = 0; d && k < p; k++) {
        int64_t l = i * left->shape.dim[1] + k, r = j * right->shape.dim[1] + k;
        PAIRS(&d[1])[l] += v * by[k] * PAIRS(right)[r];
        PAIRS(&d[n_out - 1])[r] += conj(v) * by[k] * PAIRS(left)[l];
      }
    }
  return sum;
}

static double value_at(const char *op, const char *attrs, int n_out,
                       const ht_tensor *a, const ht_tensor *w) {
  ht_tensor out[3] = {{0}};
  OK(ht_apply(&run, op, attrs, 1, &a, n_out, out));
  double v = phase_free(n_out, out, w, NULL);
  for (int k = 0; k < n_out; k++) ht_tensor_drop(&out[k]);
  return v;
}

static void gradient_of(const char *op, const char *attrs, int n_out,
                        const ht_tensor *a, const ht_tensor *w, ht_tensor *g) {
  ht_arena arena = {0};
  ht_attrs parsed;
  ht_tensor x = ht_tensor_share(a), out[3] = {{0}}, d[3] = {{0}};
  const ht_tensor *in[] = {&x};
  ht_tape *tape = ht_tape_new();
  ht_run taped = {.tape = tape};
  const ht_op *row = ht_op_find(op);
  OK(ht_attrs_bind(row, attrs, 1, &x.dtype, &arena, &parsed));
  ht_call call = {.op = row,
                  .node = op,
                  .attrs = &parsed,
                  .n_in = 1,
                  .n_out = n_out,
                  .in = in,
                  .out = out,
                  .run = &taped};
  OK(ht_tape_watch(tape, &x));
  OK(ht_op_forward(&call));
  OK(ht_tape_record(tape, &call, NULL, 1, in, n_out, out));
  phase_free(n_out, out, w, d);
  OK(ht_tape_backward(tape, &taped, n_out, out, d));
  OK(ht_tape_gradient_of(tape, &x, g));
  for (int k = 0; k < n_out; k++)
    ht_tensor_drop(&out[k]), ht_tensor_drop(&d[k]);
  ht_tape_free(tape);
  ht_tensor_drop(&x);
  ht_arena_free(&arena);
}

static void slopes(const char *op, const char *attrs, int n_out, int rows,
                   int cols) {
  const double step = 1e-6;
  ht_tensor a = pairs(rows, cols), w, g, moved[2];
  OK(ht_tensor_copy(NULL, &a, &w));
  for (int i = 0; i < rows * cols; i++) PAIRS(&w)[i] = CMPLX(i % 5 - 2, i % 3);
  gradient_of(op, attrs, n_out, &a, &w, &g);
  for (int way = 0; way < 2; way++) OK(ht_tensor_copy(NULL, &a, &moved[way]));
  double slope = 0;
  for (int i = 0; i < rows * cols; i++) {
    pair to = CMPLX(i * 5 % 7 - 3, i * 3 % 5 - 2) / 4;
    slope += creal(conj(PAIRS(&g)[i]) * to);
    PAIRS(&moved[0])[i] += step * to;
    PAIRS(&moved[1])[i] -= step * to;
  }
  double found = (value_at(op, attrs, n_out, &moved[0], &w) -
                  value_at(op, attrs, n_out, &moved[1], &w)) /
                 (2 * step);
  ck_assert_msg(fabs(slope - found) < 1e-6 * (1 + fabs(found)),
                "%s %s [%d,%d]: slope %.9g, differences show %.9g", op, attrs,
                rows, cols, slope, found);
  for (int way = 0; way < 2; way++) ht_tensor_drop(&moved[way]);
  ht_tensor_drop(&a);
  ht_tensor_drop(&w);
  ht_tensor_drop(&g);
}

START_TEST(gradients_of_complex_vectors_are_slopes) {
  slopes("SelfAdjointEigV2", "", 2, 4, 4);
  slopes("SelfAdjointEigV2", "", 2, 1, 1);
  slopes("Svd", "", 3, 3, 3);
  slopes("Svd", "", 3, 4, 2);
  slopes("Svd", "", 3, 2, 5);
  slopes("Svd", "full_matrices=true", 3, 3, 4);
  slopes("Svd", "full_matrices=true", 3, 4, 3);
}
END_TEST

static void add(TCase *tests) {
  tcase_add_test(tests, eigenvectors_compose_the_matrix);
  tcase_add_test(tests, singular_vectors_compose_the_matrix);
  tcase_add_test(tests, factors_of_complex_matrices_compose_them);
  tcase_add_test(tests, gradients_of_complex_vectors_are_slopes);
  tcase_add_test(tests, a_matrix_without_factors_is_refused);
}

int main(void) { return test_main("linalg", add); }
