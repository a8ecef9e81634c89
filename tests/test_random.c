/* test_random.c - random ops where no recorded number can say it all. */
#include <math.h>

#include "base/parallel.h"
#include "ops/interface.h"
#include "test.h"

static ht_tensor draw(ht_run *run, const char *op, const char *attrs,
                      int64_t n) {
  ht_tensor shape, out;
  ht_shape one = ht_shape_1(1);
  OK(ht_tensor_new(NULL, HT_INT64, &one, &shape));
  ht_i64(&shape)[0] = n;
  const ht_tensor *in[] = {&shape};
  OK(ht_apply(run, op, attrs, 1, in, 1, &out));
  ht_tensor_drop(&shape);
  return out;
}

static bool same(const ht_tensor *a, const ht_tensor *b) {
  return memcmp(a->data, b->data, ht_tensor_bytes(a)) == 0;
}

START_TEST(the_random_algorithm_is_philox) {
  ht_run run = {0};
  ht_tensor out;
  OK(ht_apply(&run, "StatelessRandomGetAlg", "", 0, NULL, 1, &out));
  ck_assert_int_eq(ht_i32(&out)[0], 1);
  ht_tensor_drop(&out);
}
END_TEST

START_TEST(a_generator_moves_on_when_read) {
  ht_store store;
  ht_variable *v;
  ht_run run = {.store = &store};
  ht_shape one = ht_shape_1(1), three = ht_shape_1(3);
  ht_tensor state, handle, alg, delta, old;
  ht_store_init(&store);
  OK(ht_store_add_variable(&store, "state", "state", HT_INT64, &three, &v));
  OK(ht_tensor_zeros(NULL, HT_INT64, &three, &state));
  ht_i64(&state)[0] = -256;
  ht_i64(&state)[2] = 77;
  OK(ht_variable_assign(v, &state, false));
  OK(ht_tensor_new(NULL, HT_RESOURCE, &one, &handle));
  ht_obj(&handle)[0] = ht_object_share(&v->object);
  OK(ht_tensor_zeros(NULL, HT_INT32, &HT_SCALAR, &alg));
  OK(ht_tensor_zeros(NULL, HT_UINT64, &HT_SCALAR, &delta));
  HT_DATA(uint64_t, &delta)[0] = 2;
  const ht_tensor *in[] = {&handle, &alg, &delta};
  OK(ht_apply(&run, "RngReadAndSkip", "", 3, in, 1, &old));
  ck_assert_int_eq(ht_i64(&old)[0], -256);
  ck_assert_int_eq(ht_i64(&v->value)[0], 256);
  ck_assert_int_eq(ht_i64(&v->value)[1], 1);
  ck_assert_int_eq(ht_i64(&v->value)[2], 77);
  ht_tensor_drop(&old);
  ht_tensor_drop(&handle);
  ht_tensor_drop(&alg);
  ht_tensor_drop(&delta);
  ht_store_free(&store);
}
END_TEST

/* A generator of state {-256, 3, 77} in a variable, and ops that draw from it
 * one after another. */
typedef struct drawer {
  ht_store store;
  ht_variable *v;
  ht_run run;
  ht_tensor handle;
} drawer;

static ht_tensor integer(ht_dtype t, int rank, int64_t value) {
  ht_tensor x;
  ht_shape s = rank ? ht_shape_1(1) : HT_SCALAR;
  OK(ht_tensor_zeros(NULL, t, &s, &x));
  ht_i64(&x)[0] = value;
  return x;
}

/* Three numbers of `op`, and the low half of the counter behind them. */
static void draws(drawer *d, const char *op, const char *attrs, bool bounds,
                  const double *wanted, int64_t counter) {
  ht_tensor alg = integer(HT_INT64, 0, 1), n = integer(HT_INT64, 1, 3);
  ht_tensor low = integer(HT_INT64, 0, 10), high = integer(HT_INT64, 0, 1000);
  const ht_tensor *in[] = {&d->handle, &alg, &n, &low, &high};
  ht_tensor out;
  OK(ht_apply(&d->run, op, attrs, bounds ? 5 : 3, in, 1, &out));
  for (int i = 0; i < 3; i++) {
    double v = ht_dtype_floating(out.dtype) ? ht_real_at(&out, i)
                                            : (double)ht_int_at(&out, i);
    ck_assert_msg(fabs(v - wanted[i]) <= 1e-5 * fabs(wanted[i]),
                  "%s: number %d is %.9g, wanted %.9g", op, i, v, wanted[i]);
  }
  ck_assert_int_eq(ht_i64(&d->v->value)[0], counter);
  ck_assert_int_eq(ht_i64(&d->v->value)[1], 4);
  ht_tensor_drop(&out);
  ht_tensor_drop(&alg);
  ht_tensor_drop(&n);
  ht_tensor_drop(&low);
  ht_tensor_drop(&high);
}

/* The numbers are those of TensorFlow 2.15. */
static void draw_all(drawer *d) {
  const double uniform[] = {0.6586630344390869, 0.19388699531555176,
                            0.2755657434463501};
  const double normal[] = {-2.1874947547912598, 0.13921426236629486,
                           0.5137226581573486};
  const double truncated[] = {0.6972293853759766, 0.32079043984413147,
                              0.09143121540546417};
  const double full[] = {-1083217243, -1287005086, -1721921165};
  const double bounded[] = {927, 464, 238};
  draws(d, "StatefulUniform", "dtype=float", false, uniform, 512);
  draws(d, "StatefulStandardNormalV2", "dtype=float", false, normal, 1280);
  draws(d, "StatefulTruncatedNormal", "dtype=float", false, truncated, 2048);
  draws(d, "StatefulUniformFullInt", "dtype=int32", false, full, 2816);
  draws(d, "StatefulUniformInt", "dtype=int64", true, bounded, 3584);
}

/* Of 50 trials at 0.3, from where the others left the generator. */
static void draw_binomial(drawer *d) {
  const int64_t wanted[] = {20, 18, 9};
  ht_tensor alg = integer(HT_INT64, 0, 1), n = integer(HT_INT64, 1, 3);
  ht_tensor trials, odds, out;
  OK(ht_tensor_zeros(NULL, HT_DOUBLE, &HT_SCALAR, &trials));
  OK(ht_tensor_zeros(NULL, HT_DOUBLE, &HT_SCALAR, &odds));
  HT_DATA(double, &trials)[0] = 50;
  HT_DATA(double, &odds)[0] = 0.3;
  const ht_tensor *in[] = {&d->handle, &alg, &n, &trials, &odds};
  OK(ht_apply(&d->run, "StatefulRandomBinomial", "", 5, in, 1, &out));
  for (int i = 0; i < 3; i++) ck_assert_int_eq(ht_i64(&out)[i], wanted[i]);
  ck_assert_int_eq(ht_i64(&d->v->value)[0], 81664);
  ht_tensor *used[] = {&alg, &n, &trials, &odds, &out};
  for (int i = 0; i < 5; i++) ht_tensor_drop(used[i]);
}

START_TEST(a_variable_draws_what_tensorflow_draws) {
  drawer d = {.run = {.store = &d.store}};
  ht_shape one = ht_shape_1(1), three = ht_shape_1(3);
  ht_tensor state, alg = integer(HT_INT64, 0, 1);
  ht_tensor delta = integer(HT_INT64, 0, 5);
  ht_store_init(&d.store);
  OK(ht_store_add_variable(&d.store, "state", "state", HT_INT64, &three, &d.v));
  OK(ht_tensor_zeros(NULL, HT_INT64, &three, &state));
  ht_i64(&state)[0] = -256;
  ht_i64(&state)[1] = 3;
  ht_i64(&state)[2] = 77;
  OK(ht_variable_assign(d.v, &state, false));
  OK(ht_tensor_new(NULL, HT_RESOURCE, &one, &d.handle));
  ht_obj(&d.handle)[0] = ht_object_share(&d.v->object);
  draw_all(&d);
  const ht_tensor *in[] = {&d.handle, &alg, &delta};
  OK(ht_apply(&d.run, "RngSkip", "", 3, in, 0, NULL));
  ck_assert_int_eq(ht_i64(&d.v->value)[0], 4864);
  draw_binomial(&d);
  ht_i64(&alg)[0] = 2;
  FAILS(ht_apply(&d.run, "RngSkip", "", 3, in, 0, NULL), HT_UNSUPPORTED,
        "random algorithm 2");
  ht_tensor_drop(&alg);
  ht_tensor_drop(&delta);
  ht_tensor_drop(&d.handle);
  ht_store_free(&d.store);
}
END_TEST

START_TEST(threads_do_not_change_what_is_drawn) {
  static const char *const op[] = {"RandomUniform", "RandomStandardNormal",
                                   "TruncatedNormal"};
  for (int i = 0; i < 3; i++) {
    ht_run run = {.seed = 5};
    ht_threads_set(1);
    ht_tensor a = draw(&run, op[i], "dtype=float", 100003);
    run.calls = 0;
    ht_threads_set(2);
    ht_tensor b = draw(&run, op[i], "dtype=float", 100003);
    ck_assert_msg(same(&a, &b), "%s", op[i]);
    ht_tensor_drop(&a);
    ht_tensor_drop(&b);
  }
}
END_TEST

START_TEST(seed_step_and_call_each_change_what_is_drawn) {
  ht_run run = {.seed = 5};
  ht_tensor first = draw(&run, "RandomUniform", "dtype=float", 8);
  ht_tensor call = draw(&run, "RandomUniform", "dtype=float", 8);
  run = (ht_run){.seed = 5, .step = 1};
  ht_tensor step = draw(&run, "RandomUniform", "dtype=float", 8);
  run = (ht_run){.seed = 6};
  ht_tensor seed = draw(&run, "RandomUniform", "dtype=float", 8);
  run = (ht_run){.seed = 5};
  ht_tensor again = draw(&run, "RandomUniform", "dtype=float", 8);
  ck_assert(same(&first, &again));
  ck_assert(!same(&first, &call));
  ck_assert(!same(&first, &step));
  ck_assert(!same(&first, &seed));
  ht_tensor_drop(&first);
  ht_tensor_drop(&call);
  ht_tensor_drop(&step);
  ht_tensor_drop(&seed);
  ht_tensor_drop(&again);
}
END_TEST

START_TEST(an_op_with_a_seed_differs_from_step_to_step) {
  ht_run run = {0};
  ht_tensor a = draw(&run, "RandomUniform", "dtype=float seed=3", 8);
  run.step = 1;
  ht_tensor b = draw(&run, "RandomUniform", "dtype=float seed=3", 8);
  ck_assert(!same(&a, &b));
  ht_tensor_drop(&a);
  ht_tensor_drop(&b);
}
END_TEST

START_TEST(hostile_shapes_and_ranges_are_refused) {
  ht_run run = {0};
  ht_tensor shape, low, out;
  ht_shape two = ht_shape_1(2);
  OK(ht_tensor_new(NULL, HT_INT64, &two, &shape));
  ht_i64(&shape)[0] = ht_i64(&shape)[1] = INT64_MAX;
  OK(ht_tensor_zeros(NULL, HT_INT32, &HT_SCALAR, &low));
  const ht_tensor *in[] = {&shape, &low, &low};
  ck_assert_int_ne(
      ht_apply(&run, "RandomUniform", "dtype=float", 1, in, 1, &out).code,
      HT_OK);
  ht_i64(&shape)[0] = ht_i64(&shape)[1] = 2;
  FAILS(ht_apply(&run, "RandomUniformInt", "", 3, in, 1, &out), HT_USAGE,
        "minval < maxval");
  ht_tensor_drop(&shape);
  ht_tensor_drop(&low);
}
END_TEST

/* Where the rows' regions begin, of an image of 40 rows. */
static ht_tensor regions(ht_run *run, const char *attrs) {
  ht_tensor image, out[3];
  ht_shape s = {4, {1, 40, 3, 1}};
  OK(ht_tensor_zeros(NULL, HT_FLOAT, &s, &image));
  const ht_tensor *in[] = {&image};
  OK(ht_apply(run, "FractionalMaxPool", attrs, 1, in, 3, out));
  ht_tensor_drop(&image);
  ht_tensor_drop(&out[0]);
  ht_tensor_drop(&out[2]);
  return out[1];
}

#define RATIO "pooling_ratio=[1.0,1.5,1.0,1.0]"

START_TEST(regions_without_a_seed_differ_from_step_to_step) {
  ht_run run = {.seed = 1}, later = {.seed = 1, .step = 1};
  ht_tensor a = regions(&run, RATIO), b = regions(&later, RATIO);
  ht_tensor c = regions(&run, RATIO " deterministic=true");
  ht_tensor d = regions(&later, RATIO " deterministic=true");
  ck_assert(!same(&a, &b));
  ck_assert(same(&c, &d));
  ht_tensor_drop(&a);
  ht_tensor_drop(&b);
  ht_tensor_drop(&c);
  ht_tensor_drop(&d);
}
END_TEST

/* d of one row of two regions in a row of 3 pixels. */
static ht_status divided(const int64_t *columns, ht_tensor *out) {
  ht_run run = {0};
  ht_tensor image, d, rows, starts;
  ht_shape four = ht_shape_1(4), s = {4, {1, 1, 2, 1}};
  ht_shape two = ht_shape_1(2), three = ht_shape_1(3);
  OK(ht_tensor_new(NULL, HT_INT64, &four, &image));
  OK(ht_tensor_zeros(NULL, HT_FLOAT, &s, &d));
  OK(ht_tensor_new(NULL, HT_INT64, &two, &rows));
  OK(ht_tensor_new(NULL, HT_INT64, &three, &starts));
  memcpy(image.data, (int64_t[]){1, 1, 3, 1}, ht_tensor_bytes(&image));
  memcpy(rows.data, (int64_t[]){0, 1}, ht_tensor_bytes(&rows));
  memcpy(starts.data, columns, ht_tensor_bytes(&starts));
  const ht_tensor *in[] = {&image, &d, &rows, &starts};
  ht_status st = ht_apply(&run, "FractionalAvgPoolGrad", "", 4, in, 1, out);
  ht_tensor_drop(&image);
  ht_tensor_drop(&d);
  ht_tensor_drop(&rows);
  ht_tensor_drop(&starts);
  return st;
}

START_TEST(regions_outside_of_an_image_are_refused) {
  ht_tensor out;
  const char *why = "a pooling sequence does not ascend within its axis";
  OK(divided((int64_t[]){0, 2, 3}, &out));
  ht_tensor_drop(&out);
  FAILS(divided((int64_t[]){0, 2, 4}, &out), HT_USAGE, why);
  FAILS(divided((int64_t[]){-1, 2, 3}, &out), HT_USAGE, why);
  FAILS(divided((int64_t[]){0, 9, 3}, &out), HT_USAGE, why);
  FAILS(divided((int64_t[]){0, 0, 3}, &out), HT_USAGE, why);
}
END_TEST

static void add(TCase *tests) {
  tcase_add_test(tests, the_random_algorithm_is_philox);
  tcase_add_test(tests, a_generator_moves_on_when_read);
  tcase_add_test(tests, a_variable_draws_what_tensorflow_draws);
  tcase_add_test(tests, threads_do_not_change_what_is_drawn);
  tcase_add_test(tests, seed_step_and_call_each_change_what_is_drawn);
  tcase_add_test(tests, an_op_with_a_seed_differs_from_step_to_step);
  tcase_add_test(tests, regions_without_a_seed_differ_from_step_to_step);
  tcase_add_test(tests, regions_outside_of_an_image_are_refused);
  tcase_add_test(tests, hostile_shapes_and_ranges_are_refused);
}

int main(void) { return test_main("random", add); }
