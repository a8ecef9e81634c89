/*
 * op_serial.c - tensors, also sparse ones, as serialised TensorProto messages
 * (core/framework/tensor.proto, tensor_shape.proto of TensorFlow).
 */
#include <stdlib.h>
#include <string.h>

#include "ops/example.h"

enum { /* fields of TensorProto */
       DTYPE = 1,
       SHAPE = 2,
       CONTENT = 4,
       FLOAT = 5,
       DOUBLE = 6,
       INT = 7,
       STRING = 8,
       SCOMPLEX = 9,
       INT64 = 10,
       BOOL = 11,
       DCOMPLEX = 12,
       HALF = 13,
       UINT32 = 16,
       UINT64 = 17
};

/* ---- writing */

static void put_varint(ht_text *out, uint64_t v) {
  for (; v >= 128; v >>= 7) ht_text_bytes(out, (char[]){(char)(v | 128)}, 1);
  ht_text_bytes(out, (char[]){(char)v}, 1);
}

static void put_key(ht_text *out, int field, int wire) {
  put_varint(out, (uint64_t)field << 3 | (uint64_t)wire);
}

static void put_bytes(ht_text *out, int field, const void *p, size_t n) {
  put_key(out, field, 2);
  put_varint(out, n);
  if (n) ht_text_bytes(out, p, n);
}

/* dim {size}, ...: a size of 0 is left out, as the default that it is. */
static void put_shape(ht_text *out, const ht_shape *s) {
  ht_text dims = {0};
  for (int i = 0; i < s->rank; i++) {
    ht_text dim = {0};
    if (s->dim[i]) put_key(&dim, 1, 0), put_varint(&dim, (uint64_t)s->dim[i]);
    put_bytes(&dims, 2, dim.p, dim.n);
    ht_text_free(&dim);
  }
  put_bytes(out, SHAPE, dims.p, dims.n);
  ht_text_free(&dims);
}

/* Strings as content: their lengths, then their bytes. */
static void put_string_content(ht_text *out, const ht_tensor *t) {
  ht_text content = {0};
  for (int64_t i = 0; i < ht_count(t); i++)
    put_varint(&content, ht_str(t)[i].n);
  for (int64_t i = 0; i < ht_count(t); i++)
    ht_text_bytes(&content, ht_str(t)[i].p, ht_str(t)[i].n);
  put_bytes(out, CONTENT, content.p, content.n);
  ht_text_free(&content);
}

/* fields: strings are fields of their own. */
static void put_tensor(ht_text *out, const ht_tensor *t, bool fields) {
  put_key(out, DTYPE, 0);
  put_varint(out, (uint64_t)t->dtype);
  put_shape(out, &t->shape);
  if (t->dtype != HT_STRING) {
    if (ht_count(t)) put_bytes(out, CONTENT, t->data, ht_tensor_bytes(t));
  } else if (!fields) {
    if (ht_count(t)) put_string_content(out, t);
  } else {
    for (int64_t i = 0; i < ht_count(t); i++)
      put_bytes(out, STRING, ht_str(t)[i].p, ht_str(t)[i].n);
  }
}

static ht_status set_message(ht_tensor *out, int64_t i, const ht_tensor *t,
                             bool fields) {
  ht_text text = {0};
  put_tensor(&text, t, fields);
  ht_status st = text.failed ? ht_fail(HT_NO_MEMORY, "no memory for a message")
                             : ht_string_set(out, i, text.p, text.n);
  ht_text_free(&text);
  return st;
}

static ht_status serialize_forward(ht_call *c) {
  ht_dtype t = c->in[0]->dtype;
  if (t == HT_RESOURCE || t == HT_VARIANT) return ht_no_dtype(c, t);
  HT_TRY(ht_out(c, 0, HT_STRING, &HT_SCALAR));
  return set_message(&c->out[0], 0, c->in[0], true);
}

/* ---- reading */

typedef struct message {
  ht_dtype dtype;
  ht_shape shape;
  bool content; /* else values are fields */
  ht_string bytes;
  ht_string whole;
} message;

static bool read_dim(ht_string dim, int64_t *size) {
  ht_field f;
  *size = 0;
  while (ht_field_next(&dim, &f))
    if (f.number == 1 && f.wire == 0) *size = (int64_t)f.value;
  return !dim.n && *size >= 0;
}

static bool read_shape(ht_string s, ht_shape *out) {
  ht_field f;
  out->rank = 0;
  while (ht_field_next(&s, &f)) {
    if (f.number != 2) continue;
    if (f.wire != 2 || out->rank == HT_MAX_RANK ||
        !read_dim(f.bytes, &out->dim[out->rank++]))
      return false;
  }
  return !s.n;
}

static ht_status open_message(ht_string s, message *m) {
  ht_field f;
  *m = (message){.whole = s};
  while (ht_field_next(&s, &f)) {
    if (f.number == DTYPE && f.wire == 0) m->dtype = (ht_dtype)f.value;
    if (f.number == CONTENT && f.wire == 2) {
      m->content = f.bytes.n > 0;
      m->bytes = f.bytes;
    }
    if (f.number == SHAPE && (f.wire != 2 || !read_shape(f.bytes, &m->shape)))
      return ht_fail(HT_CORRUPT, "a serialised tensor has a bad shape");
  }
  if (s.n || !m->dtype)
    return ht_fail(HT_CORRUPT, "it is no serialised tensor");
  return HT_SUCCESS;
}

static int field_of(ht_dtype t) {
  switch (t) {
    case HT_FLOAT: return FLOAT;
    case HT_DOUBLE: return DOUBLE;
    case HT_COMPLEX64: return SCOMPLEX;
    case HT_COMPLEX128: return DCOMPLEX;
    case HT_INT64: return INT64;
    case HT_BOOL: return BOOL;
    case HT_HALF:
    case HT_BFLOAT16: return HALF;
    case HT_UINT32: return UINT32;
    case HT_UINT64: return UINT64;
    default: return INT;
  }
}

/* Numbers of a field, packed or one by one; those that are missing at the end
 * are the last one. */
static ht_status read_numbers(const message *m, ht_tensor *t) {
  bool complex = t->dtype == HT_COMPLEX64 || t->dtype == HT_COMPLEX128;
  size_t size = ht_dtype_size(t->dtype) / (complex ? 2 : 1);
  size_t room = (size_t)ht_count(t) * (complex ? 2 : 1), n = 0;
  bool fixed = ht_dtype_floating(t->dtype) && field_of(t->dtype) != HALF;
  char *to = t->data;
  ht_string s = m->whole;
  ht_field f;
  fixed = fixed || complex;
  while (ht_field_next(&s, &f)) {
    if (f.number != field_of(t->dtype)) continue;
    ht_string part = f.bytes;
    uint64_t v = f.value;
    bool one = f.wire != 2 && !fixed;
    while (one || part.n) {
      if (fixed ? part.n < size : !one && !ht_varint_next(&part, &v))
        return ht_fail(HT_CORRUPT, "numbers of a serialised tensor are cut");
      if (n == room)
        return ht_fail(HT_CORRUPT, "a serialised tensor has too many values");
      memcpy(to + n++ * size, fixed ? part.p : (const char *)&v, size);
      if (fixed) part = (ht_string){part.p + size, part.n - size};
      one = false;
    }
  }
  size_t each = complex ? 2 : 1;
  if (!n) memset(to, 0, room * size);
  for (; n && n < room; n++)
    memcpy(to + n * size, to + (n - each) * size, size);
  return HT_SUCCESS;
}

static ht_status read_strings(const message *m, ht_tensor *t) {
  int64_t n = 0;
  ht_string s = m->content ? m->bytes : m->whole;
  ht_field f;
  if (m->content) {
    uint64_t length, sum = 0;
    for (; n < ht_count(t); n++) {
      if (!ht_varint_next(&s, &length) || length > m->bytes.n)
        return ht_fail(HT_CORRUPT, "strings of a serialised tensor are cut");
      ht_str(t)[n].n = length;
      sum += length;
    }
    if (sum != s.n)
      return ht_fail(HT_CORRUPT, "strings of a serialised tensor are cut");
    for (n = 0; n < ht_count(t); s.p += ht_str(t)[n++].n) ht_str(t)[n].p = s.p;
    return HT_SUCCESS;
  }
  while (ht_field_next(&s, &f))
    if (f.number == STRING && f.wire == 2) {
      if (n == ht_count(t))
        return ht_fail(HT_CORRUPT, "a serialised tensor has too many values");
      ht_str(t)[n++] = f.bytes;
    }
  for (; n && n < ht_count(t); n++) ht_str(t)[n] = ht_str(t)[n - 1];
  return HT_SUCCESS;
}

/* *out = the tensor of a message in in[0], of dtype t. Each element of a
 * tensor without content takes room that no byte of the message stands for. */
static ht_status read_message(const ht_call *c, ht_string s, ht_dtype t,
                              ht_tensor *out) {
  message m;
  HT_TRY(open_message(s, &m));
  if (m.dtype != t)
    return ht_fail(HT_USAGE,
                   "op '%s': a serialised tensor is of type '%s', "
                   "'%s' is wanted",
                   c->op->name, ht_dtype_name(m.dtype), ht_dtype_name(t));
  int64_t n = ht_shape_count(&m.shape);
  /* A few bytes must not become gigabytes. */
  if (n < 0 || n > (m.content ? (int64_t)m.bytes.n : 1 << 24))
    return ht_fail(HT_CORRUPT, "a serialised tensor is too big");
  if (m.content && t != HT_STRING && m.bytes.n != (size_t)n * ht_dtype_size(t))
    return ht_fail(HT_CORRUPT, "a serialised tensor has the wrong size");
  HT_TRY(ht_tensor_new(c->run->pool, t, &m.shape, out));
  ht_status st = HT_SUCCESS;
  if (t == HT_STRING) {
    st = ht_string_keep(out, c->in[0]);
    if (st.code == HT_OK) st = read_strings(&m, out);
  } else if (m.content) {
    memcpy(out->data, m.bytes.p, m.bytes.n);
  } else {
    st = read_numbers(&m, out);
  }
  if (st.code != HT_OK) ht_tensor_drop(out);
  return st;
}

static ht_status parse_forward(ht_call *c) {
  ht_dtype t = ht_attr_type(c->attrs, "out_type");
  HT_TRY(ht_need_dtype(c, 0, HT_STRING));
  HT_TRY(ht_need_scalar(c, 0));
  if (t == HT_RESOURCE || t == HT_VARIANT) return ht_no_dtype(c, t);
  return ht_within(read_message(c, ht_str(c->in[0])[0], t, &c->out[0]),
                   "op '%s'", c->op->name);
}

/* ---- sparse tensors: three messages each, of indices, values and shape */

static ht_status serialize_sparse(ht_call *c) {
  ht_shape three = ht_shape_1(3);
  ht_sparse s;
  HT_TRY(ht_sparse_from(c, 0, 1, 2, &s));
  if (ht_attr_type(c->attrs, "out_type") != HT_STRING)
    return ht_no_dtype(c, ht_attr_type(c->attrs, "out_type"));
  HT_TRY(ht_out(c, 0, HT_STRING, &three));
  for (int i = 0; i < 3; i++)
    HT_TRY(set_message(&c->out[0], i, c->in[i], false));
  return HT_SUCCESS;
}

/* One row of a batch of sparse tensors: those of its first index. */
static ht_status serialize_row(ht_call *c, const ht_sparse *s, int64_t row,
                               int64_t first, int64_t n) {
  ht_tensor part[3] = {{0}};
  ht_pool *pool = c->run->pool;
  int rank = s->rank - 1;
  ht_shape at = ht_shape_2(n, rank), one = ht_shape_1(n);
  ht_shape dims = ht_shape_1(rank);
  ht_status st = ht_tensor_new(pool, HT_INT64, &at, &part[0]);
  if (st.code == HT_OK)
    st = ht_tensor_new(pool, s->values->dtype, &one, &part[1]);
  if (st.code == HT_OK) st = ht_tensor_new(pool, HT_INT64, &dims, &part[2]);
  if (st.code == HT_OK && s->values->dtype == HT_STRING)
    st = ht_string_keep(&part[1], s->values);
  for (int64_t i = 0; i < n && st.code == HT_OK; i++) {
    memcpy(ht_i64(&part[0]) + i * rank, s->at + (first + i) * s->rank + 1,
           (size_t)rank * sizeof(int64_t));
    ht_copy_element(&part[1], i, s->values, first + i);
  }
  for (int d = 0; d < rank && st.code == HT_OK; d++)
    ht_i64(&part[2])[d] = s->shape.dim[d + 1];
  for (int i = 0; i < 3; i++) {
    if (st.code == HT_OK)
      st = set_message(&c->out[0], row * 3 + i, &part[i], false);
    ht_tensor_drop(&part[i]);
  }
  return st;
}

static ht_status serialize_many(ht_call *c) {
  ht_sparse s;
  HT_TRY(ht_sparse_from(c, 0, 1, 2, &s));
  if (ht_attr_type(c->attrs, "out_type") != HT_STRING)
    return ht_no_dtype(c, ht_attr_type(c->attrs, "out_type"));
  if (s.rank < 2)
    return ht_fail(HT_USAGE, "op '%s' wants at least two dimensions",
                   c->op->name);
  ht_shape out = ht_shape_2(s.shape.dim[0], 3);
  HT_TRY(ht_out(c, 0, HT_STRING, &out));
  int64_t at = 0;
  for (int64_t row = 0; row < out.dim[0]; row++) {
    int64_t first = at;
    while (at < s.n && s.at[at * s.rank] == row) at++;
    HT_TRY(serialize_row(c, &s, row, first, at - first));
  }
  return at == s.n
             ? HT_SUCCESS
             : ht_fail(HT_USAGE, "op '%s': rows must ascend", c->op->name);
}

/* Indices, values and shape of each of n sparse tensors. */
typedef struct parts {
  ht_tensor (*t)[3];
  int64_t n;
} parts;

static ht_status read_parts(const ht_call *c, ht_dtype t, parts *p) {
  const ht_dtype types[3] = {HT_INT64, t, HT_INT64};
  for (int64_t i = 0; i < p->n; i++) {
    for (int k = 0; k < 3; k++)
      HT_TRY(ht_within(
          read_message(c, ht_str(c->in[0])[3 * i + k], types[k], &p->t[i][k]),
          "sparse tensor %lld", (long long)i));
    const ht_tensor *q = p->t[i];
    bool fits = q[0].shape.rank == 2 && q[1].shape.rank == 1 &&
                q[2].shape.rank == 1 &&
                q[0].shape.dim[0] == q[1].shape.dim[0] &&
                q[0].shape.dim[1] == q[2].shape.dim[0] &&
                ht_count(&q[2]) == ht_count(&p->t[0][2]);
    if (!fits)
      return ht_fail(HT_CORRUPT, "op '%s': sparse tensors do not agree",
                     c->op->name);
  }
  return HT_SUCCESS;
}

/* The place of tensor i in the leading dimensions. */
static void place(const ht_shape *lead, int64_t i, int64_t *at) {
  for (int d = lead->rank - 1; d >= 0; d--) {
    at[d] = i % lead->dim[d];
    i /= lead->dim[d];
  }
}

static ht_status join_parts(ht_call *c, const parts *p, const ht_shape *lead) {
  int inner = (int)ht_count(&p->t[0][2]), rank = lead->rank + inner;
  int64_t total = 0, at = 0;
  for (int64_t i = 0; i < p->n; i++) total += ht_count(&p->t[i][1]);
  ht_shape places = ht_shape_2(total, rank), one = ht_shape_1(total);
  ht_shape dims = ht_shape_1(rank);
  HT_TRY(ht_out(c, 0, HT_INT64, &places));
  HT_TRY(ht_out(c, 1, p->t[0][1].dtype, &one));
  HT_TRY(ht_out_zeros(c, 2, HT_INT64, &dims));
  if (c->out[1].dtype == HT_STRING)
    HT_TRY(ht_string_keep(&c->out[1], c->in[0]));
  int64_t *to = ht_i64(&c->out[0]), *shape = ht_i64(&c->out[2]);
  for (int d = 0; d < lead->rank; d++) shape[d] = lead->dim[d];
  for (int64_t i = 0; i < p->n; i++) {
    const ht_tensor *q = p->t[i];
    for (int d = 0; d < inner; d++)
      if (ht_i64(&q[2])[d] > shape[lead->rank + d])
        shape[lead->rank + d] = ht_i64(&q[2])[d];
    for (int64_t k = 0; k < ht_count(&q[1]); k++, to += rank) {
      place(lead, i, to);
      memcpy(to + lead->rank, ht_i64(&q[0]) + k * inner,
             (size_t)inner * sizeof *to);
      ht_copy_element(&c->out[1], at++, &q[1], k);
    }
  }
  return HT_SUCCESS;
}

static ht_status deserialize(ht_call *c) {
  const ht_shape *s = &c->in[0]->shape;
  ht_dtype t = ht_attr_type(c->attrs, "dtype");
  HT_TRY(ht_need_dtype(c, 0, HT_STRING));
  if (s->rank < 1 || s->dim[s->rank - 1] != 3 || !ht_count(c->in[0]))
    return ht_fail(HT_USAGE, "op '%s' wants three strings for each tensor",
                   c->op->name);
  ht_shape lead = *s;
  lead.rank--;
  parts p = {.n = ht_shape_count(&lead)};
  p.t = calloc((size_t)p.n, sizeof *p.t);
  if (!p.t) return ht_fail(HT_NO_MEMORY, "no memory for sparse tensors");
  ht_status st = read_parts(c, t, &p);
  if (st.code == HT_OK && lead.rank + ht_count(&p.t[0][2]) > HT_MAX_RANK)
    st = ht_fail(HT_USAGE, "op '%s': too many dimensions", c->op->name);
  if (st.code == HT_OK) st = join_parts(c, &p, &lead);
  for (int64_t i = 0; i < p.n; i++)
    for (int k = 0; k < 3; k++) ht_tensor_drop(&p.t[i][k]);
  free(p.t);
  return st;
}

/* [[1.5, -2], [0, 3]]; ["a", "bc", ""]; int32 [4] of 5, -7 in fields, the last
 * for all that are missing; complex64 [2] of 1 + 2i; a float 2.5; rows of
 * strings {0: x, 2: yz}, {}, {1: w}; int32 {(0,0): 5, (2,1): 6} of [3,4]. */
#define FLOATS                                                   \
  "s[]{'\\x08\\x01\\x12\\x08\\x12\\x02\\x08\\x02\\x12\\x02\\x08" \
  "\\x02\\x22\\x10\\x00\\x00\\xc0\\x3f\\x00\\x00\\x00\\xc0\\x00" \
  "\\x00\\x00\\x00\\x00\\x00@@'}"
#define STRINGS                                                   \
  "s[]{'\\x08\\x07\\x12\\x04\\x12\\x02\\x08\\x03B\\x01aB\\x02bcB" \
  "\\x00'}"
#define PACKED                                                    \
  "s[]{'\\x08\\x03\\x12\\x04\\x12\\x02\\x08\\x04:\\x0b\\x05\\xf9" \
  "\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x01'}"
#define COMPLEX                                                   \
  "s[]{'\\x08\\x08\\x12\\x04\\x12\\x02\\x08\\x02J\\x08\\x00\\x00" \
  "\\x80\\x3f\\x00\\x00\\x00@'}"
#define NUMBER "s[]{'\\x08\\x01*\\x04\\x00\\x00 @'}"
#define ROWS                                                         \
  "s[3,3]{'\\x08\\x09\\x12\\x08\\x12\\x02\\x08\\x02\\x12\\x02\\x08"  \
  "\\x01\\x22\\x10\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02"     \
  "\\x00\\x00\\x00\\x00\\x00\\x00\\x00','\\x08\\x07\\x12\\x04\\x12"  \
  "\\x02\\x08\\x02\\x22\\x05\\x01\\x02xyz','\\x08\\x09\\x12\\x04"    \
  "\\x12\\x02\\x08\\x01\\x22\\x08\\x04\\x00\\x00\\x00\\x00\\x00"     \
  "\\x00\\x00','\\x08\\x09\\x12\\x06\\x12\\x00\\x12\\x02\\x08\\x01'" \
  ",'\\x08\\x07\\x12\\x02\\x12\\x00','\\x08\\x09\\x12\\x04\\x12"     \
  "\\x02\\x08\\x01\\x22\\x08\\x04\\x00\\x00\\x00\\x00\\x00\\x00"     \
  "\\x00','\\x08\\x09\\x12\\x08\\x12\\x02\\x08\\x01\\x12\\x02\\x08"  \
  "\\x01\\x22\\x08\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00','\\x08"  \
  "\\x07\\x12\\x04\\x12\\x02\\x08\\x01\\x22\\x02\\x01w','\\x08\\x09" \
  "\\x12\\x04\\x12\\x02\\x08\\x01\\x22\\x08\\x04\\x00\\x00\\x00"     \
  "\\x00\\x00\\x00\\x00'}"
#define ONE                                                         \
  "s[3]{'\\x08\\x09\\x12\\x08\\x12\\x02\\x08\\x02\\x12\\x02\\x08"   \
  "\\x02\\x22 \\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00"   \
  "\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\x00\\x00\\x00\\x00"    \
  "\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00','\\x08\\x03" \
  "\\x12\\x04\\x12\\x02\\x08\\x02\\x22\\x08\\x05\\x00\\x00\\x00"    \
  "\\x06\\x00\\x00\\x00','\\x08\\x09\\x12\\x04\\x12\\x02\\x08\\x02" \
  "\\x22\\x10\\x03\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x04\\x00"    \
  "\\x00\\x00\\x00\\x00\\x00\\x00'}"

const ht_op ht_ops_serial[] = {
    {
        .name = "SerializeTensor",
        .inputs = "tensor:T",
        .outputs = "serialized:string",
        .attrs = "T:type",
        .doc = "A tensor as a message.",
        .samples = "f[2,3]; s[3]{'a','bc',''}; i[]{7}; b[0]; l[0,4]; "
                   "z[2]; h[3]; u[1,1,2]",
        .forward = serialize_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "ParseTensor",
        .inputs = "serialized:string",
        .outputs = "output:out_type",
        .attrs = "out_type:type",
        .doc = "The tensor of a message.",
        .samples =
            FLOATS " out_type=float; " STRINGS " out_type=string; " PACKED
                   " out_type=int32; " COMPLEX " out_type=complex64; " NUMBER
                   " out_type=float",
        .forward = parse_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "SerializeSparse",
        .inputs = "sparse_indices:int64 sparse_values:T sparse_shape:int64",
        .outputs = "serialized_sparse:out_type",
        .attrs = "T:type out_type:type=string",
        .doc = "A sparse tensor as three messages.",
        .samples = "l[2,2]{0,0,2,1} i[2]{5,6} l[2]{3,4}; "
                   "l[2,1]{0,2} s[2]{'x','yz'} l[1]{3}; l[0,2] f[0] l[2]{3,4}",
        .forward = serialize_sparse,
        .gradient = ht_no_gradient,
    },
    {
        .name = "SerializeManySparse",
        .inputs = "sparse_indices:int64 sparse_values:T sparse_shape:int64",
        .outputs = "serialized_sparse:out_type",
        .attrs = "T:type out_type:type=string",
        .doc = "Rows of a sparse tensor as three messages each.",
        .samples = "l[3,2]{0,0,0,2,2,1} s[3]{'x','yz','w'} l[2]{3,4}; "
                   "l[2,3]{0,0,1,1,2,1} f[2] l[3]{2,4,2}",
        .forward = serialize_many,
        .gradient = ht_no_gradient,
    },
    {
        .name = "DeserializeSparse",
        .inputs = "serialized_sparse:Tserialized",
        .outputs = "sparse_indices:int64 sparse_values:dtype "
                   "sparse_shape:int64",
        .attrs = "dtype:type Tserialized:type=string",
        .doc = "The sparse tensor of three messages.",
        .samples = ONE " dtype=int32; " ROWS " dtype=string",
        .forward = deserialize,
        .gradient = ht_no_gradient,
    },
    {
        .name = "DeserializeManySparse",
        .inputs = "serialized_sparse:string",
        .outputs = "sparse_indices:int64 sparse_values:dtype "
                   "sparse_shape:int64",
        .attrs = "dtype:type",
        .doc = "Sparse tensors of three messages each as rows of one.",
        .samples = ROWS " dtype=string",
        .forward = deserialize,
        .gradient = ht_no_gradient,
    },
    {0},
};
