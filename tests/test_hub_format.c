/* test_hub_format.c - what a module may be, on disk and while it is made, as
 * tensorflow_hub's native_module_test and saved_model_lib_test describe it
 * (docs/hub-behaviours.md). */
#include "behaviours.h"
#include "proto/meta_graph.pb-c.h"

/* ---- folders that are changed */

/* Bytes of a file of a module. */
static char *bytes_of(const char *path, size_t *n) {
  FILE *f = fopen(path, "rb");
  ck_assert_msg(f != NULL, "%s", path);
  char *p = malloc(1 << 20);
  *n = fread(p, 1, 1 << 20, f);
  fclose(f);
  return p;
}

static void write_bytes(const char *path, const char *mode, const void *p,
                        size_t n) {
  FILE *f = fopen(path, mode);
  ck_assert_msg(f != NULL, "%s", path);
  ck_assert(fwrite(p, 1, n, f) == n);
  fclose(f);
}

/* A copy of `functions` under a name; the path of a file in it. */
static const char *copy_of(const char *name, const char *file) {
  static char path[400];
  ht_module *m = functions();
  OK(ht_module_export(m, in_folder(name), true));
  ht_module_free(m);
  snprintf(path, sizeof path, "%s/%s/%s", folder, name, file);
  return path;
}

static void is_refused(const char *name, ht_code code, const char *why) {
  ht_module *m;
  FAILS(ht_module_open(in_folder(name), NULL, &m), code, why);
}

START_TEST(a_required_feature_is_refused_by_its_name) {
  write_bytes(copy_of("feature", "tfhub_module.pb"), "wb",
              "\x08\x03\x12\x03new", 7);
  is_refused("feature", HT_UNSUPPORTED, "requires feature 'new'");
}
END_TEST

START_TEST(another_format_of_the_definition_is_refused) {
  write_bytes(copy_of("format", "tfhub_module.pb"), "wb", "\x08\x02", 2);
  is_refused("format", HT_UNSUPPORTED, "has format 2, wanted 3");
}
END_TEST

/* The places of a text in a file of a copy are given to `edit`. */
static void edited(const char *name, const char *text,
                   void edit(char *at, const char *end)) {
  const char *path = copy_of(name, "saved_model.pb");
  size_t n, length = strlen(text);
  char *p = bytes_of(path, &n);
  int found = 0;
  for (size_t i = 0; i + length <= n; i++)
    if (memcmp(p + i, text, length) == 0) {
      edit(p + i, p + n);
      found++;
    }
  ck_assert_int_ge(found, 1);
  write_bytes(path, "wb", p, n);
  free(p);
}

static void as_variables(char *at, const char *end) {
  (void)end;
  memcpy(at, "model_variables", 15);
}

static void as_private(char *at, const char *end) {
  (void)end;
  memcpy(at, "my_very_private_lists", 21);
}

static void second_output(char *at, const char *end) {
  for (; at + 1 < end; at++)
    if (memcmp(at, ":0", 2) == 0) {
      at[1] = '1';
      return;
    }
}

START_TEST(a_collection_of_another_kind_is_refused_by_its_name) {
  edited("kind", "asset_filepaths", as_variables);
  is_refused("kind", HT_CORRUPT,
             "collection 'model_variables' of the graph tagged '' is no list "
             "of messages");
}
END_TEST

START_TEST(an_asset_is_a_constant_string) {
  edited("asset", "asset_filepaths", second_output);
  is_refused("asset", HT_CORRUPT, ":1' is no constant string");
}
END_TEST

START_TEST(a_collection_that_modules_have_not_is_refused_by_its_name) {
  edited("collection", "regularization_losses", as_private);
  is_refused("collection", HT_UNSUPPORTED,
             "unsupported collections in the graph tagged '': "
             "'my_very_private_lists'");
}
END_TEST

/* What a copy says is given to `change`. */
static void changed(const char *name,
                    void change(Tensorflow__MetaGraphDef *graph)) {
  const char *path = copy_of(name, "saved_model.pb");
  size_t n;
  char *p = bytes_of(path, &n);
  Tensorflow__SavedModel *m =
      tensorflow__saved_model__unpack(NULL, n, (uint8_t *)p);
  ck_assert(m != NULL);
  change(m->meta_graphs[0]);
  uint8_t *out = malloc(tensorflow__saved_model__get_packed_size(m));
  write_bytes(path, "wb", out, tensorflow__saved_model__pack(m, out));
  tensorflow__saved_model__free_unpacked(m, NULL);
  free(out);
  free(p);
}

static Tensorflow__SignatureDef *multiply_of(Tensorflow__MetaGraphDef *g) {
  for (size_t i = 0; i < g->n_signature_def; i++)
    if (strcmp(g->signature_def[i]->key, "multiply") == 0)
      return g->signature_def[i]->value;
  ck_abort_msg("no signature 'multiply'");
}

static void output_of_ints(Tensorflow__MetaGraphDef *g) {
  multiply_of(g)->outputs[0]->value->dtype = TENSORFLOW__DATA_TYPE__DT_INT32;
}

static void input_of_texts(Tensorflow__MetaGraphDef *g) {
  multiply_of(g)->inputs[0]->value->dtype = TENSORFLOW__DATA_TYPE__DT_STRING;
}

START_TEST(a_signature_declares_what_its_graph_gives) {
  changed("ints", output_of_ints);
  is_refused("ints", HT_CORRUPT,
             "signature 'multiply': 'default' is declared int32, but its "
             "tensor");
  changed("texts", input_of_texts);
  is_refused("texts", HT_CORRUPT, "is declared string, but its tensor");
}
END_TEST

static void no_nodes(Tensorflow__MetaGraphDef *g) {
  tensorflow__graph_def__free_unpacked(g->graph_def, NULL);
  g->graph_def = calloc(1, sizeof *g->graph_def);
  tensorflow__graph_def__init(g->graph_def);
}

static void no_graph(Tensorflow__MetaGraphDef *g) {
  tensorflow__graph_def__free_unpacked(g->graph_def, NULL);
  g->graph_def = NULL;
}

START_TEST(a_graph_without_operations_is_none) {
  changed("no_nodes", no_nodes);
  is_refused("no_nodes", HT_CORRUPT, "the graph tagged '' has no operations");
  changed("no_graph", no_graph);
  is_refused("no_graph", HT_CORRUPT, "the graph tagged '' has no operations");
}
END_TEST

/* A node that is not there, at the end of a collection. */
static void append(Tensorflow__MetaGraphDef *g, const char *name) {
  for (size_t i = 0; i < g->n_collection_def; i++) {
    if (strcmp(g->collection_def[i]->key, name) != 0) continue;
    Tensorflow__CollectionDef__NodeList *l =
        g->collection_def[i]->value->node_list;
    l->value = realloc(l->value, (l->n_value + 1) * sizeof *l->value);
    l->value[l->n_value++] = strdup("ghost:0");
    return;
  }
  ck_abort_msg("no collection '%s'", name);
}

static void ghost_loss(Tensorflow__MetaGraphDef *g) {
  append(g, "regularization_losses");
}

static void ghost_table(Tensorflow__MetaGraphDef *g) {
  append(g, "table_initializer");
}

static void ghost_variable(Tensorflow__MetaGraphDef *g) {
  for (size_t i = 0; i < g->n_collection_def; i++) {
    if (strcmp(g->collection_def[i]->key, "variables") != 0) continue;
    Tensorflow__CollectionDef__BytesList *l =
        g->collection_def[i]->value->bytes_list;
    free(l->value[0].data);
    l->value[0].data = (uint8_t *)strdup("\x0a\x07ghost:0");
    l->value[0].len = 9;
  }
}

START_TEST(a_collection_names_what_the_graph_has) {
  changed("ghost_loss", ghost_loss);
  is_refused("ghost_loss", HT_CORRUPT,
             "collection 'regularization_losses': there is no node 'ghost'");
  changed("ghost_table", ghost_table);
  is_refused("ghost_table", HT_CORRUPT,
             "initialising tables: there is no node 'ghost'");
  changed("ghost_variable", ghost_variable);
  is_refused("ghost_variable", HT_CORRUPT,
             "collection 'variables' has 'ghost', the graph has not");
}
END_TEST

START_TEST(tags_that_two_graphs_have_are_refused) {
  const char *path = copy_of("twice", "saved_model.pb");
  size_t n;
  char *p = bytes_of(path, &n);
  write_bytes(path, "ab", p, n);
  free(p);
  is_refused("twice", HT_CORRUPT, "tags '' are used repeatedly");
}
END_TEST

/* ---- what is written */

START_TEST(a_module_has_its_folders_and_definition_even_when_empty) {
  ht_net *net;
  size_t n;
  char path[400];
  OK(ht_net_new(&net));
  ht_symbol x = ht_net_input(net, "x", HT_FLOAT, 0, NULL);
  ht_net_add_signature(net, NULL, HT_NAMED({NULL, x}), HT_NAMED({NULL, x}));
  OK(ht_net_export(net, in_folder("empty"), true));
  ht_net_free(net);
  snprintf(path, sizeof path, "%s/empty/assets", folder);
  ck_assert(access(path, X_OK) == 0);
  snprintf(path, sizeof path, "%s/empty/variables", folder);
  ck_assert(access(path, X_OK) == 0);
  snprintf(path, sizeof path, "%s/empty/tfhub_module.pb", folder);
  char *p = bytes_of(path, &n);
  ck_assert(n == 2 && memcmp(p, "\x08\x03", 2) == 0);
  free(p);
  snprintf(path, sizeof path, "%s/empty/saved_model.pb", folder);
  p = bytes_of(path, &n);
  ck_assert(p[0] == 0x12); /* the graphs: no schema version before them */
  free(p);
}
END_TEST

START_TEST(the_same_module_is_written_to_the_same_bytes) {
  size_t n[2];
  char *p[2];
  for (int i = 0; i < 2; i++) {
    ht_module *m = functions();
    ht_net *net;
    const char *name = i ? "bytes_b" : "bytes_a";
    char path[400];
    ht_choice choice = {.signature = "lookup"};
    OK(ht_net_new(&net));
    ht_symbol s = ht_net_input(net, "text", HT_STRING, 1, (int64_t[]){-1});
    ht_symbol y = ht_net_apply(net, m, &choice, HT_NAMED({NULL, s}));
    ht_net_add_signature(net, NULL, HT_NAMED({NULL, s}), HT_NAMED({NULL, y}));
    OK(ht_net_export(net, in_folder(name), true));
    ht_net_free(net);
    ht_module_free(m);
    snprintf(path, sizeof path, "%s/%s/saved_model.pb", folder, name);
    p[i] = bytes_of(path, &n[i]);
  }
  ck_assert(n[0] == n[1] && memcmp(p[0], p[1], n[0]) == 0);
  free(p[0]);
  free(p[1]);
}
END_TEST

/* Three files of one name, as tensorflow_hub numbers them. */
START_TEST(files_of_one_name_are_kept_apart) {
  static const char *const word[] = {"a", "b", "c"};
  char path[400];
  ht_net *net;
  OK(ht_net_new(&net));
  ht_symbol s = ht_net_input(net, "text", HT_STRING, 1, (int64_t[]){-1});
  ht_named out[3];
  for (int i = 0; i < 3; i++) {
    snprintf(path, sizeof path, "%s/%s", folder, word[i]);
    OK(ht_folder_make(path));
    snprintf(path, sizeof path, "%s/%s/hello.txt", folder, word[i]);
    write_bytes(path, "wb", word[i], 1);
    ht_symbol table = ht_net_vocabulary(net, word[i], path);
    ht_symbol none = ht_net_op(net, "Cast", "DstT=int64",
                               HT_SYMBOLS(ht_net_number(net, HT_INT32, -1)));
    out[i] = (ht_named){word[i], ht_net_op(net, "LookupTableFindV2", NULL,
                                           HT_SYMBOLS(table, s, none))};
  }
  ht_net_add_signature(net, NULL, HT_NAMED({NULL, s}), 3, out);
  OK(ht_net_export(net, in_folder("hello"), true));
  ht_net_free(net);
  ht_module *m = open_tagged(in_folder("hello"), NULL);
  const ht_module_info *info;
  OK(ht_module_inspect(m, &info));
  ck_assert_int_eq(info->n_assets, 3);
  ck_assert_str_eq(info->asset[0], "hello.txt");
  ck_assert_str_eq(info->asset[1], "hello.txt0");
  ck_assert_str_eq(info->asset[2], "hello.txt1");
  for (int i = 0; i < 3; i++) {
    ht_array *text = array(HT_STRING, 1, (int64_t[]){1}, &word[i]);
    ht_arrays *y = called(m, NULL, SET({"default", text}));
    for (int k = 0; k < 3; k++) NEAR(at(y, word[k], 0), k == i ? 0 : -1);
    ht_arrays_free(y);
  }
  ht_module_free(m);
}
END_TEST

/* ---- several graphs */

enum { FIRST = 1, SECOND = 2 };

/* y = n x, with a message of that number. */
static void times(ht_net *net, void *arg) {
  int n = *(int *)arg;
  char text[2] = {(char)('0' + n), 0};
  ht_symbol x = ht_net_input(net, "x", HT_FLOAT, 1, (int64_t[]){-1});
  ht_symbol y = ht_net_op(net, "Mul", NULL,
                          HT_SYMBOLS(x, ht_net_number(net, HT_FLOAT, n)));
  ht_net_add_signature(net, NULL, HT_NAMED({"x", x}), HT_NAMED({NULL, y}));
  if (n > FIRST)
    ht_net_add_signature(net, "more", HT_NAMED({"x", x}), HT_NAMED({"y", y}));
  ht_net_attach_message(net, "shared", "0", 1);
  ht_net_attach_message(net, "shared", text, 1);
  if (n == SECOND) ht_net_attach_message(net, "second", "", 0);
}

START_TEST(graphs_have_any_tags_signatures_and_messages_of_their_own) {
  static const char *const tags[] = {"", "train", "gpu,big"};
  static const char *const other[] = {"", "train", "big,gpu"};
  int n[3] = {1, 2, 3};
  ht_tags_and_args graph[3];
  ht_net *net;
  for (int i = 0; i < 3; i++) graph[i] = (ht_tags_and_args){tags[i], &n[i]};
  OK(ht_module_author(times, 3, graph, &net));
  OK(ht_net_export(net, in_folder("graphs"), true));
  ht_net_free(net);
  for (int i = 0; i < 3; i++) {
    const void *data;
    size_t size;
    const ht_module_info *info;
    ht_module *m = open_tagged(in_folder("graphs"), other[i]);
    OK(ht_module_inspect(m, &info));
    ck_assert(info->n_tag_sets == 3 && info->n_callables == (i ? 2 : 1));
    NEAR(number(m, NULL, SET({"x", FLOATS(5)}), "default", 0), 5 * (i + 1));
    OK(ht_module_attachment(m, "shared", &data, &size));
    ck_assert(size == 1 && *(const char *)data == '1' + i);
    OK(ht_module_attachment(m, "second", &data, &size));
    ck_assert((data != NULL) == (i == 1));
    ht_module_free(m);
  }
}
END_TEST

START_TEST(a_module_may_have_tagged_graphs_alone) {
  int n = 4;
  ht_tags_and_args graph = {"gpu", &n};
  ht_net *net;
  ht_module *m;
  OK(ht_module_author(times, 1, &graph, &net));
  FAILS(ht_net_export(net, in_folder("alone2"), false), HT_UNSUPPORTED, "gpu");
  OK(ht_net_export(net, in_folder("alone"), true));
  ht_net_free(net);
  ht_module_options empty = {.tags = ""};
  FAILS(ht_module_open(in_folder("alone"), &empty, &m), HT_USAGE,
        "no graph with tags '': there are 'gpu'");
  m = open_tagged(in_folder("alone"), "gpu");
  NEAR(number(m, "more", SET({"x", FLOATS(5)}), "y", 0), 20);
  ht_module_free(m);
}
END_TEST

START_TEST(a_message_is_copied_when_it_is_attached) {
  char text[] = "old";
  int n = 1;
  ht_tags_and_args graph = {"", &n};
  ht_net *net;
  const void *data;
  size_t size;
  OK(ht_module_author(times, 1, &graph, &net));
  ht_net_attach_message(net, "text", text, 3);
  memcpy(text, "new", 3);
  OK(ht_net_export(net, in_folder("copied"), true));
  ht_net_free(net);
  ht_module *m = open_tagged(in_folder("copied"), NULL);
  OK(ht_module_attachment(m, "text", &data, &size));
  ck_assert(size == 3 && memcmp(data, "old", 3) == 0);
  ht_module_free(m);
}
END_TEST

START_TEST(messages_of_tensorflow_hub_are_those_of_the_graph) {
  static const char *const key[] = {"shared", "inference", "training"};
  for (int i = 0; i < 2; i++) {
    const void *data;
    size_t n;
    ht_module *m = open_tagged(behaviour("functions"), i ? "train" : "");
    for (int k = 0; k < 3; k++) {
      OK(ht_module_attachment(m, key[k], &data, &n));
      bool there = k == 0 || k == 1 + i;
      ck_assert((data != NULL) == there);
      if (k == 0) ck_assert(((const char *)data)[n - 1] == 1 + i);
    }
    ht_module_free(m);
  }
}
END_TEST

/* ---- what no signature can have */

START_TEST(a_handle_is_no_input_and_no_output) {
  for (int k = 0; k < 4; k++) {
    ht_net *net;
    ht_array *one = FLOATS(1);
    OK(ht_net_new(&net));
    ht_symbol x = ht_net_input(net, "x", HT_FLOAT, 1, (int64_t[]){-1});
    ht_symbol v = ht_net_variable(net, "v", one, true);
    ht_symbol nothing = {-1, 0};
    if (k == 0)
      ht_net_add_signature(net, "s", HT_NAMED({"a", v}), HT_NAMED({"b", x}));
    if (k == 1)
      ht_net_add_signature(net, "s", HT_NAMED({"a", x}), HT_NAMED({"b", v}));
    if (k == 2)
      ht_net_add_signature(net, "s", HT_NAMED({"a", nothing}),
                           HT_NAMED({"b", x}));
    if (k == 3) ht_net_add_signature(net, "s", HT_NAMED({"a", x}), 0, NULL);
    static const char *const why[] = {
        "signature 's': input 'a' is a handle",
        "signature 's': output 'b' is a handle",
        "signature 's': input 'a': the symbol is no value of the net",
        "signature 's': it has no outputs"};
    FAILS(ht_net_status(net), HT_USAGE, why[k]);
    ht_array_free(one);
    ht_net_free(net);
  }
}
END_TEST

/* Only whole values are inputs, and where something runs is nobody's
 * business: there is nothing to colocate. */
START_TEST(nothing_can_be_colocated) {
  ht_net *net;
  OK(ht_net_new(&net));
  ht_symbol x = ht_net_input(net, "x", HT_FLOAT, 1, (int64_t[]){-1});
  ht_net_op(net, "Neg", "_class=['loc:@x']", HT_SYMBOLS(x));
  FAILS(ht_net_status(net), HT_USAGE, "'_class'");
  ht_net_free(net);
}
END_TEST

/* ---- SavedModels and checkpoints as modules */

START_TEST(a_saved_model_of_a_session_becomes_a_module) {
  for (int k = 0; k < 2; k++) {
    const char *path = k ? in_folder("doubled") : behaviour("twice");
    ht_module *m = open_tagged(path, k ? NULL : "serve");
    ht_arrays *y =
        called(m, "serving_default", SET({"x", ROWS(1, 3, 2, 4, 5)}));
    NEAR(at(y, "y", 0), 4);
    NEAR(at(y, "y", 1), 8);
    NEAR(at(y, "y", 2), 10);
    ht_arrays_free(y);
    if (!k) OK(ht_module_export(m, in_folder("doubled"), true));
    ht_module_free(m);
  }
}
END_TEST

/* Of a net whose variables are named as a trainer of TensorFlow names them. */
static void checkpoint(const char *prefix, int64_t width) {
  ht_net *net;
  ht_trainer *t;
  int64_t three = width;
  OK(ht_net_new(&net));
  ht_net_scope(net, "block/");
  ht_symbol v = ht_net_variable_drawn(net, "three", "ones", 1, &three, true);
  ht_symbol loss = ht_net_op(
      net, "Mean", NULL,
      HT_SYMBOLS(ht_net_read(net, v), ht_net_number(net, HT_INT32, 0)));
  ht_arrays *none = set_of(0, NULL);
  t = descend(net, 0, NULL, loss, "1e-9");
  OK(ht_trainer_step(t, none, NULL));
  OK(ht_trainer_save(t, prefix));
  ht_arrays_free(none);
  ht_trainer_free(t);
  ht_net_free(net);
}

/* y = a variable of a name, type and width. */
static void one_of(const char *out, const char *name, ht_dtype dtype,
                   int64_t n) {
  static const float f[4] = {1, 2, 3, 4};
  static const double d[4] = {1, 2, 3, 4};
  ht_net *net;
  ht_array *a = array(dtype, 1, &n, dtype == HT_FLOAT ? (void *)f : (void *)d);
  OK(ht_net_new(&net));
  ht_symbol v = ht_net_variable(net, name, a, true);
  ht_net_add_signature(net, NULL, 0, NULL,
                       HT_NAMED({NULL, ht_net_read(net, v)}));
  OK(ht_net_export(net, in_folder(out), true));
  ht_array_free(a);
  ht_net_free(net);
}

/* Puts the checkpoint of another module into one. */
static void with_variables_of(const char *module, const char *other) {
  char path[400], from[500], to[500];
  snprintf(path, sizeof path, "%s/%s/variables", folder, module);
  OK(ht_folder_remove(path));
  OK(ht_folder_make(path));
  static const char *const file[] = {"index", "data-00000-of-00001"};
  for (int i = 0; i < 2; i++) {
    size_t n;
    snprintf(from, sizeof from, "%s/%s/variables/variables.%s", folder, other,
             file[i]);
    snprintf(to, sizeof to, "%s/variables.%s", path, file[i]);
    char *p = bytes_of(from, &n);
    write_bytes(to, "wb", p, n);
    free(p);
  }
}

START_TEST(a_checkpoint_that_does_not_fit_is_told) {
  static const struct {
    const char *name, *why;
    ht_dtype dtype;
    int64_t n;
  } row[] = {
      {"v", "variable 'v': it is float [3], 'variables/variables' in", HT_FLOAT,
       4},
      {"v", "has double [3]", HT_DOUBLE, 3},
      {"w", "variable 'v' is not in 'variables/variables' of", HT_FLOAT, 3}};
  for (int i = 0; i < 3; i++) {
    char other[20], module[20];
    snprintf(other, sizeof other, "other%d", i);
    snprintf(module, sizeof module, "unfit%d", i);
    one_of(module, "v", HT_FLOAT, 3);
    one_of(other, row[i].name, row[i].dtype, row[i].n);
    with_variables_of(module, other);
    is_refused(module, HT_CORRUPT, row[i].why);
  }
}
END_TEST

static void one_variable(ht_net *net, void *arg) {
  (void)arg;
  int64_t three = 3;
  ht_symbol v = ht_net_variable_drawn(net, "three", "zeros", 1, &three, true);
  ht_net_add_signature(net, NULL, 0, NULL,
                       HT_NAMED({NULL, ht_net_read(net, v)}));
}

START_TEST(a_module_takes_its_values_from_a_checkpoint_by_their_names) {
  static const char *const map[] = {"^=model/block/"};
  ht_net *net;
  OK(ht_module_author(one_variable, 0, NULL, &net));
  OK(ht_net_export(net, in_folder("zeros"), true));
  ht_net_free(net);
  checkpoint(in_folder("good"), 3);
  checkpoint(in_folder("wide"), 4);
  ht_module *m = open_tagged(in_folder("zeros"), NULL);
  FAILS(ht_module_assign(m, in_folder("good"), 0, NULL), HT_USAGE,
        "has no 'three' for variable 'three'");
  FAILS(ht_module_assign(m, in_folder("wide"), 1, map), HT_USAGE,
        "variable 'three' is float [3], 'model/block/three' of");
  FAILS(ht_module_assign(m, in_folder("good"), 1,
                         (const char *const[]){"^.*=loop/step"}),
        HT_USAGE, "is float [3], 'loop/step' of");
  OK(ht_module_assign(m, in_folder("good"), 1, map));
  NEAR(number(m, NULL, set_of(0, NULL), "default", 2), 1);
  OK(ht_module_export(m, in_folder("ones"), true));
  FAILS(ht_module_export(m, in_folder("ones"), true), HT_IO, "exists already");
  ht_module_free(m);
}
END_TEST

static void add(TCase *tests) {
  tcase_add_test(tests, a_required_feature_is_refused_by_its_name);
  tcase_add_test(tests, another_format_of_the_definition_is_refused);
  tcase_add_test(tests, a_collection_of_another_kind_is_refused_by_its_name);
  tcase_add_test(tests, an_asset_is_a_constant_string);
  tcase_add_test(tests,
                 a_collection_that_modules_have_not_is_refused_by_its_name);
  tcase_add_test(tests, a_signature_declares_what_its_graph_gives);
  tcase_add_test(tests, a_graph_without_operations_is_none);
  tcase_add_test(tests, a_collection_names_what_the_graph_has);
  tcase_add_test(tests, tags_that_two_graphs_have_are_refused);
  tcase_add_test(tests,
                 a_module_has_its_folders_and_definition_even_when_empty);
  tcase_add_test(tests, the_same_module_is_written_to_the_same_bytes);
  tcase_add_test(tests, files_of_one_name_are_kept_apart);
  tcase_add_test(tests,
                 graphs_have_any_tags_signatures_and_messages_of_their_own);
  tcase_add_test(tests, a_module_may_have_tagged_graphs_alone);
  tcase_add_test(tests, a_message_is_copied_when_it_is_attached);
  tcase_add_test(tests, messages_of_tensorflow_hub_are_those_of_the_graph);
  tcase_add_test(tests, a_handle_is_no_input_and_no_output);
  tcase_add_test(tests, nothing_can_be_colocated);
  tcase_add_test(tests, a_saved_model_of_a_session_becomes_a_module);
  tcase_add_test(tests, a_checkpoint_that_does_not_fit_is_told);
  tcase_add_test(tests,
                 a_module_takes_its_values_from_a_checkpoint_by_their_names);
}

int main(void) { return main_of("hub_format", add); }
