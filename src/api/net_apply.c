/* net_apply.c - modules in nets. */
#include <stdio.h>
#include <string.h>

#include "api/net.h"
#include "hub/join.h"

static const ht_symbol nothing = {-1, 0};
static const bool yes = true, no = false;

static ht_net_part *part_of(ht_net *net, const ht_module *module) {
  for (int i = 0; i < net->n_parts; i++)
    if (net->part[i].module == module) return &net->part[i];
  return NULL;
}

static bool name_taken(const ht_net *net, const char *name) {
  for (int i = 0; i < net->n_parts; i++)
    if (strcmp(net->part[i].name, name) == 0) return true;
  return false;
}

static ht_status add_part(ht_net *net, ht_module *module, const char *name,
                          const bool *trainable) {
  ht_model *m = net->face.model;
  if (part_of(net, module))
    return ht_fail(HT_USAGE, "module '%s' is in the net already", name);
  if (!*name || strchr(name, ' '))
    return ht_fail(HT_USAGE, "bad name '%s' of a module", name);
  char *scope = ht_arena_printf(&m->arena, "%s/", name);
  char *kept = ht_arena_string(&m->arena, name);
  if (!scope || !kept) return ht_fail(HT_NO_MEMORY, "no memory for a module");
  HT_TRY(ht_model_join(m, module->model, scope, false));
  HT_GROW(net->part, net->n_parts, net->part_capacity, &m->arena);
  net->part[net->n_parts++] = (ht_net_part){module, kept, trainable};
  return HT_SUCCESS;
}

void ht_net_module(ht_net *net, ht_module *module, const char *name,
                   bool trainable) {
  if (net->b.failed) return;
  ht_status st = add_part(net, module, name, trainable ? &yes : &no);
  if (st.code != HT_OK) ht_net_latch(net, st);
}

/* "module", "module_1", ...: the first that is free. */
static void free_name(const ht_net *net, const char *first, char name[64]) {
  snprintf(name, 64, "%s", first);
  for (int k = 1; name_taken(net, name); k++)
    snprintf(name, 64, "%s_%d", first, k);
}

static ht_status find_part(ht_net *net, ht_module *module, ht_net_part **out) {
  char name[64];
  *out = part_of(net, module);
  if (*out) return HT_SUCCESS;
  free_name(net, "module", name);
  HT_TRY(add_part(net, module, name, &no));
  *out = part_of(net, module);
  return HT_SUCCESS;
}

void ht_net_follow(ht_net *net, ht_module *module, const char *name,
                   const bool *trainable) {
  char unnamed[64];
  ht_net_part *part = part_of(net, module);
  if (net->b.failed) return;
  if (part) {
    part->trainable = trainable;
    return;
  }
  free_name(net, "keras_layer", unnamed);
  ht_status st = add_part(net, module, name ? name : unnamed, trainable);
  if (st.code != HT_OK) ht_net_latch(net, st);
}

/* ---- what is applied */

static ht_status graph_of(ht_net *net, ht_model *m, const ht_choice *choice,
                          ht_model **out) {
  HT_TRY(ht_choice_graph(m, choice, out));
  return *out == m ? HT_SUCCESS : ht_model_rejoin(net->face.model, m);
}

static ht_status check_input(ht_net *net, const ht_port *port, ht_ref value) {
  ht_graph *g = net->b.graph;
  ht_dtype dtype = ht_graph_dtype(g, value);
  char wanted[HT_SHAPE_TEXT], found[HT_SHAPE_TEXT];
  ht_shape shape;
  if (port->dtype && dtype && port->dtype != dtype)
    return ht_fail(HT_USAGE, "input '%s' wants %s, found %s", port->name,
                   ht_dtype_name(port->dtype), ht_dtype_name(dtype));
  if (!ht_net_declared(net, value, &shape) ||
      ht_shape_meets(&shape, &port->shape))
    return HT_SUCCESS;
  return ht_fail(HT_USAGE, "input '%s' wants %s %s, found %s %s", port->name,
                 ht_dtype_name(port->dtype),
                 ht_shape_text(&port->shape, wanted), ht_dtype_name(dtype),
                 ht_shape_text(&shape, found));
}

static ht_status place_input(ht_net *net, const ht_callable *c,
                             const ht_named *input, ht_ref *at) {
  const ht_port *port;
  ht_ref r;
  HT_TRY(ht_callable_input(c, input->name, &port));
  ht_status st = ht_within(ht_net_ref(net, input->symbol, &r), "input '%s'",
                           port->name);
  if (st.code == HT_OK) st = check_input(net, port, r);
  if (st.code == HT_OK && at[port->index].node >= 0)
    st = ht_fail(HT_USAGE, "input '%s' is given twice", port->name);
  at[port->index] = r;
  return ht_within(st, "'%s'", c->name);
}

/* Inputs in the order of the body's arguments that have no capture. */
static ht_status order_inputs(ht_net *net, const ht_callable *c, int n,
                              const ht_named *input, ht_ref *in, int *n_in) {
  ht_ref *at;
  ht_arena *arena = &net->face.model->arena;
  HT_NEW(at, arena, c->body.n_args + 1);
  for (int i = 0; i < c->body.n_args; i++) at[i].node = -1;
  for (int i = 0; i < n; i++) HT_TRY(place_input(net, c, &input[i], at));
  for (int i = 0; i < c->n_inputs; i++)
    if (at[c->input[i].index].node < 0)
      return ht_fail(HT_USAGE, "'%s': input '%s' is missing", c->name,
                     c->input[i].name);
  *n_in = 0;
  for (int i = 0; i < c->body.n_args; i++)
    if (!c->capture || !c->capture[i].dtype) in[(*n_in)++] = at[i];
  return HT_SUCCESS;
}

/* "default", or the only one; -1: to be chosen by name. */
static int usual_output(const ht_callable *c) {
  for (int i = 0; i < c->n_outputs; i++)
    if (strcmp(c->output[i].name, "default") == 0) return c->output[i].index;
  return c->n_outputs == 1 ? c->output[0].index : -1;
}

static ht_status find_callable(ht_net *net, ht_model *m,
                               const ht_choice *choice, int n,
                               const ht_named *input, const ht_callable **out) {
  const char **name;
  ht_arena *arena = &net->face.model->arena;
  int n_names = 0;
  HT_NEW(name, arena, n + 1);
  for (int i = 0; i < n; i++)
    if (input[i].name) name[n_names++] = input[i].name;
  return ht_choice_find(m, choice, n_names, name, arena, out);
}

/* "text_apply_default", as tensorflow_hub names applications. */
static ht_status apply_name(ht_net *net, const char *part,
                            const ht_callable *call, char **out) {
  ht_arena *arena = &net->face.model->arena;
  *out = ht_arena_printf(arena, "%s_apply_%s", part, call->name);
  if (!*out) return ht_fail(HT_NO_MEMORY, "no memory for a name");
  for (char *p = *out; (p = strchr(p, ':'));) *p = '_';
  return HT_SUCCESS;
}

static ht_status apply(ht_net *net, ht_module *module, const ht_choice *choice,
                       int n, const ht_named *input, ht_symbol *out) {
  ht_net_part *part;
  ht_model *m;
  const ht_callable *call;
  const ht_body *body;
  ht_ref *in;
  char *name;
  int n_in = 0;
  HT_TRY(find_part(net, module, &part));
  HT_TRY(graph_of(net, module->model, choice, &m));
  HT_TRY(find_callable(net, m, choice, n, input, &call));
  HT_NEW(in, &net->face.model->arena, call->body.n_args + 1);
  HT_TRY(order_inputs(net, call, n, input, in, &n_in));
  body = &call->body;
  if (*part->trainable)
    HT_TRY(ht_model_training_body(m, call, &net->face.model->arena, &body));
  HT_TRY(apply_name(net, part->name, call, &name));
  ht_ref r = ht_build_apply(&net->b, name, body, call->capture, call, n_in, in);
  *out = (ht_symbol){r.node, usual_output(call)};
  return ht_builder_status(&net->b);
}

ht_symbol ht_net_apply(ht_net *net, ht_module *module, const ht_choice *choice,
                       int n, const ht_named *input) {
  ht_symbol out = nothing;
  if (net->b.failed) return nothing;
  ht_status st = apply(net, module, choice, n, input, &out);
  return st.code == HT_OK ? out : ht_net_latch(net, st);
}

/* ---- regularization */

/* The losses of a module that trains: of its graph for training, where that
 * was applied. */
static const ht_model *losses_of(const ht_model *m) {
  return m->variant ? m->variant : m;
}

static ht_status module_losses(ht_net *net, ht_ref *sum) {
  for (int k = 0; k < net->n_parts; k++) {
    const ht_model *m = losses_of(net->part[k].module->model);
    if (!*net->part[k].trainable) continue;
    for (int i = 0; i < m->n_regularization; i++) {
      const ht_tensor *capture =
          m->regularization_capture ? m->regularization_capture[i] : NULL;
      ht_ref r = ht_build_apply(&net->b, "regularization",
                                &m->regularization[i], capture, NULL, 0, NULL);
      *sum = sum->node < 0 ? r : ht_build_2(&net->b, "AddV2", *sum, r, "");
    }
  }
  return ht_builder_status(&net->b);
}

ht_symbol ht_net_regularization(ht_net *net) {
  ht_ref sum = {-1, 0};
  if (net->b.failed) return nothing;
  ht_status st = module_losses(net, &sum);
  for (int i = 0; i < net->n_losses; i++)
    sum = sum.node < 0 ? net->loss[i]
                       : ht_build_2(&net->b, "AddV2", sum, net->loss[i], "");
  if (st.code != HT_OK) return ht_net_latch(net, st);
  if (sum.node < 0) sum = ht_build_float(&net->b, 0);
  return (ht_symbol){sum.node, sum.out};
}

/* ---- what comes with training */

static ht_status add_loss(ht_net *net, ht_symbol loss) {
  int64_t dim[HT_MAX_RANK];
  int rank;
  ht_ref r;
  HT_TRY(ht_net_ref(net, loss, &r));
  if (ht_net_depends(net, r))
    return ht_fail(HT_USAGE, "a regularization loss that depends on an input");
  HT_TRY(ht_net_shape(net, loss, &rank, dim));
  if (ht_graph_dtype(net->b.graph, r) != HT_FLOAT || rank > 0)
    return ht_fail(HT_USAGE, "a regularization loss is one float");
  HT_GROW(net->loss, net->n_losses, net->loss_capacity,
          &net->face.model->arena);
  net->loss[net->n_losses++] = r;
  return HT_SUCCESS;
}

void ht_net_add_regularization(ht_net *net, ht_symbol loss) {
  if (net->b.failed) return;
  ht_status st = add_loss(net, loss);
  if (st.code != HT_OK) ht_net_latch(net, st);
}

static ht_status add_update(ht_net *net, ht_symbol update) {
  ht_graph *g = net->b.graph;
  if (update.node < 0 || update.node >= g->n_nodes)
    return ht_fail(HT_USAGE, "the update is no node of the net");
  HT_GROW(net->update, net->n_updates, net->update_capacity,
          &net->face.model->arena);
  net->update[net->n_updates++] = update.node;
  return HT_SUCCESS;
}

void ht_net_add_update(ht_net *net, ht_symbol update) {
  if (net->b.failed) return;
  ht_status st = add_update(net, update);
  if (st.code != HT_OK) ht_net_latch(net, st);
}
