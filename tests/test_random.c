/* test_random.c - random ops where no recorded number can say it all. */
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

static void add(TCase *tests) {
  tcase_add_test(tests, the_random_algorithm_is_philox);
  tcase_add_test(tests, a_generator_moves_on_when_read);
  tcase_add_test(tests, threads_do_not_change_what_is_drawn);
  tcase_add_test(tests, seed_step_and_call_each_change_what_is_drawn);
  tcase_add_test(tests, an_op_with_a_seed_differs_from_step_to_step);
  tcase_add_test(tests, hostile_shapes_and_ranges_are_refused);
}

int main(void) { return test_main("random", add); }
