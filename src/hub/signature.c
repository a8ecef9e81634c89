/* signature.c - SignatureDefs as callables, and what collections name. */
#include <stdlib.h>
#include <string.h>

#include "format/message.h"
#include "hub/source.h"
#include "proto/hub.pb-c.h"

typedef Tensorflow__TensorInfo tensor_info;
typedef Tensorflow__SignatureDef__InputsEntry info_entry;
typedef Tensorflow__SignatureDef__OutputsEntry out_entry;
_Static_assert(offsetof(info_entry, key) == offsetof(out_entry, key) &&
                   offsetof(info_entry, value) == offsetof(out_entry, value),
               "entries of both maps are read as one type");

const Tensorflow__CollectionDef *ht_collection(const ht_source *s,
                                               const char *name) {
  for (size_t i = 0; i < s->meta->n_collection_def; i++)
    if (strcmp(s->meta->collection_def[i]->key, name) == 0)
      return s->meta->collection_def[i]->value;
  return NULL;
}

/* ---- ports */

typedef struct port_list {
  ht_arena *arena;
  ht_port *port;
  int n, capacity;
} port_list;

static ht_status add_port(port_list *l, const char *name, const char *tensor,
                          ht_dtype dtype, ht_shape shape) {
  HT_GROW(l->port, l->n, l->capacity, l->arena);
  l->port[l->n] = (ht_port){name, tensor, dtype, shape, l->n};
  l->n++;
  return HT_SUCCESS;
}

static ht_status part_name(ht_arena *arena, const char *name, const char *part,
                           const char **out) {
  *out = ht_arena_printf(arena, "%s_%s", name, part);
  return *out ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory for '%s'", name);
}

static ht_status add_sparse(port_list *l, const char *name,
                            const tensor_info *t) {
  ht_shape whole = ht_shape_of_proto(t->tensor_shape);
  int rank = whole.rank;
  const char *part;
  HT_TRY(part_name(l->arena, name, "indices", &part));
  HT_TRY(add_port(l, part, t->coo_sparse->indices_tensor_name, HT_INT64,
                  ht_shape_2(-1, rank)));
  HT_TRY(part_name(l->arena, name, "values", &part));
  HT_TRY(add_port(l, part, t->coo_sparse->values_tensor_name,
                  ht_dtype_of((int)t->dtype), ht_shape_1(-1)));
  HT_TRY(part_name(l->arena, name, "dense_shape", &part));
  return add_port(l, part, t->coo_sparse->dense_shape_tensor_name, HT_INT64,
                  ht_shape_1(rank));
}

static ht_status add_info(port_list *l, const char *name,
                          const tensor_info *t) {
  switch (t->encoding_case) {
    case TENSORFLOW__TENSOR_INFO__ENCODING_NAME:
      return add_port(l, name, t->name, ht_dtype_of((int)t->dtype),
                      ht_shape_of_proto(t->tensor_shape));
    case TENSORFLOW__TENSOR_INFO__ENCODING_COO_SPARSE:
      return add_sparse(l, name, t);
    case TENSORFLOW__TENSOR_INFO__ENCODING_COMPOSITE_TENSOR: break;
    default: return ht_fail(HT_CORRUPT, "'%s' names no tensor", name);
  }
  for (size_t i = 0; i < t->composite_tensor->n_components; i++) {
    const char *part = ht_arena_printf(l->arena, "%s_component_%zu", name, i);
    if (!part) return ht_fail(HT_NO_MEMORY, "no memory for '%s'", name);
    HT_TRY(add_info(l, part, t->composite_tensor->components[i]));
  }
  return HT_SUCCESS;
}

static int by_key(const void *a, const void *b) {
  return strcmp((*(info_entry *const *)a)->key, (*(info_entry *const *)b)->key);
}

static ht_status add_infos(port_list *l, size_t n, info_entry *const *entry) {
  info_entry **sorted;
  HT_NEW(sorted, l->arena, n);
  if (n) memcpy(sorted, entry, n * sizeof *sorted);
  qsort(sorted, n, sizeof *sorted, by_key);
  for (size_t i = 0; i < n; i++)
    if (sorted[i]->value) HT_TRY(add_info(l, sorted[i]->key, sorted[i]->value));
  return HT_SUCCESS;
}

/* ---- signatures */

/* What a signature declares is what its callers prepare for. */
static ht_status check_type(ht_graph *g, const ht_port *port, ht_ref ref) {
  ht_dtype made = ht_graph_dtype(g, ref);
  if (!made || !port->dtype || made == port->dtype) return HT_SUCCESS;
  return ht_fail(HT_CORRUPT, "'%s' is declared %s, but its tensor '%s' is %s",
                 port->name, ht_dtype_name(port->dtype), port->tensor,
                 ht_dtype_name(made));
}

static ht_status refs_of(ht_graph *g, int n, const ht_port *port,
                         ht_ref **out) {
  HT_NEW(*out, g->arena, n);
  for (int i = 0; i < n; i++) {
    HT_TRY(ht_graph_ref(g, port[i].tensor, &(*out)[i]));
    HT_TRY(check_type(g, &port[i], (*out)[i]));
  }
  return HT_SUCCESS;
}

static ht_status signature_body(ht_source *s, ht_callable *c) {
  ht_graph *g = s->model->graph;
  c->body =
      (ht_body){.graph = g, .n_args = c->n_inputs, .n_rets = c->n_outputs};
  HT_TRY(refs_of(g, c->n_inputs, c->input, &c->body.arg));
  HT_TRY(refs_of(g, c->n_outputs, c->output, &c->body.ret));
  HT_NEW(c->capture, &s->model->arena, c->n_inputs);
  return HT_SUCCESS;
}

ht_status ht_add_callable(ht_source *s, const ht_callable *c) {
  ht_model *m = s->model;
  HT_GROW(m->callable, m->n_callables, m->callable_capacity, &m->arena);
  m->callable[m->n_callables++] = *c;
  return HT_SUCCESS;
}

static ht_status read_signature(ht_source *s, const char *name,
                                const Tensorflow__SignatureDef *p) {
  port_list in = {.arena = &s->model->arena}, out = in;
  /* Entries of the two maps have the same layout: key, value. */
  HT_TRY(add_infos(&in, p->n_inputs, p->inputs));
  HT_TRY(add_infos(&out, p->n_outputs, (info_entry *const *)p->outputs));
  ht_callable c = {.name = name,
                   .signature = true,
                   .method_name = p->method_name,
                   .training = -1,
                   .input = in.port,
                   .n_inputs = in.n,
                   .output = out.port,
                   .n_outputs = out.n};
  HT_TRY(signature_body(s, &c));
  return ht_add_callable(s, &c);
}

static bool is_pseudo(const char *name) {
  return strcmp(name, "__saved_model_init_op") == 0 ||
         strcmp(name, "__saved_model_train_op") == 0;
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const ht_callable *)a)->name, ((const ht_callable *)b)->name);
}

/* ---- collections */

ht_status ht_node_named(ht_graph *g, const char *text, int *index) {
  if (*text == '^') text++;
  size_t n = strcspn(text, ":");
  char *name = ht_arena_bytes(g->arena, text, n);
  if (!name) return ht_fail(HT_NO_MEMORY, "no memory for a node's name");
  *index = ht_graph_find(g, name);
  if (*index >= 0) return HT_SUCCESS;
  return ht_fail(HT_CORRUPT, "there is no node '%s'", name);
}

static ht_status read_update_ops(ht_source *s) {
  const Tensorflow__CollectionDef *c = ht_collection(s, "update_ops");
  ht_model *m = s->model;
  if (!c || c->kind_case != TENSORFLOW__COLLECTION_DEF__KIND_NODE_LIST)
    return HT_SUCCESS;
  HT_NEW(m->update_op, &m->arena, c->node_list->n_value);
  for (size_t i = 0; i < c->node_list->n_value; i++) {
    HT_TRY(ht_within(
        ht_node_named(m->graph, c->node_list->value[i], &m->update_op[i]),
        "collection 'update_ops'"));
    m->n_update_ops++;
  }
  return HT_SUCCESS;
}

static ht_status read_losses(ht_source *s) {
  const Tensorflow__CollectionDef *c =
      ht_collection(s, "regularization_losses");
  ht_model *m = s->model;
  if (!c || c->kind_case != TENSORFLOW__COLLECTION_DEF__KIND_NODE_LIST)
    return HT_SUCCESS;
  size_t n = c->node_list->n_value;
  HT_NEW(m->regularization, &m->arena, n);
  HT_NEW(m->regularization_capture, &m->arena, n);
  for (size_t i = 0; i < n; i++) {
    ht_body *b = &m->regularization[m->n_regularization++];
    *b = (ht_body){.graph = m->graph, .n_rets = 1};
    HT_NEW(b->ret, &m->arena, 1);
    HT_TRY(ht_within(ht_graph_ref(m->graph, c->node_list->value[i], b->ret),
                     "collection 'regularization_losses'"));
  }
  return HT_SUCCESS;
}

/* The last value of a key wins, in the place of the first. */
static ht_status add_attachment(ht_model *m, const char *key, ht_string value) {
  for (int i = 0; i < m->n_attachments; i++)
    if (strcmp(m->attachment[i].key, key) == 0) {
      m->attachment[i].value = value;
      return HT_SUCCESS;
    }
  m->attachment[m->n_attachments++] = (ht_attachment){key, value};
  return HT_SUCCESS;
}

static ht_status read_attachments(ht_source *s) {
  const Tensorflow__CollectionDef *c =
      ht_collection(s, "hub_module_attachments");
  ht_model *m = s->model;
  if (!c || c->kind_case != TENSORFLOW__COLLECTION_DEF__KIND_BYTES_LIST)
    return HT_SUCCESS;
  HT_NEW(m->attachment, &m->arena, c->bytes_list->n_value);
  for (size_t i = 0; i < c->bytes_list->n_value; i++) {
    const ProtobufCBinaryData *b = &c->bytes_list->value[i];
    ProtobufCMessage *p;
    HT_TRY(ht_message_unpack(&tensorflow_hub__module_attachment__descriptor,
                             b->data, b->len, "an attached message", &m->arena,
                             &p));
    TensorflowHub__ModuleAttachment *a = (TensorflowHub__ModuleAttachment *)p;
    HT_TRY(add_attachment(
        m, a->key, (ht_string){(const char *)a->value.data, a->value.len}));
  }
  return HT_SUCCESS;
}

ht_status ht_signatures(ht_source *s) {
  ht_model *m = s->model;
  for (size_t i = 0; i < s->meta->n_signature_def; i++) {
    const char *name = s->meta->signature_def[i]->key;
    if (is_pseudo(name) || !s->meta->signature_def[i]->value) continue;
    ht_status st = read_signature(s, name, s->meta->signature_def[i]->value);
    if (st.code != HT_OK) return ht_within(st, "signature '%s'", name);
  }
  if (m->n_callables)
    qsort(m->callable, (size_t)m->n_callables, sizeof *m->callable, by_name);
  HT_TRY(read_attachments(s));
  if (s->objects) return HT_SUCCESS;
  HT_TRY(read_update_ops(s));
  return read_losses(s);
}
