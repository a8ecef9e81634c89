/* bind.c - inputs that get one value for all calls: as an argument that was
 * asked for, or by the graph's own default. */
#include <string.h>

#include "base/text.h"
#include "hub/model.h"

/* ---- a number as a scalar */

static ht_status no_value(const ht_port *port, const char *text) {
  return ht_fail(HT_USAGE, "argument '%s' wants a %s, not '%s'", port->name,
                 ht_dtype_name(port->dtype), text);
}

static bool parse_bool(const char *text, bool *out) {
  *out = strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0;
  return *out || strcasecmp(text, "false") == 0 || strcmp(text, "0") == 0;
}

static bool store(const char *text, ht_tensor *t) {
  double x;
  int64_t i;
  switch (t->dtype) {
    case HT_FLOAT:
      if (!ht_parse_double(text, &x)) return false;
      ht_f(t)[0] = (float)x;
      return true;
    case HT_DOUBLE: return ht_parse_double(text, (double *)t->data);
    case HT_INT64: return ht_parse_int(text, (int64_t *)t->data);
    case HT_INT32:
      if (!ht_parse_int(text, &i) || i < INT32_MIN || i > INT32_MAX)
        return false;
      ht_i32(t)[0] = (int32_t)i;
      return true;
    case HT_BOOL: return parse_bool(text, (bool *)t->data);
    default: return false;
  }
}

static ht_status scalar_of(const ht_port *port, const char *text,
                           ht_tensor *out) {
  if (port->dtype == HT_STRING)
    return ht_scalar_string(text, strlen(text), out);
  HT_TRY(ht_tensor_zeros(NULL, port->dtype, &HT_SCALAR, out));
  if (store(text, out)) return HT_SUCCESS;
  ht_tensor_drop(out);
  return no_value(port, text);
}

/* ---- arguments */

static ht_status bind(ht_model *m, ht_callable *c, const ht_port *port,
                      const char *text) {
  ht_tensor value;
  int at = (int)(port - c->input);
  HT_TRY(scalar_of(port, text, &value));
  ht_status st = ht_shape_fits(&value.shape, &port->shape)
                     ? ht_tensor_keep(&m->arena, &value)
                     : ht_fail(HT_USAGE, "argument '%s' is no scalar: feed it",
                               port->name);
  c->capture[port->index] = value;
  ht_tensor_drop(&value); /* the arena has it, or nobody */
  HT_TRY(st);
  c->n_inputs--;
  memmove(&c->input[at], &c->input[at + 1],
          (size_t)(c->n_inputs - at) * sizeof *c->input);
  return HT_SUCCESS;
}

static ht_status copied(ht_model *m, const ht_callable *c, ht_callable **out) {
  HT_NEW(*out, &m->arena, 1);
  **out = *c;
  HT_NEW((*out)->input, &m->arena, c->n_inputs + 1);
  HT_NEW((*out)->capture, &m->arena, c->body.n_args + 1);
  if (c->n_inputs)
    memcpy((*out)->input, c->input, (size_t)c->n_inputs * sizeof *c->input);
  for (int i = 0; c->capture && i < c->body.n_args; i++)
    (*out)->capture[i] = c->capture[i];
  return HT_SUCCESS;
}

static bool is_bound(const ht_callable *c, const char *name) {
  for (int i = 0; i < c->n_bound; i++)
    if (strcmp(c->bound[i].name, name) == 0) return true;
  return false;
}

ht_status ht_callable_bind(ht_model *m, const ht_call_choice *choice,
                           const ht_callable **c) {
  ht_callable *made = NULL;
  for (int i = 0; i < choice->n_arguments; i++) {
    const ht_bound_argument *a = &choice->argument[i];
    const ht_port *port;
    if (is_bound(*c, a->name)) continue; /* it chose the trace */
    if (!made) HT_TRY(copied(m, *c, &made));
    *c = made;
    HT_TRY(ht_callable_named(made, a->name, &port));
    HT_TRY(bind(m, made, port, a->value));
  }
  return HT_SUCCESS;
}

/* ---- defaults */

const ht_tensor *ht_port_default(const ht_callable *c, const ht_port *port) {
  ht_graph *g = c->body.graph;
  if (!g || port->index >= c->body.n_args) return NULL;
  const ht_node *n = &g->node[c->body.arg[port->index].node];
  if (strcmp(n->op_name, "PlaceholderWithDefault") != 0 ||
      ht_graph_bind(g, c->body.arg[port->index].node).code != HT_OK || !n->n_in)
    return NULL;
  const ht_node *from = &g->node[n->in[0].node];
  const ht_attr *a = strcmp(from->op_name, "Const") == 0
                         ? ht_attr_find(&from->attrs, "value")
                         : NULL;
  return a && a->kind == HT_ATTR_TENSOR ? &a->value->tensor : NULL;
}
