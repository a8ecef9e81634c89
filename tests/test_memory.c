/* test_memory.c - the memory that a call is said to take, before it is done. */
#include <hubtune.h>

#include "api/plan.h"
#include "test.h"

enum { BATCH = 40 };

static ht_symbol conv(ht_net *net, const char *name, ht_symbol x, int in,
                      int out) {
  int64_t dim[4] = {3, 3, in, out};
  ht_symbol f = ht_net_variable_drawn(net, name, "he_normal", 4, dim, true);
  x = ht_net_op(net, "Conv2D", "strides=[1,1,1,1] padding='SAME'",
                HT_SYMBOLS(x, ht_net_read(net, f)));
  return ht_net_op(net, "Relu", NULL, HT_SYMBOLS(x));
}

/* What was foreseen and what it takes, on images of so many pixels a side; of
 * several threads chance decides how many are at work. */
static void compare(int64_t side, int threads, bool back) {
  ht_net *net;
  ht_function *f;
  ht_plan_info plan;
  uint64_t real;
  int64_t dim[4] = {-1, side, side, 3};
  OK(ht_net_new(&net));
  ht_net_threads(net, threads);
  ht_symbol x = ht_net_input(net, "x", HT_FLOAT, 4, dim);
  ht_symbol y = conv(net, "b", conv(net, "a", x, 3, 8), 8, 16);
  const int32_t axes[2] = {1, 2};
  y = ht_net_op(net, "Mean", NULL, HT_SYMBOLS(y, ht_net_int32s(net, 2, axes)));
  OK(ht_net_function(net, HT_NAMED({"x", x}), HT_NAMED({"y", y}), &f));
  OK(ht_function_plan(f, BATCH, &plan));
  OK(ht_function_measure(f, BATCH, back, &real));
  double found = (double)(back ? plan.train_peak : plan.run_peak);
  double least = threads > 1 ? 0.3 : 0.9;
  ck_assert_msg((double)real < 1.1 * found && (double)real > least * found,
                "side %d: %.0f bytes foreseen, %.0f taken", (int)side, found,
                (double)real);
  ck_assert_uint_eq(plan.weights, (3 * 3 * 3 * 8 + 3 * 3 * 8 * 16) * 4);
  int steps = 0;
  for (int i = 0; i < plan.n_ops; i++) steps += plan.op[i].n;
  ck_assert_int_eq(steps, plan.n_steps);
  ht_function_free(f);
  ht_net_free(net);
}

START_TEST(a_call_takes_the_memory_that_was_foreseen) {
  compare(24, 1, false);
  compare(160, 1, false); /* rows of their own, a few at a time */
  compare(160, 3, false);
}
END_TEST

START_TEST(a_step_takes_the_memory_that_was_foreseen) {
  compare(24, 1, true);
  compare(160, 2, true);
}
END_TEST

static void add(TCase *tests) {
  tcase_add_test(tests, a_call_takes_the_memory_that_was_foreseen);
  tcase_add_test(tests, a_step_takes_the_memory_that_was_foreseen);
}

int main(void) { return test_main("memory", add); }
