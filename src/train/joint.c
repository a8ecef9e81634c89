/* joint.c - see joint.h. */
#include "train/joint.h"

#include <stdio.h>
#include <string.h>

#include "hub/chain.h"

enum { MAX_NAME = 64 };

/* An application while a graph is made. */
typedef struct applied {
  enum { NOT_YET, IN_WORK, DONE } state;
  const ht_callable *call;
  ht_ref y;
} applied;

typedef struct joint {
  const ht_train_options *o;
  ht_model *model;
  ht_builder b;
  ht_module_use *application;
  applied *applied; /* of the graph that is being made */
  int n_applications;
  ht_connection *connection;
  bool *used;           /* connections */
  const ht_port **port; /* of the inputs so far, by their joined names */
  ht_ref *placeholder;
  int n, capacity, placeholder_capacity;
  bool trains;   /* steps run what training does */
  bool training; /* the graph for training is being made */
  ht_ref *part;  /* what feeds the head, and its outputs */
  const ht_port **head;
  int n_heads;
} joint;

/* ---- options of one module among several */

static const char *meant_for(const ht_module_use *a, const char *text) {
  const char *own = ht_joint_meant(a, text);
  return own && *own ? own : NULL;
}

static bool meant_for_any(const joint *j, const char *text) {
  for (int i = 0; i < j->n_applications; i++)
    if (meant_for(&j->application[i], text)) return true;
  return false;
}

/* The part of "A.x,B.y" that is for a module; one for nobody is for all.
 * Whether it is the module's own. */
static ht_status value_for(joint *j, const ht_module_use *a, const char *text,
                           const char **out, bool *named) {
  ht_arena *arena = &j->model->arena;
  *out = NULL;
  *named = false;
  for (const char *p = text; p && *p;) {
    size_t n = strcspn(p, ",");
    char *part = ht_arena_bytes(arena, p, n);
    if (!part) return ht_fail(HT_NO_MEMORY, "no memory for a name");
    const char *own = meant_for(a, part);
    if (own) *out = own;
    *named |= own && *a->scope;
    if (!own && !*out && !meant_for_any(j, part)) *out = part;
    p += n + (p[n] == ',');
  }
  return HT_SUCCESS;
}

static ht_status arguments_for(joint *j, const ht_module_use *a,
                               ht_bound_argument **out, int *n) {
  ht_arena *arena = &j->model->arena;
  *n = 0;
  HT_NEW(*out, arena, j->o->n_argument + 1);
  for (int i = 0; i < j->o->n_argument; i++) {
    const char *own = meant_for(a, j->o->argument[i]);
    if (!own && meant_for_any(j, j->o->argument[i])) continue;
    char *text = ht_arena_string(arena, own ? own : j->o->argument[i]);
    char *equals = text ? strchr(text, '=') : NULL;
    if (!equals)
      return ht_fail(HT_USAGE, "'--argument' wants NAME=VALUE, not '%s'",
                     j->o->argument[i]);
    *equals = 0;
    (*out)[(*n)++] = (ht_bound_argument){.name = text, .value = equals + 1};
  }
  return HT_SUCCESS;
}

/* ---- what a module takes */

/* The placeholder of a module's input, the same in all graphs. */
static ht_status column_of(joint *j, const ht_module_use *a,
                           const ht_port *port, ht_ref *out) {
  ht_port *joined;
  ht_arena *arena = &j->model->arena;
  char *name = ht_arena_printf(arena, "%s%s", a->scope, port->name);
  if (!name) return ht_fail(HT_NO_MEMORY, "no memory for a name");
  for (int i = 0; i < j->n; i++)
    if (strcmp(j->port[i]->name, name) == 0) {
      *out = j->placeholder[i];
      return HT_SUCCESS;
    }
  HT_GROW(j->port, j->n, j->capacity, arena);
  HT_GROW(j->placeholder, j->n, j->placeholder_capacity, arena);
  HT_NEW(joined, arena, 1);
  *joined = *port;
  joined->name = name;
  joined->index = j->n;
  *out = ht_build_placeholder(&j->b, "input", port->dtype, &port->shape);
  j->port[j->n] = joined;
  j->placeholder[j->n++] = *out;
  return ht_builder_status(&j->b);
}

static ht_status apply(joint *j, int at);

/* The answer that a connection gives an input; NULL: it is for others. */
static ht_status answer_of(joint *j, const ht_connection *c,
                           const ht_callable *call, const ht_port *input,
                           const ht_port **out) {
  const ht_callable *from = j->applied[c->from].call;
  bool alike = !*c->input && !*c->output;
  const ht_port *to = input;
  *out = NULL;
  if (alike) {
    *out = ht_chain_output(from, call, input);
    return HT_SUCCESS;
  }
  HT_TRY(*c->input ? ht_callable_named(call, c->input, &to)
                   : ht_callable_input(call, NULL, &to));
  if (to != input) return HT_SUCCESS;
  if (!*c->output && from->n_outputs == 1) {
    *out = &from->output[0];
    return HT_SUCCESS;
  }
  return ht_compose_output(from, *c->output ? c->output : NULL, out);
}

static ht_status not_fit(const ht_connection *c, const ht_port *from,
                         const ht_port *to) {
  char gives[HT_SHAPE_TEXT], takes[HT_SHAPE_TEXT];
  return ht_fail(HT_USAGE,
                 "--connect '%s': output '%s' is %s %s, input '%s' takes %s %s",
                 c->text, from->name, ht_dtype_name(from->dtype),
                 ht_shape_text(&from->shape, gives), to->name,
                 ht_dtype_name(to->dtype), ht_shape_text(&to->shape, takes));
}

/* The connection of an input and what it gives; *at -1: it is a column. One
 * that names the input counts more than one of what is called alike. */
static ht_status find_connection(joint *j, int to, const ht_callable *call,
                                 const ht_port *input, int *at,
                                 const ht_port **answer) {
  bool named = false;
  const ht_port *one;
  *at = -1;
  for (int i = 0; i < j->o->n_connect; i++) {
    const ht_connection *c = &j->connection[i];
    bool names = *c->input || *c->output;
    if (c->to != to) continue;
    HT_TRY(ht_within(answer_of(j, c, call, input, &one), "--connect '%s'",
                     c->text));
    if (!one) continue;
    j->used[i] = true;
    if (*at >= 0 && names == named)
      return ht_fail(HT_USAGE, "--connect '%s': '%s' feeds input '%s', too",
                     c->text, j->connection[*at].text, input->name);
    if (*at >= 0 && named) continue;
    *at = i;
    *answer = one;
    named = names;
  }
  return HT_SUCCESS;
}

/* What another module answers, or the placeholder of a column. */
static ht_status input_of(joint *j, int at, const ht_callable *call,
                          const ht_port *input, ht_ref *out) {
  int found;
  const ht_port *answer = NULL;
  HT_TRY(find_connection(j, at, call, input, &found, &answer));
  if (found < 0) return column_of(j, &j->application[at], input, out);
  if (!ht_chain_fits(answer, input))
    return not_fit(&j->connection[found], answer, input);
  ht_ref y = j->applied[j->connection[found].from].y;
  *out = (ht_ref){y.node, answer->index};
  return HT_SUCCESS;
}

static ht_status take_inputs(joint *j, int at, const ht_callable *call, int *n,
                             ht_ref **in) {
  const ht_port **input;
  HT_TRY(ht_callable_inputs(call, &j->model->arena, &input, n));
  HT_NEW(*in, &j->model->arena, *n + 1);
  for (int i = 0; i < j->o->n_connect; i++)
    if (j->connection[i].to == at) HT_TRY(apply(j, j->connection[i].from));
  for (int i = 0; i < *n; i++)
    HT_TRY(input_of(j, at, call, input[i], &(*in)[i]));
  for (int i = 0; i < j->o->n_connect; i++)
    if (j->connection[i].to == at && !j->used[i])
      return ht_fail(HT_USAGE, "--connect '%s': nothing of it is called alike",
                     j->connection[i].text);
  return HT_SUCCESS;
}

/* ---- one module applied */

static ht_model *graph_of(const ht_member *m, bool training) {
  return training && m->model->variant ? m->model->variant : m->model;
}

static ht_status choose_callable(joint *j, const ht_module_use *a,
                                 ht_model *graph, const ht_callable **out) {
  ht_bound_argument *argument;
  ht_call_choice choice = {.training = j->training};
  bool named;
  HT_TRY(arguments_for(j, a, &argument, &choice.n_arguments));
  choice.argument = argument;
  HT_TRY(value_for(j, a, j->o->signature, &choice.signature, &named));
  HT_TRY(value_for(j, a, j->o->call, &choice.call, &named));
  HT_TRY(value_for(j, a, j->o->output, &choice.output, &named));
  if (j->o->call && !*j->o->call) choice.call = "";
  if (j->trains && !choice.signature && !choice.call &&
      ht_model_trains_by_call(graph))
    choice.call = "";
  return ht_model_choose(graph, &choice, out);
}

/* The module's callable, or that of its preprocessor and it. */
static ht_status prepared_callable(joint *j, const ht_module_use *a,
                                   const ht_callable **out,
                                   const ht_body **body) {
  const ht_callable *call;
  const ht_member *m = &j->model->member[a->member];
  ht_model *graph = graph_of(m, j->training && !j->o->tags);
  HT_TRY(choose_callable(j, a, graph, &call));
  *body = &call->body;
  if (j->training)
    HT_TRY(ht_model_training_body(graph, call, &j->model->arena, body));
  HT_TRY(ht_chain_callable(j->model, m, call, *body, out));
  if (*out != call) *body = &(*out)->body;
  return HT_SUCCESS;
}

static ht_status apply_now(joint *j, int at) {
  const ht_module_use *a = &j->application[at];
  const ht_callable *call;
  const ht_body *body;
  char name[MAX_NAME + 16];
  ht_ref *in;
  int n;
  HT_TRY(prepared_callable(j, a, &call, &body));
  HT_TRY(take_inputs(j, at, call, &n, &in));
  snprintf(name, sizeof name, "%smodule", a->scope);
  j->applied[at].call = call;
  j->applied[at].y =
      ht_build_apply(&j->b, name, body, call->capture, call, n, in);
  return ht_builder_status(&j->b);
}

static ht_status in_module(const joint *j, int at, ht_status st) {
  const char *scope = j->application[at].scope;
  int n = *scope ? (int)strlen(scope) - 1 : 0;
  return n ? ht_within(st, "module '%.*s'", n, scope) : st;
}

/* After the modules that feed it. */
static ht_status apply(joint *j, int at) {
  if (j->applied[at].state == DONE) return HT_SUCCESS;
  if (j->applied[at].state == IN_WORK)
    return ht_fail(HT_USAGE, "its answer would feed itself: see --connect");
  j->applied[at].state = IN_WORK;
  HT_TRY(in_module(j, at, apply_now(j, at)));
  j->applied[at].state = DONE;
  return HT_SUCCESS;
}

/* ---- all of them */

/* Rows of numbers: [n, ...] becomes [n, width]. */
static ht_ref as_rows(joint *j, ht_ref x, const ht_port *port) {
  ht_builder *b = &j->b;
  if (port->shape.rank == 2) return x;
  static const int32_t zero = 0, one = 1, rest = -1;
  ht_ref cut[] = {ht_build_1(b, "Shape", x, ""), ht_build_int32s(b, 1, &zero),
                  ht_build_int32s(b, 1, &one), ht_build_int32s(b, 1, &one)};
  ht_ref rows = ht_build(b, "StridedSlice", NULL, 4, cut, "");
  ht_ref parts[] = {rows, ht_build_int32s(b, 1, &rest),
                    ht_build_int32s(b, -1, &zero)};
  return ht_build_2(b, "Reshape", x,
                    ht_build(b, "ConcatV2", NULL, 3, parts, ""), "");
}

/* What feeds the head: answers that feed no other module, or are named. */
static ht_status head_part(joint *j, int at) {
  const char *wanted;
  bool named, feeds = false;
  const applied *from = &j->applied[at];
  const ht_port *port;
  HT_TRY(value_for(j, &j->application[at], j->o->output, &wanted, &named));
  for (int i = 0; i < j->o->n_connect; i++)
    feeds |= j->connection[i].from == at;
  if (feeds && !named) return HT_SUCCESS;
  HT_TRY(ht_compose_output(from->call, wanted, &port));
  if (!ht_dtype_floating(port->dtype))
    return ht_fail(HT_USAGE, "output '%s' is %s, a head needs float",
                   port->name, ht_dtype_name(port->dtype));
  j->head[j->n_heads] = port;
  j->part[j->n_heads++] = ht_compose_features(&j->b, from->y, port);
  return HT_SUCCESS;
}

/* Applies all, in order, and joins what feeds the head; that of one alone is
 * left as it is. */
static ht_status join_outputs(joint *j, bool training, ht_ref *out) {
  static const int32_t last = 1;
  ht_arena *arena = &j->model->arena;
  j->training = training;
  j->n_heads = 0;
  HT_NEW(j->part, arena, j->n_applications + 1);
  HT_NEW(j->head, arena, j->n_applications);
  HT_NEW(j->applied, arena, j->n_applications);
  HT_NEW(j->used, arena, j->o->n_connect + 1);
  for (int i = 0; i < j->n_applications; i++) HT_TRY(apply(j, i));
  for (int i = 0; i < j->n_applications; i++)
    HT_TRY(in_module(j, i, head_part(j, i)));
  *out = j->part[0];
  if (j->n_heads == 1) return HT_SUCCESS;
  for (int i = 0; i < j->n_heads; i++)
    j->part[i] = as_rows(j, j->part[i], j->head[i]);
  j->part[j->n_heads] = ht_build_int32s(&j->b, -1, &last);
  *out = ht_build(&j->b, "ConcatV2", "features", j->n_heads + 1, j->part, "");
  return ht_builder_status(&j->b);
}

static ht_status make_callable(joint *j, ht_ref features,
                               const ht_callable **out) {
  ht_callable *c;
  ht_arena *arena = &j->model->arena;
  HT_NEW(c, arena, 1);
  *c = (ht_callable){.name = "joined",
                     .signature = true,
                     .method_name = "",
                     .training = -1,
                     .n_inputs = j->n,
                     .n_outputs = 1};
  c->body = (ht_body){.graph = j->b.graph, .n_args = j->n, .n_rets = 1};
  HT_NEW(c->input, arena, j->n + 1);
  HT_NEW(c->output, arena, 1);
  HT_NEW(c->body.arg, arena, j->n + 1);
  HT_NEW(c->body.ret, arena, 1);
  for (int i = 0; i < j->n; i++) {
    c->input[i] = *j->port[i];
    c->body.arg[i] = j->placeholder[i];
  }
  c->output[0] = (ht_port){
      .name = "default", .dtype = HT_FLOAT, .shape = ht_shape_2(-1, -1)};
  if (j->n_heads == 1) {
    c->output[0] = *j->head[0];
    c->output[0].index = 0;
    c->output[0].dtype = HT_FLOAT;
  }
  c->body.ret[0] = features;
  *out = c;
  return HT_SUCCESS;
}

/* The losses of the members' graphs, as those of one. */
static ht_status join_losses(ht_model *to, ht_model *joined, bool training) {
  int n = 0;
  for (int i = 0; i < joined->n_members; i++)
    n += graph_of(&joined->member[i], training)->n_regularization;
  HT_NEW(to->regularization, &joined->arena, n + 1);
  HT_NEW(to->regularization_capture, &joined->arena, n + 1);
  to->n_regularization = 0;
  for (int i = 0; i < joined->n_members; i++) {
    const ht_model *m = graph_of(&joined->member[i], training);
    for (int k = 0; k < m->n_regularization; k++) {
      int at = to->n_regularization++;
      to->regularization[at] = m->regularization[k];
      if (m->regularization_capture)
        to->regularization_capture[at] = m->regularization_capture[k];
    }
  }
  return HT_SUCCESS;
}

static ht_status begin(joint *j) {
  ht_model *m = j->model;
  HT_TRY(ht_joint_applications(j->o, &m->arena, &j->application,
                               &j->n_applications));
  HT_TRY(ht_joint_connections(j->o, j->application, j->n_applications,
                              &m->arena, &j->connection));
  HT_TRY(ht_builder_init(&j->b, &m->arena, &m->library, &m->store));
  m->graph = j->b.graph;
  return HT_SUCCESS;
}

ht_status ht_joint_choose(const ht_train_options *o, ht_model *model,
                          bool training, ht_design *d) {
  joint j = {.o = o, .model = model, .trains = training};
  ht_ref features;
  ht_model *variant;
  HT_TRY(begin(&j));
  d->output = NULL; /* the members' were chosen */
  HT_TRY(join_outputs(&j, false, &features));
  HT_TRY(make_callable(&j, features, &d->inference));
  HT_TRY(join_losses(model, model, false));
  d->training = d->inference;
  if (!training) return HT_SUCCESS;
  int n = j.n;
  HT_TRY(join_outputs(&j, true, &features));
  if (j.n != n)
    return ht_fail(HT_UNSUPPORTED,
                   "input '%s' of the training variant is missing in inference",
                   j.port[n]->name);
  HT_TRY(make_callable(&j, features, &d->training));
  HT_NEW(variant, &model->arena, 1); /* its losses alone are asked for */
  HT_TRY(join_losses(variant, model, true));
  d->variant = variant;
  return HT_SUCCESS;
}
