/*
 * variable.h - state of a model: variables and whatever else a handle can
 * name, found by name in a store.
 */
#ifndef HT_TENSOR_VARIABLE_H
#define HT_TENSOR_VARIABLE_H

#include "base/map.h"
#include "tensor/tensor.h"

typedef struct ht_variable ht_variable;

/*
 * What an optimizer with lazily updated rows installs on a variable (see
 * optim/rows.h): row readers must go through it, whole readers too.
 */
typedef struct ht_row_source {
  void *state;
  /* Brings the rows up to date in place, before a training step reads them;
   * ids are in range. */
  ht_status (*touch)(void *state, ht_variable *v, const ht_tensor *ids);
  /* An up-to-date copy of the rows (out: [count(ids), row...]) for readers
   * that must change nothing. */
  ht_status (*copy_rows)(void *state, const ht_variable *v,
                         const ht_tensor *ids, ht_tensor *out);
  /* The whole value, up to date, as a copy where anything was pending. */
  ht_status (*copy_all)(void *state, const ht_variable *v, ht_tensor *out);
} ht_row_source;

/*
 * A variable. Assignments of a training step are staged: later reads in the
 * step see them, and commit or drop ends them (ht_store_commit, _rollback).
 */
struct ht_variable {
  ht_object object; /* class ht_variable_class */
  const char *key;  /* in the checkpoint; NULL: not stored there */
  const char *name; /* without ":0" */
  const char *scope; /* "text/": put before both in what several modules share
                        (checkpoints of trainings); NULL: alone */
  ht_dtype dtype;
  ht_shape shape;            /* declared; dims may be -1 */
  bool trainable;            /* as the module says */
  bool tuned;                /* in the trainable set of this training */
  bool changed;              /* differs from the checkpoint it came from */
  ht_tensor value;           /* HT_INVALID: not initialised */
  ht_tensor staged;          /* HT_INVALID: nothing staged */
  const ht_row_source *rows; /* NULL: the value is simply current */
  ht_variable *twin; /* whose value this one has wherever the module is
                        written; NULL: its own */
};
extern const ht_object_class ht_variable_class;

/*
 * The state of one model (or of several joined): resources by their shared
 * name. It owns a reference of each.
 */
typedef struct ht_store {
  ht_arena arena;
  ht_map by_name; /* shared name -> ht_object */
  ht_variable **variable;
  int n_variables, capacity;
} ht_store;

void ht_store_init(ht_store *store);
void ht_store_free(ht_store *store);

/* A new variable in the store; name and key are copied. */
ht_status ht_store_add_variable(ht_store *store, const char *shared_name,
                                const char *key, ht_dtype dtype,
                                const ht_shape *shape,
                                ht_variable **out) HT_MUST_CHECK;
/* Any other resource under a name; the store takes over the reference. */
ht_status ht_store_put(ht_store *store, const char *shared_name,
                       ht_object *object) HT_MUST_CHECK;
/* Puts every resource of `from` into `to` that has nothing under its name
 * with `scope` before it: the same objects, one reference more. */
ht_status ht_store_share(ht_store *to, const ht_store *from,
                         const char *scope) HT_MUST_CHECK;
ht_object *ht_store_find(const ht_store *store, const char *shared_name);
ht_variable *ht_store_variable(const ht_store *store, const char *key);

/* Ends a step: staged values become values, or are forgotten. */
void ht_store_commit(ht_store *store);
void ht_store_rollback(ht_store *store);

/* The current value (staged before committed), one reference more. Fails
 * where the variable was never initialised. */
ht_status ht_variable_read(const ht_variable *v, ht_tensor *out) HT_MUST_CHECK;
/* The value that will be saved: committed, lazily updated rows included. */
ht_status ht_variable_final(const ht_variable *v, ht_tensor *out) HT_MUST_CHECK;
/* Takes over `value` as the committed (or, if stage, the staged) value. */
ht_status ht_variable_assign(ht_variable *v, ht_tensor *value,
                             bool stage) HT_MUST_CHECK;

#endif
