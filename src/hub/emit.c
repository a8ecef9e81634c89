/* emit.c - see emit.h. */
#include "hub/emit.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "ops/interface.h"
#include "ops/table.h"

/* Calls that are put into a graph, within one another or one after another,
 * and the nodes that this may make. */
enum { MAX_CALLS = 2000, MAX_NODES = 4000000 };

/* One function at work. */
typedef struct emission {
  ht_emitter *e;
  const ht_body *body;
  ht_graph *graph;
  Tensorflow__FunctionDef *def;
  ht_emitted *out;
  const char **arg_text; /* per argument of the body */
  uint8_t *seen;         /* per node */
  ht_emit_place *place;  /* NULL: a function is made */
  const char *prefix;    /* of names there */
  const char **name;     /* per node: its name there */
  const char ***inlined; /* per node: outputs of a body put in its place */
  int (*effects)[2];     /* per such node: its part of place->effect */
  int *stack;
  int n_stack, stack_capacity;
} emission;

ht_status ht_emitter_init(ht_emitter *e, ht_arena *arena,
                          const Tensorflow__FunctionDefLibrary *source) {
  *e = (ht_emitter){.arena = arena, .taken = {.arena = arena}, .serial = 1000};
  HT_PB(e->library, arena, tensorflow__function_def_library__init);
  if (!source) return HT_SUCCESS;
  e->library->base.n_unknown_fields = source->base.n_unknown_fields;
  e->library->base.unknown_fields = source->base.unknown_fields;
  for (size_t i = 0; i < source->n_function; i++) {
    HT_TRY(HT_PB_PUSH(arena, e->library, function, source->function[i]));
    if (source->function[i]->signature)
      HT_TRY(ht_map_put(&e->taken, source->function[i]->signature->name, e));
  }
  e->n_source = e->library->n_function;
  for (size_t i = 0; i < source->n_gradient; i++)
    HT_TRY(HT_PB_PUSH(arena, e->library, gradient, source->gradient[i]));
  for (size_t i = 0; i < source->n_registered_gradients; i++)
    HT_TRY(HT_PB_PUSH(arena, e->library, registered_gradients,
                      source->registered_gradients[i]));
  return HT_SUCCESS;
}

ht_status ht_emitter_store(ht_emitter *e, const ht_graph *graph,
                           const ht_store *store) {
  if (e->n_stores == 16) return ht_fail(HT_UNSUPPORTED, "more than 16 modules");
  e->store[e->n_stores++] = (ht_emit_store){graph, store};
  return HT_SUCCESS;
}

ht_status ht_emit_arg(ht_arena *arena, size_t *n,
                      Tensorflow__OpDef__ArgDef ***args, const char *name,
                      ht_dtype type) {
  Tensorflow__OpDef__ArgDef *a;
  HT_PB(a, arena, tensorflow__op_def__arg_def__init);
  HT_TRY(ht_pb_text(arena, &a->name, "%s", name));
  a->type = (Tensorflow__DataType)type;
  return ht_pb_push_(arena, (void ***)args, n, a);
}

/* What a node is called where it is put. */
static ht_status name_of(emission *m, int node, const char **out) {
  const char *own = m->graph->node[node].name;
  char *wanted;
  *out = own;
  if (!m->place) return HT_SUCCESS;
  if (!m->name[node]) {
    HT_TRY(ht_pb_text(m->e->arena, &wanted, "%s%s", m->prefix, own));
    HT_TRY(m->place->name(m->place->arg, wanted, &m->name[node]));
  }
  *out = m->name[node];
  return HT_SUCCESS;
}

static ht_status add_node(emission *m, Tensorflow__NodeDef *node) {
  if (m->place) {
    if (++m->place->n_nodes > MAX_NODES)
      return ht_fail(HT_UNSUPPORTED, "calls that make more than %d nodes",
                     MAX_NODES);
    return m->place->add(m->place->arg, node);
  }
  return HT_PB_PUSH(m->e->arena, m->def, node_def, node);
}

/* Names of arguments: lower case letters, digits and "_". */
static ht_status argument_name(emission *m, const char *wanted, char **out) {
  HT_TRY(ht_pb_text(m->e->arena, out, "%s%s",
                    isalpha((unsigned char)*wanted) ? "" : "arg_", wanted));
  for (char *p = *out; *p; p++)
    *p = isalnum((unsigned char)*p) ? (char)tolower((unsigned char)*p) : '_';
  for (size_t i = 0; i < m->def->signature->n_input_arg; i++)
    if (strcmp(m->def->signature->input_arg[i]->name, *out) == 0)
      return ht_pb_text(m->e->arena, out, "%s_%d", *out, m->e->serial++);
  return HT_SUCCESS;
}

static ht_status add_argument(emission *m, const char *wanted, ht_dtype type,
                              const char **name) {
  char *text;
  HT_TRY(argument_name(m, wanted, &text));
  *name = text;
  return ht_emit_arg(m->e->arena, &m->def->signature->n_input_arg,
                     &m->def->signature->input_arg, text, type);
}

/* ---- captures */

static bool same_capture(const ht_tensor *a, const ht_tensor *b) {
  if (a->dtype != b->dtype) return false;
  if (a->dtype == HT_RESOURCE) return ht_obj(a)[0] == ht_obj(b)[0];
  return a->buffer == b->buffer && a->data == b->data;
}

/* The argument that stands for a captured value, made when first wanted. */
static ht_status captured_argument(emission *m, const ht_tensor *value,
                                   const char *hint, const char **name) {
  if (m->place) return m->place->handle(m->place->arg, value, name);
  ht_emitted *f = m->out;
  const Tensorflow__OpDef *sig = m->def->signature;
  for (int i = 0; i < f->n_captured; i++)
    if (same_capture(&f->captured[i], value)) {
      *name = sig->input_arg[f->n_inputs + i]->name;
      return HT_SUCCESS;
    }
  HT_GROW(f->captured, f->n_captured, f->captured_capacity, m->e->arena);
  f->captured[f->n_captured++] = *value;
  HT_TRY(ht_tensor_keep(m->e->arena, value));
  return add_argument(m, hint, value->dtype, name);
}

static ht_status handle_of(emission *m, ht_object *object, ht_tensor *out) {
  HT_TRY(ht_tensor_new(NULL, HT_RESOURCE, &HT_SCALAR, out));
  ht_obj(out)[0] = ht_object_share(object);
  ht_status st = ht_tensor_keep(m->e->arena, out);
  ht_buffer *kept = out->buffer; /* the arena's reference is enough */
  ht_buffer_drop(kept);
  return st;
}

static bool makes_handle(const ht_node *n) {
  static const char *const ops[] = {
      "VarHandleOp",      "VariableV2",
      "Variable",         "HashTableV2",
      "HashTable",        "MutableHashTableV2",
      "MutableHashTable", "MutableDenseHashTableV2",
  };
  for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
    if (strcmp(n->op_name, ops[i]) == 0) return true;
  return false;
}

static bool is_reference(const ht_node *n) {
  return strcmp(n->op_name, "VariableV2") == 0 ||
         strcmp(n->op_name, "Variable") == 0;
}

/* The store of the graph, or of the one whose functions it is of. */
static const ht_store *store_of(const emission *m) {
  const ht_emitter *e = m->e;
  for (int i = 0; i < e->n_stores; i++)
    if (e->store[i].graph == m->graph) return e->store[i].store;
  for (int i = 0; m->graph->name && i < e->n_stores; i++)
    if (e->store[i].graph->library == m->graph->library)
      return e->store[i].store;
  return NULL;
}

static ht_status handle_argument(emission *m, const ht_node *n,
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
  return captured_argument(m, &handle, n->name, name);
}

/* ---- references */

static ht_status want(emission *m, int node) {
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
static ht_status output_text(emission *m, int node, int out,
                             const char **text) {
  const ht_node *n = &m->graph->node[node];
  const char *name;
  char *made, argument[64];
  int first = 0;
  HT_TRY(name_of(m, node, &name));
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

static int argument_index(const emission *m, ht_ref ref) {
  for (int i = 0; i < m->body->n_args; i++)
    if (m->body->arg[i].node == ref.node && m->body->arg[i].out == ref.out)
      return i;
  return -1;
}

/* A read of a v1 variable where it is used as a value. */
static ht_status read_of(emission *m, const ht_node *n, const char *handle,
                         const char **text) {
  char *name, *made;
  Tensorflow__NodeDef *read;
  HT_TRY(ht_pb_text(m->e->arena, &name, "%s%s/ReadVariableOp_%d",
                    m->place ? m->prefix : "", n->name, m->e->serial++));
  HT_TRY(ht_pb_node(m->e->arena, "ReadVariableOp", name, &read));
  HT_TRY(ht_pb_input(m->e->arena, read, handle));
  HT_TRY(ht_pb_attr_type(m->e->arena, read, "dtype",
                         ht_attr_type(&n->attrs, "dtype")));
  HT_TRY(add_node(m, read));
  HT_TRY(ht_pb_text(m->e->arena, &made, m->place ? "%s" : "%s:value:0", name));
  *text = made;
  return HT_SUCCESS;
}

static bool calls(const ht_node *n) {
  return n->application || n->callee ||
         (n->op && (strcmp(n->op_name, "PartitionedCall") == 0 ||
                    strcmp(n->op_name, "StatefulPartitionedCall") == 0));
}

/* In a main graph the bodies of calls stand in their place: TF1 differentiates
 * nodes, but not the functions of an imported graph. */
static bool put_in_place(const emission *m, const ht_node *n) {
  return m->place && calls(n);
}

static ht_status inline_call(emission *m, int node);

/* The text by which a value is named in the function; `value`: a v1
 * reference is read. */
static ht_status ref_text(emission *m, ht_ref ref, bool value,
                          const char **text) {
  int k = argument_index(m, ref);
  if (k >= 0) {
    *text = m->arg_text[k];
    return HT_SUCCESS;
  }
  HT_TRY(ht_graph_bind(m->graph, ref.node));
  ht_node *n = &m->graph->node[ref.node];
  if (makes_handle(n)) {
    HT_TRY(handle_argument(m, n, text));
    if (value && is_reference(n)) return read_of(m, n, *text, text);
    return HT_SUCCESS;
  }
  if (!n->op && !n->callee && !n->application)
    return ht_fail(HT_UNSUPPORTED, "op '%s' is not supported (node '%s')",
                   n->op_name, n->name);
  if (put_in_place(m, n)) {
    HT_TRY(inline_call(m, ref.node));
    *text = m->inlined[ref.node][ref.out];
    return HT_SUCCESS;
  }
  HT_TRY(want(m, ref.node));
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
      {"LookupTableFind", "LookupTableFindV2"},
      {"LookupTableSize", "LookupTableSizeV2"},
  };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(op, names[i][0]) == 0) return names[i][1];
  return op;
}

/* Saved custom gradients are known to functions alone. */
static bool hint_attr(const emission *m, const char *name) {
  return *name == '_' && (m->place || strcmp(name, "_gradient_op_type") != 0);
}

static ht_status node_attrs(emission *m, const ht_node *n, const char *op,
                            Tensorflow__NodeDef *def) {
  const ht_op *row = ht_op_find(op);
  bool changed = strcmp(op, n->op_name) != 0;
  for (int i = 0; i < n->attrs.n; i++) {
    const ht_attr *a = &n->attrs.attr[i];
    if (hint_attr(m, a->name)) continue;
    bool type = changed && strcmp(a->name, "T") == 0;
    if (changed && !type && (!row || !strstr(row->attrs, a->name))) continue;
    HT_TRY(ht_pb_attr(
        m->e->arena, def,
        type && row && strstr(row->attrs, "dtype:") ? "dtype" : a->name, a));
  }
  return HT_SUCCESS;
}

typedef struct names {
  const char **at;
  int n, capacity;
} names;

static ht_status add_control(emission *m, names *to, const char *node) {
  char *text;
  HT_TRY(ht_pb_text(m->e->arena, &text, "^%s", node));
  HT_GROW(to->at, to->n, to->capacity, m->e->arena);
  to->at[to->n++] = text;
  return HT_SUCCESS;
}

/* After a call that was put in its place: after its effects. */
static ht_status control_effects(emission *m, int node, names *to) {
  HT_TRY(inline_call(m, node));
  for (int i = m->effects[node][0]; i < m->effects[node][1]; i++)
    HT_TRY(add_control(m, to, m->place->effect[i]));
  return HT_SUCCESS;
}

static ht_status control_texts(emission *m, const ht_node *n, names *to) {
  for (int i = 0; i < n->n_control; i++) {
    int at = n->control[i];
    ht_node *from = &m->graph->node[at];
    const char *name;
    bool cut = false;
    for (int k = 0; k < m->body->n_args; k++) cut |= m->body->arg[k].node == at;
    HT_TRY(ht_graph_bind(m->graph, at));
    if (cut || makes_handle(from) || strcmp(from->op_name, "Placeholder") == 0)
      continue;
    if (put_in_place(m, from)) {
      HT_TRY(control_effects(m, at, to));
      continue;
    }
    HT_TRY(want(m, at));
    HT_TRY(name_of(m, at, &name));
    HT_TRY(add_control(m, to, name));
  }
  return HT_SUCCESS;
}

/* What has an effect in a body that was put in the place of a call waits for
 * what the call waited for. */
static ht_status control_inputs(emission *m, const ht_node *n,
                                Tensorflow__NodeDef *def) {
  names all = {0};
  bool waits = n->op && n->op->flags & (HT_OP_STATEFUL | HT_OP_HANDLES);
  HT_TRY(control_texts(m, n, &all));
  for (int i = 0; i < all.n; i++)
    HT_TRY(ht_pb_input(m->e->arena, def, all.at[i]));
  for (int i = 0; m->place && waits && i < m->place->n_before; i++)
    HT_TRY(ht_pb_input(m->e->arena, def, m->place->before[i]));
  return HT_SUCCESS;
}

static ht_status emit_node(emission *m, int node) {
  ht_node *n = &m->graph->node[node];
  const char *name;
  const char *op = n->op ? resource_op(n->op_name) : n->op_name;
  bool handles = n->op && (n->op->flags & HT_OP_HANDLES || op != n->op_name);
  Tensorflow__NodeDef *def;
  HT_TRY(name_of(m, node, &name));
  HT_TRY(ht_pb_node(m->e->arena, op, name, &def));
  for (int i = 0; i < n->n_in; i++) {
    const char *text;
    HT_TRY(ref_text(m, n->in[i], !(handles && i == 0), &text));
    HT_TRY(ht_pb_input(m->e->arena, def, text));
  }
  HT_TRY(control_inputs(m, n, def));
  HT_TRY(node_attrs(m, n, op, def));
  return add_node(m, def);
}

static ht_status called_body(emission *m, const ht_node *n, const ht_body **out,
                             const ht_tensor **capture) {
  ht_graph *f = n->callee;
  ht_body *body;
  *capture = n->application ? n->application->capture : NULL;
  *out = n->application ? n->application->body : NULL;
  if (*out) return HT_SUCCESS;
  const ht_attr *a = ht_attr_find(&n->attrs, "f");
  if (!f && a && a->kind == HT_ATTR_FUNC)
    HT_TRY(ht_library_find(m->graph->library, a->value->func.name, &f));
  if (!f) return ht_fail(HT_CORRUPT, "node '%s' calls no function", n->name);
  HT_NEW(body, m->e->arena, 1);
  HT_TRY(ht_body_of_function(f, body));
  if (body->n_args != n->n_in)
    return ht_fail(HT_CORRUPT, "node '%s' has %d inputs, function '%s' %d",
                   n->name, n->n_in, f->name, body->n_args);
  *out = body;
  return HT_SUCCESS;
}

static ht_status inline_body(emission *m, int node, const char *const *in) {
  ht_node *n = &m->graph->node[node];
  const ht_body *body;
  const ht_tensor *capture;
  const char *prefix;
  char *folder;
  HT_TRY(called_body(m, n, &body, &capture));
  HT_NEW(m->inlined[node], m->e->arena, body->n_rets + 1);
  HT_TRY(name_of(m, node, &prefix));
  HT_TRY(ht_pb_text(m->e->arena, &folder, "%s/", prefix));
  return ht_emit_inline(m->e, m->place, folder, body, capture, in,
                        m->inlined[node]);
}

static ht_status inline_call(emission *m, int node) {
  ht_node *n = &m->graph->node[node];
  ht_emit_place *p = m->place;
  const char **in;
  names before = {0};
  if (m->inlined[node]) return HT_SUCCESS;
  if (p->depth >= MAX_CALLS)
    return ht_fail(HT_UNSUPPORTED, "more than %d calls within one another",
                   MAX_CALLS);
  p->depth++;
  HT_NEW(in, m->e->arena, n->n_in + 1);
  for (int i = 0; i < n->n_in; i++)
    HT_TRY(ref_text(m, n->in[i], !(n->op || n->callee), &in[i]));
  for (int i = 0; i < p->n_before; i++)
    HT_TRY(add_control(m, &before, p->before[i] + 1));
  HT_TRY(control_texts(m, n, &before));
  const char *const *outer = p->before;
  int n_outer = p->n_before;
  p->before = before.at;
  p->n_before = before.n;
  m->effects[node][0] = p->n_effects;
  HT_TRY(inline_body(m, node, in));
  m->effects[node][1] = p->n_effects;
  p->before = outer;
  p->n_before = n_outer;
  p->depth--;
  return HT_SUCCESS;
}

static ht_status emit_application(emission *m, int node) {
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
    HT_TRY(ref_text(m, n->in[i], true, &in[i]));
    type[i] = ht_graph_dtype(m->graph, n->in[i]);
  }
  for (int i = 0; i < f->n_captured; i++)
    HT_TRY(captured_argument(m, &f->captured[i], "captured", &captured[i]));
  Tensorflow__NodeDef *call;
  HT_TRY(name_of(m, node, &name));
  HT_TRY(ht_emit_call(m->e, name, f, n->n_in, type, in, captured, &call));
  HT_TRY(control_inputs(m, n, call));
  return add_node(m, call);
}

static ht_status emit_wanted(emission *m) {
  while (m->n_stack) {
    int i = m->stack[--m->n_stack];
    HT_TRY(ht_graph_bind(m->graph, i));
    ht_node *n = &m->graph->node[i];
    ht_status st = n->application ? emit_application(m, i) : emit_node(m, i);
    HT_TRY(ht_within(st, "node '%s'", n->name));
  }
  return HT_SUCCESS;
}

/* ---- functions */

static ht_status add_return(emission *m, int i) {
  ht_arena *arena = m->e->arena;
  Tensorflow__FunctionDef__RetEntry *ret;
  const char *text;
  char *name;
  HT_TRY(ht_pb_text(arena, &name, "output_%d", i));
  m->out->ret_name[i] = name;
  m->out->ret_type[i] = ht_graph_dtype(m->graph, m->body->ret[i]);
  HT_TRY(ref_text(m, m->body->ret[i], true, &text));
  HT_TRY(emit_wanted(m));
  HT_TRY(ht_emit_arg(arena, &m->def->signature->n_output_arg,
                     &m->def->signature->output_arg, name,
                     m->out->ret_type[i]));
  HT_PB(ret, arena, tensorflow__function_def__ret_entry__init);
  ret->key = name;
  HT_TRY(ht_pb_text(arena, &ret->value, "%s", text));
  return HT_PB_PUSH(arena, m->def, ret, ret);
}

/* A node run for its effect is a control output. */
static ht_status add_effect(emission *m, int node) {
  ht_arena *arena = m->e->arena;
  Tensorflow__FunctionDef__ControlRetEntry *ret;
  HT_TRY(ht_graph_bind(m->graph, node));
  HT_TRY(want(m, node));
  HT_TRY(emit_wanted(m));
  const char *name = m->graph->node[node].name;
  HT_PB(ret, arena, tensorflow__function_def__control_ret_entry__init);
  HT_TRY(ht_pb_text(arena, &ret->key, "%s", name));
  HT_TRY(ht_pb_text(arena, &ret->value, "%s", name));
  HT_TRY(HT_PB_PUSH(arena, m->def, control_ret, ret));
  return ht_pb_strings(arena, &m->def->signature->n_control_output,
                       &m->def->signature->control_output, name);
}

/* Calls inside have effects too (batch norm averages): control outputs. */
static ht_status add_call_effects(emission *m) {
  for (int i = 0; i < m->graph->n_nodes; i++)
    if (m->seen[i] && m->graph->node[i].application) HT_TRY(add_effect(m, i));
  return HT_SUCCESS;
}

static ht_status user_name(emission *m, int i, const char *name) {
  ht_arena *arena = m->e->arena;
  Tensorflow__FunctionDef__ArgAttrEntry *entry;
  Tensorflow__FunctionDef__ArgAttrs__AttrEntry *attr;
  HT_PB(entry, arena, tensorflow__function_def__arg_attr_entry__init);
  HT_PB(entry->value, arena, tensorflow__function_def__arg_attrs__init);
  HT_PB(attr, arena, tensorflow__function_def__arg_attrs__attr_entry__init);
  HT_PB(attr->value, arena, tensorflow__attr_value__init);
  entry->key = (uint32_t)i;
  HT_TRY(ht_pb_text(arena, &attr->key, "_user_specified_name"));
  attr->value->value_case = TENSORFLOW__ATTR_VALUE__VALUE_S;
  char *text;
  HT_TRY(ht_pb_text(arena, &text, "%s", name));
  attr->value->s = (ProtobufCBinaryData){strlen(text), (uint8_t *)text};
  HT_TRY(HT_PB_PUSH(arena, entry->value, attr, attr));
  return HT_PB_PUSH(arena, m->def, arg_attr, entry);
}

/* Captured arguments of the body come after the explicit ones. */
static ht_status add_arguments(emission *m, const ht_tensor *capture,
                               const char *const *arg_name) {
  const ht_body *body = m->body;
  int explicit = 0;
  for (int i = 0; i < body->n_args; i++) {
    char fallback[24];
    if (capture && capture[i].dtype) continue;
    snprintf(fallback, sizeof fallback, "arg_%d", explicit);
    const char *name = arg_name ? arg_name[explicit] : fallback;
    HT_TRY(add_argument(m, name, ht_graph_dtype(body->graph, body->arg[i]),
                        &m->arg_text[i]));
    HT_TRY(user_name(m, explicit, name));
    explicit ++;
  }
  m->out->n_inputs = explicit;
  for (int i = 0; i < body->n_args; i++)
    if (capture && capture[i].dtype)
      HT_TRY(captured_argument(m, &capture[i], "captured", &m->arg_text[i]));
  return HT_SUCCESS;
}

/* A body that is a function of the module: called as it is. */
static ht_status library_function(ht_emitter *e, const ht_body *body,
                                  const ht_tensor *capture, ht_emitted *f) {
  f->name = body->graph->name;
  for (int i = 0; i < body->n_args; i++) {
    if (!capture || !capture[i].dtype) {
      f->n_inputs++;
      continue;
    }
    HT_GROW(f->captured, f->n_captured, f->captured_capacity, e->arena);
    f->captured[f->n_captured++] = capture[i];
  }
  for (int i = 0; i < body->n_rets; i++) {
    f->ret_name[i] = body->graph->ret_name[i];
    f->ret_type[i] = ht_graph_dtype(body->graph, body->ret[i]);
  }
  return HT_SUCCESS;
}

static ht_status emit_body(emission *m, const ht_tensor *capture,
                           const char *const *arg_name) {
  HT_TRY(add_arguments(m, capture, arg_name));
  for (int i = 0; i < m->body->n_rets; i++) HT_TRY(add_return(m, i));
  for (int i = 0; i < m->body->n_targets; i++)
    HT_TRY(add_effect(m, m->body->target[i]));
  return add_call_effects(m);
}

static ht_status new_function(ht_emitter *e, const char *hint,
                              const ht_body *body, const ht_tensor *capture,
                              const char *const *arg_name, ht_emitted *f) {
  emission m = {.e = e, .body = body, .graph = body->graph, .out = f};
  char *name;
  do {
    HT_TRY(ht_pb_text(e->arena, &name, "__inference_%s_%d", hint, e->serial++));
  } while (ht_map_get(&e->taken, name));
  HT_TRY(ht_map_put(&e->taken, name, e));
  HT_PB(m.def, e->arena, tensorflow__function_def__init);
  HT_PB(m.def->signature, e->arena, tensorflow__op_def__init);
  m.def->signature->name = name;
  m.def->signature->is_stateful = true;
  f->name = name;
  HT_NEW(m.arg_text, e->arena, body->n_args + 1);
  HT_NEW(m.seen, e->arena, body->graph->n_nodes + 1);
  HT_TRY(emit_body(&m, capture, arg_name));
  return HT_PB_PUSH(e->arena, e->library, function, m.def);
}

ht_status ht_emit(ht_emitter *e, const char *hint, const ht_body *body,
                  const ht_tensor *capture, const char *const *arg_name,
                  ht_emitted **out) {
  for (size_t i = 0; i < e->n_done; i++)
    if (e->done[i]->body == body) {
      *out = e->done[i];
      return HT_SUCCESS;
    }
  ht_emitted *f;
  HT_NEW(f, e->arena, 1);
  f->body = body;
  f->n_rets = body->n_rets;
  HT_NEW(f->ret_name, e->arena, body->n_rets + 1);
  HT_NEW(f->ret_type, e->arena, body->n_rets + 1);
  if (body->graph->name)
    HT_TRY(library_function(e, body, capture, f));
  else
    HT_TRY(new_function(e, hint, body, capture, arg_name, f));
  *out = f;
  return ht_pb_push_(e->arena, (void ***)&e->done, &e->n_done, f);
}

ht_status ht_emit_call(ht_emitter *e, const char *name, const ht_emitted *f,
                       int n_in, const ht_dtype *in_type, const char *const *in,
                       const char *const *captured, Tensorflow__NodeDef **out) {
  ht_dtype *type;
  HT_NEW(type, e->arena, n_in + f->n_captured + 1);
  HT_TRY(ht_pb_node(e->arena, "StatefulPartitionedCall", name, out));
  for (int i = 0; i < n_in; i++) {
    type[i] = in_type[i];
    HT_TRY(ht_pb_input(e->arena, *out, in[i]));
  }
  for (int i = 0; i < f->n_captured; i++) {
    type[n_in + i] = f->captured[i].dtype;
    HT_TRY(ht_pb_input(e->arena, *out, captured[i]));
  }
  HT_TRY(ht_pb_attr_types(e->arena, *out, "Tin", n_in + f->n_captured, type));
  HT_TRY(ht_pb_attr_types(e->arena, *out, "Tout", f->n_rets, f->ret_type));
  return ht_pb_attr_func(e->arena, *out, "f", f->name);
}

/* ---- into a graph */

static ht_status start_inline(emission *m, const ht_tensor *capture,
                              const char *const *in) {
  ht_arena *arena = m->e->arena;
  int n = m->graph->n_nodes + 1, explicit = 0;
  HT_NEW(m->arg_text, arena, m->body->n_args + 1);
  HT_NEW(m->seen, arena, n);
  HT_NEW(m->name, arena, n);
  HT_NEW(m->inlined, arena, n);
  HT_NEW(m->effects, arena, n);
  for (int i = 0; i < m->body->n_args; i++) {
    if (!capture || !capture[i].dtype)
      m->arg_text[i] = in[explicit ++];
    else
      HT_TRY(captured_argument(m, &capture[i], "", &m->arg_text[i]));
  }
  return HT_SUCCESS;
}

/* Reads are effects too, for their order, but no updates. */
static bool updates(const ht_node *n) {
  return strstr(n->op_name, "Assign") || strstr(n->op_name, "Scatter") ||
         strstr(n->op_name, "Apply") || strstr(n->op_name, "While") ||
         strstr(n->op_name, "If") || strstr(n->op_name, "Case");
}

static ht_status inline_effect(emission *m, int node) {
  ht_emit_place *p = m->place;
  ht_node *n = &m->graph->node[node];
  HT_TRY(ht_graph_bind(m->graph, node));
  if (put_in_place(m, n)) {
    HT_TRY(inline_call(m, node));
    return emit_wanted(m);
  }
  const char *name;
  HT_TRY(want(m, node));
  HT_TRY(emit_wanted(m));
  HT_TRY(name_of(m, node, &name));
  HT_GROW(p->effect, p->n_effects, p->effect_capacity, m->e->arena);
  p->effect[p->n_effects++] = name;
  if (!updates(n)) return HT_SUCCESS;
  HT_GROW(p->update, p->n_updates, p->update_capacity, m->e->arena);
  p->update[p->n_updates++] = name;
  return HT_SUCCESS;
}

ht_status ht_emit_inline(ht_emitter *e, ht_emit_place *place,
                         const char *prefix, const ht_body *body,
                         const ht_tensor *capture, const char *const *in,
                         const char **out) {
  emission m = {.e = e,
                .body = body,
                .graph = body->graph,
                .place = place,
                .prefix = prefix};
  HT_TRY(start_inline(&m, capture, in));
  for (int i = 0; i < body->n_rets; i++) {
    HT_TRY(ref_text(&m, body->ret[i], true, &out[i]));
    HT_TRY(emit_wanted(&m));
  }
  for (int i = 0; i < body->n_targets; i++)
    HT_TRY(inline_effect(&m, body->target[i]));
  return HT_SUCCESS;
}
