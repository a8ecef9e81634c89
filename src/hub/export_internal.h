/* export_internal.h - inside of the exporters, for src/hub alone. */
#ifndef HT_HUB_EXPORT_INTERNAL_H
#define HT_HUB_EXPORT_INTERNAL_H

#include "base/file.h"
#include "hub/checkpoint_write.h"
#include "hub/emit.h"
#include "hub/export.h"
#include "ops/table.h"

typedef Tensorflow__StructuredValue ht_sv;

/* An asset file of the export. */
typedef struct ht_out_asset {
  const char *path; /* where it is now */
  const char *file; /* in assets/ */
  const char *node; /* of the main graph */
  int object;       /* of the object graph */
} ht_out_asset;

/* A captured value: variable, table, constant or asset path. */
typedef struct ht_out_capture {
  ht_tensor value;
  ht_variable *variable; /* or */
  ht_table *table;
  int asset;        /* -1: none; of a table, the file that fills it */
  const char *node; /* of the main graph: "name" */
  int object;
  const char *create, *initialize, *destroy; /* functions of a table */
} ht_out_capture;

/* A method's functions. */
typedef struct ht_out_method {
  const ht_export_method *method;
  ht_port *input, *output; /* sorted by name, as the functions have them */
  ht_emitted *f[2];        /* inference, training (NULL) */
} ht_out_method;

typedef struct ht_writer {
  ht_arena arena;
  const ht_export *x;
  ht_model **module; /* that it is made of */
  int n_modules;
  ht_emitter e;
  Tensorflow__MetaGraphDef *meta;
  Tensorflow__GraphDef *graph;
  ht_map names; /* of nodes of the main graph */
  ht_out_capture *capture;
  int n_captures, capture_capacity;
  ht_out_asset *asset;
  int n_assets, asset_capacity;
  int captures_written, assets_written; /* that have their nodes */
  ht_out_method call, *signature;
  const ht_body *loss_body; /* those of the graph that is written */
  const ht_tensor *const *loss_capture;
  int n_losses;
  ht_emitted **loss;
  const char **effect; /* nodes of the main graph that update state */
  int n_effects, effect_capacity;
} ht_writer;

/* ---- export_plan.c: functions, captures, names */

/* train: with the losses of training. */
ht_status ht_writer_init(ht_writer *w, const ht_export *x,
                         bool train) HT_MUST_CHECK;
/* A name that no node of the main graph has. */
ht_status ht_writer_name(ht_writer *w, const char *wanted,
                         const char **out) HT_MUST_CHECK;
ht_status ht_writer_add(ht_writer *w, Tensorflow__NodeDef *node) HT_MUST_CHECK;
/* Makes a value a capture unless it is one. */
ht_status ht_writer_capture(ht_writer *w, const ht_tensor *value) HT_MUST_CHECK;
/* Which capture a value is. */
int ht_writer_find(const ht_writer *w, const ht_tensor *value);
/* The nodes of a function's captures, in order. */
ht_status ht_writer_captured(ht_writer *w, const ht_emitted *f,
                             const char ***out) HT_MUST_CHECK;

/* ---- export_graph.c: the main graph */

/* Handles, constants and assets as nodes, those that have none yet. */
ht_status ht_write_captures(ht_writer *w) HT_MUST_CHECK;
/* A node that fills a table. */
ht_status ht_write_table_fill(ht_writer *w, const ht_out_capture *c,
                              const char **node) HT_MUST_CHECK;
/* The placeholder of an input. */
ht_status ht_write_input(ht_writer *w, const char *signature,
                         const ht_port *port, const char **name) HT_MUST_CHECK;
/* The SignatureDef of inputs (nodes) and outputs (tensors). */
ht_status ht_write_signature_def(ht_writer *w, const ht_out_method *m,
                                 const char *const *in, const char *const *out,
                                 const char *method) HT_MUST_CHECK;
/* A signature: placeholders, a call of f, the SignatureDef. */
ht_status ht_write_signature(ht_writer *w, const ht_out_method *m,
                             const ht_emitted *f) HT_MUST_CHECK;
/* The main graph as a place for bodies. */
ht_emit_place ht_writer_place(ht_writer *w);
ht_status ht_write_collection(ht_writer *w, Tensorflow__MetaGraphDef *meta,
                              const char *name,
                              Tensorflow__CollectionDef **out) HT_MUST_CHECK;
/* Copies assets and extras into a staged folder. */
ht_status ht_write_files(ht_writer *w, const char *folder) HT_MUST_CHECK;

/* ---- export_inline.c */

/* All signatures, their bodies as nodes of the graph; train: those for
 * training where there are some. */
ht_status ht_write_signatures_inline(ht_writer *w, bool train) HT_MUST_CHECK;

/* ---- export_tables.c */

/* Functions that make, fill and destroy a table. */
ht_status ht_write_table_functions(ht_writer *w,
                                   ht_out_capture *c) HT_MUST_CHECK;
/* Keys and values of a table, or the file it is read from. */
/* The node that makes a table. */
ht_status ht_table_node(ht_arena *a, const ht_table *t, const char *name,
                        Tensorflow__NodeDef **out) HT_MUST_CHECK;
bool ht_table_has_file(const ht_table *t);

/* ---- export_structure.c */

ht_status ht_sv_none(ht_arena *a, ht_sv **out) HT_MUST_CHECK;
ht_status ht_sv_bool(ht_arena *a, bool v, ht_sv **out) HT_MUST_CHECK;
ht_status ht_sv_string(ht_arena *a, const char *v, ht_sv **out) HT_MUST_CHECK;
ht_status ht_sv_spec(ht_arena *a, const ht_port *port,
                     ht_sv **out) HT_MUST_CHECK;
ht_status ht_sv_sequence(ht_arena *a, bool tuple, int n, ht_sv *const *v,
                         ht_sv **out) HT_MUST_CHECK;
ht_status ht_sv_dict(ht_arena *a, int n, const char *const *key,
                     ht_sv *const *v, ht_sv **out) HT_MUST_CHECK;
/* One port: its spec; several: a dict of them. */
ht_status ht_sv_ports(ht_arena *a, const ht_port *port, int n,
                      ht_sv **out) HT_MUST_CHECK;

/* ---- export_objects.c */

/* The object graph, and the checkpoint's with the keys of the captures. */
ht_status ht_write_objects(ht_writer *w, const char **key,
                           ProtobufCBinaryData *trackable) HT_MUST_CHECK;

#endif
