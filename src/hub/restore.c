/*
 * restore.c - what a graph's own restore operation assigns: from variable
 * nodes to keys of the checkpoint. The names of both may differ (moving
 * averages, TF2), so the graph is the one to ask.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "hub/source.h"

enum { MAX_HOPS = 16 };

typedef Tensorflow__NodeDef node_def;

/* The node that a reference names, and the number at its end. */
static const node_def *node_of(const ht_map *nodes, const char *ref,
                               int64_t *index) {
  char name[4096];
  if (*ref == '^') ref++;
  size_t n = strcspn(ref, ":");
  if (n >= sizeof name) return NULL;
  memcpy(name, ref, n);
  name[n] = 0;
  const char *last = strrchr(ref, ':');
  if (index && !(last && ht_parse_int(last + 1, index))) *index = 0;
  return ht_map_get(nodes, name);
}

static bool passes_on(const char *op) {
  return strcmp(op, "Identity") == 0 || strcmp(op, "Reshape") == 0 ||
         strcmp(op, "ReadVariableOp") == 0 || strcmp(op, "Cast") == 0;
}

/* Follows Identity and the like back to what made a value. */
static const node_def *origin(const ht_map *nodes, const char *ref,
                              int64_t *index) {
  const node_def *n = node_of(nodes, ref, index);
  for (int i = 0; n && i < MAX_HOPS && passes_on(n->op) && n->n_input; i++)
    n = node_of(nodes, n->input[0], index);
  return n;
}

/* String i of a constant, NULL where it is none. */
static const char *constant_at(ht_arena *arena, const ht_map *nodes,
                               const char *ref, int64_t i) {
  const node_def *n = origin(nodes, ref, NULL);
  const Tensorflow__AttrValue *v = n ? ht_node_attr(n, "value") : NULL;
  if (!v || v->value_case != TENSORFLOW__ATTR_VALUE__VALUE_TENSOR || i < 0 ||
      !v->tensor->n_string_val)
    return NULL;
  size_t last = v->tensor->n_string_val - 1;
  size_t at = (size_t)i < last ? (size_t)i : last;
  const ProtobufCBinaryData *b = &v->tensor->string_val[at];
  return ht_arena_bytes(arena, b->data, b->len);
}

static bool is_assign(const char *op) {
  return strcmp(op, "Assign") == 0 || strcmp(op, "AssignVariableOp") == 0;
}

/* An assignment of a restored tensor: notes it under the name of whatever
 * holds the variable. */
static ht_status note_assign(ht_source *s, const ht_map *nodes,
                             const node_def *n, ht_map *out) {
  ht_arena *arena = &s->model->arena;
  if (!is_assign(n->op) || n->n_input < 2) return HT_SUCCESS;
  int64_t index = 0;
  const node_def *from = origin(nodes, n->input[1], &index);
  if (!from || strcmp(from->op, "RestoreV2") != 0 || from->n_input < 3)
    return HT_SUCCESS;
  ht_restored *r;
  HT_NEW(r, arena, 1);
  r->key = constant_at(arena, nodes, from->input[1], index);
  r->slice = constant_at(arena, nodes, from->input[2], index);
  size_t length = strcspn(n->input[0], ":");
  const char *name = ht_arena_bytes(arena, n->input[0], length);
  if (!name) return ht_fail(HT_NO_MEMORY, "no memory for a variable's name");
  return r->key && r->slice ? ht_map_put(out, name, r) : HT_SUCCESS;
}

static bool is_import(const char *op) {
  return strcmp(op, "LookupTableImportV2") == 0 ||
         strcmp(op, "LookupTableImport") == 0;
}

/* An import of restored keys and values: notes it under the table's name. */
static ht_status note_import(ht_source *s, const ht_map *nodes,
                             const node_def *n, ht_map *out) {
  ht_arena *arena = &s->model->arena;
  const char *key[2];
  if (!is_import(n->op) || n->n_input < 3) return HT_SUCCESS;
  for (int i = 0; i < 2; i++) {
    int64_t index = 0;
    const node_def *from = origin(nodes, n->input[1 + i], &index);
    if (!from || strcmp(from->op, "RestoreV2") != 0 || from->n_input < 3)
      return HT_SUCCESS;
    key[i] = constant_at(arena, nodes, from->input[1], index);
    if (!key[i]) return HT_SUCCESS;
  }
  ht_restored_table *r;
  HT_NEW(r, arena, 1);
  *r = (ht_restored_table){.keys = key[0], .values = key[1]};
  const char *name =
      ht_arena_bytes(arena, n->input[0], strcspn(n->input[0], ":"));
  if (!name) return ht_fail(HT_NO_MEMORY, "no memory for a table's name");
  return ht_map_put(out, name, r);
}

typedef ht_status note_fn(ht_source *s, const ht_map *nodes, const node_def *n,
                          ht_map *out);

/* ---- in the main graph: all that the operation depends on */

typedef struct stack {
  const node_def **p;
  int n, capacity;
} stack;

static ht_status push(ht_arena *arena, ht_map *seen, stack *st,
                      const node_def *n) {
  if (!n || ht_map_get(seen, n->name)) return HT_SUCCESS;
  HT_TRY(ht_map_put(seen, n->name, (void *)n));
  HT_GROW(st->p, st->n, st->capacity, arena);
  st->p[st->n++] = n;
  return HT_SUCCESS;
}

static ht_status walk_graph(ht_source *s, const node_def *root, note_fn *note,
                            ht_arena *arena, ht_map *out) {
  ht_map seen = {.arena = arena};
  stack todo = {0};
  HT_TRY(push(arena, &seen, &todo, root));
  while (todo.n) {
    const node_def *n = todo.p[--todo.n];
    HT_TRY(note(s, &s->node, n, out));
    for (size_t i = 0; i < n->n_input; i++)
      HT_TRY(push(arena, &seen, &todo, node_of(&s->node, n->input[i], NULL)));
  }
  return HT_SUCCESS;
}

/* ---- in a function that the operation calls */

static const Tensorflow__FunctionDef *called(const ht_source *s,
                                             const node_def *n) {
  const Tensorflow__AttrValue *f = ht_node_attr(n, "f");
  bool call = strstr(n->op, "PartitionedCall") && f &&
              f->value_case == TENSORFLOW__ATTR_VALUE__VALUE_FUNC;
  return call ? ht_map_get(&s->function, f->func->name) : NULL;
}

static ht_status walk_function(ht_source *s, const node_def *call,
                               const Tensorflow__FunctionDef *f, note_fn *note,
                               ht_arena *arena, ht_map *out) {
  ht_map nodes = {.arena = arena}, by_arg = {.arena = arena};
  for (size_t i = 0; i < f->n_node_def; i++)
    HT_TRY(ht_map_put(&nodes, f->node_def[i]->name, f->node_def[i]));
  for (size_t i = 0; i < f->n_node_def; i++)
    HT_TRY(note(s, &nodes, f->node_def[i], &by_arg));
  size_t n = f->signature->n_input_arg;
  for (size_t i = 0; i < n && i < call->n_input; i++) {
    void *r = ht_map_get(&by_arg, f->signature->input_arg[i]->name);
    const node_def *variable = origin(&s->node, call->input[i], NULL);
    if (r && variable) HT_TRY(ht_map_put(out, variable->name, r));
  }
  return HT_SUCCESS;
}

static ht_status walk(ht_source *s, note_fn *note, ht_map *out) {
  *out = (ht_map){.arena = &s->model->arena};
  const Tensorflow__SaverDef *saver = s->meta->saver_def;
  const node_def *root =
      saver ? node_of(&s->node, saver->restore_op_name, NULL) : NULL;
  if (!root) return HT_SUCCESS;
  const Tensorflow__FunctionDef *f = called(s, root);
  ht_arena scratch = {0};
  ht_status st = f ? walk_function(s, root, f, note, &scratch, out)
                   : walk_graph(s, root, note, &scratch, out);
  ht_arena_free(&scratch);
  return st;
}

ht_status ht_restore_map(ht_source *s, ht_map *out) {
  return walk(s, note_assign, out);
}

ht_status ht_restore_table_map(ht_source *s, ht_map *out) {
  return walk(s, note_import, out);
}
