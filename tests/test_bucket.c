/* test_bucket.c - ops that TensorFlow 2.15 has no kernels for: buckets by
 * their definitions, std::lower_bound and std::upper_bound; coordinates of
 * int16 as TensorFlow 2.21 takes them. */
#include <math.h>

#include "ops/op.h"
#include "test.h"

static ht_run run;

static ht_tensor floats(int n, const float *v) {
  ht_tensor t;
  ht_shape shape = ht_shape_1(n);
  OK(ht_tensor_new(NULL, HT_FLOAT, &shape, &t));
  memcpy(t.data, v, (size_t)n * sizeof *v);
  return t;
}

static void check(const ht_tensor *out, int n, const int32_t *wanted) {
  ck_assert_int_eq(ht_count(out), n);
  for (int i = 0; i < n; i++)
    ck_assert_msg(ht_i32(out)[i] == wanted[i], "%d at %d, wanted %d",
                  ht_i32(out)[i], i, wanted[i]);
}

START_TEST(a_feature_falls_in_the_bucket_of_its_boundary) {
  ht_tensor out[2];
  ht_tensor a = floats(5, (float[]){-1, 1, 1.5f, 3, 9}),
            b = floats(2, (float[]){0.5f, 0.25f}),
            of_a = floats(3, (float[]){1, 2, 3}),
            of_b = floats(1, (float[]){0.3f});
  OK(ht_apply(&run, "BoostedTreesBucketize", "num_features=2", 4,
              (const ht_tensor *[]){&a, &b, &of_a, &of_b}, 2, out));
  check(&out[0], 5, (int32_t[]){0, 0, 1, 2, 2});
  check(&out[1], 2, (int32_t[]){0, 0});
  ht_tensor *all[] = {&a, &b, &of_a, &of_b, &out[0], &out[1]};
  for (int i = 0; i < 6; i++) ht_tensor_drop(all[i]);
}
END_TEST

START_TEST(a_number_falls_in_the_bucket_after_its_boundaries) {
  ht_tensor out, in = floats(6, (float[]){-1, 1, 1.5f, 3, 9, INFINITY}),
                 bounds = floats(4, (float[]){1, 1, 2, 3});
  OK(ht_apply(&run, "BucketizeWithInputBoundaries", "T=float", 2,
              (const ht_tensor *[]){&in, &bounds}, 1, &out));
  check(&out, 6, (int32_t[]){0, 2, 2, 4, 4, 4});
  ht_tensor_drop(&out);
  ht_f(&bounds)[0] = 5;
  ck_assert_int_eq(ht_apply(&run, "BucketizeWithInputBoundaries", "T=float", 2,
                            (const ht_tensor *[]){&in, &bounds}, 1, &out)
                       .code,
                   HT_USAGE);
  ht_tensor_drop(&in);
  ht_tensor_drop(&bounds);
}
END_TEST

START_TEST(coordinates_may_be_int16) {
  ht_shape shape = ht_shape_2(2, 1);
  ht_tensor out, at, in = floats(5, (float[]){-1, 1, 1.5f, 3, 9});
  OK(ht_tensor_new(NULL, HT_INT16, &shape, &at));
  memcpy(at.data, (int16_t[]){4, 1}, 2 * sizeof(int16_t));
  OK(ht_apply(&run, "GatherNd", "", 2, (const ht_tensor *[]){&in, &at}, 1,
              &out));
  ck_assert_int_eq(ht_count(&out), 2);
  ck_assert_float_eq(ht_f(&out)[0], 9);
  ck_assert_float_eq(ht_f(&out)[1], 1);
  ht_tensor *all[] = {&in, &at, &out};
  for (int i = 0; i < 3; i++) ht_tensor_drop(all[i]);
}
END_TEST

static void add(TCase *tests) {
  tcase_add_test(tests, a_feature_falls_in_the_bucket_of_its_boundary);
  tcase_add_test(tests, a_number_falls_in_the_bucket_after_its_boundaries);
  tcase_add_test(tests, coordinates_may_be_int16);
}

int main(void) { return test_main("bucket", add); }
