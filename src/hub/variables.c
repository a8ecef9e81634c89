/* variables.c - variables of a TF1 graph: what its state nodes are, where
 * their values stand in the checkpoint, which of them train. */
#include <string.h>

#include "format/message.h"
#include "hub/checkpoint_read.h"
#include "hub/source.h"

typedef Tensorflow__VariableDef variable_def;

typedef struct tf1 {
  ht_source *s;
  ht_map defined;   /* node name -> VariableDef */
  ht_map trainable; /* node name -> itself */
  ht_map restored;  /* node name -> ht_restored */
} tf1;

/* "node:0" without its end. */
static ht_status node_name(ht_arena *arena, const char *tensor,
                           const char **out) {
  *out = ht_arena_bytes(arena, tensor, strcspn(tensor, ":"));
  return *out ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory for a name");
}

/* The nodes of a variable collection: the handle's under the name of the
 * variable, and that of the initialiser's target where they differ. */
static ht_status read_collection(ht_source *s, const char *name, ht_map *out) {
  const Tensorflow__CollectionDef *c = ht_collection(s, name);
  ht_arena *arena = &s->model->arena;
  if (!c || c->kind_case != TENSORFLOW__COLLECTION_DEF__KIND_BYTES_LIST)
    return HT_SUCCESS;
  for (size_t i = 0; i < c->bytes_list->n_value; i++) {
    const ProtobufCBinaryData *b = &c->bytes_list->value[i];
    ProtobufCMessage *p;
    const char *node;
    HT_TRY(ht_message_unpack(&tensorflow__variable_def__descriptor, b->data,
                             b->len, "a variable's definition", arena, &p));
    HT_TRY(node_name(arena, ((variable_def *)p)->variable_name, &node));
    if (s->model->format == HT_FORMAT_HUB1 && !ht_map_get(&s->node, node))
      return ht_fail(HT_CORRUPT, "collection '%s' has '%s', the graph has not",
                     name, node);
    HT_TRY(ht_map_put(out, node, p));
  }
  return HT_SUCCESS;
}

static bool is_variable(const char *op) {
  return strcmp(op, "VarHandleOp") == 0 || strcmp(op, "VariableV2") == 0 ||
         strcmp(op, "Variable") == 0;
}

static const char *shared_name(ht_arena *arena,
                               const Tensorflow__NodeDef *node) {
  const Tensorflow__AttrValue *v = ht_node_attr(node, "shared_name");
  if (v && v->value_case == TENSORFLOW__ATTR_VALUE__VALUE_S && v->s.len)
    return ht_arena_bytes(arena, v->s.data, v->s.len);
  return node->name;
}

static bool part_of_def(const variable_def *def, ht_variable_part *part,
                        ht_shape *shape) {
  const Tensorflow__SaveSliceInfoDef *p = def ? def->save_slice_info_def : NULL;
  if (!p || !p->n_full_shape || p->n_full_shape > HT_MAX_RANK ||
      p->n_var_offset != p->n_full_shape || p->n_var_shape != p->n_full_shape)
    return false;
  part->key = p->full_name;
  part->whole.rank = shape->rank = (int)p->n_full_shape;
  for (size_t i = 0; i < p->n_full_shape; i++) {
    part->whole.dim[i] = p->full_shape[i];
    part->start[i] = p->var_offset[i];
    shape->dim[i] = p->var_shape[i];
    if (part->start[i] < 0 || shape->dim[i] < 0 ||
        shape->dim[i] > part->whole.dim[i] - part->start[i])
      return false;
  }
  return true;
}

/* Whether the variable is a piece of a partitioned one. */
static ht_status find_part(const tf1 *t, const Tensorflow__NodeDef *node,
                           ht_variable_part *part, ht_shape *shape,
                           bool *found) {
  const ht_restored *r = ht_map_get(&t->restored, node->name);
  *found = false;
  if (r && *r->slice) {
    HT_TRY(ht_slice_parse(r->slice, &part->whole, part->start, shape->dim));
    shape->rank = part->whole.rank;
    part->key = r->key;
    *found = true;
  } else if (!r) {
    *found = part_of_def(ht_map_get(&t->defined, node->name), part, shape);
  }
  return HT_SUCCESS;
}

/* A variable of one piece is no part. */
static bool is_whole(const ht_variable_part *part, const ht_shape *shape) {
  return ht_shape_equal(&part->whole, shape); /* so starts are 0 */
}

static ht_status read_part(tf1 *t, ht_variable *v, ht_variable_part *part,
                           const ht_shape *shape) {
  ht_source *s = t->s;
  ht_model *m = s->model;
  ht_tensor value;
  part->variable = v;
  HT_GROW(m->part, m->n_parts, m->part_capacity, &m->arena);
  m->part[m->n_parts++] = *part;
  const ht_bundle_entry *e =
      s->bundle ? ht_bundle_find(s->bundle, part->key) : NULL;
  if (!e) return HT_SUCCESS;
  HT_TRY(ht_part_read(s->bundle, e, part, shape, &value));
  return ht_variable_assign(v, &value, false);
}

static ht_status check_stored(const ht_source *s, const ht_variable *v,
                              const ht_tensor *t) {
  char wanted[HT_SHAPE_TEXT], found[HT_SHAPE_TEXT];
  if (t->dtype == v->dtype && ht_shape_fits(&t->shape, &v->shape))
    return HT_SUCCESS;
  return ht_fail(HT_CORRUPT,
                 "it is %s %s, 'variables/variables' in '%s' has %s %s",
                 ht_dtype_name(v->dtype), ht_shape_text(&v->shape, wanted),
                 s->model->folder, ht_dtype_name(t->dtype),
                 ht_shape_text(&t->shape, found));
}

ht_status ht_variable_load(ht_source *s, ht_variable *v) {
  const ht_bundle_entry *e =
      s->bundle && v->key ? ht_bundle_find(s->bundle, v->key) : NULL;
  ht_tensor value;
  if (!e) return HT_SUCCESS;
  HT_TRY(ht_checkpoint_tensor(s->bundle, e, &value));
  ht_status st = check_stored(s, v, &value);
  if (st.code == HT_OK) return ht_variable_assign(v, &value, false);
  ht_tensor_drop(&value);
  return st;
}

/* Where the value stands; NULL: nowhere. */
static const char *key_of(const tf1 *t, const Tensorflow__NodeDef *node) {
  const ht_restored *r = ht_map_get(&t->restored, node->name);
  if (r) return r->key;
  bool global = ht_map_get(&t->defined, node->name) != NULL;
  bool stored = t->s->bundle && ht_bundle_find(t->s->bundle, node->name);
  return global || stored ? node->name : NULL;
}

static bool trains(const tf1 *t, const Tensorflow__NodeDef *node,
                   ht_dtype dtype) {
  return ht_dtype_floating(dtype) && ht_map_get(&t->trainable, node->name);
}

/* Another node, or another graph of the module, made it. */
static bool is_known(const tf1 *t, const Tensorflow__NodeDef *node,
                     const char *name) {
  ht_object *object = ht_store_find(&t->s->model->store, name);
  if (!object || object->class != &ht_variable_class) return object;
  ht_variable *v = (ht_variable *)object;
  v->trainable |= trains(t, node, v->dtype);
  return true;
}

static ht_status add_variable(tf1 *t, const Tensorflow__NodeDef *node) {
  ht_source *s = t->s;
  const Tensorflow__AttrValue *dtype = ht_node_attr(node, "dtype");
  const Tensorflow__AttrValue *shape = ht_node_attr(node, "shape");
  const char *name = shared_name(&s->model->arena, node);
  if (!name) return ht_fail(HT_NO_MEMORY, "no memory for a variable's name");
  if (!dtype || dtype->value_case != TENSORFLOW__ATTR_VALUE__VALUE_TYPE ||
      is_known(t, node, name))
    return HT_SUCCESS;
  bool shaped =
      shape && shape->value_case == TENSORFLOW__ATTR_VALUE__VALUE_SHAPE;
  ht_shape declared = ht_shape_of_proto(shaped ? shape->shape : NULL);
  ht_variable_part part = {0};
  ht_shape piece = {0};
  bool in_part;
  HT_TRY(find_part(t, node, &part, &piece, &in_part));
  const char *key = in_part ? part.key : key_of(t, node);
  if (in_part && is_whole(&part, &piece)) in_part = false;
  ht_variable *v;
  HT_TRY(ht_store_add_variable(&s->model->store, name,
                               in_part ? node->name : key,
                               ht_dtype_of((int)dtype->type), &declared, &v));
  v->name = node->name;
  v->trainable = trains(t, node, v->dtype);
  return in_part ? read_part(t, v, &part, &piece) : ht_variable_load(s, v);
}

ht_status ht_variables_of_graph(ht_source *s) {
  ht_map empty = {.arena = &s->model->arena};
  tf1 t = {s, empty, empty, empty};
  HT_TRY(read_collection(s, "variables", &t.defined));
  HT_TRY(read_collection(s, "model_variables", &t.defined));
  HT_TRY(read_collection(s, "trainable_variables", &t.defined));
  HT_TRY(read_collection(s, "trainable_variables", &t.trainable));
  HT_TRY(ht_restore_map(s, &t.restored));
  const Tensorflow__GraphDef *g = s->meta->graph_def;
  for (size_t i = 0; g && i < g->n_node; i++)
    if (is_variable(g->node[i]->op))
      HT_TRY(ht_within(add_variable(&t, g->node[i]), "variable '%s'",
                       g->node[i]->name));
  return HT_SUCCESS;
}
