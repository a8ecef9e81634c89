/* list.c - see list.h. */
#include "ops/list.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_ELEMENTS = 1 << 26 };

static void release_list(ht_object *object) {
  ht_list *list = (ht_list *)object;
  for (int64_t i = 0; i < list->n; i++) ht_tensor_drop(&list->element[i]);
  free(list->element);
  free(list);
}

const ht_object_class ht_list_class = {.name = "list of tensors",
                                       .release = release_list};

ht_status ht_list_new(ht_dtype dtype, const ht_shape *shape, int64_t n,
                      ht_list **out) {
  if (n < 0 || n > MAX_ELEMENTS)
    return ht_fail(HT_USAGE, "a list of %lld tensors", (long long)n);
  ht_list *list = calloc(1, sizeof *list);
  if (list) list->element = ht_scratch(n + 1, sizeof *list->element);
  if (!list || !list->element) {
    free(list);
    return ht_fail(HT_NO_MEMORY, "no memory for a list of tensors");
  }
  list->object = (ht_object){&ht_list_class, 1};
  list->dtype = dtype;
  list->shape = *shape;
  list->n = n;
  list->max = -1;
  *out = list;
  return HT_SUCCESS;
}

ht_status ht_list_copy(const ht_list *list, int64_t n, ht_list **out) {
  HT_TRY(ht_list_new(list->dtype, &list->shape, n, out));
  (*out)->max = list->max;
  for (int64_t i = 0; i < n && i < list->n; i++)
    (*out)->element[i] = ht_tensor_share(&list->element[i]);
  return HT_SUCCESS;
}

ht_status ht_list_grow(ht_list *list, int64_t n) {
  if (n <= list->n) return HT_SUCCESS;
  ht_tensor *more = n > MAX_ELEMENTS
                        ? NULL
                        : realloc(list->element, (size_t)n * sizeof *more);
  if (!more) return ht_fail(HT_NO_MEMORY, "no memory for a list of tensors");
  memset(more + list->n, 0, (size_t)(n - list->n) * sizeof *more);
  list->element = more;
  list->n = n;
  return HT_SUCCESS;
}

ht_status ht_list_input(const ht_call *c, int i, const ht_list **out) {
  const ht_tensor *t = c->in[i];
  ht_object *o =
      t->dtype == HT_VARIANT && ht_count(t) == 1 ? ht_obj(t)[0] : NULL;
  if (!o || o->class != &ht_list_class)
    return ht_fail(HT_USAGE, "op '%s' wants a list of tensors", c->op->name);
  *out = (const ht_list *)o;
  return HT_SUCCESS;
}

ht_status ht_list_output(ht_call *c, int i, ht_list *list) {
  ht_status st = ht_out(c, i, HT_VARIANT, &HT_SCALAR);
  if (st.code == HT_OK)
    ht_obj(&c->out[i])[0] = &list->object;
  else
    ht_object_drop(&list->object);
  return st;
}
