/* plan_cut.c - see plan_cut.h. */
#include "graph/plan_cut.h"

#include <stdlib.h>
#include <string.h>

#include "graph/plan_steps.h"
#include "ops/attr_text.h"

/* What a value depends on. */
enum {
  FREE,   /* on no feed */
  FROZEN, /* on the inputs, by what stays the same */
  LIVE    /* on anything else */
};

/* ---- which handles are of tuned variables */

typedef bool variable_test(const ht_variable *v);
static bool is_tuned(const ht_variable *v) { return v->tuned; }
static bool is_changed(const ht_variable *v) { return v->changed || !v->key; }

static bool constant_passes(const ht_tensor *t, variable_test *test) {
  for (int64_t i = 0; t && t->dtype == HT_RESOURCE && i < ht_count(t); i++) {
    const ht_variable *v = ht_object_variable(ht_obj(t)[i]);
    if (v && test(v)) return true;
  }
  return false;
}

/* ---- what a step is */

/* Whether a step changes what others read. (That an op is stateful says
 * less: tables and tokenizers are, too.) */
static bool changes_state(const ht_op *op) {
  static const char *const start[] = {
      "Assign", "Scatter",           "ResourceScatter",   "ResourceApply",
      "Rng",    "LookupTableInsert", "LookupTableRemove", "LookupTableImport"};
  for (size_t i = 0; i < sizeof start / sizeof *start; i++)
    if (strncmp(op->name, start[i], strlen(start[i])) == 0)
      return op->flags & HT_OP_STATEFUL;
  return false;
}

static bool steps_draw(const ht_plan *p, const ht_store *store);

static bool draws(const ht_step *s, const ht_store *store) {
  const ht_variable *v = ht_step_variable(s, store);
  if (s->op->flags & HT_OP_RANDOM || s->may_die) return true;
  if (changes_state(s->op) || (v && v->tuned)) return true;
  for (int k = 0; k < s->n_sub; k++)
    if (steps_draw(s->sub[k], store)) return true;
  return false;
}

static bool steps_draw(const ht_plan *p, const ht_store *store) {
  for (int i = 0; i < p->n_steps; i++)
    if (draws(&p->step[i], store)) return true;
  for (int v = 0; v < p->n_values; v++)
    if (constant_passes(p->value[v].constant, is_tuned)) return true;
  return false;
}

/* Normalisation by the batch, whatever it was fused with; what else mixes
 * examples is found by trying. */
static bool mixes(const ht_step *s) {
  return ht_attr_bool(s->attrs, "is_training");
}

typedef struct classes {
  const ht_store *store;
  uint8_t *value, *step;
} classes;

static uint8_t class_of(const ht_cut *cut, const classes *c, int i) {
  const ht_plan *p = cut->whole;
  const ht_step *s = &p->step[i];
  uint8_t class = FREE;
  if (cut->refused[i] || draws(s, c->store)) return LIVE;
  for (int k = 0; k < s->n_guards; k++)
    if (c->step[s->guard[k]] == LIVE) return LIVE;
  for (int k = 0; k < s->n_in; k++) {
    int v = s->in[k];
    if (constant_passes(p->value[v].constant, is_tuned)) return LIVE;
    if (c->value[v] > class) class = c->value[v];
  }
  return class == FROZEN && mixes(s) ? LIVE : class;
}

static void classify(const ht_cut *cut, classes *c) {
  const ht_plan *p = cut->whole;
  for (int k = 0; k < p->n_feeds; k++)
    c->value[p->feed[k]] = k < cut->n_inputs ? FROZEN : LIVE;
  for (int i = 0; i < p->n_steps; i++) {
    c->step[i] = class_of(cut, c, i);
    for (int k = 0; k < p->step[i].n_out; k++)
      c->value[p->step[i].out + k] = c->step[i];
  }
}

/* ---- the values between */

static void add_value(ht_cut *cut, const classes *c, int v) {
  if (c->value[v] != FROZEN) return;
  for (int i = 0; i < cut->n_values; i++)
    if (cut->value[i] == v) return;
  for (int k = 0; k < cut->n_inputs; k++) cut->raw |= cut->whole->feed[k] == v;
  cut->value[cut->n_values++] = v;
}

static void find_values(ht_cut *cut, const classes *c) {
  const ht_plan *p = cut->whole;
  cut->n_values = 0;
  cut->raw = false;
  for (int i = 0; i < p->n_steps; i++)
    for (int k = 0; c->step[i] == LIVE && k < p->step[i].n_in; k++)
      add_value(cut, c, p->step[i].in[k]);
  for (int i = 0; i < p->n_rets; i++) add_value(cut, c, p->ret[i]);
}

/* ---- the two plans: each the whole one, made again, with less in it */

static ht_status make_before(ht_cut *cut, const classes *c) {
  ht_plan *p;
  bool *drop;
  HT_TRY(ht_plan_new(&cut->body, NULL, &cut->before));
  p = cut->before;
  HT_NEW(drop, &p->arena, p->n_steps + 1);
  for (int i = 0; i < p->n_steps; i++) drop[i] = c->step[i] == LIVE;
  HT_NEW(p->ret, &p->arena, cut->n_values + 1);
  memcpy(p->ret, cut->value, (size_t)cut->n_values * sizeof *p->ret);
  p->n_rets = cut->n_values;
  p->n_feeds = cut->n_inputs;
  return ht_plan_reduce(p, drop);
}

static ht_status make_after(ht_cut *cut, const classes *c) {
  ht_plan *p;
  bool *drop;
  int *feed, n = cut->n_values;
  HT_TRY(ht_plan_new(&cut->body, NULL, &cut->after));
  p = cut->after;
  HT_NEW(drop, &p->arena, p->n_steps + 1);
  for (int i = 0; i < p->n_steps; i++) drop[i] = c->step[i] == FROZEN;
  HT_NEW(feed, &p->arena, n + p->n_feeds + 1);
  memcpy(feed, cut->value, (size_t)n * sizeof *feed);
  for (int k = cut->n_inputs; k < p->n_feeds; k++) feed[n++] = p->feed[k];
  p->feed = feed;
  p->n_feeds = n;
  return ht_plan_reduce(p, drop);
}

static ht_status cut_again(ht_cut *cut, const ht_store *store) {
  const ht_plan *p = cut->whole;
  classes c = {.store = store};
  ht_plan_free(cut->before);
  ht_plan_free(cut->after);
  cut->before = cut->after = NULL;
  c.value = calloc((size_t)p->n_values + 1, 1);
  c.step = calloc((size_t)p->n_steps + 1, 1);
  ht_status st = c.value && c.step ? HT_SUCCESS
                                   : ht_fail(HT_NO_MEMORY, "no memory to cut");
  if (st.code == HT_OK) {
    classify(cut, &c);
    find_values(cut, &c);
    st = make_before(cut, &c);
  }
  if (st.code == HT_OK) st = make_after(cut, &c);
  free(c.value);
  free(c.step);
  return st;
}

ht_status ht_cut_open(const ht_body *body, int n_inputs, const ht_store *store,
                      ht_cut *out) {
  *out = (ht_cut){.body = *body, .n_inputs = n_inputs};
  HT_TRY(ht_plan_new(body, NULL, &out->whole));
  ht_status st = HT_SUCCESS;
  out->value = calloc((size_t)out->whole->n_values + 1, sizeof *out->value);
  out->refused = calloc((size_t)out->whole->n_steps + 1, 1);
  if (!out->value || !out->refused)
    st = ht_fail(HT_NO_MEMORY, "no memory to cut a plan");
  if (st.code == HT_OK) st = cut_again(out, store);
  if (st.code != HT_OK) ht_cut_close(out);
  return st;
}

ht_status ht_cut_refuse(ht_cut *cut, int i, const ht_store *store) {
  const ht_plan *p = cut->whole;
  for (int k = 0; k < p->n_steps; k++)
    if (cut->value[i] >= p->step[k].out &&
        cut->value[i] < p->step[k].out + p->step[k].n_out)
      cut->refused[k] = true;
  return cut_again(cut, store);
}

void ht_cut_close(ht_cut *cut) {
  ht_plan_free(cut->whole);
  ht_plan_free(cut->before);
  ht_plan_free(cut->after);
  free(cut->value);
  free(cut->refused);
  *cut = (ht_cut){0};
}

/* ---- what `before` is */

static uint64_t join(uint64_t a, uint64_t b) {
  uint64_t both[2] = {a, b};
  return ht_hash(both, sizeof both);
}

static uint64_t hash_tensor(uint64_t h, const ht_tensor *t) {
  h = join(h, (uint64_t)t->dtype);
  h = join(
      h, ht_hash(t->shape.dim, (size_t)(t->shape.rank > 0 ? t->shape.rank : 0) *
                                   sizeof *t->shape.dim));
  if (t->dtype == HT_STRING)
    for (int64_t i = 0; i < ht_count(t); i++)
      h = join(h, ht_hash(ht_str(t)[i].p, ht_str(t)[i].n));
  else if (t->dtype == HT_RESOURCE)
    for (int64_t i = 0; i < ht_count(t); i++) {
      const ht_variable *v = ht_object_variable(ht_obj(t)[i]);
      if (v) h = join(h, ht_hash(v->name, strlen(v->name)));
    }
  else if (!ht_dtype_pointers(t->dtype))
    h = join(h, ht_hash(t->data, ht_tensor_bytes(t)));
  return h;
}

static uint64_t hash_value(uint64_t h, const ht_attr *a,
                           const ht_attr_value *v) {
  switch (a->kind) {
    case HT_ATTR_STRING:
    case HT_ATTR_PLACEHOLDER: return join(h, ht_hash(v->s.p, v->s.n));
    case HT_ATTR_INT: return join(h, (uint64_t)v->i);
    case HT_ATTR_FLOAT: return join(h, ht_hash(&v->f, sizeof v->f));
    case HT_ATTR_BOOL: return join(h, v->b);
    case HT_ATTR_TYPE: return join(h, (uint64_t)v->type);
    case HT_ATTR_SHAPE:
      for (int i = 0; i < v->shape.rank; i++)
        h = join(h, (uint64_t)v->shape.dim[i]);
      return join(h, (uint64_t)v->shape.rank);
    case HT_ATTR_TENSOR: return hash_tensor(h, &v->tensor);
    case HT_ATTR_FUNC: return h; /* its plan is hashed */
  }
  return h;
}

static uint64_t hash_attrs(uint64_t h, const ht_attrs *attrs) {
  for (int i = 0; attrs && i < attrs->n; i++) {
    const ht_attr *a = &attrs->attr[i];
    if (a->name[0] == '_') continue; /* notes of TensorFlow's */
    h = join(h, ht_hash(a->name, strlen(a->name)));
    for (int k = 0; k < a->n; k++) h = hash_value(h, a, &a->value[k]);
  }
  return h;
}

static uint64_t hash_plan(uint64_t h, const ht_plan *p) {
  for (int i = 0; i < p->n_steps; i++) {
    const ht_step *s = &p->step[i];
    h = join(h, ht_hash(s->op->name, strlen(s->op->name)));
    h = hash_attrs(h, s->attrs);
    if (ht_makes_handle(s->op)) h = join(h, ht_hash(s->node, strlen(s->node)));
    for (int k = 0; k < s->n_in; k++) {
      const ht_tensor *constant = p->value[s->in[k]].constant;
      h = constant ? hash_tensor(h, constant) : join(h, (uint64_t)s->in[k]);
    }
    h = join(h, (uint64_t)s->out);
    for (int k = 0; k < s->n_sub; k++) h = hash_plan(h, s->sub[k]);
  }
  for (int i = 0; i < p->n_rets; i++) h = join(h, (uint64_t)p->ret[i]);
  return h;
}

uint64_t ht_cut_digest(const ht_cut *cut) { return hash_plan(0, cut->before); }

static bool reads(const ht_plan *p, const ht_store *store,
                  variable_test *test) {
  for (int i = 0; i < p->n_steps; i++) {
    const ht_step *s = &p->step[i];
    const ht_variable *v = ht_step_variable(s, store);
    if (v && test(v)) return true;
    for (int k = 0; k < s->n_in; k++)
      if (constant_passes(p->value[s->in[k]].constant, test)) return true;
    for (int k = 0; k < s->n_sub; k++)
      if (reads(s->sub[k], store, test)) return true;
  }
  return false;
}

bool ht_cut_reads_changed(const ht_cut *cut, const ht_store *store) {
  return reads(cut->before, store, is_changed);
}
