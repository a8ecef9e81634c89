/* emit.c - what bodies are made of, node by node; see emit.h. */
#include "hub/emit_internal.h"

#include <string.h>

#include "ops/attr_text.h"
#include "ops/interface.h"
#include "ops/table.h"

ht_status ht_emitter_init(ht_emitter *e, ht_arena *arena,
                          const ht_store *store) {
  *e = (ht_emitter){.arena = arena,
                    .taken = {.arena = arena},
                    .store = store,
                    .serial = 1000};
  HT_PB(e->library, arena, tensorflow__function_def_library__init);
  return HT_SUCCESS;
}

/* Nodes that calls put into a graph may make. */
enum { MAX_NODES = 4000000 };

ht_status ht_emission_name(ht_emission *m, int node, const char **out) {
  const char *own = m->graph->node[node].name;
  char *wanted;
  *out = own;
  if (m->place && !m->name[node]) {
    HT_TRY(ht_pb_text(m->e->arena, &wanted, "%s%s", m->prefix, own));
    HT_TRY(m->place->name(m->place->arg, wanted, &m->name[node]));
  }
  if (m->place) {
    *out = m->name[node];
  } else if (strchr(own, ' ')) { /* a raised loop's */
    HT_TRY(ht_pb_text(m->e->arena, &wanted, "%s", own));
    for (char *p = wanted; *p; p++)
      if (*p == ' ') *p = '_';
    while (ht_graph_find(m->graph, wanted) >= 0)
      HT_TRY(ht_pb_text(m->e->arena, &wanted, "%s_", wanted));
    *out = wanted;
  }
  return HT_SUCCESS;
}

ht_status ht_emission_add(ht_emission *m, Tensorflow__NodeDef *node) {
  if (m->place) {
    if (++m->place->n_nodes > MAX_NODES)
      return ht_fail(HT_UNSUPPORTED, "calls that make more than %d nodes",
                     MAX_NODES);
    return m->place->add(m->place->arg, node);
  }
  return HT_PB_PUSH(m->e->arena, m->def, node_def, node);
}

/* ---- captures */

bool ht_same_capture(const ht_tensor *a, const ht_tensor *b) {
  if (a->dtype != b->dtype) return false;
  if (a->dtype == HT_RESOURCE) return ht_obj(a)[0] == ht_obj(b)[0];
  return a->buffer == b->buffer && a->data == b->data;
}

/* The class of a resource that a node of its own can make where it is used. */
static const ht_object_class *made_by_node(const ht_tensor *value) {
  const ht_object *o = value->dtype == HT_RESOURCE ? ht_obj(value)[0] : NULL;
  return o && o->class->op ? o->class : NULL;
}

static ht_status make_again(ht_emission *m, const ht_tensor *value,
                            const ht_object_class *class, const char **text) {
  const ht_attrs *attrs = class->attrs(ht_obj(value)[0]);
  const ht_op *op = ht_op_find(class->op);
  char *name, *made;
  Tensorflow__NodeDef *node;
  HT_TRY(ht_pb_text(m->e->arena, &name, "%s%s_%d", m->place ? m->prefix : "",
                    class->name, m->e->serial++));
  HT_TRY(ht_pb_node(m->e->arena, class->op, name, &node));
  for (int i = 0; i < attrs->n; i++)
    HT_TRY(ht_pb_attr(m->e->arena, node, attrs->attr[i].name, &attrs->attr[i]));
  HT_TRY(ht_emission_add(m, node));
  HT_TRY(m->place ? ht_pb_text(m->e->arena, &made, "%s", name)
                  : ht_pb_text(m->e->arena, &made, "%s:%.*s:0", name,
                               (int)strcspn(op->outputs, ":"), op->outputs));
  *text = made;
  return HT_SUCCESS;
}

/* The argument that stands for a captured value, made when first wanted. */
ht_status ht_emission_captured(ht_emission *m, const ht_tensor *value,
                               const char *hint, const char **name) {
  const ht_object_class *class = made_by_node(value);
  if (class) return make_again(m, value, class, name);
  if (m->place) return m->place->handle(m->place->arg, value, name);
  ht_emitted *f = m->out;
  const Tensorflow__OpDef *sig = m->def->signature;
  for (int i = 0; i < f->n_captured; i++)
    if (ht_same_capture(&f->captured[i], value)) {
      *name = sig->input_arg[f->n_inputs + i]->name;
      return HT_SUCCESS;
    }
  HT_GROW(f->captured, f->n_captured, f->captured_capacity, m->e->arena);
  f->captured[f->n_captured++] = *value;
  HT_TRY(ht_tensor_keep(m->e->arena, value));
  return ht_emission_argument(m, hint, value->dtype, value, name);
}

static ht_status handle_of(ht_emission *m, ht_object *object, ht_tensor *out) {
  HT_TRY(ht_tensor_new(NULL, HT_RESOURCE, &HT_SCALAR, out));
  ht_obj(out)[0] = ht_object_share(object);
  ht_status st = ht_tensor_keep(m->e->arena, out);
  ht_buffer *kept = out->buffer; /* the arena's reference is enough */
  ht_buffer_drop(kept);
  return st;
}

bool ht_emission_handle(const ht_node *n) {
  static const char *const ops[] = {
      "VarHandleOp",
      "VariableV2",
      "Variable",
      "HashTableV2",
      "HashTable",
      "MutableHashTableV2",
      "MutableHashTable",
      "MutableHashTableOfTensorsV2",
      "MutableHashTableOfTensors",
      "MutableDenseHashTableV2",
      "MutableDenseHashTable",
  };
  for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
    if (strcmp(n->op_name, ops[i]) == 0) return true;
  return false;
}

static bool is_reference(const ht_node *n) {
  return strcmp(n->op_name, "VariableV2") == 0 ||
         strcmp(n->op_name, "Variable") == 0;
}

static const ht_store *store_of(const ht_emission *m) {
  const ht_library *l = m->graph->library;
  return l && l->store ? l->store : m->e->store;
}

static ht_status handle_argument(ht_emission *m, const ht_node *n,
                                 const char **name) {
  const ht_store *store = store_of(m);
  char shared[256] = "";
  ht_string s = ht_attr_string(&n->attrs, "shared_name");
  if (s.n && s.n < sizeof shared) memcpy(shared, s.p, s.n);
  ht_object *object = store && *shared ? ht_store_find(store, shared) : NULL;
  if (!object && store) object = ht_store_find(store, n->name);
  if (!object)
    return ht_fail(HT_UNSUPPORTED,
                   "node '%s' names a resource that cannot be "
                   "exported",
                   n->name);
  ht_tensor handle;
  HT_TRY(handle_of(m, object, &handle));
  return ht_emission_captured(m, &handle, n->name, name);
}

/* ---- references */

ht_status ht_emission_want(ht_emission *m, int node) {
  if (m->seen[node]) return HT_SUCCESS;
  m->seen[node] = 1;
  HT_GROW(m->stack, m->n_stack, m->stack_capacity, m->e->arena);
  m->stack[m->n_stack++] = node;
  return HT_SUCCESS;
}

/* The argument of a node's row that output `out` belongs to. */
static ht_status output_argument(const ht_node *n, int out, char name[64],
                                 int *first) {
  for (const char *p = n->op->outputs; *p;) {
    size_t length = strcspn(p, ":");
    int count;
    if (length >= 64) break;
    memcpy(name, p, length);
    name[length] = 0;
    if (ht_op_output_named(n->op, &n->attrs, name, first, &count) &&
        out >= *first && out < *first + count)
      return HT_SUCCESS;
    p += strcspn(p, " ");
    p += strspn(p, " ");
  }
  return ht_fail(HT_CORRUPT, "node '%s' has no output %d", n->name, out);
}

/* A flattened output as text: "node:argument:k" in a function, "node:k" in a
 * graph. */
static ht_status output_text(ht_emission *m, int node, int out,
                             const char **text) {
  const ht_node *n = &m->graph->node[node];
  const char *name;
  char *made, argument[64];
  int first = 0;
  HT_TRY(ht_emission_name(m, node, &name));
  if (m->place) {
    HT_TRY(ht_pb_text(m->e->arena, &made, out ? "%s:%d" : "%s", name, out));
  } else if (n->callee) {
    HT_TRY(ht_pb_text(m->e->arena, &made, "%s:%s:0", name,
                      n->callee->ret_name[out]));
  } else if (n->application) {
    HT_TRY(ht_pb_text(m->e->arena, &made, "%s:output:%d", name, out));
  } else {
    HT_TRY(output_argument(n, out, argument, &first));
    HT_TRY(ht_pb_text(m->e->arena, &made, "%s:%s:%d", name, argument,
                      out - first));
  }
  *text = made;
  return HT_SUCCESS;
}

static int argument_index(const ht_emission *m, ht_ref ref) {
  for (int i = 0; i < m->body->n_args; i++)
    if (m->body->arg[i].node == ref.node && m->body->arg[i].out == ref.out)
      return i;
  return -1;
}

/* A read of a v1 variable where it is used as a value. */
static ht_status read_of(ht_emission *m, const ht_node *n, const char *handle,
                         const char **text) {
  char *name, *made;
  Tensorflow__NodeDef *read;
  HT_TRY(ht_pb_text(m->e->arena, &name, "%s%s/ReadVariableOp_%d",
                    m->place ? m->prefix : "", n->name, m->e->serial++));
  HT_TRY(ht_pb_node(m->e->arena, "ReadVariableOp", name, &read));
  HT_TRY(ht_pb_input(m->e->arena, read, handle));
  HT_TRY(ht_pb_attr_type(m->e->arena, read, "dtype",
                         ht_attr_type(&n->attrs, "dtype")));
  HT_TRY(ht_emission_add(m, read));
  HT_TRY(ht_pb_text(m->e->arena, &made, m->place ? "%s" : "%s:value:0", name));
  *text = made;
  return HT_SUCCESS;
}

/* The text by which a value is named in the function; `value`: a v1
 * reference is read. */
ht_status ht_emission_ref(ht_emission *m, ht_ref ref, bool value,
                          const char **text) {
  int k = argument_index(m, ref);
  if (k >= 0) {
    *text = m->arg_text[k];
    return HT_SUCCESS;
  }
  HT_TRY(ht_graph_bind(m->graph, ref.node));
  ht_node *n = &m->graph->node[ref.node];
  if (ht_emission_handle(n)) {
    HT_TRY(handle_argument(m, n, text));
    if (value && is_reference(n)) return read_of(m, n, *text, text);
    return HT_SUCCESS;
  }
  if (!n->op && !n->callee && !n->application)
    return ht_fail(HT_UNSUPPORTED, "op '%s' is not supported (node '%s')",
                   n->op_name, n->name);
  if (ht_emission_in_place(m, n)) {
    HT_TRY(ht_emission_call(m, ref.node));
    *text = m->inlined[ref.node][ref.out];
    return HT_SUCCESS;
  }
  HT_TRY(ht_emission_want(m, ref.node));
  return output_text(m, ref.node, ref.out, text);
}

/* ---- nodes */

/* What a v1 op on references is called for resource variables. */
static const char *resource_op(const char *op) {
  static const char *const names[][2] = {
      {"Assign", "AssignVariableOp"},
      {"AssignAdd", "AssignAddVariableOp"},
      {"AssignSub", "AssignSubVariableOp"},
      {"ScatterUpdate", "ResourceScatterUpdate"},
      {"ScatterAdd", "ResourceScatterAdd"},
      {"ScatterSub", "ResourceScatterSub"},
      {"IsVariableInitialized", "VarIsInitializedOp"},
      {"HashTable", "HashTableV2"},
      {"MutableHashTable", "MutableHashTableV2"},
      {"MutableHashTableOfTensors", "MutableHashTableOfTensorsV2"},
      {"MutableDenseHashTable", "MutableDenseHashTableV2"},
      {"LookupTableFind", "LookupTableFindV2"},
      {"LookupTableSize", "LookupTableSizeV2"},
  };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(op, names[i][0]) == 0) return names[i][1];
  return op;
}

/* Saved custom gradients are known to functions alone. */
static bool hint_attr(const ht_emission *m, const char *name) {
  return *name == '_' && (m->place || strcmp(name, "_gradient_op_type") != 0);
}

static bool same_value(const ht_attr_value *a, const ht_attr_value *b,
                       ht_attr_kind kind) {
  switch (kind) {
    case HT_ATTR_STRING:
      return a->s.n == b->s.n && memcmp(a->s.p, b->s.p, a->s.n) == 0;
    case HT_ATTR_INT: return a->i == b->i;
    case HT_ATTR_FLOAT: return (float)a->f == (float)b->f;
    case HT_ATTR_BOOL: return a->b == b->b;
    case HT_ATTR_TYPE: return a->type == b->type;
    case HT_ATTR_SHAPE: return ht_shape_equal(&a->shape, &b->shape);
    default: return false;
  }
}

/* Values that are the row's default are left out, as TensorFlow does: an
 * older one may not know the attribute. */
static bool is_default(const ht_attrs *usual, const ht_attr *a) {
  const ht_attr *d = ht_attr_find(usual, a->name);
  if (!d || d->kind != a->kind || d->list != a->list || d->n != a->n)
    return false;
  for (int i = 0; i < a->n; i++)
    if (!same_value(&a->value[i], &d->value[i], a->kind)) return false;
  return true;
}

/* A list of types, those of what is captured after them. */
static ht_status types_attr(ht_emission *m, const ht_attr *a,
                            const ht_emitted *f, Tensorflow__NodeDef *def) {
  ht_dtype *type;
  HT_NEW(type, m->e->arena, a->n + f->n_captured + 1);
  for (int i = 0; i < a->n; i++) type[i] = a->value[i].type;
  for (int i = 0; i < f->n_captured; i++) type[a->n + i] = f->captured[i].dtype;
  return ht_pb_attr_types(m->e->arena, def, a->name, a->n + f->n_captured,
                          type);
}

/* Of a raised loop or conditional: its functions, and what they capture. */
static ht_status raised_attrs(ht_emission *m, const ht_node *n,
                              ht_emitted *const f[2],
                              Tensorflow__NodeDef *def) {
  for (int i = 0, k = 0; i < n->attrs.n; i++) {
    const ht_attr *a = &n->attrs.attr[i];
    if (a->kind == HT_ATTR_FUNC)
      HT_TRY(ht_pb_attr_func(m->e->arena, def, a->name, f[k++]->name));
    else if (strcmp(a->name, "T") == 0 || strcmp(a->name, "Tin") == 0)
      HT_TRY(types_attr(m, a, f[0], def));
    else if (a->kind == HT_ATTR_TYPE)
      HT_TRY(ht_pb_attr(m->e->arena, def, a->name, a));
  }
  return HT_SUCCESS;
}

/* The written name of a function that an attribute names. */
static const char *function_name(const ht_emission *m, const char *name) {
  const char *written = ht_emitter_name(m->e, m->graph->library, name);
  return written ? written : name;
}

static ht_status function_attr(ht_emission *m, const ht_attr *a,
                               Tensorflow__NodeDef *def) {
  ht_attr named = *a;
  if (!a->list)
    return ht_pb_attr_func(m->e->arena, def, a->name,
                           function_name(m, a->value->func.name));
  HT_NEW(named.value, m->e->arena, a->n + 1);
  for (int i = 0; i < a->n; i++) {
    named.value[i] = a->value[i];
    named.value[i].func.name = function_name(m, a->value[i].func.name);
  }
  return ht_pb_attr(m->e->arena, def, a->name, &named);
}

static ht_status node_attrs(ht_emission *m, const ht_node *n, const char *op,
                            Tensorflow__NodeDef *def) {
  const ht_op *row = ht_op_find(op);
  bool changed = strcmp(op, n->op_name) != 0;
  ht_attrs none = {0}, usual = {0};
  if (row) HT_TRY(ht_attrs_complete(row, &none, m->e->arena, &usual));
  for (int i = 0; i < n->attrs.n; i++) {
    const ht_attr *a = &n->attrs.attr[i];
    if (hint_attr(m, a->name) || is_default(&usual, a)) continue;
    if (a->kind == HT_ATTR_FUNC) {
      HT_TRY(function_attr(m, a, def));
      continue;
    }
    bool type = changed && strcmp(a->name, "T") == 0;
    if (changed && !type && (!row || !strstr(row->attrs, a->name))) continue;
    HT_TRY(ht_pb_attr(
        m->e->arena, def,
        type && row && strstr(row->attrs, "dtype:") ? "dtype" : a->name, a));
  }
  return HT_SUCCESS;
}

ht_status ht_emission_control(ht_emission *m, ht_names *to, const char *node) {
  char *text;
  HT_TRY(ht_pb_text(m->e->arena, &text, "^%s", node));
  HT_GROW(to->at, to->n, to->capacity, m->e->arena);
  to->at[to->n++] = text;
  return HT_SUCCESS;
}

/* After a call that was put in its place: after its effects. */
static ht_status control_effects(ht_emission *m, int node, ht_names *to) {
  HT_TRY(ht_emission_call(m, node));
  for (int i = m->effects[node][0]; i < m->effects[node][1]; i++)
    HT_TRY(ht_emission_control(m, to, m->place->effect[i]));
  return HT_SUCCESS;
}

ht_status ht_emission_controls(ht_emission *m, const ht_node *n, ht_names *to) {
  for (int i = 0; i < n->n_control; i++) {
    int at = n->control[i];
    ht_node *from = &m->graph->node[at];
    const char *name;
    bool cut = false;
    for (int k = 0; k < m->body->n_args; k++) cut |= m->body->arg[k].node == at;
    HT_TRY(ht_graph_bind(m->graph, at));
    if (cut || ht_emission_handle(from) ||
        strcmp(from->op_name, "Placeholder") == 0)
      continue;
    if (ht_emission_in_place(m, from)) {
      HT_TRY(control_effects(m, at, to));
      continue;
    }
    HT_TRY(ht_emission_want(m, at));
    HT_TRY(ht_emission_name(m, at, &name));
    HT_TRY(ht_emission_control(m, to, name));
  }
  return HT_SUCCESS;
}

/* What has an effect in a body that was put in the place of a call waits for
 * what the call waited for. */
static ht_status control_inputs(ht_emission *m, const ht_node *n,
                                Tensorflow__NodeDef *def) {
  ht_names all = {0};
  bool waits = n->op && n->op->flags & (HT_OP_STATEFUL | HT_OP_HANDLES);
  HT_TRY(ht_emission_controls(m, n, &all));
  for (int i = 0; i < all.n; i++)
    HT_TRY(ht_pb_input(m->e->arena, def, all.at[i]));
  for (int i = 0; m->place && waits && i < m->place->n_before; i++)
    HT_TRY(ht_pb_input(m->e->arena, def, m->place->before[i]));
  return HT_SUCCESS;
}

static ht_status emit_node(ht_emission *m, int node) {
  ht_node *n = &m->graph->node[node];
  const char *name;
  const char *op = n->op ? resource_op(n->op_name) : n->op_name;
  bool handles = n->op && (n->op->flags & HT_OP_HANDLES || op != n->op_name);
  Tensorflow__NodeDef *def;
  if (n->callee) op = function_name(m, op);
  HT_TRY(ht_emission_name(m, node, &name));
  HT_TRY(ht_pb_node(m->e->arena, op, name, &def));
  for (int i = 0; i < n->n_in; i++) {
    const char *text;
    HT_TRY(ht_emission_ref(m, n->in[i], !(handles && i == 0), &text));
    HT_TRY(ht_pb_input(m->e->arena, def, text));
  }
  ht_emitted *f[2];
  HT_TRY(ht_emission_functions(m, n, f));
  for (int i = 0; f[1] && i < f[1]->n_captured; i++) {
    const char *text;
    HT_TRY(ht_emission_captured(m, &f[1]->captured[i], "captured", &text));
    HT_TRY(ht_pb_input(m->e->arena, def, text));
  }
  HT_TRY(control_inputs(m, n, def));
  HT_TRY(f[1] ? raised_attrs(m, n, f, def) : node_attrs(m, n, op, def));
  return ht_emission_add(m, def);
}

static ht_status emit_application(ht_emission *m, int node) {
  ht_node *n = &m->graph->node[node];
  const char *name;
  const ht_application *a = n->application;
  ht_arena *arena = m->e->arena;
  ht_emitted *f;
  HT_TRY(ht_emit(m->e, "module", a->body, a->capture, NULL, &f));
  const char **in, **captured;
  ht_dtype *type;
  HT_NEW(in, arena, n->n_in + 1);
  HT_NEW(type, arena, n->n_in + 1);
  HT_NEW(captured, arena, f->n_captured + 1);
  for (int i = 0; i < n->n_in; i++) {
    HT_TRY(ht_emission_ref(m, n->in[i], true, &in[i]));
    type[i] = ht_graph_dtype(m->graph, n->in[i]);
  }
  for (int i = 0; i < f->n_captured; i++)
    HT_TRY(ht_emission_captured(m, &f->captured[i], "captured", &captured[i]));
  Tensorflow__NodeDef *call;
  HT_TRY(ht_emission_name(m, node, &name));
  HT_TRY(ht_emit_call(m->e, name, f, n->n_in, type, in, captured, &call));
  HT_TRY(control_inputs(m, n, call));
  return ht_emission_add(m, call);
}

ht_status ht_emission_finish(ht_emission *m) {
  while (m->n_stack) {
    int i = m->stack[--m->n_stack];
    HT_TRY(ht_graph_bind(m->graph, i));
    ht_node *n = &m->graph->node[i];
    ht_status st = n->application ? emit_application(m, i) : emit_node(m, i);
    HT_TRY(ht_within(st, "node '%s'", n->name));
  }
  return HT_SUCCESS;
}
