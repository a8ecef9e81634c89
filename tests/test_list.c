/* test_list.c - TensorLists, state and effects: what no single raw op call
 * can show. */
#include "world.h"

static ht_tensor matrix(int rows, int cols, const float *v) {
  ht_tensor t;
  ht_shape s = ht_shape_2(rows, cols);
  OK(ht_tensor_new(NULL, HT_FLOAT, &s, &t));
  memcpy(t.data, v, ht_tensor_bytes(&t));
  return t;
}

/* A trained variable of [rows, cols] with values 1, 2, 3, ... */
static ht_ref counted(world *w, int rows, int cols, ht_variable **v) {
  float values[64];
  for (int i = 0; i < rows * cols; i++) values[i] = (float)(i + 1);
  ht_tensor t = matrix(rows, cols, values);
  return ht_build_read(&w->b, ht_build_variable(&w->b, "v", &t, true, v));
}

/* Runs `ret`, then walks back from it with cotangents 1, 2, 3, ... */
static void run(world *w, ht_ref ret, int n_targets, const int *target,
                ht_tensor *out, bool training) {
  ht_plan *plan;
  ht_tensor dy = {0};
  OK(ht_builder_status(&w->b));
  ht_body body = {.graph = w->b.graph,
                  .ret = &ret,
                  .n_rets = 1,
                  .target = (int *)target,
                  .n_targets = n_targets};
  OK(ht_plan_new(&body, NULL, &plan));
  ht_run r = ht_run_make(NULL, &w->store, NULL);
  r.tape = w->tape;
  r.training = training;
  OK(ht_plan_run(plan, &r, 0, NULL, 1, out));
  if (out->trace) {
    OK(ht_tensor_new(NULL, HT_FLOAT, &out->shape, &dy));
    for (int64_t i = 0; i < ht_count(&dy); i++) ht_f(&dy)[i] = (float)(i + 1);
    OK(ht_tape_backward(w->tape, &r, 1, out, &dy));
    ht_tensor_drop(&dy);
  }
  ht_plan_free(plan);
}

static void same(const ht_tensor *t, int n, const float *wanted) {
  ck_assert_int_eq(ht_count(t), n);
  for (int i = 0; i < n; i++) ck_assert_float_eq(ht_f(t)[i], wanted[i]);
}

static void gradient_is(world *w, const ht_variable *v, int n,
                        const float *wanted) {
  ht_cotangent c;
  OK(ht_tape_gradient(w->tape, v, &c));
  OK(ht_cotangent_dense(NULL, &c, &v->shape));
  same(&c.dense, n, wanted);
  ht_cotangent_drop(&c);
}

static ht_ref ints(world *w, int n, int a, int b) {
  int32_t v[] = {a, b};
  return ht_build_int32s(&w->b, n, v);
}

/* Rows of v put into a list, row 1 replaced by row 0 + row 0, the list
 * gathered at 2, 1 and joined with zeros that were never set. */
START_TEST(lists_hold_what_was_put_in) {
  world w;
  ht_variable *v;
  ht_tensor y;
  world_open(&w);
  ht_builder *b = &w.b;
  ht_ref shape = ints(&w, 1, 2, 0);
  ht_ref list = ht_build_2(b, "TensorListFromTensor", counted(&w, 3, 2, &v),
                           shape, "element_dtype=float");
  ht_ref get[] = {list, ints(&w, -1, 0, 0), shape};
  ht_ref item =
      ht_build(b, "TensorListGetItem", NULL, 3, get, "element_dtype=float");
  ht_ref twice = ht_build_2(b, "AddV2", item, item, "");
  ht_ref set[] = {list, ints(&w, -1, 1, 0), twice};
  ht_ref changed = ht_build(b, "TensorListSetItem", NULL, 3, set, "");
  ht_ref longer =
      ht_build_2(b, "TensorListResize", changed, ints(&w, -1, 4, 0), "");
  ht_ref take[] = {longer, ht_build_int32s(b, 3, (int32_t[]){2, 1, 3}), shape};
  ht_ref gathered =
      ht_build(b, "TensorListGather", NULL, 3, take, "element_dtype=float");
  run(&w, gathered, 0, NULL, &y, false);
  same(&y, 6, (float[]){5, 6, 2, 4, 0, 0});
  gradient_is(&w, v, 6, (float[]){6, 8, 0, 0, 1, 2});
  ht_tensor_drop(&y);
  world_close(&w);
}
END_TEST

START_TEST(lists_are_split_and_joined_with_their_gradients) {
  world w;
  ht_variable *v;
  ht_tensor y, lengths;
  world_open(&w);
  ht_builder *b = &w.b;
  ht_shape two = ht_shape_1(2);
  OK(ht_tensor_new(NULL, HT_INT64, &two, &lengths));
  memcpy(lengths.data, (int64_t[]){1, 2}, 16);
  ht_ref shape = ints(&w, 2, -1, 2);
  ht_ref split[] = {counted(&w, 3, 2, &v), shape,
                    ht_build_const(b, "lengths", &lengths)};
  ht_tensor_drop(&lengths);
  ht_ref list = ht_build(b, "TensorListSplit", NULL, 3, split, "");
  ht_ref popped =
      ht_build_2(b, "TensorListPopBack", list, shape, "element_dtype=float");
  ht_ref last = {popped.node, 1};
  ht_ref pushed = ht_build_2(
      b, "TensorListPushBack",
      ht_build_2(b, "TensorListPushBack", popped, last, ""), last, "");
  ht_tensor none;
  ht_shape empty = ht_shape_1(0);
  OK(ht_tensor_zeros(NULL, HT_INT64, &empty, &none));
  ht_ref join[] = {pushed, shape, ht_build_const(b, "none", &none)};
  ht_tensor_drop(&none);
  ht_ref joined =
      ht_build(b, "TensorListConcatV2", NULL, 3, join, "element_dtype=float");
  run(&w, joined, 0, NULL, &y, false);
  same(&y, 10, (float[]){1, 2, 3, 4, 5, 6, 3, 4, 5, 6});
  gradient_is(&w, v, 6, (float[]){1, 2, 10, 12, 14, 16});
  ht_tensor_drop(&y);
  world_close(&w);
}
END_TEST

START_TEST(a_list_refuses_what_it_cannot_hold) {
  world w;
  ht_variable *v;
  ht_plan *plan;
  ht_tensor y;
  world_open(&w);
  ht_builder *b = &w.b;
  ht_ref list = ht_build_2(b, "TensorListReserve", ints(&w, 1, 2, 0),
                           ints(&w, -1, 3, 0), "element_dtype=float");
  ht_ref set[] = {list, ints(&w, -1, 0, 0), counted(&w, 3, 2, &v)};
  ht_ref bad = ht_build(b, "TensorListSetItem", NULL, 3, set, "");
  OK(ht_builder_status(b));
  ht_body body = {.graph = b->graph, .ret = &bad, .n_rets = 1};
  OK(ht_plan_new(&body, NULL, &plan));
  ht_run r = ht_run_make(NULL, &w.store, NULL);
  FAILS(ht_plan_run(plan, &r, 0, NULL, 1, &y), HT_USAGE,
        "a list of float [2] cannot hold float [3,2]");
  ht_plan_free(plan);
  world_close(&w);
}
END_TEST

/* ---- state */

/* Adds a control edge from a node to another. */
static void wait_for(world *w, ht_ref late, int early) {
  ht_node *n = &w->b.graph->node[late.node];
  const char **input =
      ht_alloc(&w->arena, (size_t)n->n_input + 1, sizeof *input);
  memcpy(input, n->input, (size_t)n->n_input * sizeof *input);
  input[n->n_input++] =
      ht_arena_printf(&w->arena, "^%s", w->b.graph->node[early].name);
  n->input = input;
  n->bound = false;
  n->n_in = n->n_control = 0;
}

START_TEST(control_edges_order_effects) {
  world w;
  ht_variable *v;
  ht_tensor y, one = matrix(1, 1, (float[]){1});
  world_open(&w);
  ht_builder *b = &w.b;
  ht_ref handle = ht_build_variable(b, "x", &one, false, &v);
  ht_ref add =
      ht_build_2(b, "AssignAddVariableOp", handle, ht_build_float(b, 5), "");
  ht_ref barrier = ht_build(b, "NoOp", NULL, 0, NULL, "");
  ht_ref trigger = ht_build(b, "ControlTrigger", NULL, 0, NULL, "");
  ht_ref read = ht_build_read(b, handle);
  OK(ht_builder_status(b));
  wait_for(&w, barrier, add.node);
  wait_for(&w, trigger, barrier.node);
  wait_for(&w, read, trigger.node);
  run(&w, read, 0, NULL, &y, false);
  same(&y, 1, (float[]){6});
  ht_tensor_drop(&y);
  world_close(&w);
}
END_TEST

START_TEST(variables_are_read_and_assigned) {
  world w;
  ht_variable *v;
  ht_tensor y, start = matrix(2, 1, (float[]){1, 2});
  world_open(&w);
  ht_builder *b = &w.b;
  ht_ref handle = ht_build_variable(b, "x", &start, false, &v);
  ht_ref sub =
      ht_build_2(b, "AssignSubVariableOp", handle, ht_build_float(b, 3), "");
  ht_ref read = ht_build_read(b, handle);
  OK(ht_builder_status(b));
  wait_for(&w, read, sub.node);
  run(&w, read, 0, NULL, &y, true); /* staged until the step is committed */
  same(&y, 2, (float[]){-2, -1});
  same(&v->value, 2, (float[]){1, 2});
  ht_store_rollback(&w.store);
  same(&v->value, 2, (float[]){1, 2});
  ht_tensor_drop(&y);
  run(&w, read, 0, NULL, &y, true);
  ht_store_commit(&w.store);
  same(&v->value, 2, (float[]){-2, -1});
  ht_tensor_drop(&y);
  world_close(&w);
}
END_TEST

/* One op on slices of a variable of [[1, 2], [3, 4]], its updates -9 and 9. */
static void assign_slices(const char *op, bool resource, bool rows,
                          const float *wanted) {
  world w;
  ht_variable *v;
  ht_tensor y, start = matrix(2, 2, (float[]){1, 2, 3, 4}), id, update;
  ht_shape ids = rows ? ht_shape_1(1) : ht_shape_2(2, 2);
  ht_shape of = rows ? ht_shape_2(1, 2) : ht_shape_1(2);
  world_open(&w);
  ht_builder *b = &w.b;
  OK(ht_tensor_new(NULL, HT_INT32, &ids, &id));
  OK(ht_tensor_new(NULL, HT_FLOAT, &of, &update));
  memcpy(id.data, (int32_t[]){0, 1, 1, 0}, ht_tensor_bytes(&id));
  memcpy(update.data, (float[]){-9, 9}, ht_tensor_bytes(&update));
  ht_ref in[] = {ht_build_variable(b, "x", &start, false, &v),
                 ht_build_const(b, "ids", &id),
                 ht_build_const(b, "updates", &update)};
  ht_ref set = ht_build(b, op, NULL, 3, in, resource ? "" : "T=float");
  ht_ref read = ht_build_read(b, in[0]);
  OK(ht_builder_status(b));
  wait_for(&w, read, set.node);
  run(&w, read, 0, NULL, &y, false);
  same(&y, 4, wanted);
  ht_tensor_drop(&y);
  ht_tensor_drop(&id);
  ht_tensor_drop(&update);
  world_close(&w);
}

/* The same on a reference, which comes out again. */
static void assign_by_reference(const char *op, bool rows,
                                const float *wanted) {
  world w;
  ht_variable *v;
  ht_tensor y, start = matrix(2, 1, (float[]){1, 2}), update;
  ht_shape one = rows ? ht_shape_2(1, 1) : ht_shape_1(1);
  world_open(&w);
  ht_builder *b = &w.b;
  OK(ht_store_add_variable(&w.store, "ref", "ref", HT_FLOAT, &start.shape, &v));
  OK(ht_variable_assign(v, &start, false));
  OK(ht_tensor_new(NULL, HT_FLOAT, &one, &update));
  ht_f(&update)[0] = 9;
  ht_ref in[] = {
      ht_build(b, "VariableV2", "ref", 0, NULL, "dtype=float shape=<2,1>"),
      ht_build_int32s(b, 2, (int32_t[]){1, 0}),
      ht_build_const(b, "updates", &update)};
  ht_ref two[] = {in[1], ht_build_int32s(b, 2, (int32_t[]){1, 2})};
  in[1] = rows ? ht_build_int32s(b, 1, (int32_t[]){1})
               : ht_build(b, "Reshape", NULL, 2, two, "");
  ht_ref set = ht_build(b, op, NULL, 3, in, "");
  run(&w, ht_build_1(b, "Identity", set, ""), 0, NULL, &y, false);
  same(&y, 2, wanted);
  ht_tensor_drop(&y);
  ht_tensor_drop(&update);
  world_close(&w);
}

START_TEST(slices_of_a_variable_are_assigned) {
  assign_by_reference("ScatterNdUpdate", false, (float[]){1, 9});
  assign_by_reference("ScatterNdAdd", false, (float[]){1, 11});
  assign_by_reference("ScatterNdSub", false, (float[]){1, -7});
  assign_slices("ResourceScatterNdUpdate", true, false, (float[]){1, -9, 9, 4});
  assign_slices("ResourceScatterNdAdd", true, false, (float[]){1, -7, 12, 4});
  assign_slices("ResourceScatterNdSub", true, false, (float[]){1, 11, -6, 4});
  assign_slices("ResourceScatterNdMax", true, false, (float[]){1, 2, 9, 4});
  assign_slices("ResourceScatterNdMin", true, false, (float[]){1, -9, 3, 4});
  assign_slices("ResourceScatterMax", true, true, (float[]){1, 9, 3, 4});
  assign_slices("ResourceScatterMin", true, true, (float[]){-9, 2, 3, 4});
  assign_slices("ResourceScatterMul", true, true, (float[]){-9, 18, 3, 4});
  assign_slices("ResourceScatterDiv", true, true,
                (float[]){1.0f / -9, 2.0f / 9, 3, 4});
  assign_by_reference("ScatterMax", true, (float[]){1, 9});
  assign_by_reference("ScatterMin", true, (float[]){1, 2});
  assign_by_reference("ScatterMul", true, (float[]){1, 18});
  assign_by_reference("ScatterDiv", true, (float[]){1, 2.0f / 9});
}
END_TEST

/* Rows 0, 2 and 2 of [[1,2],[3,4],[5,6]], all with one number. */
static void assign_one_number(const char *op, const float *wanted) {
  world w;
  ht_variable *v;
  ht_tensor y, start = matrix(3, 2, (float[]){1, 2, 3, 4, 5, 6}), two;
  world_open(&w);
  ht_builder *b = &w.b;
  OK(ht_scalar_float(2, &two));
  ht_ref in[] = {ht_build_variable(b, "x", &start, false, &v),
                 ht_build_int32s(b, 3, (int32_t[]){0, 2, 2}),
                 ht_build_const(b, "two", &two)};
  ht_ref set = ht_build(b, op, NULL, 3, in, "");
  ht_ref read = ht_build_read(b, in[0]);
  OK(ht_builder_status(b));
  wait_for(&w, read, set.node);
  run(&w, read, 0, NULL, &y, false);
  same(&y, 6, wanted);
  ht_tensor_drop(&y);
  ht_tensor_drop(&two);
  world_close(&w);
}

START_TEST(one_number_updates_all_rows) {
  assign_one_number("ResourceScatterUpdate", (float[]){2, 2, 3, 4, 2, 2});
  assign_one_number("ResourceScatterAdd", (float[]){3, 4, 3, 4, 9, 10});
  assign_one_number("ResourceScatterSub", (float[]){-1, 0, 3, 4, 1, 2});
  assign_one_number("ResourceScatterMul", (float[]){2, 4, 3, 4, 20, 24});
  assign_one_number("ResourceScatterDiv", (float[]){0.5, 1, 3, 4, 1.25, 1.5});
  assign_one_number("ResourceScatterMin", (float[]){1, 2, 3, 4, 2, 2});
  assign_one_number("ResourceScatterMax", (float[]){2, 2, 3, 4, 5, 6});
}
END_TEST

/* A row of integers [-2147483648, 6] over a number. */
static void divide(int row, int by, const char *why, int wanted) {
  world w;
  ht_variable *v;
  ht_tensor y, start;
  ht_shape two = ht_shape_1(2);
  world_open(&w);
  ht_builder *b = &w.b;
  OK(ht_tensor_new(NULL, HT_INT32, &two, &start));
  memcpy(start.data, (int32_t[]){INT32_MIN, 6}, ht_tensor_bytes(&start));
  ht_ref in[] = {ht_build_variable(b, "x", &start, false, &v),
                 ht_build_int32s(b, 1, (int32_t[]){row}),
                 ht_build_int32s(b, 1, (int32_t[]){by})};
  ht_ref set = ht_build(b, "ResourceScatterDiv", NULL, 3, in, "");
  ht_ref read = ht_build_read(b, in[0]);
  OK(ht_builder_status(b));
  wait_for(&w, read, set.node);
  if (why) {
    ht_plan *plan;
    ht_run r = ht_run_make(NULL, &w.store, NULL);
    ht_body body = {.graph = b->graph, .ret = &read, .n_rets = 1};
    OK(ht_plan_new(&body, NULL, &plan));
    FAILS(ht_plan_run(plan, &r, 0, NULL, 1, &y), HT_USAGE, why);
    ht_plan_free(plan);
  } else {
    run(&w, read, 0, NULL, &y, false);
    ck_assert_int_eq(ht_i32(&y)[row], wanted);
    ht_tensor_drop(&y);
  }
  world_close(&w);
}

START_TEST(no_division_of_integers_ends_the_program) {
  divide(1, 0, "division of integers by zero", 0);
  divide(1, -2, NULL, -3);
  divide(0, -1, NULL, INT32_MIN);
}
END_TEST

/* Row 0 of [[1, 2], [3, 4]] becomes [7, 8]; then places are read. */
START_TEST(parts_of_a_variable_are_read_and_assigned) {
  world w;
  ht_variable *v;
  ht_tensor y, start = matrix(2, 2, (float[]){1, 2, 3, 4});
  ht_tensor row = matrix(1, 2, (float[]){7, 8});
  world_open(&w);
  ht_builder *b = &w.b;
  ht_ref zeros = ht_build_int32s(b, 2, (int32_t[]){0, 0});
  ht_ref in[] = {ht_build_variable(b, "x", &start, false, &v), zeros,
                 ht_build_int32s(b, 2, (int32_t[]){1, 0}),
                 ht_build_int32s(b, 2, (int32_t[]){1, 1}),
                 ht_build_const(b, "row", &row)};
  ht_ref set =
      ht_build(b, "ResourceStridedSliceAssign", NULL, 5, in, "end_mask=2");
  ht_ref at[] = {ht_build_int32s(b, 4, (int32_t[]){0, 1, 1, 0}),
                 ht_build_int32s(b, 2, (int32_t[]){2, 2})};
  ht_ref places = ht_build(b, "Reshape", NULL, 2, at, "");
  ht_ref read = ht_build_2(b, "ResourceGatherNd", in[0], places, "dtype=float");
  OK(ht_builder_status(b));
  wait_for(&w, read, set.node);
  run(&w, read, 0, NULL, &y, false);
  same(&y, 2, (float[]){8, 3});
  same(&v->value, 4, (float[]){7, 8, 3, 4});
  ht_tensor_drop(&y);
  ht_tensor_drop(&row);
  world_close(&w);
}
END_TEST

/* A v1 reference: Identity takes what it is before the assignment that waits
 * for it, a read after the assignment what it is then. */
START_TEST(references_are_read_where_they_are_used) {
  world w;
  ht_variable *v;
  ht_tensor y, start = matrix(1, 1, (float[]){4});
  world_open(&w);
  ht_builder *b = &w.b;
  OK(ht_store_add_variable(&w.store, "ref", "ref", HT_FLOAT, &start.shape, &v));
  OK(ht_variable_assign(v, &start, false));
  ht_ref ref =
      ht_build(b, "VariableV2", "ref", 0, NULL, "dtype=float shape=<1,1>");
  ht_ref before = ht_build_1(b, "Identity", ref, "");
  ht_ref assign = ht_build_2(b, "AssignAdd", ref, ht_build_float(b, 1), "");
  ht_ref after = ht_build_1(b, "Identity", ref, "");
  ht_ref sum = ht_build_2(b, "Sub", after, before, "");
  OK(ht_builder_status(b));
  wait_for(&w, assign, before.node);
  wait_for(&w, after, assign.node);
  run(&w, sum, 0, NULL, &y, false);
  same(&y, 1, (float[]){1});
  same(&v->value, 1, (float[]){5});
  ht_tensor_drop(&y);
  world_close(&w);
}
END_TEST

START_TEST(references_pass_through) {
  world w;
  ht_variable *v;
  ht_tensor y, start = matrix(1, 1, (float[]){4});
  world_open(&w);
  ht_builder *b = &w.b;
  OK(ht_store_add_variable(&w.store, "ref", "ref", HT_FLOAT, &start.shape, &v));
  OK(ht_variable_assign(v, &start, false));
  ht_ref ref =
      ht_build(b, "VariableV2", "ref", 0, NULL, "dtype=float shape=<1,1>");
  ht_ref same_ref = ht_build_1(b, "RefIdentity", ref, "");
  ht_ref assigned = ht_build_2(b, "Assign", same_ref, ht_build_float(b, 9), "");
  (void)assigned;
  OK(ht_builder_status(b));
  ht_ref read = ht_build_1(b, "Identity", same_ref, "");
  run(&w, read, 0, NULL, &y, false);
  same(&y, 1, (float[]){4});
  ht_tensor_drop(&y);
  world_close(&w);
}
END_TEST

START_TEST(a_constant_is_its_value) {
  world w;
  ht_tensor y, seven;
  world_open(&w);
  OK(ht_scalar_int64(7, &seven));
  ht_ref c = ht_build_const(&w.b, "seven", &seven);
  ht_tensor_drop(&seven);
  run(&w, c, 0, NULL, &y, false);
  ck_assert_int_eq(ht_i64(&y)[0], 7);
  ht_tensor_drop(&y);
  world_close(&w);
}
END_TEST

START_TEST(a_false_assertion_fails) {
  world w;
  ht_plan *plan;
  ht_tensor text;
  world_open(&w);
  ht_builder *b = &w.b;
  ht_ref one = ht_build_float(b, 1), two = ht_build_float(b, 2);
  OK(ht_scalar_string("one is not two", 14, &text));
  ht_ref in[] = {ht_build_2(b, "Equal", one, two, ""),
                 ht_build_const(b, "text", &text)};
  ht_tensor_drop(&text);
  ht_ref check = ht_build(b, "Assert", NULL, 2, in, "");
  OK(ht_builder_status(b));
  ht_body body = {.graph = b->graph, .target = &check.node, .n_targets = 1};
  OK(ht_plan_new(&body, NULL, &plan));
  ht_run r = ht_run_make(NULL, &w.store, NULL);
  FAILS(ht_plan_run(plan, &r, 0, NULL, 0, NULL), HT_USAGE,
        "assertion failed: one is not two");
  ht_plan_free(plan);
  world_close(&w);
}
END_TEST

static void add(TCase *tests) {
  tcase_add_test(tests, lists_hold_what_was_put_in);
  tcase_add_test(tests, lists_are_split_and_joined_with_their_gradients);
  tcase_add_test(tests, a_list_refuses_what_it_cannot_hold);
  tcase_add_test(tests, control_edges_order_effects);
  tcase_add_test(tests, variables_are_read_and_assigned);
  tcase_add_test(tests, parts_of_a_variable_are_read_and_assigned);
  tcase_add_test(tests, slices_of_a_variable_are_assigned);
  tcase_add_test(tests, one_number_updates_all_rows);
  tcase_add_test(tests, no_division_of_integers_ends_the_program);
  tcase_add_test(tests, references_are_read_where_they_are_used);
  tcase_add_test(tests, references_pass_through);
  tcase_add_test(tests, a_constant_is_its_value);
  tcase_add_test(tests, a_false_assertion_fails);
}

int main(void) { return test_main("list", add); }
