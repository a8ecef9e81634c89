/* test_passes.c - what plans make of several steps changes no result. A value
 * that is fetched keeps the steps around it apart: what is fused is compared
 * with that. */
#include <math.h>

#include "base/random.h"
#include "world.h"

static ht_tensor drawn(int rank, const int64_t *dim, int seed) {
  ht_tensor x;
  ht_shape s = ht_shape_of(rank, dim);
  OK(ht_tensor_new(NULL, HT_FLOAT, &s, &x));
  for (int64_t i = 0; i < ht_count(&x); i++) {
    uint64_t key[2] = {(uint64_t)seed, (uint64_t)i};
    double v = (double)(ht_hash(key, sizeof key) >> 11) / (1ll << 52) - 1;
    ht_f(&x)[i] = (float)(v + (rank == 1 ? 1.5 : 0));
  }
  return x;
}

static ht_ref variable(world *w, const char *name, int rank, const int64_t *dim,
                       int seed) {
  ht_variable *v;
  ht_tensor x = drawn(rank, dim, seed);
  ht_ref h = ht_build_variable(&w->b, name, &x, true, &v);
  v->tuned = true;
  return ht_build_read(&w->b, h);
}

/* A network of two convolutions with normalisations; `mid` are the values
 * between. */
typedef struct net {
  ht_ref x, y, mid[4];
} net;

static ht_ref norm(world *w, ht_ref x, int64_t n, bool training, int seed) {
  char name[2] = {(char)('a' + seed), 0};
  ht_ref in[5] = {x};
  for (int i = 1; i < 5; i++) {
    char full[8];
    snprintf(full, sizeof full, "%s%d", name, i);
    in[i] = variable(w, full, 1, &n, 10 * seed + i);
  }
  return ht_build(&w->b, "FusedBatchNormV3", NULL, 5, in,
                  training ? "is_training=true epsilon=0.001"
                           : "is_training=false epsilon=0.001");
}

static bool idle; /* with an Identity between normalisation and activation */

static net build(world *w, const char *activation, bool training) {
  enum { CHANNELS = 20 };
  static const int64_t x[4] = {6, 33, 32, 3}, f[4] = {3, 3, 3, CHANNELS},
                       g[4] = {3, 3, CHANNELS, 1}, n = CHANNELS;
  static const int32_t pad[8] = {0, 0, 0, 1, 0, 1, 0, 0};
  const ht_shape two = ht_shape_2(4, 2);
  net t;
  ht_builder *b = &w->b;
  ht_shape s = ht_shape_of(4, x);
  t.x = ht_build_placeholder(b, "x", HT_FLOAT, &s);
  ht_ref z = ht_build_2(b, "Conv2D", t.x, variable(w, "f", 4, f, 1),
                        "strides=[1,2,2,1] padding='SAME'");
  t.mid[0] = norm(w, z, n, training, 2);
  ht_ref same = idle ? ht_build_1(b, "Identity", t.mid[0], "") : t.mid[0];
  t.mid[1] = ht_build_1(b, activation, same, "");
  ht_tensor p;
  OK(ht_tensor_new(NULL, HT_INT32, &two, &p));
  memcpy(p.data, pad, sizeof pad);
  t.mid[2] = ht_build_2(b, "Pad", t.mid[1], ht_build_const(b, "pad", &p), "");
  ht_tensor_drop(&p);
  t.mid[3] = ht_build_2(b, "DepthwiseConv2dNative", t.mid[2],
                        variable(w, "g", 4, g, 3),
                        "strides=[1,2,2,1] padding='VALID'");
  t.y = ht_build_1(
      b, activation,
      ht_build_2(b, "BiasAdd", t.mid[3], variable(w, "bias", 1, &n, 4), ""),
      "");
  OK(ht_builder_status(b));
  return t;
}

/* Runs the net, with all values between fetched or none; the gradients of all
 * variables where `tape`. */
static int run(world *w, const net *t, bool apart, bool tape, ht_tensor *y,
               ht_tensor *gradient) {
  static const int64_t dim[4] = {6, 33, 32, 3};
  ht_ref ret[5] = {t->y, t->mid[0], t->mid[1], t->mid[2], t->mid[3]},
         arg = t->x;
  ht_tensor x = drawn(4, dim, 7), out[5];
  const ht_tensor *in = &x;
  ht_plan *plan;
  ht_body body = {.graph = w->b.graph,
                  .arg = &arg,
                  .n_args = 1,
                  .ret = ret,
                  .n_rets = apart ? 5 : 1};
  OK(ht_plan_new(&body, NULL, &plan));
  ht_run r = ht_run_make(w->pool, &w->store, NULL);
  ht_tape_reset(w->tape);
  if (tape) r.tape = w->tape;
  OK(ht_plan_run(plan, &r, 1, &in, body.n_rets, out));
  if (tape) OK(ht_tape_backward(w->tape, &r, 1, out, NULL));
  *y = out[0];
  for (int i = 1; i < body.n_rets; i++) ht_tensor_drop(&out[i]);
  for (int i = 0; tape && i < w->store.n_variables; i++) {
    ht_cotangent c;
    OK(ht_tape_gradient(w->tape, w->store.variable[i], &c));
    gradient[i] = c.dense;
  }
  int steps = ht_plan_steps(plan);
  ht_plan_free(plan);
  ht_tensor_drop(&x);
  return steps;
}

static void near(const ht_tensor *a, const ht_tensor *b, double tolerance) {
  double worst = 0, scale = 0;
  ck_assert_int_eq(a->dtype, b->dtype);
  ck_assert(ht_shape_equal(&a->shape, &b->shape));
  for (int64_t i = 0; a->dtype && i < ht_count(a); i++) {
    worst = fmax(worst, fabs((double)ht_f(a)[i] - (double)ht_f(b)[i]));
    scale = fmax(scale, fabs((double)ht_f(b)[i]));
  }
  ck_assert_msg(worst <= tolerance * scale, "%g away of %g", worst, scale);
}

/* Fused, the net answers like its parts, in fewer steps by `fewer`. */
static void compare(world *w, const net *t, bool tape, int fewer) {
  enum { MOST = 16 };
  ht_tensor y[2], g[2][MOST];
  ck_assert_int_le(w->store.n_variables, MOST);
  int apart = run(w, t, true, tape, &y[0], g[0]);
  int fused = run(w, t, false, tape, &y[1], g[1]);
  ck_assert_int_le(fused, apart - fewer);
  near(&y[1], &y[0], 2e-6);
  for (int i = 0; tape && i < w->store.n_variables; i++) {
    near(&g[1][i], &g[0][i], 2e-5);
    for (int k = 0; k < 2; k++) ht_tensor_drop(&g[k][i]);
  }
  for (int k = 0; k < 2; k++) ht_tensor_drop(&y[k]);
}

static void same(const char *activation, bool training, bool tape) {
  world w;
  world_open(&w);
  net t = build(&w, activation, training);
  compare(&w, &t, tape, 1);
  world_close(&w);
}

START_TEST(fused_convolutions_answer_like_their_parts) {
  same("Relu", false, false);
  same("Relu6", false, false);
  same("Relu6", true, false);
}
END_TEST

START_TEST(fused_convolutions_have_the_gradients_of_their_parts) {
  same("Relu", false, true);
  same("Relu6", true, true);
  same("Relu", true, true);
}
END_TEST

static int residual_readers = 1; /* besides the first */

/* What ends a residual block: a normalisation, its sum with another value of
 * that shape, and an activation (NULL: none). `narrow`: of one pixel. */
static net residual(world *w, const char *activation, const int64_t other[4],
                    bool first, bool narrow) {
  static const int64_t x[4] = {6, 33, 32, 3};
  const int64_t f[4] = {narrow ? 33 : 3, narrow ? 32 : 3, 3, 20};
  net t;
  ht_builder *b = &w->b;
  ht_shape s = ht_shape_of(4, x);
  t.x = ht_build_placeholder(b, "x", HT_FLOAT, &s);
  t.mid[0] = ht_build_2(b, "Conv2D", t.x, variable(w, "f", 4, f, 1),
                        narrow ? "strides=[1,1,1,1] padding='VALID'"
                               : "strides=[1,2,2,1] padding='SAME'");
  t.mid[1] = norm(w, t.mid[0], 20, true, 2);
  ht_ref plus = variable(w, "o", 4, other, 3);
  t.mid[2] = first ? ht_build_2(b, "AddV2", plus, t.mid[1], "")
                   : ht_build_2(b, "AddV2", t.mid[1], plus, "");
  t.mid[3] = activation ? ht_build_1(b, activation, t.mid[2], "") : t.mid[2];
  t.y = t.mid[3];
  for (int i = 0; i < residual_readers; i++)
    t.y = ht_build_2(b, "Mul", t.y, t.mid[3], "");
  OK(ht_builder_status(b));
  return t;
}

START_TEST(a_fused_residual_block_is_like_its_parts) {
  static const char *const activation[] = {"Relu", "Relu6", NULL};
  static const int64_t other[2][4] = {{6, 17, 16, 20}, {1, 1, 16, 20}};
  for (int i = 0; i < 18; i++) {
    world w;
    world_open(&w);
    net t = residual(&w, activation[i / 6 % 3], other[i % 3 == 2], i % 2,
                     i % 3 == 1);
    compare(&w, &t, true, activation[i / 6 % 3] ? 1 : 0);
    world_close(&w);
  }
}
END_TEST

/* Convolutions that take their biases in: with windows, as products of few and
 * of many values. */
static net biased(world *w) {
  static const int64_t x[4] = {6, 33, 32, 3}, size[4] = {3, 1, 1, 3},
                       channels[5] = {3, 64, 80, 80, 33};
  net t;
  ht_builder *b = &w->b;
  ht_shape s = ht_shape_of(4, x);
  t.x = t.y = ht_build_placeholder(b, "x", HT_FLOAT, &s);
  for (int i = 0; i < 4; i++) {
    char name[2][4] = {{'f', (char)('0' + i)}, {'b', (char)('0' + i)}};
    int64_t f[4] = {size[i], size[i], channels[i], channels[i + 1]};
    t.mid[i] = ht_build_2(b, "Conv2D", t.y, variable(w, name[0], 4, f, i),
                          i % 2 ? "strides=[1,1,1,1] padding='SAME'"
                                : "strides=[1,2,2,1] padding='SAME'");
    t.y = ht_build_2(b, "BiasAdd", t.mid[i],
                     variable(w, name[1], 1, &channels[i + 1], 9 + i), "");
  }
  t.y = ht_build_1(b, "Square", t.y, "");
  OK(ht_builder_status(b));
  return t;
}

START_TEST(convolutions_with_biases_are_like_their_parts) {
  world w;
  world_open(&w);
  net t = biased(&w);
  compare(&w, &t, false, 4);
  compare(&w, &t, true, 4);
  world_close(&w);
}
END_TEST

static int steps_fused(bool training) {
  world w;
  ht_tensor y;
  world_open(&w);
  net t = build(&w, "Relu6", training);
  int n = run(&w, &t, false, false, &y, NULL);
  ht_tensor_drop(&y);
  world_close(&w);
  return n;
}

START_TEST(an_identity_keeps_no_steps_apart) {
  for (int training = 0; training < 2; training++) {
    idle = false;
    int n = steps_fused(training);
    idle = true;
    ck_assert_int_eq(steps_fused(training), n);
    same("Relu6", training, true);
  }
}
END_TEST

/* The net on all images at once and on each alone. */
START_TEST(rows_that_are_run_apart_answer_like_all_of_them) {
  static const int64_t dim[4] = {8, 160, 161, 3}; /* three, three and two */
  world w;
  world_open(&w);
  net t = build(&w, "Relu6", false);
  ht_ref arg = t.x, ret[2];
  ret[0] = ht_build_2(&w.b, "Mul", t.y, ht_build_float(&w.b, 2), "");
  ret[1] = ht_build_2(&w.b, "Sub", t.y, ht_build_1(&w.b, "Neg", t.y, ""), "");
  OK(ht_builder_status(&w.b));
  ht_body body = {
      .graph = w.b.graph, .arg = &arg, .n_args = 1, .ret = ret, .n_rets = 2};
  ht_plan *plan;
  OK(ht_plan_new(&body, NULL, &plan));
  ht_run r = ht_run_make(w.pool, &w.store, NULL);
  ht_tensor x = drawn(4, dim, 5), all[2];
  const ht_tensor *in = &x;
  OK(ht_plan_run(plan, &r, 1, &in, 2, all));
  for (int64_t i = 0; i < dim[0]; i++) {
    ht_tensor one = ht_tensor_rows(&x, i, 1), out[2];
    in = &one;
    OK(ht_plan_run(plan, &r, 1, &in, 2, out));
    for (int k = 0; k < 2; k++) {
      ht_tensor row = ht_tensor_rows(&all[k], i, 1);
      ck_assert(ht_shape_equal(&row.shape, &out[k].shape));
      ck_assert_mem_eq(row.data, out[k].data, ht_tensor_bytes(&row));
      ht_tensor_drop(&row);
      ht_tensor_drop(&out[k]);
    }
    ht_tensor_drop(&one);
  }
  for (int k = 0; k < 2; k++) ht_tensor_drop(&all[k]);
  ht_tensor_drop(&x);
  ht_plan_free(plan);
  world_close(&w);
}
END_TEST

/* A mean over the batch sees all of it. */
START_TEST(rows_that_meet_are_not_run_apart) {
  static const int64_t dim[4] = {4, 160, 160, 3};
  world w;
  world_open(&w);
  ht_shape s = ht_shape_of(4, dim);
  int32_t axis = 0;
  ht_ref x = ht_build_placeholder(&w.b, "x", HT_FLOAT, &s);
  ht_ref y =
      ht_build_2(&w.b, "Sub", x,
                 ht_build_2(&w.b, "Mean", x, ht_build_int32s(&w.b, 1, &axis),
                            "keep_dims=true"),
                 "");
  OK(ht_builder_status(&w.b));
  ht_body body = {
      .graph = w.b.graph, .arg = &x, .n_args = 1, .ret = &y, .n_rets = 1};
  ht_plan *plan;
  OK(ht_plan_new(&body, NULL, &plan));
  ht_run r = ht_run_make(w.pool, &w.store, NULL);
  ht_tensor value = drawn(4, dim, 5), out;
  const ht_tensor *in = &value;
  OK(ht_plan_run(plan, &r, 1, &in, 1, &out));
  int64_t image = ht_count(&value) / dim[0];
  double mean = 0;
  for (int i = 0; i < 4; i++) mean += (double)ht_f(&value)[i * image] / 4;
  ck_assert_double_eq_tol((double)ht_f(&out)[0], (double)ht_f(&value)[0] - mean,
                          1e-6);
  ht_tensor_drop(&out);
  ht_tensor_drop(&value);
  ht_plan_free(plan);
  world_close(&w);
}
END_TEST

static void add(TCase *tests) {
  tcase_add_test(tests, fused_convolutions_answer_like_their_parts);
  tcase_add_test(tests, fused_convolutions_have_the_gradients_of_their_parts);
  tcase_add_test(tests, a_fused_residual_block_is_like_its_parts);
  tcase_add_test(tests, convolutions_with_biases_are_like_their_parts);
  tcase_add_test(tests, an_identity_keeps_no_steps_apart);
  tcase_add_test(tests, rows_that_are_run_apart_answer_like_all_of_them);
  tcase_add_test(tests, rows_that_meet_are_not_run_apart);
}

int main(void) { return test_main("passes", add); }
