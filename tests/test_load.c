/* test_load.c - modules that TensorFlow wrote (tests/interop/make_modules.py)
 * opened, and what is no module refused. */
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "hub/model.h"
#include "test.h"

static ht_arena arena;
static char folder[256];
static ht_model *model;

static void setup(void) {
  snprintf(folder, sizeof folder, "/tmp/hubtune-load-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void teardown(void) {
  ht_model_free(model);
  model = NULL;
  OK(ht_folder_remove(folder));
  ht_arena_free(&arena);
}

static const char *golden(const char *name) {
  char tests[1024];
  return ht_arena_printf(&arena, "%s/models/%s", test_folder(tests), name);
}

/* A copy that may be damaged. */
static const char *copy_of(const char *name) {
  const char *to = ht_path_join(&arena, folder, name);
  OK(ht_folder_copy(golden(name), to, NULL, NULL));
  return to;
}

static void put(const char *path, const void *data, size_t n) {
  OK(ht_file_write(ht_path_join(&arena, folder, path), data, n));
}

static void open_module(const char *name, const char *tags) {
  OK(ht_model_open(golden(name), tags, &model));
}

static const ht_variable *variable(const char *key) {
  const ht_variable *v = ht_store_variable(&model->store, key);
  ck_assert_msg(v != NULL, "no variable '%s'", key);
  return v;
}

static const ht_callable *chosen(const char *call, int training) {
  ht_call_choice choice = {.call = call, .training = training};
  const ht_callable *c;
  OK(ht_model_choose(model, &choice, &c));
  return c;
}

static void has_port(const ht_port *p, const char *name, ht_dtype dtype,
                     const char *shape) {
  char text[HT_SHAPE_TEXT];
  ck_assert_str_eq(p->name, name);
  ck_assert_int_eq(p->dtype, dtype);
  ck_assert_str_eq(ht_shape_text(&p->shape, text), shape);
}

static ht_tensor strings(int n, const char *const *s) {
  ht_tensor t;
  ht_shape shape = ht_shape_1(n);
  OK(ht_tensor_new(NULL, HT_STRING, &shape, &t));
  for (int i = 0; i < n; i++) OK(ht_string_set(&t, i, s[i], strlen(s[i])));
  return t;
}

/* Calls it with one input, which it drops. */
static void call_all(const ht_callable *c, ht_tensor in, ht_tensor out[4]) {
  ht_plan *plan;
  const ht_tensor *at[] = {&in};
  ck_assert_int_le(c->body.n_rets, 4);
  OK(ht_plan_new(&c->body, c->capture, &plan));
  ht_run run = ht_run_make(model->pool, &model->store, model->folder);
  OK(ht_plan_run(plan, &run, 1, at, c->body.n_rets, out));
  ht_plan_free(plan);
  ht_tensor_drop(&in);
}

/* The same; gives the first output. */
static ht_tensor call(const ht_callable *c, ht_tensor in) {
  ht_tensor out[4] = {0};
  call_all(c, in, out);
  for (int i = 1; i < c->body.n_rets; i++) ht_tensor_drop(&out[i]);
  return out[0];
}

/* ---- TF2 */

START_TEST(variables_have_the_keys_and_values_of_the_checkpoint) {
  open_module("tf2", NULL);
  ck_assert_int_eq(model->format, HT_FORMAT_SM2);
  const ht_variable *w = variable("kernel/.ATTRIBUTES/VARIABLE_VALUE");
  ck_assert_str_eq(w->name, "w");
  ck_assert_float_eq(ht_f(&w->value)[3], 4.0f);
  w = variable("other/.ATTRIBUTES/VARIABLE_VALUE");
  ck_assert_str_eq(w->name, "w");
  ck_assert_float_eq(ht_f(&w->value)[1], -0.5f);
  w = variable("words/.ATTRIBUTES/VARIABLE_VALUE");
  ck_assert_int_eq((int)ht_str(&w->value)[1].n, 1);
  ck_assert_int_eq(ht_str(&w->value)[1].p[0], 'b');
}
END_TEST

START_TEST(only_the_floating_variables_that_the_module_lists_are_trainable) {
  open_module("tf2", NULL);
  for (int i = 0; i < model->store.n_variables; i++) {
    const ht_variable *v = model->store.variable[i];
    bool kernel = v->key && strncmp(v->key, "kernel/", 7) == 0;
    ck_assert_msg(v->trainable == kernel, "%s", v->name);
  }
}
END_TEST

START_TEST(nested_inputs_are_named_by_path_in_the_functions_order) {
  open_module("tf2", NULL);
  const ht_callable *c = chosen("", 0);
  ck_assert_int_eq(c->n_inputs, 3);
  has_port(&c->input[0], "inputs/a", HT_FLOAT, "[?,2]");
  has_port(&c->input[1], "inputs/b/0", HT_FLOAT, "[]");
  has_port(&c->input[2], "inputs/b/1", HT_INT64, "[?,3]");
  ck_assert_int_eq(c->n_outputs, 3);
  has_port(&c->output[0], "nested/0", HT_FLOAT, "[?,2]");
  has_port(&c->output[1], "nested/1/deep", HT_INT64, "[?,3]");
  has_port(&c->output[2], "z", HT_FLOAT, "[?,2]");
  ck_assert_int_eq(c->body.n_rets, 3);
}
END_TEST

START_TEST(sparse_and_ragged_arguments_are_their_parts) {
  open_module("tf2", NULL);
  const ht_callable *c = chosen("sparse", 0);
  ck_assert_int_eq(c->n_inputs, 3);
  has_port(&c->input[0], "st_indices", HT_INT64, "[?,2]");
  has_port(&c->input[1], "st_values", HT_FLOAT, "[?]");
  has_port(&c->input[2], "st_dense_shape", HT_INT64, "[2]");
  c = chosen("lookup.ragged", 0);
  ck_assert_int_eq(c->n_inputs, 2);
  has_port(&c->input[0], "text_component_0", HT_STRING, "[?]");
  has_port(&c->input[1], "text_component_1", HT_INT64, "[?]");
  has_port(&c->output[1], "default_component_1", HT_INT64, "[?]");
}
END_TEST

START_TEST(training_and_arguments_choose_the_trace) {
  ht_bound_argument log = {.name = "mode", .value = "log"};
  ht_bound_argument scale = {.name = "scale", .value = "0.5"};
  ht_bound_argument no = {.name = "mode", .value = "sin"};
  ht_call_choice choice = {.call = ""};
  const ht_callable *c, *other;
  const ht_port *port;
  open_module("tf2", NULL);
  ck_assert_int_eq(chosen("", 1)->training, 1);
  ck_assert_int_eq(chosen("", 0)->training, 0);
  choice.argument = &scale;
  choice.n_arguments = 1;
  OK(ht_model_choose(model, &choice, &c));
  FAILS(ht_callable_named(c, "scale", &port), HT_USAGE, "no input 'scale'");
  bool bound = false; /* it has that value at every call */
  for (int i = 0; i < c->body.n_args; i++)
    bound |= c->capture[i].dtype == HT_FLOAT && c->capture[i].shape.rank == 0 &&
             ht_f(&c->capture[i])[0] == 0.5f;
  ck_assert(bound);
  scale.value = "half";
  FAILS(ht_model_choose(model, &choice, &c), HT_USAGE, "'scale' wants a float");
  choice.argument = &log;
  OK(ht_model_choose(model, &choice, &other));
  ck_assert_str_ne(c->function, other->function);
  ck_assert_str_ne(other->function, chosen("", 0)->function);
  choice.argument = &no;
  FAILS(ht_model_choose(model, &choice, &c), HT_USAGE, "'mode'");
}
END_TEST

START_TEST(
    the_default_is_serving_default_and_unknown_names_list_what_there_is) {
  ht_call_choice choice = {.signature = "nothing"};
  const ht_callable *c;
  const ht_port *port;
  open_module("tf2", NULL);
  OK(ht_model_choose(model, NULL, &c));
  ck_assert_str_eq(c->name, "serving_default");
  FAILS(ht_model_choose(model, &choice, &c), HT_USAGE,
        "'look', 'serving_default'");
  OK(ht_model_choose(model, NULL, &c));
  OK(ht_callable_output(c, "b", &port)); /* the last part of a/b */
  ck_assert_str_eq(port->name, "a/b");
  OK(ht_callable_input(c, "whatever", &port)); /* there is only one */
  ck_assert_str_eq(port->name, "x");
  FAILS(ht_callable_output(c, "nothing", &port), HT_USAGE, "'a/b', 'y'");
}
END_TEST

/* Of the signature's graph, through its wrapper, in the function it serves. */
START_TEST(a_tensor_in_a_function_is_an_output_where_it_is_asked_for) {
  ht_call_choice choice = {.output = "matmul"};
  const ht_callable *c, *usual;
  const ht_port *port;
  open_module("tf2", NULL);
  OK(ht_model_choose(model, NULL, &usual));
  OK(ht_model_choose(model, &choice, &c));
  ck_assert_int_eq(c->n_outputs, usual->n_outputs + 1);
  OK(ht_callable_output(c, "matmul", &port));
  has_port(port, "matmul", HT_FLOAT, "?");
  ck_assert_int_eq(port->index, c->body.n_rets - 1);
  ht_tensor all[4] = {0}, x;
  ht_shape shape = ht_shape_2(1, 2);
  OK(ht_tensor_new(NULL, HT_FLOAT, &shape, &x));
  ht_f(&x)[0] = 1, ht_f(&x)[1] = 2;
  call_all(c, x, all);
  const ht_tensor *inner = &all[port->index];
  OK(ht_callable_output(c, "y", &port)); /* it is y that is computed there */
  const ht_tensor *y = &all[port->index];
  ck_assert(inner != y && ht_shape_equal(&inner->shape, &y->shape));
  ck_assert_mem_eq(inner->data, y->data, ht_tensor_bytes(y));
  for (int i = 0; i < 4; i++) ht_tensor_drop(&all[i]);
  choice.output = "Size:0";
  OK(ht_model_choose(model, &choice, &c));
  OK(ht_callable_output(c, "Size:0", &port));
  ck_assert_int_eq(port->dtype, HT_INT32);
  choice.output = "matmul:7";
  FAILS(ht_model_choose(model, &choice, &c), HT_CORRUPT, "tensor 'matmul:7'");
  choice.output = "nonesuch"; /* said when the output is looked up */
  OK(ht_model_choose(model, &choice, &c));
  ck_assert_ptr_eq(c, usual);
}
END_TEST

START_TEST(a_value_that_does_not_fit_a_port_is_refused) {
  ht_tensor t;
  const ht_callable *c;
  open_module("tf2", NULL);
  OK(ht_model_choose(model, NULL, &c));
  OK(ht_scalar_float(1, &t));
  FAILS(ht_port_check(&c->input[0], &t), HT_USAGE,
        "wants float [?,2], found float []");
  ht_tensor_drop(&t);
}
END_TEST

START_TEST(a_table_is_filled_for_the_function_and_for_the_signature) {
  static const char *const words[] = {"fox", "the", "dog"};
  static const int64_t ids[] = {2, 0, -1};
  ht_call_choice look = {.signature = "look"};
  const ht_callable *c;
  open_module("tf2", NULL);
  ht_tensor out = call(chosen("lookup", 0), strings(3, words));
  for (int i = 0; i < 3; i++) ck_assert_int_eq(ht_i64(&out)[i], ids[i]);
  ht_tensor_drop(&out);
  OK(ht_model_choose(model, &look, &c));
  out = call(c, strings(3, words));
  for (int i = 0; i < 3; i++) ck_assert_int_eq(ht_i64(&out)[i], ids[i]);
  ht_tensor_drop(&out);
}
END_TEST

/* All three variables are named 'w': only the restore function of the main
 * graph tells which of its handles is which. */
START_TEST(handles_of_the_main_graph_are_the_variables_they_restore) {
  static const char *const fetch[] = {"w/Read/ReadVariableOp:0",
                                      "w_1/Read/ReadVariableOp:0",
                                      "w_2/Read/ReadVariableOp:0"};
  static const char *const key[] = {"frozen", "other", "kernel"};
  const ht_callable *c;
  ht_variable **v;
  int n;
  open_module("tf2", NULL);
  for (int i = 0; i < 3; i++) {
    OK(ht_model_cut(model, 0, NULL, 1, &fetch[i], &c));
    OK(ht_plan_variables(&c->body, NULL, &model->store, &arena, &v, &n));
    ck_assert_int_eq(n, 1);
    ck_assert_ptr_eq(
        v[0], variable(ht_arena_printf(&arena, "%s/.ATTRIBUTES/VARIABLE_VALUE",
                                       key[i])));
  }
}
END_TEST

START_TEST(a_regularization_loss_captures_its_variable) {
  open_module("tf2", NULL);
  ck_assert_int_eq(model->n_regularization, 1);
  ck_assert_int_eq(model->regularization[0].n_args, 1);
  ck_assert_ptr_eq(ht_obj(&model->regularization_capture[0][0])[0],
                   &variable("kernel/.ATTRIBUTES/VARIABLE_VALUE")->object);
}
END_TEST

START_TEST(a_saved_custom_gradient_is_known_by_its_captures) {
  open_module("tf2", NULL);
  ck_assert_int_eq(model->library.gradients.n, 4); /* one a trace */
  const ht_custom_gradient *rule = model->library.gradients.entry[0].value;
  ck_assert_int_eq(rule->n_takes, 2);
  ck_assert_int_eq(rule->n_returns, 2);
  ck_assert(!rule->returns[0] && rule->returns[1]);
}
END_TEST

START_TEST(the_main_graph_can_be_cut_at_any_tensor) {
  static const char *const feed[] = {"serving_default_x"};
  static const char *const fetch[] = {"StatefulPartitionedCall_1:1"};
  static const char *const none[] = {"nothing:0"};
  const ht_callable *c;
  open_module("tf2", NULL);
  OK(ht_model_cut(model, 1, feed, 1, fetch, &c));
  ck_assert_int_eq(c->input[0].dtype, HT_FLOAT);
  ck_assert_int_eq(c->output[0].dtype, HT_FLOAT);
  FAILS(ht_model_cut(model, 0, NULL, 1, none, &c), HT_CORRUPT, "'nothing'");
}
END_TEST

/* ---- TF1 Hub */

START_TEST(parts_of_a_partitioned_variable_hold_their_rows) {
  open_module("hub1", NULL);
  ck_assert_int_eq(model->format, HT_FORMAT_HUB1);
  ck_assert_int_eq(model->n_parts, 2);
  for (int i = 0; i < 2; i++) {
    const ht_variable_part *p = &model->part[i];
    ck_assert_str_eq(p->key, "emb");
    ck_assert_int_eq(p->whole.dim[0], 5);
    ck_assert_int_eq(p->variable->value.shape.dim[0], i ? 2 : 3);
    ck_assert_float_eq(ht_f(&p->variable->value)[0], 2.0f * (float)p->start[0]);
    ck_assert(p->variable->trainable);
  }
}
END_TEST

START_TEST(reference_variables_are_read_and_untrainable_ones_stay_so) {
  open_module("hub1", NULL);
  ck_assert_float_eq(ht_f(&variable("bias")->value)[1], 7.0f);
  ck_assert(variable("bias")->trainable);
  ck_assert(!variable("moving")->trainable);
}
END_TEST

START_TEST(tags_choose_the_graph_and_only_training_has_update_ops) {
  open_module("hub1", NULL);
  ck_assert_int_eq(model->n_update_ops, 0);
  ck_assert_int_eq(model->n_regularization, 2);
  ck_assert_str_eq(model->attachment[0].key, "note");
  ht_model_free(model);
  open_module("hub1", "train");
  ck_assert_int_eq(model->n_update_ops, 1);
  ht_model_free(model);
  model = NULL;
  FAILS(ht_model_open(golden("hub1"), "serve", &model), HT_USAGE,
        "there are '', 'train'");
}
END_TEST

START_TEST(tables_of_a_hub_module_are_initialised_from_its_assets) {
  static const char *const words[] = {"quick", "the"};
  static const char *const feed[] = {"text:0"};
  static const char *const fetch[] = {
      "hash_table_Lookup/hash_table_Lookup/LookupTableFindV2:0"};
  const ht_callable *c;
  open_module("hub1", NULL);
  OK(ht_model_cut(model, 1, feed, 1, fetch, &c));
  ht_tensor out = call(c, strings(2, words));
  ck_assert_int_eq(ht_i64(&out)[0], 1);
  ck_assert_int_eq(ht_i64(&out)[1], 0);
  ht_tensor_drop(&out);
}
END_TEST

START_TEST(a_sparse_signature_is_its_parts) {
  open_module("hub1", NULL);
  ht_call_choice choice = {.signature = "sparse"};
  const ht_callable *c;
  OK(ht_model_choose(model, &choice, &c));
  ck_assert_int_eq(c->n_inputs, 3);
  has_port(&c->input[0], "st_indices", HT_INT64, "[?,2]");
  has_port(&c->input[1], "st_values", HT_FLOAT, "[?]");
  has_port(&c->input[2], "st_dense_shape", HT_INT64, "[2]");
}
END_TEST

/* ---- what is refused */

static void refused(ht_code code, const char *part) {
  FAILS(ht_model_open(folder, NULL, &model), code, part);
  ck_assert_ptr_null(model);
}

/* ---- tables whose content is in the checkpoint (make_tables.py) */

static void answers(const ht_callable *c, const float *wanted, int n) {
  static const char *const words[] = {"red", "blue", "mauve", ""};
  ht_tensor out = call(c, strings(4, words));
  ck_assert_int_eq(ht_count(&out), n);
  for (int i = 0; i < n; i++) ck_assert_float_eq(ht_f(&out)[i], wanted[i]);
  ht_tensor_drop(&out);
}

START_TEST(tables_of_objects_are_filled_from_the_checkpoint) {
  static const float wanted[] = {2, .5F, 0, 1, 1, 4,   0, 1,
                                 0, 8,   5, 6, 0, .5F, 0, 1};
  ht_call_choice signature = {.signature = "serving_default"};
  const ht_callable *c;
  open_module("tables_v2", NULL);
  answers(chosen("__call__", -1), wanted, 16);
  OK(ht_model_choose(model, &signature, &c));
  answers(c, wanted, 16);
}
END_TEST

START_TEST(tables_of_a_session_are_filled_from_the_checkpoint) {
  static const float wanted[] = {2, 1, 0, 0};
  ht_call_choice signature = {.signature = "serving_default"};
  const ht_callable *c;
  open_module("tables_v1", NULL);
  OK(ht_model_choose(model, &signature, &c));
  answers(c, wanted, 4);
}
END_TEST

START_TEST(what_is_no_module_is_said_in_one_line) {
  static const char lfs[] =
      "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n";
  static const char text[] = "\x08\x01\x12\xef\xbf\xbd\xef\xbf\xbd\x01";
  FAILS(ht_model_open("/nowhere/at/all", NULL, &model), HT_IO,
        "no such folder: '/nowhere/at/all'");
  refused(HT_IO, "no saved_model.pb in");
  put("saved_model.pbtxt", "x", 1);
  refused(HT_UNSUPPORTED, "the text form");
  put("saved_model.cpb", "x", 1);
  refused(HT_UNSUPPORTED, "the chunked form");
  put("saved_model.pb", lfs, sizeof lfs - 1);
  refused(HT_CORRUPT, "Git LFS pointer");
  put("saved_model.pb", text, sizeof text - 1);
  refused(HT_CORRUPT, "converted as if it were text");
  put("saved_model.pb", "", 0);
  refused(HT_CORRUPT, "is empty");
}
END_TEST

START_TEST(variables_that_are_pointers_or_gone_are_said_so) {
  static const char lfs[] = "version https://git-lfs.github.com/spec/v1\n";
  const char *path = copy_of("tf2");
  put("tf2/variables/variables.data-00000-of-00001", lfs, sizeof lfs - 1);
  FAILS(ht_model_open(path, NULL, &model), HT_CORRUPT, "Git LFS pointer");
  put("tf2/variables/variables.index", "any text", 8);
  FAILS(ht_model_open(path, NULL, &model), HT_CORRUPT, "Git LFS pointer");
  OK(ht_folder_remove(ht_path_join(&arena, path, "variables")));
  FAILS(ht_model_open(path, NULL, &model), HT_IO, "variables.index");
}
END_TEST

/* Puts `to` in the place of every `from` (of equal length) in a file. */
static void replace(const char *path, const char *from, const char *to) {
  char *data;
  size_t n, length = strlen(from);
  OK(ht_file_read(path, 1 << 20, &arena, &data, &n));
  for (size_t i = 0; i + length <= n; i++)
    if (memcmp(data + i, from, length) == 0) memcpy(data + i, to, length);
  OK(ht_file_write(path, data, n));
}

START_TEST(an_asset_outside_the_module_is_refused) {
  const char *path = copy_of("tf2");
  replace(ht_path_join(&arena, path, "saved_model.pb"), "words.txt",
          "../d/.txt");
  FAILS(ht_model_open(path, NULL, &model), HT_CORRUPT, "outside the module");
}
END_TEST

/* Makes the bytes from *p on the content of a field that stands before. */
static void wrap(unsigned char **p, const unsigned char *end, unsigned field) {
  size_t n = (size_t)(end - *p);
  unsigned key = field << 3 | 2;
  *p -= 4;
  (*p)[0] = (unsigned char)((key & 0x7f) | 0x80);
  (*p)[1] = (unsigned char)(key >> 7);
  (*p)[2] = (unsigned char)((n & 0x7f) | 0x80);
  (*p)[3] = (unsigned char)(n >> 7);
}

START_TEST(messages_nested_without_end_are_refused) {
  /* The way to a structured value: SavedFunction's FunctionSpec, from the
   * inside out. Lists of lists nest in it. */
  static const unsigned field[] = {1, 2, 6, 1, 7, 2};
  unsigned char data[8192], *end = data + sizeof data, *p = end;
  for (int i = 0; i < 300; i++) {
    wrap(&p, end, 1);
    wrap(&p, end, 51);
  }
  for (size_t i = 0; i < sizeof field / sizeof *field; i++)
    wrap(&p, end, field[i]);
  put("saved_model.pb", p, (size_t)(end - p));
  refused(HT_CORRUPT, "nested too deeply");
}
END_TEST

/* Opens, chooses and plans whatever there is; failures are fine. */
static void try_everything(const char *path) {
  ht_status st = ht_model_open(path, NULL, &model);
  for (int i = 0; st.code == HT_OK && i < model->n_callables; i++) {
    const ht_callable *c = &model->callable[i];
    ht_plan *plan = NULL;
    if (ht_model_prepare(model, c).code == HT_OK &&
        ht_plan_new(&c->body, c->capture, &plan).code == HT_OK)
      ht_plan_free(plan);
  }
  ht_model_free(model);
  model = NULL;
}

START_TEST(a_module_cut_anywhere_or_with_a_byte_changed_never_crashes) {
  static const char *const name[] = {"tf2", "hub1"};
  const char *path = copy_of(name[_i]), *pb;
  char *data;
  size_t n;
  pb = ht_path_join(&arena, path, "saved_model.pb");
  OK(ht_file_read(pb, 1 << 20, &arena, &data, &n));
  for (size_t cut = n; cut > 0; cut -= cut < 997 ? cut : 997) {
    FILE *f = fopen(pb, "wb");
    ck_assert_uint_eq(fwrite(data, 1, cut, f), cut);
    fclose(f);
    try_everything(path);
  }
  for (size_t at = 7; at < n; at += 211) {
    char old = data[at];
    data[at] = (char)(old ^ (1 << at % 8));
    FILE *f = fopen(pb, "wb");
    ck_assert_uint_eq(fwrite(data, 1, n, f), n);
    fclose(f);
    try_everything(path);
    data[at] = old;
  }
}
END_TEST

/* ---- published modules beside the project, where there are any */

START_TEST(every_published_module_opens_and_each_variable_has_a_value) {
  char tests[1024];
  const char *from = getenv("HUBTUNE_MODELS");
  char **name;
  int n = 0;
  if (!from)
    from =
        ht_arena_printf(&arena, "%s/../../shared/models", test_folder(tests));
  if (!ht_path_is_folder(from)) {
    printf("no published modules in '%s': skipped\n", from);
    return;
  }
  OK(ht_folder_list(from, &arena, &name, &n));
  for (int i = 0; i < n; i++) {
    const char *path = ht_path_join(&arena, from, name[i]);
    const char *pb = ht_path_join(&arena, path, "saved_model.pb");
    if (!ht_path_exists(pb)) continue;
    ht_status st = ht_model_open(path, NULL, &model);
    ck_assert_msg(st.code == HT_OK, "%s", st.msg);
    for (int k = 0; k < model->store.n_variables; k++) {
      const ht_variable *v = model->store.variable[k];
      ck_assert_msg(!v->key || v->value.dtype, "%s: %s", name[i], v->name);
    }
    for (int k = 0; k < model->n_callables; k++) {
      st = ht_model_prepare(model, &model->callable[k]);
      ck_assert_msg(st.code == HT_OK, "%s: %s", name[i], st.msg);
    }
    ht_model_free(model);
    model = NULL;
  }
}
END_TEST

static void add(TCase *t) {
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, variables_have_the_keys_and_values_of_the_checkpoint);
  tcase_add_test(
      t, only_the_floating_variables_that_the_module_lists_are_trainable);
  tcase_add_test(t, nested_inputs_are_named_by_path_in_the_functions_order);
  tcase_add_test(t, sparse_and_ragged_arguments_are_their_parts);
  tcase_add_test(t, training_and_arguments_choose_the_trace);
  tcase_add_test(
      t, the_default_is_serving_default_and_unknown_names_list_what_there_is);
  tcase_add_test(t, a_tensor_in_a_function_is_an_output_where_it_is_asked_for);
  tcase_add_test(t, a_value_that_does_not_fit_a_port_is_refused);
  tcase_add_test(t, a_table_is_filled_for_the_function_and_for_the_signature);
  tcase_add_test(t, handles_of_the_main_graph_are_the_variables_they_restore);
  tcase_add_test(t, a_regularization_loss_captures_its_variable);
  tcase_add_test(t, a_saved_custom_gradient_is_known_by_its_captures);
  tcase_add_test(t, the_main_graph_can_be_cut_at_any_tensor);
  tcase_add_test(t, parts_of_a_partitioned_variable_hold_their_rows);
  tcase_add_test(t, reference_variables_are_read_and_untrainable_ones_stay_so);
  tcase_add_test(t, tags_choose_the_graph_and_only_training_has_update_ops);
  tcase_add_test(t, tables_of_a_hub_module_are_initialised_from_its_assets);
  tcase_add_test(t, a_sparse_signature_is_its_parts);
  tcase_add_test(t, tables_of_objects_are_filled_from_the_checkpoint);
  tcase_add_test(t, tables_of_a_session_are_filled_from_the_checkpoint);
  tcase_add_test(t, what_is_no_module_is_said_in_one_line);
  tcase_add_test(t, variables_that_are_pointers_or_gone_are_said_so);
  tcase_add_test(t, an_asset_outside_the_module_is_refused);
  tcase_add_test(t, messages_nested_without_end_are_refused);
  tcase_add_loop_test(
      t, a_module_cut_anywhere_or_with_a_byte_changed_never_crashes, 0, 2);
  tcase_add_test(t, every_published_module_opens_and_each_variable_has_a_value);
}

int main(void) { return test_main("load", add); }
