/* test_nest.c - ragged tensors in variants: what goes in comes out, rows are
 * cut where TensorFlow cuts them, and gradients pass. */
#include "test.h"

static ht_symbol numbers(ht_net *net, ht_dtype t, int n, const void *v) {
  ht_array *a;
  int64_t dim = n;
  OK(ht_array_from(t, 1, &dim, v, &a));
  ht_symbol s = ht_net_constant(net, a);
  ht_array_free(a);
  return s;
}

static void holds(const ht_arrays *y, const char *name, int n,
                  const double *wanted) {
  const ht_array *a = ht_arrays_find(y, name);
  ck_assert_msg(a && ht_array_count(a) == n, "%s has %d numbers", name,
                a ? (int)ht_array_count(a) : -1);
  for (int i = 0; i < n; i++)
    ck_assert_msg(ht_array_number(a, i) == wanted[i], "%s[%d] is %g", name, i,
                  ht_array_number(a, i));
}

/* [[[1, 2], []], [], [[3], [4, 5, 6]]] */
static const int64_t outer[] = {0, 2, 2, 4}, inner[] = {0, 2, 2, 3, 6};
static const float values[] = {1, 2, 3, 4, 5, 6};

static ht_symbol rows_of(ht_net *net, ht_symbol v) {
  return ht_net_op(net, "RaggedTensorToVariant",
                   "RAGGED_RANK=2 batched_input=true",
                   HT_SYMBOLS(numbers(net, HT_INT64, 4, outer),
                              numbers(net, HT_INT64, 5, inner), v));
}

START_TEST(ragged_rows_become_variants_and_rows_again) {
  ht_net *net;
  ht_function *f;
  ht_arrays *in, *y, *g;
  OK(ht_net_new(&net));
  ht_array *start;
  int64_t six = 6;
  OK(ht_array_from(HT_FLOAT, 1, &six, values, &start));
  ht_symbol v = ht_net_read(net, ht_net_variable(net, "v", start, true));
  ht_array_free(start);
  ht_symbol rows = rows_of(net, v);
  ht_symbol again = ht_net_op(
      net, "RaggedTensorFromVariant",
      "input_ragged_rank=1 output_ragged_rank=2 Tvalues=float Tsplits=int64",
      HT_SYMBOLS(rows));
  /* The last row alone: [[3], [4, 5, 6]]. */
  int32_t two = 2;
  ht_symbol last = ht_net_op(net, "GatherV2", NULL,
                             HT_SYMBOLS(rows, ht_net_number(net, HT_INT32, two),
                                        ht_net_number(net, HT_INT32, 0)));
  ht_symbol one = ht_net_op(
      net, "RaggedTensorFromVariant",
      "input_ragged_rank=1 output_ragged_rank=1 Tvalues=float Tsplits=int64",
      HT_SYMBOLS(last));
  OK(ht_net_function(
      net, 0, NULL,
      HT_NAMED({"outer", again}, {"inner", ht_symbol_output(again, 1)},
               {"values", ht_symbol_output(again, 2)}, {"row", one},
               {"last", ht_symbol_output(one, 1)}),
      &f));
  OK(ht_arrays_new(&in));
  OK(ht_function_gradients(f, in, NULL, &y, &g));
  holds(y, "outer", 4, (double[]){0, 2, 2, 4});
  holds(y, "inner", 5, (double[]){0, 2, 2, 3, 6});
  holds(y, "values", 6, (double[]){1, 2, 3, 4, 5, 6});
  holds(y, "row", 3, (double[]){0, 1, 4});
  holds(y, "last", 4, (double[]){3, 4, 5, 6});
  holds(g, "v", 6, (double[]){1, 1, 2, 2, 2, 2});
  ht_arrays_free(y);
  ht_arrays_free(g);
  ht_arrays_free(in);
  ht_function_free(f);
  ht_net_free(net);
}
END_TEST

START_TEST(a_variant_of_another_kind_is_refused) {
  ht_net *net;
  ht_function *f;
  ht_arrays *in, *y;
  OK(ht_net_new(&net));
  ht_symbol rows = rows_of(net, numbers(net, HT_FLOAT, 6, values));
  ht_symbol again = ht_net_op(
      net, "RaggedTensorFromVariant",
      "input_ragged_rank=0 output_ragged_rank=1 Tvalues=float Tsplits=int64",
      HT_SYMBOLS(rows));
  OK(ht_net_function(net, 0, NULL, HT_NAMED({"y", again}), &f));
  OK(ht_arrays_new(&in));
  FAILS(ht_function_run(f, in, &y), HT_USAGE, "a ragged tensor of 1 splits");
  ht_arrays_free(in);
  ht_function_free(f);
  ht_net_free(net);
}
END_TEST

/* Values as TensorFlow 2.15 has them. */
START_TEST(gradients_of_ragged_rows_are_joined) {
  ht_net *net;
  ht_function *f;
  ht_arrays *in, *y;
  const int32_t six = 6;
  OK(ht_net_new(&net));
  ht_symbol rows = rows_of(net, numbers(net, HT_FLOAT, 6, values));
  ht_symbol joined = ht_net_op(
      net, "RaggedTensorToVariantGradient", "Tvalues=float Tsplits=int64",
      HT_SYMBOLS(rows, numbers(net, HT_INT64, 4, outer),
                 numbers(net, HT_INT32, 1, &six)));
  OK(ht_net_function(net, 0, NULL, HT_NAMED({"joined", joined}), &f));
  OK(ht_arrays_new(&in));
  OK(ht_function_run(f, in, &y));
  holds(y, "joined", 6, (double[]){1, 2, 3, 4, 5, 6});
  ht_arrays_free(y);
  ht_arrays_free(in);
  ht_function_free(f);
  ht_net_free(net);
}
END_TEST

static void add(TCase *tests) {
  tcase_add_test(tests, gradients_of_ragged_rows_are_joined);
  tcase_add_test(tests, ragged_rows_become_variants_and_rows_again);
  tcase_add_test(tests, a_variant_of_another_kind_is_refused);
}

int main(void) { return test_main("nest", add); }
