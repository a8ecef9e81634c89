/* net_export.c - nets as modules: signatures, messages, checks, export. */
#include <ctype.h>
#include <string.h>

#include "api/net.h"
#include "hub/export.h"
#include "proto/hub.pb-c.h"

/* ---- signatures */

static ht_net_signature *find_signature(ht_net *net, const char *name) {
  for (int i = 0; net && i < net->n_signatures; i++)
    if (strcmp(net->signature[i].name, name) == 0) return &net->signature[i];
  return NULL;
}

/* Handles of variables and tables are no values that others could hold. */
static ht_status check_values(int n, const ht_port *port, const char *what) {
  for (int i = 0; i < n; i++)
    if (port[i].dtype == HT_RESOURCE || port[i].dtype == HT_VARIANT)
      return ht_fail(HT_USAGE,
                     "%s '%s' is a handle, not a value: read the variable",
                     what, port[i].name);
  return HT_SUCCESS;
}

static ht_status add_signature(ht_net *net, const char *name, int n_in,
                               const ht_named *input, int n_out,
                               const ht_named *output) {
  ht_callable *c;
  if (n_out < 1) return ht_fail(HT_USAGE, "it has no outputs");
  HT_TRY(ht_net_callable(net, name, n_in, input, n_out, output, &c));
  HT_TRY(check_values(c->n_inputs, c->input, "input"));
  HT_TRY(check_values(c->n_outputs, c->output, "output"));
  ht_net_signature *s = find_signature(net, name);
  if (!s) {
    HT_GROW(net->signature, net->n_signatures, net->signature_capacity,
            &net->face.model->arena);
    s = &net->signature[net->n_signatures++];
  }
  *s = (ht_net_signature){c->name, c};
  return HT_SUCCESS;
}

void ht_net_add_signature(ht_net *net, const char *name, int n_in,
                          const ht_named *input, int n_out,
                          const ht_named *output) {
  if (net->b.failed) return;
  if (!name || !*name) name = "default";
  ht_status st = add_signature(net, name, n_in, input, n_out, output);
  if (st.code != HT_OK)
    ht_net_latch(net, ht_within(st, "signature '%s'", name));
}

/* ---- attached messages */

/* [a-zA-Z][a-zA-Z0-9_]*, as tensorflow_hub wants. */
static bool good_key(const char *key) {
  if (!isalpha((unsigned char)*key)) return false;
  for (; *key; key++)
    if (!isalnum((unsigned char)*key) && *key != '_') return false;
  return true;
}

static ht_status attach(ht_net *net, const char *key, const void *data,
                        size_t n) {
  ht_arena *arena = &net->face.model->arena;
  if (!good_key(key))
    return ht_fail(HT_USAGE,
                   "key '%s' of a message is not a letter and then letters, "
                   "digits and '_'",
                   key);
  char *bytes = ht_arena_bytes(arena, data, n);
  char *name = ht_arena_string(arena, key);
  if (!bytes || !name) return ht_fail(HT_NO_MEMORY, "no memory for a message");
  for (int i = 0; i < net->n_attachments; i++)
    if (strcmp(net->attachment[i].key, key) == 0) {
      net->attachment[i].value = (ht_string){bytes, n};
      return HT_SUCCESS;
    }
  HT_GROW(net->attachment, net->n_attachments, net->attachment_capacity, arena);
  net->attachment[net->n_attachments++] = (ht_attachment){name, {bytes, n}};
  return HT_SUCCESS;
}

void ht_net_attach_message(ht_net *net, const char *key, const void *data,
                           size_t n) {
  if (net->b.failed) return;
  ht_status st = attach(net, key, data, n);
  if (st.code != HT_OK) ht_net_latch(net, st);
}

void ht_net_attach_image_size(ht_net *net, int height, int width) {
  TensorflowHub__ImageSize size = TENSORFLOW_HUB__IMAGE_SIZE__INIT;
  TensorflowHub__ImageModuleInfo info = TENSORFLOW_HUB__IMAGE_MODULE_INFO__INIT;
  uint8_t bytes[64];
  if (height < 1 || width < 1) {
    ht_net_latch(net, ht_fail(HT_USAGE, "images of %dx%d", height, width));
    return;
  }
  size.height = (uint32_t)height;
  size.width = (uint32_t)width;
  info.default_image_size = &size;
  size_t n = tensorflow_hub__image_module_info__pack(&info, bytes);
  ht_net_attach_message(net, "image_module_info", bytes, n);
}

/* ---- checks */

/* Placeholders that a signature reaches beyond its inputs are never fed. */
static ht_status check_signature(ht_net *net, const ht_net_signature *s) {
  ht_arena arena = {0};
  ht_missing *missing;
  ht_plan *plan = NULL;
  int n;
  const ht_body *body = &s->callable->body;
  ht_status st = ht_plan_missing(body, false, &arena, &missing, &n);
  if (st.code == HT_OK && n)
    st = ht_fail(HT_UNSUPPORTED, "op '%s' is not supported (node '%s')",
                 missing->op, missing->node);
  if (st.code == HT_OK) st = ht_plan_new(body, NULL, &plan);
  const char *open = st.code == HT_OK ? ht_plan_placeholder(plan) : NULL;
  if (open)
    st = ht_fail(HT_USAGE, "it depends on '%s', which is none of its inputs",
                 open);
  ht_plan_free(plan);
  ht_arena_free(&arena);
  return ht_within(st, "signature '%s'%s%s", s->name, *net->tags ? " of " : "",
                   net->tags);
}

/* Graphs without anything are left out: a net that has only tagged ones. */
static bool is_written(const ht_net *g) { return g->n_signatures || g->base; }

static ht_status check_graph(ht_net *g) {
  if (!g->n_signatures)
    return ht_fail(HT_USAGE,
                   "no signatures present: add one with "
                   "ht_net_add_signature");
  for (int i = 0; i < g->n_signatures; i++)
    HT_TRY(check_signature(g, &g->signature[i]));
  return HT_SUCCESS;
}

ht_status ht_net_check(ht_net *net) {
  if (net->base) net = net->base;
  HT_TRY(ht_net_status(net));
  for (ht_net *g = net; g; g = g->next)
    if (is_written(g) || !net->next) HT_TRY(check_graph(g));
  return HT_SUCCESS;
}

/* ---- what a SavedModel can hold: one interface, called with training=True
 * or without */

static ht_status check_same(const ht_net_signature *s, ht_net *train) {
  const ht_net_signature *other = find_signature(train, s->name);
  const ht_callable *a = s->callable, *b = other ? other->callable : a;
  bool same = a->n_inputs == b->n_inputs && a->n_outputs == b->n_outputs;
  for (int i = 0; same && i < a->n_inputs; i++)
    same = strcmp(a->input[i].name, b->input[i].name) == 0;
  for (int i = 0; same && i < a->n_outputs; i++)
    same = strcmp(a->output[i].name, b->output[i].name) == 0;
  if (same) return HT_SUCCESS;
  return ht_fail(HT_USAGE,
                 "signature '%s' has other inputs or outputs in the graph "
                 "tagged 'train'",
                 s->name);
}

static ht_status check_saved_model(ht_net *net) {
  ht_net *train = ht_net_tagged(net, "train");
  for (ht_net *g = net->next; g; g = g->next)
    if (g != train)
      return ht_fail(HT_UNSUPPORTED,
                     "a SavedModel has no graph tagged '%s': write the TF1 "
                     "Hub format",
                     g->tags);
  if (!net->n_signatures)
    return ht_fail(HT_UNSUPPORTED,
                   "a SavedModel needs a graph without tags: write the TF1 "
                   "Hub format");
  for (int i = 0; train && i < net->n_signatures; i++)
    HT_TRY(check_same(&net->signature[i], train));
  for (int i = 0; train && i < train->n_signatures; i++)
    if (!find_signature(net, train->signature[i].name))
      return ht_fail(HT_USAGE,
                     "signature '%s' is in the graph tagged 'train' alone",
                     train->signature[i].name);
  return HT_SUCCESS;
}

/* ---- export */

/* What is written of a net, or of one graph of it. */
typedef struct work {
  ht_net *net;
  ht_arena *arena;
  ht_export_method *method, call;
  int n_methods;
  ht_variable **variable; /* of all graphs */
  int n_variables;
  ht_body *loss;
  const ht_tensor **capture;
  int n_losses;
} work;

/* The updates of a graph come with its training. */
static ht_body training_body(const ht_net *net, const ht_callable *c) {
  ht_body body = c->body;
  body.target = net->update;
  body.n_targets = net->n_updates;
  return body;
}

/* In a TF1 graph update operations stand beside its signatures; a SavedModel
 * has them in the functions for training. */
static ht_status make_methods(work *w, bool hub1) {
  ht_net *net = w->net, *train = ht_net_tagged(net, "train");
  w->n_methods = net->n_signatures;
  HT_NEW(w->method, w->arena, net->n_signatures + 2);
  for (int i = 0; i < net->n_signatures; i++) {
    const ht_callable *c = net->signature[i].callable;
    const ht_net_signature *t = find_signature(train, c->name);
    ht_export_method *m = &w->method[i];
    *m = (ht_export_method){.name = c->name,
                            .input = c->input,
                            .output = c->output,
                            .n_inputs = c->n_inputs,
                            .n_outputs = c->n_outputs,
                            .inference = c->body};
    if (hub1)
      m->inference = training_body(net, c);
    else if (t)
      m->training = training_body(train, t->callable);
  }
  return HT_SUCCESS;
}

static ht_status add_variable(work *w, ht_variable *v) {
  for (int i = 0; i < w->n_variables; i++)
    if (w->variable[i] == v) return HT_SUCCESS;
  w->variable[w->n_variables++] = v;
  return HT_SUCCESS;
}

static ht_status add_reached(work *w, const ht_body *body,
                             const ht_tensor *capture) {
  ht_variable **found;
  int n;
  if (!body->graph) return HT_SUCCESS;
  HT_TRY(
      ht_plan_variables(body, capture, w->net->b.store, w->arena, &found, &n));
  for (int i = 0; i < n; i++) HT_TRY(add_variable(w, found[i]));
  return HT_SUCCESS;
}

/* Those that something which is written reaches, in order of their making. */
static ht_status list_variables(work *w) {
  const ht_store *store = w->net->b.store;
  if (!w->variable) HT_NEW(w->variable, w->arena, store->n_variables + 1);
  for (int i = 0; i < w->net->n_signatures; i++) {
    HT_TRY(add_reached(w, &w->method[i].inference, NULL));
    HT_TRY(add_reached(w, &w->method[i].training, NULL));
  }
  for (int i = 0; i < w->n_losses; i++)
    HT_TRY(add_reached(w, &w->loss[i], w->capture[i]));
  return HT_SUCCESS;
}

/* ---- losses: the net's own, and those of modules that train */

static ht_status add_own_losses(work *w, ht_net *net) {
  for (int i = 0; net && i < net->n_losses; i++)
    w->loss[w->n_losses++] =
        (ht_body){.graph = net->b.graph, .ret = &net->loss[i], .n_rets = 1};
  return HT_SUCCESS;
}

static void add_module_losses(work *w, const ht_net *net) {
  for (int k = 0; k < net->n_parts; k++) {
    const ht_model *m = net->part[k].module->model;
    if (!*net->part[k].trainable) continue;
    for (int i = 0; i < m->n_regularization; i++) {
      w->capture[w->n_losses] =
          m->regularization_capture ? m->regularization_capture[i] : NULL;
      w->loss[w->n_losses++] = m->regularization[i];
    }
  }
}

/* Each TF1 graph has its own. Of a SavedModel's, the graph for training says
 * what it is, where there is one with losses. */
static ht_status list_losses(work *w, bool hub1) {
  ht_net *net = w->net, *train = hub1 ? NULL : ht_net_tagged(net, "train");
  int n = net->n_losses + (train ? train->n_losses : 0);
  const ht_net *parts = train && train->n_parts ? train : net;
  for (int k = 0; k < parts->n_parts; k++)
    n += parts->part[k].module->model->n_regularization;
  HT_NEW(w->loss, w->arena, n + 1);
  HT_NEW(w->capture, w->arena, n + 1);
  HT_TRY(add_own_losses(w, train && train->n_losses ? train : net));
  add_module_losses(w, parts);
  return HT_SUCCESS;
}

/* A SavedModel's signatures are for serving: "default" is served by its name
 * there, too, and is __call__, the only one with a graph for training. */
static void serve(work *w) {
  for (int i = w->n_methods - 1; i >= 0; i--) {
    ht_export_method *m = &w->method[i];
    if (strcmp(m->name, "default") == 0) {
      w->call = *m;
      w->method[w->n_methods] = *m;
      w->method[w->n_methods].name = "serving_default";
      w->method[w->n_methods].training = (ht_body){0};
    }
    m->training = (ht_body){0};
  }
  if (w->call.name && !find_signature(w->net, "serving_default"))
    w->n_methods++;
}

static ht_status list_parts(work *w, bool hub1) {
  HT_TRY(make_methods(w, hub1));
  HT_TRY(list_losses(w, hub1));
  return list_variables(w);
}

static ht_export export_of(work *w) {
  return (ht_export){.model = w->net->face.model,
                     .builder = &w->net->b,
                     .tags = w->net->tags,
                     .attachment = w->net->attachment,
                     .n_attachments = w->net->n_attachments,
                     .call = w->call.name ? &w->call : NULL,
                     .signature = w->method,
                     .n_signatures = w->n_methods,
                     .variable = w->variable,
                     .n_variables = w->n_variables,
                     .loss = w->loss,
                     .loss_capture = w->capture,
                     .n_losses = w->n_losses};
}

static ht_status write_saved_model(ht_net *net, ht_arena *arena,
                                   const char *out) {
  work w = {.net = net, .arena = arena};
  HT_TRY(check_saved_model(net));
  HT_TRY(list_parts(&w, false));
  serve(&w);
  ht_export x = export_of(&w);
  return ht_export_saved_model(&x, out, false);
}

/* One meta graph for each of the net's graphs, which share their variables. */
static ht_status write_hub1(ht_net *net, ht_arena *arena, const char *out) {
  work *w;
  ht_export *x;
  int n = 0, n_graphs = 0;
  for (ht_net *g = net; g; g = g->next) n_graphs++;
  HT_NEW(w, arena, n_graphs);
  HT_NEW(x, arena, n_graphs);
  for (ht_net *g = net; g; g = g->next) {
    if (!is_written(g)) continue;
    w[n] = (work){.net = g, .arena = arena};
    if (n) {
      w[n].variable = w[n - 1].variable;
      w[n].n_variables = w[n - 1].n_variables;
    }
    HT_TRY(list_parts(&w[n++], true));
  }
  for (int i = 0; i < n; i++) {
    w[i].n_variables = w[n - 1].n_variables;
    x[i] = export_of(&w[i]);
  }
  return ht_export_graphs(x, n, out);
}

ht_status ht_net_export(ht_net *net, const char *out, bool hub1) {
  ht_arena arena = {0};
  if (net->base) net = net->base;
  HT_TRY(ht_net_check(net));
  ht_status st =
      hub1 ? write_hub1(net, &arena, out) : write_saved_model(net, &arena, out);
  ht_arena_free(&arena);
  return st;
}

/* ---- authoring */

static ht_status build_graphs(ht_net *net, ht_module_fn *build, int n,
                              const ht_tags_and_args *variant) {
  bool built_base = false;
  for (int i = 0; i < n; i++) {
    ht_net *graph;
    const char *tags = variant[i].tags ? variant[i].tags : "";
    graph = ht_net_tagged(net, tags);
    if (graph && (graph != net || built_base))
      return ht_fail(HT_USAGE, "tags '%s' are used repeatedly", tags);
    built_base = built_base || graph == net;
    HT_TRY(ht_net_variant(net, tags, &graph));
    build(graph, variant[i].arg);
    HT_TRY(ht_within(ht_net_status(graph), "tags '%s'", tags));
  }
  return ht_net_check(net);
}

ht_status ht_module_author(ht_module_fn *build, int n,
                           const ht_tags_and_args *variant, ht_net **out) {
  static const ht_tags_and_args usual[1];
  ht_net *net;
  *out = NULL;
  HT_TRY(ht_net_new(&net));
  ht_status st = build_graphs(net, build, n ? n : 1, n ? variant : usual);
  if (st.code == HT_OK)
    *out = net;
  else
    ht_net_free(net);
  return st;
}
