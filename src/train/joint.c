/* joint.c - see joint.h. */
#include "train/joint.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "hub/chain.h"
#include "hub/join.h"

enum { MAX_NAME = 64 };

/* ---- names and handles */

/* "NAME=HANDLE": a name is a word, which no address or path begins with. */
static const char *split_name(const char *text, char name[MAX_NAME]) {
  const char *equals = strchr(text, '=');
  size_t n = equals ? (size_t)(equals - text) : 0;
  name[0] = 0;
  if (!n || n >= MAX_NAME) return text;
  for (size_t i = 0; i < n; i++)
    if (!isalnum((unsigned char)text[i]) && !strchr("_-", text[i])) return text;
  memcpy(name, text, n);
  name[n] = 0;
  return equals + 1;
}

/* The last part of a path or address, without its ending and its query. */
static void usual_name(const char *handle, char name[MAX_NAME]) {
  size_t n = strcspn(handle, "?");
  while (n > 1 && handle[n - 1] == '/') n--;
  size_t at = n;
  while (at > 0 && handle[at - 1] != '/') at--;
  snprintf(name, MAX_NAME, "%.*s", (int)(n - at), handle + at);
  for (char *p = name; *p; p++) {
    if (*p == '.') *p = 0;
    if (!*p) break;
    if (!isalnum((unsigned char)*p) && *p != '-') *p = '_';
  }
  if (!*name) snprintf(name, MAX_NAME, "module");
}

static ht_status open_training(ht_model *m, bool training) {
  ht_model *variant;
  if (!training || m->format == HT_FORMAT_SM2 || !ht_model_has_tags(m, "train"))
    return HT_SUCCESS;
  return ht_model_open_variant(m, "train", &variant);
}

static const char *name_of(const char *text, char name[MAX_NAME]) {
  const char *handle = split_name(text, name);
  if (!*name) usual_name(handle, name);
  return handle;
}

/* One alone needs no scope. */
static ht_status open_member(const ht_train_options *o, const char *text,
                             bool training, ht_model *joined) {
  char name[MAX_NAME], scope[MAX_NAME + 1] = "";
  ht_model *m;
  const char *handle = name_of(text, name);
  if (o->n_module > 1) snprintf(scope, sizeof scope, "%s/", name);
  HT_TRY(ht_model_open(handle, o->tags, &m));
  ht_status st = o->tags ? HT_SUCCESS : open_training(m, training);
  int before = joined->n_members;
  if (st.code == HT_OK) st = ht_model_join(joined, m, scope, true);
  if (joined->n_members == before) ht_model_free(m);
  return st.code == HT_OK
             ? st
             : ht_within(st, "'%s' (NAME=HANDLE gives another name)", text);
}

/* The place of the module that a preprocessor is for. */
static ht_status find_member(const ht_train_options *o, const char *text,
                             int *at, const char **handle) {
  char name[MAX_NAME], other[MAX_NAME];
  *handle = split_name(text, name);
  if (!*name && o->n_module > 1)
    return ht_fail(HT_USAGE, "say --preprocess NAME=%s: there are %d modules",
                   text, o->n_module);
  for (*at = 0; *at < o->n_module; (*at)++) {
    (void)name_of(o->module[*at], other);
    if (!*name || strcmp(name, other) == 0) return HT_SUCCESS;
  }
  return ht_fail(HT_USAGE, "--preprocess '%s': no module '%s'", text, name);
}

static ht_status open_first(const ht_train_options *o, const char *text,
                            ht_model *joined) {
  int at = 0;
  const char *handle;
  HT_TRY(find_member(o, text, &at, &handle));
  if (joined->member[at].first)
    return ht_fail(HT_USAGE, "--preprocess '%s': its module has one already",
                   text);
  return ht_chain_open(joined, at, handle);
}

ht_status ht_joint_open(const ht_train_options *o, bool training,
                        ht_model **out) {
  char name[MAX_NAME];
  *out = NULL;
  if (o->n_module < 2 && !o->n_preprocess)
    return ht_model_open(split_name(o->module[0], name), o->tags, out);
  ht_model *joined;
  HT_TRY(ht_model_new(&joined));
  ht_status st = HT_SUCCESS;
  for (int i = 0; i < o->n_module && st.code == HT_OK; i++)
    st = open_member(o, o->module[i], training, joined);
  for (int i = 0; i < o->n_preprocess && st.code == HT_OK; i++)
    st = open_first(o, o->preprocess[i], joined);
  if (st.code == HT_OK)
    *out = joined;
  else
    ht_model_free(joined);
  return st;
}

/* ---- options of one module among several */

typedef struct joint {
  const ht_train_options *o;
  ht_model *model;
  ht_builder b;
  const ht_port **port; /* of the inputs so far, by their joined names */
  ht_ref *placeholder;
  int n, capacity, placeholder_capacity;
  bool trains;           /* steps run what training does */
  const ht_port *output; /* of the member applied last */
} joint;

/* What follows "NAME." (or "NAME/") in a text; NULL: it is not for it. */
static const char *meant_for(const ht_member *m, const char *text) {
  if (!*m->scope) return text;
  size_t n = strlen(m->scope) - 1;
  if (strncmp(text, m->scope, n) != 0) return NULL;
  return text[n] == '.' || text[n] == '/' ? text + n + 1 : NULL;
}

static bool meant_for_any(const ht_model *model, const char *text) {
  for (int i = 0; i < model->n_members; i++)
    if (!model->member[i].prepares && meant_for(&model->member[i], text))
      return true;
  return false;
}

/* The part of "A.x,B.y" that is for a module; one for nobody is for all. */
static ht_status value_for(joint *j, const ht_member *m, const char *text,
                           const char **out) {
  ht_arena *arena = &j->model->arena;
  *out = NULL;
  for (const char *p = text; p && *p;) {
    size_t n = strcspn(p, ",");
    char *part = ht_arena_bytes(arena, p, n);
    if (!part) return ht_fail(HT_NO_MEMORY, "no memory for a name");
    const char *own = meant_for(m, part);
    if (own) *out = own;
    if (!own && !*out && !meant_for_any(j->model, part)) *out = part;
    p += n + (p[n] == ',');
  }
  return HT_SUCCESS;
}

static ht_status arguments_for(joint *j, const ht_member *m,
                               ht_bound_argument **out, int *n) {
  ht_arena *arena = &j->model->arena;
  *n = 0;
  HT_NEW(*out, arena, j->o->n_argument + 1);
  for (int i = 0; i < j->o->n_argument; i++) {
    const char *own = meant_for(m, j->o->argument[i]);
    if (!own && meant_for_any(j->model, j->o->argument[i])) continue;
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

/* ---- one module applied */

/* The placeholder of a module's input, the same in all graphs. */
static ht_status input_of(joint *j, const ht_member *m, const ht_port *port,
                          ht_ref *out) {
  ht_port *joined;
  ht_arena *arena = &j->model->arena;
  char *name = ht_arena_printf(arena, "%s%s", m->scope, port->name);
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

static ht_status choose_callable(joint *j, const ht_member *m, ht_model *graph,
                                 bool training, const ht_callable **out) {
  ht_bound_argument *argument;
  ht_call_choice choice = {.training = training};
  HT_TRY(arguments_for(j, m, &argument, &choice.n_arguments));
  choice.argument = argument;
  HT_TRY(value_for(j, m, j->o->signature, &choice.signature));
  HT_TRY(value_for(j, m, j->o->call, &choice.call));
  HT_TRY(value_for(j, m, j->o->output, &choice.output));
  if (j->o->call && !*j->o->call) choice.call = "";
  if (j->trains && !choice.signature && !choice.call &&
      ht_model_trains_by_call(graph))
    choice.call = "";
  return ht_model_choose(graph, &choice, out);
}

/* The module's callable, or that of its preprocessor and it. */
static ht_status prepared_callable(joint *j, const ht_member *m,
                                   ht_model *graph, bool training,
                                   const ht_callable **out,
                                   const ht_body **body) {
  const ht_callable *call;
  HT_TRY(choose_callable(j, m, graph, training, &call));
  *body = &call->body;
  if (training)
    HT_TRY(ht_model_training_body(graph, call, &j->model->arena, body));
  HT_TRY(ht_chain_callable(j->model, m, call, *body, out));
  if (*out != call) *body = &(*out)->body;
  return HT_SUCCESS;
}

static ht_status apply_member(joint *j, const ht_member *m, bool training,
                              ht_ref *out) {
  ht_model *graph = training && m->model->variant && !j->o->tags
                        ? m->model->variant
                        : m->model;
  const ht_callable *call;
  const ht_port **input;
  const ht_body *body;
  const char *wanted;
  ht_ref *in;
  int n = 0;
  HT_TRY(prepared_callable(j, m, graph, training, &call, &body));
  HT_TRY(ht_callable_inputs(call, &j->model->arena, &input, &n));
  HT_NEW(in, &j->model->arena, n + 1);
  for (int i = 0; i < n; i++) HT_TRY(input_of(j, m, input[i], &in[i]));
  HT_TRY(value_for(j, m, j->o->output, &wanted));
  HT_TRY(ht_compose_output(call, wanted, &j->output));
  if (j->output->dtype != HT_FLOAT)
    return ht_fail(HT_USAGE, "output '%s' is %s, a head needs float",
                   j->output->name, ht_dtype_name(j->output->dtype));
  char name[MAX_NAME + 16];
  snprintf(name, sizeof name, "%smodule", m->scope);
  ht_ref y = ht_build_apply(&j->b, name, body, call->capture, call, n, in);
  *out = (ht_ref){y.node, j->output->index};
  return ht_builder_status(&j->b);
}

/* ---- all of them */

static ht_status join_outputs(joint *j, bool training, ht_ref *out) {
  ht_model *m = j->model;
  static const int32_t last = 1;
  ht_ref *part;
  int n = 0;
  if (j->o->n_module == 1) return apply_member(j, &m->member[0], training, out);
  HT_NEW(part, &m->arena, m->n_members + 1);
  for (int i = 0; i < m->n_members; i++) {
    const ht_member *one = &m->member[i];
    if (one->prepares) continue;
    HT_TRY(ht_within(apply_member(j, one, training, &part[n]), "module '%.*s'",
                     (int)strlen(one->scope) - 1, one->scope));
    part[n] = as_rows(j, part[n], j->output);
    n++;
  }
  part[n++] = ht_build_int32s(&j->b, -1, &last);
  *out = ht_build(&j->b, "ConcatV2", "features", n, part, "");
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
  if (j->o->n_module == 1) {
    c->output[0] = *j->output;
    c->output[0].index = 0;
  }
  c->body.ret[0] = features;
  *out = c;
  return HT_SUCCESS;
}

static const ht_model *graph_of(const ht_member *m, bool training) {
  return training && m->model->variant ? m->model->variant : m->model;
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

ht_status ht_joint_choose(const ht_train_options *o, ht_model *model,
                          bool training, ht_design *d) {
  joint j = {.o = o, .model = model, .trains = training};
  ht_ref features;
  ht_model *variant;
  HT_TRY(ht_builder_init(&j.b, &model->arena, &model->library, &model->store));
  model->graph = j.b.graph;
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
