/* table.c - see table.h. */
#include "ops/table.h"

#include <stdlib.h>
#include <string.h>

#include "tensor/buffer.h"

static void release(ht_object *object) {
  ht_table *t = (ht_table *)object;
  ht_index_free(&t->index);
  free(t->value);
  ht_tensor_drop(&t->empty_key);
  ht_tensor_drop(&t->deleted_key);
  ht_arena_free(&t->arena);
  ht_file_unmap(&t->file);
  pthread_rwlock_destroy(&t->lock);
  free(t);
}

const ht_object_class ht_table_class = {.name = "table", .release = release};

static bool good_key(ht_dtype t) {
  return t == HT_STRING || ht_dtype_integer(t) || t == HT_BOOL;
}

ht_status ht_table_new(ht_dtype key, ht_dtype value, const ht_shape *shape,
                       bool fixed, ht_table **out) {
  if (!good_key(key) || (value != HT_STRING && ht_dtype_pointers(value)) ||
      !ht_dtype_size(value))
    return ht_fail(HT_UNSUPPORTED, "no tables from '%s' to '%s'",
                   ht_dtype_name(key), ht_dtype_name(value));
  ht_tensor one;
  HT_TRY(ht_tensor_new(NULL, value, shape, &one)); /* checks the shape */
  size_t size = ht_tensor_bytes(&one);
  ht_tensor_drop(&one);
  ht_table *t = calloc(1, sizeof *t);
  if (!t) return ht_fail(HT_NO_MEMORY, "no memory for a table");
  t->object = (ht_object){&ht_table_class, 1};
  pthread_rwlock_init(&t->lock, NULL);
  t->key_dtype = key;
  t->value_dtype = value;
  t->value_shape = *shape;
  t->value_size = size;
  t->fixed = fixed;
  t->index.strings = key == HT_STRING;
  *out = t;
  return HT_SUCCESS;
}

/* ---- one key, one value */

static ht_key key_at(const ht_tensor *keys, int64_t i) {
  if (keys->dtype == HT_STRING) return ht_str(keys)[i];
  return (ht_key){NULL, (size_t)ht_int_at(keys, i)};
}

static ht_status own_string(ht_table *t, ht_string s, ht_string *out) {
  char *copy = ht_arena_bytes(&t->arena, s.p, s.n);
  if (!copy) return ht_fail(HT_NO_MEMORY, "no memory for a table");
  *out = (ht_string){copy, s.n};
  return HT_SUCCESS;
}

static bool same_value(const ht_table *t, const char *a, const char *b) {
  if (t->value_dtype != HT_STRING) return memcmp(a, b, t->value_size) == 0;
  for (size_t i = 0; i < t->value_size / sizeof(ht_string); i++) {
    ht_string x = ((const ht_string *)a)[i], y = ((const ht_string *)b)[i];
    if (x.n != y.n || (x.n && memcmp(x.p, y.p, x.n) != 0)) return false;
  }
  return true;
}

/* Copies a value of `to`, strings and all. */
static ht_status set_value(ht_table *t, char *to, const char *from) {
  if (t->value_dtype != HT_STRING) {
    memcpy(to, from, t->value_size);
    return HT_SUCCESS;
  }
  for (size_t i = 0; i < t->value_size / sizeof(ht_string); i++)
    HT_TRY(own_string(t, ((const ht_string *)from)[i], &((ht_string *)to)[i]));
  return HT_SUCCESS;
}

static ht_status grow_values(ht_table *t) {
  int64_t capacity = t->index.capacity;
  if (t->capacity >= capacity) return HT_SUCCESS;
  char *value = realloc(t->value, (size_t)capacity * t->value_size + 1);
  if (!value) return ht_fail(HT_NO_MEMORY, "no memory for a table");
  t->value = value;
  t->capacity = capacity;
  return HT_SUCCESS;
}

/* Key bytes are borrowed unless `copy`. */
static ht_status put(ht_table *t, ht_key key, const char *value, bool copy) {
  int64_t number;
  bool added;
  HT_TRY(ht_index_put(&t->index, key, &number, &added));
  ht_status st = grow_values(t);
  if (st.code == HT_OK && added && copy && t->index.strings)
    st = own_string(t, key, &t->index.key[number]);
  char *at = t->value + (size_t)number * t->value_size;
  if (st.code == HT_OK && !added && t->fixed)
    return same_value(t, at, value)
               ? HT_SUCCESS
               : ht_fail(HT_CORRUPT, "a table's key stands for two values");
  if (st.code == HT_OK) st = set_value(t, at, value);
  if (st.code != HT_OK && added) ht_index_remove(&t->index, key);
  return st;
}

/* ---- filling */

static ht_status check_pairs(const ht_table *t, const ht_tensor *keys,
                             const ht_tensor *values) {
  ht_shape wanted = keys->shape;
  char a[HT_SHAPE_TEXT], b[HT_SHAPE_TEXT];
  if (keys->dtype != t->key_dtype || values->dtype != t->value_dtype)
    return ht_fail(HT_USAGE, "a table from '%s' to '%s' is given '%s', '%s'",
                   ht_dtype_name(t->key_dtype), ht_dtype_name(t->value_dtype),
                   ht_dtype_name(keys->dtype), ht_dtype_name(values->dtype));
  for (int d = 0; d < t->value_shape.rank && wanted.rank < HT_MAX_RANK; d++)
    wanted.dim[wanted.rank++] = t->value_shape.dim[d];
  if (ht_shape_equal(&wanted, &values->shape)) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "a table wants values of shape %s, found %s",
                 ht_shape_text(&wanted, a), ht_shape_text(&values->shape, b));
}

static bool is_key(const ht_tensor *special, ht_key key, bool strings) {
  if (special->dtype == HT_INVALID) return false;
  ht_key s = key_at(special, 0);
  return s.n == key.n && (!strings || memcmp(s.p, key.p, key.n) == 0);
}

static ht_status check_special(const ht_table *t, ht_key key) {
  if (is_key(&t->empty_key, key, t->index.strings))
    return ht_fail(HT_USAGE, "the table's empty_key is no key");
  if (is_key(&t->deleted_key, key, t->index.strings))
    return ht_fail(HT_USAGE, "the table's deleted_key is no key");
  return HT_SUCCESS;
}

static ht_status insert(ht_table *t, const ht_tensor *keys,
                        const ht_tensor *values) {
  for (int64_t i = 0; i < ht_count(keys); i++) {
    HT_TRY(check_special(t, key_at(keys, i)));
    HT_TRY(put(t, key_at(keys, i),
               (char *)values->data + (size_t)i * t->value_size, true));
  }
  return HT_SUCCESS;
}

ht_status ht_table_insert(ht_table *t, const ht_tensor *keys,
                          const ht_tensor *values) {
  HT_TRY(check_pairs(t, keys, values));
  if (t->fixed)
    return ht_fail(HT_USAGE, "nothing can be inserted in a fixed table");
  pthread_rwlock_wrlock(&t->lock);
  ht_status st = insert(t, keys, values);
  t->filled = true;
  pthread_rwlock_unlock(&t->lock);
  return st;
}

static void clear(ht_table *t) {
  ht_index_free(&t->index);
  t->filled = t->numbered = false;
}

void ht_table_clear(ht_table *t) {
  pthread_rwlock_wrlock(&t->lock);
  clear(t);
  pthread_rwlock_unlock(&t->lock);
}

/* Whether the pairs are what the table holds already. */
static ht_status same_content(ht_table *t, const ht_tensor *keys,
                              const ht_tensor *values) {
  int64_t seen = t->index.n;
  if (t->numbered || ht_count(keys) != seen)
    return ht_fail(HT_USAGE, "a table is filled twice");
  for (int64_t i = 0; i < seen; i++) {
    ht_key key = key_at(keys, i);
    int64_t number;
    ht_index_find(&t->index, &key, 1, &number);
    if (number < 0 ||
        !same_value(t, t->value + (size_t)number * t->value_size,
                    (char *)values->data + (size_t)i * t->value_size))
      return ht_fail(HT_USAGE, "a table is filled twice");
  }
  return HT_SUCCESS;
}

ht_status ht_table_fill(ht_table *t, const ht_tensor *keys,
                        const ht_tensor *values) {
  HT_TRY(check_pairs(t, keys, values));
  pthread_rwlock_wrlock(&t->lock);
  ht_status st = t->filled && t->fixed ? same_content(t, keys, values)
                                       : insert(t, keys, values);
  if (st.code == HT_OK)
    t->filled = true;
  else if (!t->filled)
    clear(t);
  pthread_rwlock_unlock(&t->lock);
  return st;
}

ht_status ht_table_remove(ht_table *t, const ht_tensor *keys) {
  if (keys->dtype != t->key_dtype || t->fixed)
    return ht_fail(HT_USAGE, "these keys cannot be removed from the table");
  pthread_rwlock_wrlock(&t->lock);
  for (int64_t i = 0; i < ht_count(keys); i++) {
    int64_t hole = ht_index_remove(&t->index, key_at(keys, i));
    if (hole >= 0)
      memmove(t->value + (size_t)hole * t->value_size,
              t->value + (size_t)t->index.n * t->value_size, t->value_size);
  }
  pthread_rwlock_unlock(&t->lock);
  return HT_SUCCESS;
}

int64_t ht_table_size(ht_table *t) {
  pthread_rwlock_rdlock(&t->lock);
  int64_t n = t->index.n;
  pthread_rwlock_unlock(&t->lock);
  return n;
}

/* ---- from a text file */

typedef struct text_file {
  ht_table *table;
  const ht_text_columns *how;
  const char *path;
  ht_string *line;
  int64_t n;
} text_file;

static ht_status column(const text_file *f, int64_t row, int64_t which,
                        ht_string *out) {
  ht_string s = f->line[row];
  for (int64_t k = 0; which > 0 && k < which; k++) {
    const char *cut = memchr(s.p, f->how->delimiter, s.n);
    if (!cut)
      return ht_fail(HT_CORRUPT, "line %lld of '%s' has no column %lld",
                     (long long)row + 1, f->path, (long long)which);
    s.n -= (size_t)(cut + 1 - s.p);
    s.p = cut + 1;
  }
  const char *cut =
      which >= 0 && s.n ? memchr(s.p, f->how->delimiter, s.n) : NULL;
  if (cut) s.n = (size_t)(cut - s.p);
  *out = s;
  return HT_SUCCESS;
}

/* A number of a column, or the line's own, as an element of the dtype. */
static ht_status number_at(const text_file *f, int64_t row, int64_t which,
                           ht_dtype dtype, void *out) {
  char text[64];
  ht_string s = {"", 0};
  int64_t i = row + f->how->offset;
  double d = 0;
  if (which >= 0) HT_TRY(column(f, row, which, &s));
  size_t n = s.n < sizeof text ? s.n : sizeof text - 1;
  memcpy(text, s.p, n);
  text[n] = 0;
  bool integer = dtype == HT_INT32 || dtype == HT_INT64;
  bool good = which < 0 ||
              (integer ? ht_parse_int(text, &i) : ht_parse_double(text, &d));
  if (dtype == HT_INT32 && i != (int32_t)i) good = false;
  if (!good)
    return ht_fail(HT_CORRUPT, "line %lld of '%s': '%s' is no %s",
                   (long long)row + 1, f->path, text, ht_dtype_name(dtype));
  if (dtype == HT_INT64) memcpy(out, &i, sizeof i);
  if (dtype == HT_INT32) *(int32_t *)out = (int32_t)i;
  if (dtype == HT_FLOAT) *(float *)out = (float)d;
  if (dtype == HT_DOUBLE) *(double *)out = d;
  return HT_SUCCESS;
}

static ht_status check_column(int64_t which, ht_dtype dtype, const char *what) {
  bool number = dtype == HT_INT32 || dtype == HT_INT64 || dtype == HT_FLOAT ||
                dtype == HT_DOUBLE;
  bool good = which == HT_WHOLE_LINE    ? dtype == HT_STRING
              : which == HT_LINE_NUMBER ? dtype == HT_INT64
                                        : number || dtype == HT_STRING;
  if (good && which >= HT_WHOLE_LINE) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "column %lld of a text file cannot be a %s of '%s'",
                 (long long)which, what, ht_dtype_name(dtype));
}

static ht_status put_row(const text_file *f, int64_t row) {
  ht_table *t = f->table;
  ht_key key = {NULL, 0};
  union {
    ht_string s;
    char bytes[16];
  } value = {{"", 0}};
  int64_t number = 0;
  if (t->key_dtype == HT_STRING)
    HT_TRY(column(f, row, f->how->key, &key));
  else
    HT_TRY(number_at(f, row, f->how->key, HT_INT64, &number));
  if (t->key_dtype != HT_STRING) key.n = (size_t)number;
  if (t->value_dtype == HT_STRING)
    HT_TRY(column(f, row, f->how->value, &value.s));
  else
    HT_TRY(number_at(f, row, f->how->value, t->value_dtype, value.bytes));
  return put(t, key, value.bytes, false);
}

static ht_status check_lines(text_file *f) {
  int64_t wanted = f->how->size;
  if (wanted >= 0 && f->n < wanted)
    return ht_fail(HT_CORRUPT, "'%s' has %lld lines, %lld are wanted", f->path,
                   (long long)f->n, (long long)wanted);
  if (wanted >= 0) f->n = wanted;
  for (int64_t i = 0; i < f->n; i++)
    if (!f->line[i].n)
      return ht_fail(HT_CORRUPT, "line %lld of '%s' is empty", (long long)i + 1,
                     f->path);
  return HT_SUCCESS;
}

/* A vocabulary: words, and their line numbers. */
static ht_status fill_numbered(text_file *f) {
  int64_t twice;
  ht_table *t = f->table;
  ht_string *line = f->line;
  t->numbered = true;
  t->first = f->how->offset;
  f->line = NULL;
  HT_TRY(ht_index_build(&t->index, line, f->n, &twice));
  if (twice < 0) return HT_SUCCESS;
  return ht_fail(HT_CORRUPT, "'%s' has the word of line %lld twice", f->path,
                 (long long)twice + 1);
}

static ht_status fill_lines(text_file *f) {
  HT_TRY(check_lines(f));
  if (f->how->key == HT_WHOLE_LINE && f->how->value == HT_LINE_NUMBER &&
      f->table->index.n == 0)
    return fill_numbered(f);
  for (int64_t i = 0; i < f->n; i++) HT_TRY(put_row(f, i));
  return HT_SUCCESS;
}

static ht_status fill_file(ht_table *t, const char *path,
                           const ht_text_columns *how) {
  text_file f = {.table = t, .how = how, .path = path};
  if (t->filled && t->path && strcmp(t->path, path) == 0) return HT_SUCCESS;
  if (t->filled || t->file.data)
    return ht_fail(HT_USAGE, "a table is filled twice");
  t->path = ht_arena_string(&t->arena, path);
  if (!t->path) return ht_fail(HT_NO_MEMORY, "no memory for a table");
  HT_TRY(ht_file_map(path, &t->file));
  HT_TRY(ht_lines_split(t->file.data, t->file.n, &f.line, &f.n));
  ht_status st = fill_lines(&f);
  free(f.line);
  t->filled = st.code == HT_OK;
  if (t->filled) return HT_SUCCESS;
  clear(t);
  ht_file_unmap(&t->file);
  return st;
}

ht_status ht_table_fill_file(ht_table *t, const char *path,
                             const ht_text_columns *how) {
  HT_TRY(check_column(how->key, t->key_dtype, "key"));
  HT_TRY(check_column(how->value, t->value_dtype, "value"));
  if (t->value_shape.rank ||
      (t->key_dtype != HT_STRING && t->key_dtype != HT_INT64))
    return ht_fail(HT_UNSUPPORTED, "this table cannot be read from a file");
  pthread_rwlock_wrlock(&t->lock);
  ht_status st = fill_file(t, path, how);
  pthread_rwlock_unlock(&t->lock);
  return st;
}

/* ---- looking up */

static void release_table(void *arg) { ht_object_drop(arg); }

/* Strings of `out` may point into the table: it lives on with them. */
static ht_status keep_table(ht_table *t, ht_tensor *out) {
  ht_tensor owner = {0};
  if (out->dtype != HT_STRING) return HT_SUCCESS;
  HT_TRY(ht_buffer_wrap(NULL, 0, release_table, ht_object_share(&t->object),
                        &owner.buffer));
  ht_status st = ht_string_keep(out, &owner);
  ht_buffer_drop(owner.buffer);
  return st;
}

static void copy_value(const ht_table *t, int64_t number, char *to) {
  if (t->numbered) {
    int64_t value = t->first + number;
    memcpy(to, &value, sizeof value);
  } else {
    memcpy(to, t->value + (size_t)number * t->value_size, t->value_size);
  }
}

static ht_status find(ht_table *t, const ht_tensor *keys,
                      const ht_tensor *missing, ht_tensor *values) {
  enum { BATCH = 1 << 16 };
  int64_t n = ht_count(keys), batch = n < BATCH ? n : BATCH;
  bool each = ht_count(missing) != ht_shape_count(&t->value_shape);
  bool strings = t->index.strings;
  ht_key *key = strings ? NULL : malloc((size_t)batch * sizeof *key + 1);
  int64_t *number = malloc((size_t)batch * sizeof *number + 1);
  ht_status st = number && (strings || key)
                     ? HT_SUCCESS
                     : ht_fail(HT_NO_MEMORY, "no memory for a lookup");
  for (int64_t i = 0; i < n && st.code == HT_OK; i += batch) {
    int64_t m = n - i < batch ? n - i : batch;
    for (int64_t k = 0; k < m && !strings; k++) key[k] = key_at(keys, i + k);
    ht_index_find(&t->index, strings ? ht_str(keys) + i : key, m, number);
    for (int64_t k = 0; k < m; k++) {
      char *to = (char *)values->data + (size_t)(i + k) * t->value_size;
      if (number[k] >= 0)
        copy_value(t, number[k], to);
      else
        memcpy(to,
               (char *)missing->data +
                   (each ? (size_t)(i + k) : 0) * t->value_size,
               t->value_size);
    }
  }
  free(key);
  free(number);
  return st;
}

ht_status ht_table_find(ht_table *t, ht_pool *pool, const ht_tensor *keys,
                        const ht_tensor *missing, ht_tensor *values) {
  ht_shape shape = keys->shape;
  int64_t one = ht_shape_count(&t->value_shape);
  if (keys->dtype != t->key_dtype || missing->dtype != t->value_dtype)
    return ht_fail(HT_USAGE, "a table from '%s' to '%s' is asked '%s', '%s'",
                   ht_dtype_name(t->key_dtype), ht_dtype_name(t->value_dtype),
                   ht_dtype_name(keys->dtype), ht_dtype_name(missing->dtype));
  if (shape.rank + t->value_shape.rank > HT_MAX_RANK)
    return ht_fail(HT_UNSUPPORTED, "a lookup of too many dimensions");
  for (int d = 0; d < t->value_shape.rank; d++)
    shape.dim[shape.rank++] = t->value_shape.dim[d];
  if (ht_count(missing) != one && ht_count(missing) != ht_shape_count(&shape))
    return ht_fail(HT_USAGE, "a table's default has a wrong shape");
  if (!t->filled && t->fixed)
    return ht_fail(HT_USAGE, "a table is used before it is filled");
  HT_TRY(ht_tensor_new(pool, t->value_dtype, &shape, values));
  HT_TRY(keep_table(t, values));
  if (values->dtype == HT_STRING) HT_TRY(ht_string_keep(values, missing));
  pthread_rwlock_rdlock(&t->lock);
  ht_status st = find(t, keys, missing, values);
  pthread_rwlock_unlock(&t->lock);
  return st;
}

static void set_key(ht_tensor *keys, int64_t i, ht_key key) {
  if (keys->dtype == HT_STRING)
    ht_str(keys)[i] = key;
  else
    memcpy((char *)keys->data + (size_t)i * ht_dtype_size(keys->dtype), &key.n,
           ht_dtype_size(keys->dtype)); /* little-endian: the low bytes */
}

static ht_status export_all(ht_table *t, ht_pool *pool, ht_tensor *keys,
                            ht_tensor *values) {
  ht_shape shape = ht_shape_1(t->index.n);
  HT_TRY(ht_tensor_new(pool, t->key_dtype, &shape, keys));
  for (int d = 0; d < t->value_shape.rank && shape.rank < HT_MAX_RANK; d++)
    shape.dim[shape.rank++] = t->value_shape.dim[d];
  HT_TRY(ht_tensor_new(pool, t->value_dtype, &shape, values));
  HT_TRY(keep_table(t, keys));
  HT_TRY(keep_table(t, values));
  for (int64_t i = 0; i < t->index.n; i++) {
    set_key(keys, i, t->index.key[i]);
    copy_value(t, i, (char *)values->data + (size_t)i * t->value_size);
  }
  return HT_SUCCESS;
}

ht_status ht_table_export(ht_table *t, ht_pool *pool, ht_tensor *keys,
                          ht_tensor *values) {
  pthread_rwlock_rdlock(&t->lock);
  ht_status st = export_all(t, pool, keys, values);
  pthread_rwlock_unlock(&t->lock);
  return st;
}

bool ht_table_has(ht_table *t, const char *p, size_t n) {
  ht_key key = {p, n};
  int64_t number;
  pthread_rwlock_rdlock(&t->lock);
  ht_index_find(&t->index, &key, 1, &number);
  pthread_rwlock_unlock(&t->lock);
  return number >= 0;
}
