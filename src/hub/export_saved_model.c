/*
 * export_saved_model.c - a TF2 SavedModel: an object graph for Python, a main
 * graph with signatures, initialisers and a saver for TF Serving.
 */
#include <string.h>

#include "hub/export_internal.h"

/* ---- initialisation: tables are filled by one node */

static ht_status control(ht_arena *a, Tensorflow__NodeDef *node,
                         const char *from) {
  char *text;
  HT_TRY(ht_pb_text(a, &text, "^%s", from));
  return ht_pb_input(a, node, text);
}

static ht_status init_signature(ht_writer *w, const char *init) {
  ht_arena *a = &w->arena;
  Tensorflow__MetaGraphDef__SignatureDefEntry *e;
  Tensorflow__SignatureDef__OutputsEntry *out;
  HT_PB(e, a, tensorflow__meta_graph_def__signature_def_entry__init);
  HT_PB(e->value, a, tensorflow__signature_def__init);
  HT_PB(out, a, tensorflow__signature_def__outputs_entry__init);
  HT_PB(out->value, a, tensorflow__tensor_info__init);
  HT_TRY(ht_pb_text(a, &e->key, "__saved_model_init_op"));
  HT_TRY(ht_pb_text(a, &out->key, "__saved_model_init_op"));
  out->value->encoding_case = TENSORFLOW__TENSOR_INFO__ENCODING_NAME;
  HT_TRY(ht_pb_text(a, &out->value->name, "%s", init));
  HT_PB(out->value->tensor_shape, a, tensorflow__tensor_shape_proto__init);
  out->value->tensor_shape->unknown_rank = true;
  HT_TRY(HT_PB_PUSH(a, e->value, outputs, out));
  return HT_PB_PUSH(a, w->meta, signature_def, e);
}

static ht_status init_node(ht_writer *w) {
  Tensorflow__NodeDef *init;
  const char *name, *fill;
  HT_TRY(ht_writer_name(w, "init_op", &name));
  HT_TRY(ht_pb_node(&w->arena, "NoOp", name, &init));
  for (int i = 0; i < w->n_captures; i++) {
    if (!w->capture[i].table) continue;
    HT_TRY(ht_write_table_fill(w, &w->capture[i], &fill));
    HT_TRY(control(&w->arena, init, fill));
  }
  HT_TRY(ht_writer_add(w, init));
  return init_signature(w, name);
}

/* ---- the saver: RestoreV2 and assignments, SaveV2 */

static ht_status strings_node(ht_writer *w, const char *name, int n,
                              const char *const *value) {
  ht_tensor t;
  ht_shape s = ht_shape_1(n);
  Tensorflow__NodeDef *node;
  HT_TRY(ht_tensor_new(NULL, HT_STRING, &s, &t));
  ht_status st = HT_SUCCESS;
  for (int i = 0; i < n && st.code == HT_OK; i++)
    st = ht_string_set(&t, i, value ? value[i] : "",
                       value ? strlen(value[i]) : 0);
  if (st.code == HT_OK) st = ht_pb_const(&w->arena, name, &t, &node);
  ht_tensor_drop(&t);
  HT_TRY(st);
  return ht_writer_add(w, node);
}

typedef struct saver {
  ht_writer *w;
  int n;
  const char **key;
  const ht_out_capture **variable;
  ht_dtype *type;
} saver;

static ht_status saver_inputs(ht_arena *a, Tensorflow__NodeDef *node) {
  HT_TRY(ht_pb_input(a, node, "saver_filename"));
  HT_TRY(ht_pb_input(a, node, "saver/tensor_names"));
  return ht_pb_input(a, node, "saver/shape_and_slices");
}

static ht_status restore_nodes(saver *s) {
  ht_arena *a = &s->w->arena;
  Tensorflow__NodeDef *restore, *all, *assign;
  HT_TRY(ht_pb_node(a, "RestoreV2", "saver/RestoreV2", &restore));
  HT_TRY(saver_inputs(a, restore));
  HT_TRY(ht_pb_attr_types(a, restore, "dtypes", s->n, s->type));
  if (s->n) HT_TRY(ht_writer_add(s->w, restore));
  HT_TRY(ht_pb_node(a, "NoOp", "saver/restore_all", &all));
  for (int i = 0; i < s->n; i++) {
    char *name, *value;
    HT_TRY(ht_pb_text(a, &name, "saver/Assign_%d", i));
    HT_TRY(ht_pb_text(a, &value, "saver/RestoreV2:%d", i));
    HT_TRY(ht_pb_node(a, "AssignVariableOp", name, &assign));
    HT_TRY(ht_pb_input(a, assign, s->variable[i]->node));
    HT_TRY(ht_pb_input(a, assign, value));
    HT_TRY(ht_pb_attr_type(a, assign, "dtype", s->type[i]));
    HT_TRY(ht_writer_add(s->w, assign));
    HT_TRY(control(a, all, name));
  }
  return ht_writer_add(s->w, all);
}

static ht_status save_nodes(saver *s) {
  ht_arena *a = &s->w->arena;
  Tensorflow__NodeDef *save, *done, *read;
  HT_TRY(ht_pb_node(a, "SaveV2", "saver/SaveV2", &save));
  HT_TRY(saver_inputs(a, save));
  for (int i = 0; i < s->n; i++) {
    char *name;
    HT_TRY(
        ht_pb_text(a, &name, "%s/Read/ReadVariableOp", s->variable[i]->node));
    HT_TRY(ht_pb_node(a, "ReadVariableOp", name, &read));
    HT_TRY(ht_pb_input(a, read, s->variable[i]->node));
    HT_TRY(ht_pb_attr_type(a, read, "dtype", s->type[i]));
    HT_TRY(ht_writer_add(s->w, read));
    HT_TRY(ht_pb_input(a, save, name));
  }
  HT_TRY(ht_pb_attr_types(a, save, "dtypes", s->n, s->type));
  if (s->n) HT_TRY(ht_writer_add(s->w, save));
  HT_TRY(ht_pb_node(a, "Identity", "saver/save", &done));
  HT_TRY(ht_pb_input(a, done, "saver_filename"));
  if (s->n) HT_TRY(control(a, done, "saver/SaveV2"));
  HT_TRY(ht_pb_attr_type(a, done, "T", HT_STRING));
  return ht_writer_add(s->w, done);
}

static ht_status saver_def(ht_writer *w) {
  Tensorflow__SaverDef *def;
  HT_PB(def, &w->arena, tensorflow__saver_def__init);
  HT_TRY(ht_pb_text(&w->arena, &def->filename_tensor_name, "saver_filename:0"));
  HT_TRY(ht_pb_text(&w->arena, &def->save_tensor_name, "saver/save:0"));
  HT_TRY(ht_pb_text(&w->arena, &def->restore_op_name, "saver/restore_all"));
  def->version = TENSORFLOW__SAVER_DEF__CHECKPOINT_FORMAT_VERSION__V2;
  w->meta->saver_def = def;
  return HT_SUCCESS;
}

static ht_status write_saver(ht_writer *w, const char *const *key) {
  ht_arena *a = &w->arena;
  saver s = {.w = w};
  Tensorflow__NodeDef *file;
  HT_NEW(s.key, a, w->n_captures + 1);
  HT_NEW(s.variable, a, w->n_captures + 1);
  HT_NEW(s.type, a, w->n_captures + 1);
  for (int i = 0; i < w->n_captures; i++) {
    if (!w->capture[i].variable) continue;
    s.key[s.n] = key[i];
    s.variable[s.n] = &w->capture[i];
    s.type[s.n++] = w->capture[i].variable->dtype;
  }
  HT_TRY(ht_pb_node(a, "Placeholder", "saver_filename", &file));
  HT_TRY(ht_pb_attr_type(a, file, "dtype", HT_STRING));
  HT_TRY(ht_pb_attr_shape(a, file, "shape", &HT_SCALAR));
  HT_TRY(ht_writer_add(w, file));
  HT_TRY(strings_node(w, "saver/tensor_names", s.n, s.key));
  HT_TRY(strings_node(w, "saver/shape_and_slices", s.n, NULL));
  HT_TRY(restore_nodes(&s));
  HT_TRY(save_nodes(&s));
  return saver_def(w);
}

static ht_status asset_defs(ht_writer *w) {
  ht_arena *a = &w->arena;
  for (int i = 0; i < w->n_assets; i++) {
    Tensorflow__AssetFileDef *def;
    HT_PB(def, a, tensorflow__asset_file_def__init);
    HT_PB(def->tensor_info, a, tensorflow__tensor_info__init);
    def->tensor_info->encoding_case = TENSORFLOW__TENSOR_INFO__ENCODING_NAME;
    HT_TRY(ht_pb_text(a, &def->tensor_info->name, "%s:0", w->asset[i].node));
    HT_TRY(ht_pb_text(a, &def->filename, "%s", w->asset[i].file));
    HT_TRY(HT_PB_PUSH(a, w->meta, asset_file_def, def));
  }
  return HT_SUCCESS;
}

/* ---- the checkpoint */

static ht_status write_variables(ht_writer *w, const char *folder,
                                 const char *const *key,
                                 const ProtobufCBinaryData *objects) {
  ht_checkpoint_item *item;
  ht_tensor graph;
  int n = 0;
  HT_NEW(item, &w->arena, w->n_captures + 1);
  HT_TRY(ht_scalar_string((const char *)objects->data, objects->len, &graph));
  item[n++] = (ht_checkpoint_item){.key = "_CHECKPOINTABLE_OBJECT_GRAPH",
                                   .value = &graph};
  for (int i = 0; i < w->n_captures; i++)
    if (w->capture[i].variable)
      item[n++] = (ht_checkpoint_item){.key = key[i],
                                       .variable = w->capture[i].variable};
  char *sub = ht_path_join(&w->arena, folder, "variables");
  char *prefix = sub ? ht_path_join(&w->arena, sub, "variables") : NULL;
  ht_status st = prefix ? ht_folder_make(sub)
                        : ht_fail(HT_NO_MEMORY, "no memory for a path");
  if (st.code == HT_OK) st = ht_checkpoint_write(prefix, item, n);
  ht_tensor_drop(&graph);
  return st;
}

static ht_status write_model(ht_writer *w, const char *folder) {
  Tensorflow__SavedModel saved = TENSORFLOW__SAVED_MODEL__INIT;
  saved.saved_model_schema_version = 1;
  saved.meta_graphs = &w->meta;
  saved.n_meta_graphs = 1;
  char *path = ht_path_join(&w->arena, folder, "saved_model.pb");
  if (!path) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  return ht_pb_write(path, &saved.base);
}

static ht_status write_all(ht_writer *w, const char *folder) {
  const char **key;
  ProtobufCBinaryData objects;
  HT_NEW(key, &w->arena, w->n_captures + 1);
  HT_TRY(ht_pb_strings(&w->arena, &w->meta->meta_info_def->n_tags,
                       &w->meta->meta_info_def->tags, "serve"));
  HT_TRY(ht_write_captures(w));
  HT_TRY(asset_defs(w));
  HT_TRY(ht_write_objects(w, key, &objects));
  for (int i = 0; i < w->x->n_signatures; i++)
    HT_TRY(ht_write_signature(w, &w->signature[i], w->signature[i].f[0]));
  HT_TRY(init_node(w));
  HT_TRY(write_saver(w, key));
  HT_TRY(write_variables(w, folder, key, &objects));
  HT_TRY(ht_write_files(w, folder));
  return write_model(w, folder);
}

ht_status ht_export_saved_model(const ht_export *x, const char *out,
                                bool replace) {
  ht_writer w;
  ht_staging s = {0};
  ht_status st = ht_writer_init(&w, x, true);
  if (st.code == HT_OK) st = ht_staging_open(out, replace, &s);
  if (st.code == HT_OK) st = write_all(&w, s.path);
  if (st.code == HT_OK) st = ht_staging_commit(&s);
  ht_staging_drop(&s);
  ht_arena_free(&w.arena);
  return st;
}
