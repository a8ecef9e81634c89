/* choose.c - which signature or trace to call, and its inputs and outputs by
 * name. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "hub/chain.h"
#include "hub/inner.h"

static void list_name(ht_text *t, const char *name) {
  if (t->n) ht_text_add(t, ", ");
  ht_text_printf(t, "'%s'", *name ? name : "__call__");
}

static ht_status fail_with_names(const char *what, const char *name,
                                 ht_text *names) {
  ht_status st =
      names->n
          ? ht_fail(HT_USAGE, "%s '%s': there are %s", what, name, names->p)
          : ht_fail(HT_USAGE, "%s '%s': there are none", what, name);
  ht_text_free(names);
  return st;
}

/* ---- ports by name */

static const char *last_part(const char *name) {
  const char *slash = strrchr(name, '/');
  return slash ? slash + 1 : name;
}

static const ht_port *find_port(int n, const ht_port *port, const char *name) {
  const ht_port *found = NULL;
  for (int i = 0; i < n; i++)
    if (strcmp(port[i].name, name) == 0) return &port[i];
  for (int i = 0; i < n; i++) {
    if (strcmp(last_part(port[i].name), name) != 0) continue;
    if (found) return NULL;
    found = &port[i];
  }
  return found;
}

/* ---- callables */

static const ht_callable *find_signature(const ht_model *m, const char *name) {
  for (int i = 0; i < m->n_callables; i++)
    if (m->callable[i].signature && strcmp(m->callable[i].name, name) == 0)
      return &m->callable[i];
  return NULL;
}

static ht_status no_callable(const ht_model *m, bool signature,
                             const char *name) {
  ht_text names = {.max = 600};
  for (int i = 0; i < m->n_callables; i++) {
    const ht_callable *c = &m->callable[i];
    bool again = i && strcmp(c->name, m->callable[i - 1].name) == 0;
    if (c->signature == signature && !again) list_name(&names, c->name);
  }
  return fail_with_names(signature ? "no signature" : "no callable", name,
                         &names);
}

static bool has_name(const ht_callable *c, const char *name) {
  if (strcmp(c->name, name) == 0) return true;
  size_t n = strlen(c->name); /* "a.__call__" is "a" */
  return strncmp(c->name, name, n) == 0 && strcmp(name + n, ".__call__") == 0;
}

static const ht_bound_argument *bound_to(const ht_callable *c,
                                         const char *name) {
  for (int i = 0; i < c->n_bound; i++)
    if (strcmp(c->bound[i].name, name) == 0) return &c->bound[i];
  return NULL;
}

/* As Python would print it: true is True, text has quotes, 1 is 1.0 too. */
static bool same_value(const char *a, const char *b) {
  size_t n = strlen(a);
  double x, y;
  if (strcasecmp(a, b) == 0) return true;
  if (n >= 2 && a[0] == '\'' && strlen(b) == n - 2 &&
      strncmp(a + 1, b, n - 2) == 0)
    return true;
  return ht_parse_double(a, &x) && ht_parse_double(b, &y) && x == y;
}

/* Whether every argument asked for is as asked, or fed at the call. */
static bool arguments_fit(const ht_callable *c, const ht_call_choice *choice) {
  for (int i = 0; i < choice->n_arguments; i++) {
    const ht_bound_argument *want = &choice->argument[i];
    const ht_bound_argument *have = bound_to(c, want->name);
    if (have ? !same_value(have->value, want->value)
             : !find_port(c->n_inputs, c->input, want->name))
      return false;
  }
  return true;
}

static bool asked_for(const ht_call_choice *choice, const char *name) {
  for (int i = 0; i < choice->n_arguments; i++)
    if (strcmp(choice->argument[i].name, name) == 0) return true;
  return false;
}

/* How far a trace is from what was asked: inputs that do not meet, then
 * values that are not the function's defaults, then inputs beyond need. */
static int distance(const ht_callable *c, const ht_call_choice *choice) {
  int unmet = 0, unusual = 0;
  for (int i = 0; i < choice->n_inputs; i++) {
    const ht_port *port;
    if (ht_callable_input(c, choice->input[i], &port).code != HT_OK) unmet++;
  }
  if (choice->n_inputs) unmet += abs(c->n_inputs - choice->n_inputs);
  for (int i = 0; i < c->n_bound; i++) {
    const ht_bound_argument *b = &c->bound[i];
    bool training = strcmp(b->name, "training") == 0;
    if (!b->usual && !training && !asked_for(choice, b->name)) unusual++;
  }
  if (unmet > 1023) unmet = 1023;
  if (unusual > 255) unusual = 255;
  return (unmet << 16) + (unusual << 8) +
         (c->n_inputs < 255 ? c->n_inputs : 255);
}

static const ht_callable *best_trace(const ht_model *m, const char *name,
                                     const ht_call_choice *choice,
                                     int training) {
  const ht_callable *best = NULL;
  int least = 0;
  for (int i = 0; i < m->n_callables; i++) {
    const ht_callable *c = &m->callable[i];
    if (c->signature || !has_name(c, name) || !arguments_fit(c, choice) ||
        (c->training >= 0 && c->training != training))
      continue;
    int d = 2 * distance(c, choice) + (c->training < 0);
    if (!best || d < least) {
      best = c;
      least = d;
    }
  }
  return best;
}

static ht_status choose_call(const ht_model *m, const char *name,
                             const ht_call_choice *choice,
                             const ht_callable **out) {
  bool known = false;
  for (int i = 0; i < m->n_callables; i++)
    known =
        known || (!m->callable[i].signature && has_name(&m->callable[i], name));
  if (!known) return no_callable(m, false, name);
  *out = best_trace(m, name, choice, choice->training);
  if (*out) return HT_SUCCESS;
  if (best_trace(m, name, choice, !choice->training))
    return ht_fail(HT_USAGE, "callable '%s' has no %s variant", name,
                   choice->training ? "training" : "inference");
  return ht_fail(HT_USAGE, "callable '%s' has no variant for argument '%s'",
                 name, choice->n_arguments ? choice->argument[0].name : "");
}

static ht_status choose_default(const ht_model *m, const ht_call_choice *choice,
                                const ht_callable **out) {
  *out = find_signature(m, "default");
  if (!*out) *out = find_signature(m, "serving_default");
  if (*out) return HT_SUCCESS;
  for (int i = 0; i < m->n_callables; i++)
    if (!m->callable[i].signature && has_name(&m->callable[i], "__call__"))
      return choose_call(m, "__call__", choice, out);
  int n_signatures = 0;
  for (int i = 0; i < m->n_callables; i++) {
    if (!m->callable[i].signature) continue;
    *out = &m->callable[i];
    n_signatures++;
  }
  if (n_signatures == 1) return HT_SUCCESS;
  ht_text names = {.max = 600};
  for (int i = 0; i < m->n_callables; i++)
    if (!i || strcmp(m->callable[i].name, m->callable[i - 1].name) != 0)
      list_name(&names, m->callable[i].name);
  return fail_with_names("the module has nothing to call by default, as",
                         "serving_default", &names);
}

/* The module behind a preprocessor is called, with what that takes. */
static ht_status choose_behind(ht_model *model, const ht_member *m,
                               const ht_call_choice *choice,
                               const ht_callable **out) {
  ht_call_choice behind = *choice;
  const ht_callable *call;
  behind.n_inputs = 0; /* the names are the preprocessor's */
  HT_TRY(ht_model_choose(m->model, &behind, &call));
  return ht_chain_callable(model, m, call, &call->body, out);
}

ht_status ht_model_choose(ht_model *model, const ht_call_choice *choice,
                          const ht_callable **out) {
  static const ht_call_choice nothing;
  const ht_member *chained = ht_chain_member(model);
  if (!choice) choice = &nothing;
  if (chained) return choose_behind(model, chained, choice, out);
  if (choice->signature) {
    *out = find_signature(model, choice->signature);
    if (!*out) return no_callable(model, true, choice->signature);
  } else if (choice->call) {
    const char *name = *choice->call ? choice->call : "__call__";
    HT_TRY(choose_call(model, name, choice, out));
  } else {
    HT_TRY(choose_default(model, choice, out));
  }
  HT_TRY(ht_model_prepare(model, *out));
  if (choice->output) HT_TRY(ht_callable_expose(model, choice->output, out));
  return ht_callable_bind(model, choice, out);
}

bool ht_model_trains_by_call(const ht_model *m) {
  for (int i = 0; i < m->n_callables && m->format == HT_FORMAT_SM2; i++) {
    const ht_callable *c = &m->callable[i];
    if (!c->signature && c->training == 1 && strcmp(c->name, "__call__") == 0)
      return true;
  }
  return false;
}

/* ---- cutting the main graph */

static ht_status cut_ports(ht_model *m, int n, const char *const *name,
                           ht_port **port, ht_ref **ref) {
  HT_NEW(*port, &m->arena, n);
  HT_NEW(*ref, &m->arena, n);
  for (int i = 0; i < n; i++) {
    const char *copy = ht_arena_string(&m->arena, name[i]);
    if (!copy) return ht_fail(HT_NO_MEMORY, "no memory for '%s'", name[i]);
    HT_TRY(ht_graph_ref(m->graph, copy, &(*ref)[i]));
    (*port)[i] = (ht_port){
        copy, copy, ht_graph_dtype(m->graph, (*ref)[i]), {.rank = -1}, i};
  }
  return HT_SUCCESS;
}

ht_status ht_model_cut(ht_model *model, int n_feeds, const char *const *feeds,
                       int n_fetches, const char *const *fetches,
                       const ht_callable **out) {
  ht_callable *c;
  HT_NEW(c, &model->arena, 1);
  *c = (ht_callable){.name = "feeds and fetches",
                     .signature = true,
                     .method_name = "",
                     .training = -1,
                     .n_inputs = n_feeds,
                     .n_outputs = n_fetches};
  c->body =
      (ht_body){.graph = model->graph, .n_args = n_feeds, .n_rets = n_fetches};
  HT_TRY(cut_ports(model, n_feeds, feeds, &c->input, &c->body.arg));
  HT_TRY(cut_ports(model, n_fetches, fetches, &c->output, &c->body.ret));
  HT_NEW(c->capture, &model->arena, n_feeds);
  *out = c;
  return HT_SUCCESS;
}

/* ---- ports */

static ht_status no_port(const char *what, const ht_callable *c, int n,
                         const ht_port *port, const char *name) {
  ht_text names = {.max = 600};
  for (int i = 0; i < n; i++) list_name(&names, port[i].name);
  ht_status st = fail_with_names(what, name ? name : "", &names);
  return ht_within(st, "'%s'", c->name);
}

ht_status ht_callable_input(const ht_callable *c, const char *name,
                            const ht_port **out) {
  *out = name ? find_port(c->n_inputs, c->input, name) : NULL;
  if (!*out && c->n_inputs == 1) *out = &c->input[0];
  if (*out) return HT_SUCCESS;
  if (name) return no_port("no input", c, c->n_inputs, c->input, name);
  if (!c->n_inputs) return ht_fail(HT_USAGE, "'%s' has no inputs", c->name);
  ht_text names = {.max = 600};
  for (int i = 0; i < c->n_inputs; i++) list_name(&names, c->input[i].name);
  ht_status st = ht_fail(HT_USAGE, "'%s' has several inputs, name one: %s",
                         c->name, names.p ? names.p : "");
  ht_text_free(&names);
  return st;
}

ht_status ht_callable_named(const ht_callable *c, const char *name,
                            const ht_port **out) {
  *out = find_port(c->n_inputs, c->input, name);
  if (*out) return HT_SUCCESS;
  return no_port("no input", c, c->n_inputs, c->input, name);
}

ht_status ht_callable_output(const ht_callable *c, const char *name,
                             const ht_port **out) {
  *out = name ? find_port(c->n_outputs, c->output, name) : NULL;
  if (!*out && !name && c->n_outputs == 1) *out = &c->output[0];
  if (*out) return HT_SUCCESS;
  return no_port("no output", c, c->n_outputs, c->output, name);
}

ht_status ht_callable_inputs(const ht_callable *call, ht_arena *arena,
                             const ht_port ***input, int *n) {
  const ht_body *body = &call->body;
  *n = 0;
  HT_NEW(*input, arena, body->n_args + 1);
  for (int arg = 0; arg < body->n_args; arg++) {
    const ht_port *port = NULL;
    if (call->capture && call->capture[arg].dtype) continue;
    for (int i = 0; i < call->n_inputs && !port; i++)
      if (call->input[i].index == arg) port = &call->input[i];
    if (!port)
      return ht_fail(HT_UNSUPPORTED, "argument %d of '%s' has no name", arg,
                     call->name);
    (*input)[(*n)++] = port;
  }
  return HT_SUCCESS;
}

ht_status ht_port_check(const ht_port *port, const ht_tensor *value) {
  char wanted[HT_SHAPE_TEXT], found[HT_SHAPE_TEXT];
  bool dtype = port->dtype == HT_INVALID || port->dtype == value->dtype;
  if (dtype && ht_shape_fits(&value->shape, &port->shape)) return HT_SUCCESS;
  return ht_fail(
      HT_USAGE, "input '%s' wants %s %s, found %s %s", port->name,
      ht_dtype_name(port->dtype), ht_shape_text(&port->shape, wanted),
      ht_dtype_name(value->dtype), ht_shape_text(&value->shape, found));
}
