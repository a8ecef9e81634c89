/* test_raise.c - loops of version 1 that are not as TensorFlow writes them. */
#include "graph/builder.h"
#include "graph/plan.h"
#include "graph/raise.h"
#include "ops/attr_text.h"
#include "test.h"

typedef struct world {
  ht_arena arena;
  ht_library library;
  ht_store store;
  ht_graph *g;
} world;

static void world_open(world *w) {
  *w = (world){0};
  w->library.arena = &w->arena;
  w->library.by_name.arena = w->library.gradients.arena = &w->arena;
  ht_store_init(&w->store);
  OK(ht_graph_new(&w->arena, &w->library, NULL, &w->g));
}

static void world_close(world *w) {
  ht_store_free(&w->store);
  ht_arena_free(&w->arena);
}

static int node(world *w, const char *name, const char *op, const char *inputs,
                const char *attrs) {
  ht_node n = {.name = ht_arena_string(&w->arena, name), .op_name = op};
  char *text = ht_arena_string(&w->arena, inputs), *save = NULL;
  int index;
  n.input = ht_alloc(&w->arena, 16, sizeof *n.input);
  for (char *p = strtok_r(text, " ", &save); p; p = strtok_r(NULL, " ", &save))
    n.input[n.n_input++] = p;
  OK(ht_attrs_parse(attrs, &w->arena, &n.attrs));
  OK(ht_graph_add(w->g, &n, &index));
  return index;
}

#define ENTER "T=float frame_name='f'"

/* x doubled while it is below `limit`, both fed: a loop as it should be. */
static void add_loop(world *w) {
  node(w, "x", "Placeholder", "", "dtype=float shape=<>");
  node(w, "limit", "Placeholder", "", "dtype=float shape=<>");
  node(w, "enter", "Enter", "x", ENTER);
  node(w, "most", "Enter", "limit", ENTER " is_constant=true");
  node(w, "merge", "Merge", "enter next", "T=float N=2");
  node(w, "less", "Less", "merge most", "T=float");
  node(w, "cond", "LoopCond", "less", "");
  node(w, "switch", "Switch", "merge cond", "T=float");
  node(w, "twice", "AddV2", "switch:1 switch:1", "T=float");
  node(w, "next", "NextIteration", "twice", "T=float");
  node(w, "exit", "Exit", "switch", "T=float");
}

static ht_status try_run(world *w, const char *fetch, float x, float limit,
                         float *y) {
  ht_ref arg[2], ret;
  ht_tensor in[2], out;
  const ht_tensor *at[] = {&in[0], &in[1]};
  ht_plan *plan;
  OK(ht_graph_ref(w->g, "x", &arg[0]));
  OK(ht_graph_ref(w->g, "limit", &arg[1]));
  OK(ht_graph_ref(w->g, fetch, &ret));
  ht_body body = {
      .graph = w->g, .arg = arg, .n_args = 2, .ret = &ret, .n_rets = 1};
  HT_TRY(ht_plan_new(&body, NULL, &plan));
  OK(ht_scalar_float(x, &in[0]));
  OK(ht_scalar_float(limit, &in[1]));
  ht_run r = ht_run_make(NULL, &w->store, NULL);
  r.max_turns = 100;
  ht_status st = ht_plan_run(plan, &r, 2, at, 1, &out);
  if (st.code == HT_OK) *y = ht_f(&out)[0];
  if (st.code == HT_OK) ht_tensor_drop(&out);
  ht_tensor_drop(&in[0]);
  ht_tensor_drop(&in[1]);
  ht_plan_free(plan);
  return st;
}

START_TEST(a_loop_leaves_the_graph_as_it_was_read) {
  world w;
  float y;
  ht_graph *raised;
  world_open(&w);
  add_loop(&w);
  int n = w.g->n_nodes;
  OK(try_run(&w, "exit", 3, 20, &y));
  ck_assert_float_eq(y, 24);
  ck_assert_int_eq(w.g->n_nodes, n);
  ck_assert_str_eq(w.g->node[ht_graph_find(w.g, "exit")].op_name, "Exit");
  OK(ht_graph_raise(w.g, &raised));
  ck_assert_int_eq(raised->n_nodes, n + 3); /* While, 0 and -1 */
  world_close(&w);
}
END_TEST

START_TEST(a_loop_without_end_is_stopped) {
  world w;
  float y;
  world_open(&w);
  add_loop(&w);
  FAILS(try_run(&w, "exit", 0, 1, &y), HT_USAGE, "more than 100 times");
  world_close(&w);
}
END_TEST

START_TEST(what_is_inside_a_loop_cannot_be_fetched) {
  world w;
  float y;
  world_open(&w);
  add_loop(&w);
  FAILS(try_run(&w, "twice", 3, 20, &y), HT_UNSUPPORTED, "cycle");
  world_close(&w);
}
END_TEST

START_TEST(a_loop_that_never_comes_back_is_refused) {
  world w;
  float y;
  world_open(&w);
  node(&w, "x", "Placeholder", "", "dtype=float shape=<>");
  node(&w, "limit", "Placeholder", "", "dtype=float shape=<>");
  node(&w, "enter", "Enter", "x", ENTER);
  node(&w, "merge", "Merge", "enter enter", "T=float N=2");
  node(&w, "less", "Less", "merge limit", "T=float");
  node(&w, "cond", "LoopCond", "less", "");
  node(&w, "switch", "Switch", "merge cond", "T=float");
  node(&w, "exit", "Exit", "switch", "T=float");
  FAILS(try_run(&w, "exit", 3, 20, &y), HT_CORRUPT, "stands in no loop");
  world_close(&w);
}
END_TEST

START_TEST(two_loops_that_wait_for_each_other_are_refused) {
  world w;
  float y;
  world_open(&w);
  node(&w, "x", "Placeholder", "", "dtype=float shape=<>");
  node(&w, "limit", "Placeholder", "", "dtype=float shape=<>");
  for (int k = 0; k < 2; k++) {
    const char *own = k ? "b" : "a", *other = k ? "a" : "b";
    char name[8][16], in[8][40];
    static const char *const part[] = {"enter",  "merge", "less", "cond",
                                       "switch", "sum",   "next", "exit"};
    static const char *const op[] = {"Enter",         "Merge",  "Less",
                                     "LoopCond",      "Switch", "AddV2",
                                     "NextIteration", "Exit"};
    for (int i = 0; i < 8; i++) snprintf(name[i], 16, "%s_%s", own, part[i]);
    snprintf(in[0], 40, "x");
    snprintf(in[1], 40, "%s_enter %s_next", own, own);
    snprintf(in[2], 40, "%s_merge limit", own);
    snprintf(in[3], 40, "%s_less", own);
    snprintf(in[4], 40, "%s_merge %s_cond", own, own);
    snprintf(in[5], 40, "%s_switch:1 %s_exit", own, other);
    snprintf(in[6], 40, "%s_sum", own);
    snprintf(in[7], 40, "%s_switch", own);
    for (int i = 0; i < 8; i++)
      node(&w, name[i], op[i], in[i],
           i == 0   ? ENTER
           : i == 1 ? "T=float N=2"
           : i == 3 ? ""
                    : "T=float");
  }
  FAILS(try_run(&w, "a_exit", 3, 20, &y), HT_UNSUPPORTED, "cycle");
  world_close(&w);
}
END_TEST

/* Every loop's condition reads one long chain: walking it for each would take
 * as many visits as loops times nodes. */
START_TEST(a_part_shared_by_many_loops_is_not_copied_for_each) {
  enum { LOOPS = 2000, CHAIN = 20000 };
  world w;
  char name[32], from[64];
  ht_graph *raised;
  world_open(&w);
  node(&w, "c0", "Placeholder", "", "dtype=float shape=<>");
  for (int i = 1; i < CHAIN; i++) {
    snprintf(name, sizeof name, "c%d", i);
    snprintf(from, sizeof from, "c%d", i - 1);
    node(&w, name, "Neg", from, "T=float");
  }
  snprintf(from, sizeof from, "c%d c%d", CHAIN - 1, CHAIN - 1);
  node(&w, "less", "Less", from, "T=float");
  node(&w, "enter", "Enter", "c0", ENTER);
  for (int i = 0; i < LOOPS; i++) {
    static const char *const op[] = {"Merge", "LoopCond", "Switch",
                                     "NextIteration"};
    for (int k = 0; k < 4; k++) {
      snprintf(name, sizeof name, "%s%d", op[k], i);
      if (k == 0) snprintf(from, sizeof from, "enter NextIteration%d", i);
      if (k == 1) snprintf(from, sizeof from, "less");
      if (k == 2) snprintf(from, sizeof from, "Merge%d LoopCond%d", i, i);
      if (k == 3) snprintf(from, sizeof from, "Switch%d:1", i);
      node(&w, name, op[k], from,
           k == 0   ? "T=float N=2"
           : k == 1 ? ""
                    : "T=float");
    }
  }
  OK(ht_graph_raise(w.g, &raised));
  ck_assert_int_lt(raised->n_nodes - w.g->n_nodes, 30);
  world_close(&w);
}
END_TEST

/* As TensorFlow writes `cond(x < limit, lambda: (x + x, x), lambda: (limit,
 * x * x))`, and a
 * constant of each branch, which waits for it. */
static void add_conditional(world *w) {
  node(w, "x", "Placeholder", "", "dtype=float shape=<>");
  node(w, "limit", "Placeholder", "", "dtype=float shape=<>");
  node(w, "less", "Less", "x limit", "T=float");
  node(w, "pivot", "Switch", "less less", "T=bool");
  node(w, "t", "Identity", "pivot:1", "T=bool");
  node(w, "f", "Identity", "pivot:0", "T=bool");
  node(w, "gate", "Identity", "less", "T=bool");
  node(w, "sx", "Switch", "x gate", "T=float");
  node(w, "sl", "Switch", "limit gate", "T=float");
  node(w, "twice", "AddV2", "sx:1 sx:1", "T=float");
  node(w, "square", "Mul", "sx:0 sx:0", "T=float");
  node(w, "first", "Merge", "sl twice", "T=float N=2");
  node(w, "second", "Merge", "square sx:1", "T=float N=2");
  ht_builder b = {.graph = w->g};
  ht_ref one = ht_build_float(&b, 1), two = ht_build_float(&b, 2);
  OK(ht_builder_status(&b));
  static const char *const waits[] = {"^f", "^t"};
  const int constant[] = {one.node, two.node};
  for (int i = 0; i < 2; i++) {
    ht_node *n = &w->g->node[constant[i]];
    n->input = ht_alloc(&w->arena, 1, sizeof *n->input);
    n->input[n->n_input++] = waits[i];
    n->bound = false;
  }
  char inputs[64];
  snprintf(inputs, sizeof inputs, "%s %s", w->g->node[one.node].name,
           w->g->node[two.node].name);
  node(w, "third", "Merge", inputs, "T=float N=2");
  node(w, "sum", "AddV2", "first second", "T=float");
  node(w, "all", "AddV2", "sum third", "T=float");
}

START_TEST(a_constant_of_a_branch_is_alive_where_its_branch_is) {
  world w;
  float y;
  world_open(&w);
  add_conditional(&w);
  OK(try_run(&w, "third", 3, 4, &y));
  ck_assert_float_eq(y, 2);
  OK(try_run(&w, "third", 5, 4, &y));
  ck_assert_float_eq(y, 1);
  world_close(&w);
}
END_TEST

START_TEST(a_conditional_becomes_one_if_with_the_same_values) {
  world w;
  float y[2];
  ht_graph *raised;
  world_open(&w);
  add_conditional(&w);
  int n = w.g->n_nodes;
  OK(try_run(&w, "all", 3, 4, &y[0]));
  OK(try_run(&w, "all", 5, 4, &y[1]));
  ck_assert_float_eq(y[0], 6 + 3 + 2);
  ck_assert_float_eq(y[1], 4 + 25 + 1);
  OK(ht_graph_raise_all(w.g, &raised));
  ck_assert_int_eq(raised->n_nodes, n + 1);
  for (int i = 0; i < n; i++)
    ck_assert_str_ne(raised->node[i].op_name, "Merge");
  w.g = raised;
  for (int i = 0; i < 2; i++) {
    float z;
    OK(try_run(&w, "all", i ? 5 : 3, 4, &z));
    ck_assert_float_eq(z, y[i]);
  }
  world_close(&w);
}
END_TEST

START_TEST(a_merge_of_two_conditions_stays) {
  world w;
  float y;
  ht_graph *raised;
  world_open(&w);
  add_conditional(&w);
  node(&w, "more", "Less", "limit x", "T=float");
  node(&w, "sm", "Switch", "x more", "T=float");
  node(&w, "odd", "Merge", "sx:1 sm:1", "T=float N=2");
  OK(ht_graph_raise_all(w.g, &raised));
  ck_assert_str_eq(raised->node[ht_graph_find(raised, "odd")].op_name, "Merge");
  w.g = raised;
  OK(try_run(&w, "odd", 3, 4, &y));
  ck_assert_float_eq(y, 3);
  world_close(&w);
}
END_TEST

static void add(TCase *tests) {
  tcase_add_test(tests, a_constant_of_a_branch_is_alive_where_its_branch_is);
  tcase_add_test(tests, a_conditional_becomes_one_if_with_the_same_values);
  tcase_add_test(tests, a_merge_of_two_conditions_stays);
  tcase_add_test(tests, a_loop_leaves_the_graph_as_it_was_read);
  tcase_add_test(tests, a_loop_without_end_is_stopped);
  tcase_add_test(tests, what_is_inside_a_loop_cannot_be_fetched);
  tcase_add_test(tests, a_loop_that_never_comes_back_is_refused);
  tcase_add_test(tests, two_loops_that_wait_for_each_other_are_refused);
  tcase_add_test(tests, a_part_shared_by_many_loops_is_not_copied_for_each);
}

int main(void) { return test_main("raise", add); }
