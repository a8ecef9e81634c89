/* bundle_write.c - writing a bundle of one data file. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/watch.h"
#include "format/bundle_impl.h"
#include "format/crc32c.h"
#include "format/sstable.h"
#include "proto/bundle.pb-c.h"

/* An entry of the index to be, serialised. */
typedef struct {
  char *key, *value;
  size_t key_n, value_n;
} row;

struct ht_bundle_writer {
  ht_arena arena;
  char *data_path, *index_path, *temporary;
  FILE *data;
  int64_t offset, expected; /* bytes; 0: nobody said */
  row *row;
  int n, capacity;
};

enum { COPY_BLOCK = 1 << 20, WRITE_BLOCK = 8 << 20 };

static ht_status no_memory(void) {
  return ht_fail(HT_NO_MEMORY, "no memory to write a checkpoint");
}

static ht_status open_writer(ht_bundle_writer *w, const char *prefix) {
  ht_arena *a = &w->arena;
  w->data_path = ht_arena_printf(a, "%s.data-00000-of-00001", prefix);
  w->index_path = ht_arena_printf(a, "%s.index", prefix);
  char *temporary = ht_arena_printf(a, "%s.data-00000-of-00001.tmp-%ld", prefix,
                                    (long)getpid());
  if (!w->data_path || !w->index_path || !temporary) return no_memory();
  w->data = fopen(temporary, "wbe");
  if (!w->data) return ht_fail_errno("cannot write", w->data_path);
  w->temporary = temporary;
  return HT_SUCCESS;
}

ht_status ht_bundle_writer_open(const char *prefix, ht_bundle_writer **out) {
  ht_bundle_writer *w = calloc(1, sizeof *w);
  *out = NULL;
  if (!w) return no_memory();
  ht_status st = open_writer(w, prefix);
  if (st.code == HT_OK)
    *out = w;
  else
    ht_bundle_writer_drop(w);
  return st;
}

void ht_bundle_writer_expect(ht_bundle_writer *w, int64_t bytes) {
  w->expected = bytes;
}

static ht_status append(ht_bundle_writer *w, const void *p, size_t n) {
  for (const char *at = p; n;) {
    size_t block = n < WRITE_BLOCK ? n : WRITE_BLOCK;
    if (fwrite(at, 1, block, w->data) != block)
      return ht_fail_errno("cannot write", w->data_path);
    w->offset += (int64_t)block;
    at += block;
    n -= block;
    if (w->expected) HT_TRY(ht_tell_bytes("written", w->offset, w->expected));
  }
  return HT_SUCCESS;
}

/* ---- entries */

static ht_status add_row(ht_bundle_writer *w, const char *key, size_t key_n,
                         const ProtobufCMessage *m) {
  HT_GROW(w->row, w->n, w->capacity, &w->arena);
  row *r = &w->row[w->n];
  r->key = ht_arena_bytes(&w->arena, key, key_n);
  r->key_n = key_n;
  r->value_n = protobuf_c_message_get_packed_size(m);
  r->value = ht_alloc(&w->arena, r->value_n + 1, 1);
  if (!r->key || !r->value) return no_memory();
  protobuf_c_message_pack(m, (uint8_t *)r->value);
  w->n++;
  return HT_SUCCESS;
}

typedef Tensorflow__TensorShapeProto shape_message;
typedef Tensorflow__TensorShapeProto__Dim dim_message;
typedef Tensorflow__TensorSliceProto slice_message;
typedef Tensorflow__TensorSliceProto__Extent extent_message;

static ht_status make_shape(ht_arena *a, int rank, const int64_t *dim,
                            shape_message **out) {
  dim_message *d;
  HT_NEW(*out, a, 1);
  tensorflow__tensor_shape_proto__init(*out);
  HT_NEW((*out)->dim, a, rank + 1);
  HT_NEW(d, a, rank + 1);
  (*out)->n_dim = (size_t)rank;
  for (int i = 0; i < rank; i++) {
    tensorflow__tensor_shape_proto__dim__init(&d[i]);
    d[i].size = dim[i];
    (*out)->dim[i] = &d[i];
  }
  return HT_SUCCESS;
}

static ht_status make_slice(ht_arena *a, const ht_bundle_slice *slice, int rank,
                            slice_message *m) {
  extent_message *extent;
  tensorflow__tensor_slice_proto__init(m);
  HT_NEW(m->extent, a, rank + 1);
  HT_NEW(extent, a, rank + 1);
  m->n_extent = (size_t)rank;
  for (int i = 0; i < rank; i++) {
    tensorflow__tensor_slice_proto__extent__init(&extent[i]);
    m->extent[i] = &extent[i];
    if (slice->length[i] < 0) continue;
    extent[i].start = slice->start[i];
    extent[i].length = slice->length[i];
    extent[i].has_length_case =
        TENSORFLOW__TENSOR_SLICE_PROTO__EXTENT__HAS_LENGTH_LENGTH;
  }
  return HT_SUCCESS;
}

static ht_status make_slices(ht_arena *a, const ht_bundle_entry *like,
                             Tensorflow__BundleEntryProto *m) {
  slice_message *slice;
  HT_NEW(slice, a, like->n_slices + 1);
  HT_NEW(m->slices, a, like->n_slices + 1);
  m->n_slices = (size_t)like->n_slices;
  for (int i = 0; i < like->n_slices; i++) {
    HT_TRY(make_slice(a, &like->slice[i], like->rank, &slice[i]));
    m->slices[i] = &slice[i];
  }
  return HT_SUCCESS;
}

/* The entry of a tensor whose bytes start at `offset`; of a partitioned one
 * its shape and slices alone. */
static ht_status add_entry(ht_bundle_writer *w, const ht_bundle_entry *like,
                           int64_t offset, uint32_t crc) {
  Tensorflow__BundleEntryProto m = TENSORFLOW__BUNDLE_ENTRY_PROTO__INIT;
  ht_arena arena = {0};
  m.dtype = (Tensorflow__DataType)like->dtype;
  if (!like->n_slices) {
    m.offset = offset;
    m.size = w->offset - offset;
    m.crc32c = crc;
  }
  ht_status st = make_shape(&arena, like->rank, like->dim, &m.shape);
  if (st.code == HT_OK && like->n_slices) st = make_slices(&arena, like, &m);
  if (st.code == HT_OK) st = add_row(w, like->key, like->key_n, &m.base);
  ht_arena_free(&arena);
  return st;
}

/* ---- values */

static ht_status put_bytes(ht_bundle_writer *w, const ht_bundle_entry *like,
                           const void *data, size_t n) {
  int64_t offset = w->offset;
  HT_TRY(append(w, data, n));
  return add_entry(w, like, offset, ht_crc32c_mask(ht_crc32c(data, n)));
}

/* The entry of a part of `whole`: its key goes to `key`, its shape to dim. */
static ht_status part_of(const ht_bundle_entry *whole,
                         const ht_bundle_slice *slice, ht_text *key,
                         int64_t *dim, ht_bundle_entry *part) {
  ht_bundle_part_key(key, whole, slice);
  HT_TRY(ht_text_check(key));
  *part = *whole;
  part->key = key->p;
  part->key_n = key->n;
  part->slice = NULL;
  part->n_slices = 0;
  part->dim = dim;
  for (int d = 0; d < whole->rank; d++)
    dim[d] = ht_bundle_extent(whole, slice, d);
  if (!ht_bundle_elements(part->rank, dim, &part->count))
    return ht_fail(HT_USAGE, "a slice of '%s' is too large", whole->key);
  return HT_SUCCESS;
}

static ht_status put_part(ht_bundle_writer *w, const ht_bundle_entry *whole,
                          const ht_bundle_slice *slice, const void *data) {
  size_t width = ht_bundle_width(whole->dtype);
  int64_t dim[HT_BUNDLE_MAX_RANK];
  ht_bundle_entry part;
  ht_text key = {0};
  ht_status st = part_of(whole, slice, &key, dim, &part);
  size_t n = st.code == HT_OK ? (size_t)part.count * width : 0;
  void *own = st.code == HT_OK ? malloc(n + 1) : NULL;
  if (st.code == HT_OK && !own) st = no_memory();
  if (st.code == HT_OK) {
    ht_bundle_slice_copy(whole, slice, width, HT_SLICE_OUT, (void *)data, own);
    st = put_bytes(w, &part, own, n);
  }
  free(own);
  ht_text_free(&key);
  return st;
}

ht_status ht_bundle_put(ht_bundle_writer *w, const ht_bundle_entry *like,
                        const void *data) {
  size_t width = ht_bundle_width(like->dtype);
  if (!width)
    return ht_fail(HT_UNSUPPORTED, "cannot write dtype %d of '%s'", like->dtype,
                   like->key);
  if (!like->n_slices)
    return put_bytes(w, like, data, (size_t)like->count * width);
  for (int i = 0; i < like->n_slices; i++)
    HT_TRY(put_part(w, like, &like->slice[i], data));
  return add_entry(w, like, 0, 0);
}

ht_status ht_bundle_put_strings(ht_bundle_writer *w,
                                const ht_bundle_entry *like,
                                const ht_bundle_string *s) {
  ht_text head = {0};
  int64_t offset = w->offset;
  uint32_t crc = ht_bundle_strings_head(s, like->count, &head);
  ht_status st = ht_text_check(&head);
  if (st.code == HT_OK) st = append(w, head.p, head.n);
  ht_text_free(&head);
  for (int64_t i = 0; i < like->count && st.code == HT_OK; i++)
    st = append(w, s[i].p, s[i].n);
  HT_TRY(st);
  ht_bundle_entry whole = *like;
  whole.n_slices = 0;
  return add_entry(w, &whole, offset, crc);
}

/* ---- copies */

/* From the file, not from the mapping: tensors made of that may have been
 * written to. */
static ht_status copy_range(ht_bundle_writer *w, const char *path, int64_t from,
                            size_t n) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return ht_fail_errno("cannot read", path);
  char *block = malloc(COPY_BLOCK);
  ht_status st = block ? HT_SUCCESS : no_memory();
  while (n && st.code == HT_OK) {
    ssize_t got = pread(fd, block, n < COPY_BLOCK ? n : COPY_BLOCK, from);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) st = ht_fail_errno("cannot read", path);
    if (got == 0) st = ht_fail(HT_IO, "'%s' was cut short", path);
    if (got <= 0) break;
    st = append(w, block, (size_t)got);
    from += got;
    n -= (size_t)got;
  }
  free(block);
  close(fd);
  return st;
}

static ht_status copy_record(ht_bundle_writer *w, const ht_bundle *from,
                             const ht_bundle_record *r) {
  const ht_bundle_entry *e = &r->entry;
  int64_t offset = w->offset;
  if (e->size)
    HT_TRY(copy_range(w, from->shard[r->shard].path, r->offset, e->size));
  return add_entry(w, e, offset, e->crc);
}

/* Files of the other byte order are read and written anew. */
static ht_status put_converted(ht_bundle_writer *w, const ht_bundle *from,
                               const ht_bundle_entry *e) {
  size_t width = ht_bundle_width(e->dtype);
  size_t element = width ? width : sizeof(ht_bundle_string);
  void *value = calloc((size_t)e->count + 1, element);
  if (!value) return no_memory();
  ht_status st = width ? ht_bundle_read(from, e, value)
                       : ht_bundle_strings(from, e, value);
  if (st.code == HT_OK)
    st =
        width ? ht_bundle_put(w, e, value) : ht_bundle_put_strings(w, e, value);
  free(value);
  return st;
}

ht_status ht_bundle_put_copy(ht_bundle_writer *w, const ht_bundle *from,
                             const ht_bundle_entry *e) {
  if (from->big) return put_converted(w, from, e);
  for (int i = 0; i < e->n_slices; i++)
    HT_TRY(copy_record(w, from, (const ht_bundle_record *)e->slice[i].part));
  if (e->n_slices) return add_entry(w, e, 0, 0);
  return copy_record(w, from, (const ht_bundle_record *)e);
}

/* ---- the end */

static ht_status add_header(ht_bundle_writer *w) {
  Tensorflow__BundleHeaderProto m = TENSORFLOW__BUNDLE_HEADER_PROTO__INIT;
  Tensorflow__VersionDef version = TENSORFLOW__VERSION_DEF__INIT;
  version.producer = 1;
  m.num_shards = 1;
  m.version = &version;
  return add_row(w, "", 0, &m.base);
}

static int by_key(const void *a, const void *b) {
  const row *x = a, *y = b;
  return ht_bundle_compare(x->key, x->key_n, y->key, y->key_n);
}

static ht_status write_index(ht_bundle_writer *w) {
  ht_sstable_writer table;
  ht_sstable_start(&table);
  ht_status st = HT_SUCCESS;
  qsort(w->row, (size_t)w->n, sizeof *w->row, by_key);
  for (int i = 0; i < w->n && st.code == HT_OK; i++) {
    row *r = &w->row[i];
    if (i && by_key(r - 1, r) == 0)
      st = ht_fail(HT_USAGE, "the checkpoint would hold '%s' twice", r->key);
    else
      st = ht_sstable_add(&table, r->key, r->key_n, r->value, r->value_n);
  }
  if (st.code == HT_OK) st = ht_sstable_finish(&table);
  if (st.code == HT_OK)
    st = ht_file_write(w->index_path, table.out.p, table.out.n);
  ht_sstable_free(&table);
  return st;
}

static ht_status close_data(ht_bundle_writer *w) {
  FILE *f = w->data;
  bool bad = fflush(f) != 0 || fsync(fileno(f)) != 0;
  int error = errno;
  w->data = NULL;
  if (fclose(f) != 0 && !bad) bad = true, error = errno;
  errno = error;
  if (bad || rename(w->temporary, w->data_path) != 0)
    return ht_fail_errno("cannot write", w->data_path);
  w->temporary = NULL;
  return HT_SUCCESS;
}

ht_status ht_bundle_writer_commit(ht_bundle_writer *w) {
  HT_TRY(add_header(w));
  HT_TRY(close_data(w));
  return write_index(w);
}

void ht_bundle_writer_drop(ht_bundle_writer *w) {
  if (!w) return;
  if (w->data) fclose(w->data);
  if (w->temporary) unlink(w->temporary);
  ht_arena_free(&w->arena);
  free(w);
}
