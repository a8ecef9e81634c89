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
/* The list in input i of a call. */
ht_status ht_list_input(const ht_call *c, int i,
                        const ht_list **out) HT_MUST_CHECK;
/* out[i] = the list (takes it over). */
ht_status ht_list_output(ht_call *c, int i, ht_list *list) HT_MUST_CHECK;

#endif
