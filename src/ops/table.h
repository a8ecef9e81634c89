/*
 * table.h - lookup tables: what a handle of HashTable, MutableHashTable and
 * their kin names. Held by a store or, anonymous, by its handles.
 */
#ifndef HT_OPS_TABLE_H
#define HT_OPS_TABLE_H

#include <pthread.h>

#include "base/file.h"
#include "kernels/index.h"
#include "tensor/tensor.h"

typedef struct ht_table {
  ht_object object; /* class ht_table_class */
  pthread_rwlock_t lock;
  ht_dtype key_dtype, value_dtype;
  ht_shape value_shape; /* of one value */
  bool fixed;           /* filled once (HashTable) */
  bool filled;
  ht_index index;
  bool numbered; /* the value of key i is first + i, and value is unused */
  int64_t first;
  char *value; /* value_size bytes a key */
  size_t value_size;
  int64_t capacity;                 /* of value, in keys */
  ht_tensor empty_key, deleted_key; /* of dense tables, else HT_INVALID */
  ht_arena arena;                   /* bytes of strings that were inserted */
  ht_mapping file;                  /* the vocabulary that keys point into */
  const char *path;                 /* of that file */
} ht_table;
extern const ht_object_class ht_table_class;

ht_status ht_table_new(ht_dtype key, ht_dtype value, const ht_shape *shape,
                       bool fixed, ht_table **out) HT_MUST_CHECK;

/* Adds or replaces keys (values: keys.shape + value_shape). A fixed table
 * refuses another value for a key that it has. */
ht_status ht_table_insert(ht_table *t, const ht_tensor *keys,
                          const ht_tensor *values) HT_MUST_CHECK;
/* Fills a fixed table; once filled, the same content is accepted again. */
ht_status ht_table_fill(ht_table *t, const ht_tensor *keys,
                        const ht_tensor *values) HT_MUST_CHECK;
void ht_table_clear(ht_table *t);
ht_status ht_table_remove(ht_table *t, const ht_tensor *keys) HT_MUST_CHECK;

/* How a text file is read: column numbers from 0, or one of these. */
enum { HT_WHOLE_LINE = -2, HT_LINE_NUMBER = -1 };
typedef struct ht_text_columns {
  int64_t key, value;
  int64_t size;   /* lines wanted, -1: all */
  int64_t offset; /* the first line's number */
  char delimiter;
} ht_text_columns;
ht_status ht_table_fill_file(ht_table *t, const char *path,
                             const ht_text_columns *how) HT_MUST_CHECK;

/* values = what the keys stand for, `missing` (one value, or one a key)
 * where one is unknown. */
ht_status ht_table_find(ht_table *t, ht_pool *pool, const ht_tensor *keys,
                        const ht_tensor *missing,
                        ht_tensor *values) HT_MUST_CHECK;
ht_status ht_table_export(ht_table *t, ht_pool *pool, ht_tensor *keys,
                          ht_tensor *values) HT_MUST_CHECK;
int64_t ht_table_size(ht_table *t);
/* Whether a table of strings has the key. */
bool ht_table_has(ht_table *t, const char *p, size_t n);

#endif
