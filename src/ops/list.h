/*
 * list.h - a TensorList: what DT_VARIANT values of lists hold. Elements carry
 * their traces, so reading and writing one needs no gradient.
 */
#ifndef HT_OPS_LIST_H
#define HT_OPS_LIST_H

#include "ops/op.h"

typedef struct ht_list {
  ht_object object; /* class ht_list_class */
  ht_dtype dtype;
  ht_shape shape;     /* of an element; -1 and rank -1: unknown */
  int64_t n, max;     /* max: of PushBack, -1: none */
  ht_tensor *element; /* HT_INVALID: not set */
} ht_list;
extern const ht_object_class ht_list_class;

/* A new list of n unset elements. */
ht_status ht_list_new(ht_dtype dtype, const ht_shape *shape, int64_t n,
                      ht_list **out) HT_MUST_CHECK;
/* A copy with room for n elements (shared; unset beyond). */
ht_status ht_list_copy(const ht_list *list, int64_t n,
                       ht_list **out) HT_MUST_CHECK;
/* At least n elements, unset where they are new, in this very list. */
ht_status ht_list_grow(ht_list *list, int64_t n) HT_MUST_CHECK;
/* The list in input i of a call. */
ht_status ht_list_input(const ht_call *c, int i,
                        const ht_list **out) HT_MUST_CHECK;
/* out[i] = the list (takes it over). */
ht_status ht_list_output(ht_call *c, int i, ht_list *list) HT_MUST_CHECK;

/* ---- list_parts.c: recorded on the run's tape */

/* Whether the list may hold t. */
ht_status ht_list_accepts(const ht_list *list,
                          const ht_tensor *t) HT_MUST_CHECK;
/* out[k] = element i, or zeros where it was never set; `declared` adds to
 * what the list knows of their shape (here and below). */
ht_status ht_list_element(ht_call *c, int k, const ht_list *list, int64_t i,
                          const ht_shape *declared) HT_MUST_CHECK;
/* out[0] = the elements at `index` (NULL: all) along a new first axis. */
ht_status ht_list_stack(ht_call *c, const ht_list *list, const ht_tensor *index,
                        const ht_shape *declared) HT_MUST_CHECK;
/* out[0] = all elements along their first axis, out[1] = how long each is. */
ht_status ht_list_concat(ht_call *c, const ht_list *list) HT_MUST_CHECK;
/* Fills a list of unset elements with pieces of t: its rows, or with `rows`
 * as many rows of it as that says for each. */
ht_status ht_list_cut(ht_call *c, const ht_tensor *t, ht_list *list,
                      const int64_t *rows) HT_MUST_CHECK;
/* Whether input `lengths` cuts all rows of input `value`. */
ht_status ht_list_lengths(const ht_call *c, int value,
                          int lengths) HT_MUST_CHECK;
/* Row i of t becomes element index[i]. */
ht_status ht_list_scatter(ht_call *c, const ht_tensor *t,
                          const ht_tensor *index, ht_list *to) HT_MUST_CHECK;

#endif
