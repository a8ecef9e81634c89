/* checkpoint_read.c - see checkpoint_read.h. */
#include "hub/checkpoint_read.h"

_Static_assert(sizeof(ht_string) == sizeof(ht_bundle_string) &&
                   offsetof(ht_string, n) == offsetof(ht_bundle_string, n),
               "strings are filled in place");

ht_status ht_checkpoint_open(const char *prefix, ht_bundle **out) {
  HT_TRY(ht_bundle_open(prefix, out));
  ht_status st = ht_bundle_verify(*out);
  if (st.code != HT_OK) {
    ht_bundle_close(*out);
    *out = NULL;
  }
  return st;
}

static void release(void *bundle) { ht_bundle_close(bundle); }

static ht_status wrap(ht_bundle *b, void *data, size_t n, ht_buffer **out) {
  HT_TRY(ht_buffer_wrap(data, n, release, b, out));
  ht_bundle_share(b);
  return HT_SUCCESS;
}

static ht_status read_strings(ht_bundle *b, const ht_bundle_entry *e,
                              ht_tensor *out) {
  ht_tensor mapping = {.dtype = HT_UINT8};
  HT_TRY(wrap(b, NULL, 0, &mapping.buffer));
  ht_status st = ht_string_keep(out, &mapping);
  ht_tensor_drop(&mapping);
  HT_TRY(st);
  return ht_bundle_strings(b, e, out->data);
}

static ht_status read_value(ht_bundle *b, const ht_bundle_entry *e,
                            ht_tensor *out) {
  if (!e->count) return HT_SUCCESS;
  if (e->dtype == HT_STRING) return read_strings(b, e, out);
  return ht_bundle_read(b, e, out->data);
}

/* The mapping itself, where its place is a multiple of the unit that the
 * processor reads. */
static bool mappable(const ht_bundle *b, const ht_bundle_entry *e) {
  size_t width = ht_bundle_width(e->dtype);
  return e->count && ht_bundle_direct(b, e) && (uintptr_t)e->data % width == 0;
}

ht_status ht_checkpoint_tensor(ht_bundle *b, const ht_bundle_entry *e,
                               ht_tensor *out) {
  ht_dtype dtype = (ht_dtype)e->dtype;
  size_t size = ht_dtype_size(dtype);
  *out = (ht_tensor){0};
  if (!size || dtype == HT_RESOURCE || dtype == HT_VARIANT)
    return ht_fail(HT_UNSUPPORTED,
                   "checkpoint '%s': tensor '%s' has dtype %d, "
                   "which cannot be read",
                   ht_bundle_prefix(b), e->key, e->dtype);
  if (e->rank > HT_MAX_RANK)
    return ht_fail(HT_UNSUPPORTED,
                   "checkpoint '%s': tensor '%s' has %d dimensions, at most %d "
                   "can be read",
                   ht_bundle_prefix(b), e->key, e->rank, HT_MAX_RANK);
  ht_shape shape = ht_shape_of(e->rank, e->dim);
  if (mappable(b, e)) {
    *out = (ht_tensor){.dtype = dtype, .shape = shape, .data = e->data};
    return wrap(b, e->data, e->size, &out->buffer);
  }
  HT_TRY(ht_tensor_new(NULL, dtype, &shape, out));
  ht_status st = read_value(b, e, out);
  if (st.code != HT_OK) ht_tensor_drop(out);
  return st;
}

ht_status ht_checkpoint_read(ht_bundle *b, const char *key, ht_tensor *out) {
  const ht_bundle_entry *e = ht_bundle_find(b, key);
  if (!e)
    return ht_fail(HT_CORRUPT, "checkpoint '%s' has no tensor '%s'",
                   ht_bundle_prefix(b), key);
  return ht_checkpoint_tensor(b, e, out);
}
