/* op_string.c - case, strip, join, substrings and lengths. */
#include "kernels/unicode.h"
#include "ops/strings.h"

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* ---- one string to one string */

static ht_status lower_ascii(ht_string s, void *arg, ht_text *out,
                             ht_string *piece) {
  (void)arg;
  size_t i = 0;
  while (i < s.n && !(s.p[i] >= 'A' && s.p[i] <= 'Z')) i++;
  if (i == s.n) return *piece = s, HT_SUCCESS;
  ht_text_bytes(out, s.p, s.n);
  for (; i < s.n && !out->failed; i++)
    if (s.p[i] >= 'A' && s.p[i] <= 'Z') out->p[i] = (char)(s.p[i] + 32);
  return HT_SUCCESS;
}

static ht_status upper_ascii(ht_string s, void *arg, ht_text *out,
                             ht_string *piece) {
  (void)arg;
  size_t i = 0;
  while (i < s.n && !(s.p[i] >= 'a' && s.p[i] <= 'z')) i++;
  if (i == s.n) return *piece = s, HT_SUCCESS;
  ht_text_bytes(out, s.p, s.n);
  for (; i < s.n && !out->failed; i++)
    if (s.p[i] >= 'a' && s.p[i] <= 'z') out->p[i] = (char)(s.p[i] - 32);
  return HT_SUCCESS;
}

static ht_status lower_utf8(ht_string s, void *arg, ht_text *out,
                            ht_string *piece) {
  if (ht_ascii(s.p, s.n)) return lower_ascii(s, arg, out, piece);
  ht_utf8_lower(s.p, s.n, out);
  return HT_SUCCESS;
}

static ht_status upper_utf8(ht_string s, void *arg, ht_text *out,
                            ht_string *piece) {
  if (ht_ascii(s.p, s.n)) return upper_ascii(s, arg, out, piece);
  ht_utf8_upper(s.p, s.n, out);
  return HT_SUCCESS;
}

/* Whether the encoding is UTF-8 rather than bytes; others are refused. */
static ht_status encoding(const ht_call *c, bool *utf8) {
  ht_string e = ht_attr_string(c->attrs, "encoding");
  *utf8 = ht_attr_is(c->attrs, "encoding", "utf-8");
  if (*utf8 || !e.n) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "op '%s': encoding '%.*s' is not 'utf-8' or ''",
                 c->op->name, (int)(e.n < 40 ? e.n : 40), e.p);
}

static ht_status lower(ht_call *c) {
  bool utf8;
  HT_TRY(encoding(c, &utf8));
  return ht_strings_map(c, utf8 ? lower_utf8 : lower_ascii, NULL);
}

static ht_status upper(ht_call *c) {
  bool utf8;
  HT_TRY(encoding(c, &utf8));
  return ht_strings_map(c, utf8 ? upper_utf8 : upper_ascii, NULL);
}

static ht_status strip_one(ht_string s, void *arg, ht_text *out,
                           ht_string *piece) {
  (void)arg, (void)out;
  while (s.n && is_space(s.p[0])) s.p++, s.n--;
  while (s.n && is_space(s.p[s.n - 1])) s.n--;
  *piece = s;
  return HT_SUCCESS;
}

static ht_status strip(ht_call *c) {
  return ht_strings_map(c, strip_one, NULL);
}

/* ---- joining */

/* The common shape of inputs of which some may be scalars. */
static ht_status join_shape(const ht_call *c, ht_shape *shape) {
  *shape = HT_SCALAR;
  bool found = false;
  for (int k = 0; k < c->n_in; k++) {
    HT_TRY(ht_need_dtype(c, k, HT_STRING));
    const ht_shape *s = &c->in[k]->shape;
    if (s->rank == 0) continue;
    if (found && !ht_shape_equal(s, shape))
      return ht_fail(HT_USAGE, "op '%s' wants strings of equal shapes",
                     c->op->name);
    *shape = *s;
    found = true;
  }
  return HT_SUCCESS;
}

static ht_status join(ht_call *c) {
  ht_shape shape;
  ht_string separator = ht_attr_string(c->attrs, "separator");
  ht_text text = {0};
  HT_TRY(join_shape(c, &shape));
  HT_TRY(ht_out(c, 0, HT_STRING, &shape));
  ht_status st = HT_SUCCESS;
  for (int64_t i = 0; i < ht_shape_count(&shape) && st.code == HT_OK; i++) {
    ht_text_reset(&text);
    for (int k = 0; k < c->n_in; k++) {
      ht_string s = ht_str(c->in[k])[c->in[k]->shape.rank ? i : 0];
      if (k) ht_text_bytes(&text, separator.p, separator.n);
      ht_text_bytes(&text, s.p, s.n);
    }
    st = ht_text_check(&text);
    if (st.code == HT_OK)
      st = ht_string_set(&c->out[0], i, text.p ? text.p : "", text.n);
  }
  ht_text_free(&text);
  return st;
}

/* How ReduceJoin walks: axes in the order given, the rest kept. */
typedef struct reduce_plan {
  int n_axes, axis[HT_MAX_RANK];
  bool reduced[HT_MAX_RANK];
  int64_t stride[HT_MAX_RANK];
  ht_shape out;
} reduce_plan;

static ht_status reduce_axes(const ht_call *c, reduce_plan *p) {
  const ht_shape *s = &c->in[0]->shape;
  int64_t n = ht_count(c->in[1]);
  *p = (reduce_plan){0};
  HT_TRY(ht_need_dtype(c, 0, HT_STRING));
  HT_TRY(ht_need_dtype(c, 1, HT_INT32));
  if (n > s->rank)
    return ht_fail(HT_USAGE, "op '%s': more axes than dimensions", c->op->name);
  for (int i = 0; i < (int)n; i++) {
    HT_TRY(ht_axis_from(ht_i32(c->in[1])[i], s->rank, &p->axis[i]));
    if (p->reduced[p->axis[i]])
      return ht_fail(HT_USAGE, "op '%s': axis %d is given twice", c->op->name,
                     p->axis[i]);
    p->reduced[p->axis[i]] = true;
  }
  p->n_axes = (int)n;
  return HT_SUCCESS;
}

static void reduce_shape(const ht_call *c, reduce_plan *p) {
  const ht_shape *s = &c->in[0]->shape;
  bool keep = ht_attr_bool(c->attrs, "keep_dims");
  int64_t stride = 1;
  for (int d = s->rank - 1; d >= 0; d--) {
    p->stride[d] = stride;
    stride *= s->dim[d];
  }
  for (int d = 0; d < s->rank; d++) {
    if (!p->reduced[d]) p->out.dim[p->out.rank++] = s->dim[d];
    if (p->reduced[d] && keep) p->out.dim[p->out.rank++] = 1;
  }
}

/* Offset in the input of output i, for element j of its reduction: the axis
 * given first is joined first, so it moves fastest. */
static int64_t reduce_offset(const reduce_plan *p, const ht_shape *s, int64_t i,
                             int64_t j) {
  int64_t offset = 0;
  for (int d = s->rank - 1; d >= 0; d--)
    if (!p->reduced[d]) {
      offset += i % s->dim[d] * p->stride[d];
      i /= s->dim[d];
    }
  for (int a = 0; a < p->n_axes; a++) {
    int d = p->axis[a];
    offset += j % s->dim[d] * p->stride[d];
    j /= s->dim[d];
  }
  return offset;
}

static ht_status reduce_join(ht_call *c) {
  reduce_plan p;
  const ht_shape *s = &c->in[0]->shape;
  ht_string separator = ht_attr_string(c->attrs, "separator");
  ht_text text = {0};
  HT_TRY(reduce_axes(c, &p));
  reduce_shape(c, &p);
  HT_TRY(ht_out(c, 0, HT_STRING, &p.out));
  int64_t m = 1;
  for (int a = 0; a < p.n_axes; a++) m *= s->dim[p.axis[a]];
  ht_status st = HT_SUCCESS;
  for (int64_t i = 0; i < ht_shape_count(&p.out) && st.code == HT_OK; i++) {
    ht_text_reset(&text);
    for (int64_t j = 0; j < m; j++) {
      ht_string x = ht_str(c->in[0])[reduce_offset(&p, s, i, j)];
      if (j) ht_text_bytes(&text, separator.p, separator.n);
      ht_text_bytes(&text, x.p, x.n);
    }
    st = ht_text_check(&text);
    if (st.code == HT_OK)
      st = ht_string_set(&c->out[0], i, text.p ? text.p : "", text.n);
  }
  ht_text_free(&text);
  return st;
}

/* ---- substrings */

static bool continues(char c) { return (c & 0xC0) == 0x80; }

static ht_status unit(const ht_call *c, bool *chars) {
  *chars = ht_attr_is(c->attrs, "unit", "UTF8_CHAR");
  if (*chars || ht_attr_is(c->attrs, "unit", "BYTE")) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "op '%s': unit is not BYTE or UTF8_CHAR",
                 c->op->name);
}

static int64_t characters(ht_string s) {
  int64_t n = 0;
  for (size_t i = 0; i < s.n; i++) n += !continues(s.p[i]);
  return n;
}

/* The bytes before character k of s. */
static size_t byte_of(ht_string s, int64_t k) {
  size_t i = 0;
  for (; i < s.n; i++)
    if (!continues(s.p[i]) && k-- == 0) break;
  return i;
}

static ht_status substr_one(ht_string s, int64_t pos, int64_t len, bool chars,
                            ht_string *out) {
  int64_t n = chars ? characters(s) : (int64_t)s.n;
  if (pos < -n || pos > n)
    return ht_fail(HT_USAGE, "position %lld is outside a string of %lld",
                   (long long)pos, (long long)n);
  if (len < 0)
    return ht_fail(HT_USAGE, "a substring of length %lld", (long long)len);
  if (pos < 0) pos += n;
  int64_t end = len > n - pos ? n : pos + len;
  size_t from = chars ? byte_of(s, pos) : (size_t)pos;
  size_t to = chars ? byte_of(s, end) : (size_t)end;
  *out = (ht_string){s.p + from, to - from};
  return HT_SUCCESS;
}

/* The flat index in a tensor of shape `from`, broadcast to `to`. */
static int64_t broadcast_index(const ht_shape *to, const ht_shape *from,
                               int64_t i) {
  int64_t index = 0, stride = 1;
  for (int d = to->rank - 1, e = from->rank - 1; e >= 0; d--, e--) {
    int64_t at = i % to->dim[d];
    i /= to->dim[d];
    if (from->dim[e] != 1) index += at * stride;
    stride *= from->dim[e];
  }
  return index;
}

static ht_status substr(ht_call *c) {
  bool chars;
  ht_shape shape;
  HT_TRY(ht_need_dtype(c, 0, HT_STRING));
  HT_TRY(ht_need_same_shape(c, 1, 2));
  HT_TRY(unit(c, &chars));
  HT_TRY(ht_shape_broadcast(&c->in[0]->shape, &c->in[1]->shape, &shape));
  HT_TRY(ht_out(c, 0, HT_STRING, &shape));
  HT_TRY(ht_string_keep(&c->out[0], c->in[0]));
  for (int64_t i = 0; i < ht_shape_count(&shape); i++) {
    int64_t k = broadcast_index(&shape, &c->in[0]->shape, i);
    int64_t j = broadcast_index(&shape, &c->in[1]->shape, i);
    HT_TRY(substr_one(ht_str(c->in[0])[k], ht_int_at(c->in[1], j),
                      ht_int_at(c->in[2], j), chars, &ht_str(&c->out[0])[i]));
  }
  return HT_SUCCESS;
}

static ht_status length(ht_call *c) {
  bool chars;
  HT_TRY(ht_need_dtype(c, 0, HT_STRING));
  HT_TRY(unit(c, &chars));
  HT_TRY(ht_out(c, 0, HT_INT32, &c->in[0]->shape));
  for (int64_t i = 0; i < ht_count(c->in[0]); i++) {
    ht_string s = ht_str(c->in[0])[i];
    ht_i32(&c->out[0])[i] = (int32_t)(chars ? characters(s) : (int64_t)s.n);
  }
  return HT_SUCCESS;
}

const ht_op ht_ops_string[] = {
    {
        .name = "ReduceJoin",
        .inputs = "inputs:string reduction_indices:int32",
        .outputs = "output:string",
        .attrs = "keep_dims:bool=false separator:string=''",
        .doc = "Joins strings along axes, in the order the axes are given.",
        .samples = "s[2,2]{'a','b','c','d'} i[]{0};"
                   "s[2,2]{'a','b','c','d'} i[1]{-1} separator='.';"
                   "s[2,2]{'a','b','c','d'} i[2]{0,1};"
                   "s[2,2]{'a','b','c','d'} i[2]{1,0} keep_dims=true;"
                   "s[2,2]{'a','b','c','d'} i[0];"
                   "s[2,0] i[1]{1}; s[2,3,2] i[1]{1}",
        .forward = reduce_join,
        .gradient = ht_no_gradient,
    },
    {
        .name = "StringJoin",
        .inputs = "inputs:N*string",
        .outputs = "output:string",
        .attrs = "N:int separator:string=''",
        .doc = "Joins the strings at the same place; scalars go everywhere.",
        .samples = "(s[2]{'a','b'} s[2]{'c','d'}) separator=' ';"
                   "(s[2]{'a','b'} s[]{'-'} s[2]{'','x'});"
                   "(s[]{'one'}); (s[0] s[0])",
        .forward = join,
        .gradient = ht_no_gradient,
    },
    {
        .name = "StringLength",
        .inputs = "input:string",
        .outputs = "output:int32",
        .attrs = "unit:string='BYTE'",
        .doc = "The length of each string in bytes or characters.",
        .samples = "s[3]{'','abc','\\xc3\\xa9'};"
                   "s[3]{'','abc','\\xc3\\xa9\\xe2\\x82\\xac'} "
                   "unit='UTF8_CHAR'; s[2,0]",
        .forward = length,
        .gradient = ht_no_gradient,
        .flags = HT_OP_ROWS,
    },
    {
        .name = "StringLower",
        .inputs = "input:string",
        .outputs = "output:string",
        .attrs = "encoding:string=''",
        .doc = "Lower case, of ASCII letters or of all of Unicode.",
        .samples =
            "s[3]{'AbC','','\\xc3\\x89X'};"
            "s[4]{'AbC','\\xc3\\x89X','\\xce\\x9f\\xce\\xa3 A','\\xc4\\xb0'} "
            "encoding='utf-8'",
        .forward = lower,
        .gradient = ht_no_gradient,
        .flags = HT_OP_ROWS,
    },
    {
        .name = "StringStrip",
        .inputs = "input:string",
        .outputs = "output:string",
        .attrs = "",
        .doc = "Removes ASCII white space at both ends.",
        .samples = "s[4]{'  a b\\n','',' \\t ','\\x0bx\\x0c\\xc2\\xa0'}",
        .forward = strip,
        .gradient = ht_no_gradient,
        .flags = HT_OP_ROWS,
    },
    {
        .name = "StringUpper",
        .inputs = "input:string",
        .outputs = "output:string",
        .attrs = "encoding:string=''",
        .doc = "Upper case, of ASCII letters or of all of Unicode.",
        .samples = "s[3]{'AbC','','\\xc3\\xa9x'};"
                   "s[4]{'AbC','\\xc3\\xa9x','stra\\xc3\\x9fe',"
                   "'\\xef\\xac\\x81'} encoding='utf-8'",
        .forward = upper,
        .gradient = ht_no_gradient,
        .flags = HT_OP_ROWS,
    },
    {
        .name = "Substr",
        .inputs = "input:string pos:T len:T",
        .outputs = "output:string",
        .attrs = "T:type unit:string='BYTE'",
        .doc = "The bytes or characters from a place on; negative: from the "
               "end.",
        .samples = "s[2]{'hello','you'} i[]{1} i[]{3};"
                   "s[2]{'hello','you'} l[2]{-3,0} l[2]{2,9};"
                   "s[]{'a\\xc3\\xa9\\xe2\\x82\\xacz'} i[]{1} i[]{2} "
                   "unit='UTF8_CHAR';"
                   "s[]{'abc'} i[3]{0,1,-1} i[3]{1,1,1};"
                   "s[2,2]{'abc','def','ghi','jkl'} i[2]{0,1} i[2]{2,1};"
                   "s[2]{'\\xc3\\xa9ab','xyz'} i[]{-2} i[]{1} unit='UTF8_CHAR'",
        .forward = substr,
        .gradient = ht_no_gradient,
    },
    {0},
};
