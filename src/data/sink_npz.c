/* sink_npz.c - .npz: an array a column, gathered in memory. */
#include <stdlib.h>
#include <string.h>

#include "data/arrays.h"
#include "data/sink_kind.h"

static ht_status open_npz(ht_sink *s) {
  ht_named_tensor *all;
  HT_NEW(all, &s->arena, s->n_columns + 1);
  for (int c = 0; c < s->n_columns; c++) all[c].name = s->name[c];
  s->data = all;
  return HT_SUCCESS;
}

static ht_status make_whole(const ht_sink *s, const ht_tensor *part,
                            ht_tensor *whole) {
  ht_shape shape = part->shape;
  shape.dim[0] = s->n;
  return ht_tensor_new(NULL, part->dtype, &shape, whole);
}

static ht_status append(const ht_sink *s, const ht_tensor *part,
                        ht_tensor *whole) {
  int64_t count = ht_count(part), width = count / part->shape.dim[0];
  int64_t from = s->at * width;
  if (s->at == 0) HT_TRY(make_whole(s, part, whole));
  for (int64_t i = 0; part->dtype == HT_STRING && i < count; i++)
    HT_TRY(
        ht_string_set(whole, from + i, ht_str(part)[i].p, ht_str(part)[i].n));
  if (part->dtype != HT_STRING && count)
    memcpy((char *)whole->data + (size_t)from * ht_dtype_size(part->dtype),
           part->data, ht_tensor_bytes(part));
  return HT_SUCCESS;
}

static ht_status add_npz(ht_sink *s, const ht_tensor *const *value) {
  ht_named_tensor *all = s->data;
  for (int c = 0; c < s->n_columns; c++)
    HT_TRY(append(s, value[c], &all[c].value));
  return HT_SUCCESS;
}

static ht_status finish_npz(ht_sink *s) {
  s->temporary = NULL; /* the writer has its own */
  return ht_npz_store(s->path, s->data, s->n_columns);
}

static void drop_npz(ht_sink *s) {
  ht_named_tensor *all = s->data;
  for (int c = 0; all && c < s->n_columns; c++) ht_tensor_drop(&all[c].value);
}

const ht_sink_kind ht_sink_npz = {".npz", open_npz, add_npz, finish_npz,
                                  drop_npz};
