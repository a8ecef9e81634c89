/* op_record.c - whole records and texts: CSV lines, serialised tensors, files
 * of the module, strings made of tensors. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "ops/sparse.h"
#include "ops/strings.h"

/* ---- UnsortedSegmentJoin */

static ht_status segment_of(const ht_call *c, int64_t i, int64_t n,
                            int64_t *segment) {
  *segment = ht_int_at(c->in[1], i);
  if (*segment >= 0 && *segment < n) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "op '%s': segment %lld is not in 0 to %lld",
                 c->op->name, (long long)*segment, (long long)n - 1);
}

/* The bytes that each output takes at most, -1 where it gets none. */
static ht_status join_lengths(const ht_call *c, int64_t n, int64_t inner,
                              size_t separator, int64_t *bytes) {
  int64_t segment;
  for (int64_t i = 0; i < ht_count(c->in[0]); i++) {
    HT_TRY(segment_of(c, i / inner, n, &segment));
    int64_t *b = &bytes[segment * inner + i % inner];
    *b += (int64_t)ht_str(c->in[0])[i].n + (*b >= 0 ? (int64_t)separator : 1);
  }
  return HT_SUCCESS;
}

static ht_status join_rooms(ht_call *c, const int64_t *bytes) {
  for (int64_t k = 0; k < ht_count(&c->out[0]); k++) {
    if (bytes[k] < 0) continue;
    char *p = ht_string_room(&c->out[0], (size_t)bytes[k]);
    if (!p) return ht_fail(HT_NO_MEMORY, "no memory for strings");
    ht_str(&c->out[0])[k] = (ht_string){p, 0};
  }
  return HT_SUCCESS;
}

static void append(ht_string *s, const char *p, size_t n) {
  if (n) memcpy((char *)s->p + s->n, p, n);
  s->n += n;
}

static ht_status join_segments(ht_call *c, int64_t inner, int64_t *bytes) {
  ht_string separator = ht_attr_string(c->attrs, "separator");
  int64_t n = ht_int_at(c->in[2], 0), total = ht_count(&c->out[0]);
  for (int64_t k = 0; k < total; k++) bytes[k] = -1;
  HT_TRY(join_lengths(c, n, inner, separator.n, bytes));
  HT_TRY(join_rooms(c, bytes));
  for (int64_t i = 0; i < ht_count(c->in[0]); i++) {
    int64_t segment = ht_int_at(c->in[1], i / inner);
    int64_t k = segment * inner + i % inner;
    ht_string s = ht_str(c->in[0])[i];
    if (ht_str(&c->out[0])[k].n)
      append(&ht_str(&c->out[0])[k], separator.p, separator.n);
    append(&ht_str(&c->out[0])[k], s.p, s.n);
  }
  return HT_SUCCESS;
}

static ht_status segment_join(ht_call *c) {
  const ht_shape *s = &c->in[0]->shape, *ids = &c->in[1]->shape;
  HT_TRY(ht_need_dtype(c, 0, HT_STRING));
  HT_TRY(ht_need_scalar(c, 2));
  ht_shape out = ht_shape_1(ht_int_at(c->in[2], 0));
  int64_t inner = 1;
  bool fits = ids->rank <= s->rank && out.dim[0] >= 0;
  for (int d = 0; d < ids->rank && fits; d++) fits = ids->dim[d] == s->dim[d];
  for (int d = ids->rank; d < s->rank && fits && out.rank < HT_MAX_RANK; d++) {
    inner *= s->dim[d];
    out.dim[out.rank++] = s->dim[d];
  }
  if (!fits)
    return ht_fail(HT_USAGE, "op '%s': segments do not fit the strings",
                   c->op->name);
  HT_TRY(ht_out(c, 0, HT_STRING, &out));
  if (!ht_count(&c->out[0])) return HT_SUCCESS;
  int64_t *bytes = malloc((size_t)ht_count(&c->out[0]) * sizeof *bytes);
  if (!bytes) return ht_fail(HT_NO_MEMORY, "no memory for strings");
  ht_status st = join_segments(c, inner, bytes);
  free(bytes);
  return st;
}

/* ---- StringFormat: tensors as numpy prints them, in short */

static void print_float(ht_text *out, double v, bool twice) {
  char text[40];
  /* The shortest digits that read back as the same number. */
  for (int digits = 1; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, v);
    double back = strtod(text, NULL);
    if (twice ? back == v : (float)back == (float)v) break;
    if (isnan(v)) break;
  }
  ht_text_add(out, isnan(v) ? (signbit(v) ? "-nan" : "nan") : text);
}

/* Between quotes, with C's escapes. */
static void print_quoted(ht_text *out, ht_string s) {
  static const char plain[] = "\n\r\t\"\'\\", escape[] = "nrt\"'\\";
  ht_text_add(out, "\"");
  for (size_t i = 0; i < s.n; i++) {
    unsigned char ch = (unsigned char)s.p[i];
    const char *at = ch ? strchr(plain, ch) : NULL;
    if (at)
      ht_text_printf(out, "\\%c", escape[at - plain]);
    else if (ch < 32 || ch == 127)
      ht_text_printf(out, "\\%03o", ch);
    else
      ht_text_bytes(out, s.p + i, 1);
  }
  ht_text_add(out, "\"");
}

static void print_element(ht_text *out, const ht_tensor *t, int64_t i) {
  if (t->dtype == HT_STRING)
    print_quoted(out, ht_str(t)[i]);
  else if (t->dtype == HT_BOOL)
    ht_text_add(out, ht_int_at(t, i) ? "1" : "0");
  else if (ht_dtype_floating(t->dtype))
    print_float(out, ht_real_at(t, i), t->dtype == HT_DOUBLE);
  else
    ht_text_printf(out, "%" PRId64, ht_int_at(t, i));
}

/* The elements of dimension d from number `at` on, at most `most` on either
 * side (-1: all); after the first, rows stand on lines of their own. */
static void print_axis(ht_text *out, const ht_tensor *t, int d, int64_t at,
                       int64_t most) {
  if (d == t->shape.rank) {
    print_element(out, t, at);
    return;
  }
  int64_t n = t->shape.dim[d], stride = 1, lines = t->shape.rank - d - 1;
  for (int k = d + 1; k < t->shape.rank; k++) stride *= t->shape.dim[k];
  ht_text_add(out, "[");
  for (int64_t i = 0; i < n; i++) {
    if (most >= 0 && most < n - most && i >= most && i < n - most) {
      if (!i || i == most) {
        for (int64_t k = 0; i && k < lines; k++) ht_text_add(out, "\n");
        for (int k = 0; i && lines && k <= d; k++) ht_text_add(out, " ");
        ht_text_add(out, i && !lines ? " ..." : "...");
      }
      continue;
    }
    for (int64_t k = 0; i && k < lines; k++) ht_text_add(out, "\n");
    for (int k = 0; i && (lines ? k <= d : k < 1); k++) ht_text_add(out, " ");
    print_axis(out, t, d + 1, at + i * stride, most);
  }
  ht_text_add(out, "]");
}

static ht_status fill_template(ht_call *c, ht_text *out) {
  ht_string t = ht_attr_string(c->attrs, "template");
  ht_string mark = ht_attr_string(c->attrs, "placeholder");
  int64_t most = ht_attr_int(c->attrs, "summarize");
  int k = 0;
  for (size_t i = 0; i < t.n;) {
    if (mark.n && i + mark.n <= t.n && !memcmp(t.p + i, mark.p, mark.n)) {
      if (k == c->n_in) break;
      print_axis(out, c->in[k++], 0, 0, most);
      i += mark.n;
    } else {
      ht_text_bytes(out, t.p + i++, 1);
    }
  }
  if (k != c->n_in)
    return ht_fail(HT_USAGE, "op '%s': %d tensors for %d places", c->op->name,
                   c->n_in, k);
  return ht_text_check(out);
}

static ht_status string_format(ht_call *c) {
  ht_text text = {0};
  for (int i = 0; i < c->n_in; i++) {
    ht_dtype t = c->in[i]->dtype;
    if (t == HT_COMPLEX64 || t == HT_COMPLEX128 || t == HT_UINT64 ||
        (t != HT_STRING && ht_dtype_pointers(t)))
      return ht_no_dtype(c, t);
  }
  ht_status st = fill_template(c, &text);
  if (st.code == HT_OK) st = ht_out(c, 0, HT_STRING, &HT_SCALAR);
  if (st.code == HT_OK)
    st = ht_string_set(&c->out[0], 0, text.p ? text.p : "", text.n);
  ht_text_free(&text);
  return st;
}

/* ---- DecodeCSV (RFC 4180) */

typedef struct csv {
  char delimiter;
  bool quotes;
  ht_string missing;
  const ht_attr *columns; /* wanted ones; none: all */
  ht_text field;
} csv;

/* The next field of a line into `field`; false at the line's end. */
static ht_status csv_field(csv *v, ht_string *line, bool *more) {
  bool quoted = v->quotes && line->n && *line->p == '"';
  size_t i = 0;
  ht_text_reset(&v->field);
  if (quoted) {
    for (i = 1;; i++) {
      if (i >= line->n) return ht_fail(HT_USAGE, "a quoted field has no end");
      if (line->p[i] == '"' && !(i + 1 < line->n && line->p[i + 1] == '"'))
        break;
      if (line->p[i] == '"') i++;
      ht_text_bytes(&v->field, line->p + i, 1);
    }
    i++;
    if (i < line->n && line->p[i] != v->delimiter)
      return ht_fail(HT_USAGE, "a quote inside a field");
  } else {
    while (i < line->n && line->p[i] != v->delimiter) {
      char ch = line->p[i++];
      if (v->quotes && (ch == '"' || ch == '\n' || ch == '\r'))
        return ht_fail(HT_USAGE, "an unquoted field has a quote or line break");
      ht_text_bytes(&v->field, &ch, 1);
    }
  }
  *more = i < line->n;
  if (*more) i++;
  *line = (ht_string){line->p + i, line->n - i};
  return ht_text_check(&v->field);
}

static ht_status csv_number(ht_text *field, ht_tensor *out, int64_t row) {
  char *end;
  const char *p = field->p ? field->p : "";
  errno = 0;
  if (out->dtype == HT_FLOAT)
    ht_f(out)[row] = strtof(p, &end);
  else if (out->dtype == HT_DOUBLE)
    HT_DATA(double, out)[row] = strtod(p, &end);
  else {
    long long v = strtoll(p, &end, 10);
    if (errno || (out->dtype == HT_INT32 && v != (int32_t)v)) end = field->p;
    ht_set_int(out, row, v);
  }
  while (*end == ' ' || (*end >= '\t' && *end <= '\r')) end++;
  if (*end || end == p || strlen(p) != field->n)
    return ht_fail(HT_USAGE, "'%.40s' is no %s", p, ht_dtype_name(out->dtype));
  return HT_SUCCESS;
}

static ht_status csv_put(ht_call *c, csv *v, int k, int64_t row) {
  ht_tensor *out = &c->out[k];
  const ht_tensor *standard = c->in[1 + k];
  const char *p = v->field.p ? v->field.p : "";
  bool missing = !v->field.n || (v->field.n == v->missing.n &&
                                 !memcmp(p, v->missing.p, v->missing.n));
  if (missing && !ht_count(standard))
    return ht_fail(HT_USAGE, "field %d is required and missing", k);
  if (missing) return ht_copy_element(out, row, standard, 0), HT_SUCCESS;
  if (out->dtype == HT_STRING) return ht_string_set(out, row, p, v->field.n);
  return csv_number(&v->field, out, row);
}

static ht_status csv_line(ht_call *c, csv *v, ht_string line, int64_t row) {
  int wanted = v->columns ? v->columns->n : 0, k = 0, at = 0;
  for (bool more = line.n > 0; more; at++) {
    HT_TRY(csv_field(v, &line, &more));
    if (wanted && (k == wanted || v->columns->value[k].i != at)) continue;
    if (k == c->n_out) return ht_fail(HT_USAGE, "more than %d fields", k);
    HT_TRY(csv_put(c, v, k++, row));
  }
  if (k == c->n_out) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "%d fields instead of %d", k, c->n_out);
}

static ht_status csv_begin(ht_call *c, csv *v) {
  ht_string d = ht_attr_string(c->attrs, "field_delim");
  HT_TRY(ht_need_dtype(c, 0, HT_STRING));
  if (d.n != 1)
    return ht_fail(HT_USAGE, "op '%s' wants a delimiter of one character",
                   c->op->name);
  v->delimiter = *d.p;
  v->quotes = ht_attr_bool(c->attrs, "use_quote_delim");
  v->missing = ht_attr_string(c->attrs, "na_value");
  v->columns = ht_attr_find(c->attrs, "select_cols");
  for (int k = 0; k < c->n_out; k++) {
    ht_dtype t = c->in[1 + k]->dtype;
    if (t != HT_FLOAT && t != HT_DOUBLE && t != HT_INT32 && t != HT_INT64 &&
        t != HT_STRING)
      return ht_no_dtype(c, t);
    if (ht_count(c->in[1 + k]) > 1)
      return ht_fail(HT_USAGE, "op '%s': a default has several values",
                     c->op->name);
    HT_TRY(ht_out(c, k, t, &c->in[0]->shape));
    if (t == HT_STRING) HT_TRY(ht_string_keep(&c->out[k], c->in[1 + k]));
  }
  return HT_SUCCESS;
}

static ht_status decode_csv(ht_call *c) {
  csv v = {0};
  HT_TRY(csv_begin(c, &v));
  ht_status st = HT_SUCCESS;
  for (int64_t r = 0; r < ht_count(c->in[0]) && st.code == HT_OK; r++)
    st = ht_within(csv_line(c, &v, ht_str(c->in[0])[r], r),
                   "op '%s': record %lld", c->op->name, (long long)r);
  ht_text_free(&v.field);
  return st;
}

/* ---- ReadFile: of the module's folder alone */

static ht_status inside(const ht_call *c, const char *path) {
  char *real = realpath(path, NULL), *folder = NULL;
  if (c->run->folder) folder = realpath(c->run->folder, NULL);
  size_t n = folder ? strlen(folder) : 0;
  bool good = real && folder && !strncmp(real, folder, n) && real[n] == '/';
  free(real);
  free(folder);
  return good ? HT_SUCCESS
              : ht_fail(HT_USAGE, "op '%s': '%s' is no file of the module",
                        c->op->name, path);
}

static ht_status read_into(ht_call *c, ht_arena *arena) {
  ht_string s = ht_str(c->in[0])[0];
  char *data;
  size_t n;
  const char *path = ht_arena_bytes(arena, s.p ? s.p : "", s.n);
  if (!path) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  if (c->run->folder) path = ht_path_join(arena, c->run->folder, path);
  if (!path) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  HT_TRY(inside(c, path));
  HT_TRY(ht_file_read(path, (size_t)1 << 30, arena, &data, &n));
  HT_TRY(ht_out(c, 0, HT_STRING, &HT_SCALAR));
  return ht_string_set(&c->out[0], 0, data, n);
}

static ht_status read_file(ht_call *c) {
  ht_arena arena = {0};
  HT_TRY(ht_need_dtype(c, 0, HT_STRING));
  HT_TRY(ht_need_scalar(c, 0));
  ht_status st = read_into(c, &arena);
  ht_arena_free(&arena);
  return st;
}

#define JOINED "s[5]{'a','b','c','d','e'} i[5]{1,0,1,2,1} i[]{4} "

const ht_op ht_ops_record[] = {
    {.name = "DecodeCSV",
     .inputs = "records:string record_defaults:list:OUT_TYPE",
     .outputs = "output:list:OUT_TYPE",
     .attrs = "OUT_TYPE:list(type) field_delim:string=',' "
              "use_quote_delim:bool=true na_value:string='' "
              "select_cols:list(int)=[]",
     .doc = "Lines of comma-separated values to columns.",
     .samples =
         "s[3]{'1,2.5,x','-7,,\"a \"\"b\"\", c\"','3,1e3,'} "
         "(i[1]{9} f[1]{-1} s[1]{'none'});"
         "s[2]{'1;NA;3',' 4 ;5;6'} (l[1]{7} d[1]{0.5}) field_delim=';' "
         "na_value='NA' select_cols=[0,1];"
         "s[1,2]{'\"a,b','c\"d,e'} (s[0] s[1]{''}) use_quote_delim=false;"
         "s[]{'5,6'} (i[0] i[]{1}); s[0] (i[0])",
     .forward = decode_csv,
     .gradient = ht_no_gradient,
     .flags = HT_OP_ROWS},
    {.name = "ReadFile",
     .inputs = "filename:string",
     .outputs = "contents:string",
     .attrs = "",
     .doc = "A file of the module's folder, whole.",
     .samples = "@files_are_read_inside_the_module_alone",
     .forward = read_file,
     .gradient = ht_no_gradient},
    {.name = "StringFormat",
     .inputs = "inputs:list:T",
     .outputs = "output:string",
     .attrs = "T:list(type) template:string='%s' placeholder:string='%s' "
              "summarize:int=3",
     .doc = "A text with tensors in it.",
     .samples =
         "(i[3]{1,2,3}) template='a %s b'; (i[8](0,99)) template='%s';"
         "(f[]{0.1} s[]{'x'}) template='{} and {}' placeholder='{}';"
         "(f[2,2]{1,2.5,1e10,-0.001}); (l[7,7](0,9)) summarize=2;"
         "(s[3]{'a','b\"c','\\xc3\\xa9\\n\\'\\x01'}); (s[]{'x\\x7f'}); "
         "(b[2]{1,0}); (i[0]);"
         "(d[3]{0.1,1e300,nan}) summarize=-1; (i[2,2,2]{1,2,3,4,5,6,7,8})",
     .forward = string_format,
     .gradient = ht_no_gradient},
    {.name = "UnsortedSegmentJoin",
     .inputs = "inputs:string segment_ids:Tindices num_segments:Tnumsegments",
     .outputs = "output:string",
     .attrs = "separator:string='' Tindices:type Tnumsegments:type=int32",
     .doc = "Strings joined by segment, in order.",
     .samples = JOINED ";" JOINED "separator=', ';"
                       "s[3,2]{'a','b','c','d','e','f'} l[3]{0,1,0} i[]{2} "
                       "separator=':';"
                       "s[2,2]{'a','b','c','d'} i[2,2]{0,1,1,0} i[]{2};"
                       "s[0] i[0] i[]{2}; s[2]{'','x'} i[2]{0,0} l[]{1} "
                       "separator='-'",
     .forward = segment_join,
     .gradient = ht_no_gradient},
    {0},
};
