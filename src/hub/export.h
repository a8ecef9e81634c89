/*
 * export.h - modules out: the same graph with new weights, or what was built
 * around a module, as TF2 SavedModel or in the TF1 Hub format.
 *
 * Everything is built beside its target, opened again where the caller asks
 * for it, and renamed into place.
 */
#ifndef HT_HUB_EXPORT_H
#define HT_HUB_EXPORT_H

#include "graph/builder.h"
#include "hub/model.h"

/* One way to call what is written: __call__, or a signature. Bodies stand in
 * the builder's graph; ports are in the order of their arguments and
 * returns. */
typedef struct ht_export_method {
  const char *name;
  const char *method; /* of the signature; NULL: TF Serving's predict */
  const ht_port *input, *output;
  int n_inputs, n_outputs;
  ht_body inference;
  ht_body training; /* graph NULL: none of its own */
} ht_export_method;

/* A file that is written into assets.extra/ (labels, ...). */
typedef struct ht_export_extra {
  const char *name;
  const void *data;
  size_t n;
} ht_export_extra;

typedef struct ht_export {
  ht_model *model;     /* whose functions, assets and version are taken over */
  ht_builder *builder; /* in whose graph the bodies stand */
  const char *tags;    /* of the TF1 graph; NULL: none */
  const ht_attachment *attachment; /* NULL: those of the model */
  int n_attachments;
  const ht_export_method *call; /* NULL: none */
  const ht_export_method *signature;
  int n_signatures;
  ht_variable *const *variable; /* all that belong to it, in order */
  int n_variables;
  const ht_body *loss; /* regularization: no arguments, one scalar */
  const ht_tensor *const *loss_capture; /* of each body; NULL: none has any */
  int n_losses;
  const ht_model *training; /* the graph whose losses training has instead;
                               NULL: it has the same */
  const ht_export_extra *extra;
  int n_extras;
  const struct ht_export *graph; /* all that are written together, this one
                                    among them; NULL: it alone */
  int n_graphs;
} ht_export;

/* Writes a folder that must not exist yet (unless `replace`). */
ht_status ht_export_saved_model(const ht_export *x, const char *out,
                                bool replace) HT_MUST_CHECK;
ht_status ht_export_hub1(const ht_export *x, const char *out,
                         bool replace) HT_MUST_CHECK;
/* A TF1 module of n graphs over the same variables; their `graph` is filled
 * in. */
ht_status ht_export_graphs(ht_export *x, int n, const char *out) HT_MUST_CHECK;

/*
 * The module alone: in its own format a copy of all its files with new
 * weights, so that every signature, variant, table, asset and attachment
 * survives; in the other format, each signature (and __call__) converted.
 * Of a joined model each module, in a folder of its name.
 */
ht_status ht_export_module(ht_model *model, const char *out, bool hub1,
                           bool replace) HT_MUST_CHECK;

#endif
