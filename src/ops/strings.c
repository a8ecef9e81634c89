/* strings.c - see strings.h. */
#include "ops/strings.h"

#include <stdlib.h>

static const char nothing[1];

static ht_status map_one(ht_call *c, int64_t i, ht_string_fn *fn, void *arg,
                         ht_text *scratch) {
  ht_string piece = {nothing, SIZE_MAX};
  ht_text_reset(scratch);
  HT_TRY(fn(ht_str(c->in[0])[i], arg, scratch, &piece));
  HT_TRY(ht_text_check(scratch));
  ht_str(&c->out[0])[i] = piece;
  if (piece.n != SIZE_MAX) return HT_SUCCESS;
  return ht_string_set(&c->out[0], i, scratch->p ? scratch->p : "", scratch->n);
}

ht_status ht_strings_map(ht_call *c, ht_string_fn *fn, void *arg) {
  ht_text scratch = {0};
  HT_TRY(ht_need_dtype(c, 0, HT_STRING));
  HT_TRY(ht_out_like(c, 0, 0));
  HT_TRY(ht_string_keep(&c->out[0], c->in[0]));
  ht_status st = HT_SUCCESS;
  for (int64_t i = 0; i < ht_count(c->in[0]) && st.code == HT_OK; i++)
    st = map_one(c, i, fn, arg, &scratch);
  ht_text_free(&scratch);
  return st;
}

ht_status ht_pieces_add(ht_pieces *pieces, const char *p, size_t n) {
  if (pieces->n == pieces->capacity) {
    int64_t capacity = pieces->capacity ? pieces->capacity * 2 : 256;
    ht_string *grown = realloc(pieces->p, (size_t)capacity * sizeof *grown);
    if (!grown) return ht_fail(HT_NO_MEMORY, "no memory for strings");
    pieces->p = grown;
    pieces->capacity = capacity;
  }
  pieces->p[pieces->n++] = (ht_string){p ? p : nothing, n};
  return HT_SUCCESS;
}

ht_status ht_pieces_out(ht_call *c, int i, int k, const ht_pieces *pieces) {
  ht_shape shape = ht_shape_1(pieces->n);
  HT_TRY(ht_out(c, i, HT_STRING, &shape));
  HT_TRY(ht_string_keep(&c->out[i], c->in[k]));
  if (pieces->n)
    memcpy(c->out[i].data, pieces->p, (size_t)pieces->n * sizeof *pieces->p);
  return HT_SUCCESS;
}
