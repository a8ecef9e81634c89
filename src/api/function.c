/* function.c - calling a module: run, and differentiate. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/array.h"
#include "api/module.h"
#include "api/net.h"
#include "autograd/tape.h"
#include "base/parallel.h"

static const char ending[] = "/.ATTRIBUTES/VARIABLE_VALUE";

/* "NAME=VALUE" cut in two. */
static ht_status cut_argument(const char *text, ht_arena *arena,
                              ht_bound_argument *out) {
  const char *equals = strchr(text, '=');
  if (!equals || equals == text)
    return ht_fail(HT_USAGE, "an argument is NAME=VALUE, not '%s'", text);
  out->name = ht_arena_bytes(arena, text, (size_t)(equals - text));
  out->value = ht_arena_string(arena, equals + 1);
  if (!out->name || !out->value)
    return ht_fail(HT_NO_MEMORY, "no memory for an argument");
  return HT_SUCCESS;
}

ht_status ht_choice_find(ht_model *m, const ht_choice *choice, int n,
                         const char *const *name, ht_arena *arena,
                         const ht_callable **out) {
  static const ht_choice usual;
  if (!choice) choice = &usual;
  if (choice->n_fetches > 0)
    return ht_model_cut(m, choice->n_feeds, choice->feed, choice->n_fetches,
                        choice->fetch, out);
  ht_bound_argument *argument;
  HT_NEW(argument, arena, choice->n_arguments + 1);
  for (int i = 0; i < choice->n_arguments; i++)
    HT_TRY(cut_argument(choice->argument[i], arena, &argument[i]));
  ht_call_choice call = {.signature = choice->signature,
                         .call = choice->call,
                         .training = choice->training,
                         .argument = argument,
                         .n_arguments = choice->n_arguments,
                         .input = name,
                         .n_inputs = n,
                         .output = choice->output};
  return ht_model_choose(m, &call, out);
}

ht_status ht_choice_graph(ht_model *m, const ht_choice *choice,
                          ht_model **out) {
  bool tagged = m->format != HT_FORMAT_SM2 && ht_model_has_tags(m, "train");
  *out = m;
  if (!choice || !choice->training || !tagged) return HT_SUCCESS;
  return ht_model_open_variant(m, "train", out);
}

static ht_status choose(ht_function *f, const ht_choice *choice,
                        const ht_arrays *inputs) {
  const char **name;
  int n = inputs ? ht_arrays_count(inputs) : 0;
  HT_NEW(name, &f->arena, n + 1);
  for (int i = 0; i < n; i++) name[i] = ht_arrays_name(inputs, i);
  return ht_choice_find(f->module->model, choice, n, name, &f->arena,
                        &f->callable);
}

ht_status ht_function_of(ht_module *module, const ht_callable *callable,
                         ht_function **out) {
  ht_function *f = calloc(1, sizeof *f);
  *out = f;
  if (!f) return ht_fail(HT_NO_MEMORY, "no memory for a function");
  f->module = module;
  f->callable = callable;
  ht_threads_set(module->threads);
  return HT_SUCCESS;
}

ht_status ht_function_open(ht_module *module, const ht_choice *choice,
                           const ht_arrays *inputs, ht_function **out) {
  ht_function *f;
  *out = NULL;
  HT_TRY(ht_function_of(module, NULL, &f));
  ht_status st = choose(f, choice, inputs);
  if (st.code == HT_OK)
    *out = f;
  else
    ht_function_free(f);
  return st;
}

void ht_function_free(ht_function *f) {
  if (!f) return;
  ht_plan_free(f->plan);
  ht_tape_free(f->tape);
  ht_arena_free(&f->arena);
  free(f);
}

ht_status ht_function_info(ht_function *f, const ht_callable_info **out) {
  if (!f->info) {
    ht_callable_info *info;
    HT_NEW(info, &f->arena, 1);
    HT_TRY(ht_describe_callable(f->callable, &f->arena, info));
    f->info = info;
  }
  *out = f->info;
  return HT_SUCCESS;
}

/* ---- running */

/* One run: values by position. */
typedef struct pass {
  ht_function *f;
  ht_arena arena;
  int n_in, n_out;
  const ht_tensor **in; /* of the arguments that are fed, in order */
  ht_tensor *out;       /* of the body */
  ht_run run;
} pass;

static bool is_captured(const ht_callable *c, int argument) {
  return c->capture && c->capture[argument].dtype != HT_INVALID;
}

/* Place of each argument among those that are fed. */
static int place_of(const ht_callable *c, int argument) {
  int place = 0;
  for (int i = 0; i < argument; i++) place += !is_captured(c, i);
  return place;
}

int ht_callable_feeds(const ht_callable *c) {
  return place_of(c, c->body.n_args);
}

ht_status ht_callable_feed(const ht_callable *c, const ht_arrays *inputs,
                           const ht_tensor **in) {
  int n = inputs ? ht_arrays_count(inputs) : 0;
  for (int i = 0; i < n; i++) {
    const ht_port *port;
    const ht_array *a = ht_arrays_at(inputs, i);
    HT_TRY(ht_callable_input(c, ht_arrays_name(inputs, i), &port));
    HT_TRY(ht_port_check(port, &a->t));
    int place = place_of(c, port->index);
    if (in[place])
      return ht_fail(HT_USAGE, "input '%s' is given twice", port->name);
    in[place] = &a->t;
  }
  for (int i = 0; i < c->n_inputs; i++) {
    const ht_tensor **value = &in[place_of(c, c->input[i].index)];
    if (!*value) *value = ht_port_default(c, &c->input[i]);
    if (!*value)
      return ht_fail(HT_USAGE, "input '%s' is missing", c->input[i].name);
  }
  return HT_SUCCESS;
}

static ht_status begin(pass *p, const ht_arrays *inputs) {
  ht_function *f = p->f;
  ht_model *m = f->module->model;
  ht_threads_set(f->module->threads);
  p->n_in = ht_callable_feeds(f->callable);
  HT_NEW(p->in, &p->arena, p->n_in + 1);
  HT_TRY(ht_callable_feed(f->callable, inputs, p->in));
  if (!f->plan)
    HT_TRY(ht_plan_new(&f->callable->body, f->callable->capture, &f->plan));
  p->n_out = f->callable->body.n_rets;
  HT_NEW(p->out, &p->arena, p->n_out + 1);
  p->run = ht_run_make(m->pool, &m->store, m->folder);
  if (f->module->max_turns) p->run.max_turns = f->module->max_turns;
  return HT_SUCCESS;
}

static ht_status go(pass *p) {
  return ht_plan_run(p->f->plan, &p->run, p->n_in, p->in, p->n_out, p->out);
}

static void end(pass *p) {
  for (int i = 0; p->out && i < p->n_out; i++) ht_tensor_drop(&p->out[i]);
  ht_arena_free(&p->arena);
}

/* The outputs by name; each shares its tensor's buffer. */
static ht_status gather(const pass *p, ht_arrays **out) {
  const ht_callable *c = p->f->callable;
  HT_TRY(ht_arrays_new(out));
  for (int i = 0; i < c->n_outputs; i++) {
    ht_tensor t = ht_tensor_share(&p->out[c->output[i].index]);
    ht_array *a = NULL;
    HT_TRY(ht_array_wrap(&t, &a));
    HT_TRY(ht_arrays_put(*out, c->output[i].name, a));
  }
  return HT_SUCCESS;
}

ht_status ht_function_run(ht_function *f, const ht_arrays *inputs,
                          ht_arrays **outputs) {
  pass p = {.f = f};
  *outputs = NULL;
  ht_status st = begin(&p, inputs);
  if (st.code == HT_OK) st = go(&p);
  if (st.code == HT_OK) st = gather(&p, outputs);
  ht_store_rollback(&f->module->model->store);
  end(&p);
  if (st.code == HT_OK) return st;
  ht_arrays_free(*outputs);
  *outputs = NULL;
  return st;
}

/* ---- gradients */

static ht_status check_cotangent(const ht_port *port, const ht_tensor *dy,
                                 const ht_tensor *y) {
  char wanted[HT_SHAPE_TEXT], found[HT_SHAPE_TEXT];
  if (!ht_dtype_floating(y->dtype))
    return ht_fail(HT_USAGE, "output '%s' is of type %s and has no gradient",
                   port->name, ht_dtype_name(y->dtype));
  if (dy->dtype == y->dtype && ht_shape_equal(&dy->shape, &y->shape))
    return HT_SUCCESS;
  return ht_fail(HT_USAGE, "cotangent of '%s' has to be %s %s, is %s %s",
                 port->name, ht_dtype_name(y->dtype),
                 ht_shape_text(&y->shape, wanted), ht_dtype_name(dy->dtype),
                 ht_shape_text(&dy->shape, found));
}

/* Outputs that count and their cotangents (HT_INVALID: ones), borrowed. */
static ht_status weigh(const pass *p, const ht_arrays *cotangents, ht_tensor *y,
                       ht_tensor *dy, int *n) {
  const ht_callable *c = p->f->callable;
  *n = 0;
  for (int i = 0; !cotangents && i < c->n_outputs; i++) {
    const ht_tensor *t = &p->out[c->output[i].index];
    if (ht_dtype_floating(t->dtype)) y[(*n)++] = *t;
  }
  for (int i = 0; cotangents && i < ht_arrays_count(cotangents); i++) {
    const ht_port *port;
    HT_TRY(ht_callable_output(c, ht_arrays_name(cotangents, i), &port));
    y[*n] = p->out[port->index];
    dy[*n] = ht_arrays_at(cotangents, i)->t;
    HT_TRY(check_cotangent(port, &dy[*n], &y[*n]));
    (*n)++;
  }
  return HT_SUCCESS;
}

static ht_status walk_back(pass *p, const ht_arrays *cotangents) {
  int n = p->f->callable->n_outputs;
  int given = cotangents ? ht_arrays_count(cotangents) : 0;
  ht_tensor *y, *dy;
  HT_NEW(y, &p->arena, n + given + 1);
  HT_NEW(dy, &p->arena, n + given + 1);
  HT_TRY(weigh(p, cotangents, y, dy, &n));
  return ht_tape_backward(p->run.tape, &p->run, n, y, dy);
}

static ht_status dense(pass *p, const ht_variable *v, ht_tensor *out) {
  ht_cotangent g;
  HT_TRY(ht_tape_gradient(p->run.tape, v, &g));
  const ht_shape *shape =
      v->value.dtype != HT_INVALID ? &v->value.shape : &v->shape;
  if (g.dense.dtype == HT_INVALID && g.values.dtype == HT_INVALID)
    return ht_tensor_zeros(NULL, v->dtype, shape, out);
  ht_status st = ht_cotangent_dense(NULL, &g, shape);
  if (st.code == HT_OK) *out = ht_tensor_share(&g.dense);
  ht_cotangent_drop(&g);
  return st;
}

/* Writes the rows of a piece into the whole tensor, innermost runs at a
 * time. */
static void place_piece(const ht_variable_part *part, const ht_tensor *piece,
                        ht_tensor *whole) {
  size_t size = ht_dtype_size(piece->dtype);
  int rank = piece->shape.rank;
  int64_t run = rank ? piece->shape.dim[rank - 1] : 1;
  int64_t n = run ? ht_count(piece) / run : 0, index[HT_MAX_RANK] = {0};
  for (int64_t r = 0; r < n; r++) {
    int64_t at = 0;
    for (int d = 0; d < rank; d++)
      at = at * whole->shape.dim[d] + part->start[d] + index[d];
    memcpy((char *)whole->data + (size_t)at * size,
           (const char *)piece->data + (size_t)(r * run) * size,
           (size_t)run * size);
    for (int d = rank - 2; d >= 0; d--) {
      if (++index[d] < piece->shape.dim[d]) break;
      index[d] = 0;
    }
  }
}

static const ht_variable_part *part_of(const ht_model *m,
                                       const ht_variable *v) {
  for (int i = 0; i < m->n_parts; i++)
    if (m->part[i].variable == v) return &m->part[i];
  return NULL;
}

static ht_status put(ht_arrays *set, const char *scope, const char *key,
                     ht_tensor *t) {
  char name[1024];
  size_t n = strlen(key), e = sizeof ending - 1;
  if (n > e && strcmp(key + n - e, ending) == 0) n -= e;
  snprintf(name, sizeof name, "%s%.*s", scope ? scope : "", (int)n, key);
  ht_array *a = NULL;
  HT_TRY(ht_array_wrap(t, &a));
  return ht_arrays_put(set, name, a);
}

/* The gradient of a piece goes into that of its whole. */
static ht_status put_piece(ht_arrays *set, const ht_variable_part *part,
                           ht_tensor *piece) {
  const ht_array *whole = ht_arrays_find(set, part->key);
  if (!whole) {
    ht_tensor t;
    HT_TRY(ht_tensor_zeros(NULL, piece->dtype, &part->whole, &t));
    HT_TRY(put(set, NULL, part->key, &t));
    whole = ht_arrays_find(set, part->key);
  }
  ht_tensor target = whole->t;
  place_piece(part, piece, &target);
  return HT_SUCCESS;
}

static ht_status gradients_of(pass *p, ht_arrays **out) {
  ht_model *m = p->f->module->model;
  HT_TRY(ht_arrays_new(out));
  for (int i = 0; i < m->store.n_variables; i++) {
    const ht_variable *v = m->store.variable[i];
    if (!v->tuned) continue;
    const ht_variable_part *part = part_of(m, v);
    ht_tensor g = {0};
    HT_TRY(dense(p, v, &g));
    ht_status st = part ? put_piece(*out, part, &g)
                        : put(*out, v->scope, v->key ? v->key : v->name, &g);
    ht_tensor_drop(&g);
    HT_TRY(st);
  }
  return HT_SUCCESS;
}

/* Marks what is to be differentiated; returns how it was before. */
static ht_status tune(ht_module *module, ht_arena *arena, bool **before) {
  ht_store *store = &module->model->store;
  bool *was;
  HT_NEW(was, arena, store->n_variables + 1);
  for (int i = 0; i < store->n_variables; i++) {
    ht_variable *v = store->variable[i];
    was[i] = v->tuned;
    v->tuned = v->trainable && ht_dtype_floating(v->dtype);
  }
  if (module->net) ht_net_mark(module->net);
  *before = was;
  return HT_SUCCESS;
}

static ht_status differentiate(pass *p, const ht_arrays *inputs,
                               const ht_arrays *cotangents, ht_arrays **outputs,
                               ht_arrays **gradients) {
  HT_TRY(begin(p, inputs));
  if (!p->f->tape) p->f->tape = ht_tape_new();
  p->run.tape = p->f->tape;
  if (!p->run.tape) return ht_fail(HT_NO_MEMORY, "no memory for a tape");
  HT_TRY(go(p));
  HT_TRY(walk_back(p, cotangents));
  HT_TRY(gradients_of(p, gradients));
  return outputs ? gather(p, outputs) : HT_SUCCESS;
}

ht_status ht_function_gradients(ht_function *f, const ht_arrays *inputs,
                                const ht_arrays *cotangents,
                                ht_arrays **outputs, ht_arrays **gradients) {
  pass p = {.f = f};
  ht_store *store = &f->module->model->store;
  bool *before = NULL;
  if (outputs) *outputs = NULL;
  *gradients = NULL;
  HT_TRY(tune(f->module, &p.arena, &before));
  ht_status st = differentiate(&p, inputs, cotangents, outputs, gradients);
  for (int i = 0; i < store->n_variables; i++)
    store->variable[i]->tuned = before[i];
  ht_store_rollback(store);
  if (f->tape) ht_tape_reset(f->tape);
  end(&p);
  if (st.code == HT_OK) return st;
  ht_arrays_free(*gradients);
  *gradients = NULL;
  if (outputs) {
    ht_arrays_free(*outputs);
    *outputs = NULL;
  }
  return st;
}
