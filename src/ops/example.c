/* example.c - see example.h. */
#include "ops/example.h"

#include <stdlib.h>

/* ---- the wire format of protocol buffers, as far as tf.Example needs it */

bool ht_varint_next(ht_string *s, uint64_t *v) {
  *v = 0;
  for (int shift = 0; shift < 64 && s->n; shift += 7) {
    unsigned char c = (unsigned char)*s->p;
    s->p++, s->n--;
    *v |= (uint64_t)(c & 127) << shift;
    if (c < 128) return true;
  }
  return false;
}

bool ht_field_next(ht_string *s, ht_field *f) {
  uint64_t key, size = 0;
  ht_string rest = *s;
  if (!rest.n || !ht_varint_next(&rest, &key) || key >> 3 > INT32_MAX)
    return false;
  f->number = (int)(key >> 3);
  f->wire = (int)(key & 7);
  f->value = 0;
  if (f->wire == 0 && !ht_varint_next(&rest, &f->value)) return false;
  if (f->wire == 2 && !ht_varint_next(&rest, &size)) return false;
  if (f->wire == 1) size = 8;
  if (f->wire == 5) size = 4;
  if (f->wire == 3 || f->wire == 4 || f->wire > 5 || size > rest.n)
    return false;
  f->bytes = (ht_string){rest.p, size};
  *s = (ht_string){rest.p + size, rest.n - size};
  return true;
}

/* ---- lists */

static bool put_number(ht_elements *l, const ht_field *f, ht_string *packed) {
  uint64_t v = f->value;
  float x = 0;
  if (packed && !ht_varint_next(packed, &v)) return false;
  if (f->wire == 5) memcpy(&x, f->bytes.p, 4);
  if (l->out && l->n < l->max) {
    if (l->out->dtype == HT_FLOAT)
      ht_f(l->out)[l->at + l->n] = x;
    else
      ht_i64(l->out)[l->at + l->n] = (int64_t)v;
  }
  l->n++;
  return true;
}

static bool packed_floats(ht_elements *l, ht_string s) {
  if (s.n % 4) return false;
  int64_t n = (int64_t)(s.n / 4), room = l->max - l->n;
  if (l->out && room > 0)
    memcpy(ht_f(l->out) + l->at + l->n, s.p, (size_t)(n < room ? n : room) * 4);
  l->n += n;
  return true;
}

/* One field of a list: an element, or many that are packed. */
static bool put_field(ht_elements *l, const ht_field *f, ht_dtype t) {
  ht_string packed = f->bytes;
  if (t == HT_STRING) {
    if (f->wire != 2) return false;
    if (l->out && l->n < l->max) ht_str(l->out)[l->at + l->n] = f->bytes;
    l->n++;
    return true;
  }
  if (f->wire == 2 && t == HT_FLOAT) return packed_floats(l, packed);
  if (f->wire == 2) {
    while (packed.n)
      if (!put_number(l, f, &packed)) return false;
    return true;
  }
  return f->wire == (t == HT_FLOAT ? 5 : 0) && put_number(l, f, NULL);
}

ht_status ht_feature_walk(ht_string feature, ht_dtype t, ht_elements *l) {
  int wanted = t == HT_STRING ? 1 : t == HT_FLOAT ? 2 : 3;
  ht_field f, element;
  l->n = 0;
  while (ht_field_next(&feature, &f)) {
    if (f.number < 1 || f.number > 3) continue;
    if (f.number != wanted || f.wire != 2)
      return ht_fail(HT_CORRUPT, "it is not of type '%s'", ht_dtype_name(t));
    for (ht_string s = f.bytes; s.n;)
      if (!ht_field_next(&s, &element) ||
          (element.number == 1 && !put_field(l, &element, t)))
        return ht_fail(HT_CORRUPT, "its list is damaged");
  }
  if (feature.n) return ht_fail(HT_CORRUPT, "it is damaged");
  return HT_SUCCESS;
}

static void *zeroed(size_t n, size_t size) { return calloc(n ? n : 1, size); }

static void found(ht_parse *p, int64_t row, ht_string key, ht_string value) {
  for (int i = 0; i < p->n; i++)
    if (ht_string_equal(p->want[i].key, key))
      p->feature[row * p->n + i] = value;
}

static bool find_features(ht_parse *p, int number, int64_t row,
                          ht_string record) {
  ht_field features, entry, part;
  while (ht_field_next(&record, &features)) {
    if (features.number != number) continue;
    ht_string entries = features.bytes;
    while (ht_field_next(&entries, &entry)) {
      ht_string inside = entry.bytes, key = {"", 0}, value = {"", 0};
      if (entry.number != 1) continue;
      while (ht_field_next(&inside, &part)) {
        if (part.number == 1) key = part.bytes;
        if (part.number == 2) value = part.bytes;
      }
      if (inside.n) return false;
      found(p, row, key, value);
    }
    if (entries.n) return false;
  }
  return record.n == 0;
}

ht_status ht_parse_find(ht_parse *p, int number) {
  p->feature =
      zeroed((size_t)p->batch * (size_t)(p->n ? p->n : 1), sizeof(ht_string));
  if (!p->feature) return ht_fail(HT_NO_MEMORY, "no memory for examples");
  for (int64_t r = 0; r < p->batch; r++)
    if (!find_features(p, number, r, ht_str(p->records)[r]))
      return ht_fail(HT_CORRUPT, "record %lld is no tf.Example", (long long)r);
  return HT_SUCCESS;
}

static ht_status count(const ht_parse *p, int64_t row, int i, int64_t *n) {
  ht_elements l = {0};
  const ht_want *w = &p->want[i];
  ht_status st = ht_feature_walk(p->feature[row * p->n + i], w->type, &l);
  *n = l.n;
  return ht_within(st, "feature '%.*s' of record %lld",
                   (int)(w->key.n < 80 ? w->key.n : 80), w->key.p,
                   (long long)row);
}

static ht_status fill(const ht_parse *p, int64_t row, int i, ht_tensor *out,
                      int64_t at, int64_t max) {
  ht_elements l = {.out = out, .at = at, .max = max};
  return ht_feature_walk(p->feature[row * p->n + i], p->want[i].type, &l);
}

/* ---- outputs */

static ht_status values_out(ht_parse *p, int o, int i, const ht_shape *shape) {
  HT_TRY(ht_out(p->call, o, p->want[i].type, shape));
  if (p->want[i].type != HT_STRING) return HT_SUCCESS;
  return ht_string_keep(&p->call->out[o], p->records);
}

/* counts[r] and their sum and maximum. */
static ht_status counts_of(const ht_parse *p, int i, int64_t *counts,
                           int64_t *total, int64_t *most) {
  *total = *most = 0;
  for (int64_t r = 0; r < p->batch; r++) {
    HT_TRY(count(p, r, i, &counts[r]));
    *total += counts[r];
    if (counts[r] > *most) *most = counts[r];
  }
  return HT_SUCCESS;
}

static ht_status sparse_feature(ht_parse *p, int i, int64_t *counts) {
  ht_call *c = p->call;
  int64_t total, most, at = 0;
  int rank = p->single ? 1 : 2;
  HT_TRY(counts_of(p, i, counts, &total, &most));
  ht_shape indices = ht_shape_2(total, rank), one = ht_shape_1(total);
  ht_shape dense = p->single ? ht_shape_1(most) : ht_shape_2(p->batch, most);
  HT_TRY(ht_out(c, i, HT_INT64, &indices));
  HT_TRY(values_out(p, p->n_sparse + i, i, &one));
  HT_TRY(ht_out_shape(c, 2 * p->n_sparse + i, &dense));
  int64_t *to = ht_i64(&c->out[i]);
  for (int64_t r = 0; r < p->batch; r++) {
    HT_TRY(fill(p, r, i, &c->out[p->n_sparse + i], at, counts[r]));
    for (int64_t k = 0; k < counts[r]; k++) {
      if (!p->single) *to++ = r;
      *to++ = k;
    }
    at += counts[r];
  }
  return HT_SUCCESS;
}

static ht_status ragged_feature(ht_parse *p, int k, int64_t *counts) {
  ht_call *c = p->call;
  int i = p->n_sparse + p->n_dense + k;
  int values = 3 * p->n_sparse + p->n_dense + k, splits = values + p->n_ragged;
  int64_t total, most, at = 0;
  HT_TRY(counts_of(p, i, counts, &total, &most));
  ht_shape one = ht_shape_1(total);
  ht_shape rows = ht_shape_1(p->single ? 0 : p->batch + 1);
  bool narrow =
      p->splits && k < p->splits->n && p->splits->value[k].type == HT_INT32;
  HT_TRY(values_out(p, values, i, &one));
  HT_TRY(ht_out(c, splits, narrow ? HT_INT32 : HT_INT64, &rows));
  for (int64_t r = 0; r < p->batch; r++) {
    if (!p->single) ht_set_int(&c->out[splits], r, at);
    HT_TRY(fill(p, r, i, &c->out[values], at, counts[r]));
    at += counts[r];
  }
  if (!p->single) ht_set_int(&c->out[splits], p->batch, at);
  return HT_SUCCESS;
}

static ht_status required(const ht_want *w, int64_t row) {
  return ht_fail(HT_USAGE,
                 "record %lld lacks feature '%.*s', which has no "
                 "default",
                 (long long)row, (int)(w->key.n < 80 ? w->key.n : 80),
                 w->key.p);
}

/* A row of a dense feature: its elements, or (and after them) the default. */
static ht_status dense_row(ht_parse *p, int i, int64_t row, int64_t size,
                           int64_t n, ht_tensor *out) {
  const ht_want *w = &p->want[i];
  int64_t defaults = ht_count(w->missing);
  bool open = w->shape.rank && w->shape.dim[0] < 0;
  bool there = p->feature[row * p->n + i].p && n > 0;
  if (!there && !open && size && !defaults) return required(w, row);
  if (!open && there && n != size)
    return ht_fail(HT_USAGE,
                   "feature '%.*s' of record %lld has %lld values, "
                   "%lld are wanted",
                   (int)(w->key.n < 80 ? w->key.n : 80), w->key.p,
                   (long long)row, (long long)n, (long long)size);
  if (there) HT_TRY(fill(p, row, i, out, row * size, size));
  for (int64_t k = there ? n : 0; k < size; k++) {
    if (defaults)
      ht_copy_element(out, row * size + k, w->missing,
                      defaults == 1 ? 0 : k % defaults);
    else if (out->dtype != HT_STRING)
      memset((char *)out->data +
                 (size_t)(row * size + k) * ht_dtype_size(out->dtype),
             0, ht_dtype_size(out->dtype));
  }
  return HT_SUCCESS;
}

/* [batch] + the declared shape, whose first dimension may be open. */
static ht_status dense_shape(const ht_parse *p, const ht_want *w, int64_t most,
                             ht_shape *shape) {
  int64_t inner = 1;
  *shape = p->single ? HT_SCALAR : ht_shape_1(p->batch);
  for (int d = 0; d < w->shape.rank; d++)
    if (d || w->shape.dim[0] >= 0) {
      if (w->shape.dim[d] < 0 ||
          __builtin_mul_overflow(inner, w->shape.dim[d], &inner))
        return ht_fail(HT_USAGE, "a dense feature needs a known shape");
    }
  for (int d = 0; d < w->shape.rank && shape->rank < HT_MAX_RANK; d++)
    shape->dim[shape->rank++] = w->shape.dim[d] >= 0 ? w->shape.dim[d]
                                : inner              ? most / inner
                                                     : 0;
  return HT_SUCCESS;
}

static ht_status dense_feature(ht_parse *p, int k, int64_t *counts) {
  int i = p->n_sparse + k, o = 3 * p->n_sparse + k;
  const ht_want *w = &p->want[i];
  int64_t total, most, size = 1;
  ht_shape shape;
  if (w->missing->dtype != w->type || w->shape.rank < 0)
    return ht_fail(HT_USAGE, "a default does not fit its dense feature");
  HT_TRY(counts_of(p, i, counts, &total, &most));
  HT_TRY(dense_shape(p, w, most, &shape));
  for (int d = !p->single; d < shape.rank; d++) size *= shape.dim[d];
  HT_TRY(values_out(p, o, i, &shape));
  if (w->type == HT_STRING)
    HT_TRY(ht_string_keep(&p->call->out[o], w->missing));
  for (int64_t r = 0; r < p->batch; r++)
    HT_TRY(dense_row(p, i, r, size, counts[r], &p->call->out[o]));
  return HT_SUCCESS;
}

ht_status ht_parse_features(ht_parse *p) {
  int64_t *counts = zeroed((size_t)p->batch, sizeof *counts);
  if (!counts) return ht_fail(HT_NO_MEMORY, "no memory for examples");
  ht_status st = ht_parse_find(p, 1);
  for (int i = 0; i < p->n_sparse && st.code == HT_OK; i++)
    st = sparse_feature(p, i, counts);
  for (int i = 0; i < p->n_dense && st.code == HT_OK; i++)
    st = dense_feature(p, i, counts);
  for (int i = 0; i < p->n_ragged && st.code == HT_OK; i++)
    st = ragged_feature(p, i, counts);
  free(counts);
  return st;
}

/* ---- what is wanted */

static bool good_type(ht_dtype t) {
  return t == HT_FLOAT || t == HT_INT64 || t == HT_STRING;
}

ht_status ht_parse_types(ht_parse *p, const char *attr, int first, int n) {
  const ht_attr *types = ht_attr_find(p->call->attrs, attr);
  if ((types ? types->n : 0) != n)
    return ht_fail(HT_USAGE, "op '%s': keys and '%s' do not fit",
                   p->call->op->name, attr);
  for (int k = 0; k < n; k++) {
    p->want[first + k].type = types->value[k].type;
    if (!good_type(types->value[k].type))
      return ht_no_dtype(p->call, types->value[k].type);
  }
  return HT_SUCCESS;
}

ht_status ht_parse_wants(ht_parse *p, int first_default) {
  ht_call *c = p->call;
  const ht_attr *shapes = ht_attr_find(c->attrs, p->names->shapes);
  HT_TRY(ht_parse_types(p, p->names->sparse, 0, p->n_sparse));
  HT_TRY(ht_parse_types(p, p->names->dense, p->n_sparse, p->n_dense));
  if (p->n_ragged)
    HT_TRY(ht_parse_types(p, p->names->ragged, p->n_sparse + p->n_dense,
                          p->n_ragged));
  if ((shapes ? shapes->n : 0) != p->n_dense ||
      c->n_in < first_default + p->n_dense ||
      c->n_out < 3 * p->n_sparse + p->n_dense + 2 * p->n_ragged)
    return ht_fail(HT_USAGE, "op '%s': keys, shapes and defaults do not fit",
                   c->op->name);
  for (int k = 0; k < p->n_dense; k++) {
    p->want[p->n_sparse + k].shape = shapes->value[k].shape;
    p->want[p->n_sparse + k].missing = c->in[first_default + k];
  }
  return HT_SUCCESS;
}

ht_status ht_parse_start(ht_call *c, const ht_parse_names *names, ht_parse *p,
                         int64_t sparse, int64_t dense, int64_t ragged) {
  if (sparse < 0 || dense < 0 || sparse + dense + ragged > 1 << 20)
    return ht_fail(HT_USAGE, "op '%s': too many features", c->op->name);
  *p = (ht_parse){.call = c,
                  .names = names,
                  .records = c->in[0],
                  .batch = ht_count(c->in[0]),
                  .single = c->in[0]->shape.rank == 0,
                  .n_sparse = (int)sparse,
                  .n_dense = (int)dense,
                  .n_ragged = (int)ragged,
                  .n = (int)(sparse + dense + ragged),
                  .splits = ht_attr_find(c->attrs, names->splits)};
  HT_TRY(ht_need_dtype(c, 0, HT_STRING));
  if (c->in[0]->shape.rank > 1) HT_TRY(ht_need_rank(c, 0, 1));
  p->want = zeroed((size_t)p->n, sizeof *p->want);
  return p->want ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory for features");
}

void ht_parse_close(ht_parse *p) {
  free(p->want);
  free(p->feature);
}
