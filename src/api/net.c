/* net.c - nets: values, variables and operations. */
#include "api/net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/array.h"
#include "base/parallel.h"
#include "hub/join.h"
#include "ops/interface.h"
#include "ops/table.h"
#include "tensor/initial.h"

static const ht_symbol nothing = {-1, 0};

static ht_symbol symbol_of(ht_ref r) { return (ht_symbol){r.node, r.out}; }

ht_symbol ht_net_latch(ht_net *net, ht_status st) {
  return symbol_of(ht_build_fail(&net->b, st));
}

/* ---- nets */

static ht_status start(ht_net *net) {
  ht_model *m = net->face.model;
  net->face.net = net;
  HT_TRY(ht_builder_init(&net->b, &m->arena, &m->library, &m->store));
  if (!net->base) m->graph = net->b.graph;
  return HT_SUCCESS;
}

ht_status ht_net_new(ht_net **out) {
  *out = NULL;
  ht_net *net = calloc(1, sizeof *net);
  if (!net) return ht_fail(HT_NO_MEMORY, "no memory for a net");
  net->tags = "";
  ht_status st = ht_model_new(&net->face.model);
  if (st.code == HT_OK) st = start(net);
  if (st.code == HT_OK)
    *out = net;
  else
    ht_net_free(net);
  return st;
}

void ht_net_free(ht_net *net) {
  if (!net) return;
  ht_net_free(net->next);
  if (!net->base) ht_model_free(net->face.model);
  ht_arena_free(&net->face.arena);
  free(net);
}

/* Whether each tag of "a,b" is one of another set. */
static bool tags_within(const char *tags, const char *set) {
  while (*tags) {
    size_t n = strcspn(tags, ",");
    const char *p = set;
    while (*p && !(strcspn(p, ",") == n && strncmp(p, tags, n) == 0)) {
      p += strcspn(p, ",");
      p += *p == ',';
    }
    if (!*p) return false;
    tags += n + (tags[n] == ',');
  }
  return true;
}

ht_net *ht_net_tagged(ht_net *net, const char *tags) {
  ht_net *g = net->base ? net->base : net;
  while (g && !(tags_within(tags, g->tags) && tags_within(g->tags, tags)))
    g = g->next;
  return g;
}

static ht_status new_variant(ht_net *base, const char *tags, ht_net **out) {
  *out = calloc(1, sizeof **out);
  if (!*out) return ht_fail(HT_NO_MEMORY, "no memory for a net");
  **out = (ht_net){.base = base, .seed = base->seed};
  (*out)->face.model = base->face.model;
  (*out)->face.threads = base->face.threads;
  (*out)->tags = ht_arena_string(&base->face.model->arena, tags);
  if (!(*out)->tags) return ht_fail(HT_NO_MEMORY, "no memory for a net");
  return start(*out);
}

ht_status ht_net_variant(ht_net *net, const char *tags, ht_net **out) {
  ht_net *base = net->base ? net->base : net, *last = base;
  *out = ht_net_tagged(base, tags ? tags : "");
  if (*out) return HT_SUCCESS;
  if (*tags == ',' || strstr(tags, ",,") || tags[strlen(tags) - 1] == ',')
    return ht_fail(HT_USAGE, "tags '%s' have an empty one", tags);
  ht_net *v;
  ht_status st = new_variant(base, tags, &v);
  if (st.code != HT_OK) {
    free(v);
    return st;
  }
  while (last->next) last = last->next;
  *out = last->next = v;
  return HT_SUCCESS;
}

ht_status ht_net_status(const ht_net *net) {
  for (; net; net = net->next) HT_TRY(ht_builder_status(&net->b));
  return HT_SUCCESS;
}

void ht_net_threads(ht_net *net, int threads) {
  net->face.threads = threads;
  ht_threads_set(threads);
}

void ht_net_fail(ht_net *net, const char *message) {
  ht_net_latch(net, ht_fail(HT_USAGE, "%s", message));
}

void ht_net_scope(ht_net *net, const char *scope) {
  size_t n = strlen(scope);
  if (n < sizeof net->b.scope)
    memcpy(net->b.scope, scope, n + 1);
  else
    ht_net_latch(net, ht_fail(HT_USAGE, "a scope of %zu bytes", n));
}

void ht_net_seed(ht_net *net, uint64_t seed) { net->seed = seed; }

/* ---- symbols */

ht_status ht_net_ref(ht_net *net, ht_symbol s, ht_ref *out) {
  ht_graph *g = net->b.graph;
  HT_TRY(ht_builder_status(&net->b));
  *out = (ht_ref){s.node, s.output};
  if (s.node < 0 || s.node >= g->n_nodes)
    return ht_fail(HT_USAGE, "the symbol is no value of the net");
  HT_TRY(ht_graph_bind(g, s.node));
  const ht_node *n = &g->node[s.node];
  if (s.output == -1 && n->application)
    return ht_fail(HT_USAGE,
                   "there is no output named 'default' of '%s': choose one "
                   "by its name",
                   n->name);
  if (s.output < 0 || (s.output >= n->n_out && n->n_out))
    return ht_fail(HT_USAGE, "node '%s' has %d outputs, not one numbered %d",
                   n->name, n->n_out, s.output);
  return HT_SUCCESS;
}

ht_symbol ht_net_output(ht_net *net, ht_symbol s, const char *name) {
  ht_graph *g = net->b.graph;
  if (net->b.failed) return nothing;
  if (s.node < 0 || s.node >= g->n_nodes)
    return ht_net_latch(net,
                        ht_fail(HT_USAGE, "the symbol is no value of the net"));
  const ht_node *n = &g->node[s.node];
  int first, count;
  if (n->application && n->application->source) {
    const ht_port *port;
    ht_status st = ht_callable_output(n->application->source, name, &port);
    return st.code == HT_OK ? (ht_symbol){s.node, port->index}
                            : ht_net_latch(net, st);
  }
  if (n->op && ht_op_output_named(n->op, &n->attrs, name, &first, &count) &&
      count > 0)
    return (ht_symbol){s.node, first};
  return ht_net_latch(
      net, ht_fail(HT_USAGE, "node '%s' has no output '%s'", n->name, name));
}

ht_dtype ht_net_dtype(ht_net *net, ht_symbol s) {
  ht_ref r;
  if (ht_net_ref(net, s, &r).code != HT_OK) return HT_INVALID;
  return ht_graph_dtype(net->b.graph, r);
}

/* ---- values that are given */

ht_symbol ht_net_input(ht_net *net, const char *name, ht_dtype dtype, int rank,
                       const int64_t *dim) {
  ht_shape shape = {.rank = -1};
  if (rank > HT_MAX_RANK)
    return ht_net_latch(net,
                        ht_fail(HT_USAGE, "input '%s' of rank %d", name, rank));
  if (rank >= 0) shape = ht_shape_of(rank, dim);
  return symbol_of(ht_build_placeholder(&net->b, name, dtype, &shape));
}

ht_symbol ht_net_constant(ht_net *net, const ht_array *value) {
  return symbol_of(ht_build_const(&net->b, NULL, &value->t));
}

/* Takes over the array. */
static ht_symbol constant_of(ht_net *net, ht_status st, ht_array *a) {
  if (st.code != HT_OK) return ht_net_latch(net, st);
  ht_symbol s = ht_net_constant(net, a);
  ht_array_free(a);
  return s;
}

static ht_status store_number(ht_tensor *t, double value) {
  switch (t->dtype) {
    case HT_FLOAT: ht_f(t)[0] = (float)value; break;
    case HT_DOUBLE: HT_DATA(double, t)[0] = value; break;
    case HT_INT32: ht_i32(t)[0] = (int32_t)value; break;
    case HT_INT64: ht_i64(t)[0] = (int64_t)value; break;
    case HT_BOOL: ht_bool(t)[0] = value != 0; break;
    default:
      return ht_fail(HT_USAGE, "a number of type %s", ht_dtype_name(t->dtype));
  }
  return HT_SUCCESS;
}

ht_symbol ht_net_number(ht_net *net, ht_dtype dtype, double value) {
  ht_array *a = NULL;
  ht_status st = ht_array_new(dtype, 0, NULL, &a);
  if (st.code == HT_OK) st = store_number(&a->t, value);
  if (st.code == HT_OK) return constant_of(net, st, a);
  ht_array_free(a);
  return ht_net_latch(net, st);
}

ht_symbol ht_net_int32s(ht_net *net, int n, const int32_t *value) {
  ht_array *a = NULL;
  int64_t dim = n;
  ht_status st = ht_array_from(HT_INT32, 1, &dim, value, &a);
  return constant_of(net, st, a);
}

ht_symbol ht_net_string(ht_net *net, const char *text) {
  ht_array *a = NULL;
  ht_status st = ht_array_from(HT_STRING, 0, NULL, &text, &a);
  return constant_of(net, st, a);
}

/* ---- state */

ht_symbol ht_net_variable(ht_net *net, const char *name,
                          const ht_array *initial, bool trainable) {
  ht_tensor t;
  if (net->b.failed) return nothing;
  ht_status st = ht_tensor_copy(NULL, &initial->t, &t);
  if (st.code != HT_OK) return ht_net_latch(net, st);
  bool floats = ht_dtype_floating(t.dtype);
  return symbol_of(
      ht_build_variable(&net->b, name, &t, trainable && floats, NULL));
}

ht_symbol ht_net_variable_drawn(ht_net *net, const char *name,
                                const char *initializer, int rank,
                                const int64_t *dim, bool trainable) {
  ht_tensor t;
  if (net->b.failed) return nothing;
  if (rank < 0 || rank > HT_MAX_RANK)
    return ht_net_latch(
        net, ht_fail(HT_USAGE, "variable '%s' of rank %d", name, rank));
  for (int i = 0; i < rank; i++)
    if (dim[i] < 0)
      return ht_net_latch(
          net, ht_fail(HT_USAGE, "a dimension of variable '%s' is %lld", name,
                       (long long)dim[i]));
  ht_shape shape = ht_shape_of(rank, dim);
  uint64_t stream = ht_hash(net->b.scope, strlen(net->b.scope)) * 31 +
                    ht_hash(name, strlen(name));
  ht_philox g = ht_philox_make(net->seed, stream);
  ht_status st = ht_initial_value(initializer, &g, &shape, &t);
  if (st.code != HT_OK) return ht_net_latch(net, st);
  return symbol_of(ht_build_variable(&net->b, name, &t, trainable, NULL));
}

ht_symbol ht_net_read(ht_net *net, ht_symbol variable) {
  ht_ref r;
  if (net->b.failed) return nothing;
  ht_status st = ht_net_ref(net, variable, &r);
  if (st.code == HT_OK &&
      strcmp(net->b.graph->node[r.node].op_name, "VarHandleOp") != 0)
    st = ht_fail(HT_USAGE, "node '%s' is no variable",
                 net->b.graph->node[r.node].name);
  return st.code == HT_OK ? symbol_of(ht_build_read(&net->b, r))
                          : ht_net_latch(net, st);
}

static ht_status fill_vocabulary(ht_net *net, const char *name,
                                 const char *path) {
  static const ht_text_columns lines = {HT_WHOLE_LINE, HT_LINE_NUMBER, -1, 0,
                                        '\t'};
  ht_store *store = net->b.store;
  ht_table *table;
  if (ht_store_find(store, name)) return HT_SUCCESS; /* another graph's */
  HT_TRY(ht_table_new(HT_STRING, HT_INT64, &HT_SCALAR, true, &table));
  ht_status st = ht_table_fill_file(table, path, &lines);
  if (st.code == HT_OK) return ht_store_put(store, name, &table->object);
  ht_object_drop(&table->object);
  return st;
}

ht_symbol ht_net_vocabulary(ht_net *net, const char *name, const char *path) {
  char attrs[400], full[300];
  if (net->b.failed) return nothing;
  int n = snprintf(full, sizeof full, "%s%s", net->b.scope, name);
  if (n >= (int)sizeof full || strchr(full, '\''))
    return ht_net_latch(net,
                        ht_fail(HT_USAGE, "bad name '%s' of a table", name));
  ht_status st = fill_vocabulary(net, full, path);
  if (st.code != HT_OK) return ht_net_latch(net, st);
  snprintf(attrs, sizeof attrs,
           "key_dtype=string value_dtype=int64 shared_name='%s'", full);
  return symbol_of(ht_build(&net->b, "HashTableV2", name, 0, NULL, attrs));
}

/* ---- operations */

/* Whether "a:type b:int=1" has an attribute of the name. */
static bool has_attribute(const ht_op *op, const char *name) {
  size_t n = strlen(name);
  for (const char *p = op->attrs; (p = strstr(p, name)); p += n)
    if ((p == op->attrs || p[-1] == ' ') && p[n] == ':') return true;
  return false;
}

/* What an op does not know nobody would heed: "_class", a misspelt name. */
static ht_status check_attributes(ht_net *net, ht_ref r) {
  if (r.node < 0) return HT_SUCCESS; /* latched already */
  const ht_node *n = &net->b.graph->node[r.node];
  const ht_op *op = ht_op_find(n->op_name);
  for (int i = 0; op && i < n->attrs.n; i++)
    if (!has_attribute(op, n->attrs.attr[i].name))
      return ht_fail(HT_USAGE, "op '%s' has no attribute '%s'", n->op_name,
                     n->attrs.attr[i].name);
  return HT_SUCCESS;
}

ht_symbol ht_net_op(ht_net *net, const char *op, const char *attributes, int n,
                    const ht_symbol *input) {
  ht_ref *in;
  ht_arena arena = {0};
  if (net->b.failed) return nothing;
  in = ht_alloc(&arena, (size_t)n + 1, sizeof *in);
  if (!in)
    return ht_net_latch(net, ht_fail(HT_NO_MEMORY, "no memory for '%s'", op));
  ht_status st = HT_SUCCESS;
  for (int i = 0; i < n && st.code == HT_OK; i++)
    st =
        ht_within(ht_net_ref(net, input[i], &in[i]), "input %d of '%s'", i, op);
  ht_ref out = {-1, 0};
  if (st.code == HT_OK) {
    out = ht_build(&net->b, op, NULL, n, in, attributes);
    st = check_attributes(net, out);
  }
  ht_arena_free(&arena);
  return st.code == HT_OK ? symbol_of(out) : ht_net_latch(net, st);
}
