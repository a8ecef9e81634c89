/* test_linalg.c - factors of matrices whose signs are free: that they give
 * the matrix back. */
#include "ops/op.h"
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

static void add(TCase *tests) {
  tcase_add_test(tests, eigenvectors_compose_the_matrix);
  tcase_add_test(tests, singular_vectors_compose_the_matrix);
  tcase_add_test(tests, a_matrix_without_factors_is_refused);
}

int main(void) { return test_main("linalg", add); }
