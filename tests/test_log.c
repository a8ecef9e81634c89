/* test_log.c - ops that only tell something while a graph runs. */
#include "ops/op.h"
#include "test.h"

START_TEST(what_a_graph_logs_is_let_go) {
  ht_run run = {0};
  ht_tensor tag, value, out;
  OK(ht_scalar_string("loss", 4, &tag));
  OK(ht_scalar_float(1.5f, &value));
  OK(ht_apply(&run, "ScalarSummary", "T=float", 2,
              (const ht_tensor *[]){&tag, &value}, 1, &out));
  ck_assert_int_eq(out.dtype, HT_STRING);
  ck_assert_int_eq(ht_count(&out), 1);
  ck_assert_int_eq(ht_str(&out)[0].n, 0);
  ht_tensor_drop(&out);
  OK(ht_apply(&run, "MergeSummary", "N=1", 1, (const ht_tensor *[]){&tag}, 1,
              &out));
  ck_assert_int_eq(ht_str(&out)[0].n, 0);
  ht_tensor_drop(&out);
  OK(ht_apply(&run, "PrintV2", "", 1, (const ht_tensor *[]){&tag}, 0, NULL));
  ht_tensor_drop(&tag);
  ht_tensor_drop(&value);
}
END_TEST

static void add(TCase *tests) {
  tcase_add_test(tests, what_a_graph_logs_is_let_go);
}

int main(void) { return test_main("log", add); }
