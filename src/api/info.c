/* info.c - what a module tells about itself. */
#include <stdlib.h>
#include <string.h>

#include "api/interfaces.h"
#include "api/module.h"
#include "ops/table.h"

static const char ending[] = "/.ATTRIBUTES/VARIABLE_VALUE";

static const char *format_name(ht_format f) {
  switch (f) {
    case HT_FORMAT_HUB1: return "TF1 Hub";
    case HT_FORMAT_SM1: return "TF1 SavedModel";
    case HT_FORMAT_SM2: return "TF2 SavedModel";
  }
  return "";
}

static ht_status describe_port(const ht_port *p, ht_arena *arena,
                               ht_port_info *out) {
  int64_t *dim;
  int rank = p->shape.rank;
  HT_NEW(dim, arena, rank > 0 ? rank : 1);
  for (int i = 0; i < rank; i++) dim[i] = p->shape.dim[i];
  *out = (ht_port_info){p->name, p->dtype, rank, dim};
  return HT_SUCCESS;
}

static ht_status describe_ports(const ht_port *port, int n, ht_arena *arena,
                                const ht_port_info **out) {
  ht_port_info *info;
  HT_NEW(info, arena, n + 1);
  for (int i = 0; i < n; i++) HT_TRY(describe_port(&port[i], arena, &info[i]));
  *out = info;
  return HT_SUCCESS;
}

ht_status ht_describe_callable(const ht_callable *c, ht_arena *arena,
                               ht_callable_info *out) {
  const char **name, **value;
  HT_NEW(name, arena, c->n_bound + 1);
  HT_NEW(value, arena, c->n_bound + 1);
  for (int i = 0; i < c->n_bound; i++) {
    name[i] = c->bound[i].name;
    value[i] = c->bound[i].value;
  }
  *out = (ht_callable_info){.name = c->name,
                            .method = c->method_name ? c->method_name : "",
                            .signature = c->signature,
                            .training = c->training,
                            .n_arguments = c->n_bound,
                            .argument = name,
                            .value = value,
                            .n_inputs = c->n_inputs,
                            .n_outputs = c->n_outputs};
  HT_TRY(describe_ports(c->input, c->n_inputs, arena, &out->input));
  return describe_ports(c->output, c->n_outputs, arena, &out->output);
}

static ht_status describe_callables(const ht_model *m, ht_arena *arena,
                                    ht_module_info *out) {
  ht_callable_info *info;
  HT_NEW(info, arena, m->n_callables + 1);
  int n = 0;
  for (int pass = 0; pass < 2; pass++)
    for (int i = 0; i < m->n_callables; i++)
      if (m->callable[i].signature == (pass == 0))
        HT_TRY(ht_describe_callable(&m->callable[i], arena, &info[n++]));
  out->callable = info;
  out->n_callables = n;
  return HT_SUCCESS;
}

/* A tensor of the checkpoint, or what stands for one: variables that are
 * pieces of one tensor are told as the whole. */
static ht_status describe_variable(const ht_variable *v, const char *key,
                                   const ht_shape *shape, ht_arena *arena,
                                   ht_variable_info *out) {
  int64_t *dim;
  HT_NEW(dim, arena, shape->rank > 0 ? shape->rank : 1);
  uint64_t bytes = ht_dtype_size(v->dtype);
  for (int i = 0; i < shape->rank; i++) {
    dim[i] = shape->dim[i];
    bytes *= dim[i] > 0 ? (uint64_t)dim[i] : 0;
  }
  size_t n = strlen(key), e = sizeof ending - 1;
  if (n > e && strcmp(key + n - e, ending) == 0) n -= e;
  char *shown = ht_arena_bytes(arena, key, n);
  if (!shown) return ht_fail(HT_NO_MEMORY, "no memory for a variable");
  *out = (ht_variable_info){.key = shown,
                            .name = v->name ? v->name : "",
                            .dtype = v->dtype,
                            .rank = shape->rank,
                            .dim = dim,
                            .trainable = v->trainable,
                            .bytes = bytes};
  return HT_SUCCESS;
}

static const ht_variable_part *part_of(const ht_model *m,
                                       const ht_variable *v) {
  for (int i = 0; i < m->n_parts; i++)
    if (m->part[i].variable == v) return &m->part[i];
  return NULL;
}

static bool first_piece(const ht_variable_part *p) {
  for (int i = 0; i < p->whole.rank; i++)
    if (p->start[i] != 0) return false;
  return true;
}

static int count_parts(const ht_model *m, const char *key) {
  int n = 0;
  for (int i = 0; i < m->n_parts; i++) n += strcmp(m->part[i].key, key) == 0;
  return n;
}

static int by_key(const void *a, const void *b) {
  return strcmp(((const ht_variable_info *)a)->key,
                ((const ht_variable_info *)b)->key);
}

static ht_status describe_variables(const ht_model *m, ht_arena *arena,
                                    ht_module_info *out) {
  ht_variable_info *info;
  HT_NEW(info, arena, m->store.n_variables + 1);
  int n = 0;
  for (int i = 0; i < m->store.n_variables; i++) {
    const ht_variable *v = m->store.variable[i];
    const ht_variable_part *p = part_of(m, v);
    if (p && !first_piece(p)) continue;
    const ht_shape *shape = p                              ? &p->whole
                            : v->value.dtype != HT_INVALID ? &v->value.shape
                                                           : &v->shape;
    const char *key = p ? p->key : v->key ? v->key : v->name ? v->name : "";
    HT_TRY(describe_variable(v, key, shape, arena, &info[n]));
    info[n++].n_parts = p ? count_parts(m, p->key) : 1;
  }
  qsort(info, (size_t)n, sizeof *info, by_key);
  out->variable = info;
  out->n_variables = n;
  return HT_SUCCESS;
}

static ht_status describe_tables(const ht_model *m, ht_arena *arena,
                                 ht_module_info *out) {
  const ht_map *all = &m->store.by_name;
  ht_table_info *info;
  HT_NEW(info, arena, all->n + 1);
  for (int i = 0; i < all->n; i++) {
    ht_object *object = all->entry[i].value;
    if (!object || object->class != &ht_table_class) continue;
    ht_table *t = (ht_table *)object;
    info[out->n_tables++] = (ht_table_info){all->entry[i].key, t->key_dtype,
                                            t->value_dtype, ht_table_size(t)};
  }
  out->table = info;
  return HT_SUCCESS;
}

static ht_status describe_files(const ht_model *m, ht_arena *arena,
                                ht_module_info *out) {
  const char **asset, **attachment;
  HT_NEW(asset, arena, m->n_assets + 1);
  HT_NEW(attachment, arena, m->n_attachments + 1);
  for (int i = 0; i < m->n_assets; i++) asset[i] = m->asset[i].filename;
  for (int i = 0; i < m->n_attachments; i++)
    attachment[i] = m->attachment[i].key;
  out->asset = asset;
  out->n_assets = m->n_assets;
  out->attachment = attachment;
  out->n_attachments = m->n_attachments;
  return HT_SUCCESS;
}

ht_status ht_module_inspect(ht_module *module, const ht_module_info **out) {
  const ht_model *m = module->model;
  ht_module_info *info;
  *out = module->info;
  if (module->info) return HT_SUCCESS;
  HT_NEW(info, &module->arena, 1);
  *info = (ht_module_info){
      .folder = m->folder,
      .format = format_name(m->format),
      .tf_version = m->tf_version ? m->tf_version : "",
      .n_tag_sets = m->n_tag_sets,
      .tag_set = m->tag_sets,
      .chosen = m->chosen,
      .n_regularization_losses = m->n_regularization,
  };
  HT_TRY(describe_callables(m, &module->arena, info));
  HT_TRY(describe_variables(m, &module->arena, info));
  HT_TRY(describe_tables(m, &module->arena, info));
  HT_TRY(describe_files(m, &module->arena, info));
  HT_TRY(ht_interfaces_of(info, m->format == HT_FORMAT_HUB1, &module->arena,
                          &info->interface, &info->n_interfaces));
  *out = module->info = info;
  return HT_SUCCESS;
}

/* A list of missing operations, each node once. */
typedef struct collection {
  ht_arena *arena;
  ht_missing_info *item;
  int n, capacity;
} collection;

static ht_status collect(collection *c, const ht_missing *m) {
  const char *function = m->function ? m->function : "";
  for (int i = 0; i < c->n; i++)
    if (strcmp(c->item[i].node, m->node) == 0 &&
        strcmp(c->item[i].function, function) == 0)
      return HT_SUCCESS;
  HT_GROW(c->item, c->n, c->capacity, c->arena);
  c->item[c->n++] = (ht_missing_info){m->op, m->node, function};
  return HT_SUCCESS;
}

ht_status ht_module_missing(ht_module *module, bool gradients,
                            const ht_missing_info **missing, int *n) {
  collection c = {.arena = &module->arena};
  ht_model *m = module->model;
  for (int i = 0; !module->missing[gradients] && i < m->n_callables; i++) {
    ht_missing *list;
    int count;
    HT_TRY(ht_model_prepare(m, &m->callable[i]));
    HT_TRY(ht_plan_missing(&m->callable[i].body, gradients, &module->arena,
                           &list, &count));
    for (int k = 0; k < count; k++) HT_TRY(collect(&c, &list[k]));
  }
  if (!module->missing[gradients]) {
    HT_GROW(c.item, c.n, c.capacity, c.arena); /* never NULL */
    module->missing[gradients] = c.item;
    module->n_missing[gradients] = c.n;
  }
  *missing = module->missing[gradients];
  *n = module->n_missing[gradients];
  return HT_SUCCESS;
}
