/* test_plan.c - graphs built by hand: plans, control flow, the tape. */
#include "ops/attr_text.h"
#include "world.h"

static ht_tensor floats(int n, const float *v) {
  ht_tensor t;
  ht_shape s = n < 0 ? HT_SCALAR : ht_shape_1(n);
  OK(ht_tensor_new(NULL, HT_FLOAT, &s, &t));
  memcpy(t.data, v, ht_tensor_bytes(&t));
  return t;
}

static ht_tensor scalar(float v) { return floats(-1, &v); }

/* A node of a function, as a file has it. */
static void node(world *w, ht_graph *g, const char *name, const char *op,
                 const char *inputs, const char *attrs) {
  ht_node n = {.name = name, .op_name = op};
  char *text = ht_arena_string(&w->arena, inputs), *save = NULL;
  n.input = ht_alloc(&w->arena, 16, sizeof *n.input);
  for (char *p = strtok_r(text, " ", &save); p; p = strtok_r(NULL, " ", &save))
    n.input[n.n_input++] = p;
  OK(ht_attrs_parse(attrs, &w->arena, &n.attrs));
  OK(ht_graph_add(g, &n, NULL));
}

/* A function of float scalars; `args` and `rets` are separated by spaces. */
static ht_graph *function(world *w, const char *name, const char *args,
                          const char *rets) {
  ht_graph *g;
  OK(ht_graph_new(&w->arena, &w->library, name, &g));
  g->arg = ht_alloc(&w->arena, 8, sizeof *g->arg);
  g->ret = ht_alloc(&w->arena, 8, sizeof *g->ret);
  g->ret_name = ht_alloc(&w->arena, 8, sizeof *g->ret_name);
  char *text = ht_arena_string(&w->arena, args), *save = NULL;
  for (char *p = strtok_r(text, " ", &save); p;
       p = strtok_r(NULL, " ", &save)) {
    g->arg[g->n_args++] = (ht_arg){.name = p, .dtype = HT_FLOAT};
    node(w, g, p, "_Arg", "", "");
  }
  text = ht_arena_string(&w->arena, rets);
  for (char *p = strtok_r(text, " ", &save); p;
       p = strtok_r(NULL, " ", &save)) {
    g->ret_name[g->n_rets] = p;
    g->ret[g->n_rets++] = p;
  }
  OK(ht_map_put(&w->library.by_name, name, g));
  return g;
}

/* Plans and runs fetches of the builder's graph; gradients if wanted. */
static void run(world *w, int n, const ht_ref *ret, ht_tensor *out,
                bool gradients) {
  ht_plan *plan;
  OK(ht_builder_status(&w->b));
  ht_body body = {.graph = w->b.graph, .ret = (ht_ref *)ret, .n_rets = n};
  OK(ht_plan_new(&body, NULL, &plan));
  ht_run r = ht_run_make(w->pool, &w->store, NULL);
  ht_tape_reset(w->tape);
  if (gradients) r.tape = w->tape;
  OK(ht_plan_run(plan, &r, 0, NULL, n, out));
  if (gradients) OK(ht_tape_backward(w->tape, &r, n, out, NULL));
  ht_plan_free(plan);
}

static float gradient(world *w, const ht_variable *v) {
  ht_cotangent c;
  OK(ht_tape_gradient(w->tape, v, &c));
  ck_assert_int_eq(c.dense.dtype, HT_FLOAT);
  float g = ht_f(&c.dense)[0];
  ht_cotangent_drop(&c);
  return g;
}

START_TEST(a_variable_used_twice_sums_its_gradients) {
  world w;
  ht_variable *v;
  world_open(&w);
  ht_tensor x = scalar(3), y;
  ht_ref h = ht_build_variable(&w.b, "x", &x, true, &v);
  ht_ref square = ht_build_2(&w.b, "Mul", ht_build_read(&w.b, h),
                             ht_build_read(&w.b, h), "");
  run(&w, 1, &square, &y, true);
  ck_assert_float_eq(ht_f(&y)[0], 9);
  ck_assert_float_eq(gradient(&w, v), 6);
  ht_tensor_drop(&y);
  world_close(&w);
}
END_TEST

/* d of the products of w, as the left or right factor, with constants first ..
 * first + n - 1, and of w + v; that of v is all ones. */
static void factor_gradient(const char *const *op, bool left, const ht_shape *s,
                            int first, int n, float *out) {
  enum { MOST = 3 };
  world w;
  ht_variable *v[2];
  ht_ref read[2], y[MOST + 1];
  ht_tensor x, value[MOST + 1];
  ht_cotangent g[2];
  world_open(&w);
  for (int i = 0; i < 2; i++) {
    OK(ht_tensor_zeros(NULL, HT_FLOAT, s, &x));
    read[i] = ht_build_read(
        &w.b, ht_build_variable(&w.b, i ? "v" : "w", &x, true, &v[i]));
  }
  for (int k = 0; k < n; k++) {
    OK(ht_tensor_new(NULL, HT_FLOAT, s, &x));
    for (int64_t i = 0; i < ht_count(&x); i++)
      ht_f(&x)[i] = (float)((i + 1) * (first + k + 2) % 7 - 3);
    ht_ref c = ht_build_const(&w.b, NULL, &x);
    y[k] = ht_build_2(&w.b, op[0], left ? read[0] : c, left ? c : read[0],
                      op[1]);
    ht_tensor_drop(&x);
  }
  y[n] = ht_build_2(&w.b, "AddV2", read[0], read[1], "");
  run(&w, n + 1, y, value, true);
  for (int i = 0; i < 2; i++) OK(ht_tape_gradient(w.tape, v[i], &g[i]));
  for (int64_t k = 0; k < ht_count(&g[1].dense); k++)
    ck_assert_float_eq(ht_f(&g[1].dense)[k], 1);
  memcpy(out, g[0].dense.data, ht_tensor_bytes(&g[0].dense));
  for (int i = 0; i < 2; i++) ht_cotangent_drop(&g[i]);
  for (int k = 0; k <= n; k++) ht_tensor_drop(&value[k]);
  world_close(&w);
}

START_TEST(gradients_of_a_factor_add_up_and_change_no_other) {
  static const char *const op[][2] = {{"MatMul", ""},
                                      {"MatMul", "transpose_a=true"},
                                      {"MatMul", "transpose_b=true"},
                                      {"BatchMatMulV2", ""},
                                      {"BatchMatMulV2", "adj_x=true"}};
  for (int i = 0; i < 10; i++) {
    ht_shape s = ht_shape_2(3, 3);
    if (i / 2 >= 3) s = ht_shape_of(3, (int64_t[]){2, 3, 3});
    float all[18], part[18], sum[18] = {0};
    factor_gradient(op[i / 2], i % 2, &s, 0, 3, all);
    for (int k = 0; k < 3; k++) {
      factor_gradient(op[i / 2], i % 2, &s, k, 1, part);
      for (int e = 0; e < ht_shape_count(&s); e++) sum[e] += part[e] - 1;
    }
    for (int e = 0; e < ht_shape_count(&s); e++)
      ck_assert_float_eq(all[e], sum[e] + 1);
  }
}
END_TEST

/* One node with function attributes over floats and a first input. */
static ht_ref with_functions(world *w, const char *op, const char *first,
                             const char *inputs, const char **functions,
                             const char **names, int n) {
  ht_node node_ = {.name = "flow", .op_name = op};
  node_.input = ht_alloc(&w->arena, 8, sizeof *node_.input);
  if (*first) node_.input[node_.n_input++] = first;
  node_.input[node_.n_input++] = inputs;
  OK(ht_attrs_parse("Tcond=bool Tin=[float] Tout=[float] T=[float]", &w->arena,
                    &node_.attrs));
  ht_attr *a = ht_alloc(&w->arena, (size_t)(node_.attrs.n + n), sizeof *a);
  memcpy(a, node_.attrs.attr, (size_t)node_.attrs.n * sizeof *a);
  for (int i = 0; i < n; i++) {
    ht_attr_value *v = ht_alloc(&w->arena, 1, sizeof *v);
    v->func.name = functions[i];
    a[node_.attrs.n++] = (ht_attr){names[i], HT_ATTR_FUNC, false, 1, v};
  }
  node_.attrs.attr = a;
  ht_ref out = {0, 0};
  OK(ht_graph_add(w->b.graph, &node_, &out.node));
  OK(ht_graph_bind(w->b.graph, out.node));
  return out;
}

START_TEST(branches_run_and_differentiate) {
  static const char *functions[] = {"double", "square"};
  static const char *names[] = {"then_branch", "else_branch"};
  for (int taken = 0; taken < 2; taken++) {
    world w;
    ht_variable *v;
    world_open(&w);
    ht_graph *f = function(&w, "double", "a", "y");
    node(&w, f, "y", "AddV2", "a a", "T=float");
    f = function(&w, "square", "a", "y");
    node(&w, f, "y", "Mul", "a a", "T=float");
    ht_tensor x = scalar(5), c, y;
    OK(ht_tensor_zeros(NULL, HT_BOOL, &HT_SCALAR, &c));
    ht_bool(&c)[0] = taken;
    ht_build_read(&w.b, ht_build_variable(&w.b, "x", &x, true, &v));
    ht_build_const(&w.b, "c", &c);
    ht_tensor_drop(&c);
    ht_ref r = with_functions(&w, "If", "c", "x/Read/ReadVariableOp", functions,
                              names, 2);
    run(&w, 1, &r, &y, true);
    ck_assert_float_eq(ht_f(&y)[0], taken ? 10 : 25);
    ck_assert_float_eq(gradient(&w, v), taken ? 2 : 10);
    ht_tensor_drop(&y);
    world_close(&w);
  }
}
END_TEST

START_TEST(loops_run_and_differentiate) {
  static const char *functions[] = {"small", "double"};
  static const char *names[] = {"cond", "body"};
  world w;
  ht_variable *v;
  world_open(&w);
  ht_graph *f = function(&w, "small", "a", "y:z:0");
  node(&w, f, "hundred", "Const", "", "dtype=float");
  ht_attr *a = ht_alloc(&w.arena, 2, sizeof *a);
  ht_attr_value *value = ht_alloc(&w.arena, 1, sizeof *value);
  ht_node *constant = &f->node[ht_graph_find(f, "hundred")];
  value->tensor = scalar(100);
  a[0] = constant->attrs.attr[0];
  a[1] = (ht_attr){"value", HT_ATTR_TENSOR, false, 1, value};
  constant->attrs = (ht_attrs){a, 2};
  node(&w, f, "y", "Less", "a hundred:output:0", "T=float");
  f = function(&w, "double", "a", "y");
  node(&w, f, "y", "AddV2", "a a", "T=float");
  ht_tensor x = scalar(5), y;
  ht_build_read(&w.b, ht_build_variable(&w.b, "x", &x, true, &v));
  ht_ref r = with_functions(&w, "While", "", "x/Read/ReadVariableOp", functions,
                            names, 2);
  run(&w, 1, &r, &y, true);
  ck_assert_float_eq(ht_f(&y)[0], 160);
  ck_assert_float_eq(gradient(&w, v), 32);
  ht_tensor_drop(&y);
  ht_tensor_drop(&value->tensor);
  world_close(&w);
}
END_TEST

START_TEST(calls_are_put_in_place) {
  static const char *functions[] = {"double"}, *names[] = {"f"};
  world w;
  ht_variable *v;
  world_open(&w);
  ht_graph *f = function(&w, "double", "a", "y");
  node(&w, f, "y", "AddV2", "a a", "T=float");
  ht_tensor x = scalar(5), y;
  ht_build_read(&w.b, ht_build_variable(&w.b, "x", &x, true, &v));
  ht_ref r = with_functions(&w, "PartitionedCall", "", "x/Read/ReadVariableOp",
                            functions, names, 1);
  run(&w, 1, &r, &y, true);
  ck_assert_float_eq(ht_f(&y)[0], 10);
  ck_assert_float_eq(gradient(&w, v), 2);
  ht_tensor_drop(&y);
  world_close(&w);
}
END_TEST

START_TEST(an_unfed_placeholder_is_refused) {
  world w;
  ht_tensor y;
  ht_plan *plan;
  world_open(&w);
  ht_ref x = ht_build_placeholder(&w.b, "x", HT_FLOAT, &HT_SCALAR);
  ht_body body = {.graph = w.b.graph, .ret = &x, .n_rets = 1};
  OK(ht_plan_new(&body, NULL, &plan));
  ht_run r = ht_run_make(w.pool, &w.store, NULL);
  FAILS(ht_plan_run(plan, &r, 0, NULL, 1, &y), HT_USAGE,
        "placeholder 'x' was not fed");
  ht_plan_free(plan);
  world_close(&w);
}
END_TEST

START_TEST(a_feed_cuts_the_graph_anywhere) {
  world w;
  ht_tensor y, fed = scalar(7);
  ht_plan *plan;
  world_open(&w);
  ht_ref x = ht_build_placeholder(&w.b, "x", HT_FLOAT, &HT_SCALAR);
  ht_ref z = ht_build_1(&w.b, "Identity", x, "");
  ht_ref sum = ht_build_2(&w.b, "AddV2", z, z, "");
  OK(ht_builder_status(&w.b));
  ht_body body = {
      .graph = w.b.graph, .arg = &z, .n_args = 1, .ret = &sum, .n_rets = 1};
  OK(ht_plan_new(&body, NULL, &plan));
  ht_run r = ht_run_make(w.pool, &w.store, NULL);
  const ht_tensor *in[] = {&fed};
  OK(ht_plan_run(plan, &r, 1, in, 1, &y));
  ck_assert_float_eq(ht_f(&y)[0], 14);
  ck_assert_int_eq(ht_plan_steps(plan), 1);
  ht_tensor_drop(&y);
  ht_tensor_drop(&fed);
  ht_plan_free(plan);
  world_close(&w);
}
END_TEST

START_TEST(a_cycle_is_refused) {
  world w;
  ht_plan *plan;
  world_open(&w);
  node(&w, w.b.graph, "a", "Identity", "b", "T=float");
  node(&w, w.b.graph, "b", "Identity", "a", "T=float");
  ht_ref a = {0, 0};
  ht_body body = {.graph = w.b.graph, .ret = &a, .n_rets = 1};
  FAILS(ht_plan_new(&body, NULL, &plan), HT_UNSUPPORTED, "cycle");
  world_close(&w);
}
END_TEST

START_TEST(an_unknown_op_is_named_with_its_node) {
  world w;
  ht_plan *plan;
  ht_missing *missing;
  int n;
  world_open(&w);
  node(&w, w.b.graph, "a", "NoSuchOp", "", "");
  ht_ref a = {0, 0};
  ht_body body = {.graph = w.b.graph, .ret = &a, .n_rets = 1};
  FAILS(ht_plan_new(&body, NULL, &plan), HT_UNSUPPORTED,
        "op 'NoSuchOp' is not supported (node 'a')");
  OK(ht_plan_missing(&body, false, &w.arena, &missing, &n));
  ck_assert_int_eq(n, 1);
  ck_assert_str_eq(missing[0].op, "NoSuchOp");
  world_close(&w);
}
END_TEST

START_TEST(unknown_ops_behind_each_other_are_all_named) {
  world w;
  ht_missing *missing;
  int n;
  world_open(&w);
  node(&w, w.b.graph, "a", "NoSuchOp", "", "");
  node(&w, w.b.graph, "b", "NorThis", "a:2", "");
  ht_ref b = {1, 0};
  ht_body body = {.graph = w.b.graph, .ret = &b, .n_rets = 1};
  OK(ht_plan_missing(&body, false, &w.arena, &missing, &n));
  ck_assert_int_eq(n, 2);
  ck_assert_str_eq(missing[0].op, "NoSuchOp");
  ck_assert_str_eq(missing[1].op, "NorThis");
  world_close(&w);
}
END_TEST

START_TEST(dead_branches_do_not_run) {
  world w;
  ht_variable *v;
  world_open(&w);
  ht_tensor x = scalar(3), c, y;
  OK(ht_tensor_zeros(NULL, HT_BOOL, &HT_SCALAR, &c));
  ht_ref read = ht_build_read(&w.b, ht_build_variable(&w.b, "x", &x, true, &v));
  ht_ref s =
      ht_build_2(&w.b, "Switch", read, ht_build_const(&w.b, "c", &c), "");
  ht_tensor_drop(&c);
  ht_ref no = ht_build_2(&w.b, "AddV2", s, s, "");
  ht_ref yes = {s.node, 1};
  yes = ht_build_1(&w.b, "CheckNumerics", yes, "message='must not run'");
  ht_ref in[] = {no, yes};
  ht_ref merged = ht_build(&w.b, "Merge", NULL, 2, in, "");
  run(&w, 1, &merged, &y, true);
  ck_assert_float_eq(ht_f(&y)[0], 6);
  ck_assert_float_eq(gradient(&w, v), 2);
  ht_tensor_drop(&y);
  world_close(&w);
}
END_TEST

START_TEST(gathered_rows_of_a_variable_have_row_gradients) {
  world w;
  ht_variable *v;
  ht_cotangent g;
  world_open(&w);
  ht_tensor x, ids, y;
  ht_shape s = ht_shape_2(4, 2), three = ht_shape_1(3);
  OK(ht_tensor_zeros(NULL, HT_FLOAT, &s, &x));
  for (int i = 0; i < 8; i++) ht_f(&x)[i] = (float)i;
  OK(ht_tensor_new(NULL, HT_INT64, &three, &ids));
  memcpy(ids.data, (int64_t[]){2, 0, 2}, 24);
  ht_ref in[] = {ht_build_variable(&w.b, "x", &x, true, &v),
                 ht_build_const(&w.b, "ids", &ids)};
  ht_ref r = ht_build(&w.b, "ResourceGather", NULL, 2, in, "dtype=float");
  run(&w, 1, &r, &y, true);
  ck_assert_float_eq(ht_f(&y)[1], 5);
  OK(ht_tape_gradient(w.tape, v, &g));
  ck_assert_int_eq(g.dense.dtype, HT_INVALID);
  ck_assert_int_eq(ht_count(&g.indices), 3);
  OK(ht_cotangent_unique(w.pool, &g));
  ck_assert_int_eq(ht_count(&g.indices), 2);
  ck_assert_int_eq(ht_i64(&g.indices)[0], 2);
  ck_assert_float_eq(ht_f(&g.values)[0], 2);
  ck_assert_float_eq(ht_f(&g.values)[2], 1);
  ht_cotangent_drop(&g);
  ht_tensor_drop(&y);
  ht_tensor_drop(&ids);
  world_close(&w);
}
END_TEST

/* What a gather of rows sends through one op on the whole table: still rows,
 * scaled. */
static void rows_survive(const char *op, const char *attrs, int operands,
                         bool scalar, float scale) {
  world w;
  ht_variable *v;
  ht_cotangent g;
  ht_tensor x, ids, y;
  ht_shape s = ht_shape_2(4, 2), three = ht_shape_1(3);
  world_open(&w);
  OK(ht_tensor_zeros(NULL, HT_FLOAT, &s, &x));
  OK(ht_tensor_new(NULL, HT_INT64, &three, &ids));
  memcpy(ids.data, (int64_t[]){2, 0, 2}, 24);
  ht_ref table =
      ht_build_read(&w.b, ht_build_variable(&w.b, "x", &x, true, &v));
  ht_ref in[] = {table, scalar ? ht_build_float(&w.b, 4) : table};
  ht_ref all = ht_build(&w.b, op, NULL, operands, in, attrs);
  ht_ref of[] = {all, ht_build_const(&w.b, "ids", &ids),
                 ht_build_int32s(&w.b, -1, (int32_t[]){0})};
  ht_ref rows = ht_build(&w.b, "GatherV2", NULL, 3, of, "");
  run(&w, 1, &rows, &y, true);
  OK(ht_tape_gradient(w.tape, v, &g));
  ck_assert_msg(g.values.dtype == HT_FLOAT, "%s: the gradient is dense", op);
  OK(ht_cotangent_dense(w.pool, &g, &s));
  for (int i = 0; i < 8; i++)
    ck_assert_float_eq(ht_f(&g.dense)[i], scale * (i / 2 == 2   ? 2
                                                   : i / 2 == 0 ? 1
                                                                : 0));
  ht_cotangent_drop(&g);
  ht_tensor_drop(&y);
  ht_tensor_drop(&ids);
  world_close(&w);
}

START_TEST(row_gradients_survive_sums_and_scaling) {
  rows_survive("Neg", "", 1, false, -1);
  rows_survive("AddN", "", 2, false, 2);
  rows_survive("AddN", "", 1, false, 1);
  rows_survive("AddV2", "", 2, false, 2);
  rows_survive("Sub", "", 2, true, 1);
  rows_survive("Mul", "", 2, true, 4);
  rows_survive("RealDiv", "", 2, true, 0.25F);
  rows_survive("Cast", "DstT=float", 1, false, 1);
  rows_survive("Cast", "DstT=half", 1, false, 1);
}
END_TEST

/* Numbers of TensorFlow: x @ x' in a narrow type, and its gradient. */
static void narrow_product(const char *type, float value, const float grad[2]) {
  world w;
  ht_variable *v;
  world_open(&w);
  ht_tensor x = floats(2, (float[]){0.2F, 0.7F}), y;
  x.shape = ht_shape_2(1, 2);
  ht_ref h = ht_build_variable(&w.b, "x", &x, true, &v);
  ht_ref read = ht_build_read(&w.b, h);
  ht_ref thin = ht_build(&w.b, "Cast", "thin", 1, &read, type);
  ht_ref product = ht_build_2(&w.b, "MatMul", thin, thin, "transpose_b=true");
  ht_ref wide = ht_build(&w.b, "Cast", "wide", 1, &product, "DstT=float");
  run(&w, 1, &wide, &y, true);
  ck_assert_float_eq(ht_f(&y)[0], value);
  ht_cotangent c;
  OK(ht_tape_gradient(w.tape, v, &c));
  for (int i = 0; i < 2; i++) ck_assert_float_eq(ht_f(&c.dense)[i], grad[i]);
  ht_cotangent_drop(&c);
  ht_tensor_drop(&y);
  world_close(&w);
}

START_TEST(products_of_narrow_types_are_summed_in_float_and_rounded_once) {
  narrow_product("DstT=half", 0.530273438F,
                 (float[]){0.399902344F, 1.40039062F});
  narrow_product("DstT=bfloat16", 0.52734375F,
                 (float[]){0.400390625F, 1.3984375F});
}
END_TEST

/* x * stop(y) + floor(z): the gradient's way is to x alone. */
START_TEST(a_gradient_reaches_what_the_fetch_depends_on_smoothly) {
  world w;
  ht_variable *v[3], **reached;
  ht_ref read[3];
  ht_plan *plan;
  int n;
  static const char *const name[] = {"x", "y", "z"};
  world_open(&w);
  for (int i = 0; i < 3; i++) {
    ht_tensor x = scalar(2);
    read[i] = ht_build_read(
        &w.b, ht_build_variable(&w.b, name[i], &x, true, &v[i]));
  }
  ht_ref stopped = ht_build_1(&w.b, "StopGradient", read[1], "");
  ht_ref floor = ht_build_1(&w.b, "Floor", read[2], "");
  ht_ref y = ht_build_2(&w.b, "Mul", read[0], stopped, "");
  y = ht_build_2(&w.b, "AddV2", y, floor, "");
  OK(ht_builder_status(&w.b));
  ht_body body = {.graph = w.b.graph, .ret = &y, .n_rets = 1};
  OK(ht_plan_new(&body, NULL, &plan));
  OK(ht_plan_reached(plan, 0, &w.store, &w.arena, &reached, &n));
  ck_assert_int_eq(n, 1);
  ck_assert_ptr_eq(reached[0], v[0]);
  ht_plan_free(plan);
  world_close(&w);
}
END_TEST

static void add(TCase *tests) {
  tcase_add_test(tests,
                 a_gradient_reaches_what_the_fetch_depends_on_smoothly);
  tcase_add_test(tests, a_variable_used_twice_sums_its_gradients);
  tcase_add_test(tests, gradients_of_a_factor_add_up_and_change_no_other);
  tcase_add_test(tests, branches_run_and_differentiate);
  tcase_add_test(tests, loops_run_and_differentiate);
  tcase_add_test(tests, calls_are_put_in_place);
  tcase_add_test(tests, an_unfed_placeholder_is_refused);
  tcase_add_test(tests, a_feed_cuts_the_graph_anywhere);
  tcase_add_test(tests, a_cycle_is_refused);
  tcase_add_test(tests, an_unknown_op_is_named_with_its_node);
  tcase_add_test(tests, unknown_ops_behind_each_other_are_all_named);
  tcase_add_test(tests, dead_branches_do_not_run);
  tcase_add_test(tests, gathered_rows_of_a_variable_have_row_gradients);
  tcase_add_test(tests, row_gradients_survive_sums_and_scaling);
  tcase_add_test(tests,
                 products_of_narrow_types_are_summed_in_float_and_rounded_once);
}

int main(void) { return test_main("plan", add); }
