/*
 * export_hub1.c - the TF1 Hub format: a meta graph without tags for inference
 * and one tagged "train" where training differs; no saver, assets in
 * collections, state restored by name (hub-library.md, section 2).
 */
#include <string.h>

#include "hub/export_internal.h"
#include "proto/hub.pb-c.h"

/* ---- variables: handle, initial value, assignment and read */

static ht_status node_1(ht_writer *w, const char *op, const char *name,
                        const char *a, const char *b, const char *type,
                        ht_dtype dtype) {
  Tensorflow__NodeDef *node;
  HT_TRY(ht_pb_node(&w->arena, op, name, &node));
  if (a) HT_TRY(ht_pb_input(&w->arena, node, a));
  if (b) HT_TRY(ht_pb_input(&w->arena, node, b));
  if (type) HT_TRY(ht_pb_attr_type(&w->arena, node, type, dtype));
  return ht_writer_add(w, node);
}

static ht_status constant(ht_writer *w, const char *name, ht_tensor *value) {
  Tensorflow__NodeDef *node;
  ht_status st = ht_pb_const(&w->arena, name, value, &node);
  ht_tensor_drop(value);
  HT_TRY(st);
  return ht_writer_add(w, node);
}

/* Zeros: modules are restored, their initial values only have to exist. */
static ht_status initial_value(ht_writer *w, const char *name,
                               const ht_variable *v) {
  const ht_shape *s = v->value.dtype ? &v->value.shape : &v->shape;
  ht_shape rank = ht_shape_1(s->rank);
  ht_tensor dims, zero;
  char *shape_name, *zero_name;
  HT_TRY(ht_pb_text(&w->arena, &shape_name, "%s/shape", name));
  HT_TRY(ht_pb_text(&w->arena, &zero_name, "%s/value", name));
  HT_TRY(ht_tensor_new(NULL, HT_INT32, &rank, &dims));
  for (int i = 0; i < s->rank; i++) ht_i32(&dims)[i] = (int32_t)s->dim[i];
  HT_TRY(constant(w, shape_name, &dims));
  HT_TRY(ht_tensor_zeros(NULL, v->dtype, &HT_SCALAR, &zero));
  HT_TRY(constant(w, zero_name, &zero));
  return node_1(w, "Fill", name, shape_name, zero_name, "T", v->dtype);
}

static ht_status add_bytes(ht_arena *a, Tensorflow__CollectionDef *c,
                           ProtobufCBinaryData bytes) {
  if (c->kind_case != TENSORFLOW__COLLECTION_DEF__KIND_BYTES_LIST) {
    c->kind_case = TENSORFLOW__COLLECTION_DEF__KIND_BYTES_LIST;
    HT_PB(c->bytes_list, a, tensorflow__collection_def__bytes_list__init);
  }
  Tensorflow__CollectionDef__BytesList *list = c->bytes_list;
  ProtobufCBinaryData *more;
  HT_NEW(more, a, list->n_value + 1);
  if (list->n_value) memcpy(more, list->value, list->n_value * sizeof *more);
  more[list->n_value++] = bytes;
  list->value = more;
  return HT_SUCCESS;
}

static ht_status add_name(ht_arena *a, Tensorflow__CollectionDef *c,
                          const char *name) {
  if (c->kind_case != TENSORFLOW__COLLECTION_DEF__KIND_NODE_LIST) {
    c->kind_case = TENSORFLOW__COLLECTION_DEF__KIND_NODE_LIST;
    HT_PB(c->node_list, a, tensorflow__collection_def__node_list__init);
  }
  return ht_pb_strings(a, &c->node_list->n_value, &c->node_list->value, name);
}

static ht_status variable_def(ht_writer *w, const ht_out_capture *c,
                              ProtobufCBinaryData *out) {
  Tensorflow__VariableDef def = TENSORFLOW__VARIABLE_DEF__INIT;
  ht_arena *a = &w->arena;
  HT_TRY(ht_pb_text(a, &def.variable_name, "%s:0", c->node));
  HT_TRY(ht_pb_text(a, &def.initializer_name, "%s/Assign", c->node));
  HT_TRY(ht_pb_text(a, &def.initial_value_name, "%s/Initializer:0", c->node));
  HT_TRY(
      ht_pb_text(a, &def.snapshot_name, "%s/Read/ReadVariableOp:0", c->node));
  def.is_resource = true;
  def.trainable = c->variable->trainable;
  return ht_pb_pack(a, &def.base, out);
}

static ht_status variable_nodes(ht_writer *w, const ht_out_capture *c) {
  ht_arena *a = &w->arena;
  char *initial, *assign, *read;
  ht_dtype t = c->variable->dtype;
  HT_TRY(ht_pb_text(a, &initial, "%s/Initializer", c->node));
  HT_TRY(ht_pb_text(a, &assign, "%s/Assign", c->node));
  HT_TRY(ht_pb_text(a, &read, "%s/Read/ReadVariableOp", c->node));
  HT_TRY(initial_value(w, initial, c->variable));
  HT_TRY(node_1(w, "AssignVariableOp", assign, c->node, initial, "dtype", t));
  return node_1(w, "ReadVariableOp", read, c->node, NULL, "dtype", t);
}

static ht_status write_variables(ht_writer *w) {
  Tensorflow__CollectionDef *all = NULL, *trainable = NULL;
  for (int i = 0; i < w->n_captures; i++) {
    const ht_out_capture *c = &w->capture[i];
    ProtobufCBinaryData def;
    if (!c->variable) continue;
    HT_TRY(variable_nodes(w, c));
    HT_TRY(variable_def(w, c, &def));
    if (!all) HT_TRY(ht_write_collection(w, w->meta, "variables", &all));
    HT_TRY(add_bytes(&w->arena, all, def));
    if (!c->variable->trainable) continue;
    if (!trainable)
      HT_TRY(
          ht_write_collection(w, w->meta, "trainable_variables", &trainable));
    HT_TRY(add_bytes(&w->arena, trainable, def));
  }
  return HT_SUCCESS;
}

/* ---- tables, assets, losses, attachments */

static ht_status write_tables(ht_writer *w) {
  Tensorflow__CollectionDef *c = NULL;
  for (int i = 0; i < w->n_captures; i++) {
    const char *fill;
    if (!w->capture[i].table) continue;
    HT_TRY(ht_write_table_fill(w, &w->capture[i], &fill));
    if (!c) HT_TRY(ht_write_collection(w, w->meta, "table_initializer", &c));
    HT_TRY(add_name(&w->arena, c, fill));
  }
  return HT_SUCCESS;
}

static ht_status asset_any(ht_writer *w, const ht_out_asset *asset,
                           Tensorflow__Any **out) {
  ht_arena *a = &w->arena;
  Tensorflow__AssetFileDef def = TENSORFLOW__ASSET_FILE_DEF__INIT;
  Tensorflow__TensorInfo info = TENSORFLOW__TENSOR_INFO__INIT;
  info.encoding_case = TENSORFLOW__TENSOR_INFO__ENCODING_NAME;
  HT_TRY(ht_pb_text(a, &info.name, "%s:0", asset->node));
  def.tensor_info = &info;
  HT_TRY(ht_pb_text(a, &def.filename, "%s", asset->file));
  HT_PB(*out, a, tensorflow__any__init);
  HT_TRY(ht_pb_text(a, &(*out)->type_url,
                    "type.googleapis.com/tensorflow.AssetFileDef"));
  return ht_pb_pack(a, &def.base, &(*out)->value);
}

static ht_status write_assets(ht_writer *w) {
  Tensorflow__CollectionDef *files, *paths;
  ht_arena *a = &w->arena;
  if (!w->n_assets) return HT_SUCCESS;
  HT_TRY(ht_write_collection(w, w->meta, "saved_model_assets", &files));
  HT_TRY(ht_write_collection(w, w->meta, "asset_filepaths", &paths));
  files->kind_case = TENSORFLOW__COLLECTION_DEF__KIND_ANY_LIST;
  HT_PB(files->any_list, a, tensorflow__collection_def__any_list__init);
  for (int i = 0; i < w->n_assets; i++) {
    Tensorflow__Any *any;
    char *tensor;
    HT_TRY(asset_any(w, &w->asset[i], &any));
    HT_TRY(HT_PB_PUSH(a, files->any_list, value, any));
    HT_TRY(ht_pb_text(a, &tensor, "%s:0", w->asset[i].node));
    HT_TRY(add_name(a, paths, tensor));
  }
  return HT_SUCCESS;
}

static ht_status loss_tensor(ht_writer *w, int i, const char **out) {
  ht_emit_place place = ht_writer_place(w);
  const ht_tensor *const *capture = w->loss_capture;
  return ht_emit_inline(&w->e, &place, "loss/", w->loss[i]->body,
                        capture ? capture[i] : NULL, NULL, out);
}

static ht_status write_losses(ht_writer *w) {
  Tensorflow__CollectionDef *c = NULL;
  for (int i = 0; i < w->n_losses; i++) {
    const char *name;
    char *tensor;
    HT_TRY(loss_tensor(w, i, &name));
    if (!c)
      HT_TRY(ht_write_collection(w, w->meta, "regularization_losses", &c));
    HT_TRY(ht_pb_text(&w->arena, &tensor, strchr(name, ':') ? "%s" : "%s:0",
                      name));
    HT_TRY(add_name(&w->arena, c, tensor));
  }
  return HT_SUCCESS;
}

static ht_status write_updates(ht_writer *w) {
  Tensorflow__CollectionDef *c;
  if (!w->n_effects) return HT_SUCCESS;
  HT_TRY(ht_write_collection(w, w->meta, "update_ops", &c));
  for (int i = 0; i < w->n_effects; i++)
    HT_TRY(add_name(&w->arena, c, w->effect[i]));
  return HT_SUCCESS;
}

/* The functions that were made to learn what is captured are not needed. */
static void drop_functions(ht_writer *w) {
  w->e.library->n_function = w->e.n_source;
}

static ht_status write_attachments(ht_writer *w) {
  const ht_export *x = w->x;
  const ht_attachment *all = x->attachment;
  int n = all ? x->n_attachments : x->model->n_attachments;
  Tensorflow__CollectionDef *c = NULL;
  if (!all) all = x->model->attachment;
  for (int i = 0; i < n; i++) {
    TensorflowHub__ModuleAttachment def =
        TENSORFLOW_HUB__MODULE_ATTACHMENT__INIT;
    ProtobufCBinaryData bytes;
    HT_TRY(ht_pb_text(&w->arena, &def.key, "%s", all[i].key));
    def.value.data = (uint8_t *)all[i].value.p;
    def.value.len = all[i].value.n;
    HT_TRY(ht_pb_pack(&w->arena, &def.base, &bytes));
    if (!c)
      HT_TRY(ht_write_collection(w, w->meta, "hub_module_attachments", &c));
    HT_TRY(add_bytes(&w->arena, c, bytes));
  }
  return HT_SUCCESS;
}

/* ---- the graphs and the folder */

static ht_status write_tags(ht_writer *w, const char *tags) {
  Tensorflow__MetaGraphDef__MetaInfoDef *info = w->meta->meta_info_def;
  while (*tags) {
    int n = (int)strcspn(tags, ",");
    char *tag;
    HT_TRY(ht_pb_text(&w->arena, &tag, "%.*s", n, tags));
    HT_TRY(ht_pb_strings(&w->arena, &info->n_tags, &info->tags, tag));
    tags += n + (tags[n] == ',');
  }
  return HT_SUCCESS;
}

static ht_status write_graph(ht_writer *w, const ht_export *x, bool train) {
  HT_TRY(ht_writer_init(w, x, train));
  drop_functions(w);
  HT_TRY(ht_write_captures(w));
  HT_TRY(write_losses(w));
  HT_TRY(write_attachments(w));
  HT_TRY(ht_write_signatures_inline(w, train));
  HT_TRY(write_updates(w));
  HT_TRY(write_variables(w));
  HT_TRY(write_tables(w));
  HT_TRY(write_assets(w));
  return write_tags(w, train ? "train" : x->tags ? x->tags : "");
}

/* The folder variables/ is always there, empty without variables. */
static ht_status write_checkpoint(ht_writer *w, const char *folder) {
  ht_checkpoint_item *item;
  int n = 0;
  HT_NEW(item, &w->arena, w->n_captures + 1);
  for (int i = 0; i < w->n_captures; i++)
    if (w->capture[i].variable)
      item[n++] = (ht_checkpoint_item){.key = w->capture[i].node,
                                       .variable = w->capture[i].variable};
  char *sub = ht_path_join(&w->arena, folder, "variables");
  char *prefix = sub ? ht_path_join(&w->arena, sub, "variables") : NULL;
  if (!prefix) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  HT_TRY(ht_folder_make(sub));
  return n ? ht_checkpoint_write(prefix, item, n) : HT_SUCCESS;
}

static ht_status write_module(ht_writer *w, int n, const char *folder) {
  Tensorflow__SavedModel saved = TENSORFLOW__SAVED_MODEL__INIT;
  TensorflowHub__ModuleDef module = TENSORFLOW_HUB__MODULE_DEF__INIT;
  ht_arena *a = &w->arena;
  HT_NEW(saved.meta_graphs, a, n);
  for (int i = 0; i < n; i++) saved.meta_graphs[i] = w[i].meta;
  saved.n_meta_graphs = (size_t)n;
  module.format = TENSORFLOW_HUB__MODULE_DEF__FORMAT__FORMAT_V3;
  char *assets = ht_path_join(a, folder, "assets");
  char *model = ht_path_join(a, folder, "saved_model.pb");
  char *mark = ht_path_join(a, folder, "tfhub_module.pb");
  if (!assets || !model || !mark)
    return ht_fail(HT_NO_MEMORY, "no memory for a path");
  HT_TRY(ht_folder_make(assets));
  HT_TRY(write_checkpoint(w, folder));
  HT_TRY(ht_write_files(w, folder));
  HT_TRY(ht_pb_write(model, &saved.base));
  return ht_pb_write(mark, &module.base);
}

static bool trains_apart(const ht_export *x) {
  for (int i = 0; i < x->n_signatures; i++)
    if (x->signature[i].training.graph) return true;
  return false;
}

static ht_status write_folder(ht_writer *w, int n, const char *out,
                              bool replace) {
  ht_staging s = {0};
  ht_status st = ht_staging_open(out, replace, &s);
  if (st.code == HT_OK) st = write_module(w, n, s.path);
  if (st.code == HT_OK) st = ht_staging_commit(&s);
  ht_staging_drop(&s);
  return st;
}

ht_status ht_export_hub1(const ht_export *x, const char *out, bool replace) {
  ht_writer w[2] = {0};
  int n = trains_apart(x) ? 2 : 1;
  ht_status st = HT_SUCCESS;
  for (int i = 0; i < n && st.code == HT_OK; i++)
    st = write_graph(&w[i], x, i == 1);
  if (st.code == HT_OK) st = write_folder(w, n, out, replace);
  for (int i = 0; i < n; i++) ht_arena_free(&w[i].arena);
  return st;
}

ht_status ht_export_graphs(ht_export *x, int n, const char *out) {
  ht_arena arena = {0};
  ht_writer *w;
  HT_NEW(w, &arena, n);
  ht_status st = HT_SUCCESS;
  for (int i = 0; i < n; i++) {
    x[i].graph = x;
    x[i].n_graphs = n;
  }
  for (int i = 0; i < n && st.code == HT_OK; i++)
    st = ht_within(write_graph(&w[i], &x[i], false), "tags '%s'", x[i].tags);
  if (st.code == HT_OK) st = write_folder(w, n, out, false);
  for (int i = 0; i < n; i++) ht_arena_free(&w[i].arena);
  ht_arena_free(&arena);
  return st;
}
