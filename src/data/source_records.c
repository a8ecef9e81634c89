/*
 * source_records.c - TFRecord files of tf.train.Example: a record is an
 * example, a feature a column. Messages as in tensorflow/core/example.
 */
#include <inttypes.h>
#include <string.h>

#include "data/source.h"
#include "format/tfrecord.h"

enum { NO_VALUES, BYTES, FLOATS, INTEGERS }; /* fields of Feature */

typedef struct feature {
  const char *name;
  int kind;        /* NO_VALUES: none has come yet */
  ht_cells bytes;  /* values */
  ht_text numbers; /* values: float or int64 */
  ht_text count;   /* int64: values of each example */
  int64_t n;       /* examples that are counted */
} feature;

typedef struct records {
  ht_reading *r;
  ht_arena arena;
  feature *feature;
  int n_features, capacity;
  int64_t n;       /* examples */
  int64_t skipped; /* records before this one that are none */
} records;

static ht_status bad(const records *l, const char *what) {
  return ht_fail(HT_CORRUPT, "'%s': record %" PRId64 " %s", l->r->path,
                 l->n + l->skipped, what);
}

/* ---- values of a feature */

static ht_status find_feature(records *l, const ht_cursor *name,
                              feature **out) {
  for (int i = 0; i < l->n_features; i++) {
    *out = &l->feature[i];
    if (strlen((*out)->name) == name->left &&
        memcmp((*out)->name, name->p, name->left) == 0)
      return HT_SUCCESS;
  }
  if (memchr(name->p, 0, name->left) ||
      !ht_utf8_valid((const char *)name->p, name->left, NULL))
    return bad(l, "has a feature whose name is no text");
  HT_GROW(l->feature, l->n_features, l->capacity, &l->arena);
  *out = &l->feature[l->n_features++];
  **out = (feature){.name = ht_arena_bytes(&l->arena, name->p, name->left)};
  return (*out)->name ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory");
}

static void add_number(feature *f, int kind, uint64_t bits) {
  uint32_t narrow = (uint32_t)bits;
  if (kind == FLOATS)
    ht_text_bytes(&f->numbers, &narrow, sizeof narrow);
  else
    ht_text_bytes(&f->numbers, &bits, sizeof bits);
}

/* Values stand one by one or packed. */
static ht_status add_values(records *l, feature *f, int kind, ht_cursor list,
                            int64_t *count) {
  ht_field v;
  while (ht_cursor_field(&list, &v)) {
    if (v.field != 1) continue;
    if (kind == BYTES) {
      HT_TRY(ht_cells_add(&f->bytes, (const char *)v.bytes.p, v.bytes.left));
      ++*count;
    } else if (!v.bytes.p) {
      add_number(f, kind, v.number);
      ++*count;
    }
    while (kind != BYTES && v.bytes.left && !v.bytes.bad) {
      add_number(f, kind,
                 kind == FLOATS ? ht_cursor_fixed32(&v.bytes)
                                : ht_cursor_varint(&v.bytes));
      ++*count;
    }
    if (v.bytes.bad) return bad(l, "is broken");
  }
  return list.bad ? bad(l, "is broken") : HT_SUCCESS;
}

/* Examples without the feature have no values of it. */
static void count_up(feature *f, int64_t n) {
  static const int64_t none = 0;
  for (; f->n < n; f->n++) ht_text_bytes(&f->count, &none, sizeof none);
}

static ht_status add_feature(records *l, const ht_cursor *name,
                             ht_cursor values) {
  feature *f = NULL;
  ht_field list;
  int64_t count = 0;
  HT_TRY(find_feature(l, name, &f));
  if (f->n > l->n) return bad(l, "has a feature twice");
  count_up(f, l->n);
  while (ht_cursor_field(&values, &list)) {
    if (list.field < BYTES || list.field > INTEGERS || !list.bytes.p) continue;
    if (f->kind && f->kind != (int)list.field)
      return bad(l, "has values of another type than those before");
    f->kind = (int)list.field;
    HT_TRY(add_values(l, f, f->kind, list.bytes, &count));
  }
  if (values.bad) return bad(l, "is broken");
  ht_text_bytes(&f->count, &count, sizeof count);
  f->n++;
  HT_TRY(ht_text_check(&f->numbers));
  return ht_text_check(&f->count);
}

/* ---- messages */

/* An entry of the map: 1 name, 2 Feature. */
static ht_status add_entry(records *l, ht_cursor entry) {
  static const unsigned char empty[1];
  ht_cursor name = {.p = empty}, values = {0};
  ht_field part;
  while (ht_cursor_field(&entry, &part)) {
    if (part.field == 1 && part.bytes.p) name = part.bytes;
    if (part.field == 2) values = part.bytes;
  }
  return entry.bad ? bad(l, "is broken") : add_feature(l, &name, values);
}

/* Example 1: Features 1: entries. */
static ht_status add_example(records *l, ht_cursor example) {
  ht_field features, entry;
  while (ht_cursor_field(&example, &features)) {
    if (features.field != 1) continue;
    while (ht_cursor_field(&features.bytes, &entry))
      if (entry.field == 1 && entry.bytes.p) HT_TRY(add_entry(l, entry.bytes));
    if (features.bytes.bad) return bad(l, "is broken");
  }
  if (example.bad) return bad(l, "is no tf.train.Example");
  l->n++;
  return HT_SUCCESS;
}

/* ---- the file */

/* *sound: the record can be used; where its bytes are damaged the next one
 * still follows. */
static ht_status next_record(records *l, ht_cursor *c, ht_cursor *out,
                             bool *sound) {
  static const char damage[] = "does not fit its checksum";
  ht_tfrecord_state state = ht_tfrecord_next(c, out);
  *sound = state == HT_TFRECORD_SOUND;
  if (*sound) return HT_SUCCESS;
  if (state == HT_TFRECORD_CUT) return bad(l, "is cut off");
  if (state == HT_TFRECORD_LOST) return bad(l, damage);
  HT_TRY(ht_reading_bad(l->r, bad(l, damage)));
  l->skipped++;
  return HT_SUCCESS;
}

/* The file's bytes, in a buffer that columns of strings keep. */
static ht_status load(records *l, ht_cursor *out) {
  ht_arena arena = {0};
  char *data, *own = NULL;
  size_t n;
  ht_shape one = ht_shape_1(1);
  HT_TRY(ht_tensor_new(NULL, HT_STRING, &one, &l->r->blob));
  ht_status st = ht_file_read(l->r->path, l->r->max, &arena, &data, &n);
  if (st.code == HT_OK) own = ht_string_room(&l->r->blob, n + 1);
  if (own) memcpy(own, data, n);
  ht_arena_free(&arena);
  if (st.code == HT_OK && !own)
    st = ht_fail(HT_NO_MEMORY, "no memory for '%s'", l->r->path);
  *out = (ht_cursor){(const unsigned char *)own, n, false};
  return st;
}

/* ---- columns */

/* As many values in each example: that many, else -1. */
static int64_t width_of(const feature *f) {
  const int64_t *count = (const int64_t *)(const void *)f->count.p;
  for (int64_t i = 1; i < f->n; i++)
    if (count[i] != count[0]) return -1;
  return f->n ? count[0] : -1;
}

static ht_status numbers_column(records *l, const feature *f, int64_t width,
                                const int64_t *splits) {
  ht_tensor t;
  size_t size = f->kind == FLOATS ? sizeof(float) : sizeof(int64_t);
  int64_t total = (int64_t)(f->numbers.n / size);
  ht_shape shape = splits       ? ht_shape_1(total)
                   : width == 1 ? ht_shape_1(l->n)
                                : ht_shape_2(l->n, width);
  HT_TRY(
      ht_tensor_new(NULL, f->kind == FLOATS ? HT_FLOAT : HT_INT64, &shape, &t));
  if (f->numbers.n) memcpy(t.data, f->numbers.p, f->numbers.n);
  return ht_reading_add(l->r, f->name, &t, splits);
}

static ht_status add_column(records *l, feature *f) {
  int64_t *splits = NULL;
  count_up(f, l->n);
  HT_TRY(ht_text_check(&f->count));
  int64_t width = width_of(f);
  if (f->kind == NO_VALUES) return HT_SUCCESS;
  if (width < 1 || (f->kind == BYTES && width > 1))
    HT_TRY(ht_splits_make(&l->r->out->arena,
                          (const int64_t *)(const void *)f->count.p, l->n,
                          &splits));
  if (f->kind == BYTES)
    return ht_cells_strings(l->r, f->name, &f->bytes, 0, splits);
  return numbers_column(l, f, width, splits);
}

static ht_status read_all(records *l) {
  ht_cursor c, record;
  HT_TRY(load(l, &c));
  while (c.left && !ht_reading_full(l->r, l->n)) {
    bool good;
    HT_TRY(next_record(l, &c, &record, &good));
    if (good) HT_TRY(add_example(l, record));
  }
  l->r->out->n = l->n;
  for (int i = 0; i < l->n_features; i++) HT_TRY(add_column(l, &l->feature[i]));
  return HT_SUCCESS;
}

ht_status ht_read_records(ht_reading *r) {
  records l = {.r = r};
  ht_status st = read_all(&l);
  for (int i = 0; i < l.n_features; i++) {
    ht_cells_free(&l.feature[i].bytes);
    ht_text_free(&l.feature[i].numbers);
    ht_text_free(&l.feature[i].count);
  }
  ht_arena_free(&l.arena);
  return st;
}
