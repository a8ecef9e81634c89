/* test_conv.c - what a CPU TensorFlow does not run (channels first, grouped
 * and dilated gradients), and the same bits on any number of threads. */
#include <math.h>

#include "base/parallel.h"
#include "base/random.h"
#include "ops/op.h"
#include "test.h"

static ht_run run;

static ht_tensor drawn(ht_dtype t, int rank, const int64_t *dim, int seed) {
  ht_tensor x;
  ht_shape s = ht_shape_of(rank, dim);
  OK(ht_tensor_new(NULL, t, &s, &x));
  for (int64_t i = 0; i < ht_count(&x); i++) {
    uint64_t key[2] = {(uint64_t)seed, (uint64_t)i};
    double v = (double)(ht_hash(key, sizeof key) >> 11) / (1ll << 52) - 1;
    if (t == HT_FLOAT)
      ht_f(&x)[i] = (float)v;
    else
      HT_DATA(double, &x)[i] = v;
  }
  return x;
}

static ht_tensor ints(int n, const int64_t *v) {
  ht_tensor t;
  ht_shape s = ht_shape_1(n);
  OK(ht_tensor_new(NULL, HT_INT32, &s, &t));
  for (int i = 0; i < n; i++) ht_i32(&t)[i] = (int32_t)v[i];
  return t;
}

static ht_tensor apply3(const char *op, const char *attrs, const ht_tensor *a,
                        const ht_tensor *b, const ht_tensor *c) {
  const ht_tensor *in[3] = {a, b, c};
  ht_tensor out;
  OK(ht_apply(&run, op, attrs, c ? 3 : b ? 2 : 1, in, 1, &out));
  return out;
}

static double dot(const ht_tensor *a, const ht_tensor *b) {
  double sum = 0;
  ck_assert(ht_shape_equal(&a->shape, &b->shape));
  for (int64_t i = 0; i < ht_count(a); i++)
    sum += HT_DATA(double, a)[i] * HT_DATA(double, b)[i];
  return sum;
}

typedef struct convolution {
  const char *op, *attrs;
  int64_t x[5], f[5];
  int rank;
} convolution;

static const convolution convolutions[] = {
    {"Conv2D",
     "strides=[1,1,1,1] padding='SAME' dilations=[1,2,3,1]",
     {2, 9, 8, 3},
     {3, 3, 3, 5},
     4},
    {"Conv2D",
     "strides=[1,2,1,1] padding='VALID'",
     {2, 9, 8, 6},
     {3, 2, 2, 9},
     4},
    {"Conv2D",
     "strides=[1,1,2,2] padding='SAME' data_format='NCHW' "
     "dilations=[1,1,1,1]",
     {3, 4, 7, 6},
     {3, 3, 2, 6},
     4},
    {"Conv2D",
     "strides=[1,1,2,1] padding='EXPLICIT' data_format='NCHW' "
     "explicit_paddings=[0,0,0,0,2,1,0,1]",
     {2, 4, 7, 6},
     {3, 3, 4, 5},
     4},
    {"DepthwiseConv2dNative",
     "strides=[1,1,1,1] padding='SAME' dilations=[1,2,2,1]",
     {2, 9, 8, 3},
     {3, 3, 3, 2},
     4},
    {"DepthwiseConv2dNative",
     "strides=[1,1,2,2] padding='SAME' data_format='NCHW'",
     {2, 3, 9, 8},
     {3, 3, 3, 1},
     4},
    {"Conv3D",
     "strides=[1,1,1,1,1] padding='SAME' dilations=[1,2,1,2,1]",
     {1, 5, 4, 5, 2},
     {2, 3, 2, 2, 3},
     5},
    {"Conv3D",
     "strides=[1,1,1,2,1] padding='VALID' data_format='NCDHW'",
     {2, 3, 4, 5, 4},
     {2, 2, 3, 3, 2},
     5},
};
enum { CONVOLUTIONS = sizeof convolutions / sizeof *convolutions };

/* The passes are adjoint: <conv(x, f), d> = <x, to_input(f, d)> =
 * <f, to_filter(x, d)>. */
START_TEST(the_gradients_of_a_convolution_are_its_adjoints) {
  const convolution *c = &convolutions[_i];
  char back[2][64];
  const char *v2 = c->rank == 5 ? "V2" : "";
  snprintf(back[0], 64, "%sBackpropInput%s", c->op, v2);
  snprintf(back[1], 64, "%sBackpropFilter%s", c->op, v2);
  ht_tensor x = drawn(HT_DOUBLE, c->rank, c->x, 1);
  ht_tensor f = drawn(HT_DOUBLE, c->rank, c->f, 2);
  ht_tensor y = apply3(c->op, c->attrs, &x, &f, NULL);
  ht_tensor d = drawn(HT_DOUBLE, c->rank, y.shape.dim, 3);
  ht_tensor x_size = ints(c->rank, c->x), f_size = ints(c->rank, c->f);
  ht_tensor dx = apply3(back[0], c->attrs, &x_size, &f, &d);
  ht_tensor df = apply3(back[1], c->attrs, &x, &f_size, &d);
  double want = dot(&y, &d);
  ck_assert_double_eq_tol(dot(&x, &dx), want, 1e-9);
  ck_assert_double_eq_tol(dot(&f, &df), want, 1e-9);
  ck_assert_double_ne_tol(want, 0, 1e-6);
  ht_tensor *all[] = {&x, &f, &y, &d, &x_size, &f_size, &dx, &df};
  for (int i = 0; i < 8; i++) ht_tensor_drop(all[i]);
}
END_TEST

/* ---- channels first is channels last, transposed */

typedef struct layouts {
  const char *op, *first, *last;
  bool filter;
} layouts;

static const layouts both[] = {
    {"Conv2D",
     "strides=[1,1,2,1] padding='SAME' data_format='NCHW' "
     "dilations=[1,1,1,2]",
     "strides=[1,2,1,1] padding='SAME' dilations=[1,1,2,1]", true},
    {"MaxPool",
     "ksize=[1,1,3,2] strides=[1,1,2,1] padding='SAME' data_format='NCHW'",
     "ksize=[1,3,2,1] strides=[1,2,1,1] padding='SAME'", false},
    {"AvgPool",
     "ksize=[1,1,3,2] strides=[1,1,2,1] padding='VALID' data_format='NCHW'",
     "ksize=[1,3,2,1] strides=[1,2,1,1] padding='VALID'", false},
};

START_TEST(channels_first_is_channels_last_transposed) {
  const layouts *l = &both[_i];
  ht_tensor x = drawn(HT_DOUBLE, 4, (int64_t[]){2, 3, 7, 5}, 1);
  ht_tensor f = drawn(HT_DOUBLE, 4, (int64_t[]){3, 2, 3, 4}, 2);
  ht_tensor to_last = ints(4, (int64_t[]){0, 2, 3, 1});
  ht_tensor turned = apply3("Transpose", "", &x, &to_last, NULL);
  const ht_tensor *filter = l->filter ? &f : NULL;
  ht_tensor y = apply3(l->op, l->first, &x, filter, NULL);
  ht_tensor z = apply3(l->op, l->last, &turned, filter, NULL);
  ht_tensor y_last = apply3("Transpose", "", &y, &to_last, NULL);
  ck_assert(ht_shape_equal(&y_last.shape, &z.shape));
  ck_assert_mem_eq(y_last.data, z.data, ht_tensor_bytes(&z));
  ht_tensor *all[] = {&x, &f, &to_last, &turned, &y, &z, &y_last};
  for (int i = 0; i < 7; i++) ht_tensor_drop(all[i]);
}
END_TEST

/* ---- threads */

typedef struct work {
  const char *op, *attrs;
  int64_t a[4], b[4];
  int rank_a, rank_b;
} work;

static const work works[] = {
    {"MatMul", "", {517, 300}, {300, 411}, 2, 2},
    {"MatMul", "transpose_a=true", {900, 130}, {900, 170}, 2, 2},
    {"BatchMatMulV2", "adj_y=true", {6, 4, 60, 32}, {6, 4, 50, 32}, 4, 4},
    {"Conv2D",
     "strides=[1,1,1,1] padding='SAME'",
     {3, 30, 31, 16},
     {3, 3, 16, 32},
     4,
     4},
    {"Conv2D",
     "strides=[1,1,1,1] padding='SAME'",
     {3, 30, 31, 64},
     {1, 1, 64, 48},
     4,
     4},
    {"DepthwiseConv2dNative",
     "strides=[1,2,2,1] padding='SAME'",
     {3, 30, 31, 40},
     {3, 3, 40, 1},
     4,
     4},
    {"Softmax", "", {999, 77}, {0}, 2, 0},
    {"AvgPool",
     "ksize=[1,3,3,1] strides=[1,2,2,1] padding='SAME'",
     {3, 30, 31, 40},
     {0},
     4,
     0},
};
enum { WORKS = sizeof works / sizeof *works };

static ht_tensor on_threads(int n, const char *op, const char *attrs,
                            const ht_tensor *a, const ht_tensor *b,
                            const ht_tensor *c) {
  ht_threads_set(n);
  ht_tensor y = apply3(op, attrs, a, b, c);
  ht_threads_set(0);
  return y;
}

static void same_bits(const char *op, const char *attrs, const ht_tensor *a,
                      const ht_tensor *b, const ht_tensor *c) {
  ht_tensor one = on_threads(1, op, attrs, a, b, c);
  ht_tensor four = on_threads(4, op, attrs, a, b, c);
  ck_assert(ht_shape_equal(&one.shape, &four.shape));
  ck_assert_mem_eq(one.data, four.data, ht_tensor_bytes(&one));
  ht_tensor_drop(&one);
  ht_tensor_drop(&four);
}

START_TEST(the_number_of_threads_changes_no_bit) {
  const work *w = &works[_i];
  ht_tensor a = drawn(HT_FLOAT, w->rank_a, w->a, 1), b = {0};
  if (w->rank_b) b = drawn(HT_FLOAT, w->rank_b, w->b, 2);
  same_bits(w->op, w->attrs, &a, w->rank_b ? &b : NULL, NULL);
  ht_tensor_drop(&a);
  ht_tensor_drop(&b);
}
END_TEST

START_TEST(weight_gradients_add_up_alike_on_any_number_of_threads) {
  static const char *const attrs = "strides=[1,1,1,1] padding='SAME'";
  ht_tensor x = drawn(HT_FLOAT, 4, (int64_t[]){7, 33, 31, 16}, 1);
  ht_tensor d = drawn(HT_FLOAT, 4, (int64_t[]){7, 33, 31, 24}, 2);
  ht_tensor size = ints(4, (int64_t[]){3, 3, 16, 24});
  same_bits("Conv2DBackpropFilter", attrs, &x, &size, &d);
  ht_tensor f = drawn(HT_FLOAT, 4, (int64_t[]){3, 3, 16, 24}, 3);
  ht_tensor in = ints(4, (int64_t[]){7, 33, 31, 16});
  same_bits("Conv2DBackpropInput", attrs, &in, &f, &d);
  ht_tensor each = ints(4, (int64_t[]){3, 3, 16, 1});
  same_bits("DepthwiseConv2dNativeBackpropFilter", attrs, &x, &each, &x);
  ht_tensor *all[] = {&x, &d, &size, &f, &in, &each};
  for (int i = 0; i < 6; i++) ht_tensor_drop(all[i]);
}
END_TEST

/* ---- large filters, which are cut, or are one product: as in double */

static const convolution large[] = {
    {"Conv2D",
     "strides=[1,1,1,1] padding='SAME'",
     {3, 7, 6, 128},
     {3, 3, 128, 256},
     4},
    {"Conv2D",
     "strides=[1,2,2,1] padding='SAME'",
     {3, 7, 6, 130},
     {3, 3, 130, 192},
     4},
    {"Conv2D",
     "strides=[1,1,1,1] padding='SAME'",
     {9, 7, 6, 512},
     {1, 1, 512, 1024},
     4},
    {"Conv2D",
     "strides=[1,1,1,1] padding='VALID'",
     {5, 16, 17, 64},
     {1, 1, 64, 128},
     4},
};

static ht_tensor to_float(const ht_tensor *x) {
  return apply3("Cast", "SrcT=DT_DOUBLE DstT=DT_FLOAT", x, NULL, NULL);
}

static void near_in_float(const char *op, const char *attrs,
                          const ht_tensor *const in[3]) {
  ht_tensor part[3] = {{0}};
  const ht_tensor *f[3] = {in[0], in[1], in[2]};
  for (int i = 0; i < 3; i++)
    if (in[i] && in[i]->dtype == HT_DOUBLE)
      part[i] = to_float(in[i]), f[i] = &part[i];
  ht_tensor want = apply3(op, attrs, in[0], in[1], in[2]);
  ht_tensor got = apply3(op, attrs, f[0], f[1], f[2]);
  double worst = 0, scale = 0;
  for (int64_t i = 0; i < ht_count(&want); i++) {
    double w = HT_DATA(double, &want)[i];
    worst = fmax(worst, fabs((double)ht_f(&got)[i] - w));
    scale = fmax(scale, fabs(w));
  }
  ck_assert_msg(worst < 1e-5 * scale, "%s: %g away of %g", op, worst, scale);
  for (int i = 0; i < 3; i++) ht_tensor_drop(&part[i]);
  ht_tensor_drop(&want);
  ht_tensor_drop(&got);
}

START_TEST(a_large_filter_makes_in_float_what_it_makes_in_double) {
  const convolution *c = &large[_i];
  ht_tensor x = drawn(HT_DOUBLE, 4, c->x, 1);
  ht_tensor f = drawn(HT_DOUBLE, 4, c->f, 2);
  ht_tensor y = apply3(c->op, c->attrs, &x, &f, NULL);
  ht_tensor d = drawn(HT_DOUBLE, 4, y.shape.dim, 3);
  ht_tensor x_size = ints(4, c->x), f_size = ints(4, c->f);
  near_in_float(c->op, c->attrs, (const ht_tensor *[]){&x, &f, NULL});
  near_in_float("Conv2DBackpropInput", c->attrs,
                (const ht_tensor *[]){&x_size, &f, &d});
  near_in_float("Conv2DBackpropFilter", c->attrs,
                (const ht_tensor *[]){&x, &f_size, &d});
  ht_tensor *all[] = {&x, &f, &y, &d, &x_size, &f_size};
  for (int i = 0; i < 6; i++) ht_tensor_drop(all[i]);
}
END_TEST

START_TEST(a_large_filter_has_the_same_bits_on_any_number_of_threads) {
  const convolution *c = &large[_i];
  ht_tensor x = drawn(HT_FLOAT, 4, c->x, 1), f = drawn(HT_FLOAT, 4, c->f, 2);
  ht_tensor y = apply3(c->op, c->attrs, &x, &f, NULL);
  ht_tensor x_size = ints(4, c->x), f_size = ints(4, c->f);
  same_bits(c->op, c->attrs, &x, &f, NULL);
  same_bits("Conv2DBackpropInput", c->attrs, &x_size, &f, &y);
  same_bits("Conv2DBackpropFilter", c->attrs, &x, &f_size, &y);
  ht_tensor *all[] = {&x, &f, &y, &x_size, &f_size};
  for (int i = 0; i < 5; i++) ht_tensor_drop(all[i]);
}
END_TEST

/* ---- refusals */

START_TEST(a_filter_of_other_channels_is_refused) {
  ht_tensor x = drawn(HT_FLOAT, 4, (int64_t[]){1, 5, 5, 4}, 1);
  ht_tensor f = drawn(HT_FLOAT, 4, (int64_t[]){3, 3, 3, 4}, 2), y;
  const ht_tensor *in[2] = {&x, &f};
  FAILS(ht_apply(&run, "Conv2D", "strides=[1,1,1,1] padding='SAME'", 2, in, 1,
                 &y),
        HT_USAGE, "does not fit 4 channels");
  FAILS(ht_apply(&run, "Conv2D", "strides=[1,0,1,1] padding='SAME'", 2, in, 1,
                 &y),
        HT_USAGE, "must be positive");
  ht_tensor_drop(&x);
  ht_tensor_drop(&f);
}
END_TEST

static void add(TCase *tests) {
  tcase_add_loop_test(tests, the_gradients_of_a_convolution_are_its_adjoints, 0,
                      CONVOLUTIONS);
  tcase_add_loop_test(tests, channels_first_is_channels_last_transposed, 0,
                      (int)(sizeof both / sizeof *both));
  tcase_add_loop_test(tests, the_number_of_threads_changes_no_bit, 0, WORKS);
  tcase_add_test(tests, weight_gradients_add_up_alike_on_any_number_of_threads);
  tcase_add_loop_test(tests,
                      a_large_filter_makes_in_float_what_it_makes_in_double, 0,
                      (int)(sizeof large / sizeof *large));
  tcase_add_loop_test(tests,
                      a_large_filter_has_the_same_bits_on_any_number_of_threads,
                      0, (int)(sizeof large / sizeof *large));
  tcase_add_test(tests, a_filter_of_other_channels_is_refused);
}

int main(void) { return test_main("conv", add); }
