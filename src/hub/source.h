/*
 * source.h - inside of an open module, for src/hub alone: the unpacked
 * messages and what is found by name in them.
 */
#ifndef HT_HUB_SOURCE_H
#define HT_HUB_SOURCE_H

#include "format/bundle.h"
#include "hub/model.h"
#include "proto/meta_graph.pb-c.h"

typedef Tensorflow__SavedObject ht_saved_object;
typedef Tensorflow__StructuredValue ht_structured;

typedef struct ht_source {
  ht_model *model;
  Tensorflow__SavedModel *saved;
  const Tensorflow__MetaGraphDef *meta;
  const Tensorflow__SavedObjectGraph *objects; /* NULL: TF1 */
  ht_bundle *bundle;                           /* NULL: no variables */
  ht_map node;      /* of the main graph: name -> NodeDef */
  ht_map function;  /* name -> FunctionDef */
  ht_map concrete;  /* name -> SavedConcreteFunction */
  ht_map asset;     /* TF1 and the main graph: node name -> path */
  ht_tensor *value; /* per object: what it is as a capture; HT_INVALID: not
                       yet made, or nothing */
  ht_variable **variable; /* per object, NULL: no variable */
  ht_tensor *owned;       /* tensors of attributes and captures */
  int n_owned, owned_capacity;
  int chain;    /* resources being made, one for the other */
  size_t grown; /* bytes of constants beyond those in the file */
  bool variant; /* messages, checkpoint and state are another model's */
} ht_source;

static inline ht_source *ht_source_of(const ht_model *model) {
  return model->source;
}

/* Keeps a tensor until the model is freed; returns it borrowed. On failure
 * it is dropped. */
ht_status ht_source_keep(ht_source *s, ht_tensor *t) HT_MUST_CHECK;

/* ---- proto_read.c */

/* Reads saved_model.pb of a folder, or says what stands there instead. */
ht_status ht_saved_model_read(const char *folder, ht_arena *arena,
                              Tensorflow__SavedModel **out) HT_MUST_CHECK;

/* Fails where a file of variables/ is a Git LFS pointer. */
ht_status ht_variables_check(const char *folder) HT_MUST_CHECK;

/* ---- convert.c, convert_attr.c */

ht_dtype ht_dtype_of(int type); /* HT_INVALID: one that we lack */
/* Unknown rank where there is none, or more than HT_MAX_RANK. */
ht_shape ht_shape_of_proto(const Tensorflow__TensorShapeProto *shape);
/* Fails with HT_UNSUPPORTED for dtypes without values here. */
ht_status ht_tensor_of_proto(ht_source *s, const Tensorflow__TensorProto *p,
                             ht_tensor *out) HT_MUST_CHECK;
/* Attributes; those that cannot be read are left out. */
ht_status ht_attrs_of_proto(ht_source *s, size_t n,
                            Tensorflow__NodeDef__AttrEntry *const *attr,
                            ht_attrs *out) HT_MUST_CHECK;
/* The attribute of a node, NULL: none. */
const Tensorflow__AttrValue *ht_node_attr(const Tensorflow__NodeDef *node,
                                          const char *name);

/* ---- import.c */

/* The main graph, and the library, which imports when asked. */
ht_status ht_import(ht_source *s) HT_MUST_CHECK;

/* ---- restore.c, slice.c, variables.c, variables_objects.c */

/* Which tensor of the checkpoint a variable node is restored from. */
typedef struct ht_restored {
  const char *key;
  const char *slice; /* as RestoreV2 has it: "" is all */
} ht_restored;

/*
 * What the graph's own restore operation does: names of variable nodes of
 * the main graph -> ht_restored. Empty where there is none.
 */
ht_status ht_restore_map(ht_source *s, ht_map *out) HT_MUST_CHECK;

/* Which tensors of the checkpoint fill a table. */
typedef struct ht_restored_table {
  const char *keys, *values;
} ht_restored_table;

/* The same of tables: names of their nodes -> ht_restored_table. */
ht_status ht_restore_table_map(ht_source *s, ht_map *out) HT_MUST_CHECK;
/* Makes and fills these tables: restore_tables.c. */
ht_status ht_restore_tables(ht_source *s) HT_MUST_CHECK;

/* The value of a variable that is stored whole, from its key. */
ht_status ht_variable_load(ht_source *s, ht_variable *v) HT_MUST_CHECK;
ht_status ht_variables_of_graph(ht_source *s) HT_MUST_CHECK;   /* TF1 */
ht_status ht_variables_of_objects(ht_source *s) HT_MUST_CHECK; /* TF2 */
/* "full dims start,length:-:..." as RestoreV2 has it; fails where it is not
 * that. */
ht_status ht_slice_parse(const char *text, ht_shape *full, int64_t *start,
                         int64_t *length) HT_MUST_CHECK;
/* The piece of a stored tensor, mapped where it is stored on its own. */
ht_status ht_part_read(ht_bundle *bundle, const ht_bundle_entry *e,
                       const ht_variable_part *part, const ht_shape *shape,
                       ht_tensor *out) HT_MUST_CHECK;

/* ---- signature.c */

ht_status ht_signatures(ht_source *s) HT_MUST_CHECK;
const Tensorflow__CollectionDef *ht_collection(const ht_source *s,
                                               const char *name);
ht_status ht_add_callable(ht_source *s, const ht_callable *c) HT_MUST_CHECK;

/* The node of an operation or of one of its outputs: "node", "node:1". */
ht_status ht_node_named(ht_graph *g, const char *text,
                        int *index) HT_MUST_CHECK;

/* ---- structure.c, structure_args.c */

typedef struct ht_ports {
  ht_port *port;
  int n, capacity;
  int n_tensors; /* tensors passed so far, named or not */
  ht_bound_argument *bound;
  int n_bound, bound_capacity;
  bool unknown; /* holds a value of which nobody knows how many tensors */
} ht_ports;

/* Adds the dense tensors of a structured value under a path, in the order in
 * which functions take them; other values as bound ones. */
ht_status ht_structure_ports(ht_arena *arena, const ht_structured *v,
                             const char *path, ht_ports *out) HT_MUST_CHECK;
/* As Python prints it. */
ht_status ht_structure_print(ht_arena *arena, const ht_structured *v,
                             const char **out) HT_MUST_CHECK;
/* The entries of a dict, by their keys in order. */
ht_status ht_structure_fields(ht_arena *arena, const Tensorflow__DictValue *d,
                              ht_ports *out) HT_MUST_CHECK;
/* The dense parts of a value of a composite type. */
ht_status ht_structure_type_spec(ht_arena *arena,
                                 const Tensorflow__TypeSpecProto *p,
                                 const char *path, ht_ports *out) HT_MUST_CHECK;
/* The arguments of a function: its canonical signature by the names that the
 * spec gives. */
ht_status ht_structure_arguments(ht_arena *arena,
                                 const ht_structured *canonical,
                                 const Tensorflow__FunctionSpec *spec,
                                 ht_ports *out) HT_MUST_CHECK;

/* ---- object_graph.c, capture.c */

int ht_object_child(const ht_saved_object *object, const char *name); /* -1 */
const ht_saved_object *ht_object_at(const ht_source *s, int64_t id);
/* The root's callables and those of its sub-objects. */
ht_status ht_object_callables(ht_source *s) HT_MUST_CHECK;
ht_status ht_object_losses(ht_source *s) HT_MUST_CHECK;
/* What an object is as a capture: a handle or a value, made when first asked
 * for; borrowed. */
ht_status ht_object_value(ht_source *s, int id, ht_tensor *out) HT_MUST_CHECK;
/* Imports the function of a callable and makes its captures. */
ht_status ht_function_body(ht_source *s, const char *name, ht_body *body,
                           ht_tensor **capture) HT_MUST_CHECK;
/* Runs a function of the object graph without explicit arguments. */
ht_status ht_source_call(ht_source *s, const char *name, int n_out,
                         ht_tensor *out) HT_MUST_CHECK;

/* ---- tables.c */

ht_status ht_assets(ht_source *s) HT_MUST_CHECK; /* before ht_import */
ht_status ht_tables(ht_source *s) HT_MUST_CHECK;

/* ---- gradients.c: saved custom gradients, after the variables */

ht_status ht_custom_gradients(ht_source *s) HT_MUST_CHECK;
/* Whether a function is the gradient of a saved custom gradient. */
bool ht_source_gradient(const ht_source *s, const char *function);

#endif
