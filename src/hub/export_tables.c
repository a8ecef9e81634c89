/* export_tables.c - tables written: from their file, or with their content in
 * the graph. */
#include <string.h>

#include "hub/export_internal.h"

/* Whole lines numbered from 0 on: what a vocabulary file says by itself. */
bool ht_table_has_file(const ht_table *t) {
  return t->path && t->numbered && t->key_dtype == HT_STRING;
}

ht_status ht_table_node(ht_arena *a, const ht_table *t, const char *name,
                        Tensorflow__NodeDef **out) {
  bool rows = t->value_shape.rank > 0;
  const char *op = t->fixed ? "HashTableV2"
                   : rows   ? "MutableHashTableOfTensorsV2"
                            : "MutableHashTableV2";
  HT_TRY(ht_pb_node(a, op, name, out));
  if (rows) HT_TRY(ht_pb_attr_shape(a, *out, "value_shape", &t->value_shape));
  HT_TRY(ht_pb_attr_type(a, *out, "key_dtype", t->key_dtype));
  HT_TRY(ht_pb_attr_type(a, *out, "value_dtype", t->value_dtype));
  return ht_pb_attr_string(a, *out, "shared_name", name);
}

/* The node that fills a table from its file. */
static ht_status from_file(ht_arena *a, ht_table *t, const char *name,
                           const char *handle, const char *path,
                           Tensorflow__NodeDef **out) {
  HT_TRY(ht_pb_node(a, "InitializeTableFromTextFileV2", name, out));
  HT_TRY(ht_pb_input(a, *out, handle));
  HT_TRY(ht_pb_input(a, *out, path));
  HT_TRY(ht_pb_attr_int(a, *out, "key_index", HT_WHOLE_LINE));
  HT_TRY(ht_pb_attr_int(a, *out, "value_index", HT_LINE_NUMBER));
  HT_TRY(ht_pb_attr_int(a, *out, "vocab_size", ht_table_size(t)));
  HT_TRY(ht_pb_attr_int(a, *out, "offset", t->first));
  return ht_pb_attr_string(a, *out, "delimiter", "\t");
}

/* Constants of keys and values, and the node that imports them. `suffix` is
 * what a reference to an output looks like here: "" or ":output:0". */
static ht_status from_content(ht_arena *a, ht_table *t, const char *name,
                              const char *handle, const char *suffix,
                              Tensorflow__NodeDef *node[3]) {
  ht_tensor keys, values;
  char *text;
  HT_TRY(ht_table_export(t, NULL, &keys, &values));
  HT_TRY(ht_pb_text(a, &text, "%s/keys", name));
  ht_status st = ht_pb_const(a, text, &keys, &node[0]);
  if (st.code == HT_OK) st = ht_pb_text(a, &text, "%s/values", name);
  if (st.code == HT_OK) st = ht_pb_const(a, text, &values, &node[1]);
  ht_tensor_drop(&keys);
  ht_tensor_drop(&values);
  HT_TRY(st);
  HT_TRY(ht_pb_node(a, "LookupTableImportV2", name, &node[2]));
  HT_TRY(ht_pb_input(a, node[2], handle));
  for (int i = 0; i < 2; i++) {
    HT_TRY(ht_pb_text(a, &text, "%s%s", node[i]->name, suffix));
    HT_TRY(ht_pb_input(a, node[2], text));
  }
  HT_TRY(ht_pb_attr_type(a, node[2], "Tin", t->key_dtype));
  return ht_pb_attr_type(a, node[2], "Tout", t->value_dtype);
}

ht_status ht_write_table_fill(ht_writer *w, const ht_out_capture *c,
                              const char **name) {
  Tensorflow__NodeDef *node[3];
  char *wanted;
  HT_TRY(ht_pb_text(&w->arena, &wanted, "%s/table_init", c->node));
  HT_TRY(ht_writer_name(w, wanted, name));
  if (c->asset >= 0) {
    HT_TRY(from_file(&w->arena, c->table, *name, c->node,
                     w->asset[c->asset].node, &node[0]));
    return ht_writer_add(w, node[0]);
  }
  HT_TRY(from_content(&w->arena, c->table, *name, c->node, "", node));
  for (int i = 0; i < 3; i++) HT_TRY(ht_writer_add(w, node[i]));
  return HT_SUCCESS;
}

/* ---- functions of the object graph */

static ht_status new_function(ht_writer *w, const char *hint,
                              Tensorflow__FunctionDef **out,
                              const char **name) {
  ht_arena *a = &w->arena;
  char *text;
  HT_TRY(ht_pb_text(a, &text, "__inference_%s_%d", hint, w->e.serial++));
  HT_PB(*out, a, tensorflow__function_def__init);
  HT_PB((*out)->signature, a, tensorflow__op_def__init);
  (*out)->signature->name = text;
  (*out)->signature->is_stateful = true;
  *name = text;
  return HT_PB_PUSH(a, w->e.library, function, *out);
}

static ht_status returns(ht_arena *a, Tensorflow__FunctionDef *f, ht_dtype type,
                         const char *ref) {
  Tensorflow__FunctionDef__RetEntry *r;
  HT_TRY(ht_emit_arg(a, &f->signature->n_output_arg, &f->signature->output_arg,
                     "output", type, NULL));
  HT_PB(r, a, tensorflow__function_def__ret_entry__init);
  HT_TRY(ht_pb_text(a, &r->key, "output"));
  HT_TRY(ht_pb_text(a, &r->value, "%s", ref));
  return HT_PB_PUSH(a, f, ret, r);
}

static ht_status effect(ht_arena *a, Tensorflow__FunctionDef *f,
                        const char *node) {
  Tensorflow__FunctionDef__ControlRetEntry *r;
  HT_PB(r, a, tensorflow__function_def__control_ret_entry__init);
  HT_TRY(ht_pb_text(a, &r->key, "%s", node));
  HT_TRY(ht_pb_text(a, &r->value, "%s", node));
  HT_TRY(HT_PB_PUSH(a, f, control_ret, r));
  return ht_pb_strings(a, &f->signature->n_control_output,
                       &f->signature->control_output, node);
}

/* Functions that are called for their effect return a constant, as
 * TensorFlow's do. */
static ht_status returns_one(ht_arena *a, Tensorflow__FunctionDef *f) {
  Tensorflow__NodeDef *node;
  ht_tensor one;
  HT_TRY(ht_tensor_zeros(NULL, HT_INT32, &HT_SCALAR, &one));
  ht_i32(&one)[0] = 1;
  ht_status st = ht_pb_const(a, "Const", &one, &node);
  ht_tensor_drop(&one);
  HT_TRY(st);
  HT_TRY(HT_PB_PUSH(a, f, node_def, node));
  return returns(a, f, HT_INT32, "Const:output:0");
}

static ht_status create_function(ht_writer *w, ht_out_capture *c) {
  Tensorflow__FunctionDef *f;
  Tensorflow__NodeDef *node;
  HT_TRY(new_function(w, "_creator", &f, &c->create));
  HT_TRY(ht_table_node(&w->arena, c->table, c->node, &node));
  node->name = "hash_table";
  HT_TRY(HT_PB_PUSH(&w->arena, f, node_def, node));
  HT_TRY(effect(&w->arena, f, "hash_table"));
  return returns(&w->arena, f, HT_RESOURCE, "hash_table:table_handle:0");
}

static ht_status initialize_function(ht_writer *w, ht_out_capture *c) {
  ht_arena *a = &w->arena;
  Tensorflow__FunctionDef *f;
  Tensorflow__NodeDef *node[3];
  int n = c->asset >= 0 ? 1 : 3;
  HT_TRY(new_function(w, "_initializer", &f, &c->initialize));
  HT_TRY(ht_emit_arg(a, &f->signature->n_input_arg, &f->signature->input_arg,
                     "table", HT_RESOURCE, NULL));
  if (c->asset >= 0)
    HT_TRY(ht_emit_arg(a, &f->signature->n_input_arg, &f->signature->input_arg,
                       "filename", HT_STRING, NULL));
  HT_TRY(c->asset >= 0 ? from_file(a, c->table, "table_init", "table",
                                   "filename", &node[0])
                       : from_content(a, c->table, "table_init", "table",
                                      ":output:0", node));
  for (int i = 0; i < n; i++) HT_TRY(HT_PB_PUSH(a, f, node_def, node[i]));
  HT_TRY(effect(a, f, "table_init"));
  return returns_one(a, f);
}

ht_status ht_write_table_functions(ht_writer *w, ht_out_capture *c) {
  Tensorflow__FunctionDef *f;
  HT_TRY(create_function(w, c));
  HT_TRY(initialize_function(w, c));
  HT_TRY(new_function(w, "_destroyer", &f, &c->destroy));
  return returns_one(&w->arena, f);
}
