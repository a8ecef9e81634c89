/* chain.c - see chain.h. */
#include "hub/chain.h"

#include <string.h>

#include "base/text.h"
#include "graph/builder.h"
#include "hub/join.h"

/* ---- members */

/* "text/preprocess/", or with a number where that is taken. */
static ht_status free_scope(ht_model *model, int at, char **out) {
  const char *scope = model->member[at].scope;
  *out = ht_arena_printf(&model->arena, "%spreprocess/", scope);
  for (int k = 1; *out && ht_model_scope_taken(model, *out); k++)
    *out = ht_arena_printf(&model->arena, "%spreprocess_%d/", scope, k);
  return *out ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory for a name");
}

ht_status ht_chain_open(ht_model *model, int at, const char *handle) {
  char *scope;
  ht_model *first;
  HT_TRY(free_scope(model, at, &scope));
  HT_TRY(ht_model_open(handle, NULL, &first));
  for (int i = 0; i < first->store.n_variables; i++)
    first->store.variable[i]->trainable = false;
  ht_status st = ht_model_join(model, first, scope, true);
  if (st.code != HT_OK) {
    ht_model_free(first);
    return st;
  }
  model->member[model->n_members - 1].prepares = true;
  model->member[at].first = first;
  return HT_SUCCESS;
}

const ht_member *ht_chain_member(const ht_model *model) {
  const ht_member *m = model->n_members == 2 ? &model->member[0] : NULL;
  return m && m->first ? m : NULL;
}

static ht_status open_both(const char *preprocess, const char *handle,
                           const char *tags, ht_model *model) {
  ht_model *m;
  HT_TRY(ht_model_open(handle, tags, &m));
  ht_status st = ht_model_join(model, m, "", true);
  if (st.code != HT_OK) {
    ht_model_free(m);
    return st;
  }
  return ht_chain_open(model, 0, preprocess);
}

ht_status ht_chain_model(const char *preprocess, const char *handle,
                         const char *tags, ht_model **out) {
  ht_model *model;
  *out = NULL;
  HT_TRY(ht_model_new(&model));
  ht_status st = open_both(preprocess, handle, tags, model);
  if (st.code == HT_OK)
    *out = model;
  else
    ht_model_free(model);
  return st;
}

/* ---- what fits */

static void list_ports(ht_text *t, const char *what, int n,
                       const ht_port *port) {
  char shape[HT_SHAPE_TEXT];
  ht_text_add(t, what);
  for (int i = 0; i < n; i++)
    ht_text_printf(t, "%s'%s' %s %s", i ? ", " : "", port[i].name,
                   ht_dtype_name(port[i].dtype),
                   ht_shape_text(&port[i].shape, shape));
}

static ht_status no_fit(const ht_port *input, const ht_callable *first,
                        const ht_callable *call) {
  ht_text t = {.max = 900};
  list_ports(&t, "the module takes ", call->n_inputs, call->input);
  list_ports(&t, ", its preprocessor gives ", first->n_outputs, first->output);
  ht_status st = ht_text_check(&t);
  if (st.code == HT_OK)
    st = ht_fail(HT_USAGE, "nothing for input '%s': %s", input->name, t.p);
  ht_text_free(&t);
  return st;
}

bool ht_chain_fits(const ht_port *from, const ht_port *to) {
  const ht_shape *a = &from->shape, *b = &to->shape;
  if (from->dtype && to->dtype && from->dtype != to->dtype) return false;
  if (a->rank < 0 || b->rank < 0) return true;
  bool fits = a->rank == b->rank;
  for (int i = 0; i < a->rank && fits; i++)
    fits = a->dim[i] < 0 || b->dim[i] < 0 || a->dim[i] == b->dim[i];
  return fits;
}

static const char *last_part(const char *name) {
  const char *slash = strrchr(name, '/');
  return slash ? slash + 1 : name;
}

/* The output of that name, or else the only one whose last part it is. */
static const ht_port *output_named(const ht_callable *first, const char *name) {
  const ht_port *found = NULL;
  for (int i = 0; i < first->n_outputs; i++)
    if (strcmp(first->output[i].name, name) == 0) return &first->output[i];
  for (int i = 0; i < first->n_outputs; i++) {
    const ht_port *o = &first->output[i];
    if (strcmp(last_part(o->name), last_part(name)) != 0) continue;
    if (found) return NULL;
    found = o;
  }
  return found;
}

/* What BERT's modules of TensorFlow 1 ("tokens") and of 2 (the common
 * interface of encoders of texts) call the same input; NULL: it has one name.
 */
static const char *other_name(const char *name) {
  static const char *const pairs[][2] = {{"input_ids", "input_word_ids"},
                                         {"segment_ids", "input_type_ids"}};
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
    for (int k = 0; k < 2; k++)
      if (strcmp(name, pairs[i][k]) == 0) return pairs[i][!k];
  return NULL;
}

const ht_port *ht_chain_output(const ht_callable *first,
                               const ht_callable *call, const ht_port *input) {
  const ht_port *found = output_named(first, input->name);
  const char *other = other_name(last_part(input->name));
  if (!found && other) found = output_named(first, other);
  bool alone = first->n_outputs == 1 && call->n_inputs == 1;
  return found || !alone ? found : &first->output[0];
}

/* ---- both as one */

typedef struct chain {
  ht_model *model;
  ht_builder b;
  const ht_callable *first, *call;
  ht_callable *both;
} chain;

static ht_status take_inputs(chain *c, ht_ref *prepared) {
  ht_arena *arena = &c->model->arena;
  const ht_port **input;
  ht_callable *both = c->both;
  int n;
  HT_TRY(ht_callable_inputs(c->first, arena, &input, &n));
  HT_NEW(both->input, arena, n + 1);
  HT_NEW(both->body.arg, arena, n + 1);
  both->n_inputs = both->body.n_args = n;
  for (int i = 0; i < n; i++) {
    both->input[i] = *input[i];
    both->input[i].index = i;
    both->body.arg[i] =
        ht_build_placeholder(&c->b, "raw", input[i]->dtype, &input[i]->shape);
  }
  *prepared = ht_build_apply(&c->b, "preprocess", &c->first->body,
                             c->first->capture, c->first, n, both->body.arg);
  return ht_builder_status(&c->b);
}

static ht_status feed(chain *c, ht_ref prepared, const ht_port *input,
                      ht_ref *out) {
  const ht_port *from = ht_chain_output(c->first, c->call, input);
  const ht_tensor *usual = from ? NULL : ht_port_default(c->call, input);
  if (from ? !ht_chain_fits(from, input) : !usual)
    return no_fit(input, c->first, c->call);
  *out = from ? (ht_ref){prepared.node, from->index}
              : ht_build_const(&c->b, "usual", usual);
  return ht_builder_status(&c->b);
}

static ht_status build(chain *c, const ht_body *body) {
  ht_arena *arena = &c->model->arena;
  const ht_callable *call = c->call;
  ht_callable *both = c->both;
  const ht_port **input;
  ht_ref prepared, *in;
  int n;
  HT_TRY(take_inputs(c, &prepared));
  HT_TRY(ht_callable_inputs(call, arena, &input, &n));
  HT_NEW(in, arena, n + 1);
  for (int i = 0; i < n; i++) HT_TRY(feed(c, prepared, input[i], &in[i]));
  ht_ref y = ht_build_apply(&c->b, "module", body, call->capture, call, n, in);
  HT_NEW(both->output, arena, call->n_outputs + 1);
  HT_NEW(both->body.ret, arena, call->n_outputs + 1);
  both->n_outputs = both->body.n_rets = call->n_outputs;
  for (int i = 0; i < call->n_outputs; i++) {
    both->output[i] = call->output[i];
    both->output[i].index = i;
    both->body.ret[i] = (ht_ref){y.node, call->output[i].index};
  }
  return ht_builder_status(&c->b);
}

ht_status ht_chain_callable(ht_model *model, const ht_member *m,
                            const ht_callable *call, const ht_body *body,
                            const ht_callable **out) {
  chain c = {.model = model, .call = call};
  *out = call;
  if (!m->first) return HT_SUCCESS;
  HT_TRY(ht_within(ht_model_choose(m->first, NULL, &c.first), "preprocessor"));
  HT_TRY(ht_builder_init(&c.b, &model->arena, &model->library, &model->store));
  HT_NEW(c.both, &model->arena, 1);
  *c.both = (ht_callable){.name = call->name,
                          .signature = true,
                          .method_name = "",
                          .training = call->training};
  c.both->body.graph = c.b.graph;
  HT_TRY(build(&c, body));
  *out = c.both;
  return HT_SUCCESS;
}
