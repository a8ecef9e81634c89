/* test_holder.c - optionals, stacks, and ops that only a host can run. */
#include "world.h"

/* A trained variable. */
static ht_ref trained(world *w, float value, ht_variable **v) {
  ht_tensor t;
  OK(ht_scalar_float(value, &t));
  return ht_build_read(&w->b, ht_build_variable(&w->b, "v", &t, true, v));
}

static ht_status try_run(world *w, int n, ht_ref *ret, ht_tensor *out) {
  ht_plan *plan;
  OK(ht_builder_status(&w->b));
  ht_body body = {.graph = w->b.graph, .ret = ret, .n_rets = n};
  HT_TRY(ht_plan_new(&body, NULL, &plan));
  ht_run r = ht_run_make(NULL, &w->store, NULL);
  r.tape = w->tape;
  ht_status st = ht_plan_run(plan, &r, 0, NULL, n, out);
  if (st.code == HT_OK && out->trace)
    st = ht_tape_backward(w->tape, &r, 1, out, NULL);
  ht_plan_free(plan);
  return st;
}

static float gradient_of(world *w, const ht_variable *v) {
  ht_cotangent c;
  OK(ht_tape_gradient(w->tape, v, &c));
  OK(ht_cotangent_dense(NULL, &c, &v->shape));
  float g = ht_f(&c.dense)[0];
  ht_cotangent_drop(&c);
  return g;
}

/* Adds a control edge from a node to another. */
static void wait_for(world *w, ht_ref late, ht_ref early) {
  ht_node *n = &w->b.graph->node[late.node];
  const char **input =
      ht_alloc(&w->arena, (size_t)n->n_input + 1, sizeof *input);
  memcpy(input, n->input, (size_t)n->n_input * sizeof *input);
  input[n->n_input++] =
      ht_arena_printf(&w->arena, "^%s", w->b.graph->node[early.node].name);
  n->input = input;
  n->bound = false;
  n->n_in = n->n_control = 0;
}

#define GET "output_types=[float] output_shapes=[<>]"

START_TEST(an_optional_value_is_there_or_not) {
  world w;
  ht_variable *v;
  ht_tensor y[3] = {{0}};
  world_open(&w);
  ht_ref x = trained(&w, 3, &v);
  ht_ref full =
      ht_build(&w.b, "OptionalFromValue", NULL, 1, &x, "Toutput_types=[float]");
  ht_ref empty = ht_build(&w.b, "OptionalNone", NULL, 0, NULL, "");
  ht_ref got = ht_build_1(&w.b, "OptionalGetValue", full, GET);
  ht_ref ret[] = {ht_build_1(&w.b, "Square", got, ""),
                  ht_build_1(&w.b, "OptionalHasValue", full, ""),
                  ht_build_1(&w.b, "OptionalHasValue", empty, "")};
  OK(try_run(&w, 3, ret, y));
  ck_assert_float_eq(ht_f(&y[0])[0], 9);
  ck_assert(ht_bool(&y[1])[0] && !ht_bool(&y[2])[0]);
  ck_assert_float_eq(gradient_of(&w, v), 6);
  for (int i = 0; i < 3; i++) ht_tensor_drop(&y[i]);
  ht_ref nothing = ht_build_1(&w.b, "OptionalGetValue", empty, GET);
  FAILS(try_run(&w, 1, &nothing, y), HT_USAGE, "is not there");
  ht_ref other = ht_build_1(&w.b, "OptionalGetValue", full,
                            "output_types=[int32] output_shapes=[<>]");
  FAILS(try_run(&w, 1, &other, y), HT_USAGE, "holds 'float', wanted 'int32'");
  world_close(&w);
}
END_TEST

/* Pushes x and then its square; what is popped is multiplied by 2. The input
 * of a pop is the handle alone, so a control edge puts it last. */
START_TEST(a_stack_gives_back_the_last) {
  world w;
  ht_variable *v;
  ht_tensor y;
  world_open(&w);
  ht_ref x = trained(&w, 3, &v),
         two = ht_build_int32s(&w.b, -1, (int32_t[]){2});
  ht_ref stack = ht_build_1(&w.b, "StackV2", two, "elem_type=float");
  ht_ref first = ht_build_2(&w.b, "StackPushV2", stack, x, "");
  ht_ref square = ht_build_1(&w.b, "Square", first, "");
  ht_ref second = ht_build_2(&w.b, "StackPushV2", stack, square, "");
  ht_ref pop = ht_build_1(&w.b, "StackPopV2", stack, "elem_type=float");
  wait_for(&w, pop, second);
  ht_ref ret = ht_build_2(&w.b, "AddV2", pop, pop, "");
  OK(try_run(&w, 1, &ret, &y));
  ck_assert_float_eq(ht_f(&y)[0], 18);
  ck_assert_float_eq(gradient_of(&w, v), 12);
  ht_tensor_drop(&y);
  ht_ref fresh = ht_build_1(&w.b, "StackV2", two, "elem_type=float");
  ret = ht_build_1(&w.b, "StackPopV2", fresh, "elem_type=float");
  FAILS(try_run(&w, 1, &ret, &y), HT_USAGE, "a stack is empty");
  world_close(&w);
}
END_TEST

START_TEST(a_graph_that_needs_its_host_is_refused) {
  world w;
  ht_tensor y, fed;
  ht_plan *plan;
  ht_missing *missing;
  int n;
  world_open(&w);
  ht_ref it = ht_build(&w.b, "IteratorV2", "it", 0, NULL,
                       "shared_name='' container='' output_types=[float,float]"
                       " output_shapes=[<>,<>]");
  ht_ref next = ht_build(&w.b, "IteratorGetNext", "next", 1, &it,
                         "output_types=[float,float] output_shapes=[<>,<>]");
  ht_ref second = {next.node, 1}, ret = ht_build_1(&w.b, "Square", second, "");
  FAILS(try_run(&w, 1, &ret, &y), HT_UNSUPPORTED,
        "op 'IteratorV2' is not supported (node 'it')");
  ht_body body = {.graph = w.b.graph, .ret = &ret, .n_rets = 1};
  OK(ht_plan_missing(&body, false, &w.arena, &missing, &n));
  ck_assert_int_eq(n, 2);
  body.arg = &second;
  body.n_args = 1;
  OK(ht_plan_new(&body, NULL, &plan));
  ht_run r = ht_run_make(NULL, &w.store, NULL);
  OK(ht_scalar_float(4, &fed));
  const ht_tensor *in[] = {&fed};
  OK(ht_plan_run(plan, &r, 1, in, 1, &y));
  ck_assert_float_eq(ht_f(&y)[0], 16);
  ht_tensor_drop(&fed);
  ht_tensor_drop(&y);
  ht_plan_free(plan);
  world_close(&w);
}
END_TEST

static void add(TCase *tests) {
  tcase_add_test(tests, an_optional_value_is_there_or_not);
  tcase_add_test(tests, a_stack_gives_back_the_last);
  tcase_add_test(tests, a_graph_that_needs_its_host_is_refused);
}

int main(void) { return test_main("holder", add); }
