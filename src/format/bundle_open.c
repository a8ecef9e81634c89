/* bundle_open.c - opening a bundle: the index, the data files, and the checks
 * that every entry lies where it says. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "format/bundle_impl.h"
#include "format/lfs.h"
#include "format/sstable.h"
#include "proto/bundle.pb-c.h"

/* A bundle of more data files than this is damaged. */
enum { MAX_SHARDS = 99999, MESSAGE_MAX = 64 << 20 };

int ht_bundle_compare(const char *a, size_t a_n, const char *b, size_t b_n) {
  int order = memcmp(a, b, a_n < b_n ? a_n : b_n);
  return order ? order : (a_n > b_n) - (a_n < b_n);
}

size_t ht_bundle_width(int dtype) {
  static const unsigned char width[] = {
      [HT_FLOAT] = 4,     [HT_DOUBLE] = 8, [HT_INT32] = 4,
      [HT_UINT8] = 1,     [HT_INT16] = 2,  [HT_INT8] = 1,
      [HT_COMPLEX64] = 8, [HT_INT64] = 8,  [HT_BOOL] = 1,
      [11] = 1,           [12] = 1,        [13] = 4, /* quantised integers */
      [HT_BFLOAT16] = 2,  [15] = 2,        [16] = 2,
      [HT_UINT16] = 2,    [HT_HALF] = 2,   [HT_COMPLEX128] = 16,
      [HT_UINT32] = 4,    [HT_UINT64] = 8, [24] = 1, /* float8, int4: a byte */
      [25] = 1,           [29] = 1,        [30] = 1,
  };
  return dtype > 0 && dtype < (int)sizeof width ? width[dtype] : 0;
}

/* ---- messages in an arena */

static void *take(void *arena, size_t n) { return ht_alloc(arena, n, 1); }
static void leave(void *arena, void *p) { (void)arena, (void)p; }

static void *unpack(const ProtobufCMessageDescriptor *type, ht_arena *arena,
                    const char *p, size_t n) {
  ProtobufCAllocator in_arena = {take, leave, arena};
  arena->max = MESSAGE_MAX;
  return protobuf_c_message_unpack(type, &in_arena, n, (const uint8_t *)p);
}

static ht_status no_memory(const ht_bundle *b) {
  return ht_fail(HT_NO_MEMORY, "no memory for bundle '%s'", b->prefix);
}

static ht_status read_header(ht_bundle *b, const char *value, size_t n) {
  ht_arena arena = {0};
  const Tensorflow__BundleHeaderProto *m =
      unpack(&tensorflow__bundle_header_proto__descriptor, &arena, value, n);
  ht_status st = HT_SUCCESS;
  if (!m) {
    st = ht_fail(HT_CORRUPT, "its header is damaged");
  } else if (m->version && m->version->min_consumer > 1) {
    st = ht_fail(HT_UNSUPPORTED, "it needs a reader of version %d, not 1",
                 m->version->min_consumer);
  } else if (m->num_shards < 1 || m->num_shards > MAX_SHARDS) {
    st = ht_fail(HT_CORRUPT, "its header names %d data files", m->num_shards);
  } else {
    b->header = true;
    b->n_shards = m->num_shards;
    b->big = m->endianness == TENSORFLOW__BUNDLE_HEADER_PROTO__ENDIANNESS__BIG;
  }
  ht_arena_free(&arena);
  return st;
}

/* ---- entries */

static ht_status copy_shape(ht_bundle *b, ht_bundle_entry *e,
                            const Tensorflow__TensorShapeProto *shape) {
  size_t rank = shape ? shape->n_dim : 0;
  if (rank > HT_BUNDLE_MAX_RANK || (shape && shape->unknown_rank))
    return ht_fail(HT_CORRUPT, "the shape of '%s' is damaged", e->key);
  int64_t *dim;
  HT_NEW(dim, &b->arena, rank + 1);
  for (size_t i = 0; i < rank; i++) dim[i] = shape->dim[i]->size;
  e->rank = (int)rank;
  e->dim = dim;
  if (!ht_bundle_elements(e->rank, dim, &e->count))
    return ht_fail(HT_CORRUPT, "the shape of '%s' is damaged", e->key);
  return HT_SUCCESS;
}

static bool slice_fits(const ht_bundle_entry *e, int64_t start, int64_t length,
                       int d) {
  return length == -1 || (start >= 0 && length >= 0 && start <= e->dim[d] &&
                          length <= e->dim[d] - start);
}

static ht_status copy_slice(ht_bundle *b, const ht_bundle_entry *e,
                            const Tensorflow__TensorSliceProto *from,
                            ht_bundle_slice *slice) {
  int64_t *place;
  if (from->n_extent != (size_t)e->rank)
    return ht_fail(HT_CORRUPT, "a slice of '%s' has rank %zu, not %d", e->key,
                   from->n_extent, e->rank);
  HT_NEW(place, &b->arena, 2 * (size_t)e->rank + 1);
  for (int d = 0; d < e->rank; d++) {
    bool all = from->extent[d]->has_length_case == 0;
    place[d] = all ? 0 : from->extent[d]->start;
    place[e->rank + d] = all ? -1 : from->extent[d]->length;
    if (!slice_fits(e, place[d], place[e->rank + d], d))
      return ht_fail(HT_CORRUPT, "a slice of '%s' lies outside it", e->key);
  }
  *slice = (ht_bundle_slice){place, place + e->rank, NULL};
  return HT_SUCCESS;
}

static ht_status copy_entry(ht_bundle *b, ht_bundle_record *r,
                            const Tensorflow__BundleEntryProto *m) {
  ht_bundle_entry *e = &r->entry;
  ht_bundle_slice *slice;
  if (m->size < 0 || m->offset < 0)
    return ht_fail(HT_CORRUPT, "the place of '%s' is damaged", e->key);
  e->dtype = (int)m->dtype;
  e->size = (size_t)m->size;
  e->crc = m->crc32c;
  r->shard = m->shard_id;
  r->offset = m->offset;
  HT_TRY(copy_shape(b, e, m->shape));
  if (m->n_slices > INT32_MAX)
    return ht_fail(HT_CORRUPT, "the slices of '%s' are damaged", e->key);
  HT_NEW(slice, &b->arena, m->n_slices + 1);
  for (size_t i = 0; i < m->n_slices; i++)
    HT_TRY(copy_slice(b, e, m->slices[i], &slice[i]));
  e->slice = slice;
  e->n_slices = (int)m->n_slices;
  return HT_SUCCESS;
}

static ht_status add_record(ht_bundle *b, const char *key, size_t key_n,
                            ht_bundle_record **out) {
  bool part = key[0] == 0;
  if (!part && memchr(key, 0, key_n))
    return ht_fail(HT_CORRUPT, "the key '%s...' has a NUL in it", key);
  if (part)
    HT_GROW(b->part, b->n_parts, b->part_capacity, &b->arena);
  else
    HT_GROW(b->tensor, b->n_tensors, b->tensor_capacity, &b->arena);
  *out = part ? &b->part[b->n_parts++] : &b->tensor[b->n_tensors++];
  char *copy = ht_arena_bytes(&b->arena, key, key_n);
  if (!copy) return no_memory(b);
  **out = (ht_bundle_record){.entry = {.key = copy, .key_n = key_n}};
  return HT_SUCCESS;
}

static ht_status add_entry(void *arg, const char *key, size_t key_n,
                           const char *value, size_t value_n) {
  ht_bundle *b = arg;
  ht_bundle_record *r = NULL;
  if (!key_n) return read_header(b, value, value_n);
  if (!b->header) return ht_fail(HT_CORRUPT, "its header is missing");
  HT_TRY(add_record(b, key, key_n, &r));
  ht_arena arena = {0};
  const Tensorflow__BundleEntryProto *m = unpack(
      &tensorflow__bundle_entry_proto__descriptor, &arena, value, value_n);
  ht_status st =
      m ? copy_entry(b, r, m)
        : ht_fail(HT_CORRUPT, "the entry of '%s' is damaged", r->entry.key);
  ht_arena_free(&arena);
  return st;
}

/* ---- data files */

static ht_status open_shard(ht_bundle *b, ht_bundle_shard *s, int i) {
  if (s->used) return HT_SUCCESS;
  s->path = ht_arena_printf(&b->arena, "%s.data-%05d-of-%05d", b->prefix, i,
                            b->n_shards);
  if (!s->path) return no_memory(b);
  HT_TRY(ht_file_map(s->path, &s->map));
  s->used = true;
  return s->map.n ? ht_lfs_check(s->path, s->map.data, s->map.n) : HT_SUCCESS;
}

/* Whether `size` bytes can hold the elements. Entries of dtypes that cannot
 * be read may still be copied. */
static ht_status check_size(const ht_bundle_entry *e) {
  size_t width = ht_bundle_width(e->dtype), want;
  if (width) {
    if (__builtin_mul_overflow((size_t)e->count, width, &want) ||
        want != e->size)
      return ht_fail(HT_CORRUPT,
                     "tensor '%s' has %zu bytes, %" PRId64 " elements of %zu",
                     e->key, e->size, e->count, width);
  } else if (e->dtype == HT_STRING && (uint64_t)e->count > e->size) {
    return ht_fail(HT_CORRUPT, "tensor '%s' has fewer bytes than elements",
                   e->key);
  }
  return HT_SUCCESS;
}

static ht_status place_record(ht_bundle *b, ht_bundle_record *r) {
  ht_bundle_entry *e = &r->entry;
  if (e->n_slices) return HT_SUCCESS;
  HT_TRY(check_size(e));
  if (r->shard < 0 || r->shard >= b->n_shards)
    return ht_fail(HT_CORRUPT,
                   "tensor '%s' lies in data file %" PRId64 " of %d", e->key,
                   r->shard, b->n_shards);
  ht_bundle_shard *s = &b->shard[r->shard];
  HT_TRY(open_shard(b, s, (int)r->shard));
  if ((uint64_t)r->offset > s->map.n || e->size > s->map.n - (size_t)r->offset)
    return ht_fail(HT_CORRUPT,
                   "'%s' is cut short: tensor '%s' ends at byte %" PRIu64
                   " of %zu",
                   s->path, e->key, (uint64_t)r->offset + e->size, s->map.n);
  if (s->map.data) e->data = (unsigned char *)s->map.data + r->offset;
  return HT_SUCCESS;
}

/* ---- partitioned tensors */

static int by_key(const void *a, const void *b) {
  const ht_bundle_entry *x = a, *y = b;
  return ht_bundle_compare(x->key, x->key_n, y->key, y->key_n);
}

static const ht_bundle_entry *find_in(const ht_bundle_record *record, int n,
                                      const char *key, size_t key_n) {
  ht_bundle_record wanted = {.entry = {.key = key, .key_n = key_n}};
  return n ? bsearch(&wanted, record, (size_t)n, sizeof *record, by_key) : NULL;
}

static ht_status check_part(const ht_bundle_entry *e,
                            const ht_bundle_slice *slice) {
  const ht_bundle_entry *part = slice->part;
  if (!part || part->n_slices)
    return ht_fail(HT_CORRUPT, "a slice of '%s' is missing", e->key);
  bool same = part->dtype == e->dtype && part->rank == e->rank;
  for (int d = 0; same && d < e->rank; d++)
    same = part->dim[d] == ht_bundle_extent(e, slice, d);
  if (same) return HT_SUCCESS;
  return ht_fail(HT_CORRUPT, "a slice of '%s' has another shape", e->key);
}

/* Finds the parts; together they must have as many elements as the whole. */
static ht_status join_slices(ht_bundle *b, ht_bundle_entry *e) {
  int64_t covered = 0;
  for (int i = 0; i < e->n_slices; i++) {
    ht_bundle_slice *slice = (ht_bundle_slice *)&e->slice[i];
    ht_text key = {0};
    ht_bundle_part_key(&key, e, slice);
    ht_status st = ht_text_check(&key);
    if (st.code == HT_OK)
      slice->part = find_in(b->part, b->n_parts, key.p, key.n);
    ht_text_free(&key);
    HT_TRY(st);
    HT_TRY(check_part(e, slice));
    if (__builtin_add_overflow(covered, slice->part->count, &covered)) break;
  }
  if (e->n_slices && covered != e->count)
    return ht_fail(HT_CORRUPT, "the slices of '%s' do not make it up", e->key);
  return HT_SUCCESS;
}

/* ---- the whole */

static ht_status read_index(ht_bundle *b, const char *path) {
  ht_mapping index;
  if (!ht_path_exists(path) && ht_path_exists(b->prefix))
    return ht_fail(HT_UNSUPPORTED,
                   "'%s' is a checkpoint of TensorFlow's first format",
                   b->prefix);
  HT_TRY(ht_file_map(path, &index));
  const void *data = index.data ? index.data : "";
  ht_status st = ht_lfs_check(path, data, index.n);
  if (st.code == HT_OK)
    st = ht_within(ht_sstable_walk(data, index.n, add_entry, b),
                   "checkpoint index '%s'", path);
  if (st.code == HT_OK && !b->header)
    st = ht_fail(HT_CORRUPT, "checkpoint index '%s' is empty", path);
  ht_file_unmap(&index);
  return st;
}

static ht_status place_all(ht_bundle *b) {
  HT_NEW(b->shard, &b->arena, b->n_shards);
  for (int i = 0; i < b->n_tensors; i++) HT_TRY(place_record(b, &b->tensor[i]));
  for (int i = 0; i < b->n_parts; i++)
    HT_TRY(ht_within(place_record(b, &b->part[i]), "a part of '%s'",
                     b->part[i].entry.key + 1));
  for (int i = 0; i < b->n_tensors; i++)
    HT_TRY(join_slices(b, &b->tensor[i].entry));
  return HT_SUCCESS;
}

static ht_status open_at(ht_bundle *b, const char *prefix) {
  b->prefix = ht_arena_string(&b->arena, prefix);
  char *path = ht_arena_printf(&b->arena, "%s.index", prefix);
  if (!b->prefix || !path)
    return ht_fail(HT_NO_MEMORY, "no memory for bundle '%s'", prefix);
  HT_TRY(read_index(b, path));
  return ht_within(place_all(b), "checkpoint '%s'", prefix);
}

ht_status ht_bundle_open(const char *prefix, ht_bundle **out) {
  ht_bundle *b = calloc(1, sizeof *b);
  *out = NULL;
  if (!b) return ht_fail(HT_NO_MEMORY, "no memory for bundle '%s'", prefix);
  b->references = 1;
  ht_status st = open_at(b, prefix);
  if (st.code == HT_OK)
    *out = b;
  else
    ht_bundle_close(b);
  return st;
}

void ht_bundle_share(ht_bundle *b) { atomic_fetch_add(&b->references, 1); }

void ht_bundle_close(ht_bundle *b) {
  if (!b || atomic_fetch_sub(&b->references, 1) != 1) return;
  for (int i = 0; b->shard && i < b->n_shards; i++)
    ht_file_unmap(&b->shard[i].map);
  ht_arena_free(&b->arena);
  free(b);
}

const char *ht_bundle_prefix(const ht_bundle *b) { return b->prefix; }
int ht_bundle_count(const ht_bundle *b) { return b->n_tensors; }

const ht_bundle_entry *ht_bundle_at(const ht_bundle *b, int i) {
  return &b->tensor[i].entry;
}

const ht_bundle_entry *ht_bundle_find(const ht_bundle *b, const char *key) {
  return find_in(b->tensor, b->n_tensors, key, strlen(key));
}
