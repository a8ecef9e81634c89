/* test_hostile.c - graphs that mean harm: sizes that overflow, constants and
 * fills that no machine holds, calls and loops without end, edges of another
 * type, handles from outside, tables of doubles, paths out of the module. */
#include <unistd.h>

#include "base/file.h"
#include "hub/pb.h"
#include "test.h"

static ht_arena arena;
static char folder[64];
static Tensorflow__SavedModel saved;
static Tensorflow__MetaGraphDef *meta;
static Tensorflow__GraphDef *graph;

static void setup(void) {
  snprintf(folder, sizeof folder, "/tmp/hubtune-hostile-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(folder));
  meta = ht_alloc(&arena, 1, sizeof *meta);
  graph = ht_alloc(&arena, 1, sizeof *graph);
  tensorflow__saved_model__init(&saved);
  tensorflow__meta_graph_def__init(meta);
  tensorflow__graph_def__init(graph);
  meta->graph_def = graph;
  meta->meta_info_def = ht_alloc(&arena, 1, sizeof *meta->meta_info_def);
  tensorflow__meta_graph_def__meta_info_def__init(meta->meta_info_def);
  OK(ht_pb_strings(&arena, &meta->meta_info_def->n_tags,
                   &meta->meta_info_def->tags, "serve"));
  OK(HT_PB_PUSH(&arena, &saved, meta_graphs, meta));
}

static void teardown(void) {
  OK(ht_folder_remove(folder));
  ht_arena_free(&arena);
}

typedef Tensorflow__NodeDef node_def;

static node_def *detached(const char *op, const char *name, const char *a,
                          const char *b) {
  node_def *n;
  OK(ht_pb_node(&arena, op, name, &n));
  if (a) OK(ht_pb_input(&arena, n, a));
  if (b) OK(ht_pb_input(&arena, n, b));
  return n;
}

static node_def *node(const char *op, const char *name, const char *a,
                      const char *b) {
  node_def *n = detached(op, name, a, b);
  OK(HT_PB_PUSH(&arena, graph, node, n));
  return n;
}

static void type(node_def *n, const char *attr, ht_dtype dtype) {
  OK(ht_pb_attr_type(&arena, n, attr, dtype));
}

/* A constant of n values of the type; of another shape, if given. */
static node_def *constant(const char *name, ht_dtype dtype, int n,
                          const int64_t *value, const ht_shape *shape) {
  ht_tensor t;
  node_def *c;
  ht_shape s = n < 0 ? HT_SCALAR : ht_shape_1(n);
  OK(ht_tensor_zeros(NULL, dtype, &s, &t));
  for (int i = 0; i < (n < 0 ? 1 : n); i++) {
    if (dtype == HT_INT32) ht_i32(&t)[i] = (int32_t)value[i];
    if (dtype == HT_INT64) ht_i64(&t)[i] = value[i];
    if (dtype == HT_FLOAT) ht_f(&t)[i] = (float)value[i];
    if (dtype == HT_BOOL) ht_bool(&t)[i] = value[i] != 0;
  }
  OK(ht_pb_const(&arena, name, &t, &c));
  ht_tensor_drop(&t);
  for (size_t i = 0; shape && i < c->n_attr; i++)
    if (c->attr[i]->value->value_case == TENSORFLOW__ATTR_VALUE__VALUE_TENSOR)
      OK(ht_pb_shape(&arena, shape,
                     &c->attr[i]->value->tensor->tensor_shape));
  OK(HT_PB_PUSH(&arena, graph, node, c));
  return c;
}

/* Fetches one tensor of the model, fed with an array of ones where asked. */
static ht_status fetch(const char *tensor, const char *feed) {
  ht_module *module = NULL;
  ht_function *function = NULL;
  ht_arrays *in = NULL, *out = NULL;
  char *path = ht_path_join(&arena, folder, "saved_model.pb");
  OK(ht_pb_write(path, &saved.base));
  ht_choice choice = {.n_fetches = 1, .fetch = &tensor};
  if (feed) choice.n_feeds = 1;
  choice.feed = &feed;
  ht_module_options options = ht_module_defaults();
  options.max_turns = 1000;
  OK(ht_arrays_new(&in));
  if (feed) {
    ht_array *a;
    OK(ht_array_new(HT_FLOAT, 0, NULL, &a));
    OK(ht_arrays_put(in, feed, a));
  }
  ht_status st = ht_module_open(folder, &options, &module);
  if (st.code == HT_OK)
    st = ht_function_open(module, &choice, feed ? in : NULL, &function);
  if (st.code == HT_OK) st = ht_function_run(function, in, &out);
  ht_arrays_free(in);
  ht_arrays_free(out);
  ht_function_free(function);
  ht_module_free(module);
  return st;
}

/* As with --max-memory: what is asked for beyond is refused. */
static void limit_memory(void) { ht_memory_limit((size_t)1 << 30); }

START_TEST(products_of_dimensions_do_not_overflow) {
  ht_shape wide = {.rank = 3, .dim = {1 << 30, 1 << 30, 1 << 30}};
  constant("c", HT_FLOAT, 1, (int64_t[]){1}, &wide);
  ck_assert(fetch("c:0", NULL).code != HT_OK);
}
END_TEST

START_TEST(huge_constants_of_few_bytes_are_refused) {
  ht_shape wide = {.rank = 1, .dim = {(int64_t)1 << 40}};
  limit_memory();
  constant("c", HT_FLOAT, 1, (int64_t[]){1}, &wide);
  ht_status st = fetch("c:0", NULL);
  ck_assert(st.code == HT_CORRUPT || st.code == HT_NO_MEMORY ||
            st.code == HT_UNSUPPORTED);
}
END_TEST

START_TEST(negative_dimensions_are_refused) {
  ht_shape wide = {.rank = 2, .dim = {-5, 4}};
  constant("c", HT_FLOAT, 1, (int64_t[]){1}, &wide);
  ck_assert(fetch("c:0", NULL).code != HT_OK);
}
END_TEST

/* Fills of 4 TB, 2^62 and -1 elements, and of shapes that multiply to 0 modulo
 * 2^64. */
static const int64_t fill_dims[][4] = {
    {1 << 20, 1 << 20, 1, 1},
    {1 << 30, 1 << 30, 4, 1},
    {-1, 1, 1, 1},
    {(int64_t)1 << 32, (int64_t)1 << 32, 1, 1},
    {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX}};

START_TEST(huge_fills_are_refused) {
  limit_memory();
  constant("dims", HT_INT64, 4, fill_dims[_i], NULL);
  constant("value", HT_FLOAT, -1, (int64_t[]){1}, NULL);
  node_def *fill = node("Fill", "fill", "dims", "value");
  type(fill, "T", HT_FLOAT);
  type(fill, "index_type", HT_INT64);
  ck_assert(fetch("fill:0", NULL).code != HT_OK);
}
END_TEST

/* x, x and x side by side, 2^40 times: the graph is small, the value not. */
START_TEST(doubling_stops_where_memory_ends) {
  char name[32], before[32] = "seed";
  limit_memory();
  constant("axis", HT_INT32, -1, (int64_t[]){0}, NULL);
  constant("seed", HT_FLOAT, 1, (int64_t[]){1}, NULL);
  for (int i = 0; i < 40; i++) {
    snprintf(name, sizeof name, "c%d", i);
    node_def *c = node("ConcatV2", name, before, before);
    OK(ht_pb_input(&arena, c, "axis"));
    type(c, "T", HT_FLOAT);
    type(c, "Tidx", HT_INT32);
    OK(ht_pb_attr_int(&arena, c, "N", 2));
    snprintf(before, sizeof before, "%s", name);
  }
  FAILS(fetch("c39:0", NULL), HT_NO_MEMORY, "memory");
}
END_TEST

START_TEST(cycles_are_told) {
  type(node("Neg", "a", "b", NULL), "T", HT_FLOAT);
  type(node("Neg", "b", "a", NULL), "T", HT_FLOAT);
  ck_assert(fetch("a:0", NULL).code != HT_OK);
}
END_TEST

START_TEST(a_node_is_not_its_own_input) {
  type(node("Neg", "a", "a", NULL), "T", HT_FLOAT);
  ck_assert(fetch("a:0", NULL).code != HT_OK);
}
END_TEST

/* A line of 100000 nodes takes no stack. */
START_TEST(long_lines_of_nodes_run) {
  char name[32], before[32] = "seed";
  constant("seed", HT_FLOAT, 1, (int64_t[]){1}, NULL);
  for (int i = 0; i < 100000; i++) {
    snprintf(name, sizeof name, "n%d", i);
    type(node("Neg", name, before, NULL), "T", HT_FLOAT);
    snprintf(before, sizeof before, "%s", name);
  }
  OK(fetch("n99999:0", NULL));
}
END_TEST

/* ---- functions */

static void function(const char *name, node_def *body, const char *ret) {
  Tensorflow__FunctionDef *f;
  Tensorflow__OpDef__ArgDef *in, *out;
  Tensorflow__FunctionDef__RetEntry *entry;
  f = ht_alloc(&arena, 1, sizeof *f);
  tensorflow__function_def__init(f);
  f->signature = ht_alloc(&arena, 1, sizeof *f->signature);
  tensorflow__op_def__init(f->signature);
  f->signature->name = (char *)name;
  in = ht_alloc(&arena, 1, sizeof *in);
  out = ht_alloc(&arena, 1, sizeof *out);
  tensorflow__op_def__arg_def__init(in);
  tensorflow__op_def__arg_def__init(out);
  in->name = (char *)"x";
  out->name = (char *)"y";
  in->type = out->type = (Tensorflow__DataType)HT_FLOAT;
  OK(HT_PB_PUSH(&arena, f->signature, input_arg, in));
  OK(HT_PB_PUSH(&arena, f->signature, output_arg, out));
  OK(HT_PB_PUSH(&arena, f, node_def, body));
  entry = ht_alloc(&arena, 1, sizeof *entry);
  tensorflow__function_def__ret_entry__init(entry);
  entry->key = (char *)"y";
  entry->value = (char *)ret;
  OK(HT_PB_PUSH(&arena, f, ret, entry));
  if (!graph->library) {
    graph->library = ht_alloc(&arena, 1, sizeof *graph->library);
    tensorflow__function_def_library__init(graph->library);
  }
  OK(HT_PB_PUSH(&arena, graph->library, function, f));
}

static node_def *call_of(const char *name, const char *x, const char *f) {
  node_def *n = detached("PartitionedCall", name, x, NULL);
  OK(ht_pb_attr_types(&arena, n, "Tin", 1, (ht_dtype[]){HT_FLOAT}));
  OK(ht_pb_attr_types(&arena, n, "Tout", 1, (ht_dtype[]){HT_FLOAT}));
  OK(ht_pb_attr_func(&arena, n, "f", f));
  return n;
}

static ht_status fetch_call(const char *f) {
  constant("seed", HT_FLOAT, -1, (int64_t[]){1}, NULL);
  OK(HT_PB_PUSH(&arena, graph, node, call_of("call", "seed", f)));
  return fetch("call:0", NULL);
}

START_TEST(functions_that_call_themselves_are_told) {
  function("f", call_of("inner", "x", "f"), "inner:output:0");
  FAILS(fetch_call("f"), HT_UNSUPPORTED, "deep");
}
END_TEST

START_TEST(functions_that_call_each_other_are_told) {
  function("f", call_of("inner", "x", "g"), "inner:output:0");
  function("g", call_of("inner", "x", "f"), "inner:output:0");
  FAILS(fetch_call("f"), HT_UNSUPPORTED, "deep");
}
END_TEST

START_TEST(a_function_may_return_its_argument_only_once_named) {
  function("f", call_of("inner", "nothing", "f"), "nowhere:output:0");
  ck_assert(fetch_call("f").code != HT_OK);
}
END_TEST

/* while (true) x = -x */
START_TEST(loops_without_end_are_ended) {
  node_def *yes = constant("yes", HT_BOOL, -1, (int64_t[]){1}, NULL);
  graph->n_node--; /* it belongs into the function */
  function("condition", yes, "yes:output:0");
  graph->library->function[0]->signature->output_arg[0]->type =
      (Tensorflow__DataType)HT_BOOL;
  node_def *turn = detached("Neg", "turn", "x", NULL);
  type(turn, "T", HT_FLOAT);
  function("body", turn, "turn:y:0");
  constant("seed", HT_FLOAT, -1, (int64_t[]){1}, NULL);
  node_def *loop = node("StatelessWhile", "loop", "seed", NULL);
  OK(ht_pb_attr_types(&arena, loop, "T", 1, (ht_dtype[]){HT_FLOAT}));
  OK(ht_pb_attr_func(&arena, loop, "cond", "condition"));
  OK(ht_pb_attr_func(&arena, loop, "body", "body"));
  FAILS(fetch("loop:0", NULL), HT_USAGE, "a loop ran more than 1000 times");
}
END_TEST

/* ---- types */

START_TEST(edges_of_another_type_are_told) {
  constant("text", HT_INT64, 2, (int64_t[]){1, 2}, NULL);
  type(node("Exp", "e", "text", NULL), "T", HT_FLOAT);
  ck_assert(fetch("e:0", NULL).code != HT_OK);
}
END_TEST

START_TEST(nodes_without_all_of_their_inputs_are_told) {
  constant("x", HT_FLOAT, -1, (int64_t[]){7}, NULL);
  type(node("Mul", "half", "x", NULL), "T", HT_FLOAT);
  ht_status st = fetch("half:0", NULL);
  ck_assert(st.code != HT_OK);
  ck_assert_msg(strstr(st.msg, "'half' has 1 inputs, its op 'Mul' 2"), "%s",
                st.msg);
}
END_TEST

START_TEST(numbers_are_no_handles) {
  constant("n", HT_FLOAT, -1, (int64_t[]){7}, NULL);
  type(node("ReadVariableOp", "r", "n", NULL), "dtype", HT_FLOAT);
  ck_assert(fetch("r:0", NULL).code != HT_OK);
}
END_TEST

/* A number from outside where a handle, a list or a table is wanted. */
static const char *const handle_op[] = {"ReadVariableOp", "TensorListLength",
                                        "LookupTableSizeV2",
                                        "TensorListPopBack"};

START_TEST(handles_do_not_come_from_outside) {
  node_def *p = node("Placeholder", "p", NULL, NULL);
  type(p, "dtype", _i % 2 ? HT_VARIANT : HT_RESOURCE);
  if (_i == 2) type(p, "dtype", HT_RESOURCE);
  node_def *n = node(handle_op[_i], "n", "p", _i == 3 ? "p" : NULL);
  if (_i == 0) type(n, "dtype", HT_FLOAT);
  if (_i == 3) type(n, "element_dtype", HT_FLOAT);
  ck_assert(fetch("n:0", "p:0").code != HT_OK);
}
END_TEST

/* ---- files */

START_TEST(files_outside_the_module_are_not_read) {
  ht_tensor t;
  node_def *c;
  static const char *const path[] = {"/etc/passwd", "../../etc/passwd",
                                     "assets/../../x", "/dev/zero"};
  OK(ht_tensor_zeros(NULL, HT_STRING, &HT_SCALAR, &t));
  OK(ht_string_set(&t, 0, path[_i], strlen(path[_i])));
  OK(ht_pb_const(&arena, "path", &t, &c));
  ht_tensor_drop(&t);
  OK(HT_PB_PUSH(&arena, graph, node, c));
  node("ReadFile", "read", "path", NULL);
  ck_assert(fetch("read:0", NULL).code != HT_OK);
}
END_TEST

static void add(TCase *tests) {
  tcase_add_checked_fixture(tests, setup, teardown);
  tcase_set_timeout(tests, 30);
  tcase_add_test(tests, products_of_dimensions_do_not_overflow);
  tcase_add_test(tests, huge_constants_of_few_bytes_are_refused);
  tcase_add_test(tests, negative_dimensions_are_refused);
  tcase_add_loop_test(tests, huge_fills_are_refused, 0, 5);
  tcase_add_test(tests, doubling_stops_where_memory_ends);
  tcase_add_test(tests, cycles_are_told);
  tcase_add_test(tests, a_node_is_not_its_own_input);
  tcase_add_test(tests, long_lines_of_nodes_run);
  tcase_add_test(tests, functions_that_call_themselves_are_told);
  tcase_add_test(tests, functions_that_call_each_other_are_told);
  tcase_add_test(tests, a_function_may_return_its_argument_only_once_named);
  tcase_add_test(tests, loops_without_end_are_ended);
  tcase_add_test(tests, edges_of_another_type_are_told);
  tcase_add_test(tests, nodes_without_all_of_their_inputs_are_told);
  tcase_add_test(tests, numbers_are_no_handles);
  tcase_add_loop_test(tests, handles_do_not_come_from_outside, 0, 4);
  tcase_add_loop_test(tests, files_outside_the_module_are_not_read, 0, 4);
}

int main(void) { return test_main("hostile", add); }
