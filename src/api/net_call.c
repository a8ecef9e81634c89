/* net_call.c - nets that run: functions, and values of variables. */
#include <string.h>

#include "api/array.h"
#include "api/net.h"

/* ---- interfaces */

static ht_status port_of(ht_net *net, const char *what, const ht_named *named,
                         int index, ht_port *out, ht_ref *ref) {
  int64_t dim[HT_MAX_RANK] = {0};
  int rank;
  const char *name = named->name ? named->name : "default";
  HT_TRY(ht_within(ht_net_ref(net, named->symbol, ref), "%s '%s'", what,
                   name));
  HT_TRY(ht_net_shape(net, named->symbol, &rank, dim));
  char *kept = ht_arena_string(&net->face.model->arena, name);
  if (!kept) return ht_fail(HT_NO_MEMORY, "no memory for a name");
  *out = (ht_port){.name = kept,
                   .dtype = ht_graph_dtype(net->b.graph, *ref),
                   .shape = {.rank = -1},
                   .index = index};
  if (rank >= 0) out->shape = ht_shape_of(rank, dim);
  return HT_SUCCESS;
}

static ht_status ports_of(ht_net *net, const char *what, int n,
                          const ht_named *named, ht_port **port, ht_ref **ref) {
  ht_arena *arena = &net->face.model->arena;
  HT_NEW(*port, arena, n + 1);
  HT_NEW(*ref, arena, n + 1);
  for (int i = 0; i < n; i++) {
    HT_TRY(port_of(net, what, &named[i], i, &(*port)[i], &(*ref)[i]));
    for (int k = 0; k < i; k++)
      if (strcmp((*port)[k].name, (*port)[i].name) == 0)
        return ht_fail(HT_USAGE, "two %ss are named '%s'", what,
                       (*port)[i].name);
  }
  return HT_SUCCESS;
}

/* Inputs may be any value: a feed cuts the graph there. */
ht_status ht_net_callable(ht_net *net, const char *name, int n_in,
                          const ht_named *input, int n_out,
                          const ht_named *output, ht_callable **out) {
  ht_callable *c;
  ht_arena *arena = &net->face.model->arena;
  HT_NEW(c, arena, 1);
  *c = (ht_callable){.signature = true,
                     .method_name = "",
                     .training = -1,
                     .n_inputs = n_in,
                     .n_outputs = n_out};
  c->body = (ht_body){.graph = net->b.graph, .n_args = n_in, .n_rets = n_out};
  c->name = ht_arena_string(arena, name);
  if (!c->name) return ht_fail(HT_NO_MEMORY, "no memory for a name");
  HT_TRY(ht_builder_status(&net->b));
  HT_TRY(ports_of(net, "input", n_in, input, &c->input, &c->body.arg));
  HT_TRY(ports_of(net, "output", n_out, output, &c->output, &c->body.ret));
  *out = c;
  return HT_SUCCESS;
}

ht_status ht_net_function(ht_net *net, int n_in, const ht_named *input,
                          int n_out, const ht_named *output,
                          ht_function **out) {
  ht_callable *c;
  *out = NULL;
  HT_TRY(ht_net_callable(net, "function", n_in, input, n_out, output, &c));
  return ht_function_of(&net->face, c, out);
}

/* ---- what trains */

static const ht_net_part *part_of(const ht_net *net, const ht_variable *v) {
  for (int i = 0; v->scope && i < net->n_parts; i++) {
    size_t n = strlen(net->part[i].name);
    if (strncmp(v->scope, net->part[i].name, n) == 0 &&
        strcmp(v->scope + n, "/") == 0)
      return &net->part[i];
  }
  return NULL;
}

void ht_net_mark(ht_net *net) {
  const ht_store *store = &net->face.model->store;
  for (int i = 0; i < store->n_variables; i++) {
    ht_variable *v = store->variable[i];
    const ht_net_part *part = part_of(net, v);
    bool own = !v->scope || (part && *part->trainable);
    v->tuned = own && v->trainable && ht_dtype_floating(v->dtype);
  }
}

/* ---- values */

static ht_status find_variable(const ht_net *net, const char *name,
                               ht_variable **out) {
  const ht_store *store = &net->face.model->store;
  for (int i = 0; i < store->n_variables; i++) {
    ht_variable *v = store->variable[i];
    size_t n = v->scope ? strlen(v->scope) : 0;
    *out = v;
    if (n && strncmp(name, v->scope, n) != 0) continue;
    if (ht_variable_called(v, name + n)) return HT_SUCCESS;
  }
  return ht_fail(HT_USAGE, "the net has no variable '%s'", name);
}

ht_status ht_net_value(ht_net *net, const char *variable, ht_array **out) {
  ht_variable *v;
  ht_tensor t;
  *out = NULL;
  HT_TRY(find_variable(net, variable, &v));
  HT_TRY(ht_variable_final(v, &t));
  return ht_array_wrap(&t, out);
}

ht_status ht_net_assign(ht_net *net, const char *variable,
                        const ht_array *value) {
  ht_variable *v;
  ht_tensor t;
  HT_TRY(find_variable(net, variable, &v));
  if (v->rows)
    return ht_fail(HT_USAGE, "variable '%s' is being trained", variable);
  HT_TRY(ht_tensor_copy(NULL, &value->t, &t));
  v->changed = true;
  return ht_variable_assign(v, &t, false);
}
