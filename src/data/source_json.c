/*
 * source_json.c - .jsonl: an object a line, its fields the columns: texts,
 * numbers, true and false (as 1 and 0), arrays of texts (sets of labels) and
 * arrays of numbers, nested or not. The columns are those asked for, else
 * the fields of the first line.
 */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "data/source.h"

typedef enum { EMPTY, TEXT, NUMBER, TEXTS, NUMBERS } kind;

typedef struct {
  const char *name;
  kind kind;
  ht_cells text;  /* texts */
  ht_text number; /* doubles, bytewise */
  ht_text whole;  /* int64, bytewise: the same numbers */
  ht_text length; /* int64 a line: elements, of TEXTS and NUMBERS */
  bool fraction;  /* some number is no integer */
  ht_shape shape; /* of the first value of NUMBERS */
  bool ragged;    /* others have another shape */
} column;

/* How much a column held before a line, to forget what a bad one gave. */
typedef struct {
  kind kind;
  int64_t text;
  size_t number, whole, length;
  bool fraction, ragged;
} mark;

typedef struct {
  ht_reading *r;
  column *column;
  mark *mark;
  int n;
  int64_t rows;
  long line;
} objects;

static ht_status bad(const objects *o, const char *field, const char *what) {
  return ht_fail(HT_CORRUPT, "'%s', line %ld: field '%s' %s", o->r->path,
                 o->line, field, what);
}

static ht_status add_text(objects *o, column *c, json_object *v) {
  size_t n = (size_t)json_object_get_string_len(v);
  char *own = ht_string_room(&o->r->blob, n);
  if (!own) return ht_fail(HT_NO_MEMORY, "no memory for a text");
  memcpy(own, json_object_get_string(v), n);
  return ht_cells_add(&c->text, own, n);
}

static ht_status add_number(objects *o, column *c, json_object *v) {
  json_type type = json_object_get_type(v);
  bool integer = type == json_type_int || type == json_type_boolean;
  if (!integer && type != json_type_double)
    return bad(o, c->name, "mixes numbers with other values");
  double real = json_object_get_double(v);
  int64_t whole = integer ? json_object_get_int64(v) : 0;
  ht_text_bytes(&c->number, &real, sizeof real);
  ht_text_bytes(&c->whole, &whole, sizeof whole);
  c->fraction |= !integer;
  return ht_text_check(&c->number);
}

static ht_status add_texts(objects *o, column *c, json_object *v) {
  size_t n = json_object_array_length(v);
  for (size_t i = 0; i < n; i++) {
    json_object *item = json_object_array_get_idx(v, i);
    if (json_object_get_type(item) != json_type_string)
      return bad(o, c->name, "mixes texts with other values");
    HT_TRY(add_text(o, c, item));
  }
  return HT_SUCCESS;
}

/* Numbers of nested arrays; `shape` gets what the first at each depth say. */
static ht_status add_numbers(objects *o, column *c, json_object *v, int depth,
                             ht_shape *shape) {
  if (json_object_get_type(v) != json_type_array) {
    if (depth != shape->rank) return bad(o, c->name, "is nested unevenly");
    return add_number(o, c, v);
  }
  size_t n = json_object_array_length(v);
  if (depth == HT_MAX_RANK - 1) return bad(o, c->name, "is nested too deeply");
  if (depth == shape->rank) shape->dim[shape->rank++] = (int64_t)n;
  if (shape->dim[depth] != (int64_t)n)
    return bad(o, c->name, "is nested unevenly");
  for (size_t i = 0; i < n; i++)
    HT_TRY(
        add_numbers(o, c, json_object_array_get_idx(v, i), depth + 1, shape));
  return HT_SUCCESS;
}

/* The rank is fixed by the first path down. */
static int depth_of(json_object *v) {
  int depth = 0;
  while (depth < HT_MAX_RANK && json_object_get_type(v) == json_type_array) {
    depth++;
    v = json_object_array_length(v) ? json_object_array_get_idx(v, 0) : NULL;
  }
  return depth;
}

static ht_status add_array(objects *o, column *c, json_object *v) {
  ht_shape shape = {0};
  if (c->kind == TEXTS) {
    shape = ht_shape_1((int64_t)json_object_array_length(v));
    HT_TRY(add_texts(o, c, v));
  } else {
    HT_TRY(add_numbers(o, c, v, 0, &shape));
  }
  if (!c->length.n) c->shape = shape;
  c->ragged |= !ht_shape_equal(&shape, &c->shape);
  if (c->ragged && (shape.rank > 1 || c->shape.rank > 1))
    return bad(o, c->name, "has another shape than before");
  int64_t length = ht_shape_count(&shape);
  ht_text_bytes(&c->length, &length, sizeof length);
  return ht_text_check(&c->length);
}

static kind kind_of(json_object *v) {
  switch (json_object_get_type(v)) {
    case json_type_string: return TEXT;
    case json_type_int:
    case json_type_double:
    case json_type_boolean: return NUMBER;
    case json_type_array: break;
    default: return EMPTY;
  }
  size_t n = json_object_array_length(v);
  json_object *first = n ? json_object_array_get_idx(v, 0) : NULL;
  if (!n) return EMPTY;
  return json_object_get_type(first) == json_type_string ? TEXTS : NUMBERS;
}

/* An empty array fits either kind; before any other it is a set of texts. */
static ht_status add_value(objects *o, column *c, json_object *v) {
  kind k = kind_of(v);
  if (k == EMPTY && json_object_get_type(v) != json_type_array)
    return bad(o, c->name, v ? "is an object" : "is null");
  if (k == EMPTY) k = c->kind == NUMBERS ? NUMBERS : TEXTS;
  if (c->kind == EMPTY) c->kind = k;
  if (k == NUMBERS && c->kind == TEXTS && !c->text.n) c->kind = NUMBERS;
  if (c->kind != k) return bad(o, c->name, "is of another type than before");
  if (k == TEXT) return add_text(o, c, v);
  if (k == NUMBER) return add_number(o, c, v);
  if (k == NUMBERS && depth_of(v) >= HT_MAX_RANK)
    return bad(o, c->name, "is nested too deeply");
  return add_array(o, c, v);
}

/* ---- lines */

static ht_status name_columns(objects *o, json_object *first) {
  const ht_read_options *options = o->r->options;
  ht_arena *arena = &o->r->out->arena;
  int n =
      options->wanted ? options->n_wanted : json_object_object_length(first);
  HT_NEW(o->column, arena, n + 1);
  HT_NEW(o->mark, arena, n + 1);
  if (options->wanted) {
    for (int i = 0; i < n; i++) o->column[i].name = options->wanted[i];
  } else {
    int i = 0;
    json_object_object_foreach(first, key, value) {
      (void)value;
      o->column[i++].name = ht_arena_string(arena, key);
    }
  }
  o->n = n;
  for (int i = 0; i < n; i++)
    if (!o->column[i].name) return ht_fail(HT_NO_MEMORY, "no memory for names");
  return HT_SUCCESS;
}

static ht_status add_object(objects *o, json_object *object) {
  if (json_object_get_type(object) != json_type_object)
    return ht_fail(HT_CORRUPT, "'%s', line %ld: no object", o->r->path,
                   o->line);
  if (!o->rows) HT_TRY(name_columns(o, object));
  for (int i = 0; i < o->n; i++) {
    json_object *value;
    if (!json_object_object_get_ex(object, o->column[i].name, &value))
      return bad(o, o->column[i].name, "is missing");
    HT_TRY(add_value(o, &o->column[i], value));
  }
  o->rows++;
  return HT_SUCCESS;
}

static void free_column(column *c) {
  ht_cells_free(&c->text);
  ht_text_free(&c->number);
  ht_text_free(&c->whole);
  ht_text_free(&c->length);
}

static void set_marks(objects *o) {
  for (int i = 0; i < o->n; i++) {
    const column *c = &o->column[i];
    o->mark[i] = (mark){c->kind,    c->text.n,   c->number.n, c->whole.n,
                        c->length.n, c->fraction, c->ragged};
  }
}

/* The first object names the columns: a bad one does not. */
static void forget_line(objects *o) {
  for (int i = 0; i < o->n; i++) {
    column *c = &o->column[i];
    const mark *m = &o->mark[i];
    if (!o->rows) free_column(c);
    c->kind = m->kind;
    c->text.n = m->text;
    c->number.n = m->number;
    c->whole.n = m->whole;
    c->length.n = m->length;
    c->fraction = m->fraction;
    c->ragged = m->ragged;
  }
  if (!o->rows) o->n = 0;
}

static ht_status read_line(objects *o, json_tokener *parser, const char *line,
                           size_t n) {
  if (n > INT32_MAX)
    return ht_fail(HT_UNSUPPORTED, "'%s', line %ld: too long", o->r->path,
                   o->line);
  json_tokener_reset(parser);
  json_object *object = json_tokener_parse_ex(parser, line, (int)n + 1);
  enum json_tokener_error error = json_tokener_get_error(parser);
  size_t used = json_tokener_get_parse_end(parser);
  ht_status st;
  if (used > n) /* an open comment is taken for an end by json-c 0.16 */
    error = json_tokener_error_parse_eof;
  if (error != json_tokener_success)
    st = ht_fail(HT_CORRUPT, "'%s', line %ld: %s", o->r->path, o->line,
                 json_tokener_error_desc(error));
  else if (used < n && strspn(line + used, " \t") + used < n)
    st = ht_fail(HT_CORRUPT, "'%s', line %ld: text after the object",
                 o->r->path, o->line);
  else
    st = add_object(o, object);
  json_object_put(object);
  return st;
}

static ht_status read_lines(objects *o) {
  char *line, *p = o->r->text;
  size_t line_n, n = o->r->n;
  json_tokener *parser = json_tokener_new();
  if (!parser) return ht_fail(HT_NO_MEMORY, "no memory to read JSON");
  ht_status st = HT_SUCCESS;
  while (st.code == HT_OK && !ht_reading_full(o->r, o->rows) &&
         ht_line_next(&p, &n, &line, &line_n)) {
    o->line++;
    if (strspn(line, " \t") == line_n) continue;
    set_marks(o);
    st = read_line(o, parser, line, line_n);
    if (st.code == HT_OK) {
      st = ht_reading_line(o->r, o->rows - 1, o->line);
    } else if (st.code == HT_CORRUPT) {
      forget_line(o);
      st = ht_reading_bad(o->r, st);
    }
  }
  json_tokener_free(parser);
  return st;
}

/* ---- columns */

static ht_status add_number_column(objects *o, column *c,
                                   const int64_t *splits) {
  int64_t n = (int64_t)(c->number.n / sizeof(double));
  ht_shape shape = ht_shape_1(splits || c->kind == NUMBER ? n : o->rows);
  for (int d = 0; c->kind == NUMBERS && !splits && d < c->shape.rank; d++)
    shape.dim[shape.rank++] = c->shape.dim[d];
  ht_tensor t;
  HT_TRY(ht_tensor_new(NULL, c->fraction ? HT_FLOAT : HT_INT64, &shape, &t));
  for (int64_t i = 0; i < n; i++) {
    double real;
    memcpy(&real, c->number.p + (size_t)i * sizeof real, sizeof real);
    if (c->fraction)
      ht_f(&t)[i] = (float)real;
    else
      memcpy(&ht_i64(&t)[i], c->whole.p + (size_t)i * 8, 8);
  }
  return ht_reading_add(o->r, c->name, &t, splits);
}

static ht_status add_column(objects *o, column *c) {
  int64_t *splits = NULL;
  HT_TRY(ht_text_check(&c->whole));
  if (c->kind == TEXTS || (c->kind == NUMBERS && c->ragged))
    HT_TRY(ht_splits_make(&o->r->out->arena, (const int64_t *)c->length.p,
                          o->rows, &splits));
  if (c->kind == TEXT || c->kind == TEXTS)
    return ht_cells_strings(o->r, c->name, &c->text, 0, splits);
  return add_number_column(o, c, splits);
}

ht_status ht_read_jsonl(ht_reading *r) {
  objects o = {.r = r};
  ht_status st = read_lines(&o);
  r->out->n = o.rows;
  for (int i = 0; i < o.n; i++) {
    column *c = &o.column[i];
    if (st.code == HT_OK && o.rows) st = add_column(&o, c);
    free_column(c);
  }
  return st;
}
