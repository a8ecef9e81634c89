/* export_graph.c - the main graph of an export: handles, signatures, files. */
#include <string.h>

#include "hub/export_internal.h"

/* ---- captures as nodes */

static ht_status variable_node(ht_writer *w, ht_out_capture *c) {
  Tensorflow__NodeDef *node;
  ht_arena *a = &w->arena;
  const ht_variable *v = c->variable;
  char *name;
  HT_TRY(ht_pb_text(a, &name, "%s%s", v->scope ? v->scope : "", v->name));
  HT_TRY(ht_writer_name(w, name, &c->node));
  HT_TRY(ht_pb_node(a, "VarHandleOp", c->node, &node));
  HT_TRY(ht_pb_attr_type(a, node, "dtype", v->dtype));
  HT_TRY(ht_pb_attr_shape(a, node, "shape",
                          v->value.dtype ? &v->value.shape : &v->shape));
  HT_TRY(ht_pb_attr_string(a, node, "shared_name", c->node));
  return ht_writer_add(w, node);
}

static ht_status table_node(ht_writer *w, ht_out_capture *c) {
  Tensorflow__NodeDef *node;
  HT_TRY(ht_writer_name(w, "hash_table", &c->node));
  HT_TRY(ht_table_node(&w->arena, c->table, c->node, &node));
  return ht_writer_add(w, node);
}

/* A loader feeds or sets the constant to the asset's path; the literal is
 * what tensorflow_hub writes in its place. */
static ht_status asset_node(ht_writer *w, ht_out_asset *asset) {
  Tensorflow__NodeDef *node;
  ht_tensor path;
  static const char literal[] = "SAVEDMODEL-ASSET";
  HT_TRY(ht_writer_name(w, "asset_path", &asset->node));
  HT_TRY(ht_scalar_string(literal, strlen(literal), &path));
  ht_status st = ht_pb_const(&w->arena, asset->node, &path, &node);
  ht_tensor_drop(&path);
  HT_TRY(st);
  return ht_writer_add(w, node);
}

static ht_status constant_node(ht_writer *w, ht_out_capture *c) {
  Tensorflow__NodeDef *node;
  HT_TRY(ht_writer_name(w, "Const", &c->node));
  HT_TRY(ht_pb_const(&w->arena, c->node, &c->value, &node));
  return ht_writer_add(w, node);
}

ht_status ht_write_captures(ht_writer *w) {
  for (; w->assets_written < w->n_assets; w->assets_written++)
    HT_TRY(asset_node(w, &w->asset[w->assets_written]));
  for (; w->captures_written < w->n_captures; w->captures_written++) {
    ht_out_capture *c = &w->capture[w->captures_written];
    if (c->variable)
      HT_TRY(variable_node(w, c));
    else if (c->table)
      HT_TRY(table_node(w, c));
    else if (c->asset >= 0)
      c->node = w->asset[c->asset].node;
    else
      HT_TRY(constant_node(w, c));
  }
  return HT_SUCCESS;
}

/* ---- signatures */

static ht_status tensor_info(ht_arena *a, const char *tensor,
                             const ht_port *port,
                             Tensorflow__TensorInfo **out) {
  HT_PB(*out, a, tensorflow__tensor_info__init);
  (*out)->encoding_case = TENSORFLOW__TENSOR_INFO__ENCODING_NAME;
  HT_TRY(ht_pb_text(a, &(*out)->name, "%s", tensor));
  (*out)->dtype = (Tensorflow__DataType)port->dtype;
  return ht_pb_shape(a, &port->shape, &(*out)->tensor_shape);
}

ht_status ht_write_input(ht_writer *w, const char *signature,
                         const ht_port *port, const char **name) {
  ht_arena *a = &w->arena;
  Tensorflow__NodeDef *node;
  char *text;
  HT_TRY(ht_pb_text(a, &text, "%s_%s", signature, port->name));
  HT_TRY(ht_writer_name(w, text, name));
  HT_TRY(ht_pb_node(a, "Placeholder", *name, &node));
  HT_TRY(ht_pb_attr_type(a, node, "dtype", port->dtype));
  HT_TRY(ht_pb_attr_shape(a, node, "shape", &port->shape));
  return ht_writer_add(w, node);
}

static ht_status input_info(ht_writer *w, const ht_port *port, const char *node,
                            Tensorflow__SignatureDef *sig) {
  ht_arena *a = &w->arena;
  Tensorflow__SignatureDef__InputsEntry *e;
  char *text;
  HT_PB(e, a, tensorflow__signature_def__inputs_entry__init);
  HT_TRY(ht_pb_text(a, &e->key, "%s", port->name));
  HT_TRY(ht_pb_text(a, &text, "%s:0", node));
  HT_TRY(tensor_info(a, text, port, &e->value));
  return HT_PB_PUSH(a, sig, inputs, e);
}

static ht_status output_info(ht_writer *w, const ht_out_method *m, int i,
                             const char *tensor,
                             Tensorflow__SignatureDef *sig) {
  ht_arena *a = &w->arena;
  Tensorflow__SignatureDef__OutputsEntry *e;
  HT_PB(e, a, tensorflow__signature_def__outputs_entry__init);
  HT_TRY(ht_pb_text(a, &e->key, "%s", m->output[i].name));
  HT_TRY(tensor_info(a, tensor, &m->output[i], &e->value));
  return HT_PB_PUSH(a, sig, outputs, e);
}

static ht_status call_node(ht_writer *w, const ht_out_method *m,
                           const ht_emitted *f, const char *const *in,
                           const char **name) {
  const char **captured;
  ht_dtype *type;
  Tensorflow__NodeDef *node;
  HT_NEW(type, &w->arena, m->method->n_inputs + 1);
  for (int i = 0; i < m->method->n_inputs; i++) type[i] = m->input[i].dtype;
  HT_TRY(ht_writer_captured(w, f, &captured));
  HT_TRY(ht_writer_name(w, "StatefulPartitionedCall", name));
  HT_TRY(ht_emit_call(&w->e, *name, f, m->method->n_inputs, type, in, captured,
                      &node));
  return ht_writer_add(w, node);
}

/* What signatures of a graph answer with, tensor by tensor. */
static ht_status call_outputs(ht_writer *w, const ht_out_method *m,
                              const ht_emitted *f, const char *const *in,
                              const char **out) {
  const char *call;
  HT_TRY(call_node(w, m, f, in, &call));
  for (int i = 0; i < m->method->n_outputs; i++) {
    char *text;
    HT_TRY(ht_pb_text(&w->arena, &text, "%s:%d", call, i));
    out[i] = text;
  }
  return HT_SUCCESS;
}

static ht_status place_name(void *arg, const char *wanted, const char **out) {
  return ht_writer_name(arg, wanted, out);
}

static ht_status place_add(void *arg, Tensorflow__NodeDef *node) {
  return ht_writer_add(arg, node);
}

static ht_status place_handle(void *arg, const ht_tensor *value,
                              const char **node) {
  ht_writer *w = arg;
  HT_TRY(ht_writer_capture(w, value)); /* one that only functions name */
  HT_TRY(ht_write_captures(w));
  int i = ht_writer_find(w, value);
  *node = w->capture[i].node;
  return HT_SUCCESS;
}

ht_emit_place ht_writer_place(ht_writer *w) {
  return (ht_emit_place){
      .name = place_name, .add = place_add, .handle = place_handle, .arg = w};
}

ht_status ht_write_signature_def(ht_writer *w, const ht_out_method *m,
                                 const char *const *in, const char *const *out,
                                 const char *method) {
  ht_arena *a = &w->arena;
  Tensorflow__MetaGraphDef__SignatureDefEntry *e;
  HT_PB(e, a, tensorflow__meta_graph_def__signature_def_entry__init);
  HT_PB(e->value, a, tensorflow__signature_def__init);
  HT_TRY(ht_pb_text(a, &e->key, "%s", m->method->name));
  HT_TRY(ht_pb_text(a, &e->value->method_name, "%s", method));
  for (int i = 0; i < m->method->n_inputs; i++)
    HT_TRY(input_info(w, &m->input[i], in[i], e->value));
  for (int i = 0; i < m->method->n_outputs; i++)
    HT_TRY(output_info(w, m, i, out[i], e->value));
  return HT_PB_PUSH(a, w->meta, signature_def, e);
}

ht_status ht_write_signature(ht_writer *w, const ht_out_method *m,
                             const ht_emitted *f) {
  ht_arena *a = &w->arena;
  const char **in, **out;
  HT_NEW(in, a, m->method->n_inputs + 1);
  HT_NEW(out, a, m->method->n_outputs + 1);
  for (int i = 0; i < m->method->n_inputs; i++)
    HT_TRY(ht_write_input(w, m->method->name, &m->input[i], &in[i]));
  HT_TRY(call_outputs(w, m, f, in, out));
  const char *method = m->method->method;
  return ht_write_signature_def(w, m, in, out,
                                method ? method : "tensorflow/serving/predict");
}

ht_status ht_write_collection(ht_writer *w, Tensorflow__MetaGraphDef *meta,
                              const char *name,
                              Tensorflow__CollectionDef **out) {
  Tensorflow__MetaGraphDef__CollectionDefEntry *e;
  HT_PB(e, &w->arena, tensorflow__meta_graph_def__collection_def_entry__init);
  HT_PB(e->value, &w->arena, tensorflow__collection_def__init);
  HT_TRY(ht_pb_text(&w->arena, &e->key, "%s", name));
  *out = e->value;
  return HT_PB_PUSH(&w->arena, meta, collection_def, e);
}

/* ---- files */

static ht_status write_under(ht_arena *a, const char *folder, const char *sub,
                             const char *name, const void *data, size_t n) {
  char *path = ht_path_join(a, folder, sub);
  if (!path) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  HT_TRY(ht_folder_make(path));
  path = ht_path_join(a, path, name);
  if (!path) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  return ht_file_write(path, data, n);
}

ht_status ht_write_files(ht_writer *w, const char *folder) {
  for (int i = 0; i < w->n_assets; i++) {
    ht_mapping m;
    HT_TRY(ht_file_map(w->asset[i].path, &m));
    ht_status st = write_under(&w->arena, folder, "assets", w->asset[i].file,
                               m.data ? m.data : "", m.n);
    ht_file_unmap(&m);
    HT_TRY(st);
  }
  for (int i = 0; i < w->x->n_extras; i++)
    HT_TRY(write_under(&w->arena, folder, "assets.extra", w->x->extra[i].name,
                       w->x->extra[i].data, w->x->extra[i].n));
  return HT_SUCCESS;
}
