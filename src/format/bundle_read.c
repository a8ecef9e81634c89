/* bundle_read.c - values and checksums of an open bundle. */
#include <stdlib.h>
#include <string.h>

#include "base/parallel.h"
#include "format/bundle_impl.h"
#include "format/crc32c.h"

static bool other_order(const ht_bundle *b) {
  const uint16_t probe = 1;
  bool little = *(const unsigned char *)&probe == 1;
  return b->big == little;
}

bool ht_bundle_direct(const ht_bundle *b, const ht_bundle_entry *e) {
  size_t width = ht_bundle_width(e->dtype);
  return width && !e->n_slices && (width == 1 || !other_order(b));
}

/* ---- checksums */

/* What is wrong with an entry's bytes, or NULL. Runs on any thread. */
static const char *check(const ht_bundle *b, const ht_bundle_entry *e) {
  if (e->n_slices) return NULL;
  if (e->dtype == HT_STRING) return ht_bundle_parse_strings(b, e, NULL);
  if (e->dtype == HT_VARIANT) return ht_bundle_parse_variants(e);
  if (!ht_bundle_width(e->dtype)) return NULL;
  uint32_t crc = ht_crc32c(e->data, e->size);
  return ht_crc32c_unmask(e->crc) == crc ? NULL : "has a wrong checksum";
}

static ht_status complain(const ht_bundle *b, const ht_bundle_entry *e,
                          const char *wrong) {
  const char *key = e->key_n && !e->key[0] ? e->key + 1 : e->key;
  return ht_fail(HT_CORRUPT, "checkpoint '%s': tensor '%s' %s", b->prefix, key,
                 wrong);
}

typedef struct {
  const ht_bundle *bundle;
  const char **wrong; /* per record, tensors before parts */
} verify_job;

/* Larger ones are cut into blocks, one after another. */
enum { LARGE = 4 << 20, GRAIN = 16 };

static const ht_bundle_entry *record_at(const ht_bundle *b, size_t i) {
  size_t n = (size_t)b->n_tensors;
  return i < n ? &b->tensor[i].entry : &b->part[i - n].entry;
}

static void verify_small(size_t from, size_t to, void *arg) {
  verify_job *job = arg;
  for (size_t i = from; i < to; i++) {
    const ht_bundle_entry *e = record_at(job->bundle, i);
    if (e->size < LARGE) job->wrong[i] = check(job->bundle, e);
  }
}

/* A large one: from its file, on all threads. */
static const char *check_large(const ht_bundle *b, size_t i) {
  const ht_bundle_record *r = i < (size_t)b->n_tensors
                                  ? &b->tensor[i]
                                  : &b->part[i - (size_t)b->n_tensors];
  const ht_bundle_entry *e = &r->entry;
  uint32_t crc;
  if (e->n_slices || !ht_bundle_width(e->dtype)) return check(b, e);
  if (!ht_crc32c_file(b->shard[r->shard].map.fd, r->offset, e->size, &crc))
    return "cannot be read";
  return ht_crc32c_unmask(e->crc) == crc ? NULL : "has a wrong checksum";
}

ht_status ht_bundle_verify(const ht_bundle *b) {
  size_t n = (size_t)b->n_tensors + (size_t)b->n_parts;
  verify_job job = {b, calloc(n + 1, sizeof *job.wrong)};
  if (!job.wrong)
    return ht_fail(HT_NO_MEMORY, "no memory for bundle '%s'", b->prefix);
  ht_parallel(n, GRAIN, verify_small, &job);
  ht_status st = HT_SUCCESS;
  for (size_t i = 0; i < n && st.code == HT_OK; i++) {
    const ht_bundle_entry *e = record_at(b, i);
    if (e->size >= LARGE) job.wrong[i] = check_large(b, i);
    if (job.wrong[i]) st = complain(b, e, job.wrong[i]);
  }
  free(job.wrong);
  return st;
}

/* ---- values */

static void swap_elements(unsigned char *p, size_t n, size_t unit) {
  for (unsigned char *end = p + n; p < end; p += unit)
    for (size_t i = 0; i < unit / 2; i++) {
      unsigned char byte = p[i];
      p[i] = p[unit - 1 - i];
      p[unit - 1 - i] = byte;
    }
}

ht_status ht_bundle_read(const ht_bundle *b, const ht_bundle_entry *e,
                         void *to) {
  size_t width = ht_bundle_width(e->dtype), n = (size_t)e->count * width;
  if (!width)
    return ht_fail(HT_UNSUPPORTED,
                   "checkpoint '%s': tensor '%s' has dtype %d, which cannot "
                   "be read",
                   b->prefix, e->key, e->dtype);
  if (e->n_slices > 1) memset(to, 0, n); /* slices could overlap */
  for (int i = 0; i < e->n_slices; i++)
    if (e->slice[i].part->size)
      ht_bundle_slice_copy(e, &e->slice[i], width, HT_SLICE_IN, to,
                           e->slice[i].part->data);
  if (!e->n_slices && n) memcpy(to, e->data, n);
  bool complex = e->dtype == HT_COMPLEX64 || e->dtype == HT_COMPLEX128;
  if (other_order(b)) swap_elements(to, n, complex ? width / 2 : width);
  return HT_SUCCESS;
}

static ht_status join_strings(const ht_bundle *b, const ht_bundle_entry *e,
                              const ht_bundle_slice *slice,
                              ht_bundle_string *to) {
  const ht_bundle_entry *part = slice->part;
  ht_bundle_string *own = calloc((size_t)part->count + 1, sizeof *own);
  if (!own)
    return ht_fail(HT_NO_MEMORY, "no memory for strings of '%s'", e->key);
  const char *wrong = ht_bundle_parse_strings(b, part, own);
  if (!wrong) ht_bundle_slice_copy(e, slice, sizeof *own, HT_SLICE_IN, to, own);
  free(own);
  return wrong ? complain(b, e, wrong) : HT_SUCCESS;
}

ht_status ht_bundle_strings(const ht_bundle *b, const ht_bundle_entry *e,
                            ht_bundle_string *to) {
  if (e->dtype != HT_STRING)
    return ht_fail(HT_USAGE, "checkpoint '%s': tensor '%s' holds no strings",
                   b->prefix, e->key);
  for (int64_t i = 0; i < e->count; i++) to[i] = (ht_bundle_string){"", 0};
  for (int i = 0; i < e->n_slices; i++)
    HT_TRY(join_strings(b, e, &e->slice[i], to));
  if (e->n_slices) return HT_SUCCESS;
  const char *wrong = ht_bundle_parse_strings(b, e, to);
  return wrong ? complain(b, e, wrong) : HT_SUCCESS;
}
